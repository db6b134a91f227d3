package treasury

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// The drafts that move money.

func (d *Desk) planTransfer(ctx context.Context, draft Draft, ps *problems) (Preview, error) {
	note := strings.TrimSpace(draft.Note)
	from, fromAt, okFrom, err := d.account(ctx, FieldFrom, draft.From, ps)
	if err != nil {
		return Preview{}, err
	}
	to, toAt, okTo, err := d.account(ctx, FieldTo, draft.To, ps)
	if err != nil {
		return Preview{}, err
	}
	if okFrom && okTo {
		switch {
		case from.ID == to.ID:
			ps.add(Problem{Field: FieldTo, Code: ProblemSame})
		case from.Currency != to.Currency:
			ps.add(Problem{Field: FieldTo, Code: ProblemCurrencies, Between: [2]money.Currency{from.Currency, to.Currency}})
		}
	}
	ps.line(FieldNote, note, MaxNote)
	amount, ok := ps.amount(draft.Amount, from, okFrom)
	if ok && from.Balance.IsKnown() && from.Balance.Hundredths < amount.Hundredths {
		ps.add(Problem{Field: FieldAmount, Code: ProblemInsufficient, Amount: from.Balance, At: fromAt})
	}
	if len(*ps) > 0 {
		return Preview{}, nil
	}
	source, err := d.effect(from, fromAt, money.New(-amount.Hundredths, amount.Currency))
	if err != nil {
		return Preview{}, err
	}
	target, err := d.effect(to, toAt, amount)
	return Preview{
		Action:  Action{Kind: ActionTransfer, Transfer: &Transfer{From: from.Ref(), To: to.Ref(), Amount: amount, Note: note}},
		Effects: []Effect{source, target},
	}, err
}

// maxDepositHundredths is 999,999.99: Tango refuses amounts of more than six digits before the point (422.105).
const maxDepositHundredths = 99_999_999

func (d *Desk) planDeposit(ctx context.Context, draft Draft, ps *problems) (Preview, error) {
	account, at, ok, err := d.account(ctx, FieldAccount, draft.Account, ps)
	if err != nil {
		return Preview{}, err
	}
	amount, okAmount := ps.amount(draft.Amount, account, ok)
	if okAmount && amount.Hundredths > maxDepositHundredths {
		ps.add(Problem{Field: FieldAmount, Code: ProblemDigits})
	}
	var card Card
	if ok {
		if card, err = d.chooseCard(ctx, account.ID, draft.Card, true, ps); err != nil {
			return Preview{}, err
		}
	}
	if len(*ps) > 0 {
		return Preview{}, nil
	}
	effect, err := d.effect(account, at, amount)
	if err != nil {
		return Preview{}, err
	}
	fee, err := d.EstimateFee(ctx, amount)
	return Preview{
		Action: Action{Kind: ActionDeposit, Deposit: &Deposit{
			Customer: card.Customer, Account: account.Ref(), Card: card.Ref(), Amount: amount,
		}},
		Effects: []Effect{effect}, Fee: &fee,
	}, err
}

// account finds the account of a field and checks that its money can move.
func (d *Desk) account(ctx context.Context, field Field, id string, ps *problems) (Account, time.Time, bool, error) {
	if id == "" {
		ps.add(Problem{Field: field, Code: ProblemMissing})
		return Account{}, time.Time{}, false, nil
	}
	a, at, err := d.Known(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		ps.add(Problem{Field: field, Code: ProblemUnknown})
		return Account{}, time.Time{}, false, nil
	case err != nil:
		return Account{}, time.Time{}, false, err
	case a.Status != AccountActive:
		ps.add(Problem{Field: field, Code: ProblemInactive, Status: a.Status})
	}
	return a, at, true, nil
}

// amount reads an amount in the account's currency.
func (ps *problems) amount(text string, account Account, known bool) (money.Amount, bool) {
	if HasCardNumber(text) {
		ps.add(Problem{Field: FieldAmount, Code: ProblemCardNumber})
		return money.Amount{}, false
	}
	amount, err := money.Parse(text)
	var fault *money.ParseError
	switch {
	case errors.As(err, &fault):
		ps.add(Problem{Field: FieldAmount, Code: ProblemAmount, Fault: fault.Fault})
		return money.Amount{}, false
	case !known:
		return money.Amount{}, false
	case amount.Currency != "" && amount.Currency != account.Currency:
		ps.add(Problem{Field: FieldAmount, Code: ProblemCurrency, Between: [2]money.Currency{amount.Currency, account.Currency}})
		return money.Amount{}, false
	}
	amount.Currency = account.Currency
	return amount, true
}

// chooseCard finds the card of a field among the account's, and for a deposit checks that it can be charged.
func (d *Desk) chooseCard(ctx context.Context, account, token string, charge bool, ps *problems) (Card, error) {
	if token == "" {
		ps.add(Problem{Field: FieldCard, Code: ProblemMissing})
		return Card{}, nil
	}
	cards, _, err := d.KnownCards(ctx, account)
	if err != nil {
		return Card{}, err
	}
	for _, c := range cards {
		if c.Token != token {
			continue
		}
		if charge {
			switch why := c.Usable(d.Clock()); {
			case why == ReasonCardExpired:
				ps.add(Problem{Field: FieldCard, Code: ProblemCardExpired})
			case why == ReasonCardNotActive:
				ps.add(Problem{Field: FieldCard, Code: ProblemCardEarly, At: c.ActiveFrom})
			case why != ReasonNone:
				ps.add(Problem{Field: FieldCard, Code: ProblemCard})
			}
		}
		return c, nil
	}
	ps.add(Problem{Field: FieldCard, Code: ProblemCard})
	return Card{}, nil
}
