package slack

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tangobot/tangobot/internal/treasury"
)

// This file is the one place where states, reasons and errors become sentences: what happened, whether money moved,
// what to do next, and a reference to quote. No text of an error is ever shown.

// reasonWords says why a request ended without moving money; empty for none.
func reasonWords(r treasury.Request) string {
	switch r.Reason {
	case treasury.ReasonNone:
		return ""
	case treasury.ReasonTakenBack:
		return "The requester took it back before it was approved."
	case treasury.ReasonStopped:
		return "It was stopped before anything was sent."
	case treasury.ReasonAuthority:
		return "Somebody who asked or approved may no longer do so, so the approvals do not count any more. Ask again."
	case treasury.ReasonRule:
		return "The policy was changed after the approval and now asks for more. Ask again."
	case treasury.ReasonTooLate:
		return "It could not be sent in time after the approval. Ask again if it is still wanted."
	case treasury.ReasonLimit:
		return "It would pass a limit of the policy. Ask again when earlier requests have left the limit's window, or for less."
	case treasury.ReasonInsufficient:
		return "The source account did not hold enough money when it was due to be sent. Fund it, then ask again."
	case treasury.ReasonInactive:
		return "One of the accounts is not active at Tango. Clear that with Tango, then ask again."
	case treasury.ReasonCurrency:
		return "The accounts' currencies are not the ones that were approved. Ask again."
	case treasury.ReasonUnknown:
		return "Tango does not know one of the accounts any more."
	case treasury.ReasonRefused:
		return refusalWords(r.Answer)
	case treasury.ReasonFound:
		return foundWords(r.Inquiry)
	case treasury.ReasonCardGone:
		return "The card is not registered on this account any more. Register it again, or choose another one."
	case treasury.ReasonCardExpired:
		return "The card has expired. Choose another one."
	case treasury.ReasonCardNotActive:
		return "Tango has not activated the card yet. " + code("/tango cards") + " shows from when it can be used."
	case treasury.ReasonCardsFull:
		return fmt.Sprintf("The account has %d cards, and Tango allows no more. Remove one, then ask again.", treasury.MaxCards)
	case treasury.ReasonTaken:
		return "This id exists at Tango by now. Choose another one."
	case treasury.ReasonChanged:
		return "The account was changed by somebody else after this was asked for, so the approvals were for something else. Look at it and ask again."
	case treasury.ReasonCustomer:
		return "Tango does not know the customer, or the account is not under it."
	case treasury.ReasonAttempts:
		if r.Action.Kind == treasury.ActionRegisterCard {
			return "The card was refused too often. Ask again when you have the right details."
		}
		return "Tango could not be reached in three tries, and nothing was sent in any of them. Ask again later."
	}
	return string(r.Reason)
}

// foundWords says how a doubt was closed.
func foundWords(i *treasury.Inquiry) string {
	switch {
	case i == nil:
		return "The doubt about it was closed."
	case i.Agreeing(treasury.FindingExecuted) >= 2, i.Agreeing(treasury.FindingNot) >= 2:
		return "Two people looked and agreed."
	case i.Evidence != nil:
		return "The evidence decided it."
	}
	return "Tango's answer proved it."
}

func refusalWords(a *treasury.Answer) string {
	if a == nil {
		return "Tango refused it."
	}
	text := "Tango refused it: " + tangoWords(a.Status, a.Key)
	if a.Request != "" {
		text += " Tango's support finds it under " + code(a.Request) + "."
	}
	return text
}

// doubtWords says what is known of a request in doubt.
func doubtWords(a *treasury.Answer) string {
	if a == nil {
		return "The outcome is not known."
	}
	switch a.Doubt {
	case treasury.DoubtNoAnswer:
		return "It was sent, but Tango's answer was lost on the way."
	case treasury.DoubtServer:
		return fmt.Sprintf("Tango answered with an error of its own (%d). Such a call may still have been carried out.", a.Status)
	case treasury.DoubtRedirect:
		return fmt.Sprintf("Tango's address sent us elsewhere (%d), and we did not follow.", a.Status)
	case treasury.DoubtUnreadable:
		return "Tango answered, but not in a form that can be trusted."
	case treasury.DoubtMismatch:
		if strings.HasSuffix(a.Mismatch, ".endingBalance") {
			return "Tango answered, but the balances in its answer do not differ by exactly the amount (" + code(a.Mismatch) + ")."
		}
		return "Tango answered, but with other figures than those that were approved (" + code(a.Mismatch) + ")."
	case treasury.DoubtDuplicate:
		return "Tango says that this request's reference was used before, so an earlier send may have been carried out."
	case treasury.DoubtStatus:
		return fmt.Sprintf("Tango gave an answer (%d) that does not say whether it was carried out.", a.Status)
	case treasury.DoubtResent:
		return "The call may have reached Tango more than once."
	case treasury.DoubtUnsettled:
		return "Tango has not decided about the deposit in a week."
	case treasury.DoubtLost:
		return "The process that sent it ended before it could record the answer."
	case treasury.DoubtNone:
	}
	return "The outcome is not known."
}

// entryWords tells one step of a request's history: who did what, and what came of it.
func entryWords(e treasury.Entry) string {
	who := "Tangobot"
	if e.By != "" {
		who = mention(e.By)
	}
	attempt := ""
	if e.Attempt != "" {
		attempt = " (try " + code(e.Attempt) + ")"
	}
	switch e.Event {
	case treasury.EventSubmit:
		if e.To == treasury.StateApproved {
			return who + " asked for it; no approval is needed"
		}
		return who + " asked for it"
	case treasury.EventVote:
		words := who + " denied it"
		if e.Approve {
			words = who + " approved it"
			if e.To == treasury.StateApproved {
				words += ", the last approval that was needed"
			}
		}
		if e.Comment != "" {
			words += ": " + escape(visible(e.Comment))
		}
		return words
	case treasury.EventCancel:
		return who + " ended it. " + reasonWords(treasury.Request{Reason: e.Reason})
	case treasury.EventExpire:
		return "The time for approvals ended"
	case treasury.EventClaim:
		return "The accounts were reserved" + attempt
	case treasury.EventRelease:
		return "The reservation was given up, and nothing was sent" + attempt
	case treasury.EventRefuse:
		return "A check before the send failed, and nothing was sent. " + reasonWords(treasury.Request{Reason: e.Reason})
	case treasury.EventSend:
		return "Handed to Tango" + attempt
	case treasury.EventAnswer:
		return answerWords(e)
	case treasury.EventLost:
		return doubtWords(e.Answer)
	case treasury.EventEvidence:
		if e.Evidence == nil {
			return "Evidence was gathered"
		}
		return "Evidence was gathered: " + gradeWords(e.Evidence.Says) + ". " + ruleWords(e.Evidence)
	case treasury.EventFinding:
		if e.Finding == nil {
			return who + " said what they found"
		}
		return who + " says: " + findingWords(e.Finding.Finding) + ". Seen: " + escape(visible(e.Finding.Seen))
	case treasury.EventResendVote:
		return who + " approved sending it again with the same reference"
	case treasury.EventResend:
		return "Handed to Tango again, with the same reference" + attempt
	case treasury.EventInvite:
		return "A one-time link to the card page was made"
	case treasury.EventOverdue:
		return "The deposit settles for longer than Tango says"
	case treasury.EventSettle:
		return "Tango was asked: " + answerWords(e)
	}
	return stateName(e.To)
}

func answerWords(e treasury.Entry) string {
	if e.Answer == nil {
		return stateName(e.To)
	}
	switch e.Answer.Verdict {
	case treasury.VerdictPending:
		return "Tango took the deposit" + depositID(e.Answer) + " and has not settled it yet"
	case treasury.VerdictDeclined:
		return "The deposit" + depositID(e.Answer) + " was declined"
	case treasury.VerdictDone:
		if e.Answer.Deposit != nil {
			return "The deposit" + depositID(e.Answer) + " arrived"
		}
		if !e.Answer.Moved.IsKnown() {
			return "Tango carried it out"
		}
		return fmt.Sprintf("Tango moved it: the source then held %s, the target %s", e.Answer.FromAfter, e.Answer.ToAfter)
	case treasury.VerdictRefused:
		return refusalWords(e.Answer)
	case treasury.VerdictUnsent:
		return "Tango could not be reached, and nothing was sent"
	case treasury.VerdictThrottled:
		return "Tango was too busy and did not carry it out"
	case treasury.VerdictUnknown:
		return doubtWords(e.Answer)
	}
	return stateName(e.To)
}

// errorWords says what went wrong while doing something, for the person who asked. ref finds it in the log.
func errorWords(err error, ref string) string {
	var no *treasury.Forbidden
	var refusal *treasury.Refusal
	var invalid *treasury.Invalid
	var filter *badFilter
	switch {
	case errors.As(err, &filter):
		return filter.words + " Nothing was changed."
	case isCode(err, "expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id"):
		return "Slack took too long to let the form open. Nothing was done. Please try again."
	case errors.As(err, &no):
		return forbiddenWords(no)
	case errors.As(err, &invalid):
		return problemWords(invalid)
	case errors.As(err, &refusal) && refusal.Status != 404:
		return "Tango refused to answer: " + tangoWords(refusal.Status, refusal.Key) + " No money moved." + quote(ref)
	case errors.Is(err, treasury.ErrNotFound):
		return "There is no such request, account or customer. No money moved."
	case errors.Is(err, treasury.ErrExists):
		return "A request with this id exists already, with other figures. Nothing new was made, and no money moved. Please open the form again." + quote(ref)
	case errors.Is(err, treasury.ErrBusy):
		return "Tango is limiting how often it may be asked. No money moved. Please try again in a minute." + quote(ref)
	case errors.Is(err, treasury.ErrUnavailable):
		return "A service that Tangobot needs did not answer. No money moved. Please try again in a minute." + quote(ref)
	case errors.Is(err, treasury.ErrConflict):
		return "Somebody else changed this at the same moment, and nothing of yours was recorded. Please look again." + quote(ref)
	}
	return "Something went wrong on Tangobot's side. Nothing was started for you, and no money moved because of this. Please try again." + quote(ref)
}

func quote(ref string) string {
	if ref == "" {
		return ""
	}
	return " If it stays, quote reference " + code(ref) + "."
}

func forbiddenWords(no *treasury.Forbidden) string {
	switch no.Why {
	case treasury.WhyStanding:
		switch no.Standing {
		case treasury.StandingGuest:
			return "Guests cannot use Tangobot. Ask a full member of the workspace."
		case treasury.StandingBot:
			return "Bots cannot use Tangobot."
		case treasury.StandingDeleted:
			return "This Slack user is deactivated and cannot use Tangobot."
		case treasury.StandingForeign, treasury.StandingFull:
		}
		return "Tangobot serves the members of one workspace alone, and you are not one of them."
	case treasury.WhyNoView:
		return "You may not see balances and requests. " + askOwner
	case treasury.WhyNoRequest:
		return "You may not ask for changes. " + askOwner
	case treasury.WhyNoRule:
		return "No rule of the policy allows this. " + askOwner
	case treasury.WhyOwnRequest:
		return "You made this request, so somebody else must decide on it. Nothing was changed."
	case treasury.WhyNotApprover:
		return "You may not decide on this request. " + groupWords(no.Groups) + " may. Nothing was changed."
	case treasury.WhyNotRequester:
		return "Only the person who made this request can take it back. Nothing was changed."
	case treasury.WhyNotStopper:
		return "Only the requester or an approver can stop this request. Nothing was changed."
	case treasury.WhySaid:
		return "You have said that already. Another person must say the same before it counts."
	case treasury.WhyVoted:
		return "You have already decided on this request. Your first decision stands."
	case treasury.WhyDecided:
		return "This came too late, and changed nothing. The request is now: " + decidedWords(no.State) + "."
	case treasury.WhyExpired:
		return "The time for approving this request is over. Nothing was changed."
	case treasury.WhyChanged:
		return "What you saw is not what the request says. Nothing was changed. Please open it again."
	case treasury.WhyNoComment:
		return "A denial needs a reason, so that the requester knows what to do."
	case treasury.WhyTooEarly:
		return "It is too early to decide this: the evidence is still being gathered, or a deposit may still be pending at Tango for up to a week. Nothing was changed."
	case treasury.WhyNoEvidence:
		return "Say what you saw, and where: without it your word cannot be checked."
	case treasury.WhyNoResend:
		return "Sending it again is not offered for this request. Nothing was changed."
	case treasury.WhyNoStop:
		return "You may not stop or resume sending. " + groupWords(no.Groups) + " may."
	case treasury.WhyCardsOff:
		return "Cards are not registered through Tangobot here. " + askOwner
	case treasury.WhyCardsPortal:
		return "Cards are not registered through Tangobot here, but in Tango's portal: <" + tangoPortal + "|open Tango's portal>, choose the account, " +
			"then Funding and Add credit card. Tangobot shows the card within 15 minutes. Never type a card's number into Slack."
	case treasury.WhyAlertOver:
		return "This alert is over, so there is nothing to snooze."
	case treasury.WhyLink:
		return "This link cannot be used: it is used up, too old, or not complete. Ask for a new one in Slack."
	case treasury.WhyQuorumLost:
		return "Too few of the approvals still count. Nothing was sent."
	}
	return "That is not allowed. Nothing was changed."
}

// decidedWords says where a request stands of which no more is known.
func decidedWords(s treasury.State) string {
	switch {
	case s == treasury.StateSucceeded:
		return stateName(s) + ", it was carried out"
	case s == treasury.StateInDoubt:
		return stateName(s) + ", it may or may not have been carried out"
	case s.IsFinal():
		return stateName(s) + ", it was not carried out"
	}
	return stateName(s)
}

const askOwner = "The people who keep Tangobot's policy can change that."

// groupWords names the policy's groups: "finance" or "finance or rewards".
func groupWords(groups []string) string {
	switch len(groups) {
	case 0:
		return "Nobody"
	case 1:
		if groups[0] == treasury.Everyone {
			return "Any other full member"
		}
		return "The group " + escape(groups[0])
	}
	return "The groups " + escape(strings.Join(groups[:len(groups)-1], ", ")+" and "+groups[len(groups)-1])
}
