package simulation

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tangobot/tangobot/internal/embedded"
)

var (
	seeds = flag.Int("seeds", 400, "how many runs")
	first = flag.Uint64("seed", 0, "the one run to repeat, with its whole trace; 0 for none")
)

// TestSimulation runs Tangobot from many seeds.
func TestSimulation(t *testing.T) {
	template := dataFile(t)
	all := newSums()
	if *first > 0 {
		w := play(t, *first, t.TempDir(), template, all, true)
		report(t, w)
		return
	}
	debug.SetGCPercent(400)
	began := time.Now()
	var next atomic.Uint64
	var work sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		folder := t.TempDir()
		work.Go(func() {
			for {
				seed := next.Add(1)
				if seed > uint64(*seeds) || t.Failed() {
					return
				}
				report(t, play(t, seed, folder, template, all, false))
			}
		})
	}
	work.Wait()
	t.Logf("%d runs, %d steps, %d faults in %s\n%s", all.runs, all.steps, all.total(), time.Since(began).Round(time.Second), all.table())
}

// play makes one run.
func play(t *testing.T, seed uint64, folder string, template []byte, all *sums, print bool) *world {
	var w *world
	synctest.Test(t, func(t *testing.T) {
		w = begin(t, seed, folder, template, all)
		w.print = print
		w.populate()
		w.run()
	})
	all.mu.Lock()
	defer all.mu.Unlock()
	all.runs++
	all.steps += w.steps
	return w
}

func report(t *testing.T, w *world) {
	if len(w.broke) == 0 {
		return
	}
	t.Errorf("seed %d, step %d: %s\nrepeat it with: go test ./internal/simulation -run TestSimulation -v -args -seed %d\nthe last steps:\n%s",
		w.seed, w.steps, strings.Join(w.broke, "\n  "), w.seed, strings.Join(w.last[max(0, len(w.last)-40):], "\n"))
	if os.Getenv("SIMLOG") != "" {
		t.Logf("%s", w.said.String())
	}
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

var (
	_ = slices.Contains[[]string]
	_ = fmt.Sprint
)

// TestSameSeed plays seeds twice: the same seed gives the same run, step by step.
func TestSameSeed(t *testing.T) {
	template := dataFile(t)
	folder := t.TempDir()
	for seed := uint64(1); seed <= uint64(*seeds)/50; seed++ {
		one, two := play(t, seed, folder, template, newSums(), false), play(t, seed, folder, template, newSums(), false)
		if one.sum.Sum64() != two.sum.Sum64() {
			t.Errorf("seed %d: %s", seed, firstDifference(one.last, two.last))
		}
	}
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return strings.Join(a[max(0, i-3):i], "\n") + "\n< " + a[i] + "\n> " + b[i]
		}
	}
	return fmt.Sprintf("%d and %d lines: %v", len(a), len(b), append(a, b...)[max(0, len(a)-3):])
}
