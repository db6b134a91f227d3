package treasury_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// watchPolicy gives people rights, and accounts thresholds.
const watchPolicy = `
workspace: T0ACME
channels: {approvals: C0APPROVE, alerts: C0ALERTS}
groups:
  finance: [U0MAYA, U0RAVI]
  rewards: [U0LENA]
  viewers: [U0VERA]
view: [finance, rewards, viewers]
request: [finance, rewards]
rules:
  - {action: "*", approvals: 1, from: [finance]}
undo: 0s
low_balance:
  default: {USD: 1000}
  accounts:
    employee-rewards: {USD: 2500}
`

// watchBench is a desk over simulated Tango and Slack, on a clock that the test moves.
type watchBench struct {
	*treasury.Desk
	sim       *tangosim.Sim
	store     *embedded.Store
	questions *noted

	mu  sync.Mutex
	now time.Time
}

// noted is a queue whose jobs a test can look at.
type noted struct {
	*embedded.Queue
	mu   sync.Mutex
	sent []string
}

// Send notes a job, and puts it on the queue.
func (n *noted) Send(ctx context.Context, body []byte, delay time.Duration) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent = append(n.sent, string(body))
	return n.Queue.Send(ctx, body, delay)
}

// take gives what was sent since the last time.
func (n *noted) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	sent := n.sent
	n.sent = nil
	return sent
}

func (b *watchBench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *watchBench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func newWatchBench(t *testing.T, policy string) *watchBench {
	t.Helper()
	b := &watchBench{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	var err error
	if b.store, err = embedded.Open(t.TempDir(), b.clock); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	queue := func(name string) *embedded.Queue {
		q, err := b.store.NewQueue(name, embedded.QueueConfig{Workers: 1, Timeout: time.Minute, Again: time.Second, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	b.sim = tangosim.New(tangosim.Config{Clock: b.clock, PlatformName: "p", PlatformKey: "k"})
	tangoServer := httptest.NewServer(b.sim)
	workspace := httptest.NewServer(slacksim.New(slacksim.Config{Clock: b.clock, SigningSecret: "s", BotToken: "xoxb", Directory: slacksim.Demo()}))
	t.Cleanup(func() {
		tangoServer.Close()
		workspace.Close()
		if err := b.store.Close(); err != nil {
			t.Error(err)
		}
	})
	people, err := slack.NewClient(slack.ClientConfig{
		APIURL: workspace.URL + "/api/", HTTP: &http.Client{Timeout: 10 * time.Second}, Clock: b.clock,
		Token: func(context.Context) (treasury.Secret, error) { return treasury.NewSecret("xoxb"), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	pacer := tango.NewPacer(time.Microsecond)
	books, err := tango.New(tango.Config{
		API: tangoServer.URL + tangosim.Base, Pacer: pacer, Method: http.MethodPost, Clock: b.clock, Log: log,
		Credentials: func(context.Context) (string, treasury.Secret, error) { return "p", treasury.NewSecret("k"), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := treasury.ParsePolicy([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	b.questions = &noted{Queue: queue("questions")}
	b.Desk = &treasury.Desk{
		Journal: embedded.Journal{Store: b.store}, People: people, Policy: p, Clock: b.clock, Log: log, Accounts: &treasury.Directory{},
		Money: queue("money"), Questions: b.questions, Books: books, Mover: books, Pacer: pacer,
	}
	return b
}

// add makes an active USD account.
func (b *watchBench) add(id string, cents int64) {
	b.sim.AddAccount(tangosim.Account{ID: id, Customer: "acme-rewards", Name: "The " + id, Currency: "USD", Cents: cents, CreatedAt: b.clock()})
}

// set brings an account to a balance, by other hands.
func (b *watchBench) set(id string, cents int64) { b.sim.Spend(id, b.sim.Balance(id)-cents) }

// sweep lets the time between two sweeps pass, and sweeps.
func (b *watchBench) sweep(t *testing.T) {
	t.Helper()
	b.pass(16 * time.Minute)
	if err := b.SweepAlerts(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// shown is what an alert's message came to say: "new" or "update", and how the alert then was.
type shown struct {
	how   string
	alert treasury.Alert
}

func (s shown) String() string {
	text := s.how + " " + string(s.alert.Kind)
	if !s.alert.Open && s.alert.End != "" {
		text += " " + string(s.alert.End)
	}
	return text
}

// show draws the message of an alert as the edge does; nil when nothing is to be drawn.
func (b *watchBench) show(t *testing.T, id string) []shown {
	t.Helper()
	var list []shown
	err := b.ShowAlert(t.Context(), id, func(_ context.Context, a treasury.Alert) (treasury.Message, error) {
		s := shown{"update", a}
		if a.Message.TS == "" {
			s.how = "new"
			a.Message = treasury.Message{Channel: "C0ALERTS", TS: fmt.Sprint(a.Want)}
		}
		list = append(list, s)
		return a.Message, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// said is show in words.
func (b *watchBench) said(t *testing.T, id string) string {
	t.Helper()
	text := ""
	for _, s := range b.show(t, id) {
		text += s.String() + ";"
	}
	return text
}

// alertOf reads an alert as it lies in the journal.
func (b *watchBench) alertOf(t *testing.T, id string) treasury.Alert {
	t.Helper()
	var a treasury.Alert
	records, err := b.Journal.Get(t.Context(), "ALERT#"+id)
	if err != nil {
		t.Fatal(err)
	}
	if records[0].Version > 0 {
		if err := json.Unmarshal(records[0].Body, &a); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// listed counts the records of a list.
func (b *watchBench) listed(t *testing.T, list string) (ids []string) {
	t.Helper()
	cursor := ""
	for {
		records, next, err := b.Journal.List(t.Context(), treasury.Listing{Index: treasury.ByState, Key: list, Cursor: cursor, Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			ids = append(ids, r.Key[len("ALERT#"):])
		}
		if cursor = next; cursor == "" {
			return ids
		}
	}
}

// put writes a record of the journal as it should be.
func (b *watchBench) put(t *testing.T, key string, v any, places map[treasury.Index]treasury.Place) {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	records, err := b.Journal.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Journal.Commit(t.Context(), treasury.NewWriteID(), treasury.Write{Key: key, Version: records[0].Version, Body: body, Places: places})
	if err != nil {
		t.Fatal(err)
	}
}

// asked counts the calls to Tango by their pattern.
func (b *watchBench) asked(pattern string) int { return b.sim.Requests()[pattern] }
