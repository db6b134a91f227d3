package treasury_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// meanwhileExecutes lets another process execute a request.
func (b *bench) meanwhileExecutes(id string) {
	b.t.Helper()
	other := *b.Desk
	other.Accounts = &treasury.Directory{}
	ctx, cancel := context.WithDeadline(b.t.Context(), b.clock.Now().Add(invocation))
	defer cancel()
	if err := other.Execute(ctx, id); err != nil && !errors.Is(err, treasury.ErrConflict) {
		b.t.Error(err)
	}
}

// found lets a transfer of this amount be found not to be carried out.
func (b *bench) found(amount string, f tangosim.Fault) treasury.Request {
	b.t.Helper()
	r := b.doubt(draft(amount), f)
	b.looksTwice()
	return b.is(r.ID, treasury.StateFailed, treasury.ReasonFound)
}

// TestASecondTryIsOurs: Tango was too busy at the first try. What the second moves is no movement of others, contradicts
// nothing, and its double is seen.
func TestASecondTryIsOurs(t *testing.T) {
	t.Parallel()
	for _, twice := range []bool{false, true} {
		t.Run(fmt.Sprint(twice), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.quiet("marketing-us", "sales-spiffs")
			b.found("100", tangosim.Fault{DropBefore: true})
			r := b.approved()
			b.sim.Arm(tangosim.Fault{StatusBefore: 429})
			b.executed(r.ID)
			b.is(r.ID, treasury.StateApproved, treasury.ReasonNone)
			b.clock.push(time.Minute)
			if twice {
				b.Mover = twiceMover{b.Mover}
			}
			b.executed(r.ID)
			b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
			if twice {
				if by := b.frozen("marketing-us"); by != r.ID {
					t.Errorf("frozen by %q", by)
				}
				return
			}
			b.isFree("marketing-us", "sales-spiffs")
			b.clock.push(time.Minute)
			if noisy := b.drifts("60"); len(noisy) > 0 {
				t.Errorf("moved by others: %q", noisy)
			}
		})
	}
}

// TestTwoNextRequestsSeeADoubleMovement: one is on the source and one on the target of a transfer that moved twice, and nobody
// has read since. One has claimed, and reads or is dead, while the other looks.
func TestTwoNextRequestsSeeADoubleMovement(t *testing.T) {
	t.Parallel()
	for _, dead := range []bool{false, true} {
		t.Run(fmt.Sprint(dead), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.quiet("marketing-us", "sales-spiffs", "employee-rewards", "referral-program")
			first := b.approved()
			one, other := draft("60"), draft("70")
			one.To = "referral-program"
			other.From, other.To = "sales-spiffs", "employee-rewards"
			second, third := b.approvedFor(one), b.approvedFor(other)
			b.killRecorded(first, true)
			if dead {
				b.kill(second.ID, on("account", 1, diesBefore))
				b.executed(third.ID)
			} else {
				b.effects.breaks(meanwhile("account", func() {
					b.effects.forget()
					b.meanwhileExecutes(third.ID)
				}))
				b.executed(second.ID)
			}
			for _, id := range first.Action.Accounts() {
				if by := b.frozen(id); by != first.ID {
					t.Errorf("%s is frozen by %q", id, by)
				}
			}
			b.moved(second.ID, 0)
			b.moved(third.ID, 0)
		})
	}
}

// secondMover is an intermediary that sends a transfer a second time, and hands back the answer to that.
type secondMover struct{ treasury.Mover }

func (m secondMover) Transfer(ctx context.Context, order treasury.TransferOrder) treasury.Answer {
	first := order
	first.Reference += "x"
	m.Mover.Transfer(ctx, first)
	return m.Mover.Transfer(ctx, order)
}

func TestADoubleBehindTheSecondAnswer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Mover = secondMover{b.Mover}
	r := b.approved()
	b.executed(r.ID)
	b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
	for _, id := range r.Action.Accounts() {
		if by := b.frozen(id); by != r.ID {
			t.Errorf("%s is frozen by %q", id, by)
		}
	}
}

// settling asks for deposits that Tango answers as PENDING.
func (b *bench) settling(amounts ...string) (list []treasury.Request) {
	b.t.Helper()
	for _, amount := range amounts {
		d := draftOf(treasury.ActionDeposit)
		d.Amount = amount
		r := b.approvedFor(d)
		b.sim.Arm(tangosim.Fault{On: pathOf(d.Kind), Edit: tangosim.EditField("status", "PENDING")})
		b.executed(r.ID)
		list = append(list, b.is(r.ID, treasury.StateSettling, treasury.ReasonNone))
		b.clock.push(time.Second)
	}
	return list
}

// TestDepositsThatSettleTogether are no double of one another, whichever shows first.
func TestDepositsThatSettleTogether(t *testing.T) {
	t.Parallel()
	read := func(b *bench) { b.Learn(b.t.Context(), active(b, "employee-rewards")) }
	for name, do := range map[string]func(*bench){
		"two of one sum, read before Tango is asked": func(b *bench) {
			b.settling("5.55", "5.55")
			b.clock.push(24 * time.Hour)
			read(b)
		},
		"twice the sum first": func(b *bench) {
			b.settling("5.55", "11.10")
			b.clock.push(11 * time.Minute)
			read(b)
		},
		"of two of one sum the later first": func(b *bench) {
			list := b.settling("5.55", "5.55")
			b.clock.push(11 * time.Minute)
			b.sim.SettleDeposit(list[1].Answer.Deposit.ID, "SUCCESS")
			read(b)
			b.sweep()
			b.is(list[1].ID, treasury.StateSucceeded, treasury.ReasonNone)
			b.clock.push(11 * time.Minute)
			d := draft("100")
			d.From = "employee-rewards"
			b.executed(b.approvedFor(d).ID)
			b.clock.push(time.Hour)
			read(b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.quiet("employee-rewards", "sales-spiffs")
			do(b)
			b.look(11 * time.Minute)
			b.look(time.Hour)
			read(b)
			b.isFree("employee-rewards")
		})
	}
}

// TestAnOrderHidesNoLaterDouble: a deposit showed together with somebody's order, so nobody could tell that it was there.
func TestAnOrderHidesNoLaterDouble(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("employee-rewards")
	r := b.settling("5.55")[0]
	b.clock.push(11 * time.Minute)
	b.sim.SettleDeposit(r.Answer.Deposit.ID, "SUCCESS")
	b.sim.Spend("employee-rewards", 100)
	b.Learn(t.Context(), active(b, "employee-rewards"))
	b.sweep()
	b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
	b.look(11 * time.Minute)
	b.sim.Spend("employee-rewards", -555)
	b.clock.push(time.Hour)
	b.Learn(t.Context(), active(b, "employee-rewards"))
	if by := b.frozen("employee-rewards"); by != r.ID {
		t.Errorf("frozen by %q", by)
	}
}

// TestADepositShowsLate: eleven minutes after Tango said that it has arrived, with a transfer in between.
func TestADepositShowsLate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("employee-rewards", "sales-spiffs")
	shown := b.sim.Balance("employee-rewards")
	b.sim.SetStale("employee-rewards", &shown)
	b.is(b.executed(b.approvedFor(draftOf(treasury.ActionDeposit)).ID).ID, treasury.StateSucceeded, treasury.ReasonNone)
	b.clock.push(11 * time.Minute)
	d := draft("100")
	d.From = "employee-rewards"
	r := b.approvedFor(d)
	b.effects.breaks(meanwhile("commit succeeded", func() {
		shown -= 10_000
		b.sim.SetStale("employee-rewards", &shown)
	}))
	b.executed(r.ID)
	b.effects.forget()
	b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
	b.sim.SetStale("employee-rewards", nil)
	b.look(11 * time.Minute)
	b.isFree("employee-rewards")
}

// TestTwoTransfersShowLate, together.
func TestTwoTransfersShowLate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("marketing-us", "sales-spiffs", "referral-program")
	b.found("100", tangosim.Fault{DropBefore: true})
	shown := b.sim.Balance("marketing-us")
	b.sim.SetStale("marketing-us", &shown)
	b.executed(b.approved().ID)
	d := draft("60")
	d.To = "referral-program"
	b.executed(b.approvedFor(d).ID)
	b.sim.SetStale("marketing-us", nil)
	b.look(11 * time.Minute)
	b.isFree("marketing-us")
	if noisy := b.drifts("60"); len(noisy) > 0 {
		t.Errorf("moved by others: %q", noisy)
	}
}

// TestATransferShowsAfterADeposit that arrived after it: the balance shows the one and not yet the other.
func TestATransferShowsAfterADeposit(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("employee-rewards", "sales-spiffs")
	shown := b.sim.Balance("employee-rewards")
	b.sim.SetStale("employee-rewards", &shown)
	d := draft("100")
	d.From = "employee-rewards"
	b.executed(b.approvedFor(d).ID)
	deposit := b.approvedFor(draftOf(treasury.ActionDeposit))
	b.effects.breaks(meanwhile("commit succeeded", func() {
		shown += 25_000
		b.sim.SetStale("employee-rewards", &shown)
	}))
	b.executed(deposit.ID)
	b.effects.forget()
	b.sim.SetStale("employee-rewards", nil)
	b.look(11 * time.Minute)
	d = draft("60")
	d.From = "employee-rewards"
	r := b.doubt(d, tangosim.Fault{DropBefore: true})
	b.looksTwice()
	if noisy := b.find(r.ID).Inquiry.Evidence.Noisy; len(noisy) > 0 {
		t.Errorf("moved by others: %q", noisy)
	}
}

// lagging is a journal whose lists do not show a request yet.
type lagging struct {
	treasury.Journal
	hidden string
}

func (j lagging) List(ctx context.Context, q treasury.Listing) ([]treasury.Record, string, error) {
	records, next, err := j.Journal.List(ctx, q)
	return slices.DeleteFunc(records, func(r treasury.Record) bool { return r.Key == "REQ#"+j.hidden }), next, err
}

// TestADepositThatNoListShowsYet has arrived at once, after one of the same sum.
func TestADepositThatNoListShowsYet(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("marketing-us", "sales-spiffs")
	ask := func() treasury.Request {
		d := draftOf(treasury.ActionDeposit)
		d.Account, d.Card = "marketing-us", amexToken
		return b.approvedFor(d)
	}
	b.executed(ask().ID)
	b.clock.push(time.Hour)
	r := ask()
	honest := b.Journal
	b.Journal = lagging{honest, r.ID}
	b.executed(r.ID)
	b.Journal = honest
	b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
	b.isFree("marketing-us")
	b.clock.push(rest)
	if noisy := b.drifts("60"); len(noisy) > 0 {
		t.Errorf("moved by others: %q", noisy)
	}
}

// TestAnOldReadIsNotCompared: a question read before a deposit arrived, and keeps it when the watch has read it.
func TestAnOldReadIsNotCompared(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("employee-rewards")
	r := b.settling("5.55")[0]
	old := active(b, "employee-rewards")
	for b.find(r.ID).State == treasury.StateSettling {
		b.look(30 * time.Minute)
	}
	b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
	b.Learn(t.Context(), old)
	b.clock.push(rest)
	b.Learn(t.Context(), active(b, "employee-rewards"))
	b.isFree("employee-rewards")
}

// TestAWorkerThatComesBackFromTheDead reads the accounts while its request is sent by another one.
func TestAWorkerThatComesBackFromTheDead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("marketing-us", "sales-spiffs")
	r := b.approved()
	claimed, done := false, false
	b.effects.breaks(func(_ int, name string) breakage {
		if claimed && !done && name == "get" {
			done = true
			b.clock.push(invocation + treasury.SettleAfter + time.Second)
			b.sweep()
			b.sim.Arm(tangosim.Fault{DropAfter: true})
			b.meanwhileExecutes(r.ID)
		}
		claimed = claimed || name == "commit claimed"
		return works
	})
	if err := b.execute(r.ID); err != nil && !errors.Is(err, treasury.ErrConflict) {
		t.Fatal(err)
	}
	b.effects.forget()
	b.moved(r.ID, 1)
	b.looksTwice()
	if now := b.is(r.ID, treasury.StateSucceeded, treasury.ReasonFound); len(now.Inquiry.Evidence.Noisy) > 0 {
		t.Errorf("moved by others: %q", now.Inquiry.Evidence.Noisy)
	}
}

// missing is Tango without an account.
type missing struct {
	treasury.Books
	gone string
}

func (m missing) Account(ctx context.Context, id string) (treasury.Account, error) {
	if id == m.gone {
		return treasury.Account{}, treasury.ErrNotFound
	}
	return m.Books.Account(ctx, id)
}

// TestAnAccountThatIsGoneHoldsNobodyUp: the target of a transfer that nobody has read since, of whose source an order took the
// same sum.
func TestAnAccountThatIsGoneHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.killRecorded(b.approved(), false)
	b.Books = missing{b.Books, "sales-spiffs"}
	b.sim.Spend("marketing-us", 10_000)
	d := draft("60")
	d.To = "referral-program"
	b.is(b.executed(b.approvedFor(d).ID).ID, treasury.StateSucceeded, treasury.ReasonNone)
}

// TestAnOrderAndADepositAreNoDouble: the source of a transfer loses its sum by an order, and the target gets it by a deposit.
func TestAnOrderAndADepositAreNoDouble(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("marketing-us", "employee-rewards")
	d := draft("100")
	d.To = "employee-rewards"
	deposit := draftOf(treasury.ActionDeposit)
	deposit.Amount = "100"
	r := b.approvedFor(deposit)
	b.sim.Arm(tangosim.Fault{On: pathOf(deposit.Kind), Edit: tangosim.EditField("status", "PENDING")})
	b.executed(r.ID)
	b.sim.Spend("employee-rewards", 10_000) // it has not arrived yet
	first := b.approvedFor(d)
	b.killRecorded(first, false)
	b.sim.Spend("employee-rewards", -10_000)
	b.sim.Spend("marketing-us", 10_000)
	next := draft("60")
	b.is(b.executed(b.approvedFor(next).ID).ID, treasury.StateSucceeded, treasury.ReasonNone)
	b.isFree("marketing-us", "employee-rewards")
}

// TestADoubleThatComesLater: somebody has read the accounts in between, and they were right.
func TestADoubleThatComesLater(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gain   int64 // of the target, in cents
		after  time.Duration
		frozen bool
	}{
		"both move":             {10_000, time.Hour, true},
		"an order of that sum":  {0, time.Hour, false},
		"after more than a day": {10_000, 25 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.quiet("marketing-us", "sales-spiffs")
			r := b.approved()
			b.executed(r.ID)
			b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
			b.clock.push(c.after)
			b.sim.Spend("marketing-us", 10_000)
			b.sim.Spend("sales-spiffs", -c.gain)
			next := b.approvedFor(draft("60"))
			b.executed(next.ID)
			if by := b.frozen("marketing-us"); (by == r.ID) != c.frozen || by != "" && by != r.ID {
				t.Errorf("frozen by %q", by)
			}
			b.moved(next.ID, map[bool]int{true: 0, false: 1}[c.frozen])
		})
	}
}

// TestALateMovementIsSeenOnOneSide: the other account is gone.
func TestALateMovementIsSeenOnOneSide(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("marketing-us", "sales-spiffs")
	r := b.found("100", tangosim.Fault{Late: time.Hour})
	b.Books = missing{b.Books, "sales-spiffs"}
	b.clock.push(2 * time.Hour)
	if err := b.Sweep(t.Context()); !errors.Is(err, treasury.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if by := b.frozen("marketing-us"); by != r.ID {
		t.Errorf("frozen by %q", by)
	}
}
