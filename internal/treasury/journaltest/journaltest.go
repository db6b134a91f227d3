// Package journaltest holds every store behind the treasury's ports to one behaviour. Each room that implements a port
// runs the suite of that port in its own tests, so that the desk can be proved over one store and deployed over another.
package journaltest

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Journal checks a treasury.Journal. open gives an empty journal, fit for concurrent use; it is called once per case.
//
// The suite expects List to have caught up when Commit returns. Production indexes may lag; the stores under test do not.
func Journal(t *testing.T, open func(t *testing.T) treasury.Journal) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(s subject)
	}{
		{"a missing record has version 0", missingRecord},
		{"records come in the order of the keys", orderOfKeys},
		{"many keys at once", manyKeys},
		{"each commit raises the version by one", versionsRise},
		{"a wrong version conflicts", wrongVersions},
		{"all or nothing", allOrNothing},
		{"check writes compare and change nothing", checkWrites},
		{"a repeated commit is recognised", ownCommit},
		{"a repeated commit is recognised after others wrote", ownCommitOverwritten},
		{"another id with the same content conflicts", foreignCommit},
		{"the most writes of one commit", mostWrites},
		{"malformed commits are invalid", malformedCommits},
		{"the largest body", largestBody},
		{"bytes are kept exactly", exactBytes},
		{"concurrent increments all count", concurrentIncrements},
		{"one of many creators wins", concurrentCreation},
		{"transfers between records keep the sum", concurrentTransfers},
		{"an ended context stops everything", endedContext},
		{"a list is ordered, also in reverse", listOrder},
		{"equal sort keys are ordered by record key", listTies},
		{"lists do not mix", listsApart},
		{"places move and end with the record's writes", placesMove},
		{"paging gives every record once", paging},
		{"a cursor stays while records are added", cursorStability},
		{"malformed listings are invalid", malformedListings},
		{"any sequence agrees with the model", agreesWithModel},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(subject{t, open(t)}) })
	}
}

// subject is the journal of one case.
type subject struct {
	t *testing.T
	j treasury.Journal
}

// get reads one record.
func get(t *testing.T, j treasury.Journal, key string) treasury.Record {
	t.Helper()
	records, err := j.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("Get(%q): %v", key, err)
	}
	if len(records) != 1 {
		t.Fatalf("Get(%q) gave %d records", key, len(records))
	}
	return records[0]
}

// commit must succeed.
func commit(t *testing.T, j treasury.Journal, writes ...treasury.Write) {
	t.Helper()
	if err := j.Commit(t.Context(), treasury.NewWriteID(), writes...); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

// refused must fail with the kind of error.
func refused(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got error %v, want %v", err, kind)
	}
}

// holds compares one record with what it should be.
func holds(t *testing.T, j treasury.Journal, key string, version int64, body string) {
	t.Helper()
	r := get(t, j, key)
	if r.Key != key || r.Version != version || !bytes.Equal(r.Body, []byte(body)) {
		t.Errorf("record %q is %q version %d body %q, want version %d body %q", key, r.Key, r.Version, r.Body, version, body)
	}
}

// list reads one page.
func list(t *testing.T, j treasury.Journal, q treasury.Listing) (keys []string, next string) {
	t.Helper()
	records, next, err := j.List(t.Context(), q)
	if err != nil {
		t.Fatalf("List(%+v): %v", q, err)
	}
	for _, r := range records {
		keys = append(keys, r.Key)
	}
	return keys, next
}

// pages reads a whole list, page by page.
func pages(t *testing.T, j treasury.Journal, q treasury.Listing) []string {
	t.Helper()
	var all []string
	for {
		keys, next := list(t, j, q)
		if len(keys) > q.Limit {
			t.Fatalf("a page of %d for limit %d", len(keys), q.Limit)
		}
		all = append(all, keys...)
		if next == "" {
			return all
		}
		if len(keys) == 0 {
			t.Fatalf("an empty page of %q that promises more", q.Key)
		}
		q.Cursor = next
	}
}

func at(key, sort string) treasury.Place { return treasury.Place{Key: key, Sort: sort} }

func byState(key, sort string) map[treasury.Index]treasury.Place {
	return map[treasury.Index]treasury.Place{treasury.ByState: at(key, sort)}
}

// ended is a context that is over.
func ended(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
