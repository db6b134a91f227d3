package slacksim

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// SlashResult is what became of a slash command.
type SlashResult struct {
	Answer
	// Message is what the person was shown at once: the app's reply, or Slack's notice of a failure. Nil for an empty answer.
	Message *Message `json:"message,omitempty"`
}

// Slash types the app's command in a channel, or in the direct conversation with the app when channel is "". text is
// all after the command, as a person types it: @Name and #channel are escaped as Slack does.
func (w *Workspace) Slash(ctx context.Context, user, channel, text string) (SlashResult, error) {
	w.mu.Lock()
	p, c, err := w.composer(user, channel)
	if err != nil {
		w.mu.Unlock()
		return SlashResult{}, err
	}
	typed := text
	if !w.config.RawCommands {
		text = w.escape(text)
	}
	id, response := w.newHook(hook{User: p.ID, Channel: c.ID, Command: true})
	body := encodeForm(w.slashForm(p, c, text, response))
	w.mu.Unlock()

	a, err := w.Deliver(ctx, ToCommands, body, nil)
	if err != nil {
		return SlashResult{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.touch()
	m := w.applySlash(a, id, typed)
	if m != nil {
		*m = m.clone()
	}
	return SlashResult{Answer: a, Message: m}, nil
}

// composer finds the person and the channel in which they type.
func (w *Workspace) composer(user, channel string) (Person, Channel, error) {
	p, err := w.state.actor(user)
	if err != nil {
		return p, Channel{}, err
	}
	if channel == "" {
		return p, w.state.direct(p.ID, w.config.BotUserID), nil
	}
	c, ok := w.state.Channels[channel]
	if !ok {
		return p, c, fmt.Errorf("channel %s: %w", channel, ErrUnknown)
	}
	if !slices.Contains(c.Members, p.ID) {
		return p, c, fmt.Errorf("channel %s: %w", channel, ErrNotVisible)
	}
	return p, c, nil
}

// applySlash shows the answer to a command. The lock is held.
func (w *Workspace) applySlash(a Answer, hookID, typed string) *Message {
	h := w.state.Hooks[hookID]
	command := strings.TrimSpace(w.config.Command + " " + typed)
	notice := func(code string) *Message {
		m := w.post(Message{
			Channel: h.Channel, User: slackbot, EphemeralTo: h.User,
			Text: fmt.Sprintf("%s failed with the error %q", w.config.Command, code),
		})
		return &m
	}
	if a.Failure != "" {
		return notice(a.Failure)
	}
	if a.empty() {
		return nil
	}
	said := args{values: map[string]any{"text": string(a.Body)}}
	if a.json() {
		v, err := decode(a.Body)
		if err != nil || asObject(v) == nil {
			w.violate("slash reply", []Problem{{Code: "invalid_json", Text: "the answer says it is JSON and is not an object"}})
			return notice(failedStatus)
		}
		said.values = asObject(v)
		if len(said.values) == 0 {
			return nil
		}
		if said.text("response_type") == "" {
			w.violate("slash reply", []Problem{{Code: "no_response_type", Path: "/response_type", Text: "say ephemeral or in_channel", Advice: true}})
		}
	}
	c, bad := w.content("slash reply", said)
	if bad != nil {
		return notice(failedStatus)
	}
	public := said.text("response_type") == "in_channel"
	if public {
		w.post(Message{Channel: h.Channel, User: h.User, Text: command})
	}
	m := w.reply(h, c, public, "")
	h.Original = m.TS
	return &m
}

// Say posts an ordinary message of a person, which no app hears. channel "" is the conversation with the app.
func (w *Workspace) Say(user, channel, text string) (Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, c, err := w.composer(user, channel)
	if err != nil {
		return Message{}, err
	}
	defer w.touch()
	return w.post(Message{Channel: c.ID, User: p.ID, Text: w.escape(text)}), nil
}

// Escape gives the text of a command as Slack sends it with should_escape: people as <@U…>, channels as <#C…|name>,
// links in angle brackets, and the three special characters as entities. Names that nobody has stay as they are.
func (w *Workspace) Escape(text string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.escape(text)
}

func (w *Workspace) escape(text string) string {
	// What a client sends when a name was picked from its list is already in angle brackets; it stays.
	token := regexp.MustCompile(`<[@#][UWC][A-Z0-9]+(?:\|[^<>|]*)?>|https?://[^\s<>]+|@[\p{L}\p{N}._-]+|#[\p{Ll}\p{N}_-]+|[&<>]`)
	return token.ReplaceAllStringFunc(text, func(s string) string {
		switch {
		case s == "&":
			return "&amp;"
		case s == "<":
			return "&lt;"
		case s == ">":
			return "&gt;"
		case s[0] == '@':
			for _, p := range w.state.people() {
				if strings.EqualFold(p.Name, s[1:]) || strings.EqualFold(p.handle(), s[1:]) {
					return "<@" + p.ID + ">"
				}
			}
		case s[0] == '#':
			for _, id := range w.state.ChannelOrder {
				if c := w.state.Channels[id]; c.Name == s[1:] {
					return "<#" + c.ID + "|" + c.Name + ">"
				}
			}
		case s[0] == 'h':
			return "<" + strings.ReplaceAll(s, "&", "&amp;") + ">"
		}
		return s
	})
}

// SSLCheck sends the health check of a command's address. The app should answer 200.
func (w *Workspace) SSLCheck(ctx context.Context) (Answer, error) {
	return w.Deliver(ctx, ToCommands, encodeForm([]pair{{"token", verificationToken}, {"ssl_check", "1"}}), nil)
}
