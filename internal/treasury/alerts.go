package treasury

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// Tango moves money and tells nobody that an account runs dry: its pages advise to build that ("build in a balance check
// and alert system"). An Alert is what Tangobot tells in the alerts channel about one thing. Like a request's Notice it
// lies in the journal, and the message is drawn from it: what could not be posted is found again, and what is over is
// said in the same message.

// AlertKind says what an alert is about.
type AlertKind string

// The kinds.
const (
	AlertLow     AlertKind = "low"     // an account is under its threshold
	AlertStatus  AlertKind = "status"  // an account became FROZEN, DISABLED or INACTIVE
	AlertMany    AlertKind = "many"    // more accounts of one of the kinds above than are told of one by one
	AlertOverdue AlertKind = "overdue" // a deposit settles for longer than Tango says
	AlertCards   AlertKind = "cards"   // cards that expire soon
	AlertReview  AlertKind = "review"  // the cards on file are to be looked through
	AlertFrozen  AlertKind = "frozen"  // Tangobot moves nothing on an account until people have looked
)

// AlertEnd says why an alert is over.
type AlertEnd string

// The ends.
const (
	EndNone      AlertEnd = ""
	EndRecovered AlertEnd = "recovered" // the balance is well above the threshold again; the account is active again
	EndUnwatched AlertEnd = "unwatched" // no threshold applies any more, or the account is not active
	EndGone      AlertEnd = "gone"      // Tango does not know the account any more
	EndDecided   AlertEnd = "decided"   // the deposit settles no more
	EndFreed     AlertEnd = "freed"     // somebody freed the account
)

// Alert is one thing that is told. Its id is the account's for AlertLow; the others have a slash, which no identifier has.
type Alert struct {
	ID      string    `json:"id"`
	Kind    AlertKind `json:"kind"`
	Open    bool      `json:"open,omitempty"` // what it says still holds
	Since   time.Time `json:"since"`          // when that was found
	EndedAt time.Time `json:"ended_at,omitzero"`
	End     AlertEnd  `json:"end,omitempty"`

	Account   AccountRef    `json:"account,omitzero"`   // AlertLow, AlertStatus, AlertFrozen
	Balance   money.Amount  `json:"balance,omitzero"`   // AlertLow: as read at ReadAt
	Threshold money.Amount  `json:"threshold,omitzero"` // AlertLow: that it is held against
	ReadAt    time.Time     `json:"read_at,omitzero"`
	Status    AccountStatus `json:"status,omitempty"`  // AlertLow, AlertStatus: as read; AlertMany: what they became, empty for low
	Before    AccountStatus `json:"before,omitempty"`  // AlertStatus: what it was
	Request   string        `json:"request,omitempty"` // AlertOverdue, AlertFrozen: the one that froze it
	Twice     bool          `json:"twice,omitempty"`   // AlertFrozen: it seems to have moved twice; else late
	By        string        `json:"by,omitempty"`      // AlertFrozen: who freed the account
	Count     int           `json:"count,omitempty"`   // AlertMany: accounts; AlertCards, AlertReview: cards
	Expired   int           `json:"expired,omitempty"` // AlertReview: cards whose month is over
	Cards     []Card        `json:"cards,omitempty"`   // AlertCards: the first of them

	SnoozedUntil time.Time `json:"snoozed_until,omitzero"` // AlertLow
	SnoozedBy    string    `json:"snoozed_by,omitempty"`

	Want    int       `json:"want"`  // the revision that the message should show
	Shown   int       `json:"shown"` // the one that it shows
	Message Message   `json:"message,omitzero"`
	Changed time.Time `json:"changed,omitzero"` // when Want was last raised
	Busy    time.Time `json:"busy,omitzero"`    // until when one ShowAlert has the message to itself
}

const (
	// SnoozeTime is how long a snoozed alert is silent. An account that is still low then is told of again.
	SnoozeTime = 24 * time.Hour
	// rearmPart is the part of the threshold by which a balance must be above it before the account counts as recovered:
	// a twentieth, 5 %. Without it an account at its threshold would alert with every order.
	rearmPart = 20
)

// rearmed gives the balance from which an account counts as recovered.
func rearmed(threshold money.Amount) int64 {
	return threshold.Hundredths + (threshold.Hundredths+rearmPart-1)/rearmPart
}

// IsSnoozed reports whether somebody silenced the alert and that time is not over.
func (a Alert) IsSnoozed(at time.Time) bool { return at.Before(a.SnoozedUntil) }

// IsBehind reports whether the message must be posted or updated.
func (a Alert) IsBehind() bool { return a.Shown < a.Want }

// changed raises the revision.
func (a Alert) changed(at time.Time) Alert {
	a.Want++
	a.Changed = at
	return a
}

// open starts the alert anew, in a message of its own: an update of an old one notifies nobody.
func (a Alert) open(at time.Time) Alert {
	a.Open, a.Since, a.EndedAt, a.End = true, at, time.Time{}, EndNone
	a.Message = Message{}
	return a.changed(at)
}

func (a Alert) ended(end AlertEnd, at time.Time) Alert {
	a.Open, a.End, a.EndedAt = false, end, at
	return a.changed(at)
}

// heard gives a low-balance alert as a reading makes it. It reports false when the reading changes nothing: an account
// alerts once when it falls below its threshold, and again only after a reading well above it.
func (a Alert) heard(r Reading) (Alert, bool) {
	balance := r.Account.Balance
	if !balance.IsKnown() || r.At.Before(a.ReadAt) {
		return a, false
	}
	watched := r.Threshold.IsKnown() && r.Account.Status == AccountActive
	b := a
	b.Account, b.Balance, b.Threshold, b.ReadAt, b.Status = r.Account.Ref(), balance, r.Threshold, r.At, r.Account.Status
	switch {
	case a.Open && !watched:
		return b.ended(EndUnwatched, r.At), true
	case a.Open && balance.Hundredths >= rearmed(r.Threshold):
		return b.ended(EndRecovered, r.At), true
	case !watched || !r.Low || a.IsSnoozed(r.At) && a.Open:
		return a, false
	case !a.Open && a.IsSnoozed(r.At): // low again while it is silenced: told when that is over
		b = b.open(r.At)
		b.Want, b.Changed = a.Want, a.Changed
		return b, true
	case !a.Open, !a.SnoozedUntil.IsZero():
		b.SnoozedUntil, b.SnoozedBy = time.Time{}, ""
		return b.open(r.At), true
	}
	return a, false
}

func alertKey(id string) string { return "ALERT#" + id }

// The lists of alerts: those whose message is behind, so that the sweep finds them, and else those that are open.
const (
	alertsBehind = "alerts/behind"
	alertsOpen   = "alerts/open"
)

func (a Alert) write(version int64) Write {
	w := Write{Key: alertKey(a.ID), Version: version, Body: encode(a)}
	switch {
	case a.IsBehind():
		w.Places = map[Index]Place{ByState: {Key: alertsBehind, Sort: sortKey(a.Changed, a.ID)}}
	case a.Open:
		w.Places = map[Index]Place{ByState: {Key: alertsOpen, Sort: sortKey(a.Since, a.ID)}}
	}
	return w
}

func (d *Desk) alert(ctx context.Context, id string) (Alert, int64, error) {
	records, err := d.Journal.Get(ctx, alertKey(id))
	if err != nil {
		return Alert{}, 0, fmt.Errorf("reading alert %s: %w", id, err)
	}
	a, err := decode[Alert](records[0])
	return a, records[0].Version, err
}

// changeAlert reads an alert, lets change make another of it, and commits that; again when somebody was quicker. An alert
// that change leaves alone is not written.
func (d *Desk) changeAlert(ctx context.Context, id string, change func(Alert) (Alert, bool)) error {
	for range conflictTries {
		before, version, err := d.alert(ctx, id)
		if err != nil {
			return err
		}
		before.ID = id
		after, ok := change(before)
		if !ok {
			return nil
		}
		err = d.Journal.Commit(ctx, NewWriteID(), after.write(version))
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return fmt.Errorf("recording alert %s: %w", id, err)
		}
		d.tell(ctx, after)
		return nil
	}
	return fmt.Errorf("changing alert %s: %w", id, ErrConflict)
}

// tell queues the messages of alerts that are behind. A queue that fails loses nothing: the sweep finds them.
func (d *Desk) tell(ctx context.Context, alerts ...Alert) {
	for _, a := range alerts {
		if !a.IsBehind() {
			continue
		}
		if err := (Job{Alert: a.ID}).Send(ctx, d.Questions, 0); err != nil {
			d.Log.ErrorContext(ctx, "alert not queued, the sweep will repeat it", "alert", a.ID, "error", err)
		}
	}
}

// Snooze silences the alert of a low account for SnoozeTime. It fails with *Forbidden when the person may not ask for
// changes, or when the alert is over.
func (d *Desk) Snooze(ctx context.Context, person, account string) error {
	if err := d.MayRequest(ctx, person); err != nil {
		return err
	}
	over := false
	err := d.changeAlert(ctx, account, func(a Alert) (Alert, bool) {
		if over = !a.Open || a.Kind != AlertLow; over {
			return a, false
		}
		now := d.Clock()
		a.SnoozedUntil, a.SnoozedBy = now.Add(SnoozeTime), person
		return a.changed(now), true
	})
	if err == nil && over {
		err = &Forbidden{Why: WhyAlertOver}
	}
	if err == nil {
		d.Log.InfoContext(ctx, "alert snoozed", "account", account, "by", person)
	}
	return err
}

// ShowAlert lets show bring the message of an alert up to date. show gets the alert, posts or updates, and returns where
// the message is. A change that comes in between is shown in a further round. While another ShowAlert is at it, that one
// shows everything, and this one is done.
func (d *Desk) ShowAlert(ctx context.Context, id string, show func(context.Context, Alert) (Message, error)) error {
	for range conflictTries {
		a, version, err := d.alert(ctx, id)
		if err != nil {
			return err
		}
		now := d.Clock()
		if !a.IsBehind() || now.Before(a.Busy) {
			return nil
		}
		a.Busy = now.Add(announceTime)
		err = d.Journal.Commit(ctx, NewWriteID(), a.write(version))
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return fmt.Errorf("taking the message of alert %s: %w", id, err)
		}
		shown := a
		message, failure := show(ctx, a)
		shown.Message, shown.Busy = message, time.Time{}
		if failure == nil {
			shown.Shown = a.Want
		}
		if err := d.keepShown(ctx, shown, version+1); err != nil || failure != nil {
			return errors.Join(failure, err)
		}
	}
	return fmt.Errorf("showing alert %s: %w", id, ErrConflict)
}

// keepShown stores what is shown now. When the alert changed meanwhile, its demand stays; one that was opened anew keeps
// its claim to a message of its own.
func (d *Desk) keepShown(ctx context.Context, shown Alert, version int64) error {
	for range conflictTries {
		err := d.Journal.Commit(ctx, NewWriteID(), shown.write(version))
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrConflict) {
			return fmt.Errorf("recording what was shown of alert %s: %w", shown.ID, err)
		}
		now, newer, err := d.alert(ctx, shown.ID)
		if err != nil {
			return err
		}
		now.Busy = time.Time{}
		if now.Since.Equal(shown.Since) {
			now.Message, now.Shown = shown.Message, max(now.Shown, shown.Shown)
		}
		shown, version = now, newer
	}
	return fmt.Errorf("recording what was shown of alert %s: %w", shown.ID, ErrConflict)
}

// alertAgain is how long a message may be behind before the sweep queues it once more: its first job may be under way.
const alertAgain = 2 * time.Minute

// sweepAlertMessages queues the messages again that are behind.
func (d *Desk) sweepAlertMessages(ctx context.Context) error {
	behind, err := d.listAlerts(ctx, alertsBehind)
	for _, a := range behind {
		if d.Clock().Sub(a.Changed) >= alertAgain {
			d.tell(ctx, a)
		}
	}
	return err
}

// maxAlerts bounds how many alerts a list looks at, the oldest first.
const maxAlerts = 5000

func (d *Desk) listAlerts(ctx context.Context, list string) ([]Alert, error) {
	var alerts []Alert
	for r, err := range d.listed(ctx, list) {
		if err != nil {
			return nil, fmt.Errorf("listing alerts: %w", err)
		}
		a, err := decode[Alert](r)
		if err != nil {
			return nil, err
		}
		if alerts = append(alerts, a); len(alerts) == maxAlerts {
			break
		}
	}
	return alerts, nil
}

// openAlerts lists the alerts of a kind that are not over. It may lag.
func (d *Desk) openAlerts(ctx context.Context, kind AlertKind) ([]Alert, error) {
	var open []Alert
	for _, list := range []string{alertsBehind, alertsOpen} {
		alerts, err := d.listAlerts(ctx, list)
		if err != nil {
			return nil, err
		}
		for _, a := range alerts {
			if a.Open && a.Kind == kind {
				open = append(open, a)
			}
		}
	}
	return open, nil
}
