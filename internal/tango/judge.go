package tango

import (
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/tangobot/tangobot/internal/treasury"
)

// conflict is what a 409 means for a call.
type conflict bool

// The meanings of a 409.
const (
	// conflictDoubt: the reference was used before, and the 409 does not tell by which try. Deposits, and the calls of whose
	// 409 nothing is known.
	conflictDoubt conflict = false
	// conflictRefuses: what is to be made or named carries its own key, an identifier or a display name, and that is taken.
	// The desk looked for the identifier right before the send, a request is sent once, and its earlier tries provably
	// sent nothing: so somebody else took it, and this call made nothing. Should an intermediary ever send a call twice,
	// the second answer says so too, although the first made it; then the thing is there, which the refusal says as well.
	conflictRefuses conflict = true
)

// judgeChange says what is known after the send of a call other than a transfer. These calls name cards, accounts and
// customers that may not be there, and rules of each that Tango checks first, so their list of definite answers is
// longer: 400, 401, 402, 403, 404 and 422 in Tango's own JSON. The keys' prefixes are not the statuses (422.050 comes
// with a 400). on409 is the call's own. success looks at the fields of a 200 or 201: the pages say which of the two for
// each call, and contradict each other.
func judgeChange(s sent, on409 conflict, success func(f *fields, a *treasury.Answer)) treasury.Answer {
	if s.connections == 0 && s.status == 0 {
		return treasury.Answer{Verdict: treasury.VerdictUnsent}
	}
	a := treasury.Answer{Verdict: treasury.VerdictUnknown, Status: s.status, Request: requestID(s.header)}
	key, own := tangoError(s.status, s.header, s.body)
	own = own && s.whole
	if own && s.status >= 400 {
		a.Key = key
	}
	switch status := s.status; {
	case s.connections != 1:
		a.Doubt = treasury.DoubtResent
	case status == 0:
		a.Doubt = treasury.DoubtNoAnswer
	case status == http.StatusOK || status == http.StatusCreated:
		return judgeSuccess(s, a, success)
	case status >= 300 && status < 400:
		a.Doubt = treasury.DoubtRedirect
	case status >= 500:
		a.Doubt = treasury.DoubtServer
	case !own:
		a.Doubt = treasury.DoubtStatus
	case isRefusal(status), status == http.StatusConflict && on409 == conflictRefuses:
		a.Verdict = treasury.VerdictRefused
	case status == http.StatusConflict:
		a.Doubt = treasury.DoubtDuplicate
	case status == http.StatusTooManyRequests && countsCalls(key):
		a.Verdict = treasury.VerdictThrottled
	case status == http.StatusTooManyRequests:
		a.Verdict = treasury.VerdictRefused
	default:
		a.Doubt = treasury.DoubtStatus
	}
	return a
}

func isRefusal(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound,
		http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// countsCalls tells a 429 that another try may pass from one that is a refusal: 429.002 and .005 say that the transaction
// is not possible now, .003 that the card is not active yet, .004 that the amount can not be processed; and a key of another
// family names a rule. An unknown key of this family, or none, counts calls.
func countsCalls(key string) bool {
	switch key {
	case "429.002", "429.003", "429.004", "429.005":
		return false
	}
	return key == "" || strings.HasPrefix(key, "429.")
}

// judgeSuccess hands a whole, readable success to the call's own check, which sets the verdict, or the field that differs.
func judgeSuccess(s sent, a treasury.Answer, success func(f *fields, a *treasury.Answer)) treasury.Answer {
	unreadable := a
	unreadable.Doubt = treasury.DoubtUnreadable
	if !s.whole || !isJSON(s.header) {
		return unreadable
	}
	v, err := parse(s.body)
	if err != nil {
		return unreadable
	}
	f, err := fieldsOf(v)
	if err != nil {
		return unreadable
	}
	success(f, &a)
	switch {
	case f.failed() != nil:
		return unreadable
	case a.Mismatch != "":
		a.Verdict, a.Doubt = treasury.VerdictUnknown, treasury.DoubtMismatch
	case a.Verdict == treasury.VerdictUnknown && a.Doubt == treasury.DoubtNone:
		return unreadable
	}
	return a
}

// compared is one field of an answer beside what was asked for.
type compared struct {
	field string
	fits  bool
}

// firstMisfit names the first field that does not fit, as Tango calls it.
func firstMisfit(checks ...compared) string {
	for _, c := range checks {
		if !c.fits {
			return c.field
		}
	}
	return ""
}

// echoes compares a text that Tango may leave out.
func (f *fields) echoes(name, want string) compared {
	got, ok := f.optional(name)
	return compared{name, !ok || got == want}
}

// repeats compares a text that must be there.
func (f *fields) repeats(name, want string) compared { return compared{name, f.text(name) == want} }

// checkOrderKind refuses an order for another call, and texts that JSON can not carry.
func checkOrderKind(o treasury.Order, kind treasury.ActionKind, texts ...string) error {
	if o.Action.Kind != kind {
		return fmt.Errorf("an order of %.20q: %w", o.Action.Kind, treasury.ErrInvalid)
	}
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return fmt.Errorf("an order's text: %w", treasury.ErrInvalid)
		}
	}
	return nil
}
