package slack_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

func TestHelpAndUnknownWords(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	for _, c := range []struct {
		typed string
		says  []string
	}{
		{"", []string{"`/tango balance", "`/tango transfer", "`/tango requests", "No command moves money", "Only you see"}},
		{"help", []string{"`/tango accounts", "`/tango customer", "Example"}},
		{"HELP", []string{"`/tango accounts"}},
		{"help me", []string{"`/tango accounts"}},
		{"  help  ", []string{"`/tango accounts"}},
		{"balence", []string{"`balence`", "Did you mean `/tango balance`", "Nothing was done"}},
		{"bal", []string{"Did you mean `/tango balance`"}},
		{"transfert 500", []string{"Did you mean `/tango transfer`"}},
		{"tranfser", []string{"Did you mean `/tango transfer`"}},
		{"acount x", []string{"Did you mean `/tango account`"}},
		{"custmers", []string{"Did you mean `/tango customers`"}},
		{"reqests", []string{"Did you mean `/tango requests`"}},
		{"hlep", []string{"Did you mean `/tango help`"}},
		{"pay lena", []string{"does not know `pay`", "`/tango help` lists all"}},
		{"?", []string{"`/tango help` lists all"}},
		{"<!channel>", []string{"`/tango help` lists all"}},
		{"`code`", []string{"does not know `'code'`"}},
		{strings.Repeat("x", 3000), []string{"…`", "`/tango help` lists all"}},
		{"account", []string{"Which one?", "`/tango account <id>`", "`/tango accounts`"}},
		{"customer", []string{"Which one?", "`/tango customers`"}},
		{"customer  ", []string{"Which one?"}},
	} {
		t.Run(fmt.Sprintf("%.20q", c.typed), func(t *testing.T) {
			b.tb = t
			said := b.types("U0LENA", c.typed)
			has(t, strings.NewReplacer("&lt;", "<", "&gt;", ">").Replace(said), c.says...)
			safe(t, "the reply", map[string]string{"text": said})
			if n := b.questions.len(); n != 0 {
				t.Errorf("%d questions queued", n)
			}
		})
	}
	b.tb = t
	if strings.Contains(b.types("U0LENA", "pay lena"), "Did you mean") {
		t.Error("a guess where there is nothing near")
	}
	// The name of the command is the one that was typed: development has one of its own.
	d, _ := b.LastDelivery(slacksim.ToCommands)
	body, err := slacksim.EditForm(d.Body, func(v url.Values) { v.Set("command", "/tango-dev"); v.Set("text", "help") })
	if err != nil {
		t.Fatal(err)
	}
	has(t, b.delivered(slacksim.ToCommands, body), "`/tango-dev balance")
}

// tangoFails makes all three tries of the next read go wrong.
func (b *bot) tangoFails(on string, f tangosim.Fault) {
	f.On = on
	b.tango.Arm(f, f, f)
}

func TestBalances(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	for _, c := range []struct {
		typed string
		says  []string
		not   []string
	}{
		{"balance employee-rewards", []string{"Balance.", "Employee Rewards `employee-rewards`: 24,500.00 USD", "Read from Tango"}, []string{"low"}},
		{"balance EMPLOYEE-REWARDS", []string{"24,500.00 USD"}, nil},
		{"balance Employee Rewards", []string{"24,500.00 USD"}, []string{"8,125.50"}},
		{`balance "Employee Rewards"`, []string{"24,500.00 USD"}, nil},
		{"balance “Marketing US”", []string{"8,125.50 USD"}, nil},
		{"balance A10000001", []string{"24,500.00 USD"}, nil},
		{"balance sales-spiffs", []string{"312.75 USD", "low: under 1,000.00 USD"}, nil},
		{"balance employee-rewards marketing-us", []string{"Balances.", "24,500.00 USD", "8,125.50 USD"}, nil},
		{"balance employee-rewards, marketing-us", []string{"24,500.00 USD", "8,125.50 USD"}, nil},
		{`balance "Employee Rewards" europe-rewards`, []string{"24,500.00 USD", "12,050.00 EUR"}, nil},
		{"balance employee-rewards employee-rewards", []string{"24,500.00 USD"}, []string{"Balances."}},
		{"balance holiday-gifts", []string{"5,000.00 USD", "frozen by Tango"}, nil},
		{"balance", []string{"All balances.", "24,500.00 USD", "low: under", "frozen by Tango", "in 11 accounts", "accounts under the low-balance threshold", "EUR", "GBP", "CAD"}, nil},
		{"balance rewards", []string{"`rewards` could be", "Type one of these ids"}, []string{"USD"}},
		{"balance nothing-like-it", []string{"Tango knows no account `nothing-like-it`"}, nil},
		{"balance x!", []string{"names no account", "`/tango accounts` lists them"}, nil},
		{"balance <@U0MAYA>", []string{"names no account"}, nil},
		{"balance a b c d e f g h i j k", []string{"You named 11 accounts; at most 10"}, nil},
	} {
		t.Run(c.typed, func(t *testing.T) {
			b.tb = t
			m := b.asks("U0LENA", c.typed)
			has(t, m.Text, c.says...)
			lacks(t, m.Text, c.not...)
			safe(t, "the answer", m)
		})
	}
	b.tb = t
	if got := len(b.Messages("C0APPROVE")) + len(b.Messages("C0GENERAL")); got != 0 {
		t.Errorf("%d public messages", got)
	}
}

// An account that was opened since the last refresh is asked for by its id all the same.
func TestBalanceOfANewAccount(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.tango.AddAccount(tangosim.Account{Customer: "acme-rewards", ID: "brand-new", Name: "Brand New", Currency: "USD", Cents: 700})
	has(t, b.asks("U0LENA", "balance brand-new").Text, "Brand New `brand-new`: 7.00 USD")
}

func TestBalancesOfThousands(t *testing.T) {
	t.Parallel()
	b := newBot(t, func(o *options) { o.seed = func(s *tangosim.Sim) { s.Demo(); s.Bulk(2300) } })
	m := b.asks("U0LENA", "balance")
	has(t, m.Text, "in 2000 accounts", "the first of more", "under the low-balance threshold", "`bulk-000000`")
	has(t, words(m.Blocks), "List all accounts")
	if n := utf8.RuneCountInString(m.Text); n > 4000 {
		t.Errorf("%d characters", n)
	}
	if n := b.tango.Requests()["GET /accounts"]; n > 10+12 {
		t.Errorf("%d calls to Tango", n)
	}
	// From there the pages can be turned.
	b.presses("U0LENA", m, "next")
	b.settle()
	list := b.Ephemerals("U0LENA")
	has(t, list[len(list)-1].Text, "Accounts.", "`employee-rewards`", "There are more; press Next.")
}

func TestTangoDown(t *testing.T) {
	t.Parallel()
	down := tangosim.Fault{StatusBefore: http.StatusServiceUnavailable, Plain: true}
	for _, c := range []struct {
		name, typed, on string
		fault           tangosim.Fault
		says            []string
	}{
		{"one balance", "balance employee-rewards", "GET /accounts/{a}", down, []string{"Tango does not answer: last known balances", "24,500.00 USD, read <!date", "not today's figures"}},
		{"two balances", "balance employee-rewards marketing-us", "GET /accounts/{a}", down, []string{"last known balances", "24,500.00 USD, read", "8,125.50 USD, read"}},
		{"all balances", "balance", "GET /accounts", down, []string{"last known balances", "312.75 USD", "low: under", "read <!date"}},
		{"cut off", "balance employee-rewards", "GET /accounts/{a}", tangosim.Fault{DropBefore: true}, []string{"last known balances", "24,500.00 USD"}},
		{"a limit", "balance employee-rewards", "GET /accounts/{a}", tangosim.Fault{StatusBefore: 429, Key: "429.002"}, []string{"last known balances", "24,500.00 USD"}},
		{"an account never read", "balance brand-new", "GET /accounts/{a}", down, []string{"did not answer", "No money moved", "quote reference"}},
		{"accounts", "accounts", "GET /accounts", down, []string{"did not answer", "quote reference"}},
		{"accounts, a limit", "accounts", "GET /accounts", tangosim.Fault{StatusBefore: 429, Key: "429.002"}, []string{"Tango is limiting", "try again in a minute"}},
		{"an account", "account employee-rewards", "GET /accounts/{a}", down, []string{"did not answer"}},
		{"customers", "customers", "GET /customers", down, []string{"did not answer"}},
		{"a customer", "customer acme-rewards", "GET /customers/{c}", down, []string{"did not answer"}},
		{"a wrong key", "account employee-rewards", "GET /accounts/{a}", tangosim.Fault{StatusBefore: 401, Key: "401.501"}, []string{"platform name or key is wrong", "No money moved"}},
		{"forbidden", "accounts", "GET /accounts", tangosim.Fault{StatusBefore: 403, Key: "403.001"}, []string{"not allowed to do that"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			b.clock.Advance(time.Minute)
			b.tangoFails(c.on, c.fault)
			m := b.asks("U0LENA", c.typed)
			has(t, m.Text, c.says...)
			lacks(t, m.Text, "status 5", "http", "dial", "EOF", "unavailable")
			b.tango.Disarm()
		})
	}
	t.Run("one of two is known", func(t *testing.T) {
		t.Parallel()
		b := newBot(t)
		b.tangoFails("GET /accounts/{a}", down)
		has(t, b.asks("U0LENA", "balance employee-rewards brand-new").Text, "24,500.00 USD", "`brand-new`")
	})
}

func TestAccountsPages(t *testing.T) {
	t.Parallel()
	b := newBot(t, func(o *options) { o.seed = func(s *tangosim.Sim) { s.Bulk(35) } })
	m := b.asks("U0LENA", "accounts status:active")
	shown := func(m slacksim.Message) (first string, n int) {
		n = strings.Count(m.Text, "`bulk-0")
		return m.Text[strings.Index(m.Text, "`bulk-0"):][:13], n
	}
	page := func(action, want string, count int) {
		t.Helper()
		b.presses("U0LENA", m, action)
		b.settle()
		list := b.Ephemerals("U0LENA")
		m = list[len(list)-1]
		if first, n := shown(m); first != want || n != count {
			t.Errorf("%s: begins with %s, %d accounts; want %s, %d", action, first, n, want, count)
		}
		has(t, m.Text, "Filtered by `status:active`")
	}
	if first, n := shown(m); first != "`bulk-000000`" || n != 10 {
		t.Errorf("the first page begins with %s and has %d", first, n)
	}
	lacks(t, words(m.Blocks), "Prev")
	page("next", "`bulk-000010`", 10)
	has(t, words(m.Blocks), "← Prev", "Next →")
	page("next", "`bulk-000020`", 10)
	page("next", "`bulk-000030`", 5)
	lacks(t, words(m.Blocks), "Next")
	page("prev", "`bulk-000020`", 10)
	page("prev", "`bulk-000010`", 10)
	page("next", "`bulk-000020`", 10)
	page("prev", "`bulk-000010`", 10)
	page("prev", "`bulk-000000`", 10)
	lacks(t, words(m.Blocks), "Prev")
	if n := len(b.Ephemerals("U0LENA")); n != 1 {
		t.Errorf("%d messages for one list", n)
	}
	has(t, string(m.Blocks), `"accessibility_label":"Next page"`)
}

// A list that came by direct message is turned there: its blocks then need ids of their own at each page.
func TestPagesInADirectMessage(t *testing.T) {
	t.Parallel()
	b := newBot(t, func(o *options) { o.seed = func(s *tangosim.Sim) { s.Bulk(35) } })
	b.types("U0LENA", "accounts")
	b.clock.Advance(31 * time.Minute)
	b.settle()
	list := b.Messages("U0LENA")
	m := list[len(list)-1]
	has(t, m.Text, "`bulk-000009`")
	b.presses("U0LENA", m, "next")
	b.settle()
	m, _ = b.Message(m.Channel, m.TS)
	has(t, m.Text, "`bulk-000010`")
	b.presses("U0LENA", m, "next")
	b.settle()
	m, _ = b.Message(m.Channel, m.TS)
	has(t, m.Text, "`bulk-000020`")
}

func TestAccountLists(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	for _, c := range []struct {
		typed string
		says  []string
		not   []string
	}{
		{"accounts", []string{"`employee-rewards`", "There are more; press Next"}, nil},
		{"accounts marketing", []string{"`marketing-us`", "`marketing-events`"}, []string{"`sales-spiffs`"}},
		{"accounts marketing events", []string{"`marketing-events`"}, []string{"`marketing-us`"}},
		{`accounts "Marketing US"`, []string{"`marketing-us`"}, []string{"`marketing-events`"}},
		{"accounts currency:EUR", []string{"`europe-rewards`", "`europe-events`"}, []string{"`marketing-us`"}},
		{"accounts currency:eur,gbp", []string{"`europe-rewards`", "`uk-rewards`"}, []string{"`marketing-us`"}},
		{"accounts status:frozen", []string{"`holiday-gifts`"}, []string{"`marketing-us`"}},
		{"accounts STATUS:FROZEN", []string{"`holiday-gifts`"}, nil},
		{"accounts customer:acme-europe", []string{"`europe-rewards`"}, []string{"`marketing-us`"}},
		{"accounts number:a10000001", []string{"`employee-rewards`"}, []string{"`marketing-us`"}},
		{"accounts min:10,000", []string{"`employee-rewards`"}, []string{"`marketing-us`"}},
		{"accounts max:500 currency:USD", []string{"`sales-spiffs`", "`old-campaign`"}, []string{"`marketing-us`"}},
		{"accounts min:0 max:20", []string{"`old-campaign`"}, []string{"`sales-spiffs`"}},
		{"accounts created:2023-03-01..2023-03-31", []string{"`employee-rewards`"}, []string{"`marketing-us`"}},
		{"accounts created:2023-03-12", []string{"`employee-rewards`"}, []string{"`marketing-us`"}},
		{"accounts created:2024-08-01..", []string{"`uk-rewards`", "`holiday-gifts`"}, []string{"`marketing-us`"}},
		{"accounts created:..2023-03-31", []string{"`employee-rewards`"}, []string{"`marketing-us`"}},
		{"accounts email:uk.rewards@acme.example", []string{"`uk-rewards`"}, []string{"`marketing-us`"}},
		{"accounts notify:finance@acme.example currency:GBP", []string{"`uk-rewards`"}, []string{"`marketing-us`"}},
		{"accounts nothing like it", []string{"No account matches", "lists all"}, nil},
		{"accounts customer:nobody-here", []string{"Tango knows no customer `nobody-here`"}, nil},
		{"accounts colour:red", []string{"no filter `colour:`", "status, currency, customer"}, nil},
		{"accounts status:", []string{"needs a value right behind the colon"}, nil},
		{"accounts status: active", []string{"needs a value right behind the colon"}, nil},
		{"accounts status:active status:frozen", []string{"stands there twice"}, nil},
		{"accounts status:sleeping", []string{"`sleeping` is no status", "active, inactive, disabled, frozen, deleted"}, nil},
		{"accounts currency:dollars", []string{"`dollars` is no currency code"}, nil},
		{"accounts currency:USD,", []string{"is no currency code"}, nil},
		{"accounts min:lots", []string{"`min:` cannot be read"}, nil},
		{"accounts max:1,50", []string{"`max:` cannot be read", "two ways"}, nil},
		{"accounts min:-5", []string{"`min:` cannot be read", "without a sign"}, []string{"swap the accounts"}},
		{"accounts min:500 max:100", []string{"`min:` is above `max:`"}, nil},
		{"accounts customer:no", []string{"takes an id of 5 to 100"}, nil},
		{"accounts customer:../../x", []string{"takes an id of 5 to 100"}, nil},
		{"accounts created:yesterday", []string{"takes days such as"}, nil},
		{"accounts created:..", []string{"takes days such as"}, nil},
		{"accounts created:2026-02-30", []string{"takes days such as"}, nil},
		{"accounts created:2026-02-01..2026-01-01", []string{"first day of `created:` is after the last"}, nil},
		{"account employee-rewards", []string{"24,500.00 USD", "active", "A10000001", "2,500.00 USD", "employee.rewards@acme.example", "finance@acme.example", "12 Mar 2023"}, nil},
		{"account marketing us", []string{"8,125.50 USD"}, nil},
		{"account rewards", []string{"could be"}, nil},
		{"account employee-rewards marketing-us", []string{"Name one account"}, nil},
		{"account nothing-like-it", []string{"Tango knows no account"}, nil},
		{"account holiday-gifts", []string{"frozen by Tango"}, nil},
		{"customers", []string{"Acme Rewards `acme-rewards`", "Acme Europe `acme-europe`", "accounts, active"}, nil},
		{"customers europe", []string{"`acme-europe`"}, []string{"`acme-rewards`"}},
		{"customers created:2024-01-01..", []string{"`acme-europe`"}, []string{"`acme-rewards`"}},
		{"customers account:uk-rewards", []string{"`acme-europe`"}, []string{"`acme-rewards`"}},
		{"customers account-status:frozen", []string{"`acme-rewards`"}, []string{"`acme-europe`"}},
		{"customers nobody", []string{"No customer matches"}, nil},
		{"customers currency:USD", []string{"no filter `currency:`", "account-number"}, nil},
		{"customers account-status:odd", []string{"is no status"}, nil},
		{"customers account:x", []string{"takes an id"}, nil},
		{"customers account-created:2026", []string{"takes days such as"}, nil},
		{"customer acme-rewards", []string{"Acme Rewards `acme-rewards`", "8 accounts", "Employee Rewards `employee-rewards`: USD, active", "frozen by Tango"}, nil},
		{"customer nobody-here", []string{"Tango knows no customer `nobody-here`"}, nil},
		{"customer Acme Rewards", []string{"is no customer id"}, nil},
		{"requests", []string{"There is no open request"}, nil},
		{"requests mine", []string{"You have not asked for anything yet"}, nil},
		{"requests waiting", []string{"No request waits for you"}, nil},
		{"requests in-doubt", []string{"No request is in doubt"}, nil},
		{"requests in doubt", []string{"No request is in doubt"}, nil},
		{"requests TB-00000000", []string{"There is no request `TB-00000000`"}, nil},
		{"requests old", []string{"`old` is neither a request", "mine, waiting, in-doubt"}, nil},
	} {
		t.Run(c.typed, func(t *testing.T) {
			b.tb = t
			m := b.asks("U0LENA", c.typed)
			has(t, m.Text, c.says...)
			lacks(t, m.Text, c.not...)
			safe(t, "the answer", m)
		})
	}
	b.tb = t
}

func TestAnAccountsButtons(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	m := b.asks("U0LENA", "account employee-rewards")
	b.presses("U0LENA", m, "transfer_from")
	if v := b.top("U0LENA").Inputs.Values["from"]["value"]; v.SelectedOption == nil || v.SelectedOption.Value != "employee-rewards" {
		t.Errorf("the form begins with %+v", v)
	}
	b.closes("U0LENA")
	b.presses("U0LENA", m, "transfer_to")
	if v := b.top("U0LENA").Inputs.Values["to"]["value"]; v.SelectedOption == nil || v.SelectedOption.Value != "employee-rewards" {
		t.Errorf("the form begins with %+v", v)
	}
	// Who may look, but not ask, gets no button; nor does an account that cannot move money.
	lacks(t, words(b.asks("U0VERA", "account employee-rewards").Blocks), "Transfer")
	lacks(t, words(b.asks("U0LENA", "account holiday-gifts").Blocks), "Transfer")
	has(t, b.types("U0VERA", "transfer"), "You may not ask for changes")
}
