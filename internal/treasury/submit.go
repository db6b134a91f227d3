package treasury

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// Preview is what a draft would do, as far as the journal knows now.
type Preview struct {
	Action  Action
	Rule    RuleApplied
	Effects []Effect // the accounts whose balance changes; of a transfer the source first
	Fee     *Fee     // deposits: an estimate
}

// Effect is what a draft does to one balance, if nothing else moves.
type Effect struct {
	Account Account // as last read
	At      time.Time
	After   money.Amount
	Low     bool // After is under the account's threshold
}

// Preview checks a draft and tells what it would do. It asks Tango nothing: balances are those of the last reading, with
// its time. It fails with *Forbidden, or *Invalid with all problems at once.
func (d *Desk) Preview(ctx context.Context, person string, draft Draft) (Preview, error) {
	if err := d.MayRequest(ctx, person); err != nil {
		return Preview{}, err
	}
	if err := d.Accounts.Load(ctx, d.Journal, d.Clock()); err != nil {
		return Preview{}, err
	}
	var ps problems
	p, err := d.plan(ctx, draft, &ps)
	if err != nil {
		return Preview{}, err
	}
	if len(ps) > 0 {
		return Preview{}, &Invalid{ps}
	}
	rule, number, ok := d.Policy.Match(p.Action)
	if !ok {
		if p.Action.MovesMoney() {
			return Preview{}, &Invalid{[]Problem{{Field: FieldAmount, Code: ProblemNoRule}}}
		}
		return Preview{}, &Forbidden{Why: WhyNoRule}
	}
	p.Rule = RuleApplied{Number: number, Approvals: rule.Approvals, From: rule.From}
	if err := d.withinLimits(ctx, person, p.Action); err != nil {
		return Preview{}, err
	}
	return p, nil
}

// plan reads a draft into an action, and notes all that is wrong with it.
func (d *Desk) plan(ctx context.Context, draft Draft, ps *problems) (Preview, error) {
	switch draft.Kind {
	case ActionTransfer:
		return d.planTransfer(ctx, draft, ps)
	case ActionDeposit:
		return d.planDeposit(ctx, draft, ps)
	case ActionRegisterCard:
		return d.planRegisterCard(ctx, draft, ps)
	case ActionUnregisterCard:
		return d.planUnregisterCard(ctx, draft, ps)
	case ActionCreateAccount:
		return d.planCreateAccount(ctx, draft, ps)
	case ActionUpdateAccount:
		return d.planUpdateAccount(ctx, draft, ps)
	case ActionCreateCustomer:
		return d.planCreateCustomer(ctx, draft, ps)
	}
	return Preview{}, fmt.Errorf("a draft of kind %.20q: %w", draft.Kind, ErrInvalid)
}

// effect tells what a sum does to an account.
func (d *Desk) effect(a Account, at time.Time, delta money.Amount) (Effect, error) {
	after, err := a.Balance.Add(delta)
	if err != nil {
		return Effect{}, fmt.Errorf("balance after: %w", err)
	}
	changed := a
	changed.Balance = after
	_, low := d.Policy.Low.IsLow(changed)
	return Effect{Account: a, At: at, After: after, Low: low}, nil
}

// Submit makes the request of a draft. It checks everything anew and ignores what a form may have shown. The same draft
// sent twice by the same person gives the same request.
func (d *Desk) Submit(ctx context.Context, person string, draft Draft) (Request, error) {
	p, err := d.Preview(ctx, person, draft)
	if err != nil {
		return Request{}, err
	}
	if !IsRequestID(draft.ID) {
		return Request{}, fmt.Errorf("draft id %q: %w", draft.ID, ErrInvalid)
	}
	now := d.Clock()
	r := Request{
		ID: draft.ID, Action: p.Action, Hash: p.Action.Hash(), Requester: person, Rule: p.Rule, State: StatePending,
		Step: 1, CreatedAt: now, ExpiresAt: now.Add(d.Policy.Expire), Fee: p.Fee,
	}
	for _, effect := range p.Effects {
		r.Seen = append(r.Seen, BalanceRead{Account: effect.Account.ID, Balance: effect.Account.Balance, At: effect.At})
	}
	if r.Rule.Approvals == 0 {
		r.State, r.DueAt = StateApproved, now.Add(d.Policy.Undo)
	}
	entry := newEntry(Request{}, r, Event{Kind: EventSubmit, At: now, By: person})
	r.LastEntry = entry.Hash
	err = d.Journal.Commit(ctx, NewWriteID(), requestWrite(r, 0), entry.write(), Notice{Want: 1}.write(r.ID, 0, now))
	if errors.Is(err, ErrConflict) {
		existing, _, readErr := d.read(ctx, r.ID)
		if readErr != nil {
			return Request{}, readErr
		}
		if existing.Requester == person && existing.Hash == r.Hash {
			return existing, nil
		}
		return Request{}, fmt.Errorf("request %s: %w", r.ID, ErrExists)
	}
	if err != nil {
		return Request{}, fmt.Errorf("recording request %s: %w", r.ID, err)
	}
	d.Log.InfoContext(ctx, "request made", "request", r.ID, "state", r.State, "by", person, "rule", r.Rule.Number)
	d.follow(ctx, Request{}, r)
	return r, nil
}
