package slacksim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
)

const (
	secret = "8f742231b10e8888abcd99yyyzzz85a5"
	token  = "xoxb-test"
)

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

// bundle is a workspace that is served, and an app whose answers a test writes.
type bundle struct {
	*slacksim.Workspace
	clock *clock
	api   string // the Web API, ending in a slash

	mu  sync.Mutex
	app http.HandlerFunc
}

// answer sets what the app does with every delivery from now on.
func (b *bundle) answer(h http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.app = h
}

// answerJSON makes the app answer 200 with a JSON text.
func (b *bundle) answerJSON(body string) {
	b.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	})
}

func setup(t *testing.T, change ...func(*slacksim.Config)) *bundle {
	t.Helper()
	b := &bundle{clock: &clock{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		h := b.app
		b.mu.Unlock()
		if h != nil {
			h(w, r)
		}
	}))
	t.Cleanup(app.Close)
	config := slacksim.Config{
		Clock: b.clock.Now, SigningSecret: secret, BotToken: token, Directory: slacksim.Demo(),
		URLs: slacksim.URLs{
			CommandsURL: app.URL + "/slack/commands", InteractionsURL: app.URL + "/slack/interactions",
			OptionsURL: app.URL + "/slack/options", EventsURL: app.URL + "/slack/events",
		},
	}
	for _, f := range change {
		f(&config)
	}
	b.Workspace = slacksim.New(config)
	api := httptest.NewServer(b.Workspace)
	t.Cleanup(api.Close)
	b.api = api.URL + "/api/"
	b.SetBaseURL(api.URL)
	return b
}

// reply is an answer over HTTP; its status is 0 when the connection was cut.
type reply struct {
	status int
	header http.Header
	body   string
}

// post sends a body to an address.
func post(ctx context.Context, t *testing.T, address, kind, bearer, body string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return reply{body: err.Error()}
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(answer)}
}

// send posts JSON to an address, such as a response_url.
func send(t *testing.T, address, body string) reply {
	t.Helper()
	return post(t.Context(), t, address, "application/json", "", body)
}

// send posts JSON to a method.
func (b *bundle) send(ctx context.Context, t *testing.T, method string, args map[string]any) reply {
	t.Helper()
	return post(ctx, t, b.api+method, "application/json; charset=utf-8", token, js(t, args))
}

// call calls a method with JSON, and gives the decoded answer.
func (b *bundle) call(ctx context.Context, t *testing.T, method string, args map[string]any) map[string]any {
	t.Helper()
	body := b.send(ctx, t, method, args).body
	var out map[string]any
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatalf("%s answered %q", method, body)
	}
	return out
}

// must calls a method that has to succeed.
func (b *bundle) must(t *testing.T, method string, args map[string]any) map[string]any {
	t.Helper()
	return b.mustIn(t.Context(), t, method, args)
}

// mustIn is must for an app that is in the middle of a request.
func (b *bundle) mustIn(ctx context.Context, t *testing.T, method string, args map[string]any) map[string]any {
	t.Helper()
	out := b.call(ctx, t, method, args)
	if out["ok"] != true {
		t.Errorf("%s answered %v", method, out)
	}
	return out
}

// refused calls a method that has to fail with a code.
func (b *bundle) refused(t *testing.T, code, method string, args map[string]any) {
	t.Helper()
	if out := b.call(t.Context(), t, method, args); out["ok"] != false || out["error"] != code {
		t.Errorf("%s answered %v, want error %s", method, out, code)
	}
}

// card posts a message with one button in #tango-approvals.
func (b *bundle) card(t *testing.T) slacksim.Target {
	t.Helper()
	out := b.must(t, "chat.postMessage", map[string]any{"channel": "C0APPROVE", "text": "Approve?", "blocks": []any{buttons(button("approve", "r1"))}})
	return slacksim.Target{Channel: "C0APPROVE", TS: out["ts"].(string), Action: "approve"}
}

// trigger has a person press a card's button and gives the trigger id that the app got.
func (b *bundle) trigger(t *testing.T, user string) string {
	t.Helper()
	if _, err := b.Click(t.Context(), user, b.card(t)); err != nil {
		t.Fatal(err)
	}
	return b.payload(t, slacksim.ToInteractions)["trigger_id"].(string)
}

// open opens a modal for a person and gives it.
func (b *bundle) open(t *testing.T, user string, view map[string]any) slacksim.View {
	t.Helper()
	b.must(t, "views.open", map[string]any{"trigger_id": b.trigger(t, user), "view": view})
	stack := b.Modals(user)
	return stack[len(stack)-1]
}

// payload gives the JSON of the newest delivery to a route.
func (b *bundle) payload(t *testing.T, route slacksim.Route) map[string]any {
	t.Helper()
	d, ok := b.LastDelivery(route)
	if !ok {
		t.Fatalf("nothing was delivered to %s", route)
	}
	raw := d.Body
	if route != slacksim.ToEvents {
		raw = []byte(form(t, d.Body).Get("payload"))
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("payload %q: %v", raw, err)
	}
	return out
}

func form(t *testing.T, body []byte) url.Values {
	t.Helper()
	values, err := url.ParseQuery(string(body))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// clean fails when there are violations.
func (b *bundle) clean(t *testing.T) {
	t.Helper()
	for _, v := range b.Violations() {
		t.Errorf("violation: %s", v)
	}
}

func js(t *testing.T, v any) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(v); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// dig walks into decoded JSON.
func dig(v any, keys ...string) any {
	for _, k := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

type m = map[string]any

func plain(s string) m   { return m{"type": "plain_text", "text": s} }
func mrkdwn(s string) m  { return m{"type": "mrkdwn", "text": s} }
func section(s string) m { return m{"type": "section", "text": mrkdwn(s)} }
func chars(n int) string { return strings.Repeat("é", n) }
func buttons(e ...any) m { return m{"type": "actions", "elements": e} }
func list(n int, v any) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func button(action, value string) m {
	return m{"type": "button", "action_id": action, "value": value, "text": plain("Press")}
}

func option(text, value string) m { return m{"text": plain(text), "value": value} }

func input(block string, element m) m {
	return m{"type": "input", "block_id": block, "label": plain("Label"), "element": element}
}

func textInput() m { return m{"type": "plain_text_input", "action_id": "value"} }

func view(title string, blocks ...any) m {
	blocks = append([]any{}, blocks...) // never null
	return m{"type": "modal", "title": plain(title), "submit": plain("Send"), "close": plain("Cancel"), "callback_id": "form", "blocks": blocks}
}

func homeOf(blocks ...any) m {
	return m{"type": "home", "blocks": append([]any{}, blocks...)}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func jsonInto(body []byte, v any) error { return json.Unmarshal(body, v) }
