package tangosim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Account is an account as a test or the playground's page looks at it.
type Account struct {
	ID, Customer, Number, Name, Status, Currency string
	Cents                                        int64
	Email                                        string
	Notify                                       []string
	CreatedAt                                    time.Time
}

// AddCustomer makes a customer.
func (s *Sim) AddCustomer(id, name string, created time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Customers = append(s.state.Customers, &customer{ID: id, Name: name, Status: "active", CreatedAt: created})
	s.changed()
}

// AddAccount makes an account; an empty Status is ACTIVE, an empty Number is the next one.
func (s *Sim) AddAccount(a Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(a)
	s.changed()
}

func (s *Sim) add(a Account) {
	if a.Number == "" {
		s.state.Number++
		a.Number = fmt.Sprintf("A%08d", 10_000_000+s.state.Number)
	}
	if a.Status == "" {
		a.Status = "ACTIVE"
	}
	s.state.Accounts = append(s.state.Accounts, &account{
		ID: a.ID, Customer: a.Customer, Number: a.Number, Name: a.Name, Status: a.Status, Currency: a.Currency, Cents: a.Cents,
		Email: a.Email, Notify: a.Notify, CreatedAt: a.CreatedAt,
	})
}

// Accounts gives all accounts, oldest first.
func (s *Sim) Accounts() []Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleLate()
	s.settleDeposits()
	list := make([]Account, len(s.state.Accounts))
	for i, a := range s.state.Accounts {
		list[i] = Account{
			ID: a.ID, Customer: a.Customer, Number: a.Number, Name: a.Name, Status: a.Status, Currency: a.Currency, Cents: a.Cents,
			Email: a.Email, Notify: slices.Clone(a.Notify), CreatedAt: a.CreatedAt,
		}
	}
	return list
}

// Balance gives an account's balance in cents; -1 for an account that does not exist.
func (s *Sim) Balance(id string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleLate()
	s.settleDeposits()
	if a := s.account(id); a != nil {
		return a.Cents
	}
	return -1
}

// Movements gives all money that moved, oldest first.
func (s *Sim) Movements() []Movement {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleLate()
	s.settleDeposits()
	return slices.Clone(s.state.Movements)
}

// Moved counts how often a reference was carried out.
func (s *Sim) Moved(reference string) int {
	n := 0
	for _, m := range s.Movements() {
		if m.Reference == reference {
			n++
		}
	}
	return n
}

// Spend is money that leaves an account by other hands, such as an order; negative for funding in the portal.
func (s *Sim) Spend(id string, cents int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.move(Movement{From: id, Cents: cents, Notes: "order", At: s.config.Clock().UTC()})
}

// SetStatus changes an account's status, as Tango or its portal does.
func (s *Sim) SetStatus(id, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.account(id); a != nil {
		a.Status = status
	}
	s.changed()
}

// SetStale makes reads show the present balance of an account for good, whatever moves; nil makes them honest again.
func (s *Sim) SetStale(id string, cents *int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.account(id); a != nil {
		a.Stale = cents
	}
}

// Demo fills an empty platform with a small believable company.
func (s *Sim) Demo() {
	year := func(y int, m time.Month) time.Time { return time.Date(y, m, 12, 9, 30, 15, 280_000_000, time.UTC) }
	s.AddCustomer("acme-rewards", "Acme Rewards", year(2023, time.March))
	s.AddCustomer("acme-europe", "Acme Europe", year(2024, time.June))
	for _, a := range []Account{
		{ID: "employee-rewards", Customer: "acme-rewards", Name: "Employee Rewards", Currency: "USD", Cents: 2_450_000, CreatedAt: year(2023, time.March)},
		{ID: "marketing-us", Customer: "acme-rewards", Name: "Marketing US", Currency: "USD", Cents: 812_550, CreatedAt: year(2023, time.April)},
		{ID: "marketing-events", Customer: "acme-rewards", Name: "Marketing Events", Currency: "USD", Cents: 120_000, CreatedAt: year(2023, time.September)},
		{ID: "sales-spiffs", Customer: "acme-rewards", Name: "Sales Spiffs", Currency: "USD", Cents: 31_275, CreatedAt: year(2024, time.January)},
		{ID: "referral-program", Customer: "acme-rewards", Name: "Referral Program", Currency: "USD", Cents: 560_000, CreatedAt: year(2024, time.February)},
		{ID: "canada-rewards", Customer: "acme-rewards", Name: "Canada Rewards", Currency: "CAD", Cents: 240_000, CreatedAt: year(2024, time.May)},
		{ID: "europe-rewards", Customer: "acme-europe", Name: "Europe Rewards", Currency: "EUR", Cents: 1_205_000, CreatedAt: year(2024, time.June)},
		{ID: "europe-events", Customer: "acme-europe", Name: "Europe Events", Currency: "EUR", Cents: 88_040, CreatedAt: year(2024, time.July)},
		{ID: "uk-rewards", Customer: "acme-europe", Name: "UK Rewards", Currency: "GBP", Cents: 301_099, CreatedAt: year(2024, time.August)},
		{ID: "holiday-gifts", Customer: "acme-rewards", Name: "Holiday Gifts", Currency: "USD", Status: "FROZEN", Cents: 500_000, CreatedAt: year(2024, time.November)},
		{ID: "old-campaign", Customer: "acme-rewards", Name: "Old Campaign", Currency: "USD", Status: "DISABLED", Cents: 1_500, CreatedAt: year(2023, time.May)},
	} {
		a.Email = strings.ReplaceAll(a.ID, "-", ".") + "@acme.example"
		a.Notify = []string{"finance@acme.example"}
		s.AddAccount(a)
	}
	s.demoCards()
}

// Bulk adds n accounts of one customer with balances from 0 up, for load: bulk-000000 and on.
func (s *Sim) Bulk(n int) {
	s.AddCustomer("bulk-customer", "Bulk Customer", time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range n {
		s.add(Account{
			ID: fmt.Sprintf("bulk-%06d", i), Customer: "bulk-customer", Name: fmt.Sprintf("Bulk Account %d", i), Currency: "USD",
			Cents: int64(i) * 100, CreatedAt: time.Date(2025, 1, 1, 0, 0, i, 0, time.UTC),
		})
	}
	s.changed()
}
