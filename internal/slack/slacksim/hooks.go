package slacksim

import (
	"mime"
	"net/http"
	"time"
)

// hook is what a response_url stands for.
type hook struct {
	User     string    `json:"user"`
	Channel  string    `json:"channel"`
	At       time.Time `json:"at"`
	Uses     int       `json:"uses"`
	Command  bool      `json:"command"`            // of a slash command, not of a click
	Original string    `json:"original,omitempty"` // the ts of the message that replace_original means
	Thread   string    `json:"thread,omitempty"`
}

// Slack: a response_url takes five answers within thirty minutes.
const (
	hookLife = 30 * time.Minute
	hookUses = 5
)

func (w *Workspace) newHook(h hook) (id, url string) {
	h.At = w.config.Clock()
	for old, one := range w.state.Hooks {
		if h.At.Sub(one.At) > 24*time.Hour { // long enough to tell expired from unknown
			delete(w.state.Hooks, old)
		}
	}
	id = w.secretID()
	w.state.Hooks[id] = &h
	return id, w.config.BaseURL + "/response/" + id
}

// responseURL is the name under which calls of response URLs are logged and made to fail.
const responseURL = "response_url"

func (w *Workspace) serveHook(rw http.ResponseWriter, r *http.Request, id string, body []byte) {
	v, err := decode(body)
	m := asObject(v)
	a := args{values: m}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	w.serve(rw, r, responseURL, a, func() answer {
		refused := func(status int, code string, messages ...string) answer {
			return answer{body: (&refusal{code: code, messages: messages}).answer(), status: status, code: code}
		}
		h, ok := w.state.Hooks[id]
		switch {
		case r.Method != http.MethodPost:
			return refused(http.StatusMethodNotAllowed, "invalid_http_method")
		case !ok:
			return refused(http.StatusNotFound, "no_service")
		case w.config.Clock().Sub(h.At) > hookLife:
			return refused(http.StatusNotFound, "expired_url")
		case h.Uses >= hookUses:
			return refused(http.StatusNotFound, "used_url")
		case err != nil || m == nil || kind != "application/json":
			return refused(http.StatusBadRequest, "invalid_payload")
		}
		if bad := w.respond(h, a); bad != nil {
			return refused(http.StatusBadRequest, bad.code, bad.messages...)
		}
		h.Uses++
		return answer{text: "ok", applied: true}
	})
}

// respond acts on one answer to a response_url. The lock is held.
func (w *Workspace) respond(h *hook, a args) *refusal {
	original := w.state.find(h.Channel, h.Original)
	if a.flag("delete_original") {
		if h.Command || original == nil {
			// Slack: what a slash command showed cannot be deleted this way.
			w.violate(responseURL, []Problem{{Code: "cant_delete_message", Path: "/delete_original", Text: "there is no message that this response_url may delete"}})
			return refuse("cant_delete_message")
		}
		w.state.remove(h.Channel, h.Original)
		return nil
	}
	said, bad := w.content(responseURL, a)
	if bad != nil {
		return bad
	}
	public := a.text("response_type") == "in_channel"
	if a.flag("replace_original") && original != nil {
		if public && original.Ephemeral {
			w.violate(responseURL, []Problem{{Code: "stays_ephemeral", Path: "/response_type", Text: "an ephemeral message cannot become public", Advice: true}})
		}
		if !original.Ephemeral {
			w.violate(responseURL, reusedIDs(drawn(original.Blocks), said.blocks))
		}
		original.put(said)
		original.Edited = w.timestamp()
		return nil
	}
	m := w.reply(h, said, public, a.text("thread_ts"))
	if h.Original == "" {
		h.Original = m.TS
	}
	return nil
}

// reply posts an answer to a command or a click, to one person or to the channel. The lock is held.
func (w *Workspace) reply(h *hook, said content, public bool, thread string) Message {
	m := Message{Channel: h.Channel, User: w.config.BotUserID, ThreadTS: thread}
	if !public {
		m.EphemeralTo = h.User
		m.ThreadTS = h.Thread
		if thread != "" {
			w.violate(responseURL, []Problem{{Code: "thread_needs_in_channel", Path: "/thread_ts", Text: "thread_ts needs response_type in_channel", Advice: true}})
		}
	}
	m.put(said)
	return w.post(m)
}
