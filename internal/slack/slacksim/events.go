package slacksim

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// event is one that may be delivered again.
type event struct {
	Body    []byte    `json:"body"`
	Tries   int       `json:"tries"` // deliveries so far
	LastAt  time.Time `json:"last_at"`
	Settled bool      `json:"settled"` // taken, or not to be tried again
}

// EventResult is what became of one delivery of an event.
type EventResult struct {
	Answer
	EventID string `json:"event_id"`
	Try     int    `json:"try"` // 1 for the first delivery
	// Again tells that Slack would deliver the event once more.
	Again bool `json:"again,omitempty"`
}

// maxTries is the first delivery and Slack's three more.
const maxTries = 4

// retryWait is how long Slack waits after so many deliveries: at once, one minute, five minutes.
func retryWait(tries int) time.Duration {
	switch tries {
	case 2:
		return time.Minute
	case 3:
		return 5 * time.Minute
	}
	return 0
}

// OpenHome opens the app's Home tab: the app is sent app_home_opened. Nothing is delivered again by itself; see
// RetryEvent and RetryDue.
func (w *Workspace) OpenHome(ctx context.Context, user string) (EventResult, error) {
	w.mu.Lock()
	p, err := w.state.actor(user)
	if err != nil {
		w.mu.Unlock()
		return EventResult{}, err
	}
	id := fmt.Sprintf("Ev0%06d", w.next())
	w.state.Events[id] = &event{Body: encode(w.appHomeOpened(p, id))}
	w.mu.Unlock()
	return w.deliverEvent(ctx, id, "")
}

// RetryEvent delivers an event again, whatever the clock says, with the headers of a retry. It gives ErrNoRetry when
// Slack would not: the app took it, refused retries, or had it four times.
func (w *Workspace) RetryEvent(ctx context.Context, eventID string) (EventResult, error) {
	w.mu.Lock()
	e := w.state.Events[eventID]
	if e == nil || e.Settled {
		w.mu.Unlock()
		return EventResult{}, fmt.Errorf("event %s: %w", eventID, ErrNoRetry)
	}
	reason := "http_error"
	if last := w.lastAnswer(e.Body); last.Failure == failedTimeout {
		reason = "http_timeout"
	} else if last.Status == 0 {
		reason = "connection_failed"
	}
	w.mu.Unlock()
	return w.deliverEvent(ctx, eventID, reason)
}

// RetryDue delivers again every event whose time has come by the clock.
func (w *Workspace) RetryDue(ctx context.Context) ([]EventResult, error) {
	w.mu.Lock()
	now := w.config.Clock()
	var due []string
	for id, e := range w.state.Events {
		if !e.Settled && e.Tries > 0 && now.Sub(e.LastAt) >= retryWait(e.Tries) {
			due = append(due, id)
		}
	}
	w.mu.Unlock()
	slices.Sort(due)
	results := make([]EventResult, 0, len(due))
	for _, id := range due {
		r, err := w.RetryEvent(ctx, id)
		if err != nil {
			return results, err
		}
		results = append(results, r)
	}
	return results, nil
}

// lastAnswer gives the answer to the newest delivery of an event. The lock is held.
func (w *Workspace) lastAnswer(body []byte) Answer {
	for _, d := range slices.Backward(w.deliveries) {
		if d.Route == ToEvents && bytes.Equal(d.Body, body) {
			return d.Answer
		}
	}
	return Answer{}
}

func (w *Workspace) deliverEvent(ctx context.Context, id, reason string) (EventResult, error) {
	w.mu.Lock()
	e := w.state.Events[id]
	e.Tries++
	e.LastAt = w.config.Clock()
	body, try := e.Body, e.Tries
	w.mu.Unlock()
	a, err := w.Deliver(ctx, ToEvents, body, func(r *http.Request) {
		if try > 1 {
			r.Header.Set("X-Slack-Retry-Num", strconv.Itoa(try-1))
			r.Header.Set("X-Slack-Retry-Reason", reason)
		}
	})
	if err != nil {
		return EventResult{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	again := false
	if e := w.state.Events[id]; e != nil {
		e.Settled = e.Settled || a.Failure == "" || a.NoRetry || try >= maxTries
		again = !e.Settled
		if e.Settled && a.Failure == "" {
			delete(w.state.Events, id)
		}
	}
	w.touch()
	return EventResult{Answer: a, EventID: id, Try: try, Again: again}, nil
}

// URLVerification sends the challenge of the events address, and tells whether the app gave it back.
func (w *Workspace) URLVerification(ctx context.Context) (bool, Answer, error) {
	w.mu.Lock()
	challenge := w.secretID()
	w.mu.Unlock()
	body := encode(object{"type": "url_verification", "token": verificationToken, "challenge": challenge})
	a, err := w.Deliver(ctx, ToEvents, body, nil)
	if err != nil {
		return false, a, err
	}
	given := string(bytes.TrimSpace(a.Body))
	if v, err := decode(a.Body); err == nil && asObject(v) != nil {
		given = asString(asObject(v)["challenge"])
	}
	return a.Failure == "" && given == challenge, a, nil
}
