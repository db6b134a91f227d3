package journaltest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Claims checks a treasury.Claims. open gives an empty one that reads the time from clock; it is called once per case.
func Claims(t *testing.T, open func(t *testing.T, clock func() time.Time) treasury.Claims) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(c *claimant)
	}{
		{"the first wins once", firstWins},
		{"a claim ends by the clock", claimEnds},
		{"a claim lost does not lengthen the claim", lostClaim},
		{"one of many wins", oneOfManyWins},
		{"many keys outlive the store's cleaning", manyClaims},
		{"malformed claims are invalid", malformedClaims},
		{"an ended context claims nothing", endedClaim},
	} {
		t.Run(c.name, func(t *testing.T) {
			who := &claimant{t: t}
			start := time.Date(2026, 3, 1, 12, 0, 0, 250_000_000, time.UTC)
			who.claims = open(t, func() time.Time { return start.Add(time.Duration(who.passed.Load())) })
			c.run(who)
		})
	}
}

// claimant is the claims of one case, and the time that has passed in it.
type claimant struct {
	t      *testing.T
	claims treasury.Claims
	passed atomic.Int64
}

func (c *claimant) first(key string, ttl time.Duration) bool {
	c.t.Helper()
	won, err := c.claims.First(c.t.Context(), key, ttl)
	if err != nil {
		c.t.Fatalf("First(%q): %v", key, err)
	}
	return won
}

func (c *claimant) passTo(d time.Duration) { c.passed.Store(int64(d)) }

func firstWins(c *claimant) {
	if !c.first("a", time.Hour) || c.first("a", time.Hour) || c.first("a", time.Minute) || !c.first("b", time.Hour) {
		c.t.Error("a key must be won by its first claim alone, and each key for itself")
	}
}

// Stores may round the end up to a second, never down.
func claimEnds(c *claimant) {
	for _, step := range []struct {
		at   time.Duration
		want bool
	}{
		{0, true},
		{time.Minute - time.Millisecond, false},
		{time.Minute + 2*time.Second, true},
		{2 * time.Minute, false},
		{3*time.Minute + 4*time.Second, true},
	} {
		c.passTo(step.at)
		if won := c.first("a", time.Minute); won != step.want {
			c.t.Errorf("after %s: first %t, want %t", step.at, won, step.want)
		}
	}
}

func lostClaim(c *claimant) {
	c.first("a", time.Minute)
	c.passTo(59 * time.Second)
	c.first("a", time.Hour)
	c.passTo(62 * time.Second)
	if !c.first("a", time.Minute) {
		c.t.Error("the claim outlived its time")
	}
}

func oneOfManyWins(c *claimant) {
	var won atomic.Int64
	together(8, func(int) {
		first, err := c.claims.First(c.t.Context(), "a", time.Hour)
		if err != nil {
			c.t.Errorf("First: %v", err)
		}
		if first {
			won.Add(1)
		}
	})
	if won.Load() != 1 {
		c.t.Errorf("%d won", won.Load())
	}
}

func manyClaims(c *claimant) {
	const n = 60
	for i := range n {
		c.first(fmt.Sprintf("short%02d", i), time.Second)
		c.first(fmt.Sprintf("long%02d", i), time.Hour)
	}
	c.passTo(time.Minute)
	for i := range n {
		if !c.first(fmt.Sprintf("short%02d", i), time.Second) || c.first(fmt.Sprintf("long%02d", i), time.Hour) {
			c.t.Fatalf("claims %d: the short one must have ended and the long one not", i)
		}
	}
}

func malformedClaims(c *claimant) {
	for _, bad := range []struct {
		key string
		ttl time.Duration
	}{{"", time.Minute}, {"a", 0}, {"a", -time.Second}} {
		_, err := c.claims.First(c.t.Context(), bad.key, bad.ttl)
		refused(c.t, err, treasury.ErrInvalid)
	}
}

func endedClaim(c *claimant) {
	won, err := c.claims.First(ended(c.t), "a", time.Minute)
	refused(c.t, err, context.Canceled)
	if won || !c.first("a", time.Minute) {
		c.t.Error("a call with an ended context took the claim")
	}
}
