package treasury_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// A crash is one effect of the desk that goes wrong: a process that is killed before or after it, or an error that tells
// the truth or not. These tests let one request, approved and due, live in a world of queues, redeliveries and sweeps
// while one or two of its effects go wrong, for every effect there is, and look at where the money and the request end.
type crash struct {
	nth int // effect, from 1, of those that count
	how breakage
}

func (c crash) String() string { return fmt.Sprintf("effect %d %s", c.nth, c.how) }

// schedule is a run under way.
type schedule struct {
	*bench
	id      string
	path    string                 // of the link that the holder of a card got last
	counts  func(name string) bool // which effects are numbered
	crashes []crash
	n       int
	names   []string // of the effects that were numbered
	doubted bool     // the outcome can not be known any more
}

// plan breaks the effects of the schedule. It also sees what is bound to follow: a process that dies while the request
// is being sent, or one that does not learn that its mark was made, leaves a doubt. Nothing else may.
func (s *schedule) plan(_ int, name string) breakage {
	if !s.counts(name) {
		return works
	}
	s.n++
	s.names = append(s.names, name)
	for _, c := range s.crashes {
		if c.nth == s.n {
			s.foresee(name, c.how)
			return c.how
		}
	}
	return works
}

func (s *schedule) foresee(name string, how breakage) {
	now := s.find(s.id).State
	switch how {
	case diesBefore:
		s.doubted = s.doubted || now == treasury.StateSending
	case diesAfter:
		s.doubted = s.doubted || name == "commit sending" || now == treasury.StateSending && name != "commit succeeded" && name != "commit settling"
	case failsAfter:
		s.doubted = s.doubted || name == "commit sending"
	case failsBefore, works:
	}
}

// live lets the world go on until nothing is left to do, or for long.
func (s *schedule) live() {
	s.t.Helper()
	s.effects.breaks(s.plan)
	defer s.effects.forget()
	for range 120 {
		s.work(s.money, func(ctx context.Context, j treasury.Job) error { return s.Execute(ctx, j.Execute) })
		s.work(s.questions, func(ctx context.Context, j treasury.Job) error {
			if j.Invite != "" {
				return s.tellLink(ctx, j)
			}
			return s.Announce(ctx, j.Announce, func(_ context.Context, _ treasury.Request, n treasury.Notice) (treasury.Notice, error) {
				n.Card = treasury.Message{Channel: "C0APPROVE", TS: "1.1"}
				return n, nil
			})
		})
		s.holder()
		if s.isAtRest() {
			return
		}
		if s.find(s.id).State == treasury.StateSettling {
			s.clock.push(10 * time.Minute) // Tango takes its time
		}
		s.clock.push(30 * time.Second)
		s.dies(func() { _ = s.Sweep(s.t.Context()) }) // an error is told, and the next sweep comes
	}
	s.t.Errorf("not at rest after a long time: %+v", s.find(s.id))
}

// tellLink makes a one-time link and tells it to the holder of the card.
func (s *schedule) tellLink(ctx context.Context, j treasury.Job) error {
	link, _, made, err := s.Invite(ctx, j.Invite, j.Renew)
	if made {
		s.path = link.Path()
	}
	return err
}

// holder types a card into the page behind the link, and asks for another link where that gave none or did not work.
func (s *schedule) holder() {
	r := s.find(s.id)
	if r.Action.Kind != treasury.ActionRegisterCard || r.State != treasury.StateApproved {
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

// work hands out the jobs that are due, as SQS does: a job that failed or killed its process comes back.
func (s *schedule) work(q *tray, handle func(context.Context, treasury.Job) error) {
	for {
		j, ok := q.take()
		if !ok {
			return
		}
		ctx, cancel := context.WithDeadline(s.t.Context(), s.clock.Now().Add(invocation))
		var err error
		died := s.dies(func() { err = handle(ctx, j.Job) })
		cancel()
		if (died || err != nil) && j.receives < 5 {
			j.receives++
			j.due = s.clock.Now().Add(invocation)
			q.put(j)
		}
	}
}

func (s *schedule) isAtRest() bool {
	r := s.find(s.id)
	return (r.State.IsFinal() || r.State == treasury.StateInDoubt) && !s.notice(s.id).IsBehind() && s.money.isEmpty()
}

func (q *tray) isEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.jobs) == 0
}

// check holds the end of a run against the promises.
func (s *schedule) check() {
	s.t.Helper()
	want, holder := treasury.StateSucceeded, ""
	if s.doubted {
		want, holder = treasury.StateInDoubt, s.id
	}
	r := s.is(s.id, want, treasury.ReasonNone)
	times, calls := s.effectsOf(r)
	if times > 1 || calls > 1 || want == treasury.StateSucceeded && times != 1 {
		s.t.Errorf("%s, done %d times by %d calls", r.State, times, calls)
	}
	for _, account := range r.Action.Lanes() {
		if got := s.lane(account); got != holder {
			s.t.Errorf("lane of %s held by %q, want %q", account, got, holder)
		}
	}
	if n := s.notice(s.id); n.Shown != r.Step || n.Want != r.Step {
		s.t.Errorf("notice %+v at step %d", n, r.Step)
	}
	if !r.Action.MovesMoney() {
		return
	}
	type tally struct {
		Spent []struct {
			Request string `json:"request"`
		} `json:"spent"`
	}
	if spent := read[tally](s.bench, "TALLY#requester#24h0m0s#U0LENA").Spent; len(spent) != 1 || spent[0].Request != s.id {
		s.t.Errorf("counted toward the limit: %+v", spent)
	}
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

// runWith lives through one schedule of a transfer.
func runWith(t *testing.T, counts func(string) bool, crashes ...crash) *schedule {
	t.Helper()
	return runFor(t, draft("100"), counts, crashes...)
}

// runFor lives through one schedule.
func runFor(t *testing.T, d treasury.Draft, counts func(string) bool, crashes ...crash) *schedule {
	t.Helper()
	s := &schedule{bench: newBench(t), counts: counts, crashes: crashes}
	s.Log = slog.New(slog.DiscardHandler)
	s.id = s.approvedFor(d).ID
	s.questions.drain()
	s.live()
	s.check()
	if t.Failed() {
		t.Fatalf("schedule: %v, of the effects\n%s", crashes, strings.Join(s.names, "\n"))
	}
	return s
}

// crashesAt gives the ways in which an effect can go wrong. A money call that fails is tangosim's matter.
func crashesAt(nth int, name string) []crash {
	hows := []breakage{failsBefore, failsAfter, diesBefore, diesAfter}
	if name == "move" {
		hows = hows[2:]
	}
	crashes := make([]crash, len(hows))
	for i, how := range hows {
		crashes[i] = crash{nth, how}
	}
	return crashes
}

func TestOneCrashAnywhere(t *testing.T) {
	t.Parallel()
	all := func(string) bool { return true }
	var schedules [][]crash
	for i, name := range runWith(t, all).names {
		for _, c := range crashesAt(i+1, name) {
			schedules = append(schedules, []crash{c})
		}
	}
	runAll(t, draft("100"), all, schedules)
}

// TestOneCrashAnywhereInTheOtherActions: each is carried out at most once too.
func TestOneCrashAnywhereInTheOtherActions(t *testing.T) {
	t.Parallel()
	pending := draftOf(treasury.ActionDeposit)
	pending.Amount = "5.55" // which Tango decides 40 minutes later
	drafts := map[string]treasury.Draft{"pending deposit": pending}
	for _, kind := range treasury.ActionKinds()[1:] {
		drafts[string(kind)] = draftOf(kind)
	}
	all := func(name string) bool { return name != "list" && !strings.HasPrefix(name, "list ") } // the lists' crashes are the transfer's
	for name, d := range drafts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var schedules [][]crash
			for i, name := range runFor(t, d, all).names {
				for _, c := range crashesAt(i+1, name) {
					schedules = append(schedules, []crash{c})
				}
			}
			runAll(t, d, all, schedules)
		})
	}
}

// TestTwoCrashesAnywhere takes those effects alone that change something: the second comes in what follows on the first.
func TestTwoCrashesAnywhere(t *testing.T) {
	t.Parallel()
	changes := func(name string) bool {
		return strings.HasPrefix(name, "commit") || name == "move" || name == "queue money"
	}
	var schedules [][]crash
	for i, name := range runWith(t, changes).names {
		for _, first := range crashesAt(i+1, name) {
			for j, next := range runWith(t, changes, first).names[i+1:] {
				for _, second := range crashesAt(i+2+j, next) {
					schedules = append(schedules, []crash{first, second})
				}
			}
		}
	}
	runAll(t, draft("100"), changes, schedules)
}

// runAll runs schedules on all processors, in few tests: each is quick, and there are many.
func runAll(t *testing.T, d treasury.Draft, counts func(string) bool, schedules [][]crash) {
	t.Helper()
	const parts = 8
	var ends sync.Map // how often a request ended in each state
	t.Run("schedules", func(t *testing.T) {
		for part := range parts {
			t.Run(fmt.Sprint(part), func(t *testing.T) {
				t.Parallel()
				for i := part; i < len(schedules); i += parts {
					s := runFor(t, d, counts, schedules[i]...)
					n, _ := ends.LoadOrStore(s.find(s.id).State, new(atomic.Int64))
					n.(*atomic.Int64).Add(1)
				}
			})
		}
	})
	ran := int64(0)
	for _, s := range []treasury.State{treasury.StateSucceeded, treasury.StateInDoubt} {
		n, ok := ends.Load(s)
		if !ok {
			t.Errorf("no schedule of %d ended %s", len(schedules), s)
			continue
		}
		ran += n.(*atomic.Int64).Load()
	}
	if int(ran) != len(schedules) {
		t.Errorf("%d of %d schedules ended so", ran, len(schedules))
	}
	t.Logf("%d schedules", ran)
}
