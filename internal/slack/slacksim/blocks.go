package slacksim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// object is a decoded JSON object. Numbers are json.Number, so that nothing is rounded.
type object = map[string]any

// decode reads JSON without rounding numbers, and refuses anything after the value.
func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("decoding JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decoding JSON: more after the value")
	}
	return v, nil
}

// encode writes a value that came from JSON or is made of plain maps; it cannot fail.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return json.RawMessage("null") // unreachable: no channels, functions or cycles come here
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// clone copies a value that came from JSON.
func clone(v any) any {
	switch v := v.(type) {
	case object:
		m := make(object, len(v))
		for k, x := range v {
			m[k] = clone(x)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, x := range v {
			l[i] = clone(x)
		}
		return l
	}
	return v
}

func asObject(v any) object {
	m, _ := v.(object)
	return m
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}

func asString(v any) string {
	s, _ := v.(string)
	return s
}

func asBool(v any) bool {
	b, _ := v.(bool)
	return b
}

// into decodes a decoded value again, into a struct; the zero value when it does not fit.
func into[T any](v any) T {
	var out T
	if v == nil {
		return out
	}
	if err := json.Unmarshal(encode(v), &out); err != nil {
		var zero T
		return zero
	}
	return out
}

// control is one interactive element and the block that it is in.
type control struct {
	block    object
	blockID  string
	input    bool // it is the element of an input block
	element  object
	actionID string
	kind     string // the element's type
}

// controls gives the interactive elements in the order in which they are drawn.
func controls(blocks []any) []control {
	var found []control
	for _, b := range blocks {
		block := asObject(b)
		add := func(e any, input bool) {
			element := asObject(e)
			kind := asString(element["type"])
			if kind == "" || kind == "image" || kind == "mrkdwn" || kind == "plain_text" {
				return
			}
			found = append(found, control{
				block: block, blockID: asString(block["block_id"]), input: input,
				element: element, actionID: asString(element["action_id"]), kind: kind,
			})
		}
		switch asString(block["type"]) {
		case "input":
			add(block["element"], true)
		case "section":
			add(block["accessory"], false)
		case "actions", "context_actions":
			for _, e := range asList(block["elements"]) {
				add(e, false)
			}
		case "card":
			for _, e := range asList(block["actions"]) {
				add(e, false)
			}
		case "data_table":
			for _, row := range asList(block["rows"]) {
				for _, cell := range asList(row) {
					add(asObject(cell)["element"], false)
				}
			}
		case "container":
			found = append(found, controls(asList(block["child_blocks"]))...)
		}
	}
	return found
}

// findControl finds an element by its action id, and by its block's id when that is given.
func findControl(blocks []any, blockID, actionID string) (control, error) {
	var found []control
	for _, c := range controls(blocks) {
		if c.actionID == actionID && (blockID == "" || c.blockID == blockID) {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 0:
		return control{}, fmt.Errorf("element %q in block %q: %w", actionID, blockID, ErrUnknown)
	case 1:
		return found[0], nil
	}
	return control{}, fmt.Errorf("element %q is there %d times, name its block: %w", actionID, len(found), ErrUnknown)
}

// many tells whether several choices can be made.
func (c control) many() bool { return c.kind == "checkboxes" || strings.HasPrefix(c.kind, "multi_") }

// options are those that the person can see: written in the element, or given by the app on demand.
func (c control) options(in *inputs) []Option {
	list := into[[]Option](c.element["options"])
	for _, g := range into[[]OptionGroup](c.element["option_groups"]) {
		list = append(list, g.Options...)
	}
	if o := into[*Option](c.element["initial_option"]); o != nil {
		list = append(list, *o)
	}
	list = append(list, into[[]Option](c.element["initial_options"])...)
	if in != nil {
		list = append(list, in.Offered[c.blockID][c.actionID]...)
	}
	return list
}

// initial is the element's value before anybody touched it.
func (c control) initial() Value {
	v := Value{Type: c.kind}
	text := func(key string) *string { return orNil(asString(c.element[key])) }
	switch c.kind {
	case "static_select", "external_select", "radio_buttons":
		v.SelectedOption = into[*Option](c.element["initial_option"])
	case "checkboxes", "multi_static_select", "multi_external_select":
		v.SelectedOptions = into[[]Option](c.element["initial_options"])
	case "datepicker":
		v.SelectedDate = text("initial_date")
	case "timepicker":
		v.SelectedTime = text("initial_time")
	case "datetimepicker":
		v.SelectedDateTime = into[*int64](c.element["initial_date_time"])
	case "users_select":
		v.SelectedUser = text("initial_user")
	case "multi_users_select":
		v.SelectedUsers = into[[]string](c.element["initial_users"])
	case "channels_select":
		v.SelectedChannel = text("initial_channel")
	case "multi_channels_select":
		v.SelectedChannels = into[[]string](c.element["initial_channels"])
	case "conversations_select":
		v.SelectedConversation = text("initial_conversation")
	case "multi_conversations_select":
		v.SelectedConversations = into[[]string](c.element["initial_conversations"])
	default:
		v.Value = text("initial_value")
	}
	return v
}

// visibleTo tells whether a person is shown the element at all.
func (c control) visibleTo(person string) bool {
	only, ok := c.element["visible_to_user_ids"]
	return !ok || slices.Contains(into[[]string](only), person)
}

// fillIDs gives blocks and elements the ids that the app left out, as Slack does.
func (w *Workspace) fillIDs(blocks []any) {
	for _, b := range blocks {
		block := asObject(b)
		if block != nil && asString(block["block_id"]) == "" {
			block["block_id"] = fmt.Sprintf("blk%d", w.next())
		}
		w.fillIDs(asList(block["child_blocks"]))
	}
	for _, c := range controls(blocks) {
		if c.actionID == "" {
			c.element["action_id"] = fmt.Sprintf("act%d", w.next())
		}
	}
}

// drawn decodes stored blocks.
func drawn(raw json.RawMessage) []any {
	v, err := decode(raw)
	if err != nil {
		return nil
	}
	return asList(v)
}
