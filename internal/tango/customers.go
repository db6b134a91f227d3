package tango

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Customer reads one customer with its accounts: GET /customers/{customerIdentifier}.
func (c *Client) Customer(ctx context.Context, id string) (treasury.Customer, error) {
	return one(ctx, c, "customer", "/customers", id, readCustomer, func(found treasury.Customer) bool { return strings.EqualFold(found.ID, id) })
}

// Customers reads a page of customers: GET /customers. Every filter is applied by Tango. The pages list the paging
// parameters there but only a bare list as the answer, so both are read (see readPage).
func (c *Client) Customers(ctx context.Context, q treasury.CustomerQuery) (treasury.CustomerPage, error) {
	fail := func(err error) (treasury.CustomerPage, error) {
		return treasury.CustomerPage{}, fmt.Errorf("reading customers: %w", err)
	}
	query := customerFilters(q)
	if err := paging(query, q.Window); err != nil {
		return fail(err)
	}
	answer, err := c.read(ctx, "/customers", query)
	if err != nil {
		return fail(err)
	}
	p, err := readPage(answer, q.Window, readCustomer, func(c treasury.Customer) string { return c.ID })
	if err != nil {
		return fail(err)
	}
	return treasury.CustomerPage{Customers: p.items, Next: p.next, Prev: p.prev, ReadAt: c.config.Clock()}, nil
}

func customerFilters(q treasury.CustomerQuery) url.Values {
	v := url.Values{}
	set(v, "displayName", q.Name)
	set(v, "status", q.Status)
	setTime(v, "customerMinDateCreatedAt", q.CreatedFrom)
	setTime(v, "customerMaxDateCreatedAt", q.CreatedTo)
	set(v, "accountIdentifier", q.AccountID)
	set(v, "accountNumber", q.AccountNumber)
	set(v, "accountDisplayName", q.AccountName)
	set(v, "accountStatus", string(q.AccountStatus))
	setTime(v, "accountMinDateCreatedAt", q.AccountCreatedFrom)
	setTime(v, "accountMaxDateCreatedAt", q.AccountCreatedTo)
	return v
}

func readCustomer(f *fields) treasury.Customer {
	c := treasury.Customer{ID: f.text("customerIdentifier")}
	c.Name, _ = f.optional("displayName")
	c.Status, _ = f.optional("status")
	c.Created = f.optionalMoment("createdAt")
	c.Accounts = readEach(f.objects("accounts"), readSummary)
	return c
}
