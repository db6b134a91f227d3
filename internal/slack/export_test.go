package slack

import (
	"context"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// What tests draw, read and call without a whole conversation.

// Message is what is posted.
type Message = message

// The message drawings.
func Card(r treasury.Request, n treasury.Notice) Message { return card(r, n) }

// Drawn draws a card with the buttons that it has now.
func (e *Edge) Drawn(r treasury.Request) Message {
	return card(r, treasury.Notice{}, e.doubtButtons(r)...)
}
func DirectMessage(r treasury.Request, n treasury.Notice) Message { return directMessage(r, n) }
func ReminderText(r treasury.Request) string                      { return reminderText(r) }
func RequestText(r treasury.Request) string                       { return requestText(r, treasury.Notice{}) }

func AccountMessage(r treasury.Reading, mayAsk bool) Message {
	return accountMessage(r, treasury.Held{}, mayAsk)
}

func HeldWords(h treasury.Held) string { return heldWords(h) }

func RequestMessage(r treasury.Request, history []treasury.Entry, broken error) Message {
	return requestMessage(r, treasury.Notice{}, history, broken)
}

func AllBalances(q Question, all []treasury.Reading, complete bool) Message {
	return allBalances(q, all, complete)
}

// AccountList draws a page of accounts, as the command does.
func AccountList(q Question, readings []treasury.Reading, prev, next string) Message {
	l := list{title: "Accounts", foot: filtersFoot(q.Words)}
	for _, r := range readings {
		l.rows = append(l.rows, balanceRow(r))
	}
	return l.draw(q, prev, next)
}

// The forms.
func DecisionView(r treasury.Request, approve bool) slackgo.ModalViewRequest {
	return decisionView(r, approve)
}
func TestifyView(r treasury.Request) slackgo.ModalViewRequest { return testifyView(r) }
func ResendView(r treasury.Request) slackgo.ModalViewRequest  { return resendView(r) }
func ReviewView(r treasury.Request) slackgo.ModalViewRequest  { return reviewView(r) }
func WordsView(title, text string) slackgo.ModalViewRequest   { return wordsView(title, text) }
func CheckView(d treasury.Draft, p treasury.Preview) slackgo.ModalViewRequest {
	return checkView(d.ID, p, metadata(d))
}

// RequestList draws requests as a list does.
func (e *Edge) RequestList(ctx context.Context, person string, requests ...treasury.Request) Message {
	l := list{title: "Requests"}
	for _, r := range requests {
		l.rows = append(l.rows, e.requestRow(ctx, r, person))
	}
	return l.draw(Question{Ask: AskRequests}, "", "")
}

// CardMessage draws one card for a person.
func (e *Edge) CardMessage(ctx context.Context, person string, c treasury.Card) Message {
	return e.cardMessage(ctx, person, c)
}

// FormView draws the first step of a form.
func (e *Edge) FormView(ctx context.Context, draft treasury.Draft, remarks []string, unread bool) (slackgo.ModalViewRequest, error) {
	return e.formView(ctx, form{draft: draft, remarks: remarks}, unread)
}

// ReadTransfer reads a typed transfer against the accounts that the desk has in memory.
func (e *Edge) ReadTransfer(text string) (draft treasury.Draft, remarks []string) {
	f := e.readTransfer(text)
	return f.draft, f.remarks
}

// The words.
func Typed(text string) string                                       { return typed(text) }
func Visible(text string) string                                     { return visible(text) }
func ErrorWords(err error, ref string) string                        { return errorWords(err, ref) }
func HelpWords(name string) string                                   { return helpWords(name) }
func AccountQuery(text string) (treasury.AccountQuery, error)        { return accountQuery(text) }
func CustomerQuery(text string) (treasury.CustomerQuery, error)      { return customerQuery(text) }
func EntryWords(e treasury.Entry) string                             { return entryWords(e) }
func DoubtWords(a *treasury.Answer) string                           { return doubtWords(a) }
func ForbiddenWords(no *treasury.Forbidden) string                   { return forbiddenWords(no) }
func ProblemLine(p treasury.Problem) string                          { return problemLine(p) }
func ReasonWords(r treasury.Request) string                          { return reasonWords(r) }
func TangoWords(status int, key string) string                       { return tangoWords(status, key) }
func ActionLines(a treasury.Action) []string                         { return actionLines(a) }
func RuleWords(ev *treasury.Evidence) string                         { return ruleWords(ev) }
func StateWord(r treasury.Request) string                            { return stateWord(r) }
func FormValues(body []byte) (values map[string][]string, good bool) { return formValues(body) }

// The client's calls.
func (c *Client) Post(ctx context.Context, channel, thread string, m Message) (treasury.Message, error) {
	return c.post(ctx, channel, thread, m)
}

func (c *Client) Update(ctx context.Context, at treasury.Message, m Message) error {
	return c.update(ctx, at, m)
}

func (c *Client) Open(ctx context.Context, trigger string, view slackgo.ModalViewRequest) error {
	return c.open(ctx, trigger, view)
}

func (c *Client) Publish(ctx context.Context, user, hash string, blocks []slackgo.Block) error {
	return c.publish(ctx, user, hash, blocks)
}

func (c *Client) Respond(ctx context.Context, responseURL string, m Message, replace bool) error {
	return c.respond(ctx, responseURL, m, replace)
}
