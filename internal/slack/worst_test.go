package slack_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/treasury"
)

// sayAll draws a worst case in every message that shows a request.
func TestWorstCases(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	for name, foreign := range map[string]string{
		"emoji":     strings.Repeat("👩‍💻🏳️‍🌈", 100),
		"RTL":       strings.Repeat("\u202eשלום", 40),
		"broadcast": strings.Repeat("<!channel>", 10),
		"stars":     strings.Repeat("*_~`", 25),
		"entities":  strings.Repeat("&", 100),
		"angles":    strings.Repeat("<>", 50),
		"plain":     strings.Repeat("N", 100),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := worst(foreign)
			for _, state := range treasury.States() {
				r := r
				r.State = state
				r.Answer = &treasury.Answer{
					Verdict: treasury.VerdictDone, Request: strings.Repeat("r", 100), Mismatch: strings.Repeat("`", 100), Doubt: treasury.DoubtMismatch,
					FromBefore: biggest(), FromAfter: biggest(), ToBefore: biggest(), ToAfter: biggest(), At: aDay(),
				}
				r.Attempt = &treasury.Attempt{ID: r.ID + ".3", SentAt: aDay()}
				sound(t, slack.Card(r, treasury.Notice{}))
				sound(t, slack.DirectMessage(r, treasury.Notice{}))
				sound(t, slack.RequestMessage(r, longHistory(r, foreign, 60), nil))
				sound(t, slack.RequestMessage(r, longHistory(r, foreign, 500), nil))
				sound(t, slack.RequestMessage(r, nil, errors.New("broken")))
				has(t, slack.Card(r, treasury.Notice{}).Text, slack.StateWord(r), r.ID, "10,000,000,000,000.00 USD", "`"+r.Action.Transfer.From.ID+"`", "`"+r.Action.Transfer.To.ID+"`", "<@U0LENA>")
			}
			soundView(t, slack.DecisionView(r, true))
			soundView(t, slack.DecisionView(r, false))
			soundView(t, slack.ReviewView(r))
			draft := treasury.Draft{ID: r.ID, From: r.Action.Transfer.From.ID, To: r.Action.Transfer.To.ID, Amount: strings.Repeat("9", 40), Note: foreign}
			soundView(t, slack.CheckView(draft, treasury.Preview{
				Action: r.Action, Rule: r.Rule, Effects: []treasury.Effect{
					{Account: treasury.Account{Balance: biggest()}, After: biggest(), At: aDay(), Low: true},
					{Account: treasury.Account{Balance: biggest()}, After: biggest(), At: aDay()},
				},
			}))
			b.desk.Learn(t.Context(), worstAccount(r.Action.Transfer.From), worstAccount(r.Action.Transfer.To))
			form, err := b.edge.FormView(t.Context(), treasury.Draft{
				ID: r.ID, Kind: treasury.ActionTransfer, From: r.Action.Transfer.From.ID, To: r.Action.Transfer.To.ID,
				Amount: strings.Repeat("9", 500), Note: clipped(foreign, treasury.MaxNote),
			}, []string{slack.Visible(foreign), slack.Visible(foreign), slack.Visible(foreign)}, true)
			if err != nil {
				t.Fatal(err)
			}
			soundView(t, form)
			soundView(t, slack.WordsView(strings.Repeat("T", 60), strings.Repeat("<@U0LENA> ", 600)))
			account := treasury.Account{
				ID: r.Action.Transfer.From.ID, Number: strings.Repeat("A", 100), Name: foreign, Status: treasury.AccountStatus(foreign), Currency: "USD", Balance: biggest(),
				Email: strings.Repeat("e", 240) + "@acme.example", Created: aDay(),
			}
			for range 50 {
				account.Notify = append(account.Notify, strings.Repeat("n", 240)+"@acme.example")
			}
			reading := treasury.Reading{Account: account, At: aDay(), Threshold: biggest(), Low: true}
			sound(t, slack.AccountMessage(reading, true))
			var many []treasury.Reading
			for range 2000 {
				many = append(many, reading)
			}
			sound(t, slack.AllBalances(slack.Question{}, many, false))
			sound(t, slack.AllBalances(slack.Question{}, many[:12], true))
			sound(t, slack.AccountList(slack.Question{Ask: slack.AskAccounts, Words: foreign}, many[:10], "p", "n"))
			sound(t, slack.AccountList(slack.Question{Ask: slack.AskAccounts, Words: strings.Repeat(foreign, 20)}, many[:10], strings.Repeat("p", 2000), strings.Repeat("n", 2000)))
		})
	}
}

func clipped(s string, n int) string { return string([]rune(s)[:min(n, utf8.RuneCountInString(s))]) }

func biggest() money.Amount { return money.New(money.MaxHundredths, "USD") }

// worst is a request in which everything is as long as it can be.
func worst(foreign string) treasury.Request {
	r := pendingRequest(clipped(foreign, 100), clipped(strings.Repeat(foreign, 3), 150))
	t := *r.Action.Transfer
	t.From.ID, t.To.ID = strings.Repeat("f", 100), strings.Repeat("t", 100)
	t.To.Name, t.Amount = t.From.Name, biggest()
	r.Action.Transfer = &t
	r.Rule = treasury.RuleApplied{Number: 99, Approvals: 10, From: []string{strings.Repeat("g", 60), "&<>"}}
	r.Seen = []treasury.BalanceRead{{Account: t.From.ID, Balance: biggest(), At: aDay()}, {Account: t.To.ID, Balance: money.New(0, "USD"), At: aDay()}}
	for n := range 10 {
		r.Votes = append(r.Votes, treasury.Vote{Person: fmt.Sprintf("U0VOTER%04d", n), Approve: true, Comment: clipped(strings.Repeat(foreign, 10), 500), At: aDay()})
	}
	r.Step, r.DueAt, r.ClosedAt, r.ClosedBy, r.Reason = 60, aDay(), aDay(), "U0LENA", treasury.ReasonRefused
	return r
}

// longHistory has votes with long comments, and for the rest tries that sent nothing.
func longHistory(r treasury.Request, foreign string, steps int) []treasury.Entry {
	var list []treasury.Entry
	for n := range steps {
		e := treasury.Entry{
			Request: r.ID, Step: n + 1, At: aDay(), Event: treasury.EventAnswer, To: treasury.StateApproved, Attempt: r.ID + ".1",
			Answer: &treasury.Answer{Verdict: treasury.VerdictUnknown, Doubt: treasury.DoubtMismatch, Mismatch: foreign},
		}
		if n < len(r.Votes) {
			e.Event, e.By, e.Approve, e.Comment = treasury.EventVote, r.Votes[n].Person, true, r.Votes[n].Comment
		}
		list = append(list, e)
	}
	return list
}

func TestAThousandOpenRequests(t *testing.T) {
	t.Parallel()
	b := newBot(t, func(o *options) { o.policy = strings.Replace(o.policy, "USD: 10000", "USD: 100000000", 1) })
	for n := range 1000 {
		person := []string{"U0LENA", "U0MAYA"}[n%2]
		_, err := b.desk.Submit(t.Context(), person, treasury.Draft{ID: fmt.Sprintf("TB-%08d", n), Kind: treasury.ActionTransfer, From: "employee-rewards", To: "marketing-us", Amount: "60", Note: "n"})
		if err != nil {
			t.Fatal(err)
		}
	}
	b.questions.list = nil
	for _, person := range []string{"U0LENA", "U0MAYA", "U0RAVI"} {
		if r, err := b.OpenHome(t.Context(), person); err != nil || r.Failure != "" {
			t.Fatalf("%v %s", err, r.Failure)
		}
		var blocks []json.RawMessage
		if err := json.Unmarshal(b.Home(person).Blocks, &blocks); err != nil || len(blocks) > 100 {
			t.Errorf("%s: %d blocks, %v", person, len(blocks), err)
		}
	}
	has(t, words(b.Home("U0RAVI").Blocks), "990 more: `/tango requests`")
	has(t, words(b.Home("U0LENA").Blocks), "490 more")
	m := b.asks("U0RAVI", "requests")
	has(t, m.Text, "Open requests: 1000", "press Next")
	b.presses("U0RAVI", m, "next")
	b.settle()
	has(t, b.Ephemerals("U0RAVI")[0].Text, "Open requests: 1000")
}

func worstAccount(ref treasury.AccountRef) treasury.Account {
	return treasury.Account{ID: ref.ID, Number: ref.Number, Name: ref.Name, Status: treasury.AccountActive, Currency: "USD", Balance: biggest()}
}
