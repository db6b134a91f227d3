//go:build explore

package treasury

import "time"

// place is where a worker stands in Execute.
type place uint8

const (
	atRest   place = iota
	atClaim        // has read an approved request
	atLook         // has claimed it
	atMark         // has read the balances
	atSend         // has marked it: the call has not left
	atWait         // the call is under way
	atRecord       // knows what there is to know
	atResend       // has read a request in doubt that may be sent again
)

// steps gives every state that one step leads to, with what happened.
func (m *model) steps(s state, yield func(what string, who int, next state)) {
	for r := range s.req {
		m.people(s, r, yield)
		m.sweep(s, r, yield)
		m.tango(s, r, yield)
		m.deliver(s, r, yield)
	}
	for i, w := range s.workers {
		if w.at == atRest {
			continue
		}
		m.work(s, i, yield)
		if s.crashes < m.crashes {
			n := s
			n.crashes++
			m.stop(&n, i)
			yield("worker crashes", i, n)
		}
	}
	m.others(s, yield)
	m.tick(s, yield)
}

func (m *model) people(s state, r int, yield func(string, int, state)) {
	try := func(what string, e event) {
		if n := s; m.change(&n, r, s.req[r], e) {
			yield(what, r, n)
		}
	}
	switch m.state(&s, r) {
	case StatePending:
		try("an approver approves", event{act: actApprove, who: 1})
		try("the requester approves", event{act: actApprove})
		try("an approver denies", event{act: actDeny, who: 1})
		try("the requester takes it back", event{act: actTakeBack})
	case StateApproved:
		try("the requester stops it", event{act: actTakeBack})
		try("an approver stops it", event{act: actStop, who: 1})
	case StateSending, StateClaimed:
		try("an approver stops it", event{act: actStop, who: 1})
	case StateInDoubt:
		for who := range uint8(3) { // they say what Tango's portal shows now
			try("a person testifies", event{act: actFinding, who: who, finding: s.done[r] > 0})
			if m.unique || m.without == guardReferences {
				try("a person approves sending it again", event{act: actResendVote, who: who})
			}
		}
	case StateSettling, StateSucceeded, StateDeclined, StateFailed, StateDenied, StateCancelled, StateExpired:
	}
}

func (m *model) sweep(s state, r int, yield func(string, int, state)) {
	try := func(what string, e event) {
		if n := s; m.change(&n, r, s.req[r], e) {
			yield(what, r, n)
		}
	}
	switch m.state(&s, r) {
	case StatePending:
		try("the sweep expires it", event{act: actExpire})
	case StateApproved:
		try("it is too late for it", event{act: actTooLate})
	case StateClaimed:
		try("the sweep releases it", event{act: actRelease})
	case StateSending:
		if m.without != guardNobodyLost {
			try("the sweep calls it lost", event{act: actLost})
		}
		if m.without == guardMarkReleased {
			try("the sweep releases it", event{act: actRelease})
		}
	case StateSettling:
		if s.held[r] > heldPending {
			try("the sweep reads its status", event{act: actSettle, held: s.held[r]})
		}
		try("its status cannot be read", event{act: actUnsettled})
	case StateInDoubt:
		m.sight(s, r, yield)
	case StateSucceeded, StateDeclined, StateFailed, StateDenied, StateCancelled, StateExpired:
	}
}

// sight is Desk.lookAt.
func (m *model) sight(s state, r int, yield func(string, int, state)) {
	request, now := m.known[s.req[r]], m.at(s.clock)
	if !m.settled(request, now) {
		return
	}
	last, seen := s.looks[r], seenAt{moved: m.shown(&s), held: s.held[r], at: s.clock + 1}
	if last.at > 0 && !m.settled(request, m.at(last.at-1)) {
		last = seenAt{}
	}
	agreed := last.at > 0 && last.moved == seen.moved && last.held == seen.held && now.Sub(m.at(last.at-1)) >= lookApart
	if agreed || m.without == guardTwoLooks {
		n := s
		e := event{act: actEvidence, moved: seen.moved, held: seen.held, noisy: m.disturbed(&s, r)}
		if m.change(&n, r, s.req[r], e) {
			yield("the sweep finds evidence", r, n)
		}
		return
	}
	if last != seen {
		n := s
		n.looks[r] = seen
		yield("the sweep looks", r, n)
	}
}

// deliver brings the message of a request to a worker: at any time, and as often as the queue likes.
func (m *model) deliver(s state, r int, yield func(string, int, state)) {
	request, at := m.known[s.req[r]], atClaim
	switch {
	case request.MayResend() && int(s.clock)+4 > len(m.ticks):
		return // the clock would end before what follows
	case request.MayResend():
		at = atResend
	case request.State == StateApproved && !m.at(s.clock).After(request.DueAt.Add(exploreExpire)):
	case m.without == guardRunAgain && request.State == StateSending, m.without == guardQuorum && request.State == StatePending:
	default:
		return
	}
	for i, w := range s.workers {
		if w.at == atRest {
			n := s
			n.workers[i] = worker{at: at, on: uint8(r), seen: s.req[r], start: s.clock}
			yield("a worker reads it", r, n)
			return // the other idle worker would do the same
		}
	}
}

// work is the next step of a worker in Execute.
func (m *model) work(s state, i int, yield func(string, int, state)) {
	w, r := s.workers[i], int(s.workers[i].on)
	switch w.at {
	case atRest:
	case atClaim:
		m.commit(s, i, "claims", event{act: actClaim, start: w.start}, atLook, yield)
	case atLook:
		m.look(s, i, yield)
	case atMark:
		if m.without == guardMark {
			s.workers[i].at = atSend
			yield("worker does not mark", i, s)
			return
		}
		m.commit(s, i, "marks", event{act: actMark, attempt: w.attempt, moved: w.before}, atSend, yield)
	case atResend:
		m.commit(s, i, "marks again", event{act: actResend, start: w.start}, atSend, yield)
	case atSend:
		n := s
		n.workers[i].at, n.workers[i].answer = atRecord, answerUnsent
		n.workers[i].seen = s.req[r]
		yield("worker gets no connection", i, n)
		n = s
		n.workers[i].at = atWait
		if m.without == guardOneShot {
			m.orphan(&n, i)
		}
		yield("worker sends", i, n)
	case atWait:
		n := s
		n.workers[i].at, n.workers[i].seen = atRecord, s.req[r]
		if w.answer != answerNone {
			yield("worker gets the answer", i, n)
		}
		if w.answer == answerNone {
			m.orphan(&n, i)
		}
		n.workers[i].answer = answerUnknown
		yield("worker loses the answer", i, n)
	case atRecord:
		m.commit(s, i, "records", event{act: actAnswer, attempt: w.attempt, answer: w.answer}, atRest, yield)
	}
}

// look reads the balances. Two reads are two steps only where others move the accounts too, and nothing tells them apart
// from a movement before or after.
func (m *model) look(s state, i int, yield func(string, int, state)) {
	r := int(s.workers[i].on)
	n := s
	n.workers[i].before, n.workers[i].at, n.workers[i].seen = m.shown(&s), atMark, s.req[r]
	if m.actions[r].Kind == ActionTransfer && m.funds+n.workers[i].before[0] < 1 {
		n = s
		n.workers[i].seen = s.req[r]
		m.commit(n, i, "refuses for want of money", event{act: actRefuse, attempt: s.workers[i].attempt}, atRest, yield)
		return
	}
	yield("worker looks", i, n)
	n = s
	n.workers[i].seen = s.req[r]
	m.commit(n, i, "cannot look and releases", event{act: actRelease, attempt: s.workers[i].attempt}, atRest, yield)
}

// commit changes the request as the worker has read it. It reads again when somebody else has changed it; what Next
// refuses ends the work.
func (m *model) commit(s state, i int, what string, e event, then place, yield func(string, int, state)) {
	w := &s.workers[i]
	r := int(w.on)
	if w.seen != s.req[r] && m.without != guardVersion {
		w.seen = s.req[r]
		yield("worker meets a conflict", i, s)
		return
	}
	if !m.change(&s, r, w.seen, e) {
		m.stop(&s, i)
		yield("worker is refused", i, s)
		return
	}
	w.at, w.seen = then, 0
	if e.act == actClaim || e.act == actResend {
		w.attempt = uint8(m.known[s.req[r]].Attempts)
	}
	if then == atRest {
		*w = worker{}
	}
	yield("worker "+what, i, s)
}

// stop ends a worker. A call that is under way goes on without it.
func (m *model) stop(s *state, i int) {
	if s.workers[i].at == atWait && s.workers[i].answer == answerNone {
		m.orphan(s, i)
	}
	s.workers[i] = worker{}
}

func (m *model) orphan(s *state, i int) {
	w := s.workers[i]
	by := s.clock
	for int(by) < len(m.ticks) && m.at(by).Before(m.at(w.start).Add(invocation+SettleWindow)) {
		by++
	}
	s.late[w.on]++
	s.lateBy[w.on] = max(s.lateBy[w.on], by)
}

// tango is what Tango does with calls that have left.
func (m *model) tango(s state, r int, yield func(string, int, state)) {
	for i, w := range s.workers {
		if w.at == atWait && int(w.on) == r && w.answer == answerNone {
			m.arrive(s, r, func(what string, code answerCode, n state) {
				n.workers[i].answer = code
				yield(what, r, n)
			})
		}
	}
	if s.late[r] > 0 {
		s.late[r]--
		m.arrive(s, r, func(what string, code answerCode, n state) {
			if code == answerDone {
				n.hidden = uint8(r) + 1
			}
			yield(what+", late", r, n)
		})
		s.late[r]++
	}
	if s.held[r] == heldPending {
		n := s
		n.held[r] = heldDone
		n.done[r]++
		m.move(&n.moved, r, 1)
		yield("Tango settles it", r, n)
		n = s
		n.held[r] = heldDeclined
		yield("Tango declines it", r, n)
	}
}

// arrive is a call that reaches Tango, or ends before.
func (m *model) arrive(s state, r int, yield func(string, answerCode, state)) {
	yield("Tango refuses the call", answerRefused, s)
	if m.unique && (s.done[r] > 0 || s.held[r] > heldNone) {
		yield("Tango knows the reference", answerDuplicate, s)
		return
	}
	if m.actions[r].Kind == ActionTransfer && m.funds+s.moved[0] < 1 {
		return
	}
	if m.pending && m.actions[r].Kind == ActionDeposit && s.held[r] == heldNone {
		n := s
		n.held[r] = heldPending
		yield("Tango takes it as pending", answerPending, n)
		yield("Tango declines the call", answerDeclined, s)
	}
	s.done[r]++
	m.move(&s.moved, r, 1)
	yield("Tango carries it out", answerDone, s)
}

// others is what else moves the accounts, and what Tango shows late.
func (w *world) others(s state, yield func(string, int, state)) {
	for a, most := range w.foreign {
		bit := uint8(1) << a
		if most != 0 && s.foreign&bit == 0 {
			n := s
			n.foreign |= bit
			n.moved[a] += int8(most)
			yield("somebody else moves money", a, n)
		}
	}
	if s.hidden > 0 {
		s.hidden = 0
		yield("Tango shows the movement", 0, s)
	}
}

// tick moves the clock. It ends workers at their deadline. Nothing late is left when its window is over, and no deposit
// is undecided after a week.
func (m *model) tick(s state, yield func(string, int, state)) {
	if int(s.clock)+1 == len(m.ticks) {
		return
	}
	for _, id := range s.req {
		if m.waits(m.known[id], s.clock) {
			return
		}
	}
	s.clock++
	for i, w := range s.workers {
		if w.at != atRest && m.without != guardDeadline && m.at(s.clock).After(m.at(w.start).Add(invocation)) {
			m.stop(&s, i)
		}
	}
	for r := range s.req {
		if s.late[r] > 0 && s.clock >= s.lateBy[r] || s.held[r] == heldPending && m.ticks[s.clock] >= 7*24*time.Hour {
			return
		}
		if s.late[r] == 0 {
			s.lateBy[r] = 0
		}
	}
	if s.hidden > 0 {
		if s.hidden += 2; s.hidden > 4 {
			s.hidden = 0
		}
	}
	yield("time passes", int(s.clock), s)
}

// waits reports whether the clock waits for the sweep: by the end it has had its turn.
func (m *model) waits(r *Request, clock uint8) bool {
	now := m.at(clock)
	switch r.State {
	case StatePending, StateApproved:
		return now.After(noon.Add(2 * exploreExpire))
	case StateClaimed, StateSending:
		return now.After(noon.Add(2*exploreExpire)) && now.After(r.Attempt.NotAfter.Add(SettleAfter))
	case StateSettling:
		return int(clock)+2 == len(m.ticks)
	case StateInDoubt, StateSucceeded, StateDeclined, StateFailed, StateDenied, StateCancelled, StateExpired:
	}
	return false
}
