package slacksim

import (
	"encoding/json"
	"fmt"
	"slices"
)

// View is a modal or a person's App Home.
type View struct {
	ID              string          `json:"id"`
	User            string          `json:"user"`
	Type            string          `json:"type"` // modal or home
	Hash            string          `json:"hash"`
	RootID          string          `json:"root_view_id"`
	PreviousID      string          `json:"previous_view_id,omitempty"`
	ExternalID      string          `json:"external_id,omitempty"`
	CallbackID      string          `json:"callback_id,omitempty"`
	PrivateMetadata string          `json:"private_metadata,omitempty"`
	Title           *Text           `json:"title,omitempty"`
	Submit          *Text           `json:"submit,omitempty"`
	Close           *Text           `json:"close,omitempty"`
	Blocks          json.RawMessage `json:"blocks"` // with the ids that Slack fills in
	ClearOnClose    bool            `json:"clear_on_close,omitempty"`
	NotifyOnClose   bool            `json:"notify_on_close,omitempty"`
	Inputs          inputs          `json:"inputs,omitzero"` // what was typed and chosen
	// Errors are shown at the inputs after a refused submission, by block id.
	Errors map[string]string `json:"errors,omitempty"`
	// Trouble is Slack's notice in the modal when the app failed or answered what cannot be used.
	Trouble string `json:"trouble,omitempty"`
}

// maxStack is how many modals can lie on each other (Slack: push_limit_reached).
const maxStack = 3

// Views's types.
const (
	modalView = "modal"
	homeView  = "home"
)

// definition reads and checks a view that the app sent. where names the call in violations.
func (w *Workspace) definition(where string, a args, kind string) (object, *refusal) {
	v, present, valid := a.nested("view")
	if !present || !valid || asObject(v) == nil {
		return nil, &refusal{code: "invalid_arguments", messages: []string{"[ERROR] missing required field: view"}}
	}
	problems := checkView(asObject(v))
	if found := asString(asObject(v)["type"]); found != kind {
		problems = append(problems, Problem{Code: "invalid_arguments", Path: "/view/type", Text: "must be " + kind + " here, not " + found})
	}
	w.violate(where, problems)
	if bad := refused(problems); bad != nil {
		return nil, bad
	}
	copied := asObject(clone(v)) // a copy, so that the log keeps what was sent
	w.fillIDs(asList(copied["blocks"]))
	return copied, nil
}

// fill draws a definition into a view: a new hash, the old inputs where they fit. It fails when the external id is
// another view's.
func (w *Workspace) fill(v *View, def object) *refusal {
	external := asString(def["external_id"])
	for _, other := range w.state.Views {
		if external != "" && other.ID != v.ID && other.ExternalID == external {
			return refuse("duplicate_external_id")
		}
	}
	v.Type, v.ExternalID = asString(def["type"]), external
	v.CallbackID, v.PrivateMetadata = asString(def["callback_id"]), asString(def["private_metadata"])
	v.Title, v.Submit, v.Close = into[*Text](def["title"]), into[*Text](def["submit"]), into[*Text](def["close"])
	v.ClearOnClose, v.NotifyOnClose = asBool(def["clear_on_close"]), asBool(def["notify_on_close"])
	v.Blocks = encode(asList(def["blocks"]))
	v.Inputs = v.Inputs.redrawn(asList(def["blocks"]))
	v.Errors, v.Trouble = nil, ""
	v.Hash = fmt.Sprintf("%d.%08x", w.config.Clock().Unix(), w.next())
	return nil
}

// stackView makes a modal on top of a person's stack.
func (w *Workspace) stackView(user string, def object) (*View, *refusal) {
	stack := w.state.Stacks[user]
	if len(stack) >= maxStack {
		return nil, refuse("push_limit_reached")
	}
	v := &View{ID: fmt.Sprintf("V0%06d", w.next()), User: user}
	v.RootID = v.ID
	if len(stack) > 0 {
		v.RootID, v.PreviousID = stack[0], stack[len(stack)-1]
	}
	if bad := w.fill(v, def); bad != nil {
		return nil, bad
	}
	w.state.Views[v.ID] = v
	w.state.Stacks[user] = append(slices.Clone(stack), v.ID)
	return v, nil
}

// unstack takes a modal away, wherever it lies.
func (w *Workspace) unstack(v *View) {
	delete(w.state.Views, v.ID)
	stack := slices.DeleteFunc(slices.Clone(w.state.Stacks[v.User]), func(id string) bool { return id == v.ID })
	w.state.Stacks[v.User] = stack
	previous := ""
	for _, id := range stack {
		if one := w.state.Views[id]; one != nil {
			one.RootID, one.PreviousID = stack[0], previous
		}
		previous = id
	}
}

// clearStack takes all modals of a person away.
func (w *Workspace) clearStack(user string) {
	for _, id := range w.state.Stacks[user] {
		delete(w.state.Views, id)
	}
	delete(w.state.Stacks, user)
}

// openView opens a modal. A trigger from inside a modal puts it on top; any other begins a new stack, for one cannot
// type or press elsewhere while a modal is open, so what was open before was left behind.
func (w *Workspace) openView(a args) (object, *refusal) {
	return w.exchange("views.open", a, func(t *trigger) { w.clearStack(t.User) })
}

// pushView puts a modal on top of the open one.
func (w *Workspace) pushView(a args) (object, *refusal) {
	return w.exchange("views.push", a, nil)
}

// exchange uses up a trigger for a view. fresh, when given, may clear the stack for a trigger from outside a modal.
func (w *Workspace) exchange(where string, a args, fresh func(*trigger)) (object, *refusal) {
	def, bad := w.definition(where, a, modalView)
	if bad != nil {
		return nil, bad
	}
	t, code := w.trigger(a.text("trigger_id"))
	if code == "" && fresh == nil && len(w.state.Stacks[t.User]) == 0 {
		code = "invalid_trigger_id" // there is nothing to push on
	}
	if code != "" {
		return nil, &refusal{code: code, messages: []string{"[ERROR] " + code}}
	}
	if fresh != nil && !t.Modal {
		fresh(t)
	}
	v, bad := w.stackView(t.User, def)
	if bad != nil {
		return nil, bad
	}
	t.Used = true
	return object{"view": w.viewWire(v)}, nil
}

func (w *Workspace) updateView(a args) (object, *refusal) {
	var v *View
	for _, one := range w.state.Views {
		if id := a.text("view_id"); id != "" && one.ID == id {
			v = one
		}
		if id := a.text("external_id"); id != "" && a.text("view_id") == "" && one.ExternalID == id {
			v = one
		}
	}
	if v == nil {
		return nil, refuse("not_found")
	}
	def, bad := w.definition("views.update", a, v.Type)
	if bad != nil {
		return nil, bad
	}
	if hash := a.text("hash"); hash != "" && hash != v.Hash {
		return nil, refuse("hash_conflict")
	}
	if bad := w.fill(v, def); bad != nil {
		return nil, bad
	}
	return object{"view": w.viewWire(v)}, nil
}

func (w *Workspace) publishView(a args) (object, *refusal) {
	if w.config.HomeDisabled {
		return nil, refuse("not_enabled")
	}
	user := a.text("user_id")
	p, ok := w.state.People[user]
	if !ok || p.Standing == Deactivated || p.Standing == Bot {
		return nil, &refusal{code: "invalid_arguments", messages: []string{"[ERROR] invalid `user_id`"}}
	}
	def, bad := w.definition("views.publish", a, homeView)
	if bad != nil {
		return nil, bad
	}
	v := w.state.Views[w.state.Homes[user]]
	if hash := a.text("hash"); hash != "" && (v == nil || hash != v.Hash) {
		return nil, refuse("hash_conflict")
	}
	if v == nil {
		v = &View{ID: fmt.Sprintf("V0%06d", w.next()), User: user}
		v.RootID = v.ID
	}
	if bad := w.fill(v, def); bad != nil {
		return nil, bad
	}
	w.state.Views[v.ID] = v
	w.state.Homes[user] = v.ID
	return object{"view": w.viewWire(v)}, nil
}

// viewWire is a view as the Web API and interactions give it.
func (w *Workspace) viewWire(v *View) object {
	orNull := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	return object{
		"id": v.ID, "team_id": w.config.TeamID, "type": v.Type, "blocks": v.Blocks, "private_metadata": v.PrivateMetadata,
		"callback_id": v.CallbackID, "state": v.Inputs.wire(), "hash": v.Hash, "title": v.Title, "submit": v.Submit, "close": v.Close,
		"clear_on_close": v.ClearOnClose, "notify_on_close": v.NotifyOnClose, "previous_view_id": orNull(v.PreviousID),
		"root_view_id": v.RootID, "app_id": w.config.APIAppID, "external_id": v.ExternalID,
		"app_installed_team_id": w.config.TeamID, "bot_id": w.config.BotID,
	}
}
