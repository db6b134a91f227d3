package tango_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestAccount(t *testing.T) {
	t.Parallel()
	f := setup(t, nil, nil)
	got, err := f.client.Account(t.Context(), "marketing-us")
	if err != nil {
		t.Fatal(err)
	}
	want := treasury.Account{
		ID: "marketing-us", Number: "A10000002", Name: "Marketing US", Status: treasury.AccountActive, Currency: "USD",
		Balance: money.New(812_550, "USD"), Email: "marketing.us@acme.example", Notify: []string{"finance@acme.example"},
		Created: time.Date(2023, 4, 12, 9, 30, 15, 280_000_000, time.UTC),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
}

func TestCustomer(t *testing.T) {
	t.Parallel()
	f := setup(t, nil, nil)
	got, err := f.client.Customer(t.Context(), "acme-europe")
	if err != nil {
		t.Fatal(err)
	}
	account := func(id, number, name, currency string, month time.Month) treasury.Account {
		return treasury.Account{
			ID: id, Number: number, Name: name, Status: treasury.AccountActive, Currency: money.Currency(currency),
			Created: time.Date(2024, month, 12, 9, 30, 15, 280_000_000, time.UTC),
		}
	}
	want := treasury.Customer{
		ID: "acme-europe", Name: "Acme Europe", Status: "active", Created: time.Date(2024, 6, 12, 9, 30, 15, 280_000_000, time.UTC),
		Accounts: []treasury.Account{
			account("uk-rewards", "A10000009", "UK Rewards", "GBP", time.August),
			account("europe-events", "A10000008", "Europe Events", "EUR", time.July),
			account("europe-rewards", "A10000007", "Europe Rewards", "EUR", time.June),
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("customer (-want +got):\n%s", diff)
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	for _, short := range []bool{false, true} {
		f := setup(t, func(c *tangosim.Config) { c.ShortErrors = short }, nil)
		_, account := f.client.Account(t.Context(), "nobody")
		_, customer := f.client.Customer(t.Context(), "nobody")
		_, accounts := f.client.Accounts(t.Context(), treasury.AccountQuery{Customer: "nobody", Window: treasury.Window{Size: 5}})
		for what, c := range map[string]struct {
			err    error
			status int
			key    string
		}{"account": {account, 404, "404.003"}, "customer": {customer, 404, "404.002"}, "a customer's accounts": {accounts, 403, "404.002"}} {
			refusal, ok := errors.AsType[*treasury.Refusal](c.err)
			if !ok || !isKind(c.err, treasury.ErrNotFound) || !isKind(c.err, treasury.ErrRejected) || refusal.Status != c.status || refusal.Key != c.key || refusal.Request == "" {
				t.Errorf("%s: %v", what, c.err)
			}
		}
	}
}

// TestBalancesAreExact: from the digits, or not at all.
func TestBalancesAreExact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		`0`: 0, `8.95`: 895, `1.15`: 115, `0.1`: 10, `10.5000`: 1050, `-3.07`: -307, `9007199254740.93`: 900_719_925_474_093, `1234567890123.45`: 123_456_789_012_345,
		`"8.95"`: -1, `1e2`: -1, `1E+2`: -1, `null`: -1, `true`: -1, `[]`: -1, `0.001`: -1, `99999999999999999999`: -1, `8.95,"currentBalance":8.95`: -1,
		`8.95,"CURRENTBALANCE":8.95`: -1,
	} {
		client, _, calls := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			answerJSON(w, 200, `{"accountIdentifier":"abcde","status":"ACTIVE","currencyCode":"USD","currentBalance":`+text+`}`)
		})
		got, err := client.Account(t.Context(), "abcde")
		switch {
		case want == -1 && (!isKind(err, treasury.ErrUnavailable) || calls.Load() != 1):
			t.Errorf("%s: %+v, %v, %d calls", text, got, err, calls.Load())
		case want != -1 && (err != nil || got.Balance != money.New(want, "USD")):
			t.Errorf("%s: %v, %v", text, got.Balance, err)
		}
	}
}

// TestAccountsAsTheyCome: what is missing, what is strange, and what is of no use.
func TestAccountsAsTheyCome(t *testing.T) {
	t.Parallel()
	base := func(created, more string) string {
		return `{"accountIdentifier":"abcde","status":"ODD","currencyCode":"PLN","currentBalance":1,"createdAt":` + created + more + `}`
	}
	at := time.Date(2018, 4, 26, 18, 56, 28, 280_000_000, time.UTC)
	want := treasury.Account{ID: "abcde", Status: "ODD", Currency: "PLN", Balance: money.New(100, "PLN")}
	with := func(change func(a *treasury.Account)) *treasury.Account {
		a := want
		change(&a)
		return &a
	}
	for name, c := range map[string]struct {
		body string
		want *treasury.Account // nil: unreadable
	}{
		"two digits of fraction": {base(`"2018-04-26T18:56:28.28Z"`, ""), with(func(a *treasury.Account) { a.Created = at })},
		"no fraction":            {base(`"2018-04-26T18:56:28Z"`, ""), with(func(a *treasury.Account) { a.Created = at.Truncate(time.Second) })},
		"an offset":              {base(`"2018-04-26T20:56:28.280000+02:00"`, ""), with(func(a *treasury.Account) { a.Created = at })},
		"no time":                {base(`"some day"`, ""), &want},
		"nulls":                  {base(`null`, `,"accountNumber":null,"displayName":null,"contactEmail":null,"fundingNotification":null`), &want},
		"addresses":              {base(`null`, `,"fundingNotification":[{"emailAddress":"a@b.example"},{"emailAddress":null},{}]`), with(func(a *treasury.Account) { a.Notify = []string{"a@b.example"} })},
		"new fields":             {base(`null`, `,"x":{"y":[1,2,{"z":null}]},"w":1e9`), &want},
		"addresses as a text":    {base(`null`, `,"fundingNotification":"a@b.example"`), nil},
		"addresses as texts":     {base(`null`, `,"fundingNotification":["a@b.example"]`), nil},
		"a name as a number":     {base(`null`, `,"displayName":5`), nil},
		"no currency":            {`{"accountIdentifier":"abcde","status":"ACTIVE","currentBalance":1}`, nil},
		"no balance":             {`{"accountIdentifier":"abcde","status":"ACTIVE","currencyCode":"USD"}`, nil},
		"no status":              {`{"accountIdentifier":"abcde","currencyCode":"USD","currentBalance":1}`, nil},
		"another account":        {`{"accountIdentifier":"fghij","status":"ACTIVE","currencyCode":"USD","currentBalance":1}`, nil},
		"a list":                 {`[]`, nil},
		"two answers":            {base(`null`, "") + base(`null`, ""), nil},
		"a page":                 {"<html>", nil},
		"nothing":                {"", nil},
	} {
		client, _, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, c.body) })
		got, err := client.Account(t.Context(), "abcde")
		if c.want == nil {
			if !isKind(err, treasury.ErrUnavailable) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			continue
		}
		if diff := cmp.Diff(*c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// TestReadsTryAgain: which answers are worth another try, and that each try waits its turn.
func TestReadsTryAgain(t *testing.T) {
	t.Parallel()
	account := `{"accountIdentifier":"abcde","status":"ACTIVE","currencyCode":"USD","currentBalance":1}`
	html := func(w http.ResponseWriter, status int) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html>")
	}
	says := func(status int, key, after string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			answerJSON(w, status, tangoSays(strconv.Itoa(status), key))
		}
	}
	for name, c := range map[string]struct {
		first http.HandlerFunc
		calls int64 // 1: not tried again; 2: tried again, with success
		kind  error
	}{
		"500":               {says(500, "500.001", ""), 2, nil},
		"503":               {says(503, "503.501", ""), 2, nil},
		"502 as a page":     {func(w http.ResponseWriter, _ *http.Request) { html(w, 502) }, 2, nil},
		"connection closed": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 2, nil},
		"cut within the body": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			answerJSON(w, 200, "{")
		}, 2, nil},
		"429.001 at once":           {says(429, "429.001", "0"), 2, nil},
		"429.008 at once":           {says(429, "429.008", "0"), 2, nil},
		"429 by a date gone by":     {says(429, "429.001", "Mon, 02 Mar 2026 09:00:00 GMT"), 2, nil},
		"429 as a page":             {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "0"); html(w, 429) }, 2, nil},
		"429 for too long":          {says(429, "429.001", "4"), 1, treasury.ErrBusy},
		"429 until a far date":      {says(429, "429.001", "Mon, 02 Mar 2026 11:00:00 GMT"), 1, treasury.ErrBusy},
		"429 with a strange header": {says(429, "429.001", "-1"), 1, treasury.ErrBusy},
		"429.002, try later":        {says(429, "429.002", "0"), 1, treasury.ErrBusy},
		"400":                       {says(400, "400.001", ""), 1, treasury.ErrRejected},
		"401 as a page":             {func(w http.ResponseWriter, _ *http.Request) { html(w, 401) }, 1, treasury.ErrRejected},
		"403":                       {says(403, "403.001", ""), 1, treasury.ErrRejected},
		"404":                       {says(404, "404.003", ""), 1, treasury.ErrNotFound},
		"404 as a page":             {func(w http.ResponseWriter, _ *http.Request) { html(w, 404) }, 1, treasury.ErrUnavailable},
		"422":                       {says(422, "422.501", ""), 1, treasury.ErrRejected},
		"301":                       {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusMovedPermanently) }, 1, treasury.ErrUnavailable},
		"201":                       {func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 201, account) }, 1, treasury.ErrUnavailable},
		"200 as a page":             {func(w http.ResponseWriter, _ *http.Request) { html(w, 200) }, 1, treasury.ErrUnavailable},
		"200 with the wrong type": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, account)
		}, 1, treasury.ErrUnavailable},
		"more than 16 MiB": {func(w http.ResponseWriter, _ *http.Request) {
			answerJSON(w, 200, account)
			space := bytes.Repeat([]byte(" "), 1<<20)
			for range 17 {
				_, _ = w.Write(space)
			}
		}, 1, treasury.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var later atomic.Bool
			client, p, calls := answering(t, func(w http.ResponseWriter, r *http.Request) {
				if !later.Swap(true) {
					c.first(w, r)
					return
				}
				answerJSON(w, 200, account)
			})
			_, err := client.Account(t.Context(), "abcde")
			if calls.Load() != c.calls || p.taken.Load() != c.calls {
				t.Errorf("%d calls in %d turns, want %d of both", calls.Load(), p.taken.Load(), c.calls)
			}
			if c.kind == nil && err != nil || c.kind != nil && !isKind(err, c.kind) {
				t.Errorf("error %v, want %v", err, c.kind)
			}
		})
	}
}

// TestReadsGiveUp: after three tries, or when the caller's time is over.
func TestReadsGiveUp(t *testing.T) {
	t.Parallel()
	f := setup(t, nil, nil)
	fault := tangosim.Fault{On: "GET /accounts/{a}", StatusBefore: 500, Key: "500.001"}
	f.sim.Arm(fault, fault, fault, fault)
	if _, err := f.client.Account(t.Context(), "marketing-us"); !isKind(err, treasury.ErrUnavailable) || f.sim.Armed() != 1 || f.pace.taken.Load() != 3 {
		t.Errorf("%v, %d faults left, %d turns", err, f.sim.Armed(), f.pace.taken.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	client, _, calls := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		answerJSON(w, 500, "{}")
	})
	if _, err := client.Account(ctx, "abcde"); !isKind(err, treasury.ErrUnavailable) || !isKind(err, context.Canceled) || calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

// TestReadsWaitForThePace: no turn, no call.
func TestReadsWaitForThePace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ given, want error }{{treasury.ErrBusy, treasury.ErrBusy}, {context.Canceled, treasury.ErrUnavailable}} {
		f := setup(t, nil, nil)
		f.pace.err = c.given
		if _, err := f.client.Account(t.Context(), "marketing-us"); !isKind(err, c.want) || !isKind(err, c.given) || len(f.sim.Received()) != 0 {
			t.Errorf("%v: %v after %d calls", c.given, err, len(f.sim.Received()))
		}
	}
}

// TestStaleConnectionIsOurTry: a kept connection that is dead is found so by a try that waited its turn. net/http would
// repeat the call on its own, past the pace.
func TestStaleConnectionIsOurTry(t *testing.T) {
	t.Parallel()
	s := startRaw(t, rawOptions{script: func(c net.Conn, n int64) bool {
		if n == 2 {
			return false
		}
		_, _ = io.WriteString(c, response(200, `{"accountIdentifier":"abcde","status":"ACTIVE","currencyCode":"USD","currentBalance":1}`))
		return true
	}})
	p := &pace{}
	client := newClient(t, s.url, func(c *tango.Config) { c.Pacer = p })
	for range 2 {
		if _, err := client.Account(t.Context(), "abcde"); err != nil {
			t.Fatal(err)
		}
	}
	if moves, conns := s.moves.Load(), s.conns.Load(); moves != 3 || p.taken.Load() != 3 || conns != 2 {
		t.Errorf("%d calls in %d turns over %d connections, want three in three over two", moves, p.taken.Load(), conns)
	}
}

// TestReadsOverTLS: with the given authorities, and not without.
func TestReadsOverTLS(t *testing.T) {
	t.Parallel()
	s := startRaw(t, rawOptions{tls: true, offerH2: true, script: say(response(200, "[]"))})
	q := treasury.CustomerQuery{Window: treasury.Window{Size: 1}}
	if _, err := newClient(t, s.url, func(c *tango.Config) { c.RootCAs = s.roots }).Customers(t.Context(), q); err != nil {
		t.Error(err)
	}
	if _, err := newClient(t, s.url, nil).Customers(t.Context(), q); !isKind(err, treasury.ErrUnavailable) {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
}

// TestPacer gives turns, and none behind the deadline.
func TestPacer(t *testing.T) {
	t.Parallel()
	free := tango.NewPacer(0)
	for range 100 {
		if err := free.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	slow := tango.NewPacer(time.Hour)
	if err := slow.Wait(t.Context()); err != nil {
		t.Errorf("the first turn: %v", err)
	}
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := slow.Wait(soon); !isKind(err, treasury.ErrBusy) {
		t.Errorf("a turn behind the deadline: %v", err)
	}
	gone, cancelNow := context.WithCancel(t.Context())
	cancelNow()
	if err := slow.Wait(gone); !isKind(err, context.Canceled) {
		t.Errorf("a turn for nobody: %v", err)
	}
}
