package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

// What can go wrong with a call that changes something at Tango.
const (
	sendDropped   fault = "call lost"
	sendCut       fault = "answer lost"
	sendReset     fault = "reset after"
	sendServer    fault = "5xx, not done"
	sendServerOn  fault = "5xx, done"
	sendRedirect  fault = "redirected, done"
	sendGarbage   fault = "garbage, done"
	sendTruncated fault = "half an answer"
	sendOther     fault = "answer of another"
	sendOld       fault = "old answer"
	sendRefused   fault = "refused"
	sendConflict  fault = "conflict"
	sendLimited   fault = "too many calls"
	sendHangs     fault = "hangs, not done"
	sendHangsOn   fault = "hangs, done"
	sendLate      fault = "done late"
	sendVeryLate  fault = "done very late"
	sendTwice     fault = "done twice"

	closedByPeople fault = "closed by people" // not a fault: what the truth notes of a request
)

func sendFaults() []fault {
	return []fault{
		sendDropped, sendCut, sendReset, sendServer, sendServerOn, sendRedirect, sendGarbage, sendTruncated, sendOther, sendOld, sendRefused,
		sendConflict, sendLimited, sendHangs, sendHangsOn, sendLate, sendVeryLate, sendTwice,
	}
}

// tangoFault arms the simulated Tango for one call.
func (w *world) tangoFault(f fault, money bool) tangosim.Fault {
	switch f {
	case sendDropped:
		return tangosim.Fault{DropBefore: true}
	case sendCut:
		return tangosim.Fault{DropAfter: true}
	case sendReset:
		return tangosim.Fault{ResetAfter: true}
	case sendServer:
		return tangosim.Fault{StatusBefore: 503, Key: "503.501"}
	case sendServerOn:
		return tangosim.Fault{StatusAfter: 500}
	case sendRedirect:
		return tangosim.Fault{StatusAfter: 307, Location: "/elsewhere"}
	case sendGarbage:
		return tangosim.Fault{Body: []byte("<html>")}
	case sendTruncated:
		return tangosim.Fault{Truncate: true}
	case sendOther:
		return tangosim.Fault{Edit: func(answer map[string]any) {
			for name, value := range answer {
				switch value.(type) {
				case string:
					answer[name] = "another"
				case json.Number:
					answer[name] = 1
				}
			}
		}}
	case sendOld:
		return tangosim.Fault{Edit: func(answer map[string]any) {
			for _, name := range []string{"transferDate", "createdDate"} {
				if answer[name] != nil {
					answer[name] = "2001-01-01T00:00:00Z"
				}
			}
		}}
	case sendRefused:
		return tangosim.Fault{StatusBefore: 400, Key: "400.001"}
	case sendConflict:
		return tangosim.Fault{StatusBefore: 409, Key: "409.001"}
	case sendLimited:
		return tangosim.Fault{StatusBefore: 429, Key: "429.001"}
	case sendLate, sendVeryLate, sendTwice:
		late := 10*time.Second + time.Duration(w.rng.Int64N(int64(mostLate-10*time.Second)))
		switch {
		case !money: // the simulated Tango knows these of money alone
		case f == sendTwice:
			return tangosim.Fault{Twice: true, DropAfter: w.rng.IntN(2) == 0}
		case f == sendVeryLate:
			return tangosim.Fault{Late: time.Hour + 40*late}
		default:
			return tangosim.Fault{Late: late}
		}
	default:
	}
	return tangosim.Fault{}
}

// tangoGate stands before the simulated Tango: what has arrived there waits for its turn, and happens even when whoever sent
// it is dead by then.
type tangoGate struct{ world *world }

func (g tangoGate) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := g.world
	from, ok := r.Context().Value(connKey{}).(*instance)
	if !ok {
		panic("a connection of nobody")
	}
	by := from.runs
	body, err := io.ReadAll(r.Body)
	if err != nil || by == nil {
		panic(http.ErrAbortHandler) // whoever sent it died over it
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	path := strings.TrimPrefix(r.URL.Path, tangosim.Base)
	changes := r.Method != http.MethodGet || path == "/transferFunds"
	e := &effect{by: by, who: by.name, order: by.number, afloat: true, what: "tango " + r.Method + " " + pattern(r.Method, path)}
	id := ""
	if changes {
		id = w.truth.arrives(r.URL.RequestURI(), body)
		e.faults = sendFaults()
	} else {
		e.faults = []fault{tangoFails, tangoLimits}
		if strings.HasPrefix(path, "/accounts/") {
			e.faults = append(e.faults, tangoStale)
		}
	}
	e.change = changes
	f, _ := w.gate(context.WithoutCancel(r.Context()), e) // it is at Tango: no time-out takes it back
	if id != "" && f != none {
		w.truth.meets(id, f)
	}
	money := path == "/transferFunds" || path == "/creditCardDeposits"
	switch f {
	case sendHangs:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case sendHangsOn:
		w.truth.around(id, func() { w.tango.ServeHTTP(httptest.NewRecorder(), r) })
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case tangoFails:
		rw.WriteHeader(http.StatusServiceUnavailable)
		return
	case tangoLimits:
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusTooManyRequests)
		_, _ = rw.Write([]byte(`{"timestamp":"2026-03-03T09:00:00Z","requestId":"x","path":"/","httpCode":429,"httpPhrase":"Too Many Requests","i18nKey":"429.001","message":"Too many requests","errors":[]}`))
		return
	case tangoStale:
		id := strings.TrimPrefix(path, "/accounts/")
		was := w.truth.balanceAt(id, time.Now().Add(-30*time.Second))
		w.tango.SetStale(id, &was)
		defer w.tango.SetStale(id, nil)
	case none, killedBefore, killedAfter:
	default:
		armed := w.tangoFault(f, money)
		armed.On = r.Method + " " + pattern(r.Method, path)
		w.tango.Arm(armed)
	}
	defer w.tango.Disarm()
	w.truth.around(id, func() { w.tango.ServeHTTP(rw, r) })
}

// around takes note of what a call makes at Tango.
func (t *truth) around(id string, call func()) {
	t.world.mu.Lock()
	r := t.requests[id]
	before := t.shows(r)
	t.world.mu.Unlock()
	defer func() { // a fault ends the call by a panic
		t.world.mu.Lock()
		if n := t.shows(r) - before; id != "" && n > 0 {
			t.made[id] += n
		}
		t.world.mu.Unlock()
		t.moved()
	}()
	call()
}

// pattern spells a path as the simulated Tango knows it.
func pattern(method, path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case len(parts) == 2 && parts[0] == "accounts":
		return "/accounts/{a}"
	case len(parts) == 2 && parts[0] == "customers":
		return "/customers/{c}"
	case len(parts) == 3 && parts[0] == "customers":
		return "/customers/{c}/accounts"
	case len(parts) == 4 && parts[0] == "customers":
		return "/customers/{c}/accounts/{a}"
	case len(parts) == 2 && parts[0] == "creditCards":
		return "/creditCards/{token}"
	case len(parts) == 2 && parts[0] == "creditCardDeposits":
		return "/creditCardDeposits/{reference}"
	}
	return path
}

func (t *truth) meets(id string, f fault) {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	if t.met[id] == nil {
		t.met[id] = map[fault]bool{}
	}
	t.met[id][f] = true
}

// moved takes note of the balances, and of what has been carried out once too often.
func (t *truth) moved() {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	now := time.Now()
	for _, a := range t.world.tango.Accounts() {
		list := t.balances[a.ID]
		if len(list) == 0 || list[len(list)-1].cents != a.Cents {
			t.balances[a.ID] = append(list, balance{now, a.Cents})
		}
	}
	for _, id := range t.order {
		r := t.requests[id]
		if n := t.done(r); n > 1 && !t.met[id][sendTwice] {
			t.world.broken("%s was carried out %d times", t.names[id], n)
		}
	}
}

func (t *truth) balanceAt(id string, at time.Time) int64 {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	for _, b := range slices.Backward(t.balances[id]) {
		if !b.at.After(at) {
			return b.cents
		}
	}
	return opening[id]
}
