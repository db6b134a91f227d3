package treasury

import (
	"context"
	"errors"
	"strings"
)

// Vote records an approver's yes or no on exactly the figures that hash stands for. Authority is looked up now.
// It fails with *Forbidden and then changes nothing.
func (d *Desk) Vote(ctx context.Context, person, id, hash string, approve bool, comment string) (Request, error) {
	return d.change(ctx, id, func(r Request) (Event, error) {
		eligible, err := d.isApprover(ctx, person, r)
		if err != nil {
			return Event{}, err
		}
		now := d.Clock()
		return Event{
			Kind: EventVote, At: now, By: person, Eligible: eligible, DueAt: now.Add(d.Policy.Undo),
			Vote: Vote{Approve: approve, Comment: strings.TrimSpace(comment), Hash: hash},
		}, nil
	})
}

// Cancel takes a request back: the requester while it is pending, the requester or an approver in the undo window.
func (d *Desk) Cancel(ctx context.Context, person, id string) (Request, error) {
	return d.change(ctx, id, func(r Request) (Event, error) {
		eligible, err := d.isApprover(ctx, person, r)
		if err != nil {
			return Event{}, err
		}
		return Event{Kind: EventCancel, At: d.Clock(), By: person, Eligible: eligible}, nil
	})
}

// isApprover asks for authority, but leaves every refusal that is about the request itself to Next. A person without
// standing is refused here.
func (d *Desk) isApprover(ctx context.Context, person string, r Request) (bool, error) {
	err := d.MayApprove(ctx, person, r.Rule)
	var no *Forbidden
	if errors.As(err, &no) && no.Why == WhyNotApprover {
		return false, nil
	}
	return err == nil, err
}

// CheckVote tells whether a vote by the person would count now, without casting it: for the decision form.
func (d *Desk) CheckVote(ctx context.Context, person, id string) (Request, error) {
	r, _, err := d.read(ctx, id)
	if err != nil {
		return Request{}, err
	}
	return r, d.CanVote(ctx, person, r)
}

// CanVote is CheckVote for a request that was read already. It fails with *Forbidden when a vote would not count.
func (d *Desk) CanVote(ctx context.Context, person string, r Request) error {
	eligible, err := d.isApprover(ctx, person, r)
	if err != nil {
		return err
	}
	_, err = Next(r, Event{
		Kind: EventVote, At: d.Clock(), By: person, Eligible: eligible, Vote: Vote{Approve: true, Hash: r.Hash},
	})
	return err
}
