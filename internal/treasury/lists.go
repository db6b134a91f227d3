package treasury

import (
	"context"
	"fmt"
	"iter"
	"strings"
)

// maxOpen bounds how many requests of one state a list or sweep looks at. More open requests than that would be a
// disaster of another kind; the oldest come first, so none is passed over for ever.
const maxOpen = 1000

// inState lists requests of a state, oldest first. It may lag: decide on a request only after reading it.
func (d *Desk) inState(ctx context.Context, s State) ([]Request, error) {
	var requests []Request
	for record, err := range d.listed(ctx, stateList(s)) {
		if err != nil {
			return nil, fmt.Errorf("listing %s requests: %w", s, err)
		}
		r, err := decode[Request](record)
		if err != nil {
			return nil, err
		}
		if requests = append(requests, r); len(requests) == maxOpen {
			break
		}
	}
	return requests, nil
}

// listed walks the records that stand in a list, oldest first, and ends with the first error. It may lag.
func (d *Desk) listed(ctx context.Context, list string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for cursor := ""; ; {
			records, next, err := d.Journal.List(ctx, Listing{Index: ByState, Key: list, Cursor: cursor, Limit: 200})
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, r := range records {
				if !yield(r, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			cursor = next
		}
	}
}

// Open lists the requests that are not final, by state in the order of States, oldest first.
func (d *Desk) Open(ctx context.Context) ([]Request, error) {
	var open []Request
	for _, s := range States() {
		if s.IsFinal() {
			continue
		}
		requests, err := d.inState(ctx, s)
		if err != nil {
			return nil, err
		}
		open = append(open, requests...)
	}
	return open, nil
}

// InDoubt lists the requests whose outcome is not known, oldest first.
func (d *Desk) InDoubt(ctx context.Context) ([]Request, error) { return d.inState(ctx, StateInDoubt) }

// Waiting lists the pending requests on which the person's vote would count now.
func (d *Desk) Waiting(ctx context.Context, person string) ([]Request, error) {
	pending, err := d.inState(ctx, StatePending)
	if err != nil {
		return nil, err
	}
	var waiting []Request
	may := map[string]bool{} // by the rule's groups: most requests share one rule
	for _, r := range pending {
		if r.Requester == person || r.HasVoted(person) || !d.Clock().Before(r.ExpiresAt) {
			continue
		}
		groups := strings.Join(r.Rule.From, "\n")
		if _, known := may[groups]; !known {
			err := d.MayApprove(ctx, person, r.Rule)
			if unlessForbidden(err) != nil {
				return nil, err
			}
			may[groups] = err == nil
		}
		if may[groups] {
			waiting = append(waiting, r)
		}
	}
	return waiting, nil
}

// Mine lists one page of the requests that the person made, newest first.
func (d *Desk) Mine(ctx context.Context, person, cursor string, limit int) (requests []Request, next string, err error) {
	return d.page(ctx, Listing{Index: ByOwner, Key: person, Cursor: cursor, Limit: limit, Reverse: true})
}

// Closed lists one page of the requests that ended in a state, newest first.
func (d *Desk) Closed(ctx context.Context, s State, cursor string, limit int) (requests []Request, next string, err error) {
	return d.page(ctx, Listing{Index: ByState, Key: stateList(s), Cursor: cursor, Limit: limit, Reverse: true})
}

func (d *Desk) page(ctx context.Context, q Listing) ([]Request, string, error) {
	records, next, err := d.Journal.List(ctx, q)
	if err != nil {
		return nil, "", fmt.Errorf("listing requests: %w", err)
	}
	requests := make([]Request, len(records))
	for i, record := range records {
		if requests[i], err = decode[Request](record); err != nil {
			return nil, "", err
		}
	}
	return requests, next, nil
}

// Find reads one request as it is now. It fails with ErrNotFound.
func (d *Desk) Find(ctx context.Context, id string) (Request, error) {
	r, _, err := d.read(ctx, id)
	return r, err
}
