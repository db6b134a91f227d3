package slacksim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// state is what survives a restart: everything that people could see, and the handles that are still good. Logs, faults
// and rate counters are not in it.
type state struct {
	Version      uint64               `json:"version"`
	Sequence     uint64               `json:"sequence"`   // of ids
	LastMicro    int64                `json:"last_micro"` // of message timestamps
	People       map[string]Person    `json:"people"`
	PeopleOrder  []string             `json:"people_order"`
	Groups       map[string]Group     `json:"groups"`
	Channels     map[string]Channel   `json:"channels"`
	ChannelOrder []string             `json:"channel_order"`
	Messages     map[string][]Message `json:"messages"` // by channel, oldest first
	Views        map[string]*View     `json:"views"`    // open modals and homes
	Stacks       map[string][]string  `json:"stacks"`   // view ids by person, the top one last
	Homes        map[string]string    `json:"homes"`    // view id by person
	Triggers     map[string]*trigger  `json:"triggers"`
	Hooks        map[string]*hook     `json:"hooks"`
	Events       map[string]*event    `json:"events"`
	Files        map[string]*File     `json:"files"`
}

func newState() state {
	return state{
		People: map[string]Person{}, Groups: map[string]Group{}, Channels: map[string]Channel{},
		Messages: map[string][]Message{}, Views: map[string]*View{}, Stacks: map[string][]string{},
		Homes: map[string]string{}, Triggers: map[string]*trigger{}, Hooks: map[string]*hook{}, Events: map[string]*event{},
		Files: map[string]*File{},
	}
}

// Save gives the workspace as JSON. Logs, violations, faults and rate counters are left out.
func (w *Workspace) Save() ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	body, err := json.Marshal(w.state)
	if err != nil {
		return nil, fmt.Errorf("saving the workspace: %w", err)
	}
	return body, nil
}

// Load replaces the whole workspace, its people too, by what Save gave.
func (w *Workspace) Load(body []byte) error {
	loaded := newState()
	if err := json.Unmarshal(body, &loaded); err != nil {
		return fmt.Errorf("loading the workspace: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	loaded.Version = max(loaded.Version, w.state.Version)
	w.state = loaded
	w.touch()
	return nil
}

// touch tells everybody who waits that something changed. The lock is held.
func (w *Workspace) touch() {
	w.state.Version++
	close(w.changed)
	w.changed = make(chan struct{})
}

// Version counts the changes of everything that a person could see.
func (w *Workspace) Version() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state.Version
}

// Changed gives a channel that is closed at the next change. Take it before reading, so that no change is missed.
func (w *Workspace) Changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

// Until waits until done gives true, and asks it again after each change.
func (w *Workspace) Until(ctx context.Context, done func() bool) error {
	for {
		changed := w.Changed()
		if done() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for a change of the workspace: %w", ctx.Err())
		}
	}
}

// next gives the next number for an id.
func (w *Workspace) next() uint64 {
	w.state.Sequence++
	return w.state.Sequence
}

// secretID gives an id that nobody guesses, though a run repeats it: the signing secret and a number, hashed.
func (w *Workspace) secretID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", w.config.SigningSecret, w.next()))
	return hex.EncodeToString(sum[:16])
}

// timestamp gives a message timestamp that no other message has: seconds and microseconds.
func (w *Workspace) timestamp() string {
	micro := max(w.config.Clock().UnixMicro(), w.state.LastMicro+1)
	w.state.LastMicro = micro
	return fmt.Sprintf("%d.%06d", micro/1e6, micro%1e6)
}

// trigger is a trigger_id: it opens one view, within three seconds, for one person.
type trigger struct {
	User  string    `json:"user"`
	Modal bool      `json:"modal"` // it comes from inside a modal
	At    time.Time `json:"at"`
	Used  bool      `json:"used"`
}

// triggerLife is how long a trigger_id can open a view (Slack: 3 seconds).
const triggerLife = 3 * time.Second

func (w *Workspace) newTrigger(user string, modal bool) string {
	now := w.config.Clock()
	for id, t := range w.state.Triggers {
		if now.Sub(t.At) > time.Hour { // long enough to tell expired from unknown
			delete(w.state.Triggers, id)
		}
	}
	id := fmt.Sprintf("%d.%d.%s", w.next(), now.Unix(), w.secretID())
	w.state.Triggers[id] = &trigger{User: user, Modal: modal, At: now}
	return id
}

// trigger gives a trigger that can be exchanged now, or Slack's code for why it cannot.
func (w *Workspace) trigger(id string) (*trigger, string) {
	t, ok := w.state.Triggers[id]
	switch {
	case !ok:
		return nil, "invalid_trigger_id"
	case t.Used:
		return nil, "exchanged_trigger_id"
	case w.config.Clock().Sub(t.At) > w.triggerTime:
		return nil, "expired_trigger_id"
	}
	return t, ""
}
