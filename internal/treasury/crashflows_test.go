package treasury_test

import (
	"context"
	"slices"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// flow is what a schedule is about.
type flow struct {
	name   string
	begin  func(b *bench) treasury.Request // before anything goes wrong
	people func(s *schedule)               // what they do in each round, until they see that it is done
	ends   treasury.State                  // where nothing is left in doubt
	why    treasury.Reason
	calls  int  // that may reach Tango, the one of a doubt with which it begins included
	sends  bool // a send is in it, whose outcome a crash may leave unknown
}

// meets gives the states in which schedules of a flow must have ended.
func (f flow) meets() []treasury.State {
	if f.sends {
		return []treasury.State{f.ends, treasury.StateInDoubt}
	}
	return []treasury.State{f.ends}
}

// flows are all that can happen to a request: its execution, by kind, and what people decide about it.
func flows() []flow {
	pending := draftOf(treasury.ActionDeposit)
	pending.Amount = "5.55" // which Tango decides 40 minutes later
	list := []flow{carriedOut(pending)}
	list[0].name = "pending deposit"
	for _, kind := range treasury.ActionKinds() {
		list = append(list, carriedOut(draftOf(kind)))
	}
	asked := func(b *bench) treasury.Request { return b.submit("U0LENA", draft("100")) }
	lost, unsent := tangosim.Fault{DropAfter: true}, tangosim.Fault{DropBefore: true}
	return append(list,
		flow{name: "approved", begin: asked, people: vote(true), ends: treasury.StateSucceeded, calls: 1, sends: true},
		flow{name: "denied", begin: asked, people: vote(false), ends: treasury.StateDenied},
		flow{name: "taken back", begin: asked, people: cancel("U0LENA"), ends: treasury.StateCancelled, why: treasury.ReasonTakenBack},
		flow{
			name: "stopped", begin: func(b *bench) treasury.Request { return b.approve("U0MAYA", asked(b)) }, people: cancel("U0RAVI"),
			ends: treasury.StateCancelled, why: treasury.ReasonStopped,
		},
		flow{name: "evidence that it was", begin: looked(lost), ends: treasury.StateSucceeded, why: treasury.ReasonFound, calls: 1},
		flow{name: "evidence that it was not", begin: looked(unsent), ends: treasury.StateFailed, why: treasury.ReasonFound, calls: 1},
		flow{
			name: "people say that it was", begin: doubted(lost), people: testify(treasury.FindingExecuted),
			ends: treasury.StateSucceeded, why: treasury.ReasonFound, calls: 1,
		},
		flow{
			name: "people say that it was not", begin: doubted(unsent), people: testify(treasury.FindingNot),
			ends: treasury.StateFailed, why: treasury.ReasonFound, calls: 1,
		},
		flow{
			name: "sent again after a lost answer", begin: doubted(lost), people: resend,
			ends: treasury.StateSucceeded, why: treasury.ReasonFound, calls: 2, sends: true,
		},
		flow{
			name: "sent again after a lost order", begin: doubted(unsent), people: resend,
			ends: treasury.StateSucceeded, calls: 2, sends: true,
		},
	)
}

// carriedOut is a request that is approved and due.
func carriedOut(d treasury.Draft) flow {
	f := flow{
		name: string(d.Kind), ends: treasury.StateSucceeded, calls: 1, sends: true,
		begin: func(b *bench) treasury.Request { return b.approvedFor(d) },
	}
	if d.Kind == treasury.ActionRegisterCard {
		f.people = (*schedule).holder
	}
	return f
}

// looked is a doubt that Tango's balances will close.
func looked(f tangosim.Fault) func(b *bench) treasury.Request {
	return func(b *bench) treasury.Request {
		b.quiet("marketing-us", "sales-spiffs")
		r := b.doubt(draft("100"), f)
		b.clock.push(window)
		return r
	}
}

// doubted is a doubt between accounts that others move too, so that people must close it. They may by now.
func doubted(f tangosim.Fault) func(b *bench) treasury.Request {
	return func(b *bench) treasury.Request {
		b.uniqueReferences()
		b.noisy("marketing-us", "sales-spiffs")
		r := b.doubt(draft("100"), f)
		b.clock.push(window + time.Hour)
		return r
	}
}

// insist has somebody do something until it is seen to be done: as often as anything can go wrong, and once more.
func (s *schedule) insist(done func(treasury.Request) bool, do func(ctx context.Context, r treasury.Request)) {
	for range len(s.crashes) + 1 {
		r := s.find(s.id)
		if done(r) {
			return
		}
		s.dies(func() { do(s.t.Context(), r) })
	}
}

func vote(yes bool) func(s *schedule) {
	return func(s *schedule) {
		isOver := func(r treasury.Request) bool { return r.State != treasury.StatePending }
		s.insist(isOver, func(ctx context.Context, r treasury.Request) {
			_, _ = s.Vote(ctx, "U0MAYA", r.ID, r.Hash, yes, "seen") // an error is told, and she tries again
		})
	}
}

func cancel(person string) func(s *schedule) {
	return func(s *schedule) {
		isOver := func(r treasury.Request) bool {
			return r.State != treasury.StatePending && r.State != treasury.StateApproved
		}
		s.insist(isOver, func(ctx context.Context, r treasury.Request) { _, _ = s.Cancel(ctx, person, r.ID) })
	}
}

func testify(f treasury.Finding) func(s *schedule) {
	return func(s *schedule) {
		for _, person := range []string{"U0MAYA", "U0RAVI"} {
			hasSaid := func(v treasury.Verified) bool { return v.Person == person }
			isSaid := func(r treasury.Request) bool {
				return r.State != treasury.StateInDoubt || slices.ContainsFunc(r.Inquiry.Findings, hasSaid)
			}
			s.insist(isSaid, func(ctx context.Context, r treasury.Request) { _, _ = s.Testify(ctx, person, r.ID, f, "portal") })
		}
	}
}

func resend(s *schedule) {
	for _, person := range []string{"U0MAYA", "U0RAVI"} {
		hasVoted := func(v treasury.Vote) bool { return v.Person == person }
		isAsked := func(r treasury.Request) bool {
			return r.State != treasury.StateInDoubt || slices.ContainsFunc(r.Inquiry.Resend, hasVoted)
		}
		s.insist(isAsked, func(ctx context.Context, r treasury.Request) { _, _ = s.ApproveResend(ctx, person, r.ID, r.Hash, "") })
	}
}

// holder types a card into the page behind the link, and asks for another link where that gave none or did not work.
func (s *schedule) holder() {
	r := s.find(s.id)
	if r.State != treasury.StateApproved {
		return
	}
	if path := s.path; path != "" {
		s.path = ""
		ctx, cancel := context.WithDeadline(s.t.Context(), s.clock.Now().Add(invocation))
		defer cancel()
		s.dies(func() { _, _ = s.Register(ctx, path, typedCard(), "192.0.2.1") })
		return
	}
	s.dies(func() { _ = s.AskForLink(s.t.Context(), "U0LENA", s.id) })
}

// effectsOf counts how often Tango did what a request asks for, and the calls that asked it to.
func (s *schedule) effectsOf(r treasury.Request) (times, calls int) {
	pattern := map[treasury.ActionKind]string{
		treasury.ActionTransfer: "POST /transferFunds", treasury.ActionDeposit: "POST /creditCardDeposits",
		treasury.ActionRegisterCard: "POST /creditCards", treasury.ActionUnregisterCard: "POST /creditCardUnregisters",
		treasury.ActionCreateAccount: "POST /customers/{c}/accounts", treasury.ActionUpdateAccount: "PATCH /customers/{c}/accounts/{a}",
		treasury.ActionCreateCustomer: "POST /customers",
	}[r.Action.Kind]
	calls = s.sim.Requests()[pattern]
	count := func(holds bool) {
		if holds {
			times++
		}
	}
	switch r.Action.Kind {
	case treasury.ActionTransfer, treasury.ActionDeposit:
		times = s.sim.Moved(r.ID)
	case treasury.ActionRegisterCard, treasury.ActionUnregisterCard:
		for _, k := range s.sim.Cards() {
			count(k.Label == "Sales Visa" || k.Status == "DELETED")
		}
	case treasury.ActionCreateAccount, treasury.ActionUpdateAccount:
		for _, a := range s.sim.Accounts() {
			count(a.ID == "spring-event" || a.Name == "Marketing America")
		}
	case treasury.ActionCreateCustomer:
		_, err := s.Books.Customer(s.t.Context(), r.Action.CreateCustomer.ID)
		count(err == nil)
	}
	return times, calls
}

// typedCard is a card that the sandbox takes.
func typedCard() treasury.CardDetails {
	secret := treasury.NewSecret
	return treasury.CardDetails{
		Number: secret("4111111111111111"), Code: secret("123"), Expires: "2031-12",
		Billing: treasury.BillingAddress{
			FirstName: secret("Lena"), LastName: secret("Example"), Line1: secret("1 Main Street"), City: secret("Seattle"),
			State: secret("WA"), PostalCode: secret("98101"), Country: secret("US"), Email: secret("lena@acme.example"),
		},
	}
}
