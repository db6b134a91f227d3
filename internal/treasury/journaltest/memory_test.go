package journaltest_test

import (
	"testing"

	"github.com/tangobot/tangobot/internal/treasury"
	"github.com/tangobot/tangobot/internal/treasury/journaltest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	journaltest.Journal(t, func(*testing.T) treasury.Journal { return journaltest.NewMemory() })
}
