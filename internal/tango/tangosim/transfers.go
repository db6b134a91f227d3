package tangosim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"time"
	"unicode/utf8"
)

// wireTransfer is what a transfer asks for.
type wireTransfer struct {
	From      string      `json:"transferFrom"`
	To        string      `json:"transferTo"`
	Amount    json.Number `json:"amount"`
	Notes     *string     `json:"transferNotes"`
	Reference *string     `json:"externalRefID"`
}

type wireTransferred struct {
	Date      string       `json:"transferDate"`
	Amount    decimal      `json:"transferredAmount"`
	Notes     string       `json:"transferNotes"`
	Reference string       `json:"externalRefID,omitempty"`
	From      wireMovedEnd `json:"transferFrom"`
	To        wireMovedEnd `json:"transferTo"`
}

type wireMovedEnd struct {
	ID       string  `json:"accountIdentifier"`
	Number   string  `json:"accountNumber"`
	Name     string  `json:"displayName"`
	Currency string  `json:"currencyCode"`
	Start    decimal `json:"startingBalance"`
	End      decimal `json:"endingBalance"`
	Status   string  `json:"status"`
	Email    string  `json:"contactEmail"`
}

func readBody(r *http.Request) []byte {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20)) // what came is what counts
	return body
}

func (s *Sim) postTransfer(c *call) {
	var t wireTransfer
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.UseNumber()
	if err := d.Decode(&t); err != nil {
		c.fail(http.StatusBadRequest, "400.501", "JSON parse error")
		return
	}
	s.transfer(c, t)
}

// getTransfer is the form of the older pages.
func (s *Sim) getTransfer(c *call) {
	q := c.r.URL.Query()
	t := wireTransfer{From: q.Get("transferFrom"), To: q.Get("transferTo"), Amount: json.Number(q.Get("amount"))}
	if q.Has("transferNotes") {
		notes := q.Get("transferNotes")
		t.Notes = &notes
	}
	if q.Has("externalRefID") {
		reference := q.Get("externalRefID")
		t.Reference = &reference
	}
	s.transfer(c, t)
}

func (s *Sim) transfer(c *call, t wireTransfer) {
	amount, ok := cents(t.Amount.String())
	notes, reference := "", ""
	if t.Notes != nil {
		notes = *t.Notes
	}
	if t.Reference != nil {
		reference = *t.Reference
	}
	from, to := s.account(t.From), s.account(t.To)
	switch {
	case t.From == "":
		c.invalid("transferFrom", "422.128", "must not be null", "")
	case t.To == "":
		c.invalid("transferTo", "422.128", "must not be null", "")
	case !ok:
		c.invalid("amount", "422.140", "At most two decimals", t.Amount.String())
	case amount <= 0:
		c.invalid("amount", "422.141", "must be above zero", t.Amount.String())
	case utf8.RuneCountInString(notes) > 150:
		c.invalid("transferNotes", "422.126", "At most 150 characters", "")
	case len(reference) > 100:
		c.invalid("externalRefID", "422.126", "At most 100 characters", "")
	case from == nil || to == nil:
		c.fail(http.StatusBadRequest, "404.004", "Account not found or inactive")
	case from == to:
		c.invalid("transferTo", "400.001", "Accounts must differ", t.To)
	case from.Status != "ACTIVE" || to.Status != "ACTIVE":
		c.fail(http.StatusBadRequest, "422.156", "Account must have status ACTIVE")
	case from.Currency != to.Currency:
		c.fail(http.StatusBadRequest, "422.003", "Currencies differ")
	case reference != "" && s.state.Used[from.ID+"/"+reference]:
		c.fail(http.StatusConflict, "", "externalRefID is not unique: duplicate funding request")
	case from.Cents < amount:
		c.fail(http.StatusBadRequest, "402.001", "Insufficient funds")
	default:
		s.execute(c, from, to, amount, notes, reference)
	}
}

func (s *Sim) execute(c *call, from, to *account, amount int64, notes, reference string) {
	m := Movement{Reference: reference, From: from.ID, To: to.ID, Cents: amount, Notes: notes, At: c.now}
	if c.fault != nil && c.fault.Late > 0 {
		s.state.Late = append(s.state.Late, lateMovement{Due: c.now.Add(c.fault.Late), Movement: m})
		c.fault.drop(c)
		return
	}
	answer := wireTransferred{
		Date: stamp(c.now), Amount: decimal(amount), Notes: notes, Reference: reference,
		From: end(from), To: end(to),
	}
	s.move(m)
	if c.fault != nil && c.fault.Twice {
		s.move(m)
	}
	answer.From.End, answer.To.End = decimal(from.Cents), decimal(to.Cents)
	if c.fault != nil && c.fault.Echo != nil {
		c.fault.Echo(&answer)
	}
	status := s.config.TransferStatus
	if status == 0 {
		status = http.StatusOK
	}
	c.json(status, answer)
}

func end(a *account) wireMovedEnd {
	return wireMovedEnd{
		ID: a.ID, Number: a.Number, Name: a.Name, Currency: a.Currency, Start: decimal(a.Cents), Status: a.Status, Email: a.Email,
	}
}

// move moves money; the lock is held.
func (s *Sim) move(m Movement) {
	if a := s.account(m.From); a != nil {
		a.Cents -= m.Cents
	}
	if a := s.account(m.To); a != nil {
		a.Cents += m.Cents
	}
	if m.Reference != "" {
		s.state.Used[m.From+"/"+m.Reference] = true
	}
	s.state.Movements = append(s.state.Movements, m)
	s.changed()
}

// lateMovement was accepted, but happens only when its time has come.
type lateMovement struct {
	Due      time.Time `json:"due"`
	Movement Movement  `json:"movement"`
}

// settleLate carries out what has become due; the lock is held.
func (s *Sim) settleLate() {
	now := s.config.Clock()
	rest := s.state.Late[:0]
	for _, l := range s.state.Late {
		if l.Due.After(now) {
			rest = append(rest, l)
			continue
		}
		l.Movement.At = now.UTC()
		s.move(l.Movement)
	}
	s.state.Late = rest
}
