package treasury

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A deposit that Tango answers as PENDING settles within three business days, by its pages. The sweep asks with growing
// gaps; each question is one call to Tango.

// firstPoll is the gap between the send and the first question; it doubles up to longestPoll.
const (
	firstPoll   = 2 * time.Minute
	longestPoll = 6 * time.Hour
)

func pollKey(request string) string { return "POLL#" + request }

// poll is when something is asked for next.
type poll struct {
	Gap time.Duration `json:"gap"`
	Due time.Time     `json:"due"`
}

// maxPolls bounds the deposits that one sweep asks for, so that the rest of the sweep gets its turn.
const maxPolls = 20

func (d *Desk) sweepSettling(ctx context.Context) error {
	settling, err := d.inState(ctx, StateSettling)
	if err != nil {
		return err
	}
	var failures []error
	polled := 0
	for _, r := range settling {
		if polled == maxPolls {
			break
		}
		due, err := d.isDue(ctx, pollKey(r.ID), r.Attempt.SentAt.Add(firstPoll), firstPoll, longestPoll)
		if err == nil && due {
			polled++
			err = d.settleOne(ctx, r)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// isDue tells whether something is to be asked now: first at a time, then after a gap that doubles from first to longest. If
// so it sets the next time: a question that fails waits for that time too.
func (d *Desk) isDue(ctx context.Context, key string, at time.Time, first, longest time.Duration) (bool, error) {
	records, err := d.Journal.Get(ctx, key)
	if err != nil {
		return false, fmt.Errorf("reading when %s is due: %w", key, err)
	}
	p, err := decode[poll](records[0])
	if err != nil {
		return false, err
	}
	now := d.Clock()
	if records[0].Version == 0 {
		p = poll{Gap: first, Due: at}
	}
	if now.Before(p.Due) {
		return false, nil
	}
	p.Gap = min(2*p.Gap, longest)
	p.Due = now.Add(p.Gap)
	err = d.Journal.Commit(ctx, NewWriteID(), Write{Key: key, Version: records[0].Version, Body: encode(p)})
	if errors.Is(err, ErrConflict) {
		return false, nil // another sweep is at it
	}
	if err != nil {
		return false, fmt.Errorf("setting when %s is due next: %w", key, err)
	}
	return true, nil
}

// settleOne asks Tango for one deposit and records what it says.
func (d *Desk) settleOne(ctx context.Context, r Request) error {
	if r.Answer == nil || r.Answer.Deposit == nil {
		return fmt.Errorf("settling %s without a deposit's id: %w", r.ID, ErrInvalid)
	}
	answer, err := d.Books.DepositStatus(ctx, r.Answer.Deposit.ID, r.Action.Amount().Currency)
	if err != nil && d.Clock().Before(r.Attempt.SentAt.Add(SettleGiveUp)) {
		return fmt.Errorf("asking for the deposit of %s: %w", r.ID, err)
	}
	event := Event{Kind: EventSettle, At: d.Clock(), Answer: answer}
	switch {
	case err == nil && answer.Deposit != nil && answer.Deposit.Amount != r.Action.Amount():
		event.Answer.Verdict, event.Answer.Doubt, event.Answer.Mismatch = VerdictUnknown, DoubtMismatch, "amount"
	case err == nil && answer.Verdict != VerdictPending:
	case event.At.Before(r.Attempt.SentAt.Add(SettleOverdue)):
		return nil
	case event.At.Before(r.Attempt.SentAt.Add(SettleGiveUp)):
		event.Kind = EventOverdue
	default:
		event.Answer = Answer{Verdict: VerdictUnknown, Doubt: DoubtUnsettled}
	}
	after, err := d.change(ctx, r.ID, func(now Request) (Event, error) {
		if now.State != StateSettling || event.Kind == EventOverdue && now.Overdue {
			return Event{}, errNothing
		}
		return event, nil
	})
	if errors.Is(err, ErrConflict) {
		return nil
	}
	if err == nil {
		d.refreshAfter(ctx, after)
	}
	return err
}
