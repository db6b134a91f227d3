package treasury

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// balances gives readings of accounts of a transfer or deposit, in hundredths of a dollar.
func balances(list map[string]int64) []BalanceRead {
	var reads []BalanceRead
	for _, id := range []string{"from-one", "to-two"} {
		if n, ok := list[id]; ok {
			reads = append(reads, BalanceRead{Account: id, Balance: usdOf(n)})
		}
	}
	return reads
}

// TestWeighTransfer: 1.00 of 10.00 goes to an account with 5.00.
func TestWeighTransfer(t *testing.T) {
	t.Parallel()
	const from, to = "from-one", "to-two"
	for _, c := range []struct {
		name         string
		fromTo       [2]int64 // the balances that are seen
		noisy        []string
		says         Finding
		rule         EvidenceRule
		beforeIsLost bool
	}{
		{"both moved", [2]int64{900, 600}, nil, FindingExecuted, RuleBothMoved, false},
		{"both moved, a noisy source", [2]int64{900, 600}, []string{from}, FindingExecuted, RuleBothMoved, false},
		{"both moved, a noisy target", [2]int64{900, 600}, []string{to}, FindingExecuted, RuleBothMoved, false},
		{"both moved, both noisy", [2]int64{900, 600}, []string{from, to}, FindingOpen, RuleUnclear, false},
		{"neither moved", [2]int64{1000, 500}, nil, FindingNot, RuleNoneMoved, false},
		{"neither moved, a noisy source", [2]int64{1000, 500}, []string{from}, FindingNot, RuleNoneMoved, false},
		{"neither moved, both noisy", [2]int64{1000, 500}, []string{from, to}, FindingOpen, RuleUnclear, false},
		{"a quiet source lost it, the target moved too", [2]int64{900, 777}, []string{to}, FindingExecuted, RuleQuietSource, false},
		{"a quiet source kept it, the target moved", [2]int64{1000, 600}, []string{to}, FindingNot, RuleQuietSource, false},
		{"a noisy source lost it, the target moved too", [2]int64{900, 777}, []string{from}, FindingOpen, RuleUnclear, false},
		{"a noisy source kept it, the target moved", [2]int64{1000, 600}, []string{from}, FindingOpen, RuleUnclear, false},
		{"the source lost something else", [2]int64{950, 500}, nil, FindingOpen, RuleUnclear, false},
		{"the source lost more", [2]int64{850, 600}, nil, FindingOpen, RuleUnclear, false},
		{"the source got it", [2]int64{1100, 400}, nil, FindingOpen, RuleUnclear, false},
		{"twice", [2]int64{800, 700}, nil, FindingOpen, RuleDouble, false},
		{"twice, both noisy", [2]int64{800, 700}, []string{from, to}, FindingOpen, RuleDouble, false},
		{"twice from a quiet source", [2]int64{800, 500}, nil, FindingOpen, RuleDouble, false},
		{"as if twice from a noisy source", [2]int64{800, 600}, []string{from}, FindingOpen, RuleUnclear, false},
		{"nothing known of before", [2]int64{900, 600}, nil, FindingOpen, RuleUnclear, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := requestIn(StateInDoubt)
			r.Attempt.Before = balances(map[string]int64{from: 1000, to: 500})
			if c.beforeIsLost {
				r.Attempt.Before = nil
			}
			ev := r.Weigh(sighting{Balances: balances(map[string]int64{from: c.fromTo[0], to: c.fromTo[1]})}, c.noisy)
			if ev.Says != c.says || ev.Rule != c.rule {
				t.Errorf("says %s by %s, want %s by %s", ev.Says, ev.Rule, c.says, c.rule)
			}
			if !c.beforeIsLost && (len(ev.Balances) != 2 || ev.Balances[0].After != usdOf(c.fromTo[0])) {
				t.Errorf("balances %+v", ev.Balances)
			}
			if diff := cmp.Diff(c.noisy, ev.Noisy); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWeighWhatCannotBeCompared(t *testing.T) {
	t.Parallel()
	r := requestIn(StateInDoubt)
	r.Attempt.Before = balances(map[string]int64{"from-one": 1000, "to-two": 500})
	one := sighting{Balances: balances(map[string]int64{"from-one": 1000})}
	euros := sighting{Balances: balances(map[string]int64{"from-one": 1000, "to-two": 500})}
	euros.Balances[1].Balance.Currency = "EUR"
	for name, s := range map[string]sighting{"nothing": {}, "one account": one, "another currency": euros} {
		if ev := r.Weigh(s, nil); ev.Says != FindingOpen || ev.Rule != RuleUnclear {
			t.Errorf("%s says %s by %s", name, ev.Says, ev.Rule)
		}
	}
}

// TestWeighDeposit: 1.00 onto an account with 5.00.
func TestWeighDeposit(t *testing.T) {
	t.Parallel()
	told := func(hundredths int64) *DepositResult { return &DepositResult{ID: "RAD-1", Amount: usdOf(hundredths)} }
	for _, c := range []struct {
		name    string
		after   int64
		deposit *DepositResult
		verdict Verdict
		noisy   []string
		says    Finding
		rule    EvidenceRule
	}{
		{"its id says done", 500, told(100), VerdictDone, nil, FindingExecuted, RuleByID},
		{"its id says done, a noisy account", 777, told(100), VerdictDone, []string{"to-two"}, FindingExecuted, RuleByID},
		{"its id says declined", 600, told(100), VerdictDeclined, nil, FindingNot, RuleByID},
		{"its id says pending", 600, told(100), VerdictPending, nil, FindingOpen, RulePending},
		{"its id says another amount", 600, told(101), VerdictDone, nil, FindingOpen, RuleUnclear},
		{"it arrived", 600, nil, "", nil, FindingExecuted, RuleArrived},
		{"it arrived on a noisy account", 600, nil, "", []string{"to-two"}, FindingOpen, RuleUnclear},
		{"nothing arrived, which says nothing", 500, nil, "", nil, FindingOpen, RuleUnclear},
		{"something else arrived", 650, nil, "", nil, FindingOpen, RuleUnclear},
		{"it arrived twice", 700, nil, "", nil, FindingOpen, RuleDouble},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := depositIn(StateInDoubt)
			r.Attempt.Before = balances(map[string]int64{"to-two": 500})
			ev := r.Weigh(sighting{Balances: balances(map[string]int64{"to-two": c.after}), Deposit: c.deposit, Verdict: c.verdict}, c.noisy)
			if ev.Says != c.says || ev.Rule != c.rule || ev.Deposit != c.deposit {
				t.Errorf("says %s by %s, want %s by %s", ev.Says, ev.Rule, c.says, c.rule)
			}
			r.Attempt.Before = nil
			if ev := r.Weigh(sighting{Balances: balances(map[string]int64{"to-two": c.after})}, nil); ev.Says != FindingOpen {
				t.Errorf("without a balance of before it says %s by %s", ev.Says, ev.Rule)
			}
		})
	}
}

func TestWeighThings(t *testing.T) {
	t.Parallel()
	for _, kind := range []ActionKind{ActionRegisterCard, ActionUnregisterCard, ActionCreateAccount, ActionUpdateAccount, ActionCreateCustomer} {
		done, undone := objectThere, objectGone
		if kind == ActionUnregisterCard {
			done, undone = undone, done
		}
		for object, want := range map[string]Evidence{
			done: {Says: FindingExecuted, Rule: RuleFound}, undone: {Says: FindingNot, Rule: RuleMissing},
			objectOther: {Says: FindingOpen, Rule: RuleUnclear}, "": {Says: FindingOpen, Rule: RuleUnclear},
		} {
			r := requestIn(StateInDoubt)
			r.Action = Action{Kind: kind}
			if ev := r.Weigh(sighting{Object: object}, nil); ev.Says != want.Says || ev.Rule != want.Rule {
				t.Errorf("%s, %q: says %s by %s, want %s by %s", kind, object, ev.Says, ev.Rule, want.Says, want.Rule)
			}
		}
	}
}

func TestAnotherDoubtBeginsWithoutTheOldWords(t *testing.T) {
	t.Parallel()
	r := mustNext(t, requestIn(StateInDoubt), word("U0MAYA", FindingNot))
	r = mustNext(t, r, Event{Kind: EventEvidence, At: noon.Add(2 * 60 * 60e9), Evidence: Evidence{Says: FindingOpen, Rule: RuleUnclear}})
	r = votedToResend(t, r, "U0MAYA", "U0RAVI")
	sent := noon.Add(3 * 60 * 60e9)
	r = mustNext(t, r, Event{Kind: EventResend, At: sent, Valid: 2, NotAfter: sent.Add(90e9)})
	r = mustNext(t, r, Event{Kind: EventAnswer, At: sent, Attempt: r.Attempt.ID, Answer: Answer{Verdict: VerdictUnknown, Doubt: DoubtNoAnswer}})
	if r.Inquiry.Evidence != nil || len(r.Inquiry.Findings) != 0 || !r.Inquiry.Since.Equal(noon) {
		t.Errorf("kept %+v", r.Inquiry)
	}
	again := word("U0RAVI", FindingNot)
	again.At = sent.Add(SettleWindow + peopleAfter - 1)
	refuses(t, r, again, WhyTooEarly)
	again.At = again.At.Add(1)
	if r = mustNext(t, r, again); r.State != StateInDoubt {
		t.Errorf("one person's word made it %s", r.State)
	}
}

func TestWhatCountsTowardLimits(t *testing.T) {
	t.Parallel()
	want := map[State]bool{StateClaimed: true, StateSending: true, StateSettling: true, StateInDoubt: true, StateSucceeded: true}
	for _, s := range States() {
		if s.counts() != want[s] {
			t.Errorf("%s counts: %v", s, s.counts())
		}
	}
}
