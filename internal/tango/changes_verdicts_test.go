package tango_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// TestStatusesOfChanges: what each status proves, for each call, with Tango's words and without.
func TestStatusesOfChanges(t *testing.T) {
	t.Parallel()
	type verdict struct {
		verdict treasury.Verdict
		doubt   treasury.Doubt
	}
	refused := verdict{treasury.VerdictRefused, treasury.DoubtNone}
	doubt := func(d treasury.Doubt) verdict { return verdict{treasury.VerdictUnknown, d} }
	for status, want := range map[int]struct{ words, plain verdict }{
		202: {doubt(treasury.DoubtStatus), doubt(treasury.DoubtStatus)},
		206: {doubt(treasury.DoubtStatus), doubt(treasury.DoubtStatus)},
		302: {doubt(treasury.DoubtRedirect), doubt(treasury.DoubtRedirect)},
		308: {doubt(treasury.DoubtRedirect), doubt(treasury.DoubtRedirect)},
		400: {refused, doubt(treasury.DoubtStatus)},
		401: {refused, doubt(treasury.DoubtStatus)},
		402: {refused, doubt(treasury.DoubtStatus)},
		403: {refused, doubt(treasury.DoubtStatus)},
		404: {refused, doubt(treasury.DoubtStatus)},
		405: {doubt(treasury.DoubtStatus), doubt(treasury.DoubtStatus)},
		408: {doubt(treasury.DoubtStatus), doubt(treasury.DoubtStatus)},
		415: {doubt(treasury.DoubtStatus), doubt(treasury.DoubtStatus)},
		422: {refused, doubt(treasury.DoubtStatus)},
		429: {verdict{treasury.VerdictThrottled, treasury.DoubtNone}, doubt(treasury.DoubtStatus)},
		500: {doubt(treasury.DoubtServer), doubt(treasury.DoubtServer)},
		503: {doubt(treasury.DoubtServer), doubt(treasury.DoubtServer)},
	} {
		for _, c := range changingCalls() {
			t.Run(c.name+" "+strconv.Itoa(status), func(t *testing.T) {
				t.Parallel()
				code := strconv.Itoa(status)
				words := c.answered(t, status, `{"httpCode":`+code+`,"errors":[{"path":"x","message":"canary"}]}`)
				if got := (verdict{words.Verdict, words.Doubt}); got != want.words {
					t.Errorf("in Tango's words: %+v, want %+v", got, want.words)
				}
				plain := c.answered(t, status, `{"message":"Forbidden"}`)
				if got := (verdict{plain.Verdict, plain.Doubt}); got != want.plain || plain.Key != "" {
					t.Errorf("in another's: %+v, want %+v", got, want.plain)
				}
				if words.Status != status || words.Request != "req-1" || words.Deposit != nil || words.Card != nil {
					t.Errorf("answer: %+v", words)
				}
			})
		}
	}
}

// TestConflicts: a reference that was used before leaves doubt about a deposit; an identifier or name that is taken is a
// refusal of what carries it.
func TestConflicts(t *testing.T) {
	t.Parallel()
	for _, c := range changingCalls() {
		got := c.answered(t, http.StatusConflict, tangoSays("409", "409.010"))
		want := treasury.Answer{Verdict: c.on409, Status: 409, Key: "409.010", Request: "req-1"}
		if c.on409 == treasury.VerdictUnknown {
			want.Doubt = treasury.DoubtDuplicate
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestKinds429: of the keys of a 429, two count calls; the others are refusals of this card, amount or moment.
func TestKinds429(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]treasury.Verdict{
		"": treasury.VerdictThrottled, "429.001": treasury.VerdictThrottled, "429.008": treasury.VerdictThrottled,
		"429.099": treasury.VerdictThrottled,
		"429.002": treasury.VerdictRefused, "429.003": treasury.VerdictRefused, "429.004": treasury.VerdictRefused,
		"429.005": treasury.VerdictRefused, "403.016": treasury.VerdictRefused, "422.052": treasury.VerdictRefused,
	} {
		for _, c := range changingCalls() {
			got := c.answered(t, http.StatusTooManyRequests, tangoSays("429", key))
			if diff := cmp.Diff(treasury.Answer{Verdict: want, Status: 429, Key: key, Request: "req-1"}, got); diff != "" {
				t.Errorf("%s, key %q (-want +got):\n%s", c.name, key, diff)
			}
		}
	}
}

// TestBothSuccesses: 200 and 201 are both accepted; the pages contradict each other.
func TestBothSuccesses(t *testing.T) {
	t.Parallel()
	for _, c := range changingCalls() {
		for _, status := range []int{200, 201} {
			if got := c.answered(t, status, c.reply); got.Verdict != treasury.VerdictDone || got.Status != status {
				t.Errorf("%s, %d: %+v", c.name, status, got)
			}
		}
		for name, body := range map[string]string{
			"empty": "", "null": "null", "list": "[" + c.reply + "]", "object without fields": "{}", "cut": c.reply[:len(c.reply)-1],
			"more behind it": c.reply + "{}", "twice": c.reply[:len(c.reply)-1] + `,"x":1,"x":1}`, "page": "<html>",
			"other case": strings.NewReplacer("oken", "OKEN", "dentifier", "DENTIFIER", "eposit", "EPOSIT").Replace(c.reply),
		} {
			want := treasury.Answer{Verdict: treasury.VerdictUnknown, Doubt: treasury.DoubtUnreadable, Status: 200, Request: "req-1"}
			if diff := cmp.Diff(want, c.answered(t, 200, body)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", c.name, name, diff)
			}
		}
	}
}

// swap gives a reply with one piece of it replaced. The piece must be there.
func swap(t *testing.T, reply, old, with string) string {
	t.Helper()
	if !strings.Contains(reply, old) {
		t.Fatalf("%s is not in the reply", old)
	}
	return strings.Replace(reply, old, with, 1)
}

// TestDepositAnswers: what each change of the answer makes of it.
func TestDepositAnswers(t *testing.T) {
	t.Parallel()
	usd := func(n int64) money.Amount { return money.New(n, "USD") }
	told := func(change func(d *treasury.DepositResult)) *treasury.DepositResult {
		d := &treasury.DepositResult{
			ID: "RAD-260302-5407", Amount: usd(125_000), Charged: usd(129_375), FeePoints: 350,
			Created: time.Date(2026, 3, 2, 10, 0, 1, 500_000_000, time.UTC),
		}
		if change != nil {
			change(d)
		}
		return d
	}
	answer := func(v treasury.Verdict, d *treasury.DepositResult) treasury.Answer {
		return treasury.Answer{Verdict: v, Status: 200, Request: "req-1", Deposit: d}
	}
	unreadable := treasury.Answer{Verdict: treasury.VerdictUnknown, Doubt: treasury.DoubtUnreadable, Status: 200, Request: "req-1"}
	misfit := func(field string, change func(d *treasury.DepositResult)) treasury.Answer {
		a := answer(treasury.VerdictUnknown, told(change))
		a.Doubt, a.Mismatch = treasury.DoubtMismatch, field
		return a
	}
	charged := func(n int64) func(*treasury.DepositResult) {
		return func(d *treasury.DepositResult) { d.Charged = usd(n) }
	}
	const status, charge, fee = `"status":"SUCCESS"`, `"amountCharged":1293.75,`, `"feePercent":3.5,`
	for name, c := range map[string]struct {
		old, with string
		want      treasury.Answer
	}{
		"success":             {"", "", answer(treasury.VerdictDone, told(nil))},
		"title case":          {status, `"status":"Success"`, answer(treasury.VerdictDone, told(nil))},
		"pending":             {status, `"status":"PENDING"`, answer(treasury.VerdictPending, told(nil))},
		"pending, title case": {status, `"status":"Pending"`, answer(treasury.VerdictPending, told(nil))},
		"declined":            {status, `"status":"declined"`, answer(treasury.VerdictDeclined, told(nil))},
		"pending, uncharged":  {charge + fee, `"amountCharged":0,"feePercent":3.5,`, misfit("amountCharged", charged(0))},
		"another status":      {status, `"status":"SETTLED"`, unreadable},
		"empty status":        {status, `"status":""`, unreadable},
		"status is a number":  {status, `"status":1`, unreadable},
		"no status":           {status + ",", "", unreadable},
		"no id":               {`"referenceDepositID":"RAD-260302-5407",`, "", unreadable},
		"empty id":            {"RAD-260302-5407", "", unreadable},
		"id with markup":      {"RAD-260302-5407", "<!channel>", unreadable},
		"another amount":      {`"amount":1250,`, `"amount":1250.01,`, misfit("amount", func(d *treasury.DepositResult) { d.Amount = usd(125_001) })},
		"amount of three":     {`"amount":1250,`, `"amount":1250.001,`, unreadable},
		"amount as text":      {`"amount":1250,`, `"amount":"1250",`, unreadable},
		"amount as exponent":  {`"amount":1250,`, `"amount":1.25e3,`, unreadable},
		"amount with zeros":   {`"amount":1250,`, `"amount":1250.0000,`, answer(treasury.VerdictDone, told(nil))},
		"another reference":   {`"TB-7F3K2M9Q"`, `"TB-00000000"`, misfit("externalRefID", nil)},
		"no reference":        {`,"externalRefID":"TB-7F3K2M9Q"`, "", answer(treasury.VerdictDone, told(nil))},
		"null reference":      {`"TB-7F3K2M9Q"`, "null", answer(treasury.VerdictDone, told(nil))},
		"another account":     {`"A10000001"`, `"A10000002"`, misfit("accountNumber", nil)},
		"no account":          {`"accountNumber":"A10000001",`, "", answer(treasury.VerdictDone, told(nil))},
		"charged a cent more": {"1293.75", "1293.76", answer(treasury.VerdictDone, told(charged(129_376)))},
		"charged a cent less": {"1293.75", "1293.74", answer(treasury.VerdictDone, told(charged(129_374)))},
		"charged two more":    {"1293.75", "1293.77", misfit("amountCharged", charged(129_377))},
		"charged two less":    {"1293.75", "1293.73", misfit("amountCharged", charged(129_373))},
		"charged twice":       {"1293.75", "2587.50", misfit("amountCharged", charged(258_750))},
		"charged a fortune":   {"1293.75", "9999999999999.99", misfit("amountCharged", charged(999_999_999_999_999))},
		"charge is negative":  {"1293.75", "-1293.75", misfit("amountCharged", charged(-129_375))},
		"success, no charge":  {charge, "", unreadable},
		"success, no fee":     {fee, "", unreadable},
		"fee of three":        {fee, `"feePercent":3.505,`, unreadable},
		"fee is negative":     {fee, `"feePercent":-3.5,`, unreadable},
		"fee above the whole": {fee, `"feePercent":100.01,`, unreadable},
		"newest fee":          {charge + fee, `"amountCharged":1286.25,"feePercent":2.9,`, answer(treasury.VerdictDone, told(func(d *treasury.DepositResult) { d.Charged, d.FeePoints = usd(128_625), 290 }))},
		"no fee at all":       {charge + fee, `"amountCharged":1250,"feePercent":0,`, answer(treasury.VerdictDone, told(func(d *treasury.DepositResult) { d.Charged, d.FeePoints = usd(125_000), 0 }))},
		"from before the order": {"2026-03-02T10:00:01.5Z", "2026-03-02T09:54:59Z", misfit("createdDate", func(d *treasury.DepositResult) {
			d.Created = time.Date(2026, 3, 2, 9, 54, 59, 0, time.UTC)
		})},
		"a slow clock": {"2026-03-02T10:00:01.5Z", "2026-03-02T09:56:00Z", answer(treasury.VerdictDone, told(func(d *treasury.DepositResult) {
			d.Created = time.Date(2026, 3, 2, 9, 56, 0, 0, time.UTC)
		}))},
		"no time": {`"createdDate":"2026-03-02T10:00:01.5Z",`, "", unreadable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, changingCalls()[0].answered(t, 200, swap(t, depositReply, c.old, c.with))); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// TestUnsettledDepositTellsLittle: before a deposit is charged, charge and fee may be missing, null or zero.
func TestUnsettledDepositTellsLittle(t *testing.T) {
	t.Parallel()
	const charge, fee = `"amountCharged":1293.75,`, `"feePercent":3.5,`
	for word, want := range map[string]treasury.Verdict{"PENDING": treasury.VerdictPending, "DECLINED": treasury.VerdictDeclined} {
		for _, with := range []string{"", `"amountCharged":null,"feePercent":null,`, `"amountCharged":0,"feePercent":0,`} {
			reply := swap(t, swap(t, depositReply, charge+fee, with), "SUCCESS", word)
			got := changingCalls()[0].answered(t, 200, reply)
			if got.Verdict != want || got.Deposit.ID != "RAD-260302-5407" || got.Deposit.Charged.Hundredths != 0 || got.Deposit.FeePoints != 0 {
				t.Errorf("%s with %q: %+v %+v", word, with, got, got.Deposit)
			}
		}
	}
}

// TestCardAnswers: what each change of the answers about cards makes of them.
func TestCardAnswers(t *testing.T) {
	t.Parallel()
	const register, unregister = 1, 2
	for name, c := range map[string]struct {
		call      int
		old, with string
		want      treasury.Doubt
		mismatch  string
	}{
		"another customer":     {register, `"acme-rewards"`, `"acme-europe"`, treasury.DoubtMismatch, "customerIdentifier"},
		"another account":      {register, `"employee-rewards"`, `"marketing-us"`, treasury.DoubtMismatch, "accountIdentifier"},
		"another card":         {register, `"1111"`, `"4444"`, treasury.DoubtMismatch, "lastFourDigits"},
		"another label":        {register, `"Ops `, `"ops `, treasury.DoubtMismatch, "label"},
		"another month":        {register, `"2029-04"`, `"2029-05"`, treasury.DoubtMismatch, "expirationDate"},
		"no token":             {register, `"token":"5b0f5a3e-1111-4222-8333-944455556666",`, ``, treasury.DoubtUnreadable, ""},
		"empty token":          {register, `5b0f5a3e-1111-4222-8333-944455556666`, ``, treasury.DoubtUnreadable, ""},
		"five digits":          {register, `"1111"`, `"11111"`, treasury.DoubtUnreadable, ""},
		"the whole number":     {register, `"1111"`, `"` + visa + `"`, treasury.DoubtUnreadable, ""},
		"number for a token":   {register, `5b0f5a3e-1111-4222-8333-944455556666`, visa, treasury.DoubtUnreadable, ""},
		"number for a contact": {register, `Grace O'Hopper`, visa, treasury.DoubtUnreadable, ""},
		"unreadable time":      {register, `"2026-03-05T10:00:01.28Z"`, `"soon"`, treasury.DoubtUnreadable, ""},
		"removed at once":      {register, `"ACTIVE"`, `"DELETED"`, treasury.DoubtNone, ""},
		"another removed":      {unregister, cardToken, "0b1d6c1e-3f52-4a9e-9a37-5d0c4f7e1a02", treasury.DoubtMismatch, "token"},
		"removal without word": {unregister, `"message":"Credit card unregistered",`, ``, treasury.DoubtNone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := changingCalls()[c.call]
			got := call.answered(t, call.status, swap(t, call.reply, c.old, c.with))
			want := treasury.VerdictUnknown
			if c.want == treasury.DoubtNone {
				want = treasury.VerdictDone
			}
			if got.Verdict != want || got.Doubt != c.want || got.Mismatch != c.mismatch || (got.Card != nil) != (want == treasury.VerdictDone) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestCardsThatCome: the card of an answer is what later requests speak of.
func TestCardsThatCome(t *testing.T) {
	t.Parallel()
	at := func(day int) time.Time { return time.Date(2026, 3, day, 10, 0, 1, 280_000_000, time.UTC) }
	calls := changingCalls()
	if diff := cmp.Diff(&treasury.Card{
		Token: "5b0f5a3e-1111-4222-8333-944455556666", Label: `Ops "Visa" <2> \ é`, LastFour: "1111", Expires: "2029-04",
		Status: treasury.CardActive, Customer: "acme-rewards", Account: "employee-rewards", AccountNumber: "A10000001",
		Contacts: []treasury.Contact{{Name: "Grace O'Hopper", Email: "grace@acme.example"}}, Created: at(2), ActiveFrom: at(5),
	}, calls[1].answered(t, 201, calls[1].reply).Card); diff != "" {
		t.Errorf("registered (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&treasury.Card{
		Token: cardToken, Label: "Corporate Visa", LastFour: "1111", Expires: "2031-12", Status: treasury.CardDeleted,
		Customer: "acme-rewards", Account: "employee-rewards", AccountNumber: "A10000001",
	}, calls[2].answered(t, 200, calls[2].reply).Card); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
}

// TestBookAnswers: identifiers must fit; what else is told must, and need not be told.
func TestBookAnswers(t *testing.T) {
	t.Parallel()
	const customer, account, update = 3, 4, 5
	full := `{"customerIdentifier":"acme-asia","displayName":"ACME","status":"active","createdAt":"2026-03-02T10:00:00Z"}`
	for name, c := range map[string]struct {
		call     int
		reply    string
		mismatch string
	}{
		"whole customer":            {customer, full, ""},
		"identifier alone":          {customer, `{"customerIdentifier":"acme-asia"}`, ""},
		"another customer":          {customer, `{"customerIdentifier":"acme-asia2"}`, "customerIdentifier"},
		"whole account":             {account, strings.NewReplacer("employee-rewards", "field-events", `"USD"`, `"CAD"`).Replace(updateReply), ""},
		"account's identifier":      {account, `{"accountIdentifier":"field-events"}`, ""},
		"another account":           {account, `{"accountIdentifier":"field-event"}`, "accountIdentifier"},
		"another currency":          {account, `{"accountIdentifier":"field-events","currencyCode":"USD"}`, "currencyCode"},
		"updated, identifier alone": {update, `{"accountIdentifier":"employee-rewards"}`, ""},
		"another updated":           {update, strings.Replace(updateReply, "employee-rewards", "marketing-us", 1), "accountIdentifier"},
		"name not taken":            {update, strings.Replace(updateReply, "Rewards of Employees", "Employee Rewards", 1), "displayName"},
		"address not taken":         {update, strings.Replace(updateReply, "NEW@", "old@", 1), "contactEmail"},
		"list not taken":            {update, strings.Replace(updateReply, "c@acme", "d@acme", 1), "fundingNotification"},
		"list empty":                {update, strings.Replace(updateReply, `{"emailAddress":"c@acme.example"}`, "", 1), "fundingNotification"},
		"list not told":             {update, strings.Replace(updateReply, `[{"emailAddress":"c@acme.example"}]`, "null", 1), ""},
		"list in capitals":          {update, strings.Replace(updateReply, "c@acme", "C@Acme", 1), ""},
		"no balance":                {update, strings.Replace(updateReply, `24500`, "null", 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := treasury.Answer{Verdict: treasury.VerdictDone, Status: 201, Request: "req-1", Mismatch: c.mismatch}
			if c.mismatch != "" {
				want.Verdict, want.Doubt = treasury.VerdictUnknown, treasury.DoubtMismatch
			}
			if diff := cmp.Diff(want, changingCalls()[c.call].answered(t, 201, c.reply)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}
