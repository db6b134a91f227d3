package slack_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestOneApprovalMovesTheMoney(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	id := b.requests("U0LENA", "250 from employee-rewards to marketing-us spring event")
	b.settle()
	card := b.card(id)
	has(t, card.Text, "Waiting for approval", "250.00 USD", "employee-rewards", "marketing-us", "<@U0LENA>", "note: “spring event”", "1 approval from finance")
	has(t, b.find("U0LENA", id).Text, "Waiting for approval", id)
	if said := b.decides("U0MAYA", id, "approve", ""); !strings.Contains(said, "no more are needed") {
		t.Errorf("Maya was told %q", said)
	}
	b.settle()
	has(t, b.card(id).Text, "Approved, not sent yet", "<@U0MAYA> approved")
	if b.tango.Moved(id) != 0 {
		t.Fatal("money moved within the undo window")
	}
	b.clock.Advance(61 * time.Second)
	b.settle()
	if b.state(id) != treasury.StateSucceeded || b.tango.Moved(id) != 1 {
		t.Fatalf("state %s, moved %d times; log:\n%s", b.state(id), b.tango.Moved(id), b.log)
	}
	card = b.card(id)
	has(t, card.Text, "Done, the money has moved", "24,250.00 USD", "8,375.50 USD", "<@U0MAYA> approved")
	closed(t, card.Blocks)
	direct := b.find("U0LENA", id)
	has(t, direct.Text, "Done, the money has moved")
	closed(t, direct.Blocks)
	if len(direct.Replies) != 1 {
		t.Fatalf("the requester got %d messages about the outcome", len(direct.Replies))
	}
	has(t, direct.Replies[0].Text, "Done, the money has moved", "24,250.00 USD", "8,375.50 USD", id)
	if n := len(b.Messages("C0APPROVE")); n != 1 {
		t.Errorf("%d messages in the channel for one request", n)
	}
}

// closed fails when a message of a request that has ended offers anything to press.
func closed(tb testing.TB, blocks json.RawMessage) {
	tb.Helper()
	if strings.Contains(string(blocks), `"button"`) {
		tb.Errorf("a closed request offers a button: %s", blocks)
	}
}

func TestFormErrorsStandOnTheirFields(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.types("U0LENA", "transfer 5 from holiday-gifts to europe-rewards thanks")
	form := b.top("U0LENA").ID
	has(t, b.told("U0LENA"), "Request a transfer", "Nothing is done yet")
	r := b.sent("U0LENA", slacksim.Values{"amount": {"value": slacksim.Typed("-5")}})
	if r.Outcome != slacksim.Refused || len(r.Errors) != 3 {
		t.Fatalf("%s %v, want three errors at once", r.Outcome, r.Errors)
	}
	has(t, r.Errors["from"], "frozen by Tango")
	has(t, r.Errors["to"], "holds USD and this one EUR")
	has(t, r.Errors["amount"], "without a sign")
	v := b.top("U0LENA")
	if v.ID != form || v.Inputs.Values["from"]["value"].SelectedOption.Value != "holiday-gifts" || *v.Inputs.Values["amount"]["value"].Value != "-5" {
		t.Errorf("what was typed is gone: %+v", v.Inputs)
	}
	b.choose("U0LENA", "to", "marketing us", "marketing-us")
	b.choose("U0LENA", "from", "employee", "employee-rewards")
	r = b.sent("U0LENA", slacksim.Values{"amount": {"value": slacksim.Typed("60")}})
	if r.Outcome != slacksim.Pushed {
		t.Fatalf("%s %v", r.Outcome, r.Errors)
	}
	// Back leads to the form, with everything still there.
	if _, err := b.CloseView(t.Context(), "U0LENA", b.top("U0LENA").ID); err != nil {
		t.Fatal(err)
	}
	if v := b.top("U0LENA"); v.ID != form || *v.Inputs.Values["amount"]["value"].Value != "60" {
		t.Errorf("back led to %+v", v)
	}
}

// choose types into an account field and takes the account; it must be offered exactly when it is named.
func (b *bot) choose(user, block, typed, account string) {
	b.tb.Helper()
	at := slacksim.Target{View: b.top(user).ID, Block: block, Action: "value"}
	r, err := b.OpenOptions(b.tb.Context(), user, at, typed)
	if err != nil || r.Trouble != "" {
		b.tb.Fatalf("%v %s", err, r.Trouble)
	}
	if err := b.Fill(user, at.View, slacksim.Values{block: {"value": slacksim.Chosen(account)}}); err != nil {
		b.tb.Fatalf("%s is not offered for %q: %v, %v", account, typed, err, r.Options)
	}
}

func TestTheSameAccountTwice(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.types("U0LENA", "transfer 60 from marketing-us to marketing-us")
	r := b.sent("U0LENA", nil)
	if r.Outcome != slacksim.Refused {
		t.Fatalf("%s", r.Outcome)
	}
	has(t, r.Errors["to"], "Choose another one")
}

func TestTheCheckSaysWhatWillHappen(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.types("U0LENA", "transfer 7500 from marketing-us to employee-rewards year end")
	if r := b.sent("U0LENA", nil); r.Outcome != slacksim.Pushed {
		t.Fatalf("%s %v", r.Outcome, r.Errors)
	}
	said := b.told("U0LENA")
	has(t, said, "Check your request", "*Transfer 7,500.00 USD*", "Marketing US `marketing-us`", "Employee Rewards `employee-rewards`", "625.50 USD",
		"32,000.00 USD", "2 approvals from finance", "rule 3 of the policy", "year end", "below its low-balance threshold")
	if v := b.top("U0LENA"); v.Submit.Text != "Request it" || v.Close.Text != "Back" {
		t.Errorf("%s, %s", v.Submit.Text, v.Close.Text)
	}
	if len(b.Messages("C0APPROVE")) != 0 || b.questions.len() != 0 {
		t.Error("a request was made by looking")
	}
}

func TestNoApprovalNeeded(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.types("U0LENA", "transfer 50 from employee-rewards to marketing-us")
	b.sent("U0LENA", nil)
	has(t, b.told("U0LENA"), "No approval is needed")
	b.sent("U0LENA", nil)
	said := b.told("U0LENA")
	has(t, said, "needs no approval", "It is sent", "You can stop it until then")
	id := requestID.FindString(said)
	b.settle()
	has(t, b.find("U0LENA", id).Text, "Approved, not sent yet")
	b.pass(61 * time.Second)
	if b.tango.Moved(id) != 1 {
		t.Errorf("moved %d times; log:\n%s", b.tango.Moved(id), b.log)
	}
}

func TestTwoApprovals(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	id := b.requests("U0LENA", "700 from employee-rewards to marketing-us")
	b.settle()
	has(t, b.card(id).Text, "2 approvals from finance", "Approvals: 0 of 2")
	first := b.card(id)
	has(t, b.decides("U0MAYA", id, "approve", "as planned"), "It still needs 1 approval")
	b.settle()
	has(t, b.card(id).Text, "Approvals: 1 of 2", "<@U0MAYA> approved", "as planned", "Waiting for approval")
	second := b.card(id)
	if first.TS != second.TS || blockIDs(t, first.Blocks)["decide-"+id+"-1"] == blockIDs(t, second.Blocks)["decide-"+id+"-1"] {
		t.Error("the buttons kept their block id over a change")
	}
	has(t, b.decides("U0RAVI", id, "approve", ""), "no more are needed")
	b.pass(61 * time.Second)
	if b.state(id) != treasury.StateSucceeded || b.tango.Moved(id) != 1 {
		t.Errorf("%s, moved %d times", b.state(id), b.tango.Moved(id))
	}
	has(t, b.card(id).Text, "Approvals: 2 of 2", "<@U0MAYA> approved", "<@U0RAVI> approved")
}

func blockIDs(tb testing.TB, blocks json.RawMessage) map[string]bool {
	tb.Helper()
	var list []struct {
		ID string `json:"block_id"`
	}
	if err := json.Unmarshal(blocks, &list); err != nil {
		tb.Fatal(err)
	}
	ids := map[string]bool{}
	for _, one := range list {
		ids[one.ID] = true
	}
	return ids
}

func TestADenialNeedsItsReason(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
	b.settle()
	b.presses("U0MAYA", b.card(id), "deny")
	has(t, b.told("U0MAYA"), "Deny this request", "250.00 USD", "employee-rewards", "marketing-us", "<@U0LENA>")
	if r := b.sent("U0MAYA", nil); r.Outcome != slacksim.Incomplete {
		t.Errorf("%s", r.Outcome) // Slack's client itself asks for it
	}
	if r := b.sent("U0MAYA", slacksim.Values{"comment": {"value": slacksim.Typed("   ")}}); r.Outcome != slacksim.Refused || !strings.Contains(r.Errors["comment"], "needs a reason") {
		t.Errorf("%s %v", r.Outcome, r.Errors)
	}
	b.sent("U0MAYA", slacksim.Values{"comment": {"value": slacksim.Typed("wrong account,\nask <!channel>")}})
	has(t, b.told("U0MAYA"), "your denial is recorded")
	b.settle()
	if b.state(id) != treasury.StateDenied {
		t.Fatal(b.state(id))
	}
	card := b.card(id)
	has(t, card.Text, "Denied, no money moved", "<@U0MAYA> denied", "wrong account, ask &lt;!channel&gt;")
	closed(t, card.Blocks)
	direct := b.find("U0LENA", id)
	closed(t, direct.Blocks)
	has(t, direct.Replies[0].Text, "Denied", "wrong account", id)
}

func TestStopInTheUndoWindow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ person, place string }{
		"by the requester, in the direct message": {"U0LENA", "U0LENA"},
		"by the requester, on the card":           {"U0LENA", "C0APPROVE"},
		"by the approver, on the card":            {"U0MAYA", "C0APPROVE"},
		"by another approver":                     {"U0RAVI", "C0APPROVE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
			b.settle()
			b.decides("U0MAYA", id, "approve", "")
			b.settle()
			m := b.find(c.place, id)
			confirm, err := b.Peek(c.person, slacksim.Target{Channel: m.Channel, TS: m.TS, Action: "stop"})
			if err != nil || confirm == nil {
				t.Fatalf("no confirmation: %v", err)
			}
			has(t, confirm.Text.Text, "250.00 USD", "employee-rewards", "marketing-us", "Nothing will move")
			if confirm.Deny.Text != "Go back" {
				t.Errorf("the way out says %q", confirm.Deny.Text)
			}
			b.presses(c.person, m, "stop")
			b.settle()
			b.pass(2 * time.Minute)
			if b.state(id) != treasury.StateCancelled || b.tango.Moved(id) != 0 {
				t.Errorf("%s, moved %d times", b.state(id), b.tango.Moved(id))
			}
			has(t, b.card(id).Text, "Cancelled, no money moved", "stopped before anything was sent", "<@"+c.person+">")
			closed(t, b.card(id).Blocks)
			closed(t, b.find("U0LENA", id).Blocks)
		})
	}
	t.Run("by somebody else", func(t *testing.T) {
		t.Parallel()
		b := newBot(t)
		id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
		b.settle()
		b.decides("U0MAYA", id, "approve", "")
		b.settle()
		b.presses("U0VERA", b.card(id), "stop")
		has(t, b.told("U0VERA"), "Only the requester or an approver can stop")
		if b.state(id) != treasury.StateApproved {
			t.Error(b.state(id))
		}
	})
	t.Run("too late", func(t *testing.T) {
		t.Parallel()
		b := newBot(t)
		id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
		b.settle()
		b.decides("U0MAYA", id, "approve", "")
		b.settle()
		m := b.card(id)
		b.presses("U0VERA", m, "stop") // leaves a click to send again
		old, _ := b.LastDelivery(slacksim.ToInteractions)
		b.closes("U0VERA")
		b.pass(2 * time.Minute)
		body, err := slacksim.EditPayload(old.Body, func(p map[string]any) { p["user"].(map[string]any)["id"] = "U0LENA" })
		if err != nil {
			t.Fatal(err)
		}
		has(t, b.delivered(slacksim.ToInteractions, body), "came too late", "Done, it was carried out")
	})
}
