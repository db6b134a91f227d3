package treasury_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// slowPacer lets its turns come late by the clock.
type slowPacer struct {
	clock *clock
	late  time.Duration
}

func (p slowPacer) Wait(context.Context) error {
	p.clock.push(p.late)
	return nil
}

// TestWhatWasApprovedIsAskedAgain has one case for each thing that may have changed between the vote and the send.
func TestWhatWasApprovedIsAskedAgain(t *testing.T) {
	t.Parallel()
	standing := func(id string, s treasury.Standing) func(*bench) {
		return func(b *bench) {
			b.people.change(func(p *people) { p.persons[id] = treasury.Person{ID: id, Team: "T0ACME", Standing: s} })
		}
	}
	policy := func(old, now string) func(*bench) {
		return func(b *bench) {
			if !strings.Contains(benchPolicy, old) {
				b.t.Fatalf("the policy has no %q", old)
			}
			b.Policy = parsePolicy(b.t, strings.Replace(benchPolicy, old, now, 1))
		}
	}
	const ruleTwo = "{action: transfer, up_to: {USD: 500, EUR: 500}, approvals: 1, from: [finance]}"
	for _, c := range []struct {
		name   string
		change func(*bench)
		state  treasury.State
		reason treasury.Reason
		fails  bool // Execute fails, so that the job comes back
	}{
		{"nothing has changed", func(*bench) {}, treasury.StateSucceeded, "", false},
		{"the approver has left", standing("U0MAYA", treasury.StandingDeleted), treasury.StateCancelled, treasury.ReasonAuthority, false},
		{"the approver is a guest now", standing("U0MAYA", treasury.StandingGuest), treasury.StateCancelled, treasury.ReasonAuthority, false},
		{"the requester has left", standing("U0LENA", treasury.StandingDeleted), treasury.StateCancelled, treasury.ReasonAuthority, false},
		{"the requester may not ask any more", policy("rewards: [U0LENA, U0MAYA]", "rewards: [U0MAYA]"), treasury.StateCancelled, treasury.ReasonAuthority, false},
		{"the approver is in no group any more", policy("[U0MAYA, S0FINANCE]", "[S0FINANCE]"), treasury.StateCancelled, treasury.ReasonAuthority, false},
		{"another who has not voted has left", standing("U0RAVI", treasury.StandingDeleted), treasury.StateSucceeded, "", false},
		{"the policy asks for two now", policy(ruleTwo, strings.Replace(ruleTwo, "approvals: 1", "approvals: 2", 1)), treasury.StateCancelled, treasury.ReasonRule, false},
		{"the policy asks others now", policy(ruleTwo, strings.Replace(ruleTwo, "[finance]", "[viewers]", 1)), treasury.StateCancelled, treasury.ReasonAuthority, false},
		{"the policy asks others too", policy(ruleTwo, strings.Replace(ruleTwo, "[finance]", "[finance, viewers]", 1)), treasury.StateSucceeded, "", false},
		{
			"the approver may under the rule of today alone",
			func(b *bench) {
				b.Policy = parsePolicy(b.t, strings.NewReplacer(
					"finance: [U0MAYA, S0FINANCE]", "finance: [S0FINANCE]", "approvals: 1, from: [finance]", "approvals: 1, from: [rewards]",
				).Replace(benchPolicy))
			},
			treasury.StateCancelled, treasury.ReasonAuthority, false,
		},
		{"the policy asks nobody now", policy("up_to: {USD: 50}", "up_to: {USD: 500}"), treasury.StateSucceeded, "", false},
		{"no rule is left", policy(benchPolicy[strings.Index(benchPolicy, "  - "+ruleTwo):strings.Index(benchPolicy, "limits:")], ""), treasury.StateCancelled, treasury.ReasonRule, false},
		{"the votes are too old", func(b *bench) { b.clock.push(24*time.Hour + time.Second) }, treasury.StateCancelled, treasury.ReasonTooLate, false},
		{"the votes are just young enough", func(b *bench) { b.clock.push(24 * time.Hour) }, treasury.StateSucceeded, "", false},
		{"a limit was lowered", policy("{USD: 10000}", "{USD: 99.99}"), treasury.StateCancelled, treasury.ReasonLimit, false},
		{
			"people are not to be reached", func(b *bench) { b.people.change(func(p *people) { p.down = treasury.ErrUnavailable }) },
			treasury.StateApproved, "", true,
		},
		{
			"the approver's user group is not to be read",
			func(b *bench) {
				b.Policy = parsePolicy(b.t, strings.NewReplacer("finance: [U0MAYA, S0FINANCE]", "finance: [S0FINANCE]").Replace(benchPolicy))
				b.people.change(func(p *people) { p.broken["S0FINANCE"] = treasury.ErrUnavailable })
			},
			treasury.StateApproved, "", true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.approved()
			c.change(b)
			if err := b.execute(r.ID); (err != nil) != c.fails {
				t.Errorf("executing: %v", err)
			}
			b.is(r.ID, c.state, c.reason)
			if c.state == treasury.StateSucceeded {
				b.moved(r.ID, 1)
				return
			}
			b.moved(r.ID, 0)
			if b.sim.Requests()["GET /accounts/{a}"] != 0 {
				t.Error("Tango was asked")
			}
		})
	}
}

// TestAQuorumThatShrank: of two votes one does not count any more.
func TestAQuorumThatShrank(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approve("U0RAVI", b.approve("U0MAYA", b.submit("U0LENA", draft("1000"))))
	b.clock.push(b.Policy.Undo)
	b.people.change(func(p *people) { p.members["S0FINANCE"] = []string{"U0GUS"} })
	b.executed(r.ID)
	b.is(r.ID, treasury.StateCancelled, treasury.ReasonAuthority)
	b.moved(r.ID, 0)
}

// TestInspect has what Tango would refuse, or should, seen before anything is sent.
func TestInspect(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*bench)
		reason treasury.Reason
	}{
		{"a cent too little", func(b *bench) { b.sim.Spend("marketing-us", 812550-9999) }, treasury.ReasonInsufficient},
		{"nothing left", func(b *bench) { b.sim.Spend("marketing-us", 812550) }, treasury.ReasonInsufficient},
		{"the source is frozen", func(b *bench) { b.sim.SetStatus("marketing-us", "FROZEN") }, treasury.ReasonInactive},
		{"the destination is deleted", func(b *bench) { b.sim.SetStatus("sales-spiffs", "DELETED") }, treasury.ReasonInactive},
		{"a status of tomorrow", func(b *bench) { b.sim.SetStatus("sales-spiffs", "PAUSED") }, treasury.ReasonInactive},
		{"the source is gone", func(b *bench) { b.Books = changedBooks{b.Books, "marketing-us", nil} }, treasury.ReasonUnknown},
		{"the destination is gone", func(b *bench) { b.Books = changedBooks{b.Books, "sales-spiffs", nil} }, treasury.ReasonUnknown},
		{"the source's currency has changed", func(b *bench) {
			b.Books = changedBooks{b.Books, "marketing-us", func(a *treasury.Account) { a.Currency, a.Balance.Currency = "EUR", "EUR" }}
		}, treasury.ReasonCurrency},
		{"the destination's currency has changed", func(b *bench) {
			b.Books = changedBooks{b.Books, "sales-spiffs", func(a *treasury.Account) { a.Currency = "EUR" }}
		}, treasury.ReasonCurrency},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.approved()
			c.change(b)
			b.executed(r.ID)
			b.is(r.ID, treasury.StateFailed, c.reason)
			b.moved(r.ID, 0)
			if b.lane("marketing-us") != "" || b.lane("sales-spiffs") != "" {
				t.Errorf("lanes held by %q, %q", b.lane("marketing-us"), b.lane("sales-spiffs"))
			}
		})
	}
}

// changedBooks reads one account as it is not; as unknown without a change.
type changedBooks struct {
	treasury.Books
	id     string
	change func(*treasury.Account)
}

func (c changedBooks) Account(ctx context.Context, id string) (treasury.Account, error) {
	a, err := c.Books.Account(ctx, id)
	if id != c.id || err != nil {
		return a, err
	}
	if c.change == nil {
		return treasury.Account{}, &treasury.Refusal{Status: 404, Key: "404.003"}
	}
	c.change(&a)
	return a, nil
}

func TestExactlyTheBalanceMoves(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approved()
	b.sim.Spend("marketing-us", 812550-10000)
	b.executed(r.ID)
	b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
	if left := b.sim.Balance("marketing-us"); left != 0 {
		t.Errorf("%d left", left)
	}
}

// TestNothingIsSentWhenTheWayThereFails: the claim is given up, and three such tries end the request.
func TestNothingIsSentWhenTheWayThereFails(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"account", "pace"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.approved()
			b.money.drain()
			b.effects.breaks(always(name, failsBefore))
			for try := 1; try < treasury.MaxAttempts; try++ {
				b.executed(r.ID)
				if now := b.is(r.ID, treasury.StateApproved, treasury.ReasonNone); now.Attempts != try || b.lane("sales-spiffs") != "" {
					t.Errorf("%d attempts after %d, lane %q", now.Attempts, try, b.lane("sales-spiffs"))
				}
				if jobs := b.money.drain(); len(jobs) != 1 || jobs[0].due.Sub(b.clock.Now()) != 10*time.Second {
					t.Errorf("executions after try %d: %+v", try, jobs)
				}
				b.clock.push(10 * time.Second)
			}
			b.executed(r.ID)
			b.is(r.ID, treasury.StateFailed, treasury.ReasonAttempts)
			if jobs := b.money.drain(); len(jobs) != 0 {
				t.Errorf("executions of a request that has ended: %+v", jobs)
			}
			b.moved(r.ID, 0)
			if n := b.sim.Requests()["POST /transferFunds"]; n != 0 {
				t.Errorf("%d money calls", n)
			}
		})
	}
}

// TestAMarkNotKnownToBeMadeSendsNothing: "sending" must be committed for sure before the first byte may leave.
func TestAMarkNotKnownToBeMadeSendsNothing(t *testing.T) {
	t.Parallel()
	for how, end := range map[breakage]treasury.State{
		failsBefore: treasury.StateApproved, // the claim has lapsed: provably nothing was sent
		failsAfter:  treasury.StateInDoubt,  // nobody can know it any more
	} {
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.approved()
			b.effects.breaks(on("commit sending", 1, how))
			if err := b.execute(r.ID); !errors.Is(err, errEffect) {
				t.Errorf("got %v, want the journal's error", err)
			}
			b.effects.forget()
			if err := b.execute(r.ID); err != nil { // the job comes back
				t.Error(err)
			}
			if n := b.sim.Requests()["POST /transferFunds"]; n != 0 {
				t.Errorf("%d money calls", n)
			}
			b.clock.push(invocation + treasury.SettleAfter)
			if err := b.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if now := b.find(r.ID); now.State == end {
				t.Fatal("judged while the worker may live by its clock")
			}
			b.clock.push(time.Nanosecond)
			if err := b.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.is(r.ID, end, treasury.ReasonNone)
		})
	}
}

// answering is a mover that gives one answer.
type answering struct {
	treasury.Mover
	answer treasury.Answer
}

func (a answering) Transfer(context.Context, treasury.TransferOrder) treasury.Answer { return a.answer }
