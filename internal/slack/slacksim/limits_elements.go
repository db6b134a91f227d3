package slacksim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// slot is what an element is part of.
type slot string

const (
	inActions        slot = "an actions block"
	inSection        slot = "a section block"
	inInput          slot = "an input block"
	inContextActions slot = "a context_actions block"
	inCell           slot = "a table cell"
)

// slots gives what a type of element may be part of; none for a type that Slack does not know.
func slots(kind string) []slot {
	switch kind {
	case "button":
		return []slot{inActions, inSection, inCell}
	case "overflow", "workflow_button":
		return []slot{inActions, inSection}
	case "image":
		return []slot{inSection}
	case "static_select", "external_select", "users_select", "conversations_select", "channels_select",
		"checkboxes", "radio_buttons", "datepicker", "timepicker":
		return []slot{inActions, inSection, inInput}
	case "multi_static_select", "multi_external_select", "multi_users_select", "multi_conversations_select", "multi_channels_select":
		return []slot{inSection, inInput}
	case "datetimepicker":
		return []slot{inActions, inInput}
	case "plain_text_input", "number_input", "email_text_input", "url_text_input", "rich_text_input", "file_input":
		return []slot{inInput}
	case "icon_button", "feedback_buttons":
		return []slot{inContextActions}
	}
	return nil
}

func (c *checker) elements(path string, list []any, in slot) {
	c.elementsAt(path+"/elements", list, in)
}

// elementsAt checks the elements of one block. Action ids are unique in it.
func (c *checker) elementsAt(path string, list []any, in slot) {
	ids := map[string]bool{}
	single := in == inSection || in == inInput || in == inCell
	for i, v := range list {
		at := path
		if !single {
			at = fmt.Sprintf("%s/%d", path, i)
		}
		e := asObject(v)
		if e == nil {
			c.add(at, "an element must be an object")
			continue
		}
		kind := asString(e["type"])
		if where := slots(kind); where == nil {
			c.add(at+"/type", "unsupported element type: "+kind)
			continue
		} else if !slices.Contains(where, in) {
			c.add(at+"/type", fmt.Sprintf("a %s cannot be in %s", kind, in))
		}
		if id := c.str(at, e, "action_id", maxID, false); id != "" {
			if ids[id] {
				c.add(at+"/action_id", fmt.Sprintf("`action_id` %q already exists in the block", id))
			}
			ids[id] = true
		}
		c.element(at, kind, e)
	}
}

func (c *checker) element(path, kind string, e object) {
	c.placeholder(path, kind, e)
	if v, ok := e["confirm"]; ok {
		c.confirm(path+"/confirm", v)
	}
	switch kind {
	case "button":
		c.button(path, e)
	case "image":
		c.only(path, e, "type", "image_url", "slack_file", "alt_text")
		c.image(path, e)
	case "overflow":
		c.only(path, e, "type", "action_id", "options", "confirm")
		c.optionLists(path, e, 1, maxOverflow)
	case "radio_buttons", "checkboxes":
		c.only(path, e, "type", "action_id", "options", "initial_option", "initial_options", "confirm", "focus_on_load", "visible_to_user_ids")
		c.optionLists(path, e, 1, maxRadio)
		c.initialOptions(path, e)
	case "static_select", "multi_static_select":
		c.only(path, e, "type", "action_id", "placeholder", "options", "option_groups", "initial_option", "initial_options",
			"confirm", "focus_on_load", "max_selected_items")
		c.optionLists(path, e, 1, maxOptions)
		c.initialOptions(path, e)
	case "external_select", "multi_external_select":
		c.only(path, e, "type", "action_id", "placeholder", "initial_option", "initial_options", "min_query_length", "confirm",
			"focus_on_load", "max_selected_items")
		c.whole(path, e, "min_query_length", 0, maxText)
		if o, ok := e["initial_option"]; ok {
			c.option(path+"/initial_option", o)
		}
		for i, o := range c.list(path, e, "initial_options", 0, maxOptions) {
			c.option(fmt.Sprintf("%s/initial_options/%d", path, i), o)
		}
	case "plain_text_input":
		c.plainTextInput(path, e)
	case "number_input":
		c.numberInput(path, e)
	}
}

// placeholder checks what many elements share: the placeholder and the one focus of a view.
func (c *checker) placeholder(path, kind string, e object) {
	if _, ok := e["placeholder"]; ok && kind != "button" {
		c.text(path, e, "placeholder", plainText, maxPlaceholder, true)
	}
	c.boolean(path, e, "focus_on_load", false)
	if asBool(e["focus_on_load"]) {
		c.focused++
		if c.focused > 1 {
			c.add(path+"/focus_on_load", "only one element can have focus_on_load")
		}
	}
}

func (c *checker) button(path string, e object) {
	c.only(path, e, "type", "action_id", "text", "url", "value", "style", "confirm", "accessibility_label",
		"agent_prompt", "agent_prompt_display", "visible_to_user_ids")
	c.text(path, e, "text", plainText, maxButtonText, true)
	c.str(path, e, "value", maxButtonValue, false)
	c.web(path, e, "url", false)
	c.oneOf(path, e, "style", "primary", "danger")
	c.str(path, e, "accessibility_label", maxButtonText, false)
	if _, ok := e["agent_prompt"]; ok {
		c.advise("agent_prompt", path+"/agent_prompt", "agent_prompt hands the click to Slack's AI instead of the app")
	}
}

func (c *checker) confirm(path string, v any) {
	m := asObject(v)
	if m == nil {
		c.add(path, "a confirm dialog must be an object")
		return
	}
	c.only(path, m, "title", "text", "confirm", "deny", "style")
	c.text(path, m, "title", plainText, maxConfirmTitle, true)
	c.text(path, m, "text", anyText, maxConfirmText, true)
	c.text(path, m, "confirm", plainText, maxConfirmButton, true)
	c.text(path, m, "deny", plainText, maxConfirmButton, true)
	c.oneOf(path, m, "style", "primary", "danger")
}

// optionLists checks options or option_groups: exactly one of them.
func (c *checker) optionLists(path string, m object, least, most int) {
	_, flat := m["options"]
	_, grouped := m["option_groups"]
	if flat == grouped {
		c.add(path+"/options", "needs either options or option_groups")
		return
	}
	if flat {
		if m["options"] == nil {
			c.add(path+"/options", "must be an array")
		}
		c.options(path, m, least, most)
		return
	}
	for i, g := range c.list(path, m, "option_groups", least, most) {
		at := fmt.Sprintf("%s/option_groups/%d", path, i)
		group := asObject(g)
		if group == nil {
			c.add(at, "an option group must be an object")
			continue
		}
		c.only(at, group, "label", "options")
		c.text(at, group, "label", plainText, maxOptionText, true)
		c.options(at, group, least, most)
	}
}

func (c *checker) options(path string, m object, least, most int) {
	seen := map[string]bool{}
	for i, o := range c.list(path, m, "options", least, most) {
		at := fmt.Sprintf("%s/options/%d", path, i)
		c.option(at, o)
		value := asString(asObject(o)["value"])
		if seen[value] && value != "" {
			c.advise("same_value", at+"/value", fmt.Sprintf("two options have the value %q; the choice is ambiguous", value))
		}
		seen[value] = true
	}
}

func (c *checker) option(path string, v any) {
	o := asObject(v)
	if o == nil {
		c.add(path, "an option must be an object")
		return
	}
	c.only(path, o, "text", "value", "description", "url")
	c.text(path, o, "text", anyText, maxOptionText, true)
	c.text(path, o, "description", anyText, maxOptionText, false)
	c.web(path, o, "url", false)
	value := c.str(path, o, "value", maxOptionValue, true)
	if n := utf8.RuneCountInString(value); n > adviseOption && n <= maxOptionValue {
		c.advise("option_value", path+"/value", fmt.Sprintf("%d characters; keep to %d", n, adviseOption))
	}
}

// initialOptions checks that what is chosen at first is exactly one of the options.
func (c *checker) initialOptions(path string, e object) {
	var all []any
	all = append(all, asList(e["options"])...)
	for _, g := range asList(e["option_groups"]) {
		all = append(all, asList(asObject(g)["options"])...)
	}
	chosen := asList(e["initial_options"])
	if o, ok := e["initial_option"]; ok {
		chosen = append(slices.Clone(chosen), o)
	}
	for _, o := range chosen {
		same := func(x any) bool { return bytes.Equal(encode(x), encode(o)) }
		if !slices.ContainsFunc(all, same) {
			c.add(path+"/initial_option", "is not one of the options, word for word")
		}
	}
}

func (c *checker) plainTextInput(path string, e object) {
	c.only(path, e, "type", "action_id", "placeholder", "initial_value", "multiline", "min_length", "max_length",
		"dispatch_action_config", "focus_on_load")
	c.boolean(path, e, "multiline", false)
	least, _ := c.whole(path, e, "min_length", 0, maxInputText)
	most, limited := c.whole(path, e, "max_length", 1, maxInputText)
	if !limited {
		most = maxInputText
	}
	if least > most {
		c.add(path+"/min_length", "must not be more than max_length")
	}
	c.str(path, e, "initial_value", int(most), false)
}

func (c *checker) numberInput(path string, e object) {
	c.only(path, e, "type", "action_id", "placeholder", "is_decimal_allowed", "initial_value", "min_value", "max_value",
		"dispatch_action_config", "focus_on_load")
	c.boolean(path, e, "is_decimal_allowed", true)
	for _, field := range []string{"initial_value", "min_value", "max_value"} {
		s := c.str(path, e, field, maxInputText, false)
		if s != "" && !json.Valid([]byte(strings.TrimSpace(s))) {
			c.add(path+"/"+field, "must be text that holds a number")
		}
	}
}
