package treasury

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// HeldBy says what keeps an approved request from going on.
type HeldBy string

// What may hold a request up for long. Another request that is being sent holds it up for moments, which nobody is told.
const (
	HeldByNothing HeldBy = ""
	HeldByStop    HeldBy = "stop"   // somebody has stopped all sending
	HeldByFreeze  HeldBy = "freeze" // Tango contradicts a closed request, and its accounts are frozen
	HeldByDoubt   HeldBy = "doubt"  // a request in doubt holds an account
)

// Held is what keeps an approved request from going on, and until when: after that it is cancelled.
type Held struct {
	By      HeldBy    `json:"by,omitempty"`
	Stop    Stop      `json:"stop,omitzero"`     // HeldByStop
	Account string    `json:"account,omitempty"` // HeldByFreeze, HeldByDoubt, where money moves
	Request string    `json:"request,omitempty"` // HeldByFreeze, HeldByDoubt: the one that froze or holds it
	Until   time.Time `json:"until,omitzero"`    // zero before the approval
}

func (h Held) is(other Held) bool { return string(encode(h)) == string(encode(other)) }

// HeldUp tells what keeps an approved request from going on, or would keep one that is not made yet.
func (d *Desk) HeldUp(ctx context.Context, r Request) (Held, error) {
	if r.State != StateApproved && r.State != "" || r.Action.Kind == ActionRegisterCard {
		return Held{}, nil // of a registration its holder is told, on the card page
	}
	held, err := d.heldUp(ctx, r)
	if err == nil && held.By != HeldByNothing && !r.DueAt.IsZero() {
		held.Until = r.DueAt.Add(d.Policy.Expire)
	}
	return held, err
}

func (d *Desk) heldUp(ctx context.Context, r Request) (Held, error) {
	stop, err := d.Stopped(ctx)
	if err != nil {
		return Held{}, err
	}
	if stop.Stopped {
		return Held{By: HeldByStop, Stop: stop}, nil
	}
	accounts := r.Action.Lanes()
	lanes, err := d.lanes(ctx, accounts...)
	if err != nil {
		return Held{}, err
	}
	for i, lane := range lanes {
		account := accounts[i]
		if !r.Action.MovesMoney() {
			account = "" // the lane is another thing's
		}
		if lane.Frozen != "" {
			return Held{By: HeldByFreeze, Account: account, Request: lane.Frozen}, nil
		}
		if lane.Holder == "" {
			continue
		}
		holder, _, err := d.read(ctx, lane.Holder)
		if err != nil {
			return Held{}, err
		}
		if holder.State == StateInDoubt {
			return Held{By: HeldByDoubt, Account: account, Request: holder.ID}, nil
		}
	}
	return Held{}, nil
}

// Beside gives what the journal knows of a request beside its state: what is shown of it, and what holds it up now.
func (d *Desk) Beside(ctx context.Context, r Request) (Notice, error) {
	n, _, err := d.notice(ctx, r.ID)
	if err == nil {
		n.Held, err = d.HeldUp(ctx, r)
	}
	return n, err
}

// tellHeld has the messages of an approved request drawn once more when they do not say what holds it up.
func (d *Desk) tellHeld(ctx context.Context, r Request) error {
	held, err := d.HeldUp(ctx, r)
	if err != nil {
		return err
	}
	n, version, err := d.notice(ctx, r.ID)
	if err != nil || n.IsBehind() || n.Held.is(held) {
		return err
	}
	n.Again = d.Clock()
	err = d.Journal.Commit(ctx, NewWriteID(), n.write(r.ID, version, n.Again))
	if err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("noting what holds %s up: %w", r.ID, err)
	}
	return nil
}
