package tangosim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// Fault is what goes wrong with one call. The zero Fault harms nothing; set one of the fields.
type Fault struct {
	// On names the calls: "POST /transferFunds", or "" for the next transfer in either form.
	On string

	DropBefore, DropAfter   bool                   // close the connection before or after the call is carried out
	ResetBefore, ResetAfter bool                   // the same with a reset instead of an orderly close
	HangAfter               bool                   // carry out, then answer only when the client has given up
	Delay                   time.Duration          // answer so much later, in real time
	StatusBefore            int                    // answer this status with Tango's JSON error, and carry nothing out
	Key                     string                 // its i18nKey
	Plain                   bool                   // with StatusBefore or StatusAfter: HTML instead of JSON
	StatusAfter             int                    // carry out, then answer this status
	Location                string                 // with StatusAfter 3xx
	Body                    []byte                 // carry out, then answer 200 with this body
	Truncate                bool                   // carry out, then send half of the answer and close
	Huge                    bool                   // carry out, then answer with megabytes of spaces before the JSON
	Late                    time.Duration          // carry out a transfer or deposit so much later on the clock, and drop the answer now
	Twice                   bool                   // an intermediary carries a transfer or deposit out twice
	Echo                    func(*wireTransferred) // carry out, then answer with this changed: one of the Echo functions
	Edit                    func(map[string]any)   // the same for any call: EditField, EditDrop or a function of the test's
}

// EditField gives a field of the answer another value.
func EditField(name string, value any) func(map[string]any) {
	return func(answer map[string]any) { answer[name] = value }
}

// EditDrop leaves a field out of the answer.
func EditDrop(name string) func(map[string]any) {
	return func(answer map[string]any) { delete(answer, name) }
}

// edited changes an answer that is an object.
func edited(body []byte, edit func(map[string]any)) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var answer map[string]any
	if d.Decode(&answer) != nil {
		return body
	}
	edit(answer)
	changed, err := json.Marshal(answer)
	if err != nil {
		panic(fmt.Sprintf("an edit that does not encode: %v", err))
	}
	return changed
}

// EchoAmount says that another amount moved.
func EchoAmount(t *wireTransferred) { t.Amount++ }

// EchoSwap names the accounts the other way round.
func EchoSwap(t *wireTransferred) { t.From, t.To = t.To, t.From }

// EchoNotes carries somebody else's notes.
func EchoNotes(t *wireTransferred) { t.Notes = "another transfer" }

// EchoReference carries somebody else's reference.
func EchoReference(t *wireTransferred) { t.Reference = "TB-00000000" }

// EchoNoReference carries none, as the older pages have it. That is not wrong.
func EchoNoReference(t *wireTransferred) { t.Reference = "" }

// EchoBalance has balances of the source that do not fit the amount.
func EchoBalance(t *wireTransferred) { t.From.End-- }

// EchoGain has balances of the destination that do not fit the amount.
func EchoGain(t *wireTransferred) { t.To.End++ }

// EchoOld is an answer of long ago, as a cache would give it.
func EchoOld(t *wireTransferred) { t.Date = "2001-01-01T00:00:00Z" }

// EchoCurrency names another currency on the source's side.
func EchoCurrency(t *wireTransferred) { t.From.Currency = "MXN" }

// EchoToCurrency names another currency on the destination's side.
func EchoToCurrency(t *wireTransferred) { t.To.Currency = "MXN" }

// Arm lines up faults for the next calls that they name, one call each.
func (s *Sim) Arm(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &f)
	}
	s.changed()
}

// Disarm forgets all faults.
func (s *Sim) Disarm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	s.changed()
}

// Armed counts the faults that wait for their call.
func (s *Sim) Armed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.faults)
}

func (s *Sim) takeFault(pattern string) *Fault {
	for i, f := range s.faults {
		if f.On == pattern || f.On == "" && strings.HasSuffix(pattern, "/transferFunds") {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			s.changed()
			return f
		}
	}
	return nil
}

// before applies what goes wrong before the call is carried out, and reports whether it is over.
func (f *Fault) before(c *call) bool {
	switch {
	case f.DropBefore:
		f.drop(c)
	case f.ResetBefore:
		reset(c.w)
	case f.StatusBefore != 0 && f.Plain:
		html(c.w, f.StatusBefore)
	case f.StatusBefore != 0:
		status, key := f.StatusBefore, f.Key
		c.fault = nil
		c.fail(status, key, "fault")
	default:
		return false
	}
	return true
}

// after applies what goes wrong with the answer, and reports whether the usual answer is off.
func (f *Fault) after(c *call, _ int, body []byte) bool {
	if f.Delay > 0 {
		c.wait(f.Delay)
	}
	switch {
	case f.DropAfter:
		f.drop(c)
	case f.ResetAfter:
		reset(c.w)
	case f.HangAfter:
		c.wait(time.Minute)
		f.drop(c)
	case f.StatusAfter != 0:
		if f.Location != "" {
			c.w.Header().Set("Location", f.Location)
		}
		html(c.w, f.StatusAfter)
	case f.Body != nil:
		c.w.Header().Set("Content-Type", "application/json")
		_, _ = c.w.Write(f.Body) //nolint:gosec // what a test armed; the fault is the point
	case f.Truncate:
		c.w.Header().Set("Content-Type", "application/json")
		c.w.Header().Set("Content-Length", "100000")
		_, _ = c.w.Write(body[:len(body)/2])
		_ = http.NewResponseController(c.w).Flush() // else the end of the connection takes the half with it
		f.drop(c)
	case f.Huge:
		c.w.Header().Set("Content-Type", "application/json")
		_, _ = c.w.Write(append(bytes.Repeat([]byte(" "), 4<<20), body...))
	default:
		return false
	}
	return true
}

// wait lets real time pass, or ends when the client has gone. Other calls go on meanwhile: the lock is given up.
func (c *call) wait(d time.Duration) {
	c.sim.mu.Unlock()
	defer c.sim.mu.Lock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.r.Context().Done():
	}
}

// drop ends the connection without an answer.
func (f *Fault) drop(*call) { panic(http.ErrAbortHandler) }

// reset ends the connection so that the client sees a reset.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the close is an orderly one, which is a fault too
	}
	_ = conn.Close() // the end of the connection is the point
}

func html(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<html><body>an intermediary's page</body></html>"))
}
