package treasury

import (
	"errors"
	"fmt"
)

// The kinds of failure. Callers ask with errors.Is; words for people are made in the Slack room alone.
var (
	// ErrNotFound: no such request, account or customer.
	ErrNotFound = errors.New("not found")
	// ErrExists: the thing to be made is there already.
	ErrExists = errors.New("exists already")
	// ErrConflict: somebody else committed first; read again and decide again.
	ErrConflict = errors.New("changed meanwhile")
	// ErrForbidden: the policy or the request's own rules say no; see *Forbidden for the reason.
	ErrForbidden = errors.New("not allowed")
	// ErrRejected: Tango's definite no; see *Refusal for its key.
	ErrRejected = errors.New("rejected by Tango")
	// ErrBusy: Tango's limit is reached; nothing was done.
	ErrBusy = errors.New("too many requests")
	// ErrUnavailable: a service that is needed did not answer, or not in a form that can be trusted.
	ErrUnavailable = errors.New("unavailable")
	// ErrInvalid: what was asked for is not possible as it stands; see *Invalid for the field.
	ErrInvalid = errors.New("invalid")
)

// Refusal is Tango's definite no.
type Refusal struct {
	Status  int    // HTTP status
	Key     string // i18nKey, such as "404.003"; may be empty. Its prefix is not the HTTP status.
	Request string // Tango's X-REQUEST-ID, the handle of its support
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("rejected by Tango: status %d, key %q, request %q", r.Status, r.Key, r.Request)
}

// Is makes a Refusal an ErrRejected, and a 404 also an ErrNotFound.
func (r *Refusal) Is(target error) bool {
	return target == ErrRejected || target == ErrNotFound && r.Status == 404
}

// ErrLaneBusy says that another request is moving money on the same account. It waits; nothing is lost.
var ErrLaneBusy = errors.New("another request holds the account")

// ErrStopped says that somebody has stopped all sending. Approved requests wait; nothing is lost.
var ErrStopped = errors.New("sending is stopped")

// Why is the reason code of a Forbidden.
type Why string

// The reasons for which a person or a worker is told no.
const (
	WhyStanding     Why = "standing"      // guest, bot, deleted or of another workspace
	WhyNoView       Why = "no_view"       // the policy gives no right to read
	WhyNoRequest    Why = "no_request"    // the policy gives no right to ask
	WhyNoRule       Why = "no_rule"       // no rule of the policy covers the request
	WhyOwnRequest   Why = "own_request"   // the requester's own vote never counts
	WhyNotApprover  Why = "not_approver"  // not in the rule's groups
	WhyNotRequester Why = "not_requester" // only the requester takes a pending request back
	WhyNotStopper   Why = "not_stopper"   // only the requester or an approver stops an approved one
	WhyVoted        Why = "voted"         // one person, one vote
	WhySaid         Why = "said"          // that is their word about a doubt already
	WhyDecided      Why = "decided"       // too late: State tells where the request is
	WhyExpired      Why = "expired"       // the time for votes is over
	WhyChanged      Why = "changed"       // the figures that were seen are not the request's
	WhyNoComment    Why = "no_comment"    // a denial needs its reason
	WhyQuorumLost   Why = "quorum_lost"   // too few of the votes still count
	WhyTooEarly     Why = "too_early"     // the evidence is still being gathered, or a deposit may still be pending
	WhyNoEvidence   Why = "no_evidence"   // a word about a doubt needs what was seen
	WhyNoResend     Why = "no_resend"     // the policy does not offer it, it was done once, or it is no call with a reference
	WhyNoStop       Why = "no_stop"       // not one of the people who may stop and resume
	WhyCardsOff     Why = "cards_off"     // the policy does not let cards be registered through Tangobot
	WhyCardsPortal  Why = "cards_portal"  // the policy has cards registered in Tango's portal
	WhyLink         Why = "link"          // a card link that is used up, too old, or was never made
	WhyAlertOver    Why = "alert_over"    // an alert that is over cannot be snoozed
)

// Forbidden says why not.
type Forbidden struct {
	Why      Why
	Standing Standing // for WhyStanding
	State    State    // for WhyDecided
	Groups   []string // for WhyNotApprover: the policy's groups that may
}

func (f *Forbidden) Error() string { return "not allowed: " + string(f.Why) }

// Is makes every Forbidden an ErrForbidden.
func (*Forbidden) Is(target error) bool { return target == ErrForbidden }
