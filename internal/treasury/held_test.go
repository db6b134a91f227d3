package treasury_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// shows announces a request as often as it is behind, and gives what the last drawing said that holds it up.
func (b *bench) shows(id string) (held treasury.Held, drawn int) {
	b.t.Helper()
	err := b.Announce(b.t.Context(), id, func(_ context.Context, _ treasury.Request, n treasury.Notice) (treasury.Notice, error) {
		held = n.Held
		drawn++
		return n, nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return held, drawn
}

// TestWhatHoldsARequestUpIsDrawn: within a sweep, once, and again when it is over.
func TestWhatHoldsARequestUpIsDrawn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		begin, end func(*bench)
		by         treasury.HeldBy
		account    string
	}{
		"sending is stopped": {
			func(b *bench) { b.stops(true) }, func(b *bench) { b.stops(false) }, treasury.HeldByStop, "",
		},
		"an account is frozen": {
			func(b *bench) {
				late := b.doubt(draft("77"), tangosim.Fault{Late: time.Hour})
				b.looksTwice()
				b.look(time.Hour)
				b.is(late.ID, treasury.StateFailed, treasury.ReasonFound)
			},
			func(b *bench) {
				if err := b.Free(b.t.Context(), "U0MAYA", "sales-spiffs"); err != nil {
					b.t.Error(err)
				}
			},
			treasury.HeldByFreeze, "sales-spiffs",
		},
		"a request is in doubt": {
			func(b *bench) { b.doubt(draft("77"), tangosim.Fault{DropAfter: true}) },
			func(b *bench) {
				b.looksTwice()
			},
			treasury.HeldByDoubt, "sales-spiffs",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.quiet("marketing-us", "sales-spiffs")
			d := draft("60")
			d.From = "employee-rewards"
			r := b.approvedFor(d)
			if held, drawn := b.shows(r.ID); drawn != 1 || held != (treasury.Held{}) {
				t.Errorf("drawn %d times, with %+v", drawn, held)
			}
			b.sweep()
			if _, drawn := b.shows(r.ID); drawn != 0 {
				t.Errorf("drawn again, held up by nothing")
			}
			c.begin(b)
			b.sweep()
			held, drawn := b.shows(r.ID)
			if drawn != 1 || held.By != c.by || held.Account != c.account || !held.Until.Equal(r.DueAt.Add(b.Policy.Expire)) {
				t.Errorf("drawn %d times, with %+v", drawn, held)
			}
			if c.by != treasury.HeldByStop && !treasury.IsRequestID(held.Request) {
				t.Errorf("held by request %q", held.Request)
			}
			b.clock.push(time.Minute)
			b.sweep()
			if _, drawn := b.shows(r.ID); drawn != 0 {
				t.Error("drawn again, and nothing has changed")
			}
			c.end(b)
			b.sweep()
			if held, drawn := b.shows(r.ID); drawn != 1 || held != (treasury.Held{}) {
				t.Errorf("drawn %d times, with %+v, when it is over", drawn, held)
			}
			b.executed(r.ID)
			b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
		})
	}
}

// TestWhatHoldsARequestUpIsDrawnAgain when Slack fails.
func TestWhatHoldsARequestUpIsDrawnAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approved()
	b.shows(r.ID)
	b.stops(true)
	b.sweep()
	down := errors.New("Slack is down")
	err := b.Announce(t.Context(), r.ID, func(_ context.Context, _ treasury.Request, n treasury.Notice) (treasury.Notice, error) {
		return n, down
	})
	if !errors.Is(err, down) {
		t.Fatal(err)
	}
	if held, drawn := b.shows(r.ID); drawn != 1 || held.By != treasury.HeldByStop {
		t.Errorf("drawn %d times, with %+v", drawn, held)
	}
}

// stops turns the switch.
func (b *bench) stops(on bool) {
	b.t.Helper()
	if _, err := b.SetStop(b.t.Context(), "U0MAYA", on, "looking"); err != nil {
		b.t.Fatal(err)
	}
}
