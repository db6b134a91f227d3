package embedded

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tangobot/tangobot/internal/treasury"
)

// isName reports whether s can be a key: text without control characters, which separate the parts of an index key.
func isName(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func checkCommit(id string, writes []treasury.Write) error {
	if !isName(id) || len(writes) == 0 || len(writes) > treasury.MaxWrites {
		return fmt.Errorf("commit %q of %d writes: %w", id, len(writes), treasury.ErrInvalid)
	}
	seen := make(map[string]bool, len(writes))
	for _, w := range writes {
		if !isName(w.Key) || seen[w.Key] || w.Version < 0 || len(w.Body) > treasury.MaxBody {
			return fmt.Errorf("write %q of version %d and %d bytes: %w", w.Key, w.Version, len(w.Body), treasury.ErrInvalid)
		}
		seen[w.Key] = true
		for index, place := range w.Places {
			if !isIndex(index) || !isName(place.Key) || !isName(place.Sort) {
				return fmt.Errorf("place %q, %q of %q in %q: %w", place.Key, place.Sort, w.Key, index, treasury.ErrInvalid)
			}
		}
	}
	return nil
}

func isIndex(index treasury.Index) bool {
	switch index {
	case treasury.ByState, treasury.ByOwner:
		return true
	}
	return false
}

// checkListing refuses what is no listing, and gives the index key that its cursor stands for: nil for the first page.
func checkListing(q treasury.Listing) (after []byte, err error) {
	if !isIndex(q.Index) || !isName(q.Key) || q.Limit < 1 || q.Limit > 200 {
		return nil, fmt.Errorf("a page of %d of list %q in %q: %w", q.Limit, q.Key, q.Index, treasury.ErrInvalid)
	}
	if q.Cursor == "" {
		return nil, nil
	}
	after, err = base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil || !bytes.HasPrefix(after, []byte(indexPrefix(q.Index, q.Key))) {
		return nil, fmt.Errorf("cursor %q: %w", q.Cursor, treasury.ErrInvalid)
	}
	return after, nil
}
