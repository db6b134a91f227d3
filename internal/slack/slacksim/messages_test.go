package slacksim_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
)

func TestTokensAndMethods(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *slacksim.Config) { c.Scopes = []string{"chat:write"} })
	const form, json = "application/x-www-form-urlencoded", "application/json"
	for name, c := range map[string]struct{ method, kind, bearer, body, want string }{
		"token in the header":       {"auth.test", form, token, "", `"ok":true`},
		"token in the form":         {"auth.test", form, "", "token=" + token, `"user_id":"U0TANGO"`},
		"token in JSON is not read": {"auth.test", json, "", `{"token":"` + token + `"}`, "not_authed"},
		"no token":                  {"auth.test", form, "", "", "not_authed"},
		"another token":             {"auth.test", form, "xoxb-other", "", "invalid_auth"},
		"unknown method":            {"chat.shout", form, token, "", "unknown_method"},
		"broken JSON":               {"auth.test", json, token, "{", "invalid_json"},
		"another content type":      {"auth.test", "text/plain", token, "x", "invalid_post_type"},
		"a scope that is missing":   {"users.info", form, token, "user=U0MAYA", `"needed":"users:read"`},
		"blocks as text in a form":  {"chat.postMessage", form, token, "channel=C0APPROVE&text=x&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D", `"type":"divider"`},
		"blocks as broken text":     {"chat.postMessage", form, token, "channel=C0APPROVE&text=x&blocks=%5B", "invalid_blocks_format"},
	} {
		got := post(t.Context(), t, b.api+c.method, c.kind, c.bearer, c.body)
		if got.status != http.StatusOK || !strings.Contains(got.body, c.want) {
			t.Errorf("%s: %s, want 200 and %s", name, got.body, c.want)
		}
	}
	if n := b.Counts()["auth.test"]; n != 7 {
		t.Errorf("auth.test was counted %d times, want 7", n)
	}
}

func TestWhereAnAppMayPost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.PutChannel(slacksim.Channel{ID: "C0PRIV", Name: "private", Private: true, Members: []string{"U0MAYA"}})
	b.PutChannel(slacksim.Channel{ID: "C0OLD", Name: "old", Archived: true, Members: []string{"U0TANGO"}})
	for channel, want := range map[string]string{
		"C0APPROVE": "", "U0MAYA": "", "U0GUS": "", "U0EXT": "",
		"C0GENERAL": "not_in_channel", "C0NONE": "channel_not_found", "C0PRIV": "channel_not_found", "C0OLD": "is_archived",
		"U0NONE": "channel_not_found", "U0DEL": "user_disabled", "U0BOT2": "cannot_dm_bot",
	} {
		out := b.call(t.Context(), t, "chat.postMessage", m{"channel": channel, "text": "hello"})
		if got, _ := out["error"].(string); got != want {
			t.Errorf("posting to %s: %q, want %q", channel, got, want)
		}
	}
	if got := b.Messages("U0MAYA"); len(got) != 1 || got[0].Channel != "D0MAYA" || got[0].User != "U0TANGO" {
		t.Errorf("Maya's conversation holds %v", got)
	}
	if out := b.must(t, "conversations.open", m{"users": "U0MAYA"}); dig(out, "channel", "id") != "D0MAYA" {
		t.Errorf("conversations.open gave %v", out)
	}
	b.clean(t)
}

func TestThreads(t *testing.T) {
	t.Parallel()
	b := setup(t)
	parent := b.must(t, "chat.postMessage", m{"channel": "C0APPROVE", "text": "parent"})["ts"]
	reply := b.must(t, "chat.postMessage", m{"channel": "C0APPROVE", "text": "reply", "thread_ts": parent})["ts"]
	b.refused(t, "cannot_reply_to_message", "chat.postMessage", m{"channel": "C0APPROVE", "text": "x", "thread_ts": reply})
	b.refused(t, "thread_not_found", "chat.postMessage", m{"channel": "C0APPROVE", "text": "x", "thread_ts": "1.000001"})
	got := b.Messages("C0APPROVE")
	if len(got) != 1 || len(got[0].Replies) != 1 || got[0].Replies[0].Text != "reply" {
		t.Errorf("the channel shows %v", got)
	}
}

func TestUpdatingMessages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	card := func(id, text string) []any {
		return []any{m{"type": "section", "block_id": id, "text": mrkdwn(text)}}
	}
	ts := b.must(t, "chat.postMessage", m{"channel": "C0APPROVE", "text": "a", "blocks": card("v1", "a")})["ts"].(string)
	at := func(more m) m {
		args := m{"channel": "C0APPROVE", "ts": ts}
		maps.Copy(args, more)
		return args
	}
	b.must(t, "chat.update", at(m{"text": "b", "blocks": card("v2", "b")}))
	b.clean(t)
	if got, _ := b.Message("C0APPROVE", ts); got.Text != "b" || got.Edited == "" || !strings.Contains(string(got.Blocks), `"v2"`) {
		t.Errorf("after an update: %+v", got)
	}
	b.must(t, "chat.update", at(m{"text": "c"}))
	if got, _ := b.Message("C0APPROVE", ts); got.Blocks != nil {
		t.Errorf("text alone must drop the blocks, and left %s", got.Blocks)
	}
	b.must(t, "chat.update", at(m{"text": "d", "blocks": card("v3", "d")}))
	b.clean(t)
	b.must(t, "chat.update", at(m{"text": "e", "blocks": card("v3", "e")}))
	if got := b.Violations(); len(got) != 1 || got[0].Code != "block_id_reused" {
		t.Errorf("a block id that was kept gave %v", got)
	}
	b.refused(t, "no_text", "chat.update", at(m{"blocks": card("v4", "f")}))
	b.must(t, "chat.update", at(m{"text": chars(4000)}))
	b.refused(t, "msg_too_long", "chat.update", at(m{"text": chars(4001)}))
	b.refused(t, "message_not_found", "chat.update", m{"channel": "C0APPROVE", "ts": "1.000001", "text": "x"})
	said, err := b.Say("U0MAYA", "C0APPROVE", "mine")
	if err != nil {
		t.Fatal(err)
	}
	b.refused(t, "cant_update_message", "chat.update", m{"channel": "C0APPROVE", "ts": said.TS, "text": "x"})
	b.Inject(slacksim.Fault{Method: "chat.update", Error: "edit_window_closed"})
	b.refused(t, "edit_window_closed", "chat.update", at(m{"text": "g"}))
}

func TestTextIsCut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.must(t, "chat.postMessage", m{"channel": "C0APPROVE", "text": chars(40001)})
	if got := len([]rune(b.Messages("C0APPROVE")[0].Text)); got != 40000 {
		t.Errorf("%d characters are left, want 40,000", got)
	}
	if got := b.Violations(); len(got) != 1 || got[0].Code != "text_cut" {
		t.Errorf("violations %v", got)
	}
}

func TestRefusedBlocksAreExplained(t *testing.T) {
	t.Parallel()
	b := setup(t)
	out := b.call(t.Context(), t, "chat.postMessage", m{"channel": "C0APPROVE", "text": "x", "blocks": []any{m{"type": "hologram"}}})
	messages := fmt.Sprint(dig(out, "response_metadata", "messages"))
	if out["error"] != "invalid_blocks" || !strings.Contains(messages, "hologram") || !strings.Contains(messages, "/blocks/0/type") {
		t.Errorf("answered %v", out)
	}
	if len(b.Messages("C0APPROVE")) != 0 || len(b.Violations()) != 1 {
		t.Errorf("a refused message is shown, or is no violation: %v", b.Violations())
	}
}

func TestEphemerals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	to := func(channel, user string) m { return m{"channel": channel, "user": user, "text": "only you"} }
	ts := b.must(t, "chat.postEphemeral", to("C0APPROVE", "U0LENA"))["message_ts"]
	b.refused(t, "user_not_in_channel", "chat.postEphemeral", to("C0ALERTS", "U0VERA"))
	b.refused(t, "user_not_in_channel", "chat.postEphemeral", to("C0APPROVE", "U0DEL"))
	b.refused(t, "user_not_in_channel", "chat.postEphemeral", to("C0APPROVE", "U0NONE"))
	b.refused(t, "not_in_channel", "chat.postEphemeral", to("C0GENERAL", "U0LENA"))
	b.refused(t, "message_not_found", "chat.update", m{"channel": "C0APPROVE", "ts": ts, "text": "x"})
	sees := func(user string) int {
		screen, err := b.View(user)
		if err != nil {
			t.Fatal(err)
		}
		return len(screen.Channels[0].Messages)
	}
	if sees("U0LENA") != 1 || sees("U0MAYA") != 0 {
		t.Error("an ephemeral message is seen by another, or not by its person")
	}
	b.Reload("U0LENA")
	if sees("U0LENA") != 0 {
		t.Error("an ephemeral message outlived a reload")
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for user, flags := range map[string]string{
		"U0MAYA": "", "U0GUS": "is_restricted", "U0DEL": "deleted", "U0BOT2": "is_bot", "U0EXT": "is_stranger",
	} {
		out := b.must(t, "users.info", m{"user": user})
		for _, flag := range []string{"is_restricted", "is_ultra_restricted", "deleted", "is_bot", "is_stranger"} {
			if got := dig(out, "user", flag) == true; got != (flag == flags) {
				t.Errorf("%s has %s %v", user, flag, got)
			}
		}
	}
	if got := dig(b.must(t, "users.info", m{"user": "U0EXT"}), "user", "team_id"); got != "T0OTHER" {
		t.Errorf("the stranger's team is %v", got)
	}
	b.PutPerson(slacksim.Person{ID: "U0ONE", Name: "One", Standing: slacksim.SingleChannelGuest})
	if out := b.must(t, "users.info", m{"user": "U0ONE"}); dig(out, "user", "is_ultra_restricted") != true || dig(out, "user", "is_restricted") != true {
		t.Errorf("a single-channel guest is %v", out)
	}
	b.refused(t, "user_not_found", "users.info", m{"user": "U0NONE"})

	members := func(args m) string { return fmt.Sprint(b.must(t, "usergroups.users.list", args)["users"]) }
	if got := members(m{"usergroup": "S0FINANCE"}); got != "[U0MAYA U0RAVI]" {
		t.Errorf("finance is %s", got)
	}
	b.PutGroup(slacksim.Group{ID: "S0OFF", Members: []string{"U0MAYA", "U0DEL"}, Disabled: true})
	b.refused(t, "no_such_subteam", "usergroups.users.list", m{"usergroup": "S0OFF"})
	b.refused(t, "no_such_subteam", "usergroups.users.list", m{"usergroup": "S0NONE"})
	if got := members(m{"usergroup": "S0OFF", "include_disabled": true}); got != "[U0MAYA]" {
		t.Errorf("the disabled group is %s", got)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	b := setup(t)
	say := m{"channel": "C0APPROVE", "text": "x"}
	raw := func() reply { return b.send(t.Context(), t, "chat.postMessage", say) }
	shown := func() int { return len(b.Messages("C0APPROVE")) }

	b.Inject(slacksim.Fault{Method: "chat.postMessage", Error: "internal_error", Times: 2})
	b.refused(t, "internal_error", "chat.postMessage", say)
	b.refused(t, "internal_error", "chat.postMessage", say)
	b.must(t, "chat.postMessage", say)

	b.Inject(slacksim.Fault{Method: "chat.postMessage", Status: 503})
	if got := raw(); got.status != http.StatusServiceUnavailable {
		t.Errorf("status fault gave %v", got)
	}
	b.Inject(slacksim.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: 1500 * time.Millisecond})
	if got := raw(); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "2" {
		t.Errorf("429 fault gave %v", got)
	}
	b.Inject(slacksim.Fault{Method: "chat.postMessage", Drop: true})
	if got := raw(); got.status != 0 {
		t.Errorf("a dropped call was answered: %v", got)
	}
	if shown() != 1 {
		t.Errorf("%d messages, want 1: a fault that is not applied had an effect", shown())
	}
	b.Inject(slacksim.Fault{Method: "*", Drop: true, Applied: true})
	if got := raw(); got.status != 0 || shown() != 2 {
		t.Errorf("applied and lost: answered %v, %d messages, want 2", got, shown())
	}
	calls := b.Calls("chat.postMessage")
	if last := calls[len(calls)-1]; !last.Applied || last.Error != "connection_dropped" || last.Arg("text") != "x" {
		t.Errorf("the lost call is logged as %+v", last)
	}
	b.Inject(slacksim.Fault{Method: "chat.postMessage", Error: "x", Times: -1})
	b.refused(t, "x", "chat.postMessage", say)
	b.refused(t, "x", "chat.postMessage", say)
	b.ClearFaults()
	b.must(t, "chat.postMessage", say)
}

func TestHeldCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	release := make(chan struct{})
	b.Inject(slacksim.Fault{Method: "chat.postMessage", Hold: release})
	done := make(chan reply)
	go func() {
		done <- b.send(t.Context(), t, "chat.postMessage", m{"channel": "C0APPROVE", "text": "x"})
	}()
	select {
	case out := <-done:
		t.Fatalf("a held call answered %v", out)
	default:
	}
	close(release)
	if out := <-done; out.status != http.StatusOK {
		t.Errorf("after the hold: %v", out)
	}
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.SetRateLimits(true)
	limited := func(method string, args m) string {
		got := b.send(t.Context(), t, method, args)
		if got.status != http.StatusTooManyRequests {
			return ""
		}
		return got.header.Get("Retry-After")
	}
	say := m{"channel": "C0APPROVE", "text": "x"}
	if limited("chat.postMessage", say) != "" || limited("chat.postMessage", say) != "1" {
		t.Error("a channel takes one message a second")
	}
	if limited("chat.postMessage", m{"channel": "C0ALERTS", "text": "x"}) != "" {
		t.Error("another channel has a limit of its own")
	}
	b.clock.Advance(time.Second)
	if limited("chat.postMessage", say) != "" {
		t.Error("after a second the channel takes another")
	}
	group := m{"usergroup": "S0FINANCE"}
	for i := range 20 {
		if limited("usergroups.users.list", group) != "" {
			t.Fatalf("call %d of 20 was limited", i+1)
		}
	}
	if got := limited("usergroups.users.list", group); got != "60" {
		t.Errorf("call 21 has Retry-After %q, want 60", got)
	}
	b.clock.Advance(time.Minute)
	if limited("usergroups.users.list", group) != "" {
		t.Error("after a minute the method answers again")
	}
}

func TestNewestAndRetain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, text := range []string{"one of them", "another", "one more"} {
		b.must(t, "chat.postMessage", m{"channel": "U0MAYA", "text": text})
		b.clock.Advance(time.Hour)
	}
	if got, ok := b.Newest("U0MAYA", "one"); !ok || got.Text != "one more" {
		t.Errorf("newest: %v %+v", ok, got)
	}
	if got, ok := b.Newest("U0MAYA", "two"); ok {
		t.Errorf("found %+v", got)
	}
	b.Retain(b.clock.Now().Add(-2 * time.Hour))
	if got := b.Messages("U0MAYA"); len(got) != 2 || got[0].Text != "another" {
		t.Errorf("kept %+v", got)
	}
}
