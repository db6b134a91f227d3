package main

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// clock is the time of the whole playground: the machine's, and ahead of it by what the page has pushed. It never goes
// back, for the bot's records and Slack's timestamps only go forward.
type clock struct {
	machine func() time.Time
	ahead   atomic.Int64 // nanoseconds
}

// furthest bounds the pushes in all: times stay far from where their encodings end.
const furthest = 10 * 365 * 24 * time.Hour

func (c *clock) now() time.Time { return c.machine().Add(c.offset()) }

func (c *clock) offset() time.Duration { return time.Duration(c.ahead.Load()) }

// push moves the clock ahead.
func (c *clock) push(by time.Duration) error {
	if by <= 0 || by > furthest-c.offset() {
		return fmt.Errorf("a push by %s: %w", by, treasury.ErrInvalid)
	}
	c.ahead.Add(int64(by))
	return nil
}

// save and load keep the offset over a restart.
func (c *clock) save() []byte { return strconv.AppendInt(nil, c.ahead.Load(), 10) }

func (c *clock) load(saved []byte) error {
	n, err := strconv.ParseInt(string(saved), 10, 64)
	if err != nil || n < 0 || time.Duration(n) > furthest {
		return fmt.Errorf("the saved clock is not readable: %w", treasury.ErrInvalid)
	}
	c.ahead.Store(n)
	return nil
}

// shift gives a context whose Deadline is told on this clock, as the desk compares the two. When it ends is unchanged: a
// deadline in real time, however far the clock is ahead.
func (c *clock) shift(ctx context.Context) context.Context { return shifted{ctx, c.offset()} }

type shifted struct {
	context.Context
	by time.Duration
}

// Deadline tells the deadline on the pushed clock.
func (s shifted) Deadline() (time.Time, bool) {
	at, ok := s.Context.Deadline()
	return at.Add(s.by), ok
}
