package slack_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// change is a request other than a transfer, and how often Tango carried it out.
type change struct {
	name, command string
	fields        []field
	on            string
	edit          func(map[string]any) // makes Tango's answer speak of something else
	done          func(*bot, string) int
	on409         treasury.State
	evidence      bool // what Tango shows decides a doubt
}

func changes() []change {
	return []change{
		{
			name: "deposit", command: "deposit 100 to marketing-us", on: onDeposit, edit: tangosim.EditField("amount", 1),
			done: func(b *bot, id string) int { return b.tango.Moved(id) }, on409: treasury.StateInDoubt,
		},
		{
			name: "card removal", command: "card remove marketing-us", on: onUnregister, edit: tangosim.EditField("token", "another"),
			done: func(b *bot, _ string) int {
				for _, c := range b.tango.Cards() {
					if c.Token == demoAmex && c.Status != "ACTIVE" {
						return 1
					}
				}
				return 0
			},
			on409: treasury.StateInDoubt, evidence: true,
		},
		{
			name: "new account", command: "account create", on: onAccount, edit: tangosim.EditField("accountIdentifier", "another"),
			fields: []field{
				looked("customer", "acme rewards", "acme-rewards"), typed("new_id", "spring-gifts"), typed("name", "Spring Gifts"),
				typed("email", "a@acme.example"), chosen("currency", "USD"),
			},
			done: func(b *bot, _ string) int {
				n := 0
				for _, a := range b.tango.Accounts() {
					if a.ID == "spring-gifts" {
						n++
					}
				}
				return n
			},
			on409: treasury.StateFailed, evidence: true,
		},
		{
			name: "account edit", command: "account edit marketing-us", on: onEdit, edit: tangosim.EditField("displayName", "Another"),
			fields: []field{typed("name", "Marketing America")},
			done: func(b *bot, _ string) int {
				if a, _ := b.held("marketing-us"); a.Name == "Marketing America" {
					return 1
				}
				return 0
			},
			on409: treasury.StateFailed, evidence: true,
		},
		{
			name: "new customer", command: "customer create", on: onCustomer, edit: tangosim.EditField("customerIdentifier", "another"),
			fields: []field{typed("new_id", "acme-asia"), typed("name", "Acme Asia")},
			done: func(b *bot, _ string) int {
				_, err := b.desk.Books.Customer(b.tb.Context(), "acme-asia")
				if err != nil && !errors.Is(err, treasury.ErrNotFound) {
					b.tb.Fatal(err)
				}
				if err != nil {
					return 0
				}
				return 1
			},
			on409: treasury.StateFailed, evidence: true,
		},
	}
}

// mishap is what goes wrong with the one call of a change.
type mishap struct {
	name  string
	fault tangosim.Fault
	kill  kill
	done  int
	state treasury.State
	sends int
}

func mishaps(c change) []mishap {
	const doubt = treasury.StateInDoubt
	return []mishap{
		{"nothing", tangosim.Fault{}, "", 1, treasury.StateSucceeded, 1},
		{"dropped before it is carried out", tangosim.Fault{DropBefore: true}, "", 0, doubt, 1},
		{"dropped after it is carried out", tangosim.Fault{DropAfter: true}, "", 1, doubt, 1},
		{"reset before", tangosim.Fault{ResetBefore: true}, "", 0, doubt, 1},
		{"reset after", tangosim.Fault{ResetAfter: true}, "", 1, doubt, 1},
		{"5xx before", tangosim.Fault{StatusBefore: 503, Key: "503.501"}, "", 0, doubt, 1},
		{"5xx after", tangosim.Fault{StatusAfter: 500}, "", 1, doubt, 1},
		{"5xx in HTML after", tangosim.Fault{StatusAfter: 502, Plain: true}, "", 1, doubt, 1},
		{"redirect after", tangosim.Fault{StatusAfter: 307, Location: "/elsewhere"}, "", 1, doubt, 1},
		{"garbage after", tangosim.Fault{Body: []byte("<html>")}, "", 1, doubt, 1},
		{"half an answer", tangosim.Fault{Truncate: true}, "", 1, doubt, 1},
		{"an endless answer", tangosim.Fault{Huge: true}, "", 1, doubt, 1},
		{"another thing in the answer", tangosim.Fault{Edit: c.edit}, "", 1, doubt, 1},
		{"refused", tangosim.Fault{StatusBefore: 400, Key: "400.001"}, "", 0, treasury.StateFailed, 1},
		{"a conflict", tangosim.Fault{StatusBefore: 409, Key: "409.001"}, "", 0, c.on409, 1},
		{"too many requests once", tangosim.Fault{StatusBefore: 429, Key: "429.001"}, "", 1, treasury.StateSucceeded, 2},
		{"killed before the mark", tangosim.Fault{}, beforeMark, 1, treasury.StateSucceeded, 1},
		{"killed after the mark", tangosim.Fault{}, afterMark, 0, doubt, 0},
		{"killed after the answer", tangosim.Fault{}, afterAnswer, 1, doubt, 1},
	}
}

// TestFaultsOfEveryChange puts what can go wrong with the one call, and every death of the worker around it, through the
// whole bot for all that is no transfer: it is carried out at most once, the state says what is known, the requester is
// told, and what Tango shows closes the doubt.
func TestFaultsOfEveryChange(t *testing.T) {
	t.Parallel()
	for _, c := range changes() {
		for _, m := range mishaps(c) {
			t.Run(c.name+"/"+m.name, func(t *testing.T) {
				t.Parallel()
				b := newBot(t)
				b.checks("U0LENA", c.command, c.fields...)
				id := b.makes("U0LENA")
				b.decides("U0MAYA", id, "approve", "")
				b.decides("U0RAVI", id, "approve", "")
				b.settle()
				if m.name != "nothing" && m.kill == "" {
					m.fault.On = c.on
					b.tango.Arm(m.fault)
				}
				b.clock.Advance(61 * time.Second)
				b.killed(m.kill)
				for range 4 {
					b.pass(5 * time.Minute)
				}
				said := map[treasury.State]string{
					treasury.StateSucceeded: "Done", treasury.StateInDoubt: "In doubt: it may or may not have been done", treasury.StateFailed: "Not done, nothing was changed",
				}
				if c.on == onDeposit {
					said = map[treasury.State]string{
						treasury.StateSucceeded: "the money has moved", treasury.StateInDoubt: "may or may not have moved", treasury.StateFailed: "no money moved",
					}
				}
				b.ended(id, m.state, said[m.state])
				held := func() {
					t.Helper()
					if n, sends := c.done(b, id), b.tango.Requests()[c.on]; n != m.done || sends != m.sends {
						t.Errorf("carried out %d times in %d sends, want %d in %d", n, sends, m.done, m.sends)
					}
				}
				held()
				if m.state != treasury.StateInDoubt {
					return
				}
				has(t, b.asks("U0MAYA", "requests in-doubt").Text, id)
				for range 2 {
					b.pass(5 * time.Minute)
				}
				switch {
				case c.on == onDeposit && m.fault.Edit != nil: // its id is known
					b.ended(id, treasury.StateSucceeded, said[treasury.StateSucceeded], "Tango tells it of the deposit's id")
				case !c.evidence: // a balance that was not compared before proves nothing
					b.ended(id, treasury.StateInDoubt, said[treasury.StateInDoubt])
				case m.done == 1:
					b.ended(id, treasury.StateSucceeded, said[treasury.StateSucceeded], "Tango shows it.")
				default:
					b.ended(id, treasury.StateFailed, said[treasury.StateFailed], "Tango does not show it.")
				}
				held()
			})
		}
	}
}
