package slack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// historyQuestion is what was typed behind "history".
type historyQuestion struct {
	query treasury.HistoryQuery
	csv   bool
}

// historyQuery reads "[csv] [from..to] [mine|<account>|<request>] [states]", in any order.
func (e *Edge) historyQuery(ctx context.Context, person, text string) (historyQuestion, error) {
	var h historyQuestion
	account := ""
	for i, w := range split(text) {
		word := strings.ToLower(w)
		states, isState := stateWords(word)
		from, to, isRange := historyRange(word)
		switch {
		case i == 0 && word == "csv":
			h.csv = true
		case word == "mine":
			h.query.Requester = person
		case isState:
			h.query.States = append(h.query.States, states...)
		case isRange && h.query.From.IsZero() && h.query.To.IsZero():
			h.query.From, h.query.To = from, to
		case treasury.IsRequestID(strings.ToUpper(w)) && h.query.Request == "":
			h.query.Request = strings.ToUpper(w)
		case strings.Contains(word, ".."), isRange:
			return h, badSpan(w)
		case account != "":
			return h, &badFilter{code(clip(w, 60)) + " was not understood: one account can be named, behind it states such as " + code("succeeded") + " or " + code("open") + "."}
		default:
			account = w
		}
	}
	var err error
	if h.query.Account, err = e.historyAccount(ctx, account); err != nil {
		return h, err
	}
	if _, err = h.query.Span(e.Clock()); err != nil {
		return h, &badFilter{"The span must have its first day before its last, and at most five years between them."}
	}
	return h, nil
}

func badSpan(word string) error {
	return &badFilter{code(clip(word, 60)) + " is no span of days. Type one such as " + code("2026-01-01..2026-03-31") + ", " +
		code("2026-01") + " or " + code("2026-01-01..") + ", once."}
}

// historyAccount finds the account that a word names. The history may know one that the directory has no more, so a word
// that could be an id is taken as one, unless it looks like a slip in something else.
func (e *Edge) historyAccount(ctx context.Context, word string) (string, error) {
	if word == "" {
		return "", nil
	}
	if err := e.Desk.Accounts.Load(ctx, e.Desk.Journal, e.Clock()); err != nil {
		return "", err
	}
	if a, ok, _ := e.Desk.Accounts.Resolve(word); ok {
		return a.ID, nil
	}
	if strings.Trim(word, "0123456789-") == "" {
		return "", badSpan(word)
	}
	states := []string{"mine", "open", "closed"}
	for _, s := range treasury.States() {
		states = append(states, strings.ReplaceAll(string(s), "_", "-"))
	}
	if near, ok := nearest(strings.ToLower(word), states); ok {
		return "", &badFilter{code(clip(word, 60)) + " is no state, and no account that Tangobot knows. Did you mean " + code(near) + "?"}
	}
	ids, err := e.resolve(ctx, `"`+word+`"`)
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

// stateWords reads a state, as it is called or with a hyphen; "open" and "closed" are all states of their kind.
func stateWords(word string) ([]treasury.State, bool) {
	var states []treasury.State
	for _, s := range treasury.States() {
		if word == string(s) || word == strings.ReplaceAll(string(s), "_", "-") || word == "open" && !s.IsFinal() || word == "closed" && s.IsFinal() {
			states = append(states, s)
		}
	}
	return states, len(states) > 0
}

// historyRange reads "2026-01-31", "2026-01", or two of them with ".." between, of which one may be left out: whole days,
// in UTC. to is the first moment that is out.
func historyRange(text string) (from, to time.Time, ok bool) {
	first, last, isRange := strings.Cut(text, "..")
	if !isRange {
		last = first
	}
	if first == "" && last == "" {
		return from, to, false
	}
	if first != "" {
		if from, _, ok = daySpan(first); !ok {
			return from, to, false
		}
	}
	if last != "" {
		if _, to, ok = daySpan(last); !ok {
			return from, to, false
		}
	}
	return from, to, true
}

// withoutDays puts a word in the place of days, with or without a filter's name before them: two days have as many digits
// as a card's number, and one span in ten would be taken for one. No card's number begins with 20.
func withoutDays(text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		name, days, named := strings.Cut(w, ":")
		if !named {
			name, days = "", w
		}
		from, to, ok := historyRange(days)
		if ok && (from.IsZero() || from.Year()/100 == 20) && (to.IsZero() || to.Year()/100 == 20) {
			words[i] = name + ":days"
		}
	}
	return strings.Join(words, " ")
}

// daySpan reads a day or a month.
func daySpan(text string) (from, to time.Time, ok bool) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, day.AddDate(0, 0, 1), true
	}
	if month, err := time.Parse("2006-01", text); err == nil {
		return month, month.AddDate(0, 1, 0), true
	}
	return from, to, false
}

// history answers with one page of what happened, newest first, or sends all of it as a file.
func (e *Edge) history(ctx context.Context, q Question) (message, error) {
	h, err := e.historyQuery(ctx, q.Person, q.Words)
	if err != nil {
		return message{}, err
	}
	if h.csv {
		return e.historyFile(ctx, q, h.query)
	}
	page, next, err := e.Desk.Happened(ctx, h.query, q.Place.Next, eventsShown)
	if err != nil {
		return message{}, err
	}
	l := list{title: "History", empty: "Nothing happened that matches.", foot: spanFoot(h.query, q.Words)}
	if _, _, known := e.Desk.Accounts.Get(h.query.Account); h.query.Account != "" && !known {
		l.empty += " Tangobot knows no account " + code(h.query.Account) + " today; " + code("/tango accounts") + " lists them."
	}
	if next != "" && len(page) == 0 {
		l.empty = "Nothing matches among the events that were looked at so far; Next looks further back."
	}
	for _, event := range page {
		l.rows = append(l.rows, eventRow(event))
	}
	return l.draw(q, "", next), nil
}

func spanFoot(q treasury.HistoryQuery, words string) string {
	foot := "The last 12 months. "
	if !q.From.IsZero() || !q.To.IsZero() {
		foot = ""
	}
	if words != "" {
		foot += "Filtered by " + code(clip(words, 200)) + ". "
	}
	return foot + code("/tango history csv") + " sends all of it as a file; " + code("/tango requests <id>") + " shows one request in full."
}

// eventsShown is how many events a page has: each has two lines, and all of them must fit into the message's text.
const eventsShown = 8

// eventRow draws one event: what happened, to what.
func eventRow(h treasury.Happening) row {
	words := fmt.Sprintf("%s %s step %d: %s", date(h.Entry.At), code(h.Entry.Request), h.Entry.Step, clipMrkdwn(entryWords(h.Entry), 150))
	what := "*" + actionTitle(h.Request.Action) + "* " + clipMrkdwn(strings.Join(actionLines(h.Request.Action), ", "), 150)
	return row{[]slackgo.Block{section(words + "\n" + what)}, words + "\n" + strings.ReplaceAll(what, "*", "")}
}

// historyFile sends the history as a CSV file by direct message.
func (e *Edge) historyFile(ctx context.Context, q Question, query treasury.HistoryQuery) (message, error) {
	x, err := e.Desk.Export(ctx, query)
	if err != nil {
		return message{}, err
	}
	if x.Events == 0 {
		return message{Text: "Nothing happened that matches, so there is no file."}, nil
	}
	var file bytes.Buffer
	if err := x.WriteCSV(&file); err != nil {
		return message{}, err
	}
	name := fmt.Sprintf("tangobot-history-%s.csv", e.Clock().UTC().Format("2006-01-02-150405"))
	err = e.Client.sendFile(ctx, q.Person, name, file.Bytes(), message{Text: exportWords(x, q.Words)})
	switch {
	case err == nil:
		e.Log.InfoContext(ctx, "history exported", "by", q.Person, "events", x.Events, "requests", len(x.Requests), "ref", q.Ref)
		return message{Text: "The file " + code(name) + " is in your direct messages with Tangobot. " + exportWords(x, q.Words)}, nil
	case isCode(err, "missing_scope", "not_allowed_token_type"):
		e.Log.ErrorContext(ctx, "Tangobot may not send files: give the app the scope files:write", "error", err)
		return message{Text: "Tangobot may not send files in this workspace: whoever keeps the app must give it the scope " + code("files:write") +
			". " + code("/tango history") + " lists the same events here."}, nil
	case isOut(err), isRefusal(err):
		e.Log.WarnContext(ctx, "history file not sent", "ref", q.Ref, "error", err)
		return message{Text: "Slack did not take the file. Please try again in a minute, or ask for a shorter span, such as " +
			code("/tango history csv 2026-01") + "." + quote(q.Ref)}, nil
	}
	return message{}, err
}

func isRefusal(err error) bool {
	var refused *APIError
	return errors.As(err, &refused)
}

// exportWords tells what a file holds, and what it does not.
func exportWords(x treasury.Export, words string) string {
	text := fmt.Sprintf("It has %s of %s, from %s to %s", plural(x.Events, "event"), plural(len(x.Requests), "request"), utc(x.Query.From), utc(x.Query.To))
	if words = strings.TrimSpace(strings.TrimPrefix(words, "csv")); words != "" {
		text += ", filtered by " + code(clip(words, 200))
	}
	text += ". Each request is in with its whole history, so that the file can be checked: " + code("make verify FILE=…") + "."
	if x.Cut {
		text += fmt.Sprintf(" *It is not all:* a file holds %d events, and the newest are in. Ask for a shorter span to have the rest.", treasury.MaxExport)
	}
	if len(x.Broken) > 0 {
		ids := slices.Clone(x.Broken[:min(len(x.Broken), 10)])
		for i, id := range ids {
			ids[i] = code(id)
		}
		text += " ⚠️ *The history of " + plural(len(x.Broken), "request") + " does not hold together: a step is missing or was changed* (" +
			strings.Join(ids, ", ") + "). Tell the people who run Tangobot."
	}
	return text
}

// sendFile sends a file to a person by direct message, words first. Slack shares a file with a conversation, not with a
// person, so the conversation's id comes from the words' message. Nothing is said before Slack has the file.
func (c *Client) sendFile(ctx context.Context, person, name string, content []byte, words message) error {
	var place *slackgo.GetUploadURLExternalResponse
	err := c.call(ctx, "files.getUploadURLExternal", func(api *slackgo.Client) (err error) {
		place, err = api.GetUploadURLExternalContext(ctx, slackgo.GetUploadURLExternalParameters{FileName: name, FileSize: len(content)})
		return err
	})
	if err != nil {
		return err
	}
	err = c.call(ctx, "file upload", func(api *slackgo.Client) error {
		return api.UploadToURL(ctx, slackgo.UploadToURLParameters{
			UploadURL: place.UploadURL, Filename: name, Reader: bytes.NewReader(content),
		})
	})
	if err != nil {
		return err
	}
	said, err := c.post(ctx, person, "", message{Text: "Here is the history that you asked for, " + code(name) + ". " + words.Text})
	if err != nil {
		return err
	}
	err = c.call(ctx, "files.completeUploadExternal", func(api *slackgo.Client) error {
		_, err := api.CompleteUploadExternalContext(ctx, slackgo.CompleteUploadExternalParameters{
			Files: []slackgo.FileSummary{{ID: place.FileID, Title: name}}, Channel: said.Channel,
		})
		return err
	})
	if err != nil { // the words must not promise what did not come
		err = errors.Join(err, c.update(ctx, said, message{Text: "The file " + code(name) + " could not be delivered. Please ask for it again."}))
	}
	return err
}
