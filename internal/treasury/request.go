package treasury

import (
	"crypto/rand"
	"encoding/base32"
	"slices"
	"strconv"
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// State is where a request is in its life.
type State string

// The states. See Next for the ways between them.
const (
	StatePending   State = "pending"   // waiting for votes
	StateApproved  State = "approved"  // quorum reached; waiting for the undo window and free lanes
	StateClaimed   State = "claimed"   // a worker holds the lanes; provably nothing sent yet
	StateSending   State = "sending"   // the mark: from here on the call may have left
	StateSettling  State = "settling"  // a deposit that Tango has taken and not yet decided: its PENDING
	StateSucceeded State = "succeeded" // done, with a checked answer or stored evidence
	StateDeclined  State = "declined"  // Tango or the bank said no to a deposit; nothing was charged
	StateFailed    State = "failed"    // not moved, with Tango's definite no or a check before the send
	StateDenied    State = "denied"    // an approver said no
	StateCancelled State = "cancelled" // taken back before anything was sent
	StateExpired   State = "expired"   // not enough votes in time
	StateInDoubt   State = "in_doubt"  // sent, no trustworthy answer; lanes stay held
)

// States lists all states, open ones first.
func States() []State {
	return []State{
		StatePending, StateApproved, StateClaimed, StateSending, StateSettling, StateInDoubt,
		StateSucceeded, StateDeclined, StateFailed, StateDenied, StateCancelled, StateExpired,
	}
}

// IsFinal reports whether no transition leaves the state.
func (s State) IsFinal() bool {
	switch s {
	case StateSucceeded, StateDeclined, StateFailed, StateDenied, StateCancelled, StateExpired:
		return true
	case StatePending, StateApproved, StateClaimed, StateSending, StateSettling, StateInDoubt:
		return false
	}
	return false
}

// HoldsLanes reports whether a request in this state keeps its accounts locked. A settling deposit does not: it may take
// days, and its money can only arrive.
func (s State) HoldsLanes() bool {
	switch s {
	case StateClaimed, StateSending, StateInDoubt:
		return true
	case StatePending, StateApproved, StateSettling, StateSucceeded, StateDeclined, StateFailed, StateDenied,
		StateCancelled, StateExpired:
		return false
	}
	return false
}

// counts reports whether a request in this state counts toward the policy's limits: its money has moved, or may have.
func (s State) counts() bool { return s.HoldsLanes() || s == StateSettling || s == StateSucceeded }

// Reason says why a request ended or was held up, as a code; the Slack room has the words.
type Reason string

// The reasons.
const (
	ReasonNone         Reason = ""
	ReasonTakenBack    Reason = "taken_back"   // by the requester, before quorum
	ReasonStopped      Reason = "stopped"      // in the undo window
	ReasonAuthority    Reason = "authority"    // a voter or the requester lost the right meanwhile
	ReasonRule         Reason = "rule"         // the policy changed and now asks for more
	ReasonTooLate      Reason = "too_late"     // approved, but could not be carried out in time
	ReasonLimit        Reason = "limit"        // a rolling limit of the policy
	ReasonInsufficient Reason = "insufficient" // not enough money in the source account
	ReasonInactive     Reason = "inactive"     // an account is not ACTIVE
	ReasonCurrency     Reason = "currency"     // the accounts' currencies are not the request's
	ReasonUnknown      Reason = "unknown"      // Tango does not know an account any more
	ReasonRefused      Reason = "refused"      // Tango's definite no, see Answer.Key
	ReasonAttempts     Reason = "attempts"     // three tries without a send

	ReasonFound         Reason = "found"           // a doubt was closed: by evidence, or by two people who agree; see Inquiry
	ReasonCardGone      Reason = "card_gone"       // the card is not registered any more
	ReasonCardExpired   Reason = "card_expired"    // the month on the card is over
	ReasonCardNotActive Reason = "card_not_active" // Tango's activation date is not reached
	ReasonCardsFull     Reason = "cards_full"      // the account has all the cards that Tango allows
	ReasonTaken         Reason = "taken"           // the identifier to create exists by now
	ReasonChanged       Reason = "changed"         // the account is not any more what the approvers saw
	ReasonCustomer      Reason = "customer"        // the account is not under that customer, or Tango does not know it
)

// Vote is one approver's yes or no.
type Vote struct {
	Person  string    `json:"person"`
	Approve bool      `json:"approve"`
	Comment string    `json:"comment,omitempty"`
	At      time.Time `json:"at"`
	Hash    string    `json:"hash"` // of the action that was seen
}

// Attempt is one try at carrying a request out.
type Attempt struct {
	ID string `json:"id"` // the request's id and a number; part of the notes that Tango shows
	// NotAfter is when the worker's invocation is killed. Nothing of this attempt can leave later, so a sweeper acts
	// only after it.
	NotAfter time.Time     `json:"not_after"`
	SentAt   time.Time     `json:"sent_at,omitzero"`
	Before   []BalanceRead `json:"before,omitempty"`
}

// BalanceRead is a balance at a time.
type BalanceRead struct {
	Account string       `json:"account"`
	Balance money.Amount `json:"balance"`
	At      time.Time    `json:"at"`
}

// RuleApplied is the rule that decided when the request was made. The policy of the day is asked again before the send.
type RuleApplied struct {
	Number    int      `json:"number"` // position in policy.yaml, from 1
	Approvals int      `json:"approvals"`
	From      []string `json:"from,omitempty"` // names of the policy's groups
}

// Request is a change that somebody asked for, as it stands now. It is stored whole; new fields need a good zero value.
type Request struct {
	ID        string        `json:"id"`
	Action    Action        `json:"action"`
	Hash      string        `json:"hash"`
	Requester string        `json:"requester"` // Slack user id
	Rule      RuleApplied   `json:"rule"`
	State     State         `json:"state"`
	Step      int           `json:"step"` // transitions so far, the creation included: the number of the last history entry
	Votes     []Vote        `json:"votes,omitempty"`
	Seen      []BalanceRead `json:"seen,omitempty"` // balances that were shown when it was asked
	CreatedAt time.Time     `json:"created_at"`
	ExpiresAt time.Time     `json:"expires_at"`          // votes count until here
	DueAt     time.Time     `json:"due_at,omitzero"`     // end of the undo window
	ClosedAt  time.Time     `json:"closed_at,omitzero"`  // when it became final
	ClosedBy  string        `json:"closed_by,omitempty"` // the person who denied, cancelled or stopped it
	Reason    Reason        `json:"reason,omitempty"`
	Attempts  int           `json:"attempts,omitempty"`
	Attempt   *Attempt      `json:"attempt,omitempty"`
	Answer    *Answer       `json:"answer,omitempty"`
	Fee       *Fee          `json:"fee,omitempty"`     // deposits: the estimate that was shown when it was asked
	Invite    *Invite       `json:"invite,omitempty"`  // register_card: the link that is good now
	Inquiry   *Inquiry      `json:"inquiry,omitempty"` // what was found out since it fell in doubt; kept when that ends
	Overdue   bool          `json:"overdue,omitempty"` // settling for longer than Tango says
	LastEntry string        `json:"last_entry"`        // hash of the last history entry
}

// Approvals counts the votes in favour.
func (r Request) Approvals() int {
	n := 0
	for _, v := range r.Votes {
		if v.Approve {
			n++
		}
	}
	return n
}

// HasVoted reports whether the person has voted.
func (r Request) HasVoted(person string) bool {
	return slices.ContainsFunc(r.Votes, func(v Vote) bool { return v.Person == person })
}

// NewRequestID makes an id that people can read to each other: TB- and eight letters or digits without I, L, O and U.
// 40 random bits: the journal refuses the rare second use.
func NewRequestID() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	return "TB-" + base32.NewEncoding(crockford).WithPadding(base32.NoPadding).EncodeToString(b[:])
}

// IsRequestID reports whether text has the form of a request's id.
func IsRequestID(text string) bool {
	if len(text) != 11 || text[:3] != "TB-" {
		return false
	}
	for i := 3; i < len(text); i++ {
		c := text[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// NewWriteID makes the unique name of one try at a commit.
func NewWriteID() string { return rand.Text() }

func attemptID(request string, number int) string { return request + "." + strconv.Itoa(number) }
