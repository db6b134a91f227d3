package treasury_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// directory gives what a process that begins now would hold.
func (b *bench) directory() *treasury.Directory {
	b.t.Helper()
	dir := &treasury.Directory{}
	if err := dir.Load(b.t.Context(), b.store, b.clock.Now()); err != nil {
		b.t.Fatal(err)
	}
	return dir
}

func (b *bench) refresh() {
	b.t.Helper()
	if err := b.RefreshDirectory(b.t.Context()); err != nil {
		b.t.Fatalf("refreshing: %v", err)
	}
}

func count(dir *treasury.Directory) int { return len(dir.Search("", 1_000_000, nil)) }

// manyAccounts is a bench with 461 accounts at Tango, three pages, of which the directory has 11. A refresh is due.
func manyAccounts(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.sim.Bulk(450)
	b.clock.push(15 * time.Minute)
	return b
}

// TestNobodySeesHalfARefresh looks from a new process before each effect of the refresh.
func TestNobodySeesHalfARefresh(t *testing.T) {
	t.Parallel()
	b := manyAccounts(t)
	for round, want := range []int{11, 461, 461} {
		b.sim.SetStatus("marketing-us", fmt.Sprint("ROUND", round))
		before, _, _ := b.directory().Get("marketing-us")
		finished := false // what follows are the cards
		b.effects.breaks(func(int, string) breakage {
			dir := b.directory()
			a, _, _ := dir.Get("marketing-us")
			n, status := want, before.Status
			if finished = finished || string(a.Status) == fmt.Sprint("ROUND", round); finished {
				n, status = 461, treasury.AccountStatus(fmt.Sprint("ROUND", round))
			}
			if count(dir) != n || a.Status != status {
				t.Errorf("round %d: %d accounts and %s in between, want %d and %s", round, count(dir), a.Status, n, status)
			}
			return works
		})
		b.refresh()
		b.effects.forget()
		dir := b.directory()
		if a, at, ok := dir.Get("marketing-us"); !ok || string(a.Status) != fmt.Sprint("ROUND", round) || !at.Equal(b.clock.Now()) {
			t.Errorf("round %d: %+v of %v afterwards", round, a, at)
		}
		if n := count(dir); n != 461 || !dir.ReadAt().Equal(b.clock.Now()) {
			t.Errorf("round %d: %d accounts of %v afterwards", round, n, dir.ReadAt())
		}
		b.clock.push(15 * time.Minute)
	}
}

func TestARefreshIsDueAfterAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.clock.push(15*time.Minute - 1)
	b.refresh()
	if n := b.sim.Requests()["GET /accounts"]; n != 1 {
		t.Errorf("%d reads before it was due", n)
	}
	b.clock.push(1)
	b.refresh()
	if n := b.sim.Requests()["GET /accounts"]; n != 2 {
		t.Errorf("%d reads when it was due", n)
	}
}

// TestARefreshGoesOnWhereItStopped, unless that was long ago.
func TestARefreshGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pause time.Duration
		reads int
	}{{time.Hour, 2}, {time.Hour + 1, 3}} {
		for name, nth := range map[string]int{"accounts": 2, "get": 5, "commit": 2} { // of the second page
			t.Run(fmt.Sprint(name, " ", c.pause), func(t *testing.T) {
				t.Parallel()
				b := manyAccounts(t)
				b.effects.breaks(on(name, nth, failsBefore))
				if err := b.RefreshDirectory(t.Context()); !errors.Is(err, errEffect) {
					t.Fatalf("got %v", err)
				}
				b.effects.forget()
				if n := count(b.directory()); n != 11 {
					t.Errorf("%d accounts while it stands", n)
				}
				before := b.sim.Requests()["GET /accounts"]
				b.clock.push(c.pause)
				b.refresh()
				if n := count(b.directory()); n != 461 {
					t.Errorf("%d accounts afterwards", n)
				}
				if reads := b.sim.Requests()["GET /accounts"] - before; reads != c.reads {
					t.Errorf("%d pages were read to go on, want %d", reads, c.reads)
				}
			})
		}
	}
}

// TestARefreshLeavesRoomForTheRest reads 60 pages at most, and the next sweep goes on.
func TestARefreshLeavesRoomForTheRest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.sim.Bulk(12_100)
	b.clock.push(15 * time.Minute)
	b.refresh()
	if n := count(b.directory()); n != 11 {
		t.Errorf("%d accounts after 60 of 61 pages", n)
	}
	b.refresh()
	if n := count(b.directory()); n != 12_111 || b.sim.Requests()["GET /accounts"] != 1+61 {
		t.Errorf("%d accounts after %d reads", n, b.sim.Requests()["GET /accounts"])
	}
}

// TestASlowSweepSpoilsNothing: while one sweep waits for a page, another finishes the refresh; the page that comes late
// belongs to nothing any more.
func TestASlowSweepSpoilsNothing(t *testing.T) {
	t.Parallel()
	for page := 1; page <= 3; page++ {
		b := manyAccounts(t)
		seen := 0
		var finished *treasury.Directory
		b.effects.breaks(func(_ int, name string) breakage {
			if name != "accounts" {
				return works
			}
			if seen++; seen == page && finished == nil {
				b.refresh()
				finished = b.directory()
				for _, a := range finished.Search("", 1000, nil) {
					b.sim.SetStatus(a.ID, "LATE")
				}
			}
			return works
		})
		if err := b.RefreshDirectory(t.Context()); err != nil {
			t.Errorf("page %d: the slow one fails: %v", page, err)
		}
		all := func(dir *treasury.Directory) []treasury.Account { return dir.Search("", 1000, nil) }
		if diff := cmp.Diff(all(finished), all(b.directory())); diff != "" {
			t.Errorf("page %d: the finished directory has changed:\n%.500s", page, diff)
		}
	}
}

func TestADirectoryIsHeldForHalfAMinute(t *testing.T) {
	t.Parallel()
	b := manyAccounts(t)
	load := func(want int) {
		t.Helper()
		if err := b.Accounts.Load(t.Context(), b.Journal, b.clock.Now()); err != nil {
			t.Fatal(err)
		}
		if n := count(b.Accounts); n != want {
			t.Errorf("%d accounts, want %d", n, want)
		}
	}
	load(11)
	b.refresh()
	b.effects.forget()
	b.clock.push(30*time.Second - 1)
	load(11)
	if seen := b.effects.seen(); len(seen) != 0 {
		t.Errorf("the journal was asked: %q", seen)
	}
	b.clock.push(1)
	load(461)
	b.clock.push(time.Hour)
	b.effects.forget()
	load(461)
	if seen := b.effects.seen(); len(seen) != 1 {
		t.Errorf("with nothing new: %q, want the head alone", seen)
	}
}

func TestKnownIsTheNewestReading(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	balance := func(want int64, at time.Time) {
		t.Helper()
		a, got, err := b.Known(t.Context(), "marketing-us")
		if err != nil || a.Balance != usd(want) || !got.Equal(at) {
			t.Errorf("%v of %v, %v; want %v of %v", a.Balance, got, err, usd(want), at)
		}
	}
	refreshed := b.clock.Now()
	balance(812550, refreshed)
	b.clock.push(time.Minute)
	learned := b.clock.Now()
	b.sim.Spend("marketing-us", 50)
	b.Learn(t.Context(), active(b, "marketing-us"))
	balance(812500, learned)
	b.sim.Spend("marketing-us", 100)
	b.clock.push(15 * time.Minute)
	balance(812500, learned)
	b.refresh()
	refreshed = b.clock.Now()
	b.clock.push(30 * time.Second)
	balance(812400, refreshed)

	for _, id := range []string{"", "nowhere", "Marketing-US"} {
		if _, _, err := b.Known(t.Context(), id); !errors.Is(err, treasury.ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	b.sim.AddAccount(tangosim.Account{ID: "brand-new", Name: "Brand New", Currency: "USD", Cents: 7})
	b.Learn(t.Context(), active(b, "brand-new"))
	if a, _, err := b.Known(t.Context(), "brand-new"); err != nil || a.Balance != usd(7) {
		t.Errorf("learned, not in the directory: %v, %v", a.Balance, err)
	}
}

// TestLearnCostsNothingElse: failing to keep a balance is no failure.
func TestLearnCostsNothingElse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	a := active(b, "marketing-us")
	for _, name := range []string{"get", "commit"} {
		b.effects.breaks(on(name, 1, failsBefore))
		b.Learn(t.Context(), a)
	}
	b.effects.forget()
	b.Learn(t.Context())
	if seen := b.effects.seen(); len(seen) != 0 {
		t.Errorf("learning nothing asked for %q", seen)
	}
}

func TestOverview(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.sim.SetStatus("old-campaign", "DELETED")
	b.clock.push(15 * time.Minute)
	b.refresh()
	b.Learn(t.Context(), func() treasury.Account {
		b.clock.push(time.Minute)
		b.sim.Spend("marketing-us", 800000)
		return active(b, "marketing-us")
	}())
	o, err := b.Overview(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range o.Readings {
		got = append(got, fmt.Sprint(r.Account.ID, " ", r.Account.Balance.Hundredths, " ", r.Low))
	}
	want := []string{"sales-spiffs 31275 true", "canada-rewards 240000 false", "employee-rewards 2450000 false", "europe-events 88040 false"}
	if !slices.Equal(got, want) || o.Accounts != 10 || o.Low != 1 {
		t.Errorf("%d accounts, %d low: %q, want %q", o.Accounts, o.Low, got, want)
	}
	o, err = b.Overview(t.Context(), 100)
	i := slices.IndexFunc(o.Readings, func(r treasury.Reading) bool { return r.Account.ID == "marketing-us" })
	if err != nil || len(o.Readings) != 10 || i < 0 || o.Readings[i].Account.Balance != usd(12550) || !o.Readings[i].Low {
		t.Errorf("%d readings, marketing-us at %d: %v", len(o.Readings), i, err)
	}
	if empty, err := b.Overview(t.Context(), 0); err != nil || len(empty.Readings) != 0 || empty.Accounts != 10 {
		t.Errorf("none of them: %+v, %v", empty, err)
	}
}

// BenchmarkSearch is a keystroke of the type-ahead over 10,000 accounts.
func BenchmarkSearch(b *testing.B) {
	store, err := embedded.Open(b.TempDir(), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	dir := &treasury.Directory{}
	fill(b, embedded.Journal{Store: store}, dir, 10_000)
	for _, text := range []string{"", "b", "bulk-009999", "bulk account 99", "a10000", "nothing such"} {
		b.Run(fmt.Sprintf("%q", text), func(b *testing.B) {
			for b.Loop() {
				dir.Search(text, 100, func(a treasury.Account) bool { return a.Status == treasury.AccountActive })
			}
		})
	}
}
