package treasury

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Notice is what people were shown of a request, and what they should be. It is committed with every transition, so a
// message that could not be posted or updated is found again: Slack lags behind the journal, and never leads it.
type Notice struct {
	Want      int     `json:"want"`  // the step that messages should show
	Shown     int     `json:"shown"` // the step that they show
	Card      Message `json:"card,omitzero"`
	Direct    Message `json:"direct,omitzero"`     // to the requester, updated as the request goes on
	Outcome   State   `json:"outcome,omitempty"`   // the state that the requester was last told of by a message of its own
	Reminders int     `json:"reminders,omitempty"` // that should have been posted
	Reminded  int     `json:"reminded,omitempty"`  // that were
	Nags      int     `json:"nags,omitempty"`      // days of doubt that should have been told of
	Nagged    int     `json:"nagged,omitempty"`    // that were
	Held      Held    `json:"held,omitzero"`       // what they say holds the request up
	// Contradicted is what Tango seems to have done against how the request ended; Warned says that the requester was told.
	Contradicted Contradiction `json:"contradicted,omitempty"`
	Warned       bool          `json:"warned,omitempty"`
	// Busy is until when one Announce has the messages to itself: two at once would post the same card twice.
	Busy time.Time `json:"busy,omitzero"`
	// Again is when all is drawn once more: an Announce has taken over from one that had not ended, and should that one live
	// after all, by a clock that differs, its picture may come last.
	Again time.Time `json:"again,omitzero"`
}

// Contradiction is what Tango seems to have done against how a request ended.
type Contradiction string

// The contradictions.
const (
	ContradictedNot   Contradiction = ""
	ContradictedTwice Contradiction = "twice" // the money moved twice
	ContradictedLate  Contradiction = "late"  // it moved, and the request was found not to be carried out
)

// Message is the place of a message in Slack.
type Message struct {
	Channel string `json:"channel,omitempty"`
	TS      string `json:"ts,omitempty"`
}

// IsBehind reports whether messages must be posted or updated.
func (n Notice) IsBehind() bool {
	return n.lags() || !n.Again.IsZero()
}

func (n Notice) lags() bool {
	return n.Shown < n.Want || n.Reminded < n.Reminders || n.Nagged < n.Nags || n.Contradicted != ContradictedNot && !n.Warned
}

const behindList = "notices/behind"

func noticeKey(request string) string { return "NOTICE#" + request }

func (d *Desk) notice(ctx context.Context, request string) (Notice, int64, error) {
	records, err := d.Journal.Get(ctx, noticeKey(request))
	if err != nil {
		return Notice{}, 0, fmt.Errorf("reading notice %s: %w", request, err)
	}
	n, err := decode[Notice](records[0])
	return n, records[0].Version, err
}

// write lists the notice while it is behind, so that the sweep finds it.
func (n Notice) write(request string, version int64, at time.Time) Write {
	w := Write{Key: noticeKey(request), Version: version, Body: encode(n)}
	if n.IsBehind() {
		w.Places = map[Index]Place{ByState: {Key: behindList, Sort: sortKey(at, request)}}
	}
	return w
}

// announceTime is how long an Announce has a request's messages to itself; a job of the questions queue is over by then.
// One whose process died holds them no longer, and the sweep finds them.
const announceTime = time.Minute

// Announce lets show bring the messages of a request up to date. show gets the request and what was shown, posts and
// updates, and returns what is shown now; what it could do before an error is kept. A transition that comes in between
// is shown in a further round. While another Announce is at it, that one shows everything, and this one is done.
func (d *Desk) Announce(ctx context.Context, id string, show func(context.Context, Request, Notice) (Notice, error)) error {
	for range conflictTries {
		seen, version, err := d.notice(ctx, id)
		if err != nil {
			return err
		}
		now := d.Clock()
		again := !seen.Again.IsZero() && !now.Before(seen.Again)
		if !seen.lags() && !again || now.Before(seen.Busy) {
			return nil
		}
		switch {
		case !seen.Busy.IsZero():
			seen.Again = now.Add(2 * announceTime)
		case again:
			seen.Again = time.Time{}
		}
		seen.Busy = now.Add(announceTime)
		err = d.Journal.Commit(ctx, NewWriteID(), seen.write(id, version, now))
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return fmt.Errorf("taking the messages of %s: %w", id, err)
		}
		r, _, failure := d.read(ctx, id)
		shown := seen
		if failure == nil {
			seen.Held, failure = d.HeldUp(ctx, r)
		}
		if failure == nil {
			shown, failure = show(ctx, r, seen)
		}
		if failure == nil {
			shown.Shown, shown.Reminded, shown.Nagged = r.Step, seen.Reminders, seen.Nags
		}
		if failure != nil && shown.Again.IsZero() { // what they say now is not known
			shown.Again = d.Clock()
		}
		if err := d.keepNotice(ctx, id, shown, version+1); err != nil || failure != nil {
			return errors.Join(failure, err)
		}
	}
	return fmt.Errorf("announcing %s: %w", id, ErrConflict)
}

// keepNotice stores what is shown now. When a transition or a reminder came in between, its demand stays. When another
// Announce did, because its clock says that our time is over, nobody knows whose picture came last: it is drawn once more.
func (d *Desk) keepNotice(ctx context.Context, id string, shown Notice, version int64) error {
	ours := shown.Busy
	shown.Busy = time.Time{}
	for range conflictTries {
		err := d.Journal.Commit(ctx, NewWriteID(), shown.write(id, version, d.Clock()))
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrConflict) {
			return fmt.Errorf("recording what was announced of %s: %w", id, err)
		}
		now, newer, err := d.notice(ctx, id)
		if err != nil {
			return err
		}
		shown.Want, shown.Reminders, shown.Nags, version = now.Want, now.Reminders, now.Nags, newer
		shown.Contradicted = now.Contradicted
		if shown.Again = now.Again; !now.Busy.Equal(ours) {
			shown.Again = d.Clock().Add(2 * announceTime)
		}
	}
	return fmt.Errorf("recording what was announced of %s: %w", id, ErrConflict)
}
