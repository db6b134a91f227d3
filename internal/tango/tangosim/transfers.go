package tangosim

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// transferOrder is what a transfer asks for. amount is as it came.
type transferOrder struct {
	from, to, amount, notes, reference string
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
	t, ok := readTransfer(c.body)
	if !ok {
		c.fail(http.StatusBadRequest, "400.501", "JSON parse error")
		return
	}
	s.transfer(c, t)
}

// readTransfer takes names as they are written, letter by letter, texts only as strings and the amount only as a number.
func readTransfer(body []byte) (t transferOrder, ok bool) {
	var named map[string]json.RawMessage
	if json.Unmarshal(body, &named) != nil {
		return t, false
	}
	for name, target := range map[string]*string{
		"transferFrom": &t.from, "transferTo": &t.to, "transferNotes": &t.notes, "externalRefID": &t.reference,
	} {
		if raw, given := named[name]; given && json.Unmarshal(raw, target) != nil {
			return t, false
		}
	}
	t.amount = string(named["amount"])
	return t, !strings.HasPrefix(t.amount, `"`)
}

// getTransfer is the form of the older pages.
func (s *Sim) getTransfer(c *call) {
	q := c.r.URL.Query()
	s.transfer(c, transferOrder{
		from: q.Get("transferFrom"), to: q.Get("transferTo"), amount: q.Get("amount"), notes: q.Get("transferNotes"),
		reference: q.Get("externalRefID"),
	})
}

func (s *Sim) transfer(c *call, t transferOrder) {
	amount, ok := cents(t.amount)
	from, to := s.account(t.from), s.account(t.to)
	switch {
	case t.from == "":
		c.invalid("transferFrom", "422.128", "must not be null", "")
	case t.to == "":
		c.invalid("transferTo", "422.128", "must not be null", "")
	case !ok:
		c.invalid("amount", "422.140", "At most two decimals", t.amount)
	case amount <= 0:
		c.invalid("amount", "422.141", "must be above zero", t.amount)
	case utf8.RuneCountInString(t.notes) > 150:
		c.invalid("transferNotes", "422.126", "At most 150 characters", "")
	case len(t.reference) > 100:
		c.invalid("externalRefID", "422.126", "At most 100 characters", "")
	case from == nil || to == nil:
		c.fail(http.StatusNotFound, "404.003", "Account not found")
	case from == to:
		c.invalid("transferTo", "400.001", "Accounts must differ", t.to)
	case from.Status != "ACTIVE" || to.Status != "ACTIVE":
		c.fail(http.StatusBadRequest, "422.156", "Account must have status ACTIVE")
	case from.Currency != to.Currency:
		c.fail(http.StatusBadRequest, "422.003", "Currencies differ")
	case t.reference != "" && s.state.Used[from.ID+"/"+t.reference]:
		c.fail(http.StatusConflict, "", "externalRefID is not unique: duplicate funding request")
	case from.Cents < amount:
		c.fail(http.StatusBadRequest, "402.001", "Insufficient funds")
	default:
		s.execute(c, from, to, amount, t)
	}
}

func (s *Sim) execute(c *call, from, to *account, amount int64, t transferOrder) {
	m := Movement{Reference: t.reference, From: from.ID, To: to.ID, Cents: amount, Notes: t.notes, At: c.now}
	if c.fault != nil && c.fault.Late > 0 {
		s.state.Late = append(s.state.Late, lateMovement{Due: c.now.Add(c.fault.Late), Movement: m})
		c.fault.drop(c)
		return
	}
	answer := wireTransferred{
		Date: stamp(c.now), Amount: decimal(amount), Notes: t.notes, Reference: t.reference,
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
	if m.Reference != "" && m.From != "" { // a deposit's was used when it was taken
		s.state.Used[m.From+"/"+m.Reference] = true
	}
	s.state.Movements = append(s.state.Movements, m)
	s.changed()
}

// lateMovement waits, and happens only when its time has come: unless its reference was used by then.
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
		if ref := l.Movement.Reference; ref == "" || !s.state.Used[l.Movement.From+"/"+ref] {
			l.Movement.At = now.UTC()
			s.move(l.Movement)
		}
	}
	s.state.Late = rest
}
