package treasury

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// noisy lists the accounts of a request that others move too, or on which another deposit of ours was under way. An account
// that was never watched counts as noisy, but for the target of a transfer: two exact changes that fit each other on two
// accounts, of which neither is known to be moved by others, are proof enough, and a source alone never is.
func (d *Desk) noisy(ctx context.Context, r Request) ([]string, error) {
	if !r.Action.MovesMoney() {
		return nil, nil
	}
	lanes := r.Action.Lanes()
	keys := make([]string, len(lanes))
	for i, id := range lanes {
		keys[i] = accountKey(id)
	}
	records, err := d.Journal.Get(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("reading accounts: %w", err)
	}
	var noisy []string
	for i, record := range records {
		l, err := decode[latest](record)
		if err != nil {
			return nil, err
		}
		isTarget := r.Action.Kind == ActionTransfer && lanes[i] == r.Action.Transfer.To.ID
		if l.hasDrifted(d.Clock()) || !isTarget && l.Reads == 0 {
			noisy = append(noisy, lanes[i])
		}
	}
	under, err := d.depositsUnderWay(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, id := range under {
		if slices.Contains(lanes, id) && !slices.Contains(noisy, id) {
			noisy = append(noisy, id)
		}
	}
	slices.Sort(noisy)
	return noisy, nil
}

// depositsUnderWay lists the accounts on which another deposit of ours settled, or settles, since the balances were read
// that evidence is held against: it may settle before the mark that follows the read. The clocks may differ by clocksApart.
func (d *Desk) depositsUnderWay(ctx context.Context, r Request) ([]string, error) {
	since := r.Attempt.SentAt
	for _, read := range r.Attempt.Before {
		if read.At.Before(since) {
			since = read.At
		}
	}
	since = since.Add(-clocksApart)
	arrived, settling, err := d.deposits(ctx)
	if err != nil {
		return nil, err
	}
	var accounts []string
	for _, other := range append(settling, arrived...) {
		if other.ID != r.ID && (other.State == StateSettling || !other.ClosedAt.Before(since)) {
			accounts = append(accounts, other.Action.Deposit.Account.ID)
		}
	}
	return accounts, nil
}

// depositsOn lists our deposits on an account.
func (d *Desk) depositsOn(ctx context.Context, account string) (arrived, settling []Request, err error) {
	arrived, settling, err = d.deposits(ctx)
	elsewhere := func(r Request) bool { return r.Action.Deposit.Account.ID != account }
	return slices.DeleteFunc(arrived, elsewhere), slices.DeleteFunc(settling, elsewhere), err
}

// deposits lists those of ours that have arrived, the newest ones, and those that settle.
func (d *Desk) deposits(ctx context.Context) (arrived, settling []Request, err error) {
	if settling, err = d.inState(ctx, StateSettling); err != nil {
		return nil, nil, err
	}
	if arrived, _, err = d.Closed(ctx, StateSucceeded, "", 200); err != nil {
		return nil, nil, err
	}
	other := func(r Request) bool { return r.Action.Kind != ActionDeposit }
	return slices.DeleteFunc(arrived, other), slices.DeleteFunc(settling, other), nil
}

// drifted is called when an account's balance is not its baseline, and our transfers do not explain it. It gives the part of
// the change that no deposit of ours explains either, and the deposits that explain no later change. And it looks for a
// request that this part contradicts: one that was found not to be carried out, and was after all, or a deposit that has
// arrived and seems to arrive again.
func (d *Desk) drifted(ctx context.Context, account string, change int64, base baseline) (unexplained int64, counted []string, err error) {
	arrived, settling, err := d.depositsOn(ctx, account)
	if err != nil {
		return change, nil, err
	}
	counts := func(r Request) bool { return slices.Contains(base.Counted, r.ID) }
	for _, r := range arrived {
		if !counts(r) && !r.ClosedAt.Before(base.At.Add(-restAfter)) {
			change -= r.Action.Deposit.Amount.Hundredths
		}
		if !r.ClosedAt.Before(d.Clock().Add(-2 * restAfter)) {
			counted = append(counted, r.ID)
		}
	}
	for _, r := range settling { // it may be on the account before we have asked
		amount, was := r.Action.Deposit.Amount.Hundredths, counts(r)
		if !was && change == 2*amount {
			return change, append(counted, r.ID), d.movedTwice(ctx, r)
		}
		if !was && change == amount {
			change, was = 0, true
		}
		if was {
			counted = append(counted, r.ID)
		}
	}
	if change == 0 {
		return 0, counted, nil
	}
	return change, counted, d.contradicted(ctx, account, change, arrived)
}

// contradicted alarms when a change that nothing explains is what a closed request would have made.
func (d *Desk) contradicted(ctx context.Context, account string, change int64, arrived []Request) error {
	for _, r := range arrived {
		if change == r.Action.Deposit.Amount.Hundredths && d.Clock().Sub(r.ClosedAt) <= twiceWatch {
			return d.movedTwice(ctx, r)
		}
	}
	failed, _, err := d.Closed(ctx, StateFailed, "", 200)
	if err != nil {
		return err
	}
	for _, r := range failed {
		if r.Reason != ReasonFound || d.Clock().Sub(r.ClosedAt) > lateWatch || r.Attempt == nil {
			continue
		}
		amount := r.Action.Amount().Hundredths
		late := r.Action.Kind == ActionDeposit && r.Action.Deposit.Account.ID == account && change == amount ||
			r.Action.Kind == ActionTransfer && r.Action.Transfer.From.ID == account && change == -amount ||
			r.Action.Kind == ActionTransfer && r.Action.Transfer.To.ID == account && change == amount
		if late {
			d.Log.ErrorContext(ctx, "closed request contradicted", "request", r.ID, "account", account, "change", change)
			return d.freeze(ctx, r, false)
		}
	}
	return nil
}

// movedTwice alarms, and keeps everything else off the accounts until people have looked.
func (d *Desk) movedTwice(ctx context.Context, r Request) error {
	d.Log.ErrorContext(ctx, "money moved twice", "request", r.ID, "attempt", r.Attempt.ID)
	return d.freeze(ctx, r, true)
}

// isWatched holds for a closed request whose accounts are still read.
func (r *Request) isWatched(at time.Time) bool {
	age := at.Sub(r.ClosedAt)
	if r.State == StateSucceeded {
		return r.Action.MovesMoney() && age <= twiceWatch
	}
	return r.State == StateFailed && r.Reason == ReasonFound && r.Action.MovesMoney() && age <= lateWatch
}

// freeze keeps everything else off the accounts of a request that Tango contradicts, until people free them, and tells it.
func (d *Desk) freeze(ctx context.Context, r Request, twice bool) error {
	for _, account := range r.Action.Lanes() {
		err := d.editLane(ctx, account, func(l Lane) Lane {
			l.Frozen = r.ID
			return l
		})
		if err != nil {
			return err
		}
		err = d.changeAlert(ctx, frozenAlertID(account), func(a Alert) (Alert, bool) {
			if a.Open && a.Request == r.ID {
				return a, false
			}
			a.Kind, a.Account, a.Request, a.Twice, a.By = AlertFrozen, r.Action.accountRef(account), r.ID, twice, ""
			return a.open(d.Clock()), true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func frozenAlertID(account string) string { return "frozen/" + account }

// accountRef names an account of the action as people know it.
func (a Action) accountRef(id string) AccountRef {
	switch {
	case a.Transfer != nil && a.Transfer.From.ID == id:
		return a.Transfer.From
	case a.Transfer != nil && a.Transfer.To.ID == id:
		return a.Transfer.To
	case a.Deposit != nil && a.Deposit.Account.ID == id:
		return a.Deposit.Account
	}
	return AccountRef{ID: id}
}

func lateKey(request string) string { return "LATE#" + request }

// sweepLate reads the accounts of requests that were found not to be carried out, for lateWatch, and of those that moved
// money, for twiceWatch, with growing gaps: what Tango carries out late, or once more, shows there, and drifted hears of it.
// A transfer is looked at just once, and only if the worker that made it has not.
func (d *Desk) sweepLate(ctx context.Context) error {
	if d.Books == nil {
		return nil
	}
	failed, _, err := d.Closed(ctx, StateFailed, "", 200)
	if err != nil {
		return err
	}
	arrived, _, err := d.Closed(ctx, StateSucceeded, "", 200)
	if err != nil {
		return err
	}
	watched := slices.DeleteFunc(append(failed, arrived...), func(r Request) bool { return !r.isWatched(d.Clock()) })
	if watched, err = d.pastDue(ctx, watched); err != nil {
		return err
	}
	var failures []error
	read := 0
	for _, r := range watched {
		if read == maxLooks {
			break
		}
		due, err := d.isDue(ctx, lateKey(r.ID), r.ClosedAt.Add(firstLook), firstLook, longestLook)
		if err == nil && due && r.State == StateSucceeded && r.Action.Kind == ActionTransfer {
			due, err = d.isUnread(ctx, r)
		}
		if err == nil && due {
			read++
			err = d.reread(ctx, r.Action.Lanes()...)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// pastDue leaves out the requests whose next look is known to be later.
func (d *Desk) pastDue(ctx context.Context, requests []Request) ([]Request, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	keys := make([]string, len(requests))
	for i, r := range requests {
		keys[i] = lateKey(r.ID)
	}
	records, err := d.Journal.Get(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("reading when accounts are looked at: %w", err)
	}
	var due []Request
	for i, record := range records {
		p, err := decode[poll](record)
		if err != nil {
			return nil, err
		}
		if !d.Clock().Before(p.Due) {
			due = append(due, requests[i])
		}
	}
	return due, nil
}

func (d *Desk) editLane(ctx context.Context, account string, edit func(Lane) Lane) error {
	for range conflictTries {
		records, err := d.Journal.Get(ctx, laneKey(account))
		if err != nil {
			return fmt.Errorf("reading the lane of %s: %w", account, err)
		}
		l, err := decode[Lane](records[0])
		if err != nil {
			return err
		}
		changed := edit(l)
		if changed == l {
			return nil
		}
		err = d.Journal.Commit(ctx, NewWriteID(), Write{Key: laneKey(account), Version: records[0].Version, Body: encode(changed)})
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("changing the lane of %s: %w", account, ErrConflict)
}
