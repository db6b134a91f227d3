package tango_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/treasury"
)

// The cards of these tests: those of the sandbox.
const (
	visa      = "4111111111111111"
	visaCode  = "739"
	cardToken = "0b1d6c1e-3f52-4a9e-9a37-5d0c4f7e1a01" // the simulated company's, of employee-rewards
)

func orderOf(a treasury.Action) treasury.Order {
	return treasury.Order{Reference: "TB-7F3K2M9Q", Attempt: "TB-7F3K2M9Q-1", Action: a, NotBefore: now()}
}

func rewards() treasury.AccountRef {
	return treasury.AccountRef{ID: "employee-rewards", Number: "A10000001", Name: "Employee Rewards"}
}

func depositOrder() treasury.Order {
	return orderOf(treasury.Action{Kind: treasury.ActionDeposit, Deposit: &treasury.Deposit{
		Customer: "acme-rewards", Account: rewards(), Card: treasury.CardRef{Token: cardToken, LastFour: "1111"}, Amount: money.New(125_000, "USD"),
	}})
}

func registerOrder() treasury.Order {
	return orderOf(treasury.Action{Kind: treasury.ActionRegisterCard, RegisterCard: &treasury.RegisterCard{
		Customer: "acme-rewards", Account: rewards(), Label: `Ops "Visa" <2> \ é`,
		Contacts: []treasury.Contact{{Name: "Ada Lovelace", Email: "ada@acme.example"}},
	}})
}

func details() treasury.CardDetails {
	s := treasury.NewSecret
	return treasury.CardDetails{
		Number: s(visa), Code: s(visaCode), Expires: "2029-04",
		Billing: treasury.BillingAddress{
			FirstName: s("Grace"), LastName: s("O'Hopper"), Line1: s("123 Street"), Line2: s("Suite 456"), City: s("Seattle"), State: s("WA"),
			PostalCode: s("98101"), Country: s("US"), Email: s("grace@acme.example"),
		},
	}
}

func unregisterOrder() treasury.Order {
	return orderOf(treasury.Action{Kind: treasury.ActionUnregisterCard, UnregisterCard: &treasury.UnregisterCard{
		Customer: "acme-rewards", Account: rewards(), Card: treasury.CardRef{Token: cardToken, Label: "Corporate Visa", LastFour: "1111", Expires: "2031-12"},
	}})
}

func customerOrder() treasury.Order {
	return orderOf(treasury.Action{Kind: treasury.ActionCreateCustomer, CreateCustomer: &treasury.CreateCustomer{
		ID: "acme-asia", Name: "Acme Asia & Pacific",
	}})
}

func accountOrder() treasury.Order {
	return orderOf(treasury.Action{Kind: treasury.ActionCreateAccount, CreateAccount: &treasury.CreateAccount{
		Customer: treasury.CustomerRef{ID: "acme-rewards"}, ID: "field-events", Name: "Field Events", Email: "events@acme.example",
		Currency: "CAD", Notify: []string{"a@acme.example", "b@acme.example"},
	}})
}

func updateOrder() treasury.Order {
	name, email, notify := "Rewards of Employees", "new@acme.example", []string{"c@acme.example"}
	return orderOf(treasury.Action{Kind: treasury.ActionUpdateAccount, UpdateAccount: &treasury.UpdateAccount{
		Customer: "acme-rewards", Account: rewards(), Name: &name, Email: &email, Notify: &notify,
	}})
}

// changingCall is one of the calls that change something, with what Tango says to it.
type changingCall struct {
	name   string
	on     string // the simulation's name for it
	call   func(ctx context.Context, c *tango.Client) treasury.Answer
	status int
	reply  string
	on409  treasury.Verdict
}

func changingCalls() []changingCall {
	return []changingCall{
		{
			"deposit", "POST /creditCardDeposits",
			func(ctx context.Context, c *tango.Client) treasury.Answer { return c.Deposit(ctx, depositOrder()) },
			http.StatusOK, depositReply, treasury.VerdictUnknown,
		},
		{
			"register", "POST /creditCards",
			func(ctx context.Context, c *tango.Client) treasury.Answer {
				return c.RegisterCard(ctx, registerOrder(), details(), "203.0.113.7")
			},
			http.StatusCreated, registerReply, treasury.VerdictUnknown,
		},
		{
			"unregister", "POST /creditCardUnregisters",
			func(ctx context.Context, c *tango.Client) treasury.Answer {
				return c.UnregisterCard(ctx, unregisterOrder())
			},
			http.StatusOK, unregisterReply, treasury.VerdictUnknown,
		},
		{
			"create customer", "POST /customers",
			func(ctx context.Context, c *tango.Client) treasury.Answer {
				return c.CreateCustomer(ctx, customerOrder())
			},
			http.StatusCreated, `{"customerIdentifier":"acme-asia","displayName":"Acme Asia & Pacific"}`, treasury.VerdictRefused,
		},
		{
			"create account", "POST /customers/{c}/accounts",
			func(ctx context.Context, c *tango.Client) treasury.Answer {
				return c.CreateAccount(ctx, accountOrder())
			},
			http.StatusCreated, `{"accountIdentifier":"field-events","displayName":"Field Events"}`, treasury.VerdictRefused,
		},
		{
			"update account", "PATCH /customers/{c}/accounts/{a}",
			func(ctx context.Context, c *tango.Client) treasury.Answer { return c.UpdateAccount(ctx, updateOrder()) },
			http.StatusOK, updateReply, treasury.VerdictRefused,
		},
	}
}

const (
	depositReply = `{"referenceDepositID":"RAD-260302-5407","amount":1250,"amountCharged":1293.75,"feePercent":3.5,` +
		`"createdDate":"2026-03-02T10:00:01.5Z","status":"SUCCESS","accountNumber":"A10000001","externalRefID":"TB-7F3K2M9Q","loyaltyTier":[1]}`
	registerReply = `{"customerIdentifier":"acme-rewards","accountIdentifier":"employee-rewards","accountNumber":"A10000001",` +
		`"token":"5b0f5a3e-1111-4222-8333-944455556666","label":"Ops \"Visa\" <2> \\ é","lastFourDigits":"1111","expirationDate":"2029-04",` +
		`"status":"ACTIVE","createdDate":"2026-03-02T10:00:01.28Z","activationDate":"2026-03-05T10:00:01.28Z",` +
		`"contactInformation":[{"fullName":"Grace O'Hopper","emailAddress":"grace@acme.example"}],"loyaltyTier":null}`
	unregisterReply = `{"token":"` + cardToken + `","message":"Credit card unregistered","createdDate":"2026-03-02T10:00:01.28Z"}`
	updateReply     = `{"currentBalance":24500,"contactEmail":"NEW@acme.example","fundingNotification":[{"emailAddress":"c@acme.example"}],` +
		`"accountIdentifier":"employee-rewards","accountNumber":"A10000001","displayName":"Rewards of Employees","createdAt":"2024-03-14T16:18:41.061Z",` +
		`"status":"ACTIVE","currencyCode":"USD"}`
)

// answered makes the call against a Tango that says this.
func (c changingCall) answered(t *testing.T, status int, body string) treasury.Answer {
	t.Helper()
	client, p, calls := answering(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, status, body) })
	answer := c.call(t.Context(), client)
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
	if n := p.taken.Load(); n != 0 {
		t.Errorf("the call took %d turns, which is its caller's to do", n)
	}
	return answer
}
