package tango_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/treasury"
)

// wire is a request as a server reads it.
type wire struct{ Line, Type, Body string }

// recorded makes a call against a server that answers nothing useful, and gives what it got.
func recorded(t *testing.T, call func(c *tango.Client) treasury.Answer) []wire {
	t.Helper()
	var got []wire
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = append(got, wire{r.Method + " " + r.RequestURI, r.Header.Get("Content-Type"), string(body)})
		w.WriteHeader(http.StatusTeapot)
	}))
	defer server.Close()
	call(newClient(t, server.URL, nil))
	return got
}

// TestBytesOfChanges pins each body to the letter.
func TestBytesOfChanges(t *testing.T) {
	t.Parallel()
	want := map[string]wire{
		"deposit": {"POST /creditCardDeposits", "application/json", `{"customerIdentifier":"acme-rewards","accountIdentifier":"employee-rewards",` +
			`"creditCardToken":"0b1d6c1e-3f52-4a9e-9a37-5d0c4f7e1a01","amount":1250.00,"externalRefID":"TB-7F3K2M9Q"}`},
		"register": {"POST /creditCards", "application/json", `{"customerIdentifier":"acme-rewards","accountIdentifier":"employee-rewards",` +
			`"ipAddress":"203.0.113.7","label":"Ops \"Visa\" <2> \\ é","creditCard":{"number":"4111111111111111","expiration":"2029-04",` +
			`"verificationNumber":"739"},"billingAddress":{"firstName":"Grace","lastName":"O'Hopper","addressLine1":"123 Street",` +
			`"addressLine2":"Suite 456","city":"Seattle","state":"WA","postalCode":"98101","country":"US","emailAddress":"grace@acme.example"},` +
			`"contactInformation":[{"fullName":"Ada Lovelace","emailAddress":"ada@acme.example"}]}`},
		"unregister": {"POST /creditCardUnregisters", "application/json", `{"customerIdentifier":"acme-rewards",` +
			`"accountIdentifier":"employee-rewards","creditCardToken":"0b1d6c1e-3f52-4a9e-9a37-5d0c4f7e1a01"}`},
		"create customer": {"POST /customers", "application/json", `{"customerIdentifier":"acme-asia","displayName":"Acme Asia & Pacific"}`},
		"create account": {"POST /customers/acme-rewards/accounts", "application/json", `{"accountIdentifier":"field-events",` +
			`"displayName":"Field Events","contactEmail":"events@acme.example","currencyCode":"CAD",` +
			`"fundingNotification":[{"emailAddress":"a@acme.example"},{"emailAddress":"b@acme.example"}]}`},
		"update account": {"PATCH /customers/acme-rewards/accounts/employee-rewards", "application/json", `{"displayName":"Rewards of Employees",` +
			`"contactEmail":"new@acme.example","fundingNotification":[{"emailAddress":"c@acme.example"}]}`},
	}
	for _, c := range changingCalls() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := recorded(t, func(client *tango.Client) treasury.Answer { return c.call(t.Context(), client) })
			if diff := cmp.Diff([]wire{want[c.name]}, got); diff != "" {
				t.Errorf("on the wire (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOptionalFieldsOfChanges: what is not set is left out; a cleared list is sent as an empty one.
func TestOptionalFieldsOfChanges(t *testing.T) {
	t.Parallel()
	update := func(change func(u *treasury.UpdateAccount)) treasury.Order {
		u := &treasury.UpdateAccount{Customer: "acme/rewards", Account: treasury.AccountRef{ID: "a b"}}
		change(u)
		return orderOf(treasury.Action{Kind: treasury.ActionUpdateAccount, UpdateAccount: u})
	}
	for name, c := range map[string]struct {
		call func(c *tango.Client) treasury.Answer
		line string
		body string
	}{
		"only a name": {func(c *tango.Client) treasury.Answer {
			return c.UpdateAccount(t.Context(), update(func(u *treasury.UpdateAccount) { u.Name = new("Fun\u0001ds\u2028") }))
		}, "PATCH /customers/acme%2Frewards/accounts/a%20b", `{"displayName":"Fun\u0001ds` + "\u2028" + `"}`},
		"only an address": {func(c *tango.Client) treasury.Answer {
			return c.UpdateAccount(t.Context(), update(func(u *treasury.UpdateAccount) { u.Email = new("x@y.example") }))
		}, "PATCH /customers/acme%2Frewards/accounts/a%20b", `{"contactEmail":"x@y.example"}`},
		"cleared": {func(c *tango.Client) treasury.Answer {
			return c.UpdateAccount(t.Context(), update(func(u *treasury.UpdateAccount) { u.Notify = &[]string{} }))
		}, "PATCH /customers/acme%2Frewards/accounts/a%20b", `{"fundingNotification":[]}`},
		"account without addresses": {func(c *tango.Client) treasury.Answer {
			o := accountOrder()
			o.Action.CreateAccount.Notify = nil
			return c.CreateAccount(t.Context(), o)
		}, "POST /customers/acme-rewards/accounts", `{"accountIdentifier":"field-events","displayName":"Field Events",` +
			`"contactEmail":"events@acme.example","currencyCode":"CAD"}`},
		"card without second line and contacts": {func(c *tango.Client) treasury.Answer {
			o, d := registerOrder(), details()
			o.Action.RegisterCard.Contacts, d.Billing.Line2 = nil, treasury.Secret{}
			d.Number, d.Code = treasury.NewSecret("378282246310005"), treasury.NewSecret("7391")
			return c.RegisterCard(t.Context(), o, d, "2001:db8::7")
		}, "POST /creditCards", `{"customerIdentifier":"acme-rewards","accountIdentifier":"employee-rewards",` +
			`"ipAddress":"2001:db8::7","label":"Ops \"Visa\" <2> \\ é","creditCard":{"number":"378282246310005","expiration":"2029-04",` +
			`"verificationNumber":"7391"},"billingAddress":{"firstName":"Grace","lastName":"O'Hopper","addressLine1":"123 Street",` +
			`"city":"Seattle","state":"WA","postalCode":"98101","country":"US","emailAddress":"grace@acme.example"}}`},
		"the smallest deposit": {func(c *tango.Client) treasury.Answer {
			o := depositOrder()
			o.Action.Deposit.Amount = money.New(1, "EUR")
			return c.Deposit(t.Context(), o)
		}, "POST /creditCardDeposits", `{"customerIdentifier":"acme-rewards","accountIdentifier":"employee-rewards",` +
			`"creditCardToken":"0b1d6c1e-3f52-4a9e-9a37-5d0c4f7e1a01","amount":0.01,"externalRefID":"TB-7F3K2M9Q"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff([]wire{{c.line, "application/json", c.body}}, recorded(t, c.call)); diff != "" {
				t.Errorf("on the wire (-want +got):\n%s", diff)
			}
		})
	}
}

// TestChangesThatAreNotSent: what can not be sent, or not be recognised in an answer, never leaves.
func TestChangesThatAreNotSent(t *testing.T) {
	t.Parallel()
	deposit := func(change func(o *treasury.Order, d *treasury.Deposit)) func(*tango.Client) treasury.Answer {
		return func(c *tango.Client) treasury.Answer {
			o := depositOrder()
			change(&o, o.Action.Deposit)
			return c.Deposit(t.Context(), o)
		}
	}
	register := func(change func(r *treasury.RegisterCard, d *treasury.CardDetails, address *string)) func(*tango.Client) treasury.Answer {
		return func(c *tango.Client) treasury.Answer {
			o, d, address := registerOrder(), details(), "203.0.113.7"
			change(o.Action.RegisterCard, &d, &address)
			return c.RegisterCard(t.Context(), o, d, address)
		}
	}
	s := treasury.NewSecret
	for name, call := range map[string]func(*tango.Client) treasury.Answer{
		"deposit of nothing":  deposit(func(_ *treasury.Order, d *treasury.Deposit) { d.Amount.Hundredths = 0 }),
		"negative deposit":    deposit(func(_ *treasury.Order, d *treasury.Deposit) { d.Amount.Hundredths = -1 }),
		"a million":           deposit(func(_ *treasury.Order, d *treasury.Deposit) { d.Amount.Hundredths = 100_000_000 }),
		"no currency":         deposit(func(_ *treasury.Order, d *treasury.Deposit) { d.Amount.Currency = "" }),
		"no card":             deposit(func(_ *treasury.Order, d *treasury.Deposit) { d.Card.Token = "" }),
		"no account":          deposit(func(_ *treasury.Order, d *treasury.Deposit) { d.Account.ID = "" }),
		"no customer":         deposit(func(_ *treasury.Order, d *treasury.Deposit) { d.Customer = "" }),
		"no reference":        deposit(func(o *treasury.Order, _ *treasury.Deposit) { o.Reference = "" }),
		"reference too long":  deposit(func(o *treasury.Order, _ *treasury.Deposit) { o.Reference = strings.Repeat("x", 101) }),
		"not UTF-8":           deposit(func(_ *treasury.Order, d *treasury.Deposit) { d.Customer = "acme\xff" }),
		"another kind":        deposit(func(o *treasury.Order, _ *treasury.Deposit) { o.Action.Kind = treasury.ActionTransfer }),
		"kind without fields": deposit(func(o *treasury.Order, _ *treasury.Deposit) { o.Action.Deposit = nil }),
		"fifteen digits":      register(func(_ *treasury.RegisterCard, d *treasury.CardDetails, _ *string) { d.Number = s("411111111111111") }),
		"number with a space": register(func(_ *treasury.RegisterCard, d *treasury.CardDetails, _ *string) {
			d.Number = s("4111 1111 1111 1111")
		}),
		"code of two":         register(func(_ *treasury.RegisterCard, d *treasury.CardDetails, _ *string) { d.Code = s("12") }),
		"code of letters":     register(func(_ *treasury.RegisterCard, d *treasury.CardDetails, _ *string) { d.Code = s("12a") }),
		"month alone":         register(func(_ *treasury.RegisterCard, d *treasury.CardDetails, _ *string) { d.Expires = "04/29" }),
		"month thirteen":      register(func(_ *treasury.RegisterCard, d *treasury.CardDetails, _ *string) { d.Expires = "2029-13" }),
		"no first name":       register(func(_ *treasury.RegisterCard, d *treasury.CardDetails, _ *string) { d.Billing.FirstName = s("") }),
		"no city":             register(func(_ *treasury.RegisterCard, d *treasury.CardDetails, _ *string) { d.Billing.City = s("") }),
		"country in letters":  register(func(_ *treasury.RegisterCard, d *treasury.CardDetails, _ *string) { d.Billing.Country = s("USA") }),
		"city not UTF-8":      register(func(_ *treasury.RegisterCard, d *treasury.CardDetails, _ *string) { d.Billing.City = s("\xc3") }),
		"no holder's address": register(func(_ *treasury.RegisterCard, _ *treasury.CardDetails, a *string) { *a = "" }),
		"a host for address":  register(func(_ *treasury.RegisterCard, _ *treasury.CardDetails, a *string) { *a = "localhost" }),
		"no label":            register(func(r *treasury.RegisterCard, _ *treasury.CardDetails, _ *string) { r.Label = "" }),
		"six contacts": register(func(r *treasury.RegisterCard, _ *treasury.CardDetails, _ *string) {
			r.Contacts = make([]treasury.Contact, 6)
		}),
		"nothing to unregister": func(c *tango.Client) treasury.Answer {
			o := unregisterOrder()
			o.Action.UnregisterCard.Card.Token = ""
			return c.UnregisterCard(t.Context(), o)
		},
		"customer without a name": func(c *tango.Client) treasury.Answer {
			o := customerOrder()
			o.Action.CreateCustomer.Name = ""
			return c.CreateCustomer(t.Context(), o)
		},
		"account of nobody": func(c *tango.Client) treasury.Answer {
			o := accountOrder()
			o.Action.CreateAccount.Customer.ID = ".."
			return c.CreateAccount(t.Context(), o)
		},
		"account without an address": func(c *tango.Client) treasury.Answer {
			o := accountOrder()
			o.Action.CreateAccount.Email = ""
			return c.CreateAccount(t.Context(), o)
		},
		"update of nothing": func(c *tango.Client) treasury.Answer {
			o := updateOrder()
			u := o.Action.UpdateAccount
			u.Name, u.Email, u.Notify = nil, nil, nil
			return c.UpdateAccount(t.Context(), o)
		},
		"update to no name": func(c *tango.Client) treasury.Answer {
			o := updateOrder()
			o.Action.UpdateAccount.Name = new("")
			return c.UpdateAccount(t.Context(), o)
		},
		"update of the list": func(c *tango.Client) treasury.Answer {
			o := updateOrder()
			o.Action.UpdateAccount.Account.ID = ""
			return c.UpdateAccount(t.Context(), o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var answer treasury.Answer
			got := recorded(t, func(c *tango.Client) treasury.Answer { answer = call(c); return answer })
			if diff := cmp.Diff(treasury.Answer{Verdict: treasury.VerdictUnsent}, answer); diff != "" || len(got) != 0 {
				t.Errorf("%d calls; answer (-want +got):\n%s", len(got), diff)
			}
		})
	}
}
