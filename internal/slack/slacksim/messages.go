package slacksim

import (
	"encoding/json"
	"slices"
	"strings"
)

// Message is one message in a channel, or one that only a single person sees.
type Message struct {
	Channel     string          `json:"channel"`
	TS          string          `json:"ts"`
	ThreadTS    string          `json:"thread_ts,omitempty"` // of a reply: its parent's ts
	User        string          `json:"user"`
	Text        string          `json:"text"`
	Blocks      json.RawMessage `json:"blocks,omitempty"` // with the ids that Slack fills in
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	EphemeralTo string          `json:"ephemeral_to,omitempty"` // the only person who sees it
	Ephemeral   bool            `json:"ephemeral,omitempty"`
	Edited      string          `json:"edited,omitempty"` // the ts of the last edit
	Replies     []Message       `json:"replies,omitempty"`
	Files       []FileRef       `json:"files,omitempty"`
	Inputs      inputs          `json:"inputs,omitzero"` // what its selects hold
}

// slackbot is whom Slack's own notices come from.
const slackbot = "USLACKBOT"

// content is what an app says in a message: checked, with ids filled in.
type content struct {
	text     string
	blocks   []any
	metadata any
}

// put sets a message's content. Text that is longer than Slack keeps is cut.
func (m *Message) put(c content) {
	m.Text, m.Blocks, m.Metadata = c.text, nil, nil
	if runes := []rune(c.text); len(runes) > maxMessageText {
		m.Text = string(runes[:maxMessageText])
	}
	if len(c.blocks) > 0 {
		m.Blocks = encode(c.blocks)
	}
	if c.metadata != nil {
		m.Metadata = encode(c.metadata)
	}
	m.Inputs = m.Inputs.redrawn(c.blocks)
}

// content reads and checks what a call says. where names the call in violations.
func (w *Workspace) content(where string, a args) (content, *refusal) {
	c := content{text: a.text("text")}
	blocks, present, valid := a.nested("blocks")
	if !valid || (present && asList(blocks) == nil) {
		w.violate(where, []Problem{{Code: "invalid_blocks_format", Path: "/blocks", Text: "blocks must be an array"}})
		return c, refuse("invalid_blocks_format")
	}
	c.metadata, _, _ = a.nested("metadata")
	problems := checkMessage(c.text, asList(blocks), a.values)
	w.violate(where, problems)
	if bad := refused(problems); bad != nil {
		return c, bad
	}
	if present {
		c.blocks = asList(clone(blocks)) // a copy, so that the log keeps what was sent
		w.fillIDs(c.blocks)
	}
	return c, nil
}

// asAny decodes JSON that is known to be good.
func asAny(raw json.RawMessage) any {
	v, err := decode(raw)
	if err != nil {
		return nil
	}
	return v
}

// post adds a message to a channel. The lock is held.
func (w *Workspace) post(m Message) Message {
	m.TS = w.timestamp()
	m.Ephemeral = m.EphemeralTo != ""
	w.state.Messages[m.Channel] = append(w.state.Messages[m.Channel], m)
	return m
}

// find gives a message for changing. The lock is held.
func (s *state) find(channel, ts string) *Message {
	list := s.Messages[channel]
	for i := range list {
		if list[i].TS == ts {
			return &list[i]
		}
	}
	return nil
}

// remove deletes a message. The lock is held.
func (s *state) remove(channel, ts string) {
	s.Messages[channel] = slices.DeleteFunc(s.Messages[channel], func(m Message) bool { return m.TS == ts })
}

// target finds the channel of a call: by id, or, with users true, the direct conversation with a person by theirs.
func (w *Workspace) target(id string, users bool) (Channel, *refusal) {
	if p, ok := w.state.People[id]; ok && users {
		switch p.Standing {
		case Bot:
			return Channel{}, refuse("cannot_dm_bot")
		case Deactivated:
			return Channel{}, refuse("user_disabled")
		case Member, Guest, SingleChannelGuest, Stranger:
		}
		return w.state.direct(id, w.config.BotUserID), nil
	}
	c, ok := w.state.Channels[id]
	member := slices.Contains(c.Members, w.config.BotUserID)
	switch {
	case !ok, c.Private && !member:
		return c, refuse("channel_not_found")
	case !member:
		return c, refuse("not_in_channel")
	case c.Archived:
		return c, refuse("is_archived")
	}
	return c, nil
}

func (w *Workspace) postMessage(a args) (object, *refusal) {
	c, bad := w.target(a.text("channel"), true)
	if bad != nil {
		return nil, bad
	}
	said, bad := w.content("chat.postMessage", a)
	if bad != nil {
		return nil, bad
	}
	thread := a.text("thread_ts")
	if thread != "" {
		parent := w.state.find(c.ID, thread)
		if parent == nil || parent.Ephemeral {
			return nil, refuse("thread_not_found")
		}
		if parent.ThreadTS != "" {
			return nil, refuse("cannot_reply_to_message")
		}
	}
	m := Message{Channel: c.ID, ThreadTS: thread, User: w.config.BotUserID}
	m.put(said)
	m = w.post(m)
	return object{"channel": c.ID, "ts": m.TS, "message": w.messageWire(m)}, nil
}

func (w *Workspace) postEphemeral(a args) (object, *refusal) {
	c, bad := w.target(a.text("channel"), false)
	if bad != nil {
		return nil, bad
	}
	user := a.text("user")
	p, ok := w.state.People[user]
	if !ok || p.Standing == Deactivated || !slices.Contains(c.Members, user) {
		return nil, refuse("user_not_in_channel")
	}
	said, bad := w.content("chat.postEphemeral", a)
	if bad != nil {
		return nil, bad
	}
	m := Message{Channel: c.ID, ThreadTS: a.text("thread_ts"), User: w.config.BotUserID, EphemeralTo: user}
	m.put(said)
	m = w.post(m)
	return object{"message_ts": m.TS}, nil
}

func (w *Workspace) updateMessage(a args) (object, *refusal) {
	c, bad := w.target(a.text("channel"), false)
	if bad != nil {
		return nil, bad
	}
	m := w.state.find(c.ID, a.text("ts"))
	if m == nil || m.Ephemeral {
		return nil, refuse("message_not_found")
	}
	if m.User != w.config.BotUserID {
		return nil, refuse("cant_update_message")
	}
	problems := checkUpdate(a.text("text"))
	w.violate("chat.update", problems)
	if bad := refused(problems); bad != nil {
		return nil, bad
	}
	said, bad := w.content("chat.update", a)
	if bad != nil {
		return nil, bad
	}
	w.violate("chat.update", reusedIDs(drawn(m.Blocks), said.blocks))
	m.put(said)
	m.Edited = w.timestamp()
	return object{"channel": c.ID, "ts": m.TS, "text": m.Text, "message": w.messageWire(*m)}, nil
}

// reusedIDs finds blocks that changed and kept their block_id: clients may then keep showing the old state.
func reusedIDs(before, after []any) []Problem {
	old := map[string]json.RawMessage{}
	for _, b := range before {
		old[asString(asObject(b)["block_id"])] = encode(b)
	}
	var found []Problem
	for _, b := range after {
		id := asString(asObject(b)["block_id"])
		if was, ok := old[id]; ok && string(was) != string(encode(b)) {
			found = append(found, Problem{
				Code: "block_id_reused", Path: "/blocks", Advice: true,
				Text: "block " + id + " changed but kept its block_id; a revision of a message needs new ones",
			})
		}
	}
	return found
}

// messageWire is a message as the Web API and interactions give it.
func (w *Workspace) messageWire(m Message) object {
	out := object{"type": "message", "ts": m.TS, "user": m.User, "text": m.Text, "team": w.config.TeamID}
	if m.User == w.config.BotUserID {
		out["bot_id"], out["app_id"] = w.config.BotID, w.config.APIAppID
	}
	if m.Blocks != nil {
		out["blocks"] = m.Blocks
	}
	if m.ThreadTS != "" {
		out["thread_ts"] = m.ThreadTS
	}
	if m.Edited != "" {
		out["edited"] = object{"user": m.User, "ts": m.Edited}
	}
	if m.Metadata != nil {
		out["metadata"] = m.Metadata
	}
	return out
}

func (w *Workspace) authTest(args) (object, *refusal) {
	return object{
		"url": "https://" + w.config.TeamDomain + ".slack.com/", "team": w.config.TeamDomain, "team_id": w.config.TeamID,
		"user": w.config.BotName, "user_id": w.config.BotUserID, "bot_id": w.config.BotID, "is_enterprise_install": false,
	}, nil
}

func (w *Workspace) userInfo(a args) (object, *refusal) {
	p, ok := w.state.People[a.text("user")]
	if !ok && a.text("user") == w.config.BotUserID {
		p, ok = Person{ID: w.config.BotUserID, Name: w.config.BotName, Standing: Bot, TeamID: w.config.TeamID}, true
	}
	if !ok {
		return nil, refuse("user_not_found")
	}
	return object{"user": p.wire(w.config.TeamID)}, nil
}

// groupMembers leaves out the deactivated, as Slack drops them from groups. A disabled group is unknown unless it is
// asked for with include_disabled.
func (w *Workspace) groupMembers(a args) (object, *refusal) {
	g, ok := w.state.Groups[a.text("usergroup")]
	if !ok || (g.Disabled && !a.flag("include_disabled")) {
		return nil, refuse("no_such_subteam")
	}
	members := make([]string, 0, len(g.Members))
	for _, id := range g.Members {
		if w.state.People[id].Standing != Deactivated {
			members = append(members, id)
		}
	}
	return object{"users": members}, nil
}

func (w *Workspace) openConversation(a args) (object, *refusal) {
	users := strings.Split(a.text("users"), ",")
	if id := a.text("channel"); id != "" {
		c, ok := w.state.Channels[id]
		if !ok || c.DirectTo == "" {
			return nil, refuse("channel_not_found")
		}
		users = []string{c.DirectTo}
	}
	if len(users) != 1 || users[0] == "" {
		return nil, refuse("not_enough_users") // conversations of several people are not simulated
	}
	if _, ok := w.state.People[users[0]]; !ok {
		return nil, refuse("user_not_found")
	}
	c, bad := w.target(users[0], true)
	if bad != nil {
		return nil, bad
	}
	channel := object{"id": c.ID}
	if a.flag("return_im") {
		channel["is_im"], channel["user"] = true, c.DirectTo
	}
	return object{"channel": channel}, nil
}
