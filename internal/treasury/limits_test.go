package treasury_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// big is a transfer of an account that has 24,500 USD.
func big(amount string) treasury.Draft {
	d := draft(amount)
	d.From = "employee-rewards"
	return d
}

// executedFor asks for a transfer, has it approved by two and carries it out.
func (b *bench) executedFor(person string, d treasury.Draft) treasury.Request {
	b.t.Helper()
	r := b.submit(person, d)
	for _, approver := range []string{"U0MAYA", "U0RAVI", "U0LENA"} {
		if approver != person && r.State == treasury.StatePending {
			r = b.approve(approver, r)
		}
	}
	b.clock.push(b.Policy.Undo)
	return b.executed(r.ID)
}

func limited(t *testing.T, err error, left money.Amount) {
	t.Helper()
	invalid, ok := errors.AsType[*treasury.Invalid](err)
	want := treasury.Problem{Field: treasury.FieldAmount, Code: treasury.ProblemLimit, Amount: left}
	if !ok || len(invalid.Problems) != 1 || invalid.Problems[0] != want {
		t.Errorf("got %v (%+v), want the limit with %s left", err, invalid, left)
	}
}

func TestALimitIsToldWhenAsking(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.executedFor("U0LENA", big("9000"))
	_, err := b.Submit(t.Context(), "U0LENA", big("1000.01"))
	limited(t, err, usd(100000))
	b.submit("U0LENA", big("1000"))
	b.submit("U0MAYA", big("5000")) // another person's is another sum
	b.Policy = parsePolicy(t, strings.Replace(benchPolicy, "{USD: 10000}", "{USD: 8000}", 1))
	_, err = b.Submit(t.Context(), "U0LENA", big("1"))
	limited(t, err, usd(0)) // and not less than nothing
	b.Policy = parsePolicy(t, benchPolicy)
	b.clock.push(24 * time.Hour)
	b.submit("U0LENA", big("1000.01"))
}

func TestALimitOfTheSourceCountsEverybody(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Policy = parsePolicy(t, strings.Replace(benchPolicy, "window: 1h, up_to: {USD: 15000}", "window: 1h, up_to: {USD: 500}", 1))
	b.executedFor("U0LENA", big("300"))
	_, err := b.Submit(t.Context(), "U0MAYA", big("200.01"))
	limited(t, err, usd(20000))
	b.submit("U0MAYA", draft("200.01")) // from another account
	b.clock.push(time.Hour)
	b.submit("U0MAYA", big("200.01"))
}

// TestALimitIsDecidedByTheClaim has two requests that each fit when they are asked for.
func TestALimitIsDecidedByTheClaim(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first, second := b.submit("U0LENA", big("6000")), b.submit("U0LENA", big("6000"))
	for _, r := range []treasury.Request{first, second} {
		b.approve("U0RAVI", b.approve("U0MAYA", r))
	}
	b.clock.push(b.Policy.Undo)
	b.executed(first.ID)
	b.executed(second.ID)
	b.is(first.ID, treasury.StateSucceeded, treasury.ReasonNone)
	b.is(second.ID, treasury.StateCancelled, treasury.ReasonLimit)
	b.moved(second.ID, 0)
	_, err := b.Preview(t.Context(), "U0LENA", big("4000.01"))
	limited(t, err, usd(400000))
}

// TestALimitIsGivenBack: what did not move does not count.
func TestALimitIsGivenBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.submit("U0LENA", big("9000"))
	b.approve("U0RAVI", b.approve("U0MAYA", r))
	b.clock.push(b.Policy.Undo)
	b.effects.breaks(on("account", 1, failsBefore))
	b.executed(r.ID)
	b.is(r.ID, treasury.StateApproved, treasury.ReasonNone)
	if _, err := b.Preview(t.Context(), "U0LENA", big("9000")); err != nil {
		t.Errorf("after a release: %v", err)
	}
	b.sim.SetStatus("sales-spiffs", "FROZEN")
	b.executed(r.ID)
	b.is(r.ID, treasury.StateFailed, treasury.ReasonInactive)
	b.sim.SetStatus("sales-spiffs", "ACTIVE")
	b.Learn(t.Context(), active(b, "sales-spiffs"))
	if _, err := b.Preview(t.Context(), "U0LENA", big("9000")); err != nil {
		t.Errorf("after a failure: %v", err)
	}
}

// active reads an account from Tango.
func active(b *bench, id string) treasury.Account {
	b.t.Helper()
	a, err := b.Books.Account(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

// TestTwoLimitsOfOneWindow: a policy may say two things about the same window; both must hold.
func TestTwoLimitsOfOneWindow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Policy = parsePolicy(t, strings.Replace(benchPolicy, "limits:\n",
		"limits:\n  - {per: requester, window: 24h, up_to: {USD: 400}}\n  - {per: requester, window: 1440m, up_to: {USD: 300, EUR: 100}}\n", 1))
	b.executedFor("U0LENA", draft("250"))
	_, err := b.Submit(t.Context(), "U0LENA", draft("50.01"))
	limited(t, err, usd(5000))
	b.executedFor("U0LENA", draft("50"))
}
