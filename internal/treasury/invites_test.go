package treasury_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// link makes the one-time link of an approved card registration.
func (b *bench) link(id string) string {
	b.t.Helper()
	link, _, made, err := b.Invite(b.t.Context(), id, true)
	if err != nil || !made {
		b.t.Fatalf("no link: %v, %v", made, err)
	}
	return link.Path()
}

func (b *bench) registers(path string) (treasury.Request, error) {
	ctx, cancel := context.WithDeadline(b.t.Context(), b.clock.Now().Add(invocation))
	defer cancel()
	return b.Register(ctx, path, typedCard(), "192.0.2.1")
}

func (b *bench) register(path string) treasury.Request {
	b.t.Helper()
	r, err := b.registers(path)
	if err != nil {
		b.t.Fatalf("registering: %v", err)
	}
	return r
}

func (b *bench) cardsOf(account string) (n int) {
	for _, k := range b.sim.Cards() {
		if k.Account == account && k.Status == "ACTIVE" {
			n++
		}
	}
	return n
}

func TestAnApprovedRegistrationInvitesItsHolder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approvedFor(draftOf(treasury.ActionRegisterCard))
	b.questions.drain()
	b.executed(r.ID)
	b.is(r.ID, treasury.StateApproved, treasury.ReasonNone)
	if jobs := b.questions.drain(); len(jobs) != 1 || jobs[0].Invite != r.ID || jobs[0].Renew {
		t.Errorf("queued %+v", jobs)
	}
	link, invited, made, err := b.Invite(t.Context(), r.ID, false)
	if err != nil || !made || invited.Invite.Person != "U0LENA" || !invited.Invite.ExpiresAt.Equal(b.clock.Now().Add(treasury.InviteLife)) {
		t.Fatalf("%v, %v, %+v", made, err, invited.Invite)
	}
	secret := strings.TrimPrefix(link.Path(), r.ID+".")
	records, err := b.store.Get(t.Context(), "REQ#"+r.ID)
	if err != nil || strings.Contains(string(records[0].Body), secret) || !strings.Contains(string(records[0].Body), invited.Invite.Hash) {
		t.Errorf("the journal keeps %s, %v", records[0].Body, err)
	}
	if _, _, made, err := b.Invite(t.Context(), r.ID, false); made || err != nil {
		t.Errorf("a good link was replaced: %v, %v", made, err)
	}
	if seen, err := b.Invited(t.Context(), link.Path()); err != nil || seen.ID != r.ID {
		t.Errorf("the link gives %s, %v", seen.ID, err)
	}
	done := b.register(link.Path())
	if done.State != treasury.StateSucceeded || b.cardsOf("sales-spiffs") != 1 {
		t.Errorf("%s, %d cards", done.State, b.cardsOf("sales-spiffs"))
	}
	if cards, _, err := b.KnownCards(t.Context(), "sales-spiffs"); err != nil || len(cards) != 1 || cards[0].Label != "Sales Visa" {
		t.Errorf("known cards %+v, %v", cards, err)
	}
	_, err = b.registers(link.Path())
	forbidden(t, err, treasury.WhyLink)
}

func TestLinksThatAreOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approvedFor(draftOf(treasury.ActionRegisterCard))
	first := b.link(r.ID)
	second := b.link(r.ID)
	refused := func(path string) {
		t.Helper()
		_, err := b.Invited(t.Context(), path)
		forbidden(t, err, treasury.WhyLink)
		_, err = b.registers(path)
		forbidden(t, err, treasury.WhyLink)
	}
	refused(first)
	refused("TB-00000000." + strings.TrimPrefix(first, r.ID+"."))
	refused("")
	b.clock.push(treasury.InviteLife - 1)
	if _, err := b.Invited(t.Context(), second); err != nil {
		t.Error(err)
	}
	b.clock.push(1)
	refused(second)
	third := b.link(r.ID)
	if _, err := b.Cancel(t.Context(), "U0LENA", r.ID); err != nil {
		t.Fatal(err)
	}
	refused(third)
	if b.cardsOf("sales-spiffs") != 0 || b.sim.Requests()["POST /creditCards"] != 0 {
		t.Error("a card was registered")
	}
}

func TestWhoAsksForALink(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approvedFor(draftOf(treasury.ActionRegisterCard))
	b.questions.drain()
	forbidden(t, b.AskForLink(t.Context(), "U0MAYA", r.ID), treasury.WhyNotRequester)
	if err := b.AskForLink(t.Context(), "U0LENA", r.ID); err != nil {
		t.Fatal(err)
	}
	if jobs := b.questions.drain(); len(jobs) != 1 || jobs[0].Invite != r.ID || !jobs[0].Renew {
		t.Errorf("queued %+v", jobs)
	}
	other := b.approved()
	forbidden(t, b.AskForLink(t.Context(), "U0LENA", other.ID), treasury.WhyDecided)
	b.register(b.link(r.ID))
	forbidden(t, b.AskForLink(t.Context(), "U0LENA", r.ID), treasury.WhyDecided)
}

// A link is not made for people who may not do any more what they did.
func TestAnInviteAsksAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approvedFor(draftOf(treasury.ActionRegisterCard))
	b.people.change(func(p *people) {
		p.persons["U0MAYA"] = treasury.Person{ID: "U0MAYA", Team: "T0ACME", Standing: treasury.StandingDeleted}
	})
	if _, _, made, err := b.Invite(t.Context(), r.ID, true); made || err != nil {
		t.Errorf("made %v, %v", made, err)
	}
	b.is(r.ID, treasury.StateCancelled, treasury.ReasonAuthority)
}

// TestARefusedCardMayBeCorrected, but not so often that somebody could try out numbers.
func TestARefusedCardMayBeCorrected(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approvedFor(draftOf(treasury.ActionRegisterCard))
	path := b.link(r.ID)
	for try := 1; try < treasury.MaxCardTries; try++ {
		b.sim.Arm(tangosim.Fault{On: "POST /creditCards", StatusBefore: 400, Key: "402.051"})
		if now := b.register(path); now.State != treasury.StateApproved || now.Answer.Verdict != treasury.VerdictRefused || now.Attempts != try {
			t.Fatalf("try %d: %s, %+v", try, now.State, now.Answer)
		}
	}
	b.sim.Arm(tangosim.Fault{On: "POST /creditCards", StatusBefore: 400, Key: "402.051"})
	b.register(path)
	b.is(r.ID, treasury.StateFailed, treasury.ReasonRefused)
	_, err := b.registers(path)
	forbidden(t, err, treasury.WhyLink)

	r = b.approvedFor(draftOf(treasury.ActionRegisterCard))
	path = b.link(r.ID)
	b.sim.Arm(tangosim.Fault{On: "POST /creditCards", StatusBefore: 400, Key: "402.051"})
	b.register(path)
	if now := b.register(path); now.State != treasury.StateSucceeded || b.cardsOf("sales-spiffs") != 1 {
		t.Errorf("corrected: %s", now.State)
	}
}

func TestTwoTabsRegisterOneCard(t *testing.T) {
	t.Parallel()
	for range 10 {
		b := newBench(t)
		r := b.approvedFor(draftOf(treasury.ActionRegisterCard))
		path := b.link(r.ID)
		var tabs sync.WaitGroup
		for range 4 {
			tabs.Go(func() {
				if _, err := b.registers(path); err != nil {
					forbidden(t, err, treasury.WhyLink)
				}
			})
		}
		tabs.Wait()
		b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
		if n := b.sim.Requests()["POST /creditCards"]; n != 1 || b.cardsOf("sales-spiffs") != 1 {
			t.Errorf("%d calls, %d cards", n, b.cardsOf("sales-spiffs"))
		}
	}
}

// TestInspectionsOfCards: what was true when the form was filled in may not be true any more.
func TestInspectionsOfCards(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*bench)
		reason treasury.Reason
	}{
		"the account is frozen": {func(b *bench) { b.sim.SetStatus("sales-spiffs", "FROZEN") }, treasury.ReasonInactive},
		"ten cards by now": {func(b *bench) {
			for range treasury.MaxCards {
				b.sim.AddCard(tangosim.Card{Account: "sales-spiffs", Label: "Other", LastFour: "1111", Expires: "2031-01"})
			}
		}, treasury.ReasonCardsFull},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.approvedFor(draftOf(treasury.ActionRegisterCard))
			path := b.link(r.ID)
			c.change(b)
			b.register(path)
			b.is(r.ID, treasury.StateFailed, c.reason)
			if n := b.sim.Requests()["POST /creditCards"]; n != 0 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// A registration that nobody carries out ends like every other request.
func TestAnUnusedLinkExpires(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.approvedFor(draftOf(treasury.ActionRegisterCard))
	b.link(r.ID)
	b.money.drain()
	b.look(time.Hour)
	if jobs := b.money.drain(); len(jobs) != 0 {
		t.Errorf("a request that waits for its holder was queued: %+v", jobs)
	}
	b.look(b.Policy.Expire + time.Second)
	for _, j := range b.money.drain() {
		b.executed(j.Execute)
	}
	b.is(r.ID, treasury.StateCancelled, treasury.ReasonTooLate)
}
