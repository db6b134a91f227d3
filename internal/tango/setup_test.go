package tango_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/canarytest"
	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

const (
	platform = "acme-platform"
	key      = canarytest.PlatformKey
)

// now is the one moment of these tests, for the client and the simulation alike.
func now() time.Time { return time.Date(2026, 3, 2, 10, 0, 0, 280_000_000, time.UTC) }

// pace counts the turns that were taken.
type pace struct {
	taken atomic.Int64
	err   error
}

func (p *pace) Wait(context.Context) error {
	p.taken.Add(1)
	return p.err
}

// logged is a log to look into.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

type fixture struct {
	sim    *tangosim.Sim
	server *httptest.Server
	client *tango.Client
	pace   *pace
	log    *logged
}

// setup starts a simulated Tango with a believable company, and a client on it.
func setup(t *testing.T, configure func(*tangosim.Config), change func(*tango.Config)) fixture {
	t.Helper()
	config := tangosim.Config{Clock: now, PlatformName: platform, PlatformKey: key}
	if configure != nil {
		configure(&config)
	}
	f := fixture{sim: tangosim.New(config), pace: &pace{}, log: &logged{}}
	f.sim.Demo()
	f.server = httptest.NewServer(f.sim)
	t.Cleanup(f.server.Close)
	t.Cleanup(func() { canarytest.Check(t, "log", []byte(f.log.String())) })
	f.client = newClient(t, f.server.URL+tangosim.Base, func(c *tango.Config) {
		c.Pacer, c.Log = f.pace, slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		if change != nil {
			change(c)
		}
	})
	return f
}

func newClient(t *testing.T, api string, change func(*tango.Config)) *tango.Client {
	t.Helper()
	config := newConfig(tango.Config{API: api, Pacer: &pace{}, Method: http.MethodPost, Clock: now})
	if change != nil {
		change(&config)
	}
	c, err := tango.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answering starts a server that gives one handler's answers, and a client on it.
func answering(t *testing.T, handler http.HandlerFunc) (*tango.Client, *pace, *atomic.Int64) {
	t.Helper()
	calls, p := &atomic.Int64{}, &pace{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return newClient(t, server.URL, func(c *tango.Config) { c.Pacer = p }), p, calls
}

func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-REQUEST-ID", "req-1")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// order is a transfer that the simulated company can make.
func order() treasury.TransferOrder {
	return treasury.TransferOrder{
		Reference: "TB-7F3K2M9Q", Attempt: "at-1", From: "employee-rewards", To: "marketing-us", Amount: money.New(125_000, "USD"),
		Notes: "Q1 <spiffs> & more [at-1]", NotBefore: now(),
	}
}

// goodAnswer is what Tango says to order, with fields that nobody asked for.
const goodAnswer = `{"transferDate":"2026-03-02T10:00:01.5Z","transferredAmount":1250,"transferNotes":"Q1 <spiffs> & more [at-1]",` +
	`"externalRefID":"TB-7F3K2M9Q","loyaltyTier":{"deep":[1,null]},` +
	`"transferFrom":{"accountIdentifier":"employee-rewards","accountNumber":"A10000001","displayName":"Employee Rewards","currencyCode":"USD",` +
	`"startingBalance":24500.00,"endingBalance":23250,"status":"ACTIVE","contactEmail":null},` +
	`"transferTo":{"accountIdentifier":"marketing-us","accountNumber":"A10000002","displayName":"Marketing US","currencyCode":"USD",` +
	`"startingBalance":8125.5,"endingBalance":9375.5,"status":"ACTIVE","contactEmail":"marketing.us@acme.example"}}`

// done is the verdict on goodAnswer.
func done(status int, request string) treasury.Answer {
	usd := func(n int64) money.Amount { return money.New(n, "USD") }
	return treasury.Answer{
		Verdict: treasury.VerdictDone, Status: status, Request: request, Moved: usd(125_000),
		FromBefore: usd(2_450_000), FromAfter: usd(2_325_000), FromName: "Employee Rewards",
		ToBefore: usd(812_550), ToAfter: usd(937_550), ToName: "Marketing US",
		At: time.Date(2026, 3, 2, 10, 0, 1, 500_000_000, time.UTC),
	}
}

// tangoSays is an error in the usual shape.
func tangoSays(status, key string) string {
	return `{"timestamp":"2026-03-02T10:00:00.28Z","requestId":"req-1","path":"/raas/v2/transferFunds","httpCode":` + status +
		`,"httpPhrase":"x","i18nKey":"` + key + `","message":"canary message"}`
}

func unknown(doubt treasury.Doubt) treasury.Answer {
	return treasury.Answer{Verdict: treasury.VerdictUnknown, Doubt: doubt}
}

// newConfig completes a Config.
func newConfig(c tango.Config) tango.Config {
	c.Log = slog.New(slog.DiscardHandler)
	c.Credentials = func(context.Context) (string, treasury.Secret, error) { return platform, treasury.NewSecret(key), nil }
	return c
}

func isKind(err, kind error) bool { return errors.Is(err, kind) }

func serve(tb testing.TB, handler http.Handler) string {
	tb.Helper()
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return server.URL
}
