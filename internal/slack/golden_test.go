package slack_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares JSON with a file of testdata.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "golden", name+".json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, out.Bytes()) {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", file, out.String())
	}
}

// aDay is when everything in the golden files happens.
func aDay() time.Time { return time.Date(2026, time.November, 24, 9, 0, 0, 0, time.UTC) }

// pendingRequest is a request as it was just made, with these names for its accounts and its note.
func pendingRequest(name, note string) treasury.Request {
	action := treasury.Action{Kind: treasury.ActionTransfer, Transfer: &treasury.Transfer{
		From:   treasury.AccountRef{ID: "employee-rewards", Number: "A10000001", Name: name},
		To:     treasury.AccountRef{ID: "marketing-us", Number: "A10000002", Name: "Marketing US"},
		Amount: money.New(70000, "USD"), Note: note,
	}}
	return treasury.Request{
		ID: "TB-7K3M9XQ2", Action: action, Hash: action.Hash(), Requester: "U0LENA", State: treasury.StatePending, Step: 1,
		Rule: treasury.RuleApplied{Number: 3, Approvals: 2, From: []string{"finance"}}, CreatedAt: aDay(), ExpiresAt: aDay().Add(24 * time.Hour),
		Seen: []treasury.BalanceRead{
			{Account: "employee-rewards", Balance: money.New(2450000, "USD"), At: aDay().Add(-5 * time.Minute)},
			{Account: "marketing-us", Balance: money.New(812550, "USD"), At: aDay().Add(-5 * time.Minute)},
		},
	}
}

// after lets events happen to a request, a minute apart, as the desk does.
func after(t *testing.T, r treasury.Request, events ...treasury.Event) treasury.Request {
	t.Helper()
	for _, e := range events {
		if e.At.IsZero() {
			e.At = aDay().Add(time.Duration(r.Step) * time.Minute)
		}
		next, err := treasury.Next(r, e)
		if err != nil {
			t.Fatalf("%s: %v", e.Kind, err)
		}
		r = next
	}
	return r
}

func vote(r treasury.Request, person string, approve bool, comment string) treasury.Event {
	return treasury.Event{
		Kind: treasury.EventVote, By: person, Eligible: true, DueAt: aDay().Add(4 * time.Minute),
		Vote: treasury.Vote{Approve: approve, Comment: comment, Hash: r.Hash},
	}
}

// stage is a request at one point of its life.
type stage struct {
	name string
	r    treasury.Request
}

func stages(t *testing.T) []stage {
	t.Helper()
	p := pendingRequest("Employee Rewards", "spring event")
	one := after(t, p, vote(p, "U0MAYA", true, "as planned"))
	approved := after(t, one, vote(p, "U0RAVI", true, ""))
	due := aDay().Add(5 * time.Minute)
	claim := treasury.Event{Kind: treasury.EventClaim, At: due, Valid: 2, NotAfter: due.Add(2 * time.Minute)}
	attempt := func(e treasury.Event, n int) treasury.Event { e.Attempt = fmt.Sprintf("TB-7K3M9XQ2.%d", n); return e }
	claimed := after(t, approved, claim)
	sending := after(t, claimed, attempt(treasury.Event{Kind: treasury.EventSend, At: due}, 1))
	answer := func(a treasury.Answer) treasury.Event {
		return attempt(treasury.Event{Kind: treasury.EventAnswer, At: due.Add(time.Second), Answer: a}, 1)
	}
	usd := func(n int64) money.Amount { return money.New(n, "USD") }
	done := treasury.Answer{
		Verdict: treasury.VerdictDone, Status: 200, Request: "req-123", Moved: usd(70000), FromBefore: usd(2450000), FromAfter: usd(2380000),
		ToBefore: usd(812550), ToAfter: usd(882550), FromName: "Employee Rewards", ToName: "Marketing US", At: due.Add(time.Second),
	}
	free := pendingRequest("Employee Rewards", "")
	free.State, free.Rule, free.DueAt = treasury.StateApproved, treasury.RuleApplied{Number: 1}, aDay().Add(time.Minute)
	list := []stage{
		{"pending", p},
		{"pending-one-of-two", one},
		{"approved", approved},
		{"approved-without-approvals", free},
		{"approved-after-a-try", after(t, sending, answer(treasury.Answer{Verdict: treasury.VerdictUnsent}))},
		{"claimed", claimed},
		{"sending", sending},
		{"succeeded", after(t, sending, answer(done))},
		{"denied", after(t, one, vote(p, "U0RAVI", false, "wrong account"))},
		{"taken-back", after(t, p, treasury.Event{Kind: treasury.EventCancel, By: "U0LENA"})},
		{"stopped", after(t, approved, treasury.Event{Kind: treasury.EventCancel, By: "U0MAYA", Eligible: true})},
		{"expired", after(t, p, treasury.Event{Kind: treasury.EventExpire, At: aDay().Add(24 * time.Hour)})},
		{"failed-insufficient", after(t, claimed, attempt(treasury.Event{Kind: treasury.EventRefuse, At: due, Reason: treasury.ReasonInsufficient}, 1))},
		{"failed-refused", after(t, sending, answer(treasury.Answer{Verdict: treasury.VerdictRefused, Status: 403, Key: "403.001", Request: "req-124"}))},
		{"in-doubt-lost", after(t, sending, treasury.Event{Kind: treasury.EventLost, At: due.Add(time.Hour)})},
	}
	for _, d := range []treasury.Doubt{
		treasury.DoubtNoAnswer, treasury.DoubtServer, treasury.DoubtRedirect, treasury.DoubtUnreadable, treasury.DoubtMismatch,
		treasury.DoubtDuplicate, treasury.DoubtStatus, treasury.DoubtResent,
	} {
		a := treasury.Answer{Verdict: treasury.VerdictUnknown, Doubt: d, Status: 500, Mismatch: "toAccount.amount"}
		list = append(list, stage{"in-doubt-" + string(d), after(t, sending, answer(a))})
	}
	for _, reason := range []treasury.Reason{
		treasury.ReasonAuthority, treasury.ReasonRule, treasury.ReasonTooLate, treasury.ReasonLimit,
	} {
		list = append(list, stage{"cancelled-" + string(reason), after(t, approved, treasury.Event{Kind: treasury.EventCancel, Reason: reason})})
	}
	for _, reason := range []treasury.Reason{treasury.ReasonInactive, treasury.ReasonCurrency, treasury.ReasonUnknown} {
		list = append(list, stage{"failed-" + string(reason), after(t, claimed, attempt(treasury.Event{Kind: treasury.EventRefuse, At: due, Reason: reason}, 1))})
	}
	last := sending
	for n := 2; n <= treasury.MaxAttempts; n++ {
		last = after(t, last, attempt(treasury.Event{Kind: treasury.EventAnswer, At: due, Answer: treasury.Answer{Verdict: treasury.VerdictUnsent}}, n-1),
			claim, attempt(treasury.Event{Kind: treasury.EventSend, At: due}, n))
	}
	return append(list, stage{"failed-attempts", after(t, last, attempt(treasury.Event{Kind: treasury.EventAnswer, At: due, Answer: treasury.Answer{Verdict: treasury.VerdictUnsent}}, treasury.MaxAttempts))})
}

// posted is a message as it goes to Slack.
type posted struct {
	Text   string          `json:"text"`
	Blocks []slackgo.Block `json:"blocks"`
}

// sound fails when Slack would not take a message, or people could not use it.
func sound(t *testing.T, m slack.Message) posted {
	t.Helper()
	p := posted(m)
	body, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range slacksim.CheckUpdate(body) {
		t.Errorf("Slack would mind: %s", problem)
	}
	if n := utf8.RuneCountInString(m.Text); n > 4000 {
		t.Errorf("a text of %d characters", n)
	}
	safe(t, "the message", p)
	named(t, body)
	return p
}

// named fails when a button that is red, green or without words of its own has no name for a screen reader.
func named(t *testing.T, body []byte) {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			if v["type"] == "button" {
				text := v["text"].(map[string]any)["text"].(string)
				clear := len(strings.Fields(text)) > 2 || text == "Deny…"
				if v["accessibility_label"] == nil && !clear {
					t.Errorf("button %q has no accessibility label", text)
				}
			}
			for _, one := range v {
				walk(one)
			}
		}
	}
	walk(v)
}

func soundView(t *testing.T, v any) {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range slacksim.CheckView(body) {
		t.Errorf("Slack would mind: %s", problem)
	}
	safe(t, "the view", v)
}

func TestCards(t *testing.T) {
	t.Parallel()
	for _, s := range stages(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for kind, m := range map[string]slack.Message{"card": slack.Card(s.r, treasury.Notice{}), "direct": slack.DirectMessage(s.r, treasury.Notice{})} {
				p := sound(t, m)
				golden(t, kind+"-"+s.name, p)
				// What notifications and screen readers get has to carry all of it.
				has(t, m.Text, "<@U0LENA>", "700.00 USD", "Employee Rewards `employee-rewards`", "Marketing US `marketing-us`", slack.StateWord(s.r), s.r.ID)
				for _, v := range s.r.Votes {
					has(t, m.Text, "<@"+v.Person+">")
				}
				body, err := json.Marshal(p.Blocks)
				if err != nil {
					t.Fatal(err)
				}
				buttons := strings.Contains(string(body), `"type":"button"`)
				if open := s.r.State == treasury.StatePending || s.r.State == treasury.StateApproved; buttons != open {
					t.Errorf("%s: buttons %v in state %s", kind, buttons, s.r.State)
				}
				if s.r.State.IsFinal() && s.r.State != treasury.StateSucceeded {
					has(t, m.Text, "no money moved")
				}
				if buttons && !strings.Contains(string(body), fmt.Sprintf("-%s-%d", s.r.ID, s.r.Step)) {
					t.Errorf("%s: the buttons' block id does not change with the step: %s", kind, body)
				}
				lacks(t, string(body), `"value":"700`, `"value":"employee`)
			}
		})
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	p := pendingRequest("Employee Rewards", "spring event")
	from, to := p.Action.Transfer.From, p.Action.Transfer.To
	preview := treasury.Preview{
		Action: p.Action, Rule: p.Rule, Effects: []treasury.Effect{
			{Account: treasury.Account{Balance: money.New(2450000, "USD")}, After: money.New(2380000, "USD"), At: aDay()},
			{Account: treasury.Account{Balance: money.New(812550, "USD")}, After: money.New(882550, "USD"), At: aDay()},
		},
	}
	low := preview
	low.Effects, low.Rule = slices.Clone(preview.Effects), treasury.RuleApplied{Number: 1}
	low.Effects[0].Low = true
	b := newBot(t)
	form := func(d treasury.Draft, unread bool, remarks ...string) slackgo.ModalViewRequest {
		d.ID, d.Kind = p.ID, treasury.ActionTransfer
		v, err := b.edge.FormView(t.Context(), d, remarks, unread)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	draft := treasury.Draft{ID: p.ID, Kind: treasury.ActionTransfer, From: from.ID, To: to.ID, Amount: "700", Note: "spring event"}
	for name, v := range map[string]slackgo.ModalViewRequest{
		"transfer-empty":   form(treasury.Draft{}, false),
		"transfer-filled":  form(draft, false),
		"transfer-remarks": form(treasury.Draft{}, false, "“rewards” could be a, b, c or more. Choose one below.", "The note was cut to its first characters."),
		"transfer-unread":  form(treasury.Draft{}, true),
		"check":            slack.CheckView(draft, preview),
		"check-warnings":   slack.CheckView(draft, low),
		"approve":          slack.DecisionView(p, true),
		"deny":             slack.DecisionView(p, false),
		"review":           slack.ReviewView(p),
		"words":            slack.WordsView("Not done", "You made this request, so somebody else must decide on it. Nothing was changed."),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			soundView(t, v)
			golden(t, "form-"+name, v)
			body, err := json.Marshal(v.Blocks)
			if err != nil {
				t.Fatal(err)
			}
			if name == "approve" || name == "deny" || name == "review" || name == "check" {
				has(t, words(body), "700.00 USD", "employee-rewards", "marketing-us", "spring event")
			}
		})
	}
}

// goldenBot is a bot whose day and ids are always the same.
func goldenBot(t *testing.T) *bot {
	t.Helper()
	b := newBot(t, func(o *options) {
		o.start = aDay()
		o.policy = strings.Replace(o.policy, "undo: 60s", "undo: 15m", 1) // nothing is sent on this day
		o.seed = func(s *tangosim.Sim) { s.Demo(); s.Bulk(3) }
	})
	for n, c := range []struct{ person, from, to, amount, note string }{
		{"U0LENA", "employee-rewards", "marketing-us", "700", "spring event"},
		{"U0MAYA", "employee-rewards", "sales-spiffs", "250", ""},
		{"U0LENA", "europe-rewards", "europe-events", "50", "R&D"},
	} {
		r, err := b.desk.Submit(t.Context(), c.person, treasury.Draft{ID: fmt.Sprintf("TB-0000000%d", n+1), Kind: treasury.ActionTransfer, From: c.from, To: c.to, Amount: c.amount, Note: c.note})
		if err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(time.Minute)
		if n == 1 {
			if _, err := b.desk.Vote(t.Context(), "U0RAVI", r.ID, r.Hash, true, "fine"); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.settle()
	b.clock.Advance(time.Minute)
	return b
}

func TestListsAndHome(t *testing.T) {
	t.Parallel()
	b := goldenBot(t)
	for _, c := range []struct{ name, person, typed string }{
		{"balance-one", "U0LENA", "balance sales-spiffs"},
		{"balance-some", "U0LENA", "balance employee-rewards europe-rewards"},
		{"balance-all", "U0LENA", "balance"},
		{"accounts", "U0LENA", "accounts currency:USD"},
		{"accounts-none", "U0LENA", "accounts nothing like it"},
		{"account", "U0LENA", "account employee-rewards"},
		{"account-low", "U0VERA", "account sales-spiffs"},
		{"customers", "U0LENA", "customers"},
		{"customer", "U0LENA", "customer acme-europe"},
		{"requests-open", "U0LENA", "requests"},
		{"requests-mine", "U0LENA", "requests mine"},
		{"requests-waiting", "U0RAVI", "requests waiting"},
		{"requests-in-doubt", "U0LENA", "requests in-doubt"},
		{"request", "U0LENA", "requests TB-00000002"},
		{"mistake", "U0LENA", "accounts colour:red"},
		{"cards", "U0LENA", "cards"},
		{"cards-all", "U0VERA", "cards employee-rewards all"},
		{"cards-none", "U0VERA", "cards last:9999"},
		{"card", "U0LENA", "card 1111"},
		{"card-viewer", "U0VERA", "card Marketing Amex"},
		{"deposit-none", "U0VERA", "deposit RAD-200101-9999"},
	} {
		b.asks(c.person, c.typed)
		calls := b.Calls("response_url")
		args := calls[len(calls)-1].Args
		golden(t, "list-"+c.name, args)
		message, err := json.Marshal(map[string]any{"text": args["text"], "blocks": args["blocks"]})
		if err != nil {
			t.Fatal(err)
		}
		if args["blocks"] != nil {
			for _, problem := range slacksim.CheckMessage(message) {
				t.Errorf("%s: Slack would mind: %s", c.name, problem)
			}
			named(t, message)
		}
		safe(t, c.name, args)
	}
	for name, person := range map[string]string{"requester": "U0LENA", "approver": "U0RAVI", "viewer": "U0VERA", "guest": "U0GUS"} {
		if _, err := b.OpenHome(t.Context(), person); err != nil {
			t.Fatal(err)
		}
		calls := b.Calls("views.publish")
		view := calls[len(calls)-1].Args["view"]
		golden(t, "home-"+name, view)
		soundView(t, view)
	}
}
