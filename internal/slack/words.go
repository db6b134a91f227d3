package slack

import (
	"fmt"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// This file says what a request would do and where it stands. text.go has the sentences for reasons, problems and errors.

// actionNoun names an action: "transfer", "card registration".
func actionNoun(k treasury.ActionKind) string {
	switch k {
	case treasury.ActionTransfer:
		return "transfer"
	case treasury.ActionDeposit:
		return "deposit"
	case treasury.ActionRegisterCard:
		return "card registration"
	case treasury.ActionUnregisterCard:
		return "card removal"
	case treasury.ActionCreateAccount:
		return "new account"
	case treasury.ActionUpdateAccount:
		return "account edit"
	case treasury.ActionCreateCustomer:
		return "new customer"
	}
	return "change"
}

// actionTitle names what a request is about in a few plain words: "Transfer 500.00 USD".
func actionTitle(a treasury.Action) string {
	switch a.Kind {
	case treasury.ActionTransfer:
		return "Transfer " + a.Transfer.Amount.String()
	case treasury.ActionDeposit:
		return "Deposit " + a.Deposit.Amount.String()
	case treasury.ActionRegisterCard:
		return "Register a card"
	case treasury.ActionUnregisterCard:
		return "Remove a card"
	case treasury.ActionCreateAccount:
		return "Open an account"
	case treasury.ActionUpdateAccount:
		return "Edit an account"
	case treasury.ActionCreateCustomer:
		return "Open a customer"
	}
	return "Change"
}

// actionLines says the whole of an action, a line each, title first. Foreign text in it is escaped.
func actionLines(a treasury.Action) []string {
	switch a.Kind {
	case treasury.ActionTransfer:
		t := a.Transfer
		return withNote([]string{"from " + accountLine(t.From), "to " + accountLine(t.To)}, t.Note)
	case treasury.ActionDeposit:
		return []string{"to " + accountLine(a.Deposit.Account), "from the card " + cardLine(a.Deposit.Card) + "; Tango's fee comes on top"}
	case treasury.ActionRegisterCard:
		return append([]string{
			"for " + accountLine(a.RegisterCard.Account), "label " + escape(visible(a.RegisterCard.Label)),
		}, contactLines(a.RegisterCard.Contacts)...)
	case treasury.ActionUnregisterCard:
		return []string{"the card " + cardLine(a.UnregisterCard.Card), "of " + accountLine(a.UnregisterCard.Account)}
	case treasury.ActionCreateAccount:
		c := a.CreateAccount
		lines := []string{
			nameLine(c.Name, c.ID), "under customer " + nameLine(c.Customer.Name, c.Customer.ID),
			"currency " + escape(string(c.Currency)) + " (fixed for ever)", "contact " + emailWords(c.Email),
		}
		if len(c.Notify) > 0 {
			lines = append(lines, "told of funding: "+strings.ReplaceAll(emailList(c.Notify), "\n", ", "))
		}
		return lines
	case treasury.ActionUpdateAccount:
		return updateLines(a.UpdateAccount)
	case treasury.ActionCreateCustomer:
		return []string{nameLine(a.CreateCustomer.Name, a.CreateCustomer.ID), "can never be deleted or disabled"}
	}
	return nil
}

func withNote(lines []string, note string) []string {
	if note == "" {
		return lines
	}
	// The marks show where the note ends: what stands in it is the requester's word alone.
	note = strings.NewReplacer("“", "\"", "”", "\"").Replace(visible(note))
	return append(lines, "note: “"+escape(note)+"”")
}

func contactLines(contacts []treasury.Contact) []string {
	lines := make([]string, len(contacts))
	for i, c := range contacts {
		lines[i] = "receipts also to " + escape(visible(c.Name)) + ", " + emailWords(c.Email)
	}
	return lines
}

// updateLines says what an edit changes, from what to what.
func updateLines(u *treasury.UpdateAccount) []string {
	lines := []string{accountLine(u.Account)}
	if u.Name != nil {
		lines = append(lines, "name: "+escape(visible(u.Before.Name))+" → "+escape(visible(*u.Name)))
	}
	if u.Email != nil {
		lines = append(lines, "contact: "+emailWords(u.Before.Email)+" → "+emailWords(*u.Email))
	}
	if u.Notify != nil {
		before, after := strings.ReplaceAll(emailList(u.Before.Notify), "\n", ", "), strings.ReplaceAll(emailList(*u.Notify), "\n", ", ")
		if len(before)+len(after) < 500 {
			lines = append(lines, "told of funding: "+before+" → "+after)
		} else {
			lines = append(lines, "told of funding until now: "+before, "told of funding then: "+after)
		}
	}
	return lines
}

// cardLine names a card for people: its label, its last four digits and its month.
func cardLine(c treasury.CardRef) string {
	words := "ending in " + code(c.LastFour)
	if label := visible(c.Label); label != "" {
		words = escape(label) + ", " + words
	}
	if c.Expires != "" {
		words += ", expires " + escape(c.Expires)
	}
	return words
}

// actionSections draws the whole of an action behind a heading: in more sections than one where it is long, because what
// somebody decides on is never cut.
func actionSections(heading string, a treasury.Action) []slackgo.Block {
	return sections(append([]string{heading}, actionLines(a)...)...)
}

// sections draws lines in as few sections as hold them.
func sections(lines ...string) []slackgo.Block {
	var blocks []slackgo.Block
	for text := range chunks(lines, maxSection) {
		blocks = append(blocks, section(text))
	}
	return blocks
}

// actionText says an action in one line, without marks that only blocks draw.
func actionText(a treasury.Action) string {
	lines := actionLines(a)
	return actionTitle(a) + ": " + strings.Join(lines, ", ")
}

// approveLabel is the words on the button that approves: it names the outcome.
func approveLabel(a treasury.Action) string {
	if amount := a.Amount(); amount.IsKnown() {
		return "Approve " + amount.String()
	}
	return "Approve"
}

// stateName names a state by itself.
func stateName(s treasury.State) string {
	switch s {
	case treasury.StatePending:
		return "Waiting for approval"
	case treasury.StateApproved:
		return "Approved, not sent yet"
	case treasury.StateClaimed:
		return "About to be sent"
	case treasury.StateSending:
		return "Being sent to Tango"
	case treasury.StateSettling:
		return "Accepted by Tango, not settled yet"
	case treasury.StateSucceeded:
		return "Done"
	case treasury.StateDeclined:
		return "Declined"
	case treasury.StateFailed:
		return "Not done"
	case treasury.StateDenied:
		return "Denied"
	case treasury.StateCancelled:
		return "Cancelled"
	case treasury.StateExpired:
		return "Expired"
	case treasury.StateInDoubt:
		return "In doubt"
	}
	return string(s)
}

// stateWord says where a request stands and what that means for the money, as every surface shows it.
func stateWord(r treasury.Request) string {
	name := stateName(r.State)
	moves := r.Action.MovesMoney()
	switch r.State {
	case treasury.StateApproved:
		if r.Action.Kind == treasury.ActionRegisterCard {
			return "Approved, waiting for the card to be entered"
		}
	case treasury.StateSucceeded:
		if moves {
			return name + ", the money has moved"
		}
	case treasury.StateDeclined, treasury.StateFailed, treasury.StateDenied, treasury.StateCancelled, treasury.StateExpired:
		if moves {
			return name + ", no money moved"
		}
		return name + ", nothing was changed"
	case treasury.StateInDoubt:
		if moves && r.Inquiry != nil && r.Inquiry.Evidence != nil && r.Inquiry.Evidence.Rule == treasury.RuleDouble {
			return name + ": the money seems to have moved twice"
		}
		if moves {
			return name + ": the money may or may not have moved"
		}
		return name + ": it may or may not have been done"
	case treasury.StatePending, treasury.StateClaimed, treasury.StateSending, treasury.StateSettling:
	}
	return name
}

// stateSign stands before the state's words, never for them.
func stateSign(s treasury.State) string {
	switch s {
	case treasury.StatePending, treasury.StateApproved, treasury.StateClaimed, treasury.StateSending, treasury.StateSettling:
		return "⏳"
	case treasury.StateSucceeded:
		return "✅"
	case treasury.StateDeclined, treasury.StateFailed, treasury.StateDenied, treasury.StateCancelled, treasury.StateExpired:
		return "⛔"
	case treasury.StateInDoubt:
		return "⚠️"
	}
	return ""
}

// percent writes hundredths of a percent: 350 is "3.5 %".
func percent(points int64) string {
	text := strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%02d", points/100, points%100), "0"), ".")
	return text + " %"
}

// feeWords says an estimated fee.
func feeWords(f *treasury.Fee) string {
	source := "as Tango publishes it"
	if !f.SeenAt.IsZero() {
		source = "the fee of the last deposit, " + date(f.SeenAt)
	}
	return fmt.Sprintf("about %s (%s, %s)", f.Amount, percent(f.Points), source)
}

// moneyOr gives the amount in words, or other words when it is not known.
func moneyOr(a money.Amount, otherwise string) string {
	if !a.IsKnown() {
		return otherwise
	}
	return a.String()
}
