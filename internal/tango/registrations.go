package tango

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// RegisterCard registers a card on an account: POST /creditCards. The card's number and code are revealed only while the
// body is drawn, into a buffer that is wiped when the call is over; no log line, error or answer has them.
func (c *Client) RegisterCard(ctx context.Context, order treasury.Order, card treasury.CardDetails, address string) treasury.Answer {
	return c.post(ctx, func() (string, []byte, error) {
		if err := checkRegistration(order, card, address); err != nil {
			return "", nil, err
		}
		return "/creditCards", registrationBody(order, card, address), nil
	}, func(s sent) treasury.Answer {
		a := judgeChange(s, conflictDoubt, func(f *fields, a *treasury.Answer) { judgeRegistered(order, card, f, a) })
		if strings.Contains(a.Request, card.Number.Reveal()) {
			a.Request = "" // whoever put it there
		}
		return a
	})
}

// checkRegistration refuses what can not be sent. Its errors name fields and never their content.
func checkRegistration(o treasury.Order, card treasury.CardDetails, address string) error {
	bad := func(field string) error { return fmt.Errorf("a card's %s: %w", field, treasury.ErrInvalid) }
	r, b := o.Action.RegisterCard, card.Billing
	if r == nil {
		return bad("fields")
	}
	texts := []string{r.Customer, r.Account.ID, r.Label}
	for _, p := range r.Contacts {
		texts = append(texts, p.Name, p.Email)
	}
	for _, s := range []treasury.Secret{
		b.FirstName, b.LastName, b.Line1, b.Line2, b.City, b.State, b.PostalCode, b.Country, b.Email,
	} {
		texts = append(texts, s.Reveal())
	}
	if err := checkOrderKind(o, treasury.ActionRegisterCard, texts...); err != nil {
		return err
	}
	code := card.Code.Reveal()
	switch {
	case r.Customer == "" || r.Account.ID == "":
		return bad("account")
	case r.Label == "":
		return bad("label")
	case len(r.Contacts) > treasury.MaxContacts:
		return bad("contacts")
	case !treasury.IsCardNumber(card.Number.Reveal()):
		return bad("number")
	case len(code) < 3 || len(code) > 4 || strings.Trim(code, "0123456789") != "":
		return bad("code")
	case len(b.Country.Reveal()) != 2:
		return bad("country")
	}
	if _, err := time.Parse("2006-01", card.Expires); err != nil {
		return bad("month")
	}
	if _, err := netip.ParseAddr(address); err != nil {
		return bad("holder's address on the net")
	}
	for _, s := range []treasury.Secret{b.FirstName, b.LastName, b.Line1, b.City, b.State, b.PostalCode, b.Email} {
		if !s.IsSet() {
			return bad("billing address")
		}
	}
	return nil
}

// registrationBody draws a registration. Tango's table prints ipAdress and adressLine1; its sample, the reference and all
// recorded traffic have ipAddress and addressLine1.
func registrationBody(o treasury.Order, card treasury.CardDetails, address string) []byte {
	r, a := o.Action.RegisterCard, card.Billing
	size := len(r.Customer) + len(r.Account.ID) + len(r.Label) + len(address) + len(card.Expires)
	for _, s := range []treasury.Secret{
		card.Number, card.Code, a.FirstName, a.LastName, a.Line1, a.Line2, a.City, a.State, a.PostalCode, a.Country, a.Email,
	} {
		size += len(s.Reveal())
	}
	for _, p := range r.Contacts {
		size += len(p.Name) + len(p.Email) + 50 // the names of its fields
	}
	b := newDrawing(size)
	b.open("", '{')
	b.text("customerIdentifier", r.Customer)
	b.text("accountIdentifier", r.Account.ID)
	b.text("ipAddress", address)
	b.text("label", r.Label)
	b.open("creditCard", '{')
	b.text("number", card.Number.Reveal())
	b.text("expiration", card.Expires)
	b.text("verificationNumber", card.Code.Reveal())
	b.shut('}')
	b.open("billingAddress", '{')
	b.text("firstName", a.FirstName.Reveal())
	b.text("lastName", a.LastName.Reveal())
	b.text("addressLine1", a.Line1.Reveal())
	b.textIf("addressLine2", a.Line2.Reveal())
	b.text("city", a.City.Reveal())
	b.text("state", a.State.Reveal())
	b.text("postalCode", a.PostalCode.Reveal())
	b.text("country", a.Country.Reveal())
	b.text("emailAddress", a.Email.Reveal())
	b.shut('}')
	if len(r.Contacts) > 0 {
		b.open("contactInformation", '[')
		for _, p := range r.Contacts {
			b.open("", '{')
			b.text("fullName", p.Name)
			b.text("emailAddress", p.Email)
			b.shut('}')
		}
		b.shut(']')
	}
	b.shut('}')
	return b.b
}

// judgeRegistered compares a registered card with the order. Its createdDate is not looked at: whether a card that was
// registered before gets a new token or its old one is not known, and either will do.
func judgeRegistered(o treasury.Order, card treasury.CardDetails, f *fields, a *treasury.Answer) {
	r, number := o.Action.RegisterCard, card.Number.Reveal()
	got := readCard(f)
	if f.failed() != nil {
		return
	}
	if holds(got, number) {
		f.fail("creditCard", "is in the answer") // and must go no further
		return
	}
	a.Verdict = treasury.VerdictDone
	a.Mismatch = firstMisfit(
		compared{"customerIdentifier", got.Customer == r.Customer},
		compared{"accountIdentifier", got.Account == r.Account.ID},
		compared{"lastFourDigits", got.LastFour == number[len(number)-4:]},
		compared{"label", got.Label == r.Label},
		compared{"expirationDate", got.Expires == card.Expires},
	)
	if a.Mismatch == "" {
		a.Card = &got
	}
}

// holds reports whether a card's number stands in any of the card's texts.
func holds(c treasury.Card, number string) bool {
	texts := []string{c.Token, c.Label, string(c.Status), c.Customer, c.Account, c.AccountNumber, c.Expires}
	for _, p := range c.Contacts {
		texts = append(texts, p.Name, p.Email)
	}
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, number) })
}

// UnregisterCard removes a card for good: POST /creditCardUnregisters. A second call for the same card is refused
// (422.002), so it is judged like any other, and never sent again.
func (c *Client) UnregisterCard(ctx context.Context, order treasury.Order) treasury.Answer {
	return c.post(ctx, func() (string, []byte, error) {
		body, err := unregisterBody(order)
		return "/creditCardUnregisters", body, err
	}, func(s sent) treasury.Answer {
		return judgeChange(s, conflictDoubt, func(f *fields, a *treasury.Answer) {
			u := order.Action.UnregisterCard
			a.Verdict, a.Mismatch = treasury.VerdictDone, firstMisfit(f.repeats("token", u.Card.Token))
			if a.Mismatch == "" {
				a.Card = &treasury.Card{
					Token: u.Card.Token, Label: u.Card.Label, LastFour: u.Card.LastFour, Expires: u.Card.Expires,
					Status: treasury.CardDeleted, Customer: u.Customer, Account: u.Account.ID, AccountNumber: u.Account.Number,
				}
			}
		})
	})
}

func unregisterBody(o treasury.Order) ([]byte, error) {
	u := o.Action.UnregisterCard
	if u == nil || u.Customer == "" || u.Account.ID == "" || u.Card.Token == "" {
		return nil, fmt.Errorf("a removal's fields: %w", treasury.ErrInvalid)
	}
	if err := checkOrderKind(o, treasury.ActionUnregisterCard, u.Customer, u.Account.ID, u.Card.Token); err != nil {
		return nil, err
	}
	b := newDrawing(len(u.Customer) + len(u.Account.ID) + len(u.Card.Token))
	b.open("", '{')
	b.text("customerIdentifier", u.Customer)
	b.text("accountIdentifier", u.Account.ID)
	b.text("creditCardToken", u.Card.Token)
	b.shut('}')
	return b.b, nil
}
