package slack_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/treasury"
)

// Every state that the domain knows has words, and so has every reason, doubt, refusal and problem: none falls through to
// its code.
func TestEverythingHasWords(t *testing.T) {
	t.Parallel()
	for _, s := range treasury.States() {
		r := pendingRequest("Employee Rewards", "")
		r.State = s
		if w := slack.StateWord(r); w == string(s) || !strings.Contains(w, " ") {
			t.Errorf("state %s: %q", s, w)
		}
	}
	for _, why := range []treasury.Why{
		treasury.WhyStanding, treasury.WhyNoView, treasury.WhyNoRequest, treasury.WhyNoRule, treasury.WhyOwnRequest, treasury.WhyNotApprover,
		treasury.WhyNotRequester, treasury.WhyNotStopper, treasury.WhyVoted, treasury.WhyDecided, treasury.WhyExpired, treasury.WhyChanged,
		treasury.WhyNoComment, treasury.WhyQuorumLost,
	} {
		if w := slack.ForbiddenWords(&treasury.Forbidden{Why: why, State: treasury.StateExpired}); strings.HasPrefix(w, "That is not allowed") {
			t.Errorf("why %s has no words", why)
		}
	}
	for _, code := range []treasury.ProblemCode{
		treasury.ProblemMissing, treasury.ProblemUnknown, treasury.ProblemSame, treasury.ProblemCurrencies, treasury.ProblemCurrency,
		treasury.ProblemInactive, treasury.ProblemInsufficient, treasury.ProblemLimit, treasury.ProblemNoRule, treasury.ProblemLong, treasury.ProblemControl,
	} {
		if w := slack.ProblemLine(treasury.Problem{Code: code}); w == "This cannot be used." {
			t.Errorf("problem %s has no words", code)
		}
	}
	for _, f := range []money.Fault{
		money.FaultEmpty, money.FaultForm, money.FaultAmbiguous, money.FaultDecimals, money.FaultSign, money.FaultZero, money.FaultTooLarge,
		money.FaultCurrency, money.FaultTwoSymbols,
	} {
		if w := slack.ProblemLine(treasury.Problem{Code: treasury.ProblemAmount, Fault: f}); w == "This is not an amount." {
			t.Errorf("fault %s has no words", f)
		}
	}
	secret := errors.New("pq: password authentication failed for user tango at 10.0.0.7")
	for _, err := range []error{
		secret, fmt.Errorf("x: %w: %w", treasury.ErrUnavailable, secret), fmt.Errorf("x: %w: %w", treasury.ErrBusy, secret), treasury.ErrConflict,
		treasury.ErrNotFound, treasury.ErrExists, treasury.ErrInvalid, &treasury.Refusal{Status: 418, Key: "418.001"}, &treasury.Refusal{Status: 404},
	} {
		w := slack.ErrorWords(err, "abcd1234")
		lacks(t, w, "password", "10.0.0.7", "pq:")
		if !strings.Contains(w, "o money moved") && !strings.Contains(w, "nothing of yours was recorded") {
			t.Errorf("%v does not say whether money moved: %s", err, w)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	golden(t, "help", strings.Split(slack.HelpWords("/tango"), "\n"))
	golden(t, "reminder", slack.ReminderText(pendingRequest("Employee Rewards", "")))
	said := map[string]any{}
	for _, why := range []treasury.Why{
		treasury.WhyStanding, treasury.WhyNoView, treasury.WhyNoRequest, treasury.WhyNoRule, treasury.WhyOwnRequest, treasury.WhyNotApprover,
		treasury.WhyNotRequester, treasury.WhyNotStopper, treasury.WhyVoted, treasury.WhyDecided, treasury.WhyExpired, treasury.WhyChanged,
		treasury.WhyNoComment, treasury.WhyQuorumLost,
	} {
		said[string(why)] = slack.ForbiddenWords(&treasury.Forbidden{Why: why, State: treasury.StateDenied, Groups: []string{"finance", "board"}})
	}
	golden(t, "refusals", said)
}
