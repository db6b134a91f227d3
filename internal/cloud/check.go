package cloud

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Limits of names, in bytes. DynamoDB takes 2,048 for a partition key and 1,024 for a sort key; an index's sort key holds
// the record's key too.
const (
	maxKey  = 512
	maxSort = 480
)

// isName reports whether s can be a key: text without control characters, which separate the parts of an index's sort key.
func isName(s string, longest int) bool {
	if s == "" || len(s) > longest || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}

func checkCommit(id string, writes []treasury.Write) error {
	if !isName(id, 64) || len(writes) == 0 || len(writes) > treasury.MaxWrites {
		return fmt.Errorf("commit %q of %d writes: %w", id, len(writes), treasury.ErrInvalid)
	}
	seen := make(map[string]bool, len(writes))
	for _, w := range writes {
		if !isName(w.Key, maxKey) || seen[w.Key] || w.Version < 0 || len(w.Body) > treasury.MaxBody {
			return fmt.Errorf("write %q of version %d and %d bytes: %w", w.Key, w.Version, len(w.Body), treasury.ErrInvalid)
		}
		seen[w.Key] = true
		for index, place := range w.Places {
			if list, _ := indexAttributes(index); list == "" || !isName(place.Key, maxKey) || !isName(place.Sort, maxSort) {
				return fmt.Errorf("place %q %q of %q in %q: %w", place.Key, place.Sort, w.Key, index, treasury.ErrInvalid)
			}
		}
	}
	return nil
}

func checkListing(q treasury.Listing) error {
	if list, _ := indexAttributes(q.Index); list == "" || q.Limit < 1 || q.Limit > 200 || !isName(q.Key, maxKey) {
		return fmt.Errorf("listing %d of %q in %q: %w", q.Limit, q.Key, q.Index, treasury.ErrInvalid)
	}
	return nil
}
