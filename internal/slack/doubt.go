package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// Buttons of a request in doubt; their value is the request's id.
const (
	actionTestify = "testify"
	actionResend  = "resend"
)

// Callback ids of the forms behind them.
const (
	viewTestify = "testify"
	viewResend  = "resend"
)

// Block ids of the form that closes a doubt.
const (
	blockFinding = "finding"
	blockSeen    = "seen"
)

// doubtButtons offers what people can do about a request in doubt, once they are asked.
func (e *Edge) doubtButtons(r treasury.Request) []slackgo.BlockElement {
	if !r.IsOpen(e.Clock()) {
		return nil
	}
	testify := button(actionTestify, r.ID, "Say what you found…")
	testify.AccessibilityLabel = clip("Say what you found about request "+r.ID, maxButtonText)
	buttons := []slackgo.BlockElement{testify}
	money := r.Action.Kind == treasury.ActionTransfer || r.Action.Kind == treasury.ActionDeposit
	if money && e.Desk.Policy.References == treasury.ReferencesUnique && !r.Inquiry.Resent {
		resend := button(actionResend, r.ID, "Send again with the same reference…")
		resend.AccessibilityLabel = clip("Approve sending request "+r.ID+" again", maxButtonText)
		buttons = append(buttons, resend)
	}
	return buttons
}

// inquiryLines tells what was found out, in plain words, with a grade, and who is asked.
func inquiryLines(r treasury.Request) []string {
	i := r.Inquiry
	if i == nil {
		return nil
	}
	lines := []string{"In doubt since " + date(i.Since) + "."}
	if r.State != treasury.StateInDoubt {
		lines[0] = "It fell in doubt " + date(i.Since) + "."
	}
	if ev := i.Evidence; ev == nil {
		if r.State == treasury.StateInDoubt {
			lines = append(lines, "*Evidence: being gathered.* Tangobot looks at Tango again by itself and tells you what it finds.")
		}
	} else {
		lines = append(lines, "*Evidence: "+gradeWords(ev.Says)+".* "+evidenceWords(r, ev))
		for _, delta := range ev.Balances {
			lines = append(lines, fmt.Sprintf("%s: %s before the send, %s at %s", code(delta.Account), delta.Before, delta.After, date(ev.At)))
		}
		if len(ev.Noisy) > 0 && ev.Says == treasury.FindingOpen {
			lines = append(lines, "It is not certain that Tangobot alone moves money on "+escape(joinOr(ev.Noisy))+".")
		}
	}
	for _, v := range i.Findings {
		lines = append(lines, fmt.Sprintf("%s says: %s. Seen: %s", mention(v.Person), findingWords(v.Finding), escape(visible(v.Seen))))
	}
	for _, v := range i.Resend {
		lines = append(lines, fmt.Sprintf("%s approves sending it again with the same reference (%d of %d)", mention(v.Person), len(i.Resend), r.ResendNeeded()))
	}
	return lines
}

func gradeWords(f treasury.Finding) string {
	switch f {
	case treasury.FindingExecuted:
		return "it was carried out"
	case treasury.FindingNot:
		return "it was not carried out"
	case treasury.FindingOpen:
	}
	return "open, people must decide"
}

func findingWords(f treasury.Finding) string {
	switch f {
	case treasury.FindingExecuted:
		return "it was carried out"
	case treasury.FindingNot:
		return "it was not carried out"
	case treasury.FindingOpen:
	}
	return "it is not clear"
}

// evidenceWords is ruleWords, and for evidence that proves nothing says what it fits: people who must decide should not
// overlook it.
func evidenceWords(r treasury.Request, ev *treasury.Evidence) string {
	amount := r.Action.Amount()
	if ev.Rule != treasury.RuleUnclear || !amount.IsKnown() || len(ev.Balances) == 0 {
		return ruleWords(ev)
	}
	moved, still := true, true
	for _, d := range ev.Balances {
		change, err := d.After.Sub(d.Before)
		want := amount.Hundredths
		if t := r.Action.Transfer; t != nil && d.Account == t.From.ID {
			want = -want
		}
		moved = moved && err == nil && change.Hundredths == want
		still = still && err == nil && change.Hundredths == 0
	}
	const noProof = " But others may move money there too, so it is no proof."
	switch {
	case moved && len(ev.Balances) > 1:
		return "Both balances changed by exactly " + amount.String() + ", *which fits that it was carried out*." + noProof
	case moved:
		return "The balance grew by exactly " + amount.String() + ", *which fits that it was carried out*." + noProof
	case still && r.Action.Kind == treasury.ActionDeposit:
		return "The balance has not changed. That proves nothing yet: a deposit may be pending for days."
	case still:
		return "Neither balance has changed, *which fits that it was not carried out*." + noProof
	}
	return ruleWords(ev)
}

// ruleWords says why the evidence means what it means.
func ruleWords(ev *treasury.Evidence) string {
	switch ev.Rule {
	case treasury.RuleBothMoved:
		return "The source lost exactly the amount and the target got it."
	case treasury.RuleNoneMoved:
		return "Neither balance has changed."
	case treasury.RuleQuietSource:
		return "The source is moved by nobody else, and its balance tells it."
	case treasury.RuleArrived:
		return "The account got exactly the amount, and no other deposit was under way."
	case treasury.RuleByID:
		return "Tango tells it of the deposit's id."
	case treasury.RuleFound:
		return "Tango shows it."
	case treasury.RuleMissing:
		return "Tango does not show it."
	case treasury.RuleDouble:
		return "⚠️ *Twice the amount has moved.* Nothing more moves on these accounts until people have looked."
	case treasury.RulePending:
		id := ""
		if ev.Deposit != nil {
			id = " " + code(ev.Deposit.ID)
		}
		return "Tango still shows deposit" + id + " as *pending*: it may yet arrive. Ask Tango before you say that it was not carried out."
	case treasury.RuleUnclear:
	}
	return "What Tango shows fits neither."
}

// openTestify opens the form for a person whose word counts.
func (e *Edge) openTestify(ctx context.Context, i interaction, id string) error {
	r, err := e.Desk.Find(ctx, id)
	if err != nil {
		return err
	}
	if err := e.Desk.CanTestify(ctx, i.User.ID, r); err != nil {
		return err
	}
	return e.Client.open(ctx, i.Trigger, testifyView(r))
}

// testifyView asks what a person found out.
func testifyView(r treasury.Request) slackgo.ModalViewRequest {
	finding := slackgo.NewInputBlock(blockFinding, plain("What happened", 100), nil, slackgo.NewRadioButtonsBlockElement(actionValue,
		option(string(treasury.FindingExecuted), "It was carried out, once or twice"), option(string(treasury.FindingNot), "It was not carried out")))
	seen := slackgo.NewInputBlock(blockSeen, plain("What you saw", 100),
		plain("The lines in Tango's portal, the statement or the receipt: where, when, what they say. If there are two, write down both.", 200),
		&slackgo.PlainTextInputBlockElement{Type: slackgo.METPlainTextInput, ActionID: actionValue, Multiline: true, MinLength: 10, MaxLength: maxComment})
	blocks := append(requestBlocks(r), sections(inquiryLines(r)...)...)
	blocks = append(blocks, finding, seen, note("Two different people must say the same. Neither may be the requester. Until they do, you can correct your word here. Request "+code(r.ID)))
	return modal(viewTestify, "Close a doubt", "Record", "Go back", metadata(decision{Request: r.ID, Hash: r.Hash}), blocks)
}

func (e *Edge) submitTestify(ctx context.Context, i interaction, ref string) any {
	var d decision
	if json.Unmarshal([]byte(i.View.Metadata), &d) != nil || d.Request == "" {
		return updateTo(wordsView("Not recorded", errorWords(treasury.ErrInvalid, ref)))
	}
	seen := strings.TrimSpace(i.value(blockSeen))
	if treasury.HasCardNumber(seen) {
		return slackgo.NewErrorsViewSubmissionResponse(map[string]string{blockSeen: cardNumberWords})
	}
	if seen == "" {
		return slackgo.NewErrorsViewSubmissionResponse(map[string]string{
			blockSeen: forbiddenWords(&treasury.Forbidden{Why: treasury.WhyNoEvidence}),
		})
	}
	r, err := e.Desk.Testify(ctx, i.User.ID, d.Request, treasury.Finding(i.option(blockFinding)), clip(seen, maxComment))
	if err != nil {
		return e.notRecorded(ctx, err, ref, d.Request)
	}
	words := "Request " + code(r.ID) + ": your word is recorded. "
	if r.State == treasury.StateInDoubt {
		words += "Another person must say the same before it counts."
		if by := opposed(r.Inquiry, i.User.ID); by != "" {
			words = "Request " + code(r.ID) + ": your word is recorded, and " + mention(by) + " says the opposite. Talk to each other: " +
				"whoever was wrong says so with the same button, or a third person decides. Until two agree, the doubt stays."
		}
	} else {
		words += "Two people agree, so the doubt is closed: " + stateWord(r) + "."
	}
	return updateTo(wordsView("Recorded", words))
}

// opposed gives somebody who says the opposite of what a person does; empty for none.
func opposed(i *treasury.Inquiry, person string) string {
	for _, v := range i.Findings {
		if v.Person != person && v.Finding != i.Said(person) {
			return v.Person
		}
	}
	return ""
}

// openResend opens the form that approves one further send with the same reference.
func (e *Edge) openResend(ctx context.Context, i interaction, id string) error {
	if e.Desk.Policy.References != treasury.ReferencesUnique {
		return &treasury.Forbidden{Why: treasury.WhyNoResend}
	}
	r, err := e.Desk.Find(ctx, id)
	if err != nil {
		return err
	}
	if err := e.Desk.CanTestify(ctx, i.User.ID, r); err != nil {
		return err
	}
	return e.Client.open(ctx, i.Trigger, resendView(r))
}

// resendView says what one further send would do.
func resendView(r treasury.Request) slackgo.ModalViewRequest {
	blocks := append(requestBlocks(r), sections(inquiryLines(r)...)...)
	words := "If the first send was carried out, Tango refuses this one, and that proves it. If it was not, this is the one that moves the money."
	if r.Action.Kind == treasury.ActionDeposit { // a 409 does not tell what became of a deposit
		words = "If Tango took the first send, it refuses this one, and people still find out what became of that deposit. " +
			"If it did not, this is the one that moves the money."
	}
	blocks = append(blocks, section(fmt.Sprintf("Tango takes the reference %s once. %s %d people must approve it.", code(r.ID), words, r.ResendNeeded())))
	return modal(viewResend, "Send it again", "Approve this", "Go back", metadata(decision{Request: r.ID, Hash: r.Hash}), blocks)
}

func (e *Edge) submitResend(ctx context.Context, i interaction, ref string) any {
	var d decision
	if json.Unmarshal([]byte(i.View.Metadata), &d) != nil || d.Request == "" {
		return updateTo(wordsView("Not recorded", errorWords(treasury.ErrInvalid, ref)))
	}
	r, err := e.Desk.ApproveResend(ctx, i.User.ID, d.Request, d.Hash, "")
	if err != nil {
		return e.notRecorded(ctx, err, ref, d.Request)
	}
	words := "Request " + code(r.ID) + ": your approval is recorded. "
	if left := r.ResendNeeded() - len(r.Inquiry.Resend); left > 0 {
		words += "It still needs " + plural(left, "approval") + "."
	} else {
		words += "It is sent once more, with the same reference."
	}
	return updateTo(wordsView("Recorded", words))
}

func (e *Edge) notRecorded(ctx context.Context, err error, ref, request string) any {
	if !errors.Is(err, treasury.ErrForbidden) {
		e.Log.ErrorContext(ctx, "word not recorded", "ref", ref, "request", request, "error", err)
	}
	return updateTo(wordsView("Not recorded", errorWords(err, ref)))
}

// commandStop turns the switch that stops all sending; "resume <account>" frees an account that was frozen.
func (e *Edge) commandStop(ctx context.Context, c command, ref string) string {
	if c.word == "resume" && c.rest != "" {
		ids, err := e.resolve(ctx, c.rest)
		if err == nil && len(ids) != 1 {
			err = &badFilter{"Name one account."}
		}
		if err != nil {
			return errorWords(err, ref)
		}
		return e.freeAccount(ctx, c.person, ids[0], ref)
	}
	before, err := e.Desk.Stopped(ctx)
	if err != nil {
		return errorWords(err, ref)
	}
	s, err := e.Desk.SetStop(ctx, c.person, c.word == "stop", clip(visible(c.rest), 200))
	if err != nil {
		if !errors.Is(err, treasury.ErrForbidden) {
			e.Log.ErrorContext(ctx, "switch not turned", "ref", ref, "error", err)
		}
		return errorWords(err, ref)
	}
	switch {
	case s.Stopped && before.Stopped:
		return stopWords(s) + " It was so already, and nothing was changed. " + code(c.name+" resume") + " lets it go on."
	case s.Stopped:
		e.tellStop(ctx, stopWords(s))
		return stopWords(s) + " What was sent before is not undone. " + code(c.name+" resume") + " lets it go on."
	case before.Stopped:
		e.tellStop(ctx, "✅ *Sending goes on:* "+mention(c.person)+" resumed it. It was stopped by "+mention(before.By)+" since "+date(before.At)+".")
	}
	return "Sending is on. Approved requests go on within a minute or two."
}

// tellStop tells everybody in the alerts channel that the switch was turned. The switch counts, not the message.
func (e *Edge) tellStop(ctx context.Context, words string) {
	if _, err := e.Client.post(ctx, e.Desk.Policy.Alerts, "", message{Text: words}); err != nil {
		e.Log.ErrorContext(ctx, "the switch was turned, and the alerts channel not told", "error", err)
	}
}

// accountHeld tells what would hold a request on an account up.
func (e *Edge) accountHeld(ctx context.Context, account string) (treasury.Held, error) {
	return e.Desk.HeldUp(ctx, treasury.Request{Action: treasury.Action{
		Kind: treasury.ActionDeposit, Deposit: &treasury.Deposit{Account: treasury.AccountRef{ID: account}, Amount: money.New(1, "USD")},
	}})
}

// freeAccount lifts Tangobot's freeze of an account, and says what else holds it.
func (e *Edge) freeAccount(ctx context.Context, person, account, ref string) string {
	by, err := e.Desk.FrozenBy(ctx, account)
	if err == nil {
		err = e.Desk.Free(ctx, person, account)
	}
	if err != nil {
		if !errors.Is(err, treasury.ErrForbidden) {
			e.Log.ErrorContext(ctx, "account not freed", "ref", ref, "account", account, "error", err)
		}
		return errorWords(err, ref)
	}
	words := "The freeze of " + code(account) + " is lifted."
	if by == "" {
		words = "Tangobot had not frozen " + code(account) + ". Nothing was changed."
	}
	held, err := e.accountHeld(ctx, account)
	switch {
	case err != nil:
		e.Log.ErrorContext(ctx, "what holds an account is not known", "ref", ref, "account", account, "error", err)
	case held.By != treasury.HeldByNothing:
		words += " But requests on it still wait: " + heldWords(held)
	case by != "":
		words += " What waited for it goes on within a minute or two."
	}
	return words
}

// stopWords says that sending is stopped; empty when it is not.
func stopWords(s treasury.Stop) string {
	if !s.Stopped {
		return ""
	}
	words := "🛑 *Sending is stopped* by " + mention(s.By) + " since " + date(s.At)
	if s.Why != "" {
		words += ": " + escape(s.Why)
	}
	return words + ". Requests can be made and approved; nothing is sent to Tango until somebody resumes."
}
