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
// against what we have done in between. Lanes tell what that is, and no clock: each request reads its accounts after it has
// claimed them and before it sends, so what a read does not know is the last transfer, which the lane names, what the
// balance did not show at the time, and deposits, which arrive when they will.
type baseline struct {
	Balance money.Amount `json:"balance"`
	At      time.Time    `json:"at"`
	After   string       `json:"after,omitempty"`   // the request of ours that may have moved money here last before
	Owed    []movement   `json:"owed,omitempty"`    // by transfers of ours, and not in it: the balance lags
	Counted []string     `json:"counted,omitempty"` // deposits of the last day that are in it
	Unsure  []string     `json:"unsure,omitempty"`  // deposits that may be in it: they settled while others moved money
}

// movement is what a request of ours adds to an account; below zero what it takes away.
type movement struct {
	Request string `json:"request"`
	Cents   int64  `json:"cents"`
}

func sum(list []movement) (cents int64) {
	for _, m := range list {
		cents += m.Cents
	}
	return cents
}

// restAfter is for how long nothing of ours must have touched an account for a read to count about which nobody knows when it
// began: longer than clocks may differ, and than a function lives.
const restAfter = 2 * clocksApart

// hasDrifted reports whether somebody else was seen to move the account's money not long ago.
func (l latest) hasDrifted(now time.Time) bool {
	return !l.Drift.IsZero() && now.Sub(l.Drift) <= quietAfter
}

// standing is what is known of an account, and its lane.
type standing struct {
	latest latest
	lane   Lane
	record Record // of latest
}

// isStill reports whether nobody has taken, freed or compared the account in between.
func (s standing) isStill(before standing) bool {
	return s.lane.Holder == before.lane.Holder && s.lane.Last == before.lane.Last && s.lane.Since.Equal(before.lane.Since) &&
		string(encode(s.latest.Base)) == string(encode(before.latest.Base))
}

// isUnread reports whether this request was the last to move money here, and the baseline does not know it.
func (s standing) isUnread(r Request) bool {
	return s.lane.Holder == "" && s.lane.Last == r.ID && s.latest.Base.After != r.ID
}

// standings reads what is known of accounts.
func (d *Desk) standings(ctx context.Context, ids ...string) ([]standing, error) {
	n := len(ids)
	keys := make([]string, 2*n)
	for i, id := range ids {
		keys[i], keys[n+i] = accountKey(id), laneKey(id)
	}
	records, err := d.Journal.Get(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("reading what is known of accounts: %w", err)
	}
	list := make([]standing, n)
	for i := range list {
		list[i].record = records[i]
		if list[i].latest, err = decode[latest](records[i]); err != nil {
			return nil, err
		}
		if list[i].lane, err = decode[Lane](records[n+i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Learn keeps accounts that were just read, for the forms, App Home and inquiries: at most MaxWrites at once. A balance that
// changed without us is noted, unless something of ours has touched the account within the last ten minutes. Failing to keep
// them costs freshness alone.
func (d *Desk) Learn(ctx context.Context, accounts ...Account) {
	if err := d.keep(ctx, Request{}, nil, accounts); err != nil {
		d.Log.WarnContext(ctx, "balances not kept", "accounts", len(accounts), "error", err)
	}
}

// reread reads the accounts of a closed request anew, and holds their balances against the baseline unless something of ours
// may be moving them.
func (d *Desk) reread(ctx context.Context, r Request) error {
	ids := r.Action.Accounts()
	before, err := d.standings(ctx, ids...)
	if err != nil {
		return err
	}
	var accounts []Account
	var known []standing
	var failures []error
	for i, id := range ids {
		a, err := d.Books.Account(ctx, id)
		if err != nil {
			failures = append(failures, fmt.Errorf("reading account %s again: %w", id, err))
			continue
		}
		accounts, known = append(accounts, a), append(known, before[i])
	}
	return errors.Join(append(failures, d.keep(ctx, r, known, accounts))...)
}

// keep records accounts that were read for a request; for none where that is zero. It holds each balance against the
// baseline where nothing of ours was moving it: the lane was free before the read and is still, or the request has it, and
// has claimed and sent nothing. before is how the accounts stood before the read; nil where nobody knows. The commit need
// not name the lanes: whoever takes one keeps the account too before it sends, and so comes in between.
func (d *Desk) keep(ctx context.Context, mine Request, before []standing, accounts []Account) error {
	if len(accounts) == 0 {
		return nil
	}
	ids := make([]string, len(accounts))
	for i, a := range accounts {
		ids[i] = a.ID
	}
	for range conflictTries {
		list, err := d.standings(ctx, ids...)
		if err != nil {
			return err
		}
		claimed := mine.State == StateClaimed
		if claimed { // by this worker, and not by one that came after it
			now, _, err := d.read(ctx, mine.ID)
			if err != nil {
				return err
			}
			claimed = now.State == StateClaimed && now.Attempt.ID == mine.Attempt.ID
		}
		writes := make([]Write, len(accounts))
		for i, a := range accounts {
			s := list[i]
			if a.Customer == "" {
				a.Customer = s.latest.Account.Customer
			}
			s.latest.Account, s.latest.At = a, d.Clock()
			if s.isQuiet(before, i, mine, claimed, d.Clock()) {
				if err := d.compare(ctx, &s, mine, accounts); err != nil {
					return err
				}
			}
			writes[i] = Write{Key: accountKey(a.ID), Version: s.record.Version, Body: encode(s.latest)}
		}
		err = d.Journal.Commit(ctx, NewWriteID(), writes...)
		if errors.Is(err, ErrConflict) {
			continue // somebody else has kept one of them; what was read before their comparison is not compared
		}
		if err != nil {
			return fmt.Errorf("keeping accounts: %w", err)
		}
		return nil
	}
	return fmt.Errorf("keeping accounts: %w", ErrConflict)
}

// isQuiet reports whether nothing of ours can have moved the account's money while it was read.
func (s standing) isQuiet(before []standing, i int, mine Request, claimed bool, now time.Time) bool {
	if before == nil {
		return s.lane.Holder == "" && now.Sub(s.lane.Since) >= restAfter && now.Sub(s.latest.Base.At) >= restAfter
	}
	return s.isStill(before[i]) && (s.lane.Holder == "" || claimed && s.lane.Holder == mine.ID)
}

// compare holds the balance of an account that was just read against its baseline, alarms about a change that contradicts
// what was closed, and makes it the new baseline: in this order, so that a process that ends in between loses nothing. read
// are the accounts that were read with it, for mine.
func (d *Desk) compare(ctx context.Context, s *standing, mine Request, read []Account) error {
	l, account := &s.latest, s.latest.Account.ID
	base, balance := l.Base, l.Account.Balance
	if !base.Balance.IsKnown() || base.Balance.Currency != balance.Currency {
		arrived, _, err := d.depositsOn(ctx, account, mine)
		l.Base = baseline{Balance: balance, At: l.At, After: s.lane.Last, Counted: requestIDs(arrived)}
		return err
	}
	l.Reads++
	owed, last := slices.Clone(base.Owed), Request{}
	if s.lane.Last != base.After && s.lane.Last != "" {
		var err error
		if last, _, err = d.read(ctx, s.lane.Last); err != nil {
			return err
		}
		if cents := last.transferred(account); cents != 0 {
			owed = append(owed, movement{last.ID, cents})
		}
	}
	change := balance.Hundredths - base.Balance.Hundredths
	if change == 0 {
		l.Base.After, l.Base.Owed = s.lane.Last, owed
		return d.makeSure(ctx, s)
	}
	next := baseline{Balance: balance, At: l.At, After: s.lane.Last, Counted: base.Counted, Unsure: base.Unsure}
	if change != sum(owed) {
		if err := d.explain(ctx, s, &next, change, owed, last, mine, read); err != nil {
			return err
		}
	}
	l.Base = next
	return nil
}

// makeSure counts deposits that arrived a while ago and show in no change: they were in the balance before.
func (d *Desk) makeSure(ctx context.Context, s *standing) error {
	base := &s.latest.Base
	if len(base.Unsure) == 0 {
		return nil
	}
	arrived, _, err := d.depositsOn(ctx, s.latest.Account.ID)
	if err != nil {
		return err
	}
	for _, r := range arrived {
		i := slices.Index(base.Unsure, r.ID)
		if i >= 0 && d.Clock().Sub(r.ClosedAt) >= restAfter {
			base.Unsure = slices.Delete(slices.Clone(base.Unsure), i, i+1)
			base.Counted = append(slices.Clone(base.Counted), r.ID)
		}
	}
	return nil
}

// explain finds what of ours makes up a change that our transfers alone do not, and says in the new baseline what is still
// owed and which deposits are in it. A change that nothing of ours makes up is a drift, and may contradict what was closed.
// last is the request that the lane names, where the baseline does not know it.
func (d *Desk) explain(
	ctx context.Context, s *standing, next *baseline, change int64, owed []movement, last, mine Request, read []Account,
) error {
	account := s.latest.Account.ID
	arrived, settling, err := d.depositsOn(ctx, account, last, mine)
	if err != nil {
		return err
	}
	was := next.Counted
	next.Counted, next.Unsure = nil, nil
	candidates := slices.Clone(owed)
	for _, r := range slices.Concat(arrived, settling) {
		if slices.Contains(was, r.ID) {
			next.Counted = append(next.Counted, r.ID)
		} else {
			candidates = append(candidates, movement{r.ID, r.Action.Deposit.Amount.Hundredths})
		}
	}
	if shown, ok := subset(candidates, change); ok {
		for _, m := range candidates {
			isIn := slices.Contains(shown, m)
			switch isOwed := slices.Contains(owed, m); {
			case isOwed && !isIn:
				next.Owed = append(next.Owed, m)
			case !isOwed && isIn:
				next.Counted = append(next.Counted, m.Request)
			}
		}
		return nil
	}
	s.latest.Drift = s.latest.At
	rest := change - sum(owed)
	for _, r := range arrived {
		if !slices.Contains(next.Counted, r.ID) {
			rest -= r.Action.Deposit.Amount.Hundredths
			next.Counted = append(next.Counted, r.ID)
		}
	}
	for _, r := range settling { // Tango shows it before we have asked again
		switch {
		case slices.Contains(next.Counted, r.ID):
		case rest == 2*r.Action.Deposit.Amount.Hundredths:
			next.Counted = append(next.Counted, r.ID)
			return d.movedTwice(ctx, r)
		default:
			next.Unsure = append(next.Unsure, r.ID)
		}
	}
	if last.ID == "" && s.lane.Last != "" { // its double may also come after somebody has read it
		if last, _, err = d.read(ctx, s.lane.Last); err != nil {
			return err
		}
	}
	if rest != 0 && rest == last.transferred(account) && d.Clock().Sub(last.ClosedAt) <= twiceWatch {
		if twice, err := d.checkOnce(ctx, last, mine, read); twice || err != nil {
			return err
		}
	}
	return d.contradicted(ctx, account, rest, arrived)
}

// mostCandidates bounds the search for movements that make up a change: 4,096 sums.
const mostCandidates = 12

// subset finds movements that make up a change, as many of the first as can be.
func subset(list []movement, change int64) ([]movement, bool) {
	list = list[:min(len(list), mostCandidates)]
	for without := range 1 << len(list) {
		var some []movement
		for i, m := range list {
			if without&(1<<(len(list)-1-i)) == 0 {
				some = append(some, m)
			}
		}
		if len(some) > 0 && sum(some) == change {
			return some, true
		}
	}
	return nil, false
}

func requestIDs(list []Request) []string {
	ids := make([]string, len(list))
	for i, r := range list {
		ids[i] = r.ID
	}
	return ids
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
func (d *Desk) checkOnce(ctx context.Context, r, mine Request, read []Account) (twice bool, err error) {
	ids, amount := r.Action.Accounts(), r.Action.Amount().Hundredths
	for i, want := range []int64{-2 * amount, 2 * amount} {
		known := slices.IndexFunc(read, func(a Account) bool { return a.ID == ids[i] })
		var now Account
		if known >= 0 {
			now = read[known]
		} else if now, err = d.Books.Account(ctx, ids[i]); errors.Is(err, ErrNotFound) {
			return false, nil
		} else if err != nil {
			return false, fmt.Errorf("reading account %s after a transfer: %w", ids[i], err)
		}
		if change, ok := r.Attempt.since(now); !ok || change != want {
			return false, nil
		}
	}
	lanes, err := d.lanes(ctx, ids...)
	if err != nil {
		return false, err
	}
	for _, l := range lanes { // the same sum again may be the next request's
		if l.Last != r.ID {
			return false, nil
		}
		if l.Holder == "" || l.Holder == mine.ID {
			continue
		}
		holder, _, err := d.read(ctx, l.Holder)
		if err != nil || holder.State != StateClaimed { // one that is claimed has sent nothing
			return false, err
		}
	}
	arrived, settling, err := d.depositsOn(ctx, ids[1])
	if err != nil {
		return false, err
	}
	for _, other := range slices.Concat(arrived, settling) { // or a deposit of ours
		if other.Action.Deposit.Amount.Hundredths == amount && (other.State == StateSettling || other.ClosedAt.After(r.Attempt.SentAt)) {
			return false, nil
		}
	}
	return true, d.movedTwice(ctx, r)
}

// since tells by how much an account has changed since it was read before the send; ok is false when it was not.
func (a *Attempt) since(now Account) (cents int64, ok bool) {
	if a == nil {
		return 0, false
	}
	for _, b := range a.Before {
		if b.Account == now.ID && b.Balance.Currency == now.Balance.Currency {
			return now.Balance.Hundredths - b.Balance.Hundredths, true
		}
	}
	return 0, false
}
