package treasury_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestSubmitMakesAPendingRequest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := draft("1,250.50")
	d.Note = "  for the \u00e9t\u00e9 campaign  "
	r := b.submit("U0LENA", d)
	now := b.clock.Now()
	want := treasury.Request{
		ID: d.ID, Requester: "U0LENA", State: treasury.StatePending, Step: 1, CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour),
		Action: treasury.Action{Kind: treasury.ActionTransfer, Transfer: &treasury.Transfer{
			From:   treasury.AccountRef{ID: "marketing-us", Number: "A10000002", Name: "Marketing US"},
			To:     treasury.AccountRef{ID: "sales-spiffs", Number: "A10000004", Name: "Sales Spiffs"},
			Amount: usd(125050), Note: "for the \u00e9t\u00e9 campaign",
		}},
		Rule: treasury.RuleApplied{Number: 3, Approvals: 2, From: []string{"finance"}},
		Seen: []treasury.BalanceRead{
			{Account: "marketing-us", Balance: usd(812550), At: now}, {Account: "sales-spiffs", Balance: usd(31275), At: now},
		},
		Hash: r.Hash, LastEntry: r.LastEntry,
	}
	stored := b.is(r.ID, treasury.StatePending, treasury.ReasonNone)
	if diff := cmp.Diff(want, stored); diff != "" {
		t.Errorf("stored:\n%s", diff)
	}
	if r.Hash != r.Action.Hash() || r.LastEntry == "" {
		t.Errorf("hash %q, last entry %q", r.Hash, r.LastEntry)
	}
	if jobs := b.questions.drain(); len(jobs) != 1 || jobs[0].Announce != r.ID || jobs[0].due != now {
		t.Errorf("announcements: %+v", jobs)
	}
	if jobs := b.money.drain(); len(jobs) != 0 {
		t.Errorf("a pending request was queued for execution: %+v", jobs)
	}
	if n := b.notice(r.ID); n.Want != 1 || !n.IsBehind() {
		t.Errorf("notice %+v, want one that is behind", n)
	}
}

func TestSubmitWithoutApprovalsWaitsForTheUndoWindow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.submit("U0LENA", draft("50"))
	due := b.clock.Now().Add(time.Minute)
	if r.State != treasury.StateApproved || !r.DueAt.Equal(due) || r.Rule.Approvals != 0 || r.Rule.Number != 1 {
		t.Errorf("made as %s, due %v, rule %+v", r.State, r.DueAt, r.Rule)
	}
	jobs := b.money.drain()
	if len(jobs) != 1 || jobs[0].Execute != r.ID || !jobs[0].due.Equal(due) {
		t.Errorf("executions: %+v", jobs)
	}
}

func TestPreviewTellsWhatWouldHappen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := draft("$8k")
	p, err := b.Preview(t.Context(), "U0LENA", d)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Effects) != 2 || p.Fee != nil {
		t.Fatalf("preview %+v", p)
	}
	from, to := p.Effects[0], p.Effects[1]
	if from.After != usd(12550) || to.After != usd(831275) || !from.Low || p.Rule.Number != 3 || p.Action.Amount() != usd(800000) {
		t.Errorf("preview %+v", p)
	}
	if !from.At.Equal(b.clock.Now()) || !to.At.Equal(b.clock.Now()) || from.Account.Name != "Marketing US" || to.Account.Name != "Sales Spiffs" {
		t.Errorf("preview %+v", p)
	}
	if _, err := b.Find(t.Context(), d.ID); !errors.Is(err, treasury.ErrNotFound) {
		t.Errorf("a preview has made a request: %v", err)
	}
}

func TestProblemsOfADraft(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	seen := b.clock.Now()
	amount := func(f money.Fault) []treasury.Problem {
		return []treasury.Problem{{Field: treasury.FieldAmount, Code: treasury.ProblemAmount, Fault: f}}
	}
	one := func(p treasury.Problem) []treasury.Problem { return []treasury.Problem{p} }
	note := func(c treasury.ProblemCode) []treasury.Problem {
		return one(treasury.Problem{Field: treasury.FieldNote, Code: c})
	}
	for _, c := range []struct {
		name   string
		change func(*treasury.Draft)
		want   []treasury.Problem
	}{
		{"no source", func(d *treasury.Draft) { d.From = "" }, one(treasury.Problem{Field: treasury.FieldFrom, Code: treasury.ProblemMissing})},
		{"no destination", func(d *treasury.Draft) { d.To = "" }, one(treasury.Problem{Field: treasury.FieldTo, Code: treasury.ProblemMissing})},
		{"unknown source", func(d *treasury.Draft) { d.From = "nowhere" }, one(treasury.Problem{Field: treasury.FieldFrom, Code: treasury.ProblemUnknown})},
		{"unknown destination", func(d *treasury.Draft) { d.To = "nowhere" }, one(treasury.Problem{Field: treasury.FieldTo, Code: treasury.ProblemUnknown})},
		{"an account's name is not its id", func(d *treasury.Draft) { d.To = "Sales Spiffs" }, one(treasury.Problem{Field: treasury.FieldTo, Code: treasury.ProblemUnknown})},
		{"to itself", func(d *treasury.Draft) { d.To = d.From }, one(treasury.Problem{Field: treasury.FieldTo, Code: treasury.ProblemSame})},
		{
			"accounts of two currencies", func(d *treasury.Draft) { d.To = "europe-events" },
			one(treasury.Problem{Field: treasury.FieldTo, Code: treasury.ProblemCurrencies, Between: [2]money.Currency{"USD", "EUR"}}),
		},
		{
			"another currency than the accounts'", func(d *treasury.Draft) { d.Amount = "EUR 100" },
			one(treasury.Problem{Field: treasury.FieldAmount, Code: treasury.ProblemCurrency, Between: [2]money.Currency{"EUR", "USD"}}),
		},
		{
			"a frozen source", func(d *treasury.Draft) { d.From = "holiday-gifts" },
			one(treasury.Problem{Field: treasury.FieldFrom, Code: treasury.ProblemInactive, Status: treasury.AccountFrozen}),
		},
		{
			"a disabled destination", func(d *treasury.Draft) { d.To = "old-campaign" },
			one(treasury.Problem{Field: treasury.FieldTo, Code: treasury.ProblemInactive, Status: treasury.AccountDisabled}),
		},
		{
			"a cent more than there is", func(d *treasury.Draft) { d.Amount = "8125.51" },
			one(treasury.Problem{Field: treasury.FieldAmount, Code: treasury.ProblemInsufficient, Amount: usd(812550), At: seen}),
		},
		{"no rule", func(d *treasury.Draft) { d.From, d.Amount = "employee-rewards", "9000.01" }, one(treasury.Problem{Field: treasury.FieldAmount, Code: treasury.ProblemNoRule})},
		{
			"no rule for the currency", func(d *treasury.Draft) { d.From, d.To, d.Amount = "europe-rewards", "europe-events", "501" },
			one(treasury.Problem{Field: treasury.FieldAmount, Code: treasury.ProblemNoRule}),
		},
		{"no amount", func(d *treasury.Draft) { d.Amount = " " }, amount(money.FaultEmpty)},
		{"words for an amount", func(d *treasury.Draft) { d.Amount = "1e3" }, amount(money.FaultForm)},
		{"an amount of two readings", func(d *treasury.Draft) { d.Amount = "1,50" }, amount(money.FaultAmbiguous)},
		{"a part of a cent", func(d *treasury.Draft) { d.Amount = "1.001" }, amount(money.FaultDecimals)},
		{"a negative amount", func(d *treasury.Draft) { d.Amount = "-1" }, amount(money.FaultSign)},
		{"nothing to move", func(d *treasury.Draft) { d.Amount = "0.00" }, amount(money.FaultZero)},
		{"more than can be counted", func(d *treasury.Draft) { d.Amount = "99999999999999999" }, amount(money.FaultTooLarge)},
		{"a currency that is none", func(d *treasury.Draft) { d.Amount = "100 bucks" }, amount(money.FaultCurrency)},
		{"two currencies in one amount", func(d *treasury.Draft) { d.Amount = "$100 EUR" }, amount(money.FaultTwoSymbols)},
		{"a note too long", func(d *treasury.Draft) { d.Note = strings.Repeat("é", treasury.MaxNote+1) }, one(treasury.Problem{Field: treasury.FieldNote, Code: treasury.ProblemLong, Most: treasury.MaxNote})},
		{"a line break in the note", func(d *treasury.Draft) { d.Note = "a\nb" }, note(treasury.ProblemControl)},
		{"text turned round in the note", func(d *treasury.Draft) { d.Note = "a\u202eb" }, note(treasury.ProblemControl)},
		{"an invisible character in the note", func(d *treasury.Draft) { d.Note = "a\u200bb" }, note(treasury.ProblemControl)},
		{
			"all that is wrong at once",
			func(d *treasury.Draft) {
				*d = treasury.Draft{ID: d.ID, Kind: d.Kind, From: "holiday-gifts", Amount: "x y", Note: strings.Repeat("n", treasury.MaxNote) + "\x07"}
			},
			[]treasury.Problem{
				{Field: treasury.FieldFrom, Code: treasury.ProblemInactive, Status: treasury.AccountFrozen},
				{Field: treasury.FieldTo, Code: treasury.ProblemMissing},
				{Field: treasury.FieldNote, Code: treasury.ProblemLong, Most: treasury.MaxNote},
				{Field: treasury.FieldNote, Code: treasury.ProblemControl},
				{Field: treasury.FieldAmount, Code: treasury.ProblemAmount, Fault: money.FaultCurrency},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := draft("100")
			c.change(&d)
			_, previewed := b.Preview(t.Context(), "U0LENA", d)
			_, submitted := b.Submit(t.Context(), "U0LENA", d)
			for name, err := range map[string]error{"preview": previewed, "submit": submitted} {
				invalid, ok := errors.AsType[*treasury.Invalid](err)
				if !ok || !errors.Is(err, treasury.ErrInvalid) {
					t.Fatalf("%s: got %v, want the problems", name, err)
				}
				if diff := cmp.Diff(c.want, invalid.Problems); diff != "" {
					t.Errorf("%s:\n%s", name, diff)
				}
			}
			if _, err := b.Find(t.Context(), d.ID); !errors.Is(err, treasury.ErrNotFound) {
				t.Errorf("a request was made: %v", err)
			}
		})
	}
}

func TestDraftsAtTheBounds(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*treasury.Draft){
		"all that there is":    func(d *treasury.Draft) { d.Amount = "8125.50" },
		"the rule's most":      func(d *treasury.Draft) { d.From, d.Amount = "employee-rewards", "9000" },
		"one cent":             func(d *treasury.Draft) { d.Amount = "0.01" },
		"the longest note":     func(d *treasury.Draft) { d.Note = strings.Repeat("é", treasury.MaxNote) },
		"no note":              func(d *treasury.Draft) { d.Note = "" },
		"blanks around a note": func(d *treasury.Draft) { d.Note = "\n note\t" },
		"the same currency":    func(d *treasury.Draft) { d.Amount = "100 usd" },
		"euros":                func(d *treasury.Draft) { d.From, d.To, d.Amount = "europe-rewards", "europe-events", "€500" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			d := draft("100")
			change(&d)
			b.submit("U0LENA", d)
		})
	}
}

func TestSubmitRefusesPeople(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, person string
		change       func(*people)
		why          treasury.Why // empty for an error that is no refusal
	}{
		{"no right to ask", "U0VERA", nil, treasury.WhyNoRequest},
		{"a guest", "U0GUS", nil, treasury.WhyStanding},
		{"somebody who has left", "U0DEL", nil, treasury.WhyStanding},
		{"a bot", "U0BOT2", nil, treasury.WhyStanding},
		{"somebody of another company", "U0EXT", nil, treasury.WhyStanding},
		{"another workspace's member", "U0LENA", func(p *people) { p.persons["U0LENA"] = treasury.Person{ID: "U0LENA", Team: "T0OTHER"} }, treasury.WhyStanding},
		{"no workspace told", "U0LENA", func(p *people) { p.persons["U0LENA"] = treasury.Person{ID: "U0LENA"} }, treasury.WhyStanding},
		{"another person told", "U0LENA", func(p *people) { p.persons["U0LENA"] = treasury.Person{ID: "U0MAYA", Team: "T0ACME"} }, treasury.WhyStanding},
		{"nobody known", "U0NONE", nil, ""},
		{"nobody named", "", nil, ""},
		{"people not to be reached", "U0LENA", func(p *people) { p.down = treasury.ErrUnavailable }, ""},
		{"a user group not to be read", "U0RAVI", func(p *people) { p.broken["S0FINANCE"] = treasury.ErrUnavailable }, ""},
		{"an empty user group", "U0RAVI", func(p *people) { p.members = nil }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if c.change != nil {
				b.people.change(c.change)
			}
			d := draft("100")
			_, err := b.Submit(t.Context(), c.person, d)
			switch {
			case c.why != "":
				forbidden(t, err, c.why)
			case err == nil || errors.Is(err, treasury.ErrForbidden):
				t.Errorf("got %v, want an error that is no refusal", err)
			}
			b.wroteNothing()
		})
	}
}

// wroteNothing checks that no commit was tried and no job queued since the bench was made.
func (b *bench) wroteNothing() {
	b.t.Helper()
	for _, name := range b.effects.seen() {
		if strings.HasPrefix(name, "commit") || strings.HasPrefix(name, "queue") {
			b.t.Errorf("there was a %s", name)
		}
	}
}

func TestAUserGroupIsNotAskedForWhoeverIsNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.people.change(func(p *people) { p.broken["S0FINANCE"] = treasury.ErrUnavailable })
	b.submit("U0MAYA", draft("100"))
}

func TestTheSameDraftTwiceIsOneRequest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := draft("100")
	first := b.submit("U0LENA", d)
	b.clock.push(time.Second)
	if again := b.submit("U0LENA", d); !cmp.Equal(first, again) {
		t.Errorf("the second time:\n%s", cmp.Diff(first, again))
	}
	first = b.approve("U0MAYA", first)
	if again := b.submit("U0LENA", d); !cmp.Equal(first, again) {
		t.Errorf("after the approval:\n%s", cmp.Diff(first, again))
	}
	if mine, _, err := b.Mine(t.Context(), "U0LENA", "", 10); err != nil || len(mine) != 1 {
		t.Errorf("%d requests, %v; want one", len(mine), err)
	}
}

func TestADraftsIDIsTaken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, person string
		change       func(*treasury.Draft)
	}{
		{"by another person", "U0MAYA", func(*treasury.Draft) {}},
		{"for another amount", "U0LENA", func(d *treasury.Draft) { d.Amount = "100.01" }},
		{"for another destination", "U0LENA", func(d *treasury.Draft) { d.To = "referral-program" }},
		{"for another note", "U0LENA", func(d *treasury.Draft) { d.Note = "another" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			d := draft("100")
			first := b.submit("U0LENA", d)
			c.change(&d)
			got, err := b.Submit(t.Context(), c.person, d)
			if !errors.Is(err, treasury.ErrExists) || got.ID != "" {
				t.Errorf("got %q, %v, want ErrExists and nothing of the other's", got.ID, err)
			}
			if now := b.find(d.ID); !cmp.Equal(first, now) {
				t.Errorf("the request has changed:\n%s", cmp.Diff(first, now))
			}
		})
	}
}

func TestMalformedRequestIDs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, id := range []string{"", "TB-", "TB-0000000", "TB-000000000", "tb-00000000", "TB-0000000a", "TB-0000 000", "TB-0000000\u00c9", "TX-00000000", "TB-00000#00"} {
		d := draft("100")
		d.ID = id
		if _, err := b.Submit(t.Context(), "U0LENA", d); !errors.Is(err, treasury.ErrInvalid) {
			t.Errorf("submitting %q: %v", id, err)
		}
		if _, err := b.Find(t.Context(), id); !errors.Is(err, treasury.ErrNotFound) {
			t.Errorf("finding %q: %v", id, err)
		}
		if _, err := b.Vote(t.Context(), "U0MAYA", id, "hash", true, ""); !errors.Is(err, treasury.ErrNotFound) {
			t.Errorf("voting on %q: %v", id, err)
		}
		if err := b.execute(id); err != nil {
			t.Errorf("executing %q: %v; a job for nothing must go away", id, err)
		}
	}
	b.wroteNothing()
	for range 100 {
		if id := treasury.NewRequestID(); !treasury.IsRequestID(id) || strings.ContainsAny(id[3:], "ILOU") {
			t.Fatalf("made %q", id)
		}
	}
}

func TestSubmitWhenTheJournalFails(t *testing.T) {
	t.Parallel()
	for _, how := range []breakage{failsBefore, failsAfter} {
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			d := draft("100")
			b.effects.breaks(on("commit pending", 1, how))
			if _, err := b.Submit(t.Context(), "U0LENA", d); !errors.Is(err, errEffect) {
				t.Fatalf("got %v, want the journal's error", err)
			}
			r := b.submit("U0LENA", d) // the person presses again
			b.is(r.ID, treasury.StatePending, treasury.ReasonNone)
			if r.Step != 1 {
				t.Errorf("at step %d", r.Step)
			}
		})
	}
}

func TestSubmitDoesNotNeedTheQueue(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.effects.breaks(func(_ int, name string) breakage {
		if strings.HasPrefix(name, "queue") {
			return failsBefore
		}
		return works
	})
	r := b.submit("U0LENA", draft("50"))
	b.effects.forget()
	b.clock.push(time.Minute)
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if jobs := b.money.drain(); len(jobs) != 1 || jobs[0].Execute != r.ID {
		t.Errorf("executions after the sweep: %+v", jobs)
	}
	if jobs := b.questions.drain(); len(jobs) != 1 || jobs[0].Announce != r.ID {
		t.Errorf("announcements after the sweep: %+v", jobs)
	}
}
