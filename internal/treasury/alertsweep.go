package treasury

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// The bounds of the sweep for low balances.
const (
	// alertEvery is the pause between the end of one sweep and the start of the next.
	alertEvery = 15 * time.Minute
	// alertPages bounds the pages of 200 that one run reads; the sweep goes on from there in the next run.
	alertPages = 30
	// alertReads bounds the accounts that one run reads one by one: those that alerted and are in no page any more.
	alertReads = 20
	// alertsAtOnce bounds the messages of one sweep. What is more is told in one: a channel of a thousand messages is read
	// by nobody, and the first sweep of a large platform would post them.
	alertsAtOnce = 20
	// alertRoom is what must be left of the invocation to go on: a read with its repetitions.
	alertRoom = 20 * time.Second
	// maxSeen bounds the ids that the head carries. Accounts beyond it are read one by one.
	maxSeen = 2000
)

// alertHead says how far a sweep is.
const alertHeadKey = "ALERTS"

type alertHead struct {
	Running  bool           `json:"running,omitempty"`
	Started  time.Time      `json:"started,omitzero"`
	Currency money.Currency `json:"currency,omitempty"` // whose pages are read
	Cursor   string         `json:"cursor,omitempty"`   // the next of them
	Paged    bool           `json:"paged,omitempty"`    // all pages are read; accounts that alerted before follow
	Seen     []string       `json:"seen,omitempty"`     // accounts with an open alert that a page showed
	Told     int            `json:"told,omitempty"`     // messages of this sweep
	More     int            `json:"more,omitempty"`     // accounts without one
	Finished time.Time      `json:"finished,omitzero"`  // the end of the last sweep
}

// SweepAlerts looks for accounts that run dry, and for alerts that are over or could not be posted. Tango is asked for the
// accounts under the thresholds alone (its maxBalance), so what it costs grows with those and not with all.
func (d *Desk) SweepAlerts(ctx context.Context) error {
	return errors.Join(d.sweepAlertMessages(ctx), d.sweepOverdue(ctx), d.sweepBalances(ctx))
}

// highest gives the highest threshold of each currency: no account above it is low.
func (t Thresholds) highest() map[money.Currency]money.Amount {
	most := maps.Clone(t.Default)
	if most == nil {
		most = map[money.Currency]money.Amount{}
	}
	for _, amounts := range t.Accounts {
		for c, a := range amounts {
			if a.Hundredths > most[c].Hundredths {
				most[c] = a
			}
		}
	}
	return most
}

// under asks for accounts of a currency that may be under their threshold. Only active ones: nothing can be done about
// the balance of the others, and their status is told by itself.
func under(c money.Currency, highest money.Amount, cursor string) AccountQuery {
	return AccountQuery{
		Currencies: []money.Currency{c}, MaxBalance: &highest, Status: AccountActive, Window: Window{Size: 200, Next: cursor},
	}
}

// balanceSweep is a run of the sweep. The head is committed with what it stands for, so that another run goes on exactly
// there, and two at a time do not both count.
type balanceSweep struct {
	desk    *Desk
	head    alertHead
	version int64
}

// errSwept says that another run moved the head.
var errSwept = errors.New("another run is at it")

func (d *Desk) sweepBalances(ctx context.Context) error {
	records, err := d.Journal.Get(ctx, alertHeadKey)
	if err != nil {
		return fmt.Errorf("reading the alerts' head: %w", err)
	}
	s := balanceSweep{desk: d, version: records[0].Version}
	if s.head, err = decode[alertHead](records[0]); err != nil {
		return err
	}
	now := d.Clock()
	if s.head.Running && now.Sub(s.head.Started) > time.Hour {
		s.head = alertHead{Finished: s.head.Finished} // too old to be one picture
	}
	if !s.head.Running {
		if now.Sub(s.head.Finished) < alertEvery {
			return nil
		}
		s.head = alertHead{Running: true, Started: now, Finished: s.head.Finished}
	}
	err = s.run(ctx)
	if errors.Is(err, errSwept) {
		return nil
	}
	return err
}

func (s *balanceSweep) run(ctx context.Context) error {
	for range alertPages {
		if s.head.Paged {
			break
		}
		if !s.desk.hasRoom(ctx) {
			return nil
		}
		if err := s.page(ctx); err != nil {
			return err
		}
	}
	if !s.head.Paged {
		return nil
	}
	done, err := s.reread(ctx)
	if err != nil || !done {
		return err
	}
	if err := s.desk.endOverdue(ctx); err != nil {
		return err
	}
	return s.finish(ctx)
}

// hasRoom reports whether the invocation lasts for another call to Tango.
func (d *Desk) hasRoom(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || deadline.Sub(d.Clock()) >= alertRoom
}

// page reads one page and moves the head on.
func (s *balanceSweep) page(ctx context.Context) error {
	highest := s.desk.Policy.Low.highest()
	currencies := slices.Sorted(maps.Keys(highest))
	i, ok := slices.BinarySearch(currencies, s.head.Currency)
	if !ok {
		s.head.Cursor = "" // the first page of all, or the policy changed
	}
	if i == len(currencies) {
		s.head.Paged = true
		return s.commit(ctx, s.head)
	}
	c := currencies[i]
	page, err := s.desk.Books.Accounts(ctx, under(c, highest[c], s.head.Cursor))
	if errors.Is(err, ErrRejected) && s.head.Cursor != "" { // of another threshold than today's
		s.head.Cursor = ""
		return errors.Join(fmt.Errorf("reading low balances, starting over: %w", err), s.commit(ctx, s.head))
	}
	if err != nil {
		return fmt.Errorf("reading low balances: %w", err)
	}
	for part := range slices.Chunk(page.Accounts, MaxWrites-1) {
		readings := make([]Reading, len(part))
		for n, a := range part {
			readings[n] = s.desk.Read(a, page.ReadAt)
		}
		if err := s.hear(ctx, readings); err != nil {
			return err
		}
	}
	s.head.Currency, s.head.Cursor = c, page.Next
	if page.Next == "" {
		if i++; i < len(currencies) {
			s.head.Currency = currencies[i]
		}
		s.head.Paged = i >= len(currencies)
	}
	return s.commit(ctx, s.head)
}

// hear brings the alerts of up to MaxWrites-1 accounts up to date, in one commit with the head that counts them.
func (s *balanceSweep) hear(ctx context.Context, readings []Reading) error {
	for range conflictTries {
		keys := make([]string, len(readings))
		for i, r := range readings {
			keys[i] = alertKey(r.Account.ID)
		}
		records, err := s.desk.Journal.Get(ctx, keys...)
		if err != nil {
			return fmt.Errorf("reading alerts: %w", err)
		}
		h := s.head
		h.Seen = slices.Clip(h.Seen)
		var writes []Write
		var told []Alert
		for i, record := range records {
			before, err := decode[Alert](record)
			if err != nil {
				return err
			}
			after, changed := before.heard(readings[i])
			if before.Open && !changed && len(h.Seen) < maxSeen {
				h.Seen = append(h.Seen, before.ID)
			}
			if !changed {
				continue
			}
			after.ID, after.Kind = readings[i].Account.ID, AlertLow
			after = h.count(before, after)
			writes, told = append(writes, after.write(record.Version)), append(told, after)
		}
		if len(writes) == 0 {
			s.head = h
			return nil
		}
		err = s.commit(ctx, h, writes...)
		if errors.Is(err, ErrConflict) {
			continue // somebody snoozed one of them, or its message was just posted
		}
		if err == nil {
			s.desk.tell(ctx, told...)
		}
		return err
	}
	return fmt.Errorf("recording alerts: %w", ErrConflict)
}

// count makes an alert silent when the sweep has told enough.
func (h *alertHead) count(before, after Alert) Alert {
	if !after.Open || after.Want == before.Want {
		return after
	}
	if h.Told < alertsAtOnce {
		h.Told++
		return after
	}
	h.More++
	after.Want, after.Changed = before.Want, before.Changed
	return after
}

// commit writes the head and what belongs to it. It fails with errSwept when another run moved the head, and with
// ErrConflict when it was one of the others.
func (s *balanceSweep) commit(ctx context.Context, h alertHead, writes ...Write) error {
	writes = append(writes, Write{Key: alertHeadKey, Version: s.version, Body: encode(h)})
	err := s.desk.Journal.Commit(ctx, NewWriteID(), writes...)
	if errors.Is(err, ErrConflict) {
		records, readErr := s.desk.Journal.Get(ctx, alertHeadKey)
		if readErr != nil {
			return fmt.Errorf("reading the alerts' head: %w", readErr)
		}
		if records[0].Version != s.version {
			return errSwept
		}
		return err
	}
	if err != nil {
		return fmt.Errorf("recording alerts: %w", err)
	}
	s.head = h
	s.version++
	return nil
}

// reread reads the accounts one by one that alerted and are in no page: they recovered, or are no account to alert about
// any more. It reports false when there are more than one run reads.
func (s *balanceSweep) reread(ctx context.Context) (done bool, err error) {
	open, err := s.desk.openAlerts(ctx, AlertLow)
	if err != nil {
		return false, err
	}
	seen := map[string]bool{}
	for _, id := range s.head.Seen {
		seen[id] = true
	}
	reads := 0
	for _, a := range open {
		if seen[a.ID] || !a.ReadAt.Before(s.head.Started) {
			continue
		}
		if reads == alertReads || !s.desk.hasRoom(ctx) {
			return false, nil
		}
		reads++
		if err := s.desk.rereadOne(ctx, a.ID); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (d *Desk) rereadOne(ctx context.Context, id string) error {
	account, err := d.Books.Account(ctx, id)
	gone := errors.Is(err, ErrNotFound)
	if err != nil && !gone {
		return fmt.Errorf("reading %s, which alerted: %w", id, err)
	}
	r := d.Read(account, d.Clock())
	err = d.changeAlert(ctx, id, func(a Alert) (Alert, bool) {
		switch {
		case !a.Open || r.At.Before(a.ReadAt):
			return a, false
		case gone:
			a.ReadAt = r.At
			return a.ended(EndGone, r.At), true
		}
		after, changed := a.heard(r)
		if !changed { // neither low nor recovered: noted, so that this sweep does not ask again
			after.Balance, after.ReadAt = account.Balance, r.At
		}
		return after, true
	})
	return err
}

// finish ends the sweep, and tells in one message of the accounts that had none of their own.
func (s *balanceSweep) finish(ctx context.Context) error {
	now := s.desk.Clock()
	h := alertHead{Finished: now}
	if s.head.More == 0 {
		return s.commit(ctx, h)
	}
	many := Alert{
		ID: fmt.Sprintf("many/%d", s.head.Started.UnixMilli()), Kind: AlertMany, Count: s.head.More, Since: now, ReadAt: s.head.Started,
	}.changed(now)
	if err := s.commit(ctx, h, many.write(0)); err != nil {
		return err
	}
	s.desk.tell(ctx, many)
	return nil
}

// sweepOverdue tells of deposits that settle for longer than Tango says, once each.
func (d *Desk) sweepOverdue(ctx context.Context) error {
	settling, err := d.inState(ctx, StateSettling)
	if err != nil {
		return err
	}
	for _, r := range settling {
		if !r.Overdue {
			continue
		}
		err := d.changeAlert(ctx, "overdue/"+r.ID, func(a Alert) (Alert, bool) {
			if a.Want > 0 {
				return a, false
			}
			a.Kind, a.Request = AlertOverdue, r.ID
			return a.open(d.Clock()), true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// endOverdue ends the alerts of deposits that settle no more.
func (d *Desk) endOverdue(ctx context.Context) error {
	open, err := d.openAlerts(ctx, AlertOverdue)
	if err != nil {
		return err
	}
	for _, a := range open {
		r, err := d.Find(ctx, a.Request)
		if err != nil {
			return err
		}
		if r.State == StateSettling {
			continue
		}
		err = d.changeAlert(ctx, a.ID, func(a Alert) (Alert, bool) {
			if !a.Open {
				return a, false
			}
			return a.ended(EndDecided, d.Clock()), true
		})
		if err != nil {
			return err
		}
	}
	return nil
}
