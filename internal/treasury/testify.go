package treasury

import (
	"context"
	"errors"
	"slices"
	"time"
)

// closers names the groups whose members may close a doubt about a request: the rule's approvers; where the rule asked
// nobody, the approvers of all rules.
func (d *Desk) closers(r Request) []string {
	if len(r.Rule.From) > 0 {
		return r.Rule.From
	}
	var groups []string
	for _, rule := range d.Policy.Rules {
		for _, g := range rule.From {
			if !slices.Contains(groups, g) {
				groups = append(groups, g)
			}
		}
	}
	return groups
}

// Testify records what a person saw of a request in doubt: a line of Tango's portal, a statement, a receipt. Two different
// people who agree close it; neither may be the requester.
func (d *Desk) Testify(ctx context.Context, person, id string, finding Finding, seen string) (Request, error) {
	return d.change(ctx, id, func(r Request) (Event, error) {
		groups := d.closers(r)
		eligible, err := d.isCloser(ctx, person, groups)
		return Event{
			Kind: EventFinding, At: d.Clock(), By: person, Eligible: eligible, Groups: groups,
			Finding: Verified{Finding: finding, Seen: seen},
		}, err
	})
}

// CanTestify tells whether a person's word about a request in doubt would count now: one that they have not said yet.
func (d *Desk) CanTestify(ctx context.Context, person string, r Request) error {
	word := FindingExecuted
	if r.Inquiry != nil && r.Inquiry.Said(person) == FindingExecuted {
		word = FindingNot
	}
	groups := d.closers(r)
	eligible, err := d.isCloser(ctx, person, groups)
	if err != nil {
		return err
	}
	_, err = Next(r, Event{
		Kind: EventFinding, At: d.Clock(), By: person, Eligible: eligible, Groups: groups,
		Finding: Verified{Finding: word, Seen: "asked"},
	})
	return err
}

func (d *Desk) isCloser(ctx context.Context, person string, groups []string) (bool, error) {
	return d.isApprover(ctx, person, Request{Rule: RuleApplied{From: groups}})
}

// ApproveResend records an approval to send a request in doubt once more with the same reference. It is offered only where
// the policy says that the sandbox has proved references unique. When enough people have approved, it is queued.
func (d *Desk) ApproveResend(ctx context.Context, person, id, hash, comment string) (Request, error) {
	if d.Policy.References != ReferencesUnique {
		return Request{}, &Forbidden{Why: WhyNoResend}
	}
	r, err := d.change(ctx, id, func(r Request) (Event, error) {
		groups := d.closers(r)
		eligible, err := d.isCloser(ctx, person, groups)
		return Event{
			Kind: EventResendVote, At: d.Clock(), By: person, Eligible: eligible, Groups: groups,
			Vote: Vote{Approve: true, Comment: comment, Hash: hash},
		}, err
	})
	if err == nil && r.MayResend() {
		d.enqueue(ctx, id, 0)
	}
	return r, err
}

// resendOnce sends a request in doubt once more, after asking anew whether everybody may still do what they did.
func (d *Desk) resendOnce(ctx context.Context, r Request, deadline time.Time) error {
	if !r.MayResend() || d.Policy.References != ReferencesUnique {
		return nil
	}
	groups, valid := d.closers(r), 0
	for _, v := range r.Inquiry.Resend {
		ok, err := d.isCloser(ctx, v.Person, groups)
		if unlessForbidden(err) != nil {
			return err
		}
		if ok && err == nil {
			valid++
		}
	}
	if err := d.Pacer.Wait(ctx); err != nil {
		return err
	}
	r, err := d.change(ctx, r.ID, func(Request) (Event, error) {
		return Event{Kind: EventResend, At: d.Clock(), Valid: valid, NotAfter: deadline}, nil
	})
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrForbidden) || errors.Is(err, ErrStopped) || errors.Is(err, ErrLaneBusy) {
		return nil
	}
	if err != nil {
		return err // not known to be marked: not sent
	}
	_, err = d.record(ctx, r, d.send(ctx, r))
	return err
}
