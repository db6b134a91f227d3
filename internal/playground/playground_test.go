package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
)

func TestATransferMovesAfterApprovalAndUndoWindow(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	card := r.request()

	out, _ := r.try("click", act{Person: "U0LENA", Target: slacksim.Target{Channel: card.Channel, TS: card.TS, Action: "approve"}})
	if out.Error != "" {
		t.Errorf("the requester's click gave %q, want a form that refuses", out.Error)
	}
	r.do("close", act{Person: "U0LENA", View: r.form("U0LENA", "Not done").ID})

	r.approve(card)
	r.card("Approved, not sent yet")
	if n := len(r.sees("U0MAYA").Tango.Movements); n != 0 {
		t.Fatalf("%d movements before the time for stopping it was over", n)
	}
	r.do("clock", act{Push: 61})
	r.card("Done, the money has moved")
	s := r.sees("U0MAYA")
	want := map[string]string{"employee-rewards": "24,250.00 USD", "marketing-us": "8,375.50 USD"}
	got := map[string]string{}
	for _, a := range s.Tango.Accounts {
		if _, ok := want[a.ID]; ok {
			got[a.ID] = a.Balance
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("balances (-want +got):\n%s", diff)
	}
	if len(s.Tango.Movements) != 1 || s.Pushed != "1 min 1 s" {
		t.Errorf("movements %v, clock pushed by %q", s.Tango.Movements, s.Pushed)
	}
	if len(s.Problems) > 0 {
		t.Errorf("Slack would mind: %v", s.Problems)
	}
}

func TestALostAnswerIsInDoubtAndNotRepeated(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	r.approve(r.request())
	r.do("fault", act{Call: "transfer", Fault: "drop_after"})
	if got := r.sees("U0LENA").Tango.Armed; got != "Next transfer: Money moves, the answer is lost" {
		t.Errorf("armed: %q", got)
	}
	r.do("clock", act{Push: 61})
	r.card("In doubt")
	r.do("clock", act{Push: 900})
	r.do("clock", act{Push: 900})
	if n := len(r.sees("U0LENA").Tango.Movements); n != 1 {
		t.Errorf("%d movements", n)
	}
}

// A restart finds everything: the conversation and an open form, Tango's money, the journal's approval, and the clock.
func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first := start(t, folder)
	first.do("clock", act{Push: 3600})
	first.approve(first.request())
	card := first.card("Approved, not sent yet")
	first.do("say", act{Person: "U0LENA", Place: "direct", Text: "/tango transfer"})
	form := first.form("U0LENA", "Request a transfer")
	first.tango.Spend("marketing-us", 100)
	first.stop()

	second := start(t, folder)
	s := second.sees("U0LENA")
	if s.Pushed != "1 h" {
		t.Errorf("the clock is pushed by %q", s.Pushed)
	}
	if len(s.Slack.Modals) != 1 || s.Slack.Modals[0].ID != form.ID {
		t.Errorf("open forms: %v", s.Slack.Modals)
	}
	if again := second.card("Approved, not sent yet"); again.TS != card.TS {
		t.Errorf("the card is %s, was %s", again.TS, card.TS)
	}
	if got := second.tango.Balance("marketing-us"); got != 812_450 {
		t.Errorf("balance %d", got)
	}
	second.do("clock", act{Push: 61})
	if again := second.card("Done, the money has moved"); again.TS != card.TS {
		t.Errorf("the card that closed is %s, was %s", again.TS, card.TS)
	}
}

// What happened is in the data file soon after, without a proper end.
func TestKilledProcessLosesLittle(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	r.do("say", act{Person: "U0LENA", Place: "C0GENERAL", Text: "remember this"})
	r.tango.Spend("marketing-us", 100)
	r.do("clock", act{Push: 7})
	for name, words := range map[string]string{"slacksim": "remember this", tangoBlob: `"notes":"order"`, "clock": "7000000000"} {
		r.until(name+" is saved", func() bool {
			saved, err := r.store.LoadBlob(name)
			if err != nil {
				t.Fatal(err)
			}
			return strings.Contains(string(saved), words)
		})
	}
}

func TestPushesWaitForTheMoneyCall(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	r.bot.sending <- struct{}{} // a money job is under way
	out, status := r.try("clock", act{Push: 60})
	if status != http.StatusBadRequest || !strings.Contains(out.Error, "under way") || r.clock.offset() != 0 {
		t.Errorf("a push during a money call: %d %q, the clock is ahead by %s", status, out.Error, r.clock.offset())
	}
	<-r.bot.sending
	r.do("clock", act{Push: 60})
}

// With servers of somebody else's the simulators are not there to be confused with them.
func TestOtherServersReplaceTheSimulators(t *testing.T) {
	t.Parallel()
	other := start(t, t.TempDir())
	r := start(t, t.TempDir(), "SLACK_API_URL="+other.address+slackPath+"/api/", "TANGO_API_URL="+other.address+tangoPath)
	s := r.sees("U0LENA")
	if s.Slack != nil || s.Tango != nil {
		t.Error("the page shows simulators that are not used")
	}
	for _, path := range []string{slackPath + "/api/auth.test", tangoPath + "/accounts"} {
		if got := r.call(http.MethodGet, path, "", nil).status; got != http.StatusNotFound {
			t.Errorf("%s answers %d", path, got)
		}
	}
	if out, status := r.try("say", act{Person: "U0LENA", Place: "direct", Text: "/tango help"}); status != http.StatusBadRequest || !strings.Contains(out.Error, "SLACK_API_URL") {
		t.Errorf("say: %d %q", status, out.Error)
	}
	if out, status := r.try("fault", act{Call: "transfer", Fault: "drop_after"}); status != http.StatusBadRequest || !strings.Contains(out.Error, "TANGO_API_URL") {
		t.Errorf("fault: %d %q", status, out.Error)
	}
	// The other workspace's people type, this bot answers through the other's Web API and reads the other's Tango.
	other.slack.SetURLs(slacksim.URLs{
		CommandsURL: r.address + "/slack/commands", InteractionsURL: r.address + "/slack/interactions",
		OptionsURL: r.address + "/slack/options", EventsURL: r.address + "/slack/events",
	})
	other.do("say", act{Person: "U0LENA", Place: "direct", Text: "/tango balance employee-rewards"})
	other.until("the balance", func() bool {
		for _, m := range other.sees("U0LENA").Slack.Direct.Messages {
			if strings.Contains(m.Text, "24,500.00 USD") {
				return true
			}
		}
		return false
	})
}
