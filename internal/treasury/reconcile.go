package treasury

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// look is what the last look at Tango gave for a request in doubt, and when the next one is due.
type look struct {
	Seen string        `json:"seen,omitempty"` // the sighting, as JSON: equal text is an equal sighting
	At   time.Time     `json:"at,omitzero"`
	Due  time.Time     `json:"due,omitzero"`
	Gap  time.Duration `json:"gap,omitempty"`
}

func lookKey(request string) string { return "LOOK#" + request }

// The gaps between looks at a request whose evidence does not decide: what is shown may still change.
const (
	firstLook   = 10 * time.Minute
	longestLook = 6 * time.Hour
)

// maxLooks bounds the requests in doubt that one sweep looks at.
const maxLooks = 10

// sweepDoubt gathers evidence, asks the people again daily, and reports how many requests are in doubt: an alarm counts
// that line.
func (d *Desk) sweepDoubt(ctx context.Context) error {
	doubts, err := d.InDoubt(ctx)
	if err != nil {
		return err
	}
	d.Log.InfoContext(ctx, "requests in doubt", "in_doubt", len(doubts))
	var failures []error
	looked := 0
	for _, r := range doubts {
		failures = append(failures, d.nag(ctx, r))
		if r.MayResend() {
			d.enqueue(ctx, r.ID, 0)
		}
		if looked == maxLooks || r.Attempt == nil || d.Books == nil || d.Clock().Before(r.Attempt.NotAfter.Add(SettleWindow)) {
			continue
		}
		did, err := d.lookAt(ctx, r)
		if did {
			looked++
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// nag asks for another message about a doubt each day.
func (d *Desk) nag(ctx context.Context, r Request) error {
	if r.Inquiry == nil {
		return nil
	}
	days := int(d.Clock().Sub(r.Inquiry.Since) / (24 * time.Hour))
	n, version, err := d.notice(ctx, r.ID)
	if err != nil || days <= n.Nags {
		return err
	}
	n.Nags = days
	err = d.Journal.Commit(ctx, NewWriteID(), n.write(r.ID, version, d.Clock()))
	if err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("noting a doubt's day for %s: %w", r.ID, err)
	}
	return nil
}

// lookAt looks at Tango when it is time to. Two equal sightings, a minute or more apart, are evidence.
func (d *Desk) lookAt(ctx context.Context, r Request) (did bool, err error) {
	records, err := d.Journal.Get(ctx, lookKey(r.ID))
	if err != nil {
		return false, fmt.Errorf("reading the last look at %s: %w", r.ID, err)
	}
	last, err := decode[look](records[0])
	if err != nil {
		return false, err
	}
	now := d.Clock()
	if last.At.Before(r.Attempt.NotAfter.Add(SettleWindow)) {
		last = look{} // before the further send: it proves nothing about it
	}
	if now.Before(last.Due) {
		return false, nil
	}
	s, err := d.sight(ctx, r)
	if err != nil {
		return true, fmt.Errorf("looking at Tango for %s: %w", r.ID, err)
	}
	text := string(encode(s))
	agreed := text == last.Seen && now.Sub(last.At) >= lookApart
	next := look{Seen: text, At: now, Due: now.Add(lookApart), Gap: last.Gap}
	if agreed {
		next.Gap = min(max(2*last.Gap, firstLook), longestLook)
		next.At, next.Due = last.At, now.Add(next.Gap)
	}
	err = d.Journal.Commit(ctx, NewWriteID(), Write{Key: lookKey(r.ID), Version: records[0].Version, Body: encode(next)})
	if errors.Is(err, ErrConflict) {
		return true, nil // another sweep is at it
	}
	if err != nil {
		return true, fmt.Errorf("keeping a look at %s: %w", r.ID, err)
	}
	if !agreed {
		return true, nil
	}
	return true, d.judge(ctx, r, s)
}

// judge turns an agreed sighting into evidence and records it, unless it says what is known already.
func (d *Desk) judge(ctx context.Context, r Request, s sighting) error {
	noisy, err := d.noisy(ctx, r)
	if err != nil {
		return err
	}
	ev := r.Weigh(s, noisy)
	ev.At = d.Clock()
	if ev.Rule == RuleDouble {
		d.Log.ErrorContext(ctx, "money moved twice", "request", r.ID, "attempt", r.Attempt.ID)
	}
	after, err := d.change(ctx, r.ID, func(now Request) (Event, error) {
		if now.State != StateInDoubt || now.Inquiry == nil || now.Step != r.Step || ev.sameAs(now.Inquiry.Evidence) {
			return Event{}, errNothing
		}
		return Event{Kind: EventEvidence, At: d.Clock(), Evidence: ev}, nil
	})
	if errors.Is(err, ErrConflict) {
		return nil
	}
	if err == nil && ev.Rule == RuleDouble {
		err = d.freeze(ctx, after, true)
	}
	return err
}

func (ev Evidence) sameAs(old *Evidence) bool {
	return old != nil && old.Says == ev.Says && old.Rule == ev.Rule && slices.Equal(old.Balances, ev.Balances) &&
		slices.Equal(old.Noisy, ev.Noisy)
}
