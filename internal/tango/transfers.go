package tango

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// clockSkew is how much earlier than the start of the attempt an answer's transferDate may be.
const clockSkew = 5 * time.Minute

// wireTransfer is the body of POST /transferFunds.
type wireTransfer struct {
	From      string      `json:"transferFrom"`
	To        string      `json:"transferTo"`
	Amount    json.Number `json:"amount"` // a number with two decimals: the reference's type, exact on every reader
	Notes     string      `json:"transferNotes,omitempty"`
	Reference string      `json:"externalRefID,omitempty"` // newer than the older pages, which ignore it
}

// transferBody draws the order as JSON.
func transferBody(o treasury.TransferOrder) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(wireTransfer{From: o.From, To: o.To, Amount: json.Number(o.Amount.Decimal()), Notes: o.Notes, Reference: o.Reference})
	if err != nil {
		return nil, fmt.Errorf("drawing a transfer: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// transferQuery draws the order as the query of GET /transferFunds.
func transferQuery(o treasury.TransferOrder) string {
	q := url.Values{}
	q.Set("transferFrom", o.From)
	q.Set("transferTo", o.To)
	q.Set("amount", o.Amount.Decimal())
	set(q, "transferNotes", o.Notes)
	set(q, "externalRefID", o.Reference)
	return q.Encode()
}

// checkOrder refuses what can not be sent, or not be recognised in an answer.
func checkOrder(o treasury.TransferOrder) error {
	bad := func(field string) error { return fmt.Errorf("a transfer's %s: %w", field, treasury.ErrInvalid) }
	switch {
	case o.From == "" || o.To == "" || o.From == o.To || !utf8.ValidString(o.From+o.To):
		return bad("accounts")
	case !o.Amount.IsPositive() || o.Amount.Hundredths > money.MaxHundredths || !o.Amount.Currency.IsValid():
		return bad("amount")
	case utf8.RuneCountInString(o.Notes) > 150 || !utf8.ValidString(o.Notes):
		return bad("notes")
	case len(o.Reference) > 100 || !utf8.ValidString(o.Reference): // the bound is that of orders; funding has none on the pages
		return bad("reference")
	}
	return nil
}

// judge says what is known after a send. VerdictDone, VerdictRefused and VerdictThrottled each need Tango's own words,
// VerdictUnsent the proof that there was no connection. A 404 and a 422 are no definite answers to a transfer, so even in
// Tango's words they leave doubt; and so does a 409, because it says that the reference was used, and not by which try.
func judge(o treasury.TransferOrder, s sent) treasury.Answer {
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
	case s.connections != 1: // or none, and an answer all the same: then the count proves nothing
		a.Doubt = treasury.DoubtResent
	case status == 0:
		a.Doubt = treasury.DoubtNoAnswer
	case status == http.StatusOK || status == http.StatusCreated: // the reference says 200, the older pages 201
		return judgeEcho(o, s, a)
	case status >= 300 && status < 400:
		a.Doubt = treasury.DoubtRedirect
	case status >= 500:
		a.Doubt = treasury.DoubtServer
	case !own:
		a.Doubt = treasury.DoubtStatus
	case status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusForbidden:
		a.Verdict = treasury.VerdictRefused
	case status == http.StatusTooManyRequests:
		a.Verdict = treasury.VerdictThrottled
	case status == http.StatusConflict:
		a.Doubt = treasury.DoubtDuplicate
	default:
		a.Doubt = treasury.DoubtStatus
	}
	return a
}

// judgeEcho compares a success, field by field, with the order.
func judgeEcho(o treasury.TransferOrder, s sent, a treasury.Answer) treasury.Answer {
	var e echo
	ok := s.whole && isJSON(s.header)
	if ok {
		e, ok = readEcho(s.body, o.Amount.Currency)
	}
	if !ok {
		a.Doubt = treasury.DoubtUnreadable
		return a
	}
	if a.Mismatch = e.differs(o); a.Mismatch != "" {
		a.Doubt = treasury.DoubtMismatch
		return a
	}
	a.Verdict = treasury.VerdictDone
	a.Moved, a.At = e.amount, e.at
	a.FromBefore, a.FromAfter, a.FromName = e.from.start, e.from.end, e.from.name
	a.ToBefore, a.ToAfter, a.ToName = e.to.start, e.to.end, e.to.name
	return a
}

// echo is what a success tells of the transfer.
type echo struct {
	at           time.Time
	amount       money.Amount
	notes        string
	reference    string
	hasReference bool // the older pages have none, so it may be missing
	from, to     echoEnd
}

type echoEnd struct {
	id, name   string
	currency   string
	start, end money.Amount
}

func readEcho(body []byte, currency money.Currency) (echo, bool) {
	v, err := parse(body)
	if err != nil {
		return echo{}, false
	}
	f, err := fieldsOf(v)
	if err != nil {
		return echo{}, false
	}
	e := echo{
		at: f.moment("transferDate"), amount: f.amount("transferredAmount", currency), notes: f.text("transferNotes"),
		from: readEnd(f.inner("transferFrom"), currency), to: readEnd(f.inner("transferTo"), currency),
	}
	e.reference, e.hasReference = f.optional("externalRefID")
	return e, f.failed() == nil
}

func readEnd(f *fields, currency money.Currency) echoEnd {
	e := echoEnd{
		id: f.text("accountIdentifier"), currency: f.text("currencyCode"),
		start: f.amount("startingBalance", currency), end: f.amount("endingBalance", currency),
	}
	e.name, _ = f.optional("displayName")
	return e
}

// differs names the first field that does not fit the order, as Tango calls it.
func (e echo) differs(o treasury.TransferOrder) string {
	left, leftErr := e.from.start.Sub(e.from.end)
	came, cameErr := e.to.end.Sub(e.to.start)
	for _, check := range []struct {
		field string
		fits  bool
	}{
		{"transferredAmount", e.amount == o.Amount},
		{"transferFrom.accountIdentifier", e.from.id == o.From},
		{"transferTo.accountIdentifier", e.to.id == o.To},
		{"transferFrom.currencyCode", e.from.currency == string(o.Amount.Currency)},
		{"transferTo.currencyCode", e.to.currency == string(o.Amount.Currency)},
		{"transferNotes", e.notes == o.Notes},
		{"externalRefID", !e.hasReference || e.reference == o.Reference},
		{"transferDate", !e.at.Before(o.NotBefore.Add(-clockSkew))},
		{"transferFrom.endingBalance", leftErr == nil && left == o.Amount},
		{"transferTo.endingBalance", cameErr == nil && came == o.Amount},
	} {
		if !check.fits {
			return check.field
		}
	}
	return ""
}
