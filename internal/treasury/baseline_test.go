package treasury_test

import (
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// frozen tells which request keeps an account frozen; empty for none.
func (b *bench) frozen(account string) string {
	b.t.Helper()
	by, err := b.FrozenBy(b.t.Context(), account)
	if err != nil {
		b.t.Fatal(err)
	}
	return by
}

// isFree fails the test for each account that is frozen.
func (b *bench) isFree(accounts ...string) {
	b.t.Helper()
	for _, id := range accounts {
		if by := b.frozen(id); by != "" {
			b.t.Errorf("%s is frozen by %q", id, by)
		}
	}
}

// drifts lets the accounts be evidence of a transfer that is in doubt, and gives those that count as moved by others.
func (b *bench) drifts(amount string) []string {
	b.t.Helper()
	r := b.doubt(draft(amount), tangosim.Fault{DropBefore: true})
	b.looksTwice()
	return b.find(r.ID).Inquiry.Evidence.Noisy
}

// killRecorded carries a request out in a process that dies once the answer is recorded. Twice has its money moved twice.
func (b *bench) killRecorded(r treasury.Request, twice bool) {
	b.t.Helper()
	honest := b.Mover
	if twice && r.Action.Kind == treasury.ActionTransfer {
		b.Mover = twiceMover{b.Mover}
	} else if twice {
		b.sim.Arm(tangosim.Fault{On: pathOf(r.Action.Kind), Twice: true})
	}
	b.kill(r.ID, on("commit succeeded", 1, diesAfter))
	b.Mover = honest
}

// TestWhoComesNextSeesADoubleMovement: the worker of a repeated call died once the answer was recorded. Who reads next is the
// next request, which must not move anything, or the watch.
func TestWhoComesNextSeesADoubleMovement(t *testing.T) {
	t.Parallel()
	deposit := draftOf(treasury.ActionDeposit)
	for name, c := range map[string]struct {
		first, next treasury.Draft
		twice       bool
		accounts    []string
	}{
		"a transfer":               {draft("100"), draft("60"), true, []string{"marketing-us", "sales-spiffs"}},
		"a transfer, once":         {draft("100"), draft("60"), false, nil},
		"the same transfer, once":  {draft("100"), draft("100"), false, nil},
		"only the target is moved": {draft("100"), treasury.Draft{Kind: treasury.ActionTransfer, From: "sales-spiffs", To: "employee-rewards", Amount: "60"}, true, []string{"marketing-us", "sales-spiffs"}},
		"a deposit":                {deposit, deposit, true, []string{"employee-rewards"}},
		"a deposit, once":          {deposit, deposit, false, nil},
	} {
		for _, watched := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", and the watch", false: ", and the next request"}[watched], func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				first := b.approvedFor(c.first)
				b.killRecorded(first, c.twice)
				if watched {
					b.look(10 * time.Minute)
				}
				d := c.next
				d.ID = treasury.NewRequestID()
				next := b.approvedFor(d)
				b.executed(next.ID)
				for _, id := range c.accounts {
					if by := b.frozen(id); by != first.ID {
						t.Errorf("%s is frozen by %q", id, by)
					}
				}
				if !c.twice {
					b.is(next.ID, treasury.StateSucceeded, treasury.ReasonNone)
					b.isFree(next.Action.Accounts()...)
					return
				}
				b.is(next.ID, treasury.StateApproved, treasury.ReasonNone)
				b.moved(next.ID, 0)
				for _, id := range c.accounts {
					if err := b.Free(t.Context(), "U0MAYA", id); err != nil {
						t.Fatal(err)
					}
				}
				b.clock.push(time.Minute)
				b.executed(next.ID)
				b.is(next.ID, treasury.StateSucceeded, treasury.ReasonNone)
				b.moved(next.ID, 1)
				b.isFree(c.accounts...)
			})
		}
	}
}

// TestWhoComesNextSeesALateMovement: a request was found not to be carried out, and is just before the next one claims.
func TestWhoComesNextSeesALateMovement(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("marketing-us", "sales-spiffs")
	r := b.found("100", tangosim.Fault{Late: time.Hour})
	next := b.approvedFor(draft("100"))
	b.clock.push(time.Hour)
	b.executed(next.ID)
	b.is(next.ID, treasury.StateApproved, treasury.ReasonNone)
	b.moved(next.ID, 0)
	if by := b.frozen("marketing-us"); by != r.ID {
		t.Errorf("frozen by %q", by)
	}
}

// TestOurOwnMovementIsNoContradiction: a transfer that was found not to be carried out was asked for again, and carried out by
// a worker that died before it read the accounts.
func TestOurOwnMovementIsNoContradiction(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("marketing-us", "sales-spiffs")
	b.found("100", tangosim.Fault{DropBefore: true})
	again := b.approvedFor(draft("100"))
	b.killRecorded(again, false)
	b.clock.push(time.Minute)
	if noisy := b.drifts("60"); len(noisy) > 0 {
		t.Errorf("moved by others: %q", noisy)
	}
	b.isFree("marketing-us")
}

// TestAClaimThatSentNothingHidesNothing: between a transfer whose worker died and the next look lies a claim that came to
// nothing.
func TestAClaimThatSentNothingHidesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.approved()
	b.killRecorded(first, true)
	next := b.approvedFor(draft("60"))
	b.kill(next.ID, on("account", 1, diesBefore))
	b.look(10 * time.Minute)
	b.look(10 * time.Minute)
	if by := b.frozen("marketing-us"); by != first.ID {
		t.Errorf("frozen by %q", by)
	}
}

// TestABalanceThatLagsIsNoMovementOfOthers: what we did shows a while after it was answered.
func TestABalanceThatLagsIsNoMovementOfOthers(t *testing.T) {
	t.Parallel()
	for _, kind := range []treasury.ActionKind{treasury.ActionTransfer, treasury.ActionDeposit} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.quiet("marketing-us", "sales-spiffs", "employee-rewards")
			r := b.approvedFor(draftOf(kind))
			accounts := r.Action.Accounts()
			b.effects.breaks(meanwhile("commit succeeded", func() {
				for _, id := range accounts {
					old := b.sim.Balance(id) + map[string]int64{"marketing-us": 10_000, "sales-spiffs": -10_000, "employee-rewards": -25_000}[id]
					b.sim.SetStale(id, &old)
				}
			}))
			b.executed(r.ID)
			b.effects.forget()
			for _, id := range accounts {
				a := active(b, id)
				if now := b.sim.Balance(id); a.Balance == money.New(now, "USD") {
					t.Fatalf("%s does not lag", id)
				}
				b.clock.push(11 * time.Minute)
				b.Learn(t.Context(), a)
				b.sim.SetStale(id, nil)
			}
			if noisy := b.drifts("60"); len(noisy) > 0 {
				t.Errorf("moved by others: %q", noisy)
			}
			b.isFree(accounts...)
		})
	}
}

// TestNobodyFreezesAndIsOvertaken: a contradiction is found between a request's claim and its send.
func TestNobodyFreezesAndIsOvertaken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("marketing-us", "sales-spiffs")
	late := b.found("77", tangosim.Fault{Late: time.Hour})
	d := draft("60")
	d.To = "employee-rewards"
	r := b.approvedFor(d)
	b.effects.breaks(meanwhile("pace", func() {
		b.effects.forget()
		b.clock.push(time.Hour)
		b.Learn(t.Context(), active(b, "sales-spiffs")) // whose lane nobody holds
		if by := b.frozen("marketing-us"); by != late.ID {
			t.Errorf("frozen by %q", by)
		}
		b.clock.push(-time.Hour) // the worker has its time
	}))
	b.executed(r.ID)
	b.is(r.ID, treasury.StateApproved, treasury.ReasonNone)
	b.moved(r.ID, 0)
	if n := b.sim.Requests()["POST /transferFunds"]; n != 1 {
		t.Errorf("%d money calls, and one was the late one", n)
	}
}

// TestADepositIsReadBeforeItsAnswer: the balance shows it while Tango has not been asked again.
func TestADepositIsReadBeforeItsAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		shown  int64 // cents that the account gets while the deposit settles
		later  int64 // and when it has
		frozen bool
	}{
		"once":                 {shown: 555},
		"twice":                {shown: 1110, frozen: true},
		"once, and again":      {shown: 555, later: 555, frozen: true},
		"another sum":          {shown: 554},
		"once, and then other": {shown: 555, later: 554},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			d := draftOf(treasury.ActionDeposit)
			d.Amount = "5.55"
			r := b.approvedFor(d)
			b.executed(r.ID)
			b.is(r.ID, treasury.StateSettling, treasury.ReasonNone)
			read := func(more int64) {
				b.sim.Spend("employee-rewards", -more)
				b.Learn(t.Context(), active(b, "employee-rewards"))
			}
			b.clock.push(11 * time.Minute)
			read(0)
			b.effects.breaks(meanwhile("commit succeeded", func() {
				b.effects.forget()
				read(c.shown - 555) // Tango has moved it by now
			}))
			b.look(time.Hour)
			b.look(time.Hour)
			b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
			read(c.later)
			if by := b.frozen("employee-rewards"); (by == r.ID) != c.frozen || by != "" && by != r.ID {
				t.Errorf("frozen by %q", by)
			}
		})
	}
}

// TestAReadThatOverlapsAMovementProvesNothing: a question read the account before a transfer, and keeps it after.
func TestAReadThatOverlapsAMovementProvesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("marketing-us", "sales-spiffs")
	before := active(b, "marketing-us")
	r := b.approved()
	b.executed(r.ID)
	b.Learn(t.Context(), before)
	b.clock.push(time.Minute)
	if noisy := b.drifts("60"); len(noisy) > 0 {
		t.Errorf("moved by others: %q", noisy)
	}
}

// TestAnOrderAndAnotherRequestAreNoDouble: the worker of a transfer died before it read the accounts. The source then loses the
// same sum by an order, and the target gets it from another account of ours.
func TestAnOrderAndAnotherRequestAreNoDouble(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]tangosim.Fault{"done": {}, "in doubt": {DropAfter: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.killRecorded(b.approved(), false)
			other := draft("100")
			other.From = "employee-rewards"
			r := b.approvedFor(other)
			if fault.DropAfter {
				fault.On = pathOf(other.Kind)
				b.sim.Arm(fault)
			}
			b.executed(r.ID)
			b.moved(r.ID, 1)
			b.sim.Spend("marketing-us", 10_000)
			next := draft("60")
			next.To = "referral-program"
			b.is(b.executed(b.approvedFor(next).ID).ID, treasury.StateSucceeded, treasury.ReasonNone)
			b.isFree("marketing-us")
		})
	}
}
