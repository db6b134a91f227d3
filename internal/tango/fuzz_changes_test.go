package tango

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// FuzzDepositAnswer: no body makes a verdict that the order does not bear out.
func FuzzDepositAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"referenceDepositID":"RAD-180426-5407","amount":1.25,"amountCharged":1.29,"feePercent":3.5,"createdDate":"2018-04-26T18:56:28.28Z",` +
			`"status":"SUCCESS","accountNumber":"A32386768"}`,
		`{"referenceDepositID":"RAD-180426-5407","amount":1.25,"createdDate":"2018-04-26T18:56:28.28Z","status":"Pending","externalRefID":"TB-1"}`,
		`{"referenceDepositID":"x","amount":1.250,"amountCharged":null,"feePercent":100.00,"createdDate":"2018-04-26T18:56:28Z","status":"declined"}`,
		`{"referenceDepositID":"x","amount":1e2,"status":"SUCCESS"}`, `[]`, `{`, `{"amount":1,"Amount":2}`,
	} {
		f.Add(200, seed)
		f.Add(429, seed)
	}
	f.Add(429, `{"httpCode":429,"i18nKey":"429.003"}`)
	f.Add(409, `{"httpCode":409,"errors":[{"i18nKey":"409.001"}]}`)
	o := treasury.Order{Reference: "TB-1", NotBefore: time.Date(2018, 4, 26, 0, 0, 0, 0, time.UTC), Action: treasury.Action{
		Kind: treasury.ActionDeposit,
		Deposit: &treasury.Deposit{
			Customer: "acme", Account: treasury.AccountRef{ID: "a", Number: "A32386768"}, Card: treasury.CardRef{Token: "t"}, Amount: money.New(125, "USD"),
		},
	}}
	f.Fuzz(func(t *testing.T, status int, text string) {
		s := sent{connections: 1, status: status, header: http.Header{"Content-Type": {"application/json"}}, body: []byte(text), whole: true}
		a := judgeChange(s, conflictDoubt, func(f *fields, a *treasury.Answer) { judgeDeposit(o, f, a) })
		settled := a.Verdict == treasury.VerdictDone || a.Verdict == treasury.VerdictPending || a.Verdict == treasury.VerdictDeclined
		switch {
		case settled && (status != 200 && status != 201 || a.Deposit == nil || a.Deposit.Amount != o.Action.Deposit.Amount || !isHandle(a.Deposit.ID)):
			t.Errorf("%s of %d %q: %+v", a.Verdict, status, text, a.Deposit)
		case a.Verdict == treasury.VerdictDone && (a.Deposit.Charged.Hundredths < 124 || a.Deposit.Charged.Hundredths > 251):
			t.Errorf("charged %s for 1.25", a.Deposit.Charged)
		case a.Verdict == treasury.VerdictUnsent:
			t.Error("an answer proves a connection")
		case (a.Verdict == treasury.VerdictUnknown) != (a.Doubt != treasury.DoubtNone):
			t.Errorf("%s with doubt %q", a.Verdict, a.Doubt)
		case (a.Doubt == treasury.DoubtMismatch) != (a.Mismatch != ""):
			t.Errorf("%s with mismatch %q", a.Doubt, a.Mismatch)
		}
	})
}

// FuzzCardAnswer: no body brings a card's number in.
func FuzzCardAnswer(f *testing.F) {
	f.Add(`{"customerIdentifier":"c","accountIdentifier":"a","accountNumber":"A1","token":"t","label":"l","lastFourDigits":"1111",` +
		`"expirationDate":"2029-04","status":"ACTIVE","createdDate":"2026-03-02T10:00:01.28Z","activationDate":"2026-03-02T10:00:01.28Z",` +
		`"contactInformation":[{"fullName":"n","emailAddress":"e@x.example"}]}`)
	f.Add(`{"customerIdentifier":"c","accountIdentifier":"a","token":"4111111111111111","label":"l","lastFourDigits":"1111","expirationDate":"2029-04","status":""}`)
	f.Add(`{"lastFourDigits":"4111111111111111"}`)
	o := treasury.Order{Action: treasury.Action{Kind: treasury.ActionRegisterCard, RegisterCard: &treasury.RegisterCard{
		Customer: "c", Account: treasury.AccountRef{ID: "a"}, Label: "l",
	}}}
	card := treasury.CardDetails{Number: treasury.NewSecret("4111111111111111"), Expires: "2029-04"}
	f.Fuzz(func(t *testing.T, text string) {
		s := sent{connections: 1, status: 201, header: http.Header{"Content-Type": {"application/json"}}, body: []byte(text), whole: true}
		a := judgeChange(s, conflictDoubt, func(f *fields, a *treasury.Answer) { judgeRegistered(o, card, f, a) })
		if (a.Card != nil) != (a.Verdict == treasury.VerdictDone) {
			t.Fatalf("%s with card %+v", a.Verdict, a.Card)
		}
		if a.Card != nil && (holds(*a.Card, "4111111111111111") || a.Card.LastFour != "1111" || a.Card.Label != "l" || a.Card.Token == "") {
			t.Errorf("card %+v", a.Card)
		}
	})
}

// FuzzDrawing: a body is JSON, whatever is typed, and says what was typed.
func FuzzDrawing(f *testing.F) {
	for _, seed := range []string{"", `"\`, "\x00\x1f\x7f", "\u2028<é>", "\xff\xfe", "日本", "\U0001F600"} {
		f.Add(seed, "x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		d := newDrawing(len(a) + len(b))
		room := cap(d.b)
		d.open("", '{')
		d.text("a", a)
		d.textIf("b", b)
		d.number("n", "1.00")
		d.emails("l", []string{a, b})
		d.shut('}')
		if cap(d.b) != room {
			t.Errorf("the buffer grew from %d to %d, and left a copy behind", room, cap(d.b))
		}
		var got struct {
			A, B string
			L    []struct{ EmailAddress string }
			N    json.Number
		}
		if err := json.Unmarshal(d.b, &got); err != nil {
			t.Fatalf("%q: %v", d.b, err)
		}
		want := []string{string([]rune(a)), string([]rune(b))} // with what is not UTF-8 replaced
		if got.A != want[0] || got.B != want[1] || got.N != "1.00" || len(got.L) != 2 || got.L[0].EmailAddress != want[0] {
			t.Errorf("%q: %+v", d.b, got)
		}
	})
}
