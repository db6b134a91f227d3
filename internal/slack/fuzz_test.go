package slack_test

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// signed sends a body that Slack could have signed to one of the handlers, without a network.
func (b *bot) signed(t *testing.T, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	stamp := strconv.FormatInt(b.clock.Now().Unix(), 10)
	r.Header.Set(headerStamp, stamp)
	r.Header.Set(headerSignature, b.Sign(stamp, []byte(body)))
	w := httptest.NewRecorder()
	switch path {
	case "/slack/commands":
		b.edge.Commands(w, r)
	case "/slack/interactions":
		b.edge.Interactions(w, r)
	case "/slack/options":
		b.edge.Options(w, r)
	default:
		b.edge.Events(w, r)
	}
	return w
}

// quietBot is a bot whose workspace may be told anything: a fuzzed payload names channels, triggers and people that are
// not there, which Slack refuses with an error that the bot has to bear.
func quietBot(f *testing.F) *bot {
	f.Helper()
	b := newBot(f)
	f.Cleanup(b.ClearLog) // runs before the check
	return b
}

// FuzzSignature gives two headers and a body: nothing but the one right signature passes.
func FuzzSignature(f *testing.F) {
	now := time.Unix(1531420618, 0)
	v := slack.Verifier{Clock: func() time.Time { return now }, Signing: (&secrets{current: signingSecret}).signing}
	stamp := strconv.FormatInt(now.Unix(), 10)
	f.Add(stamp, slacksim.Sign(signingSecret, stamp, []byte("a=b")), "a=b")
	f.Add(stamp, "v0=", "")
	f.Add("", "v0="+strings.Repeat("0", 64), "x")
	f.Add("+"+stamp, "v1=00", "x")
	f.Add("9223372036854775807", "v0="+strings.Repeat("f", 63), "x")
	f.Fuzz(func(t *testing.T, stamp, signature, body string) {
		header := http.Header{headerStamp: {stamp}, headerSignature: {signature}}
		err := v.Check(t.Context(), header, []byte(body))
		if err != nil {
			return
		}
		n, parseErr := strconv.ParseInt(stamp, 10, 64)
		if parseErr != nil || signature != slacksim.Sign(signingSecret, stamp, []byte(body)) || n < now.Unix()-300 || n > now.Unix()+300 {
			t.Fatalf("taken: %q %q %q", stamp, signature, body)
		}
	})
}

// FuzzForm gives the body of a command: it is answered 200 or 400, and what is shown keeps Slack's rules.
func FuzzForm(f *testing.F) {
	b := quietBot(f)
	for _, s := range []string{
		"", "ssl_check=1", "team_id=T0ACME&user_id=U0LENA&command=%2Ftango&text=help&trigger_id=1&response_url=http%3A%2F%2Fx",
		"team_id=T0ACME&user_id=U0LENA&command=%2Ftango&text=balance&trigger_id=1&response_url=http%3A%2F%2Fx", "a=1&a=2", "%", "a;b", "user_id=&trigger_id=&response_url=",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := b.signed(t, "/slack/commands", body)
		if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
			t.Fatalf("status %d for %q", w.Code, body)
		}
		b.questions.list = nil
		if values, good := slack.FormValues([]byte(body)); good {
			for key, v := range values {
				if len(v) != 1 {
					t.Fatalf("%q has %d values", key, len(v))
				}
			}
		}
		if w.Body.Len() == 0 {
			return
		}
		for _, p := range slacksim.CheckMessage(withoutType(t, w.Body.Bytes())) {
			t.Errorf("%q: %s", body, p)
		}
	})
}

// withoutType drops what an answer to a command has beyond a message.
func withoutType(t *testing.T, answer []byte) []byte {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(answer, &m); err != nil {
		t.Fatalf("%q: %v", answer, err)
	}
	if m["response_type"] != "ephemeral" {
		t.Fatalf("response_type %v", m["response_type"])
	}
	delete(m, "response_type")
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// FuzzInteraction gives a payload: no panic, no status that Slack shows as a crash, and no change of the journal by
// anybody but a person of the workspace.
func FuzzInteraction(f *testing.F) {
	b := quietBot(f)
	bodies := b.rehearse()
	for _, body := range bodies {
		if values, err := url.ParseQuery(string(body)); err == nil && values.Get("payload") != "" {
			f.Add(values.Get("payload"))
		}
	}
	for _, s := range []string{
		`{"type":"block_actions","team":{"id":"T0ACME"},"user":{"id":"U0GUS"},"actions":[{"action_id":"approve","value":"TB-00000000"}]}`,
		`{"type":"block_actions","team":null,"user":{"id":"U0LENA"},"actions":[]}`,
		`{"type":"block_actions","team":{"id":"T0ACME"},"user":{"id":"U0LENA"},"actions":[{"action_id":"next","value":"{\"ask\":\"accounts\"}"}]}`,
		`{"type":"view_submission","team":{"id":"T0ACME"},"user":{"id":"U0LENA"},"view":{"callback_id":"transfer_form","private_metadata":"{}","state":{"values":{"from":{"value":{"selected_option":null}}}}}}`,
		`{"type":"view_closed","team":{"id":"T0ACME"},"user":{"id":"U0LENA"}}`,
		`[]`, `{`, `null`, `{"user":{"id":"U0LENA"},"view":{"state":{"values":null}}}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		body := url.Values{"payload": {payload}}.Encode()
		var p struct{ User struct{ ID string } }
		_ = json.Unmarshal([]byte(payload), &p)
		b.log.reset()
		for _, path := range []string{"/slack/interactions", "/slack/options"} {
			w := b.signed(t, path, body)
			if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
				t.Fatalf("%s: status %d", path, w.Code)
			}
			if w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%s: answered %q", path, w.Body)
			}
		}
		if log := b.log.String(); !slices.Contains([]string{"U0LENA", "U0MAYA", "U0RAVI"}, p.User.ID) &&
			(strings.Contains(log, "request made") || strings.Contains(log, "request changed")) {
			t.Fatalf("%q changed a request:\n%s", p.User.ID, log)
		}
		b.questions.list, b.money.list = nil, nil
	})
}

// FuzzEvent gives the body of an event.
func FuzzEvent(f *testing.F) {
	b := quietBot(f)
	for _, s := range []string{
		`{"type":"url_verification","challenge":"c"}`,
		`{"type":"event_callback","team_id":"T0ACME","event":{"type":"app_home_opened","tab":"home","user":"U0LENA"}}`,
		`{"type":"event_callback","team_id":"T0ACME","event":{"type":"app_home_opened","tab":"home","user":"U0GUS","view":{"hash":"1.x"}}}`,
		`{"type":"event_callback","team_id":"T0OTHER"}`, `{"event":null}`, `[]`, `{`, ``,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := b.signed(t, "/slack/events", body)
		if w.Code != http.StatusOK && w.Code != http.StatusBadRequest && w.Code != http.StatusServiceUnavailable {
			t.Fatalf("status %d", w.Code)
		}
		if w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("answered %q", w.Body)
		}
	})
}

// FuzzTransferText gives what stands behind "/tango transfer": whatever it is, the form keeps Slack's limits, and what
// was read is there or was said to be missing.
func FuzzTransferText(f *testing.F) {
	b := quietBot(f)
	if err := b.desk.Accounts.Load(f.Context(), b.desk.Journal, b.clock.Now()); err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		"", "500 from employee-rewards to marketing-us spring", "500 USD to “Marketing US”", "from to", `"`, "<mailto:a@b|a@b>", "&lt;!channel&gt;", "1,50 from rewards",
		"500 from <@U0MAYA>", "<", "2.5 k", "\u202e", strings.Repeat("é", 200),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, escaped string) {
		text := slack.Typed(escaped)
		draft, remarks := b.edge.ReadTransfer(text)
		if utf8.RuneCountInString(draft.Note) > treasury.MaxNote {
			t.Fatalf("a note of %d characters", utf8.RuneCountInString(draft.Note))
		}
		for _, id := range []string{draft.From, draft.To} {
			if _, _, known := b.desk.Accounts.Get(id); id != "" && !known {
				t.Fatalf("an account that is not there: %q", id)
			}
		}
		form, err := b.edge.FormView(t.Context(), draft, remarks, false)
		if err != nil {
			t.Fatal(err)
		}
		view, err := json.Marshal(form)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range slacksim.CheckView(view) {
			t.Errorf("%q: %s", escaped, p)
		}
		safe(t, "the form", json.RawMessage(view))
	})
}

// FuzzFilters gives what stands behind "/tango accounts" or "/tango customers".
func FuzzFilters(f *testing.F) {
	for _, s := range []string{
		"", "words status:active", "currency:USD,EUR min:5 max:1k", "created:2026-01-01..", `name:"a b`, "status:", ":", "::", "created:..", "min:-1", "number:ａ",
		"customer:../x", "account-status:frozen account:employee-rewards",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, read := range []func(string) error{
			func(s string) error {
				q, err := slack.AccountQuery(s)
				if err == nil && (q.Customer != "" && strings.ContainsAny(q.Customer, "/.?#%") || !q.CreatedTo.IsZero() && q.CreatedTo.Before(q.CreatedFrom)) {
					t.Errorf("%q: %+v", s, q)
				}
				return err
			},
			func(s string) error { _, err := slack.CustomerQuery(s); return err },
		} {
			if err := read(text); err != nil {
				words := slack.ErrorWords(err, "")
				if strings.HasPrefix(words, "Something went wrong") {
					t.Errorf("%q: a mistake without words: %v", text, err)
				}
				safe(t, "the mistake", map[string]string{"text": words})
			}
		}
	})
}

// FuzzJob gives the body of a queued job: it is done, or it fails and ends with the dead letters.
func FuzzJob(f *testing.F) {
	b := quietBot(f)
	for _, s := range []string{
		``, `{}`, `null`, `{"announce":"TB-00000000"}`, `{"question":{"ask":"balance","person":"U0LENA","response_url":"https://evil.example/","at":"2026-11-25T00:00:00Z"}}`,
		`{"question":{"ask":"accounts","person":"U0GUS","place":{"next":"x"}}}`, `{"question":{"ask":"requests","person":"U0LENA","words":"TB-00000000","place":{"prev":"-7"}}}`,
		`{"execute":"TB-00000000"}`, `{"question":[]}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		before := b.tango.Movements()
		_ = b.edge.Job(t.Context(), []byte(body)) // either is right; a panic is not
		if len(b.tango.Movements()) != len(before) {
			t.Fatal("a question moved money")
		}
	})
}

// FuzzDrawnText gives a name or note: it is drawn without markup of its own.
func FuzzDrawnText(f *testing.F) {
	for _, s := range []string{"", "<!channel>", "`x", "&amp;", "\u202e\u200b", "a\nb", "\xff\xfe", strings.Repeat("&", 4000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, foreign string) {
		r := pendingRequest(foreign, foreign)
		card := slack.Card(r, treasury.Notice{})
		safe(t, "the card", map[string]any{"text": card.Text, "blocks": card.Blocks})
		body, err := json.Marshal(map[string]any{"text": card.Text, "blocks": card.Blocks})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range slacksim.CheckUpdate(body) {
			t.Errorf("%q: %s", hex.EncodeToString([]byte(foreign)), p)
		}
	})
}
