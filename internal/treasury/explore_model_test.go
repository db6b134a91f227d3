//go:build explore

package treasury

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// The explorer walks every order of events over two requests on the same accounts: two workers, the sweep, people, Tango,
// and the clock. It has no rules of its own about requests: each change goes through Next, nextLane, Weigh and Desk.noisy.
// What stands here is what surrounds them: Desk.change, Execute and the sweep as steps that a crash can part.

// state is all that can be told apart. Requests are numbers of model.known; times are numbers of world.ticks.
type state struct {
	req     [2]uint16
	workers [2]worker
	lanes   [2]uint8   // of the two accounts: 0 free, else 1 + the request that holds it
	late    [2]uint8   // calls of each request that are under way though nobody waits for them any more
	lateBy  [2]uint8   // the tick before which they have ended
	done    [2]uint8   // how often Tango has carried out each request
	held    [2]deposit // what Tango shows of a deposit that it answered as PENDING
	moved   [2]int8    // what the accounts have changed by
	looks   [2]seenAt  // the last look of the sweep at a request in doubt
	hidden  uint8      // 1 + the request whose late movement is not shown yet, plus 2 from the next tick on
	foreign uint8      // movements by other hands so far
	crashes uint8
	clock   uint8
}

type worker struct {
	seen    uint16 // the request as it was read
	at      place
	on      uint8 // request
	start   uint8 // the tick in which the invocation began
	attempt uint8
	before  [2]int8
	answer  answerCode
	_       uint8 // no hidden padding: states are hashed as bytes
}

type seenAt struct {
	moved [2]int8
	held  deposit
	at    uint8 // 1 + tick; 0 for none
}

// sort puts the workers in an order: which of them does what makes no difference.
func (s *state) sort() {
	a, b := &s.workers[0], &s.workers[1]
	if cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.on, b.on), cmp.Compare(a.start, b.start), cmp.Compare(a.seen, b.seen)) > 0 {
		*a, *b = *b, *a
	}
}

// deposit is where a deposit stands at Tango under an id.
type deposit uint8

const (
	heldNone deposit = iota
	heldPending
	heldDone
	heldDeclined
)

// world is what a run is about.
type world struct {
	name    string
	actions [2]Action
	funds   int8   // of the first account
	foreign [2]int // movements of one unit away from, or onto, each account by other hands
	noisy   [2]bool
	pending bool // deposits may be answered as PENDING
	unique  bool // Tango takes each reference once, and people may approve sending again
	crashes uint8
	voted   bool // the approver has approved both requests
	ticks   []time.Duration
	without guard // the guard that a mutant lacks
}

// Two accounts, and an amount of one unit.
var (
	exploreAccounts = [2]string{"acme-hub", "acme-shop"}
	explorePeople   = [3]string{"U0LENA", "U0MAYA", "U0RAVI"} // the first is the requester
)

const (
	exploreExpire = 5 * time.Minute
	invocation    = 90 * time.Second
)

// model is a world with the memory of what the production functions said: they are pure, so each is asked once.
type model struct {
	world
	known   []*Request
	numbers map[string]uint16
	memory  map[question]outcome
	noise   map[[3]uint16]uint8
	lanes   [2][]int // the accounts that each request locks
	first   [2]uint16
}

type question struct {
	req   uint16
	clock uint8
	e     event
}

type outcome struct {
	after uint16
	ok    bool
}

func newModel(w world) *model {
	m := &model{world: w, numbers: map[string]uint16{}, memory: map[question]outcome{}, noise: map[[3]uint16]uint8{}}
	for i, a := range w.actions {
		r := Request{
			ID: [2]string{"TB-00000001", "TB-00000002"}[i], Action: a, Hash: a.Hash(), Requester: explorePeople[0], State: StatePending, Step: 1,
			Rule: RuleApplied{Number: 1, Approvals: 1, From: []string{"finance"}}, CreatedAt: noon, ExpiresAt: noon.Add(exploreExpire),
		}
		if w.voted {
			r.Votes, r.State, r.DueAt, r.Step = []Vote{{Person: explorePeople[1], Approve: true, Hash: r.Hash}}, StateApproved, noon, 2
		}
		m.first[i] = m.number(r)
		for _, lane := range a.Lanes() {
			m.lanes[i] = append(m.lanes[i], slices.Index(exploreAccounts[:], lane))
		}
	}
	return m
}

func (m *model) start() state { return state{req: m.first} }

func (m *model) at(tick uint8) time.Time { return noon.Add(m.ticks[tick]) }

func (m *model) state(s *state, r int) State { return m.known[s.req[r]].State }

// number names a request, without the fields that no rule reads any more.
func (m *model) number(r Request) uint16 {
	r.ClosedBy, r.Reason = "", ReasonNone
	r.Votes = slices.Clone(r.Votes)
	for i := range r.Votes {
		r.Votes[i].At = time.Time{}
	}
	if r.Inquiry != nil {
		r.Inquiry = r.inquiry()
		for i := range r.Inquiry.Findings {
			r.Inquiry.Findings[i].At = time.Time{}
		}
		for i := range r.Inquiry.Resend {
			r.Inquiry.Resend[i].At = time.Time{}
		}
		if r.Inquiry.Evidence != nil {
			ev := *r.Inquiry.Evidence
			ev.At = time.Time{}
			r.Inquiry.Evidence = &ev
		}
	}
	if r.Attempt != nil && (r.State.IsFinal() || r.State == StateApproved) {
		r.Attempt = &Attempt{ID: r.Attempt.ID}
	}
	if r.State.IsFinal() {
		r.Votes, r.Inquiry, r.Answer, r.Step = nil, nil, nil, 0
	}
	if r.State != StateSucceeded || r.Action.Kind != ActionDeposit {
		r.ClosedAt = time.Time{} // of a deposit it tells whether it disturbed another one
	}
	body, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	n, ok := m.numbers[string(body)]
	if !ok {
		if n = uint16(len(m.known)); int(n) < len(m.known) {
			panic("too many requests to number")
		}
		m.numbers[string(body)] = n
		m.known = append(m.known, &r)
	}
	return n
}

// change is Desk.change for somebody who has read the request as seen: Next, then the lanes, all or nothing.
func (m *model) change(s *state, r int, seen uint16, e event) bool {
	q := question{seen, s.clock, e}
	got, ok := m.memory[q]
	if !ok {
		before := *m.known[seen]
		real, ask := m.event(&before, e, s.clock)
		if ask {
			if after, err := Next(before, real); err == nil {
				got = outcome{m.number(after), true}
			}
		}
		m.memory[q] = got
	}
	if !got.ok || !m.lock(s, r, m.known[seen], m.known[got.after]) {
		return false
	}
	s.req[r] = got.after
	if m.known[got.after].State != StateInDoubt {
		s.looks[r] = seenAt{}
	}
	return true
}

// lock is Desk.laneWrites.
func (m *model) lock(s *state, r int, before, after *Request) bool {
	if before.State.HoldsLanes() == after.State.HoldsLanes() {
		if m.without == guardDoubtLanes && after.State == StateInDoubt {
			m.free(s, r)
		}
		return true
	}
	locked := s.lanes
	for _, a := range m.lanes[r] {
		var l Lane
		if s.lanes[a] > 0 {
			l.Holder = m.known[m.first[s.lanes[a]-1]].ID
		}
		l, err := nextLane(l, *before, *after, noon)
		switch {
		case err != nil && m.without == guardLanes && after.State.HoldsLanes():
			l.Holder = after.ID
		case err != nil:
			return false
		}
		locked[a] = 0
		if l.Holder != "" {
			locked[a] = uint8(r) + 1
		}
	}
	s.lanes = locked
	return true
}

func (m *model) free(s *state, r int) {
	for _, a := range m.lanes[r] {
		s.lanes[a] = 0
	}
}

// disturbed asks Desk.noisy about a request, as a bit for each account.
func (m *model) disturbed(s *state, r int) uint8 {
	if m.without == guardNoise {
		return 0
	}
	key := [3]uint16{s.req[0], s.req[1], uint16(r)<<8 | uint16(s.clock)}
	bits, ok := m.noise[key]
	if ok {
		return bits
	}
	shelf := &exploreShelf{m: m, requests: []*Request{m.known[s.req[0]], m.known[s.req[1]]}}
	desk := &Desk{Journal: shelf, Clock: func() time.Time { return m.at(s.clock) }}
	request := *m.known[s.req[r]]
	if m.without == guardNoiseSince {
		marked := *request.Attempt
		marked.Before, marked.SentAt = nil, marked.SentAt.Add(clocksApart+1)
		request.Attempt = &marked
	}
	names, err := desk.noisy(context.Background(), request)
	if err != nil {
		panic(err)
	}
	for i, account := range exploreAccounts {
		if slices.Contains(names, account) {
			bits |= 1 << i
		}
	}
	m.noise[key] = bits
	return bits
}

// exploreShelf is a journal that holds the two requests and the accounts, to be read.
type exploreShelf struct {
	Journal

	m        *model
	requests []*Request
}

func (j *exploreShelf) Get(_ context.Context, keys ...string) ([]Record, error) {
	records := make([]Record, len(keys))
	for i, key := range keys {
		l := latest{Reads: 1}
		if a := slices.Index(exploreAccounts[:], key[len(accountKey("")):]); j.m.noisy[a] {
			l.Drift = noon
		}
		records[i] = Record{Key: key, Version: 1, Body: encode(l)}
	}
	return records, nil
}

func (j *exploreShelf) List(_ context.Context, q Listing) (records []Record, next string, err error) {
	for _, r := range j.requests {
		if q.Key == stateList(r.State) {
			records = append(records, Record{Key: requestKey(r.ID), Version: 1, Body: encode(*r)})
		}
	}
	return records, "", nil
}

// shown gives what Tango shows of the accounts' changes: a movement that came late may show a little later still.
func (m *model) shown(s *state) [2]int8 {
	moved := s.moved
	if s.hidden > 0 {
		m.move(&moved, int(s.hidden-1)%2, -1)
	}
	return moved
}

// move changes the accounts by what a request does, n times.
func (m *model) move(moved *[2]int8, r int, n int8) {
	if m.actions[r].Kind == ActionTransfer {
		moved[0] -= n
	}
	moved[1] += n
}

func exploreTransfer() Action {
	return Action{Kind: ActionTransfer, Transfer: &Transfer{
		From: AccountRef{ID: exploreAccounts[0]}, To: AccountRef{ID: exploreAccounts[1]}, Amount: money.New(1, "USD"),
	}}
}

func exploreDeposit() Action {
	return Action{Kind: ActionDeposit, Deposit: &Deposit{
		Customer: "acme", Account: AccountRef{ID: exploreAccounts[1]}, Card: CardRef{Token: "t"}, Amount: money.New(1, "USD"),
	}}
}
