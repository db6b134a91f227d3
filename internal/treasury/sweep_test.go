package treasury_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/treasury"
)

func (b *bench) sweep() {
	b.t.Helper()
	if err := b.Sweep(b.t.Context()); err != nil {
		b.t.Fatalf("sweeping: %v", err)
	}
}

func TestSweepExpires(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approve("U0MAYA", b.submit("U0LENA", draft("1000"))) // one of two votes
	b.clock.push(24*time.Hour - 1)
	b.sweep()
	b.is(r.ID, treasury.StatePending, treasury.ReasonNone)
	b.clock.push(1)
	b.sweep()
	if now := b.is(r.ID, treasury.StateExpired, treasury.ReasonNone); !now.ClosedAt.Equal(b.clock.Now()) || now.ClosedBy != "" {
		t.Errorf("closed at %v by %q", now.ClosedAt, now.ClosedBy)
	}
	if n := b.notice(r.ID); n.Want != 3 {
		t.Errorf("notice %+v", n)
	}
	b.sweep()
	if now := b.find(r.ID); now.Step != 3 {
		t.Errorf("expired again: step %d", now.Step)
	}
}

// TestSweepReminds: after four hours, then doubling, and not for ever.
func TestSweepReminds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	policy := *b.Policy
	policy.Expire = 1000 * time.Hour
	b.Policy = &policy
	r := b.submit("U0LENA", draft("100"))
	age, reminded := 0, 0
	for _, c := range []struct{ hours, reminders int }{
		{1, 0}, {4, 1}, {5, 1}, {8, 2}, {9, 2}, {16, 3}, {32, 4}, {64, 5}, {128, 5}, {999, 5},
	} {
		b.clock.push(time.Duration(c.hours-age) * time.Hour)
		age = c.hours
		if err := b.announce(r.ID); err != nil {
			t.Fatal(err)
		}
		b.questions.drain()
		b.sweep()
		n := b.notice(r.ID)
		if n.Reminders != c.reminders || n.Reminded != reminded || n.Want != 1 {
			t.Errorf("after %d h: %+v, want %d reminders", c.hours, n, c.reminders)
		}
		jobs := b.questions.drain()
		if asked := len(jobs) == 1 && jobs[0].Announce == r.ID; asked != (c.reminders > reminded) {
			t.Errorf("after %d h: announcements %+v", c.hours, jobs)
		}
		reminded = c.reminders
		b.effects.forget()
		b.sweep()
		if again := b.notice(r.ID); again != n || slices.Contains(b.effects.seen(), "commit") {
			t.Errorf("a second sweep after %d h wrote %+v over %+v", c.hours, again, n)
		}
	}
}

// TestSweepDoesNotRemindOfWhatIsDecided: a reminder is about votes.
func TestSweepDoesNotRemindOfWhatIsDecided(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approve("U0MAYA", b.submit("U0LENA", draft("100")))
	b.clock.push(20 * time.Hour)
	b.sweep()
	if n := b.notice(r.ID); n.Reminders != 0 {
		t.Errorf("notice %+v", n)
	}
}

func TestSweepQueuesWhatWaits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	due, early := b.approved(), b.approve("U0MAYA", b.submit("U0LENA", draft("101")))
	b.submit("U0LENA", draft("102"))
	b.money.drain() // the messages were lost
	b.sweep()
	if jobs := b.money.drain(); len(jobs) != 1 || jobs[0].Execute != due.ID || jobs[0].due.After(b.clock.Now()) {
		t.Errorf("executions %+v, want %s alone", jobs, due.ID)
	}
	b.clock.push(b.Policy.Undo)
	b.sweep()
	if jobs := b.money.drain(); len(jobs) != 2 || jobs[1].Execute != early.ID {
		t.Errorf("executions %+v", jobs)
	}
}

// TestSweepEndsDeadWorkers waits until the worker is certainly dead: the end of its invocation, and the clocks' skew.
func TestSweepEndsDeadWorkers(t *testing.T) {
	t.Parallel()
	for from, to := range map[treasury.State]treasury.State{
		treasury.StateClaimed: treasury.StateApproved, // provably nothing was sent
		treasury.StateSending: treasury.StateInDoubt,
	} {
		t.Run(string(from), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.stopAt(from)
			b.money.drain()
			b.clock.push(r.Attempt.NotAfter.Sub(b.clock.Now()) + treasury.SettleAfter)
			b.sweep()
			b.is(r.ID, from, treasury.ReasonNone)
			b.clock.push(1)
			b.sweep()
			now := b.is(r.ID, to, treasury.ReasonNone)
			if to == treasury.StateInDoubt {
				if now.Answer == nil || now.Answer.Doubt != treasury.DoubtLost || b.lane("marketing-us") != r.ID {
					t.Errorf("answer %+v, lane %q", now.Answer, b.lane("marketing-us"))
				}
				return
			}
			if b.lane("marketing-us") != "" || b.lane("sales-spiffs") != "" {
				t.Error("the lanes are held")
			}
			if jobs := b.money.drain(); len(jobs) != 1 || jobs[0].Execute != r.ID {
				t.Errorf("executions %+v", jobs)
			}
			b.clock.push(time.Minute)
			b.executed(r.ID)
			b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
			b.moved(r.ID, 1)
		})
	}
}

func TestThreeDeadWorkersEndTheRequest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approved()
	for range treasury.MaxAttempts {
		b.kill(r.ID, on("pace", 1, diesAfter))
		b.clock.push(invocation + treasury.SettleAfter + 1)
		b.sweep()
	}
	b.is(r.ID, treasury.StateFailed, treasury.ReasonAttempts)
	b.moved(r.ID, 0)
	if b.lane("marketing-us") != "" {
		t.Error("the lane is held")
	}
}

func TestSweepNeverSends(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, s := range []treasury.State{treasury.StatePending, treasury.StateClaimed, treasury.StateApproved} {
		b.stopAt(s)
	}
	b.Mover, b.Books, b.Pacer = nil, nil, nil
	b.clock.push(time.Hour)
	b.sweep()
}

func TestSweepBringsNoticesBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ids := []string{b.submit("U0LENA", draft("100")).ID, b.submit("U0LENA", draft("101")).ID}
	shown := b.submit("U0LENA", draft("102")).ID
	if err := b.announce(shown); err != nil {
		t.Fatal(err)
	}
	b.questions.drain() // the messages were lost
	b.sweep()
	if got := announced(b); !slices.Equal(got, sorted(ids)) {
		t.Errorf("announcements of %q, want of %q", got, ids)
	}
	for _, id := range ids {
		if err := b.announce(id); err != nil {
			t.Fatal(err)
		}
	}
	b.sweep()
	if got := announced(b); len(got) != 0 {
		t.Errorf("announcements of what is shown: %q", got)
	}
	b.approve("U0MAYA", b.find(shown))
	b.questions.drain()
	b.sweep()
	if got := announced(b); !slices.Equal(got, []string{shown}) {
		t.Errorf("announcements after the next step: %q", got)
	}
}

func announced(b *bench) []string {
	ids := map[string]bool{}
	for _, j := range b.questions.drain() {
		ids[j.Announce] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

func sorted(ids []string) []string { return slices.Sorted(slices.Values(ids)) }

// TestEachPartOfTheSweepGoesOn: one list that cannot be read, one commit that fails or one queue that is away must not
// keep the other parts from their work.
func TestEachPartOfTheSweepGoesOn(t *testing.T) {
	t.Parallel()
	type work struct {
		Expired, Reminded, Queued, Released, Doubted, Announced bool
	}
	all := work{true, true, true, true, true, true}
	for _, c := range []struct {
		breaks string
		fails  bool
		lost   func(*work)
	}{
		{"nothing", false, func(*work) {}},
		{"list state/pending", true, func(w *work) { w.Expired, w.Reminded = false, false }},
		{"list state/approved", true, func(w *work) { w.Queued = false }},
		{"list state/claimed", true, func(w *work) { w.Released = false }},
		{"list state/sending", true, func(w *work) { w.Doubted = false }},
		{"list state/in_doubt", true, func(*work) {}},
		{"list notices/behind", true, func(w *work) { w.Announced = false }},
		{"commit expired", true, func(w *work) { w.Expired = false }},
		{"commit", true, func(w *work) { w.Reminded = false }},
		{"commit approved", true, func(w *work) { w.Released = false }},
		{"commit in_doubt", true, func(w *work) { w.Doubted = false }},
		{"queue money", false, func(w *work) { w.Queued = false }},
		{"queue questions", true, func(w *work) { w.Announced = false }},
	} {
		t.Run(c.breaks, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			expiring := b.submit("U0LENA", draft("100"))
			b.clock.push(19 * time.Hour)
			reminding := b.submit("U0LENA", draft("100"))
			claimed, sending := b.stopAt(treasury.StateClaimed), b.submit("U0LENA", elsewhere("100"))
			b.approve("U0MAYA", sending)
			waiting := b.approve("U0MAYA", b.submit("U0LENA", draft("100")))
			b.clock.push(b.Policy.Undo)
			b.kill(sending.ID, on("move", 1, diesBefore))
			b.clock.push(5 * time.Hour)
			b.money.drain()
			b.questions.drain()

			b.effects.breaks(always(c.breaks, failsBefore))
			if err := b.Sweep(t.Context()); errors.Is(err, errEffect) != c.fails || err != nil && !errors.Is(err, errEffect) {
				t.Errorf("sweeping: %v", err)
			}
			got := work{
				Expired: b.find(expiring.ID).State == treasury.StateExpired, Reminded: b.notice(reminding.ID).Reminders == 1,
				Queued:   slices.ContainsFunc(b.money.drain(), func(j sent) bool { return j.Execute == waiting.ID }),
				Released: b.find(claimed.ID).State == treasury.StateApproved, Doubted: b.find(sending.ID).State == treasury.StateInDoubt,
				Announced: slices.Contains(announced(b), waiting.ID), // whom no other part touches
			}
			want := all
			c.lost(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("done:\n%s", diff)
			}
		})
	}
}

// elsewhere is a transfer between accounts that draft does not touch.
func elsewhere(amount string) treasury.Draft {
	d := draft(amount)
	d.From, d.To = "employee-rewards", "referral-program"
	return d
}

// TestWatchSweepsWithoutTango: requests expire whether Tango answers or not.
func TestWatchSweepsWithoutTango(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.submit("U0LENA", draft("100"))
	b.clock.push(24 * time.Hour)
	b.effects.breaks(always("accounts", failsBefore))
	if err := b.Watch(t.Context()); !errors.Is(err, errEffect) {
		t.Errorf("Tango's error is not told: %v", err)
	}
	b.is(r.ID, treasury.StateExpired, treasury.ReasonNone)
	b.effects.breaks(always("list state/pending", failsBefore))
	asked := b.sim.Requests()["GET /accounts"]
	if err := b.Watch(t.Context()); !errors.Is(err, errEffect) {
		t.Errorf("the journal's error is not told: %v", err)
	}
	if b.sim.Requests()["GET /accounts"] == asked {
		t.Error("the directory was not refreshed")
	}
}

func TestListsOfTheDesk(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	doubt := b.stopAt(treasury.StateInDoubt)
	b.clock.push(time.Minute)
	pending := b.submit("U0MAYA", elsewhere("100"))
	var done []string
	for range 3 {
		b.clock.push(time.Minute)
		done = append(done, b.executedFor("U0LENA", elsewhere("10")).ID)
	}
	ids := func(requests []treasury.Request) (ids []string) {
		for _, r := range requests {
			ids = append(ids, r.ID)
		}
		return ids
	}
	open, err := b.Open(t.Context())
	if got := ids(open); err != nil || !slices.Equal(got, []string{pending.ID, doubt.ID}) {
		t.Errorf("open: %q, %v", got, err)
	}
	if doubts, err := b.InDoubt(t.Context()); err != nil || !slices.Equal(ids(doubts), []string{doubt.ID}) {
		t.Errorf("in doubt: %q, %v", ids(doubts), err)
	}
	first, next, err := b.Mine(t.Context(), "U0LENA", "", 2)
	if err != nil || !slices.Equal(ids(first), []string{done[2], done[1]}) || next == "" {
		t.Errorf("mine: %q, next %q, %v", ids(first), next, err)
	}
	rest, next, err := b.Mine(t.Context(), "U0LENA", next, 2)
	if err != nil || !slices.Equal(ids(rest), []string{done[0], doubt.ID}) || next != "" {
		t.Errorf("mine, page 2: %q, next %q, %v", ids(rest), next, err)
	}
	closed, _, err := b.Closed(t.Context(), treasury.StateSucceeded, "", 10)
	if err != nil || !slices.Equal(ids(closed), []string{done[2], done[1], done[0]}) {
		t.Errorf("succeeded: %q, %v", ids(closed), err)
	}
}
