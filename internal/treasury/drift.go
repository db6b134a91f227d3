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

// depositsOn lists our deposits on an account that may have arrived lately or may do so any time. known are requests as they
// are: the lists may lag behind them.
func (d *Desk) depositsOn(ctx context.Context, account string, known ...Request) (arrived, settling []Request, err error) {
	arrived, settling, err = d.deposits(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range known {
		isIt := func(other Request) bool { return other.ID == r.ID }
		arrived, settling = slices.DeleteFunc(arrived, isIt), slices.DeleteFunc(settling, isIt)
		switch {
		case r.Action.Kind != ActionDeposit:
		case r.State == StateSucceeded:
			arrived = append(arrived, r)
		case r.State == StateSettling:
			settling = append(settling, r)
		}
	}
	elsewhere := func(r Request) bool { return r.Action.Deposit.Account.ID != account }
	over := func(r Request) bool { return elsewhere(r) || d.Clock().Sub(r.ClosedAt) > twiceWatch }
	return slices.DeleteFunc(arrived, over), slices.DeleteFunc(settling, elsewhere), nil
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

// contradicted alarms when a change that nothing explains is what a closed request would have made: one that was found not
// to be carried out, or a deposit that has arrived already.
func (d *Desk) contradicted(ctx context.Context, account string, change int64, arrived []Request) error {
	for _, r := range arrived {
		if change == r.Action.Deposit.Amount.Hundredths {
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
	return d.warn(ctx, r.ID, twice)
}

// warn has the messages of a contradicted request say so.
func (d *Desk) warn(ctx context.Context, id string, twice bool) error {
	what := ContradictedLate
	if twice {
		what = ContradictedTwice
	}
	for range conflictTries {
		n, version, err := d.notice(ctx, id)
		if err != nil || n.Contradicted == what {
			return err
		}
		n.Contradicted, n.Warned = what, false
		err = d.Journal.Commit(ctx, NewWriteID(), n.write(id, version, d.Clock()))
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("warning of %s: %w", id, ErrConflict)
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
// money, for twiceWatch, with growing gaps: what Tango carries out late, or once more, shows there. A transfer is looked at
// until somebody has, as the worker that made it does at once.
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
			err = d.reread(ctx, r)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// isUnread reports whether nobody has read an account since a request moved its money.
func (d *Desk) isUnread(ctx context.Context, r Request) (bool, error) {
	list, err := d.standings(ctx, r.Action.Accounts()...)
	return slices.ContainsFunc(list, func(s standing) bool { return s.isUnread(r) }), err
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
