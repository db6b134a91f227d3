package slack_test

import (
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestFormsThatDoNotOpen(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
			b.settle()
			fail := func() { b.Inject(slacksim.Fault{Method: "views.open", Error: code, Times: 2}) }
			fail()
			has(t, b.types("U0LENA", "transfer"), "Slack took too long", "Nothing was done", "try again")
			b.ClearFaults()
			fail()
			b.presses("U0MAYA", b.card(id), "approve")
			list := b.Ephemerals("U0MAYA")
			if len(list) != 1 {
				t.Fatalf("Maya was told %v", list)
			}
			has(t, list[0].Text, "Slack took too long", "Nothing was done")
			b.ClearFaults()
			// In App Home there is no place for a private line: a direct message has to do.
			if _, err := b.OpenHome(t.Context(), "U0MAYA"); err != nil {
				t.Fatal(err)
			}
			fail()
			r, err := b.Click(t.Context(), "U0MAYA", slacksim.Target{View: b.Home("U0MAYA").ID, Action: "new_transfer"})
			if err != nil || r.Failure != "" {
				t.Fatalf("%v %s", err, r.Failure)
			}
			direct := b.Messages("U0MAYA")
			if len(direct) != 1 {
				t.Fatalf("Maya was told %v", direct)
			}
			has(t, direct[0].Text, "Slack took too long")
			if b.state(id) != treasury.StatePending {
				t.Error(b.state(id))
			}
		})
	}
	t.Run("before the accounts are read", func(t *testing.T) {
		t.Parallel()
		b := newBot(t, func(o *options) { o.fresh = true })
		b.types("U0LENA", "transfer 5 from employee-rewards")
		has(t, b.told("U0LENA"), "has not read Tango's accounts yet")
		if _, err := b.OpenHome(t.Context(), "U0LENA"); err != nil {
			t.Fatal(err)
		}
		has(t, words(b.Home("U0LENA").Blocks), "has not read Tango's accounts yet")
	})
}

func TestAppHome(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	home := func(user string) string {
		t.Helper()
		r, err := b.OpenHome(t.Context(), user)
		if err != nil || r.Failure != "" {
			t.Fatalf("%v %s", err, r.Failure)
		}
		return words(b.Home(user).Blocks)
	}
	has(t, home("U0LENA"), "Nothing waits for your decision", "You have no open request", "Request a transfer", "Balances", "24,500.00 USD", "As of", "`/tango help`")
	lacks(t, home("U0VERA"), "Request a transfer")
	has(t, home("U0GUS"), "Guests cannot use Tangobot")
	lacks(t, home("U0GUS"), "24,500.00")

	id := b.requests("U0LENA", "700 from employee-rewards to marketing-us")
	b.settle()
	// The requester's is redrawn by the announcement, without being opened.
	has(t, words(b.Home("U0LENA").Blocks), id, "Take it back", "(0 of 2)")
	said := home("U0MAYA")
	has(t, said, "Waiting for you", id, "Review")
	if strings.Index(said, "Waiting for you") > strings.Index(said, "Your open requests") || strings.Index(said, "Your open requests") > strings.Index(said, "Balances") {
		t.Error("what waits must stand first, and balances last")
	}
	// Review asks for either verdict; after the vote the home of the approver is redrawn too.
	if _, err := b.Click(t.Context(), "U0MAYA", slacksim.Target{View: b.Home("U0MAYA").ID, Action: "review"}); err != nil {
		t.Fatal(err)
	}
	has(t, b.told("U0MAYA"), "Review a request", "700.00 USD", "Approve 700.00 USD", "Deny")
	if r := b.sent("U0MAYA", slacksim.Values{"verdict": {"value": slacksim.Chosen("deny")}}); r.Outcome != slacksim.Refused {
		t.Errorf("a denial without a reason: %s", r.Outcome)
	}
	b.sent("U0MAYA", slacksim.Values{"verdict": {"value": slacksim.Chosen("approve")}})
	has(t, b.told("U0MAYA"), "your approval is recorded")
	b.closes("U0MAYA")
	b.settle()
	lacks(t, words(b.Home("U0MAYA").Blocks), id)
	has(t, words(b.Home("U0LENA").Blocks), "(1 of 2)")
	// Taken back at home: redrawn at once.
	if _, err := b.Click(t.Context(), "U0LENA", slacksim.Target{View: b.Home("U0LENA").ID, Action: "cancel"}); err != nil {
		t.Fatal(err)
	}
	lacks(t, words(b.Home("U0LENA").Blocks), id)
	b.settle()
	has(t, b.card(id).Text, "Cancelled, no money moved", "took it back")
}

func TestHomeIsDrawnAgain(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	if _, err := b.OpenHome(t.Context(), "U0LENA"); err != nil {
		t.Fatal(err)
	}
	// Somebody else drew it meanwhile: the next one is drawn anew.
	b.Inject(slacksim.Fault{Method: "views.publish", Error: "hash_conflict"})
	if r, err := b.OpenHome(t.Context(), "U0LENA"); err != nil || r.Failure != "" {
		t.Errorf("%v %s", err, r.Failure)
	}
	b.Inject(slacksim.Fault{Method: "views.publish", Error: "hash_conflict", Times: -1})
	if r, err := b.OpenHome(t.Context(), "U0LENA"); err != nil || !r.Again {
		t.Errorf("it would not be tried again: %+v, %v", r, err)
	}
	b.ClearFaults()
	b.Inject(slacksim.Fault{Method: "views.publish", Status: 502})
	r, err := b.OpenHome(t.Context(), "U0LENA")
	if err != nil || !r.Again {
		t.Fatalf("%+v, %v", r, err)
	}
	if r, err = b.RetryEvent(t.Context(), r.EventID); err != nil || r.Failure != "" {
		t.Errorf("the second delivery: %+v, %v", r, err)
	}
}
