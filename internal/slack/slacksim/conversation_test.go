package slacksim_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
)

// cardApp is a small app: /tango opens a form, the form posts a card, and the card's button decides and redraws it.
type cardApp struct {
	t *testing.T
	b *bundle
}

func (a cardApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	values, _ := url.ParseQuery(string(body))
	if err != nil || r.Header.Get("X-Slack-Signature") != slacksim.Sign(secret, r.Header.Get("X-Slack-Request-Timestamp"), body) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch r.URL.Path {
	case "/slack/commands":
		a.b.mustIn(r.Context(), a.t, "views.open", m{"trigger_id": values.Get("trigger_id"), "view": view("Transfer", input("amount", textInput()))})
	case "/slack/events":
		var e struct{ Event struct{ User string } }
		_ = json.Unmarshal(body, &e)
		a.b.mustIn(r.Context(), a.t, "views.publish", m{"user_id": e.Event.User, "view": homeOf(section("Welcome"))})
	case "/slack/interactions":
		var p struct {
			Type      string `json:"type"`
			Response  string `json:"response_url"`
			User      struct{ ID string }
			Container struct {
				Channel string `json:"channel_id"`
				TS      string `json:"message_ts"`
			}
			View struct {
				State struct {
					Values map[string]map[string]struct{ Value string }
				}
			}
		}
		_ = json.Unmarshal([]byte(values.Get("payload")), &p)
		if p.Type == "view_submission" {
			amount := p.View.State.Values["amount"]["value"].Value
			if amount == "0" {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"response_action":"errors","errors":{"amount":"More than nothing, please."}}`)
				return
			}
			a.b.mustIn(r.Context(), a.t, "chat.postMessage", m{"channel": "C0APPROVE", "text": "Approve " + amount + "?", "blocks": []any{section("Approve *" + amount + "*?"), buttons(button("approve", "r1"))}})
			return
		}
		if p.User.ID == "U0LENA" { // the one who asked
			got := post(r.Context(), a.t, p.Response, "application/json", "", `{"response_type":"ephemeral","text":"Somebody else must approve."}`)
			if got.body != "ok" {
				a.t.Errorf("response_url answered %v", got)
			}
			return
		}
		a.b.mustIn(r.Context(), a.t, "chat.update", m{"channel": p.Container.Channel, "ts": p.Container.TS, "text": "Approved by " + p.User.ID, "blocks": []any{section("Approved")}})
		a.b.mustIn(r.Context(), a.t, "chat.postMessage", m{"channel": "U0LENA", "text": "Your request was approved."})
	}
}

func TestWholeConversation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.answer(cardApp{t, b}.ServeHTTP)
	ctx := within(t)
	if r, err := b.Slash(ctx, "U0LENA", "", "transfer"); err != nil || r.Failure != "" || r.Message != nil {
		t.Fatalf("the command gave %+v, %v", r, err)
	}
	form := b.Modals("U0LENA")[0]
	amount := func(s string) slacksim.Values { return slacksim.Values{"amount": {"value": slacksim.Typed(s)}} }
	r, err := b.Submit(ctx, "U0LENA", form.ID, amount("0"))
	if err != nil || r.Outcome != slacksim.Refused || *r.View.Inputs.Values["amount"]["value"].Value != "0" {
		t.Fatalf("the first try gave %+v, %v", r, err)
	}
	if r, err = b.Submit(ctx, "U0LENA", form.ID, amount("500")); err != nil || r.Outcome != slacksim.Closed || r.View != nil {
		t.Fatalf("the second try gave %+v, %v", r, err)
	}
	card := b.Messages("C0APPROVE")[0]
	at := slacksim.Target{Channel: card.Channel, TS: card.TS, Action: "approve"}
	if _, err := b.Click(ctx, "U0LENA", at); err != nil {
		t.Fatal(err)
	}
	if got := b.Ephemerals("U0LENA"); len(got) != 1 || got[0].Text != "Somebody else must approve." {
		t.Errorf("Lena was told %v", got)
	}
	if _, err := b.Click(ctx, "U0RAVI", at); err != nil {
		t.Fatal(err)
	}
	if got, _ := b.Message(card.Channel, card.TS); got.Text != "Approved by U0RAVI" || got.Edited == "" {
		t.Errorf("the card is %+v", got)
	}
	if _, err := b.Click(ctx, "U0MAYA", at); !errors.Is(err, slacksim.ErrUnknown) {
		t.Errorf("a button that is gone was pressed: %v", err)
	}
	if _, err := b.OpenHome(ctx, "U0LENA"); err != nil {
		t.Fatal(err)
	}
	screen, err := b.View("U0LENA")
	if err != nil || len(screen.Direct.Messages) != 1 || screen.Home == nil || len(screen.Modals) != 0 {
		t.Errorf("Lena's screen is %s, %v", js(t, screen), err)
	}
	b.clean(t)
}

func TestPayloadOfAClick(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := b.card(t)
	if _, err := b.Click(t.Context(), "U0RAVI", at); err != nil {
		t.Fatal(err)
	}
	p := b.payload(t, slacksim.ToInteractions)
	for path, want := range map[string]any{
		"type": "block_actions", "team.id": "T0ACME", "team.domain": "acme", "enterprise": nil, "is_enterprise_install": false, "api_app_id": "A0TANGO",
		"user.id": "U0RAVI", "user.team_id": "T0ACME", "container.type": "message", "container.message_ts": at.TS, "container.channel_id": "C0APPROVE",
		"container.is_ephemeral": false, "channel.id": "C0APPROVE", "message.ts": at.TS, "message.text": "Approve?",
	} {
		if got := dig(p, strings.Split(path, ".")...); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	action := p["actions"].([]any)[0]
	if dig(action, "action_id") != "approve" || dig(action, "value") != "r1" || dig(action, "block_id") == "" || dig(action, "action_ts") == "" {
		t.Errorf("the action is %v", action)
	}
	if !strings.HasPrefix(p["response_url"].(string), strings.TrimSuffix(b.api, "/api/")+"/response/") {
		t.Errorf("response_url is %v", p["response_url"])
	}
}

func TestWhoMayAct(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := b.card(t)
	b.must(t, "chat.postEphemeral", m{"channel": "C0APPROVE", "user": "U0MAYA", "text": "x", "blocks": []any{buttons(button("approve", ""))}})
	private := at
	private.TS = b.Ephemerals("U0MAYA")[0].TS
	direct := b.must(t, "chat.postMessage", m{"channel": "U0MAYA", "text": "x", "blocks": []any{buttons(button("approve", ""))}})
	inDM := slacksim.Target{Channel: "D0MAYA", TS: direct["ts"].(string), Action: "approve"}
	opened := b.open(t, "U0MAYA", view("Form", buttons(button("approve", ""))))
	for name, c := range map[string]struct {
		user string
		at   slacksim.Target
		want error
	}{
		"a member":               {"U0LENA", at, nil},
		"a guest of the channel": {"U0GUS", at, nil},
		"a stranger in it":       {"U0EXT", at, nil},
		"who has left":           {"U0DEL", at, slacksim.ErrCannotAct},
		"a bot":                  {"U0BOT2", at, slacksim.ErrCannotAct},
		"nobody":                 {"U0NONE", at, slacksim.ErrUnknown},
		"another's ephemeral":    {"U0RAVI", private, slacksim.ErrNotVisible},
		"one's own ephemeral":    {"U0MAYA", private, nil},
		"another's conversation": {"U0RAVI", inDM, slacksim.ErrNotVisible},
		"one's own conversation": {"U0MAYA", inDM, nil},
		"another's modal":        {"U0RAVI", slacksim.Target{View: opened.ID, Action: "approve"}, slacksim.ErrNotVisible},
		"a message that is not":  {"U0MAYA", slacksim.Target{Channel: "C0APPROVE", TS: "1.1", Action: "approve"}, slacksim.ErrUnknown},
		"a button that is not":   {"U0MAYA", slacksim.Target{Channel: "C0APPROVE", TS: at.TS, Action: "deny"}, slacksim.ErrUnknown},
		"a channel of others":    {"U0GUS", slacksim.Target{Channel: "C0ALERTS", TS: at.TS, Action: "approve"}, slacksim.ErrUnknown},
	} {
		if _, err := b.Click(t.Context(), c.user, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := b.Slash(t.Context(), "U0GUS", "C0ALERTS", "x"); !errors.Is(err, slacksim.ErrNotVisible) {
		t.Errorf("a command in a channel of others: %v", err)
	}
	// A person who becomes a guest keeps the button; the app must refuse them.
	p, _ := b.Person("U0LENA")
	p.Standing = slacksim.Guest
	b.PutPerson(p)
	if _, err := b.Click(t.Context(), "U0LENA", at); err != nil {
		t.Error(err)
	}
}

func TestScreens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	channels := func(user string) (names []string) {
		screen, err := b.View(user)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range screen.Channels {
			names = append(names, c.Name)
		}
		return names
	}
	if got := strings.Join(channels("U0VERA"), " "); got != "tango-approvals tango-alerts general" {
		t.Errorf("a member sees %s", got)
	}
	if got := strings.Join(channels("U0GUS"), " "); got != "tango-approvals general" {
		t.Errorf("a guest sees %s", got)
	}
	if _, err := b.View("U0DEL"); !errors.Is(err, slacksim.ErrCannotAct) {
		t.Errorf("who has left sees %v", err)
	}
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := b.card(t)
	b.must(t, "views.publish", m{"user_id": "U0MAYA", "view": homeOf(section("x"))})
	opened := b.open(t, "U0MAYA", view("Form", input("amount", textInput())))
	if err := b.Fill("U0MAYA", opened.ID, slacksim.Values{"amount": {"value": slacksim.Typed("5")}}); err != nil {
		t.Fatal(err)
	}
	trigger := b.trigger(t, "U0RAVI")
	before, err := b.View("U0MAYA")
	if err != nil {
		t.Fatal(err)
	}
	saved, err := b.Save()
	if err != nil {
		t.Fatal(err)
	}
	next := setup(t, func(c *slacksim.Config) { c.Directory = slacksim.Directory{} })
	if err := next.Load([]byte("{")); err == nil {
		t.Error("broken JSON was loaded")
	}
	if err := next.Load(saved); err != nil {
		t.Fatal(err)
	}
	after, err := next.View("U0MAYA")
	if err != nil {
		t.Fatal(err)
	}
	before.Version, after.Version = 0, 0
	if x, y := js(t, before), js(t, after); x != y {
		t.Errorf("before %s\nafter %s", x, y)
	}
	next.must(t, "views.open", m{"trigger_id": trigger, "view": view("Form", section("x"))})
	if _, err := next.Click(t.Context(), "U0RAVI", at); err != nil {
		t.Errorf("the card cannot be pressed after a restart: %v", err)
	}
	ts := next.must(t, "chat.postMessage", m{"channel": "C0APPROVE", "text": "later"})["ts"].(string)
	if ts <= at.TS {
		t.Errorf("timestamps went back: %s after %s", ts, at.TS)
	}
}

func TestChangesAreTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	version, changed := b.Version(), b.Changed()
	b.must(t, "chat.postMessage", m{"channel": "C0APPROVE", "text": "x"})
	select {
	case <-changed:
	default:
		t.Error("a message was no change")
	}
	if b.Version() <= version {
		t.Error("the version stayed")
	}
	var group sync.WaitGroup
	group.Go(func() {
		for range 5 {
			b.must(t, "chat.postMessage", m{"channel": "C0ALERTS", "text": "x"})
		}
	})
	if err := b.Until(within(t), func() bool { return len(b.Messages("C0ALERTS")) == 5 }); err != nil {
		t.Error(err)
	}
	group.Wait()
}
