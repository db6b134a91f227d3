package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Every change is asked for in two steps: fill in, then look at what will happen. Both are the same draft, whose id was
// made when the form opened, so that sending it twice makes one request. The inputs of each kind of form are in
// inputs.go; an input's block has the name of its field, so that errors find it.

// Callback ids of the forms.
const (
	viewForm     = "form"
	viewCheck    = "check"
	viewDecision = "decision"
	viewWords    = "words"
)

// actionValue is the action id of every input of a form.
const actionValue = "value"

// form is what a form opens with.
type form struct {
	draft   treasury.Draft
	remarks []string // what was typed and could not be used, in words
}

// openForm opens a form within the life of a trigger id: three seconds, once. read fills it in once the directory is there.
func (e *Edge) openForm(ctx context.Context, person, trigger string, read func() (form, error)) error {
	if err := e.Desk.MayRequest(ctx, person); err != nil {
		return err
	}
	if err := e.Desk.Accounts.Load(ctx, e.Desk.Journal, e.Clock()); err != nil {
		return err
	}
	f, err := read()
	if err != nil {
		return err
	}
	if f.draft.Kind == treasury.ActionRegisterCard {
		if err := e.Desk.CardsHere(); err != nil {
			return err
		}
	}
	f.draft.ID = treasury.NewRequestID()
	view, err := e.formView(ctx, f, e.Desk.Accounts.ReadAt().IsZero())
	if err != nil {
		return err
	}
	return e.Client.open(ctx, trigger, view)
}

// formView draws the first step. unread says that the directory has never been read.
func (e *Edge) formView(ctx context.Context, f form, unread bool) (slackgo.ModalViewRequest, error) {
	var blocks []slackgo.Block
	if unread {
		blocks = append(blocks, alert(slackgo.AlertLevelWarning,
			"Tangobot has not read Tango's accounts yet, so there is none to choose. Please try again in a few minutes."))
	}
	if len(f.remarks) > 0 {
		blocks = append(blocks, alert(slackgo.AlertLevelInfo, strings.Join(f.remarks, " ")))
	}
	inputs, err := e.inputs(ctx, f.draft)
	if err != nil {
		return slackgo.ModalViewRequest{}, err
	}
	blocks = append(append(blocks, inputs...), note("Nothing is done yet. The next step shows what will happen, and who must approve it."))
	// What was typed stands in the inputs; the rest of the draft is all that the form carries.
	carried := treasury.Draft{ID: f.draft.ID, Kind: f.draft.Kind, Account: f.draft.Account, Customer: f.draft.Customer}
	return modal(viewForm, formTitle(f.draft.Kind), "Check", "Cancel", metadata(carried), blocks), nil
}

// formTitle names a form; Slack takes 24 characters.
func formTitle(k treasury.ActionKind) string {
	switch k {
	case treasury.ActionTransfer:
		return "Request a transfer"
	case treasury.ActionDeposit:
		return "Request a deposit"
	case treasury.ActionRegisterCard:
		return "Register a card"
	case treasury.ActionUnregisterCard:
		return "Remove a card"
	case treasury.ActionCreateAccount:
		return "Open an account"
	case treasury.ActionUpdateAccount:
		return "Edit an account"
	case treasury.ActionCreateCustomer:
		return "Open a customer"
	}
	return "Request a change"
}

// readDraft takes what was filled in. What a form does not ask for stays as the draft has it.
func (e *Edge) readDraft(ctx context.Context, i interaction) (treasury.Draft, error) {
	var d treasury.Draft
	if json.Unmarshal([]byte(i.View.Metadata), &d) != nil {
		return d, treasury.ErrInvalid
	}
	if err := e.Desk.Accounts.Load(ctx, e.Desk.Journal, e.Clock()); err != nil {
		return d, err
	}
	for field, target := range map[treasury.Field]*string{
		treasury.FieldFrom: &d.From, treasury.FieldTo: &d.To, treasury.FieldAccount: &d.Account,
	} {
		if i.has(field) {
			*target = e.chosenAccount(i.option(string(field)))
		}
	}
	for field, target := range map[treasury.Field]*string{
		treasury.FieldCard: &d.Card, treasury.FieldCustomer: &d.Customer, treasury.FieldCurrency: &d.Currency,
	} {
		if i.has(field) {
			*target = i.option(string(field))
		}
	}
	for field, target := range map[treasury.Field]*string{
		treasury.FieldAmount: &d.Amount, treasury.FieldNote: &d.Note, treasury.FieldNewID: &d.NewID, treasury.FieldName: &d.Name,
		treasury.FieldEmail: &d.Email, treasury.FieldNotify: &d.Notify, treasury.FieldLabel: &d.Label,
		treasury.FieldContacts: &d.Contacts,
	} {
		if i.has(field) {
			*target = i.value(string(field))
		}
	}
	if i.has(blockNotifyChoice) {
		d.NotifyChoice = treasury.NotifyChoice(strings.TrimPrefix(i.option(blockNotifyChoice), choiceKeep))
	}
	return d, nil
}

// chosenAccount gives the id of the account that was picked.
func (e *Edge) chosenAccount(value string) string {
	if a, ok := e.picked(value); ok {
		return a.ID
	}
	return value
}

// picked finds the account of an option's value: an id, or the number of an account whose id is too long for one.
func (e *Edge) picked(value string) (treasury.Account, bool) {
	if a, _, ok := e.Desk.Accounts.Get(value); ok {
		return a, true
	}
	a, ok, _ := e.Desk.Accounts.Resolve(value)
	return a, ok && a.Number == value
}

// submitForm is the first step's submission: errors on the fields, or the second step on top. The second step's close
// button leads back to the first, with everything still filled in.
func (e *Edge) submitForm(ctx context.Context, i interaction, ref string) any {
	draft, err := e.readDraft(ctx, i)
	if err != nil {
		return e.refuseForm(ctx, err, ref, nil)
	}
	p, err := e.Desk.Preview(ctx, i.User.ID, draft)
	if err != nil {
		return e.refuseForm(ctx, err, ref, i.fields())
	}
	data := metadata(draft)
	if data == "" {
		return updateTo(wordsView("Not requested", "This is more text than a form can carry. Please shorten it. Nothing was done."))
	}
	held, err := e.Desk.HeldUp(ctx, treasury.Request{Action: p.Action})
	if err != nil {
		return e.refuseForm(ctx, err, ref, nil)
	}
	view := checkView(draft.ID, p, data)
	if held.By != treasury.HeldByNothing {
		view.Blocks.BlockSet = append(view.Blocks.BlockSet, section("*Once approved, it will wait:* "+heldWords(held)+
			" It can be asked for and approved all the same, and goes on by itself when that is over."))
	}
	return slackgo.NewPushViewSubmissionResponse(&view)
}

// refuseForm answers a submission that cannot be used: on the fields that the form has, else as words. Slack drops an
// answer whose error names a block that is no input of the form.
func (e *Edge) refuseForm(ctx context.Context, err error, ref string, inputs map[string]bool) any {
	var invalid *treasury.Invalid
	if errors.As(err, &invalid) && len(inputs) > 0 {
		fields := map[string]string{}
		for _, p := range invalid.Problems {
			block := string(p.Field)
			if !inputs[block] {
				return updateTo(wordsView("Not requested", problemWords(invalid)+" Nothing was done."))
			}
			if line := problemLine(p); !strings.Contains(fields[block], line) {
				fields[block] = strings.TrimSpace(fields[block] + " " + line)
			}
		}
		return slackgo.NewErrorsViewSubmissionResponse(fields)
	}
	if !errors.Is(err, treasury.ErrForbidden) && !errors.Is(err, treasury.ErrInvalid) {
		e.Log.ErrorContext(ctx, "form not accepted", "ref", ref, "error", err)
	}
	return updateTo(wordsView("Not requested", errorWords(err, ref)))
}

// checkView draws the second step: exactly what will be sent, who must approve, and what rule says so.
func checkView(id string, p treasury.Preview, data string) slackgo.ModalViewRequest {
	list := []fact{{"Needs", approvalWords(p.Rule)}, {"Because", fmt.Sprintf("rule %d of the policy", p.Rule.Number)}}
	low := false
	for n, effect := range p.Effects {
		name := "Balance after"
		if len(p.Effects) == 2 {
			name = []string{"From: balance after", "To: balance after"}[n]
		}
		list = append(list, fact{name, fmt.Sprintf("%s\n(%s as of %s)", effect.After, effect.Account.Balance, date(effect.At))})
		low = low || effect.Low && n == 0 && p.Action.Kind == treasury.ActionTransfer
	}
	if p.Fee != nil {
		list = append(list, fact{"Tango's fee", feeWords(p.Fee)}, fact{"Charged to the card", "about " + p.Fee.Charged.String()})
	}
	blocks := append(actionSections("*"+actionTitle(p.Action)+"*", p.Action), facts(list...))
	if low {
		blocks = append(blocks, alert(slackgo.AlertLevelWarning, "The source account will be below its low-balance threshold."))
	}
	if p.Rule.Approvals == 0 {
		blocks = append(blocks, alert(slackgo.AlertLevelWarning, "No approval is needed: it is sent when the time for stopping it is over."))
	}
	foot := "Request " + code(id) + "."
	if p.Action.MovesMoney() {
		foot = "Balances are read again before anything is sent. " + foot
	}
	if p.Fee != nil {
		foot = "The fee is an estimate; Tango's answer has the real one. " + foot
	}
	return modal(viewCheck, "Check your request", "Request it", "Back", data, append(blocks, note(foot)))
}

// submitCheck is the second step's submission: the request is made, from the draft alone.
func (e *Edge) submitCheck(ctx context.Context, i interaction, ref string) any {
	var draft treasury.Draft
	if json.Unmarshal([]byte(i.View.Metadata), &draft) != nil {
		return e.refuseForm(ctx, treasury.ErrInvalid, ref, nil)
	}
	r, err := e.Desk.Submit(ctx, i.User.ID, draft)
	if err != nil {
		return e.refuseForm(ctx, err, ref, nil)
	}
	text := fmt.Sprintf("Request %s is recorded: *%s*\n%s\n\n", code(r.ID), actionTitle(r.Action), strings.Join(actionLines(r.Action), "\n"))
	if r.Rule.Approvals == 0 {
		text += "It needs no approval. " + dueWords(r) + ". You can stop it until then."
	} else {
		text += "It needs " + approvalWords(r.Rule) + ". Tangobot sends you a direct message when something happens, and you can take it back there."
	}
	return updateTo(wordsView("Requested", text))
}

// approvalWords tells how many approvals a rule asks for, and from whom.
func approvalWords(r treasury.RuleApplied) string {
	if r.Approvals == 0 {
		return "no approval"
	}
	return plural(r.Approvals, "approval") + " from " + escape(joinOr(r.From))
}

// joinOr names groups: any of them will do.
func joinOr(groups []string) string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g
		if g == treasury.Everyone {
			names[i] = "any other full member"
		}
	}
	return strings.Join(names, " or ")
}

func modal(callback, title, submit, closing, metadata string, blocks []slackgo.Block) slackgo.ModalViewRequest {
	view := slackgo.ModalViewRequest{
		Type: slackgo.VTModal, CallbackID: callback, Title: plain(title, maxModalWord), Close: plain(closing, maxModalWord),
		PrivateMetadata: metadata, Blocks: slackgo.Blocks{BlockSet: blocks},
	}
	if submit != "" {
		view.Submit = plain(submit, maxModalWord)
	}
	return view
}

// metadata encodes what a form carries; "" when it is more than Slack takes.
func metadata(v any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // Slack counts characters
	if err := encoder.Encode(v); err != nil {
		return ""
	}
	text := strings.TrimSpace(b.String())
	if utf8.RuneCountInString(text) > maxMetadata {
		return ""
	}
	return text
}

// wordsView is a form without inputs that says something. Closing it closes everything under it.
func wordsView(title, text string) slackgo.ModalViewRequest {
	view := modal(viewWords, title, "", "Close", "", sections(strings.Split(text, "\n")...))
	view.ClearOnClose = true
	return view
}

func updateTo(view slackgo.ModalViewRequest) any {
	return slackgo.NewUpdateViewSubmissionResponse(&view)
}

func alert(level slackgo.AlertLevel, text string) *slackgo.AlertBlock {
	return slackgo.NewAlertBlock(plain(text, 200), slackgo.AlertBlockOptionLevel(level))
}
