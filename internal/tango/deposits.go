package tango

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// maxDeposit is 999,999.99: Tango refuses more than six digits before the point (422.105, 422.140).
const maxDeposit = 99_999_999

// wholePoints is 100 % in hundredths of a percent.
const wholePoints = 10_000

// Deposit funds an account from a card: POST /creditCardDeposits. The reference makes Tango refuse a repetition with a 409.
func (c *Client) Deposit(ctx context.Context, order treasury.Order) treasury.Answer {
	return c.post(ctx, func() (string, []byte, error) {
		body, err := depositBody(order)
		return "/creditCardDeposits", body, err
	}, func(s sent) treasury.Answer {
		return judgeChange(s, conflictDoubt, func(f *fields, a *treasury.Answer) { judgeDeposit(order, f, a) })
	})
}

// depositBody draws the order. The amount is a number with two decimals: the table of Tango's page says string, its
// sample and the reference say number.
func depositBody(o treasury.Order) ([]byte, error) {
	bad := func(field string) ([]byte, error) {
		return nil, fmt.Errorf("a deposit's %s: %w", field, treasury.ErrInvalid)
	}
	d := o.Action.Deposit
	if d == nil {
		return bad("fields")
	}
	if err := checkOrderKind(o, treasury.ActionDeposit, d.Customer, d.Account.ID, d.Card.Token, o.Reference); err != nil {
		return nil, err
	}
	switch {
	case d.Customer == "" || d.Account.ID == "":
		return bad("account")
	case d.Card.Token == "":
		return bad("card")
	case !d.Amount.IsPositive() || d.Amount.Hundredths > maxDeposit || !d.Amount.Currency.IsValid():
		return bad("amount")
	case o.Reference == "" || len(o.Reference) > 100: // the bound is that of orders; funding has none on the pages
		return bad("reference")
	}
	b := newDrawing(len(d.Customer) + len(d.Account.ID) + len(d.Card.Token) + len(o.Reference))
	b.open("", '{')
	b.text("customerIdentifier", d.Customer)
	b.text("accountIdentifier", d.Account.ID)
	b.text("creditCardToken", d.Card.Token)
	b.number("amount", d.Amount.Decimal())
	b.text("externalRefID", o.Reference)
	b.shut('}')
	return b.b, nil
}

// judgeDeposit compares a success with the order. The answer names neither the card nor the account's identifier nor a
// currency, so what it has must fit all the more: the id, the amount, the account's number where both sides know it, the
// reference where it is repeated, and the time, because an answer from before the order is some cache's. A deposit whose
// money arrived, but whose charge is not the amount and the fee that the answer itself tells, is for people to look at;
// rounding may make a cent of difference.
func judgeDeposit(o treasury.Order, f *fields, a *treasury.Answer) {
	d := o.Action.Deposit
	told, verdict := readDeposit(f, d.Amount.Currency)
	number, hasNumber := f.optional("accountNumber")
	reference := f.echoes("externalRefID", o.Reference)
	if f.failed() != nil {
		return
	}
	a.Verdict, a.Deposit = verdict, &told
	a.Mismatch = firstMisfit(
		compared{"amount", told.Amount == d.Amount}, reference,
		compared{"accountNumber", !hasNumber || d.Account.Number == "" || number == d.Account.Number},
		compared{"createdDate", told.Created.IsZero() || !told.Created.Before(o.NotBefore.Add(-clockSkew))},
		compared{"amountCharged", verdict != treasury.VerdictDone || chargeFits(told)},
	)
}

// readDeposit reads a deposit. Its status is one of three words, which Tango's pages print in two cases; another word
// tells nothing that can be relied on. What is charged, and for which fee, must be told with a SUCCESS; before and without
// one it may be missing.
func readDeposit(f *fields, currency money.Currency) (treasury.DepositResult, treasury.Verdict) {
	d := treasury.DepositResult{ID: f.text("referenceDepositID"), Amount: f.amount("amount", currency), Created: f.moment("createdDate")}
	if !isHandle(d.ID) {
		f.fail("referenceDepositID", "not an identifier")
	}
	verdict := treasury.VerdictUnknown
	switch strings.ToUpper(f.text("status")) {
	case "SUCCESS":
		verdict = treasury.VerdictDone
	case "PENDING":
		verdict = treasury.VerdictPending
	case "DECLINED":
		verdict = treasury.VerdictDeclined
	default:
		f.fail("status", "not a status of deposits")
	}
	if verdict == treasury.VerdictDone || f.get("amountCharged") != nil {
		d.Charged = f.amount("amountCharged", currency)
	}
	if verdict == treasury.VerdictDone || f.get("feePercent") != nil {
		d.FeePoints = f.percent("feePercent")
	}
	return d, verdict
}

// percent gives a percentage in hundredths of a percent: 3.5 is 350.
func (f *fields) percent(name string) int64 {
	number, ok := f.get(name).(json.Number)
	if !ok {
		f.fail(name, "not a number")
		return 0
	}
	a, err := money.FromDecimal(number.String(), "") // two decimals, exactly, as money has them
	if err != nil || a.Hundredths < 0 || a.Hundredths > wholePoints {
		f.fail(name, "not an exact percentage")
		return 0
	}
	return a.Hundredths
}

// chargeFits reports whether the charge is the amount and the fee, to a cent. The product stays far below an int64's
// bound: the amount is at most maxDeposit, since it was compared before.
func chargeFits(d treasury.DepositResult) bool {
	if d.Amount.Hundredths > maxDeposit || d.Charged.Hundredths < 0 || d.Charged.Hundredths > 3*maxDeposit {
		return false
	}
	off := (d.Charged.Hundredths-d.Amount.Hundredths)*wholePoints - d.Amount.Hundredths*d.FeePoints
	return off >= -wholePoints && off <= wholePoints
}

// isHandle holds for what Tango gives things as names: letters, digits and hyphens. A deposit's is shown to people and
// logged, so nothing else passes for it.
func isHandle(s string) bool {
	odd := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_'
	}
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, odd)
}

// DepositStatus reads a deposit: GET /creditCardDeposits/{referenceDepositID}. The answer tells no currency; the amounts
// get the one that is given, which may be empty.
func (c *Client) DepositStatus(ctx context.Context, id string, currency money.Currency) (treasury.Answer, error) {
	fail := func(err error) (treasury.Answer, error) {
		return treasury.Answer{}, fmt.Errorf("reading a deposit: %w", err)
	}
	path, err := identifierPath("/creditCardDeposits", id)
	if err != nil {
		return fail(err)
	}
	answer, err := c.read(ctx, path, nil)
	if err != nil {
		return fail(err)
	}
	f, err := fieldsOf(answer)
	if err != nil {
		return fail(unreadable(err))
	}
	told, verdict := readDeposit(f, currency)
	switch {
	case f.failed() != nil:
		return fail(unreadable(f.failed()))
	case !strings.EqualFold(told.ID, id):
		return fail(unreadable(errors.New("another deposit came than was asked for")))
	}
	return treasury.Answer{Verdict: verdict, Status: http.StatusOK, Deposit: &told}, nil
}
