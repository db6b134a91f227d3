package treasury

import (
	"time"
)

// Card is a registered card as Tango tells it. Its number is known to nobody here.
type Card struct {
	Token         string     `json:"token"` // Tango's handle, a UUID as far as seen
	Label         string     `json:"label"`
	LastFour      string     `json:"last_four"`
	Expires       string     `json:"expires"` // YYYY-MM
	Status        CardStatus `json:"status"`
	Customer      string     `json:"customer"`
	Account       string     `json:"account"` // account id
	AccountNumber string     `json:"account_number,omitempty"`
	Contacts      []Contact  `json:"contacts,omitempty"`
	Created       time.Time  `json:"created,omitzero"`
	ActiveFrom    time.Time  `json:"active_from,omitzero"` // activationDate: no deposit before it
}

// CardStatus is Tango's word for a card's state. The list is open.
type CardStatus string

// The statuses of Tango's pages.
const (
	CardActive  CardStatus = "ACTIVE"
	CardDeleted CardStatus = "DELETED"
)

// Contact gets receipts of a card's deposits.
type Contact struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// CardRef names a card as the requester and the approvers saw it. Token alone is authority.
type CardRef struct {
	Token    string `json:"token"`
	Label    string `json:"label,omitempty"`
	LastFour string `json:"last_four,omitempty"`
	Expires  string `json:"expires,omitempty"`
}

// Ref gives the card's reference.
func (c Card) Ref() CardRef {
	return CardRef{Token: c.Token, Label: c.Label, LastFour: c.LastFour, Expires: c.Expires}
}

// MaxCards is how many cards an account takes (Tango: 422.050; its newest page says per platform).
const MaxCards = 10

// Usable tells whether a deposit from the card can be tried now, or why not.
func (c Card) Usable(now time.Time) Reason {
	switch {
	case c.Status != CardActive:
		return ReasonCardGone
	case c.HasExpired(now):
		return ReasonCardExpired
	case now.Before(c.ActiveFrom):
		return ReasonCardNotActive
	}
	return ReasonNone
}

// HasExpired reports whether the month on the card is over. An unreadable date has not: Tango decides.
func (c Card) HasExpired(now time.Time) bool {
	month, err := time.Parse("2006-01", c.Expires)
	return err == nil && !now.UTC().Before(month.AddDate(0, 1, 0))
}

// CardQuery filters on Tango's side; empty fields do not filter.
type CardQuery struct {
	All           bool // deleted ones too (showInactive)
	Customer      string
	Account       string
	AccountNumber string
	Token         string
	Expires       string // YYYY-MM
	Status        CardStatus
	Email         string
	Name          string // fullName of a contact
	Label         string
	LastFour      string
	Window        Window
}

// CardPage is one page of cards.
type CardPage struct {
	Cards      []Card
	Next, Prev string
	ReadAt     time.Time
}

// CardDetails are a card as its holder types it on Tangobot's page. They live in memory for one call and are never
// stored; every way of printing them is redacted.
type CardDetails struct {
	Number  Secret
	Code    Secret // CVV, three or four digits
	Expires string // YYYY-MM
	Billing BillingAddress
}

// BillingAddress is where the card's statements go. It is personal, so it is not printed either.
type BillingAddress struct {
	FirstName, LastName, Line1, Line2, City, State, PostalCode, Country, Email Secret
}

// IsEmail reports whether text is a bare address that Tango would be sent: one with a dot in its domain, of at most MaxEmail
// bytes, and without a card's number in it.
func IsEmail(text string) bool { return len(text) <= MaxEmail && isEmail(text) }
