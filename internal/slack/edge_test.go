package slack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/canarytest"
	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// Secrets that must not turn up anywhere: every test looks for them in all that it leaves behind.
const (
	signingSecret = canarytest.SigningSecret
	botToken      = canarytest.BotToken
	platformKey   = canarytest.PlatformKey
)

// policyText is the policy of the tests: small transfers need nobody, middle ones one approval, all others two.
const policyText = `
workspace: T0ACME
channels: {approvals: C0APPROVE, alerts: C0ALERTS}
groups:
  finance: [U0MAYA, U0RAVI, S0FINANCE]
  rewards: [U0LENA, U0MAYA]
  viewers: [U0VERA]
view: [finance, rewards, viewers]
request: [finance, rewards]
rules:
  - {action: transfer, up_to: {USD: 50}, approvals: 0}
  - {action: transfer, up_to: {USD: 500, EUR: 500}, approvals: 1, from: [finance]}
  - {action: "*", approvals: 2, from: [finance]}
limits:
  - {per: requester, window: 24h, up_to: {USD: 10000}}
expire_after: 24h
remind_after: 4h
undo: 60s
low_balance:
  default: {USD: 1000, EUR: 1000}
  accounts: {employee-rewards: {USD: 2500}}
tango: {transfer: POST, references: attach}
`

// clock is a time that only the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// jobs is a queue that a test empties by hand, in the order of sending. A job that fails comes back ten seconds later.
type jobs struct {
	clock *clock
	mu    sync.Mutex
	list  []job
	sent  []byte // all bodies that ever were
	down  error  // what Send fails with
}

type job struct {
	body []byte
	due  time.Time
}

func (j *jobs) Send(ctx context.Context, body []byte, delay time.Duration) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := errors.Join(ctx.Err(), j.down); err != nil {
		return err
	}
	j.sent = append(append(j.sent, body...), '\n')
	j.list = append(j.list, job{slices.Clone(body), j.clock.Now().Add(delay)})
	return nil
}

// take gives the first job that is due.
func (j *jobs) take() ([]byte, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.clock.Now()
	i := slices.IndexFunc(j.list, func(one job) bool { return !one.due.After(now) })
	if i < 0 {
		return nil, false
	}
	body := j.list[i].body
	j.list = slices.Delete(j.list, i, i+1)
	return body, true
}

func (j *jobs) everything() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Clone(j.sent)
}

func (j *jobs) len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.list)
}

// secrets are the signing secrets as a store of secrets gives them.
type secrets struct {
	mu                sync.Mutex
	current, previous string
	err               error
}

func (s *secrets) set(current, previous string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.previous, s.err = current, previous, err
}

func (s *secrets) signing(_ context.Context, previous bool) (treasury.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return treasury.Secret{}, s.err
	}
	if previous {
		return treasury.NewSecret(s.previous), nil
	}
	return treasury.NewSecret(s.current), nil
}

// bot is Tangobot as its functions run it, in one process, between a simulated workspace and a simulated Tango.
type bot struct {
	*slacksim.Workspace
	tb      testing.TB
	clock   *clock
	tango   *tangosim.Sim
	store   *embedded.Store
	folder  string
	desk    *treasury.Desk
	edge    *slack.Edge
	client  *slack.Client
	secrets *secrets

	questions, money *jobs
	log              *syncBuffer
	leaked           bool // on purpose: check has been made
}

// options is what a test can change of a bot.
type options struct {
	policy string
	start  time.Time
	seed   func(*tangosim.Sim)
	slack  func(*slacksim.Config)
	fresh  bool // leave the directory unread
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *syncBuffer) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Reset()
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// newBot makes a bot that has read Tango's accounts once. When the test ends, the workspace must have seen nothing that
// Slack would refuse, and no secret may stand in the log.
func newBot(tb testing.TB, change ...func(*options)) *bot {
	tb.Helper()
	o := options{policy: policyText, start: time.Now().UTC().Truncate(time.Second), seed: (*tangosim.Sim).Demo, slack: func(*slacksim.Config) {}}
	for _, f := range change {
		f(&o)
	}
	b := &bot{tb: tb, clock: &clock{now: o.start}, folder: tb.TempDir(), log: &syncBuffer{}, secrets: &secrets{current: signingSecret}}
	b.questions, b.money = &jobs{clock: b.clock}, &jobs{clock: b.clock}
	log := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))

	b.serveSlack(o)
	b.serveTango(o)
	var err error
	if b.store, err = embedded.Open(b.folder, b.clock.Now); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = b.store.Close() })
	policy, err := treasury.ParsePolicy([]byte(o.policy))
	if err != nil {
		tb.Fatal(err)
	}
	b.desk.Journal, b.desk.People, b.desk.Policy = embedded.Journal{Store: b.store}, b.client, policy
	b.desk.Clock, b.desk.Log, b.desk.Accounts = b.clock.Now, log, &treasury.Directory{}
	b.desk.Money, b.desk.Questions = b.money, b.questions
	b.edge = &slack.Edge{
		Desk: b.desk, Client: b.client, Claims: embedded.Claims{Store: b.store}, Clock: b.clock.Now, Log: log,
		Verifier: slack.Verifier{Signing: b.secrets.signing, Clock: b.clock.Now},
		AckTime:  time.Minute, // what is tested here is not the machine's speed
	}
	b.serveEdge()
	if !o.fresh {
		if err := b.desk.RefreshDirectory(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(b.check)
	return b
}

func (b *bot) serveSlack(o options) {
	config := slacksim.Config{
		Clock: b.clock.Now, SigningSecret: signingSecret, BotToken: botToken, Directory: slacksim.Demo(), AckTimeout: time.Minute,
	}
	o.slack(&config)
	b.Workspace = slacksim.New(config)
	server := httptest.NewServer(b.Workspace)
	b.tb.Cleanup(server.Close)
	b.SetBaseURL(server.URL)
	var err error
	b.client, err = slack.NewClient(slack.ClientConfig{
		APIURL: server.URL + "/api", HTTP: &http.Client{Timeout: 8 * time.Second}, Clock: b.clock.Now,
		Token: func(context.Context) (treasury.Secret, error) { return treasury.NewSecret(botToken), nil },
	})
	if err != nil {
		b.tb.Fatal(err)
	}
}

func (b *bot) serveTango(o options) {
	b.tango = tangosim.New(tangosim.Config{Clock: b.clock.Now, PlatformName: "acme", PlatformKey: platformKey})
	o.seed(b.tango)
	server := httptest.NewServer(b.tango)
	b.tb.Cleanup(server.Close)
	pacer := tango.NewPacer(time.Microsecond)
	books, err := tango.New(tango.Config{
		API: server.URL + tangosim.Base, Pacer: pacer, Method: http.MethodPost, Clock: b.clock.Now,
		Log: slog.New(slog.NewTextHandler(b.log, nil)),
		Credentials: func(context.Context) (string, treasury.Secret, error) {
			return "acme", treasury.NewSecret(platformKey), nil
		},
	})
	if err != nil {
		b.tb.Fatal(err)
	}
	b.desk = &treasury.Desk{Books: books, Mover: books, Pacer: pacer}
}

func (b *bot) serveEdge() {
	mux := http.NewServeMux()
	mux.HandleFunc("/slack/commands", b.edge.Commands)
	mux.HandleFunc("/slack/interactions", b.edge.Interactions)
	mux.HandleFunc("/slack/options", b.edge.Options)
	mux.HandleFunc("/slack/events", b.edge.Events)
	server := httptest.NewServer(mux)
	b.tb.Cleanup(server.Close)
	b.SetURLs(slacksim.URLs{
		CommandsURL: server.URL + "/slack/commands", InteractionsURL: server.URL + "/slack/interactions",
		OptionsURL: server.URL + "/slack/options", EventsURL: server.URL + "/slack/events",
	})
}

// check holds a test's end against what must hold after every test.
func (b *bot) check() {
	if b.leaked {
		return
	}
	for _, v := range b.Violations() {
		b.tb.Errorf("Slack would mind: %s", v)
	}
	for place, text := range b.outputs() {
		canarytest.Check(b.tb, place, text)
	}
}

// outputs gathers all that the bot wrote anywhere. What people typed is no output, nor what Slack keeps of it.
func (b *bot) outputs() map[string][]byte {
	b.tb.Helper()
	all := map[string][]byte{"log": []byte(b.log.String()), "questions": b.questions.everything(), "money": b.money.everything()}
	add := func(place string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			b.tb.Fatal(err)
		}
		all[place] = append(append(all[place], text...), '\n')
	}
	for _, c := range b.Calls("") {
		add("calls to Slack", c.Args)
	}
	for _, d := range b.Deliveries() {
		all["answers to Slack"] = append(append(all["answers to Slack"], d.Answer.Body...), '\n')
	}
	for _, f := range b.Files() {
		all["files"] = append(all["files"], f.Content...)
	}
	for _, r := range b.tango.Received() {
		add("addresses at Tango", r.URI) // where header and body rightly have a key and a card
	}
	file, err := os.ReadFile(filepath.Join(b.folder, "tangobot.db")) // with the pages that hold nothing any more
	if err != nil {
		b.tb.Fatal(err)
	}
	all["data file"] = file
	return all
}

// A harness that overlooks a secret proves nothing: in each place that is looked at, one is found.
func TestTheHarnessFindsSecrets(t *testing.T) {
	t.Parallel()
	for place, leak := range map[string]func(*bot){
		"log": func(b *bot) { b.edge.Log.Warn("leak", "token", botToken) },
		"questions": func(b *bot) {
			if err := b.questions.Send(t.Context(), []byte(`{"key":"`+platformKey+`"}`), 0); err != nil {
				t.Error(err)
			}
			b.questions.take()
		},
		"data file": func(b *bot) {
			for _, text := range []string{"secret " + signingSecret, "nothing"} { // what was overwritten is there still
				if err := b.store.SaveBlob("leak", []byte(text)); err != nil {
					t.Error(err)
				}
			}
		},
		"calls to Slack": func(b *bot) {
			if _, err := b.client.Post(t.Context(), "C0APPROVE", "", slack.Message{Text: "card 4929 1758 3046 2719"}); err != nil {
				t.Error(err)
			}
		},
		"addresses at Tango": func(b *bot) {
			_, _ = b.desk.Books.Accounts(t.Context(), treasury.AccountQuery{Name: canarytest.TakenNumber, Window: treasury.Window{Size: 5}})
		},
	} {
		b := newBot(t)
		leak(b)
		told := &recorder{TB: t}
		b.tb = told
		b.check()
		b.tb = t
		if !strings.Contains(told.text.String(), "stands in the "+place) {
			t.Errorf("a secret in the %s passes unseen: %s", place, told.text.String())
		}
		b.leaked = true
	}
}

// recorder is a test that is told of failures without failing.
type recorder struct {
	testing.TB
	text strings.Builder
}

func (r *recorder) Errorf(format string, args ...any) { fmt.Fprintf(&r.text, format+"\n", args...) }

// until is a context with a deadline on the test's clock, as Lambda gives one on the real clock.
type until struct {
	context.Context //nolint:containedctx // it is a context
	at              time.Time
}

func (u until) Deadline() (time.Time, bool) { return u.at, true }

// drain does all work that is queued and due, questions first, and gives what failed. Failed jobs wait in the queue.
func (b *bot) drain() []error {
	b.tb.Helper()
	var failed []error
	again := func(q *jobs, body []byte, err error) {
		failed = append(failed, err)
		if err := q.Send(b.tb.Context(), body, 10*time.Second); err != nil {
			b.tb.Fatal(err)
		}
	}
	for {
		if body, ok := b.questions.take(); ok {
			if err := b.edge.Job(b.tb.Context(), body); err != nil {
				again(b.questions, body, err)
			}
			continue
		}
		body, ok := b.money.take()
		if !ok {
			return failed
		}
		ctx := until{b.tb.Context(), b.clock.Now().Add(2 * time.Minute)}
		if err := b.desk.ExecuteJob(ctx, body); err != nil {
			again(b.money, body, err)
		}
	}
}

// settle does all queued work, none of which may fail.
func (b *bot) settle() {
	b.tb.Helper()
	for _, err := range b.drain() {
		b.tb.Errorf("a job failed: %v", err)
	}
}

// pass lets time go by, and then does what the schedule and the queues do.
func (b *bot) pass(d time.Duration) {
	b.tb.Helper()
	b.clock.Advance(d)
	if err := b.desk.Watch(b.tb.Context()); err != nil {
		b.tb.Errorf("the watch failed: %v", err)
	}
	b.settle()
}
