package treasury

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// stopKey holds the switch that stops all sending. It is read before every send, and the commit that precedes a send
// names the version that was read: nobody can stop and still be overtaken.
const stopKey = "STOP"

// Stop is the state of the switch.
type Stop struct {
	Stopped bool      `json:"stopped"`
	By      string    `json:"by,omitempty"` // Slack user id
	At      time.Time `json:"at,omitzero"`
	Why     string    `json:"why,omitempty"`
}

// Stopped reads the switch.
func (d *Desk) Stopped(ctx context.Context) (Stop, error) {
	s, _, err := d.stopped(ctx)
	return s, err
}

func (d *Desk) stopped(ctx context.Context) (Stop, int64, error) {
	records, err := d.Journal.Get(ctx, stopKey)
	if err != nil {
		return Stop{}, 0, fmt.Errorf("reading the stop switch: %w", err)
	}
	s, err := decode[Stop](records[0])
	return s, records[0].Version, err
}

// MayStop fails unless the policy names the person among those who may stop and resume.
func (d *Desk) MayStop(ctx context.Context, person string) error {
	return d.may(ctx, person, d.Policy.Stop, WhyNoStop)
}

// SetStop turns the switch. Approved requests wait while it is on; requests that are under way are not cut off.
func (d *Desk) SetStop(ctx context.Context, person string, stop bool, why string) (Stop, error) {
	if err := d.MayStop(ctx, person); err != nil {
		return Stop{}, err
	}
	for range conflictTries {
		before, version, err := d.stopped(ctx)
		if err != nil {
			return Stop{}, err
		}
		if before.Stopped == stop {
			return before, nil
		}
		after := Stop{Stopped: stop, By: person, At: d.Clock(), Why: why}
		err = d.Journal.Commit(ctx, NewWriteID(), Write{Key: stopKey, Version: version, Body: encode(after)})
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return Stop{}, fmt.Errorf("turning the stop switch: %w", err)
		}
		d.Log.WarnContext(ctx, "sending stopped or resumed", "stopped", stop, "by", person)
		return after, nil
	}
	return Stop{}, fmt.Errorf("turning the stop switch: %w", ErrConflict)
}

// Free lets money move again on an account that was frozen because Tango contradicted a closed request.
func (d *Desk) Free(ctx context.Context, person, account string) error {
	if err := d.MayStop(ctx, person); err != nil {
		return err
	}
	frozen := ""
	err := d.editLane(ctx, account, func(l Lane) Lane {
		frozen, l.Frozen = l.Frozen, ""
		return l
	})
	if err != nil {
		return err
	}
	if frozen != "" {
		d.Log.WarnContext(ctx, "account freed", "account", account, "request", frozen, "by", person)
	}
	return d.changeAlert(ctx, frozenAlertID(account), func(a Alert) (Alert, bool) {
		if !a.Open {
			return a, false
		}
		a.By = person
		return a.ended(EndFreed, d.Clock()), true
	})
}

// FrozenBy gives the request whose contradiction keeps an account frozen; empty for none.
func (d *Desk) FrozenBy(ctx context.Context, account string) (string, error) {
	lanes, err := d.lanes(ctx, account)
	if err != nil {
		return "", err
	}
	return lanes[0].Frozen, nil
}

// stopWrite makes a commit that precedes a send depend on the switch being off.
func (d *Desk) stopWrite(ctx context.Context) (Write, error) {
	s, version, err := d.stopped(ctx)
	if err != nil {
		return Write{}, err
	}
	if s.Stopped {
		return Write{}, ErrStopped
	}
	return Write{Key: stopKey, Version: version, Check: true}, nil
}
