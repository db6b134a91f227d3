package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Consumer hands the messages of an SQS event to a job handler, one after the other. It is a lambda.Handler. The event
// source must have ReportBatchItemFailures on: the answer names the messages that failed, and the others are deleted.
type Consumer struct {
	Handle func(ctx context.Context, body []byte) error
	Log    *slog.Logger
}

type queueEvent struct {
	Records []struct {
		MessageID string `json:"messageId"`
		Body      string `json:"body"`
	} `json:"Records"`
}

type batchFailures struct {
	Failures []batchFailure `json:"batchItemFailures"`
}

type batchFailure struct {
	ID string `json:"itemIdentifier"`
}

// Invoke handles one event. It fails as a whole, so that every message comes back, when the event cannot be read.
func (c Consumer) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event queueEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("reading an SQS event: %w: %w", treasury.ErrInvalid, err)
	}
	if len(event.Records) == 0 {
		return nil, fmt.Errorf("an SQS event without messages: %w", treasury.ErrInvalid)
	}
	for _, r := range event.Records {
		if r.MessageID == "" {
			return nil, fmt.Errorf("an SQS message without id: %w", treasury.ErrInvalid)
		}
	}
	answer := batchFailures{Failures: []batchFailure{}}
	for _, r := range event.Records {
		if err := c.one(ctx, []byte(r.Body)); err != nil {
			c.Log.ErrorContext(ctx, "job failed, it will come back", "message", r.MessageID, "error", err)
			answer.Failures = append(answer.Failures, batchFailure{r.MessageID})
		}
	}
	return json.Marshal(answer)
}

// one runs one job; a panic fails that job alone.
func (c Consumer) one(ctx context.Context, body []byte) (err error) {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("no time left for the job: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	return c.Handle(ctx, body)
}

// panicked makes an error of a panic: where it was and of which type, not its words, which may hold what was being worked
// on.
func panicked(p any) error { return fmt.Errorf("panic of type %T at %s", p, debug.Stack()) }
