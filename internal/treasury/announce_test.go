package treasury_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// TestANoticeIsBehindUntilItIsShown walks one request through its life, with each step shown once.
func TestANoticeIsBehindUntilItIsShown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.submit("U0LENA", draft("1000"))
	var steps []int
	show := func(_ context.Context, r treasury.Request, n treasury.Notice) (treasury.Notice, error) {
		steps = append(steps, r.Step)
		n.Card, n.Outcome = treasury.Message{Channel: "C0APPROVE", TS: "1.1"}, r.State
		return n, nil
	}
	announce := func() {
		t.Helper()
		if !b.notice(r.ID).IsBehind() {
			t.Errorf("not behind before step %d is shown", b.find(r.ID).Step)
		}
		for range 2 { // the job came twice
			if err := b.Announce(t.Context(), r.ID, show); err != nil {
				t.Fatal(err)
			}
		}
		if n := b.notice(r.ID); n.IsBehind() || n.Shown != b.find(r.ID).Step || n.Outcome != b.find(r.ID).State || !n.Busy.IsZero() {
			t.Errorf("shown, but %+v", n)
		}
	}
	announce()
	b.approve("U0MAYA", r)
	announce()
	b.approve("U0RAVI", r)
	announce()
	b.clock.push(b.Policy.Undo)
	b.executed(r.ID) // three steps at once: claimed, sending, succeeded
	announce()
	if !slices.Equal(steps, []int{1, 2, 3, 6}) {
		t.Errorf("steps shown: %v", steps)
	}
}

// TestAnnounceKeepsWhatWasDone: the card was posted, the direct message was not.
func TestAnnounceKeepsWhatWasDone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.submit("U0LENA", draft("100"))
	away := errors.New("Slack is away")
	card := treasury.Message{Channel: "C0APPROVE", TS: "1.1"}
	between := func() { b.approve("U0MAYA", r) }
	err := b.Announce(t.Context(), r.ID, func(_ context.Context, _ treasury.Request, n treasury.Notice) (treasury.Notice, error) {
		n.Card = card
		between()
		return n, away
	})
	if !errors.Is(err, away) {
		t.Fatalf("got %v", err)
	}
	if n := b.notice(r.ID); n.Card != card || n.Shown != 0 || n.Want != 2 || !n.IsBehind() || !n.Busy.IsZero() {
		t.Errorf("notice %+v", n)
	}
	b.questions.drain()
	b.sweep()
	if got := announced(b); !slices.Equal(got, []string{r.ID}) {
		t.Errorf("announcements %q", got)
	}
	err = b.Announce(t.Context(), r.ID, func(_ context.Context, r treasury.Request, n treasury.Notice) (treasury.Notice, error) {
		if n.Card != card || r.Step != 2 {
			t.Errorf("shown step %d with %+v", r.Step, n)
		}
		n.Direct = treasury.Message{Channel: "D0LENA", TS: "2.1"}
		return n, nil
	})
	if n := b.notice(r.ID); err != nil || n.Shown != 2 || n.Card != card || n.Direct.TS != "2.1" || n.IsBehind() {
		t.Errorf("notice %+v, %v", n, err)
	}
}

// TestAReminderThatComesInBetweenIsPosted: its demand must not be lost under what was just shown.
func TestAReminderThatComesInBetweenIsPosted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.submit("U0LENA", draft("100"))
	var reminders []int
	between := func() {
		b.clock.push(4 * time.Hour)
		b.sweep()
	}
	err := b.Announce(t.Context(), r.ID, func(_ context.Context, _ treasury.Request, n treasury.Notice) (treasury.Notice, error) {
		reminders = append(reminders, n.Reminders)
		if len(reminders) == 1 {
			between()
		}
		return n, nil
	})
	if n := b.notice(r.ID); err != nil || !slices.Equal(reminders, []int{0, 1}) || n.IsBehind() || n.Reminded != 1 {
		t.Errorf("shown with reminders %v, then %+v, %v", reminders, n, err)
	}
}

// TestTwoAnnouncersByClocksThatDiffer: the first draws what is old by now, and comes last. All is drawn once more.
func TestTwoAnnouncersByClocksThatDiffer(t *testing.T) {
	t.Parallel()
	for _, dies := range []bool{false, true} {
		t.Run(fmt.Sprint("dies ", dies), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.submit("U0LENA", draft("100"))
			drawn := 0
			draw := func(_ context.Context, r treasury.Request, n treasury.Notice) (treasury.Notice, error) {
				drawn = r.Step
				return n, nil
			}
			rounds, between := 0, func() { b.approve("U0MAYA", r) }
			_ = b.Announce(t.Context(), r.ID, func(ctx context.Context, old treasury.Request, n treasury.Notice) (treasury.Notice, error) {
				if rounds++; rounds > 1 {
					return draw(ctx, old, n)
				}
				between()
				b.clock.push(time.Hour)
				if err := b.Announce(ctx, r.ID, draw); err != nil {
					t.Error(err)
				}
				b.clock.push(-time.Hour)
				if dies {
					b.effects.breaks(func(int, string) breakage { return failsBefore }) // as if it were dead
				}
				return draw(ctx, old, n)
			})
			b.effects.breaks(nil)
			for range 3 {
				b.clock.push(time.Hour)
				b.questions.drain()
				b.sweep()
				for _, id := range announced(b) {
					if err := b.Announce(t.Context(), id, draw); err != nil {
						t.Error(err)
					}
				}
			}
			if n := b.notice(r.ID); drawn != 2 || n.IsBehind() {
				t.Errorf("step %d stands there last; %+v", drawn, n)
			}
		})
	}
}

func TestAnnounceOfNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	show := func(_ context.Context, _ treasury.Request, n treasury.Notice) (treasury.Notice, error) {
		t.Error("shown")
		return n, nil
	}
	if err := b.Announce(t.Context(), treasury.NewRequestID(), show); err != nil {
		t.Errorf("a request that does not exist: %v", err)
	}
	r := b.submit("U0LENA", draft("100"))
	for _, name := range []string{"get", "commit"} {
		b.effects.breaks(on(name, 1, failsBefore))
		if err := b.Announce(t.Context(), r.ID, show); !errors.Is(err, errEffect) {
			t.Errorf("with %s failing: %v", name, err)
		}
	}
}
