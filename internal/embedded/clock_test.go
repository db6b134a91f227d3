package embedded_test

import (
	"sync/atomic"
	"time"
)

// clock stands still until it is pushed.
type clock struct{ passed atomic.Int64 }

func newClock() *clock { return &clock{} }

func (c *clock) Now() time.Time {
	return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.passed.Load()))
}

func (c *clock) Push(d time.Duration) { c.passed.Add(int64(d)) }
