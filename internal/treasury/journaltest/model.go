package journaltest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"pgregory.net/rapid"

	"github.com/tangobot/tangobot/internal/treasury"
)

// model is the journal's contract in a map.
type model struct {
	journal treasury.Journal
	scope   string // keeps the runs over one journal apart
	records map[string]modelRecord
	last    commitCall // the last commit that applied
}

type modelRecord struct {
	version int64
	body    []byte
	places  map[treasury.Index]treasury.Place
}

type commitCall struct {
	id     string
	writes []treasury.Write
}

func agreesWithModel(s subject) {
	t, j := s.t, s.j
	var runs atomic.Int64
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{journal: j, scope: fmt.Sprintf("run%d/", runs.Add(1)), records: map[string]modelRecord{}}
		rt.Repeat(map[string]func(*rapid.T){
			"commit": m.commit,
			"repeat": m.repeat,
			"get":    m.get,
			"list":   m.list,
		})
	})
}

func (m *model) key(rt *rapid.T) string {
	return m.scope + rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(rt, "key")
}

func (m *model) place(rt *rapid.T) treasury.Place {
	return treasury.Place{
		Key:  m.scope + rapid.SampledFrom([]string{"x", "xy", "z"}).Draw(rt, "list"),
		Sort: rapid.SampledFrom([]string{"1", "10", "2", "2026-01-01T00:00:00.000Z/r", "é", "~"}).Draw(rt, "sort"),
	}
}

func (m *model) write(rt *rapid.T, key string) treasury.Write {
	w := treasury.Write{Key: key, Version: m.records[key].version}
	if rapid.IntRange(0, 7).Draw(rt, "stale") == 0 {
		w.Version = rapid.Int64Range(0, 6).Draw(rt, "version")
	}
	if rapid.IntRange(0, 4).Draw(rt, "check") == 0 {
		w.Check = true
		return w
	}
	w.Body = rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(rt, "body")
	for _, index := range []treasury.Index{treasury.ByState, treasury.ByOwner} {
		if rapid.Bool().Draw(rt, string(index)) {
			if w.Places == nil {
				w.Places = map[treasury.Index]treasury.Place{}
			}
			w.Places[index] = m.place(rt)
		}
	}
	return w
}

func (m *model) commit(rt *rapid.T) {
	keys := rapid.SliceOfNDistinct(rapid.Custom(m.key), 1, 4, rapid.ID[string]).Draw(rt, "keys")
	call := commitCall{id: treasury.NewWriteID()}
	fits, writes := true, 0
	for _, key := range keys {
		w := m.write(rt, key)
		call.writes = append(call.writes, w)
		fits = fits && w.Version == m.records[key].version
		if !w.Check {
			writes++
		}
	}
	err := m.journal.Commit(rt.Context(), call.id, call.writes...)
	if fits != (err == nil) || !fits && !errors.Is(err, treasury.ErrConflict) {
		rt.Fatalf("commit that fits=%t gave %v", fits, err)
	}
	if !fits {
		return
	}
	for _, w := range call.writes {
		if !w.Check {
			m.records[w.Key] = modelRecord{version: w.Version + 1, body: w.Body, places: w.Places}
		}
	}
	if writes > 0 {
		m.last = call // a commit of checks alone leaves nothing by which to know it again
	}
}

func (m *model) repeat(rt *rapid.T) {
	if m.last.id == "" {
		rt.Skip("nothing to repeat")
	}
	if err := m.journal.Commit(rt.Context(), m.last.id, m.last.writes...); err != nil {
		rt.Fatalf("repeating the last commit: %v", err)
	}
}

func (m *model) get(rt *rapid.T) {
	keys := rapid.SliceOfN(rapid.Custom(m.key), 1, 6).Draw(rt, "keys")
	records, err := m.journal.Get(rt.Context(), keys...)
	if err != nil || len(records) != len(keys) {
		rt.Fatalf("Get(%q): %d records, error %v", keys, len(records), err)
	}
	for i, r := range records {
		m.compare(rt, r, keys[i])
	}
}

func (m *model) compare(rt *rapid.T, r treasury.Record, key string) {
	want := m.records[key]
	if r.Key != key || r.Version != want.version || !bytes.Equal(r.Body, want.body) {
		rt.Fatalf("record %q is %q version %d body %x, want version %d body %x", key, r.Key, r.Version, r.Body, want.version, want.body)
	}
}

func (m *model) list(rt *rapid.T) {
	q := treasury.Listing{
		Index:   rapid.SampledFrom([]treasury.Index{treasury.ByState, treasury.ByOwner}).Draw(rt, "index"),
		Key:     m.place(rt).Key,
		Limit:   rapid.IntRange(1, 4).Draw(rt, "limit"),
		Reverse: rapid.Bool().Draw(rt, "reverse"),
	}
	want := slices.Collect(maps.Keys(m.records))
	want = slices.DeleteFunc(want, func(key string) bool { return m.records[key].places[q.Index].Key != q.Key })
	slices.SortFunc(want, func(a, b string) int {
		if by := strings.Compare(m.records[a].places[q.Index].Sort, m.records[b].places[q.Index].Sort); by != 0 {
			return by
		}
		return strings.Compare(a, b)
	})
	if q.Reverse {
		slices.Reverse(want)
	}
	for chunk := range slices.Chunk(want, q.Limit) {
		records, next, err := m.journal.List(rt.Context(), q)
		if err != nil || len(records) != len(chunk) {
			rt.Fatalf("List(%+v): %d records, error %v, want %q", q, len(records), err, chunk)
		}
		for i, r := range records {
			m.compare(rt, r, chunk[i])
		}
		if last := chunk[len(chunk)-1] == want[len(want)-1]; last != (next == "") {
			rt.Fatalf("List(%+v): next %q on the page of %q", q, next, chunk)
		}
		q.Cursor = next
	}
	if len(want) == 0 {
		if records, next, err := m.journal.List(rt.Context(), q); err != nil || len(records) != 0 || next != "" {
			rt.Fatalf("an empty list gave %d records, next %q, error %v", len(records), next, err)
		}
	}
}
