package journaltest

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Memory is a journal in memory, for tests that need thousands of them: a store that waits for its disk is idle most of
// the time. It is held to Journal like the others.
type Memory struct {
	mu      sync.Mutex
	records map[string]kept
	commits map[string]bool // every commit that applied, to recognise our own
}

type kept struct {
	version int64
	body    []byte
	places  map[treasury.Index]treasury.Place
}

// NewMemory makes an empty journal.
func NewMemory() *Memory {
	return &Memory{records: map[string]kept{}, commits: map[string]bool{}}
}

// Get reads records in the order of the keys.
func (m *Memory) Get(ctx context.Context, keys ...string) ([]treasury.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	records := make([]treasury.Record, len(keys))
	for i, key := range keys {
		records[i] = m.record(key)
	}
	return records, nil
}

func (m *Memory) record(key string) treasury.Record {
	k := m.records[key]
	return treasury.Record{Key: key, Version: k.version, Body: bytes.Clone(k.body)}
}

// Commit writes all or nothing.
func (m *Memory) Commit(ctx context.Context, id string, writes ...treasury.Write) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !isName(id) || len(writes) == 0 || len(writes) > treasury.MaxWrites {
		return fmt.Errorf("commit %q of %d writes: %w", id, len(writes), treasury.ErrInvalid)
	}
	for i, w := range writes {
		again := slices.ContainsFunc(writes[:i], func(other treasury.Write) bool { return other.Key == w.Key })
		if !isWrite(w) || again {
			return fmt.Errorf("write %q of version %d: %w", w.Key, w.Version, treasury.ErrInvalid)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.commits[id] {
		return nil
	}
	for _, w := range writes {
		if m.records[w.Key].version != w.Version {
			return treasury.ErrConflict
		}
	}
	for _, w := range writes {
		if !w.Check {
			m.records[w.Key] = kept{version: w.Version + 1, body: bytes.Clone(w.Body), places: w.Places}
		}
	}
	m.commits[id] = true
	return nil
}

// separator stands between the parts of a cursor; no name holds it.
const separator = "\x00"

// List reads one page of a list. Its order is that of sort key and record key, and a cursor is such a pair.
func (m *Memory) List(ctx context.Context, q treasury.Listing) ([]treasury.Record, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	prefix := string(q.Index) + separator + q.Key + separator
	text, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	after, ours := strings.CutPrefix(string(text), prefix)
	if !isIndex(q.Index) || !isName(q.Key) || q.Limit < 1 || q.Limit > 200 || err != nil || q.Cursor != "" && !ours {
		return nil, "", fmt.Errorf("list %q in %q, %d from %q: %w", q.Key, q.Index, q.Limit, q.Cursor, treasury.ErrInvalid)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var entries []string
	for key, k := range m.records {
		if p, ok := k.places[q.Index]; ok && p.Key == q.Key {
			entries = append(entries, p.Sort+separator+key)
		}
	}
	slices.Sort(entries)
	if q.Reverse {
		slices.Reverse(entries)
	}
	if q.Cursor != "" {
		entries = slices.DeleteFunc(entries, func(e string) bool { return e == after || (e < after) != q.Reverse })
	}
	next := ""
	if len(entries) > q.Limit {
		entries = entries[:q.Limit]
		next = base64.RawURLEncoding.EncodeToString([]byte(prefix + entries[q.Limit-1]))
	}
	var records []treasury.Record
	for _, e := range entries {
		_, key, _ := strings.Cut(e, separator)
		records = append(records, m.record(key))
	}
	return records, next, nil
}

func isWrite(w treasury.Write) bool {
	if !isName(w.Key) || w.Version < 0 || len(w.Body) > treasury.MaxBody {
		return false
	}
	for index, place := range w.Places {
		if !isIndex(index) || !isName(place.Key) || !isName(place.Sort) {
			return false
		}
	}
	return true
}

func isIndex(index treasury.Index) bool {
	return index == treasury.ByState || index == treasury.ByOwner
}

// isName reports whether s can be a key: text without control characters.
func isName(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
