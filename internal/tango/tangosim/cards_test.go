package tangosim_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

func TestRegisterCard(t *testing.T) {
	t.Parallel()
	b := newBench(func(c *tangosim.Config) { c.ActivationDelay = 72 * time.Hour })
	got := b.say(t, "POST /creditCards", register)
	token, _ := got.body["token"].(string)
	if got.status != 201 || len(token) != 36 || got.body["lastFourDigits"] != "1111" || got.body["status"] != "ACTIVE" ||
		got.body["createdDate"] != "2026-03-02T10:00:00.28Z" || got.body["activationDate"] != "2026-03-05T10:00:00.28Z" ||
		got.body["expirationDate"] != "2027-12" || got.body["accountNumber"] != "A10000001" {
		t.Errorf("%d %v", got.status, got.body)
	}
	if people, _ := got.body["contactInformation"].([]any); len(people) != 2 { // the billing address's own, and the one given
		t.Errorf("contacts %v", people)
	}
	again := b.again(t)
	if read := again.say(t, "GET /creditCards/"+token, ""); read.status != 200 || read.body["label"] != "Test Card" {
		t.Errorf("after a restart: %d %v", read.status, read.body)
	}
	if other, _ := b.say(t, "POST /creditCards", register).body["token"].(string); other == token {
		t.Error("two registrations have one token")
	}
}

func TestSandboxCards(t *testing.T) {
	t.Parallel()
	for number, code := range map[string]string{
		"4111111111111111": "123", "5555555555554444": "123", "6011111111111117": "123", "378282246310005": "1234",
	} {
		b := newBench(nil)
		body := with(t, register, "creditCard.number", number)
		if got := b.say(t, "POST /creditCards", with(t, body, "creditCard.verificationNumber", code)); got.status != 201 {
			t.Errorf("%s: %d %s", number, got.status, got.key)
		}
		wrong := "1234"
		if code == wrong {
			wrong = "123"
		}
		if got := b.say(t, "POST /creditCards", with(t, body, "creditCard.verificationNumber", wrong)); got.status != 400 || got.key != "422.118" {
			t.Errorf("%s with %s: %d %s", number, wrong, got.status, got.key)
		}
	}
}

func TestRefusedCards(t *testing.T) {
	t.Parallel()
	person := func(n int) []any {
		var list []any
		for range n {
			list = append(list, map[string]any{"fullName": "Ada", "emailAddress": "ada@acme.example"})
		}
		return list
	}
	refuse(t, "POST /creditCards", register, []refusal{
		{"no customer", "customerIdentifier", nil, 400, "422.128", "customerIdentifier"},
		{"short customer", "customerIdentifier", "abcd", 400, "422.501", "customerIdentifier"},
		{"unknown customer", "customerIdentifier", "nobody", 400, "404.002", ""},
		{"unknown account", "accountIdentifier", "nobody", 400, "404.003", ""},
		{"another's account", "accountIdentifier", "uk-rewards", 400, "404.020", ""},
		{"frozen account", "accountIdentifier", "holiday-gifts", 400, "422.156", ""},
		{"the table's typo", "ipAddress", nil, 400, "422.128", "ipAddress"},
		{"no net address", "ipAddress", "here", 400, "400.009", "ipAddress"},
		{"empty label", "label", "", 400, "422.135", "label"},
		{"label with the number", "label", "my 4111111111111111", 400, "400.001", "label"},
		{"another number", "creditCard.number", "4242424242424242", 400, "402.051", ""},
		{"number with spaces", "creditCard.number", "4111 1111 1111 1111", 400, "400.009", "creditCard.number"},
		{"number as a number", "creditCard.number", 4111111111111111, 400, "400.009", "creditCard.number"},
		{"no number", "creditCard.number", nil, 400, "422.128", "creditCard.number"},
		{"two digits", "creditCard.verificationNumber", "12", 400, "422.118", "creditCard.verificationNumber"},
		{"month first", "creditCard.expiration", "12-2027", 400, "422.121", "creditCard.expiration"},
		{"month thirteen", "creditCard.expiration", "2027-13", 400, "422.121", "creditCard.expiration"},
		{"last month", "creditCard.expiration", "2026-02", 400, "422.121", "creditCard.expiration"},
		{"no card", "creditCard", nil, 400, "422.128", "creditCard"},
		{"no address", "billingAddress", nil, 400, "422.128", "billingAddress"},
		{"the other typo", "billingAddress.addressLine1", nil, 400, "422.128", "billingAddress.addressLine1"},
		{"empty city", "billingAddress.city", "", 400, "422.135", "billingAddress.city"},
		{"country in letters", "billingAddress.country", "USA", 400, "422.126", "billingAddress.country"},
		{"no mail", "billingAddress.emailAddress", "first", 400, "422.134", "billingAddress.emailAddress"},
		{"six contacts", "contactInformation", person(6), 400, "422.136", "contactInformation"},
		{"contact without mail", "contactInformation", []any{map[string]any{"fullName": "Ada"}}, 400, "422.128", "contactInformation[].emailAddress"},
	}, nil)
	for name, change := range map[string]func(string) string{
		"this month":      func(s string) string { return with(t, s, "creditCard.expiration", "2026-03") },
		"five contacts":   func(s string) string { return with(t, s, "contactInformation", person(5)) },
		"no contacts":     func(s string) string { return with(t, s, "contactInformation", nil) },
		"no second line":  func(s string) string { return with(t, s, "billingAddress.addressLine2", nil) },
		"an added member": func(s string) string { return with(t, s, "creditCard.holder", "x") },
	} {
		if got := newBench(nil).say(t, "POST /creditCards", change(register)); got.status != 201 {
			t.Errorf("%s: %d %s %s", name, got.status, got.key, got.path)
		}
	}
}

func TestTenCards(t *testing.T) {
	t.Parallel()
	b := newBench(nil)
	for i := range 10 {
		b.sim.AddCard(tangosim.Card{Account: "marketing-events", Label: strconv.Itoa(i), LastFour: "1111", Expires: "2030-01"})
	}
	body := with(t, register, "accountIdentifier", "marketing-events")
	if got := b.say(t, "POST /creditCards", body); got.status != 400 || got.key != "422.050" {
		t.Errorf("the eleventh: %d %s", got.status, got.key)
	}
	b.sim.SetCardStatus(b.sim.Cards()[5].Token, "DELETED")
	if got := b.say(t, "POST /creditCards", body); got.status != 201 {
		t.Errorf("after one was removed: %d %s", got.status, got.key)
	}
}

func TestNothingOfACardIsKept(t *testing.T) {
	t.Parallel()
	b := newBench(nil)
	for _, body := range []string{
		register, with(t, register, "creditCard.number", "4242424242424242"), with(t, register, "label", "my 4111111111111111"),
		`{"creditCard":{"number" : 4111111111111111,"verificationNumber": 9876}}`, `{"number":"4111111111111111"`,
	} {
		b.say(t, "POST /creditCards", body)
	}
	kept := b.state(t)
	for _, r := range b.sim.Received() {
		kept += r.Body + r.URI
	}
	for _, secret := range []string{"4111111111111111", "4242424242424242", `"123"`, "9876"} {
		if strings.Contains(kept, secret) {
			t.Errorf("%s is kept", secret)
		}
	}
	if !strings.Contains(b.sim.Received()[0].Body, `"label":"Test Card"`) {
		t.Errorf("the rest is not: %s", b.sim.Received()[0].Body)
	}
}

func TestUnregister(t *testing.T) {
	t.Parallel()
	b := newBench(nil)
	good := `{"customerIdentifier":"acme-rewards","accountIdentifier":"employee-rewards","creditCardToken":"` + visaToken + `"}`
	for name, body := range map[string]string{
		"another token":    with(t, good, "creditCardToken", "none"),
		"another account":  with(t, good, "accountIdentifier", "marketing-us"),
		"another customer": with(t, good, "customerIdentifier", "acme-europe"),
	} {
		if got := b.say(t, "POST /creditCardUnregisters", body); got.status != 400 || got.key != "422.002" {
			t.Errorf("%s: %d %s", name, got.status, got.key)
		}
	}
	if got := b.say(t, "POST /creditCardUnregisters", with(t, good, "creditCardToken", nil)); got.key != "422.128" {
		t.Errorf("without a token: %s", got.key)
	}
	if got := b.say(t, "POST /creditCardUnregisters", good); got.status != 200 || got.body["token"] != visaToken || got.body["message"] == "" {
		t.Errorf("%d %v", got.status, got.body)
	}
	if got := b.say(t, "POST /creditCardUnregisters", good); got.status != 400 || got.key != "422.002" {
		t.Errorf("a second time: %d %s", got.status, got.key)
	}
	if got := b.say(t, "GET /creditCards/"+visaToken, ""); got.body["status"] != "DELETED" {
		t.Errorf("read again: %v", got.body)
	}
	if got := b.say(t, "POST /creditCardDeposits", fund); got.key != "422.036" {
		t.Errorf("a deposit from it: %s", got.key)
	}
}

func TestListCards(t *testing.T) {
	t.Parallel()
	b := newBench(nil)
	b.sim.AddCard(tangosim.Card{Token: "gone", Account: "uk-rewards", Label: "Gone Visa", LastFour: "1111", Expires: "2030-01", Status: "DELETED"})
	for query, want := range map[string]int{
		"": 3, "showInactive=false": 3, "showInactive=true": 4, "status=ACTIVE": 3, "status=DELETED": 1, "status=ACTIVE&showInactive=true": 3,
		"accountIdentifier=employee-rewards": 2, "customerIdentifier=acme-rewards": 3, "customerIdentifier=acme-europe": 0,
		"customerIdentifier=acme-europe&showInactive=true": 1, "accountNumber=A10000002": 1, "token=" + oldToken: 1, "expirationDate=2030-06": 1,
		"label=visa": 1, "label=visa&showInactive=true": 2, "lastFourDigits=4444": 1, "lastFourDigits=44": 0, "emailAddress=FINANCE@acme.example": 3,
		"emailAddress=nobody@acme.example": 0, "fullName=team": 3, "fullName=ada": 0,
	} {
		if got := b.say(t, "GET /creditCards?"+query, ""); got.status != 200 || len(got.list) != want {
			t.Errorf("%s: %d with %d cards, want %d", query, got.status, len(got.list), want)
		}
	}
	for _, query := range []string{"status=INACTIVE", "showInactive=1", "expirationDate=06/30", "paginate=true&maxResults=201"} {
		if got := b.say(t, "GET /creditCards?"+query, ""); got.status != 400 {
			t.Errorf("%s: %d", query, got.status)
		}
	}
	first := b.say(t, "GET /creditCards?paginate=true&maxResults=2", "")
	next, _ := first.body["nextCursor"].(string)
	last := b.say(t, "GET /creditCards?paginate=true&maxResults=2&nextCursor="+url.QueryEscape(next), "")
	if items, _ := last.body["items"].([]any); len(items) != 1 || last.body["nextPageAvailable"] != false || first.body["nextPageAvailable"] != true {
		t.Errorf("pages: %v, %v", first.body, last.body)
	}
	if got := b.say(t, "GET /creditCards/none", ""); got.status != 404 || got.key != "404.022" {
		t.Errorf("no card: %d %s", got.status, got.key)
	}
}
