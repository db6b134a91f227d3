package treasury

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// HistoryQuery says which events of the history are wanted. Empty fields do not filter.
type HistoryQuery struct {
	From, To  time.Time // From on, and before To; zero: the year up to now
	Requester string    // events of this person's requests
	Account   string    // events of requests that touch this account
	Request   string    // one request
	States    []State   // events that led to one of these
}

// The bounds of a look into the history.
const (
	// historyYear is how far back a query without a first day looks.
	historyYear = 366 * 24 * time.Hour
	// MaxHistory is the longest span of one query.
	MaxHistory = 5 * historyYear
	// scanPage is how many events are read at a time.
	scanPage = 100
	// maxScanned bounds the events that one page of a list reads in search of those that match.
	maxScanned = 1000
)

// Happening is one event of the history, with its request as that is now.
type Happening struct {
	Entry   Entry
	Request Request
}

func (q HistoryQuery) matches(h Happening) bool {
	return !h.Entry.At.Before(q.From) && h.Entry.At.Before(q.To) &&
		(q.Requester == "" || h.Request.Requester == q.Requester) &&
		(q.Account == "" || slices.Contains(h.Request.Action.Accounts(), q.Account)) &&
		(q.Request == "" || h.Entry.Request == q.Request) &&
		(len(q.States) == 0 || slices.Contains(q.States, h.Entry.To))
}

// Span fills in what a query leaves open, and fails with ErrInvalid when it asks for more than MaxHistory.
func (q HistoryQuery) Span(now time.Time) (HistoryQuery, error) {
	if q.To.IsZero() || q.To.After(now) {
		q.To = now.Add(time.Second) // an event of this very moment is in
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-historyYear)
	}
	if !q.From.Before(q.To) || q.To.Sub(q.From) > MaxHistory {
		return q, fmt.Errorf("a history from %s to %s: %w", q.From, q.To, ErrInvalid)
	}
	return q, nil
}

// historyList names the list of a month's events, as Entry.write places them.
func historyList(month time.Time) string { return "history/" + month.UTC().Format("2006-01") }

func (e Entry) sort() string { return sortKey(e.At, fmt.Sprintf("%s#%04d", e.Request, e.Step)) }

// historyScan walks through the months, newest event first. It stands before the events that are older than After.
type historyScan struct {
	Month  string `json:"m"`           // YYYY-MM
	Cursor string `json:"c,omitempty"` // of the journal
	After  string `json:"a,omitempty"` // sort key of the last event that was given
}

func newScan(q HistoryQuery) historyScan {
	return historyScan{Month: q.To.Add(-time.Nanosecond).UTC().Format("2006-01")}
}

// next reads the next events that match, and how many were looked at. done is true at the end of the span; the scan then
// stands behind it.
func (d *Desk) scanHistory(ctx context.Context, q HistoryQuery, s *historyScan) (found []Happening, looked int, done bool, err error) {
	month, err := time.Parse("2006-01", s.Month)
	if err != nil {
		return nil, 0, false, fmt.Errorf("a place in the history: %w", ErrInvalid)
	}
	records, next, err := d.Journal.List(ctx, Listing{
		Index: ByState, Key: historyList(month), Cursor: s.Cursor, Limit: scanPage, Reverse: true,
	})
	if err != nil {
		return nil, 0, false, fmt.Errorf("listing the history: %w", err)
	}
	entries := make([]Entry, 0, len(records))
	past := false
	for _, r := range records {
		e, err := decode[Entry](r)
		if err != nil {
			return nil, 0, false, err
		}
		past = past || e.At.Before(q.From)
		if s.After == "" || e.sort() < s.After {
			entries = append(entries, e)
		}
	}
	requests, err := d.requestsOf(ctx, entries)
	if err != nil {
		return nil, 0, false, err
	}
	for _, e := range entries {
		if h := (Happening{Entry: e, Request: requests[e.Request]}); q.matches(h) {
			found = append(found, h)
		}
	}
	s.Cursor, s.After = next, ""
	if next == "" {
		month = month.AddDate(0, -1, 0)
		s.Month = month.Format("2006-01")
		past = past || month.AddDate(0, 1, 0).Compare(q.From) <= 0
	}
	return found, len(records), past, nil
}

// requestsOf reads the requests that events belong to, by id.
func (d *Desk) requestsOf(ctx context.Context, entries []Entry) (map[string]Request, error) {
	requests := map[string]Request{}
	var keys []string
	for _, e := range entries {
		if key := requestKey(e.Request); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return requests, nil
	}
	records, err := d.Journal.Get(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("reading the requests of the history: %w", err)
	}
	for _, record := range records {
		r, err := decode[Request](record)
		if err != nil {
			return nil, err
		}
		requests[r.ID] = r
	}
	return requests, nil
}

// Happened lists one page of the history, newest first. It looks at no more than some thousand events in search of those
// that match, so a page may have fewer than limit, or none, and still a next. It fails with ErrInvalid for a span or a
// cursor that cannot be.
func (d *Desk) Happened(ctx context.Context, q HistoryQuery, cursor string, limit int) (page []Happening, next string, err error) {
	if q, err = q.Span(d.Clock()); err != nil {
		return nil, "", err
	}
	scan := newScan(q)
	if cursor != "" {
		if err := json.Unmarshal([]byte(cursor), &scan); err != nil {
			return nil, "", fmt.Errorf("a place in the history: %w", ErrInvalid)
		}
	}
	for looked := 0; looked < maxScanned; {
		before := scan
		found, n, done, err := d.scanHistory(ctx, q, &scan)
		if err != nil {
			return nil, "", err
		}
		room := limit - len(page)
		if len(found) > room {
			page = append(page, found[:room]...)
			before.After = page[len(page)-1].Entry.sort()
			return page, string(encode(before)), nil
		}
		page = append(page, found...)
		if done {
			return page, "", nil
		}
		looked += max(n, 1)
	}
	return page, string(encode(scan)), nil
}

// MaxExport is how many events one export holds: what a spreadsheet still opens with ease.
const MaxExport = 20_000

// maxExportScan bounds the events that an export looks at.
const maxExportScan = 100_000

// Export is the whole history of the requests that a query finds.
type Export struct {
	Query    HistoryQuery // with its span filled in
	Requests []Exported   // oldest first
	Events   int
	Cut      bool     // there is more than MaxExport, or than was looked at; the newest are in
	Broken   []string // requests whose history does not hold together
}

// Exported is one request and all of its events. They are all there, also those that the query does not match: a chain
// can be checked only as a whole.
type Exported struct {
	Request Request
	Entries []Entry
}

// Export gathers the history for a file. It fails with ErrInvalid for a span that cannot be, and with ErrNotFound when
// a single request is asked for that does not exist.
func (d *Desk) Export(ctx context.Context, q HistoryQuery) (Export, error) {
	q, err := q.Span(d.Clock())
	if err != nil {
		return Export{}, err
	}
	x := Export{Query: q}
	if q.Request != "" {
		r, err := d.Find(ctx, q.Request)
		if err != nil {
			return Export{}, err
		}
		return x, d.addToExport(ctx, &x, []Request{r})
	}
	scan, seen := newScan(q), map[string]bool{}
	for looked := 0; !x.Cut; {
		found, n, done, err := d.scanHistory(ctx, q, &scan)
		if err != nil {
			return Export{}, err
		}
		var requests []Request
		for _, h := range found {
			if !seen[h.Request.ID] {
				seen[h.Request.ID] = true
				requests = append(requests, h.Request)
			}
		}
		if err := d.addToExport(ctx, &x, requests); err != nil {
			return Export{}, err
		}
		if done {
			break
		}
		looked += max(n, 1)
		x.Cut = x.Cut || looked >= maxExportScan
	}
	slices.SortFunc(x.Requests, func(a, b Exported) int {
		if n := a.Request.CreatedAt.Compare(b.Request.CreatedAt); n != 0 {
			return n
		}
		return strings.Compare(a.Request.ID, b.Request.ID)
	})
	return x, nil
}

// addToExport reads all events of requests, whole requests only, up to MaxExport.
func (d *Desk) addToExport(ctx context.Context, x *Export, requests []Request) error {
	var keys []string
	for i, r := range requests {
		if x.Events+len(keys)+r.Step > MaxExport {
			x.Cut, requests = true, requests[:i]
			break
		}
		for step := range r.Step {
			keys = append(keys, entryKey(r.ID, step+1))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	records, err := d.Journal.Get(ctx, keys...)
	if err != nil {
		return fmt.Errorf("reading the history for an export: %w", err)
	}
	for _, r := range requests {
		one := Exported{Request: r}
		for _, record := range records[:r.Step] {
			if record.Version == 0 {
				continue // the gap shows in the file
			}
			e, err := decode[Entry](record)
			if err != nil {
				return err
			}
			one.Entries = append(one.Entries, e)
		}
		records = records[r.Step:]
		if err := one.verify(); err != nil {
			d.Log.ErrorContext(ctx, "broken history", "request", r.ID, "error", err)
			x.Broken = append(x.Broken, r.ID)
		}
		x.Requests = append(x.Requests, one)
		x.Events += len(one.Entries)
	}
	return nil
}

func (x Exported) verify() error {
	if err := VerifyChain(x.Entries); err != nil {
		return err
	}
	if n := len(x.Entries); n != x.Request.Step || x.Entries[n-1].Hash != x.Request.LastEntry {
		return errors.New("the request does not match its last step")
	}
	return nil
}
