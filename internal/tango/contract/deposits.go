package contract

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// The sums that Tango's sandbox treats apart, in hundredths.
const (
	pendingThenSuccess  = 555
	pendingThenDeclined = 655
	declinedAtOnce      = 755
)

// funding is the card, and the account that it funds.
type funding struct {
	card     treasury.Card
	currency money.Currency
	used     string // the reference of the first deposit
}

const noCard = "set TANGO_SANDBOX_CARD to the token of a test card"

// noDeposit is why questions about references of deposits are left out when the first one was not carried out.
const noDeposit = "no deposit was carried out"

func (a *asker) depositOrder(reference string, hundredths int64) treasury.Order {
	c := a.funding.card
	return treasury.Order{
		Reference: reference, Attempt: reference, NotBefore: a.Clock(),
		Action: treasury.Action{Kind: treasury.ActionDeposit, Deposit: &treasury.Deposit{
			Customer: c.Customer, Account: treasury.AccountRef{ID: c.Account, Number: c.AccountNumber},
			Card: treasury.CardRef{Token: c.Token}, Amount: money.New(hundredths, a.funding.currency),
		}},
	}
}

// fund makes a deposit.
func (a *asker) fund(ctx context.Context, reference string, hundredths int64) (sent, error) {
	order := a.depositOrder(reference, hundredths)
	return a.act(ctx, effect{a.funding.card.Account: hundredths}, func(ctx context.Context) treasury.Answer {
		return a.post.Deposit(ctx, order)
	})
}

// deposit makes a plain one.
func (a *asker) deposit(ctx context.Context) (Finding, error) {
	if a.Card == "" {
		return notAsked(noCard)
	}
	card, err := a.post.Card(ctx, a.Card)
	if err != nil {
		return Finding{}, fmt.Errorf("reading the card: %w", err)
	}
	account, err := a.post.Account(ctx, card.Account)
	if err != nil {
		return Finding{}, fmt.Errorf("reading the card's account: %w", err)
	}
	a.funding = funding{card: card, currency: account.Currency}
	reference := a.newReference()
	s, err := a.fund(ctx, reference, one)
	if err == nil && s.times == 1 {
		a.funding.used = reference
	}
	f := Finding{Did: s.words(), Wrong: s.wrong()}
	if d := s.verdict.Deposit; d != nil {
		f.Did += fmt.Sprintf(", id like %s, %s for %s at %s %%", form(d.ID), d.Charged.Decimal(), d.Amount.Decimal(), money.New(d.FeePoints, "").Decimal())
	}
	return f, err
}

// form writes an identifier with 9 for each digit and A or a for each letter behind the first word.
func form(id string) string {
	first, rest, _ := strings.Cut(id, "-")
	return strings.TrimSuffix(first+"-"+strings.Map(func(r rune) rune {
		switch {
		case unicode.IsDigit(r):
			return '9'
		case unicode.IsUpper(r):
			return 'A'
		case unicode.IsLower(r):
			return 'a'
		}
		return r
	}, rest), "-")
}

// depositAgain makes the same deposit under the same reference.
func (a *asker) depositAgain(ctx context.Context) (Finding, error) {
	if a.funding.used == "" {
		return notAsked(noDeposit)
	}
	s, err := a.fund(ctx, a.funding.used, one)
	a.proofs[depositAgain] = err == nil && s.isRepeat()
	return Finding{Did: s.words(), Follows: a.proves(depositAgain)}, err
}

// depositAtOnce makes two under one reference at the same time.
func (a *asker) depositAtOnce(ctx context.Context) (Finding, error) {
	if a.funding.used == "" {
		return notAsked(noDeposit)
	}
	return a.atOnce(ctx, depositAtOnce, func(_ context.Context, reference string) (effect, func(context.Context) treasury.Answer) {
		order := a.depositOrder(reference, one)
		return effect{a.funding.card.Account: one}, func(ctx context.Context) treasury.Answer { return a.post.Deposit(ctx, order) }
	})
}

// special makes a deposit of one of the sandbox's own sums, and reads it again by its id.
func (a *asker) special(ctx context.Context, hundredths int64, want treasury.Verdict, keep *string) (Finding, error) {
	if a.funding.used == "" {
		return notAsked(noDeposit)
	}
	reference := a.newReference()
	s, err := a.fund(ctx, reference, hundredths)
	if err != nil {
		return Finding{}, err
	}
	f := Finding{Did: s.words(), Wrong: s.wrong()}
	if d := s.verdict.Deposit; d != nil {
		charge := "no amountCharged"
		if d.Charged.IsKnown() {
			charge = "amountCharged " + d.Charged.Decimal()
		}
		f.Did += ", " + charge
		again, err := a.post.DepositStatus(ctx, d.ID, a.funding.currency)
		if err != nil {
			return f, err
		}
		f.Did += ", read again it is " + string(again.Verdict)
	}
	if s.verdict.Verdict == want {
		*keep = reference
	}
	return f, nil
}

func (a *asker) depositPending(ctx context.Context) (Finding, error) {
	return a.special(ctx, pendingThenSuccess, treasury.VerdictPending, &a.pending)
}

func (a *asker) depositPendingDeclined(ctx context.Context) (Finding, error) {
	return a.special(ctx, pendingThenDeclined, treasury.VerdictPending, new(string))
}

func (a *asker) depositDeclined(ctx context.Context) (Finding, error) {
	return a.special(ctx, declinedAtOnce, treasury.VerdictDeclined, &a.declined)
}

// depositAfterPending uses the reference of a deposit that is pending.
func (a *asker) depositAfterPending(ctx context.Context) (Finding, error) {
	if a.pending == "" {
		return notAsked("no deposit was pending")
	}
	f, used, err := a.afterwards(ctx, a.pending)
	if err == nil && !used { // it would be charged twice, once the first one settles
		a.proofs[depositAgain] = false
		f.Follows = a.proves(depositAgain)
	}
	return f, err
}

// depositAfterDeclined uses the reference of a deposit that was declined.
func (a *asker) depositAfterDeclined(ctx context.Context) (Finding, error) {
	if a.declined == "" {
		return notAsked("no deposit was declined")
	}
	f, _, err := a.afterwards(ctx, a.declined)
	return f, err
}

// afterwards makes a plain deposit under a reference, and tells whether that was used up.
func (a *asker) afterwards(ctx context.Context, reference string) (f Finding, used bool, err error) {
	s, err := a.fund(ctx, reference, one)
	f = Finding{Did: s.words(), Wrong: s.wrong()}
	if used = s.isRepeat(); used {
		f.Follows = "a 409 does not tell that the first was charged; Tangobot leaves the doubt to people"
	}
	return f, used, err
}
