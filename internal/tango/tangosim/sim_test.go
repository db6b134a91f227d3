package tangosim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

// world is a simulation, its server and its clock.
type world struct {
	sim  *tangosim.Sim
	url  string
	time atomic.Int64 // milliseconds after the start
}

func start(t *testing.T, change func(*tangosim.Config)) *world {
	t.Helper()
	w := &world{}
	config := tangosim.Config{PlatformName: "name", PlatformKey: "key", Clock: func() time.Time {
		return time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC).Add(time.Duration(w.time.Load()) * time.Millisecond)
	}}
	if change != nil {
		change(&config)
	}
	w.sim = tangosim.New(config)
	w.sim.Demo()
	server := httptest.NewServer(w.sim)
	t.Cleanup(server.Close)
	w.url = server.URL + tangosim.Base
	return w
}

// call makes a call with good credentials and gives status and body.
func (w *world) call(t *testing.T, method, path, body string, headers ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("name", "key")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		request.Header.Del(name)
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	if response.Header.Get("X-REQUEST-ID") == "" {
		t.Errorf("%s %s: no X-REQUEST-ID", method, path)
	}
	return response.StatusCode, string(text)
}

// keyOf gives the key of an error, at the top or in the list.
func keyOf(t *testing.T, body string) string {
	t.Helper()
	var e struct {
		Key    string `json:"i18nKey"`
		Errors []struct {
			Key string `json:"i18nKey"`
		} `json:"errors"`
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if e.Key == "" && len(e.Errors) > 0 {
		return e.Errors[0].Key
	}
	return e.Key
}

const good = `{"transferFrom":"employee-rewards","transferTo":"marketing-us","amount":10.50,"transferNotes":"n","externalRefID":"r-1"}`

// TestWhatTangoRefuses: status and key of each refusal, and that none of them moves anything.
func TestWhatTangoRefuses(t *testing.T) {
	t.Parallel()
	with := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	for name, c := range map[string]struct {
		method, path, body, header string
		status                     int
		key                        string
	}{
		"no credentials":         {"GET", "/accounts", "", "Authorization: ", 401, "401.001"},
		"wrong credentials":      {"GET", "/accounts", "", "Authorization: Basic bmFtZTpub25l", 401, "401.501"},
		"no JSON wanted":         {"GET", "/accounts", "", "Accept: text/html", 406, "406.001"},
		"no JSON sent":           {"POST", "/transferFunds", good, "Content-Type: text/plain", 415, "415.001"},
		"method":                 {"DELETE", "/accounts", "", "", 405, "405.002"},
		"no such resource":       {"GET", "/orders", "", "", 404, ""},
		"no such account":        {"GET", "/accounts/nobody", "", "", 404, "404.003"},
		"no such customer":       {"GET", "/customers/nobody", "", "", 404, "404.002"},
		"accounts of nobody":     {"GET", "/customers/nobody/accounts", "", "", 403, "404.002"},
		"status":                 {"GET", "/accounts?status=active", "", "", 400, "422.501"},
		"balance":                {"GET", "/accounts?minBalance=1e3", "", "", 400, "400.009"},
		"date":                   {"GET", "/accounts?minDateCreatedAt=today", "", "", 400, "400.009"},
		"page of none":           {"GET", "/accounts?paginate=true&maxResults=0", "", "", 400, "422.126"},
		"page of 201":            {"GET", "/accounts?paginate=true&maxResults=201", "", "", 400, "422.126"},
		"cursor":                 {"GET", "/accounts?paginate=true&nextCursor=x", "", "", 400, "400.001"},
		"not JSON":               {"POST", "/transferFunds", "{", "", 400, "400.501"},
		"two orders":             {"POST", "/transferFunds", good + good, "", 400, "400.501"},
		"amount as a text":       {"POST", "/transferFunds", with("10.50", `"10.50"`), "", 400, "400.501"},
		"account as a number":    {"POST", "/transferFunds", with(`"marketing-us"`, "7"), "", 400, "400.501"},
		"name in another case":   {"POST", "/transferFunds", with("transferFrom", "transferfrom"), "", 400, "422.128"},
		"no destination":         {"POST", "/transferFunds", with(`"transferTo":"marketing-us",`, ""), "", 400, "422.128"},
		"no amount":              {"POST", "/transferFunds", with(`"amount":10.50,`, ""), "", 400, "422.140"},
		"three decimals":         {"POST", "/transferFunds", with("10.50", "10.505"), "", 400, "422.140"},
		"exponent":               {"POST", "/transferFunds", with("10.50", "1e1"), "", 400, "422.140"},
		"nothing":                {"POST", "/transferFunds", with("10.50", "0"), "", 400, "422.141"},
		"less than nothing":      {"POST", "/transferFunds", with("10.50", "-1"), "", 400, "422.141"},
		"151 characters":         {"POST", "/transferFunds", with(`"n"`, `"`+strings.Repeat("é", 151)+`"`), "", 400, "422.126"},
		"unknown account":        {"POST", "/transferFunds", with("marketing-us", "nobody"), "", 404, "404.003"},
		"the same account":       {"POST", "/transferFunds", with("marketing-us", "employee-rewards"), "", 400, "400.001"},
		"a frozen account":       {"POST", "/transferFunds", with("marketing-us", "holiday-gifts"), "", 400, "422.156"},
		"another currency":       {"POST", "/transferFunds", with("marketing-us", "uk-rewards"), "", 400, "422.003"},
		"too much":               {"POST", "/transferFunds", with("10.50", "24500.01"), "", 400, "402.001"},
		"the older form, nobody": {"GET", "/transferFunds?transferFrom=nobody&transferTo=marketing-us&amount=1", "", "", 404, "404.003"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, nil)
			status, body := w.call(t, c.method, c.path, c.body, c.header)
			if status != c.status || keyOf(t, body) != c.key {
				t.Errorf("%d %s, want %d with key %q", status, body, c.status, c.key)
			}
			if len(w.sim.Movements()) != 0 {
				t.Error("money moved")
			}
		})
	}
}

// TestTransfer: both forms, their status, what moves, and that a reference counts once per account.
func TestTransfer(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *tangosim.Config) { c.TransferStatus = 201 })
	status, body := w.call(t, "POST", "/transferFunds", good)
	want := `{"transferDate":"2026-03-02T10:00:00Z","transferredAmount":10.5,"transferNotes":"n","externalRefID":"r-1",` +
		`"transferFrom":{"accountIdentifier":"employee-rewards","accountNumber":"A10000001","displayName":"Employee Rewards","currencyCode":"USD",` +
		`"startingBalance":24500,"endingBalance":24489.5,"status":"ACTIVE","contactEmail":"employee.rewards@acme.example"},` +
		`"transferTo":{"accountIdentifier":"marketing-us","accountNumber":"A10000002","displayName":"Marketing US","currencyCode":"USD",` +
		`"startingBalance":8125.5,"endingBalance":8136,"status":"ACTIVE","contactEmail":"marketing.us@acme.example"}}`
	if diff := cmp.Diff(want, body); status != 201 || diff != "" {
		t.Errorf("%d (-want +got):\n%s", status, diff)
	}
	if status, _ := w.call(t, "POST", "/transferFunds", good); status != 409 {
		t.Errorf("the reference again: %d", status)
	}
	if status, _ := w.call(t, "POST", "/transferFunds", strings.Replace(good, "employee-rewards", "referral-program", 1)); status != 201 {
		t.Errorf("the reference from another account: %d", status)
	}
	if status, _ := w.call(t, "GET", "/transferFunds?transferFrom=employee-rewards&transferTo=marketing-us&amount=1.00&externalRefID=r-2", ""); status != 201 {
		t.Errorf("the older form: %d", status)
	}
	if a, b, c := w.sim.Balance("employee-rewards"), w.sim.Balance("marketing-us"), w.sim.Moved("r-1"); a != 2_448_850 || b != 814_750 || c != 2 {
		t.Errorf("balances %d and %d, r-1 moved %d times", a, b, c)
	}
}

// TestRate: the second call within a second is refused, and the next second is open.
func TestRate(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *tangosim.Config) { c.LimitRate = true })
	for i, step := range []struct {
		at     int64
		status int
	}{{0, 200}, {999, 429}, {1000, 200}, {1500, 429}, {2000, 200}} {
		w.time.Store(step.at)
		if status, body := w.call(t, "GET", "/accounts/marketing-us", ""); status != step.status || status == 429 && keyOf(t, body) != "429.001" {
			t.Errorf("call %d: %d %s", i, status, body)
		}
	}
}

// TestErrorShapes: the short one on /customers alone, where it is switched on.
func TestErrorShapes(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *tangosim.Config) { c.ShortErrors = true })
	if _, body := w.call(t, "GET", "/customers/nobody", ""); body != `{"i18nKey":"404.002","i18nTokenReplacements":[],"message":"Customer is not on this platform"}` {
		t.Error(body)
	}
	if _, body := w.call(t, "GET", "/accounts/nobody", ""); !strings.Contains(body, `"httpCode":404,"httpPhrase":"Not Found"`) {
		t.Error(body)
	}
}

// TestPages: the page object, its cursors in both directions, and the bare list.
func TestPages(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	read := func(query string) (ids []string, next, prev string) {
		_, body := w.call(t, "GET", "/accounts?"+query, "")
		var p struct {
			Count int `json:"numberOfElements"`
			Items []struct {
				ID string `json:"accountIdentifier"`
			} `json:"items"`
			Next    *string `json:"nextCursor"`
			Prev    *string `json:"prevCursor"`
			HasNext bool    `json:"nextPageAvailable"`
			HasPrev bool    `json:"prevPageAvailable"`
		}
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		if p.Count != len(p.Items) || p.HasNext != (p.Next != nil) || p.HasPrev != (p.Prev != nil) {
			t.Errorf("%s: %s", query, body)
		}
		for _, i := range p.Items {
			ids = append(ids, i.ID)
		}
		if p.Next != nil {
			next = *p.Next
		}
		if p.Prev != nil {
			prev = *p.Prev
		}
		return ids, next, prev
	}
	first, next, prev := read("paginate=true")
	if len(first) != 10 || prev != "" {
		t.Errorf("the first page has %d, and %q before it", len(first), prev)
	}
	second, end, prev := read("paginate=true&nextCursor=" + next)
	if len(second) != 1 || end != "" {
		t.Errorf("the second page has %d, and %q behind it", len(second), end)
	}
	back, _, _ := read("paginate=true&prevCursor=" + prev)
	if diff := cmp.Diff(first, back); diff != "" {
		t.Errorf("back (-there +back):\n%s", diff)
	}
	_, next, _ = read("paginate=true&maxResults=2")
	_, _, prev = read("paginate=true&maxResults=2&nextCursor=" + next)
	if wide, _, _ := read("paginate=true&maxResults=5&prevCursor=" + prev); len(wide) != 2 {
		t.Errorf("a wider page back has %v, want the two that are before", wide)
	}
	if _, body := w.call(t, "GET", "/accounts?maxResults=2", ""); strings.Count(body, "accountIdentifier") != 11 || body[0] != '[' {
		t.Error("without paginate, the list is not whole")
	}
}

// TestOthersGoOnWhileOneWaits: a fault that waits holds up nobody else.
func TestOthersGoOnWhileOneWaits(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.sim.Arm(tangosim.Fault{HangAfter: true})
	changes, stop := w.sim.Changes()
	defer stop()
	hung, giveUp := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(w.sim) // its end cuts the call that hangs
	go func() {
		defer close(hung)
		request, err := http.NewRequest(http.MethodPost, server.URL+tangosim.Base+"/transferFunds", strings.NewReader(good))
		if err != nil {
			return
		}
		request.SetBasicAuth("name", "key")
		request.Header.Set("Content-Type", "application/json")
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
		}
	}()
	go func() {
		defer close(giveUp)
		for range changes {
			if w.sim.Moved("r-1") == 1 {
				return
			}
		}
	}()
	<-giveUp
	if status, _ := w.call(t, "GET", "/accounts/marketing-us", ""); status != 200 {
		t.Errorf("meanwhile: %d", status)
	}
	server.CloseClientConnections()
	<-hung
	server.Close()
}

// TestLateMovement happens when its time has come, once, and over a restart.
func TestLateMovement(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.sim.Arm(tangosim.Fault{Late: time.Minute})
	if status, _ := w.call(t, "POST", "/transferFunds", good); status != 0 {
		t.Errorf("answered %d", status)
	}
	saved, err := w.sim.Save()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.sim.Load(saved); err != nil {
		t.Fatal(err)
	}
	for at, want := range []int{0, 1, 1} {
		w.time.Store(int64(at) * 60_000)
		if n := w.sim.Moved("r-1"); n != want {
			t.Errorf("after %d minutes: moved %d times, want %d", at, n, want)
		}
	}
	if err := w.sim.Load([]byte("{")); err == nil {
		t.Error("half a state was loaded")
	}
}

// TestALateMovementKeepsTheRuleOfReferences: another call has used its reference meanwhile.
func TestALateMovementKeepsTheRuleOfReferences(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.sim.Arm(tangosim.Fault{Late: time.Minute})
	w.call(t, "POST", "/transferFunds", good)
	if status, body := w.call(t, "POST", "/transferFunds", good); status != 200 {
		t.Errorf("answered %d %s", status, body)
	}
	w.time.Store(60_000)
	if n := w.sim.Moved("r-1"); n != 1 {
		t.Errorf("moved %d times", n)
	}
}

// TestStaleAndSpent: what reads show while others move money, and that they can be made to lag.
func TestStaleAndSpent(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	shown := func(want string) {
		t.Helper()
		if _, body := w.call(t, "GET", "/accounts/marketing-us", ""); !strings.Contains(body, fmt.Sprintf(`"currentBalance":%s,`, want)) {
			t.Errorf("want %s in %s", want, body)
		}
	}
	shown("8125.5")
	w.sim.Spend("marketing-us", 50)
	shown("8125")
	old := int64(812_550)
	w.sim.SetStale("marketing-us", &old)
	shown("8125.5")
	w.sim.SetStale("marketing-us", nil)
	w.sim.SetStatus("marketing-us", "FROZEN")
	if status, body := w.call(t, "POST", "/transferFunds", good); status != 400 || keyOf(t, body) != "422.156" {
		t.Errorf("to a frozen account: %d %s", status, body)
	}
}

// TestFaultsNameTheirCall: one call each, in order, and only the calls that they name.
func TestFaultsNameTheirCall(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.sim.Arm(tangosim.Fault{On: "GET /accounts", StatusBefore: 503}, tangosim.Fault{StatusBefore: 500}, tangosim.Fault{StatusBefore: 502})
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/accounts/marketing-us", "", 200},
		{"POST", "/transferFunds", good, 500},
		{"GET", "/accounts", "", 503},
		{"GET", "/accounts", "", 200},
		{"POST", "/transferFunds", good, 502},
		{"POST", "/transferFunds", good, 200},
	} {
		if status, _ := w.call(t, c.method, c.path, c.body); status != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, status, c.status)
		}
	}
	w.sim.Arm(tangosim.Fault{}, tangosim.Fault{})
	w.sim.Disarm()
	if n := w.sim.Armed(); n != 0 {
		t.Errorf("%d faults left", n)
	}
	if got := w.sim.Requests()["POST /transferFunds"]; got != 3 {
		t.Errorf("%d transfers counted, want 3", got)
	}
}
