package treasury_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestStormOnADoubt(t *testing.T) {
	t.Parallel()
	batches(t, inFiles, stormDoubt)
}

// stormDoubt lets people testify, approve a further send, stop and resume, while workers and sweeps are at the same
// request: it is sent again at most once, money moves at most once, and it has one end.
func stormDoubt(t *testing.T, open opener) {
	t.Helper()
	const rounds, people = 8, 200
	ends := map[treasury.State]int{}
	for round := range rounds {
		b := stormBench(t, open)
		b.uniqueReferences()
		fault := tangosim.Fault{DropAfter: true}
		if round%2 == 1 {
			fault = tangosim.Fault{DropBefore: true}
		}
		r := b.doubt(draft("100"), fault)
		b.clock.push(window + time.Hour)
		acts := []func() error{
			func() error {
				_, err := b.Testify(t.Context(), pick("U0MAYA", "U0RAVI", "U0LENA", "U0VERA"), r.ID, treasury.FindingExecuted, "portal")
				return err
			},
			func() error {
				_, err := b.ApproveResend(t.Context(), pick("U0MAYA", "U0RAVI", "U0LENA", "U0GUS"), r.ID, r.Hash, "")
				return err
			},
			func() error { return b.executeWithin(r.ID, 10*time.Minute) },
			func() error {
				_, err := b.SetStop(t.Context(), pick("U0MAYA", "U0RAVI", "U0LENA"), rand.N(2) == 0, "wait")
				return err
			},
			func() error { return b.Sweep(t.Context()) },
		}
		weights := [][]int{{0, 1, 2, 3, 4}, {1, 2, 2, 3, 4}}[round%2] // who saw it executed must have seen it
		var all sync.WaitGroup
		for range people {
			all.Go(func() {
				err := acts[weights[rand.N(len(weights))]]()
				if err != nil && !errors.Is(err, treasury.ErrForbidden) && !errors.Is(err, treasury.ErrConflict) {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		all.Wait()
		now := b.find(r.ID)
		if _, err := b.History(t.Context(), now); err != nil {
			t.Error(err)
		}
		if calls := b.sim.Requests()["POST /transferFunds"]; calls > 2 || b.sim.Moved(r.ID) > 1 {
			t.Errorf("round %d: %s after %d money calls, moved %d times", round, now.State, calls, b.sim.Moved(r.ID))
		}
		if now.State == treasury.StateSucceeded && b.sim.Moved(r.ID) != 1 {
			t.Errorf("round %d: succeeded without a movement", round)
		}
		if held := b.lane("marketing-us") == r.ID; held != now.State.HoldsLanes() {
			t.Errorf("round %d: %s, lane held %v", round, now.State, held)
		}
		ends[now.State]++
	}
	t.Logf("%d rounds of %d: %v", rounds, people, ends)
	if ends[treasury.StateSucceeded] == 0 {
		t.Errorf("no round succeeded: %v", ends)
	}
}
