package slack

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// interaction is the part of Slack's payload that is used. Everything else, the drawn message above all, is ignored: it
// is large, and what it shows is no authority.
type interaction struct {
	Type string `json:"type"`
	Team *struct {
		ID           string `json:"id"`
		EnterpriseID string `json:"enterprise_id"`
	} `json:"team"` // null for an installation on a whole organisation
	Enterprise *struct {
		ID string `json:"id"`
	} `json:"enterprise"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	Trigger     string `json:"trigger_id"`
	ResponseURL string `json:"response_url"`
	Actions     []struct {
		ActionID string `json:"action_id"`
		BlockID  string `json:"block_id"`
		Value    string `json:"value"`
	} `json:"actions"`
	Container struct {
		Type string `json:"type"`
	} `json:"container"`
	View struct {
		ID       string `json:"id"`
		Hash     string `json:"hash"`
		Callback string `json:"callback_id"`
		Metadata string `json:"private_metadata"`
		State    struct {
			Values map[string]map[string]input `json:"values"`
		} `json:"state"`
	} `json:"view"`

	// Of block_suggestion alone.
	Value   string `json:"value"`
	BlockID string `json:"block_id"`
}

// input is the answer to one input of a form.
type input struct {
	Value    string `json:"value"`
	Selected *struct {
		Value string `json:"value"`
	} `json:"selected_option"`
}

func (i interaction) value(block string) string { return i.View.State.Values[block][actionValue].Value }

func (i interaction) option(block string) string {
	if o := i.View.State.Values[block][actionValue].Selected; o != nil {
		return o.Value
	}
	return ""
}

// has reports whether the form has this input.
func (i interaction) has(field treasury.Field) bool {
	_, ok := i.View.State.Values[string(field)][actionValue]
	return ok
}

// fields names the form's inputs.
func (i interaction) fields() map[string]bool {
	names := map[string]bool{}
	for block := range i.View.State.Values {
		names[block] = true
	}
	return names
}

// tenant gives the team and the enterprise that the interaction comes from.
func (i interaction) tenant() (team, enterprise string) {
	if i.Team != nil {
		team, enterprise = i.Team.ID, i.Team.EnterpriseID
	}
	if i.Enterprise != nil {
		enterprise = i.Enterprise.ID
	}
	return team, enterprise
}

// interact verifies and reads an interaction, and answers what cannot be one.
func (e *Edge) interact(ctx context.Context, w http.ResponseWriter, r *http.Request) (interaction, delivery, bool) {
	d, ok := e.receive(ctx, w, r)
	if !ok {
		return interaction{}, d, false
	}
	var i interaction
	values, ok := formValues(d.body)
	if !ok || json.Unmarshal([]byte(values.Get("payload")), &i) != nil || i.User.ID == "" {
		w.WriteHeader(http.StatusBadRequest)
		return interaction{}, d, false
	}
	return i, d, true
}

// Interactions answers POST /slack/interactions: buttons and submitted forms.
func (e *Edge) Interactions(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), e.answerTime())
	defer cancel()
	i, d, ok := e.interact(ctx, w, r)
	if !ok {
		return
	}
	if !e.served(i.tenant()) {
		e.refuse(ctx, w, i, forbiddenWords(&treasury.Forbidden{Why: treasury.WhyStanding, Standing: treasury.StandingForeign}))
		return
	}
	first, err := e.first(ctx, d)
	if err != nil {
		e.Log.ErrorContext(ctx, "delivery not claimed", "ref", d.ref(), "error", err)
		e.refuse(ctx, w, i, errorWords(err, d.ref()))
		return
	}
	if !first {
		w.WriteHeader(http.StatusOK)
		return
	}
	switch i.Type {
	case "block_actions":
		if text := e.click(ctx, i, d.ref()); text != "" {
			e.refuse(ctx, w, i, text)
			return
		}
		w.WriteHeader(http.StatusOK)
	case "view_submission":
		answerJSON(w, e.submitted(ctx, i, d.ref()))
	case "view_closed":
		w.WriteHeader(http.StatusOK)
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
}

// submitted hands a form to its use case.
func (e *Edge) submitted(ctx context.Context, i interaction, ref string) any {
	switch i.View.Callback {
	case viewForm:
		return e.submitForm(ctx, i, ref)
	case viewCheck:
		return e.submitCheck(ctx, i, ref)
	case viewDecision:
		return e.submitDecision(ctx, i, ref)
	case viewTestify:
		return e.submitTestify(ctx, i, ref)
	case viewResend:
		return e.submitResend(ctx, i, ref)
	}
	return updateTo(wordsView("Not done", "This form is of another version of Tangobot. Nothing was done. Please open it again."))
}

// refuse says no to a click or a submission, so that only the person sees it: as a form of its own where that can be,
// because a private message may not arrive.
func (e *Edge) refuse(ctx context.Context, w http.ResponseWriter, i interaction, text string) {
	if i.Type == "view_submission" {
		answerJSON(w, updateTo(wordsView("Not done", text)))
		return
	}
	if i.Trigger != "" {
		err := e.Client.open(ctx, i.Trigger, wordsView("Not done", text))
		switch {
		case err != nil && i.ResponseURL != "":
			err = e.Client.respond(ctx, i.ResponseURL, message{Text: text}, false)
		case err != nil: // App Home has no response_url
			_, err = e.Client.post(ctx, i.User.ID, "", message{Text: text})
		}
		if err != nil {
			e.Log.WarnContext(ctx, "refusal not shown", "error", err)
		}
	}
	w.WriteHeader(http.StatusOK)
}

// Action ids of the buttons on cards and in direct messages; those of lists and of App Home stand beside them.
const (
	actionApprove = "approve"
	actionDeny    = "deny"
	actionStop    = "stop"
	actionCancel  = "cancel"
)

// click acts on a button. It gives the words to refuse with; none when all is well.
func (e *Edge) click(ctx context.Context, i interaction, ref string) string {
	if len(i.Actions) != 1 {
		return ""
	}
	a := i.Actions[0]
	var err error
	switch a.ActionID {
	case actionApprove, actionDeny, actionReview:
		err = e.openDecision(ctx, i, a.Value, a.ActionID)
	case actionStop, actionCancel:
		_, err = e.Desk.Cancel(ctx, i.User.ID, a.Value)
		e.refreshHome(ctx, i)
	case actionNext, actionPrev:
		err = e.turnPage(ctx, i, a.Value, ref)
	case actionTestify:
		err = e.openTestify(ctx, i, a.Value)
	case actionResend:
		err = e.openResend(ctx, i, a.Value)
	case actionSnooze:
		err = e.Desk.Snooze(ctx, i.User.ID, a.Value)
	case actionLink:
		err = e.Desk.AskForLink(ctx, i.User.ID, a.Value)
	case actionNewTransfer, actionNewDeposit, actionTransferFrom, actionTransferTo, actionDeposit, actionEdit, actionRegister, actionOpenAccount:
		err = e.openForm(ctx, i.User.ID, i.Trigger, func() (form, error) { return buttonForm(a.ActionID, a.Value) })
	default:
		return "" // a select inside a form, or a button of another version
	}
	if err == nil {
		return ""
	}
	if !errors.Is(err, treasury.ErrForbidden) {
		e.Log.WarnContext(ctx, "click not carried out", "ref", ref, "action", a.ActionID, "error", err)
	}
	return errorWords(err, ref)
}

// Action ids of the buttons that open a form; the value is an account's or a customer's id, of the empty forms nothing.
const (
	actionNewTransfer  = "new_transfer"
	actionNewDeposit   = "new_deposit"
	actionTransferFrom = "transfer_from"
	actionTransferTo   = "transfer_to"
	actionDeposit      = "deposit_to"
	actionEdit         = "edit_account"
	actionRegister     = "register_card"
	actionOpenAccount  = "open_account"
)

// actionLink asks for a new link to the card page; its value is the request's id.
const actionLink = "card_link"

// buttonForm gives the form that a button opens.
func buttonForm(action, value string) (form, error) {
	switch action {
	case actionNewTransfer:
		return form{draft: treasury.Draft{Kind: treasury.ActionTransfer}}, nil
	case actionNewDeposit:
		return form{draft: treasury.Draft{Kind: treasury.ActionDeposit}}, nil
	case actionTransferFrom:
		return form{draft: treasury.Draft{Kind: treasury.ActionTransfer, From: value}}, nil
	case actionTransferTo:
		return form{draft: treasury.Draft{Kind: treasury.ActionTransfer, To: value}}, nil
	case actionDeposit:
		return form{draft: treasury.Draft{Kind: treasury.ActionDeposit, Account: value}}, nil
	case actionEdit:
		return form{draft: treasury.Draft{Kind: treasury.ActionUpdateAccount, Account: value}}, nil
	case actionRegister:
		return form{draft: treasury.Draft{Kind: treasury.ActionRegisterCard, Account: value}}, nil
	case actionOpenAccount:
		return form{draft: treasury.Draft{Kind: treasury.ActionCreateAccount, Customer: value}}, nil
	}
	return form{}, treasury.ErrInvalid
}

// turnPage queues the question behind a list's Next or Prev button.
func (e *Edge) turnPage(ctx context.Context, i interaction, value, ref string) error {
	var t turn
	if err := json.Unmarshal([]byte(value), &t); err != nil {
		return treasury.ErrInvalid
	}
	return e.ask(ctx, Question{
		Ask: t.Ask, Words: t.Words, Place: t.Place, Person: i.User.ID, ResponseURL: i.ResponseURL, At: e.Clock(), Ref: ref,
	})
}

// refreshHome redraws App Home for a person who acted there.
func (e *Edge) refreshHome(ctx context.Context, i interaction) {
	if i.Container.Type != "view" {
		return
	}
	if err := e.publishHome(ctx, i.User.ID, i.View.Hash); err != nil {
		e.Log.WarnContext(ctx, "App Home not redrawn", "error", err)
	}
}

// Options answers POST /slack/options: type-ahead over the accounts, from the directory alone. It is asked at every
// keystroke and writes nothing, so it claims nothing.
func (e *Edge) Options(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), e.answerTime())
	defer cancel()
	i, d, ok := e.interact(ctx, w, r)
	if !ok {
		return
	}
	if i.Type != "block_suggestion" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	options := []*slackgo.OptionBlockObject{} // Slack wants a list, even of none
	if e.served(i.tenant()) {
		found, err := e.suggest(ctx, i)
		if err != nil && !errors.Is(err, treasury.ErrForbidden) {
			e.Log.WarnContext(ctx, "no accounts suggested", "ref", d.ref(), "error", err)
		}
		options = append(options, found...)
	}
	answerJSON(w, struct {
		Options []*slackgo.OptionBlockObject `json:"options"`
	}{options})
}
