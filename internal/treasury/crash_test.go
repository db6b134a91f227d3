package treasury_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
	"github.com/tangobot/tangobot/internal/treasury/journaltest"
)

// A crash is one effect of the desk that goes wrong: a process that is killed before or after it, or an error that tells
// the truth or not. These tests let one request live in a world of people, queues, redeliveries and sweeps while one or
// more of its effects go wrong, for every effect there is, and look at where the money and the request end.
type crash struct {
	nth int // effect, from 1, of those that count
	how breakage
}

func (c crash) String() string { return fmt.Sprintf("effect %d %s", c.nth, c.how) }

// schedule is a run under way.
type schedule struct {
	*bench
	flow    flow
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
		if s.flow.people != nil {
			s.flow.people(s)
		}
		if s.isAtRest() {
			return
		}
		switch state := s.find(s.id).State; {
		case state == treasury.StateSettling:
			s.clock.push(10 * time.Minute) // Tango takes its time
		case state == treasury.StateInDoubt && s.flow.people == nil:
			s.clock.push(10 * time.Minute) // looks that came to nothing are repeated after twice the time
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
	// A flow may begin in doubt, and then goes on until that is closed.
	return (r.State.IsFinal() || s.doubted && r.State == treasury.StateInDoubt) && !s.notice(s.id).IsBehind() && s.money.isEmpty()
}

func (q *tray) isEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.jobs) == 0
}

// check holds the end of a run against the promises.
func (s *schedule) check() {
	s.t.Helper()
	want, why, holder := s.flow.ends, s.flow.why, ""
	switch r := s.find(s.id); {
	case s.doubted:
		want, why, holder = treasury.StateInDoubt, treasury.ReasonNone, s.id
	case len(s.crashes) >= treasury.MaxAttempts && r.Attempts == treasury.MaxAttempts && r.Reason == treasury.ReasonAttempts:
		want, why = treasury.StateFailed, r.Reason // each try died before its send
	}
	r := s.is(s.id, want, why)
	times, calls := s.effectsOf(r)
	most, counted := s.flow.calls, 0
	switch want {
	case treasury.StateSucceeded:
		counted = 1
		if times != 1 {
			s.t.Errorf("succeeded, and done %d times", times)
		}
	case treasury.StateInDoubt:
		counted = 1
		if times > 1 {
			s.t.Errorf("in doubt, and done %d times", times)
		}
	case treasury.StatePending, treasury.StateApproved, treasury.StateClaimed, treasury.StateSending, treasury.StateSettling,
		treasury.StateDeclined, treasury.StateFailed, treasury.StateDenied, treasury.StateCancelled, treasury.StateExpired:
		if times != 0 {
			s.t.Errorf("%s, and done %d times", want, times)
		}
	}
	if calls > most {
		s.t.Errorf("%s after %d calls, want at most %d", r.State, calls, most)
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
	if spent := read[tally](s.bench, "TALLY#requester#24h0m0s#U0LENA").Spent; len(spent) != counted || counted > 0 && spent[0].Request != s.id {
		s.t.Errorf("counted toward the limit: %+v, want %d", spent, counted)
	}
}

// house is a server in which one Tango lives after the other: to open a port takes longer than a schedule.
type house struct {
	server *httptest.Server
	sim    atomic.Pointer[tangosim.Sim]
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{}
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.sim.Load().ServeHTTP(w, r) }))
	t.Cleanup(h.server.Close)
	return h
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

// search is every schedule of a flow with up to depth crashes: a further one comes in what follows on those before.
type search struct {
	flow   flow
	counts func(name string) bool
	depth  int
	open   opener
	ran    atomic.Int64
	ends   sync.Map // of states that were met
}

// all runs the schedules on all processors, in few tests: each is quick, and there are many.
func (x *search) all(t *testing.T) {
	t.Helper()
	const parts = 8
	t.Run("schedules", func(t *testing.T) {
		roots := x.after(x.run(t, newHouse(t), nil))
		for part := range parts {
			t.Run(fmt.Sprint(part), func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				for i := part; i < len(roots); i += parts {
					x.follow(t, h, roots[i])
				}
			})
		}
	})
	for _, s := range x.flow.meets() {
		if _, ok := x.ends.Load(s); !ok {
			t.Errorf("no schedule of %d ended %s", x.ran.Load(), s)
		}
	}
	t.Logf("%-31s %6d schedules of up to %d crashes", x.flow.name, x.ran.Load(), x.depth)
}

// run lives through one schedule, with a journal and a Tango of its own.
func (x *search) run(t *testing.T, h *house, crashes []crash) *schedule {
	t.Helper()
	clock := newClock()
	sim := newTango(clock)
	h.sim.Store(sim)
	defer h.server.CloseClientConnections() // nobody reads over them any more
	s := &schedule{
		bench: benchOn(t, x.open(t, clock), clock, sim, h.server.URL, slog.New(slog.DiscardHandler)),
		flow:  x.flow, counts: x.counts, crashes: crashes,
	}
	s.id = s.flow.begin(s.bench).ID
	s.questions.drain()
	s.live()
	s.check()
	if t.Failed() {
		t.Fatalf("schedule: %v, of the effects\n%s", crashes, strings.Join(s.names, "\n"))
	}
	x.ends.Store(s.find(s.id).State, true)
	x.ran.Add(1)
	return s
}

func (x *search) follow(t *testing.T, h *house, crashes []crash) {
	t.Helper()
	s := x.run(t, h, crashes)
	if len(crashes) == x.depth {
		return
	}
	for _, longer := range x.after(s) {
		x.follow(t, h, longer)
	}
}

// after gives the schedules with one crash more, in an effect behind the last one that was broken.
func (x *search) after(s *schedule) (longer [][]crash) {
	from := 0
	if n := len(s.crashes); n > 0 {
		from = s.crashes[n-1].nth
	}
	for i, name := range s.names[from:] {
		for _, c := range crashesAt(from+1+i, name) {
			longer = append(longer, append(slices.Clone(s.crashes), c))
		}
	}
	return longer
}

// Which effects count: all of them; or those alone that change a request, its money or its next step. A process that dies
// on a read has done the same as one that dies on the change that follows.
func anything(string) bool { return true }

func changes(name string) bool {
	return strings.HasPrefix(name, "commit") || name == "move" || name == "queue money"
}

func openMemory(*testing.T, *clock) treasury.Journal { return journaltest.NewMemory() }

// TestOneCrashInAFile is on the journal that one machine keeps, as the rest is in memory.
func TestOneCrashInAFile(t *testing.T) {
	t.Parallel()
	x := &search{flow: carriedOut(draft("100")), counts: changes, depth: 1, open: openFile}
	x.all(t)
}

// searchFlows searches the flows that are chosen, and tells how many schedules that were.
func searchFlows(t *testing.T, counts func(string) bool, depth int, chosen func(flow) bool) {
	t.Helper()
	var ran atomic.Int64
	t.Cleanup(func() { t.Logf("%d schedules of up to %d crashes in all", ran.Load(), depth) })
	for _, f := range flows() {
		if !chosen(f) {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			x := &search{flow: f, counts: counts, depth: depth, open: openMemory}
			x.all(t)
			ran.Add(x.ran.Load())
		})
	}
}

func TestOneCrashAnywhere(t *testing.T) {
	t.Parallel()
	searchFlows(t, anything, 1, func(flow) bool { return true })
}

// TestTwoCrashesAnywhere takes transfers alone under the race detector: make explore takes them all, without it.
func TestTwoCrashesAnywhere(t *testing.T) {
	t.Parallel()
	counts := changes
	if *treasury.Soak {
		counts = anything
	}
	searchFlows(t, counts, 2, func(f flow) bool { return !treasury.Raced() || f.name == string(treasury.ActionTransfer) })
}

// TestThreeCrashesAnywhere takes the flows that send nothing, which are short; one under the race detector, and all in the
// long form.
func TestThreeCrashesAnywhere(t *testing.T) {
	t.Parallel()
	searchFlows(t, changes, 3, func(f flow) bool { return f.name == "denied" || f.calls == 0 && !treasury.Raced() || *treasury.Soak })
}
