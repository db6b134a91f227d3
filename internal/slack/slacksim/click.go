package slacksim

import (
	"context"
	"fmt"
)

// Target is an element that a person uses: in a message (Channel and TS) or in a view (View). Block may be empty when
// only one element has the action id.
type Target struct {
	Channel string `json:"channel,omitempty"`
	TS      string `json:"ts,omitempty"`
	View    string `json:"view,omitempty"` // of an open modal, or of a home
	Block   string `json:"block_id,omitempty"`
	Action  string `json:"action_id"`
}

// Confirm is the dialog that Slack shows before it tells the app.
type Confirm struct {
	Title   *Text  `json:"title"`
	Text    *Text  `json:"text"`
	Confirm *Text  `json:"confirm"`
	Deny    *Text  `json:"deny"`
	Style   string `json:"style,omitempty"`
}

// ClickResult is what became of a click or a choice.
type ClickResult struct {
	Answer
	// Confirm is the dialog that the person had to accept first; nil when there is none. Click accepts it.
	Confirm *Confirm `json:"confirm,omitempty"`
	// View is the modal on top of the person's stack afterwards; nil when none is open.
	View *View `json:"view,omitempty"`
}

// Click presses a button, and accepts its confirm dialog.
func (w *Workspace) Click(ctx context.Context, user string, t Target) (ClickResult, error) {
	return w.Choose(ctx, user, t, Value{})
}

// Choose presses a button, or sets another element that tells the app at once: a select, radio buttons or a date in an
// actions or section block, or in an input block with dispatch_action.
func (w *Workspace) Choose(ctx context.Context, user string, t Target, v Value) (ClickResult, error) {
	w.mu.Lock()
	body, confirm, at, err := w.prepareClick(user, t, v)
	w.mu.Unlock()
	if err != nil {
		return ClickResult{}, err
	}
	a, err := w.Deliver(ctx, ToInteractions, body, nil)
	if err != nil {
		return ClickResult{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.touch()
	w.applyClick(user, at, a)
	return ClickResult{Answer: a, Confirm: confirm, View: w.top(user).clone()}, nil
}

// Peek gives the confirm dialog of an element without pressing it; nil when there is none.
func (w *Workspace) Peek(user string, t Target) (*Confirm, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _, c, err := w.aim(user, t)
	if err != nil {
		return nil, err
	}
	return into[*Confirm](c.element["confirm"]), nil
}

// prepareClick sets the element and builds the delivery. The lock is held.
func (w *Workspace) prepareClick(user string, t Target, v Value) ([]byte, *Confirm, place, error) {
	p, at, c, err := w.aim(user, t)
	if err != nil {
		return nil, nil, at, err
	}
	if c.input && !asBool(c.block["dispatch_action"]) {
		return nil, nil, at, fmt.Errorf("input %s tells the app only when it is submitted (no dispatch_action): %w", c.actionID, ErrNotOffered)
	}
	if c.kind != "button" {
		settled, err := w.settle(at.inputs(), c, v)
		if err != nil {
			return nil, nil, at, err
		}
		if c.kind != "overflow" { // an overflow menu keeps nothing
			at.inputs().put(c, settled)
		}
		v = settled
		w.touch()
	}
	return payloadForm(w.blockActions(p, at, c, v)), into[*Confirm](c.element["confirm"]), at, nil
}

// aim finds the person, the place and the element, and refuses what the person cannot see. The lock is held.
func (w *Workspace) aim(user string, t Target) (Person, place, control, error) {
	p, err := w.state.actor(user)
	if err != nil {
		return p, place{}, control{}, err
	}
	at, err := w.place(p, t)
	if err != nil {
		return p, at, control{}, err
	}
	c, err := findControl(at.blocks(), t.Block, t.Action)
	if err == nil && !c.visibleTo(p.ID) {
		err = fmt.Errorf("element %s: %w", t.Action, ErrNotVisible)
	}
	return p, at, c, err
}

func (w *Workspace) place(p Person, t Target) (place, error) {
	if t.View != "" {
		v := w.state.Views[t.View]
		if v == nil {
			return place{}, fmt.Errorf("view %s: %w", t.View, ErrUnknown)
		}
		if top := w.top(p.ID); v.User != p.ID || (v.Type == modalView && top.ID != v.ID) {
			return place{}, fmt.Errorf("view %s: %w", t.View, ErrNotVisible)
		}
		return place{view: v}, nil
	}
	c, ok := w.state.Channels[t.Channel]
	m := w.state.find(t.Channel, t.TS)
	if !ok || m == nil {
		return place{}, fmt.Errorf("message %s in %s: %w", t.TS, t.Channel, ErrUnknown)
	}
	if !w.state.sees(p, c) || (m.Ephemeral && m.EphemeralTo != p.ID) {
		return place{}, fmt.Errorf("message %s in %s: %w", t.TS, t.Channel, ErrNotVisible)
	}
	return place{channel: c, message: m}, nil
}

// top gives the modal on top of a person's stack; nil when none is open. The lock is held.
func (w *Workspace) top(user string) *View {
	stack := w.state.Stacks[user]
	if len(stack) == 0 {
		return nil
	}
	return w.state.Views[stack[len(stack)-1]]
}

// Slack's notices to a person whose click or submission the app did not take.
const (
	troubleFailed  = "We had some trouble connecting. Try again?"
	troubleTimeout = "Operation timed out. Apps need to respond within three seconds."
)

func trouble(failure string) string {
	if failure == failedTimeout {
		return troubleTimeout
	}
	return troubleFailed
}

// applyClick shows a failure where the click was: in the modal, or as a line that only the person sees. The body of a
// good answer is ignored, as Slack ignores it. The lock is held.
func (w *Workspace) applyClick(user string, at place, a Answer) {
	if a.Failure == "" {
		if !a.empty() && string(a.Body) != "{}" {
			w.violate("block_actions answer", []Problem{{Code: "ignored_body", Text: "Slack ignores the body of an answer to a click", Advice: true}})
		}
		return
	}
	if at.view != nil {
		at.view.Trouble = trouble(a.Failure)
		return
	}
	w.post(Message{Channel: at.channel.ID, User: slackbot, EphemeralTo: user, Text: trouble(a.Failure)})
}

// OptionsResult is what an external select showed.
type OptionsResult struct {
	Answer
	Options []Option      `json:"options"` // of all groups, if there are groups
	Groups  []OptionGroup `json:"groups,omitempty"`
	// TooShort tells that fewer characters than min_query_length were typed, so that the app was not asked.
	TooShort bool `json:"too_short,omitempty"`
	// Trouble is what the person is shown instead of options.
	Trouble string `json:"trouble,omitempty"`
}

// minQuery is an external select's min_query_length when it names none (Slack: 3).
const minQuery = 3

// OpenOptions types into an external select and asks the app for its options. What it offers can then be chosen.
func (w *Workspace) OpenOptions(ctx context.Context, user string, t Target, typed string) (OptionsResult, error) {
	w.mu.Lock()
	p, at, c, err := w.aim(user, t)
	if err == nil && c.kind != "external_select" && c.kind != "multi_external_select" {
		err = fmt.Errorf("element %s is a %s: %w", c.actionID, c.kind, ErrNotOffered)
	}
	if err != nil {
		w.mu.Unlock()
		return OptionsResult{}, err
	}
	shortest := minQuery
	if n := into[*int](c.element["min_query_length"]); n != nil {
		shortest = *n
	}
	if len([]rune(typed)) < shortest {
		w.mu.Unlock()
		return OptionsResult{TooShort: true}, nil
	}
	body := payloadForm(w.blockSuggestion(p, at, c, typed))
	w.mu.Unlock()

	a, err := w.Deliver(ctx, ToOptions, body, nil)
	if err != nil {
		return OptionsResult{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	out := OptionsResult{Answer: a}
	if a.Failure != "" {
		out.Trouble = trouble(a.Failure)
		return out, nil
	}
	problems := CheckOptions(a.Body)
	if !a.json() {
		problems = append(problems, Problem{Code: "invalid_content_type", Text: "options must be sent as application/json"})
	}
	w.violate("options answer", problems)
	if refused(problems) != nil {
		out.Trouble = troubleFailed
		return out, nil
	}
	listed := asObject(asAny(a.Body))
	out.Groups = into[[]OptionGroup](listed["option_groups"])
	out.Options = into[[]Option](listed["options"])
	for _, g := range out.Groups {
		out.Options = append(out.Options, g.Options...)
	}
	if at, err := w.place(p, t); err == nil { // it may have closed meanwhile
		at.inputs().offer(c, out.Options)
	}
	return out, nil
}
