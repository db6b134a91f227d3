package treasury

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tangobot/tangobot/internal/money"
)

// The drafts that change cards, accounts and customers.

func (d *Desk) planRegisterCard(ctx context.Context, draft Draft, ps *problems) (Preview, error) {
	if err := d.CardsHere(); err != nil {
		return Preview{}, err
	}
	account, _, ok, err := d.account(ctx, FieldAccount, draft.Account, ps)
	if err != nil {
		return Preview{}, err
	}
	label := strings.TrimSpace(draft.Label)
	if label == "" {
		ps.add(Problem{Field: FieldLabel, Code: ProblemMissing})
	}
	ps.line(FieldLabel, label, MaxLabel)
	contacts := ps.contacts(draft.Contacts)
	if ok {
		if account.Customer == "" {
			ps.add(Problem{Field: FieldAccount, Code: ProblemNoCustomer})
		}
		cards, _, err := d.KnownCards(ctx, account.ID)
		if err != nil {
			return Preview{}, err
		}
		if len(cards) >= MaxCards {
			ps.add(Problem{Field: FieldAccount, Code: ProblemCardsFull, Most: MaxCards})
		}
	}
	return Preview{Action: Action{Kind: ActionRegisterCard, RegisterCard: &RegisterCard{
		Customer: account.Customer, Account: account.Ref(), Label: label, Contacts: contacts,
	}}}, nil
}

func (d *Desk) planUnregisterCard(ctx context.Context, draft Draft, ps *problems) (Preview, error) {
	if draft.Account == "" {
		ps.add(Problem{Field: FieldAccount, Code: ProblemMissing})
		return Preview{}, nil
	}
	account, _, err := d.Known(ctx, draft.Account) // a frozen account's card can be removed too
	if errors.Is(err, ErrNotFound) {
		ps.add(Problem{Field: FieldAccount, Code: ProblemUnknown})
		return Preview{}, nil
	}
	if err != nil {
		return Preview{}, err
	}
	card, err := d.chooseCard(ctx, account.ID, draft.Card, false, ps)
	return Preview{Action: Action{Kind: ActionUnregisterCard, UnregisterCard: &UnregisterCard{
		Customer: card.Customer, Account: account.Ref(), Card: card.Ref(),
	}}}, err
}

func (d *Desk) planCreateAccount(ctx context.Context, draft Draft, ps *problems) (Preview, error) {
	customer, err := d.KnownCustomer(ctx, draft.Customer)
	switch {
	case draft.Customer == "":
		ps.add(Problem{Field: FieldCustomer, Code: ProblemMissing})
	case errors.Is(err, ErrNotFound):
		ps.add(Problem{Field: FieldCustomer, Code: ProblemCustomer})
	case err != nil:
		return Preview{}, err
	}
	a := CreateAccount{
		Customer: customer, ID: strings.TrimSpace(draft.NewID), Name: strings.TrimSpace(draft.Name),
		Email: strings.ToLower(strings.TrimSpace(draft.Email)), Currency: money.Currency(draft.Currency),
	}
	ps.identifier(a.ID)
	if _, _, err := d.Known(ctx, a.ID); err == nil {
		ps.add(Problem{Field: FieldNewID, Code: ProblemTaken})
	} else if !errors.Is(err, ErrNotFound) {
		return Preview{}, err
	}
	ps.name(a.Name)
	ps.email(FieldEmail, a.Email)
	if !slices.Contains(Currencies(), a.Currency) {
		ps.add(Problem{Field: FieldCurrency, Code: ProblemNoCurrency})
	}
	a.Notify = ps.addresses(FieldNotify, draft.Notify)
	return Preview{Action: Action{Kind: ActionCreateAccount, CreateAccount: &a}}, nil
}

// planUpdateAccount compares with what was last read: an input that still says the same changes nothing.
func (d *Desk) planUpdateAccount(ctx context.Context, draft Draft, ps *problems) (Preview, error) {
	account, _, err := d.Known(ctx, draft.Account)
	switch {
	case draft.Account == "":
		ps.add(Problem{Field: FieldAccount, Code: ProblemMissing})
		return Preview{}, nil
	case errors.Is(err, ErrNotFound):
		ps.add(Problem{Field: FieldAccount, Code: ProblemUnknown})
		return Preview{}, nil
	case err != nil:
		return Preview{}, err
	case account.Customer == "":
		ps.add(Problem{Field: FieldName, Code: ProblemNoCustomer})
	}
	u := UpdateAccount{Customer: account.Customer, Account: account.Ref(), Before: account.Fields()}
	if name := strings.TrimSpace(draft.Name); name != u.Before.Name {
		ps.name(name)
		u.Name = &name
	}
	if email := strings.TrimSpace(draft.Email); email != u.Before.Email {
		email = strings.ToLower(email)
		ps.email(FieldEmail, email)
		u.Email = &email
	}
	switch draft.NotifyChoice {
	case NotifyKeep:
	case NotifyReplace:
		list := ps.addresses(FieldNotify, draft.Notify)
		if len(list) == 0 { // clearing is a choice of its own
			ps.add(Problem{Field: FieldNotify, Code: ProblemMissing})
		}
		if !slices.Equal(list, u.Before.Notify) {
			u.Notify = &list
		}
	case NotifyClear:
		if len(u.Before.Notify) > 0 {
			u.Notify = &[]string{}
		}
	}
	if u.Name == nil && u.Email == nil && u.Notify == nil {
		ps.add(Problem{Field: FieldName, Code: ProblemUnchanged})
	}
	return Preview{Action: Action{Kind: ActionUpdateAccount, UpdateAccount: &u}}, nil
}

func (d *Desk) planCreateCustomer(ctx context.Context, draft Draft, ps *problems) (Preview, error) {
	c := CreateCustomer{ID: strings.TrimSpace(draft.NewID), Name: strings.TrimSpace(draft.Name)}
	ps.identifier(c.ID)
	if _, err := d.KnownCustomer(ctx, c.ID); err == nil {
		ps.add(Problem{Field: FieldNewID, Code: ProblemTaken})
	} else if !errors.Is(err, ErrNotFound) {
		return Preview{}, err
	}
	ps.name(c.Name)
	return Preview{Action: Action{Kind: ActionCreateCustomer, CreateCustomer: &c}}, nil
}
