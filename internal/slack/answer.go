package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Job handles one message of the questions queue: it announces a request, tells an alert, or answers a question. An error brings the
// message back, so only what a repetition could mend is one; what cannot be answered is told in words. A message of no
// known form is an error too: it must end with the dead letters, where an alarm finds it.
func (e *Edge) Job(ctx context.Context, body []byte) error {
	var job treasury.Job
	if err := json.Unmarshal(body, &job); err != nil {
		return fmt.Errorf("a job that is no JSON: %w", treasury.ErrInvalid)
	}
	switch {
	case job.Announce != "":
		return e.announce(ctx, job.Announce)
	case job.Alert != "":
		return e.alert(ctx, job.Alert)
	case job.Invite != "":
		return e.invite(ctx, job.Invite, job.Renew)
	case len(job.Question) > 0:
		var q Question
		if err := json.Unmarshal(job.Question, &q); err != nil || q.Person == "" {
			return fmt.Errorf("a question of unknown form: %w", treasury.ErrInvalid)
		}
		return e.answer(ctx, q)
	}
	return fmt.Errorf("a job for another queue: %w", treasury.ErrInvalid)
}

// answer composes the answer to a question and delivers it to the person who asked, and to nobody else.
func (e *Edge) answer(ctx context.Context, q Question) error {
	m, err := e.compose(ctx, q)
	if err != nil {
		if !errors.Is(err, treasury.ErrForbidden) && !errors.Is(err, treasury.ErrNotFound) {
			e.Log.WarnContext(ctx, "question not answered", "ref", q.Ref, "ask", q.Ask, "error", err)
		}
		m = message{Text: errorWords(err, q.Ref)}
	}
	return e.deliver(ctx, q, m)
}

// compose asks for the right to see, now, and then draws the answer.
func (e *Edge) compose(ctx context.Context, q Question) (message, error) {
	if err := e.Desk.MayView(ctx, q.Person); err != nil {
		return message{}, err
	}
	switch q.Ask {
	case AskBalance:
		return e.balances(ctx, q)
	case AskAccounts:
		return e.accounts(ctx, q)
	case AskAccount:
		return e.account(ctx, q)
	case AskCustomers:
		return e.customers(ctx, q)
	case AskCustomer:
		return e.customer(ctx, q)
	case AskCards:
		return e.cards(ctx, q)
	case AskCard:
		return e.card(ctx, q)
	case AskDeposit:
		return e.deposit(ctx, q)
	case AskRequests:
		return e.requests(ctx, q)
	case AskAlerts:
		return e.lowAccounts(ctx, q)
	case AskHistory:
		return e.history(ctx, q)
	}
	return message{}, fmt.Errorf("question %.20q: %w", q.Ask, treasury.ErrInvalid)
}

// hookLife is how long a response_url is used: Slack takes answers for 30 minutes, this leaves one for the clocks.
const hookLife = 29 * time.Minute

// deliver puts the answer in the place of "asking Tango". A response_url that is too old or used up is replaced by a
// direct message, so that no answer is lost.
func (e *Edge) deliver(ctx context.Context, q Question, m message) error {
	if age := e.Clock().Sub(q.At); q.ResponseURL != "" && age >= 0 && age < hookLife {
		err := e.Client.respond(ctx, q.ResponseURL, m, true)
		var refused *APIError
		if !errors.As(err, &refused) && !errors.Is(err, treasury.ErrInvalid) {
			return err
		}
		e.Log.InfoContext(ctx, "response_url not usable, answering by direct message", "ref", q.Ref, "error", err)
	}
	if _, err := e.Client.post(ctx, q.Person, "", m); err != nil {
		return fmt.Errorf("answering %s: %w", q.Ref, err)
	}
	return nil
}
