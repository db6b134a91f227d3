package treasury

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// minRun is what must be left of the invocation when Execute begins: two paced reads, the pace before the send, and
// SendMargin.
const minRun = SendMargin + 15*time.Second

// ExecuteJob handles one message of the money queue: it carries out the request that the job names. A message that names
// none can never become right; it fails with ErrInvalid until it lies with the dead letters.
func (d *Desk) ExecuteJob(ctx context.Context, body []byte) error {
	var job Job
	if err := json.Unmarshal(body, &job); err != nil || job.Execute == "" {
		return fmt.Errorf("a money job without a request: %w", ErrInvalid)
	}
	return d.Execute(ctx, job.Execute)
}

// Execute carries out one approved request: claim the lanes, read the balances, mark, send once, record. ctx must have
// the deadline at which the invocation is killed; the attempt is bound to it.
//
// A nil error means that the queue may forget the job. An error means that nothing was sent by this call, or that its
// outcome could not be recorded; running again is safe in either case, because the state decides.
func (d *Desk) Execute(ctx context.Context, id string) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		return fmt.Errorf("executing %s without a deadline: %w", id, ErrInvalid)
	}
	r, _, err := d.read(ctx, id)
	if errors.Is(err, ErrNotFound) {
		d.Log.WarnContext(ctx, "no such request to execute", "request", id)
		return nil
	}
	if err != nil {
		return err
	}
	now := d.Clock()
	switch {
	case r.State == StateInDoubt && r.MayResend() && deadline.Sub(now) >= minRun:
		return d.resendOnce(ctx, r, deadline)
	case r.State != StateApproved:
		return nil // a redelivery; the sweep judges attempts that were cut off
	case now.Before(r.DueAt):
		return Job{Execute: id}.Send(ctx, d.Money, min(r.DueAt.Sub(now), MaxDelay))
	case deadline.Sub(now) < minRun:
		return fmt.Errorf("executing %s: %s left: %w", id, deadline.Sub(now), ErrUnavailable)
	}
	valid, reason, err := d.stillApproved(ctx, r)
	if err != nil {
		return err // stays approved; the queue brings it back
	}
	if reason != ReasonNone {
		return d.giveUp(ctx, id, reason)
	}
	if r.Action.Kind == ActionRegisterCard { // only its holder can carry it out, on the card page
		return Job{Invite: id}.Send(ctx, d.Questions, 0)
	}
	r, err = d.claim(ctx, id, valid, deadline)
	switch {
	case errors.Is(err, ErrStopped):
		return nil // the sweep queues it again, until somebody resumes
	case errors.Is(err, ErrLaneBusy):
		return nil // whoever frees the lane queues it again, and the sweep stands behind that
	case errors.Is(err, errOverLimit):
		return d.giveUp(ctx, id, ReasonLimit)
	case errors.Is(err, ErrConflict), errors.Is(err, ErrForbidden):
		return nil // somebody else claimed it, or it was stopped
	case err != nil:
		return err
	}
	_, err = d.attempt(ctx, r, d.send)
	return err
}

// send makes the one call that carries a request out.
func (d *Desk) send(ctx context.Context, r Request) Answer {
	switch r.Action.Kind {
	case ActionTransfer:
		return d.Mover.Transfer(ctx, transferOrder(r))
	case ActionDeposit:
		return d.Mover.Deposit(ctx, r.order())
	case ActionUnregisterCard:
		return d.Mover.UnregisterCard(ctx, r.order())
	case ActionCreateAccount:
		return d.Mover.CreateAccount(ctx, r.order())
	case ActionUpdateAccount:
		return d.Mover.UpdateAccount(ctx, r.order())
	case ActionCreateCustomer:
		return d.Mover.CreateCustomer(ctx, r.order())
	case ActionRegisterCard: // Register sends it, with what the holder typed
	}
	return Answer{Verdict: VerdictUnsent}
}

// attempt does what follows the claim: look, mark, send by call, record. Every way out before the mark provably sends
// nothing. It returns the request as it then is.
func (d *Desk) attempt(ctx context.Context, r Request, call func(context.Context, Request) Answer) (Request, error) {
	mine := r.Attempt.ID
	before, reason, err := d.inspect(ctx, r)
	if err == nil && reason == ReasonNone {
		err = d.Pacer.Wait(ctx)
	}
	if err != nil {
		d.Log.WarnContext(ctx, "attempt given up before the send", "request", r.ID, "attempt", mine, "error", err)
		return d.change(ctx, r.ID, func(Request) (Event, error) {
			return Event{Kind: EventRelease, At: d.Clock(), Attempt: mine}, nil
		})
	}
	if reason != ReasonNone {
		return d.change(ctx, r.ID, func(Request) (Event, error) {
			return Event{Kind: EventRefuse, At: d.Clock(), Attempt: mine, Reason: reason}, nil
		})
	}
	r, err = d.change(ctx, r.ID, func(Request) (Event, error) {
		return Event{Kind: EventSend, At: d.Clock(), Attempt: mine, Before: before}, nil
	})
	if errors.Is(err, ErrStopped) || errors.Is(err, ErrLaneBusy) { // stopped or frozen meanwhile; the commit was not tried
		return d.change(ctx, r.ID, func(Request) (Event, error) {
			return Event{Kind: EventRelease, At: d.Clock(), Attempt: mine}, nil
		})
	}
	if err != nil {
		return r, err // not known to be marked: not sent. The sweep releases it or calls it in doubt.
	}
	answer := call(ctx, r)
	d.Log.InfoContext(ctx, "money call ended", "request", r.ID, "attempt", mine, "verdict", answer.Verdict, "doubt", answer.Doubt,
		"status", answer.Status, "key", answer.Key, "tango_request", answer.Request, "mismatch", answer.Mismatch)
	return d.record(ctx, r, answer)
}

// recordTries bounds how often the outcome of a send is recorded before it is left to the sweep.
const recordTries = 5

// record stores what the send gave. It outlives a cancelled ctx: an answer that is known must not be lost.
func (d *Desk) record(ctx context.Context, r Request, answer Answer) (Request, error) {
	ctx = context.WithoutCancel(ctx)
	var after Request
	var err error
	for range recordTries {
		after, err = d.change(ctx, r.ID, func(Request) (Event, error) {
			return Event{Kind: EventAnswer, At: d.Clock(), Attempt: r.Attempt.ID, Answer: answer}, nil
		})
		if err == nil || errors.Is(err, ErrConflict) {
			break
		}
	}
	if err != nil {
		return r, fmt.Errorf("recording the answer for %s: %w", r.ID, err)
	}
	d.refreshAfter(ctx, after)
	return after, nil
}

func (r Request) order() Order {
	return Order{Reference: r.ID, Attempt: r.Attempt.ID, Action: r.Action, NotBefore: r.Attempt.SentAt}
}

func transferOrder(r Request) TransferOrder {
	t := r.Action.Transfer
	return TransferOrder{
		Reference: r.ID, Attempt: r.Attempt.ID, From: t.From.ID, To: t.To.ID, Amount: t.Amount,
		Notes: strings.TrimSpace(t.Note + " [" + r.Attempt.ID + "]"), NotBefore: r.Attempt.SentAt,
	}
}

// stillApproved asks the policy and the people of this moment, not those of the vote. It counts the votes that hold.
func (d *Desk) stillApproved(ctx context.Context, r Request) (valid int, reason Reason, err error) {
	if d.Clock().After(r.DueAt.Add(d.Policy.Expire)) {
		return 0, ReasonTooLate, nil
	}
	rule, number, ok := d.Policy.Match(r.Action)
	if !ok || r.Hash != r.Action.Hash() {
		return 0, ReasonRule, nil
	}
	today := RuleApplied{Number: number, Approvals: rule.Approvals, From: rule.From}
	if err := d.MayRequest(ctx, r.Requester); err != nil {
		return 0, ReasonAuthority, unlessForbidden(err)
	}
	for _, v := range r.Votes {
		if !v.Approve || v.Hash != r.Hash || v.Person == r.Requester {
			continue
		}
		counts := true
		for _, groups := range []RuleApplied{r.Rule, today} {
			if len(groups.From) == 0 {
				continue // this rule asks nobody
			}
			err := d.MayApprove(ctx, v.Person, groups)
			if unlessForbidden(err) != nil {
				return 0, ReasonNone, err
			}
			counts = counts && err == nil
		}
		if counts {
			valid++
		}
	}
	switch {
	case valid < r.Rule.Approvals:
		return valid, ReasonAuthority, nil
	case valid < today.Approvals:
		return valid, ReasonRule, nil
	}
	return valid, ReasonNone, nil
}

func unlessForbidden(err error) error {
	if errors.Is(err, ErrForbidden) {
		return nil
	}
	return err
}

func (d *Desk) giveUp(ctx context.Context, id string, reason Reason) error {
	_, err := d.change(ctx, id, func(r Request) (Event, error) {
		if r.State != StateApproved {
			return Event{}, errNothing
		}
		return Event{Kind: EventCancel, At: d.Clock(), Reason: reason}, nil
	})
	return err
}

func (d *Desk) claim(ctx context.Context, id string, valid int, deadline time.Time) (Request, error) {
	return d.change(ctx, id, func(r Request) (Event, error) {
		if r.State != StateApproved {
			return Event{}, ErrConflict
		}
		return Event{Kind: EventClaim, At: d.Clock(), Valid: valid, NotAfter: deadline}, nil
	})
}
