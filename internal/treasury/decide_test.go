package treasury_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/treasury"
)

func TestOneVoteIsTheQuorumOfOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.submit("U0LENA", draft("100"))
	b.clock.push(time.Hour)
	after := b.approve("U0RAVI", r)
	due := b.clock.Now().Add(time.Minute)
	if after.State != treasury.StateApproved || !after.DueAt.Equal(due) || after.Step != 2 || after.Approvals() != 1 {
		t.Errorf("%s, due %v, step %d, %d approvals", after.State, after.DueAt, after.Step, after.Approvals())
	}
	want := treasury.Vote{Person: "U0RAVI", Approve: true, At: b.clock.Now(), Hash: r.Hash}
	if diff := cmp.Diff([]treasury.Vote{want}, b.find(r.ID).Votes); diff != "" {
		t.Errorf("votes:\n%s", diff)
	}
	if jobs := b.money.drain(); len(jobs) != 1 || jobs[0].Execute != r.ID || !jobs[0].due.Equal(due) {
		t.Errorf("executions: %+v", jobs)
	}
	if n := b.notice(r.ID); n.Want != 2 {
		t.Errorf("notice %+v", n)
	}
}

func TestAQuorumOfTwo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approve("U0MAYA", b.submit("U0LENA", draft("1000")))
	if r.State != treasury.StatePending || !r.DueAt.IsZero() || len(b.money.drain()) != 0 {
		t.Errorf("after one of two votes: %s, due %v", r.State, r.DueAt)
	}
	_, err := b.Vote(t.Context(), "U0MAYA", r.ID, r.Hash, true, "")
	forbidden(t, err, treasury.WhyVoted)
	if r = b.approve("U0RAVI", r); r.State != treasury.StateApproved {
		t.Errorf("after two votes: %s", r.State)
	}
}

func TestOneDenialEndsIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approve("U0MAYA", b.submit("U0LENA", draft("1000")))
	_, err := b.Vote(t.Context(), "U0RAVI", r.ID, r.Hash, false, " \n\t ")
	forbidden(t, err, treasury.WhyNoComment)
	denied, err := b.Vote(t.Context(), "U0RAVI", r.ID, r.Hash, false, "  wrong quarter ")
	if err != nil {
		t.Fatal(err)
	}
	b.is(r.ID, treasury.StateDenied, treasury.ReasonNone)
	if denied.ClosedBy != "U0RAVI" || !denied.ClosedAt.Equal(b.clock.Now()) || denied.Votes[1].Comment != "wrong quarter" {
		t.Errorf("denied: %+v", denied)
	}
	b.clock.push(time.Hour)
	b.executed(r.ID)
	b.is(r.ID, treasury.StateDenied, treasury.ReasonNone)
	b.moved(r.ID, 0)
}

// TestVotesThatDoNotCount has one case a rule. Nothing may be written for any of them.
func TestVotesThatDoNotCount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, person string
		before       func(*bench, treasury.Request) // what happens before the vote
		hash         string                         // instead of the request's
		why          treasury.Why                   // empty for an error that is no refusal
	}{
		{"the requester's own", "U0MAYA", nil, "", treasury.WhyOwnRequest},
		{"a member without the right", "U0VERA", nil, "", treasury.WhyNotApprover},
		{"a requester of other requests", "U0LENA", nil, "", treasury.WhyNotApprover},
		{"a guest in the group", "U0GUS", nil, "", treasury.WhyStanding},
		{"somebody in the group who has left", "U0DEL", nil, "", treasury.WhyStanding},
		{"a bot in the group", "U0BOT2", nil, "", treasury.WhyStanding},
		{"another company's member in the group", "U0EXT", nil, "", treasury.WhyStanding},
		{"nobody known", "U0NONE", nil, "", ""},
		{"nobody", "", nil, "", ""},
		{"another case of an approver's id", "u0ravi", nil, "", ""},
		{"other figures", "U0RAVI", nil, strings.Repeat("0", 64), treasury.WhyChanged},
		{"no figures", "U0RAVI", nil, "-", treasury.WhyChanged},
		{"after the time is over", "U0RAVI", func(b *bench, _ treasury.Request) { b.clock.push(24 * time.Hour) }, "", treasury.WhyExpired},
		{"after the request was taken back", "U0RAVI", func(b *bench, r treasury.Request) {
			if _, err := b.Cancel(b.t.Context(), "U0MAYA", r.ID); err != nil {
				b.t.Fatal(err)
			}
		}, "", treasury.WhyDecided},
		{"an approver who was taken out of the user group", "U0RAVI", func(b *bench, _ treasury.Request) {
			b.people.change(func(p *people) { p.members["S0FINANCE"] = []string{"U0GUS"} })
		}, "", treasury.WhyNotApprover},
		{"an approver who became a guest", "U0RAVI", func(b *bench, _ treasury.Request) {
			b.people.change(func(p *people) {
				p.persons["U0RAVI"] = treasury.Person{ID: "U0RAVI", Team: "T0ACME", Standing: treasury.StandingGuest}
			})
		}, "", treasury.WhyStanding},
		{"an approver's group left the policy", "U0RAVI", func(b *bench, _ treasury.Request) {
			b.Policy = parsePolicy(b.t, strings.Replace(benchPolicy, "[U0MAYA, S0FINANCE]", "[U0MAYA, U0VERA]", 1))
		}, "", treasury.WhyNotApprover},
		{"people not to be reached", "U0RAVI", func(b *bench, _ treasury.Request) {
			b.people.change(func(p *people) { p.down = treasury.ErrUnavailable })
		}, "", ""},
		{"the user group not to be read", "U0RAVI", func(b *bench, _ treasury.Request) {
			b.people.change(func(p *people) { p.broken["S0FINANCE"] = treasury.ErrUnavailable })
		}, "", ""},
		{"the user group switched off", "U0RAVI", func(b *bench, _ treasury.Request) {
			b.people.change(func(p *people) { delete(p.members, "S0FINANCE") })
		}, "", ""},
		{"the journal not to be read", "U0RAVI", func(b *bench, _ treasury.Request) { b.effects.breaks(on("get", 1, failsBefore)) }, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, approve := range []bool{true, false} {
				b := newBench(t)
				r := b.submit("U0MAYA", draft("100"))
				if c.before != nil {
					c.before(b, r)
				}
				before := b.find(r.ID)
				if b.effects.plan == nil {
					b.effects.forget()
				}
				hash := r.Hash
				if c.hash != "" {
					hash = strings.Trim(c.hash, "-")
				}
				_, err := b.Vote(t.Context(), c.person, r.ID, hash, approve, "a reason")
				switch {
				case c.why != "":
					forbidden(t, err, c.why)
				case err == nil || errors.Is(err, treasury.ErrForbidden):
					t.Errorf("got %v, want an error that is no refusal", err)
				}
				b.wroteNothing()
				if diff := cmp.Diff(before, b.find(r.ID)); diff != "" {
					t.Errorf("the request has changed:\n%s", diff)
				}
			}
		})
	}
}

func TestCheckVoteSaysWhatAVoteWould(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.submit("U0LENA", draft("100"))
	b.effects.forget()
	for person, why := range map[string]treasury.Why{
		"U0RAVI": "", "U0LENA": treasury.WhyOwnRequest, "U0VERA": treasury.WhyNotApprover, "U0GUS": treasury.WhyStanding,
	} {
		got, err := b.CheckVote(t.Context(), person, r.ID)
		if why == "" && err != nil {
			t.Errorf("%s: %v", person, err)
		}
		if why != "" {
			forbidden(t, err, why)
		}
		if got.ID != r.ID {
			t.Errorf("%s got request %q", person, got.ID)
		}
	}
	b.wroteNothing()
}

func TestWaitingListsWhereAVoteWouldCount(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.submit("U0LENA", draft("100"))
	b.clock.push(23 * time.Hour)
	voted := b.approve("U0RAVI", b.submit("U0LENA", draft("1000")))
	b.clock.push(time.Minute)
	own := b.submit("U0RAVI", draft("100"))
	b.approve("U0MAYA", b.submit("U0LENA", draft("101"))) // decided
	for _, c := range []struct {
		person string
		want   []string
	}{
		{"U0RAVI", []string{old.ID}}, {"U0MAYA", []string{old.ID, voted.ID, own.ID}}, {"U0LENA", nil}, {"U0VERA", nil}, {"U0GUS", nil},
	} {
		b.lists(c.person, c.want)
	}
	b.clock.push(time.Hour) // the old one's time is over
	b.lists("U0MAYA", []string{voted.ID, own.ID})
	b.submit("U0LENA", draft("102"))
	b.people.change(func(p *people) { p.broken["S0FINANCE"] = treasury.ErrUnavailable })
	if _, err := b.Waiting(t.Context(), "U0RAVI"); !errors.Is(err, treasury.ErrUnavailable) {
		t.Errorf("with the user group not to be read: %v", err)
	}
}

func (b *bench) lists(person string, want []string) {
	b.t.Helper()
	waiting, err := b.Waiting(b.t.Context(), person)
	if err != nil {
		b.t.Fatal(err)
	}
	var got []string
	for _, r := range waiting {
		got = append(got, r.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("waiting for %s:\n%s", person, diff)
	}
}

func TestTakingBackAndStopping(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, person string
		before       func(*bench, treasury.Request)
		why          treasury.Why    // of the refusal
		reason       treasury.Reason // when it is not refused
	}{
		{"the requester takes a pending one back", "U0LENA", nil, "", treasury.ReasonTakenBack},
		{"an approver does not", "U0MAYA", nil, treasury.WhyNotRequester, ""},
		{"a stranger does not", "U0VERA", nil, treasury.WhyNotRequester, ""},
		{"the requester stops an approved one", "U0LENA", approveIt, "", treasury.ReasonStopped},
		{"the approver stops it", "U0MAYA", approveIt, "", treasury.ReasonStopped},
		{"another approver stops it", "U0RAVI", approveIt, "", treasury.ReasonStopped},
		{"a stranger does not stop it", "U0VERA", approveIt, treasury.WhyNotStopper, ""},
		{"a guest in the group does not stop it", "U0GUS", approveIt, treasury.WhyStanding, ""},
		{"stopped after the window but before the claim", "U0RAVI", func(b *bench, r treasury.Request) {
			approveIt(b, r)
			b.clock.push(time.Hour)
		}, "", treasury.ReasonStopped},
		{"not after it was carried out", "U0LENA", func(b *bench, r treasury.Request) {
			approveIt(b, r)
			b.clock.push(time.Hour)
			b.executed(r.ID)
		}, treasury.WhyDecided, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.submit("U0LENA", draft("100"))
			if c.before != nil {
				c.before(b, r)
			}
			before := b.find(r.ID)
			after, err := b.Cancel(t.Context(), c.person, r.ID)
			if c.why != "" {
				forbidden(t, err, c.why)
				if diff := cmp.Diff(before, b.find(r.ID)); diff != "" {
					t.Errorf("the request has changed:\n%s", diff)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			b.is(r.ID, treasury.StateCancelled, c.reason)
			if after.ClosedBy != c.person || !after.ClosedAt.Equal(b.clock.Now()) {
				t.Errorf("closed by %q at %v", after.ClosedBy, after.ClosedAt)
			}
			b.clock.push(time.Hour)
			b.executed(r.ID)
			b.moved(r.ID, 0)
			b.is(r.ID, treasury.StateCancelled, c.reason)
		})
	}
}

func approveIt(b *bench, r treasury.Request) {
	b.t.Helper()
	b.approve("U0MAYA", r)
}

// TestCancelWhenPeopleAreAway: the requester is not known for sure either.
func TestCancelWhenPeopleAreAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.submit("U0LENA", draft("100"))
	b.people.change(func(p *people) { p.down = treasury.ErrUnavailable })
	b.effects.forget()
	if _, err := b.Cancel(t.Context(), "U0LENA", r.ID); !errors.Is(err, treasury.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	b.wroteNothing()
}

// TestAVoteWhoseAnswerWasLost: the person is told of an error, presses again, and the vote has counted once.
func TestAVoteWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.submit("U0LENA", draft("1000"))
	b.effects.breaks(on("commit pending", 1, failsAfter))
	if _, err := b.Vote(t.Context(), "U0RAVI", r.ID, r.Hash, true, ""); !errors.Is(err, errEffect) {
		t.Fatalf("got %v, want the journal's error", err)
	}
	_, err := b.Vote(t.Context(), "U0RAVI", r.ID, r.Hash, true, "")
	forbidden(t, err, treasury.WhyVoted)
	if r = b.is(r.ID, treasury.StatePending, treasury.ReasonNone); r.Approvals() != 1 || r.Step != 2 {
		t.Errorf("%d approvals at step %d", r.Approvals(), r.Step)
	}
}
