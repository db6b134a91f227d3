package treasury

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Low is what Tango says at this moment about the accounts under their thresholds.
type Low struct {
	Readings []Reading        // by id
	Complete bool             // there are no more
	Snoozed  map[string]Alert // by account id
	ReadAt   time.Time
}

// maxLowPages bounds the pages that ReadLow asks for: somebody waits for the answer, and Tango takes about one call a
// second.
const maxLowPages = 8

// ReadLow asks Tango for the accounts that are under their thresholds now, and marks those whose alert is snoozed.
func (d *Desk) ReadLow(ctx context.Context) (Low, error) {
	highest := d.Policy.Low.highest()
	low := Low{Complete: true, Snoozed: map[string]Alert{}, ReadAt: d.Clock()}
	pages := 0
	for _, c := range slices.Sorted(maps.Keys(highest)) {
		cursor := ""
		for {
			if pages++; pages > maxLowPages {
				low.Complete = false
				break
			}
			page, err := d.Books.Accounts(ctx, under(c, highest[c], cursor))
			if err != nil {
				return Low{}, fmt.Errorf("reading low balances: %w", err)
			}
			for _, a := range page.Accounts {
				if r := d.Read(a, page.ReadAt); r.Low {
					low.Readings = append(low.Readings, r)
				}
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
	}
	slices.SortFunc(low.Readings, func(a, b Reading) int { return cmp.Compare(a.Account.ID, b.Account.ID) })
	open, err := d.openAlerts(ctx, AlertLow)
	for _, a := range open {
		if a.IsSnoozed(low.ReadAt) {
			low.Snoozed[a.ID] = a
		}
	}
	return low, err
}
