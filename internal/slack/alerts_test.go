package slack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestLowBalanceIsOneMessageFromCrossingToRecovery(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	b.add("marketing-us", "Marketing <US>", "USD", 81_250)
	b.watch(t)
	goldenMessage(t, "low", b.last(t))
	if got := buttonsOf(t, b.last(t)); !slices.Equal(got, []string{"deposit_to", "transfer_to", "snooze"}) {
		t.Errorf("buttons %v", got)
	}
	b.watch(t)
	if n := len(b.alerts()); n != 1 {
		t.Errorf("%d messages after a second sweep", n)
	}
	b.set("marketing-us", 250_000)
	b.watch(t)
	goldenMessage(t, "recovered", b.last(t))
	if n, buttons := len(b.alerts()), buttonsOf(t, b.last(t)); n != 1 || len(buttons) != 0 {
		t.Errorf("%d messages, buttons %v", n, buttons)
	}
	b.set("marketing-us", 90_000)
	b.watch(t)
	if n := len(b.alerts()); n != 2 {
		t.Errorf("%d messages after the next crossing", n)
	}
}

func TestButtonsOfALowBalance(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	b.add("marketing-us", "Marketing US", "USD", 81_250)
	b.watch(t)
	press := func(person, action string) slacksim.View {
		t.Helper()
		m := b.last(t)
		if _, err := b.Click(t.Context(), person, slacksim.Target{Channel: m.Channel, TS: m.TS, Action: action}); err != nil {
			t.Fatal(err)
		}
		b.drain(t)
		stack := b.Modals(person)
		if len(stack) == 0 {
			return slacksim.View{}
		}
		return stack[len(stack)-1]
	}
	if v := press("U0RAVI", "deposit_to"); v.Title == nil || v.Title.Text != "Request a deposit" || !strings.Contains(string(v.Blocks), "marketing-us") {
		t.Errorf("Deposit opened %+v", v.Title)
	}
	if v := press("U0LENA", "transfer_to"); v.Title == nil || v.Title.Text != "Request a transfer" || !strings.Contains(string(v.Blocks), "marketing-us") {
		t.Errorf("Transfer in opened %+v", v.Title)
	}
	if v := press("U0MAYA", "snooze"); v.ID != "" {
		t.Errorf("Snooze opened %s", v.Blocks)
	}
	goldenMessage(t, "snoozed", b.last(t))
	if got := buttonsOf(t, b.last(t)); !slices.Equal(got, []string{"deposit_to", "transfer_to"}) {
		t.Errorf("buttons of a snoozed alert: %v", got)
	}
	b.pass(24 * time.Hour)
	b.watch(t)
	if n := len(b.alerts()); n != 2 {
		t.Errorf("%d messages when the snooze is over", n)
	}
}

func TestSnoozeIsRefusedInWords(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t, func(c *slacksim.Config, _ *treasury.Policy) {
		for i, channel := range c.Directory.Channels {
			if channel.ID == "C0ALERTS" {
				c.Directory.Channels[i].Members = append(channel.Members, "U0VERA")
			}
		}
	})
	b.add("marketing-us", "Marketing US", "USD", 81_250)
	b.watch(t)
	m := b.last(t)
	if _, err := b.Click(t.Context(), "U0VERA", slacksim.Target{Channel: m.Channel, TS: m.TS, Action: "snooze"}); err != nil {
		t.Fatal(err)
	}
	stack := b.Modals("U0VERA")
	if len(stack) != 1 || !strings.Contains(string(stack[0].Blocks), "You may not ask for changes.") {
		t.Errorf("a viewer sees %v", stack)
	}
	if got := buttonsOf(t, b.last(t)); !slices.Contains(got, "snooze") {
		t.Error("it was snoozed all the same")
	}
}

func TestAlertsThatAreNoLowBalance(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	b.add("marketing-us", "Marketing US", "USD", 500_000)
	if err := b.desk.RefreshDirectory(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, status := range []string{"FROZEN", "DISABLED", "INACTIVE", "ACTIVE"} {
		b.sim.SetStatus("marketing-us", status)
		b.watch(t)
		goldenMessage(t, "status-"+strings.ToLower(status), b.last(t))
	}
	if n := len(b.alerts()); n != 3 {
		t.Errorf("%d messages about three troubles", n)
	}
}

func TestEveryKindOfAlertIsDrawn(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 11, 0, 0, 0, time.UTC)
	card := func(i int) treasury.Card {
		return treasury.Card{
			Token: fmt.Sprint("t-", i), Label: fmt.Sprintf("Card & %s %d", strings.Repeat("long ", 15), i), LastFour: fmt.Sprintf("%04d", i),
			Expires: "2026-12", Account: "marketing-us",
		}
	}
	var cards []treasury.Card
	for i := range 15 {
		cards = append(cards, card(i))
	}
	account := treasury.AccountRef{ID: "marketing-us", Number: "A12345678", Name: "Marketing *US*"}
	r := treasury.Request{
		ID: "TB-0VERDVE0", Requester: "U0LENA", State: treasury.StateSettling, Step: 7, Overdue: true,
		Action: treasury.Action{Kind: treasury.ActionDeposit, Deposit: &treasury.Deposit{
			Customer: "acme-rewards", Account: account, Amount: money.New(125_000, "USD"),
			Card: treasury.CardRef{Token: "t-1", Label: "Company Visa", LastFour: "1111", Expires: "2029-04"},
		}},
		Attempt: &treasury.Attempt{ID: "TB-0VERDVE0.1", SentAt: at.Add(-6 * 24 * time.Hour)},
		Answer:  &treasury.Answer{Verdict: treasury.VerdictPending, Deposit: &treasury.DepositResult{ID: "RAD-261118-5407"}},
	}
	done := r
	done.ID, done.State = "TB-0VERDVE1", treasury.StateSucceeded
	low := treasury.Alert{Kind: treasury.AlertLow, Account: account, Balance: money.New(123, "USD"), ReadAt: at, Since: at.Add(-time.Hour)}
	ended := func(a treasury.Alert, end treasury.AlertEnd, status treasury.AccountStatus) treasury.Alert {
		a.End, a.EndedAt, a.Status = end, at, status
		a.Message = treasury.Message{Channel: "C0ALERTS", TS: "gone"} // posted anew when it cannot be updated
		return a
	}
	for name, a := range map[string]treasury.Alert{
		"unwatched-status": ended(low, treasury.EndUnwatched, treasury.AccountFrozen),
		"unwatched-policy": ended(low, treasury.EndUnwatched, treasury.AccountActive),
		"gone":             ended(low, treasury.EndGone, treasury.AccountActive),
		"status-gone": ended(treasury.Alert{Kind: treasury.AlertStatus, Account: account, ReadAt: at, Before: treasury.AccountFrozen},
			treasury.EndGone, treasury.AccountDeleted),
		"many-low":      {Kind: treasury.AlertMany, Count: 980, ReadAt: at},
		"many-frozen":   {Kind: treasury.AlertMany, Count: 1, Status: treasury.AccountFrozen, ReadAt: at},
		"overdue":       {Kind: treasury.AlertOverdue, Open: true, Request: r.ID, Since: at},
		"overdue-done":  ended(treasury.Alert{Kind: treasury.AlertOverdue, Request: done.ID, Since: at}, treasury.EndDecided, ""),
		"cards":         {Kind: treasury.AlertCards, Since: at, Count: 1, Cards: cards[:1]},
		"cards-many":    {Kind: treasury.AlertCards, Since: at, Count: 47, Cards: cards},
		"review":        {Kind: treasury.AlertReview, Since: at, Count: 12, Expired: 2},
		"frozen-twice":  {Kind: treasury.AlertFrozen, Open: true, Account: account, Request: done.ID, Twice: true, Since: at},
		"frozen-late":   {Kind: treasury.AlertFrozen, Open: true, Account: account, Request: done.ID, Since: at},
		"frozen-freed":  ended(treasury.Alert{Kind: treasury.AlertFrozen, Account: account, Request: done.ID, By: "U0MAYA"}, treasury.EndFreed, ""),
		"review-no-old": {Kind: treasury.AlertReview, Since: at, Count: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAlertBench(t)
			b.put(t, "REQ#"+r.ID, r, nil)
			b.put(t, "REQ#"+done.ID, done, nil)
			a.ID, a.Want = "test/"+name, 1
			b.put(t, "ALERT#"+a.ID, a, nil)
			if err := b.edge.Job(t.Context(), []byte(`{"alert":"`+a.ID+`"}`)); err != nil {
				t.Fatal(err)
			}
			goldenMessage(t, name, b.last(t))
		})
	}
}

// What was over before anybody was told is not told at all.
func TestAlertThatEndedUnseenIsNotPosted(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	a := treasury.Alert{ID: "marketing-us", Kind: treasury.AlertLow, End: treasury.EndRecovered, Want: 2}
	b.put(t, "ALERT#marketing-us", a, nil)
	if err := b.edge.Job(t.Context(), []byte(`{"alert":"marketing-us"}`)); err != nil {
		t.Fatal(err)
	}
	if n := len(b.alerts()); n != 0 {
		t.Errorf("%d messages", n)
	}
}

func TestAlertSurvivesSlackBeingDown(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	b.add("marketing-us", "Marketing US", "USD", 81_250)
	b.pass(time.Minute)
	if err := b.desk.SweepAlerts(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Inject(slacksim.Fault{Method: "chat.postMessage", Status: 503})
	if err := b.edge.Job(t.Context(), []byte(`{"alert":"marketing-us"}`)); err == nil {
		t.Error("a message that was not posted is no error, so nothing brings it back")
	}
	b.jobs = nil
	b.watch(t) // the sweep finds it
	if n := len(b.alerts()); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestAlertsCommand(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	b.add("employee-rewards", "Employee Rewards", "USD", 240_000)
	b.add("marketing-us", "Marketing US", "USD", 81_250)
	b.add("europe-events", "Europe Events", "EUR", 12_000)
	b.add("sales-spiffs", "Sales Spiffs", "USD", 900_000)
	b.watch(t)
	if err := b.desk.Snooze(t.Context(), "U0MAYA", "marketing-us"); err != nil {
		t.Fatal(err)
	}
	goldenMessage(t, "command", b.types(t, "U0VERA", "alerts"))
	b.sim.SetStatus("europe-events", "DISABLED")
	for _, id := range []string{"employee-rewards", "marketing-us"} {
		b.set(id, 900_000)
	}
	goldenMessage(t, "command-none", b.types(t, "U0VERA", "alerts"))
	if m := b.types(t, "U0GUS", "alerts"); !strings.Contains(m.Text, "Guests cannot use Tangobot") {
		t.Errorf("a guest sees %q", m.Text)
	}
}

func TestAlertsCommandPages(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	b.sim.Bulk(400)
	m := b.types(t, "U0VERA", "alerts")
	if !strings.Contains(m.Text, "400 active accounts under the threshold") || !strings.Contains(m.Text, "press Next") ||
		strings.Count(m.Text, "Bulk Account") != 10 {
		t.Errorf("the first page says %s", m.Text)
	}
	if _, err := b.Click(t.Context(), "U0VERA", slacksim.Target{Channel: m.Channel, TS: m.TS, Action: "next"}); err != nil {
		t.Fatal(err)
	}
	b.drain(t)
	list := b.Ephemerals("U0VERA")
	if m = list[len(list)-1]; !strings.Contains(m.Text, "bulk-000010") {
		t.Errorf("the second page says %s", m.Text)
	}
}

func TestAlertsCommandWithoutTango(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	b.add("marketing-us", "Marketing US", "USD", 81_250)
	b.add("sales-spiffs", "Sales Spiffs", "USD", 900_000)
	if err := b.desk.RefreshDirectory(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.sim.Arm(faultsOn("GET /accounts", 3)...)
	m := b.types(t, "U0VERA", "alerts")
	if !strings.Contains(m.Text, "as last known") || !strings.Contains(m.Text, "marketing-us") || strings.Contains(m.Text, "sales-spiffs") {
		t.Errorf("the answer is %s", m.Text)
	}
}

func TestCardsAreRegisteredElsewhere(t *testing.T) {
	t.Parallel()
	for registration, want := range map[treasury.Registration]string{
		treasury.RegistrationPage:   "",
		treasury.RegistrationPortal: "<https://portal.tangocard.com|open Tango's portal>",
		treasury.RegistrationOff:    "Cards are not registered through Tangobot here.",
	} {
		t.Run(string(registration), func(t *testing.T) {
			t.Parallel()
			b := newAlertBench(t, func(_ *slacksim.Config, p *treasury.Policy) { p.Cards = registration })
			b.add("marketing-us", "Marketing US", "USD", 500_000)
			if err := b.desk.RefreshDirectory(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"card register", "card register marketing-us"} {
				if _, err := b.Slash(t.Context(), "U0LENA", "", text); err != nil {
					t.Fatal(err)
				}
			}
			modals, said := b.Modals("U0LENA"), b.Ephemerals("U0LENA")
			if want == "" {
				if len(modals) == 0 || len(said) != 0 {
					t.Errorf("%d forms, said %v", len(modals), said)
				}
				return
			}
			if len(modals) != 0 || len(said) != 2 || !strings.Contains(said[0].Text, want) || said[0].Text != said[1].Text {
				t.Errorf("%d forms, said %v", len(modals), said)
			}
		})
	}
}
