package tangosim_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

// bench is a simulated company, spoken to without our client.
type bench struct {
	sim *tangosim.Sim
	at  time.Time
}

func newBench(configure func(*tangosim.Config)) *bench {
	b := &bench{at: time.Date(2026, 3, 2, 10, 0, 0, 280_000_000, time.UTC)}
	config := tangosim.Config{Clock: func() time.Time { return b.at }, PlatformName: "p", PlatformKey: "k"}
	if configure != nil {
		configure(&config)
	}
	b.sim = tangosim.New(config)
	b.sim.Demo()
	return b
}

// said is an answer with its status, key and the path of the first listed error.
type said struct {
	status    int
	key, path string
	body      map[string]any
	list      []any
}

func (b *bench) say(t *testing.T, line, body string) said {
	t.Helper()
	method, path, _ := strings.Cut(line, " ")
	r := httptest.NewRequestWithContext(t.Context(), method, tangosim.Base+path, strings.NewReader(body))
	r.SetBasicAuth("p", "k")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	b.sim.ServeHTTP(w, r)
	s := said{status: w.Code}
	d := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %s", line, w.Body)
	}
	switch v := v.(type) {
	case []any:
		s.list = v
	case map[string]any:
		s.body = v
		s.key, _ = v["i18nKey"].(string)
		if errs, ok := v["errors"].([]any); ok {
			s.key, _ = errs[0].(map[string]any)["i18nKey"].(string)
			s.path, _ = errs[0].(map[string]any)["path"].(string)
		}
	}
	return s
}

// with gives a body with one member replaced; nil leaves it out. A dot leads into an object.
func with(t *testing.T, body, name string, value any) string {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	in := v
	outer, inner, nested := strings.Cut(name, ".")
	if nested {
		in, _ = v[outer].(map[string]any)
		name = inner
	}
	if in[name] = value; value == nil {
		delete(in, name)
	}
	changed, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(changed)
}

const (
	visaToken = "0b1d6c1e-3f52-4a9e-9a37-5d0c4f7e1a01"
	oldToken  = "0b1d6c1e-3f52-4a9e-9a37-5d0c4f7e1a03"
	register  = `{"customerIdentifier":"acme-rewards","accountIdentifier":"employee-rewards","ipAddress":"203.0.113.7","label":"Test Card",` +
		`"creditCard":{"number":"4111111111111111","expiration":"2027-12","verificationNumber":"123"},` +
		`"billingAddress":{"firstName":"First","lastName":"Last","addressLine1":"123 Street","addressLine2":"Suite 456","city":"Seattle",` +
		`"state":"WA","postalCode":"12345","country":"US","emailAddress":"first@acme.example"},` +
		`"contactInformation":[{"fullName":"Ada","emailAddress":"ada@acme.example"}]}`
	fund = `{"customerIdentifier":"acme-rewards","accountIdentifier":"employee-rewards","creditCardToken":"` + visaToken +
		`","amount":1.25,"externalRefID":"TB-1"}`
	newCustomer = `{"customerIdentifier":"acme-asia","displayName":"Acme Asia"}`
	newAccount  = `{"accountIdentifier":"field-events","displayName":"Field Events","contactEmail":"e@acme.example","currencyCode":"CAD",` +
		`"fundingNotification":[{"emailAddress":"a@acme.example"}]}`
)

// refusal is a change of a good body, and what is said to it.
type refusal struct {
	name   string
	field  string
	value  any
	status int
	key    string
	path   string
}

func refuse(t *testing.T, line, good string, cases []refusal, prepare func(b *bench)) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(nil)
			if prepare != nil {
				prepare(b)
			}
			before := b.state(t)
			body := good
			if c.field != "" {
				body = with(t, good, c.field, c.value)
			}
			got := b.say(t, line, body)
			if got.status != c.status || got.key != c.key || got.path != c.path {
				t.Errorf("%s said %d %q %q, want %d %q %q", body, got.status, got.key, got.path, c.status, c.key, c.path)
			}
			if b.state(t) != before {
				t.Error("a refused call changed something")
			}
		})
	}
}

func (b *bench) state(t *testing.T) string {
	t.Helper()
	saved, err := b.sim.Save()
	if err != nil {
		t.Fatal(err)
	}
	return string(saved)
}

// again starts a second simulation from what the first one saved.
func (b *bench) again(t *testing.T) *bench {
	t.Helper()
	next := newBench(nil)
	next.at = b.at
	if err := next.sim.Load([]byte(b.state(t))); err != nil {
		t.Fatal(err)
	}
	return next
}
