package slacksim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Screen is all that one person sees. It is JSON for a page to draw.
type Screen struct {
	Version  uint64          `json:"version"`
	Now      time.Time       `json:"now"`
	Person   Person          `json:"person"`
	People   []Person        `json:"people"` // for names in mentions
	BotUser  string          `json:"bot_user"`
	BotName  string          `json:"bot_name"`
	Command  string          `json:"command"`
	Channels []ChannelScreen `json:"channels"`
	Direct   ChannelScreen   `json:"direct"`           // the conversation with the app
	Modals   []View          `json:"modals,omitempty"` // the one on top last
	Home     *View           `json:"home,omitempty"`
}

// ChannelScreen is a channel and the messages in it that one person sees.
type ChannelScreen struct {
	Channel
	Messages []Message `json:"messages"`
}

// View gives what a person sees now: the channels that they are in, or could look into, with their own ephemeral
// messages; their conversation with the app; their modals and their App Home.
func (w *Workspace) View(user string) (Screen, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.state.actor(user)
	if err != nil {
		return Screen{}, err
	}
	s := Screen{
		Version: w.state.Version, Now: w.config.Clock(), Person: p, People: w.state.people(), BotUser: w.config.BotUserID,
		BotName: w.config.BotName, Command: w.config.Command, Channels: []ChannelScreen{}, Modals: w.modals(user),
		Home: w.state.Views[w.state.Homes[user]].clone(),
	}
	for _, id := range w.state.ChannelOrder {
		if c := w.state.Channels[id]; w.state.sees(p, c) {
			s.Channels = append(s.Channels, w.channelScreen(c, user))
		}
	}
	s.Direct = w.channelScreen(w.state.direct(user, w.config.BotUserID), user)
	return s, nil
}

func (w *Workspace) channelScreen(c Channel, user string) ChannelScreen {
	c.Members = slices.Clone(c.Members)
	return ChannelScreen{Channel: c, Messages: w.thread(c.ID, func(m Message) bool { return !m.Ephemeral || m.EphemeralTo == user })}
}

// thread gives the messages of a channel that pass, oldest first, with their replies under them.
func (w *Workspace) thread(channel string, pass func(Message) bool) []Message {
	list := []Message{}
	at := map[string]int{}
	for _, m := range w.state.Messages[channel] {
		if !pass(m) {
			continue
		}
		m = m.clone()
		parent, known := at[m.ThreadTS]
		if m.ThreadTS != "" && known {
			list[parent].Replies = append(list[parent].Replies, m)
			continue
		}
		at[m.TS] = len(list)
		list = append(list, m)
	}
	return list
}

// Messages gives everything in a channel, oldest first, replies under their parents, the ephemeral messages of all
// people too. A person's id stands for their conversation with the app.
func (w *Workspace) Messages(channel string) []Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.state.People[channel]; ok {
		channel = w.state.direct(channel, w.config.BotUserID).ID
	}
	return w.thread(channel, func(Message) bool { return true })
}

// Message gives one message, a reply too.
func (w *Workspace) Message(channel, ts string) (Message, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.state.find(channel, ts)
	if m == nil {
		return Message{}, false
	}
	return m.clone(), true
}

// Newest gives the newest message of a channel whose text holds the words. A person's id stands for their conversation
// with the app.
func (w *Workspace) Newest(channel, words string) (Message, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.state.People[channel]; ok {
		channel = w.state.direct(channel, w.config.BotUserID).ID
	}
	for _, m := range slices.Backward(w.state.Messages[channel]) {
		if strings.Contains(m.Text, words) {
			return m.clone(), true
		}
	}
	return Message{}, false
}

// Retain deletes the messages that are older than this, as a workspace does that keeps them for a while only, and what
// could still be done with them: response URLs and triggers.
func (w *Workspace) Retain(since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	oldest := fmt.Sprintf("%d.%06d", since.Unix(), since.Nanosecond()/1000)
	for channel, list := range w.state.Messages {
		w.state.Messages[channel] = slices.DeleteFunc(list, func(m Message) bool { return m.TS < oldest })
	}
	maps.DeleteFunc(w.state.Hooks, func(_ string, h *hook) bool { return h.At.Before(since) })
	maps.DeleteFunc(w.state.Triggers, func(_ string, t *trigger) bool { return t.At.Before(since) })
	w.touch()
}

// Ephemerals gives all that only this person sees, in all channels, oldest first.
func (w *Workspace) Ephemerals(user string) []Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []Message
	for _, messages := range w.state.Messages {
		for _, m := range messages {
			if m.EphemeralTo == user {
				list = append(list, m.clone())
			}
		}
	}
	slices.SortFunc(list, func(a, b Message) int {
		if a.TS < b.TS {
			return -1
		}
		return 1 // timestamps are unique
	})
	return list
}

// Modals gives a person's open modals, the one on top last.
func (w *Workspace) Modals(user string) []View {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.modals(user)
}

func (w *Workspace) modals(user string) []View {
	var list []View
	for _, id := range w.state.Stacks[user] {
		list = append(list, *w.state.Views[id].clone())
	}
	return list
}

// Home gives a person's App Home; nil when none was published.
func (w *Workspace) Home(user string) *View {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state.Views[w.state.Homes[user]].clone()
}

// Reload forgets what Slack's clients forget: a person's ephemeral messages and open modals.
func (w *Workspace) Reload(user string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for channel, list := range w.state.Messages {
		w.state.Messages[channel] = slices.DeleteFunc(list, func(m Message) bool { return m.EphemeralTo == user })
	}
	w.clearStack(user)
	w.touch()
}

// Calls gives the newest calls of one method, oldest first; of all for "".
func (w *Workspace) Calls(method string) []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []Call
	for _, c := range w.calls {
		if method == "" || c.Method == method {
			list = append(list, c)
		}
	}
	return list
}

// Counts gives how many calls each method has had, refused ones too.
func (w *Workspace) Counts() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.counts)
}

// Deliveries gives the newest requests that were sent to the app, oldest first.
func (w *Workspace) Deliveries() []Delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.deliveries)
}

// LastDelivery gives the newest request to one of the app's addresses.
func (w *Workspace) LastDelivery(route Route) (Delivery, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range slices.Backward(w.deliveries) {
		if d.Route == route {
			return d, true
		}
	}
	return Delivery{}, false
}

// Violations gives all that Slack refused, or took and would have shown badly, oldest first.
func (w *Workspace) Violations() []Violation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.violations)
}

// ClearLog forgets calls, counts, deliveries and violations.
func (w *Workspace) ClearLog() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls, w.deliveries, w.violations = nil, nil, nil
	w.counts = map[string]int{}
}

func (m Message) clone() Message {
	m.Blocks, m.Metadata = cloneRaw(m.Blocks), cloneRaw(m.Metadata)
	m.Inputs = m.Inputs.clone()
	return m
}

func (v *View) clone() *View {
	if v == nil {
		return nil
	}
	c := *v
	c.Blocks, c.Errors, c.Inputs = cloneRaw(v.Blocks), maps.Clone(v.Errors), v.Inputs.clone()
	return &c
}

func (in inputs) clone() inputs {
	values := maps.Clone(in.Values)
	for k, v := range values {
		values[k] = maps.Clone(v)
	}
	offered := maps.Clone(in.Offered)
	for k, v := range offered {
		offered[k] = maps.Clone(v)
	}
	return inputs{Values: values, Offered: offered}
}

func cloneRaw(raw json.RawMessage) json.RawMessage { return slices.Clone(raw) }
