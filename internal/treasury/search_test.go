package treasury_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/treasury"
)

// shelf is a Tango that has these accounts, on pages of 200.
type shelf struct {
	treasury.Books
	accounts []treasury.Account
}

func (s shelf) Accounts(_ context.Context, q treasury.AccountQuery) (treasury.AccountPage, error) {
	var from int
	if q.Window.Next != "" {
		if err := json.Unmarshal([]byte(q.Window.Next), &from); err != nil {
			return treasury.AccountPage{}, err
		}
	}
	to := min(from+q.Window.Size, len(s.accounts))
	page := treasury.AccountPage{Accounts: s.accounts[from:to]}
	if to < len(s.accounts) {
		page.Next = fmt.Sprint(to)
	}
	return page, nil
}

// Customers and Cards: there are none.
func (shelf) Customers(context.Context, treasury.CustomerQuery) (treasury.CustomerPage, error) {
	return treasury.CustomerPage{}, nil
}

func (shelf) Cards(context.Context, treasury.CardQuery) (treasury.CardPage, error) {
	return treasury.CardPage{}, nil
}

// load puts accounts into a directory, through a refresh.
func load(tb testing.TB, journal treasury.Journal, dir *treasury.Directory, accounts []treasury.Account) {
	tb.Helper()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	d := &treasury.Desk{
		Journal: journal, Accounts: dir, Books: shelf{accounts: accounts}, Log: slog.New(slog.DiscardHandler),
		Clock: func() time.Time { return now },
	}
	if err := d.RefreshDirectory(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	if err := dir.Load(tb.Context(), journal, now); err != nil {
		tb.Fatal(err)
	}
}

func fill(tb testing.TB, journal treasury.Journal, dir *treasury.Directory, n int) {
	tb.Helper()
	accounts := make([]treasury.Account, n)
	for i := range accounts {
		accounts[i] = treasury.Account{
			ID: fmt.Sprintf("bulk-%06d", i), Name: fmt.Sprintf("Bulk Account %d", i), Number: fmt.Sprintf("A%08d", 10_000_000+i),
			Status: treasury.AccountActive, Currency: "USD", Balance: usd(int64(i)),
		}
	}
	load(tb, journal, dir, accounts)
}

// searched is a directory of accounts written as "id|name|number".
func searched(t *testing.T, accounts ...treasury.Account) *treasury.Directory {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := &treasury.Directory{}
	load(t, embedded.Journal{Store: store}, dir, accounts)
	return dir
}

func shelfOfFour(t *testing.T) *treasury.Directory {
	t.Helper()
	return searched(t,
		treasury.Account{ID: "us-marketing", Name: "Growth", Number: "A001"},
		treasury.Account{ID: "marketing", Name: "Old Budget", Number: "A002", Status: treasury.AccountDisabled},
		treasury.Account{ID: "marketing-us", Name: "Marketing US", Number: "A003"},
		treasury.Account{ID: "events", Name: "Marketing Events", Number: "A0031"},
		treasury.Account{ID: "Emea-Gifts", Name: "Été Gifts", Number: "B9"},
	)
}

func ids(accounts []treasury.Account) []string {
	ids := []string{}
	for _, a := range accounts {
		ids = append(ids, a.ID)
	}
	return ids
}

func TestSearchRanks(t *testing.T) {
	t.Parallel()
	dir := shelfOfFour(t)
	isOn := func(a treasury.Account) bool { return a.Status != treasury.AccountDisabled }
	for _, c := range []struct {
		name, text string
		limit      int
		keep       func(treasury.Account) bool
		want       []string
	}{
		{"the exact id, then beginnings of ids and names, then the rest", "marketing", 10, nil, []string{"marketing", "events", "marketing-us", "us-marketing"}},
		{"the best of them", "marketing", 2, nil, []string{"marketing", "events"}},
		{"those that are kept", "marketing", 2, isOn, []string{"events", "marketing-us"}},
		{"any case", "MARKETING events", 10, nil, []string{"events"}},
		{"words in any order", "us marketing", 10, nil, []string{"us-marketing", "marketing-us"}},
		{"words across id, name and number", "growth a001 us", 10, nil, []string{"us-marketing"}},
		{"the beginning of a number", "a003", 10, nil, []string{"events", "marketing-us"}},
		{"a part of a number", "31", 10, nil, []string{"events"}},
		{"letters beyond ASCII", "ÉTÉ", 10, nil, []string{"Emea-Gifts"}},
		{"nothing such", "marketing zzz", 10, nil, []string{}},
		{"no words", "  ", 3, nil, []string{"Emea-Gifts", "events", "marketing"}},
		{"no words, those that are kept", "", 3, isOn, []string{"Emea-Gifts", "events", "marketing-us"}},
		{"none wanted", "marketing", 0, nil, []string{}},
		{"none wanted, no words", "", 0, nil, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, ids(dir.Search(c.text, c.limit, c.keep))); diff != "" {
				t.Errorf("found:\n%s", diff)
			}
		})
	}
	if found := (&treasury.Directory{}).Search("a", 10, nil); len(found) != 0 {
		t.Errorf("an empty directory gave %v", found)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	dir := shelfOfFour(t)
	for _, c := range []struct {
		name, text, id string
		candidates     []string
	}{
		{"an id", "marketing", "marketing", nil},
		{"an id in another case", "Marketing-US", "marketing-us", nil},
		{"an id with upper case", "Emea-Gifts", "Emea-Gifts", nil},
		{"such an id in another case", "emea-gifts", "Emea-Gifts", nil},
		{"a number", "a003", "marketing-us", nil},
		{"a name", " growth ", "us-marketing", nil},
		{"a name that another one's words contain", "Marketing US", "marketing-us", nil},
		{"a part of one alone", "budg", "marketing", nil},
		{"a part of several", "market", "", []string{"events", "marketing", "marketing-us", "us-marketing"}},
		{"a part of none", "zzz", "", []string{}},
		{"nothing", "  ", "", []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, ok, candidates := dir.Resolve(c.text)
			if ok != (c.id != "") || a.ID != c.id {
				t.Errorf("resolved to %q (%v), want %q", a.ID, ok, c.id)
			}
			if !ok && !slices.Equal(ids(candidates), c.candidates) {
				t.Errorf("candidates %q, want %q", ids(candidates), c.candidates)
			}
		})
	}
}

// TestResolveFindsTheOneAmongMany: more accounts begin with the words than a person is shown.
func TestResolveFindsTheOneAmongMany(t *testing.T) {
	t.Parallel()
	accounts := []treasury.Account{{ID: "zz", Name: "Rewards", Number: "R"}}
	for i := range 20 {
		accounts = append(accounts, treasury.Account{ID: fmt.Sprintf("rewards-%02d", i), Name: fmt.Sprintf("Rewards %d", i), Number: fmt.Sprintf("R%02d", i)})
	}
	dir := searched(t, accounts...)
	for _, text := range []string{"rewards", "R"} {
		if a, ok, candidates := dir.Resolve(text); !ok || a.ID != "zz" {
			t.Errorf("%q: %q (%v), candidates %q", text, a.ID, ok, ids(candidates))
		}
	}
	accounts = append(accounts, treasury.Account{ID: "zzz", Name: "Rewards", Number: "S"})
	if a, ok, candidates := searched(t, accounts...).Resolve("rewards"); ok || !slices.Equal(ids(candidates), []string{"zz", "zzz"}) {
		t.Errorf("of two with this name: %q (%v), candidates %q", a.ID, ok, ids(candidates))
	}
}
