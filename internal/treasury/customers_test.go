package treasury_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestTheDirectoryKnowsCustomersAndOwners(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.sim.Bulk(2500) // a customer with more accounts than one part of a chunk holds
	b.clock.push(15 * time.Minute)
	b.refresh()
	dir := b.directory()
	for id, want := range map[string]string{"marketing-us": "acme-rewards", "uk-rewards": "acme-europe", "bulk-000000": "bulk-customer", "bulk-002499": "bulk-customer"} {
		if a, _, ok := dir.Get(id); !ok || a.Customer != want {
			t.Errorf("%s is under %q, want %q", id, a.Customer, want)
		}
	}
	if found := dir.SearchCustomers("ACME", 10); len(found) != 2 || found[0].ID != "acme-europe" || found[1].Name != "Acme Rewards" {
		t.Errorf("found %+v", found)
	}
	if found := dir.SearchCustomers("", 2); len(found) != 2 {
		t.Errorf("found %+v", found)
	}
}

// TestAPageOfLargeAccountsIsCut: 200 accounts with long lists of addresses pass what one record holds.
func TestAPageOfLargeAccountsIsCut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	addresses := strings.Split(manyAddresses(150), ",")
	for i := range 200 {
		b.sim.AddAccount(tangosim.Account{
			ID: fmt.Sprintf("large-%03d", i), Customer: "acme-rewards", Name: fmt.Sprintf("Large %03d", i), Currency: "USD", Notify: addresses,
		})
	}
	b.clock.push(15 * time.Minute)
	b.refresh()
	dir := b.directory()
	if a, _, ok := dir.Get("large-199"); count(dir) != 211 || !ok || len(a.Notify) != 150 {
		t.Errorf("%d accounts, the last with %d addresses", count(dir), len(a.Notify))
	}
}

// TestWhatWasCreatedIsKnownAtOnce, and the directory is read anew.
func TestWhatWasCreatedIsKnownAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.executed(b.approvedFor(draftOf(treasury.ActionCreateCustomer)).ID)
	if c, err := b.KnownCustomer(t.Context(), "acme-asia"); err != nil || c.Name != "Acme Asia" {
		t.Errorf("customer %+v, %v", c, err)
	}
	for _, id := range []string{"", "nobody"} {
		if _, err := b.KnownCustomer(t.Context(), id); !errors.Is(err, treasury.ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	d := draftOf(treasury.ActionCreateAccount)
	d.Customer = "acme-asia"
	b.executed(b.approvedFor(d).ID)
	if a, _, err := b.Known(t.Context(), "spring-event"); err != nil || a.Customer != "acme-asia" || a.Currency != "USD" {
		t.Errorf("account %+v, %v", a, err)
	}
	asked := b.sim.Requests()["GET /accounts"]
	b.refresh()
	if b.sim.Requests()["GET /accounts"] == asked {
		t.Error("the directory is not read anew")
	}
	if a, _, ok := b.directory().Get("spring-event"); !ok || a.Customer != "acme-asia" {
		t.Errorf("the directory has %+v", a)
	}
	asked = b.sim.Requests()["GET /accounts"]
	b.refresh()
	if b.sim.Requests()["GET /accounts"] != asked {
		t.Error("the directory is read anew once more")
	}
}

func TestKnownCardsFollowTango(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	known := func(account string) int {
		cards, _, err := b.KnownCards(t.Context(), account)
		if err != nil {
			t.Error(err)
		}
		return len(cards)
	}
	if known("employee-rewards") != 2 || known("marketing-us") != 1 || known("sales-spiffs") != 0 {
		t.Errorf("%d, %d and %d cards", known("employee-rewards"), known("marketing-us"), known("sales-spiffs"))
	}
	b.executed(b.approvedFor(draftOf(treasury.ActionUnregisterCard)).ID)
	if known("marketing-us") != 0 {
		t.Error("a card that was removed is still known")
	}
	b.sim.SetCardStatus(visaToken, "DELETED") // Tango removes cards too
	b.sim.SetCardStatus(expiredToken, "DELETED")
	if err := b.RefreshCards(t.Context()); err != nil || known("employee-rewards") != 0 {
		t.Errorf("%d cards after the last was removed, %v", known("employee-rewards"), err)
	}
}

func TestRulesForOtherActions(t *testing.T) {
	t.Parallel()
	p := parsePolicy(t, policyText)
	p.Rules = []treasury.Rule{
		{Accounts: []string{"marketing-*"}, Approvals: 1, From: []string{"finance"}},
		{Action: treasury.ActionDeposit, Approvals: 2, From: []string{"finance"}},
		{Action: treasury.ActionCreateCustomer, Approvals: 3, From: []string{"finance"}},
	}
	account := treasury.AccountRef{ID: "marketing-us"}
	for name, c := range map[string]struct {
		action treasury.Action
		rule   int
	}{
		"a deposit on an account of the pattern": {treasury.Action{Kind: treasury.ActionDeposit, Deposit: &treasury.Deposit{Account: account, Amount: usd(1)}}, 1},
		"a deposit on another":                   {treasury.Action{Kind: treasury.ActionDeposit, Deposit: &treasury.Deposit{Amount: usd(1)}}, 2},
		"a new account of the pattern":           {treasury.Action{Kind: treasury.ActionCreateAccount, CreateAccount: &treasury.CreateAccount{ID: "marketing-asia"}}, 1},
		"another new account":                    {treasury.Action{Kind: treasury.ActionCreateAccount, CreateAccount: &treasury.CreateAccount{ID: "sales-asia"}}, 0},
		"a card of the pattern's account":        {treasury.Action{Kind: treasury.ActionUnregisterCard, UnregisterCard: &treasury.UnregisterCard{Account: account}}, 1},
		"a customer, which has no account":       {treasury.Action{Kind: treasury.ActionCreateCustomer, CreateCustomer: &treasury.CreateCustomer{ID: "marketing-x"}}, 3},
	} {
		if _, number, ok := p.Match(c.action); number != c.rule || ok != (c.rule > 0) {
			t.Errorf("%s: rule %d, want %d", name, number, c.rule)
		}
	}
}
