package slack

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// decision is what the decision form carries: which request, and the hash of the figures that were drawn.
type decision struct {
	Request string `json:"request"`
	Hash    string `json:"hash"`
	Approve bool   `json:"approve"`
}

// Block ids of the decision form.
const (
	blockComment = "comment"
	blockVerdict = "verdict"
)

const maxComment = 500

// openDecision draws the decision form from the journal for a person whose vote would count; everybody else is refused
// before anything can be typed.
func (e *Edge) openDecision(ctx context.Context, i interaction, request, action string) error {
	r, err := e.Desk.CheckVote(ctx, i.User.ID, request)
	if err != nil {
		return err
	}
	if action == actionReview {
		return e.Client.open(ctx, i.Trigger, reviewView(r))
	}
	return e.Client.open(ctx, i.Trigger, decisionView(r, action == actionApprove))
}

// decisionView asks for one verdict, with the figures that it is about.
func decisionView(r treasury.Request, approve bool) slackgo.ModalViewRequest {
	title, submit := "Deny this request", "Deny"
	hint := "The requester reads it. Needed for a denial."
	if approve {
		title, submit = "Approve this request", approveLabel(r.Action)
		if len(submit) > maxModalWord {
			submit = "Approve"
		}
		hint = "It is kept in the history."
	}
	comment := slackgo.NewInputBlock(blockComment, plain("Comment", 100), plain(hint, 200), &slackgo.PlainTextInputBlockElement{
		Type: slackgo.METPlainTextInput, ActionID: actionValue, Multiline: true, MaxLength: maxComment,
	})
	comment.Optional = approve
	blocks := append(requestBlocks(r), comment, note("Request "+code(r.ID)))
	data := metadata(decision{Request: r.ID, Hash: r.Hash, Approve: approve})
	return modal(viewDecision, title, submit, "Go back", data, blocks)
}

// reviewView asks for either verdict: for App Home and lists, where there is one button.
func reviewView(r treasury.Request) slackgo.ModalViewRequest {
	verdict := slackgo.NewInputBlock(blockVerdict, plain("Your decision", 100), nil, slackgo.NewRadioButtonsBlockElement(actionValue,
		slackgo.NewOptionBlockObject("approve", plain(approveLabel(r.Action), maxOption), nil),
		slackgo.NewOptionBlockObject("deny", plain("Deny", maxOption), nil)))
	comment := optional(slackgo.NewInputBlock(blockComment, plain("Comment", 100), plain("Needed for a denial.", 200),
		&slackgo.PlainTextInputBlockElement{
			Type: slackgo.METPlainTextInput, ActionID: actionValue, Multiline: true, MaxLength: maxComment,
		}))
	blocks := append(requestBlocks(r), verdict, comment, note("Request "+code(r.ID)))
	return modal(viewDecision, "Review a request", "Decide", "Go back", metadata(decision{Request: r.ID, Hash: r.Hash}), blocks)
}

// submitDecision casts the vote.
func (e *Edge) submitDecision(ctx context.Context, i interaction, ref string) any {
	var d decision
	if json.Unmarshal([]byte(i.View.Metadata), &d) != nil || d.Request == "" {
		return updateTo(wordsView("Not recorded", errorWords(treasury.ErrInvalid, ref)))
	}
	switch i.option(blockVerdict) {
	case "approve":
		d.Approve = true
	case "deny":
		d.Approve = false
	}
	comment := strings.TrimSpace(i.value(blockComment))
	if treasury.HasCardNumber(comment) {
		return slackgo.NewErrorsViewSubmissionResponse(map[string]string{blockComment: cardNumberWords})
	}
	if !d.Approve && comment == "" {
		return slackgo.NewErrorsViewSubmissionResponse(map[string]string{
			blockComment: forbiddenWords(&treasury.Forbidden{Why: treasury.WhyNoComment}),
		})
	}
	r, err := e.Desk.Vote(ctx, i.User.ID, d.Request, d.Hash, d.Approve, clip(comment, maxComment))
	if err != nil {
		if !errors.Is(err, treasury.ErrForbidden) {
			e.Log.ErrorContext(ctx, "vote not recorded", "ref", ref, "request", d.Request, "error", err)
		}
		return updateTo(wordsView("Not recorded", errorWords(err, ref)))
	}
	return updateTo(wordsView("Recorded", votedWords(r)))
}

// votedWords tells an approver what the vote led to.
func votedWords(r treasury.Request) string {
	what := "Request " + code(r.ID) + ", *" + actionTitle(r.Action) + "*: "
	switch r.State {
	case treasury.StateDenied:
		return what + "your denial is recorded. Nothing will be done, and the requester is told why."
	case treasury.StateApproved:
		return what + "your approval is recorded, and no more are needed. " + dueWords(r) +
			". Until then the requester or an approver can stop it on its card."
	case treasury.StatePending:
		left := r.Rule.Approvals - r.Approvals()
		return what + "your approval is recorded. It still needs " + plural(left, "approval") + "."
	case treasury.StateClaimed, treasury.StateSending, treasury.StateSettling, treasury.StateSucceeded, treasury.StateDeclined,
		treasury.StateFailed, treasury.StateCancelled, treasury.StateExpired, treasury.StateInDoubt:
	}
	return what + "your decision is recorded. The request is now: " + stateWord(r) + "."
}
