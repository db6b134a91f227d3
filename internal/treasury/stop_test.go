package treasury_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestWhoMayStop(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for person, why := range map[string]treasury.Why{
		"U0LENA": treasury.WhyNoStop, "U0VERA": treasury.WhyNoStop, "U0GUS": treasury.WhyStanding, "U0EXT": treasury.WhyStanding,
	} {
		_, err := b.SetStop(t.Context(), person, true, "no")
		forbidden(t, err, why)
	}
	if s, err := b.Stopped(t.Context()); err != nil || s.Stopped {
		t.Errorf("stopped by people who may not: %+v, %v", s, err)
	}
	set, err := b.SetStop(t.Context(), "U0RAVI", true, "an odd invoice")
	if err != nil || !set.Stopped || set.By != "U0RAVI" || set.Why != "an odd invoice" || !set.At.Equal(b.clock.Now()) {
		t.Errorf("stopped as %+v, %v", set, err)
	}
	b.clock.push(time.Minute)
	if again, err := b.SetStop(t.Context(), "U0MAYA", true, "me too"); err != nil || again.By != "U0RAVI" {
		t.Errorf("stopped twice as %+v, %v", again, err)
	}
}

func TestThePolicySaysWhoMayStop(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Policy = parsePolicy(t, strings.Replace(benchPolicy, "stop: [finance]\n", "", 1))
	if err := b.MayStop(t.Context(), "U0LENA"); err != nil { // those who may ask
		t.Error(err)
	}
	if _, err := treasury.ParsePolicy([]byte(strings.Replace(benchPolicy, "stop: [finance]", "stop: [finanse]", 1))); err == nil {
		t.Error("an unknown group may stop")
	}
}

// TestAStopHoldsEverything until somebody resumes: nothing is lost, and nothing is sent.
func TestAStopHoldsEverything(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"", "commit claimed", "commit sending", "pace"} {
		b := newBench(t)
		r := b.approved()
		stop := func() {
			if _, err := b.SetStop(t.Context(), "U0MAYA", true, "wait"); err != nil {
				t.Error(err)
			}
		}
		if at == "" {
			stop()
		} else {
			b.effects.breaks(meanwhile(at, stop))
		}
		b.executed(r.ID)
		b.effects.forget()
		b.is(r.ID, treasury.StateApproved, treasury.ReasonNone)
		if n := b.sim.Requests()["POST /transferFunds"]; n != 0 || b.lane("marketing-us") != "" {
			t.Errorf("stopped before %q: %d money calls, lane %q", at, n, b.lane("marketing-us"))
		}
		if _, err := b.SetStop(t.Context(), "U0MAYA", false, ""); err != nil {
			t.Fatal(err)
		}
		b.money.drain()
		b.sweep()
		if jobs := b.money.drain(); len(jobs) != 1 || jobs[0].Execute != r.ID {
			t.Errorf("queued after resuming: %+v", jobs)
		}
		b.executed(r.ID)
		b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
	}
}

// TestNobodyStopsAndIsOvertaken: once SetStop has returned, no money call begins.
func TestNobodyStopsAndIsOvertaken(t *testing.T) {
	t.Parallel()
	for range 10 {
		b := newBench(t)
		b.Log = slog.New(slog.DiscardHandler)
		var ids []string
		for range 6 {
			ids = append(ids, b.submit("U0LENA", draft("10")).ID)
		}
		b.clock.push(b.Policy.Undo)
		var all sync.WaitGroup
		for _, id := range ids {
			all.Go(func() {
				if err := b.execute(id); err != nil && !errors.Is(err, treasury.ErrConflict) {
					t.Error(err)
				}
			})
		}
		if _, err := b.SetStop(t.Context(), "U0MAYA", true, "wait"); err != nil {
			t.Fatal(err)
		}
		marked := map[string]bool{}
		for _, id := range ids {
			s := b.find(id).State
			marked[id] = s == treasury.StateSending || s.IsFinal()
		}
		all.Wait()
		for _, id := range ids {
			if n := b.sim.Moved(id); n > 0 && !marked[id] {
				t.Errorf("%s was marked after the stop", id)
			}
		}
	}
}

func TestADepositSettles(t *testing.T) {
	t.Parallel()
	for amount, end := range map[string]treasury.State{"5.55": treasury.StateSucceeded, "6.55": treasury.StateDeclined} {
		b := newBench(t)
		d := draftOf(treasury.ActionDeposit)
		d.Amount = amount
		r := b.executed(b.approvedFor(d).ID)
		b.is(r.ID, treasury.StateSettling, treasury.ReasonNone)
		if b.lane("employee-rewards") != "" {
			t.Error("a settling deposit holds its lane")
		}
		asked := func() int { return b.sim.Requests()["GET /creditCardDeposits/{reference}"] }
		for i, gap := range []time.Duration{2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute} {
			b.look(gap - 1)
			if asked() != i {
				t.Fatalf("%d questions before number %d", asked(), i+1)
			}
			b.look(1)
			if asked() != i+1 {
				t.Fatalf("%d questions, want %d", asked(), i+1)
			}
		}
		b.look(32 * time.Minute)
		b.is(r.ID, end, treasury.ReasonNone)
		type tally struct {
			Spent []struct{} `json:"spent"`
		}
		want := map[treasury.State]int{treasury.StateSucceeded: 1}[end]
		if n := len(read[tally](b, "TALLY#requester#24h0m0s#U0LENA").Spent); n != want {
			t.Errorf("%s: %d movements count toward the limit, want %d", end, n, want)
		}
	}
}

func TestADepositThatNeverSettles(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := draftOf(treasury.ActionDeposit)
	d.Amount = "5.55"
	r := b.executed(b.approvedFor(d).ID)
	for hours := 0; hours < 8*24 && b.find(r.ID).State == treasury.StateSettling; hours += 6 {
		b.sim.Arm(tangosim.Fault{On: "GET /creditCardDeposits/{reference}", Edit: func(answer map[string]any) {
			answer["status"], answer["amountCharged"] = "PENDING", 0
		}})
		now := b.find(r.ID)
		if age := b.clock.Now().Sub(now.Attempt.SentAt); now.Overdue != (age > treasury.SettleOverdue+6*time.Hour) && (age < treasury.SettleOverdue || age > treasury.SettleOverdue+12*time.Hour) {
			t.Errorf("overdue %v after %s", now.Overdue, age)
		}
		b.look(6 * time.Hour)
	}
	now := b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone)
	if now.Answer.Doubt != treasury.DoubtUnsettled || now.Answer.Deposit == nil || b.clock.Now().Sub(now.Attempt.SentAt) < treasury.SettleGiveUp {
		t.Errorf("given up with %+v", now.Answer)
	}
	if b.lane("employee-rewards") != r.ID {
		t.Error("the lane is free")
	}
}

// Other deposits of the week must not keep a doubt from being recorded.
func TestADoubtAboutASettlingDepositPassesTheLimits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := draftOf(treasury.ActionDeposit)
	d.Amount = "5.55"
	r := b.executed(b.approvedFor(d).ID)
	b.executedFor("U0LENA", big("9000"))
	b.clock.push(30 * time.Minute)
	b.executedFor("U0LENA", big("994"))
	b.sim.Arm(tangosim.Fault{On: "GET /creditCardDeposits/{reference}", Edit: tangosim.EditField("amount", 7)})
	b.look(time.Hour)
	if now := b.is(r.ID, treasury.StateInDoubt, treasury.ReasonNone); now.Answer.Doubt != treasury.DoubtMismatch {
		t.Errorf("answer %+v", now.Answer)
	}
}
