package treasury

import (
	"context"
	"fmt"
	"time"
)

// Tangobot cannot change an account's status and nobody tells it of one: the refresh of the directory sees that an account
// has another than in the directory before.

// isAlarming holds for a status in which an account takes part in nothing.
func (s AccountStatus) isAlarming() bool {
	switch s {
	case AccountFrozen, AccountDisabled, AccountInactive:
		return true
	case AccountActive, AccountDeleted:
		return false
	}
	return false // a word that Tango added: it is shown where the account is, not told
}

func statusAlertID(account string) string { return "status/" + account }

// hearStatuses compares a page of accounts with the directory as it was, and tells each change once.
func (d *Desk) hearStatuses(ctx context.Context, accounts []Account, at time.Time) error {
	if err := d.Accounts.Load(ctx, d.Journal, d.Clock()); err != nil {
		return err
	}
	told, more := 0, map[AccountStatus]int{}
	for _, a := range accounts {
		before, _, known := d.Accounts.Get(a.ID)
		if !known || before.Status == a.Status || !before.Status.isAlarming() && !a.Status.isAlarming() {
			continue
		}
		quiet := told >= alertsAtOnce
		changed, err := d.hearStatus(ctx, before.Status, a, at, quiet)
		switch {
		case err != nil:
			return err
		case changed && quiet:
			more[a.Status]++
		case changed:
			told++
		}
	}
	for _, status := range []AccountStatus{AccountFrozen, AccountDisabled, AccountInactive} {
		if more[status] == 0 {
			continue
		}
		err := d.changeAlert(ctx, fmt.Sprintf("many/%s/%d", status, at.UnixMilli()), func(a Alert) (Alert, bool) {
			a.Kind, a.Status, a.Count, a.Since, a.ReadAt = AlertMany, status, more[status], at, at
			return a.changed(d.Clock()), true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// hearStatus opens or ends the alert about one account's status. It reports whether the account came to be in trouble.
func (d *Desk) hearStatus(ctx context.Context, before AccountStatus, account Account, at time.Time, quiet bool) (bool, error) {
	opened := false
	err := d.changeAlert(ctx, statusAlertID(account.ID), func(a Alert) (Alert, bool) {
		opened = false
		b := a
		b.Kind, b.Account, b.Before, b.Status, b.ReadAt = AlertStatus, account.Ref(), before, account.Status, at
		switch {
		case account.Status.isAlarming() && a.Open && a.Status == account.Status:
			return a, false
		case account.Status.isAlarming():
			opened = true
			b = b.open(at)
			if quiet {
				b.Want, b.Changed = a.Want, a.Changed
			}
			return b, true
		case !a.Open:
			return a, false
		case account.Status == AccountDeleted:
			return b.ended(EndGone, at), true
		}
		return b.ended(EndRecovered, at), true
	})
	return opened, err
}
