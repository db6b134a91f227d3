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
	done    bool            // an answer said that the money moved
	held    bool            // the lanes, as the states say
}

func newLife(rt *rapid.T) *life {
	action := transferOf("from-one", "to-two", 10000, "USD")
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
		treasury.EventAnswer, treasury.EventAnswer, treasury.EventLost,
	}
	if rapid.IntRange(0, 2).Draw(rt, "likely") > 0 { // what the desk would do next, so that requests get far
		kinds = map[treasury.State][]treasury.EventKind{
			treasury.StatePending: {treasury.EventVote}, treasury.StateApproved: {treasury.EventClaim}, treasury.StateClaimed: {treasury.EventSend},
			treasury.StateSending: {treasury.EventAnswer}, treasury.StateInDoubt: {treasury.EventAnswer},
		}[l.request.State]
		attempts = attempts[len(attempts)-1:]
	}
	if len(kinds) == 0 {
		kinds = []treasury.EventKind{treasury.EventAnswer, treasury.EventLost, treasury.EventRelease}
	}
	verdicts := []treasury.Verdict{
		treasury.VerdictUnsent, treasury.VerdictDone, treasury.VerdictRefused, treasury.VerdictThrottled, treasury.VerdictUnknown, "",
	}
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
		Answer:  treasury.Answer{Verdict: rapid.SampledFrom(verdicts).Draw(rt, "verdict")},
	}
}

// TestAnyEventsKeepThePromises draws sequences of events and checks each step that Next allows, and each that it does not.
func TestAnyEventsKeepThePromises(t *testing.T) {
	t.Parallel()
	seen := map[treasury.State]int{}
	rapid.Check(t, func(rt *rapid.T) {
		l := newLife(rt)
		for range 40 {
			l.now = l.now.Add(rapid.SampledFrom([]time.Duration{0, 0, time.Second, time.Second, time.Minute, 3 * time.Minute}).Draw(rt, "passed"))
			e := l.event(rt)
			before := l.request
			kept := encoded(rt, before)
			after, err := treasury.Next(before, e)
			if now := encoded(rt, before); now != kept {
				rt.Fatalf("%s changed the request that it was given:\n%s", e.Kind, cmp.Diff(kept, now))
			}
			if err != nil {
				if !errors.Is(err, treasury.ErrForbidden) && !errors.Is(err, treasury.ErrConflict) && !errors.Is(err, treasury.ErrExists) {
					rt.Fatalf("%s is refused with %v", e.Kind, err)
				}
				continue
			}
			l.step(rt, before, after, e)
			l.request = after
			seen[after.State]++
		}
	})
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
	case before.State == treasury.StateInDoubt && after.State != treasury.StateSucceeded:
		fail("doubt ended without the money's having moved")
	case after.Attempts > treasury.MaxAttempts:
		fail("too many attempts")
	case after.State == treasury.StateDenied && (e.By == after.Requester || !e.Eligible || strings.TrimSpace(e.Vote.Comment) == ""):
		fail("denied by somebody who may not, or without a reason")
	}
	if after.State == treasury.StateSending {
		if l.sent[after.Attempt.ID] {
			fail("an attempt was marked twice")
		}
		if l.done || before.State != treasury.StateClaimed {
			fail("marked without a claim, or after the money has moved")
		}
		l.sent[after.Attempt.ID] = true
		l.quorum(rt, after, fail)
	}
	if e.Kind == treasury.EventAnswer && e.Answer.Verdict == treasury.VerdictDone {
		l.done = true
	}
	if (after.State == treasury.StateSucceeded) != l.done {
		fail("succeeded and moved are not the same")
	}
	held := after.State.HoldsLanes()
	if l.held && !held && !after.State.IsFinal() && after.State != treasury.StateApproved {
		fail("lanes were freed on the way")
	}
	if len(l.sent) > 0 && before.State == treasury.StateSending && after.State == treasury.StateApproved &&
		e.Answer.Verdict != treasury.VerdictUnsent && e.Answer.Verdict != treasury.VerdictThrottled {
		fail("tried again without the proof that nothing was sent")
	}
	l.held = held
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
