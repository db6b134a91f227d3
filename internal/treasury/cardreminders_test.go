package treasury_test

import (
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// keep puts cards on the shelf, as a refresh does.
func (b *watchBench) keep(t *testing.T, account string, cards ...treasury.Card) {
	t.Helper()
	b.put(t, "CARDS#"+account, map[string]any{"cards": cards, "at": b.clock()}, map[treasury.Index]treasury.Place{
		treasury.ByState: {Key: "cards", Sort: account},
	})
}

// due gives the alerts about cards that came up, and shows them.
func (b *watchBench) due(t *testing.T) []treasury.Alert {
	t.Helper()
	if err := b.RemindOfCards(t.Context()); err != nil {
		t.Fatal(err)
	}
	var alerts []treasury.Alert
	for _, id := range b.listed(t, "alerts/behind") {
		alerts = append(alerts, b.alertOf(t, id))
		b.show(t, id)
	}
	return alerts
}

func TestCardsAreRemindedOfOnceAMonth(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	b.now = time.Date(2026, 10, 10, 9, 0, 0, 0, time.UTC)
	b.keep(t, "marketing-us",
		treasury.Card{Token: "t-1", Label: "Visa", Expires: "2026-11", Account: "marketing-us"},
		treasury.Card{Token: "t-2", Label: "Amex", Expires: "2030-01", Account: "marketing-us"},
		treasury.Card{Token: "t-3", Label: "Odd", Expires: "soon", Account: "marketing-us"})
	for _, step := range []struct {
		at   string
		want string
		rule string
	}{
		{"2026-10-10T09:00:00Z", "", "52 days before its end nothing is told"},
		{"2026-10-16T23:00:00Z", "", "nor a little more than 45 days"},
		{"2026-10-17T05:00:00Z", "t-1", "45 days before its end it is told"},
		{"2026-10-17T08:00:00Z", "", "the cards are not looked at again within hours"},
		{"2026-10-31T08:00:00Z", "", "nor told twice in a month"},
		{"2026-11-01T08:00:00Z", "t-1", "the next month tells it again"},
		{"2026-11-30T20:00:00Z", "", "once"},
		{"2026-12-01T08:00:00Z", "", "a card that has expired is left to the review"},
	} {
		at, err := time.Parse(time.RFC3339, step.at)
		if err != nil {
			t.Fatal(err)
		}
		b.now = at
		got := ""
		for _, a := range b.due(t) {
			if a.Kind == treasury.AlertCards {
				for _, c := range a.Cards {
					got += c.Token
				}
			}
		}
		if got != step.want {
			t.Errorf("%s: told of %q, want %q: %s", step.at, got, step.want, step.rule)
		}
	}
}

func TestReviewOfCardsEvery75Days(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	b.keep(t, "marketing-us",
		treasury.Card{Token: "t-1", Expires: "2026-01", Account: "marketing-us"},
		treasury.Card{Token: "t-2", Expires: "2031-01", Account: "marketing-us"})
	for _, step := range []struct {
		days int
		want int
		rule string
	}{
		{0, 0, "the first look starts the time"},
		{74, 0, "not before"},
		{1, 1, "after 75 days"},
		{74, 0, "once"},
		{1, 1, "and again after 75 more"},
	} {
		b.pass(time.Duration(step.days) * 24 * time.Hour)
		alerts := b.due(t)
		if len(alerts) != step.want {
			t.Fatalf("%d days on: %d alerts, want %d: %s", step.days, len(alerts), step.want, step.rule)
		}
		if step.want == 1 && (alerts[0].Kind != treasury.AlertReview || alerts[0].Count != 2 || alerts[0].Expired != 1) {
			t.Errorf("told %+v", alerts[0])
		}
	}
}

func TestNoCardsNoReview(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	for range 3 {
		if alerts := b.due(t); len(alerts) != 0 {
			t.Errorf("told %+v", alerts)
		}
		b.pass(80 * 24 * time.Hour)
	}
}
