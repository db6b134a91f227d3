package slacksim_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
)

func TestTriggers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	form := view("Form", section("x"))
	open := func(trigger string) m { return m{"trigger_id": trigger, "view": form} }
	once := b.trigger(t, "U0MAYA")
	b.must(t, "views.open", open(once))
	b.refused(t, "exchanged_trigger_id", "views.open", open(once))
	b.refused(t, "invalid_trigger_id", "views.open", open("1.2.3"))
	inTime := b.trigger(t, "U0MAYA")
	b.clock.Advance(3 * time.Second)
	b.must(t, "views.open", open(inTime))
	late := b.trigger(t, "U0MAYA")
	b.clock.Advance(3*time.Second + time.Millisecond)
	b.refused(t, "expired_trigger_id", "views.open", open(late))
	malformed := b.trigger(t, "U0MAYA")
	b.refused(t, "invalid_arguments", "views.open", m{"trigger_id": malformed, "view": view("a title that is too long by far")})
	b.must(t, "views.open", open(malformed)) // what was refused for its view used nothing up
	b.refused(t, "invalid_arguments", "views.open", m{"trigger_id": b.trigger(t, "U0MAYA"), "view": homeOf()})
	b.refused(t, "invalid_arguments", "views.open", m{"trigger_id": b.trigger(t, "U0MAYA")})
}

func TestStackOfThree(t *testing.T) {
	t.Parallel()
	b := setup(t)
	more := view("More", buttons(button("more", "")))
	root := b.open(t, "U0MAYA", more)
	deeper := func() string {
		t.Helper()
		stack := b.Modals("U0MAYA")
		if _, err := b.Click(t.Context(), "U0MAYA", slacksim.Target{View: stack[len(stack)-1].ID, Action: "more"}); err != nil {
			t.Fatal(err)
		}
		return b.payload(t, slacksim.ToInteractions)["trigger_id"].(string)
	}
	b.must(t, "views.push", m{"trigger_id": deeper(), "view": more})
	b.must(t, "views.open", m{"trigger_id": deeper(), "view": more}) // from inside a modal, opening lies on top too
	b.refused(t, "push_limit_reached", "views.push", m{"trigger_id": deeper(), "view": more})
	stack := b.Modals("U0MAYA")
	if len(stack) != 3 || stack[2].RootID != root.ID || stack[2].PreviousID != stack[1].ID || stack[0].PreviousID != "" {
		t.Fatalf("the stack is %+v", stack)
	}
	if _, err := b.Click(t.Context(), "U0MAYA", slacksim.Target{View: root.ID, Action: "more"}); !errors.Is(err, slacksim.ErrNotVisible) {
		t.Errorf("a covered modal was used: %v", err)
	}
	if _, err := b.CloseView(t.Context(), "U0MAYA", stack[2].ID); err != nil || len(b.Modals("U0MAYA")) != 2 {
		t.Errorf("closing the top left %d (%v)", len(b.Modals("U0MAYA")), err)
	}
	b.refused(t, "not_found", "views.update", m{"view_id": stack[2].ID, "view": more})
	b.Reload("U0MAYA")
	b.refused(t, "invalid_trigger_id", "views.push", m{"trigger_id": b.trigger(t, "U0MAYA"), "view": more})
}

func TestHashConflict(t *testing.T) {
	t.Parallel()
	b := setup(t)
	form := view("Form", section("x"))
	opened := b.open(t, "U0MAYA", form)
	update := func(hash string) m { return m{"view_id": opened.ID, "hash": hash, "view": form} }
	b.must(t, "views.update", update(opened.Hash))
	b.refused(t, "hash_conflict", "views.update", update(opened.Hash))
	b.must(t, "views.update", update(b.Modals("U0MAYA")[0].Hash))
	b.must(t, "views.update", update("")) // without a hash, the last one wins

	publish := func(hash string) m { return m{"user_id": "U0MAYA", "hash": hash, "view": homeOf(section("x"))} }
	b.refused(t, "hash_conflict", "views.publish", publish("none"))
	b.must(t, "views.publish", publish(""))
	hash := b.Home("U0MAYA").Hash
	b.must(t, "views.publish", publish(hash))
	b.refused(t, "hash_conflict", "views.publish", publish(hash))
	b.refused(t, "invalid_arguments", "views.publish", m{"user_id": "U0DEL", "view": homeOf(section("x"))})
	b.refused(t, "invalid_arguments", "views.publish", m{"user_id": "U0MAYA", "view": form})

	off := setup(t, func(c *slacksim.Config) { c.HomeDisabled = true })
	off.refused(t, "not_enabled", "views.publish", publish(""))
}

func TestExternalIDs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	named := view("Form", section("x"))
	named["external_id"] = "form-1"
	b.open(t, "U0MAYA", named)
	b.refused(t, "duplicate_external_id", "views.open", m{"trigger_id": b.trigger(t, "U0RAVI"), "view": named})
	changed := view("Other", section("x"))
	changed["external_id"] = "form-1"
	b.must(t, "views.update", m{"external_id": "form-1", "view": changed})
	if got := b.Modals("U0MAYA")[0].Title.Text; got != "Other" {
		t.Errorf("the title is %s", got)
	}
	b.refused(t, "not_found", "views.update", m{"external_id": "form-2", "view": named})
}

func TestStateOfInputs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	elements := func(last m) m {
		return view("Form",
			input("text", m{"type": "plain_text_input", "action_id": "value", "initial_value": "first"}),
			input("pick", m{"type": "static_select", "action_id": "value", "options": []any{option("One", "1"), option("Two", "2")}}),
			input("radio", m{"type": "radio_buttons", "action_id": "value", "options": []any{option("Yes", "y"), option("No", "n")}, "initial_option": option("No", "n")}),
			input("boxes", m{"type": "checkboxes", "action_id": "value", "options": []any{option("A", "a"), option("B", "b")}}),
			input("day", m{"type": "datepicker", "action_id": "value"}),
			input("who", m{"type": "users_select", "action_id": "value"}),
			last)
	}
	opened := b.open(t, "U0MAYA", elements(section("x")))
	fill := func(block string, v slacksim.Value) error {
		return b.Fill("U0MAYA", opened.ID, slacksim.Values{block: {"value": v}})
	}
	for block, v := range map[string]slacksim.Value{
		"text": slacksim.Typed("second"), "pick": slacksim.Chosen("2"), "boxes": slacksim.Chosen("a", "b"),
		"day": slacksim.Typed("2026-12-01"), "who": slacksim.Chosen("U0RAVI"),
	} {
		if err := fill(block, v); err != nil {
			t.Error(err)
		}
	}
	for name, err := range map[string]error{
		"an option that is not there": fill("pick", slacksim.Chosen("3")),
		"two of a single choice":      fill("pick", slacksim.Chosen("1", "2")),
		"a person who is not there":   fill("who", slacksim.Chosen("U0NONE")),
	} {
		if !errors.Is(err, slacksim.ErrNotOffered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := fill("none", slacksim.Typed("x")); !errors.Is(err, slacksim.ErrUnknown) {
		t.Errorf("a block that is not there: %v", err)
	}
	want := `{"boxes":{"value":{"selected_options":[{"text":{"type":"plain_text","text":"A"},"value":"a"},{"text":{"type":"plain_text","text":"B"},"value":"b"}],"type":"checkboxes"}},` +
		`"day":{"value":{"selected_date":"2026-12-01","type":"datepicker"}},` +
		`"pick":{"value":{"selected_option":{"text":{"type":"plain_text","text":"Two"},"value":"2"},"type":"static_select"}},` +
		`"radio":{"value":{"selected_option":{"text":{"type":"plain_text","text":"No"},"value":"n"},"type":"radio_buttons"}},` +
		`"text":{"value":{"type":"plain_text_input","value":"second"}},` +
		`"who":{"value":{"selected_user":"U0RAVI","type":"users_select"}}}`
	if got := strings.TrimSpace(js(t, b.Modals("U0MAYA")[0].Inputs.Values)); got != want {
		t.Errorf("state\n got %s\nwant %s", got, want)
	}
	// An update keeps what was typed where the ids are the same, and drops the rest.
	b.must(t, "views.update", m{"view_id": opened.ID, "view": view("Form", input("text", textInput()), input("new", textInput()))})
	after := b.Modals("U0MAYA")[0].Inputs.Values
	if len(after) != 2 || *after["text"]["value"].Value != "second" || after["new"]["value"].Value != nil {
		t.Errorf("after an update the state is %s", js(t, after))
	}
	b.clean(t)
}

func TestSubmitOutcomes(t *testing.T) {
	t.Parallel()
	next := js(t, view("Next", section("x")))
	for name, c := range map[string]struct {
		answer  string
		outcome slacksim.Outcome
		left    int // modals that are open afterwards
		bad     bool
	}{
		"nothing":                {"", slacksim.Closed, 0, false},
		"errors":                 {`{"response_action":"errors","errors":{"amount":"too much"}}`, slacksim.Refused, 1, false},
		"errors on another":      {`{"response_action":"errors","errors":{"note":"no input block"}}`, slacksim.Failed, 1, true},
		"errors, one on another": {`{"response_action":"errors","errors":{"amount":"x","none":"y"}}`, slacksim.Failed, 1, true},
		"no errors at all":       {`{"response_action":"errors","errors":{}}`, slacksim.Failed, 1, true},
		"an empty error":         {`{"response_action":"errors","errors":{"amount":""}}`, slacksim.Failed, 1, true},
		"update":                 {`{"response_action":"update","view":` + next + `}`, slacksim.Updated, 1, false},
		"push":                   {`{"response_action":"push","view":` + next + `}`, slacksim.Pushed, 2, false},
		"clear":                  {`{"response_action":"clear"}`, slacksim.Cleared, 0, false},
		"update to no view":      {`{"response_action":"update"}`, slacksim.Failed, 1, false},
		"an unknown action":      {`{"response_action":"explode"}`, slacksim.Failed, 1, true},
		"no JSON":                {`fine, thanks`, slacksim.Failed, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			opened := b.open(t, "U0MAYA", view("Form", m{"type": "section", "block_id": "note", "text": mrkdwn("x")}, input("amount", textInput())))
			b.answerJSON(c.answer)
			r, err := b.Submit(t.Context(), "U0MAYA", opened.ID, slacksim.Values{"amount": {"value": slacksim.Typed("500")}})
			if err != nil || r.Outcome != c.outcome || len(b.Modals("U0MAYA")) != c.left {
				t.Errorf("%+v (%v), %d modals; want %s, %d", r, err, len(b.Modals("U0MAYA")), c.outcome, c.left)
			}
			if c.outcome == slacksim.Refused && r.Errors["amount"] != "too much" {
				t.Errorf("errors %v", r.Errors)
			}
			if (r.Trouble != "") != (c.outcome == slacksim.Failed) {
				t.Errorf("trouble %q", r.Trouble)
			}
			if c.bad && len(b.Violations()) != 1 {
				t.Errorf("violations %v", b.Violations())
			}
			sent := b.payload(t, slacksim.ToInteractions)
			if got := dig(sent, "view", "state", "values", "amount", "value", "value"); got != "500" || dig(sent, "view", "callback_id") != "form" || dig(sent, "view", "hash") != opened.Hash {
				t.Errorf("submitted %v", sent)
			}
		})
	}
}

func TestWhatTheClientChecks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		element m
		typed   string
		fine    bool
	}{
		"text":                {textInput(), "x", true},
		"nothing":             {textInput(), "", false},
		"as long as allowed":  {m{"type": "plain_text_input", "max_length": 3}, "éée", true},
		"longer than allowed": {m{"type": "plain_text_input", "max_length": 3}, "éééé", false},
		"shorter":             {m{"type": "plain_text_input", "min_length": 3}, "éé", false},
		"a whole number":      {m{"type": "number_input", "is_decimal_allowed": false}, "12", true},
		"a decimal":           {m{"type": "number_input", "is_decimal_allowed": false}, "1.5", false},
		"a decimal, allowed":  {m{"type": "number_input", "is_decimal_allowed": true}, "1.5", true},
		"an address":          {m{"type": "email_text_input"}, "a@b.example", true},
		"no address":          {m{"type": "email_text_input"}, "ab", false},
		"a URL":               {m{"type": "url_text_input"}, "https://b.example", true},
		"no URL":              {m{"type": "url_text_input"}, "b", false},
		"no date":             {m{"type": "datepicker"}, "tomorrow", false},
		"no time":             {m{"type": "timepicker"}, "noon", false},
	} {
		b := setup(t)
		c.element["action_id"] = "value"
		opened := b.open(t, "U0MAYA", view("Form", input("b", c.element)))
		before := len(b.Deliveries())
		r, err := b.Submit(t.Context(), "U0MAYA", opened.ID, slacksim.Values{"b": {"value": slacksim.Typed(c.typed)}})
		want := slacksim.Closed
		if !c.fine {
			want = slacksim.Incomplete
		}
		if err != nil || r.Outcome != want {
			t.Errorf("%s: %s (%v), want %s", name, r.Outcome, err, want)
		}
		if sent := len(b.Deliveries()) > before; sent != c.fine {
			t.Errorf("%s: sent is %v", name, sent)
		}
	}
}

func TestClosing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	form := func(notify, clear bool) m {
		v := view("Form", buttons(button("more", "")))
		v["notify_on_close"], v["clear_on_close"] = notify, clear
		return v
	}
	silent := b.open(t, "U0MAYA", form(false, false))
	if answers, err := b.CloseView(t.Context(), "U0MAYA", silent.ID); err != nil || len(answers) != 0 {
		t.Errorf("a silent view told the app: %v, %v", answers, err)
	}
	told := b.open(t, "U0MAYA", form(true, false))
	if answers, err := b.CloseView(t.Context(), "U0MAYA", told.ID); err != nil || len(answers) != 1 {
		t.Errorf("the app was not told: %v, %v", answers, err)
	}
	if p := b.payload(t, slacksim.ToInteractions); p["type"] != "view_closed" || p["is_cleared"] != false {
		t.Errorf("told %v", p)
	}
	root := b.open(t, "U0MAYA", form(true, false))
	if _, err := b.Click(t.Context(), "U0MAYA", slacksim.Target{View: root.ID, Action: "more"}); err != nil {
		t.Fatal(err)
	}
	b.must(t, "views.push", m{"trigger_id": b.payload(t, slacksim.ToInteractions)["trigger_id"], "view": form(true, true)})
	answers, err := b.CloseView(t.Context(), "U0MAYA", b.Modals("U0MAYA")[1].ID)
	if err != nil || len(answers) != 2 || len(b.Modals("U0MAYA")) != 0 || b.payload(t, slacksim.ToInteractions)["is_cleared"] != true {
		t.Errorf("clear_on_close: %v, %v", answers, err)
	}
}

func TestExternalSelect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	opened := b.open(t, "U0MAYA", view("Form",
		input("from", m{"type": "external_select", "action_id": "value", "min_query_length": 0}),
		input("to", m{"type": "external_select", "action_id": "value"})))
	ask := func(block, typed string) slacksim.OptionsResult {
		t.Helper()
		r, err := b.OpenOptions(t.Context(), "U0MAYA", slacksim.Target{View: opened.ID, Block: block, Action: "value"}, typed)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	choose := func(value string) error {
		return b.Fill("U0MAYA", opened.ID, slacksim.Values{"from": {"value": slacksim.Chosen(value)}})
	}
	b.answerJSON(js(t, m{"options": []any{option("Marketing", "marketing-us")}}))
	if err := choose("marketing-us"); !errors.Is(err, slacksim.ErrNotOffered) {
		t.Errorf("chosen before it was offered: %v", err)
	}
	if r := ask("from", ""); len(r.Options) != 1 || r.Options[0].Text.Text != "Marketing" {
		t.Errorf("offered %+v", r)
	}
	if p := b.payload(t, slacksim.ToOptions); p["type"] != "block_suggestion" || p["block_id"] != "from" || p["value"] != "" || dig(p, "view", "id") != opened.ID {
		t.Errorf("asked %v", p)
	}
	if err := choose("marketing-us"); err != nil {
		t.Error(err)
	}
	if r := ask("to", "ab"); !r.TooShort {
		t.Errorf("two characters were sent where three are the least: %+v", r)
	}
	if r := ask("to", "abc"); r.TooShort || r.Trouble != "" {
		t.Errorf("three characters: %+v", r)
	}
	b.answerJSON(js(t, m{"option_groups": []any{m{"label": plain("g"), "options": []any{option("A", "a")}}}}))
	if r := ask("from", "x"); len(r.Groups) != 1 || len(r.Options) != 1 {
		t.Errorf("groups %+v", r)
	}
	b.answerJSON(`{"options":[]}`)
	if r := ask("from", "x"); r.Trouble != "" || len(r.Options) != 0 {
		t.Errorf("none found: %+v", r)
	}
	b.clean(t)
	b.answerJSON(`{}`)
	if r := ask("from", "x"); r.Trouble == "" || len(b.Violations()) != 1 {
		t.Errorf("no options at all: %+v, %v", r, b.Violations())
	}
	b.answer(nil)
	if r := ask("from", "x"); r.Trouble == "" {
		t.Errorf("an empty answer: %+v", r)
	}
}

func TestElementsThatTellAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	loud := input("loud", m{"type": "static_select", "action_id": "value", "options": []any{option("One", "1")}})
	loud["dispatch_action"] = true
	opened := b.open(t, "U0MAYA", view("Form", loud, input("quiet", textInput()),
		buttons(m{"type": "button", "action_id": "careful", "text": plain("Go"), "confirm": m{"title": plain("Sure?"), "text": plain("x"), "confirm": plain("Yes"), "deny": plain("No")}},
			m{"type": "button", "action_id": "ravi", "text": plain("Go"), "visible_to_user_ids": []any{"U0RAVI"}})))
	at := func(action, block string) slacksim.Target {
		return slacksim.Target{View: opened.ID, Block: block, Action: action}
	}
	if _, err := b.Choose(t.Context(), "U0MAYA", at("value", "loud"), slacksim.Chosen("1")); err != nil {
		t.Fatal(err)
	}
	p := b.payload(t, slacksim.ToInteractions)
	action := p["actions"].([]any)[0]
	if dig(action, "selected_option", "value") != "1" || dig(p, "view", "state", "values", "loud", "value", "selected_option", "value") != "1" ||
		dig(p, "container", "view_id") != opened.ID || p["response_url"] != nil {
		t.Errorf("told %v", p)
	}
	if _, err := b.Choose(t.Context(), "U0MAYA", at("value", "quiet"), slacksim.Typed("x")); !errors.Is(err, slacksim.ErrNotOffered) {
		t.Errorf("an input without dispatch_action told the app: %v", err)
	}
	if _, err := b.Click(t.Context(), "U0MAYA", at("ravi", "")); !errors.Is(err, slacksim.ErrNotVisible) {
		t.Errorf("a hidden button was pressed: %v", err)
	}
	if c, err := b.Peek("U0MAYA", at("careful", "")); err != nil || c == nil || c.Title.Text != "Sure?" {
		t.Errorf("the dialog is %v, %v", c, err)
	}
	if r, err := b.Click(t.Context(), "U0MAYA", at("careful", "")); err != nil || r.Confirm == nil || r.Confirm.Deny.Text != "No" {
		t.Errorf("the click gave %+v, %v", r, err)
	}
	if got := fmt.Sprint(dig(b.payload(t, slacksim.ToInteractions)["actions"].([]any)[0], "type")); got != "button" {
		t.Errorf("the action is a %s", got)
	}
}
