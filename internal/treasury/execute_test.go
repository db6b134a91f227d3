package treasury_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestExecuteMovesMoney(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approved()
	b.questions.drain()
	b.clock.push(time.Second)
	b.sim.Spend("marketing-us", 50) // somebody's order since the form was shown
	b.executed(r.ID)
	now := b.clock.Now()
	done := b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
	b.moved(r.ID, 1)
	if b.sim.Balance("marketing-us") != 802500 || b.sim.Balance("sales-spiffs") != 41275 {
		t.Errorf("balances %d and %d", b.sim.Balance("marketing-us"), b.sim.Balance("sales-spiffs"))
	}
	want := &treasury.Attempt{ID: r.ID + ".1", NotAfter: now.Add(invocation), SentAt: now, Before: []treasury.BalanceRead{
		{Account: "marketing-us", Balance: usd(812500), At: now}, {Account: "sales-spiffs", Balance: usd(31275), At: now},
	}}
	if diff := cmp.Diff(want, done.Attempt); diff != "" {
		t.Errorf("attempt:\n%s", diff)
	}
	a := done.Answer
	if a.Verdict != treasury.VerdictDone || a.Moved != usd(10000) || a.FromBefore != usd(812500) || a.FromAfter != usd(802500) ||
		a.ToBefore != usd(31275) || a.ToAfter != usd(41275) || a.Request == "" {
		t.Errorf("answer %+v", a)
	}
	if !done.ClosedAt.Equal(now) || done.Step != 5 || b.lane("marketing-us") != "" || b.lane("sales-spiffs") != "" {
		t.Errorf("closed at %v, step %d, lanes %q, %q", done.ClosedAt, done.Step, b.lane("marketing-us"), b.lane("sales-spiffs"))
	}
	if m := b.sim.Movements(); m[len(m)-1].Notes != "Q4 ["+r.ID+".1]" {
		t.Errorf("notes %q", m[len(m)-1].Notes)
	}
	known, at, err := b.Known(t.Context(), "marketing-us")
	if err != nil || known.Balance != usd(802500) || !at.Equal(now) {
		t.Errorf("known balance %v of %v, %v", known.Balance, at, err)
	}
	if jobs := b.questions.drain(); len(jobs) != 3 || b.notice(r.ID).Want != 5 {
		t.Errorf("announcements %+v, notice %+v", jobs, b.notice(r.ID))
	}
}

func TestExecuteJob(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, body := range []string{"", "null", "{}", `{"execute":""}`, `{"announce":"TB-00000000"}`, `[1]`, "\xff"} {
		if err := b.ExecuteJob(t.Context(), []byte(body)); !errors.Is(err, treasury.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", body, err)
		}
	}
	r := b.approved()
	if err := b.ExecuteJob(t.Context(), []byte(`{"execute":"`+r.ID+`"}`)); !errors.Is(err, treasury.ErrInvalid) {
		t.Errorf("without a deadline: %v", err)
	}
	b.is(r.ID, treasury.StateApproved, treasury.ReasonNone)
}

// stopAt leaves a request in a state.
func (b *bench) stopAt(s treasury.State) treasury.Request {
	b.t.Helper()
	if s == treasury.StatePending {
		return b.submit("U0LENA", draft("100"))
	}
	r := b.approved()
	switch s {
	case treasury.StatePending, treasury.StateApproved:
	case treasury.StateClaimed:
		b.kill(r.ID, on("pace", 1, diesBefore))
	case treasury.StateSending:
		b.kill(r.ID, on("move", 1, diesAfter))
	case treasury.StateInDoubt:
		b.sim.Arm(tangosim.Fault{DropAfter: true})
		b.executed(r.ID)
	case treasury.StateSucceeded:
		b.executed(r.ID)
	case treasury.StateSettling, treasury.StateDeclined:
		d := draftOf(treasury.ActionDeposit)
		d.Amount = map[treasury.State]string{treasury.StateSettling: "5.55", treasury.StateDeclined: "7.55"}[s]
		r = b.approvedFor(d)
		b.executed(r.ID)
	case treasury.StateFailed:
		b.sim.Arm(tangosim.Fault{StatusBefore: 400, Key: "400.001"})
		b.executed(r.ID)
	case treasury.StateDenied, treasury.StateExpired:
		r = b.submit("U0LENA", draft("100"))
		if s == treasury.StateDenied {
			if _, err := b.Vote(b.t.Context(), "U0MAYA", r.ID, r.Hash, false, "no"); err != nil {
				b.t.Fatal(err)
			}
			break
		}
		b.clock.push(24 * time.Hour)
		if err := b.Sweep(b.t.Context()); err != nil {
			b.t.Fatal(err)
		}
	case treasury.StateCancelled:
		if _, err := b.Cancel(b.t.Context(), "U0LENA", r.ID); err != nil {
			b.t.Fatal(err)
		}
	}
	if now := b.find(r.ID); now.State != s {
		b.t.Fatalf("stopped at %s, want %s", now.State, s)
	}
	return b.find(r.ID)
}

// kill executes a request in a process that dies on the way.
func (b *bench) kill(id string, plan func(int, string) breakage) {
	b.t.Helper()
	b.effects.breaks(plan)
	defer b.effects.forget()
	if !b.dies(func() { _ = b.execute(id) }) {
		b.t.Fatal("the process did not die")
	}
}

// dies reports whether the process was killed in work. A new process has read nothing yet.
func (b *bench) dies(work func()) (died bool) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case death{}:
			died = true
			b.Accounts = &treasury.Directory{}
		default:
			panic(p)
		}
	}()
	work()
	return false
}

func TestRedeliveryDoesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range treasury.States() {
		if s == treasury.StateApproved {
			continue // the one state in which there is something to do
		}
		t.Run(string(s), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.stopAt(s)
			times := b.sim.Moved(r.ID)
			b.effects.forget()
			for range 3 {
				if err := b.execute(r.ID); err != nil {
					t.Errorf("redelivered: %v", err)
				}
			}
			b.wroteNothing()
			b.moved(r.ID, times)
			if diff := cmp.Diff(r, b.find(r.ID)); diff != "" {
				t.Errorf("the request has changed:\n%s", diff)
			}
		})
	}
}

func TestExecuteBeforeItsTimeIsQueuedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approve("U0MAYA", b.submit("U0LENA", draft("100")))
	b.clock.push(b.Policy.Undo - time.Second)
	b.money.drain()
	b.executed(r.ID)
	b.is(r.ID, treasury.StateApproved, treasury.ReasonNone)
	if jobs := b.money.drain(); len(jobs) != 1 || jobs[0].Execute != r.ID || !jobs[0].due.Equal(r.DueAt) {
		t.Errorf("executions: %+v", jobs)
	}
	b.effects.breaks(always("queue money", failsBefore))
	if err := b.execute(r.ID); !errors.Is(err, errEffect) {
		t.Errorf("a job that was not queued again is forgotten: %v", err)
	}
}

func TestExecuteNeedsTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approved()
	b.effects.forget()
	for _, left := range []time.Duration{time.Second, treasury.SendMargin, treasury.SendMargin + 14*time.Second} {
		if err := b.executeWithin(r.ID, left); !errors.Is(err, treasury.ErrUnavailable) {
			t.Errorf("with %s left: %v", left, err)
		}
	}
	b.wroteNothing()
	if err := b.executeWithin(r.ID, treasury.SendMargin+15*time.Second); err != nil {
		t.Error(err)
	}
	b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
}

// TestNoMarkWhenThePaceTookTooLong: the wait between claim and mark may eat the time that the call needs.
func TestNoMarkWhenThePaceTookTooLong(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approved()
	b.Pacer = slowPacer{b.clock, invocation - treasury.SendMargin}
	if err := b.execute(r.ID); !errors.Is(err, treasury.ErrConflict) {
		t.Errorf("got %v", err)
	}
	b.is(r.ID, treasury.StateClaimed, treasury.ReasonNone)
	b.moved(r.ID, 0)
}

// TestLanesAreTakenByOneAtATime has requests that share an account in each way.
func TestLanesAreTakenByOneAtATime(t *testing.T) {
	t.Parallel()
	for name, accounts := range map[string][2]string{
		"the same two":         {"marketing-us", "sales-spiffs"},
		"the other way round":  {"sales-spiffs", "marketing-us"},
		"the same source":      {"marketing-us", "referral-program"},
		"the same destination": {"referral-program", "sales-spiffs"},
		"one after the other":  {"sales-spiffs", "referral-program"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			first := b.stopAt(treasury.StateClaimed)
			d := draft("100")
			d.From, d.To = accounts[0], accounts[1]
			second := b.approve("U0MAYA", b.submit("U0LENA", d))
			far := draft("100")
			far.From, far.To = "employee-rewards", "referral-program"
			third := b.approve("U0MAYA", b.submit("U0LENA", far))
			b.clock.push(b.Policy.Undo)
			b.executed(second.ID)
			waits := b.is(second.ID, treasury.StateApproved, treasury.ReasonNone)
			if waits.Attempts != 0 || b.lane("marketing-us") != first.ID || b.lane("sales-spiffs") != first.ID {
				t.Errorf("%d attempts, lanes %q, %q", waits.Attempts, b.lane("marketing-us"), b.lane("sales-spiffs"))
			}
			b.executed(third.ID) // other accounts are free
			b.is(third.ID, treasury.StateSucceeded, treasury.ReasonNone)

			b.money.drain()
			b.clock.push(invocation + treasury.SettleAfter)
			if err := b.Sweep(t.Context()); err != nil { // ends the dead worker's claim
				t.Fatal(err)
			}
			woken := slices.ContainsFunc(b.money.drain(), func(j sent) bool { return j.Execute == second.ID })
			b.executed(second.ID)
			b.is(second.ID, treasury.StateSucceeded, treasury.ReasonNone)
			if !woken {
				t.Error("the waiting request was not queued when the lanes became free")
			}
		})
	}
}

func TestAFreedLaneWakesTheWaitingRequest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.approved()
	back := draft("100")
	back.From, back.To = back.To, back.From
	waiting := b.approve("U0MAYA", b.submit("U0LENA", back))
	far := draft("100")
	far.From, far.To = "employee-rewards", "referral-program"
	other := b.approve("U0MAYA", b.submit("U0LENA", far))
	b.clock.push(b.Policy.Undo)
	early := b.approve("U0MAYA", b.submit("U0LENA", draft("101"))) // in its undo window
	b.money.drain()
	b.executed(first.ID)
	jobs := b.money.drain()
	if len(jobs) != 1 || jobs[0].Execute != waiting.ID || jobs[0].due.After(b.clock.Now()) {
		t.Errorf("woken: %+v, want %s alone (not %s, %s)", jobs, waiting.ID, early.ID, other.ID)
	}
}

// TestExecuteOfAChangedRecord: what somebody wrote into the journal by hand is not what was approved.
func TestExecuteOfAChangedRecord(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*treasury.Request)
		reason treasury.Reason
	}{
		{"another amount", func(r *treasury.Request) { r.Action.Transfer.Amount = usd(40000) }, treasury.ReasonRule},
		{"another destination", func(r *treasury.Request) { r.Action.Transfer.To.ID = "referral-program" }, treasury.ReasonRule},
		{"another destination and its hash", func(r *treasury.Request) {
			r.Action.Transfer.To.ID = "referral-program"
			r.Hash = r.Action.Hash()
		}, treasury.ReasonAuthority},
		{"the requester's vote", func(r *treasury.Request) { r.Votes[0].Person = "U0LENA" }, treasury.ReasonAuthority},
		{"an approver as requester", func(r *treasury.Request) { r.Requester = "U0MAYA" }, treasury.ReasonAuthority},
		{"a stranger's vote", func(r *treasury.Request) { r.Votes[0].Person = "U0VERA" }, treasury.ReasonAuthority},
		{"a vote against it", func(r *treasury.Request) { r.Votes[0].Approve = false }, treasury.ReasonAuthority},
		{"no votes and no rule", func(r *treasury.Request) { r.Votes, r.Rule = nil, treasury.RuleApplied{} }, treasury.ReasonRule},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.approved()
			rewrite(b, "REQ#"+r.ID, c.change)
			b.executed(r.ID)
			b.is(r.ID, treasury.StateCancelled, c.reason)
			b.moved(r.ID, 0)
		})
	}
}
