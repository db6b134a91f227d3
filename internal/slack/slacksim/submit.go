package slacksim

import (
	"context"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Outcome is what a submission led to.
type Outcome string

// The outcomes.
const (
	Incomplete Outcome = "incomplete" // Slack's client refused it: a required input is empty, or a value is malformed
	Refused    Outcome = "errors"     // the app answered errors on inputs
	Closed     Outcome = "closed"     // the view is closed; what lay under it shows
	Updated    Outcome = "update"
	Pushed     Outcome = "push"
	Cleared    Outcome = "clear"
	Failed     Outcome = "failed" // the app failed, or answered what cannot be used; the view stays, with View.Trouble
)

// SubmitResult is what became of a submission.
type SubmitResult struct {
	Answer
	Outcome Outcome           `json:"outcome"`
	Errors  map[string]string `json:"errors,omitempty"` // by block id
	Trouble string            `json:"trouble,omitempty"`
	// View is the modal on top of the person's stack afterwards; nil when none is open.
	View *View `json:"view,omitempty"`
}

// Fill types and chooses in a view without telling the app.
func (w *Workspace) Fill(user, view string, values Values) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.state.actor(user)
	if err != nil {
		return err
	}
	at, err := w.place(p, Target{View: view})
	if err != nil {
		return err
	}
	return w.fillIn(at.view, values)
}

// fillIn settles all values, or none. The lock is held.
func (w *Workspace) fillIn(v *View, values Values) error {
	type entry struct {
		c control
		v Value
	}
	var settled []entry
	for block, byAction := range values {
		for action, value := range byAction {
			c, err := findControl(drawn(v.Blocks), block, action)
			if err != nil {
				return err
			}
			value, err = w.settle(&v.Inputs, c, value)
			if err != nil {
				return err
			}
			settled = append(settled, entry{c, value})
		}
	}
	for _, e := range settled {
		v.Inputs.put(e.c, e.v)
	}
	w.touch()
	return nil
}

// Submit fills in the modal on top of a person's stack and presses its submit button. Values that are not given stay as
// they are. What Slack's own client would not send, such as an empty required input, never reaches the app.
func (w *Workspace) Submit(ctx context.Context, user, view string, values Values) (SubmitResult, error) {
	w.mu.Lock()
	p, v, err := w.submitted(user, view, values)
	if err != nil {
		w.mu.Unlock()
		return SubmitResult{}, err
	}
	v.Errors, v.Trouble = incomplete(v), ""
	if len(v.Errors) > 0 {
		w.touch()
		out := SubmitResult{Outcome: Incomplete, Errors: v.clone().Errors, View: v.clone()}
		w.mu.Unlock()
		return out, nil
	}
	body := payloadForm(w.viewSubmission(p, v))
	w.mu.Unlock()

	a, err := w.Deliver(ctx, ToInteractions, body, nil)
	if err != nil {
		return SubmitResult{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.touch()
	out := SubmitResult{Answer: a}
	if v = w.state.Views[view]; v == nil {
		out.Outcome = Closed // the app opened something else meanwhile, and this one is gone
	} else {
		out.Outcome = w.applySubmit(v, a)
		out.Errors, out.Trouble = v.clone().Errors, v.Trouble
	}
	out.View = w.top(user).clone()
	return out, nil
}

func (w *Workspace) submitted(user, view string, values Values) (Person, *View, error) {
	p, err := w.state.actor(user)
	if err != nil {
		return p, nil, err
	}
	at, err := w.place(p, Target{View: view})
	if err != nil {
		return p, nil, err
	}
	if at.view.Type != modalView || at.view.Submit == nil {
		return p, nil, fmt.Errorf("view %s has no submit button: %w", view, ErrNotOffered)
	}
	return p, at.view, w.fillIn(at.view, values)
}

// applySubmit acts on the app's answer. The lock is held.
func (w *Workspace) applySubmit(v *View, a Answer) Outcome {
	const where = "view_submission answer"
	fail := func(code, text string) Outcome {
		v.Trouble = troubleFailed
		if code != "" {
			w.violate(where, []Problem{{Code: code, Text: text}})
		}
		return Failed
	}
	if a.Failure != "" {
		v.Trouble = trouble(a.Failure)
		return Failed
	}
	if a.empty() {
		w.unstack(v)
		return Closed
	}
	body, err := decode(a.Body)
	m := asObject(body)
	if err != nil || m == nil || !a.json() {
		return fail("invalid_response", "an answer to a submission is empty, or a JSON object sent as application/json")
	}
	said := args{values: m}
	switch action := asString(m["response_action"]); action {
	case "":
		w.unstack(v)
		return Closed
	case "clear":
		w.clearStack(v.User)
		return Cleared
	case "errors":
		errors := into[map[string]string](m["errors"])
		if text := badErrors(v, errors); text != "" {
			return fail("invalid_errors", text)
		}
		v.Errors = errors
		return Refused
	case "update", "push":
		def, bad := w.definition(where, said, modalView)
		if bad != nil {
			return fail("", "")
		}
		if action == "update" {
			bad = w.fill(v, def)
		} else {
			_, bad = w.stackView(v.User, def)
		}
		if bad != nil {
			return fail(bad.code, "the view cannot be shown")
		}
		if action == "update" {
			return Updated
		}
		return Pushed
	default:
		return fail("invalid_response_action", "response_action "+action)
	}
}

// badErrors tells why an errors answer fails as a whole: Slack takes only the block ids of the view's input blocks.
func badErrors(v *View, errors map[string]string) string {
	if len(errors) == 0 {
		return "errors must be a map from block ids to texts, with one entry at least"
	}
	var inputs []string
	for _, c := range controls(drawn(v.Blocks)) {
		if c.input {
			inputs = append(inputs, c.blockID)
		}
	}
	for id, text := range errors {
		if !slices.Contains(inputs, id) {
			return "error on block " + id + ", which is no input block of the view"
		}
		if text == "" {
			return "the error on block " + id + " is empty"
		}
	}
	return ""
}

// incomplete gives what Slack's client itself finds wrong, by block id.
func incomplete(v *View) map[string]string {
	found := map[string]string{}
	for _, c := range controls(drawn(v.Blocks)) {
		if !c.input {
			continue
		}
		value := v.Inputs.Values[c.blockID][c.actionID]
		if value.empty() {
			if !asBool(c.block["optional"]) {
				found[c.blockID] = "Please complete this required field."
			}
			continue
		}
		if text := c.malformed(value.text()); text != "" {
			found[c.blockID] = text
		}
	}
	return found
}

// malformed tells what is wrong with a typed text; "" when nothing is.
func (c control) malformed(text string) string {
	length := utf8.RuneCountInString(text)
	switch c.kind {
	case "plain_text_input":
		if most := into[int](c.element["max_length"]); length > maxInputText || (most > 0 && length > most) {
			return "This is too long."
		}
		if length < into[int](c.element["min_length"]) {
			return "This is too short."
		}
	case "number_input":
		pattern := `^-?\d+$`
		if asBool(c.element["is_decimal_allowed"]) {
			pattern = `^-?\d+(\.\d+)?$`
		}
		if !regexp.MustCompile(pattern).MatchString(text) {
			return "Please enter a number."
		}
	case "email_text_input":
		if _, err := mail.ParseAddress(text); err != nil {
			return "Please enter a valid email address."
		}
	case "url_text_input":
		if u, err := url.Parse(text); err != nil || !strings.HasPrefix(u.Scheme, "http") || u.Host == "" {
			return "Please enter a valid URL."
		}
	case "datepicker":
		if !regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`).MatchString(text) {
			return "Please enter a date."
		}
	case "timepicker":
		if !regexp.MustCompile(`^\d{2}:\d{2}$`).MatchString(text) {
			return "Please enter a time."
		}
	}
	return ""
}

// CloseView closes the modal on top of a person's stack. The app is told when the view asks for it (notify_on_close);
// a view with clear_on_close takes all others with it.
func (w *Workspace) CloseView(ctx context.Context, user, view string) ([]Answer, error) {
	w.mu.Lock()
	bodies, err := w.closeView(user, view)
	w.mu.Unlock()
	if err != nil {
		return nil, err
	}
	answers := make([]Answer, 0, len(bodies))
	for _, body := range bodies {
		a, err := w.Deliver(ctx, ToInteractions, body, nil)
		if err != nil {
			return answers, err
		}
		answers = append(answers, a)
	}
	return answers, nil
}

func (w *Workspace) closeView(user, view string) ([][]byte, error) {
	p, err := w.state.actor(user)
	if err != nil {
		return nil, err
	}
	at, err := w.place(p, Target{View: view})
	if err != nil {
		return nil, err
	}
	if at.view.Type != modalView {
		return nil, fmt.Errorf("view %s is no modal: %w", view, ErrNotOffered)
	}
	closing := []string{view}
	if at.view.ClearOnClose {
		closing = slices.Clone(w.state.Stacks[user])
		slices.Reverse(closing)
	}
	var bodies [][]byte
	for _, id := range closing {
		v := w.state.Views[id]
		if v.NotifyOnClose {
			bodies = append(bodies, payloadForm(w.viewClosed(p, v, at.view.ClearOnClose)))
		}
	}
	for _, id := range closing {
		w.unstack(w.state.Views[id])
	}
	w.touch()
	return bodies, nil
}
