package treasury

import (
	"slices"
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// A request in doubt is never sent again by itself. What Tango shows is gathered as evidence, and decides where it is
// beyond doubt; everything else is decided by two people.

// The times of an inquiry.
const (
	// SettleWindow is how long after the end of the attempt Tango is looked at: an execution that comes late is over by
	// then, as far as anybody knows. A later one is found by the drift that it makes.
	SettleWindow = 15 * time.Minute
	// clocksApart is by how much Tango's clock and ours, or two of ours, may differ for evidence to hold.
	clocksApart = 5 * time.Minute
	// lookApart is the least time between two looks that count as the same: a balance may be on its way.
	lookApart = time.Minute
	// peopleAfter is when people may close a doubt about which no evidence could be gathered.
	peopleAfter = time.Hour
	// depositAfter is when people may say that a deposit was not carried out: until then it may be pending unseen.
	depositAfter = 7 * 24 * time.Hour
	// lateWatch is how long a request that was found not to be carried out is watched for a late movement.
	lateWatch = 30 * 24 * time.Hour
	// twiceWatch is how long a deposit that has arrived is watched for the same sum once more, and a transfer whose balances
	// nobody has read. Longer, and a person who
	// funds the account in the portal by the same sum would be taken for it.
	twiceWatch = 24 * time.Hour
	// quietAfter is how long an account must have moved only by our hands to count as quiet.
	quietAfter = 30 * 24 * time.Hour
)

// findingsNeeded is how many people must say the same to close a doubt.
const findingsNeeded = 2

// Finding is what the evidence, or a person, says of a request in doubt.
type Finding string

// The findings.
const (
	FindingOpen     Finding = "open" // the evidence does not say
	FindingExecuted Finding = "executed"
	FindingNot      Finding = "not_executed"
)

// Evidence is what Tango showed, held against what it showed before the send.
type Evidence struct {
	Says     Finding        `json:"says"`
	Rule     EvidenceRule   `json:"rule"`
	At       time.Time      `json:"at"`                 // of the second look that gave the same
	Balances []Delta        `json:"balances,omitempty"` // of the accounts whose money moves
	Noisy    []string       `json:"noisy,omitempty"`    // accounts that others move too
	Deposit  *DepositResult `json:"deposit,omitempty"`
	Card     *Card          `json:"card,omitempty"`
}

// Delta is how a balance changed since before the send.
type Delta struct {
	Account string       `json:"account"`
	Before  money.Amount `json:"before"`
	After   money.Amount `json:"after"`
}

// EvidenceRule names the rule by which evidence was judged; the Slack room has the words.
type EvidenceRule string

// The rules.
const (
	RuleBothMoved   EvidenceRule = "both_moved"   // the source lost and the target got exactly the amount
	RuleNoneMoved   EvidenceRule = "none_moved"   // neither balance changed
	RuleQuietSource EvidenceRule = "quiet_source" // the source, which nobody else moves, tells it alone
	RuleArrived     EvidenceRule = "arrived"      // the account got exactly the deposit, and no other was under way
	RuleByID        EvidenceRule = "by_id"        // Tango tells it of the deposit's id
	RulePending     EvidenceRule = "pending"      // Tango has not decided about the deposit's id
	RuleFound       EvidenceRule = "found"        // what was to be made is there; what was to be removed is gone
	RuleMissing     EvidenceRule = "missing"      // it is not
	RuleDouble      EvidenceRule = "double"       // twice the amount moved
	RuleUnclear     EvidenceRule = "unclear"      // something else moved too, or nothing can be told yet
)

// Inquiry is what was found out about a request in doubt.
type Inquiry struct {
	Since    time.Time  `json:"since"`
	Evidence *Evidence  `json:"evidence,omitempty"` // of the last look that told something
	Findings []Verified `json:"findings,omitempty"` // by people
	Resend   []Vote     `json:"resend,omitempty"`   // approvals to send again with the same reference
	Resent   bool       `json:"resent,omitempty"`
}

// Verified is one person's word about a request in doubt, with what they saw.
type Verified struct {
	Person  string    `json:"person"`
	Finding Finding   `json:"finding"`
	Seen    string    `json:"seen"` // the portal's line, the statement, the receipt
	At      time.Time `json:"at"`
}

// IsOpen reports whether people are asked to decide.
func (r Request) IsOpen(at time.Time) bool {
	if r.State != StateInDoubt || r.Inquiry == nil {
		return false
	}
	return r.Inquiry.Evidence != nil || !at.Before(r.lastSent().Add(SettleWindow+peopleAfter))
}

// lastSent is from when the times of an inquiry run: its beginning, or the further send.
func (r *Request) lastSent() time.Time {
	if r.Attempt != nil && r.Attempt.SentAt.After(r.Inquiry.Since) {
		return r.Attempt.SentAt
	}
	return r.Inquiry.Since
}

// Agreeing counts the people who say this.
func (i *Inquiry) Agreeing(f Finding) int {
	n := 0
	for _, v := range i.Findings {
		if v.Finding == f {
			n++
		}
	}
	return n
}

// Said gives a person's word that counts; empty for none.
func (i *Inquiry) Said(person string) Finding {
	for _, v := range i.Findings {
		if v.Person == person {
			return v.Finding
		}
	}
	return ""
}

// doubt puts a request in doubt. What was seen in an earlier doubt is in the history, and counts no more: something has
// happened since.
func (r *Request) doubt(at time.Time) {
	r.State = StateInDoubt
	if r.Inquiry == nil {
		r.Inquiry = &Inquiry{Since: at}
		return
	}
	r.Inquiry = r.inquiry()
	r.Inquiry.Evidence, r.Inquiry.Findings = nil, nil
}

// inquiry gives a copy to change: the request before must stay as it was.
func (r *Request) inquiry() *Inquiry {
	i := *r.Inquiry
	i.Findings, i.Resend = slices.Clone(i.Findings), slices.Clone(i.Resend)
	return &i
}

// evidence closes a doubt that the evidence decides, and keeps evidence that does not, for the people who must.
func (r *Request) evidence(e Event) error {
	if r.State != StateInDoubt || r.Inquiry == nil || r.Attempt == nil || e.At.Before(r.Attempt.NotAfter.Add(SettleWindow)) {
		return ErrConflict
	}
	i, seen := r.inquiry(), e.Evidence
	i.Evidence = &seen
	r.Inquiry = i
	r.find(seen.Says)
	return nil
}

// find ends a doubt.
func (r *Request) find(f Finding) {
	switch f {
	case FindingExecuted:
		r.State, r.Reason = StateSucceeded, ReasonFound
	case FindingNot:
		r.State, r.Reason = StateFailed, ReasonFound
	case FindingOpen:
	}
}

// finding records a person's word, which may correct their earlier one; two who agree close the doubt.
func (r *Request) finding(e Event) error {
	f := e.Finding
	switch {
	case r.State != StateInDoubt || r.Inquiry == nil:
		return &Forbidden{Why: WhyDecided, State: r.State}
	case e.By == r.Requester:
		return &Forbidden{Why: WhyOwnRequest}
	case e.By == "", !e.Eligible:
		return &Forbidden{Why: WhyNotApprover, Groups: e.Groups}
	case !r.IsOpen(e.At):
		return &Forbidden{Why: WhyTooEarly}
	case f.Finding != FindingExecuted && f.Finding != FindingNot:
		return ErrInvalid
	case f.Finding == FindingNot && r.Action.Kind == ActionDeposit && e.At.Before(r.lastSent().Add(depositAfter)):
		return &Forbidden{Why: WhyTooEarly}
	case f.Seen == "":
		return &Forbidden{Why: WhyNoEvidence}
	case r.Inquiry.Said(e.By) == f.Finding:
		return &Forbidden{Why: WhySaid}
	}
	i := r.inquiry()
	f.Person, f.At = e.By, e.At
	i.Findings = slices.DeleteFunc(i.Findings, func(v Verified) bool { return v.Person == e.By }) // their last word counts
	i.Findings = append(i.Findings, f)
	r.Inquiry = i
	if i.Agreeing(f.Finding) >= findingsNeeded {
		r.find(f.Finding)
	}
	return nil
}

// resendVote is an approval to send again with the same reference, which Tango is proved to take once. It is offered only
// where the policy says so, and takes as many approvals as the request did, but at least two.
func (r *Request) resendVote(e Event) error {
	switch {
	case r.State != StateInDoubt || r.Inquiry == nil:
		return &Forbidden{Why: WhyDecided, State: r.State}
	case r.Action.Kind != ActionTransfer && r.Action.Kind != ActionDeposit || r.Inquiry.Resent:
		return &Forbidden{Why: WhyNoResend}
	case e.By == r.Requester:
		return &Forbidden{Why: WhyOwnRequest}
	case e.By == "", !e.Eligible:
		return &Forbidden{Why: WhyNotApprover, Groups: e.Groups}
	case !r.IsOpen(e.At):
		return &Forbidden{Why: WhyTooEarly}
	case slices.ContainsFunc(r.Inquiry.Resend, func(v Vote) bool { return v.Person == e.By }):
		return &Forbidden{Why: WhyVoted}
	case e.Vote.Hash != r.Hash:
		return &Forbidden{Why: WhyChanged}
	}
	i := r.inquiry()
	i.Resend = append(i.Resend, Vote{Person: e.By, Approve: true, Comment: e.Vote.Comment, At: e.At, Hash: e.Vote.Hash})
	r.Inquiry = i
	return nil
}

// ResendNeeded is how many people must approve sending a request again.
func (r Request) ResendNeeded() int { return max(r.Rule.Approvals, findingsNeeded) }

// MayResend reports whether enough people have approved sending it again, and it was not.
func (r Request) MayResend() bool {
	return r.State == StateInDoubt && r.Inquiry != nil && !r.Inquiry.Resent && len(r.Inquiry.Resend) >= r.ResendNeeded()
}

// resend marks the one further send, with the same reference. The lanes are held already, and the balances before the
// first send stay what later looks are held against.
func (r *Request) resend(e Event) error {
	switch {
	case !r.MayResend():
		return ErrConflict
	case e.Valid < r.ResendNeeded():
		return &Forbidden{Why: WhyQuorumLost}
	case r.Attempt == nil, e.At.Before(r.Attempt.NotAfter.Add(SettleWindow)), !e.At.Before(e.NotAfter.Add(-SendMargin)):
		return ErrConflict
	}
	i := r.inquiry()
	i.Resent = true
	r.Attempts++
	r.Inquiry, r.State = i, StateSending
	r.Attempt = &Attempt{ID: attemptID(r.ID, r.Attempts), NotAfter: e.NotAfter, SentAt: e.At, Before: r.Attempt.Before}
	return nil
}

// resent reads the answer to that send: a success is the one movement, and a 409 to a transfer proves that the first send
// was it. All else proves nothing about the first, and leaves the doubt: so does a 409 to a deposit, for Tango takes the
// reference of one that it holds as PENDING, or has declined, as well.
func (r *Request) resent(a Answer, at time.Time) {
	switch {
	case a.Verdict == VerdictDone:
		r.State, r.Reason = StateSucceeded, ReasonNone
	case a.Verdict == VerdictPending:
		r.State, r.Reason = StateSettling, ReasonNone
	case a.Doubt == DoubtDuplicate && r.Action.Kind == ActionTransfer:
		r.State, r.Reason = StateSucceeded, ReasonFound
	default:
		r.doubt(at)
	}
}
