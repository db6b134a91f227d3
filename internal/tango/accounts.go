package tango

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// Account reads one account: GET /accounts/{accountIdentifier}.
func (c *Client) Account(ctx context.Context, id string) (treasury.Account, error) {
	// Whether case counts in identifiers is not known.
	return one(ctx, c, "account", "/accounts", id, readAccount, func(found treasury.Account) bool { return strings.EqualFold(found.ID, id) })
}

// Accounts reads a page of accounts, of the platform (GET /accounts) or of one customer (GET /customers/{c}/accounts).
// Every filter is applied by Tango.
func (c *Client) Accounts(ctx context.Context, q treasury.AccountQuery) (treasury.AccountPage, error) {
	fail := func(err error) (treasury.AccountPage, error) {
		return treasury.AccountPage{}, fmt.Errorf("reading accounts: %w", err)
	}
	path := "/accounts"
	if q.Customer != "" {
		customer, err := identifierPath("/customers", q.Customer)
		if err != nil {
			return fail(err)
		}
		path = customer + path
	}
	query := accountFilters(q)
	if err := paging(query, q.Window); err != nil {
		return fail(err)
	}
	answer, err := c.read(ctx, path, query)
	if err != nil {
		return fail(err)
	}
	p, err := readPage(answer, q.Window, readAccount, func(a treasury.Account) string { return a.ID })
	if err != nil {
		return fail(err)
	}
	return treasury.AccountPage{Accounts: p.items, Next: p.next, Prev: p.prev, ReadAt: c.config.Clock()}, nil
}

// accountFilters names the filters as Tango does. An array is a parameter repeated, as OpenAPI has it where nothing
// else is said.
func accountFilters(q treasury.AccountQuery) url.Values {
	v := url.Values{}
	set(v, "accountNumber", q.Number)
	set(v, "displayName", q.Name)
	set(v, "contactEmail", q.Email)
	set(v, "status", string(q.Status))
	for _, address := range q.NotifyEmails {
		v.Add("fundingNotificationEmail", address)
	}
	for _, currency := range q.Currencies {
		v.Add("currencyCode", string(currency))
	}
	if q.MinBalance != nil {
		v.Set("minBalance", q.MinBalance.Decimal())
	}
	if q.MaxBalance != nil {
		v.Set("maxBalance", q.MaxBalance.Decimal())
	}
	setTime(v, "minDateCreatedAt", q.CreatedFrom)
	setTime(v, "maxDateCreatedAt", q.CreatedTo)
	return v
}

// readAccount reads an account with its balance. Without an exact balance or a currency it is of no use.
func readAccount(f *fields) treasury.Account {
	a := readSummary(f)
	if !a.Currency.IsValid() {
		f.fail("currencyCode", "not a currency")
	}
	a.Balance = f.amount("currentBalance", a.Currency)
	a.Email, _ = f.optional("contactEmail")
	for _, n := range f.objects("fundingNotification") {
		if address, ok := n.optional("emailAddress"); ok {
			a.Notify = append(a.Notify, address)
		}
	}
	return a
}

// readSummary reads an account as a customer lists it: without a balance, and in older answers without a currency.
func readSummary(f *fields) treasury.Account {
	a := treasury.Account{ID: f.text("accountIdentifier"), Status: treasury.AccountStatus(f.text("status"))}
	a.Number, _ = f.optional("accountNumber")
	a.Name, _ = f.optional("displayName")
	currency, _ := f.optional("currencyCode")
	a.Currency = money.Currency(currency)
	a.Created = f.optionalMoment("createdAt")
	return a
}
