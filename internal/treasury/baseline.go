package treasury

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// baseline is a balance that was read while nothing of ours could be moving it. The next such read is held against it, and
// what we have done in between. Of our transfers at most one lies between two reads, because each request reads its accounts
// after it has claimed them and before it sends; the lane names it. A deposit arrives when it will, and explains one change.
type baseline struct {
	Balance money.Amount `json:"balance"`
	At      time.Time    `json:"at"`
	After   string       `json:"after,omitempty"`   // the request of ours that may have moved it last before
	Counted []string     `json:"counted,omitempty"` // deposits that are in it, of those that may have arrived since
}

// restAfter is how long a lane must be free for a read to count about which nobody knows when it began: longer than clocks
// may differ, and than a function lives.
const restAfter = 2 * clocksApart

// hasDrifted reports whether somebody else was seen to move the account's money not long ago.
func (l latest) hasDrifted(now time.Time) bool {
	return !l.Drift.IsZero() && now.Sub(l.Drift) <= quietAfter
}

// isStill reports whether nobody has taken or freed the lane since it was read.
func (l Lane) isStill(before Lane) bool {
	return l.Holder == before.Holder && l.Last == before.Last && l.Since.Equal(before.Since)
}

// Learn keeps accounts that were just read, for the forms, App Home and inquiries: at most MaxWrites at once. A balance that
// changed without us is noted, unless a request of ours has held the account within the last ten minutes. Failing to keep
// them costs freshness alone.
func (d *Desk) Learn(ctx context.Context, accounts ...Account) {
	if err := d.keep(ctx, "", nil, accounts); err != nil {
		d.Log.WarnContext(ctx, "balances not kept", "accounts", len(accounts), "error", err)
	}
}

// reread reads accounts anew, and holds their balances against the baseline unless something of ours may be moving them.
func (d *Desk) reread(ctx context.Context, ids ...string) error {
	lanes, err := d.lanes(ctx, ids...)
	if err != nil {
		return err
	}
	accounts := make([]Account, len(ids))
	for i, id := range ids {
		if accounts[i], err = d.Books.Account(ctx, id); err != nil {
			return fmt.Errorf("reading account %s again: %w", id, err)
		}
	}
	return d.keep(ctx, "", lanes, accounts)
}

// keep records accounts that were read, and holds each balance against the baseline where nothing of ours was moving it:
// the lane was free before the read and is still, or is held by the holder, which has claimed it and sent nothing. lanes
// are as they were before the read; nil where nobody knows. The commit need not name the lanes: whoever takes one keeps
// the account too before it sends, and so comes in between.
func (d *Desk) keep(ctx context.Context, holder string, lanes []Lane, accounts []Account) error {
	if len(accounts) == 0 {
		return nil
	}
	n := len(accounts)
	keys := make([]string, 2*n)
	for i, a := range accounts {
		keys[i], keys[n+i] = accountKey(a.ID), laneKey(a.ID)
	}
	for range conflictTries {
		records, err := d.Journal.Get(ctx, keys...)
		if err != nil {
			return fmt.Errorf("reading what is known of accounts: %w", err)
		}
		writes := make([]Write, n)
		for i, a := range accounts {
			l, err := decode[latest](records[i])
			if err != nil {
				return err
			}
			lane, err := decode[Lane](records[n+i])
			if err != nil {
				return err
			}
			if a.Customer == "" {
				a.Customer = l.Account.Customer
			}
			l.Account, l.At = a, d.Clock()
			still := lane.Holder == "" && d.Clock().Sub(lane.Since) >= restAfter
			if lanes != nil {
				still = lane.isStill(lanes[i]) && (lane.Holder == "" || lane.Holder == holder)
			}
			if still {
				if err := d.compare(ctx, &l, lane, accounts); err != nil {
					return err
				}
			}
			writes[i] = Write{Key: keys[i], Version: records[i].Version, Body: encode(l)}
		}
		err = d.Journal.Commit(ctx, NewWriteID(), writes...)
		if errors.Is(err, ErrConflict) {
			continue // somebody else has read one of them too
		}
		if err != nil {
			return fmt.Errorf("keeping accounts: %w", err)
		}
		return nil
	}
	return fmt.Errorf("keeping accounts: %w", ErrConflict)
}

// compare holds the balance of an account that was just read against its baseline, alarms about a change that contradicts
// what was closed, and makes it the new baseline: in this order, so that a process that ends in between loses nothing. A
// balance that shows nothing of what we did is late, and stays to be compared. read are the accounts that were read with it.
func (d *Desk) compare(ctx context.Context, l *latest, lane Lane, read []Account) error {
	base, balance := l.Base, l.Account.Balance
	if !base.Balance.IsKnown() || base.Balance.Currency != balance.Currency {
		_, counted, err := d.drifted(ctx, l.Account.ID, 0, baseline{At: l.At.Add(2 * restAfter)})
		l.Base = baseline{balance, l.At, lane.Last, counted}
		return err
	}
	l.Reads++
	change, ours := balance.Hundredths-base.Balance.Hundredths, int64(0)
	var last Request
	if lane.Last != base.After && lane.Last != "" {
		var err error
		if last, _, err = d.read(ctx, lane.Last); err != nil {
			return err
		}
		ours = last.transferred(l.Account.ID)
	}
	if change == 0 {
		if ours == 0 {
			l.Base.After = lane.Last
		}
		return nil
	}
	rest, counted := change-ours, base.Counted
	if rest != 0 {
		twice := false
		var err error
		if rest == ours {
			twice, err = d.checkOnce(ctx, last, lane, read)
		}
		if err == nil && !twice {
			rest, counted, err = d.drifted(ctx, l.Account.ID, rest, base)
		}
		if err != nil {
			return err
		}
	}
	if rest != 0 {
		l.Drift = l.At
	}
	l.Base = baseline{balance, l.At, lane.Last, counted}
	return nil
}

// transferred tells by how much a request's transfer has changed an account.
func (r Request) transferred(account string) int64 {
	t := r.Action.Transfer
	switch {
	case t == nil || r.State != StateSucceeded:
		return 0
	case t.From.ID == account:
		return -t.Amount.Hundredths
	case t.To.ID == account:
		return t.Amount.Hundredths
	}
	return 0
}

// checkOnce is asked when one account has moved by a transfer's amount once more than the transfer explains. When the other
// one has too, and nothing of ours was moving them, somebody between us and Tango has sent the call twice: that is an
// alarm, and nothing more moves on them until people have looked.
func (d *Desk) checkOnce(ctx context.Context, r Request, mine Lane, read []Account) (twice bool, err error) {
	t, answer := r.Action.Transfer, r.Answer
	if answer == nil || answer.Verdict != VerdictDone {
		return false, nil // closed by evidence, which knows a double movement; no answer tells the balances
	}
	var now [2]Account
	for i, id := range r.Action.Accounts() {
		if known := slices.IndexFunc(read, func(a Account) bool { return a.ID == id }); known >= 0 {
			now[i] = read[known]
		} else if now[i], err = d.Books.Account(ctx, id); err != nil {
			return false, fmt.Errorf("reading account %s after a transfer: %w", id, err)
		}
	}
	from, to := now[0], now[1]
	if from.Currency != t.Amount.Currency || to.Currency != t.Amount.Currency ||
		answer.FromAfter.Hundredths-from.Balance.Hundredths != t.Amount.Hundredths ||
		to.Balance.Hundredths-answer.ToAfter.Hundredths != t.Amount.Hundredths {
		return false, nil
	}
	lanes, err := d.lanes(ctx, r.Action.Accounts()...)
	if err != nil {
		return false, err
	}
	for _, l := range lanes { // the same sum again may be the next request's
		if l.Last != r.ID || l.Holder != "" && (l.Holder != mine.Holder || !l.Since.Equal(mine.Since)) {
			return false, nil
		}
	}
	return true, d.movedTwice(ctx, r)
}

// isUnread reports whether a request was the last to move money on one of its accounts, and nobody has read it since.
func (d *Desk) isUnread(ctx context.Context, r Request) (bool, error) {
	lanes := r.Action.Lanes()
	n := len(lanes)
	keys := make([]string, 2*n)
	for i, id := range lanes {
		keys[i], keys[n+i] = accountKey(id), laneKey(id)
	}
	records, err := d.Journal.Get(ctx, keys...)
	if err != nil {
		return false, fmt.Errorf("reading what is known of accounts: %w", err)
	}
	for i := range lanes {
		l, err := decode[latest](records[i])
		if err != nil {
			return false, err
		}
		lane, err := decode[Lane](records[n+i])
		if err != nil {
			return false, err
		}
		if lane.Holder == "" && lane.Last == r.ID && l.Base.After != r.ID {
			return true, nil
		}
	}
	return false, nil
}
