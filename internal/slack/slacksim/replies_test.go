package slacksim_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
)

func TestSlashForm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.Slash(t.Context(), "U0MAYA", "C0GENERAL", "ask @ravi in #general <now> & https://a.example/?x=1&y=2 @nobody <@U0LENA>"); err != nil {
		t.Fatal(err)
	}
	sent, _ := b.LastDelivery(slacksim.ToCommands)
	f := form(t, sent.Body)
	for key, want := range map[string]string{
		"team_id": "T0ACME", "team_domain": "acme", "channel_id": "C0GENERAL", "channel_name": "general", "user_id": "U0MAYA", "user_name": "maya",
		"command": "/tango", "api_app_id": "A0TANGO", "is_enterprise_install": "false",
		"text": "ask <@U0RAVI> in <#C0GENERAL|general> &lt;now&gt; &amp; <https://a.example/?x=1&amp;y=2> @nobody <@U0LENA>",
	} {
		if got := f.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if f.Get("trigger_id") == "" || f.Get("response_url") == "" {
		t.Errorf("the form is %v", f)
	}
	raw := setup(t, func(c *slacksim.Config) { c.RawCommands = true })
	if _, err := raw.Slash(t.Context(), "U0MAYA", "", "ask @ravi"); err != nil {
		t.Fatal(err)
	}
	sent, _ = raw.LastDelivery(slacksim.ToCommands)
	if f := form(t, sent.Body); f.Get("text") != "ask @ravi" || f.Get("channel_name") != "directmessage" {
		t.Errorf("unescaped: %v", f)
	}
}

func TestSlashReplies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	slash := func() *slacksim.Message {
		t.Helper()
		r, err := b.Slash(t.Context(), "U0MAYA", "C0GENERAL", "balance")
		if err != nil {
			t.Fatal(err)
		}
		return r.Message
	}
	b.answerJSON(`{"response_type":"ephemeral","text":"private"}`)
	if got := slash(); got == nil || got.EphemeralTo != "U0MAYA" || got.Text != "private" {
		t.Errorf("a private reply is %+v", got)
	}
	b.answerJSON(`{"response_type":"in_channel","text":"public"}`)
	if got := slash(); got == nil || got.Ephemeral {
		t.Errorf("a public reply is %+v", got)
	}
	shown := b.Messages("C0GENERAL")
	if len(shown) != 3 || shown[1].Text != "/tango balance" || shown[1].User != "U0MAYA" {
		t.Errorf("a public reply shows what was typed, and here: %v", shown)
	}
	b.clean(t)
	b.answerJSON(`{"text":"which?"}`)
	slash()
	if got := b.Violations(); len(got) != 1 || got[0].Code != "no_response_type" {
		t.Errorf("without response_type: %v", got)
	}
	b.answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "plain words") })
	if got := slash(); got == nil || got.Text != "plain words" || !got.Ephemeral {
		t.Errorf("plain text is %+v", got)
	}
}

func TestResponseURL(t *testing.T) {
	t.Parallel()
	b := setup(t)
	slash := func() string {
		t.Helper()
		b.answerJSON(`{"response_type":"ephemeral","text":"working"}`)
		if _, err := b.Slash(t.Context(), "U0MAYA", "C0GENERAL", "balance"); err != nil {
			t.Fatal(err)
		}
		sent, _ := b.LastDelivery(slacksim.ToCommands)
		return form(t, sent.Body).Get("response_url")
	}
	respond := func(address, body string) string {
		return send(t, address, body).body
	}
	address := slash()
	for i := range 5 {
		if got := respond(address, `{"response_type":"ephemeral","replace_original":true,"text":"done"}`); got != "ok" {
			t.Fatalf("use %d answered %s", i+1, got)
		}
	}
	if got := respond(address, `{"text":"x"}`); !strings.Contains(got, "used_url") {
		t.Errorf("the sixth use answered %s", got)
	}
	if got := b.Ephemerals("U0MAYA"); len(got) != 1 || got[0].Text != "done" {
		t.Errorf("replace_original left %v", got)
	}
	young, old := slash(), slash()
	b.clock.Advance(30 * time.Minute)
	if got := respond(young, `{"text":"x"}`); got != "ok" {
		t.Errorf("after thirty minutes: %s", got)
	}
	b.clock.Advance(time.Second)
	if got := respond(old, `{"text":"x"}`); !strings.Contains(got, "expired_url") {
		t.Errorf("after more than thirty minutes: %s", got)
	}
	b.clean(t)
	fresh := slash()
	for body, want := range map[string]string{
		`{`: "invalid_payload", `{}`: "no_text", `{"text":"x","blocks":[{"type":"hologram"}]}`: "invalid_blocks", `{"delete_original":true}`: "cant_delete_message",
	} {
		if got := respond(fresh, body); !strings.Contains(got, want) {
			t.Errorf("%s answered %s, want %s", body, got, want)
		}
	}
	if got := respond(fresh+"x", `{"text":"x"}`); !strings.Contains(got, "no_service") {
		t.Errorf("an unknown URL answered %s", got)
	}
	if got := post(t.Context(), t, fresh, "text/plain", "", `{"text":"x"}`).body; !strings.Contains(got, "invalid_payload") {
		t.Errorf("another content type answered %s", got)
	}
	b.Inject(slacksim.Fault{Method: "response_url", Status: 500})
	if got := send(t, fresh, `{"text":"x"}`); got.status != http.StatusInternalServerError {
		t.Errorf("an injected status gave %v", got)
	}
}

func TestResponseURLOfAClick(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := b.card(t)
	press := func() string {
		t.Helper()
		if _, err := b.Click(t.Context(), "U0MAYA", at); err != nil {
			t.Fatal(err)
		}
		return b.payload(t, slacksim.ToInteractions)["response_url"].(string)
	}
	address := press()
	if got := send(t, address, `{"text":"aside"}`).body; got != "ok" || len(b.Ephemerals("U0MAYA")) != 1 {
		t.Errorf("an aside answered %s, and left %v", got, b.Ephemerals("U0MAYA"))
	}
	reply := `{"response_type":"in_channel","text":"reply","thread_ts":"` + at.TS + `"}`
	if got := send(t, address, reply).body; got != "ok" || len(b.Messages("C0APPROVE")[0].Replies) != 1 {
		t.Errorf("a reply answered %s, and left %v", got, b.Messages("C0APPROVE"))
	}
	if got := send(t, press(), `{"replace_original":true,"text":"replaced"}`).body; got != "ok" {
		t.Errorf("replace_original answered %s", got)
	}
	if got, _ := b.Message(at.Channel, at.TS); got.Text != "replaced" || got.Blocks != nil {
		t.Errorf("replaced by %+v", got)
	}
	if got := send(t, address, `{"delete_original":true}`).body; got != "ok" {
		t.Errorf("delete_original answered %s", got)
	}
	if _, ok := b.Message(at.Channel, at.TS); ok {
		t.Error("the deleted message is still there")
	}
	b.clean(t)
}
