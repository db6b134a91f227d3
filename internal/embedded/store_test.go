package embedded_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/treasury"
)

func reopen(t *testing.T, folder string, c *clock) *embedded.Store {
	t.Helper()
	store, err := embedded.Open(folder, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil { // again, where the test has closed it already
			t.Errorf("closing the store: %v", err)
		}
	})
	return store
}

func closed(t *testing.T, store *embedded.Store) {
	t.Helper()
	if err := store.Close(); err != nil {
		t.Errorf("closing the store: %v", err)
	}
}

// The lock belongs to the open file, so a second Open here meets it as another process would.
func TestOneProcessAtATime(t *testing.T) {
	t.Parallel()
	folder, c := t.TempDir(), newClock()
	first := reopen(t, folder, c)
	second, err := embedded.Open(folder, c.Now)
	if err == nil {
		closed(t, second)
		t.Fatal("a second store opened the same file")
	}
	if !strings.Contains(err.Error(), folder) || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("the error does not tell what is wrong: %v", err)
	}
	closed(t, first)
	reopen(t, folder, c)
}

func TestTheFolderIsMadeAndIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a", "b")
	reopen(t, folder, newClock())
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d entries, %v; want the one file", len(entries), err)
	}
	for _, path := range []string{folder, filepath.Join(folder, entries[0].Name())} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if open := info.Mode().Perm() & 0o077; open != 0 {
			t.Errorf("%s is open to others: %v", path, info.Mode())
		}
	}
}

func TestAFileThatIsNoStoreIsRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "tangobot.db"), bytes.Repeat([]byte("not a store "), 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	if store, err := embedded.Open(folder, time.Now); err == nil {
		closed(t, store)
		t.Error("opened")
	}
}

func TestEverythingSurvivesAReopen(t *testing.T) {
	t.Parallel()
	folder, c := t.TempDir(), newClock()
	store := reopen(t, folder, c)
	id := treasury.NewWriteID()
	write := treasury.Write{Key: "REQ#1", Body: []byte("body"), Places: map[treasury.Index]treasury.Place{
		treasury.ByState: {Key: "state/pending", Sort: "1"},
	}}
	if err := (embedded.Journal{Store: store}).Commit(t.Context(), id, write); err != nil {
		t.Fatal(err)
	}
	if won, err := (embedded.Claims{Store: store}).First(t.Context(), "delivery", time.Hour); err != nil || !won {
		t.Fatalf("first claim: %v, %v", won, err)
	}
	if err := store.SaveBlob("simulator", []byte("state")); err != nil {
		t.Fatal(err)
	}
	closed(t, store)

	store = reopen(t, folder, c)
	journal := embedded.Journal{Store: store}
	want := []treasury.Record{{Key: "REQ#1", Version: 1, Body: []byte("body")}}
	got, next, err := journal.List(t.Context(), treasury.Listing{Index: treasury.ByState, Key: "state/pending", Limit: 10})
	if diff := cmp.Diff(want, got); err != nil || next != "" || diff != "" {
		t.Errorf("listed: next %q, %v\n%s", next, err, diff)
	}
	if err := journal.Commit(t.Context(), id, write); err != nil {
		t.Errorf("a commit of the process before is not recognised: %v", err)
	}
	if won, err := (embedded.Claims{Store: store}).First(t.Context(), "delivery", time.Hour); err != nil || won {
		t.Errorf("second claim: %v, %v", won, err)
	}
	if blob, err := store.LoadBlob("simulator"); err != nil || string(blob) != "state" {
		t.Errorf("blob %q, %v", blob, err)
	}
	if blob, err := store.LoadBlob("other"); err != nil || blob != nil {
		t.Errorf("a blob that was never saved: %q, %v", blob, err)
	}
}

func TestAClaimEndsByComparison(t *testing.T) {
	t.Parallel()
	c := newClock()
	claims := embedded.Claims{Store: open(t, c.Now)}
	for _, step := range []struct {
		push time.Duration
		want bool
	}{{0, true}, {time.Minute - 1, false}, {1, true}, {time.Minute - 1, false}, {1, true}} {
		c.Push(step.push)
		if won, err := claims.First(t.Context(), "delivery", time.Minute); err != nil || won != step.want {
			t.Errorf("at %s: %v, %v; want %v", c.Now().Format(time.TimeOnly), won, err, step.want)
		}
	}
}

// TestCommitsAreForgotten: a commit's id is kept for ten minutes, so that the file does not grow for ever.
func TestCommitsAreForgotten(t *testing.T) {
	t.Parallel()
	c := newClock()
	journal := embedded.Journal{Store: open(t, c.Now)}
	id, write := treasury.NewWriteID(), treasury.Write{Key: "k", Body: []byte("1")}
	for _, step := range []struct {
		at   time.Duration
		want error
	}{{0, nil}, {9 * time.Minute, nil}, {2 * time.Minute, treasury.ErrConflict}} {
		c.Push(step.at)
		if err := journal.Commit(t.Context(), treasury.NewWriteID(), treasury.Write{Key: treasury.NewWriteID()}); err != nil {
			t.Fatal(err)
		}
		if err := journal.Commit(t.Context(), id, write); !errors.Is(err, step.want) {
			t.Errorf("%s later: %v, want %v", step.at, err, step.want)
		}
	}
}

// TestTheIndexIsWhatTheRecordsSay reads the file itself: each place of a record is one entry of the index, and no entry
// stands for anything else, whatever was committed, refused or moved before.
func TestTheIndexIsWhatTheRecordsSay(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		folder := filepath.Join(root, treasury.NewWriteID())
		store, err := embedded.Open(folder, newClock().Now)
		if err != nil {
			rt.Fatal(err)
		}
		journal := embedded.Journal{Store: store}
		name := rapid.SampledFrom([]string{"a", "b", "c"})
		for range rapid.IntRange(1, 10).Draw(rt, "commits") {
			var writes []treasury.Write
			for _, key := range rapid.SliceOfNDistinct(name, 1, 3, rapid.ID[string]).Draw(rt, "keys") {
				w := treasury.Write{
					Key: key, Version: rapid.Int64Range(0, 3).Draw(rt, "version"), Check: rapid.IntRange(0, 5).Draw(rt, "check") == 0,
					Places: map[treasury.Index]treasury.Place{},
				}
				for _, index := range []treasury.Index{treasury.ByState, treasury.ByOwner} {
					if rapid.Bool().Draw(rt, "placed") {
						w.Places[index] = treasury.Place{Key: name.Draw(rt, "list"), Sort: name.Draw(rt, "sort")}
					}
				}
				writes = append(writes, w)
			}
			err := journal.Commit(rt.Context(), treasury.NewWriteID(), writes...)
			if err != nil && !errors.Is(err, treasury.ErrConflict) {
				rt.Fatal(err)
			}
		}
		if err := store.Close(); err != nil {
			rt.Fatal(err)
		}
		indexed, told := readFile(rt, folder)
		if diff := cmp.Diff(told, indexed); diff != "" {
			rt.Fatalf("the records' places and the index differ:\n%s", diff)
		}
	})
}

// readFile gives the entries of the index, and those that the records ask for.
func readFile(rt *rapid.T, folder string) (indexed, told []string) {
	db, err := bbolt.Open(filepath.Join(folder, "tangobot.db"), 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		rt.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		err := tx.Bucket([]byte("index")).ForEach(func(key, _ []byte) error {
			indexed = append(indexed, strings.ReplaceAll(string(key), "\x00", " "))
			return nil
		})
		if err != nil {
			return err
		}
		return tx.Bucket([]byte("records")).ForEach(func(key, text []byte) error {
			var record struct {
				Places map[string]treasury.Place `json:"p"`
			}
			if err := json.Unmarshal(text, &record); err != nil {
				return fmt.Errorf("record %s: %w", key, err)
			}
			for index := range maps.Keys(record.Places) {
				p := record.Places[index]
				told = append(told, fmt.Sprintf("%s %s %s %s", index, p.Key, p.Sort, key))
			}
			return nil
		})
	})
	if err != nil {
		rt.Fatal(err)
	}
	slices.Sort(indexed)
	slices.Sort(told)
	return indexed, told
}
