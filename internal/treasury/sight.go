package treasury

import (
	"context"
	"errors"
	"fmt"
)

// sighting is what one look at Tango gave.
type sighting struct {
	Balances []BalanceRead  `json:"balances,omitempty"` // without times: two looks compare as text
	Object   string         `json:"object,omitempty"`   // "there", "gone" or "other"
	Deposit  *DepositResult `json:"deposit,omitempty"`
	Verdict  Verdict        `json:"verdict,omitempty"` // of the deposit's id
	Card     *Card          `json:"card,omitempty"`
}

const (
	objectThere = "there"
	objectGone  = "gone"
	objectOther = "other" // there, but neither as before nor as asked for
)

// sight looks at what the action would have changed.
func (d *Desk) sight(ctx context.Context, r Request) (sighting, error) {
	a := r.Action
	switch a.Kind {
	case ActionTransfer, ActionDeposit:
		return d.sightMoney(ctx, r)
	case ActionRegisterCard:
		cards, err := d.readCards(ctx, a.RegisterCard.Account.ID)
		if err != nil {
			return sighting{}, err
		}
		for _, c := range cards {
			if c.Label == a.RegisterCard.Label && !c.Created.Before(r.Attempt.SentAt.Add(-clocksApart)) {
				return sighting{Object: objectThere, Card: &c}, nil
			}
		}
		return sighting{Object: objectGone}, nil
	case ActionUnregisterCard:
		c, err := d.Books.Card(ctx, a.UnregisterCard.Card.Token)
		if err == nil && c.Status == CardActive {
			return sighting{Object: objectThere}, nil
		}
		return sighting{Object: objectGone}, unlessMissing(err)
	case ActionCreateAccount:
		found, err := d.Books.Account(ctx, a.CreateAccount.ID)
		return sightObject(err, found.Name == a.CreateAccount.Name && found.Currency == a.CreateAccount.Currency)
	case ActionUpdateAccount:
		found, err := d.Books.Account(ctx, a.UpdateAccount.Account.ID)
		switch {
		case err != nil:
			return sighting{}, err
		case found.Fields().equal(a.UpdateAccount.after()):
			return sighting{Object: objectThere}, nil
		case found.Fields().equal(a.UpdateAccount.Before):
			return sighting{Object: objectGone}, nil
		}
		return sighting{Object: objectOther}, nil
	case ActionCreateCustomer:
		found, err := d.Books.Customer(ctx, a.CreateCustomer.ID)
		return sightObject(err, found.Name == a.CreateCustomer.Name)
	}
	return sighting{}, fmt.Errorf("action %q: %w", a.Kind, ErrInvalid)
}

func sightObject(err error, asAsked bool) (sighting, error) {
	switch {
	case errors.Is(err, ErrNotFound):
		return sighting{Object: objectGone}, nil
	case err != nil:
		return sighting{}, err
	case asAsked:
		return sighting{Object: objectThere}, nil
	}
	return sighting{Object: objectOther}, nil
}

func unlessMissing(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// after gives the fields as the edit leaves them.
func (u UpdateAccount) after() AccountFields {
	f := u.Before
	if u.Name != nil {
		f.Name = *u.Name
	}
	if u.Email != nil {
		f.Email = *u.Email
	}
	if u.Notify != nil {
		f.Notify = *u.Notify
	}
	return f
}

func (d *Desk) sightMoney(ctx context.Context, r Request) (sighting, error) {
	var s sighting
	if r.Answer != nil && r.Answer.Deposit != nil && r.Answer.Deposit.ID != "" {
		answer, err := d.Books.DepositStatus(ctx, r.Answer.Deposit.ID, r.Action.Amount().Currency)
		if err != nil {
			return sighting{}, err
		}
		s.Deposit, s.Verdict = answer.Deposit, answer.Verdict
	}
	for _, id := range r.Action.Lanes() {
		a, err := d.Books.Account(ctx, id)
		if err != nil {
			return sighting{}, err
		}
		s.Balances = append(s.Balances, BalanceRead{Account: id, Balance: a.Balance})
	}
	return s, nil
}
