package treasury

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/money"
)

func usdOf(hundredths int64) money.Amount { return money.New(hundredths, "USD") }

// depositIn makes a deposit of 1.00 in a state.
func depositIn(s State) Request {
	r := requestIn(s)
	r.Action = Action{Kind: ActionDeposit, Deposit: &Deposit{
		Customer: "acme", Account: AccountRef{ID: "to-two"}, Card: CardRef{Token: "t"}, Amount: usdOf(100),
	}}
	r.Hash = r.Action.Hash()
	return r
}

// mustNext makes what an event makes of a request.
func mustNext(t *testing.T, r Request, e Event) Request {
	t.Helper()
	after, err := Next(r, e)
	if err != nil {
		t.Fatalf("%s: %v", e.Kind, err)
	}
	return after
}

// refuses checks that an event is refused with a reason; an empty one stands for ErrConflict.
func refuses(t *testing.T, r Request, e Event, why Why) {
	t.Helper()
	_, err := Next(r, e)
	var no *Forbidden
	switch {
	case err == nil:
		t.Errorf("%s is allowed", e.Kind)
	case why == "" && !errors.Is(err, ErrConflict):
		t.Errorf("%s: got %v, want a conflict", e.Kind, err)
	case why != "" && (!errors.As(err, &no) || no.Why != why):
		t.Errorf("%s: got %v, want %s", e.Kind, err, why)
	}
}

func word(person string, f Finding) Event {
	return Event{
		Kind: EventFinding, At: noon.Add(2 * time.Hour), By: person, Eligible: true, Finding: Verified{Finding: f, Seen: "line 7"},
	}
}

func TestTwoPeopleWhoAgreeCloseADoubt(t *testing.T) {
	t.Parallel()
	for f, want := range map[Finding]State{FindingExecuted: StateSucceeded, FindingNot: StateFailed} {
		r := mustNext(t, requestIn(StateInDoubt), word("U0MAYA", f))
		other := FindingExecuted
		if f == other {
			other = FindingNot
		}
		r = mustNext(t, r, word("U0RAVI", other))
		if r.State != StateInDoubt {
			t.Fatalf("two people who disagree made it %s", r.State)
		}
		refuses(t, r, word("U0MAYA", f), WhySaid)
		r = mustNext(t, r, word("U0VERA", f))
		if r.State != want || r.Reason != ReasonFound || r.ClosedAt.IsZero() {
			t.Errorf("%s by two: %s (%s)", f, r.State, r.Reason)
		}
		if n := len(r.Inquiry.Findings); n != 3 || r.Inquiry.Findings[2].Person != "U0VERA" || r.Inquiry.Findings[2].Seen != "line 7" {
			t.Errorf("findings %+v", r.Inquiry.Findings)
		}
	}
}

// TestAWordIsCorrected: two people said the opposite, and one of them was wrong.
func TestAWordIsCorrected(t *testing.T) {
	t.Parallel()
	r := mustNext(t, requestIn(StateInDoubt), word("U0MAYA", FindingNot))
	r = mustNext(t, r, word("U0RAVI", FindingExecuted))
	before := r
	r = mustNext(t, r, word("U0MAYA", FindingExecuted))
	if r.State != StateSucceeded || len(r.Inquiry.Findings) != 2 || r.Inquiry.Said("U0MAYA") != FindingExecuted {
		t.Errorf("%s, findings %+v", r.State, r.Inquiry.Findings)
	}
	if before.Inquiry.Said("U0MAYA") != FindingNot {
		t.Error("the request before was changed")
	}
	r = mustNext(t, mustNext(t, requestIn(StateInDoubt), word("U0MAYA", FindingNot)), word("U0MAYA", FindingExecuted))
	if r.State != StateInDoubt || r.Inquiry.Agreeing(FindingExecuted) != 1 || r.Inquiry.Agreeing(FindingNot) != 0 {
		t.Errorf("one person alone made it %s with %+v", r.State, r.Inquiry.Findings)
	}
}

func TestWordsThatDoNotCount(t *testing.T) {
	t.Parallel()
	edit := func(change func(*Event)) Event {
		e := word("U0MAYA", FindingExecuted)
		change(&e)
		return e
	}
	for _, c := range []struct {
		name  string
		event Event
		why   Why
	}{
		{"the requester's", edit(func(e *Event) { e.By = "U0LENA" }), WhyOwnRequest},
		{"a stranger's", edit(func(e *Event) { e.Eligible = false }), WhyNotApprover},
		{"nobody's", edit(func(e *Event) { e.By = "" }), WhyNotApprover},
		{"one without what was seen", edit(func(e *Event) { e.Finding.Seen = "" }), WhyNoEvidence},
		{"one before anything could be seen", edit(func(e *Event) { e.At = noon.Add(75*time.Minute - 1) }), WhyTooEarly},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refuses(t, requestIn(StateInDoubt), c.event, c.why)
		})
	}
	for _, f := range []Finding{FindingOpen, "", "perhaps"} {
		if _, err := Next(requestIn(StateInDoubt), word("U0MAYA", f)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", f, err)
		}
	}
	mustNext(t, requestIn(StateInDoubt), edit(func(e *Event) { e.At = noon.Add(75 * time.Minute) }))
}

// Evidence that does not decide lets people decide at once.
func TestUnclearEvidenceOpensTheDoubtToPeople(t *testing.T) {
	t.Parallel()
	early := word("U0MAYA", FindingExecuted)
	early.At = noon.Add(17 * time.Minute)
	r := requestIn(StateInDoubt)
	refuses(t, r, early, WhyTooEarly)
	r = mustNext(t, r, Event{Kind: EventEvidence, At: early.At, Evidence: Evidence{Says: FindingOpen, Rule: RuleUnclear}})
	mustNext(t, r, early)
}

func TestEvidenceWaitsForTheSettleWindow(t *testing.T) {
	t.Parallel()
	r := requestIn(StateInDoubt)
	e := Event{Kind: EventEvidence, At: r.Attempt.NotAfter.Add(SettleWindow - 1), Evidence: Evidence{Says: FindingNot}}
	refuses(t, r, e, "")
	e.At = e.At.Add(1)
	if after := mustNext(t, r, e); after.State != StateFailed || after.Inquiry.Evidence == nil {
		t.Errorf("made %s with %+v", after.State, after.Inquiry.Evidence)
	}
}

// A deposit may be pending for days, unseen.
func TestADepositIsNotCalledOffWithinAWeek(t *testing.T) {
	t.Parallel()
	not := word("U0MAYA", FindingNot)
	not.At = noon.Add(7*24*time.Hour - 1)
	refuses(t, depositIn(StateInDoubt), not, WhyTooEarly)
	done := word("U0MAYA", FindingExecuted)
	mustNext(t, depositIn(StateInDoubt), done)
	not.At = not.At.Add(1)
	r := mustNext(t, depositIn(StateInDoubt), not)
	not.By = "U0RAVI"
	if r = mustNext(t, r, not); r.State != StateFailed {
		t.Errorf("made %s", r.State)
	}
}

func votedToResend(t *testing.T, r Request, people ...string) Request {
	t.Helper()
	for _, person := range people {
		r = mustNext(t, r, Event{
			Kind: EventResendVote, At: noon.Add(2 * time.Hour), By: person, Eligible: true, Vote: Vote{Approve: true, Hash: r.Hash},
		})
	}
	return r
}

func TestResendTakesTheQuorumOfTheRequestButTwo(t *testing.T) {
	t.Parallel()
	for approvals, people := range map[int][]string{0: {"U0MAYA", "U0RAVI"}, 1: {"U0MAYA", "U0RAVI"}, 3: {"U0MAYA", "U0RAVI", "U0VERA"}} {
		r := requestIn(StateInDoubt)
		r.Rule.Approvals = approvals
		resend := Event{Kind: EventResend, At: noon.Add(3 * time.Hour), Valid: len(people), NotAfter: noon.Add(4 * time.Hour)}
		r = votedToResend(t, r, people[:len(people)-1]...)
		refuses(t, r, resend, "")
		r = votedToResend(t, r, people[len(people)-1])
		short := resend
		short.Valid--
		refuses(t, r, short, WhyQuorumLost)
		early := resend
		early.At = r.Attempt.NotAfter.Add(SettleWindow - 1)
		refuses(t, r, early, "")
		late := resend
		late.NotAfter = late.At.Add(SendMargin)
		refuses(t, r, late, "")
		first := r.Attempt
		sent := mustNext(t, r, resend)
		if sent.State != StateSending || sent.Attempt.ID != "TB-00000001.2" || !cmp.Equal(sent.Attempt.Before, first.Before) {
			t.Errorf("sent again as %+v", sent.Attempt)
		}
	}
}

func TestVotesToResendThatDoNotCount(t *testing.T) {
	t.Parallel()
	r := requestIn(StateInDoubt)
	good := Event{Kind: EventResendVote, At: noon.Add(2 * time.Hour), By: "U0MAYA", Eligible: true, Vote: Vote{Hash: r.Hash}}
	edit := func(change func(*Event)) Event {
		e := good
		change(&e)
		return e
	}
	refuses(t, r, edit(func(e *Event) { e.By = "U0LENA" }), WhyOwnRequest)
	refuses(t, r, edit(func(e *Event) { e.By = "" }), WhyNotApprover)
	refuses(t, r, edit(func(e *Event) { e.Eligible = false }), WhyNotApprover)
	refuses(t, r, edit(func(e *Event) { e.At = noon.Add(time.Hour) }), WhyTooEarly)
	refuses(t, r, edit(func(e *Event) { e.Vote.Hash = "other" }), WhyChanged)
	refuses(t, votedToResend(t, r, "U0MAYA"), good, WhyVoted)
	refuses(t, requestIn(StateSending), good, WhyDecided)
	for _, kind := range []ActionKind{ActionRegisterCard, ActionUnregisterCard, ActionCreateAccount, ActionUpdateAccount, ActionCreateCustomer} {
		other := r
		other.Action.Kind = kind
		refuses(t, other, good, WhyNoResend)
	}
}

// TestWhatTheSecondSendMakes: a success is the one movement, a 409 proves the first of a transfer; all else proves nothing.
func TestWhatTheSecondSendMakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer Answer
		state  State
		reason Reason
	}{
		{Answer{Verdict: VerdictDone}, StateSucceeded, ReasonNone},
		{Answer{Verdict: VerdictPending}, StateSettling, ReasonNone},
		{Answer{Verdict: VerdictUnknown, Doubt: DoubtDuplicate}, StateSucceeded, ReasonFound},
		{Answer{Verdict: VerdictUnknown, Doubt: DoubtNoAnswer}, StateInDoubt, ReasonNone},
		{Answer{Verdict: VerdictRefused}, StateInDoubt, ReasonNone},
		{Answer{Verdict: VerdictDeclined}, StateInDoubt, ReasonNone},
		{Answer{Verdict: VerdictThrottled}, StateInDoubt, ReasonNone},
		{Answer{Verdict: VerdictUnsent}, StateInDoubt, ReasonNone},
		{Answer{}, StateInDoubt, ReasonNone},
	} {
		t.Run(fmt.Sprint(c.answer.Verdict, c.answer.Doubt), func(t *testing.T) {
			t.Parallel()
			r := votedToResend(t, requestIn(StateInDoubt), "U0MAYA", "U0RAVI")
			r = mustNext(t, r, Event{Kind: EventResend, At: noon.Add(3 * time.Hour), Valid: 2, NotAfter: noon.Add(4 * time.Hour)})
			r = mustNext(t, r, Event{Kind: EventAnswer, At: noon.Add(3 * time.Hour), Attempt: r.Attempt.ID, Answer: c.answer})
			if r.State != c.state || r.Reason != c.reason {
				t.Errorf("made %s (%s), want %s (%s)", r.State, r.Reason, c.state, c.reason)
			}
			if r.State == StateInDoubt {
				if r.MayResend() {
					t.Error("it would be sent a third time")
				}
				refuses(t, r, Event{
					Kind: EventResendVote, At: noon.Add(3 * time.Hour), By: "U0VERA", Eligible: true, Vote: Vote{Hash: r.Hash},
				}, WhyNoResend)
			}
		})
	}
}

// A 409 to a deposit's second send tells that the first was taken, and not whether it was pending, declined or charged.
func TestA409ProvesNoDeposit(t *testing.T) {
	t.Parallel()
	r := votedToResend(t, depositIn(StateInDoubt), "U0MAYA", "U0RAVI")
	r = mustNext(t, r, Event{Kind: EventResend, At: noon.Add(3 * time.Hour), Valid: 2, NotAfter: noon.Add(4 * time.Hour)})
	r = mustNext(t, r, Event{
		Kind: EventAnswer, At: noon.Add(3 * time.Hour), Attempt: r.Attempt.ID, Answer: Answer{Verdict: VerdictUnknown, Doubt: DoubtDuplicate},
	})
	if r.State != StateInDoubt || r.MayResend() {
		t.Errorf("made %s (%s), want a doubt that people close", r.State, r.Reason)
	}
}

// A worker that dies in the second send leaves the doubt, and it is not sent a third time.
func TestALostSecondSendIsNotRepeated(t *testing.T) {
	t.Parallel()
	r := votedToResend(t, requestIn(StateInDoubt), "U0MAYA", "U0RAVI")
	r = mustNext(t, r, Event{Kind: EventResend, At: noon.Add(3 * time.Hour), Valid: 2, NotAfter: noon.Add(4 * time.Hour)})
	r = mustNext(t, r, Event{Kind: EventLost, At: noon.Add(5 * time.Hour)})
	if r.State != StateInDoubt || r.MayResend() || !r.Inquiry.Since.Equal(noon) {
		t.Errorf("%s since %v, may resend %v", r.State, r.Inquiry.Since, r.MayResend())
	}
	refuses(t, r, Event{Kind: EventEvidence, At: noon.Add(4 * time.Hour), Evidence: Evidence{Says: FindingNot}}, "") // its window is not over
}

func TestSettling(t *testing.T) {
	t.Parallel()
	told := &DepositResult{ID: "RAD-1", Amount: usdOf(100)}
	r := depositIn(StateSettling)
	r.Answer = &Answer{Verdict: VerdictPending, Deposit: told}
	unknown := Event{Kind: EventSettle, At: noon.Add(SettleGiveUp - 1), Answer: Answer{Verdict: VerdictUnknown, Doubt: DoubtUnsettled}}
	refuses(t, r, unknown, "")
	unknown.At = noon.Add(SettleGiveUp)
	doubted := mustNext(t, r, unknown)
	if doubted.State != StateInDoubt || doubted.Answer.Deposit != told || !doubted.Inquiry.Since.Equal(unknown.At) {
		t.Errorf("given up as %s, %+v", doubted.State, doubted.Answer)
	}
	for _, v := range []Verdict{VerdictPending, VerdictRefused, VerdictThrottled, VerdictUnsent} {
		refuses(t, r, Event{Kind: EventSettle, At: noon.Add(SettleGiveUp), Answer: Answer{Verdict: v}}, "")
	}
	overdue := Event{Kind: EventOverdue, At: noon.Add(SettleOverdue - 1)}
	refuses(t, r, overdue, "")
	overdue.At = noon.Add(SettleOverdue)
	r = mustNext(t, r, overdue)
	refuses(t, r, overdue, "")
}
