package treasury_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

const (
	askList = "GET /accounts"
	askOne  = "GET /accounts/{a}"
)

func TestLowBalanceAlertsOncePerCrossing(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	b.add("marketing-us", 120_000)
	for _, step := range []struct {
		cents int64
		said  string
		rule  string
	}{
		{120_000, "", "above the threshold nothing is told"},
		{100_000, "", "at the threshold is not under it"},
		{99_999, "new low;", "a cent under it alerts"},
		{40_000, "", "falling further is the same crossing"},
		{100_000, "", "back at the threshold is not recovered"},
		{104_999, "", "nor is less than 5 % above it"},
		{90_000, "", "so falling again tells nothing"},
		{105_000, "update low recovered;", "5 % above is recovered, and said in the same message"},
		{101_000, "", "recovered stays recovered above the threshold"},
		{99_000, "new low;", "the next crossing has a message of its own"},
		{500_000, "update low recovered;", "and its own end"},
	} {
		b.set("marketing-us", step.cents)
		b.sweep(t)
		if got := b.said(t, "marketing-us"); got != step.said {
			t.Errorf("at %d cents: said %q, want %q: %s", step.cents, got, step.said, step.rule)
		}
	}
}

func TestLowAlertTellsTheReading(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	b.add("employee-rewards", 240_000)
	b.sweep(t)
	got := b.alertOf(t, "employee-rewards")
	if got.Balance != money.New(240_000, "USD") || got.Threshold != money.New(250_000, "USD") || !got.ReadAt.Equal(b.clock()) ||
		got.Account.Name != "The employee-rewards" {
		t.Errorf("the alert says %+v", got)
	}
}

func TestTangoIsAskedForTheLowOnesAlone(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	b.add("marketing-us", 900)
	b.add("sales-spiffs", 900_000)
	b.sweep(t)
	received := b.sim.Received()
	u, err := url.Parse(received[0].URI)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"maxBalance": {"2500.00"}, "currencyCode": {"USD"}, "status": {"ACTIVE"}, "maxResults": {"200"}, "paginate": {"true"},
	}
	if diff := cmp.Diff(want, u.Query()); len(received) != 1 || diff != "" {
		t.Errorf("%d calls; the first differs: %s", len(received), diff)
	}
}

func TestAlertsThatAreOverForAnotherReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*watchBench)
		said   string
	}{
		"frozen": {func(b *watchBench) { b.sim.SetStatus("marketing-us", "FROZEN") }, "update low unwatched;"},
		"gone": {func(b *watchBench) {
			b.set("marketing-us", 990_000)
			b.sim.Arm(tangosim.Fault{On: askOne, StatusBefore: 404, Key: "404.003"})
		}, "update low gone;"},
		"policy changed": {func(b *watchBench) { b.Policy.Low = treasury.Thresholds{} }, "update low unwatched;"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newWatchBench(t, watchPolicy)
			b.add("marketing-us", 50_000)
			b.sweep(t)
			if got := b.said(t, "marketing-us"); got != "new low;" {
				t.Fatalf("said %q", got)
			}
			c.change(b)
			b.sweep(t)
			if got := b.said(t, "marketing-us"); got != c.said {
				t.Errorf("said %q, want %q", got, c.said)
			}
		})
	}
}

func TestSnoozeIsSilentForADayAndThenTellsAgain(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	b.add("marketing-us", 50_000)
	b.sweep(t)
	b.show(t, "marketing-us")
	if err := b.Snooze(t.Context(), "U0LENA", "marketing-us"); err != nil {
		t.Fatal(err)
	}
	until := b.clock().Add(treasury.SnoozeTime)
	step := func(cents int64, want, rule string) {
		t.Helper()
		b.set("marketing-us", cents)
		b.sweep(t)
		if got := b.said(t, "marketing-us"); got != want {
			t.Errorf("said %q, want %q: %s", got, want, rule)
		}
	}
	if got := b.show(t, "marketing-us"); len(got) != 1 || got[0].String() != "update low" || !got[0].alert.IsSnoozed(b.clock()) ||
		got[0].alert.SnoozedBy != "U0LENA" || !got[0].alert.SnoozedUntil.Equal(until) {
		t.Errorf("after the snooze: %v", got)
	}
	step(40_000, "", "silent while it is low")
	step(500_000, "update low recovered;", "the end is said all the same")
	step(50_000, "", "a new crossing within the time is silent")
	b.pass(until.Sub(b.clock()) - 20*time.Minute)
	step(50_000, "", "a few minutes before its end it is silent")
	step(50_000, "new low;", "when the time is over and the account is low, it is told again")
	step(49_000, "", "once")
}

func TestSnoozeNeedsTheRightToAsk(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	b.add("marketing-us", 50_000)
	for _, c := range []struct {
		person string
		open   bool
		want   treasury.Why
	}{
		{"U0LENA", false, treasury.WhyAlertOver},
		{"U0VERA", true, treasury.WhyNoRequest},
		{"U0GUS", true, treasury.WhyStanding},
	} {
		if c.open {
			b.sweep(t)
		}
		var no *treasury.Forbidden
		err := b.Snooze(t.Context(), c.person, "marketing-us")
		if !errors.As(err, &no) || no.Why != c.want {
			t.Errorf("%s: %v, want %s", c.person, err, c.want)
		}
	}
	if a := b.alertOf(t, "marketing-us"); !a.SnoozedUntil.IsZero() {
		t.Error("somebody without the right snoozed it")
	}
}

// The bar of a large platform: 100,000 accounts cost the pages of the low ones, and one channel stays readable.
func TestSweepOfAHundredThousandAccounts(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, strings.Replace(watchPolicy, "2500", "900", 1))
	b.sim.Bulk(100_000) // of 0, 1, 2 … USD: the first thousand are under 1,000
	b.sweep(t)
	if lists, ones := b.asked(askList), b.asked(askOne); lists != 6 || ones != 0 {
		t.Errorf("%d pages and %d single accounts were asked for, want the 6 pages of 1,001 accounts", lists, ones)
	}
	behind := b.listed(t, "alerts/behind")
	many := slices.IndexFunc(behind, func(id string) bool { return strings.HasPrefix(id, "many/") })
	if len(behind) != 21 || many < 0 {
		t.Fatalf("%d messages are due: %v", len(behind), behind)
	}
	if a := b.alertOf(t, behind[many]); a.Count != 980 {
		t.Errorf("the message about the others counts %d", a.Count)
	}
	for _, id := range behind {
		b.show(t, id)
	}
	if open := b.listed(t, "alerts/open"); len(open) != 1000 {
		t.Errorf("%d alerts are open", len(open))
	}
	b.sweep(t)
	if lists, ones := b.asked(askList), b.asked(askOne); lists != 12 || ones != 0 {
		t.Errorf("the second sweep brought it to %d pages and %d single accounts", lists, ones)
	}
	if again := b.listed(t, "alerts/behind"); len(again) != 0 {
		t.Errorf("the second sweep told again: %v", again)
	}
	// One that was told of in the sum recovers in silence, one of the others in its message; both are read by themselves.
	b.set("bulk-000999", 200_000)
	b.set("bulk-000001", 200_000)
	b.sweep(t)
	if ones := b.asked(askOne); ones != 2 {
		t.Errorf("%d accounts were read one by one", ones)
	}
	if got := b.said(t, "bulk-000001"); got != "update low recovered;" {
		t.Errorf("said %q", got)
	}
}

// A sweep that is longer than a run goes on where it was, and counts every account once.
func TestSweepGoesOnInTheNextRun(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, strings.Replace(watchPolicy, "{USD: 1000}", "{USD: 50000}", 1))
	b.sim.Bulk(7000)
	b.sweep(t)
	if got := b.asked(askList); got != 30 {
		t.Errorf("the first run read %d pages", got)
	}
	b.pass(time.Minute)
	b.sim.Arm(tangosim.Fault{On: askList, Body: []byte("{}")})
	if err := b.SweepAlerts(t.Context()); err == nil {
		t.Error("an unreadable page is no error")
	}
	b.pass(time.Minute)
	if err := b.SweepAlerts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.asked(askList); got != 36 {
		t.Errorf("all runs together read %d pages, want 35 and the broken one", got)
	}
	for _, id := range b.listed(t, "alerts/behind") {
		if a := b.alertOf(t, id); a.Kind == treasury.AlertMany && a.Count != 6980 {
			t.Errorf("counted %d", a.Count)
		}
	}
	if n := len(b.listed(t, "alerts/behind")); n != 21 {
		t.Errorf("%d messages", n)
	}
	if n := len(b.listed(t, "alerts/open")); n != 6980 {
		t.Errorf("%d are open without a message", n)
	}
}

// A cursor that Tango does not take any more must not stop the sweep for good.
func TestSweepStartsOverWhenItsCursorIsRefused(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, strings.Replace(watchPolicy, "{USD: 1000}", "{USD: 50000}", 1))
	b.sim.Bulk(7000)
	b.sweep(t)
	b.sim.Arm(tangosim.Fault{On: askList, StatusBefore: 400, Key: "400.001"})
	if err := b.SweepAlerts(t.Context()); err == nil {
		t.Error("a refused page is no error")
	}
	for range 2 {
		if err := b.SweepAlerts(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.asked(askList); got != 30+1+35 {
		t.Errorf("%d pages were asked for", got)
	}
}

func TestSweepLeavesRoomInTheInvocation(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	b.add("marketing-us", 50_000)
	b.now = time.Now().Add(-10 * time.Second) // a context's deadline is of the real clock
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	if err := b.SweepAlerts(ctx); err != nil {
		t.Fatal(err)
	}
	if n := b.asked(askList); n != 0 {
		t.Errorf("%d pages were read with too little time left", n)
	}
	if err := b.SweepAlerts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := b.asked(askList); n != 1 {
		t.Errorf("%d pages were read by the next run", n)
	}
}

func TestSweepQueuesAgainWhatWasNotPosted(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	b.add("marketing-us", 50_000)
	b.sweep(t)
	jobs := func() (n int) {
		for _, body := range b.questions.take() {
			if body == `{"alert":"marketing-us"}` {
				n++
			}
		}
		return n
	}
	if n := jobs(); n != 1 {
		t.Errorf("%d jobs after the crossing", n)
	}
	b.pass(time.Minute)
	if err := b.SweepAlerts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := jobs(); n != 0 {
		t.Errorf("%d jobs while the first may be under way", n)
	}
	failed := errors.New("slack is down")
	err := b.ShowAlert(t.Context(), "marketing-us", func(context.Context, treasury.Alert) (treasury.Message, error) {
		return treasury.Message{}, failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("the failure is told as %v", err)
	}
	b.pass(2 * time.Minute)
	if err := b.SweepAlerts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := jobs(); n != 1 {
		t.Errorf("%d jobs when the message is missing", n)
	}
	b.show(t, "marketing-us")
	b.pass(5 * time.Minute)
	if err := b.SweepAlerts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := jobs(); n != 0 {
		t.Errorf("%d jobs when all is shown", n)
	}
}

// While a message is being posted, the same alert is not posted by another job, and a change in between is shown after.
func TestShowAlertHasTheMessageToItself(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	b.add("marketing-us", 50_000)
	b.sweep(t)
	var wants []int
	another := func() {
		if got := b.said(t, "marketing-us"); got != "" {
			t.Errorf("another job said %q at the same time", got)
		}
	}
	err := b.ShowAlert(t.Context(), "marketing-us", func(ctx context.Context, a treasury.Alert) (treasury.Message, error) {
		wants = append(wants, a.Want)
		if len(wants) == 1 {
			another()
			if err := b.Snooze(ctx, "U0LENA", "marketing-us"); err != nil {
				t.Error(err)
			}
		}
		return treasury.Message{Channel: "C0ALERTS", TS: "1.0"}, nil
	})
	if err != nil || !slices.Equal(wants, []int{1, 2}) {
		t.Errorf("revisions %v were shown, %v", wants, err)
	}
	if a := b.alertOf(t, "marketing-us"); a.IsBehind() || a.Message.TS != "1.0" {
		t.Errorf("kept %+v", a)
	}
}

func TestStatusChangesAreToldOnce(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	b.add("marketing-us", 500_000)
	b.add("sales-spiffs", 500_000)
	b.sim.SetStatus("sales-spiffs", "DISABLED")
	for _, step := range []struct {
		status, said, rule string
	}{
		{"ACTIVE", "", "the first refresh has nothing to compare with"},
		{"FROZEN", "new status;", "frozen is told"},
		{"FROZEN", "", "once"},
		{"INACTIVE", "new status;", "another trouble is told anew"},
		{"ACTIVE", "update status recovered;", "and its end in the same message"},
		{"DISABLED", "new status;", "the next time has a message of its own"},
		{"DELETED", "update status gone;", "deleted ends it"},
		{"ACTIVE", "", "nothing is told of a status without trouble"},
	} {
		b.sim.SetStatus("marketing-us", step.status)
		b.pass(16 * time.Minute)
		if err := b.RefreshDirectory(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.said(t, "status/marketing-us"); got != step.said {
			t.Errorf("at %s: said %q, want %q: %s", step.status, got, step.said, step.rule)
		}
	}
	if got := b.said(t, "status/sales-spiffs"); got != "" {
		t.Errorf("an account that was disabled all the time is told of: %q", got)
	}
}

// A refresh that starts over sees the same change again, against the same old directory.
func TestStatusChangeIsToldOnceByARefreshThatStartsOver(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	b.add("marketing-us", 500_000)
	if err := b.RefreshDirectory(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.sim.SetStatus("marketing-us", "FROZEN")
	b.pass(16 * time.Minute)
	b.sim.Arm(tangosim.Fault{On: "GET /customers", Body: []byte("{}")})
	if err := b.RefreshDirectory(t.Context()); err == nil {
		t.Fatal("an unreadable page is no error")
	}
	if got := b.said(t, "status/marketing-us"); got != "new status;" {
		t.Errorf("said %q", got)
	}
	b.pass(61 * time.Minute)
	before := b.asked(askList)
	if err := b.RefreshDirectory(t.Context()); err != nil || b.asked(askList) == before {
		t.Fatalf("it did not start over: %v", err)
	}
	if got := b.said(t, "status/marketing-us"); got != "" {
		t.Errorf("said %q once more", got)
	}
}

// Two runs may overlap: the reading that was taken first must not undo what a later one said.
func TestAnOlderReadingChangesNothing(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	b.add("marketing-us", 50_000)
	b.put(t, "ALERT#marketing-us", treasury.Alert{
		ID: "marketing-us", Kind: treasury.AlertLow, End: treasury.EndRecovered, ReadAt: b.clock().Add(time.Hour),
	}, nil)
	b.sweep(t)
	if got := b.said(t, "marketing-us"); got != "" {
		t.Errorf("said %q", got)
	}
	b.pass(time.Hour)
	b.sweep(t)
	if got := b.said(t, "marketing-us"); got != "new low;" {
		t.Errorf("a later reading said %q", got)
	}
}

func TestManyStatusChangesAreToldTogether(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	for i := range 30 {
		b.add(fmt.Sprintf("account-%02d", i), 500_000)
	}
	for _, status := range []string{"ACTIVE", "FROZEN"} {
		for i := range 30 {
			b.sim.SetStatus(fmt.Sprintf("account-%02d", i), status)
		}
		b.pass(16 * time.Minute)
		if err := b.RefreshDirectory(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	behind := b.listed(t, "alerts/behind")
	many := slices.IndexFunc(behind, func(id string) bool { return strings.HasPrefix(id, "many/FROZEN/") })
	if len(behind) != 21 || many < 0 {
		t.Fatalf("%d messages: %v", len(behind), behind)
	}
	if a := b.alertOf(t, behind[many]); a.Count != 10 || a.Status != treasury.AccountFrozen {
		t.Errorf("the sum says %+v", a)
	}
}

func TestOverdueDepositsAreToldUntilTheyAreDecided(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	r := treasury.Request{ID: "TB-00000001", State: treasury.StateSettling, Step: 5, Attempt: &treasury.Attempt{ID: "TB-00000001.1"}}
	place := func(r treasury.Request) {
		b.put(t, "REQ#"+r.ID, r, map[treasury.Index]treasury.Place{treasury.ByState: {Key: "state/" + string(r.State), Sort: r.ID}})
	}
	for _, step := range []struct {
		state   treasury.State
		overdue bool
		said    string
	}{
		{treasury.StateSettling, false, ""},
		{treasury.StateSettling, true, "new overdue;"},
		{treasury.StateSettling, true, ""},
		{treasury.StateSucceeded, true, "update overdue decided;"},
	} {
		r.State, r.Overdue = step.state, step.overdue
		place(r)
		b.sweep(t)
		if got := b.said(t, "overdue/TB-00000001"); got != step.said {
			t.Errorf("%s, overdue %v: said %q, want %q", step.state, step.overdue, got, step.said)
		}
	}
}

func TestReadLowListsWhoIsUnderNow(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	b.add("sales-spiffs", 90_000)
	b.add("marketing-us", 50_000)
	b.add("employee-rewards", 240_000)
	b.add("referral-program", 240_000)
	b.sweep(t)
	if err := b.Snooze(t.Context(), "U0MAYA", "sales-spiffs"); err != nil {
		t.Fatal(err)
	}
	low, err := b.ReadLow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range low.Readings {
		ids = append(ids, r.Account.ID)
	}
	if !slices.Equal(ids, []string{"employee-rewards", "marketing-us", "sales-spiffs"}) || !low.Complete {
		t.Errorf("low are %v, complete %v", ids, low.Complete)
	}
	if _, ok := low.Snoozed["sales-spiffs"]; !ok || len(low.Snoozed) != 1 {
		t.Errorf("snoozed are %v", low.Snoozed)
	}
	b.sim.Bulk(90_000)
	b.Policy.Low.Default["USD"] = money.New(9_000_000, "USD")
	before := b.asked(askList)
	if low, err = b.ReadLow(t.Context()); err != nil || low.Complete {
		t.Errorf("a list that was cut says it is complete: %v", err)
	}
	if n := b.asked(askList) - before; n != 8 {
		t.Errorf("%d pages were read", n)
	}
}
