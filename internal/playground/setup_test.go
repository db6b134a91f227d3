package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/canarytest"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
)

// running is a playground that serves in the test's own process.
type running struct {
	*playground
	t      *testing.T
	told   *recorder // of secrets that got out
	folder string
	stop   func() // ends it as a signal does; only once
}

// start runs a playground over a data folder until the test ends, on a free port and with a quick watch.
func start(t *testing.T, folder string, environment ...string) *running {
	t.Helper()
	return startLogging(t, t.Output(), folder, environment...)
}

// startLogging is start with a log of its own.
func startLogging(t *testing.T, log io.Writer, folder string, environment ...string) *running {
	t.Helper()
	values := map[string]string{
		"PORT": "0", "DATA_DIR": folder, "WATCH_INTERVAL": "200ms",
		"SLACK_SIGNING_SECRET": canarytest.SigningSecret, "SLACK_BOT_TOKEN": canarytest.BotToken, "TANGO_PLATFORM_KEY": canarytest.PlatformKey,
	}
	for _, pair := range environment {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	s, err := readSettings(func(name string) string { return values[name] })
	if err != nil {
		t.Fatal(err)
	}
	told := &recorder{TB: t}
	ctx, cancel := context.WithCancel(t.Context())
	p, err := open(ctx, s, time.Now, newLog(canarytest.Watch(told, "log", log)))
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.serve(ctx) }()
	stopped := false
	var r *running
	r = &running{playground: p, t: t, told: told, folder: folder, stop: func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("stopping: %v", err)
		}
		r.leaks()
	}}
	t.Cleanup(r.stop)
	r.until("ready", func() bool { return r.call(http.MethodGet, "/healthz", "", nil).status == http.StatusOK })
	return r
}

// recorder passes failures on to its test; or keeps them, for a test that asks for them.
type recorder struct {
	testing.TB
	mu   sync.Mutex
	keep bool
	text strings.Builder
}

func (r *recorder) Errorf(format string, args ...any) {
	r.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keep {
		fmt.Fprintf(&r.text, format+"\n", args...)
		return
	}
	r.TB.Errorf(format, args...)
}

// leaks looks for secrets in what a playground that has ended leaves behind: its data file, which has the simulated Slack
// and Tango in it and the queues' jobs, and what it told Slack. Its log is watched as it is written.
func (r *running) leaks() {
	r.t.Helper()
	file, err := os.ReadFile(filepath.Join(r.folder, "tangobot.db")) // with the pages that hold nothing any more
	if err != nil {
		r.t.Fatal(err)
	}
	canarytest.Check(r.told, "data file", file)
	if r.slack == nil {
		return
	}
	for _, c := range r.slack.Calls("") {
		canarytest.Check(r.told, "calls to Slack", fmt.Append(nil, c))
	}
	for _, d := range r.slack.Deliveries() {
		canarytest.Check(r.told, "answers to Slack", d.Answer.Body)
	}
	for _, f := range r.slack.Files() {
		canarytest.Check(r.told, "files", f.Content)
	}
}

// patience bounds every wait: a slow machine is no failure.
const patience = 40 * time.Second

// until waits for something that comes by itself.
func (r *running) until(what string, done func() bool) {
	r.t.Helper()
	r.untilWithin(patience, what, done)
}

func (r *running) untilWithin(limit time.Duration, what string, done func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), limit)
	defer cancel()
	for !done() {
		pause(ctx, 5*time.Millisecond)
		if ctx.Err() != nil {
			r.t.Fatalf("it did not come to this: %s", what)
		}
	}
}

type answered struct {
	status int
	header http.Header
	body   string
}

// call sends a request. Header are pairs; Host is one of them.
func (r *running) call(method, path, body string, header map[string]string) answered {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.address+path, bytes.NewBufferString(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, value := range header {
		if name == "Host" {
			request.Host = value
		}
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answered{response.StatusCode, response.Header, string(text)}
}

// do acts as the page does, and demands that it is not refused.
func (r *running) do(name string, a act) outcome {
	r.t.Helper()
	out, status := r.try(name, a)
	if status != http.StatusOK || out.Error != "" {
		r.t.Fatalf("%s: %d %s", name, status, out.Error)
	}
	return out
}

func (r *running) try(name string, a act) (outcome, int) {
	r.t.Helper()
	body, err := json.Marshal(a)
	if err != nil {
		r.t.Fatal(err)
	}
	answer := r.call(http.MethodPost, "/play/"+name, string(body), map[string]string{"Content-Type": "application/json"})
	var out outcome
	if err := json.Unmarshal([]byte(answer.body), &out); err != nil {
		r.t.Fatalf("%s answered %d %s", name, answer.status, answer.body)
	}
	return out, answer.status
}

// sees reads what a person's page shows.
func (r *running) sees(person string) pageState {
	r.t.Helper()
	answer := r.call(http.MethodGet, "/play/state?person="+person, "", nil)
	var s pageState
	if err := json.Unmarshal([]byte(answer.body), &s); err != nil {
		r.t.Fatalf("state: %d %v", answer.status, err)
	}
	return s
}

// form waits for a person's modal with this title.
func (r *running) form(person, title string) slacksim.View {
	r.t.Helper()
	var found slacksim.View
	r.until("form "+title, func() bool {
		modals := r.sees(person).Slack.Modals
		if len(modals) == 0 || modals[len(modals)-1].Title.Text != title {
			return false
		}
		found = modals[len(modals)-1]
		return true
	})
	return found
}

// card waits until the newest message in the approvals channel holds the words, and gives it.
func (r *running) card(words string) slacksim.Message {
	r.t.Helper()
	var card slacksim.Message
	r.until("a card with "+words, func() bool {
		list := r.sees("U0MAYA").Slack.Channels[0].Messages
		if len(list) == 0 {
			return false
		}
		card = list[len(list)-1]
		return strings.Contains(card.Text, words)
	})
	return card
}

// request asks as Lena for a transfer of 250 USD, through both steps of the form, and gives its card.
func (r *running) request() slacksim.Message {
	r.t.Helper()
	r.do("say", act{Person: "U0LENA", Place: "direct", Text: "/tango transfer 250 from employee-rewards to marketing-us"})
	r.do("submit", act{Person: "U0LENA", View: r.form("U0LENA", "Request a transfer").ID})
	r.do("submit", act{Person: "U0LENA", View: r.form("U0LENA", "Check your request").ID})
	r.do("close", act{Person: "U0LENA", View: r.form("U0LENA", "Requested").ID})
	return r.card("Waiting for approval")
}

// approve approves a card as Maya.
func (r *running) approve(card slacksim.Message) {
	r.t.Helper()
	r.do("click", act{Person: "U0MAYA", Target: slacksim.Target{Channel: card.Channel, TS: card.TS, Action: "approve"}})
	r.do("submit", act{Person: "U0MAYA", View: r.form("U0MAYA", "Approve this request").ID})
	r.do("close", act{Person: "U0MAYA", View: r.form("U0MAYA", "Recorded").ID})
}
