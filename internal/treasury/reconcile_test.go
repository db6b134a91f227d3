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

// rest is for how long nothing may have touched an account for a question's read to count.
const rest = 10 * time.Minute

// quiet lets the desk know accounts as ones that nobody else moves.
func (b *bench) quiet(accounts ...string) {
	b.t.Helper()
	for range 2 {
		for _, id := range accounts {
			b.Learn(b.t.Context(), active(b, id))
		}
		b.clock.push(rest)
	}
}

// noisy has somebody else seen to move the accounts' money.
func (b *bench) noisy(accounts ...string) {
	for _, id := range accounts {
		other := active(b, id)
		other.Balance.Hundredths++
		b.Learn(b.t.Context(), other)
		b.clock.push(rest)
		b.Learn(b.t.Context(), active(b, id))
	}
}

// pathOf names the calls that carry an action out, for faults.
func pathOf(kind treasury.ActionKind) string {
	return map[treasury.ActionKind]string{
		treasury.ActionDeposit: "POST /creditCardDeposits", treasury.ActionRegisterCard: "POST /creditCards",
		treasury.ActionUnregisterCard: "POST /creditCardUnregisters", treasury.ActionCreateAccount: "POST /customers/{c}/accounts",
		treasury.ActionUpdateAccount: "PATCH /customers/{c}/accounts/{a}", treasury.ActionCreateCustomer: "POST /customers",
	}[kind]
}

// doubt carries a request out under a fault that leaves it in doubt.
func (b *bench) doubt(d treasury.Draft, f tangosim.Fault) treasury.Request {
	b.t.Helper()
	r := b.approvedFor(d)
	f.On = pathOf(d.Kind)
	b.sim.Arm(f)
	if d.Kind == treasury.ActionRegisterCard {
		b.register(b.link(r.ID))
	} else {
		b.executed(r.ID)
	}
	return b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone)
}

// look lets time pass and sweeps.
func (b *bench) look(after time.Duration) {
	b.t.Helper()
	b.clock.push(after)
	b.sweep()
}

const window = invocation + treasury.SettleWindow

// looksTwice sweeps when Tango may be looked at, and when a second look counts.
func (b *bench) looksTwice() {
	b.t.Helper()
	b.look(window)
	b.look(time.Minute)
}

func TestADoubtIsClosedByTwoEqualLooks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault tangosim.Fault
		state treasury.State
		rule  treasury.EvidenceRule
		moved int
	}{
		{tangosim.Fault{DropAfter: true}, treasury.StateSucceeded, treasury.RuleBothMoved, 1},
		{tangosim.Fault{DropBefore: true}, treasury.StateFailed, treasury.RuleNoneMoved, 0},
	} {
		t.Run(string(c.rule), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.quiet("marketing-us", "sales-spiffs")
			r := b.doubt(draft("100"), c.fault)
			asked := func() int { return b.sim.Requests()["GET /accounts/{a}"] }
			before := asked()
			b.look(window - 1)
			if asked() != before {
				t.Error("looked while the call may still be carried out")
			}
			b.look(1)
			b.look(time.Minute - 1)
			if n := asked() - before; n != 2 {
				t.Errorf("%d reads after one look at two accounts", n)
			}
			b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone)
			b.look(1)
			now := b.is(r.ID, c.state, treasury.ReasonFound)
			if ev := now.Inquiry.Evidence; ev.Rule != c.rule || len(ev.Balances) != 2 || len(ev.Noisy) != 0 {
				t.Errorf("evidence %+v", ev)
			}
			b.moved(r.ID, c.moved)
			if b.lane("marketing-us") != "" || b.lane("sales-spiffs") != "" {
				t.Error("the lanes are held")
			}
			if n := b.sim.Requests()["POST /transferFunds"]; n != 1 {
				t.Errorf("%d money calls", n)
			}
		})
	}
}

// Accounts that others were seen to move prove nothing by their balances.
func TestNoisyAccountsLeaveADoubtToPeople(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.noisy("marketing-us", "sales-spiffs")
	r := b.doubt(draft("100"), tangosim.Fault{DropAfter: true})
	b.looksTwice()
	now := b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone)
	if ev := now.Inquiry.Evidence; ev == nil || ev.Says != treasury.FindingOpen || !slices.Equal(ev.Noisy, []string{"marketing-us", "sales-spiffs"}) {
		t.Fatalf("evidence %+v", ev)
	}
	if !now.IsOpen(b.clock.Now()) || b.lane("marketing-us") != r.ID {
		t.Error("people are not asked, or the lanes are free")
	}
}

func TestLooksThatDifferProveNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("marketing-us", "sales-spiffs")
	r := b.doubt(draft("100"), tangosim.Fault{DropAfter: true})
	b.look(window)
	for range 3 {
		b.sim.Spend("sales-spiffs", 1)
		b.look(time.Minute)
		if now := b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone); now.Inquiry.Evidence != nil {
			t.Fatalf("evidence %+v", now.Inquiry.Evidence)
		}
	}
	b.look(time.Minute)
	if now := b.find(r.ID); now.Inquiry.Evidence == nil || now.Inquiry.Evidence.Rule != treasury.RuleQuietSource {
		t.Errorf("evidence %+v", now.Inquiry.Evidence)
	}
}

// TestLooksBecomeRare: what is shown may still change, but Tango is not asked all day.
func TestLooksBecomeRare(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.noisy("marketing-us", "sales-spiffs")
	r := b.doubt(draft("100"), tangosim.Fault{DropAfter: true})
	b.looksTwice()
	asked := b.sim.Requests()["GET /accounts/{a}"]
	for i, gap := range []time.Duration{10 * time.Minute, 20 * time.Minute, 40 * time.Minute, 80 * time.Minute, 160 * time.Minute, 320 * time.Minute, 6 * time.Hour, 6 * time.Hour} {
		b.look(gap - 1)
		if n := b.sim.Requests()["GET /accounts/{a}"]; n != asked {
			t.Fatalf("look %d came early", i)
		}
		b.look(1)
		asked += 2
		if n := b.sim.Requests()["GET /accounts/{a}"]; n != asked {
			t.Fatalf("look %d: %d reads, want %d", i, n, asked)
		}
	}
	if now := b.find(r.ID); now.Step != r.Step+1 {
		t.Errorf("the same evidence was recorded %d times", now.Step-r.Step)
	}
}

// TestDoubtsAboutThings: what was to be made is there, or is not.
func TestDoubtsAboutThings(t *testing.T) {
	t.Parallel()
	for _, kind := range treasury.ActionKinds()[2:] {
		for _, c := range []struct {
			name  string
			fault tangosim.Fault
			state treasury.State
			rule  treasury.EvidenceRule
		}{
			{"done", tangosim.Fault{DropAfter: true}, treasury.StateSucceeded, treasury.RuleFound},
			{"not", tangosim.Fault{DropBefore: true}, treasury.StateFailed, treasury.RuleMissing},
		} {
			t.Run(string(kind)+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				r := b.doubt(draftOf(kind), c.fault)
				b.look(window)
				b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone)
				b.look(time.Minute)
				now := b.is(r.ID, c.state, treasury.ReasonFound)
				if now.Inquiry.Evidence.Rule != c.rule {
					t.Errorf("evidence %+v", now.Inquiry.Evidence)
				}
				if n := b.sim.Requests()[pathOf(kind)]; n != 1 {
					t.Errorf("%d calls", n)
				}
				for _, lane := range r.Action.Lanes() {
					if b.lane(lane) != "" {
						t.Errorf("lane %s is held", lane)
					}
				}
			})
		}
	}
}

func TestDoubtsAboutDeposits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("employee-rewards")
	r := b.doubt(draftOf(treasury.ActionDeposit), tangosim.Fault{DropAfter: true})
	b.looksTwice()
	if now := b.is(r.ID, treasury.StateSucceeded, treasury.ReasonFound); now.Inquiry.Evidence.Rule != treasury.RuleArrived {
		t.Errorf("evidence %+v", now.Inquiry.Evidence)
	}

	b = newBench(t)
	b.quiet("employee-rewards")
	r = b.doubt(draftOf(treasury.ActionDeposit), tangosim.Fault{DropBefore: true})
	b.looksTwice()
	b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone)
	_, err := b.Testify(t.Context(), "U0MAYA", r.ID, treasury.FindingNot, "no charge on the statement")
	forbidden(t, err, treasury.WhyTooEarly)
	b.clock.push(7 * 24 * time.Hour)
	for _, person := range []string{"U0MAYA", "U0RAVI"} {
		if _, err := b.Testify(t.Context(), person, r.ID, treasury.FindingNot, "no charge on the statement"); err != nil {
			t.Fatal(err)
		}
	}
	b.is(r.ID, treasury.StateFailed, treasury.ReasonFound)
	b.moved(r.ID, 0)
}

// A deposit of ours that settles meanwhile could be what is seen.
func TestAnotherDepositMakesAnAccountNoisy(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("employee-rewards")
	pending := draftOf(treasury.ActionDeposit)
	pending.Amount = "5.55"
	b.executed(b.approvedFor(pending).ID)
	same := draftOf(treasury.ActionDeposit)
	r := b.doubt(same, tangosim.Fault{DropAfter: true})
	b.looksTwice()
	if now := b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone); !slices.Equal(now.Inquiry.Evidence.Noisy, []string{"employee-rewards"}) {
		t.Errorf("evidence %+v", now.Inquiry.Evidence)
	}
}

func TestWhoMayTestify(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.doubt(draft("100"), tangosim.Fault{DropAfter: true})
	say := func(person string) error {
		_, err := b.Testify(t.Context(), person, r.ID, treasury.FindingExecuted, "portal, line 7")
		return err
	}
	forbidden(t, say("U0MAYA"), treasury.WhyTooEarly)
	b.look(window + time.Hour)
	for person, why := range map[string]treasury.Why{
		"U0LENA": treasury.WhyOwnRequest, "U0VERA": treasury.WhyNotApprover, "U0GUS": treasury.WhyStanding, "U0DEL": treasury.WhyStanding,
	} {
		forbidden(t, say(person), why)
		forbidden(t, b.CanTestify(t.Context(), person, b.find(r.ID)), why)
	}
	if err := b.CanTestify(t.Context(), "U0MAYA", b.find(r.ID)); err != nil {
		t.Error(err)
	}
	if err := say("U0MAYA"); err != nil {
		t.Fatal(err)
	}
	forbidden(t, say("U0MAYA"), treasury.WhySaid)
	b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone)
	if err := say("U0RAVI"); err != nil {
		t.Fatal(err)
	}
	b.is(r.ID, treasury.StateSucceeded, treasury.ReasonFound)
	forbidden(t, say("U0RAVI"), treasury.WhyDecided)
}

// Where a rule asked nobody, the approvers of all rules close its doubts.
func TestADoubtAboutASmallTransferHasClosers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.submit("U0LENA", draft("50"))
	b.clock.push(b.Policy.Undo)
	b.sim.Arm(tangosim.Fault{DropAfter: true})
	b.executed(r.ID)
	b.look(window + time.Hour)
	for _, person := range []string{"U0MAYA", "U0RAVI"} {
		if _, err := b.Testify(t.Context(), person, r.ID, treasury.FindingExecuted, "portal"); err != nil {
			t.Fatal(err)
		}
	}
	b.is(r.ID, treasury.StateSucceeded, treasury.ReasonFound)
}

func TestPeopleAreAskedDaily(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.noisy("marketing-us", "sales-spiffs")
	r := b.doubt(draft("100"), tangosim.Fault{DropAfter: true})
	if err := b.announce(r.ID); err != nil {
		t.Fatal(err)
	}
	for day := range 3 {
		b.look(24 * time.Hour)
		if n := b.notice(r.ID); n.Nags != day+1 || !n.IsBehind() {
			t.Errorf("day %d: %+v", day+1, n)
		}
		if err := b.announce(r.ID); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *bench) uniqueReferences() {
	b.t.Helper()
	policy, err := uniqueRules()
	if err != nil {
		b.t.Fatal(err)
	}
	b.Policy = policy
}

func TestResendIsNotOfferedWithoutProof(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.doubt(draft("100"), tangosim.Fault{DropAfter: true})
	b.look(window + time.Hour)
	_, err := b.ApproveResend(t.Context(), "U0MAYA", r.ID, r.Hash, "")
	forbidden(t, err, treasury.WhyNoResend)
}

// TestResend sends once more with the same reference, and money moves once.
func TestResend(t *testing.T) {
	t.Parallel()
	for _, kind := range []treasury.ActionKind{treasury.ActionTransfer, treasury.ActionDeposit} {
		for name, c := range map[string]struct {
			first  tangosim.Fault
			reason treasury.Reason
		}{
			"the first was carried out": {tangosim.Fault{DropAfter: true}, treasury.ReasonFound},
			"the first was not":         {tangosim.Fault{DropBefore: true}, treasury.ReasonNone},
		} {
			t.Run(string(kind)+"/"+name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				b.uniqueReferences()
				r := b.doubt(draftOf(kind), c.first)
				b.look(window + time.Hour)
				b.money.drain()
				if _, err := b.ApproveResend(t.Context(), "U0MAYA", r.ID, r.Hash, ""); err != nil {
					t.Fatal(err)
				}
				if jobs := b.money.drain(); len(jobs) != 0 {
					t.Errorf("queued by one: %+v", jobs)
				}
				b.executed(r.ID)
				b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone)
				if _, err := b.ApproveResend(t.Context(), "U0RAVI", r.ID, r.Hash, ""); err != nil {
					t.Fatal(err)
				}
				if jobs := b.money.drain(); len(jobs) != 1 || jobs[0].Execute != r.ID {
					t.Errorf("queued: %+v", jobs)
				}
				if _, err := b.SetStop(t.Context(), "U0MAYA", true, "wait"); err != nil {
					t.Fatal(err)
				}
				b.executed(r.ID)
				b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone)
				if _, err := b.SetStop(t.Context(), "U0RAVI", false, ""); err != nil {
					t.Fatal(err)
				}
				b.look(0)
				if jobs := b.money.drain(); len(jobs) != 1 || jobs[0].Execute != r.ID {
					t.Errorf("queued by the sweep: %+v", jobs)
				}
				b.executed(r.ID)
				state, reason := treasury.StateSucceeded, c.reason
				if kind == treasury.ActionDeposit && c.first.DropAfter { // a 409 says that it was taken, not that it was charged
					state, reason = treasury.StateInDoubt, treasury.ReasonNone
				}
				now := b.is(r.ID, state, reason)
				if now.Attempt.ID != r.ID+".2" {
					t.Errorf("attempt %s", now.Attempt.ID)
				}
				b.executed(r.ID)
				b.moved(r.ID, 1)
				for _, id := range r.Action.Accounts() {
					a, _, err := b.Known(t.Context(), id)
					if state == treasury.StateSucceeded && (err != nil || !a.Balance.IsKnown()) { // only a success is read again at once
						t.Errorf("%s is known with %v, %v", id, a.Balance, err)
					}
				}
			})
		}
	}
}

// Two looks before the further send and one after it are not two looks.
func TestLooksBeforeAResendDoNotCount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.uniqueReferences()
	b.noisy("marketing-us", "sales-spiffs")
	r := b.doubt(draft("100"), tangosim.Fault{DropBefore: true})
	b.looksTwice()
	b.look(10 * time.Minute)
	for _, person := range []string{"U0MAYA", "U0RAVI"} {
		if _, err := b.ApproveResend(t.Context(), person, r.ID, r.Hash, ""); err != nil {
			t.Fatal(err)
		}
	}
	b.sim.Arm(tangosim.Fault{DropBefore: true})
	b.executed(r.ID)
	if now := b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone); now.Inquiry.Evidence != nil {
		t.Errorf("kept the evidence %+v", now.Inquiry.Evidence)
	}
	b.look(window)
	if now := b.find(r.ID); now.State != treasury.StateInDoubt || now.Inquiry.Evidence != nil {
		t.Errorf("%s, judged by one look: %+v", now.State, now.Inquiry.Evidence)
	}
	b.look(time.Minute)
	if now := b.find(r.ID); now.Inquiry.Evidence == nil {
		t.Error("not judged by two looks")
	}
}

// TestALateMovementFreezesTheAccounts: found not to be carried out, and was after all.
func TestALateMovementFreezesTheAccounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("marketing-us", "sales-spiffs")
	r := b.found("100", tangosim.Fault{Late: 2 * time.Hour})
	b.quiet("marketing-us", "sales-spiffs")
	b.look(2 * time.Hour) // the sweep alone sees it
	for _, id := range []string{"marketing-us", "sales-spiffs"} {
		if by, err := b.FrozenBy(t.Context(), id); err != nil || by != r.ID {
			t.Errorf("%s frozen by %q, %v", id, by, err)
		}
	}
	next := b.approvedFor(draft("60"))
	b.executed(next.ID)
	b.is(next.ID, treasury.StateApproved, treasury.ReasonNone)
	for person, why := range map[string]treasury.Why{"U0LENA": treasury.WhyNoStop, "U0GUS": treasury.WhyStanding} {
		forbidden(t, b.Free(t.Context(), person, "marketing-us"), why)
	}
	for _, id := range []string{"marketing-us", "sales-spiffs"} {
		if err := b.Free(t.Context(), "U0MAYA", id); err != nil {
			t.Fatal(err)
		}
	}
	b.executed(next.ID)
	b.is(next.ID, treasury.StateSucceeded, treasury.ReasonNone)
	b.is(r.ID, treasury.StateFailed, treasury.ReasonFound) // what was found is not rewritten
}

// Somebody's order is no contradiction, and our own transfers are no noise.
func TestOrdinaryMovementsFreezeNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.quiet("marketing-us", "sales-spiffs")
	b.executed(b.approved().ID)
	r := b.doubt(draft("100"), tangosim.Fault{DropBefore: true})
	b.looksTwice()
	if now := b.is(r.ID, treasury.StateFailed, treasury.ReasonFound); len(now.Inquiry.Evidence.Noisy) != 0 {
		t.Errorf("noisy: %v", now.Inquiry.Evidence.Noisy)
	}
	b.sim.Spend("marketing-us", 9999)
	b.Learn(t.Context(), active(b, "marketing-us"))
	if by, err := b.FrozenBy(t.Context(), "marketing-us"); err != nil || by != "" {
		t.Errorf("frozen by %q, %v", by, err)
	}
	again := b.doubt(draft("100"), tangosim.Fault{DropAfter: true})
	b.looksTwice()
	if ev := b.find(again.ID).Inquiry.Evidence; !slices.Equal(ev.Noisy, []string{"marketing-us"}) || ev.Says != treasury.FindingExecuted {
		t.Errorf("evidence %+v", ev)
	}
}

// twiceMover is an intermediary that sends a transfer a second time, past Tango's check of references.
type twiceMover struct{ treasury.Mover }

func (m twiceMover) Transfer(ctx context.Context, order treasury.TransferOrder) treasury.Answer {
	answer := m.Mover.Transfer(ctx, order)
	order.Reference += "x"
	m.Mover.Transfer(ctx, order)
	return answer
}

func TestMoneyThatMovedTwiceFreezesTheAccounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Mover = twiceMover{b.Mover}
	r := b.approved()
	b.executed(r.ID)
	b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
	for _, id := range []string{"marketing-us", "sales-spiffs"} {
		if by, err := b.FrozenBy(t.Context(), id); err != nil || by != r.ID {
			t.Errorf("%s frozen by %q, %v", id, by, err)
		}
	}
	b = newBench(t)
	b.quiet("marketing-us", "sales-spiffs")
	r = b.doubt(draft("100"), tangosim.Fault{Twice: true})
	b.looksTwice()
	if now := b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone); now.Inquiry.Evidence.Rule != treasury.RuleDouble {
		t.Errorf("evidence %+v", now.Inquiry.Evidence)
	}
	if by, err := b.FrozenBy(t.Context(), "marketing-us"); err != nil || by != r.ID {
		t.Errorf("frozen by %q, %v", by, err)
	}
}

// TestADepositThatArrivedTwiceFreezesTheAccount: at once, when it settles, and when its double comes later.
func TestADepositThatArrivedTwiceFreezesTheAccount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		amount string
		twice  bool
		later  int64 // cents that come from elsewhere afterwards
		others bool  // another deposit of the same amount
		frozen bool
	}{
		"once":                            {amount: "250"},
		"twice at once":                   {amount: "250", twice: true, frozen: true},
		"twice, settling":                 {amount: "5.55", twice: true, frozen: true},
		"again later":                     {amount: "250", later: 25_000, frozen: true},
		"another sum later":               {amount: "250", later: 25_001},
		"twice, with another of ours":     {amount: "5.55", others: true},
		"another of ours after the first": {amount: "250", others: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.quiet("employee-rewards")
			ask := func() treasury.Request {
				d := draftOf(treasury.ActionDeposit)
				d.Amount = c.amount
				return b.approvedFor(d)
			}
			r := ask()
			if c.twice {
				b.sim.Arm(tangosim.Fault{On: pathOf(treasury.ActionDeposit), Twice: true})
			}
			b.executed(r.ID)
			if c.others {
				b.executed(ask().ID)
			}
			b.look(time.Hour)
			b.look(time.Hour)
			b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
			b.Learn(t.Context(), active(b, "employee-rewards"))
			b.sim.Spend("employee-rewards", -c.later)
			b.Learn(t.Context(), active(b, "employee-rewards"))
			by, err := b.FrozenBy(t.Context(), "employee-rewards")
			if err != nil || (by == r.ID) != c.frozen || by != "" && by != r.ID {
				t.Errorf("frozen by %q, %v", by, err)
			}
		})
	}
}

// TestTheNextRequestIsNoSecondMovement: it carries the same sum between the same accounts, before the first has looked.
func TestTheNextRequestIsNoSecondMovement(t *testing.T) {
	t.Parallel()
	for effect := 1; effect <= 12; effect++ { // after the first is recorded
		t.Run(fmt.Sprint(effect), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.quiet("marketing-us", "sales-spiffs")
			first := b.approved()
			second := b.approvedFor(draft("100"))
			seen, ran := 0, false
			b.effects.breaks(func(_ int, name string) breakage {
				if seen > 0 || name == "commit succeeded" {
					seen++
				}
				if seen == effect+1 && !ran {
					ran = true
					other := *b.Desk // another process
					other.Accounts = &treasury.Directory{}
					ctx, cancel := context.WithDeadline(t.Context(), b.clock.Now().Add(invocation))
					defer cancel()
					if err := other.Execute(ctx, second.ID); err != nil && !errors.Is(err, treasury.ErrConflict) {
						t.Error(err)
					}
				}
				return works
			})
			b.executed(first.ID)
			b.effects.forget()
			b.executed(second.ID)
			for _, id := range []string{"marketing-us", "sales-spiffs"} {
				if by, err := b.FrozenBy(t.Context(), id); err != nil || by != "" {
					t.Errorf("%s frozen by %q, %v", id, by, err)
				}
			}
			b.is(first.ID, treasury.StateSucceeded, treasury.ReasonNone)
			b.is(second.ID, treasury.StateSucceeded, treasury.ReasonNone)
			b.clock.push(time.Minute)
			if noisy := b.drifts("60"); len(noisy) > 0 {
				t.Errorf("moved by others: %q", noisy)
			}
		})
	}
}

// TestACardByAnotherClock: Tango's clock and ours may differ, so a card that is as old as that still counts as the one.
func TestACardByAnotherClock(t *testing.T) {
	t.Parallel()
	for behind, state := range map[time.Duration]treasury.State{
		4 * time.Minute: treasury.StateSucceeded,
		6 * time.Minute: treasury.StateFailed, // one of the same label that was there before
	} {
		t.Run(behind.String(), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.doubt(draftOf(treasury.ActionRegisterCard), tangosim.Fault{DropBefore: true})
			b.sim.AddCard(tangosim.Card{
				Account: "sales-spiffs", Label: "Sales Visa", LastFour: "1111", Expires: "2031-12",
				CreatedAt: r.Attempt.SentAt.Add(-behind), ActiveFrom: r.Attempt.SentAt,
			})
			b.looksTwice()
			b.is(r.ID, state, treasury.ReasonFound)
		})
	}
}
