//go:build outside

package cloud_test

import (
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/cloud/cloudtest"
	"github.com/tangobot/tangobot/internal/treasury"
	"github.com/tangobot/tangobot/internal/treasury/journaltest"
)

func TestJournal(t *testing.T) {
	t.Parallel()
	endpoint := cloudtest.Dynoxide(t)
	journaltest.Journal(t, func(t *testing.T) treasury.Journal {
		t.Helper()
		table, _ := cloudtest.Tables(t, endpoint)
		return connect(endpoint, cloud.Work).Journal(table)
	})
}

func TestClaims(t *testing.T) {
	t.Parallel()
	endpoint := cloudtest.Dynoxide(t)
	journaltest.Claims(t, func(t *testing.T, clock func() time.Time) treasury.Claims {
		t.Helper()
		_, table := cloudtest.Tables(t, endpoint)
		return connect(endpoint, cloud.Work).Claims(table, clock)
	})
}

func TestPacer(t *testing.T) {
	t.Parallel()
	endpoint := cloudtest.Dynoxide(t)
	journaltest.Pacer(t, func(t *testing.T, interval time.Duration) treasury.Pacer {
		t.Helper()
		_, table := cloudtest.Tables(t, endpoint)
		return connect(endpoint, cloud.Work).Pacer(table, "tango", interval, time.Now)
	})
}
