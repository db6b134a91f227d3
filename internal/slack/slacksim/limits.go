package slacksim

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Problem is one rule of Slack's that a payload breaks.
type Problem struct {
	// Code is Slack's error code, such as invalid_blocks, or a word of this package for an Advice.
	Code string `json:"code"`
	// Path is a JSON pointer into the payload.
	Path string `json:"path"`
	// Text says what is wrong.
	Text string `json:"text"`
	// Advice tells that Slack takes the payload all the same; people would see it badly, or not at all.
	Advice bool `json:"advice,omitempty"`
}

// String gives the problem in one line.
func (p Problem) String() string {
	return fmt.Sprintf("%s: %s [json-pointer:%s]", p.Code, p.Text, p.Path)
}

// Violation is a problem in something that the app sent.
type Violation struct {
	At    time.Time `json:"at"`
	Where string    `json:"where"` // a Web API method, response_url, or the kind of answer
	Problem
}

// String gives the violation in one line.
func (v Violation) String() string { return v.Where + ": " + v.Problem.String() }

// Slack's limits. Lengths are in characters (Unicode code points). Sources: Block Kit reference, Web API methods.
const (
	maxMessageBlocks = 50
	maxViewBlocks    = 100
	maxViewBytes     = 250_000 // Slack: 250 KB
	maxModalWord     = 24      // title, submit and close
	maxMetadata      = 3000
	maxID            = 255    // callback_id, external_id, block_id, action_id
	maxMessageText   = 40_000 // cut beyond
	adviseText       = 4000   // beyond, clients may split or hide it
	maxUpdateText    = 4000   // chat.update answers msg_too_long beyond
	maxText          = 3000
	maxFieldText     = 2000
	maxFields        = 10
	maxHeader        = 150
	maxContext       = 10
	maxAlt           = 2000
	maxURL           = 3000
	maxActions       = 25
	maxButtonText    = 75
	maxButtonValue   = 2000
	maxLabel         = 2000
	maxPlaceholder   = 150
	maxInputText     = 3000
	maxOptions       = 100
	maxRadio         = 10
	maxOverflow      = 5
	maxOptionText    = 75
	maxOptionValue   = 150
	adviseOption     = 75 // one of Slack's own SDKs says 75 where the reference says 150
	maxConfirmTitle  = 100
	maxConfirmText   = 300
	maxConfirmButton = 30
	maxAlert         = 200
	maxMarkdown      = 12_000 // of all markdown blocks in a message
	maxTableRows     = 100
	maxTableCells    = 20
	maxTableText     = 10_000 // of all tables in a message
	maxDataRows      = 200    // without the header row
	maxDataText      = 20_000
	maxPageSize      = 100
	maxChildren      = 10 // of a container
	maxCharts        = 2  // data_visualization blocks in a message
	maxContextAction = 5
	maxCardTitle     = 150
	maxCardBody      = 200
	maxCardButtons   = 3
)

// CheckMessage checks a message as chat.postMessage takes it: an object with text and blocks. It gives nothing when all
// is well. Blocks may also be text that holds their JSON, as in a form.
func CheckMessage(raw []byte) []Problem {
	v, err := decode(raw)
	m := asObject(v)
	if err != nil || m == nil {
		return []Problem{{Code: "invalid_json", Text: "a message is a JSON object"}}
	}
	a := args{values: m}
	blocks, present, valid := a.nested("blocks")
	if !valid || (present && asList(blocks) == nil) {
		return []Problem{{Code: "invalid_blocks_format", Path: "/blocks", Text: "blocks must be an array"}}
	}
	return checkMessage(a.text("text"), asList(blocks), m)
}

// CheckUpdate checks a message as chat.update takes it: what CheckMessage checks, and that text is there and short.
func CheckUpdate(raw []byte) []Problem {
	v, err := decode(raw)
	if err != nil || asObject(v) == nil {
		return CheckMessage(raw)
	}
	return append(checkUpdate(asString(asObject(v)["text"])), CheckMessage(raw)...)
}

// CheckView checks a modal or a home as views.open and views.publish take it.
func CheckView(raw []byte) []Problem {
	v, err := decode(raw)
	if err != nil || asObject(v) == nil {
		return []Problem{{Code: "invalid_arguments", Path: "/view", Text: "a view is a JSON object"}}
	}
	return checkView(asObject(v))
}

// CheckOptions checks the answer to a block_suggestion: options or option_groups, at most 100 of either.
func CheckOptions(raw []byte) []Problem {
	v, err := decode(raw)
	m := asObject(v)
	c := &checker{code: "invalid_options"}
	if err != nil || m == nil {
		c.add("", "an answer with options is a JSON object")
		return c.problems
	}
	c.only("", m, "options", "option_groups")
	c.optionLists("", m, 0, maxOptions)
	return c.problems
}

func checkMessage(text string, blocks []any, values object) []Problem {
	c := &checker{code: "invalid_blocks", surface: message, ids: map[string]bool{}}
	if strings.TrimSpace(text) == "" && len(blocks) == 0 && values["attachments"] == nil {
		c.problem("no_text", "/text", "a message needs text or blocks")
	}
	if len(blocks) > 0 && strings.TrimSpace(text) == "" {
		c.advise("no_fallback", "/text", "notifications and screen readers read text, not blocks")
	}
	switch n := utf8.RuneCountInString(text); {
	case n > maxMessageText:
		c.advise("text_cut", "/text", fmt.Sprintf("%d characters; Slack cuts after %d", n, maxMessageText))
	case n > adviseText:
		c.advise("text_long", "/text", fmt.Sprintf("%d characters; keep to %d", n, adviseText))
	}
	c.broadcast("/text", text)
	c.blocks("/blocks", blocks, maxMessageBlocks)
	return c.problems
}

// checkUpdate checks what chat.update asks beyond any message.
func checkUpdate(text string) []Problem {
	switch {
	case text == "":
		return []Problem{{Code: "no_text", Path: "/text", Text: "send text with the blocks: it is what notifications and screen readers read"}}
	case utf8.RuneCountInString(text) > maxUpdateText:
		return []Problem{{Code: "msg_too_long", Path: "/text", Text: fmt.Sprintf("more than %d characters", maxUpdateText)}}
	}
	return nil
}

func checkView(v object) []Problem {
	c := &checker{code: "invalid_arguments", surface: modal, ids: map[string]bool{}, root: "/view"}
	if n := len(encode(v)); n > maxViewBytes {
		c.problem("view_too_large", "/view", fmt.Sprintf("%d bytes, more than %d", n, maxViewBytes))
	}
	switch kind := asString(v["type"]); kind {
	case modalView:
		c.only("/view", v, "type", "title", "submit", "close", "blocks", "private_metadata", "callback_id", "external_id",
			"clear_on_close", "notify_on_close", "submit_disabled")
		c.text("/view", v, "title", plainText, maxModalWord, true)
		c.text("/view", v, "submit", plainText, maxModalWord, false)
		c.text("/view", v, "close", plainText, maxModalWord, false)
	case homeView:
		c.surface = home
		c.only("/view", v, "type", "blocks", "private_metadata", "callback_id", "external_id")
	default:
		c.add("/view/type", fmt.Sprintf("unsupported view type %q", kind))
	}
	c.str("/view", v, "private_metadata", maxMetadata, false)
	c.str("/view", v, "callback_id", maxID, false)
	c.str("/view", v, "external_id", maxID, false)
	if _, ok := v["blocks"].([]any); !ok {
		c.add("/view/blocks", "missing required field: blocks")
	}
	blocks := asList(v["blocks"])
	c.blocks("/view/blocks", blocks, maxViewBlocks)
	if c.surface == modal && v["submit"] == nil && hasInput(blocks) {
		c.add("/view/submit", "submit is required when there are input blocks")
	}
	return c.problems
}

func hasInput(blocks []any) bool {
	for _, b := range blocks {
		if asString(asObject(b)["type"]) == "input" {
			return true
		}
	}
	return false
}

// refused gives the refusal that Slack answers with, or nil when there are only pieces of advice.
func refused(problems []Problem) *refusal {
	var bad *refusal
	for _, p := range problems {
		if p.Advice {
			continue
		}
		if bad == nil {
			bad = &refusal{code: p.Code}
		}
		bad.messages = append(bad.messages, fmt.Sprintf("[ERROR] %s [json-pointer:%s]", p.Text, p.Path))
	}
	if bad != nil && bad.code == "invalid_blocks" {
		bad.extra = object{"errors": bad.messages}
	}
	return bad
}

// violate writes problems down. The lock is held.
func (w *Workspace) violate(where string, problems []Problem) {
	for _, p := range problems {
		w.violations = keepLast(append(w.violations, Violation{At: w.config.Clock(), Where: where, Problem: p}))
	}
}
