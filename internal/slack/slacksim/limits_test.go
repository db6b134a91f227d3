package slacksim_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
)

// bounds is one limit: the payload of size n passes at most and fails beyond.
type bounds struct {
	name string
	most int
	make func(n int) any
	code string // of the failure; the checker's own when empty
}

// first gives the first problem that is of the wanted kind.
func first(problems []slacksim.Problem, advice bool) string {
	for _, p := range problems {
		if p.Advice == advice {
			return p.String()
		}
	}
	return ""
}

func holds(t *testing.T, check func([]byte) []slacksim.Problem, code string, cases []bounds) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if p := first(check([]byte(js(t, c.make(c.most)))), false); p != "" {
				t.Errorf("%d fits, and was refused: %s", c.most, p)
			}
			want := c.code
			if want == "" {
				want = code
			}
			if p := first(check([]byte(js(t, c.make(c.most+1)))), false); !strings.HasPrefix(p, want+":") {
				t.Errorf("%d gave %q, want %s", c.most+1, p, want)
			}
		})
	}
}

func said(blocks ...any) m { return m{"text": "fallback", "blocks": blocks} }

func TestMessageLimits(t *testing.T) {
	t.Parallel()
	fields := func(n int) []any { return list(n, mrkdwn("x")) }
	with := func(key string, v any, e m) m { e[key] = v; return e }
	confirm := func(key string, n int) m {
		c := m{"title": plain("t"), "text": mrkdwn("t"), "confirm": plain("y"), "deny": plain("n")}
		c[key] = plain(chars(n))
		return said(buttons(with("confirm", c, button("a", "v"))))
	}
	options := func(n int) []any {
		out := []any{}
		for i := range n {
			out = append(out, option("o", fmt.Sprint(i)))
		}
		return out
	}
	pick := func(kind string, n int) m {
		return said(buttons(m{"type": kind, "action_id": "a", "options": options(n)}))
	}
	elements := func(n int) []any {
		out := []any{}
		for i := range n {
			out = append(out, button(fmt.Sprint(i), "v"))
		}
		return out
	}
	holds(t, slacksim.CheckMessage, "invalid_blocks", []bounds{
		{name: "blocks of a message", most: 50, make: func(n int) any { return said(list(n, m{"type": "divider"})...) }},
		{name: "section text", most: 3000, make: func(n int) any { return said(section(chars(n))) }},
		{name: "section fields", most: 10, make: func(n int) any { return said(m{"type": "section", "fields": fields(n)}) }},
		{name: "section field text", most: 2000, make: func(n int) any {
			return said(m{"type": "section", "fields": []any{mrkdwn(chars(n))}})
		}},
		{name: "header text", most: 150, make: func(n int) any { return said(m{"type": "header", "text": plain(chars(n))}) }},
		{name: "header level", most: 4, make: func(n int) any { return said(m{"type": "header", "text": plain("x"), "level": n}) }},
		{name: "context elements", most: 10, make: func(n int) any { return said(m{"type": "context", "elements": fields(n)}) }},
		{name: "image alt text", most: 2000, make: func(n int) any {
			return said(m{"type": "image", "image_url": "https://a.example/x.png", "alt_text": chars(n)})
		}},
		{name: "block_id", most: 255, make: func(n int) any { return said(m{"type": "divider", "block_id": chars(n)}) }},
		{name: "action_id", most: 255, make: func(n int) any { return said(buttons(button(chars(n), "v"))) }},
		{name: "elements of actions", most: 25, make: func(n int) any { return said(buttons(elements(n)...)) }},
		{name: "button text", most: 75, make: func(n int) any {
			return said(buttons(with("text", plain(chars(n)), button("a", "v"))))
		}},
		{name: "button value", most: 2000, make: func(n int) any { return said(buttons(button("a", chars(n)))) }},
		{name: "button url", most: 3000, make: func(n int) any {
			return said(buttons(with("url", "https://"+strings.Repeat("a", n-8), button("a", "v"))))
		}},
		{name: "accessibility_label", most: 75, make: func(n int) any {
			return said(buttons(with("accessibility_label", chars(n), button("a", "v"))))
		}},
		{name: "confirm title", most: 100, make: func(n int) any { return confirm("title", n) }},
		{name: "confirm text", most: 300, make: func(n int) any { return confirm("text", n) }},
		{name: "confirm button", most: 30, make: func(n int) any { return confirm("confirm", n) }},
		{name: "deny button", most: 30, make: func(n int) any { return confirm("deny", n) }},
		{name: "static select options", most: 100, make: func(n int) any { return pick("static_select", n) }},
		{name: "radio buttons", most: 10, make: func(n int) any { return pick("radio_buttons", n) }},
		{name: "checkboxes", most: 10, make: func(n int) any { return pick("checkboxes", n) }},
		{name: "overflow options", most: 5, make: func(n int) any { return pick("overflow", n) }},
		{name: "option text", most: 75, make: func(n int) any {
			return said(buttons(m{"type": "static_select", "action_id": "a", "options": []any{option(chars(n), "v")}}))
		}},
		{name: "option value", most: 150, make: func(n int) any {
			return said(buttons(m{"type": "static_select", "action_id": "a", "options": []any{option("o", chars(n))}}))
		}},
		{name: "option groups", most: 100, make: func(n int) any {
			return said(buttons(m{"type": "static_select", "action_id": "a", "option_groups": list(n, m{"label": plain("g"), "options": options(1)})}))
		}},
		{name: "placeholder", most: 150, make: func(n int) any {
			return said(buttons(m{"type": "users_select", "action_id": "a", "placeholder": plain(chars(n))}))
		}},
		{name: "markdown of a message", most: 12000, make: func(n int) any {
			return said(m{"type": "markdown", "text": chars(6000)}, m{"type": "markdown", "text": chars(n - 6000)})
		}},
		{name: "card body", most: 200, make: func(n int) any { return said(m{"type": "card", "body": plain(chars(n))}) }},
		{name: "children of a container", most: 10, make: func(n int) any {
			return said(m{"type": "container", "child_blocks": list(n, m{"type": "divider"})})
		}},
	})
}

func TestTableLimits(t *testing.T) {
	t.Parallel()
	cell := func(s string) m { return m{"type": "raw_text", "text": s} }
	table := func(rows ...any) m { return said(m{"type": "table", "rows": rows}) }
	data := func(extra m, rows ...any) m {
		b := m{"type": "data_table", "caption": "Accounts", "rows": rows}
		maps.Copy(b, extra)
		return said(b)
	}
	row := func(n int) []any { return list(n, cell("x")) }
	holds(t, slacksim.CheckMessage, "invalid_blocks", []bounds{
		{name: "table rows", most: 100, make: func(n int) any { return table(list(n, row(1))...) }},
		{name: "table cells", most: 20, make: func(n int) any { return table(row(n)) }},
		{name: "table text", most: 10000, make: func(n int) any { return table([]any{cell(chars(9000)), cell(chars(n - 9000))}) }},
		{name: "data table rows", most: 201, make: func(n int) any { return data(nil, list(n, row(1))...) }},
		{name: "data table cells", most: 20, make: func(n int) any { return data(nil, row(n)) }},
		{name: "data table text", most: 20000, make: func(n int) any { return data(nil, row(1), []any{cell(chars(n - 1))}) }},
		{name: "page_size", most: 100, make: func(n int) any { return data(m{"page_size": n}, row(1)) }},
		{name: "row_header_column_index", most: 2, make: func(n int) any { return data(m{"row_header_column_index": n}, row(3)) }},
	})
	for name, bad := range map[string]m{
		"no caption":               said(m{"type": "data_table", "rows": []any{row(1)}}),
		"a header that is no text": data(nil, []any{m{"type": "raw_number", "value": 1}}),
		"rows of unequal length":   data(nil, row(2), row(1)),
		"an empty align":           said(m{"type": "table", "rows": []any{row(1)}, "column_settings": []any{m{"align": ""}}}),
		"an unknown cell":          table([]any{m{"type": "raw_image", "text": "x"}}),
	} {
		if first(slacksim.CheckMessage([]byte(js(t, bad))), false) == "" {
			t.Errorf("%s was taken", name)
		}
	}
	empty := table([]any{cell("x"), nil, m{"type": "raw_number", "value": 1.5, "text": "1.50"}})
	if p := first(slacksim.CheckMessage([]byte(js(t, empty))), false); p != "" {
		t.Errorf("an empty cell was refused: %s", p)
	}
}

func TestViewLimits(t *testing.T) {
	t.Parallel()
	with := func(key string, v any) m { w := view("Title"); w[key] = v; return w }
	element := func(e m) m { return view("Title", input("b", e)) }
	typed := func(key string, v any) m { e := textInput(); e[key] = v; return element(e) }
	size := func(n int) any { // exactly n bytes as JSON
		blocks := []any{}
		for range 87 {
			blocks = append(blocks, m{"type": "section", "text": plain(strings.Repeat("x", 2800))})
		}
		v := view("Title", append(blocks, m{"type": "section", "text": plain("x")})...)
		pad := n - (len(js(t, v)) - 1) + 1
		v["blocks"] = append(blocks, m{"type": "section", "text": plain(strings.Repeat("x", pad))})
		return v
	}
	holds(t, slacksim.CheckView, "invalid_arguments", []bounds{
		{name: "title", most: 24, make: func(n int) any { return view(chars(n)) }},
		{name: "submit", most: 24, make: func(n int) any { return with("submit", plain(chars(n))) }},
		{name: "close", most: 24, make: func(n int) any { return with("close", plain(chars(n))) }},
		{name: "private_metadata", most: 3000, make: func(n int) any { return with("private_metadata", chars(n)) }},
		{name: "callback_id", most: 255, make: func(n int) any { return with("callback_id", chars(n)) }},
		{name: "external_id", most: 255, make: func(n int) any { return with("external_id", chars(n)) }},
		{name: "blocks of a modal", most: 100, make: func(n int) any { return view("Title", list(n, m{"type": "divider"})...) }},
		{name: "blocks of a home", most: 100, make: func(n int) any { return homeOf(list(n, m{"type": "divider"})...) }},
		{name: "JSON of a view", most: 250_000, make: size, code: "view_too_large"},
		{name: "label", most: 2000, make: func(n int) any {
			return view("Title", m{"type": "input", "label": plain(chars(n)), "element": textInput()})
		}},
		{name: "hint", most: 2000, make: func(n int) any {
			i := input("b", textInput())
			i["hint"] = plain(chars(n))
			return view("Title", i)
		}},
		{name: "max_length", most: 3000, make: func(n int) any { return typed("max_length", n) }},
		{name: "initial_value", most: 3000, make: func(n int) any { return typed("initial_value", chars(n)) }},
		{name: "input placeholder", most: 150, make: func(n int) any { return typed("placeholder", plain(chars(n))) }},
		{name: "alert", most: 200, make: func(n int) any {
			return view("Title", m{"type": "alert", "level": "warning", "text": plain(chars(n))})
		}},
	})
}

func TestOptionsLimits(t *testing.T) {
	t.Parallel()
	group := func(n int) m { return m{"label": plain("g"), "options": list(n, option("o", "v"))} }
	holds(t, slacksim.CheckOptions, "invalid_options", []bounds{
		{name: "options", most: 100, make: func(n int) any { return m{"options": list(n, option("o", "v"))} }},
		{name: "groups", most: 100, make: func(n int) any { return m{"option_groups": list(n, group(1))} }},
		{name: "options of a group", most: 100, make: func(n int) any { return m{"option_groups": []any{group(n)}} }},
		{name: "group label", most: 75, make: func(n int) any {
			return m{"option_groups": []any{m{"label": plain(chars(n)), "options": []any{}}}}
		}},
	})
	for name, c := range map[string]struct {
		body string
		fine bool
	}{
		"none found":    {`{"options":[]}`, true},
		"no field":      {`{}`, false},
		"null":          {`{"options":null}`, false},
		"both":          {`{"options":[],"option_groups":[]}`, false},
		"no object":     {`[]`, false},
		"option, empty": {`{"options":[{"text":{"type":"plain_text","text":""},"value":"v"}]}`, false},
	} {
		if got := first(slacksim.CheckOptions([]byte(c.body)), false) == ""; got != c.fine {
			t.Errorf("%s: fine is %v, want %v", name, got, c.fine)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	duplicate := m{"type": "divider", "block_id": "same"}
	for name, c := range map[string]struct {
		payload any
		check   func([]byte) []slacksim.Problem
		code    string
	}{
		"an unknown block":               {said(m{"type": "hologram"}), slacksim.CheckMessage, "invalid_blocks"},
		"an unknown element":             {said(buttons(m{"type": "lever"})), slacksim.CheckMessage, "invalid_blocks"},
		"an unknown field":               {said(m{"type": "divider", "colour": "red"}), slacksim.CheckMessage, "invalid_blocks"},
		"an alert in a message":          {said(m{"type": "alert", "text": plain("x")}), slacksim.CheckMessage, "invalid_blocks"},
		"a data table in a modal":        {view("T", m{"type": "data_table", "caption": "c", "rows": []any{}}), slacksim.CheckView, "invalid_arguments"},
		"block ids that are the same":    {said(duplicate, duplicate), slacksim.CheckMessage, "invalid_blocks"},
		"action ids that are the same":   {said(buttons(button("a", "1"), button("a", "2"))), slacksim.CheckMessage, "invalid_blocks"},
		"neither text nor blocks":        {m{}, slacksim.CheckMessage, "no_text"},
		"blocks that are no array":       {m{"text": "x", "blocks": m{}}, slacksim.CheckMessage, "invalid_blocks_format"},
		"a section of nothing":           {said(m{"type": "section"}), slacksim.CheckMessage, "invalid_blocks"},
		"empty text":                     {said(section("")), slacksim.CheckMessage, "invalid_blocks"},
		"a header in mrkdwn":             {said(m{"type": "header", "text": mrkdwn("x")}), slacksim.CheckMessage, "invalid_blocks"},
		"emoji in mrkdwn":                {said(m{"type": "section", "text": m{"type": "mrkdwn", "text": "x", "emoji": true}}), slacksim.CheckMessage, "invalid_blocks"},
		"context without elements":       {said(m{"type": "context", "elements": nil}), slacksim.CheckMessage, "invalid_blocks"},
		"a button in an input":           {view("T", input("b", button("a", "v"))), slacksim.CheckView, "invalid_arguments"},
		"a text input among buttons":     {said(buttons(textInput())), slacksim.CheckMessage, "invalid_blocks"},
		"a style that is not":            {said(buttons(m{"type": "button", "text": plain("x"), "style": "loud"})), slacksim.CheckMessage, "invalid_blocks"},
		"confirm without deny":           {said(buttons(m{"type": "button", "text": plain("x"), "confirm": m{"title": plain("t"), "text": plain("t"), "confirm": plain("y")}})), slacksim.CheckMessage, "invalid_blocks"},
		"inputs without submit":          {m{"type": "modal", "title": plain("T"), "blocks": []any{input("b", textInput())}}, slacksim.CheckView, "invalid_arguments"},
		"a modal without title":          {m{"type": "modal", "blocks": []any{}}, slacksim.CheckView, "invalid_arguments"},
		"a home with a title":            {m{"type": "home", "title": plain("T"), "blocks": []any{}}, slacksim.CheckView, "invalid_arguments"},
		"a view without blocks":          {m{"type": "modal", "title": plain("T")}, slacksim.CheckView, "invalid_arguments"},
		"a view with null blocks":        {m{"type": "modal", "title": plain("T"), "blocks": nil}, slacksim.CheckView, "invalid_arguments"},
		"a number input without kind":    {view("T", input("b", m{"type": "number_input", "action_id": "a"})), slacksim.CheckView, "invalid_arguments"},
		"a minimum that is a number":     {view("T", input("b", m{"type": "number_input", "is_decimal_allowed": false, "min_value": 1})), slacksim.CheckView, "invalid_arguments"},
		"a first choice of nothing":      {view("T", input("b", m{"type": "static_select", "options": []any{option("o", "v")}, "initial_option": option("p", "v")})), slacksim.CheckView, "invalid_arguments"},
		"two elements with the focus":    {view("T", input("a", m{"type": "plain_text_input", "focus_on_load": true}), input("b", m{"type": "plain_text_input", "focus_on_load": true})), slacksim.CheckView, "invalid_arguments"},
		"an update without text":         {m{"blocks": []any{section("x")}}, slacksim.CheckUpdate, "no_text"},
		"an update with too long a text": {m{"text": chars(4001)}, slacksim.CheckUpdate, "msg_too_long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if p := first(c.check([]byte(js(t, c.payload))), false); !strings.HasPrefix(p, c.code+":") {
				t.Errorf("gave %q, want %s", p, c.code)
			}
		})
	}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payload any
		code    string // "" for no advice
	}{
		"all is well":              {said(section("x")), ""},
		"text of 4,000":            {m{"text": chars(4000)}, ""},
		"text of 4,001":            {m{"text": chars(4001)}, "text_long"},
		"text of 40,000":           {m{"text": chars(40000)}, "text_long"},
		"text of 40,001":           {m{"text": chars(40001)}, "text_cut"},
		"no fallback":              {m{"blocks": []any{section("x")}}, "no_fallback"},
		"a broadcast in text":      {m{"text": "<!channel> hello"}, "broadcast"},
		"a broadcast in a section": {said(section("<!here|here>")), "broadcast"},
		"an option value of 76":    {said(buttons(m{"type": "static_select", "options": []any{option("o", chars(76))}})), "option_value"},
		"two options of one value": {said(buttons(m{"type": "static_select", "options": []any{option("o", "v"), option("p", "v")}})), "same_value"},
	} {
		problems := slacksim.CheckMessage([]byte(js(t, c.payload)))
		if p := first(problems, false); p != "" {
			t.Errorf("%s was refused: %s", name, p)
		}
		if got := first(problems, true); (c.code == "") != (got == "") || !strings.HasPrefix(got, c.code) {
			t.Errorf("%s: advice %q, want %q", name, got, c.code)
		}
	}
}
