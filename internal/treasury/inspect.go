package treasury

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// inspect looks at Tango while the lanes are held, and refuses what Tango would or should refuse: what was true when the
// form was filled in may not be true any more.
func (d *Desk) inspect(ctx context.Context, r Request) ([]BalanceRead, Reason, error) {
	a := r.Action
	switch a.Kind {
	case ActionTransfer:
		return d.inspectAccounts(ctx, r, a.Transfer.From.ID)
	case ActionDeposit:
		before, reason, err := d.inspectAccounts(ctx, r, "")
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

// inspectAccounts reads the accounts whose money moves. source is the one that must hold the amount; empty for none. It is
// the last look before our own movement, so what others did since the one before it must be known now: when that fails, so
// does the inspection.
func (d *Desk) inspectAccounts(ctx context.Context, r Request, source string) (reads []BalanceRead, reason Reason, err error) {
	ids, amount := r.Action.Accounts(), r.Action.Amount()
	before, err := d.standings(ctx, ids...)
	if err != nil {
		return nil, ReasonNone, err
	}
	var accounts []Account
	defer func() {
		if keepErr := d.keep(ctx, r, before[:len(accounts)], accounts); err == nil && reason == ReasonNone {
			err = keepErr
		}
	}()
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

// refreshAfter brings what the journal knows of Tango up to date with what was just done, and looks whether money moved once.
// When that fails, who comes next looks: the next request on the account, or the sweep.
func (d *Desk) refreshAfter(ctx context.Context, r Request) {
	if r.State != StateSucceeded {
		return
	}
	var err error
	switch a := r.Action; a.Kind {
	case ActionTransfer:
		err = d.reread(ctx, r)
	case ActionDeposit:
		err = d.reread(ctx, r)
		d.learnFee(ctx, r.Answer.Deposit)
	case ActionRegisterCard, ActionUnregisterCard:
		_, err = d.readCards(ctx, a.Accounts()[0])
	case ActionCreateAccount:
		err = errors.Join(d.relearn(ctx, a.CreateAccount.ID, a.CreateAccount.Customer.ID), d.outdate(ctx))
	case ActionUpdateAccount:
		err = errors.Join(d.relearn(ctx, a.UpdateAccount.Account.ID, a.UpdateAccount.Customer), d.outdate(ctx))
	case ActionCreateCustomer:
		err = errors.Join(d.learnCustomer(ctx, CustomerRef(*a.CreateCustomer)), d.outdate(ctx))
	}
	if err != nil {
		d.Log.WarnContext(ctx, "not read again after the change, the refresh will", "request", r.ID, "error", err)
	}
}

// relearn reads an account whose customer the directory does not know yet.
func (d *Desk) relearn(ctx context.Context, account, customer string) error {
	a, err := d.Books.Account(ctx, account)
	if err == nil {
		a.Customer = customer
		d.Learn(ctx, a)
	}
	return err
}
