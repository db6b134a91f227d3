package treasury

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// tally is what counts toward one limit for one person or account: the movements of its window, so that the sum is
// exact at any moment. It is written in the same commit as the claim, so two workers cannot both fit into the rest.
type tally struct {
	Spent []spend `json:"spent,omitempty"`
}

type spend struct {
	Request string       `json:"request"`
	Amount  money.Amount `json:"amount"`
	At      time.Time    `json:"at"`
}

// errOverLimit: the movement does not fit into a limit of the policy now.
var errOverLimit = errors.New("over a limit of the policy")

// with adds a movement, or fails with errOverLimit and the most that would still fit.
func (t tally) with(s spend, most money.Amount, window time.Duration) (tally, money.Amount, error) {
	left := most
	kept := slices.DeleteFunc(slices.Clone(t.Spent), func(old spend) bool {
		return !old.At.After(s.At.Add(-window)) || old.Request == s.Request
	})
	for _, old := range kept {
		if old.Amount.Currency != most.Currency {
			continue
		}
		var err error
		if left, err = left.Sub(old.Amount); err != nil {
			return tally{}, left, fmt.Errorf("counting a limit: %w", err)
		}
	}
	if s.Amount.Hundredths > left.Hundredths {
		return tally{}, left, errOverLimit
	}
	return tally{Spent: append(kept, s)}, left, nil
}

// without takes a movement out again: it did not happen.
func (t tally) without(request string) tally {
	return tally{Spent: slices.DeleteFunc(slices.Clone(t.Spent), func(s spend) bool { return s.Request == request })}
}

// counted is a limit that applies to an action, with the key of its tally.
type counted struct {
	key    string
	most   money.Amount
	window time.Duration
}

// countedBy gives the limits that apply to an action, one a tally: of two limits of one window, the smaller.
func (p *Policy) countedBy(requester string, a Action) []counted {
	var limits []counted
	amount := a.Amount()
	for _, l := range p.Limits {
		most, ok := l.UpTo[amount.Currency]
		if !ok {
			continue
		}
		whose := requester
		if l.Per == PerAccount {
			if a.Transfer == nil {
				continue
			}
			whose = a.Transfer.From.ID
		}
		c := counted{key: fmt.Sprintf("TALLY#%s#%s#%s", l.Per, l.Window, whose), most: most, window: l.Window}
		if i := slices.IndexFunc(limits, func(o counted) bool { return o.key == c.key }); i >= 0 {
			limits[i].most.Hundredths = min(limits[i].most.Hundredths, most.Hundredths)
			continue
		}
		limits = append(limits, c)
	}
	return limits
}

// tallyWrites counts a movement from its claim on, and takes it out when it is known that nothing moved.
func (d *Desk) tallyWrites(ctx context.Context, before, after Request, at time.Time) ([]Write, error) {
	taking := after.State.counts()
	limits := d.Policy.countedBy(after.Requester, after.Action)
	if len(limits) == 0 || taking == before.State.counts() {
		return nil, nil
	}
	tallies, err := d.tallies(ctx, limits)
	if err != nil {
		return nil, err
	}
	writes := make([]Write, len(limits))
	for i, l := range limits {
		t := tallies[i].tally
		if taking {
			t, _, err = t.with(spend{Request: after.ID, Amount: after.Action.Amount(), At: at}, l.most, l.window)
			if err != nil {
				return nil, fmt.Errorf("request %s: %w", before.ID, err)
			}
		} else {
			t = t.without(after.ID)
		}
		writes[i] = Write{Key: l.key, Version: tallies[i].version, Body: encode(t)}
	}
	return writes, nil
}

type readTally struct {
	tally   tally
	version int64
}

func (d *Desk) tallies(ctx context.Context, limits []counted) ([]readTally, error) {
	keys := make([]string, len(limits))
	for i, l := range limits {
		keys[i] = l.key
	}
	records, err := d.Journal.Get(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("reading limits: %w", err)
	}
	tallies := make([]readTally, len(records))
	for i, record := range records {
		if tallies[i].tally, err = decode[tally](record); err != nil {
			return nil, err
		}
		tallies[i].version = record.Version
	}
	return tallies, nil
}

// withinLimits tells the requester at once when a limit is already used up. The claim decides.
func (d *Desk) withinLimits(ctx context.Context, person string, a Action) error {
	limits := d.Policy.countedBy(person, a)
	if len(limits) == 0 {
		return nil
	}
	tallies, err := d.tallies(ctx, limits)
	if err != nil {
		return err
	}
	for i, l := range limits {
		_, left, err := tallies[i].tally.with(spend{Amount: a.Amount(), At: d.Clock()}, l.most, l.window)
		if errors.Is(err, errOverLimit) {
			left.Hundredths = max(left.Hundredths, 0)
			return &Invalid{[]Problem{{Field: FieldAmount, Code: ProblemLimit, Amount: left}}}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
