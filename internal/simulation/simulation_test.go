package simulation

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tangobot/tangobot/internal/embedded"
)

var (
	seeds = flag.Int("seeds", 100, "how many runs; from 10,000 on the table of what they covered must have no gap")
	one   = flag.Uint64("seed", 0, "the one run to repeat, with its whole trace; 0 for none")
)

// covered is from how many runs on every cell of the table must have been met.
const covered = 10_000

// TestSimulation runs Tangobot from many seeds, and prints what they have covered.
func TestSimulation(t *testing.T) {
	template, all := dataFile(t), newSums()
	if *one > 0 {
		report(t, play(t, *one, inMemory(t), template, all, true))
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(1600)) // each run leaves all of its memory
	began := time.Now()
	var next atomic.Uint64
	var work sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		folder := inMemory(t)
		work.Go(func() {
			for seed := next.Add(1); seed <= uint64(*seeds) && !t.Failed(); seed = next.Add(1) {
				report(t, play(t, seed, folder, template, all, false))
			}
		})
	}
	work.Wait()
	t.Logf("%d runs of %d steps, %d faults, in %s\n%s", all.runs, all.steps, all.total(), time.Since(began).Round(time.Second), all.table())
	if *seeds < covered || t.Failed() {
		return
	}
	for _, gap := range all.gaps() {
		t.Errorf("covered too rarely: %s", gap)
	}
}

// TestSameSeed plays seeds twice: the same seed gives the same run, step by step.
func TestSameSeed(t *testing.T) {
	template := dataFile(t)
	many := uint64(max(*seeds/50, 5))
	var work sync.WaitGroup
	for part := range uint64(2) {
		folder := inMemory(t)
		work.Go(func() {
			for seed := part + 1; seed <= many; seed += 2 {
				first := play(t, seed, folder, template, newSums(), false)
				again := play(t, seed, folder, template, newSums(), false)
				if first.sum.Sum64() != again.sum.Sum64() {
					t.Errorf("seed %d: %s", seed, difference(first.last, again.last))
				}
			}
		})
	}
	work.Wait()
}

// difference gives the first step in which two traces are not the same, and the three before it.
func difference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return strings.Join(a[max(0, i-3):i], "\n") + "\n< " + a[i] + "\n> " + b[i]
		}
	}
	return fmt.Sprintf("one has %d steps, the other %d", len(a), len(b))
}

// play makes one run.
func play(t *testing.T, seed uint64, folder string, template []byte, all *sums, print bool) *world {
	t.Helper()
	var w *world
	synctest.Test(t, func(t *testing.T) {
		w = begin(t, seed, folder, template, all)
		w.print = print
		w.populate()
		w.run()
	})
	all.ran(w)
	return w
}

// report fails the test for a run in which something was broken, in words that lead back to it.
func report(t *testing.T, w *world) {
	t.Helper()
	if len(w.broke) == 0 {
		return
	}
	t.Errorf("seed %d, step %d: %s\nrepeat it with: go test ./internal/simulation -run TestSimulation -v -args -seed %d\nthe last steps:\n%s",
		w.seed, w.steps, strings.Join(w.broke, "\n  "), w.seed, strings.Join(w.last[max(0, len(w.last)-40):], "\n"))
}

// inMemory gives a folder that no disk slows down, where the system has one.
func inMemory(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "tangobot-") //nolint:usetesting // t.TempDir lies on the disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

// dataFile gives an empty data file to begin with: making one takes longer than a run.
func dataFile(t *testing.T) []byte {
	t.Helper()
	folder := t.TempDir()
	store, err := embedded.OpenUnsynced(folder, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(folder, "tangobot.db"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
