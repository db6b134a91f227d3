package journaltest

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tangobot/tangobot/internal/treasury"
)

// maxTries bounds how often a racing goroutine starts over. Every lost commit is another's won one, so a store that
// keeps its promise ends long before.
const maxTries = 500

// together runs n goroutines and waits for them.
func together(n int, run func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { run(i) })
	}
	all.Wait()
}

// retry commits what decide makes of the present state, again and again while others commit first.
func retry(t *testing.T, j treasury.Journal, keys []string, decide func([]treasury.Record) []treasury.Write) {
	t.Helper()
	for range maxTries {
		records, err := j.Get(t.Context(), keys...)
		if err != nil {
			t.Errorf("Get: %v", err)
			return
		}
		err = j.Commit(t.Context(), treasury.NewWriteID(), decide(records)...)
		if errors.Is(err, treasury.ErrConflict) {
			continue
		}
		if err != nil {
			t.Errorf("Commit: %v", err)
		}
		return
	}
	t.Errorf("no commit won in %d tries", maxTries)
}

func number(t *testing.T, r treasury.Record) int {
	t.Helper()
	if r.Version == 0 {
		return 0
	}
	n, err := strconv.Atoi(string(r.Body))
	if err != nil {
		t.Errorf("record %q holds %q", r.Key, r.Body)
	}
	return n
}

func write(r treasury.Record, n int) treasury.Write {
	return treasury.Write{Key: r.Key, Version: r.Version, Body: []byte(strconv.Itoa(n))}
}

func concurrentIncrements(s subject) {
	t, j := s.t, s.j
	const workers, rounds = 6, 8
	together(workers, func(int) {
		for range rounds {
			retry(t, j, []string{"counter"}, func(now []treasury.Record) []treasury.Write {
				return []treasury.Write{write(now[0], number(t, now[0])+1)}
			})
		}
	})
	holds(t, j, "counter", workers*rounds, strconv.Itoa(workers*rounds))
}

func concurrentCreation(s subject) {
	t, j := s.t, s.j
	const workers = 8
	var won atomic.Int64
	together(workers, func(i int) {
		err := j.Commit(t.Context(), treasury.NewWriteID(),
			treasury.Write{Key: "lane"}, treasury.Write{Key: fmt.Sprint("by-", i)})
		switch {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, treasury.ErrConflict):
			t.Errorf("creator %d: %v", i, err)
		}
	})
	created := 0
	for i := range workers {
		created += int(get(t, j, fmt.Sprint("by-", i)).Version)
	}
	if won.Load() != 1 || created != 1 {
		t.Errorf("%d of %d creators won and %d left their mark, want 1", won.Load(), workers, created)
	}
}

func concurrentTransfers(s subject) {
	t, j := s.t, s.j
	keys := []string{"a", "b", "c"}
	const workers, rounds = 4, 6
	together(workers, func(i int) {
		for round := range rounds {
			from, to := keys[i%3], keys[(i+1+round%2)%3]
			retry(t, j, []string{from, to}, func(now []treasury.Record) []treasury.Write {
				return []treasury.Write{write(now[0], number(t, now[0])-1), write(now[1], number(t, now[1])+1)}
			})
		}
	})
	records, err := j.Get(t.Context(), keys...)
	if err != nil {
		t.Fatal(err)
	}
	sum, versions := 0, int64(0)
	for _, r := range records {
		sum += number(t, r)
		versions += r.Version
	}
	if sum != 0 || versions != 2*workers*rounds {
		t.Errorf("the sum is %d after %d writes, want 0 after %d", sum, versions, 2*workers*rounds)
	}
}
