//go:build outside

package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/treasury"
)

func body(t *testing.T, j treasury.Journal, key string) (version int64, text string) {
	t.Helper()
	records, err := j.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return records[0].Version, string(records[0].Body)
}

// What a commit tells must be true, whatever happens to its answers: nil only if it was applied, ErrConflict only if it
// was not, and anything else when it cannot know.
func TestCommitUnderFaults(t *testing.T) {
	t.Parallel()
	p, table, _ := faulty(t)
	j := connect(p.endpoint, cloud.Ack).Journal(table)
	type want int
	const (
		yes want = iota
		no
		unknown
	)
	cases := []struct {
		name   string
		always fault
		script []fault
		want   want
		wrote  bool
	}{
		{"answer lost", none, []fault{dropAfter}, yes, true},
		{"request lost", none, []fault{dropBefore}, yes, true},
		{"500 after it was applied", none, []fault{errorAfter}, yes, true},
		{"500 before it was applied", none, []fault{errorBefore}, yes, true},
		{"a proxy's error page after it was applied", none, []fault{pageAfter}, yes, true},
		{"repeated on the way", none, []fault{twice}, yes, true},
		{"no answer", none, []fault{hangAfter}, yes, true},
		{"every answer lost", dropAfter, nil, yes, true},
		{"every answer a 500 after it was applied", errorAfter, nil, yes, true},
		{"answer lost, then throttled", throttled, []fault{dropAfter}, yes, true},
		{"answer lost, then forbidden", forbidden, []fault{dropAfter}, yes, true},
		{"answer lost, then in progress", none, []fault{dropAfter, inProgress}, yes, true},
		{"throttled, then well", none, []fault{throttled, capacity}, yes, true},
		{"another transaction at work, then well", none, []fault{inConflict, transactConflict}, yes, true},
		{"always throttled", throttled, nil, no, false},
		{"always another transaction at work", inConflict, nil, no, false},
		{"always a cancelled transaction", transactConflict, nil, no, false},
		{"forbidden", forbidden, nil, no, false},
		{"never arrived", dropBefore, nil, unknown, false},
		{"always a 500 before it was applied", errorBefore, nil, unknown, false},
	}
	for _, c := range cases {
		for _, writes := range []int{1, 3} {
			t.Run(fmt.Sprint(c.name, ", writes: ", writes), func(t *testing.T) {
				key := func(i int) string { return fmt.Sprint(c.name, writes, "/", i) }
				p.play(none)
				if err := j.Commit(t.Context(), treasury.NewWriteID(), treasury.Write{Key: key(0), Body: []byte("old")}); err != nil {
					t.Fatal(err)
				}
				commit := []treasury.Write{{Key: key(0), Version: 1, Body: []byte("new")}}
				for i := 1; i < writes; i++ {
					commit = append(commit, treasury.Write{Key: key(i), Body: []byte("new")})
				}
				p.play(c.always, slices.Clone(c.script)...)
				err := j.Commit(t.Context(), treasury.NewWriteID(), commit...)
				p.play(none)
				switch c.want {
				case yes:
					if err != nil {
						t.Errorf("got error %v, want nil", err)
					}
				case no, unknown:
					if err == nil || errors.Is(err, treasury.ErrConflict) || !errors.Is(err, treasury.ErrUnavailable) {
						t.Errorf("got error %v, want ErrUnavailable", err)
					}
				}
				for i, w := range commit {
					want := w.Version
					if c.wrote {
						want++
					}
					if version, _ := body(t, j, key(i)); version != want {
						t.Errorf("%q has version %d, want %d", key(i), version, want)
					}
				}
			})
		}
	}
}

// While the answer is lost others go on writing. The table is without DynamoDB's own memory of tokens, as it is ten
// minutes later.
func TestCommitIsRecognisedBehindOthers(t *testing.T) {
	t.Parallel()
	p, table, _ := faulty(t)
	p.rewrite = func(operation string, fields map[string]any) {
		if operation == "TransactWriteItems" {
			fields["ClientRequestToken"] = treasury.NewWriteID()
		}
	}
	j := connect(p.endpoint, cloud.Ack).Journal(table)
	other := connect(p.target, cloud.Work).Journal(table)
	for _, writes := range []int{1, 2} {
		for _, c := range []struct {
			others int
			known  bool
		}{{1, true}, {3, true}, {7, true}, {8, false}, {20, false}} {
			t.Run(fmt.Sprint(c.others, " others, writes: ", writes), func(t *testing.T) {
				key := fmt.Sprint("k", c.others, writes)
				p.applied = func() {
					p.applied = nil
					for version := range int64(c.others) {
						for i := range writes {
							err := other.Commit(context.WithoutCancel(t.Context()), treasury.NewWriteID(),
								treasury.Write{Key: fmt.Sprint(key, i), Version: version + 1, Body: []byte("theirs")})
							if err != nil {
								t.Error(err)
							}
						}
					}
				}
				p.play(none, dropAfter)
				var commit []treasury.Write
				for i := range writes {
					commit = append(commit, treasury.Write{Key: fmt.Sprint(key, i), Body: []byte("mine")})
				}
				err := j.Commit(t.Context(), treasury.NewWriteID(), commit...)
				switch {
				case c.known && err != nil:
					t.Errorf("got error %v for a commit that was applied", err)
				case !c.known && (err == nil || errors.Is(err, treasury.ErrConflict)):
					t.Errorf("got error %v, want one that claims nothing", err)
				}
			})
		}
	}
}

// The request is lost, another commit takes its place, and the retry must not take that for its own.
func TestCommitNeverTakesAnothersForItsOwn(t *testing.T) {
	t.Parallel()
	p, table, _ := faulty(t)
	j := connect(p.endpoint, cloud.Ack).Journal(table)
	other := connect(p.target, cloud.Work).Journal(table)
	for _, writes := range []int{1, 2} {
		var commit []treasury.Write
		for i := range writes {
			commit = append(commit, treasury.Write{Key: fmt.Sprint(writes, i), Body: []byte("same")})
		}
		if err := other.Commit(t.Context(), treasury.NewWriteID(), commit...); err != nil {
			t.Fatal(err)
		}
		for _, f := range []fault{dropBefore, errorBefore, dropAfter, errorAfter, throttled} {
			p.play(none, f)
			if err := j.Commit(t.Context(), treasury.NewWriteID(), commit...); !errors.Is(err, treasury.ErrConflict) {
				t.Errorf("writes %d, fault %d: got error %v, want a conflict", writes, f, err)
			}
		}
		p.play(dropBefore)
		if err := j.Commit(t.Context(), treasury.NewWriteID(), commit...); !errors.Is(err, treasury.ErrConflict) {
			t.Errorf("writes %d, read back: got error %v, want a conflict", writes, err)
		}
		p.play(none)
	}
}

// A check that fails on the retry, because another changed the checked record after our commit was applied, does not make
// our commit undone. DynamoDB need not name more than the condition that failed first.
func TestCommitIsRecognisedWhenOnlyItsCheckFails(t *testing.T) {
	t.Parallel()
	p, table, _ := faulty(t)
	j := connect(p.endpoint, cloud.Ack).Journal(table)
	if err := j.Commit(t.Context(), treasury.NewWriteID(), treasury.Write{Key: "guard"}); err != nil {
		t.Fatal(err)
	}
	commit := []treasury.Write{{Key: "guard", Version: 1, Check: true}, {Key: "k"}}
	p.play(none, dropAfter, checkFailed)
	if err := j.Commit(t.Context(), treasury.NewWriteID(), commit...); err != nil {
		t.Errorf("got error %v for a commit that was applied", err)
	}
	p.play(none, checkFailed)
	if err := j.Commit(t.Context(), treasury.NewWriteID(), commit...); !errors.Is(err, treasury.ErrConflict) {
		t.Errorf("got error %v for another's commit, want a conflict", err)
	}
}

// A commit costs one call when all is well, and reading any number up to 100 records one.
func TestCallsWhenAllIsWell(t *testing.T) {
	t.Parallel()
	p, table, _ := faulty(t)
	j := connect(p.endpoint, cloud.Ack).Journal(table)
	for range 3 {
		err := j.Commit(t.Context(), treasury.NewWriteID(), treasury.Write{Key: treasury.NewWriteID()})
		err = errors.Join(err, j.Commit(t.Context(), treasury.NewWriteID(),
			treasury.Write{Key: treasury.NewWriteID()}, treasury.Write{Key: treasury.NewWriteID()}))
		_, one := j.Get(t.Context(), "a")
		_, two := j.Get(t.Context(), "a", "b")
		if err := errors.Join(err, one, two); err != nil {
			t.Fatal(err)
		}
	}
	for _, operation := range []string{"UpdateItem", "TransactWriteItems", "GetItem", "BatchGetItem"} {
		if n := p.calls(operation); n != 3 {
			t.Errorf("%d calls of %s, want 3", n, operation)
		}
	}
}

// Counters are raised by many over a bad line. What was told as done is counted once, and what was told as unknown at
// most once.
func TestIncrementsUnderRandomFaults(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			p, table, _ := faulty(t)
			random := rand.New(rand.NewPCG(seed, seed))
			var script []fault
			for range 2000 {
				f := none
				if random.IntN(3) == 0 {
					f = []fault{dropAfter, dropBefore, errorAfter, errorBefore, pageAfter, twice, throttled, inConflict}[random.IntN(8)]
				}
				script = append(script, f)
			}
			p.play(none, script...)
			j := connect(p.endpoint, cloud.Ack).Journal(table)
			var done, doubtful atomic.Int64
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					for range 6 {
						d, u := raise(t, j)
						done.Add(d)
						doubtful.Add(u)
					}
				})
			}
			all.Wait()
			p.play(none)
			_, a := body(t, j, "a")
			_, b := body(t, j, "b")
			count, err := strconv.ParseInt(a, 10, 64)
			if err != nil || a != b || count < done.Load() || count > done.Load()+doubtful.Load() {
				t.Errorf("counters %q and %q after %d done and %d doubtful increments", a, b, done.Load(), doubtful.Load())
			}
		})
	}
}

// raise adds one to both counters in one commit.
func raise(t *testing.T, j treasury.Journal) (done, doubtful int64) {
	t.Helper()
	for range 200 {
		records, err := j.Get(t.Context(), "a", "b")
		if err != nil {
			t.Errorf("reading: %v", err)
			return 0, 0
		}
		n, _ := strconv.Atoi(string(records[0].Body)) // nothing yet is 0
		next := []byte(strconv.Itoa(n + 1))
		err = j.Commit(t.Context(), treasury.NewWriteID(),
			treasury.Write{Key: "a", Version: records[0].Version, Body: next},
			treasury.Write{Key: "b", Version: records[1].Version, Body: next})
		switch {
		case err == nil:
			return 1, 0
		case !errors.Is(err, treasury.ErrConflict):
			return 0, 1
		}
	}
	t.Error("200 conflicts")
	return 0, 0
}

func TestGetAsksAgainForWhatWasLeftOver(t *testing.T) {
	t.Parallel()
	p, table, _ := faulty(t)
	j := connect(p.endpoint, cloud.Ack).Journal(table)
	var keys []string
	for i := range 25 {
		keys = append(keys, fmt.Sprint("k", i))
		if err := j.Commit(t.Context(), treasury.NewWriteID(), treasury.Write{Key: keys[i], Body: []byte(keys[i])}); err != nil {
			t.Fatal(err)
		}
	}
	p.keep = 7
	records, err := j.Get(t.Context(), keys...)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		if string(r.Body) != keys[i] {
			t.Errorf("record %d is %+v", i, r)
		}
	}
	if n := p.calls("BatchGetItem"); n != 4 {
		t.Errorf("%d calls, want 4", n)
	}
	p.keep = -1
	if _, err := j.Get(t.Context(), keys...); !errors.Is(err, treasury.ErrUnavailable) {
		t.Errorf("got error %v when nothing is ever read, want ErrUnavailable", err)
	}
}

// Every read that a decision may rest on is consistent, and every try of a transaction carries the same token.
func TestRequestsOnTheWire(t *testing.T) {
	t.Parallel()
	p, table, _ := faulty(t)
	var tokens, reads []any
	p.rewrite = func(operation string, fields map[string]any) {
		switch operation {
		case "TransactWriteItems":
			tokens = append(tokens, fields["ClientRequestToken"])
		case "GetItem":
			reads = append(reads, fields["ConsistentRead"])
		case "BatchGetItem":
			for _, ask := range fields["RequestItems"].(map[string]any) {
				reads = append(reads, ask.(map[string]any)["ConsistentRead"])
			}
		}
	}
	j := connect(p.endpoint, cloud.Ack).Journal(table)
	for _, id := range []string{treasury.NewWriteID(), "an id that is longer than the 36 characters of a token"} {
		tokens = nil
		p.play(none, errorAfter)
		err := j.Commit(t.Context(), id, treasury.Write{Key: id + "a"}, treasury.Write{Key: id + "b"})
		if err != nil {
			t.Fatal(err)
		}
		if len(tokens) != 2 || tokens[0] != tokens[1] {
			t.Errorf("tokens %v, want two equal ones", tokens)
		} else if token, ok := tokens[0].(string); !ok || token == "" || len(token) > 36 {
			t.Errorf("token %v", tokens[0])
		}
	}
	for _, keys := range [][]string{{"a"}, {"a", "b"}} {
		if _, err := j.Get(t.Context(), keys...); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(reads, []any{true, true}) {
		t.Errorf("ConsistentRead is %v", reads)
	}
}
