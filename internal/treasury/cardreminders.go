package treasury

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// cardsEvery is the pause between two looks at the kept cards.
	cardsEvery = 6 * time.Hour
	// cardExpiresSoon is how long before the end of its last month a card is told of. Tango may take three days to
	// activate a new one.
	cardExpiresSoon = 45 * 24 * time.Hour
	// cardReview is the time between two reminders to look through the cards on file (Tango's pages: every 60 to 90 days).
	cardReview = 75 * 24 * time.Hour
	// maxCardsTold bounds the cards that one message names: with labels of 100 characters they must fit into a text.
	maxCardsTold = 15
	// maxDiary bounds the tokens that the diary holds, so that it fits into a record.
	maxDiary = 5000
)

const cardDiaryKey = "CARDREMINDERS"

// cardDiary remembers what was told about cards.
type cardDiary struct {
	CheckedAt  time.Time `json:"checked_at"`
	Month      string    `json:"month"`          // YYYY-MM
	Told       []string  `json:"told,omitempty"` // tokens that were told of in this month
	ReviewedAt time.Time `json:"reviewed_at"`    // the last reminder to review, or the first look of all
}

// ExpiresAt gives the end of the month on the card; false when the date cannot be read.
func (c Card) ExpiresAt() (time.Time, bool) {
	month, err := time.Parse("2006-01", c.Expires)
	return month.AddDate(0, 1, 0), err == nil
}

// RemindOfCards tells in the alerts channel of cards that expire soon, each once a month, and every 75 days of Tango's
// advice to look through the cards on file. It asks Tango nothing: the cards are those that the last refresh kept.
func (d *Desk) RemindOfCards(ctx context.Context) error {
	records, err := d.Journal.Get(ctx, cardDiaryKey)
	if err != nil {
		return fmt.Errorf("reading what was told about cards: %w", err)
	}
	diary, err := decode[cardDiary](records[0])
	if err != nil {
		return err
	}
	now := d.Clock()
	if now.Sub(diary.CheckedAt) < cardsEvery {
		return nil
	}
	cards, err := d.keptCards(ctx)
	if err != nil {
		return err
	}
	diary, alerts := diary.look(cards, now)
	writes := []Write{{Key: cardDiaryKey, Version: records[0].Version, Body: encode(diary)}}
	for _, a := range alerts {
		writes = append(writes, a.write(0))
	}
	err = d.Journal.Commit(ctx, NewWriteID(), writes...)
	if errors.Is(err, ErrConflict) {
		return nil // another run is at it
	}
	if err != nil {
		return fmt.Errorf("recording what is told about cards: %w", err)
	}
	d.tell(ctx, alerts...)
	return nil
}

// look gives what is to be told at a time, and the diary after that.
func (diary cardDiary) look(cards []Card, now time.Time) (cardDiary, []Alert) {
	diary.CheckedAt = now
	if month := now.UTC().Format("2006-01"); month != diary.Month {
		diary.Month, diary.Told = month, nil
	}
	var soon []Card
	expired := 0
	for _, c := range cards {
		end, ok := c.ExpiresAt()
		switch {
		case !ok:
		case !now.Before(end):
			expired++
		case end.Sub(now) <= cardExpiresSoon && len(diary.Told) < maxDiary && !slices.Contains(diary.Told, c.Token):
			soon = append(soon, c)
			diary.Told = append(diary.Told, c.Token)
		}
	}
	var alerts []Alert
	if len(soon) > 0 {
		alerts = append(alerts, Alert{
			ID: fmt.Sprintf("cards/%d", now.UnixMilli()), Kind: AlertCards, Since: now, Count: len(soon),
			Cards: soon[:min(len(soon), maxCardsTold)],
		}.changed(now))
	}
	switch {
	case diary.ReviewedAt.IsZero():
		diary.ReviewedAt = now
	case now.Sub(diary.ReviewedAt) >= cardReview && len(cards) > 0:
		diary.ReviewedAt = now
		alerts = append(alerts, Alert{
			ID: fmt.Sprintf("review/%d", now.UnixMilli()), Kind: AlertReview, Since: now, Count: len(cards), Expired: expired,
		}.changed(now))
	}
	return diary, alerts
}

// keptCards lists all cards that are kept, by account, those that expire first before the others.
func (d *Desk) keptCards(ctx context.Context) ([]Card, error) {
	var cards []Card
	for r, err := range d.listed(ctx, cardsList) {
		if err != nil {
			return nil, fmt.Errorf("listing kept cards: %w", err)
		}
		s, err := decode[shelf](r)
		if err != nil {
			return nil, err
		}
		cards = append(cards, s.Cards...)
	}
	slices.SortStableFunc(cards, func(a, b Card) int {
		if a.Expires != b.Expires {
			return cmp.Compare(a.Expires, b.Expires)
		}
		return cmp.Compare(a.Label, b.Label)
	})
	return cards, nil
}

// CardsHere fails with *Forbidden where the policy has cards registered elsewhere, or not at all.
func (d *Desk) CardsHere() error {
	switch d.Policy.Cards {
	case RegistrationPage:
		return nil
	case RegistrationPortal:
		return &Forbidden{Why: WhyCardsPortal}
	case RegistrationOff:
	}
	return &Forbidden{Why: WhyCardsOff}
}
