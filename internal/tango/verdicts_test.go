package tango_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// TestFaultsOfTango sets each fault of the simulation against the verdict and against what really moved.
func TestFaultsOfTango(t *testing.T) {
	t.Parallel()
	mismatch := func(field string) treasury.Answer {
		return treasury.Answer{Verdict: treasury.VerdictUnknown, Doubt: treasury.DoubtMismatch, Status: 200, Mismatch: field}
	}
	ok := done(200, "")
	ok.At = now()
	refused := func(status int, key string) treasury.Answer {
		return treasury.Answer{Verdict: treasury.VerdictRefused, Status: status, Key: key}
	}
	keyed := func(a treasury.Answer, status int, key string) treasury.Answer {
		a.Status, a.Key = status, key
		return a
	}
	for _, c := range []struct {
		name  string
		fault tangosim.Fault
		moved int
		want  treasury.Answer
	}{
		{"none", tangosim.Fault{}, 1, ok},
		{"closed before", tangosim.Fault{DropBefore: true}, 0, unknown(treasury.DoubtNoAnswer)},
		{"closed after", tangosim.Fault{DropAfter: true}, 1, unknown(treasury.DoubtNoAnswer)},
		{"reset before", tangosim.Fault{ResetBefore: true}, 0, unknown(treasury.DoubtNoAnswer)},
		{"reset after", tangosim.Fault{ResetAfter: true}, 1, unknown(treasury.DoubtNoAnswer)},
		{"slow", tangosim.Fault{Delay: 50 * time.Millisecond}, 1, ok},
		{"late", tangosim.Fault{Late: time.Minute}, 0, unknown(treasury.DoubtNoAnswer)},
		{"carried out twice", tangosim.Fault{Twice: true}, 2, mismatch("transferFrom.endingBalance")},
		{"400", tangosim.Fault{StatusBefore: 400, Key: "402.001"}, 0, refused(400, "402.001")},
		{"401", tangosim.Fault{StatusBefore: 401, Key: "401.501"}, 0, refused(401, "401.501")},
		{"403", tangosim.Fault{StatusBefore: 403, Key: "403.001"}, 0, refused(403, "403.001")},
		{"400 without a key", tangosim.Fault{StatusBefore: 400}, 0, refused(400, "")},
		{"400 as a page", tangosim.Fault{StatusBefore: 400, Plain: true}, 0, statusOf(unknown(treasury.DoubtStatus), 400)},
		{"402", tangosim.Fault{StatusBefore: 402, Key: "402.001"}, 0, keyed(unknown(treasury.DoubtStatus), 402, "402.001")},
		{"404", tangosim.Fault{StatusBefore: 404, Key: "404.003"}, 0, keyed(unknown(treasury.DoubtStatus), 404, "404.003")},
		{"408", tangosim.Fault{StatusBefore: 408}, 0, statusOf(unknown(treasury.DoubtStatus), 408)},
		{"409", tangosim.Fault{StatusBefore: 409}, 0, statusOf(unknown(treasury.DoubtDuplicate), 409)},
		{"409 as a page", tangosim.Fault{StatusBefore: 409, Plain: true}, 0, statusOf(unknown(treasury.DoubtStatus), 409)},
		{"422", tangosim.Fault{StatusBefore: 422, Key: "422.003"}, 0, keyed(unknown(treasury.DoubtStatus), 422, "422.003")},
		{"429", tangosim.Fault{StatusBefore: 429, Key: "429.001"}, 0, treasury.Answer{Verdict: treasury.VerdictThrottled, Status: 429, Key: "429.001"}},
		{"429 as a page", tangosim.Fault{StatusBefore: 429, Plain: true}, 0, statusOf(unknown(treasury.DoubtStatus), 429)},
		{"500 before", tangosim.Fault{StatusBefore: 500, Key: "500.001"}, 0, keyed(unknown(treasury.DoubtServer), 500, "500.001")},
		{"500 after", tangosim.Fault{StatusAfter: 500}, 1, statusOf(unknown(treasury.DoubtServer), 500)},
		{"503 before", tangosim.Fault{StatusBefore: 503, Key: "503.501"}, 0, keyed(unknown(treasury.DoubtServer), 503, "503.501")},
		{"400 after", tangosim.Fault{StatusAfter: 400}, 1, statusOf(unknown(treasury.DoubtStatus), 400)},
		{"307 after", tangosim.Fault{StatusAfter: 307, Location: "/raas/v2/transferFunds"}, 1, statusOf(unknown(treasury.DoubtRedirect), 307)},
		{"garbage", tangosim.Fault{Body: []byte("<<<")}, 1, statusOf(unknown(treasury.DoubtUnreadable), 200)},
		{"truncated", tangosim.Fault{Truncate: true}, 1, statusOf(unknown(treasury.DoubtUnreadable), 200)},
		{"huge", tangosim.Fault{Huge: true}, 1, statusOf(unknown(treasury.DoubtUnreadable), 200)},
		{"another amount", tangosim.Fault{Echo: tangosim.EchoAmount}, 1, mismatch("transferredAmount")},
		{"accounts the other way round", tangosim.Fault{Echo: tangosim.EchoSwap}, 1, mismatch("transferFrom.accountIdentifier")},
		{"other notes", tangosim.Fault{Echo: tangosim.EchoNotes}, 1, mismatch("transferNotes")},
		{"another reference", tangosim.Fault{Echo: tangosim.EchoReference}, 1, mismatch("externalRefID")},
		{"no reference", tangosim.Fault{Echo: tangosim.EchoNoReference}, 1, ok},
		{"wrong balance of the source", tangosim.Fault{Echo: tangosim.EchoBalance}, 1, mismatch("transferFrom.endingBalance")},
		{"wrong balance of the destination", tangosim.Fault{Echo: tangosim.EchoGain}, 1, mismatch("transferTo.endingBalance")},
		{"an old answer", tangosim.Fault{Echo: tangosim.EchoOld}, 1, mismatch("transferDate")},
		{"another currency", tangosim.Fault{Echo: tangosim.EchoCurrency}, 1, mismatch("transferFrom.currencyCode")},
		{"another currency there", tangosim.Fault{Echo: tangosim.EchoToCurrency}, 1, mismatch("transferTo.currencyCode")},
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			t.Run(method+" "+c.name, func(t *testing.T) {
				t.Parallel()
				f := setup(t, nil, func(c *tango.Config) { c.Method = method })
				f.sim.Arm(c.fault)
				got := f.client.Transfer(t.Context(), order())
				if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(treasury.Answer{}, "Request")); diff != "" {
					t.Errorf("verdict (-want +got):\n%s", diff)
				}
				if (got.Request != "") != (got.Status != 0) {
					t.Errorf("X-REQUEST-ID %q with status %d", got.Request, got.Status)
				}
				if calls, moved := f.sim.Requests()[method+" /transferFunds"], f.sim.Moved(order().Reference); calls != 1 || moved != c.moved {
					t.Errorf("%d calls and %d moves, want one and %d", calls, moved, c.moved)
				}
				if f.pace.taken.Load() != 0 {
					t.Error("the money call waited for the pace, which is its caller's part")
				}
			})
		}
	}
}

// TestHangingTango: an answer that never comes ends when the caller's time does.
func TestHangingTango(t *testing.T) {
	t.Parallel()
	f := setup(t, nil, nil)
	f.sim.Arm(tangosim.Fault{HangAfter: true})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes, stop := f.sim.Changes()
	defer stop()
	go func() {
		for range changes {
			if f.sim.Moved(order().Reference) == 1 { // which also shows that others are answered meanwhile
				cancel()
				return
			}
		}
	}()
	if diff := cmp.Diff(unknown(treasury.DoubtNoAnswer), f.client.Transfer(ctx, order())); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
}

// TestRulesOfTango sets Tango's own refusals against the verdict.
func TestRulesOfTango(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(o *treasury.TransferOrder)
		want   treasury.Answer
	}{
		"insufficient funds": {func(o *treasury.TransferOrder) { o.Amount = money.New(2_450_001, "USD") }, treasury.Answer{Verdict: treasury.VerdictRefused, Status: 400, Key: "402.001"}},
		"frozen":             {func(o *treasury.TransferOrder) { o.To = "holiday-gifts" }, treasury.Answer{Verdict: treasury.VerdictRefused, Status: 400, Key: "422.156"}},
		"other currency":     {func(o *treasury.TransferOrder) { o.To = "uk-rewards" }, treasury.Answer{Verdict: treasury.VerdictRefused, Status: 400, Key: "422.003"}},
		"unknown account":    {func(o *treasury.TransferOrder) { o.To = "nobody" }, treasury.Answer{Verdict: treasury.VerdictUnknown, Doubt: treasury.DoubtStatus, Status: 404, Key: "404.003"}},
	} {
		f := setup(t, nil, nil)
		o := order()
		c.change(&o)
		got := f.client.Transfer(t.Context(), o)
		if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(treasury.Answer{}, "Request")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if len(f.sim.Movements()) != 0 {
			t.Errorf("%s: money moved", name)
		}
	}
}

// TestReferenceUsedTwice: the 409 is evidence, and no outcome.
func TestReferenceUsedTwice(t *testing.T) {
	t.Parallel()
	f := setup(t, func(c *tangosim.Config) { c.TransferStatus = 201 }, nil)
	if got := f.client.Transfer(t.Context(), order()); got.Verdict != treasury.VerdictDone || got.Status != 201 {
		t.Fatalf("first: %+v", got)
	}
	got := f.client.Transfer(t.Context(), order())
	if got.Verdict != treasury.VerdictUnknown || got.Doubt != treasury.DoubtDuplicate || f.sim.Moved(order().Reference) != 1 {
		t.Errorf("second: %+v", got)
	}
}

// TestEcho changes one thing in a good answer.
func TestEcho(t *testing.T) {
	t.Parallel()
	unreadable, mismatch := treasury.DoubtUnreadable, treasury.DoubtMismatch
	for _, c := range []struct {
		name, from, to string
		doubt          treasury.Doubt
		field          string
	}{
		{"as it is", ``, ``, "", ""},
		{"amount as text", `"transferredAmount":1250`, `"transferredAmount":"1250"`, unreadable, ""},
		{"amount with an exponent", `"transferredAmount":1250`, `"transferredAmount":1.25e3`, unreadable, ""},
		{"amount null", `"transferredAmount":1250`, `"transferredAmount":null`, unreadable, ""},
		{"amount missing", `"transferredAmount":1250,`, ``, unreadable, ""},
		{"amount twice", `"transferredAmount":1250`, `"transferredAmount":1250,"transferredAmount":1250`, unreadable, ""},
		{"amount in another case beside it", `"transferredAmount":1250`, `"transferredAmount":1250,"TransferredAmount":1250`, unreadable, ""},
		{"amount in another case alone", `"transferredAmount"`, `"transferredamount"`, unreadable, ""},
		{"amount with three decimals", `"transferredAmount":1250`, `"transferredAmount":1250.001`, unreadable, ""},
		{"amount with zeros behind", `"transferredAmount":1250`, `"transferredAmount":1250.0000`, "", ""},
		{"amount out of range", `"transferredAmount":1250`, `"transferredAmount":92233720368547758080`, unreadable, ""},
		{"one cent more", `"transferredAmount":1250`, `"transferredAmount":1250.01`, mismatch, "transferredAmount"},
		{"negative", `"transferredAmount":1250`, `"transferredAmount":-1250`, mismatch, "transferredAmount"},
		{"trailing data", `"ACTIVE","contactEmail":"marketing.us@acme.example"}}`, `"ACTIVE"}} {}`, unreadable, ""},
		{"a key of ours twice within", `"startingBalance":24500.00`, `"startingBalance":24500.00,"startingBalance":24500`, unreadable, ""},
		{"a strange key twice", `"loyaltyTier":{"deep":[1,null]}`, `"loyaltyTier":1,"loyaltyTier":1`, unreadable, ""},
		{"strange fields of any kind", `"loyaltyTier":{"deep":[1,null]}`, `"x":1e9,"y":[],"z":{"transferNotes":null}`, "", ""},
		{"too deep", `"loyaltyTier":{"deep":[1,null]}`, `"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40), unreadable, ""},
		{"not UTF-8", `"Marketing US"`, "\"Marketing \xff\"", unreadable, ""},
		{"notes null", `"Q1 <spiffs> & more [at-1]"`, `null`, unreadable, ""},
		{"notes cut", `& more [at-1]"`, `& more"`, mismatch, "transferNotes"},
		{"notes of another attempt", `[at-1]`, `[at-2]`, mismatch, "transferNotes"},
		{"reference null", `"externalRefID":"TB-7F3K2M9Q"`, `"externalRefID":null`, "", ""},
		{"reference empty", `"externalRefID":"TB-7F3K2M9Q"`, `"externalRefID":""`, mismatch, "externalRefID"},
		{"reference a number", `"externalRefID":"TB-7F3K2M9Q"`, `"externalRefID":7`, unreadable, ""},
		{"reference in another case", `"externalRefID":"TB-7F3K2M9Q"`, `"externalRefId":"TB-7F3K2M9Q"`, unreadable, ""},
		{"source of another name", `"accountIdentifier":"employee-rewards"`, `"accountIdentifier":"employee-reward"`, mismatch, "transferFrom.accountIdentifier"},
		{"source in another case", `"accountIdentifier":"employee-rewards"`, `"accountIdentifier":"Employee-Rewards"`, mismatch, "transferFrom.accountIdentifier"},
		{"destination of another name", `"accountIdentifier":"marketing-us"`, `"accountIdentifier":"marketing-eu"`, mismatch, "transferTo.accountIdentifier"},
		{"no destination", `"transferTo":{`, `"transferTwo":{`, unreadable, ""},
		{"destination a text", goodAnswer[strings.Index(goodAnswer, `"transferTo":{`):], `"transferTo":"marketing-us"}`, unreadable, ""},
		{"no date", `"2026-03-02T10:00:01.5Z"`, `null`, unreadable, ""},
		{"a date in words", `"2026-03-02T10:00:01.5Z"`, `"yesterday"`, unreadable, ""},
		{"long fraction", `"2026-03-02T10:00:01.5Z"`, `"2026-03-02T10:00:01.500000000Z"`, "", ""},
		{"another zone", `"2026-03-02T10:00:01.5Z"`, `"2026-03-02T02:00:01.5-08:00"`, "", ""},
		{"five minutes early", `"2026-03-02T10:00:01.5Z"`, `"2026-03-02T09:55:00.28Z"`, "", "early"},
		{"more than that", `"2026-03-02T10:00:01.5Z"`, `"2026-03-02T09:55:00.27Z"`, mismatch, "transferDate"},
		{"source did not lose", `"endingBalance":23250`, `"endingBalance":24500`, mismatch, "transferFrom.endingBalance"},
		{"destination did not gain", `"endingBalance":9375.5`, `"endingBalance":8125.5`, mismatch, "transferTo.endingBalance"},
		{"destination lost", `"endingBalance":9375.5`, `"endingBalance":6875.5`, mismatch, "transferTo.endingBalance"},
		{"an array around it", goodAnswer, "[" + goodAnswer + "]", unreadable, ""},
		{"null", goodAnswer, "null", unreadable, ""},
		{"a byte order mark", goodAnswer, "\ufeff" + goodAnswer, unreadable, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.from != "" && !strings.Contains(goodAnswer, c.from) {
				t.Fatal("the case changes nothing")
			}
			client, _, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				answerJSON(w, 200, strings.Replace(goodAnswer, c.from, c.to, 1))
			})
			want := done(200, "req-1")
			if c.doubt != "" {
				want = treasury.Answer{Verdict: treasury.VerdictUnknown, Doubt: c.doubt, Status: 200, Request: "req-1", Mismatch: c.field}
			} else if c.field == "early" {
				want.At = time.Date(2026, 3, 2, 9, 55, 0, 280_000_000, time.UTC)
			}
			if diff := cmp.Diff(want, client.Transfer(t.Context(), order())); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// TestErrorShapes: only Tango's own words make a no definite, in either of its two shapes.
func TestErrorShapes(t *testing.T) {
	t.Parallel()
	const refused, doubt = treasury.VerdictRefused, treasury.VerdictUnknown
	long := strings.Repeat("9", 17) + ".001"
	for _, c := range []struct {
		name, body string
		want       treasury.Verdict
		key        string
	}{
		{"key at the top", tangoSays("400", "422.003"), refused, "422.003"},
		{"key in the list", `{"httpCode":400,"errors":[{"path":"amount","i18nKey":"422.140","message":"m","invalidValue":"1","constraint":"c"},{"i18nKey":"422.141"}]}`, refused, "422.140"},
		{"key at the top and in the list", `{"httpCode":400,"i18nKey":"400.001","errors":[{"i18nKey":"422.140"}]}`, refused, "400.001"},
		{"no key, an older code", `{"httpCode":400,"httpPhrase":"x","errors":[{"message":"m","code":404001}]}`, refused, ""},
		{"short", `{"message":"m","i18nKey":"402.001","i18nTokenReplacements":[]}`, refused, "402.001"},
		{"short, without a key", `{"message":"Forbidden"}`, doubt, ""},
		{"short, with an empty key", `{"message":"m","i18nKey":"","i18nTokenReplacements":[]}`, doubt, ""},
		{"short, with what is no key", `{"message":"m","i18nKey":"` + long + `"}`, doubt, ""},
		{"usual, with what is no key", `{"httpCode":400,"i18nKey":"` + long + `"}`, refused, ""},
		{"key null", `{"httpCode":400,"i18nKey":null,"errors":null}`, refused, ""},
		{"code of another status", tangoSays("500", "500.001"), doubt, ""},
		{"code as text", `{"httpCode":"400","i18nKey":"400.001"}`, doubt, ""},
		{"code twice", `{"httpCode":500,"httpCode":400,"i18nKey":"400.001"}`, doubt, ""},
		{"code in another case", `{"httpcode":400,"i18nKey":"400.001"}`, doubt, ""},
		{"list of texts", `{"httpCode":400,"errors":["x"]}`, doubt, ""},
		{"a list", `[` + tangoSays("400", "400.001") + `]`, doubt, ""},
		{"cut off", tangoSays("400", "400.001")[:60], doubt, ""},
		{"nothing", ``, doubt, ""},
		{"success in an error's clothes", goodAnswer, doubt, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client, _, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 400, c.body) })
			want := treasury.Answer{Verdict: c.want, Status: 400, Key: c.key, Request: "req-1"}
			if c.want == doubt {
				want.Doubt = treasury.DoubtStatus
			}
			if diff := cmp.Diff(want, client.Transfer(t.Context(), order())); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOrdersThatAreNotSent: what Tango could not take, or what no answer could prove, is not sent.
func TestOrdersThatAreNotSent(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(o *treasury.TransferOrder){
		"no source":           func(o *treasury.TransferOrder) { o.From = "" },
		"no destination":      func(o *treasury.TransferOrder) { o.To = "" },
		"one account":         func(o *treasury.TransferOrder) { o.To = o.From },
		"nothing":             func(o *treasury.TransferOrder) { o.Amount.Hundredths = 0 },
		"less than nothing":   func(o *treasury.TransferOrder) { o.Amount.Hundredths = -1 },
		"more than there is":  func(o *treasury.TransferOrder) { o.Amount.Hundredths = money.MaxHundredths + 1 },
		"no currency":         func(o *treasury.TransferOrder) { o.Amount.Currency = "" },
		"151 characters":      func(o *treasury.TransferOrder) { o.Notes = strings.Repeat("é", 151) },
		"notes not UTF-8":     func(o *treasury.TransferOrder) { o.Notes = "\xff" },
		"a long reference":    func(o *treasury.TransferOrder) { o.Reference = strings.Repeat("x", 101) },
		"account not UTF-8":   func(o *treasury.TransferOrder) { o.To = "\xff" },
		"reference not UTF-8": func(o *treasury.TransferOrder) { o.Reference = "\xff" },
	} {
		f := setup(t, nil, nil)
		o := order()
		change(&o)
		if diff := cmp.Diff(treasury.Answer{Verdict: treasury.VerdictUnsent}, f.client.Transfer(t.Context(), o)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if n := len(f.sim.Received()); n != 0 {
			t.Errorf("%s: %d calls", name, n)
		}
	}
	f := setup(t, nil, nil)
	o := order()
	o.Notes = strings.Repeat("é", 150)
	if got := f.client.Transfer(t.Context(), o); got.Verdict != treasury.VerdictDone {
		t.Errorf("150 characters: %+v", got)
	}
}

// TestNoCredentials: a call that can not be signed is not made, and a panic on the way is an answer.
func TestNoCredentials(t *testing.T) {
	t.Parallel()
	for name, give := range map[string]func(context.Context) (string, treasury.Secret, error){
		"error":   func(context.Context) (string, treasury.Secret, error) { return "", treasury.Secret{}, errors.New("no") },
		"no name": func(context.Context) (string, treasury.Secret, error) { return "", treasury.NewSecret("k"), nil },
		"no key":  func(context.Context) (string, treasury.Secret, error) { return "n", treasury.Secret{}, nil },
		"panic":   func(context.Context) (string, treasury.Secret, error) { panic(fmt.Sprint("canary ", key)) },
	} {
		f := setup(t, nil, func(c *tango.Config) { c.Credentials = give })
		if diff := cmp.Diff(treasury.Answer{Verdict: treasury.VerdictUnsent}, f.client.Transfer(t.Context(), order())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if n := len(f.sim.Received()); n != 0 {
			t.Errorf("%s: %d calls", name, n)
		}
		if name == "panic" {
			continue
		}
		if _, err := f.client.Account(t.Context(), "employee-rewards"); !isKind(err, treasury.ErrUnavailable) {
			t.Errorf("%s: reading without credentials: %v", name, err)
		}
	}
}

// explosive is a log that can not be written.
type explosive struct{ slog.Handler }

func (explosive) Enabled(context.Context, slog.Level) bool { return true }

func (explosive) Handle(context.Context, slog.Record) error { panic("no log") }

// TestPanicLeavesDoubt: once the send has begun, a panic proves nothing.
func TestPanicLeavesDoubt(t *testing.T) {
	t.Parallel()
	f := setup(t, nil, func(c *tango.Config) { c.Log = slog.New(explosive{slog.DiscardHandler}) })
	f.sim.Arm(tangosim.Fault{DropAfter: true})
	if diff := cmp.Diff(unknown(treasury.DoubtNoAnswer), f.client.Transfer(t.Context(), order())); diff != "" {
		t.Errorf("verdict (-want +got):\n%s", diff)
	}
	o := order()
	o.From = ""
	if diff := cmp.Diff(treasury.Answer{Verdict: treasury.VerdictUnsent}, f.client.Transfer(t.Context(), o)); diff != "" {
		t.Errorf("before the send (-want +got):\n%s", diff)
	}
}

// TestCredentialsAreAskedEachTime: a rotated key is used at once.
func TestCredentialsAreAskedEachTime(t *testing.T) {
	t.Parallel()
	current := "an old key"
	f := setup(t, nil, func(c *tango.Config) {
		c.Credentials = func(context.Context) (string, treasury.Secret, error) {
			return platform, treasury.NewSecret(current), nil
		}
	})
	_, err := f.client.Account(t.Context(), "employee-rewards")
	refusal, ok := errors.AsType[*treasury.Refusal](err)
	if !ok || refusal.Status != 401 || refusal.Key != "401.501" || refusal.Request == "" {
		t.Errorf("reading with the old key: %v", err)
	}
	if got := f.client.Transfer(t.Context(), order()); got.Verdict != treasury.VerdictRefused || got.Status != 401 {
		t.Errorf("moving with the old key: %+v", got)
	}
	current = key
	if _, err := f.client.Account(t.Context(), "employee-rewards"); err != nil {
		t.Errorf("reading with the new key: %v", err)
	}
	if got := f.client.Transfer(t.Context(), order()); got.Verdict != treasury.VerdictDone {
		t.Errorf("moving with the new key: %+v", got)
	}
}
