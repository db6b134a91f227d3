package slack_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestReadTransfer(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	if err := b.desk.Accounts.Load(t.Context(), b.desk.Journal, b.clock.Now()); err != nil {
		t.Fatal(err)
	}
	type want struct{ amount, from, to, note, remark string }
	for _, c := range []struct {
		typed string
		want  want
	}{
		{"", want{}},
		{"500", want{amount: "500"}},
		{"500 USD", want{amount: "500 USD"}},
		{"USD 500", want{amount: "USD 500"}},
		{"$500", want{amount: "$500"}},
		{"2.5k", want{amount: "2.5k"}},
		{"1,250.00", want{amount: "1,250.00"}},
		{"500 from employee-rewards to marketing-us", want{"500", "employee-rewards", "marketing-us", "", ""}},
		{"500 to marketing-us from employee-rewards", want{"500", "employee-rewards", "marketing-us", "", ""}},
		{"500 USD from employee-rewards to marketing-us spring event", want{"500 USD", "employee-rewards", "marketing-us", "spring event", ""}},
		{"500 FROM employee-rewards TO marketing-us", want{"500", "employee-rewards", "marketing-us", "", ""}},
		{"from employee-rewards to marketing-us", want{"", "employee-rewards", "marketing-us", "", ""}},
		{"to marketing-us", want{"", "", "marketing-us", "", ""}},
		{"from employee-rewards", want{"", "employee-rewards", "", "", ""}},
		{"500 from EMPLOYEE-REWARDS", want{"500", "employee-rewards", "", "", ""}},
		{"500 from Employee Rewards to Marketing US thanks all", want{"500", "employee-rewards", "marketing-us", "thanks all", ""}},
		{`500 from "Employee Rewards" to "Marketing US" thanks`, want{"500", "employee-rewards", "marketing-us", "thanks", ""}},
		{"500 from “Employee Rewards” to “Marketing US”", want{"500", "employee-rewards", "marketing-us", "", ""}},
		{"500 from A10000001 to a10000002", want{"500", "employee-rewards", "marketing-us", "", ""}},
		{"500 from spiffs", want{"500", "sales-spiffs", "", "", ""}},
		{"500 from rewards", want{"500", "", "", "", "could be"}},
		{"500 from rewards to marketing-us", want{"500", "", "marketing-us", "", "could be"}},
		{"500 from nowhere-at-all to marketing-us", want{"500", "", "marketing-us", "", "names no account"}},
		{"500 from", want{"500", "", "", "from", ""}},
		{"500 from to marketing-us", want{"500", "", "marketing-us", "", "An account is missing"}},
		{"500 from sales-spiffs from employee-rewards", want{"500", "sales-spiffs", "", "from employee-rewards", ""}},
		{"500 for the event", want{amount: "500", note: "for the event"}},
		{"500 usd from employee-rewards", want{"500 usd", "employee-rewards", "", "", ""}},
		{"eur 500 thanks", want{amount: "eur 500", note: "thanks"}},
		{"500 JPY from employee-rewards", want{"500 JPY", "employee-rewards", "", "", ""}}, // likewise
		{"500 jpy", want{amount: "500", note: "jpy"}},
		{"2.5 k from employee-rewards", want{"2.5 k", "employee-rewards", "", "", ""}},
		{"spring event", want{note: "spring event"}},
		{"1,50 from employee-rewards", want{"1,50", "employee-rewards", "", "", ""}}, // the form says what is wrong with it
		{"-5", want{amount: "-5"}}, // likewise
		{"2026-11 budget", want{note: "2026-11 budget"}},
		{"500   from    employee-rewards", want{"500", "employee-rewards", "", "", ""}},
		{"500\tfrom\nemployee-rewards", want{"500", "employee-rewards", "", "", ""}},
		{"500\u00a0from\u00a0employee-rewards", want{"500", "employee-rewards", "", "", ""}},
		{"500 from employee-rewards to marketing-us R&D <3", want{"500", "employee-rewards", "marketing-us", "R&D <3", ""}},
		{"500 " + strings.Repeat("n", 200), want{"500", "", "", strings.Repeat("n", 130), "cut to its first characters"}},
		{`500 from "Employee Rewards`, want{"500", "employee-rewards", "", "", ""}},
	} {
		t.Run(fmt.Sprintf("%.60q", c.typed), func(t *testing.T) {
			t.Parallel()
			got, remarks := b.edge.ReadTransfer(c.typed)
			remark := strings.Join(remarks, " ")
			if !strings.Contains(remark, c.want.remark) || (remark != "") != (c.want.remark != "") {
				t.Errorf("remarks %q, want %q", remark, c.want.remark)
			}
			given := want{got.Amount, got.From, got.To, got.Note, c.want.remark}
			if diff := cmp.Diff(c.want, given, cmp.AllowUnexported(want{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever was typed, the form shows it and Slack takes the form.
func TestTheFormTakesWhatWasTyped(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	for _, typed := range []string{
		"", "500 from rewards to nowhere-at-all " + strings.Repeat("é", 300), "999999999999999999999999999999999999999999999999999999",
		"1" + strings.Repeat("0", 500), "from to from to from to", `"""`, "500 from <@U0MAYA> to <#C0GENERAL>", "& < > &amp; &lt;!channel&gt;",
	} {
		if said := b.types("U0LENA", "transfer "+typed); said != "" {
			t.Errorf("%.40q: %s", typed, said)
		}
		b.top("U0LENA")
		b.closes("U0LENA")
	}
}

func TestTyped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ escaped, want string }{
		{"plain", "plain"},
		{"R&amp;D", "R&D"},
		{"a &lt; b &gt; c", "a < b > c"},
		{"&amp;lt;", "&lt;"}, // typed as &lt;
		{"<mailto:a@acme.example|a@acme.example>", "a@acme.example"},
		{"email:<mailto:a@acme.example|a@acme.example> x", "email:a@acme.example x"},
		{"<mailto:a@acme.example>", "a@acme.example"},
		{"<https://acme.example/?a=1&amp;b=2>", "https://acme.example/?a=1&b=2"},
		{"<http://acme.example|acme.example>", "acme.example"},
		{"<tel:123|123>", "123"},
		{"<@U0MAYA>", "<@U0MAYA>"},
		{"<@U0MAYA|maya>", "<@U0MAYA|maya>"},
		{"<#C0GENERAL|general>", "<#C0GENERAL|general>"},
		{"<!channel>", "<!channel>"},
		{"<", "<"},
		{"a <b", "a <b"},
		{"<>", ""},
		{">", ">"},
		{"", ""},
	} {
		if got := slack.Typed(c.escaped); got != c.want {
			t.Errorf("Typed(%q) = %q, want %q", c.escaped, got, c.want)
		}
	}
}

// Slack puts links around what looks like an address; the filter still gets what was typed.
func TestAnAddressInACommand(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.types("U0LENA", "help")
	d, _ := b.LastDelivery(slacksim.ToCommands)
	body, err := slacksim.EditForm(d.Body, func(v url.Values) {
		v.Set("text", "accounts email:<mailto:uk.rewards@acme.example|uk.rewards@acme.example>")
	})
	if err != nil {
		t.Fatal(err)
	}
	said := b.delivered(slacksim.ToCommands, body)
	has(t, said, "`uk-rewards`", "Filtered by `email:uk.rewards@acme.example`")
}

func TestAccountFilters(t *testing.T) {
	t.Parallel()
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	end := func(y int, m time.Month, d int) time.Time { return day(y, m, d+1).Add(-time.Millisecond) }
	amount := func(n int64, c money.Currency) *money.Amount { return new(money.New(n, c)) }
	for _, c := range []struct {
		typed string
		want  treasury.AccountQuery
	}{
		{"", treasury.AccountQuery{}},
		{"two  words", treasury.AccountQuery{Name: "two words"}},
		{`"two  words"`, treasury.AccountQuery{Name: "two  words"}},
		{"status:active", treasury.AccountQuery{Status: treasury.AccountActive}},
		{"Status:Active x", treasury.AccountQuery{Status: treasury.AccountActive, Name: "x"}},
		{"currency:usd,EUR,usd", treasury.AccountQuery{Currencies: []money.Currency{"EUR", "USD"}}},
		{"customer:acme-rewards", treasury.AccountQuery{Customer: "acme-rewards"}},
		{"number:a1", treasury.AccountQuery{Number: "A1"}},
		{"min:0", treasury.AccountQuery{MinBalance: amount(0, "")}},
		{"min:1,000 max:2.5k", treasury.AccountQuery{MinBalance: amount(100000, ""), MaxBalance: amount(250000, "")}},
		{`max:"500 USD"`, treasury.AccountQuery{MaxBalance: amount(50000, "USD")}},
		{"min:5 max:5", treasury.AccountQuery{MinBalance: amount(500, ""), MaxBalance: amount(500, "")}},
		{"email:a@b notify:c@d,e@f", treasury.AccountQuery{Email: "a@b", NotifyEmails: []string{"c@d", "e@f"}}},
		{"created:2026-01-31", treasury.AccountQuery{CreatedFrom: day(2026, 1, 31), CreatedTo: end(2026, 1, 31)}},
		{"created:2026-01-01..2026-01-31", treasury.AccountQuery{CreatedFrom: day(2026, 1, 1), CreatedTo: end(2026, 1, 31)}},
		{"created:2026-01-01..", treasury.AccountQuery{CreatedFrom: day(2026, 1, 1)}},
		{"created:..2024-02-29", treasury.AccountQuery{CreatedTo: end(2024, 2, 29)}},
	} {
		got, err := slack.AccountQuery(c.typed)
		if err != nil {
			t.Errorf("%q: %v", c.typed, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: %s", c.typed, diff)
		}
	}
}

func TestCustomerFilters(t *testing.T) {
	t.Parallel()
	got, err := slack.CustomerQuery(`acme "us east" status:ACTIVE account:employee-rewards account-number:a1 account-name:"Employee Rewards" account-status:frozen account-created:2026-01-31 created:2025-01-01..`)
	if err != nil {
		t.Fatal(err)
	}
	want := treasury.CustomerQuery{
		Name: "acme us east", Status: "active", AccountID: "employee-rewards", AccountNumber: "A1", AccountName: "Employee Rewards",
		AccountStatus: treasury.AccountFrozen, CreatedFrom: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
		AccountCreatedFrom: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
		AccountCreatedTo:   time.Date(2026, 1, 31, 23, 59, 59, 999_000_000, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := slack.CustomerQuery("created:soon"); !errors.Is(err, treasury.ErrInvalid) {
		t.Errorf("%v", err)
	}
}
