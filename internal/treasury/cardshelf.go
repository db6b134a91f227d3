package treasury

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The cards of an account lie in the journal, one record an account, so that a form can offer them without a call to
// Tango: the functions that draw forms have no key to Tango. A refresh reads all cards at each round of the directory.

const cardsList = "cards" // ByState: the accounts that have cards

func cardsKey(account string) string { return "CARDS#" + account }

// shelf is an account's cards as they were last read.
type shelf struct {
	Cards []Card    `json:"cards"`
	At    time.Time `json:"at"`
}

func (s shelf) write(account string, version int64) Write {
	w := Write{Key: cardsKey(account), Version: version, Body: encode(s)}
	if len(s.Cards) > 0 {
		w.Places = map[Index]Place{ByState: {Key: cardsList, Sort: account}}
	}
	return w
}

// KnownCards gives the cards of an account as they were last read, deleted ones left out, and when; the zero time when
// they never were.
func (d *Desk) KnownCards(ctx context.Context, account string) ([]Card, time.Time, error) {
	records, err := d.Journal.Get(ctx, cardsKey(account))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("reading the cards of %s: %w", account, err)
	}
	s, err := decode[shelf](records[0])
	return s.Cards, s.At, err
}

// readCards asks Tango for the active cards of an account, and keeps them.
func (d *Desk) readCards(ctx context.Context, account string) ([]Card, error) {
	var cards []Card
	q := CardQuery{Account: account, Window: Window{Size: 200}}
	for {
		page, err := d.Books.Cards(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("reading the cards of %s: %w", account, err)
		}
		for _, c := range page.Cards {
			if c.Status == CardActive && c.Account == account {
				cards = append(cards, c)
			}
		}
		if page.Next == "" || len(cards) > 10*MaxCards {
			break
		}
		q.Window.Next = page.Next
	}
	return cards, d.keepCards(ctx, map[string][]Card{account: cards})
}

// keepCards stores the cards of accounts, where they have changed or are older than an hour.
func (d *Desk) keepCards(ctx context.Context, byAccount map[string][]Card) error {
	accounts := make([]string, 0, len(byAccount))
	for account := range byAccount {
		accounts = append(accounts, account)
	}
	slices.Sort(accounts)
	for part := range slices.Chunk(accounts, MaxWrites) {
		keys := make([]string, len(part))
		for i, account := range part {
			keys[i] = cardsKey(account)
		}
		records, err := d.Journal.Get(ctx, keys...)
		if err != nil {
			return fmt.Errorf("reading kept cards: %w", err)
		}
		now := d.Clock()
		for i, account := range part {
			old, err := decode[shelf](records[i])
			if err != nil {
				return err
			}
			cards := byAccount[account]
			if records[i].Version > 0 && sameCards(old.Cards, cards) && now.Sub(old.At) < time.Hour {
				continue
			}
			err = d.Journal.Commit(ctx, NewWriteID(), shelf{Cards: cards, At: now}.write(account, records[i].Version))
			if err != nil && !errors.Is(err, ErrConflict) { // another reader was quicker
				return fmt.Errorf("keeping the cards of %s: %w", account, err)
			}
		}
	}
	return nil
}

func sameCards(a, b []Card) bool {
	return slices.EqualFunc(a, b, func(x, y Card) bool {
		return x.Token == y.Token && x.Status == y.Status && x.Label == y.Label && x.Expires == y.Expires &&
			x.ActiveFrom.Equal(y.ActiveFrom)
	})
}

// cardPages bounds the pages of 200 that one refresh reads: ten cards for each of 1,200 accounts.
const cardPages = 60

// RefreshCards reads all cards and keeps them by account. It is cut off after cardPages; the accounts behind that keep
// what readCards last gave.
func (d *Desk) RefreshCards(ctx context.Context) error {
	byAccount := map[string][]Card{}
	q := CardQuery{Window: Window{Size: 200}}
	complete := false
	for range cardPages {
		page, err := d.Books.Cards(ctx, q)
		if err != nil {
			return fmt.Errorf("reading cards: %w", err)
		}
		for _, c := range page.Cards {
			if c.Status == CardActive && c.Account != "" {
				byAccount[c.Account] = append(byAccount[c.Account], c)
			}
		}
		if q.Window.Next = page.Next; page.Next == "" {
			complete = true
			break
		}
	}
	if complete {
		held, err := d.accountsWithCards(ctx)
		if err != nil {
			return err
		}
		for _, account := range held {
			if _, ok := byAccount[account]; !ok {
				byAccount[account] = nil
			}
		}
	}
	return d.keepCards(ctx, byAccount)
}

// accountsWithCards lists the accounts for which cards are kept.
func (d *Desk) accountsWithCards(ctx context.Context) ([]string, error) {
	var accounts []string
	for r, err := range d.listed(ctx, cardsList) {
		if err != nil {
			return nil, fmt.Errorf("listing kept cards: %w", err)
		}
		accounts = append(accounts, r.Key[len(cardsKey("")):])
	}
	return accounts, nil
}
