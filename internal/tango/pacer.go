package tango

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Pacer holds the callers of one process together below one call per interval. Across processes cloud.Pacer does it.
type Pacer struct{ limiter *rate.Limiter }

// NewPacer makes a Pacer. Tango allows about one call a second (its best practices); an interval of zero holds nobody.
func NewPacer(interval time.Duration) *Pacer {
	return &Pacer{limiter: rate.NewLimiter(rate.Every(interval), 1)}
}

// Wait returns when the caller may make one call. It fails with treasury.ErrBusy, at once and without taking a turn,
// when the turn would come after ctx's deadline.
func (p *Pacer) Wait(ctx context.Context) error {
	err := p.limiter.Wait(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("waiting for the pace: %w", context.Cause(ctx))
	}
	return fmt.Errorf("the next turn is behind the deadline: %w", treasury.ErrBusy)
}
