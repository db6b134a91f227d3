package journaltest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Queue checks what every treasury.Queue takes and refuses. received gives, in any order, what was taken so far.
func Queue(t *testing.T, open func(t *testing.T) (q treasury.Queue, received func() [][]byte)) {
	t.Helper()
	q, received := open(t)
	for _, c := range []struct {
		name  string
		body  string
		delay time.Duration
		want  error
	}{
		{"at once", `{"execute":"R1"}`, 0, nil},
		{"the longest delay", `{"execute":"R2"}`, treasury.MaxDelay, nil},
		{"part of a second", `{"announce":"é €"}`, 300 * time.Millisecond, nil},
		{"too long a delay", `{"execute":"no"}`, treasury.MaxDelay + time.Millisecond, treasury.ErrInvalid},
		{"a negative delay", `{"execute":"no"}`, -time.Nanosecond, treasury.ErrInvalid},
		{"no body", "", 0, treasury.ErrInvalid},
		{"a body that is not text", "\xff\xfe", 0, treasury.ErrInvalid},
		{"a body too large", string(make([]byte, 256<<10+1)), 0, treasury.ErrInvalid},
	} {
		if err := q.Send(t.Context(), []byte(c.body), c.delay); !errors.Is(err, c.want) {
			t.Errorf("%s: got error %v, want %v", c.name, err, c.want)
		}
	}
	refused(t, q.Send(ended(t), []byte(`{"execute":"no"}`), 0), context.Canceled)
	got := map[string]int{}
	for _, body := range received() {
		got[string(body)]++
	}
	want := []string{`{"execute":"R1"}`, `{"execute":"R2"}`, `{"announce":"é €"}`}
	for _, body := range want {
		if got[body] != 1 {
			t.Errorf("%s was taken %d times", body, got[body])
		}
	}
	if len(got) != len(want) {
		t.Errorf("taken: %v", got)
	}
}

// Pacer checks a treasury.Pacer. open gives a fresh one that lets one call pass in each interval; two pacers opened with
// one t share the pace when the store does.
func Pacer(t *testing.T, open func(t *testing.T, interval time.Duration) treasury.Pacer) {
	t.Helper()
	t.Run("a slot beyond the deadline is refused, not waited for", func(t *testing.T) {
		p := open(t, time.Hour)
		if err := p.Wait(t.Context()); err != nil {
			t.Fatalf("the first call: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
		defer cancel()
		if err := p.Wait(ctx); err == nil {
			t.Error("the second call was let through within the interval")
		}
	})
	t.Run("a refused call takes no slot", func(t *testing.T) {
		p := open(t, time.Hour)
		for i := range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if err := p.Wait(ctx); (err == nil) != (i == 0) {
				t.Errorf("call %d: %v", i+1, err)
			}
			cancel()
		}
	})
	t.Run("an ended context is refused", func(t *testing.T) {
		refused(t, open(t, time.Hour).Wait(ended(t)), context.Canceled)
	})
	t.Run("a waiting call ends with its context", func(t *testing.T) {
		p := open(t, time.Hour)
		if err := p.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		var err error
		waiting.Go(func() { err = p.Wait(ctx) })
		cancel()
		waiting.Wait()
		refused(t, err, context.Canceled)
	})
	t.Run("no more calls than the pace allows", func(t *testing.T) {
		const interval = 200 * time.Millisecond
		p := open(t, interval)
		if err := p.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*interval+interval/2)
		defer cancel()
		var passed atomic.Int64
		together(6, func(int) {
			if p.Wait(ctx) == nil {
				passed.Add(1)
			}
		})
		if passed.Load() > 2 {
			t.Errorf("%d calls passed within two and a half intervals", passed.Load())
		}
	})
}
