package treasury_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/treasury"
)

const (
	stormRounds = 100              // of one batch, and the long form takes a hundred batches
	stormPeople = 200              // goroutines a round
	stormPush   = 61 * time.Second // somewhere in the middle, so that the undo window ends
)

// opener makes empty journals for the rounds of one batch.
type opener func(t *testing.T, clock *clock) treasury.Journal

func openFile(t *testing.T, clock *clock) treasury.Journal {
	t.Helper()
	file, err := embedded.Open(t.TempDir(), clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
	return embedded.Journal{Store: file}
}

// stormBench is a bench on a journal of the opener's that says nothing.
func stormBench(t *testing.T, open opener) *bench {
	t.Helper()
	clock := newClock()
	sim := newTango(clock)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return benchOn(t, open(t, clock), clock, sim, server.URL, slog.New(slog.DiscardHandler))
}

// inFiles and the like prepare what the journals of one batch have in common.
func inFiles(*testing.T) opener { return openFile }

// batches runs one batch, and many in the long form. What a batch has opened is closed at its end.
func batches(t *testing.T, prepare func(t *testing.T) opener, batch func(t *testing.T, open opener)) {
	t.Helper()
	n := 1
	if *treasury.Soak {
		n = 100
	}
	for i := range n {
		t.Run(fmt.Sprint(i), func(t *testing.T) { batch(t, prepare(t)) })
	}
}

func TestStorm(t *testing.T) {
	t.Parallel()
	batches(t, inFiles, storm)
}

// storm lets two hundred people and workers at one request at once, and looks for more than one outcome.
func storm(t *testing.T, open opener) {
	t.Helper()
	ends := map[treasury.State]int{}
	for round := range stormRounds {
		b := stormBench(t, open)
		r := b.submit("U0LENA", draft("1000")) // two votes
		if round%2 == 1 {
			r = b.approve("U0RAVI", b.approve("U0MAYA", r))
			b.clock.push(b.Policy.Undo) // stops and claims race from the beginning
		}
		denied, cancelled := b.storm(r, round)
		ends[b.settled(r.ID, denied, cancelled)]++
	}
	t.Logf("%d rounds of %d: %v", stormRounds, stormPeople, ends)
	for _, s := range []treasury.State{treasury.StateSucceeded, treasury.StateCancelled, treasury.StateDenied} {
		if ends[s] == 0 {
			t.Errorf("no round ended %s: %v", s, ends)
		}
	}
}

// storm is one round. It counts the denials and the cancellations that counted.
func (b *bench) storm(r treasury.Request, round int) (denials, cancellations int64) {
	ctx := b.t.Context()
	var approved, denied, cancelled atomic.Int64
	acts := []func() (*atomic.Int64, error){
		func() (*atomic.Int64, error) {
			_, err := b.Vote(ctx, pick("U0MAYA", "U0RAVI", "U0LENA", "U0VERA", "U0GUS"), r.ID, r.Hash, true, "")
			return &approved, err
		},
		func() (*atomic.Int64, error) {
			_, err := b.Vote(ctx, pick("U0RAVI", "U0VERA", "U0LENA"), r.ID, r.Hash, false, "no")
			return &denied, err
		},
		func() (*atomic.Int64, error) {
			_, err := b.Cancel(ctx, pick("U0LENA", "U0MAYA", "U0VERA"), r.ID)
			return &cancelled, err
		},
		func() (*atomic.Int64, error) { return new(atomic.Int64), b.executeWithin(r.ID, 10*time.Minute) },
		func() (*atomic.Int64, error) { return new(atomic.Int64), b.Sweep(ctx) },
	}
	// What may happen differs by round, so that each outcome has its chance.
	weights := [][]int{
		{0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 4}, {3, 3, 2, 2, 4}, {0, 0, 3, 4, 0}, {2, 4}, {0, 1, 1, 2, 3}, {2, 3, 3, 3},
	}
	likely := weights[round%len(weights)]
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range stormPeople {
		all.Go(func() {
			<-start
			if i == stormPeople/4 && round%2 == 0 {
				b.clock.push(stormPush)
			}
			counter, err := acts[likely[rand.N(len(likely))]]()
			switch {
			case err == nil:
				counter.Add(1)
			case !errors.Is(err, treasury.ErrForbidden) && !errors.Is(err, treasury.ErrConflict):
				b.t.Errorf("round %d: %v", round, err)
			}
		})
	}
	close(start)
	all.Wait()
	return denied.Load(), cancelled.Load()
}

func pick(people ...string) string { return people[rand.N(len(people))] }

// settled brings a request to its end after a storm, and checks that it has had one outcome.
func (b *bench) settled(id string, denials, cancellations int64) treasury.State {
	b.t.Helper()
	b.clock.push(stormPush)
	if err := b.execute(id); err != nil {
		b.t.Errorf("executing after the storm: %v", err)
	}
	r := b.find(id)
	entries, err := b.History(b.t.Context(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	final, votes := 0, map[string]bool{}
	for _, e := range entries {
		if e.To.IsFinal() {
			final++
		}
		if e.Event == treasury.EventVote && e.Approve {
			if votes[e.By] || e.By == "U0LENA" || e.By == "U0VERA" || e.By == "U0GUS" {
				b.t.Errorf("a vote by %s counted", e.By)
			}
			votes[e.By] = true
		}
	}
	times := map[bool]int{true: 1}[r.State == treasury.StateSucceeded]
	b.moved(id, times)
	if calls := b.sim.Requests()["POST /transferFunds"]; calls != times {
		b.t.Errorf("%s after %d money calls", r.State, calls)
	}
	switch r.State {
	case treasury.StateSucceeded:
		if len(votes) != 2 || denials+cancellations != 0 {
			b.t.Errorf("succeeded with %d votes, %d denials and %d cancellations", len(votes), denials, cancellations)
		}
	case treasury.StateDenied:
		if denials != 1 || cancellations != 0 {
			b.t.Errorf("%d denials and %d cancellations won", denials, cancellations)
		}
	case treasury.StateCancelled:
		if cancellations != 1 || denials != 0 {
			b.t.Errorf("%d cancellations and %d denials won", cancellations, denials)
		}
	case treasury.StatePending: // too few of those who came may approve
		if final != 0 || len(votes) > 1 {
			b.t.Errorf("pending with %d votes and %d ends", len(votes), final)
		}
		return r.State
	case treasury.StateApproved, treasury.StateClaimed, treasury.StateSending, treasury.StateSettling, treasury.StateDeclined,
		treasury.StateFailed, treasury.StateExpired, treasury.StateInDoubt:
		b.t.Errorf("ended %s (%s)", r.State, r.Reason)
	}
	if final != 1 || b.lane("marketing-us") != "" || b.lane("sales-spiffs") != "" {
		b.t.Errorf("%d ends, lanes %q and %q", final, b.lane("marketing-us"), b.lane("sales-spiffs"))
	}
	return r.State
}

// TestStormOnTheAccounts lets many requests at the same two accounts, in both directions, with several workers each:
// money is conserved, and never do two of them send at once.
func TestStormOnTheAccounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Log = slog.New(slog.DiscardHandler)
	sending := &exclusive{Mover: b.Mover}
	b.Mover = sending
	const requests, workers = 12, 3
	var ids []string
	for i := range requests {
		d := draft("10")
		if i%2 == 1 {
			d.From, d.To = d.To, d.From
		}
		ids = append(ids, b.submit("U0LENA", d).ID)
	}
	b.clock.push(b.Policy.Undo)
	for range requests { // at least one of those that wait gets through each time
		var all sync.WaitGroup
		for _, id := range ids {
			for range workers {
				all.Go(func() {
					if err := b.execute(id); err != nil && !errors.Is(err, treasury.ErrConflict) {
						t.Errorf("executing: %v", err)
					}
				})
			}
		}
		all.Wait()
	}
	for _, id := range ids {
		b.is(id, treasury.StateSucceeded, treasury.ReasonNone)
		b.moved(id, 1)
	}
	if sending.overlaps.Load() != 0 {
		t.Errorf("%d money calls began while another was under way", sending.overlaps.Load())
	}
	if b.sim.Balance("marketing-us") != 812550 || b.sim.Balance("sales-spiffs") != 31275 {
		t.Errorf("balances %d and %d", b.sim.Balance("marketing-us"), b.sim.Balance("sales-spiffs"))
	}
}

// exclusive counts the money calls that overlap.
type exclusive struct {
	treasury.Mover
	mu       sync.Mutex
	overlaps atomic.Int64
}

func (e *exclusive) Transfer(ctx context.Context, order treasury.TransferOrder) treasury.Answer {
	if !e.mu.TryLock() {
		e.overlaps.Add(1)
		return e.Mover.Transfer(ctx, order)
	}
	defer e.mu.Unlock()
	return e.Mover.Transfer(ctx, order)
}
