package treasury

import (
	"context"
	"fmt"
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// Reading is an account as it was read at one moment, held against the policy's thresholds.
type Reading struct {
	Account   Account
	At        time.Time
	Threshold money.Amount // the zero Amount when none applies
	Low       bool
}

// Read holds an account against the thresholds.
func (d *Desk) Read(a Account, at time.Time) Reading {
	threshold, low := d.Policy.Low.IsLow(a)
	return Reading{Account: a, At: at, Threshold: threshold, Low: low}
}

// Overview is what the journal knows of all accounts, without a call to Tango.
type Overview struct {
	Readings []Reading // the low ones first, then by id
	Accounts int       // how many there are
	Low      int       // how many of them are low
	ReadAt   time.Time // the end of the last refresh; zero before the first
}

// Overview gives up to most accounts as they were last read. Deleted ones are left out.
func (d *Desk) Overview(ctx context.Context, most int) (Overview, error) {
	if err := d.Accounts.Load(ctx, d.Journal, d.Clock()); err != nil {
		return Overview{}, err
	}
	low, rest, o := d.Accounts.overview(d.Read, most)
	o.Readings = append(low, rest...)
	o.Readings = o.Readings[:min(most, len(o.Readings))]
	if len(o.Readings) == 0 {
		return o, nil
	}
	keys := make([]string, len(o.Readings))
	for i, r := range o.Readings {
		keys[i] = accountKey(r.Account.ID)
	}
	records, err := d.Journal.Get(ctx, keys...)
	if err != nil {
		return Overview{}, fmt.Errorf("reading balances: %w", err)
	}
	for i, record := range records {
		l, err := decode[latest](record)
		if err != nil {
			return Overview{}, err
		}
		if l.At.After(o.Readings[i].At) {
			o.Readings[i] = d.Read(l.Account, l.At)
		}
	}
	return o, nil
}

// overview counts the directory and gives up to most of the low accounts and of the others, by id.
func (dir *Directory) overview(read func(Account, time.Time) Reading, most int) (low, rest []Reading, o Overview) {
	dir.mu.Lock()
	defer dir.mu.Unlock()
	o.ReadAt = dir.readAt
	for _, e := range dir.entries {
		if e.account.Status == AccountDeleted {
			continue
		}
		o.Accounts++
		r := read(e.account, e.readAt)
		if r.Low {
			o.Low++
		}
		switch {
		case r.Low && len(low) < most:
			low = append(low, r)
		case !r.Low && len(rest) < most:
			rest = append(rest, r)
		}
	}
	return low, rest, o
}
