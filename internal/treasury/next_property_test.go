package treasury_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tangobot/tangobot/internal/treasury"
)

// life is a request that any events happen to, in any order: those that the desk would make, and those that it must not.
type life struct {
	now     time.Time
	request treasury.Request
	sent    map[string]bool // attempts that were marked
	done    bool            // an answer or the evidence said that the money moved
	held    bool            // the lanes, as the states say
	resent  int
}

func newLife(rt *rapid.T) *life {
	action := transferOf("from-one", "to-two", 10000, "USD")
	if rapid.Bool().Draw(rt, "deposit") {
		action = treasury.Action{Kind: treasury.ActionDeposit, Deposit: &treasury.Deposit{
			Account: treasury.AccountRef{ID: "to-two"}, Amount: usd(10000),
		}}
	}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	r := treasury.Request{
		ID: "TB-00000001", Action: action, Hash: action.Hash(), Requester: "U0LENA", State: treasury.StatePending, Step: 1,
		Rule:      treasury.RuleApplied{Number: 1, Approvals: rapid.IntRange(0, 3).Draw(rt, "quorum"), From: []string{"finance"}},
		CreatedAt: now, ExpiresAt: now.Add(10 * time.Minute),
	}
	if r.Rule.Approvals == 0 {
		r.State, r.DueAt = treasury.StateApproved, now.Add(time.Minute)
	}
	return &life{now: now, request: r, sent: map[string]bool{}}
}

// event draws any event, with likely and unlikely contents.
func (l *life) event(rt *rapid.T) treasury.Event {
	person := rapid.SampledFrom([]string{"U0LENA", "U0MAYA", "U0RAVI", "U0VERA", ""})
	hash := rapid.SampledFrom([]string{l.request.Hash, l.request.Hash, l.request.Hash, "other", ""})
	attempts := []string{"", fmt.Sprintf("%s.%d", l.request.ID, l.request.Attempts+1)}
	if l.request.Attempt != nil {
		attempts = append(attempts, l.request.Attempt.ID, l.request.Attempt.ID, l.request.Attempt.ID)
	}
	kinds := []treasury.EventKind{
		treasury.EventSubmit, treasury.EventVote, treasury.EventVote, treasury.EventVote, treasury.EventCancel, treasury.EventExpire,
		treasury.EventClaim, treasury.EventClaim, treasury.EventRelease, treasury.EventRefuse, treasury.EventSend, treasury.EventSend,
		treasury.EventAnswer, treasury.EventAnswer, treasury.EventLost, treasury.EventInvite, treasury.EventSettle, treasury.EventOverdue,
		treasury.EventEvidence, treasury.EventFinding, treasury.EventResendVote, treasury.EventResend,
	}
	if rapid.IntRange(0, 2).Draw(rt, "likely") > 0 { // what the desk would do next, so that requests get far
		kinds = map[treasury.State][]treasury.EventKind{
			treasury.StatePending: {treasury.EventVote}, treasury.StateApproved: {treasury.EventClaim}, treasury.StateClaimed: {treasury.EventSend},
			treasury.StateSending:  {treasury.EventAnswer},
			treasury.StateSettling: {treasury.EventSettle, treasury.EventOverdue},
			treasury.StateInDoubt: {
				treasury.EventAnswer, treasury.EventEvidence, treasury.EventFinding, treasury.EventFinding, treasury.EventResendVote,
				treasury.EventResendVote, treasury.EventResend,
			},
		}[l.request.State]
		attempts = attempts[len(attempts)-1:]
	}
	if len(kinds) == 0 {
		kinds = []treasury.EventKind{treasury.EventAnswer, treasury.EventLost, treasury.EventRelease}
	}
	verdicts := []treasury.Verdict{
		treasury.VerdictUnsent, treasury.VerdictDone, treasury.VerdictRefused, treasury.VerdictThrottled, treasury.VerdictUnknown, "",
		treasury.VerdictPending, treasury.VerdictPending, treasury.VerdictDeclined, treasury.VerdictUnknown, treasury.VerdictUnknown,
	}
	findings := []treasury.Finding{treasury.FindingExecuted, treasury.FindingNot, treasury.FindingOpen, ""}
	doubts := []treasury.Doubt{treasury.DoubtServer, treasury.DoubtServer, treasury.DoubtMismatch, treasury.DoubtDuplicate, treasury.DoubtUnsettled}
	return treasury.Event{
		Kind: rapid.SampledFrom(kinds).Draw(rt, "kind"), At: l.now, By: person.Draw(rt, "by"),
		Vote: treasury.Vote{
			Approve: rapid.IntRange(0, 5).Draw(rt, "approve") > 0, Comment: rapid.SampledFrom([]string{"", "no"}).Draw(rt, "comment"),
			Hash: hash.Draw(rt, "hash"), Person: person.Draw(rt, "forged"),
		},
		Eligible: rapid.IntRange(0, 4).Draw(rt, "eligible") > 0, DueAt: l.now.Add(time.Minute),
		Reason: rapid.SampledFrom([]treasury.Reason{treasury.ReasonNone, treasury.ReasonNone, treasury.ReasonLimit}).Draw(rt, "reason"),
		Valid:  rapid.IntRange(0, 3).Draw(rt, "valid"), NotAfter: l.now.Add(rapid.SampledFrom([]time.Duration{90 * time.Second, time.Second}).Draw(rt, "left")),
		Attempt: rapid.SampledFrom(attempts).Draw(rt, "attempt"),
		Answer: treasury.Answer{
			Verdict: rapid.SampledFrom(verdicts).Draw(rt, "verdict"), Doubt: rapid.SampledFrom(doubts).Draw(rt, "doubt"),
		},
		Evidence: treasury.Evidence{Says: rapid.SampledFrom(findings).Draw(rt, "says")},
		Finding: treasury.Verified{
			Finding: rapid.SampledFrom(findings).Draw(rt, "finding"), Seen: rapid.SampledFrom([]string{"line 7", "line 7", ""}).Draw(rt, "seen"),
			Person: person.Draw(rt, "forged finding"),
		},
	}
}

// TestAnyEventsKeepThePromises draws sequences of events and checks each step that Next allows, and each that it does not.
func TestAnyEventsKeepThePromises(t *testing.T) {
	t.Parallel()
	seen := map[treasury.State]int{}
	sequence := func(rt *rapid.T) {
		l := newLife(rt)
		for range 60 {
			l.now = l.now.Add(rapid.SampledFrom([]time.Duration{
				0, 0, time.Second, time.Second, time.Minute, 3 * time.Minute, 20 * time.Minute, 2 * time.Hour, 4 * 24 * time.Hour,
			}).Draw(rt, "passed"))
			e := l.event(rt)
			before := l.request
			kept := encoded(rt, before)
			after, err := treasury.Next(before, e)
			if now := encoded(rt, before); now != kept {
				rt.Fatalf("%s changed the request that it was given:\n%s", e.Kind, cmp.Diff(kept, now))
			}
			if err != nil {
				if !errors.Is(err, treasury.ErrForbidden) && !errors.Is(err, treasury.ErrConflict) && !errors.Is(err, treasury.ErrExists) &&
					(!errors.Is(err, treasury.ErrInvalid) || e.Kind != treasury.EventFinding) {
					rt.Fatalf("%s is refused with %v", e.Kind, err)
				}
				continue
			}
			l.step(rt, before, after, e)
			l.request = after
			seen[after.State]++
		}
	}
	const rounds = 20 // some states are rare, and one round of sequences may pass them by
	for range rounds {
		rapid.Check(t, sequence)
		if len(seen) == len(treasury.States()) {
			break
		}
	}
	for _, s := range treasury.States() {
		if seen[s] == 0 {
			t.Errorf("no sequence came to %s", s)
		}
	}
}

// TestTwoVotesOnOneReadingAreApart: both were decided on what was read once, of which one commit will win.
func TestTwoVotesOnOneReadingAreApart(t *testing.T) {
	t.Parallel()
	action := transferOf("from-one", "to-two", 10000, "USD")
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	r := treasury.Request{
		Action: action, Hash: action.Hash(), Requester: "U0LENA", State: treasury.StatePending, Rule: treasury.RuleApplied{Approvals: 9},
		ExpiresAt: now.Add(time.Hour), Votes: make([]treasury.Vote, 0, 9),
	}
	vote := func(person string) treasury.Request {
		after, err := treasury.Next(r, treasury.Event{
			Kind: treasury.EventVote, At: now, By: person, Eligible: true, Vote: treasury.Vote{Approve: true, Hash: r.Hash},
		})
		if err != nil {
			t.Fatal(err)
		}
		return after
	}
	first, second := vote("U0MAYA"), vote("U0RAVI")
	if first.Votes[0].Person != "U0MAYA" || second.Votes[0].Person != "U0RAVI" {
		t.Errorf("votes by %s and %s", first.Votes[0].Person, second.Votes[0].Person)
	}
}

func encoded(rt *rapid.T, r treasury.Request) string {
	body, err := json.Marshal(r)
	if err != nil {
		rt.Fatal(err)
	}
	return string(body)
}

// step checks what must hold of one allowed transition.
func (l *life) step(rt *rapid.T, before, after treasury.Request, e treasury.Event) {
	fail := func(what string) {
		rt.Fatalf("%s: %s by %q took %s to %s\n%+v", what, e.Kind, e.By, before.State, after.State, after)
	}
	l.same(rt, before, after)
	switch {
	case before.State.IsFinal():
		fail("a final state was left")
	case after.Step != before.Step+1:
		fail("the step is not the next one")
	case after.State.IsFinal() != !after.ClosedAt.IsZero():
		fail("closed and final are not the same")
	case after.Attempts > treasury.MaxAttempts+1, after.Attempts > treasury.MaxAttempts && (after.Inquiry == nil || !after.Inquiry.Resent):
		fail("too many attempts")
	case after.State == treasury.StateDenied && (e.By == after.Requester || !e.Eligible || strings.TrimSpace(e.Vote.Comment) == ""):
		fail("denied by somebody who may not, or without a reason")
	}
	if after.State == treasury.StateSending {
		if l.sent[after.Attempt.ID] {
			fail("an attempt was marked twice")
		}
		if l.done || before.State != treasury.StateClaimed && e.Kind != treasury.EventResend {
			fail("marked without a claim, or after the money has moved")
		}
		l.sent[after.Attempt.ID] = true
		if e.Kind == treasury.EventResend {
			l.again(before, e, fail)
		} else {
			l.quorum(rt, after, fail)
		}
	}
	l.done = l.done || e.Answer.Verdict == treasury.VerdictDone && (e.Kind == treasury.EventAnswer || e.Kind == treasury.EventSettle)
	if before.State == treasury.StateInDoubt {
		l.doubt(before, after, e, fail)
	}
	if before.State == treasury.StateSettling {
		l.settle(before, after, e, fail)
	}
	if r := before.Inquiry; before.State == treasury.StateSending && r != nil && r.Resent && e.Answer.Doubt == treasury.DoubtDuplicate {
		l.done = l.done || after.State == treasury.StateSucceeded // a 409 proves that the first send was it
	}
	if (after.State == treasury.StateSucceeded) != l.done {
		fail("succeeded and moved are not the same")
	}
	held := after.State.HoldsLanes()
	if l.held && !held && !after.State.IsFinal() && after.State != treasury.StateApproved && after.State != treasury.StateSettling {
		fail("lanes were freed on the way")
	}
	if len(l.sent) > 0 && before.State == treasury.StateSending && after.State == treasury.StateApproved &&
		e.Answer.Verdict != treasury.VerdictUnsent && e.Answer.Verdict != treasury.VerdictThrottled {
		fail("tried again without the proof that nothing was sent")
	}
	l.held = held
}

// doubt checks the ways out of it: evidence, two people who agree, a late answer, or one further send.
func (l *life) doubt(before, after treasury.Request, e treasury.Event, fail func(string)) {
	if after.State == treasury.StateInDoubt {
		return
	}
	says := treasury.FindingOpen
	switch e.Kind { //nolint:exhaustive // the others are the default: none of them may end a doubt
	case treasury.EventAnswer:
		if e.Answer.Verdict != treasury.VerdictDone && e.Answer.Verdict != treasury.VerdictPending || e.Attempt != before.Attempt.ID {
			fail("a late answer that proves nothing ended a doubt")
		}
		return
	case treasury.EventResend:
		return // checked by again
	case treasury.EventEvidence:
		says = e.Evidence.Says
		if e.At.Before(before.Attempt.NotAfter.Add(treasury.SettleWindow)) {
			fail("judged while the call may still be carried out")
		}
	case treasury.EventFinding:
		says = e.Finding.Finding
		l.agreed(after, says, fail)
		if says == treasury.FindingNot && after.Action.Kind == treasury.ActionDeposit && e.At.Before(before.Inquiry.Since.Add(7*24*time.Hour)) {
			fail("a deposit was called not carried out while it may be pending")
		}
	default:
		fail("doubt ended by an event that says nothing of it")
	}
	want := map[treasury.Finding]treasury.State{treasury.FindingExecuted: treasury.StateSucceeded, treasury.FindingNot: treasury.StateFailed}[says]
	if after.State != want || after.Reason != treasury.ReasonFound {
		fail("doubt ended otherwise than was found")
	}
	l.done = l.done || says == treasury.FindingExecuted
}

// agreed checks that two different people, neither of them the requester, told what they saw and say the same.
func (l *life) agreed(r treasury.Request, says treasury.Finding, fail func(string)) {
	people := map[string]bool{}
	for _, f := range r.Inquiry.Findings {
		if f.Person == r.Requester || f.Person == "" || f.Seen == "" {
			fail("a word that must not count was kept")
		}
		if f.Finding == says {
			people[f.Person] = true
		}
	}
	if len(people) < 2 {
		fail("fewer than two people ended a doubt")
	}
}

// again checks the one further send of a request in doubt.
func (l *life) again(before treasury.Request, e treasury.Event, fail func(string)) {
	if l.resent++; l.resent > 1 {
		fail("sent again twice")
	}
	people := map[string]bool{}
	for _, v := range before.Inquiry.Resend {
		if v.Person == before.Requester || v.Hash != before.Hash {
			fail("sent again with a vote that must not count")
		}
		people[v.Person] = true
	}
	if need := max(before.Rule.Approvals, 2); len(people) < need || e.Valid < need || people[""] {
		fail("sent again without its quorum")
	}
	if e.At.Before(before.Attempt.NotAfter.Add(treasury.SettleWindow)) || !e.At.Before(e.NotAfter.Add(-treasury.SendMargin)) {
		fail("sent again too early, or without time for it")
	}
}

// settle checks the ways out of settling: Tango's word, or doubt after a week or about another amount.
func (l *life) settle(before, after treasury.Request, e treasury.Event, fail func(string)) {
	switch {
	case e.Kind == treasury.EventOverdue:
		if after.State != treasury.StateSettling || before.Overdue || e.At.Before(before.Attempt.SentAt.Add(treasury.SettleOverdue)) {
			fail("called overdue too early or twice")
		}
	case e.Kind != treasury.EventSettle:
		fail("a settling deposit was ended by something else")
	case after.State == treasury.StateInDoubt && e.Answer.Doubt != treasury.DoubtMismatch && e.At.Before(before.Attempt.SentAt.Add(treasury.SettleGiveUp)):
		fail("given up within a week")
	case after.State == treasury.StateDeclined && e.Answer.Verdict != treasury.VerdictDeclined:
		fail("declined without Tango's word")
	}
}

// same checks what no event may touch: what is asked for, by whom, and the votes that are there.
func (l *life) same(rt *rapid.T, before, after treasury.Request) {
	fixed := func(r treasury.Request) string {
		return encoded(rt, treasury.Request{
			ID: r.ID, Action: r.Action, Hash: r.Hash, Requester: r.Requester, Rule: r.Rule, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt,
		})
	}
	if fixed(before) != fixed(after) {
		rt.Fatalf("what was asked for has changed:\n%s", cmp.Diff(fixed(before), fixed(after)))
	}
	if len(after.Votes) < len(before.Votes) || !cmp.Equal(before.Votes, after.Votes[:len(before.Votes)], cmp.Comparer(sameVotes)) {
		rt.Fatalf("votes have changed:\n%s", cmp.Diff(before.Votes, after.Votes))
	}
}

// sameVotes takes no votes and an empty list for the same.
func sameVotes(a, b []treasury.Vote) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// quorum checks a request whose money may leave now: enough different people, none of them the requester, have approved
// exactly this.
func (l *life) quorum(rt *rapid.T, r treasury.Request, fail func(string)) {
	people := map[string]bool{}
	for _, v := range r.Votes {
		switch {
		case !v.Approve:
			fail("sent in spite of a denial")
		case v.Person == r.Requester:
			fail("sent with the requester's own vote")
		case v.Hash != r.Hash || r.Hash != r.Action.Hash():
			fail("sent with a vote on something else")
		case !v.At.Before(r.ExpiresAt):
			fail("sent with a vote after its time")
		}
		people[v.Person] = true
	}
	if len(people) < r.Rule.Approvals || people[""] {
		fail("sent without its quorum")
	}
	if r.Attempt.SentAt.Before(r.DueAt) || !r.Attempt.SentAt.Before(r.Attempt.NotAfter.Add(-treasury.SendMargin)) {
		rt.Fatalf("sent at %v, due %v, not after %v", r.Attempt.SentAt, r.DueAt, r.Attempt.NotAfter)
	}
}
