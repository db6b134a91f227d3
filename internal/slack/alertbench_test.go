package slack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
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

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

var updateAlerts = flag.Bool("update-alerts", false, "write the golden files of alerts and history anew")

// alertPolicy gives people rights, and accounts thresholds.
const alertPolicy = `
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
undo: 60s
low_balance:
  default: {USD: 1000, EUR: 1000}
  accounts:
    employee-rewards: {USD: 2500}
`

// alertBench is Tangobot between a simulated Slack and a simulated Tango, on a clock that the test moves. Its queues are
// emptied by the test, one job after the other.
type alertBench struct {
	*slacksim.Workspace
	desk *treasury.Desk
	edge *slack.Edge
	sim  *tangosim.Sim

	mu   sync.Mutex
	now  time.Time
	jobs []string
}

func (b *alertBench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *alertBench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// asking is a queue that notes its jobs for the test to run.
type asking struct {
	*embedded.Queue
	bench *alertBench
}

// Send notes a job, and puts it on the queue.
func (a asking) Send(ctx context.Context, body []byte, delay time.Duration) error {
	a.bench.mu.Lock()
	a.bench.jobs = append(a.bench.jobs, string(body))
	a.bench.mu.Unlock()
	return a.Queue.Send(ctx, body, delay)
}

func newAlertBench(t *testing.T, change ...func(*slacksim.Config, *treasury.Policy)) *alertBench {
	t.Helper()
	b := &alertBench{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	policy, err := treasury.ParsePolicy([]byte(alertPolicy))
	if err != nil {
		t.Fatal(err)
	}
	handler := http.NewServeMux()
	app := httptest.NewServer(handler)
	config := slacksim.Config{
		Clock: b.clock, SigningSecret: "secret", BotToken: "xoxb", Directory: slacksim.Demo(),
		URLs: slacksim.URLs{CommandsURL: app.URL + "/commands", InteractionsURL: app.URL + "/interactions"},
	}
	for _, f := range change {
		f(&config, policy)
	}
	b.Workspace = slacksim.New(config)
	workspace := httptest.NewServer(b.Workspace)
	b.SetBaseURL(workspace.URL)
	b.sim = tangosim.New(tangosim.Config{Clock: b.clock, PlatformName: "p", PlatformKey: "k"})
	tangoServer := httptest.NewServer(b.sim)
	store, err := embedded.Open(t.TempDir(), b.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		app.Close()
		workspace.Close()
		tangoServer.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := slack.NewClient(slack.ClientConfig{
		APIURL: workspace.URL + "/api/", HTTP: &http.Client{Timeout: 20 * time.Second}, Clock: b.clock,
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
	queue, err := store.NewQueue("questions", embedded.QueueConfig{Workers: 1, Timeout: time.Minute, Again: time.Second, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	money, err := store.NewQueue("money", embedded.QueueConfig{Workers: 1, Timeout: time.Minute, Again: time.Second, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	b.desk = &treasury.Desk{
		Journal: embedded.Journal{Store: store}, People: client, Policy: policy, Clock: b.clock, Log: log, Accounts: &treasury.Directory{},
		Money: money, Questions: asking{queue, b}, Books: books, Mover: books, Pacer: pacer,
	}
	b.edge = &slack.Edge{
		Desk: b.desk, Client: client, Claims: embedded.Claims{Store: store}, Clock: b.clock, Log: log,
		Verifier: slack.Verifier{Clock: b.clock, Signing: func(context.Context, bool) (treasury.Secret, error) {
			return treasury.NewSecret("secret"), nil
		}},
	}
	handler.HandleFunc("/commands", b.edge.Commands)
	handler.HandleFunc("/interactions", b.edge.Interactions)
	t.Cleanup(func() {
		for _, v := range b.Violations() {
			t.Errorf("violation: %s", v)
		}
	})
	return b
}

// add makes an active account.
func (b *alertBench) add(id, name, currency string, cents int64) {
	b.sim.AddAccount(tangosim.Account{ID: id, Customer: "acme-rewards", Name: name, Currency: currency, Cents: cents, CreatedAt: b.clock()})
}

// set brings an account to a balance, by other hands.
func (b *alertBench) set(id string, cents int64) { b.sim.Spend(id, b.sim.Balance(id)-cents) }

// drain runs all queued jobs, and those that they queue.
func (b *alertBench) drain(t *testing.T) {
	t.Helper()
	for {
		b.mu.Lock()
		jobs := b.jobs
		b.jobs = nil
		b.mu.Unlock()
		if len(jobs) == 0 {
			return
		}
		for _, body := range jobs {
			if err := b.edge.Job(t.Context(), []byte(body)); err != nil {
				t.Errorf("job %s: %v", body, err)
			}
		}
	}
}

// watch lets the time between two sweeps pass, and does what the schedule does.
func (b *alertBench) watch(t *testing.T) {
	t.Helper()
	b.pass(16 * time.Minute)
	if err := b.desk.Watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.drain(t)
}

// alerts gives the messages of the alerts channel, oldest first.
func (b *alertBench) alerts() []slacksim.Message { return b.Messages("C0ALERTS") }

// last gives the newest of them.
func (b *alertBench) last(t *testing.T) slacksim.Message {
	t.Helper()
	list := b.alerts()
	if len(list) == 0 {
		t.Fatal("nothing was posted in the alerts channel")
	}
	return list[len(list)-1]
}

// types lets a person type a command, and gives the answer that only they see.
func (b *alertBench) types(t *testing.T, person, text string) slacksim.Message {
	t.Helper()
	if _, err := b.Slash(t.Context(), person, "", text); err != nil {
		t.Fatal(err)
	}
	b.drain(t)
	list := b.Ephemerals(person)
	if len(list) == 0 {
		t.Fatalf("%q was not answered", text)
	}
	return list[len(list)-1]
}

// put writes a record of the journal as it should be.
func (b *alertBench) put(t *testing.T, key string, v any, places map[treasury.Index]treasury.Place) {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	records, err := b.desk.Journal.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	err = b.desk.Journal.Commit(t.Context(), treasury.NewWriteID(), treasury.Write{Key: key, Version: records[0].Version, Body: body, Places: places})
	if err != nil {
		t.Fatal(err)
	}
}

// golden compares a message with the file of that name. All that the blocks say must also stand in the text.
func goldenMessage(t *testing.T, name string, m slacksim.Message) {
	t.Helper()
	var blocks any
	if m.Blocks != nil {
		if err := json.Unmarshal(m.Blocks, &blocks); err != nil {
			t.Fatal(err)
		}
	}
	var got bytes.Buffer
	encoder := json.NewEncoder(&got)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(map[string]any{"text": m.Text, "blocks": blocks}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "alerts", name+".json")
	if *updateAlerts {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
	text := strings.ReplaceAll(m.Text, "*", "")
	for _, said := range wordsIn(blocks) {
		for line := range strings.Lines(strings.ReplaceAll(said, "*", "")) {
			if line = strings.TrimSpace(line); !strings.Contains(text, line) {
				t.Errorf("%s: the text does not say %q", name, line)
			}
		}
	}
}

// wordsIn gives the texts of headers, sections and notes.
func wordsIn(v any) []string {
	var list []string
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			list = append(list, wordsIn(one)...)
		}
	case map[string]any:
		if kind := v["type"]; kind == "actions" || kind == "divider" {
			return nil
		}
		if text, ok := v["text"].(string); ok {
			return []string{text}
		}
		for _, key := range []string{"text", "fields", "elements"} {
			list = append(list, wordsIn(v[key])...)
		}
	}
	return list
}

// buttonsOf names the buttons of a message.
func buttonsOf(t *testing.T, m slacksim.Message) []string {
	t.Helper()
	var blocks []struct {
		Elements []struct {
			Type     string `json:"type"`
			ActionID string `json:"action_id"`
		} `json:"elements"`
	}
	if m.Blocks != nil {
		if err := json.Unmarshal(m.Blocks, &blocks); err != nil {
			t.Fatal(err)
		}
	}
	var list []string
	for _, block := range blocks {
		for _, e := range block.Elements {
			if e.Type == "button" {
				list = append(list, e.ActionID)
			}
		}
	}
	return slices.Clip(list)
}
