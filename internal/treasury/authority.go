package treasury

import (
	"context"
	"fmt"
	"slices"
)

// The rights of a policy. Authority is looked up anew for each act, and any doubt is a refusal.

// MayView fails unless the person may read balances, lists and requests.
func (d *Desk) MayView(ctx context.Context, person string) error {
	return d.may(ctx, person, d.Policy.View, WhyNoView)
}

// MayRequest fails unless the person may ask for changes.
func (d *Desk) MayRequest(ctx context.Context, person string) error {
	return d.may(ctx, person, d.Policy.Request, WhyNoRequest)
}

// MayApprove fails unless the person may vote on requests under this rule. It does not look at the request's own
// bars, such as the requester's own vote: Next does.
func (d *Desk) MayApprove(ctx context.Context, person string, rule RuleApplied) error {
	return d.may(ctx, person, rule.From, WhyNotApprover)
}

func (d *Desk) may(ctx context.Context, person string, names []string, why Why) error {
	if err := d.standing(ctx, person); err != nil {
		return err
	}
	ok, err := d.isIn(ctx, person, names)
	if err != nil {
		return err
	}
	if !ok {
		return &Forbidden{Why: why, Groups: names}
	}
	return nil
}

// standing fails unless the person is a full, active member of the served workspace now.
func (d *Desk) standing(ctx context.Context, person string) error {
	p, err := d.People.Person(ctx, person)
	if err != nil {
		return fmt.Errorf("looking up %s: %w", person, err)
	}
	if p.Standing != StandingFull {
		return &Forbidden{Why: WhyStanding, Standing: p.Standing}
	}
	if p.ID != person || p.Team != d.Policy.Workspace {
		return &Forbidden{Why: WhyStanding, Standing: StandingForeign}
	}
	return nil
}

// isIn tells whether groups of the policy name the person, directly or by a Slack user group. A user group that cannot
// be read counts as nobody only when another way already says yes; otherwise the question stays open and is an error.
func (d *Desk) isIn(ctx context.Context, person string, names []string) (bool, error) {
	m := d.Policy.membership(names)
	if m.everyone || m.users[person] {
		return true, nil
	}
	var failure error
	for _, group := range m.groups {
		members, err := d.People.Members(ctx, group)
		if err != nil {
			failure = fmt.Errorf("reading user group %s: %w", group, err)
			continue
		}
		if slices.Contains(members, person) {
			return true, nil
		}
	}
	return false, failure
}
