package slacksim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Text is a text object.
type Text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji,omitempty"`
	Verbatim *bool  `json:"verbatim,omitempty"`
}

// Option is one choice of a select, of radio buttons or of checkboxes.
type Option struct {
	Text        *Text  `json:"text,omitempty"`
	Value       string `json:"value"`
	Description *Text  `json:"description,omitempty"`
}

// OptionGroup is a labelled list of options.
type OptionGroup struct {
	Label   *Text    `json:"label"`
	Options []Option `json:"options"`
}

// Value is what a person typed or chose in one element, in the shape of Slack's view.state.values. Typed and Chosen make
// one without knowing the element's type; JSON in Slack's own shape decodes into it too.
type Value struct {
	Type                  string   `json:"type"`
	Value                 *string  `json:"value,omitempty"`
	SelectedOption        *Option  `json:"selected_option,omitempty"`
	SelectedOptions       []Option `json:"selected_options,omitempty"`
	SelectedDate          *string  `json:"selected_date,omitempty"`
	SelectedTime          *string  `json:"selected_time,omitempty"`
	SelectedDateTime      *int64   `json:"selected_date_time,omitempty"`
	SelectedUser          *string  `json:"selected_user,omitempty"`
	SelectedUsers         []string `json:"selected_users,omitempty"`
	SelectedChannel       *string  `json:"selected_channel,omitempty"`
	SelectedChannels      []string `json:"selected_channels,omitempty"`
	SelectedConversation  *string  `json:"selected_conversation,omitempty"`
	SelectedConversations []string `json:"selected_conversations,omitempty"`
}

// Values are what a person typed or chose in a view: by block id, then by action id.
type Values map[string]map[string]Value

// Typed is text in an input, or a date (2026-01-31), a time (23:59) or a number.
func Typed(text string) Value { return Value{Value: &text} }

// Chosen are the values of options, or the ids of people or channels. Without any, the choice is cleared.
func Chosen(values ...string) Value {
	options := make([]Option, 0, len(values))
	for _, v := range values {
		options = append(options, Option{Value: v})
	}
	return Value{SelectedOptions: options}
}

// MarshalJSON writes what Slack writes for the element's type, and null for what is empty.
func (v Value) MarshalJSON() ([]byte, error) {
	out := map[string]any{"type": v.Type}
	switch v.Type {
	case "static_select", "external_select", "radio_buttons", "overflow":
		out["selected_option"] = v.SelectedOption
	case "checkboxes", "multi_static_select", "multi_external_select":
		out["selected_options"] = notNil(v.SelectedOptions)
	case "datepicker":
		out["selected_date"] = v.SelectedDate
	case "timepicker":
		out["selected_time"] = v.SelectedTime
	case "datetimepicker":
		out["selected_date_time"] = v.SelectedDateTime
	case "users_select":
		out["selected_user"] = v.SelectedUser
	case "multi_users_select":
		out["selected_users"] = notNil(v.SelectedUsers)
	case "channels_select":
		out["selected_channel"] = v.SelectedChannel
	case "multi_channels_select":
		out["selected_channels"] = notNil(v.SelectedChannels)
	case "conversations_select":
		out["selected_conversation"] = v.SelectedConversation
	case "multi_conversations_select":
		out["selected_conversations"] = notNil(v.SelectedConversations)
	case "button":
	default:
		out["value"] = v.Value
	}
	return json.Marshal(out)
}

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// text is what was typed, whatever field holds it.
func (v Value) text() string {
	for _, s := range []*string{v.Value, v.SelectedDate, v.SelectedTime} {
		if s != nil {
			return *s
		}
	}
	if v.SelectedDateTime != nil {
		return strconv.FormatInt(*v.SelectedDateTime, 10)
	}
	return ""
}

// picks are the values or ids that were chosen, whatever field holds them.
func (v Value) picks() []string {
	var list []string
	if v.SelectedOption != nil {
		list = append(list, v.SelectedOption.Value)
	}
	for _, o := range v.SelectedOptions {
		list = append(list, o.Value)
	}
	for _, s := range []*string{v.SelectedUser, v.SelectedChannel, v.SelectedConversation} {
		if s != nil {
			list = append(list, *s)
		}
	}
	return slices.Concat(list, v.SelectedUsers, v.SelectedChannels, v.SelectedConversations)
}

// empty tells whether nothing is typed or chosen.
func (v Value) empty() bool { return v.text() == "" && len(v.picks()) == 0 }

// inputs is what the elements of a view or a message hold.
type inputs struct {
	Values Values `json:"values,omitempty"`
	// Offered are the options that the app gave for an external select, by block and action id.
	Offered map[string]map[string][]Option `json:"offered,omitempty"`
}

func (in *inputs) put(c control, v Value) {
	if in.Values == nil {
		in.Values = Values{}
	}
	if in.Values[c.blockID] == nil {
		in.Values[c.blockID] = map[string]Value{}
	}
	in.Values[c.blockID][c.actionID] = v
}

func (in *inputs) offer(c control, options []Option) {
	if in.Offered == nil {
		in.Offered = map[string]map[string][]Option{}
	}
	if in.Offered[c.blockID] == nil {
		in.Offered[c.blockID] = map[string][]Option{}
	}
	in.Offered[c.blockID][c.actionID] = append(in.Offered[c.blockID][c.actionID], options...)
}

// redrawn gives the inputs after the blocks changed: what was typed stays where block id, action id and type are the
// same, and everything else begins with its initial value.
func (in inputs) redrawn(blocks []any) inputs {
	next := inputs{Offered: in.Offered}
	for _, c := range controls(blocks) {
		if c.kind == "button" || c.kind == "overflow" {
			continue
		}
		kept, ok := in.Values[c.blockID][c.actionID]
		if !ok || kept.Type != c.kind {
			kept = c.initial()
		}
		next.put(c, kept)
	}
	return next
}

// wire is the state object of a payload.
func (in inputs) wire() map[string]any {
	values := in.Values
	if values == nil {
		values = Values{}
	}
	return map[string]any{"values": values}
}

// settle turns what a person typed or chose into the value of that element, and refuses what it does not offer.
func (w *Workspace) settle(in *inputs, c control, v Value) (Value, error) {
	out := Value{Type: c.kind}
	picks := v.picks()
	one := func() *string {
		if len(picks) == 0 {
			return nil
		}
		return &picks[0]
	}
	if len(picks) > 1 && !c.many() {
		return out, fmt.Errorf("%d choices in %s %s: %w", len(picks), c.kind, c.actionID, ErrNotOffered)
	}
	switch c.kind {
	case "static_select", "external_select", "radio_buttons", "overflow", "checkboxes", "multi_static_select", "multi_external_select":
		chosen, err := pick(c.options(in), picks)
		if err != nil {
			return out, fmt.Errorf("%s %s in block %s: %w", c.kind, c.actionID, c.blockID, err)
		}
		if c.many() {
			out.SelectedOptions = chosen
		} else if len(chosen) > 0 {
			out.SelectedOption = &chosen[0]
		}
	case "datepicker":
		out.SelectedDate = orNil(v.text())
	case "timepicker":
		out.SelectedTime = orNil(v.text())
	case "datetimepicker":
		if n, err := strconv.ParseInt(v.text(), 10, 64); err == nil {
			out.SelectedDateTime = &n
		}
	case "users_select", "multi_users_select":
		for _, id := range picks {
			if _, ok := w.state.People[id]; !ok {
				return out, fmt.Errorf("person %s: %w", id, ErrNotOffered)
			}
		}
		out.SelectedUser, out.SelectedUsers = one(), picks
	case "channels_select", "multi_channels_select":
		out.SelectedChannel, out.SelectedChannels = one(), picks
	case "conversations_select", "multi_conversations_select":
		out.SelectedConversation, out.SelectedConversations = one(), picks
	default:
		out.Value = orNil(v.text())
	}
	return out.only(), nil
}

// only drops the fields that the type does not have, so that a value reads the same after Save and Load.
func (v Value) only() Value {
	switch v.Type {
	case "users_select":
		v.SelectedUsers = nil
	case "multi_users_select":
		v.SelectedUser = nil
	case "channels_select":
		v.SelectedChannels = nil
	case "multi_channels_select":
		v.SelectedChannel = nil
	case "conversations_select":
		v.SelectedConversations = nil
	case "multi_conversations_select":
		v.SelectedConversation = nil
	}
	return v
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// pick finds the chosen values among the options; later options win, as the newest list is what is on the screen.
func pick(options []Option, values []string) ([]Option, error) {
	chosen := make([]Option, 0, len(values))
	for _, v := range values {
		at := -1
		for i, o := range options {
			if o.Value == v {
				at = i
			}
		}
		if at < 0 {
			return nil, fmt.Errorf("option %q: %w", v, ErrNotOffered)
		}
		chosen = append(chosen, options[at])
	}
	return chosen, nil
}
