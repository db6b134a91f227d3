package embedded

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/time/rate"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Claims is treasury.Claims in the file.
type Claims struct{ *Store }

// First claims a key, unless a claim of it is still good.
func (c Claims) First(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if !isName(key) || ttl <= 0 {
		return false, fmt.Errorf("claiming %q for %s: %w", key, ttl, treasury.ErrInvalid)
	}
	now := c.clock()
	won := false
	err := c.db.Update(func(tx *bbolt.Tx) error {
		claims := tx.Bucket([]byte(bucketClaims))
		if until := claims.Get([]byte(key)); until != nil && now.Before(bytesTime(until)) {
			return nil
		}
		won = true
		if err := sweepClaims(claims, now); err != nil {
			return err
		}
		return claims.Put([]byte(key), timeBytes(now.Add(ttl)))
	})
	return won && err == nil, err
}

// sweepClaims forgets some of what has run out, so that the file does not grow for ever.
func sweepClaims(claims *bbolt.Bucket, now time.Time) error {
	var old [][]byte
	cursor := claims.Cursor()
	n := 0
	for key, until := cursor.First(); key != nil && n < 50; key, until = cursor.Next() {
		n++
		if !now.Before(bytesTime(until)) {
			old = append(old, bytes.Clone(key))
		}
	}
	for _, key := range old {
		if err := claims.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// Pacer lets one call pass in each interval: all callers of Tango on this machine share it.
type Pacer struct{ limiter *rate.Limiter }

// NewPacer makes a pacer.
func NewPacer(interval time.Duration) Pacer { return Pacer{rate.NewLimiter(rate.Every(interval), 1)} }

// Wait waits for the next free moment.
func (p Pacer) Wait(ctx context.Context) error { return p.limiter.Wait(ctx) }
