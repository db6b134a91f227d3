//go:build explore

package treasury

import (
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// act names what is done to a request.
type act uint8

const (
	actApprove act = iota
	actDeny
	actTakeBack
	actStop
	actTooLate
	actExpire
	actClaim
	actRelease
	actRefuse
	actMark
	actAnswer
	actLost
	actEvidence
	actSettle
	actUnsettled
	actFinding
	actResendVote
	actResend
)

// event is an Event in few bytes. Only the fields that its act reads are set.
type event struct {
	act     act
	who     uint8 // of explorePeople
	attempt uint8 // of a worker; 0 for the sweep
	start   uint8 // the tick in which the worker's invocation began
	answer  answerCode
	held    deposit
	noisy   uint8
	finding bool // executed
	moved   [2]int8
}

// answerCode is what a worker knows of its call.
type answerCode uint8

const (
	answerNone answerCode = iota
	answerUnsent
	answerDone
	answerRefused
	answerUnknown
	answerPending
	answerDeclined
	answerDuplicate
)

func (m *model) answer(code answerCode) Answer {
	switch code {
	case answerUnsent:
		return Answer{Verdict: VerdictUnsent}
	case answerDone:
		return Answer{Verdict: VerdictDone}
	case answerRefused:
		return Answer{Verdict: VerdictRefused}
	case answerPending:
		return Answer{Verdict: VerdictPending, Deposit: &DepositResult{ID: "RAD-1", Amount: money.New(1, "USD")}}
	case answerDeclined:
		return Answer{Verdict: VerdictDeclined}
	case answerDuplicate:
		return Answer{Verdict: VerdictUnknown, Doubt: DoubtDuplicate}
	case answerUnknown, answerNone:
	}
	switch m.without {
	case guardServerError:
		return Answer{Verdict: VerdictRefused}
	case guardUnknownRetry:
		return Answer{Verdict: VerdictUnsent}
	case guardUnreadable:
		return Answer{Verdict: VerdictDone}
	default:
		return Answer{Verdict: VerdictUnknown, Doubt: DoubtNoAnswer}
	}
}

// event makes the Event that the Desk would give to Next. A mutant bends the event, or the request that Next sees. It is
// false where the Desk would not ask.
func (m *model) event(r *Request, e event, clock uint8) (Event, bool) {
	real := Event{At: m.at(clock)}
	if e.attempt > 0 {
		real.Attempt = attemptID(r.ID, int(e.attempt))
	}
	switch e.act {
	case actApprove, actDeny:
		real.Kind, real.By, real.Eligible, real.DueAt = EventVote, explorePeople[e.who], true, noon
		real.Vote = Vote{Approve: e.act == actApprove, Comment: "seen", Hash: r.Hash}
	case actTakeBack, actStop:
		real.Kind, real.By, real.Eligible = EventCancel, explorePeople[e.who], e.who > 0
	case actTooLate:
		real.Kind, real.Reason = EventCancel, ReasonTooLate
		return real, real.At.After(r.DueAt.Add(exploreExpire))
	case actExpire:
		real.Kind = EventExpire
	case actClaim:
		real.Kind, real.Valid, real.NotAfter = EventClaim, r.Approvals(), m.at(e.start).Add(invocation)
	case actRelease:
		real.Kind = EventRelease
	case actRefuse:
		real.Kind, real.Reason = EventRefuse, ReasonInsufficient
	case actMark:
		real.Kind, real.Before = EventSend, m.reads(r, e.moved)
		for i := range real.Before { // no tick lies between the look and the mark: it would end the worker
			real.Before[i].At = real.At
		}
	case actAnswer:
		real.Kind, real.Answer = EventAnswer, m.answer(e.answer)
	case actLost:
		real.Kind = EventLost
	case actEvidence:
		return m.weighed(r, e, real)
	case actSettle:
		real.Kind, real.Answer = EventSettle, Answer{Verdict: VerdictDone}
		if e.held == heldDeclined {
			real.Answer.Verdict = VerdictDeclined
		}
	case actUnsettled:
		real.Kind, real.Answer = EventSettle, Answer{Verdict: VerdictUnknown, Doubt: DoubtUnsettled}
	case actFinding:
		real.Kind, real.By, real.Eligible = EventFinding, explorePeople[e.who], true
		real.Finding = Verified{Finding: FindingNot, Seen: "portal"}
		if e.finding {
			real.Finding.Finding = FindingExecuted
		}
	case actResendVote:
		real.Kind, real.By, real.Eligible, real.Vote = EventResendVote, explorePeople[e.who], true, Vote{Hash: r.Hash}
	case actResend:
		real.Kind, real.NotAfter = EventResend, m.at(e.start).Add(invocation)
		if r.Inquiry != nil {
			real.Valid = len(r.Inquiry.Resend)
		}
	}
	m.bend(r, &real)
	return real, true
}

// bend removes a guard of Next, by showing it something else than what is.
func (m *model) bend(r *Request, e *Event) {
	sweep := e.Attempt == ""
	switch m.without {
	case guardOwnVote:
		if e.Kind == EventVote {
			r.Requester = ""
		}
	case guardQuorum:
		if e.Kind == EventClaim && r.State == StatePending {
			r.State, r.Votes, e.Valid = StateApproved, nil, 1
		}
	case guardStopped:
		if e.Kind == EventCancel && r.State == StateSending {
			r.State = StateApproved
		}
	case guardDeadWorker:
		if sweep && (e.Kind == EventRelease || e.Kind == EventLost) && r.Attempt != nil {
			e.At = r.Attempt.NotAfter.Add(SettleAfter + 1)
		}
	case guardMarkReleased:
		if e.Kind == EventRelease && r.State == StateSending {
			r.State = StateClaimed
		}
	case guardRunAgain:
		if e.Kind == EventClaim && r.State == StateSending {
			r.State = StateApproved
		}
	case guardLostRefused:
		if e.Kind == EventLost && r.State == StateSending {
			*e = Event{Kind: EventAnswer, At: e.At, Attempt: r.Attempt.ID, Answer: Answer{Verdict: VerdictRefused}}
		}
	case guardSettleWindow:
		if e.Kind == EventEvidence {
			e.At = e.At.Add(SettleWindow)
		}
	case guardDepositWeek:
		if e.Kind == EventFinding {
			e.At = e.At.Add(depositAfter)
		}
	default: // the other mutants lack something around Next
	}
}

func (m *model) reads(r *Request, moved [2]int8) []BalanceRead {
	var reads []BalanceRead
	for _, account := range r.Action.Lanes() {
		i := 0
		if account == exploreAccounts[1] {
			i = 1
		}
		reads = append(reads, BalanceRead{Account: account, Balance: money.New(100+int64(moved[i]), "USD")})
	}
	return reads
}

// weighed is Desk.judge: what an agreed sighting means, unless that is known.
func (m *model) weighed(r *Request, e event, real Event) (Event, bool) {
	s := sighting{Balances: m.reads(r, e.moved)}
	if r.Answer != nil && r.Answer.Deposit != nil {
		s.Deposit = r.Answer.Deposit
		s.Verdict = map[deposit]Verdict{heldPending: VerdictPending, heldDone: VerdictDone, heldDeclined: VerdictDeclined}[e.held]
	}
	var noisy []string
	for i, account := range exploreAccounts {
		if e.noisy&(1<<i) > 0 {
			noisy = append(noisy, account)
		}
	}
	ev := r.Weigh(s, noisy)
	if m.without == guardNoDelta && r.Action.Kind == ActionDeposit && ev.Says == FindingOpen {
		ev.Says, ev.Rule = FindingNot, RuleNoneMoved
	}
	real.Kind, real.Evidence = EventEvidence, ev
	m.bend(r, &real)
	return real, r.Inquiry != nil && !ev.sameAs(r.Inquiry.Evidence)
}

// settled reports whether the sweep may look at Tango for a request in doubt.
func (m *model) settled(r *Request, at time.Time) bool {
	window := SettleWindow
	if m.without == guardSettleWindow {
		window = SettleAfter
	}
	return r.Attempt != nil && !at.Before(r.Attempt.NotAfter.Add(window))
}
