package cloud

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Schedule runs a function at each event of an EventBridge schedule. It is a lambda.Handler. The event says nothing that
// is needed: what is due is read from the journal.
type Schedule struct {
	Run func(ctx context.Context) error
}

// Invoke runs the function once. An error makes Lambda try the event again.
func (s Schedule) Invoke(ctx context.Context, payload []byte) (answer []byte, err error) {
	if !json.Valid(payload) {
		return nil, fmt.Errorf("reading a schedule event: %w", treasury.ErrInvalid)
	}
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, panicked(p)
		}
	}()
	if err := s.Run(ctx); err != nil {
		return nil, err
	}
	return []byte("null"), nil
}
