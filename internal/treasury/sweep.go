package treasury

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Watch is one round of the schedule: the sweep, the alerts, then the refresh of the directory. A Tango that is down must
// not keep requests from expiring, so each part goes on when the other fails.
func (d *Desk) Watch(ctx context.Context) error {
	return errors.Join(d.Sweep(ctx), d.SweepAlerts(ctx), d.RemindOfCards(ctx), d.RefreshDirectory(ctx))
}

// Sweep does what time alone makes necessary: it expires and reminds, queues approved requests again, ends claims and
// sends whose worker died, and queues announcements that are behind. It never sends money. Each part goes on when
// another fails; the errors come back together.
func (d *Desk) Sweep(ctx context.Context) error {
	return errors.Join(
		d.sweepPending(ctx),
		d.sweepApproved(ctx),
		d.sweepState(ctx, StateClaimed, EventRelease),
		d.sweepState(ctx, StateSending, EventLost),
		d.sweepSettling(ctx),
		d.sweepDoubt(ctx),
		d.sweepLate(ctx),
		d.sweepNotices(ctx),
	)
}

func (d *Desk) sweepPending(ctx context.Context) error {
	pending, err := d.inState(ctx, StatePending)
	if err != nil {
		return err
	}
	var failures []error
	for _, r := range pending {
		if !d.Clock().Before(r.ExpiresAt) {
			_, err = d.change(ctx, r.ID, func(now Request) (Event, error) {
				if now.State != StatePending {
					return Event{}, errNothing
				}
				return Event{Kind: EventExpire, At: d.Clock()}, nil
			})
		} else {
			err = d.remind(ctx, r)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// maxReminders bounds the reminders of one request: they double, so a day has few, but a policy may be odd.
const maxReminders = 5

// remindersDue counts the reminders that should have been posted: at remind_after, twice that, four times that.
func remindersDue(age, first time.Duration) int {
	n := 0
	for at := first; n < maxReminders && age >= at; at *= 2 {
		n++
	}
	return n
}

func (d *Desk) remind(ctx context.Context, r Request) error {
	due := remindersDue(d.Clock().Sub(r.CreatedAt), d.Policy.Remind)
	n, version, err := d.notice(ctx, r.ID)
	if err != nil || due <= n.Reminders {
		return err
	}
	n.Reminders = due
	err = d.Journal.Commit(ctx, NewWriteID(), n.write(r.ID, version, d.Clock()))
	if err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("noting a reminder for %s: %w", r.ID, err)
	}
	return nil
}

// sweepApproved queues what waits again: the queue's own message may be lost, or was taken while a lane was busy.
func (d *Desk) sweepApproved(ctx context.Context) error {
	approved, err := d.inState(ctx, StateApproved)
	if err != nil {
		return err
	}
	var failures []error
	for _, r := range approved {
		if r.Invite != nil && d.Clock().Before(r.DueAt.Add(d.Policy.Expire)) {
			continue // it waits for its holder, who can ask for another link
		}
		if overdue := d.Clock().Sub(r.DueAt); overdue >= 0 {
			d.enqueue(ctx, r.ID, 0)
			failures = append(failures, d.tellHeld(ctx, r))
		}
	}
	return errors.Join(failures...)
}

// sweepState ends the attempts of dead workers. Next decides whether a worker is certainly dead.
func (d *Desk) sweepState(ctx context.Context, s State, kind EventKind) error {
	requests, err := d.inState(ctx, s)
	if err != nil {
		return err
	}
	var failures []error
	for _, r := range requests {
		if r.Attempt == nil || !d.Clock().After(r.Attempt.NotAfter.Add(SettleAfter)) {
			continue
		}
		_, err := d.change(ctx, r.ID, func(now Request) (Event, error) {
			if now.State != s {
				return Event{}, errNothing
			}
			return Event{Kind: kind, At: d.Clock()}, nil
		})
		if err != nil && !errors.Is(err, ErrConflict) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

func (d *Desk) sweepNotices(ctx context.Context) error {
	for record, err := range d.listed(ctx, behindList) {
		if err != nil {
			return fmt.Errorf("listing notices that are behind: %w", err)
		}
		id := strings.TrimPrefix(record.Key, noticeKey(""))
		if err := (Job{Announce: id}).Send(ctx, d.Questions, 0); err != nil {
			return fmt.Errorf("queuing the announcement of %s: %w", id, err)
		}
	}
	return nil
}
