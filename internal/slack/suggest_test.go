package slack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

// longID is an identifier that does not fit into an option.
func longID(n int) string { return fmt.Sprintf("long-%s-%d", strings.Repeat("x", 90), n) }

func TestTypeAhead(t *testing.T) {
	t.Parallel()
	b := newBot(t, func(o *options) {
		o.seed = func(s *tangosim.Sim) {
			s.Demo()
			for n, currency := range []string{"USD", "EUR"} {
				s.AddAccount(tangosim.Account{Customer: "acme-rewards", ID: longID(n), Name: strings.Repeat("Long Name ", 10), Currency: currency, Cents: 100000})
			}
			s.AddAccount(tangosim.Account{Customer: "acme-rewards", ID: "gone-account", Name: "Gone", Currency: "USD", Status: "DELETED"})
		}
	})
	calls := b.tangoCalls()
	b.types("U0LENA", "transfer")
	offered := func(block, typed string) []string {
		t.Helper()
		r, err := b.OpenOptions(t.Context(), "U0LENA", slacksim.Target{View: b.top("U0LENA").ID, Block: block, Action: "value"}, typed)
		if err != nil || r.Trouble != "" {
			t.Fatalf("%v %s", err, r.Trouble)
		}
		var values []string
		for _, o := range r.Options {
			values = append(values, o.Value)
		}
		return values
	}
	for _, c := range []struct {
		typed     string
		has, lack []string
	}{
		{"", []string{"employee-rewards", "europe-rewards"}, []string{"holiday-gifts", "old-campaign", "gone-account"}}, // only active ones
		{"mark", []string{"marketing-us", "marketing-events"}, []string{"employee-rewards"}},
		{"MARKETING us", []string{"marketing-us"}, []string{"marketing-events"}},
		{"A10000001", []string{"employee-rewards"}, []string{"marketing-us"}},
		{"Spiffs", []string{"sales-spiffs"}, nil},
		{"holiday", nil, []string{"holiday-gifts"}},
		{"no such thing", nil, []string{"employee-rewards"}},
		{"<!channel>", nil, nil},
	} {
		got := offered("from", c.typed)
		for _, id := range c.has {
			if !slices.Contains(got, id) {
				t.Errorf("%q: %s is missing in %v", c.typed, id, got)
			}
		}
		for _, id := range c.lack {
			if slices.Contains(got, id) {
				t.Errorf("%q: %s is offered", c.typed, id)
			}
		}
	}
	if got := offered("from", "employee-rewards"); got[0] != "employee-rewards" {
		t.Errorf("the account itself is not first: %v", got)
	}

	// The counterpart's currency decides, and the counterpart itself is left out.
	b.choose("U0LENA", "from", "europe rew", "europe-rewards")
	if got := offered("to", ""); !slices.Contains(got, "europe-events") || slices.Contains(got, "marketing-us") || slices.Contains(got, "europe-rewards") {
		t.Errorf("for EUR: %v", got)
	}
	if got := offered("from", "mark"); len(got) != 2 {
		t.Errorf("the field itself is bound by its own old choice: %v", got)
	}
	d, _ := b.LastDelivery(slacksim.ToOptions)
	if !strings.HasPrefix(d.Answer.ContentType, "application/json") {
		t.Error(d.Answer.ContentType)
	}

	// An id that is longer than an option holds goes by the account's number, as counterpart too.
	number := ""
	for _, a := range b.tango.Accounts() {
		if a.ID == longID(0) {
			number = a.Number
		}
	}
	b.choose("U0LENA", "from", "long-", number)
	got := offered("to", "long")
	if len(got) != 0 {
		t.Errorf("an account in EUR, or the counterpart itself, is offered for one in USD: %v", got)
	}
	b.choose("U0LENA", "to", "marketing us", "marketing-us")
	if r := b.sent("U0LENA", slacksim.Values{"amount": {"value": slacksim.Typed("60")}}); r.Outcome != slacksim.Pushed {
		t.Fatalf("%s %v", r.Outcome, r.Errors)
	}
	has(t, b.told("U0LENA"), "`"+longID(0)+"`")
	if b.tangoCalls() != calls {
		t.Error("type-ahead called Tango")
	}
}

// An account with a long id can be typed too; the form then begins with it.
func TestALongIDInACommand(t *testing.T) {
	t.Parallel()
	b := newBot(t, func(o *options) {
		o.seed = func(s *tangosim.Sim) {
			s.Demo()
			s.AddAccount(tangosim.Account{Customer: "acme-rewards", ID: longID(0), Name: "Long", Currency: "USD", Cents: 100000})
		}
	})
	id := b.requests("U0LENA", "60 from "+longID(0)+" to marketing-us")
	b.settle()
	has(t, b.card(id).Text, longID(0))
	b.decides("U0MAYA", id, "approve", "")
	b.pass(61 * time.Second)
	if b.tango.Moved(id) != 1 {
		t.Errorf("%s; log:\n%s", b.state(id), b.log)
	}
	b.asks("U0LENA", "account "+longID(0))
}

// BenchmarkTypeAhead is one keystroke over ten thousand accounts, in the handler alone.
func BenchmarkTypeAhead(bench *testing.B) {
	b := newBot(bench, func(o *options) { o.seed = func(s *tangosim.Sim) { s.Bulk(10_000) } })
	b.types("U0LENA", "transfer 5 from bulk-000001")
	if _, err := b.OpenOptions(bench.Context(), "U0LENA", slacksim.Target{View: b.top("U0LENA").ID, Block: "to", Action: "value"}, "account 77"); err != nil {
		bench.Fatal(err)
	}
	d, _ := b.LastDelivery(slacksim.ToOptions)
	var found struct{ Options []json.RawMessage }
	if err := json.Unmarshal(d.Answer.Body, &found); err != nil || len(found.Options) != 50 {
		bench.Fatalf("%d options, %v", len(found.Options), err)
	}
	stamp := strconv.FormatInt(b.clock.Now().Unix(), 10)
	signature := b.Sign(stamp, d.Body)
	for bench.Loop() {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/slack/options", strings.NewReader(string(d.Body)))
		r.Header = http.Header{headerStamp: {stamp}, headerSignature: {signature}}
		w := httptest.NewRecorder()
		b.edge.Options(w, r)
		if _, err := io.Copy(io.Discard, w.Body); err != nil || w.Code != http.StatusOK {
			bench.Fatal(w.Code, err)
		}
	}
}

// The bound itself is a benchmark's to print; that Tango is not asked is a test's.
func TestTypeAheadOverManyAccounts(t *testing.T) {
	t.Parallel()
	b := newBot(t, func(o *options) { o.seed = func(s *tangosim.Sim) { s.Bulk(10_000) } })
	calls := b.tangoCalls()
	b.types("U0LENA", "transfer 5 from bulk-000001")
	r, err := b.OpenOptions(t.Context(), "U0LENA", slacksim.Target{View: b.top("U0LENA").ID, Block: "to", Action: "value"}, "bulk-009999")
	if err != nil || len(r.Options) == 0 || r.Options[0].Value != "bulk-009999" {
		t.Errorf("%v, %v", r.Options, err)
	}
	if b.tangoCalls() != calls {
		t.Error("Tango was called")
	}
	if _, at, ok := b.desk.Accounts.Get("bulk-009999"); !ok || at.IsZero() {
		t.Error("the directory is not whole")
	}
}
