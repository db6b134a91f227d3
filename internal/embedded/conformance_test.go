package embedded_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/treasury"
	"github.com/tangobot/tangobot/internal/treasury/journaltest"
)

// open opens a store in a folder of its own.
func open(t *testing.T, clock func() time.Time) *embedded.Store {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return store
}

func TestJournal(t *testing.T) {
	t.Parallel()
	journaltest.Journal(t, func(t *testing.T) treasury.Journal {
		t.Helper()
		return embedded.Journal{Store: open(t, time.Now)}
	})
}

func TestClaims(t *testing.T) {
	t.Parallel()
	journaltest.Claims(t, func(t *testing.T, clock func() time.Time) treasury.Claims {
		t.Helper()
		return embedded.Claims{Store: open(t, clock)}
	})
}

func TestPacer(t *testing.T) {
	t.Parallel()
	journaltest.Pacer(t, func(_ *testing.T, interval time.Duration) treasury.Pacer {
		return embedded.NewPacer(interval)
	})
}

// TestQueue runs the queue with a clock that stands late enough for every delay.
func TestQueue(t *testing.T) {
	t.Parallel()
	clock := newClock()
	store := open(t, clock.Now)
	journaltest.Queue(t, func(t *testing.T) (treasury.Queue, func() [][]byte) {
		t.Helper()
		q := newQueue(t, store, embedded.QueueConfig{Workers: 1, Timeout: time.Minute, Again: time.Second})
		return q, func() [][]byte {
			clock.Push(treasury.MaxDelay)
			var got [][]byte
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var running sync.WaitGroup
			running.Go(func() {
				q.Run(ctx, func(_ context.Context, body []byte) error {
					if got = append(got, body); len(got) == 3 {
						cancel()
					}
					return nil
				})
			})
			running.Wait()
			return got
		}
	})
}

func newQueue(t *testing.T, store *embedded.Store, config embedded.QueueConfig) *embedded.Queue {
	t.Helper()
	config.Log = slog.New(slog.DiscardHandler)
	q, err := store.NewQueue("money", config)
	if err != nil {
		t.Fatal(err)
	}
	return q
}
