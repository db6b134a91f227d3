package tangosim

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// card is a registered card. What is kept of its number are the last four digits, as Tango shows them.
type card struct {
	Token      string    `json:"token"`
	Customer   string    `json:"customer"`
	Account    string    `json:"account"`
	Label      string    `json:"label"`
	LastFour   string    `json:"last_four"`
	Expires    string    `json:"expires"` // YYYY-MM
	Status     string    `json:"status"`
	CreatedAt  time.Time `json:"created_at"`
	ActiveFrom time.Time `json:"active_from"`
	Contacts   []contact `json:"contacts"`
}

type contact struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// wireCard is a card as Tango answers it.
type wireCard struct {
	Customer   string        `json:"customerIdentifier"`
	Account    string        `json:"accountIdentifier"`
	Token      string        `json:"token"`
	Label      string        `json:"label"`
	LastFour   string        `json:"lastFourDigits"`
	Expires    string        `json:"expirationDate"`
	Status     string        `json:"status"`
	CreatedAt  string        `json:"createdDate"`
	ActiveFrom string        `json:"activationDate"`
	Contacts   []wireContact `json:"contactInformation"`
	Number     string        `json:"accountNumber"`
	Added      string        `json:"loyaltyTier"`
}

type wireContact struct {
	Name  string `json:"fullName"`
	Email string `json:"emailAddress"`
}

func (s *Sim) wireCard(k *card) wireCard {
	w := wireCard{
		Customer: k.Customer, Account: k.Account, Token: k.Token, Label: k.Label, LastFour: k.LastFour, Expires: k.Expires,
		Status: k.Status, CreatedAt: stamp(k.CreatedAt), ActiveFrom: stamp(k.ActiveFrom), Contacts: []wireContact{}, Added: "none",
	}
	if a := s.account(k.Account); a != nil {
		w.Number = a.Number
	}
	for _, p := range k.Contacts {
		w.Contacts = append(w.Contacts, wireContact(p))
	}
	return w
}

func (s *Sim) card(token string) *card {
	i := slices.IndexFunc(s.state.Cards, func(k *card) bool { return k.Token == token })
	if i < 0 {
		return nil
	}
	return s.state.Cards[i]
}

// expired holds from the first moment after the month on the card.
func (k *card) expired(now time.Time) bool {
	month, err := time.Parse("2006-01", k.Expires)
	return err != nil || !now.Before(month.AddDate(0, 1, 0))
}

// newToken gives a UUID, as recorded tokens are.
func newToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (s *Sim) getCard(c *call) {
	k := s.card(c.r.PathValue("token"))
	if k == nil {
		c.fail(http.StatusNotFound, "404.022", "Credit card not found")
		return
	}
	c.json(http.StatusOK, s.wireCard(k))
}

// listCards shows active cards, unless showInactive or a status says otherwise.
func (s *Sim) listCards(c *call) {
	q := c.r.URL.Query()
	show, status := q.Get("showInactive"), q.Get("status")
	switch {
	case show != "" && show != "true" && show != "false":
		c.invalid("showInactive", "422.501", "true or false", show)
		return
	case status != "" && status != "ACTIVE" && status != "DELETED":
		c.invalid("status", "422.501", "Status is not known", status)
		return
	case q.Get("expirationDate") != "" && !monthForm.MatchString(q.Get("expirationDate")):
		c.invalid("expirationDate", "422.121", "must be YYYY-MM", q.Get("expirationDate"))
		return
	}
	is := func(name, value string) bool { return q.Get(name) == "" || q.Get(name) == value }
	holds := func(text, part string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(part)) }
	var found []item
	for i, k := range s.state.Cards {
		w := s.wireCard(k)
		switch {
		case status == "" && show != "true" && k.Status != "ACTIVE", !is("status", k.Status):
		case !is("accountNumber", w.Number), !is("accountIdentifier", k.Account), !is("customerIdentifier", k.Customer):
		case !is("token", k.Token), !is("expirationDate", k.Expires), !is("lastFourDigits", k.LastFour), !holds(k.Label, q.Get("label")):
		case !k.hasContact(func(p contact) bool {
			return (q.Get("emailAddress") == "" || strings.EqualFold(p.Email, q.Get("emailAddress"))) && holds(p.Name, q.Get("fullName"))
		}) && q.Get("emailAddress")+q.Get("fullName") != "":
		default:
			found = append(found, item{order: i, value: w})
		}
	}
	s.page(c, found)
}

func (k *card) hasContact(fits func(contact) bool) bool { return slices.ContainsFunc(k.Contacts, fits) }

// postUnregister removes a card for good. A second time is refused like a card that never was.
func (s *Sim) postUnregister(c *call) {
	in, ok := c.object()
	if !ok {
		return
	}
	customer, account, token := in.text("customerIdentifier"), in.text("accountIdentifier"), in.text("creditCardToken")
	if in.refuse(c) {
		return
	}
	k := s.card(token)
	if k == nil || k.Status != "ACTIVE" || k.Customer != customer || k.Account != account {
		c.fail(http.StatusBadRequest, "422.002", "Credit card to unregister is unknown, or its details are wrong")
		return
	}
	k.Status = "DELETED"
	s.changed()
	c.json(http.StatusOK, map[string]any{"token": token, "message": "Credit card unregistered", "createdDate": stamp(c.now)})
}

// Card is a card as a test or the playground's page looks at it.
type Card struct {
	Token, Customer, Account, Label, LastFour, Expires, Status string
	CreatedAt, ActiveFrom                                      time.Time
}

// AddCard registers a card past all checks and gives its token; an empty Token is a new one, an empty Status is ACTIVE, an
// empty Customer is the account's.
func (s *Sim) AddCard(k Card) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.Token == "" {
		k.Token = newToken()
	}
	if k.Status == "" {
		k.Status = "ACTIVE"
	}
	if a := s.account(k.Account); a != nil && k.Customer == "" {
		k.Customer = a.Customer
	}
	s.state.Cards = append(s.state.Cards, &card{
		Token: k.Token, Customer: k.Customer, Account: k.Account, Label: k.Label, LastFour: k.LastFour, Expires: k.Expires,
		Status: k.Status, CreatedAt: k.CreatedAt, ActiveFrom: k.ActiveFrom,
		Contacts: []contact{{Name: "Finance Team", Email: "finance@acme.example"}},
	})
	s.changed()
	return k.Token
}

// Cards gives all cards, removed ones too, oldest first.
func (s *Sim) Cards() []Card {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Card, len(s.state.Cards))
	for i, k := range s.state.Cards {
		list[i] = Card{
			Token: k.Token, Customer: k.Customer, Account: k.Account, Label: k.Label, LastFour: k.LastFour, Expires: k.Expires,
			Status: k.Status, CreatedAt: k.CreatedAt, ActiveFrom: k.ActiveFrom,
		}
	}
	return list
}

// SetCardStatus changes a card's status: Tango removes cards at its own discretion too.
func (s *Sim) SetCardStatus(token, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.card(token); k != nil {
		k.Status = status
	}
	s.changed()
}

// demoCards belong to Demo: one card that funds, one of another brand, and one whose month is over.
func (s *Sim) demoCards() {
	made := time.Date(2024, time.September, 3, 14, 5, 9, 120_000_000, time.UTC)
	for _, k := range []Card{
		{Token: demoToken(1), Account: "employee-rewards", Label: "Corporate Visa", LastFour: "1111", Expires: "2031-12"},
		{Token: demoToken(2), Account: "marketing-us", Label: "Marketing Amex", LastFour: "0005", Expires: "2030-06"},
		{Token: demoToken(3), Account: "employee-rewards", Label: "Old Mastercard", LastFour: "4444", Expires: "2025-01"},
	} {
		k.CreatedAt, k.ActiveFrom = made, made
		s.AddCard(k)
	}
}

// demoToken gives the tokens of the demo's cards, which stay the same.
func demoToken(n int) string { return fmt.Sprintf("0b1d6c1e-3f52-4a9e-9a37-5d0c4f7e1a%02d", n) }
