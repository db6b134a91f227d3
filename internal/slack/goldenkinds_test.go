package slack_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/treasury"
)

// kinds are the actions beside the transfer, as requests that were just made.
func kinds() map[string]treasury.Request {
	account := treasury.AccountRef{ID: "marketing-us", Number: "A10000002", Name: "Marketing US"}
	card := treasury.CardRef{Token: demoAmex, Label: "Marketing Amex", LastFour: "0005", Expires: "2030-06"}
	notify := []string{"ada@acme.example", "bo@acme.example"}
	list := map[string]treasury.Request{}
	for name, a := range map[string]treasury.Action{
		"deposit": {Kind: treasury.ActionDeposit, Deposit: &treasury.Deposit{
			Customer: "acme-rewards", Account: account, Card: card, Amount: money.New(100_000, "USD"),
		}},
		"register": {Kind: treasury.ActionRegisterCard, RegisterCard: &treasury.RegisterCard{
			Customer: "acme-rewards", Account: account, Label: "Marketing Visa", Contacts: []treasury.Contact{{Name: "Ada Keeper", Email: "ada@acme.example"}},
		}},
		"unregister": {Kind: treasury.ActionUnregisterCard, UnregisterCard: &treasury.UnregisterCard{Customer: "acme-rewards", Account: account, Card: card}},
		"create-account": {Kind: treasury.ActionCreateAccount, CreateAccount: &treasury.CreateAccount{
			Customer: treasury.CustomerRef{ID: "acme-rewards", Name: "Acme Rewards"}, ID: "spring-gifts", Name: "Spring Gifts", Email: "spring@acme.example",
			Currency: "USD", Notify: notify,
		}},
		"update-account": {Kind: treasury.ActionUpdateAccount, UpdateAccount: &treasury.UpdateAccount{
			Customer: "acme-rewards", Account: account, Name: new("Marketing America"), Email: new("new@acme.example"), Notify: &notify,
			Before: treasury.AccountFields{Name: "Marketing US", Email: "marketing.us@acme.example", Notify: []string{"finance@acme.example"}},
		}},
		"create-customer": {Kind: treasury.ActionCreateCustomer, CreateCustomer: &treasury.CreateCustomer{ID: "acme-asia", Name: "Acme Asia"}},
	} {
		r := pendingRequest("Employee Rewards", "")
		r.Action, r.Hash, r.Seen = a, a.Hash(), nil
		if a.Kind == treasury.ActionDeposit {
			r.Seen = []treasury.BalanceRead{{Account: "marketing-us", Balance: money.New(812_550, "USD"), At: aDay().Add(-5 * time.Minute)}}
		}
		list[name] = r
	}
	return list
}

// lives are the points of a request's life that differ by its kind.
func lives(r treasury.Request) map[string]treasury.Request {
	list := map[string]treasury.Request{"pending": r}
	at := aDay().Add(5 * time.Minute)
	add := func(name string, s treasury.State, change func(*treasury.Request)) {
		next := r
		next.State, next.Step, next.DueAt = s, 6, aDay().Add(4*time.Minute)
		next.Votes = []treasury.Vote{{Person: "U0MAYA", Approve: true, Comment: "as planned", At: aDay()}, {Person: "U0RAVI", Approve: true, At: aDay()}}
		next.Attempt = &treasury.Attempt{ID: r.ID + ".1", SentAt: at, NotAfter: at.Add(2 * time.Minute)}
		if s.IsFinal() {
			next.ClosedAt = at
		}
		change(&next)
		list[name] = next
	}
	result := treasury.DepositResult{ID: "RAD-261124-1001", Amount: r.Action.Amount(), Charged: money.New(103_500, "USD"), FeePoints: 350, Created: at}
	done := treasury.Answer{Verdict: treasury.VerdictDone, Status: 200, Request: "req-123", At: at}
	switch r.Action.Kind {
	case treasury.ActionDeposit:
		done.Deposit = &result
		pending := func(n *treasury.Request) {
			n.Answer = &treasury.Answer{Verdict: treasury.VerdictPending, Deposit: &treasury.DepositResult{ID: result.ID, Amount: result.Amount}}
		}
		add("settling", treasury.StateSettling, pending)
		add("settling-overdue", treasury.StateSettling, func(n *treasury.Request) { pending(n); n.Overdue = true })
		add("in-doubt-pending", treasury.StateInDoubt, func(n *treasury.Request) {
			pending(n)
			n.Inquiry = &treasury.Inquiry{Since: at, Evidence: &treasury.Evidence{
				Says: treasury.FindingOpen, Rule: treasury.RulePending, At: at.Add(20 * time.Minute), Deposit: n.Answer.Deposit,
				Balances: []treasury.Delta{{Account: "marketing-us", Before: money.New(812_550, "USD"), After: money.New(812_550, "USD")}},
			}}
		})
		add("declined", treasury.StateDeclined, func(n *treasury.Request) {
			n.Answer = &treasury.Answer{Verdict: treasury.VerdictDeclined, Deposit: &treasury.DepositResult{ID: result.ID, Amount: result.Amount}}
		})
	case treasury.ActionRegisterCard:
		done.Card = &treasury.Card{Token: demoAmex, Label: "Marketing Visa", LastFour: "1111", Expires: "2031-12", ActiveFrom: at.Add(72 * time.Hour)}
		invited := func(n *treasury.Request) {
			n.Invite = &treasury.Invite{Hash: "x", Person: "U0LENA", ExpiresAt: at.Add(treasury.InviteLife)}
		}
		add("invited", treasury.StateApproved, invited)
		add("invited-refused", treasury.StateApproved, func(n *treasury.Request) {
			invited(n)
			n.Answer = &treasury.Answer{Verdict: treasury.VerdictRefused, Status: 402, Key: "402.051", Request: "req-124"}
		})
	case treasury.ActionTransfer, treasury.ActionUnregisterCard, treasury.ActionCreateAccount, treasury.ActionUpdateAccount, treasury.ActionCreateCustomer:
	}
	add("approved", treasury.StateApproved, func(*treasury.Request) {})
	add("succeeded", treasury.StateSucceeded, func(n *treasury.Request) { n.Answer = &done })
	add("failed", treasury.StateFailed, func(n *treasury.Request) {
		n.Reason, n.Answer = treasury.ReasonRefused, &treasury.Answer{Verdict: treasury.VerdictRefused, Status: 403, Key: "403.016", Request: "req-125"}
	})
	lost := &treasury.Answer{Verdict: treasury.VerdictUnknown, Doubt: treasury.DoubtNoAnswer}
	add("in-doubt", treasury.StateInDoubt, func(n *treasury.Request) { n.Answer, n.Inquiry = lost, &treasury.Inquiry{Since: at} })
	open := &treasury.Inquiry{
		Since:    at,
		Evidence: &treasury.Evidence{Says: treasury.FindingOpen, Rule: treasury.RuleUnclear, At: at.Add(20 * time.Minute)},
		Findings: []treasury.Verified{{Person: "U0MAYA", Finding: treasury.FindingExecuted, Seen: "Portal, line 3", At: at.Add(time.Hour)}},
	}
	if r.Action.MovesMoney() {
		open.Resend = []treasury.Vote{{Person: "U0RAVI", Approve: true, At: at.Add(time.Hour)}}
		open.Evidence.Noisy = r.Action.Accounts()
		open.Evidence.Balances = []treasury.Delta{{Account: "marketing-us", Before: money.New(812_550, "USD"), After: money.New(900_000, "USD")}}
	}
	add("in-doubt-open", treasury.StateInDoubt, func(n *treasury.Request) { n.Answer, n.Inquiry = lost, open })
	add("found-done", treasury.StateSucceeded, func(n *treasury.Request) {
		n.Answer, n.Reason, n.Inquiry = lost, treasury.ReasonFound, &treasury.Inquiry{
			Since: at, Evidence: &treasury.Evidence{Says: treasury.FindingExecuted, Rule: treasury.RuleFound, At: at.Add(20 * time.Minute)},
		}
	})
	add("found-not-done", treasury.StateFailed, func(n *treasury.Request) {
		people := slices.Clone(open.Findings)
		people = append(people, people[0])
		people[0].Finding, people[1].Finding, people[1].Person = treasury.FindingNot, treasury.FindingNot, "U0RAVI"
		n.Answer, n.Reason, n.Inquiry = lost, treasury.ReasonFound, &treasury.Inquiry{Since: at, Evidence: open.Evidence, Findings: people}
	})
	return list
}

func TestCardsOfEveryKind(t *testing.T) {
	t.Parallel()
	b := newBot(t, func(o *options) {
		o.start = aDay().Add(2 * time.Hour)
		o.policy = strings.Replace(o.policy, "references: attach", "references: unique", 1)
	})
	for kind, made := range kinds() {
		for life, r := range lives(made) {
			t.Run(kind+"-"+life, func(t *testing.T) {
				t.Parallel()
				for place, m := range map[string]slack.Message{"card": b.edge.Drawn(r), "direct": slack.DirectMessage(r, treasury.Notice{})} {
					p := sound(t, m)
					golden(t, "kinds/"+kind+"-"+life+"-"+place, p)
					has(t, m.Text, append(subjects(r.Action), "<@U0LENA>", r.ID, slack.StateWord(r))...)
				}
			})
		}
	}
}

// TestWhatHoldsARequestUpIsSaid: on its card, and to the person who made it.
func TestWhatHoldsARequestUpIsSaid(t *testing.T) {
	t.Parallel()
	at := aDay().Add(time.Hour)
	for name, held := range map[string]treasury.Held{
		"stop":   {By: treasury.HeldByStop, Stop: treasury.Stop{Stopped: true, By: "U0MAYA", At: at, Why: "looking into <this>"}},
		"freeze": {By: treasury.HeldByFreeze, Account: "marketing-us", Request: "TB-0000000A"},
		"doubt":  {By: treasury.HeldByDoubt, Account: "marketing-us", Request: "TB-0000000A"},
		"thing":  {By: treasury.HeldByDoubt, Request: "TB-0000000A"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			held.Until = at.Add(24 * time.Hour)
			r := lives(kinds()["deposit"])["approved"]
			n := treasury.Notice{Held: held}
			for place, m := range map[string]slack.Message{"card": slack.Card(r, n), "direct": slack.DirectMessage(r, n)} {
				p := sound(t, m)
				golden(t, "held/"+name+"-"+place, p)
				has(t, m.Text, "It waits:", held.Request, "can stop it")
			}
		})
	}
}

// TestAContradictionIsSaid on the card of a request that had ended, and to the person who made it.
func TestAContradictionIsSaid(t *testing.T) {
	t.Parallel()
	for what, life := range map[treasury.Contradiction]string{treasury.ContradictedTwice: "succeeded", treasury.ContradictedLate: "found-not-done"} {
		t.Run(string(what), func(t *testing.T) {
			t.Parallel()
			r, n := lives(kinds()["deposit"])[life], treasury.Notice{Contradicted: what}
			for place, m := range map[string]slack.Message{"card": slack.Card(r, n), "direct": slack.DirectMessage(r, n)} {
				golden(t, "contradicted/"+string(what)+"-"+place, sound(t, m))
				has(t, m.Text, "Do not repeat it or undo it by hand", "Nothing more moves on its accounts")
			}
		})
	}
}

func TestFormsOfEveryKind(t *testing.T) {
	t.Parallel()
	b := goldenBot(t)
	for name, draft := range map[string]treasury.Draft{
		"deposit": {Kind: treasury.ActionDeposit, Account: "marketing-us", Card: demoAmex, Amount: "1,000"},
		"register": {
			Kind: treasury.ActionRegisterCard, Account: "marketing-us", Label: "Marketing Visa", Contacts: "Ada Keeper <ada@acme.example>",
		},
		"unregister": {Kind: treasury.ActionUnregisterCard, Account: "marketing-us", Card: demoAmex},
		"create-account": {
			Kind: treasury.ActionCreateAccount, Customer: "acme-rewards", NewID: "spring-gifts", Name: "Spring Gifts", Email: "spring@acme.example",
			Currency: "USD", Notify: "ada@acme.example",
		},
		"update-account": {
			Kind: treasury.ActionUpdateAccount, Account: "marketing-us", Name: "Marketing America", Email: "marketing.us@acme.example", NotifyChoice: treasury.NotifyClear,
		},
		"create-customer": {Kind: treasury.ActionCreateCustomer, NewID: "acme-asia", Name: "Acme Asia"},
	} {
		draft.ID = "TB-7K3M9XQ2"
		empty := treasury.Draft{ID: draft.ID, Kind: draft.Kind}
		if draft.Kind == treasury.ActionUpdateAccount {
			empty.Account = draft.Account
		}
		for form, d := range map[string]treasury.Draft{"empty": empty, "filled": draft} {
			v, err := b.edge.FormView(t.Context(), d, nil, false)
			if err != nil {
				t.Fatal(err)
			}
			soundView(t, v)
			golden(t, "kinds/form-"+name+"-"+form, v)
		}
		p, err := b.desk.Preview(t.Context(), "U0LENA", draft)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		check := slack.CheckView(draft, p)
		soundView(t, check)
		golden(t, "kinds/form-"+name+"-check", check)
		r := kinds()[name]
		for form, v := range map[string]slackgo.ModalViewRequest{"approve": slack.DecisionView(r, true), "review": slack.ReviewView(r)} {
			soundView(t, v)
			golden(t, "kinds/form-"+name+"-"+form, v)
		}
	}
}

// The forms behind the buttons of a doubt.
func TestFormsOfADoubt(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"deposit", "update-account"} {
		r := lives(kinds()[kind])["in-doubt-open"]
		for form, v := range map[string]slackgo.ModalViewRequest{"testify": slack.TestifyView(r), "resend": slack.ResendView(r)} {
			if form == "resend" && !r.Action.MovesMoney() {
				continue // it is not offered
			}
			soundView(t, v)
			golden(t, "kinds/form-"+kind+"-"+form, v)
		}
	}
}

// TestWorstCasesOfEveryKind draws what is as long as it can be: Slack takes it, and it stays whole.
func TestWorstCasesOfEveryKind(t *testing.T) {
	t.Parallel()
	b := newBot(t, func(o *options) { o.start = aDay().Add(2 * time.Hour) })
	foreign := strings.Repeat("<&*`", 25)
	emails := make([]string, treasury.MaxNotify)
	for n := range emails {
		emails[n] = strings.Repeat(string(rune('a'+n)), 88) + "@acme.example"
	}
	contacts := make([]treasury.Contact, treasury.MaxContacts)
	for n := range contacts {
		contacts[n] = treasury.Contact{Name: foreign, Email: emails[n]}
	}
	account := treasury.AccountRef{ID: strings.Repeat("f", 100), Number: "A10000002", Name: foreign}
	card := treasury.CardRef{Token: demoAmex, Label: foreign, LastFour: "0005", Expires: "2030-06"}
	for _, a := range []treasury.Action{
		{Kind: treasury.ActionDeposit, Deposit: &treasury.Deposit{Customer: account.ID, Account: account, Card: card, Amount: money.New(99_999_999, "USD")}},
		{Kind: treasury.ActionRegisterCard, RegisterCard: &treasury.RegisterCard{Customer: account.ID, Account: account, Label: foreign, Contacts: contacts}},
		{Kind: treasury.ActionUnregisterCard, UnregisterCard: &treasury.UnregisterCard{Customer: account.ID, Account: account, Card: card}},
		{Kind: treasury.ActionCreateAccount, CreateAccount: &treasury.CreateAccount{
			Customer: treasury.CustomerRef{ID: strings.Repeat("c", 100), Name: foreign}, ID: account.ID, Name: foreign, Email: emails[0], Currency: "USD", Notify: emails,
		}},
		{Kind: treasury.ActionUpdateAccount, UpdateAccount: &treasury.UpdateAccount{
			Customer: account.ID, Account: account, Name: &foreign, Email: &emails[0], Notify: &emails,
			Before: treasury.AccountFields{Name: foreign, Email: emails[1], Notify: emails},
		}},
		{Kind: treasury.ActionCreateCustomer, CreateCustomer: &treasury.CreateCustomer{ID: account.ID, Name: foreign}},
	} {
		t.Run(string(a.Kind), func(t *testing.T) {
			t.Parallel()
			base := pendingRequest("", "")
			base.Action, base.Hash, base.Seen = a, a.Hash(), nil
			base.Rule = treasury.RuleApplied{Number: 99, Approvals: 10, From: []string{strings.Repeat("g", 60), "&<>"}}
			for life, r := range lives(base) {
				for range 8 {
					r.Votes = append(r.Votes, treasury.Vote{Person: "U0RAVI", Approve: true, Comment: strings.Repeat(foreign, 5), At: aDay()})
				}
				row := sound(t, b.edge.RequestList(t.Context(), "U0LENA", r))
				has(t, words(encoded(t, row.Blocks)), slack.StateWord(r), r.ID, "<@U0LENA>")
				for _, m := range []slack.Message{b.edge.Drawn(r), slack.DirectMessage(r, treasury.Notice{}), slack.RequestMessage(r, longHistory(r, foreign, 60), nil)} {
					p := sound(t, m)
					// Everything that an approver decides on stands in the blocks, whole.
					body := words(encoded(t, p.Blocks))
					for _, line := range slack.ActionLines(a) {
						if !strings.Contains(body, line) {
							t.Errorf("%s: the line %q is cut", life, line)
						}
					}
				}
			}
			shown := treasury.Card{
				Token: strings.Repeat("t", 200), Label: foreign, LastFour: "0005", Expires: foreign, Status: treasury.CardActive, Customer: account.ID, Account: account.ID,
				Contacts: slices.Repeat(contacts, 20), Created: aDay(), ActiveFrom: aDay(),
			}
			sound(t, b.edge.CardMessage(t.Context(), "U0LENA", shown))
			soundView(t, slack.DecisionView(base, true))
			soundView(t, slack.ReviewView(base))
			soundView(t, slack.TestifyView(lives(base)["in-doubt-open"]))
			soundView(t, slack.ResendView(lives(base)["in-doubt-open"]))
			check := slack.CheckView(treasury.Draft{ID: base.ID, Kind: a.Kind}, treasury.Preview{
				Action: a, Rule: base.Rule, Fee: &treasury.Fee{Points: 350, Amount: biggest(), Charged: biggest(), SeenAt: aDay()},
				Effects: []treasury.Effect{{Account: treasury.Account{Balance: biggest()}, After: biggest(), At: aDay()}},
			})
			soundView(t, check)
			body, err := json.Marshal(check.Blocks)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range slack.ActionLines(a) {
				if !strings.Contains(words(body), line) {
					t.Errorf("the check cuts the line %q", line)
				}
			}
		})
	}
}

// subjects are the ids that an action is about.
func subjects(a treasury.Action) []string {
	if a.Kind == treasury.ActionCreateCustomer {
		return []string{a.CreateCustomer.ID}
	}
	return a.Accounts()
}
