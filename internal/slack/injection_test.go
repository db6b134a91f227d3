package slack_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// hostile are names that somebody with Tango's portal could give an account.
func hostile() map[string]string {
	return map[string]string{
		"evil-channel": "<!channel> <!here> <@U0MAYA> <#C0ALERTS>",
		"evil-link":    "Sales & <https://evil.example|Click here>",
		"evil-code":    "Marketing `marketing-us`",
		"evil-open":    "Sales `",
		"evil-bold":    "*1,000,000.00 USD* _to_ ~you~",
		"evil-turned":  "\u202eelbatpeccanu\u202c \u2066x\u2069 \u061cy",
		"evil-hidden":  "em\u200bploy\u00adee\u2060-\ufeffrewards\u3164",
		"evil-lines":   "Line\nApproved by Maya\r\n\tand\u2028Ravi\u0085",
		"evil-date":    "<!date^0^{date}|never>",
		"evil-entity":  "&lt;!channel&gt; &amp;amp;",
	}
}

func hostilePlatform(s *tangosim.Sim) {
	s.Demo()
	s.AddCustomer("evil-customer", "<!everyone> `acme-rewards`", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))
	for id, name := range hostile() {
		s.AddAccount(tangosim.Account{ID: id, Customer: "evil-customer", Name: name, Currency: "USD", Cents: 500000, Email: "<!channel>@evil.example"})
	}
}

// mrkdwnTokens are the only things in angle brackets that the bot may draw: people that it names, and dates.
var mrkdwnTokens = regexp.MustCompile(`<@[UW][A-Z0-9]+>|<!date\^\d+\^\{date_short_pretty\} \{time\}\|\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2} UTC>`)

// safe fails when a drawn text holds markup that the bot did not mean, or characters that hide or turn others.
func safe(tb testing.TB, where string, v any) {
	tb.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	var decoded any
	if err := json.Unmarshal(body, &decoded); err != nil {
		tb.Fatal(err)
	}
	var walk func(key string, v any, plain bool)
	walk = func(key string, v any, plain bool) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(key, one, plain)
			}
		case map[string]any:
			for k, one := range v {
				walk(k, one, v["type"] == "plain_text")
			}
		case string:
			if key != "text" && key != "title" && key != "accessibility_label" {
				return
			}
			for _, r := range v {
				if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u3164') {
					tb.Errorf("%s: %U in %.300q", where, r, v)
					return
				}
			}
			if rest := mrkdwnTokens.ReplaceAllString(v, ""); !plain && key == "text" {
				if strings.ContainsAny(rest, "<>") {
					tb.Errorf("%s: foreign markup in %.300q", where, v)
				}
				if strings.Count(rest, "`")%2 != 0 {
					tb.Errorf("%s: an open code mark in %.300q", where, v)
				}
				if loose := regexp.MustCompile(`&(?:amp;|lt;|gt;)`).ReplaceAllString(rest, ""); strings.Contains(loose, "&") {
					tb.Errorf("%s: a bare or broken entity in %.300q", where, v)
				}
			}
		}
	}
	walk("", decoded, false)
}

func TestForeignNamesAreHarmless(t *testing.T) {
	t.Parallel()
	b := newBot(t, func(o *options) { o.seed = hostilePlatform })
	for id, name := range hostile() {
		t.Run(id, func(t *testing.T) {
			b.tb = t
			before := len(b.Calls(""))
			request := b.requests("U0LENA", "60 from "+id+" to employee-rewards")
			b.settle()
			has(t, b.card(request).Text, "from", "`"+id+"`", "`employee-rewards`")
			lacks(t, b.card(request).Text, "`marketing-us`")
			if visible := slack.Visible(name); strings.TrimSpace(visible) == "" {
				t.Errorf("nothing is left of %q", name)
			}
			b.presses("U0MAYA", b.card(request), "deny")
			b.sent("U0MAYA", slacksim.Values{"comment": {"value": slacksim.Typed(name)}})
			b.closes("U0MAYA")
			b.settle()
			has(t, b.card(request).Text, "Denied, no money moved", "`"+id+"`")
			for _, question := range []string{"balance " + id, "account " + id, "requests " + request, "accounts customer:evil-customer", "customers", "customer evil-customer", "requests mine"} {
				b.asks("U0LENA", question)
			}
			if _, err := b.OpenHome(t.Context(), "U0MAYA"); err != nil {
				t.Fatal(err)
			}
			for _, c := range b.Calls("")[before:] {
				safe(t, c.Method, c.Args)
			}
			for _, d := range b.Deliveries() {
				if len(d.Answer.Body) > 0 && d.Answer.ContentType != "" {
					var answer any
					if json.Unmarshal(d.Answer.Body, &answer) == nil {
						safe(t, "the answer to "+string(d.Route), answer)
					}
				}
			}
		})
	}
	b.tb = t
}

func TestNotes(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	for _, c := range []struct {
		name, note string
		shown      string // in the card; empty when it is refused
		says       string // at the field
	}{
		{"plain", "spring event", "spring event", ""},
		{"a mention", "<!channel> come", "&lt;!channel&gt; come", ""},
		{"a person", "thanks <@U0RAVI>", "&lt;@U0RAVI&gt;", ""},
		{"a link", "<https://evil.example|Click>", "&lt;https://evil.example|Click&gt;", ""},
		{"ampersands", "R&D &amp; more", "R&amp;D &amp;amp; more", ""},
		{"code", "like `marketing-us`", "like 'marketing-us'", ""},
		{"130 characters", strings.Repeat("é", 130), strings.Repeat("é", 130), ""},
		{"131 characters", strings.Repeat("é", 131), "", "130 characters"},
		{"151 characters", strings.Repeat("n", 151), "", "130 characters"},
		{"two lines", "one\ntwo", "", "plain characters on one line"},
		{"carriage return", "one\r\ntwo", "", "plain characters on one line"},
		{"a null", "one\x00two", "", "plain characters on one line"},
		{"turned", "ab\u202ecd", "", "plain characters on one line"},
		{"zero width", "ab\u200bcd", "", "plain characters on one line"},
		{"a query", "x&amount=9\u0026to=evil", "x&amp;amount=9&amp;to=evil", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.tb = t
			b.types("U0LENA", "transfer 60 from employee-rewards to marketing-us")
			body := b.edited("U0LENA", "note", c.note)
			a, err := b.Deliver(t.Context(), slacksim.ToInteractions, body, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.says != "" {
				has(t, string(a.Body), `"response_action":"errors"`, `"note":`, c.says)
				return
			}
			var answer struct{ View json.RawMessage }
			if err := json.Unmarshal(a.Body, &answer); err != nil {
				t.Fatal(err)
			}
			var view struct{ Blocks json.RawMessage }
			if err := json.Unmarshal(answer.View, &view); err != nil {
				t.Fatal(err)
			}
			has(t, words(view.Blocks), c.shown)
			safe(t, "the check", view)
		})
	}
	b.tb = t
	// What people typed is no line of its own in the log.
	for line := range strings.Lines(b.log.String()) {
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("a log line that somebody else wrote: %q", line)
		}
	}
}

// edited gives the body of the submission of a person's form, with one text field changed to what no client would send.
func (b *bot) edited(user, block, value string) []byte {
	b.tb.Helper()
	b.sent(user, nil)
	d, _ := b.LastDelivery(slacksim.ToInteractions)
	b.closes(user)
	b.clock.Advance(time.Second)
	body, err := slacksim.EditPayload(d.Body, func(p map[string]any) {
		values := p["view"].(map[string]any)["state"].(map[string]any)["values"].(map[string]any)
		values[block] = map[string]any{"value": map[string]any{"type": "plain_text_input", "value": value}}
	})
	if err != nil {
		b.tb.Fatal(err)
	}
	return body
}

func TestAmountsInTheForm(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.types("U0LENA", "transfer 60 from employee-rewards to marketing-us")
	form := b.top("U0LENA").ID
	for _, c := range []struct {
		name, amount string
		want         string // the amount in the next step; or
		says         string // at the field
	}{
		{"whole", "100", "100.00 USD", ""},
		{"cents", "0.01", "0.01 USD", ""},
		{"thousands", "1,000.00", "1,000.00 USD", ""},
		{"k", "2.5k", "2,500.00 USD", ""},
		{"dollars", "$100", "100.00 USD", ""},
		{"the account's currency", "100 USD", "100.00 USD", ""},
		{"spaces around", "  100  ", "100.00 USD", ""},
		{"more than a limit leaves", "24,500", "", "leaves 10,000.00 USD"},
		{"a cent more than there is", "24500.01", "", "The account held 24,500.00 USD"},
		{"zero", "0", "", "above zero"},
		{"zero with cents", "0.00", "", "above zero"},
		{"minus", "-1", "", "without a sign"},
		{"a typographic minus", "−1", "", "without a sign"},
		{"plus", "+1", "", "without a sign"},
		{"an exponent", "1e3", "", "not an amount"},
		{"hex", "0x10", "", "not an amount"},
		{"a tenth of a cent", "0.001", "", "two digits"},
		{"comma for cents", "1,50", "", "two ways"},
		{"continental", "1.000,00", "", "two ways"},
		{"Arabic digits", "١٠٠", "", "not an amount"},
		{"full-width digits", "１００", "", "not an amount"},
		{"9e18", "9000000000000000000", "", "larger than Tangobot handles"},
		{"beyond int64", "99999999999999999999999999", "", "larger than Tangobot handles"},
		{"another currency", "100 EUR", "", "You typed EUR, but the account holds USD"},
		{"a euro sign", "€100", "", "You typed EUR, but the account holds USD"},
		{"two currencies", "$100 EUR", "", "Two currencies"},
		{"no currency", "100 dollars", "", "no currency code"},
		{"a word", "everything", "", "no currency code"},
		{"infinity", "Inf", "", "not an amount"},
		{"not a number", "NaN", "", "not an amount"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.tb = t
			r, err := b.Submit(t.Context(), "U0LENA", form, slacksim.Values{"amount": {"value": slacksim.Typed(c.amount)}})
			if err != nil {
				t.Fatal(err)
			}
			if c.says != "" {
				if r.Outcome != slacksim.Refused || !strings.Contains(r.Errors["amount"], c.says) || len(r.Errors) != 1 {
					t.Errorf("%s %v, want %q at the amount", r.Outcome, r.Errors, c.says)
				}
				if v := b.top("U0LENA").Inputs.Values["amount"]["value"].Value; v == nil || *v != c.amount {
					t.Error("what was typed is gone")
				}
				return
			}
			if r.Outcome != slacksim.Pushed {
				t.Fatalf("%s %v", r.Outcome, r.Errors)
			}
			has(t, b.told("U0LENA"), "*Transfer "+c.want+"*")
			if _, err := b.CloseView(t.Context(), "U0LENA", b.top("U0LENA").ID); err != nil {
				t.Fatal(err)
			}
		})
	}
	b.tb = t
	if n := len(b.Messages("C0APPROVE")); n != 0 {
		t.Errorf("%d requests were made by looking", n)
	}
}

func TestDirectJournalText(t *testing.T) {
	t.Parallel()
	// A code that is new to this version is shown as it came, and never as nothing.
	if got := slack.StateWord(treasury.Request{State: "paused"}); got != "paused" {
		t.Errorf("a new state is shown as %q", got)
	}
	if got := slack.ReasonWords(treasury.Request{Reason: "frost"}); got != "frost" {
		t.Errorf("a new reason is shown as %q", got)
	}
}
