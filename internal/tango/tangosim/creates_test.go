package tangosim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

func TestCreateCustomer(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} {
		b := newBench(func(c *tangosim.Config) { c.FullCreates = full })
		got := b.say(t, "POST /customers", newCustomer)
		if _, whole := got.body["createdAt"]; got.status != 201 || got.body["customerIdentifier"] != "acme-asia" || whole != full {
			t.Errorf("full %v: %d %v", full, got.status, got.body)
		}
		read := b.again(t).say(t, "GET /customers/acme-asia", "")
		if read.body["displayName"] != "Acme Asia" || read.body["status"] != "active" {
			t.Errorf("read again: %v", read.body)
		}
	}
	refuse(t, "POST /customers", newCustomer, []refusal{
		{"identifier that exists", "customerIdentifier", "acme-europe", 409, "409.010", ""},
		{"name that exists", "displayName", "Acme Europe", 409, "409.011", ""},
		{"four signs", "customerIdentifier", "acme", 400, "422.501", "customerIdentifier"},
		{"underscore", "customerIdentifier", "acme_asia", 400, "422.501", "customerIdentifier"},
		{"hundred and one", "customerIdentifier", strings.Repeat("a", 101), 400, "422.501", "customerIdentifier"},
		{"no name", "displayName", nil, 400, "422.128", "displayName"},
		{"short name", "displayName", "Acme", 400, "422.126", "displayName"},
		{"symbol in the name", "displayName", "Acme + Co", 400, "422.126", "displayName"},
		{"emoji in the name", "displayName", "Acme 🎁 Asia", 400, "422.126", "displayName"},
		{"long name", "displayName", strings.Repeat("é", 101), 400, "422.126", "displayName"},
	}, nil)
	for _, name := range []string{"Ünïcodé — ok!", "日本の会社", strings.Repeat("é", 100)} {
		if got := newBench(nil).say(t, "POST /customers", with(t, newCustomer, "displayName", name)); got.status != 201 {
			t.Errorf("%s: %d %s", name, got.status, got.key)
		}
	}
	for body, key := range map[string]string{`{`: "400.501", `[]`: "400.501", `null`: "400.501", `""`: "400.501"} {
		if got := newBench(nil).say(t, "POST /customers", body); got.status != 400 || got.key != key {
			t.Errorf("%s: %d %s", body, got.status, got.key)
		}
	}
}

func TestCreateAccount(t *testing.T) {
	t.Parallel()
	const line = "POST /customers/acme-rewards/accounts"
	for _, full := range []bool{false, true} {
		b := newBench(func(c *tangosim.Config) { c.FullCreates = full })
		got := b.say(t, line, newAccount)
		if _, whole := got.body["currentBalance"]; got.status != 201 || got.body["accountIdentifier"] != "field-events" || whole != full {
			t.Errorf("full %v: %d %v", full, got.status, got.body)
		}
		read := b.again(t).say(t, "GET /accounts/field-events", "")
		if fmt.Sprintf("%v %v %v", read.body["currentBalance"], read.body["currencyCode"], read.body["status"]) != "0 CAD ACTIVE" {
			t.Errorf("read again: %v", read.body)
		}
	}
	b := newBench(nil)
	if got := b.say(t, line, with(t, with(t, newAccount, "currencyCode", nil), "fundingNotification", nil)); got.body["currencyCode"] != "USD" {
		t.Errorf("the currency by default: %v", got.body)
	}
	twice := []any{map[string]any{"emailAddress": "a@acme.example"}, map[string]any{"emailAddress": "a@acme.example"}}
	refuse(t, line, newAccount, []refusal{
		{"identifier that the customer has", "accountIdentifier", "marketing-us", 409, "409.003", ""},
		{"identifier of another customer", "accountIdentifier", "uk-rewards", 409, "409.018", ""},
		{"name that the customer has", "displayName", "Marketing US", 409, "409.004", ""},
		{"bad identifier", "accountIdentifier", "a b c d e", 400, "422.501", "accountIdentifier"},
		{"another currency", "currencyCode", "JPY", 400, "400.011", "currencyCode"},
		{"no mail", "contactEmail", nil, 400, "422.128", "contactEmail"},
		{"bad mail", "contactEmail", "nobody", 400, "422.134", "contactEmail"},
		{"long mail", "contactEmail", strings.Repeat("a", 90) + "@acme.example", 400, "422.126", "contactEmail"},
		{"list of texts", "fundingNotification", []any{"a@acme.example"}, 400, "400.009", "fundingNotification"},
		{"address twice", "fundingNotification", twice, 400, "400.001", "fundingNotification"},
		{"bad address", "fundingNotification", []any{map[string]any{"emailAddress": "x"}}, 400, "422.134", "fundingNotification[].emailAddress"},
	}, nil)
	refuse(t, "POST /customers/nobody/accounts", newAccount, []refusal{{"unknown customer", "", nil, 403, "404.002", ""}}, nil)
	refuse(t, "POST /accounts", newAccount, []refusal{{"the path of one page", "", nil, 405, "405.002", ""}}, nil)
}

func TestUpdateAccount(t *testing.T) {
	t.Parallel()
	const line = "PATCH /customers/acme-rewards/accounts/marketing-us"
	for name, c := range map[string]struct{ body, want string }{
		"nothing":      {`{}`, "Marketing US marketing.us@acme.example [map[emailAddress:finance@acme.example]]"},
		"nulls":        {`{"displayName":null,"contactEmail":null,"fundingNotification":null}`, "Marketing US marketing.us@acme.example [map[emailAddress:finance@acme.example]]"},
		"a name":       {`{"displayName":"Marketing USA"}`, "Marketing USA marketing.us@acme.example [map[emailAddress:finance@acme.example]]"},
		"the same":     {`{"displayName":"Marketing US"}`, "Marketing US marketing.us@acme.example [map[emailAddress:finance@acme.example]]"},
		"another list": {`{"fundingNotification":[{"emailAddress":"x@acme.example"}]}`, "Marketing US marketing.us@acme.example [map[emailAddress:x@acme.example]]"},
		"cleared":      {`{"contactEmail":"m@acme.example","fundingNotification":[]}`, "Marketing US m@acme.example []"},
	} {
		b := newBench(nil)
		got := b.say(t, line, c.body)
		read := b.again(t).say(t, "GET /accounts/marketing-us", "")
		for _, body := range []map[string]any{got.body, read.body} {
			if shown := fmt.Sprint(body["displayName"], " ", body["contactEmail"], " ", body["fundingNotification"]); got.status != 200 || shown != c.want {
				t.Errorf("%s: %d %s, want %s", name, got.status, shown, c.want)
			}
		}
	}
	refuse(t, line, `{}`, []refusal{
		{"name of another", "displayName", "Sales Spiffs", 409, "409.017", ""},
		{"empty name", "displayName", "", 400, "422.135", "displayName"},
		{"bad mail", "contactEmail", "x", 400, "422.134", "contactEmail"},
		{"another currency", "currencyCode", "EUR", 400, "400.010", "currencyCode"},
	}, nil)
	refuse(t, "PATCH /customers/acme-rewards/accounts/nobody", `{}`, []refusal{{"unknown account", "", nil, 404, "404.003", ""}}, nil)
	refuse(t, "PATCH /customers/nobody/accounts/marketing-us", `{}`, []refusal{{"unknown customer", "", nil, 404, "404.002", ""}}, nil)
	refuse(t, "PATCH /customers/acme-rewards/accounts/uk-rewards", `{}`, []refusal{{"another's account", "", nil, 404, "404.020", ""}}, nil)
}
