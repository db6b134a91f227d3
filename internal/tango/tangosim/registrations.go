package tangosim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"time"
)

// maxCards is how many cards an account takes at a time.
const maxCards = 10

// codeLength gives the length of the security code of the cards that the sandbox takes; others are refused.
func codeLength(number string) (int, bool) {
	switch number {
	case "4111111111111111", "5555555555554444", "6011111111111117":
		return 3, true
	case "378282246310005":
		return 4, true
	}
	return 0, false
}

// registration is what a card's holder gives. It lives for one call.
type registration struct {
	customer, account, label, number, code, expires string
	contacts                                        []contact
}

func (s *Sim) postCard(c *call) {
	in, ok := c.object()
	if !ok {
		return
	}
	r := readRegistration(in, c.now)
	if in.refuse(c) {
		return
	}
	a := s.account(r.account)
	length, known := codeLength(r.number)
	switch {
	case s.customer(r.customer) == nil:
		c.fail(http.StatusBadRequest, "404.002", "Customer is not on this platform")
	case a == nil:
		c.fail(http.StatusBadRequest, "404.003", "Account not found")
	case a.Customer != r.customer:
		c.fail(http.StatusBadRequest, "404.020", "Account is not under that customer")
	case a.Status != "ACTIVE":
		c.fail(http.StatusBadRequest, "422.156", "Account must have status ACTIVE")
	case s.activeCards(r.account) >= maxCards:
		c.fail(http.StatusBadRequest, "422.050", "The account has 10 cards already")
	case !known:
		c.fail(http.StatusBadRequest, "402.051", "Credit card authorization failed")
	case len(r.code) != length:
		c.invalid("creditCard.verificationNumber", "422.118", "does not fit the card", "")
	default:
		k := &card{
			Token: newToken(), Customer: r.customer, Account: r.account, Label: r.label, LastFour: r.number[len(r.number)-4:],
			Expires: r.expires, Status: "ACTIVE", CreatedAt: c.now, ActiveFrom: c.now.Add(s.config.ActivationDelay), Contacts: r.contacts,
		}
		k.assertForgotten(r)
		s.state.Cards = append(s.state.Cards, k)
		s.changed()
		c.json(http.StatusCreated, s.wireCard(k))
	}
}

// readRegistration checks the fields as Tango does. It answers invalid values back, a card's number among them, because
// the error form of the service does.
func readRegistration(in *input, now time.Time) registration {
	r := registration{
		customer: in.identifier("customerIdentifier"), account: in.identifier("accountIdentifier"), label: in.text("label"),
	}
	if _, err := netip.ParseAddr(in.text("ipAddress")); err != nil {
		in.breaks("ipAddress", "400.009", "not an IP address", "")
	}
	card := in.inner("creditCard")
	r.number, r.expires, r.code = card.text("number"), card.text("expiration"), card.text("verificationNumber")
	switch {
	case strings.Trim(r.number, "0123456789") != "":
		card.breaks("number", "400.009", "digits only", r.number)
	case strings.Contains(r.label, r.number) && r.number != "":
		in.breaks("label", "400.001", "must not hold the card's number", "")
	}
	if len(r.code) < 3 || len(r.code) > 4 || strings.Trim(r.code, "0123456789") != "" {
		card.breaks("verificationNumber", "422.118", "3 or 4 digits", r.code)
	}
	month, err := time.Parse("2006-01", r.expires)
	switch {
	case !monthForm.MatchString(r.expires) || err != nil:
		card.breaks("expiration", "422.121", `must match \d{4}-\d{2}`, r.expires)
	case !now.Before(month.AddDate(0, 1, 0)):
		card.breaks("expiration", "422.121", "must be in the future", r.expires)
	}
	billing := in.inner("billingAddress")
	for _, name := range []string{"firstName", "lastName", "addressLine1", "city", "state", "postalCode"} {
		billing.text(name)
	}
	if country := billing.text("country"); len(country) != 2 {
		billing.breaks("country", "422.126", "2 letters", country)
	}
	r.contacts = []contact{{Name: billing.optional("firstName") + " " + billing.optional("lastName"), Email: billing.email("emailAddress")}}
	more := in.list("contactInformation")
	if len(more) > 5 {
		in.breaks("contactInformation", "422.136", "0 to 5 entries", "")
	}
	for _, p := range more {
		r.contacts = append(r.contacts, contact{Name: p.text("fullName"), Email: p.email("emailAddress")})
	}
	return r
}

func (s *Sim) activeCards(account string) int {
	n := 0
	for _, k := range s.state.Cards {
		if k.Account == account && k.Status == "ACTIVE" {
			n++
		}
	}
	return n
}

// assertForgotten panics when what will be kept holds the card's number, or its code as a value.
func (k *card) assertForgotten(r registration) {
	kept, err := json.Marshal(k)
	if err != nil || bytes.Contains(kept, []byte(r.number)) || bytes.Contains(kept, []byte(`"`+r.code+`"`)) {
		panic("the simulation must not keep a card")
	}
}

// cardFields are the members of a registration that hold a card's secrets, whatever their values look like.
var cardFields = regexp.MustCompile(`"(number|verificationNumber)"\s*:\s*("(?:[^"\\]|\\.)*"|[-+.0-9eE]+)`)

// forgetful gives a request's body for Received: of a registration without number and code, wherever the number stands. A
// body that is not JSON is not kept at all.
func forgetful(pattern string, body []byte) string {
	if pattern != "POST /creditCards" {
		return string(body)
	}
	if !json.Valid(body) {
		return "(not JSON)"
	}
	kept := cardFields.ReplaceAllString(string(body), `"$1":"****"`)
	for _, field := range cardFields.FindAllStringSubmatch(string(body), -1) {
		if value := strings.Trim(field[2], `"`); len(value) > 4 { // a code's digits stand in many places by chance
			kept = strings.ReplaceAll(kept, value, "****")
		}
	}
	return kept
}
