package treasury

import (
	"slices"
	"time"
)

// EventKind names what happens to a request.
type EventKind string

// The events that Next understands.
const (
	EventSubmit  EventKind = "submitted" // the creation; made by newRequest, listed for the history
	EventVote    EventKind = "voted"     // an approver's yes or no
	EventCancel  EventKind = "cancelled" // requester or approver, or the desk with a reason
	EventExpire  EventKind = "expired"   // the sweep
	EventClaim   EventKind = "claimed"   // a worker takes the lanes
	EventRelease EventKind = "released"  // the claim lapsed or was given up: provably nothing sent
	EventRefuse  EventKind = "refused"   // a check after the claim failed: provably nothing sent
	EventSend    EventKind = "sending"   // the mark before the first byte
	EventAnswer  EventKind = "answered"  // the worker's result
	EventLost    EventKind = "lost"      // the sweep: the worker died after the mark
	EventInvite  EventKind = "invited"   // register_card: a one-time link was made
	EventSettle  EventKind = "settled"   // the sweep: Tango decided about a settling deposit, or no answer came for a week
	EventOverdue EventKind = "overdue"   // the sweep: a deposit settles for longer than Tango says

	EventEvidence   EventKind = "evidence"    // the sweep: what Tango shows of a request in doubt
	EventFinding    EventKind = "finding"     // a person's word about a request in doubt
	EventResendVote EventKind = "resend_vote" // an approval to send again with the same reference
	EventResend     EventKind = "resend"      // the mark before that send
)

// Event is the input of Next. Only the fields that its kind names are read.
type Event struct {
	Kind EventKind
	At   time.Time
	By   string // Slack user id; empty for Tangobot itself

	Vote     Vote          // EventVote, EventResendVote
	Eligible bool          // By is somebody whose word counts, looked up just now
	Groups   []string      // EventFinding, EventResendVote: whose word counts, for the refusal
	Evidence Evidence      // EventEvidence
	Finding  Verified      // EventFinding
	DueAt    time.Time     // EventVote: the end of the undo window, should this vote complete the quorum
	Reason   Reason        // EventCancel by Tangobot, EventRefuse
	Valid    int           // EventClaim, EventInvite, EventResend: approving votes whose givers still have authority
	Invite   Invite        // EventInvite: the new link; EventClaim of register_card: the link that was used
	NotAfter time.Time     // EventClaim, EventResend: the end of the worker's invocation
	Attempt  string        // EventRelease, EventRefuse, EventSend, EventAnswer: the worker's attempt; empty for the sweep
	Before   []BalanceRead // EventSend: balances read while the lanes were held
	Answer   Answer        // EventAnswer, EventSettle
}

// The bounds in time of an attempt. Measured grounds: a money call takes at most 25 s (SendTime), and Lambda kills the
// worker at NotAfter.
const (
	// SendTime is how long the call itself may take.
	SendTime = 25 * time.Second
	// SendMargin is what must be left before NotAfter when the mark is made: the call and the record after it.
	SendMargin = 40 * time.Second
	// SettleAfter is how long after NotAfter the sweep waits before it judges a dead worker's attempt: clock skew.
	SettleAfter = 60 * time.Second
	// MaxAttempts bounds the tries that provably sent nothing.
	MaxAttempts = 3
	// MaxCardTries bounds the tries of one card registration, those that Tango refused included: the holder corrects and
	// tries again, but nobody tries out card numbers.
	MaxCardTries = 5
	// SettleOverdue is after how long a settling deposit is flagged: Tango says three business days, and a weekend may
	// lie between.
	SettleOverdue = 5 * 24 * time.Hour
	// SettleGiveUp is after how long a deposit that still settles needs people.
	SettleGiveUp = 7 * 24 * time.Hour
)

// Next is the one place where a request changes. It is pure: what it needs to know of the world comes with the event.
// A refusal changes nothing and says why: *Forbidden for people, ErrConflict for a worker or sweep that came too late.
//
//	pending  -> approved | denied | cancelled | expired
//	approved -> claimed | cancelled
//	claimed  -> sending | approved | failed          (failed: a check after the claim, nothing sent)
//	sending  -> succeeded | settling | declined | failed | in_doubt
//	sending  -> approved                              (provably no byte left; or a refused card, which its holder corrects)
//	settling -> succeeded | declined | in_doubt
//	in_doubt -> succeeded | failed                    (with evidence, or by two people who agree)
//	in_doubt -> succeeded | settling                  (a late answer of the same attempt)
//	in_doubt -> sending                               (once, with the same reference, by a full quorum)
func Next(r Request, e Event) (Request, error) {
	var err error
	r.Votes = slices.Clone(r.Votes) // the caller's request must not change under a refused event
	switch e.Kind {
	case EventVote:
		err = r.vote(e)
	case EventCancel:
		err = r.cancel(e)
	case EventExpire:
		err = r.expire(e)
	case EventClaim:
		err = r.claim(e)
	case EventRelease:
		err = r.release(e)
	case EventRefuse:
		err = r.refuse(e)
	case EventSend:
		err = r.send(e)
	case EventAnswer:
		err = r.answer(e)
	case EventLost:
		err = r.lost(e)
	case EventInvite:
		err = r.invite(e)
	case EventSettle:
		err = r.settle(e)
	case EventOverdue:
		err = r.overdue(e)
	case EventEvidence:
		err = r.evidence(e)
	case EventFinding:
		err = r.finding(e)
	case EventResendVote:
		err = r.resendVote(e)
	case EventResend:
		err = r.resend(e)
	case EventSubmit:
		err = ErrExists
	}
	if err != nil {
		return Request{}, err
	}
	r.Step++
	if r.State.IsFinal() {
		r.ClosedAt = e.At
	}
	return r, nil
}

func (r *Request) vote(e Event) error {
	v := e.Vote
	switch {
	case r.State != StatePending:
		return &Forbidden{Why: WhyDecided, State: r.State}
	case !e.At.Before(r.ExpiresAt):
		return &Forbidden{Why: WhyExpired}
	case e.By == r.Requester:
		return &Forbidden{Why: WhyOwnRequest}
	case e.By == "", !e.Eligible:
		return &Forbidden{Why: WhyNotApprover, Groups: r.Rule.From}
	case r.HasVoted(e.By):
		return &Forbidden{Why: WhyVoted}
	case v.Hash != r.Hash:
		return &Forbidden{Why: WhyChanged}
	case !v.Approve && v.Comment == "":
		return &Forbidden{Why: WhyNoComment}
	}
	v.Person, v.At = e.By, e.At
	r.Votes = append(r.Votes, v)
	switch {
	case !v.Approve: // one denial ends it
		r.State, r.ClosedBy = StateDenied, e.By
	case r.Approvals() >= r.Rule.Approvals:
		r.State, r.DueAt = StateApproved, e.DueAt
	}
	return nil
}

func (r *Request) cancel(e Event) error {
	system := e.By == "" && e.Reason != ReasonNone
	switch r.State {
	case StatePending:
		if e.By != r.Requester && !system {
			return &Forbidden{Why: WhyNotRequester}
		}
	case StateApproved:
		if e.By != r.Requester && !e.Eligible && !system {
			return &Forbidden{Why: WhyNotStopper}
		}
	case StateClaimed, StateSending, StateSettling, StateInDoubt, StateSucceeded, StateDeclined, StateFailed, StateDenied,
		StateCancelled, StateExpired:
		return &Forbidden{Why: WhyDecided, State: r.State}
	}
	switch {
	case system:
		r.Reason = e.Reason
	case r.State == StatePending:
		r.Reason = ReasonTakenBack
	default:
		r.Reason = ReasonStopped
	}
	r.State, r.ClosedBy = StateCancelled, e.By
	return nil
}

func (r *Request) expire(e Event) error {
	if r.State != StatePending || e.At.Before(r.ExpiresAt) {
		return ErrConflict
	}
	r.State = StateExpired
	return nil
}

func (r *Request) claim(e Event) error {
	switch {
	case r.State != StateApproved, e.At.Before(r.DueAt):
		return ErrConflict
	case e.Valid < r.Rule.Approvals:
		return &Forbidden{Why: WhyQuorumLost}
	case !e.At.Before(e.NotAfter.Add(-SendMargin)):
		return ErrConflict
	case r.Action.Kind == ActionRegisterCard && !r.Invite.is(e.Invite.Hash, e.At):
		return ErrConflict
	}
	r.Attempts++
	r.Attempt = &Attempt{ID: attemptID(r.ID, r.Attempts), NotAfter: e.NotAfter}
	r.State = StateClaimed
	return nil
}

// mine holds for the worker whose attempt this is, and for the sweep once that worker is certainly dead.
func (r *Request) mine(e Event) bool {
	if r.Attempt == nil {
		return false
	}
	if e.Attempt == "" {
		return e.At.After(r.Attempt.NotAfter.Add(SettleAfter))
	}
	return e.Attempt == r.Attempt.ID
}

func (r *Request) release(e Event) error {
	if r.State != StateClaimed || !r.mine(e) {
		return ErrConflict
	}
	r.again()
	return nil
}

// again goes back to approved, or gives up after MaxAttempts tries that provably sent nothing.
func (r *Request) again() {
	most := MaxAttempts
	if r.Action.Kind == ActionRegisterCard {
		most = MaxCardTries
	}
	if r.Attempts >= most {
		r.State, r.Reason = StateFailed, ReasonAttempts
		return
	}
	r.State = StateApproved
}

func (r *Request) refuse(e Event) error {
	if r.State != StateClaimed || e.Attempt == "" || !r.mine(e) || e.Reason == ReasonNone {
		return ErrConflict
	}
	r.State, r.Reason = StateFailed, e.Reason
	return nil
}

func (r *Request) send(e Event) error {
	if r.State != StateClaimed || e.Attempt == "" || !r.mine(e) || !e.At.Before(r.Attempt.NotAfter.Add(-SendMargin)) {
		return ErrConflict
	}
	marked := *r.Attempt
	marked.SentAt, marked.Before = e.At, e.Before
	r.Attempt, r.State = &marked, StateSending
	return nil
}

func (r *Request) answer(e Event) error {
	late := r.State == StateInDoubt && (e.Answer.Verdict == VerdictDone || e.Answer.Verdict == VerdictPending)
	if e.Attempt == "" || !r.mine(e) || r.State != StateSending && !late {
		return ErrConflict
	}
	answer := e.Answer
	r.Answer = &answer
	if r.Inquiry != nil && r.Inquiry.Resent {
		r.resent(answer, e.At)
		return nil
	}
	switch answer.Verdict {
	case VerdictDone:
		r.State, r.Reason = StateSucceeded, ReasonNone
	case VerdictPending:
		r.State, r.Reason = StateSettling, ReasonNone
	case VerdictDeclined:
		r.State = StateDeclined
	case VerdictRefused:
		if r.Action.Kind == ActionRegisterCard && r.Attempts < MaxCardTries {
			r.State = StateApproved // nothing was registered; the holder may correct what was typed
			break
		}
		r.State, r.Reason = StateFailed, ReasonRefused
	case VerdictUnsent, VerdictThrottled:
		r.again()
	case VerdictUnknown:
		r.doubt(e.At)
	default: // a verdict that was forgotten proves nothing either
		r.doubt(e.At)
	}
	return nil
}

func (r *Request) lost(e Event) error {
	if r.State != StateSending || e.Attempt != "" || !r.mine(e) {
		return ErrConflict
	}
	r.Answer = &Answer{Verdict: VerdictUnknown, Doubt: DoubtLost}
	r.doubt(e.At)
	return nil
}

// invite puts a new link in the place of the one before, if any.
func (r *Request) invite(e Event) error {
	switch {
	case r.Action.Kind != ActionRegisterCard, r.State != StateApproved, e.At.Before(r.DueAt), e.Invite.Hash == "":
		return ErrConflict
	case e.Valid < r.Rule.Approvals:
		return &Forbidden{Why: WhyQuorumLost}
	}
	invite := e.Invite
	r.Invite = &invite
	return nil
}

// settle ends a deposit that Tango has decided, or gives it to people after SettleGiveUp.
func (r *Request) settle(e Event) error {
	if r.State != StateSettling || r.Attempt == nil {
		return ErrConflict
	}
	answer := e.Answer
	switch answer.Verdict {
	case VerdictDone:
		r.State = StateSucceeded
	case VerdictDeclined:
		r.State = StateDeclined
	case VerdictUnknown:
		if answer.Doubt != DoubtMismatch && e.At.Before(r.Attempt.SentAt.Add(SettleGiveUp)) {
			return ErrConflict
		}
		if r.Answer != nil {
			answer.Deposit = r.Answer.Deposit // its id is what people look for
		}
		r.doubt(e.At)
	case VerdictPending, VerdictRefused, VerdictThrottled, VerdictUnsent:
		return ErrConflict
	}
	r.Answer = &answer
	return nil
}

func (r *Request) overdue(e Event) error {
	if r.State != StateSettling || r.Overdue || r.Attempt == nil || e.At.Before(r.Attempt.SentAt.Add(SettleOverdue)) {
		return ErrConflict
	}
	r.Overdue = true
	return nil
}

// Lane is the lock on one account while a request moves its money.
type Lane struct {
	Holder string    `json:"holder,omitempty"` // request id; empty when free
	Since  time.Time `json:"since,omitzero"`   // when it was taken, or freed
	// Frozen names the request that a later movement contradicts; nothing moves here until people free it.
	Frozen string `json:"frozen,omitempty"`
	// Last names the request that may have moved money here last, before the holder: until the holder marks its send,
	// nothing of ours has moved money here since.
	Last string `json:"last,omitempty"`
}

// nextLane takes, keeps or frees a lane as the request goes from one state to the next. It fails with ErrLaneBusy when
// another request holds it, and with ErrConflict when the request does not hold what it should.
func nextLane(l Lane, before, after Request, at time.Time) (Lane, error) {
	had, has := before.State.HoldsLanes(), after.State.HoldsLanes()
	switch {
	case had && l.Holder != before.ID:
		return Lane{}, ErrConflict
	case !had && has && l.Holder == after.ID:
		return Lane{}, ErrConflict // the request that was read is older than the lane: somebody else has claimed it
	case !had && has && (l.Holder != "" || l.Frozen != ""):
		return Lane{}, ErrLaneBusy
	case !had && has:
		return Lane{Holder: after.ID, Since: at, Last: l.Last}, nil
	case had && !has:
		free := Lane{Since: at, Frozen: l.Frozen, Last: l.Last}
		if before.State != StateClaimed && after.State != StateApproved { // else it has moved nothing
			free.Last = before.ID
		}
		return free, nil
	}
	return l, nil
}
