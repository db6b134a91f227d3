package treasury_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

const policyText = `workspace: T0ACME
channels: {approvals: C0APPROVE, alerts: C0ALERTS}
groups:
  finance: [U0MAYA, U0RAVI]
  rewards: [U0LENA, U0MAYA]
  viewers: [U0VERA]
view: [finance, rewards, viewers]
request: [finance, rewards]
rules:
  - {action: transfer, up_to: {USD: 50, EUR: 50}, approvals: 0}
  - {action: transfer, accounts: ["marketing-*"], up_to: {USD: 5000}, approvals: 1, from: [finance]}
  - {action: transfer, up_to: {USD: 100000, EUR: 100000}, approvals: 1, from: [finance, rewards]}
  - {action: "*", approvals: 2, from: [finance]}
limits:
  - {per: requester, window: 24h, up_to: {USD: 10000}}
expire_after: 24h
remind_after: 4h
undo: 60s
low_balance:
  default: {USD: 1000}
  accounts: {employee-rewards: {USD: 2500.50}}
cards: {registration: page}
tango: {transfer: POST, references: attach}
`

func parsePolicy(t *testing.T, text string) *treasury.Policy {
	t.Helper()
	p, err := treasury.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatalf("policy: %v", err)
	}
	return p
}

func TestPolicyIsRead(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, policyText)
	if p.Workspace != "T0ACME" || p.Approvals != "C0APPROVE" || p.Undo != time.Minute || p.Expire != 24*time.Hour || p.Method != "POST" {
		t.Errorf("read %+v", p)
	}
	if got := p.Low.Accounts["employee-rewards"]["USD"]; got != money.New(250050, "USD") {
		t.Errorf("threshold with cents: %v", got)
	}
}

func transferOf(from, to string, hundredths int64, c money.Currency) treasury.Action {
	return treasury.Action{Kind: treasury.ActionTransfer, Transfer: &treasury.Transfer{
		From: treasury.AccountRef{ID: from}, To: treasury.AccountRef{ID: to}, Amount: money.New(hundredths, c),
	}}
}

func TestFirstMatchingRuleDecides(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, policyText)
	for _, c := range []struct {
		name   string
		action treasury.Action
		rule   int // 0 for none
	}{
		{"small", transferOf("a-one", "b-two", 5000, "USD"), 1},
		{"a cent more", transferOf("a-one", "b-two", 5001, "USD"), 3},
		{"both accounts match the pattern", transferOf("marketing-us", "marketing-events", 5001, "USD"), 2},
		{"one account does not match the pattern", transferOf("marketing-us", "sales", 5001, "USD"), 3},
		{"a currency that up_to does not name", transferOf("a-one", "b-two", 1, "GBP"), 4},
		{"above every up_to", transferOf("a-one", "b-two", 10000001, "USD"), 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, number, ok := p.Match(c.action)
			if ok != (c.rule > 0) || number != c.rule {
				t.Errorf("rule %d (%v), want %d", number, ok, c.rule)
			}
		})
	}
	none := parsePolicy(t, strings.Replace(policyText, `  - {action: "*", approvals: 2, from: [finance]}`+"\n", "", 1))
	if _, number, ok := none.Match(transferOf("a-one", "b-two", 1, "GBP")); ok {
		t.Errorf("without a last rule, rule %d matched", number)
	}
}

func TestPolicyMistakesNameTheirLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, old, new string
		line           int
		text           string // part of the mistake
	}{
		{"unknown key", "undo: 60s", "undoo: 60s", 18, "undoo"},
		{"unknown key in a rule", "approvals: 0}", "approvals: 0, aproved: 1}", 10, "aproved"},
		{"not YAML", "view: [finance", "view: [[finance", 8, ""},
		{"a list with a tag of its own", "view: [finance", "view: !00\nx: [finance", 0, "YAML"},
		{"workspace missing", "workspace: T0ACME", "workspace: ''", 1, "workspace"},
		{"channel is a name", "C0APPROVE", "'#approvals'", 2, "channels.approvals"},
		{"group member is a name", "U0LENA, U0MAYA", "lena, U0MAYA", 5, `"lena"`},
		{"group member twice", "U0LENA, U0MAYA", "U0LENA, U0LENA", 5, "twice"},
		{"empty group", "[U0VERA]", "[]", 6, "nobody"},
		{"unknown group in view", "rewards, viewers]", "rewards, visitors]", 7, `"visitors"`},
		{"unknown group in a rule", "from: [finance]}\n  - {action: transfer, up_to: {USD: 100000", "from: [finanse]}\n  - {action: transfer, up_to: {USD: 100000", 11, `"finanse"`},
		{"unknown action", "action: transfer, up_to: {USD: 50,", "action: transfers, up_to: {USD: 50,", 10, `"transfers"`},
		{"amount with an exponent", "USD: 5000}", "USD: 5e3}", 11, `"5e3"`},
		{"amount negative", "USD: 5000}", "USD: -5}", 11, `"-5"`},
		{"amount with three decimals", "USD: 5000}", "USD: 5.001}", 11, `"5.001"`},
		{"currency in lower case", "USD: 5000}", "usd: 5000}", 11, `"usd"`},
		{"approvals missing", ", approvals: 0}", "}", 10, "approvals is missing"},
		{"approvals negative", "approvals: 0}", "approvals: -1}", 10, "0 to 10"},
		{"quorum larger than the group", "approvals: 2, from: [finance]", "approvals: 3, from: [finance]", 13, "only 2 people"},
		{"from without approvals", "approvals: 0}", "approvals: 0, from: [finance]}", 10, "no meaning"},
		{"approvals without from", "approvals: 2, from: [finance]}", "approvals: 2}", 13, "at least one group"},
		{"bad pattern", `["marketing-*"]`, `["marketing-["]`, 11, "malformed"},
		{"unreachable rule", "{USD: 5000}", "{USD: 50}", 11, "rule 2 can never be reached"},
		{"undo beyond the queue's delay", "undo: 60s", "undo: 16m", 18, "undo"},
		{"time without a unit", "expire_after: 24h", "expire_after: 24", 16, "expire_after"},
		{"limit without amounts", ", up_to: {USD: 10000}}", "}", 15, "up_to is missing"},
		{"unknown limit scope", "per: requester", "per: person", 15, `"person"`},
		{"threshold zero", "default: {USD: 1000}", "default: {USD: 0}", 20, `"0"`},
		{"unknown registration", "registration: page", "registration: pages", 22, `"pages"`},
		{"unknown method", "transfer: POST", "transfer: PUT", 23, `"PUT"`},
		{"no rules", policyText[strings.Index(policyText, "rules:"):strings.Index(policyText, "limits:")], "rules: []\n", 9, "at least one rule"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(policyText, c.old) {
				t.Fatalf("the sample has no %q", c.old)
			}
			_, err := treasury.ParsePolicy([]byte(strings.Replace(policyText, c.old, c.new, 1)))
			var mistakes *treasury.PolicyError
			if !errors.As(err, &mistakes) {
				t.Fatalf("accepted: %v", err)
			}
			for _, m := range mistakes.Mistakes {
				if m.Line == c.line && strings.Contains(m.Text, c.text) {
					return
				}
			}
			t.Errorf("no mistake on line %d with %q: %v", c.line, c.text, err)
		})
	}
}

func TestAllPolicyMistakesAreToldAtOnce(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("undo: 60s", "undo: 99h", "T0ACME", "acme", "U0VERA", "vera").Replace(policyText)
	_, err := treasury.ParsePolicy([]byte(text))
	var mistakes *treasury.PolicyError
	if !errors.As(err, &mistakes) || len(mistakes.Mistakes) != 3 {
		t.Fatalf("want three mistakes, got %v", err)
	}
	if mistakes.Mistakes[0].Line != 1 || mistakes.Mistakes[1].Line != 6 || mistakes.Mistakes[2].Line != 18 {
		t.Errorf("not in the order of lines: %v", err)
	}
}

func TestLowBalance(t *testing.T) {
	t.Parallel()
	low := parsePolicy(t, policyText).Low
	for _, c := range []struct {
		id      string
		balance money.Amount
		want    bool
	}{
		{"sales", money.New(99999, "USD"), true},
		{"sales", money.New(100000, "USD"), false},
		{"employee-rewards", money.New(250049, "USD"), true},
		{"employee-rewards", money.New(250050, "USD"), false},
		{"europe", money.New(1, "EUR"), false},
		{"unread", money.Amount{}, false},
	} {
		_, got := low.IsLow(treasury.Account{ID: c.id, Balance: c.balance})
		if got != c.want {
			t.Errorf("%s with %s: low %v, want %v", c.id, c.balance, got, c.want)
		}
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	s := treasury.NewSecret("hunter2")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		for _, v := range []any{s, &s, struct{ S treasury.Secret }{s}, []treasury.Secret{s}} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, "hunter2") || strings.Contains(strings.ToLower(got), "68756e74657232") {
				t.Errorf("%s prints %s", verb, got)
			}
		}
	}
}
