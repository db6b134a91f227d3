package treasury

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tangobot/tangobot/internal/money"
)

// inspect looks at Tango while the lanes are held, and refuses what Tango would or should refuse: what was true when the
// form was filled in may not be true any more.
func (d *Desk) inspect(ctx context.Context, r Request) ([]BalanceRead, Reason, error) {
	a := r.Action
	switch a.Kind {
	case ActionTransfer:
		return d.inspectAccounts(ctx, a.Accounts(), a.Amount(), a.Transfer.From.ID)
	case ActionDeposit:
		before, reason, err := d.inspectAccounts(ctx, a.Accounts(), a.Amount(), "")
		if err == nil && reason == ReasonNone {
			reason, err = d.inspectCard(ctx, a.Deposit.Card, a.Deposit.Account.ID, true)
		}
		return before, reason, err
	case ActionRegisterCard:
		reason, err := d.inspectRoom(ctx, a.RegisterCard.Account.ID)
		return nil, reason, err
	case ActionUnregisterCard:
		reason, err := d.inspectCard(ctx, a.UnregisterCard.Card, a.UnregisterCard.Account.ID, false)
		return nil, reason, err
	case ActionCreateAccount:
		reason, err := d.inspectNewAccount(ctx, a.CreateAccount)
		return nil, reason, err
	case ActionUpdateAccount:
		reason, err := d.inspectFields(ctx, a.UpdateAccount)
		return nil, reason, err
	case ActionCreateCustomer:
		_, err := d.Books.Customer(ctx, a.CreateCustomer.ID)
		reason, err := taken(err)
		return nil, reason, err
	}
	return nil, ReasonNone, fmt.Errorf("action %q: %w", a.Kind, ErrInvalid)
}

// inspectAccounts reads the accounts whose money moves. source is the one that must hold the amount; empty for none.
func (d *Desk) inspectAccounts(ctx context.Context, ids []string, amount money.Amount, source string) ([]BalanceRead, Reason, error) {
	var reads []BalanceRead
	var accounts []Account
	defer func() { d.Learn(ctx, accounts...) }()
	for _, id := range ids {
		a, err := d.Books.Account(ctx, id)
		if errors.Is(err, ErrNotFound) {
			return nil, ReasonUnknown, nil
		}
		if err != nil {
			return nil, ReasonNone, fmt.Errorf("reading account %s: %w", id, err)
		}
		accounts = append(accounts, a)
		reads = append(reads, BalanceRead{Account: id, Balance: a.Balance, At: d.Clock()})
		switch {
		case a.Status != AccountActive:
			return nil, ReasonInactive, nil
		case a.Currency != amount.Currency:
			return nil, ReasonCurrency, nil
		case id == source && a.Balance.Hundredths < amount.Hundredths:
			return nil, ReasonInsufficient, nil
		}
	}
	slices.SortFunc(reads, func(a, b BalanceRead) int { return strings.Compare(a.Account, b.Account) })
	return reads, ReasonNone, nil
}

// inspectCard refuses a card that is gone or belongs to another account, and for a deposit one that cannot be charged now.
func (d *Desk) inspectCard(ctx context.Context, ref CardRef, account string, charge bool) (Reason, error) {
	card, err := d.Books.Card(ctx, ref.Token)
	switch {
	case errors.Is(err, ErrNotFound):
		return ReasonCardGone, nil
	case err != nil:
		return ReasonNone, fmt.Errorf("reading a card of %s: %w", account, err)
	case card.Status != CardActive || card.Account != account:
		return ReasonCardGone, nil
	case charge:
		return card.Usable(d.Clock()), nil
	}
	return ReasonNone, nil
}

// inspectRoom refuses an account that is not active or has all the cards that Tango allows.
func (d *Desk) inspectRoom(ctx context.Context, account string) (Reason, error) {
	a, err := d.Books.Account(ctx, account)
	switch {
	case errors.Is(err, ErrNotFound):
		return ReasonUnknown, nil
	case err != nil:
		return ReasonNone, fmt.Errorf("reading account %s: %w", account, err)
	case a.Status != AccountActive:
		return ReasonInactive, nil
	}
	cards, err := d.readCards(ctx, account)
	if err != nil {
		return ReasonNone, err
	}
	if len(cards) >= MaxCards {
		return ReasonCardsFull, nil
	}
	return ReasonNone, nil
}

func (d *Desk) inspectNewAccount(ctx context.Context, a *CreateAccount) (Reason, error) {
	if _, err := d.Books.Customer(ctx, a.Customer.ID); errors.Is(err, ErrNotFound) {
		return ReasonCustomer, nil
	} else if err != nil {
		return ReasonNone, fmt.Errorf("reading customer %s: %w", a.Customer.ID, err)
	}
	_, err := d.Books.Account(ctx, a.ID)
	return taken(err)
}

// taken reads the outcome of looking for something that is to be created.
func taken(err error) (Reason, error) {
	switch {
	case err == nil:
		return ReasonTaken, nil
	case errors.Is(err, ErrNotFound):
		return ReasonNone, nil
	}
	return ReasonNone, fmt.Errorf("looking for the identifier: %w", err)
}

// inspectFields refuses an edit of an account that is not any more what its approvers saw.
func (d *Desk) inspectFields(ctx context.Context, u *UpdateAccount) (Reason, error) {
	a, err := d.Books.Account(ctx, u.Account.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		return ReasonUnknown, nil
	case err != nil:
		return ReasonNone, fmt.Errorf("reading account %s: %w", u.Account.ID, err)
	case !a.Fields().equal(u.Before):
		return ReasonChanged, nil
	}
	return ReasonNone, nil
}

// Fields gives what can be changed of an account.
func (a Account) Fields() AccountFields {
	notify := slices.Clone(a.Notify)
	slices.Sort(notify)
	return AccountFields{Name: a.Name, Email: a.Email, Notify: notify}
}

func (f AccountFields) equal(other AccountFields) bool {
	return f.Name == other.Name && f.Email == other.Email && slices.Equal(f.Notify, other.Notify)
}

// refreshAfter brings what the journal knows of Tango up to date with what was just done. Failing to do so costs
// freshness alone.
func (d *Desk) refreshAfter(ctx context.Context, r Request) {
	if r.State != StateSucceeded {
		return
	}
	var err error
	switch a := r.Action; a.Kind {
	case ActionTransfer:
		if r.Answer.Verdict != VerdictDone { // a 409 to the further send tells no balances
			err = errors.Join(d.reread(ctx, a.Transfer.From.ID, "", true), d.reread(ctx, a.Transfer.To.ID, "", true))
			break
		}
		d.learnFrom(ctx, *a.Transfer, *r.Answer)
		err = d.checkOnce(ctx, r)
	case ActionDeposit:
		err = d.reread(ctx, a.Deposit.Account.ID, a.Deposit.Customer, false) // what it got is explained by what was closed
		d.learnFee(ctx, r.Answer.Deposit)
	case ActionRegisterCard, ActionUnregisterCard:
		_, err = d.readCards(ctx, a.Accounts()[0])
	case ActionCreateAccount:
		err = errors.Join(d.reread(ctx, a.CreateAccount.ID, a.CreateAccount.Customer.ID, true), d.outdate(ctx))
	case ActionUpdateAccount:
		err = errors.Join(d.reread(ctx, a.UpdateAccount.Account.ID, a.UpdateAccount.Customer, true), d.outdate(ctx))
	case ActionCreateCustomer:
		err = errors.Join(d.learnCustomer(ctx, CustomerRef(*a.CreateCustomer)), d.outdate(ctx))
	}
	if err != nil {
		d.Log.WarnContext(ctx, "not read again after the change, the refresh will", "request", r.ID, "error", err)
	}
}

func (d *Desk) reread(ctx context.Context, account, customer string, ours bool) error {
	a, err := d.Books.Account(ctx, account)
	if err == nil {
		a.Customer = customer
		d.learn(ctx, ours, a)
	}
	return err
}

// checkOnce reads both accounts after a transfer: when each has moved by the amount once more than the answer tells,
// somebody between us and Tango has sent the call twice. That is an alarm, and nothing more moves on them until people
// have looked.
func (d *Desk) checkOnce(ctx context.Context, r Request) error {
	t, answer := r.Action.Transfer, r.Answer
	from, err := d.Books.Account(ctx, t.From.ID)
	if err != nil {
		return err
	}
	to, err := d.Books.Account(ctx, t.To.ID)
	if err != nil {
		return err
	}
	if from.Currency != t.Amount.Currency || to.Currency != t.Amount.Currency ||
		answer.FromAfter.Hundredths-from.Balance.Hundredths != t.Amount.Hundredths ||
		to.Balance.Hundredths-answer.ToAfter.Hundredths != t.Amount.Hundredths {
		return nil
	}
	records, err := d.Journal.Get(ctx, laneKey(t.From.ID), laneKey(t.To.ID))
	if err != nil {
		return err
	}
	for _, record := range records { // the same sum again may be the next request's
		l, err := decode[Lane](record)
		if err != nil || l.Holder != "" || l.Last != r.ID {
			return err
		}
	}
	return d.movedTwice(ctx, r)
}

// movedTwice alarms, and keeps everything else off the accounts until people have looked.
func (d *Desk) movedTwice(ctx context.Context, r Request) error {
	d.Log.ErrorContext(ctx, "money moved twice", "request", r.ID, "attempt", r.Attempt.ID)
	return d.freeze(ctx, r, true)
}
