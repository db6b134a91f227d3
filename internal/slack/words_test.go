package slack_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
	for _, why := range constants(t, "Why") {
		if w := slack.ForbiddenWords(&treasury.Forbidden{Why: treasury.Why(why), State: treasury.StateExpired}); strings.HasPrefix(w, "That is not allowed") {
			t.Errorf("why %s has no words", why)
		}
	}
	for _, reason := range constants(t, "Reason") {
		for _, kind := range treasury.ActionKinds() {
			r := treasury.Request{Reason: treasury.Reason(reason), Action: treasury.Action{Kind: kind}}
			if w := slack.ReasonWords(r); reason != "" && (w == reason || !strings.HasSuffix(w, ".")) {
				t.Errorf("reason %s: %q", reason, w)
			}
		}
	}
	for _, code := range constants(t, "ProblemCode") {
		if w := slack.ProblemLine(treasury.Problem{Code: treasury.ProblemCode(code)}); w == "This cannot be used." {
			t.Errorf("problem %s has no words", code)
		}
	}
	said := map[string]string{}
	for _, rule := range constants(t, "EvidenceRule") {
		w := slack.RuleWords(&treasury.Evidence{Rule: treasury.EvidenceRule(rule)})
		if said[w] != "" {
			t.Errorf("evidence %s and %s are told in the same words", rule, said[w])
		}
		said[w] = rule
	}
	for _, by := range constants(t, "HeldBy") {
		if w := slack.HeldWords(treasury.Held{By: treasury.HeldBy(by), Account: "a", Request: "r"}); (w == "") != (by == "") {
			t.Errorf("held by %q: %q", by, w)
		}
	}
	for _, event := range constants(t, "EventKind") {
		if w := slack.EntryWords(treasury.Entry{Event: treasury.EventKind(event), To: "nowhere"}); w == "nowhere" && event != string(treasury.EventAnswer) {
			t.Errorf("event %s has no words", event)
		}
	}
	for _, doubt := range constants(t, "Doubt") {
		if w := slack.DoubtWords(&treasury.Answer{Doubt: treasury.Doubt(doubt)}); w == "The outcome is not known." && doubt != "" {
			t.Errorf("doubt %s has no words", doubt)
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
	for _, why := range constants(t, "Why") {
		said[why] = slack.ForbiddenWords(&treasury.Forbidden{Why: treasury.Why(why), State: treasury.StateDenied, Groups: []string{"finance", "board"}})
	}
	golden(t, "refusals", said)
}

// constants lists the values of all constants of a type of the treasury, as its source has them: a new one fails here until
// it has words.
func constants(t *testing.T, name string) []string {
	t.Helper()
	files, err := filepath.Glob("../treasury/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if of, ok := spec.Type.(*ast.Ident); ok && of.Name == name && len(spec.Values) == 1 {
				value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, value)
			}
			return true
		})
	}
	if len(values) < 3 {
		t.Fatalf("%d constants of %s", len(values), name)
	}
	return values
}

// Every key of Tango's list has a sentence of its own. The others are told by their status, with the key: they say that
// Tangobot sent something wrong, or they are no refusals but doubts.
func TestEveryKeyHasItsSentence(t *testing.T) {
	t.Parallel()
	general := []string{"400.001", "400.009", "400.501", "405.002", "406.001", "409.001", "415.001"}
	raw, err := os.ReadFile("../tango/testdata/keys.txt")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		key, _, _ := strings.Cut(line, " ")
		if len(key) != len("400.001") {
			t.Fatalf("no key: %q", line)
		}
		status, err := strconv.Atoi(key[:3])
		if err != nil {
			t.Fatal(err)
		}
		w := slack.TangoWords(status, key)
		own := !strings.Contains(w, key)
		if want := !slices.Contains(general, key) && key[0] != '5'; own != want {
			t.Errorf("%s: own sentence %v, want %v: %s", key, own, want, w)
		}
		if own && !strings.HasSuffix(w, ".") {
			t.Errorf("%s: %q", key, w)
		}
		said[key] = w
	}
	golden(t, "refused-by-tango", said)
	for _, status := range []int{400, 401, 402, 403, 404, 409, 422, 429} {
		if w := slack.TangoWords(status, "999.999"); strings.HasPrefix(w, "status ") || !strings.Contains(w, "999.999") {
			t.Errorf("a new key of a %d: %s", status, w)
		}
	}
	lacks(t, slack.TangoWords(400, "`<!channel>"), "<!", "``")
}
