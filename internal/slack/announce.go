package slack

import (
	"context"
	"errors"
	"fmt"

	"github.com/tangobot/tangobot/internal/treasury"
)

// announce brings the messages of a request up to date with the journal: the card in the approvals channel, the direct
// message to the requester, one more direct message when it ends or is in doubt, and reminders in the card's thread.
// What was done before a failure is kept, so that a repetition does the rest.
func (e *Edge) announce(ctx context.Context, id string) error {
	anew := false
	err := e.Desk.Announce(ctx, id, func(ctx context.Context, r treasury.Request, n treasury.Notice) (treasury.Notice, error) {
		anew = true
		return e.show(ctx, r, n)
	})
	if !anew { // several jobs tell of one change: the first has drawn it all
		_, unknown := e.Desk.Find(ctx, id)
		return errors.Join(err, unknown)
	}
	return errors.Join(err, e.redrawHomes(ctx, id))
}

// redrawHomes brings App Home up to date for the people who acted on a request, when it was decided or has ended.
// Everybody else's is drawn when they open it. It is a picture of a picture: what fails here is logged, and mended at the
// next opening.
func (e *Edge) redrawHomes(ctx context.Context, id string) error {
	r, err := e.Desk.Find(ctx, id)
	if err != nil {
		return err
	}
	if r.State == treasury.StateClaimed || r.State == treasury.StateSending {
		return nil // over in a moment
	}
	people := []string{r.Requester}
	for _, v := range r.Votes {
		people = append(people, v.Person)
	}
	facts, err := e.homeFacts(ctx)
	if err != nil {
		e.Log.WarnContext(ctx, "App Homes not redrawn", "request", id, "error", err)
		return nil
	}
	for _, person := range people {
		blocks, err := e.home(ctx, person, facts)
		if err == nil {
			err = e.Client.publish(ctx, person, "", blocks)
		}
		if err != nil {
			e.Log.WarnContext(ctx, "App Home not redrawn", "request", id, "error", err)
		}
	}
	return nil
}

func (e *Edge) show(ctx context.Context, r treasury.Request, n treasury.Notice) (treasury.Notice, error) {
	var err, cardErr error
	if n.Card, cardErr = e.put(ctx, e.Desk.Policy.Approvals, n.Card, card(r, n, e.doubtButtons(r)...)); cardErr != nil {
		cardErr = fmt.Errorf("the card of %s: %w", r.ID, cardErr) // the requester is told all the same
	}
	if n.Direct, err = e.put(ctx, r.Requester, n.Direct, directMessage(r, n)); err != nil {
		return n, errors.Join(cardErr, fmt.Errorf("the direct message of %s: %w", r.ID, err))
	}
	if tells(r.State) && n.Outcome != r.State {
		text := requestText(r, n)
		if _, err := e.Client.post(ctx, r.Requester, n.Direct.TS, message{Text: text}); err != nil {
			return n, errors.Join(cardErr, fmt.Errorf("telling the outcome of %s: %w", r.ID, err))
		}
		n.Outcome = r.State
	}
	if n.Contradicted != treasury.ContradictedNot && !n.Warned {
		text := "⚠️ Request " + code(r.ID) + " (" + actionTitle(r.Action) + "): " + contradictionWords(n.Contradicted)
		if _, err := e.Client.post(ctx, r.Requester, n.Direct.TS, message{Text: text}); err != nil {
			return n, errors.Join(cardErr, fmt.Errorf("warning the requester of %s: %w", r.ID, err))
		}
		n.Warned = true
	}
	if cardErr != nil {
		return n, cardErr
	}
	if n.Reminded < n.Reminders && r.State == treasury.StatePending {
		if _, err := e.Client.post(ctx, n.Card.Channel, n.Card.TS, message{Text: reminderText(r)}); err != nil {
			return n, fmt.Errorf("the reminder of %s: %w", r.ID, err)
		}
		n.Reminded = n.Reminders
	}
	if n.Nagged < n.Nags && r.State == treasury.StateInDoubt {
		if _, err := e.Client.post(ctx, n.Card.Channel, n.Card.TS, message{Text: nagText(r, n.Nags)}); err != nil {
			return n, fmt.Errorf("the daily question about %s: %w", r.ID, err)
		}
		n.Nagged = n.Nags
	}
	return n, nil
}

// nagText asks again about a request in doubt.
func nagText(r treasury.Request, days int) string {
	return fmt.Sprintf("Request %s (%s) has been in doubt for %s. Two approvers must look and say what they found, with the button on its card.",
		r.ID, actionTitle(r.Action), plural(days, "day"))
}

// tells reports whether the requester gets a message of its own about a state: an update of an old one notifies nobody.
func tells(s treasury.State) bool {
	return s.IsFinal() || s == treasury.StateInDoubt || s == treasury.StateSettling
}

// put updates a message, or posts it where there is none or it is gone.
func (e *Edge) put(ctx context.Context, channel string, at treasury.Message, m message) (treasury.Message, error) {
	if at.TS != "" {
		err := e.Client.update(ctx, at, m)
		if !isCode(err, "message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found") {
			return at, err
		}
		e.Log.WarnContext(ctx, "message cannot be updated, posting anew", "channel", at.Channel, "error", err)
	}
	posted, err := e.Client.post(ctx, channel, "", m)
	if isCode(err, "not_in_channel", "channel_not_found", "is_archived") {
		e.Log.ErrorContext(ctx, "Tangobot is not in the channel: invite it with /invite", "channel", channel, "error", err)
	}
	if err != nil {
		return at, err
	}
	return posted, nil
}

func reminderText(r treasury.Request) string {
	left := r.Rule.Approvals - r.Approvals()
	return fmt.Sprintf("Reminder: request %s (%s) still needs %s from %s until %s.",
		r.ID, actionTitle(r.Action), plural(left, "approval"), escape(joinOr(r.Rule.From)), date(r.ExpiresAt))
}
