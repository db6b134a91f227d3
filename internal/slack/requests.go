package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// actionReview opens the form that asks for either verdict; its value is the request's id.
const actionReview = "review"

// requests answers "requests [mine|waiting|in-doubt|<id>]": the open ones when nothing is named.
func (e *Edge) requests(ctx context.Context, q Question) (message, error) {
	which := strings.ToLower(q.Words)
	switch which {
	case "":
		return e.requestList(ctx, q, "Open requests", "There is no open request. "+code("/tango requests mine")+" lists yours, closed ones too.",
			e.Desk.Open)
	case "waiting":
		return e.requestList(ctx, q, "Waiting for your decision", "No request waits for you.",
			func(ctx context.Context) ([]treasury.Request, error) { return e.Desk.Waiting(ctx, q.Person) })
	case "in-doubt", "doubt", "in doubt":
		return e.requestList(ctx, q, "Requests in doubt", "No request is in doubt: of each, it is known whether its money moved.", e.Desk.InDoubt)
	case "mine":
		return e.myRequests(ctx, q)
	}
	id := strings.ToUpper(q.Words)
	if !treasury.IsRequestID(id) {
		return message{}, &badFilter{code(clip(q.Words, 40)) + " is neither a request such as " + code("TB-7K3M9XQ2") +
			" nor one of mine, waiting, in-doubt."}
	}
	r, err := e.Desk.Find(ctx, id)
	if errors.Is(err, treasury.ErrNotFound) {
		return message{}, &badFilter{"There is no request " + code(id) + "."}
	}
	if err != nil {
		return message{}, err
	}
	history, err := e.Desk.History(ctx, r)
	if errors.Is(err, treasury.ErrUnavailable) || ctx.Err() != nil {
		return message{}, err // not read is not broken
	}
	n, besideErr := e.Desk.Beside(ctx, r)
	if besideErr != nil {
		return message{}, besideErr
	}
	m := requestMessage(r, n, history, err)
	if buttons := e.doubtButtons(r); len(buttons) > 0 {
		m.Blocks = append(m.Blocks, actions("doubt", buttons...))
	}
	return m, nil
}

// requestList answers with a page of requests that the desk gives whole.
func (e *Edge) requestList(
	ctx context.Context, q Question, title, empty string, read func(context.Context) ([]treasury.Request, error),
) (message, error) {
	all, err := read(ctx)
	if err != nil {
		return message{}, err
	}
	rows, prev, next := cut(all, q.Place)
	l := list{title: title, empty: empty, foot: code("/tango requests <id>") + " shows one with its full history."}
	if len(all) > 0 {
		l.title = fmt.Sprintf("%s: %d", title, len(all))
	}
	for _, r := range rows {
		l.rows = append(l.rows, e.requestRow(ctx, r, q.Person))
	}
	return l.draw(q, prev, next), nil
}

// myRequests answers with a page of the person's own requests, newest first. The journal pages forward alone.
func (e *Edge) myRequests(ctx context.Context, q Question) (message, error) {
	mine, next, err := e.Desk.Mine(ctx, q.Person, q.Place.Next, rowsShown)
	if err != nil {
		return message{}, err
	}
	l := list{title: "Your requests", empty: "You have not asked for anything yet. " + code("/tango transfer") + " opens the form."}
	for _, r := range mine {
		l.rows = append(l.rows, e.requestRow(ctx, r, q.Person))
	}
	return l.draw(q, "", next), nil
}

// requestRow draws one request of a list, with the one button that this person can use.
func (e *Edge) requestRow(ctx context.Context, r treasury.Request, person string) row {
	state := stateSign(r.State) + " " + stateWord(r)
	if r.State == treasury.StatePending {
		state += fmt.Sprintf(" (%d of %d)", r.Approvals(), r.Rule.Approvals)
	}
	// Where it stands is not cut off by a long action; the request by itself shows all of it.
	what := clipMrkdwn("*"+actionTitle(r.Action)+"* "+strings.Join(actionLines(r.Action), ", "), maxSection-500)
	by := "asked for by " + mention(r.Requester) + " " + date(r.CreatedAt) + ", " + code(r.ID)
	s := section(what + "\n" + state + "\n" + by)
	if b := e.rowButton(ctx, r, person); b != nil {
		s.Accessory = slackgo.NewAccessory(b)
		s.BlockID = fmt.Sprintf("row-%s-%d", r.ID, r.Step)
	}
	return row{[]slackgo.Block{s}, strings.ReplaceAll(what, "*", "") + ". " + stateWord(r) + ". " + by}
}

// rowButton gives the button that would do something for this person now: none for most.
func (e *Edge) rowButton(ctx context.Context, r treasury.Request, person string) *slackgo.ButtonBlockElement {
	switch {
	case r.State == treasury.StateApproved && r.Requester == person && r.Attempts == 0:
		return stopButton(r)
	case r.State == treasury.StatePending && r.Requester == person:
		return cancelButton(r)
	case r.State == treasury.StatePending:
		if e.Desk.CanVote(ctx, person, r) != nil {
			return nil
		}
		b := button(actionReview, r.ID, "Review")
		b.AccessibilityLabel = clip("Review "+r.ID+": "+actionTitle(r.Action), maxButtonText)
		b.Style = slackgo.StylePrimary
		return b
	}
	return nil
}

// requestMessage draws one request and all that happened to it.
func requestMessage(r treasury.Request, n treasury.Notice, history []treasury.Entry, broken error) message {
	c := card(r, n)
	blocks := []slackgo.Block{header(stateSign(r.State) + " " + stateWord(r))}
	blocks = append(blocks, requestBlocks(r)...)
	if lines := besideLines(r, n); len(lines) > 0 {
		blocks = append(blocks, section(strings.Join(lines, "\n")))
	}
	text := c.Text
	if broken != nil {
		words := "⚠️ *The history of this request does not hold together: a step is missing or was changed.* Tell the people who run Tangobot."
		return message{Text: clipMrkdwn(words+"\n"+text, maxMessageText), Blocks: append(blocks, section(words), note("Request "+code(r.ID)))}
	}
	blocks = append(blocks, header("History"))
	lines := historyLines(history)
	for chunk := range chunks(lines, maxSection) {
		blocks = append(blocks, section(chunk))
	}
	blocks = append(blocks, note("Request "+code(r.ID)+" · "+plural(len(history), "step")+", chained and complete"))
	return message{Text: clipMrkdwn(text+"\nHistory:\n"+strings.Join(lines, "\n"), maxMessageText), Blocks: blocks}
}

// maxHistoryLines keeps a history within a message: it has few steps, but three tries with many votes may have more.
const maxHistoryLines = 60

func historyLines(history []treasury.Entry) []string {
	lines := make([]string, 0, len(history))
	for i, e := range history {
		if hidden := len(history) - maxHistoryLines; hidden > 0 && i > 0 && i <= hidden {
			if i == hidden {
				lines = append(lines, fmt.Sprintf("… %s …", plural(hidden, "step")))
			}
			continue
		}
		lines = append(lines, fmt.Sprintf("%d. %s: %s", e.Step, date(e.At), entryWords(e)))
	}
	return lines
}

// chunks joins lines into texts of at most so many characters.
func chunks(lines []string, most int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		text := ""
		for _, line := range lines {
			line = clipMrkdwn(line, most)
			if text != "" && len([]rune(text))+1+len([]rune(line)) > most {
				if !yield(text) {
					return
				}
				text = ""
			}
			if text != "" {
				text += "\n"
			}
			text += line
		}
		if text != "" {
			yield(text)
		}
	}
}
