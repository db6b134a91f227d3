package treasury_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// TestWhatAnAnswerMakesOfARequest goes through what Tango and the network do to a money call.
func TestWhatAnAnswerMakesOfARequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		fault   tangosim.Fault
		state   treasury.State
		reason  treasury.Reason
		verdict treasury.Verdict
		doubt   treasury.Doubt
		moved   int
	}{
		{"a checked success", tangosim.Fault{}, treasury.StateSucceeded, "", treasury.VerdictDone, "", 1},
		{"a success without the reference", tangosim.Fault{Echo: tangosim.EchoNoReference}, treasury.StateSucceeded, "", treasury.VerdictDone, "", 1},
		{"refused", tangosim.Fault{StatusBefore: 400, Key: "400.001"}, treasury.StateFailed, treasury.ReasonRefused, treasury.VerdictRefused, "", 0},
		{"the key is wrong", tangosim.Fault{StatusBefore: 401, Key: "401.501"}, treasury.StateFailed, treasury.ReasonRefused, treasury.VerdictRefused, "", 0},
		{"the platform may not", tangosim.Fault{StatusBefore: 403, Key: "403.000"}, treasury.StateFailed, treasury.ReasonRefused, treasury.VerdictRefused, "", 0},
		{"too many calls", tangosim.Fault{StatusBefore: 429, Key: "429.001"}, treasury.StateApproved, "", treasury.VerdictThrottled, "", 0},
		{"the reference was used", tangosim.Fault{StatusBefore: 409, Key: "409.001"}, treasury.StateInDoubt, "", treasury.VerdictUnknown, treasury.DoubtDuplicate, 0},
		{"an intermediary refuses", tangosim.Fault{StatusBefore: 403, Plain: true}, treasury.StateInDoubt, "", treasury.VerdictUnknown, treasury.DoubtStatus, 0},
		{"a server error before", tangosim.Fault{StatusBefore: 503, Key: "503.000"}, treasury.StateInDoubt, "", treasury.VerdictUnknown, treasury.DoubtServer, 0},
		{"a server error after", tangosim.Fault{StatusAfter: 500}, treasury.StateInDoubt, "", treasury.VerdictUnknown, treasury.DoubtServer, 1},
		{"a redirect after", tangosim.Fault{StatusAfter: 307, Location: "/raas/v2/transferFunds"}, treasury.StateInDoubt, "", treasury.VerdictUnknown, treasury.DoubtRedirect, 1},
		{"the connection is lost before", tangosim.Fault{DropBefore: true}, treasury.StateInDoubt, "", treasury.VerdictUnknown, treasury.DoubtNoAnswer, 0},
		{"the connection is lost after", tangosim.Fault{DropAfter: true}, treasury.StateInDoubt, "", treasury.VerdictUnknown, treasury.DoubtNoAnswer, 1},
		{"half an answer", tangosim.Fault{Truncate: true}, treasury.StateInDoubt, "", treasury.VerdictUnknown, treasury.DoubtUnreadable, 1},
		{"an answer about something else", tangosim.Fault{Body: []byte(`{"ok":true}`)}, treasury.StateInDoubt, "", treasury.VerdictUnknown, treasury.DoubtUnreadable, 1},
		{"another amount moved", tangosim.Fault{Echo: tangosim.EchoAmount}, treasury.StateInDoubt, "", treasury.VerdictUnknown, treasury.DoubtMismatch, 1},
		{"an answer of long ago", tangosim.Fault{Echo: tangosim.EchoOld}, treasury.StateInDoubt, "", treasury.VerdictUnknown, treasury.DoubtMismatch, 1},
		{"carried out twice on the way", tangosim.Fault{Twice: true}, treasury.StateInDoubt, "", treasury.VerdictUnknown, treasury.DoubtMismatch, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.approved()
			b.sim.Arm(c.fault)
			b.executed(r.ID)
			now := b.is(r.ID, c.state, c.reason)
			b.moved(r.ID, c.moved)
			if now.Answer == nil || now.Answer.Verdict != c.verdict || now.Answer.Doubt != c.doubt {
				t.Errorf("answer %+v, want %s %s", now.Answer, c.verdict, c.doubt)
			}
			holder := ""
			if c.state == treasury.StateInDoubt {
				holder = r.ID
			}
			if from, to := b.lane("marketing-us"), b.lane("sales-spiffs"); from != holder || to != holder {
				t.Errorf("lanes held by %q and %q, want %q", from, to, holder)
			}
			if n := b.sim.Requests()["POST /transferFunds"]; n != 1 {
				t.Errorf("%d money calls, want 1", n)
			}
		})
	}
}

// TestUnsentIsTriedAgain: only the proof that no byte left allows it.
func TestUnsentIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approved()
	tango := b.Mover
	b.Mover = answering{answer: treasury.Answer{Verdict: treasury.VerdictUnsent}}
	b.executed(r.ID)
	b.is(r.ID, treasury.StateApproved, treasury.ReasonNone)
	b.Mover = tango
	b.clock.push(time.Minute)
	b.executed(r.ID)
	if done := b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone); done.Attempts != 2 || done.Attempt.ID != r.ID+".2" {
		t.Errorf("%d attempts, the last %q", done.Attempts, done.Attempt.ID)
	}
	b.moved(r.ID, 1)
}

func TestThreeUnsentTriesEndTheRequest(t *testing.T) {
	t.Parallel()
	for _, v := range []treasury.Verdict{treasury.VerdictUnsent, treasury.VerdictThrottled} {
		t.Run(string(v), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.approved()
			b.Mover = answering{answer: treasury.Answer{Verdict: v}}
			for range treasury.MaxAttempts + 1 {
				b.executed(r.ID)
				b.clock.push(10 * time.Second)
			}
			if now := b.is(r.ID, treasury.StateFailed, treasury.ReasonAttempts); now.Attempts != treasury.MaxAttempts {
				t.Errorf("%d attempts", now.Attempts)
			}
			if b.lane("marketing-us") != "" {
				t.Error("the lanes are held")
			}
		})
	}
}

// TestAnAnswerThatSaysNothingIsNoEnd: a verdict that was forgotten must not free the lanes.
func TestAnAnswerThatSaysNothingIsNoEnd(t *testing.T) {
	t.Parallel()
	for _, v := range []treasury.Verdict{"", "perhaps"} {
		b := newBench(t)
		r := b.approved()
		b.Mover = answering{answer: treasury.Answer{Verdict: v}}
		_ = b.execute(r.ID) // whether that is an error does not matter
		b.clock.push(invocation + treasury.SettleAfter + 1)
		if err := b.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone)
		if b.lane("marketing-us") != r.ID {
			t.Errorf("verdict %q: the lane is free", v)
		}
	}
}

// TestAnAnswerIsRecordedThroughFailures: a known answer is not given up at the first error.
func TestAnAnswerIsRecordedThroughFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		how   breakage
		times int
		state treasury.State
		fails bool
	}{
		{"once", failsBefore, 1, treasury.StateSucceeded, false},
		{"four times", failsBefore, 4, treasury.StateSucceeded, false},
		{"always", failsBefore, 100, treasury.StateSending, true},
		{"recorded, but told otherwise", failsAfter, 1, treasury.StateSucceeded, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.approved()
			seen := 0
			b.effects.breaks(func(_ int, name string) breakage {
				if name != "commit succeeded" {
					return works
				}
				if seen++; seen > c.times {
					return works
				}
				return c.how
			})
			if err := b.execute(r.ID); (err != nil) != c.fails {
				t.Errorf("executing: %v", err)
			}
			b.effects.forget()
			b.is(r.ID, c.state, treasury.ReasonNone)
			b.moved(r.ID, 1)
			if err := b.execute(r.ID); err != nil { // the job comes back
				t.Error(err)
			}
			b.moved(r.ID, 1)
			b.clock.push(invocation + treasury.SettleAfter + 1)
			if err := b.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if c.state == treasury.StateSending {
				if now := b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone); now.Answer.Doubt != treasury.DoubtLost {
					t.Errorf("answer %+v", now.Answer)
				}
			}
		})
	}
}

// TestAnAnswerOutlivesItsContext: it came just as the worker's time was over.
func TestAnAnswerOutlivesItsContext(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approved()
	ctx, cancel := context.WithDeadline(t.Context(), b.clock.Now().Add(invocation))
	b.Mover = lastMoment{b.Mover, cancel}
	if err := b.Execute(ctx, r.ID); err != nil {
		t.Errorf("executing: %v", err)
	}
	if ctx.Err() == nil {
		t.Error("the context has not ended")
	}
	b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
}

// lastMoment ends the worker's context together with the call.
type lastMoment struct {
	treasury.Mover
	end func()
}

func (m lastMoment) Transfer(ctx context.Context, order treasury.TransferOrder) treasury.Answer {
	defer m.end()
	return m.Mover.Transfer(ctx, order)
}

// TestALateAnswerSettlesTheDoubt: the sweep took the worker for dead, but its answer was only slow.
func TestALateAnswerSettlesTheDoubt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approved()
	b.effects.breaks(meanwhile("commit succeeded", func() {
		b.clock.push(invocation + treasury.SettleAfter + 1)
		if err := b.Sweep(t.Context()); err != nil {
			t.Error(err)
		}
		b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone)
	}))
	b.executed(r.ID)
	b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
	b.moved(r.ID, 1)
	if b.lane("marketing-us") != "" {
		t.Error("the lane is held")
	}
}

// TestAStopThatRacesTheClaim comes after the worker has looked and before it commits.
func TestAStopThatRacesTheClaim(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at    string // the commit before which the stop comes
		state treasury.State
		why   treasury.Why // of the stop's refusal
	}{
		{"commit claimed", treasury.StateCancelled, ""},
		{"commit sending", treasury.StateSucceeded, treasury.WhyDecided},
		{"commit succeeded", treasury.StateSucceeded, treasury.WhyDecided},
	} {
		t.Run(c.at, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.approved()
			var err error
			b.effects.breaks(meanwhile(c.at, func() { _, err = b.Cancel(t.Context(), "U0LENA", r.ID) }))
			b.executed(r.ID)
			if c.why != "" {
				forbidden(t, err, c.why)
			} else if err != nil {
				t.Errorf("stopping: %v", err)
			}
			now := b.find(r.ID)
			if now.State != c.state || b.lane("marketing-us") != "" {
				t.Errorf("%s, lane %q; want %s", now.State, b.lane("marketing-us"), c.state)
			}
			b.moved(r.ID, map[treasury.State]int{treasury.StateSucceeded: 1}[c.state])
		})
	}
}

// TestTwoWorkersOnOneJob: the second begins while the first is at each of its effects.
func TestTwoWorkersOnOneJob(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approved()
	b.effects.forget()
	b.executed(r.ID)
	for n := range len(b.effects.seen()) {
		b := newBench(t)
		r := b.approved()
		var second error
		b.effects.breaks(func(now int, _ string) breakage {
			if now == n+1 {
				second = b.execute(r.ID)
			}
			return works
		})
		first := b.execute(r.ID)
		if first != nil || second != nil && !errors.Is(second, treasury.ErrConflict) {
			t.Errorf("at effect %d: %v and %v", n+1, first, second)
		}
		b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
		b.moved(r.ID, 1)
		if jobs := b.money.drain(); slices.ContainsFunc(jobs, func(j sent) bool { return j.Execute != r.ID }) {
			t.Errorf("executions: %+v", jobs)
		}
	}
}
