package treasury

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// The directory is the list of all accounts as the last refresh read it. It serves type-ahead, prefilled forms and App
// Home without a call to Tango. It lies in the journal in chunks: two sets, of which the head names the finished one,
// so that a reader never sees half a refresh. Balances that were read since lie beside it, one record an account.

const (
	directoryHead = "DIRECTORY"
	// directoryFresh is how long a process uses the head it has read before it looks again.
	directoryFresh = 30 * time.Second
	// directoryEvery is the pause between the end of one refresh and the start of the next.
	directoryEvery = 15 * time.Minute
	// refreshPages bounds the pages that one sweep reads, so that a refresh of many accounts leaves room for the rest.
	refreshPages = 60
)

// head says which set of chunks is complete, and how far the next one is.
type head struct {
	Set    int       `json:"set"` // 0 or 1
	Chunks int       `json:"chunks"`
	Count  int       `json:"count"`
	ReadAt time.Time `json:"read_at,omitzero"`

	Outdated time.Time `json:"outdated,omitzero"` // when something was changed that the set does not show

	Building     bool      `json:"building,omitempty"`
	BuildStarted time.Time `json:"build_started,omitzero"`
	BuildOwners  bool      `json:"build_owners,omitempty"` // the accounts are complete, the customers follow
	BuildCursor  string    `json:"build_cursor,omitempty"`
	BuildChunks  int       `json:"build_chunks,omitempty"`
	BuildCount   int       `json:"build_count,omitempty"`
}

// chunk is one part of the directory: accounts, or customers with the ids of their accounts.
type chunk struct {
	Accounts  []Account `json:"accounts,omitempty"`
	Customers []owner   `json:"customers,omitempty"`
	ReadAt    time.Time `json:"read_at"`
}

// owner is a customer and accounts that are under it. A customer with very many accounts stands there several times.
type owner struct {
	Customer CustomerRef `json:"customer"`
	Accounts []string    `json:"accounts,omitempty"`
}

func chunkKey(set, number int) string { return fmt.Sprintf("%s#%d#%04d", directoryHead, set, number) }

// latest is a single account as it was read after the last refresh, and what is known of who moves its money.
type latest struct {
	Account Account   `json:"account"`
	At      time.Time `json:"at"`
	Base    baseline  `json:"base,omitzero"`
	Reads   int       `json:"reads,omitempty"` // how often its balance was held against the baseline
	Drift   time.Time `json:"drift,omitzero"`  // when it last was another one, and we had not moved it
}

func accountKey(id string) string { return "ACCOUNT#" + id }

// Directory is the list of accounts that a process holds in memory. The zero value is ready; one per process.
type Directory struct {
	mu       sync.Mutex
	lookedAt time.Time
	entries  []directoryEntry
	byID     map[string]int
	readAt   time.Time

	customers []CustomerRef // by id
	owners    map[string]string
}

type directoryEntry struct {
	account Account
	text    string // lower case: id, name and number, for searching
	readAt  time.Time
}

// Load brings the directory up to date from the journal, at most every 30 seconds once there is one.
func (dir *Directory) Load(ctx context.Context, journal Journal, now time.Time) error {
	dir.mu.Lock()
	defer dir.mu.Unlock()
	if !dir.readAt.IsZero() && now.Sub(dir.lookedAt) < directoryFresh && !now.Before(dir.lookedAt) {
		return nil
	}
	return dir.look(ctx, journal, now)
}

// look reads the head, and the rest when a newer refresh is complete; the lock is held.
func (dir *Directory) look(ctx context.Context, journal Journal, now time.Time) error {
	records, err := journal.Get(ctx, directoryHead)
	if err != nil {
		return fmt.Errorf("reading the directory: %w", err)
	}
	h, err := decode[head](records[0])
	if err != nil {
		return err
	}
	if dir.byID != nil && !h.ReadAt.After(dir.readAt) {
		dir.lookedAt = now
		return nil
	}
	keys := make([]string, h.Chunks)
	for i := range keys {
		keys[i] = chunkKey(h.Set, i)
	}
	var chunks []Record
	if len(keys) > 0 {
		if chunks, err = journal.Get(ctx, keys...); err != nil {
			return fmt.Errorf("reading the directory: %w", err)
		}
	}
	entries := make([]directoryEntry, 0, h.Count)
	owners, customers := map[string]string{}, map[string]CustomerRef{}
	for _, record := range chunks {
		c, err := decode[chunk](record)
		if err != nil {
			return err
		}
		for _, a := range c.Accounts {
			text := strings.ToLower(a.ID + "\n" + a.Name + "\n" + a.Number)
			entries = append(entries, directoryEntry{account: a, text: text, readAt: c.ReadAt})
		}
		for _, o := range c.Customers {
			customers[o.Customer.ID] = o.Customer
			for _, account := range o.Accounts {
				owners[account] = o.Customer.ID
			}
		}
	}
	slices.SortStableFunc(entries, func(a, b directoryEntry) int { return cmp.Compare(a.account.ID, b.account.ID) })
	byID := make(map[string]int, len(entries))
	for i, e := range entries {
		byID[e.account.ID] = i
		entries[i].account.Customer = owners[e.account.ID]
	}
	dir.owners = owners
	dir.customers = slices.SortedFunc(maps.Values(customers), func(a, b CustomerRef) int { return cmp.Compare(a.ID, b.ID) })
	dir.entries, dir.byID, dir.readAt, dir.lookedAt = entries, byID, h.ReadAt, now
	return nil
}

// find finds an account by its id, and looks into the journal before it says that there is none: what this process holds
// may be half a minute old, and empty when the process began before the first refresh.
func (dir *Directory) find(ctx context.Context, journal Journal, id string, now time.Time) (Account, time.Time, bool, error) {
	if err := dir.Load(ctx, journal, now); err != nil {
		return Account{}, time.Time{}, false, err
	}
	if a, at, ok := dir.Get(id); ok {
		return a, at, true, nil
	}
	dir.mu.Lock()
	err := dir.look(ctx, journal, now)
	dir.mu.Unlock()
	a, at, ok := dir.Get(id)
	return a, at, ok, err
}

// ReadAt tells when the refresh that the directory comes from was finished; zero before the first.
func (dir *Directory) ReadAt() time.Time {
	dir.mu.Lock()
	defer dir.mu.Unlock()
	return dir.readAt
}

// Get finds an account by its id.
func (dir *Directory) Get(id string) (Account, time.Time, bool) {
	dir.mu.Lock()
	defer dir.mu.Unlock()
	i, ok := dir.byID[id]
	if !ok {
		return Account{}, time.Time{}, false
	}
	return dir.entries[i].account, dir.entries[i].readAt, true
}

// Search finds up to limit accounts whose id, name or number has all the words, best first: exact id, then beginnings,
// then the rest by id. No words find the first accounts. Accounts that keep reports false for are left out.
func (dir *Directory) Search(text string, limit int, keep func(Account) bool) []Account {
	dir.mu.Lock()
	defer dir.mu.Unlock()
	words := strings.Fields(strings.ToLower(text))
	type hit struct {
		rank  int
		index int
	}
	var hits []hit
	for i, e := range dir.entries {
		if !hasAll(e.text, words) || keep != nil && !keep(e.account) {
			continue
		}
		rank := 2
		if len(words) > 0 {
			switch {
			case strings.HasPrefix(e.text, words[0]+"\n"):
				rank = 0
			case strings.HasPrefix(e.text, words[0]), strings.Contains(e.text, "\n"+words[0]):
				rank = 1
			}
		}
		hits = append(hits, hit{rank, i})
		if len(words) == 0 && len(hits) == limit {
			break
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return a.rank - b.rank })
	found := make([]Account, 0, min(limit, len(hits)))
	for _, h := range hits[:min(limit, len(hits))] {
		found = append(found, dir.entries[h.index].account)
	}
	return found
}

func hasAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// Resolve finds the one account that a person means by an id, number or name. When it is not exactly one, it returns
// the candidates, best first.
func (dir *Directory) Resolve(text string) (Account, bool, []Account) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Account{}, false, nil
	}
	if a, _, ok := dir.Get(strings.ToLower(text)); ok {
		return a, true, nil
	}
	if a, _, ok := dir.Get(text); ok {
		return a, true, nil
	}
	found := dir.Search(text, 6, func(a Account) bool {
		return strings.EqualFold(a.ID, text) || strings.EqualFold(a.Name, text) || strings.EqualFold(a.Number, text)
	})
	if len(found) == 0 {
		found = dir.Search(text, 6, nil)
	}
	if len(found) == 1 {
		return found[0], true, nil
	}
	return Account{}, false, found
}

// Known gives an account as it was last read, with the time of that reading: after a refresh, a question or an
// execution. It fails with ErrNotFound for an account that none of them saw.
func (d *Desk) Known(ctx context.Context, id string) (Account, time.Time, error) {
	if id == "" {
		return Account{}, time.Time{}, fmt.Errorf("no account named: %w", ErrNotFound)
	}
	a, at, ok, err := d.Accounts.find(ctx, d.Journal, id, d.Clock())
	if err != nil {
		return Account{}, time.Time{}, err
	}
	records, err := d.Journal.Get(ctx, accountKey(id))
	if err != nil {
		return Account{}, time.Time{}, fmt.Errorf("reading account %s: %w", id, err)
	}
	l, err := decode[latest](records[0])
	if err != nil {
		return Account{}, time.Time{}, err
	}
	switch {
	case records[0].Version > 0 && l.At.After(at):
		if l.Account.Customer == "" {
			l.Account.Customer = a.Customer
		}
		return l.Account, l.At, nil
	case ok:
		return a, at, nil
	}
	return Account{}, time.Time{}, fmt.Errorf("account %s: %w", id, ErrNotFound)
}

// SearchCustomers finds up to limit customers whose id or name has all the words, by id.
func (dir *Directory) SearchCustomers(text string, limit int) []CustomerRef {
	dir.mu.Lock()
	defer dir.mu.Unlock()
	words := strings.Fields(strings.ToLower(text))
	var found []CustomerRef
	for _, c := range dir.customers {
		if len(found) < limit && hasAll(strings.ToLower(c.ID+"\n"+c.Name), words) {
			found = append(found, c)
		}
	}
	return found
}

func customerKey(id string) string { return "CUSTOMER#" + id }

// KnownCustomer finds a customer in the directory, or one that was created since. It fails with ErrNotFound.
func (d *Desk) KnownCustomer(ctx context.Context, id string) (CustomerRef, error) {
	if err := d.Accounts.Load(ctx, d.Journal, d.Clock()); err != nil {
		return CustomerRef{}, err
	}
	d.Accounts.mu.Lock()
	i, ok := slices.BinarySearchFunc(d.Accounts.customers, id, func(c CustomerRef, id string) int { return cmp.Compare(c.ID, id) })
	var found CustomerRef
	if ok {
		found = d.Accounts.customers[i]
	}
	d.Accounts.mu.Unlock()
	if ok || id == "" {
		if !ok {
			return found, fmt.Errorf("no customer named: %w", ErrNotFound)
		}
		return found, nil
	}
	records, err := d.Journal.Get(ctx, customerKey(id))
	if err != nil {
		return CustomerRef{}, fmt.Errorf("reading customer %s: %w", id, err)
	}
	if records[0].Version == 0 {
		return CustomerRef{}, fmt.Errorf("customer %s: %w", id, ErrNotFound)
	}
	return decode[CustomerRef](records[0])
}

// learnCustomer keeps a customer that was just created, until the directory has it.
func (d *Desk) learnCustomer(ctx context.Context, c CustomerRef) error {
	records, err := d.Journal.Get(ctx, customerKey(c.ID))
	if err == nil {
		err = d.Journal.Commit(ctx, NewWriteID(), Write{Key: customerKey(c.ID), Version: records[0].Version, Body: encode(c)})
	}
	if errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}
