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
// that evidence is held against: it may settle before the mark that follows the read. The clocks may differ by SettleAfter.
func (d *Desk) depositsUnderWay(ctx context.Context, r Request) ([]string, error) {
	since := r.Attempt.SentAt
	for _, read := range r.Attempt.Before {
		if read.At.Before(since) {
			since = read.At
		}
	}
	return d.depositsSince(ctx, r.ID, since)
}

// depositsSince lists the accounts on which a deposit of ours other than one request's settled since a time, or settles.
func (d *Desk) depositsSince(ctx context.Context, but string, since time.Time) ([]string, error) {
	settling, err := d.inState(ctx, StateSettling)
	if err != nil {
		return nil, err
	}
	closed, _, err := d.Closed(ctx, StateSucceeded, "", 200)
	if err != nil {
		return nil, err
	}
	since = since.Add(-SettleAfter)
	var accounts []string
	for _, other := range append(settling, closed...) {
		if other.ID == but || other.Action.Kind != ActionDeposit {
			continue
		}
		if other.State == StateSettling || !other.ClosedAt.Before(since) {
			accounts = append(accounts, other.Action.Deposit.Account.ID)
		}
	}
	return accounts, nil
}

// drifted is called when an account's balance is not what it was when it was last read, and we did not move it. It looks
// for a closed request that this contradicts: one that was found not to be carried out, and was after all, or a deposit
// that has arrived and seems to arrive again.
func (d *Desk) drifted(ctx context.Context, account string, change int64) error {
	arrived, _, err := d.Closed(ctx, StateSucceeded, "", 200)
	if err != nil {
		return err
	}
	for _, r := range arrived {
		if a := r.Action.Deposit; a != nil && a.Account.ID == account && change == a.Amount.Hundredths && d.Clock().Sub(r.ClosedAt) <= twiceWatch {
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
			return d.freeze(ctx, r)
		}
	}
	return nil
}

// freeze keeps everything else off the accounts of a request that Tango contradicts, until people free them.
func (d *Desk) freeze(ctx context.Context, r Request) error {
	for _, account := range r.Action.Lanes() {
		err := d.editLane(ctx, account, func(l Lane) Lane {
			l.Frozen = r.ID
			return l
		})
		if err != nil {
			return err
		}
	}
	return nil
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
