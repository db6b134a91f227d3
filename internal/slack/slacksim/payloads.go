package slacksim

import (
	"maps"
	"strconv"
)

// verificationToken is the old shared token that Slack still sends. Nobody may trust it; the signature is the proof.
const verificationToken = "deprecated"

// common are the fields that every interaction has.
func (w *Workspace) common(kind string, p Person) object {
	return object{
		"type": kind, "team": object{"id": w.config.TeamID, "domain": w.config.TeamDomain}, "enterprise": nil,
		"is_enterprise_install": false, "api_app_id": w.config.APIAppID, "token": verificationToken,
		"user": object{"id": p.ID, "username": p.handle(), "name": p.handle(), "team_id": p.TeamID},
	}
}

// place is where an element is: in a message or in a view.
type place struct {
	channel Channel
	message *Message
	view    *View
}

func (p place) inputs() *inputs {
	if p.view != nil {
		return &p.view.Inputs
	}
	return &p.message.Inputs
}

func (p place) blocks() []any {
	if p.view != nil {
		return drawn(p.view.Blocks)
	}
	return drawn(p.message.Blocks)
}

// describe adds to a payload where the element is. An ephemeral message itself is not sent, only its timestamp.
func (w *Workspace) describe(payload object, at place) {
	if at.view != nil {
		payload["container"] = object{"type": "view", "view_id": at.view.ID}
		payload["view"] = w.viewWire(at.view)
		return
	}
	container := object{
		"type": "message", "message_ts": at.message.TS, "channel_id": at.channel.ID, "is_ephemeral": at.message.Ephemeral,
	}
	if at.message.ThreadTS != "" {
		container["thread_ts"] = at.message.ThreadTS
	}
	payload["container"] = container
	payload["channel"] = object{"id": at.channel.ID, "name": at.channel.Name}
	payload["state"] = at.message.Inputs.wire()
	if !at.message.Ephemeral {
		payload["message"] = w.messageWire(*at.message)
	}
}

// blockActions is the payload of a click or a choice.
func (w *Workspace) blockActions(p Person, at place, c control, v Value) object {
	payload := w.common("block_actions", p)
	w.describe(payload, at)
	payload["trigger_id"] = w.newTrigger(p.ID, at.view != nil && at.view.Type == modalView)
	if at.message != nil {
		_, payload["response_url"] = w.newHook(hook{
			User: p.ID, Channel: at.channel.ID, Original: at.message.TS, Thread: at.message.ThreadTS,
		})
	}
	action := object{"type": c.kind, "action_id": c.actionID, "block_id": c.blockID, "action_ts": w.timestamp()}
	if c.kind == "button" {
		for _, key := range []string{"text", "value", "style", "url"} {
			if x, ok := c.element[key]; ok {
				action[key] = x
			}
		}
	} else {
		maps.Copy(action, asObject(asAny(encode(v))))
		if x, ok := c.element["placeholder"]; ok {
			action["placeholder"] = x
		}
	}
	payload["actions"] = []any{action}
	return payload
}

// blockSuggestion is the payload that asks for an external select's options.
func (w *Workspace) blockSuggestion(p Person, at place, c control, typed string) object {
	payload := w.common("block_suggestion", p)
	w.describe(payload, at)
	delete(payload, "state")
	payload["action_id"], payload["block_id"], payload["value"] = c.actionID, c.blockID, typed
	return payload
}

// viewSubmission is the payload of a submitted modal.
func (w *Workspace) viewSubmission(p Person, v *View) object {
	payload := w.common("view_submission", p)
	payload["view"] = w.viewWire(v)
	payload["trigger_id"] = w.newTrigger(p.ID, true)
	payload["response_urls"] = []any{}
	return payload
}

// viewClosed is the payload of a closed modal: without what was typed.
func (w *Workspace) viewClosed(p Person, v *View, cleared bool) object {
	payload := w.common("view_closed", p)
	view := w.viewWire(v)
	view["state"] = object{"values": object{}}
	payload["view"] = view
	payload["is_cleared"] = cleared
	return payload
}

// slashForm is the form of a slash command.
func (w *Workspace) slashForm(p Person, c Channel, text, response string) []pair {
	return []pair{
		{"token", verificationToken},
		{"team_id", w.config.TeamID},
		{"team_domain", w.config.TeamDomain},
		{"channel_id", c.ID},
		{"channel_name", c.Name},
		{"user_id", p.ID},
		{"user_name", p.handle()},
		{"command", w.config.Command},
		{"text", text},
		{"api_app_id", w.config.APIAppID},
		{"is_enterprise_install", "false"},
		{"response_url", response},
		{"trigger_id", w.newTrigger(p.ID, false)},
	}
}

// appHomeOpened is the event of a person who opened the app's Home tab.
func (w *Workspace) appHomeOpened(p Person, eventID string) object {
	now := w.config.Clock()
	inner := object{
		"type": "app_home_opened", "user": p.ID, "channel": w.state.direct(p.ID, w.config.BotUserID).ID,
		"tab": "home", "event_ts": w.timestamp(),
	}
	if v := w.state.Views[w.state.Homes[p.ID]]; v != nil {
		inner["view"] = w.viewWire(v)
	}
	return object{
		"token": verificationToken, "team_id": w.config.TeamID, "api_app_id": w.config.APIAppID, "event": inner,
		"type": "event_callback", "event_id": eventID, "event_time": now.Unix(), "is_ext_shared_channel": false,
		"authorizations": []any{object{
			"enterprise_id": nil, "team_id": w.config.TeamID, "user_id": w.config.BotUserID, "is_bot": true, "is_enterprise_install": false,
		}},
		"event_context": "4-" + strconv.FormatInt(now.Unix(), 36),
	}
}
