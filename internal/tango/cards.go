package tango

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Card reads one card: GET /creditCards/{token}. A removed one can still be read; its status tells.
func (c *Client) Card(ctx context.Context, token string) (treasury.Card, error) {
	return one(ctx, c, "card", "/creditCards", token, readCard, func(found treasury.Card) bool { return found.Token == token })
}

// Cards reads a page of cards: GET /creditCards. Every filter is applied by Tango. The answer is a page object or a bare
// list (see readPage).
func (c *Client) Cards(ctx context.Context, q treasury.CardQuery) (treasury.CardPage, error) {
	fail := func(err error) (treasury.CardPage, error) {
		return treasury.CardPage{}, fmt.Errorf("reading cards: %w", err)
	}
	query := cardFilters(q)
	if err := paging(query, q.Window); err != nil {
		return fail(err)
	}
	answer, err := c.read(ctx, "/creditCards", query)
	if err != nil {
		return fail(err)
	}
	p, err := readPage(answer, q.Window, readCard, func(c treasury.Card) string { return c.Token })
	if err != nil {
		return fail(err)
	}
	return treasury.CardPage{Cards: p.items, Next: p.next, Prev: p.prev, ReadAt: c.config.Clock()}, nil
}

// cardFilters names the filters as Tango does. showInactive is a string at Tango, "true" or "false", and false when it is
// left out; a status overrides it.
func cardFilters(q treasury.CardQuery) url.Values {
	v := url.Values{}
	if q.All {
		v.Set("showInactive", "true")
	}
	set(v, "customerIdentifier", q.Customer)
	set(v, "accountIdentifier", q.Account)
	set(v, "accountNumber", q.AccountNumber)
	set(v, "token", q.Token)
	set(v, "expirationDate", q.Expires)
	set(v, "status", string(q.Status))
	set(v, "emailAddress", q.Email)
	set(v, "fullName", q.Name)
	set(v, "label", q.Label)
	set(v, "lastFourDigits", q.LastFour)
	return v
}

// readCard reads a card. Its token, state and place must be there. The digits must be four: a longer row of them might be
// a card's number, which has no business here.
func readCard(f *fields) treasury.Card {
	c := treasury.Card{
		Token: f.text("token"), LastFour: f.text("lastFourDigits"), Status: treasury.CardStatus(f.text("status")),
		Customer: f.text("customerIdentifier"), Account: f.text("accountIdentifier"),
	}
	if c.Token == "" || len(c.Token) > 255 {
		f.fail("token", "not a token")
	}
	if len(c.LastFour) != 4 || strings.Trim(c.LastFour, "0123456789") != "" {
		f.fail("lastFourDigits", "not four digits")
	}
	c.Label, _ = f.optional("label")
	c.Expires, _ = f.optional("expirationDate")
	c.AccountNumber, _ = f.optional("accountNumber")
	c.Created = f.optionalMoment("createdDate")
	if _, ok := f.optional("activationDate"); ok { // one that can not be read must not pass for "at once"
		c.ActiveFrom = f.moment("activationDate")
	}
	for _, p := range f.objects("contactInformation") {
		var contact treasury.Contact
		contact.Name, _ = p.optional("fullName")
		contact.Email, _ = p.optional("emailAddress")
		c.Contacts = append(c.Contacts, contact)
	}
	return c
}
