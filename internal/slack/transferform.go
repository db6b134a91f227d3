package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// The transfer form has two steps: fill in, then look at what will happen. Both are the same draft, whose id was made
// when the form opened, so that sending it twice makes one request.

// Callback ids of the forms.
const (
	viewTransfer = "transfer_form"
	viewCheck    = "transfer_check"
	viewDecision = "decision"
	viewWords    = "words"
)

// Block and action ids of the transfer form's inputs; errors are keyed by block.
const (
	blockFrom   = "from"
	blockTo     = "to"
	blockAmount = "amount"
	blockNote   = "note"
	actionValue = "value"
)

// openTransfer opens the form within the life of a trigger id: three seconds, once.
func (e *Edge) openTransfer(ctx context.Context, person, trigger string, read func() prefill) error {
	if err := e.Desk.MayRequest(ctx, person); err != nil {
		return err
	}
	if err := e.Desk.Accounts.Load(ctx, e.Desk.Journal, e.Clock()); err != nil {
		return err
	}
	return e.Client.open(ctx, trigger, transferForm(treasury.NewRequestID(), read(), e.Desk.Accounts.ReadAt().IsZero()))
}

// transferForm draws the first step.
func transferForm(id string, p prefill, empty bool) slackgo.ModalViewRequest {
	var blocks []slackgo.Block
	if empty {
		blocks = append(blocks, alert(slackgo.AlertLevelWarning,
			"Tangobot has not read Tango's accounts yet, so there is none to choose. Please try again in a few minutes."))
	}
	if len(p.remarks) > 0 {
		blocks = append(blocks, alert(slackgo.AlertLevelInfo, strings.Join(p.remarks, " ")))
	}
	blocks = append(blocks,
		accountInput(blockFrom, "From account", p.from),
		accountInput(blockTo, "To account", p.to),
		slackgo.NewInputBlock(blockAmount, plain("Amount", 100), plain("In the accounts' currency, such as 1,250.00.", 200),
			&slackgo.PlainTextInputBlockElement{
				Type: slackgo.METPlainTextInput, ActionID: actionValue, InitialValue: clip(p.amount, 40), MaxLength: 40,
				Placeholder: plain("1,250.00", 20),
			}),
		optional(slackgo.NewInputBlock(blockNote, plain("Note", 100), plain("Approvers see it, and Tango keeps it with the transfer.", 200),
			&slackgo.PlainTextInputBlockElement{
				Type: slackgo.METPlainTextInput, ActionID: actionValue, InitialValue: p.note, MaxLength: treasury.MaxNote,
			})),
		note("Nothing moves until this is approved. The next step shows what will happen."),
	)
	return modal(viewTransfer, "Request a transfer", "Check", "Cancel", metadata(treasury.Draft{ID: id}), blocks)
}

func accountInput(block, label string, initial treasury.AccountRef) *slackgo.InputBlock {
	zero := 0
	element := &slackgo.SelectBlockElement{
		Type: slackgo.OptTypeExternal, ActionID: actionValue, MinQueryLength: &zero,
		Placeholder: plain("Type a name, id or number", 60),
	}
	if initial.ID != "" {
		element.InitialOption = accountOption(initial, "")
	}
	return slackgo.NewInputBlock(block, plain(label, 100), nil, element)
}

// accountOption is one line of the account list. An option's value holds 75 characters in every client, so a longer id
// is named by the account's number; submitting resolves either.
func accountOption(a treasury.AccountRef, suffix string) *slackgo.OptionBlockObject {
	value := a.ID
	if len(value) > maxOption {
		value = a.Number
	}
	text := a.ID
	if name := visible(a.Name); name != "" && !strings.EqualFold(name, a.ID) {
		text = name + " (" + a.ID + ")"
	}
	return slackgo.NewOptionBlockObject(value, plain(clip(text, maxOption-len(suffix))+suffix, maxOption), nil)
}

func optional(b *slackgo.InputBlock) *slackgo.InputBlock {
	b.Optional = true
	return b
}

func alert(level slackgo.AlertLevel, text string) *slackgo.AlertBlock {
	return slackgo.NewAlertBlock(plain(text, 200), slackgo.AlertBlockOptionLevel(level))
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

func metadata(v any) string {
	body, err := json.Marshal(v)
	if err != nil || len(body) > maxMetadata {
		return "" // drafts are bounded far below; an empty draft is refused when it is submitted
	}
	return string(body)
}

// submitTransfer is the first step's submission: errors on the fields, or the second step on top. The second step's
// close button leads back to the first, with everything still filled in.
func (e *Edge) submitTransfer(ctx context.Context, i interaction, ref string) any {
	var draft treasury.Draft
	if json.Unmarshal([]byte(i.View.Metadata), &draft) != nil {
		return updateTo(wordsView("Not requested", errorWords(treasury.ErrInvalid, ref)))
	}
	draft.From, draft.To = e.chosen(ctx, i, blockFrom), e.chosen(ctx, i, blockTo)
	draft.Amount, draft.Note = i.value(blockAmount), i.value(blockNote)
	p, err := e.Desk.Preview(ctx, i.User.ID, draft)
	if err != nil {
		return e.refuseForm(ctx, err, ref, true)
	}
	view := checkView(draft, p)
	return slackgo.NewPushViewSubmissionResponse(&view)
}

// chosen gives the id of the account that was picked.
func (e *Edge) chosen(ctx context.Context, i interaction, block string) string {
	value := i.option(block)
	if err := e.Desk.Accounts.Load(ctx, e.Desk.Journal, e.Clock()); err != nil {
		return value // Preview meets the same error and tells it
	}
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

// refuseForm answers a submission that cannot be used: on the fields where the form has them, else as words.
func (e *Edge) refuseForm(ctx context.Context, err error, ref string, hasFields bool) any {
	var invalid *treasury.Invalid
	if errors.As(err, &invalid) && hasFields {
		fields := map[string]string{}
		for _, p := range invalid.Problems {
			block := string(p.Field) // fields and blocks have the same names
			fields[block] = strings.TrimSpace(fields[block] + " " + problemLine(p))
		}
		return slackgo.NewErrorsViewSubmissionResponse(fields)
	}
	if !errors.Is(err, treasury.ErrForbidden) && !errors.Is(err, treasury.ErrInvalid) {
		e.Log.ErrorContext(ctx, "form not accepted", "ref", ref, "error", err)
	}
	return updateTo(wordsView("Not requested", errorWords(err, ref)))
}

// checkView draws the second step: exactly what will be sent, who must approve, and what rule says so.
func checkView(draft treasury.Draft, p treasury.Preview) slackgo.ModalViewRequest {
	t := p.Action.Transfer
	blocks := []slackgo.Block{
		section(fmt.Sprintf("*%s* will move\nfrom %s\nto %s", t.Amount, accountLine(t.From), accountLine(t.To))),
		facts(
			fact{"From: balance after", fmt.Sprintf("%s\n(%s on %s)", p.FromAfter, p.From.Balance, date(p.FromAt))},
			fact{"To: balance after", fmt.Sprintf("%s\n(%s on %s)", p.ToAfter, p.To.Balance, date(p.ToAt))},
			fact{"Needs", approvalWords(p.Rule)},
			fact{"Because", fmt.Sprintf("rule %d of the policy", p.Rule.Number)},
		),
	}
	if t.Note != "" {
		blocks = append(blocks, section("*Note*\n"+escape(visible(t.Note))))
	}
	if p.FromLow {
		blocks = append(blocks, alert(slackgo.AlertLevelWarning, "The source account will be below its low-balance threshold."))
	}
	if p.Rule.Approvals == 0 {
		blocks = append(blocks, alert(slackgo.AlertLevelWarning, "No approval is needed: it is sent when the time for stopping it is over."))
	}
	blocks = append(blocks, note("Balances are read again before anything is sent. Request "+code(draft.ID)+"."))
	return modal(viewCheck, "Check the transfer", "Request transfer", "Back", metadata(draft), blocks)
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

// submitCheck is the second step's submission: the request is made, from the draft alone.
func (e *Edge) submitCheck(ctx context.Context, i interaction, ref string) any {
	var draft treasury.Draft
	if json.Unmarshal([]byte(i.View.Metadata), &draft) != nil {
		return updateTo(wordsView("Not requested", errorWords(treasury.ErrInvalid, ref)))
	}
	r, err := e.Desk.Submit(ctx, i.User.ID, draft)
	if err != nil {
		return e.refuseForm(ctx, err, ref, false)
	}
	text := fmt.Sprintf("Request %s to move *%s* from %s to %s is recorded.\n\nIt needs %s. "+
		"Tangobot sends you a direct message when something happens, and you can take it back there.",
		code(r.ID), r.Action.Amount(), accountLine(r.Action.Transfer.From), accountLine(r.Action.Transfer.To), approvalWords(r.Rule))
	if r.Rule.Approvals == 0 {
		text = fmt.Sprintf("Request %s to move *%s* is recorded and needs no approval. It is sent at %s, until when you can stop it.",
			code(r.ID), r.Action.Amount(), date(r.DueAt))
	}
	return updateTo(wordsView("Requested", text))
}

// wordsView is a form without inputs that says something. Closing it closes everything under it.
func wordsView(title, text string) slackgo.ModalViewRequest {
	view := modal(viewWords, title, "", "Close", "", []slackgo.Block{section(text)})
	view.ClearOnClose = true
	return view
}

func updateTo(view slackgo.ModalViewRequest) any {
	return slackgo.NewUpdateViewSubmissionResponse(&view)
}
