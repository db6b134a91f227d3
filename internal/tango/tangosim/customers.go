package tangosim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

type wireCustomer struct {
	ID        string        `json:"customerIdentifier"`
	Name      string        `json:"displayName"`
	Status    string        `json:"status"`
	CreatedAt string        `json:"createdAt"`
	Accounts  []wireSummary `json:"accounts"`
}

type wireSummary struct {
	ID        string `json:"accountIdentifier"`
	Number    string `json:"accountNumber"`
	Name      string `json:"displayName"`
	CreatedAt string `json:"createdAt"`
	Status    string `json:"status"`
	Currency  string `json:"currencyCode"`
}

func (s *Sim) customer(id string) *customer {
	i := slices.IndexFunc(s.state.Customers, func(c *customer) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return s.state.Customers[i]
}

// wireOf draws a customer with its accounts, newest first.
func (s *Sim) wireOf(cu *customer) wireCustomer {
	w := wireCustomer{ID: cu.ID, Name: cu.Name, Status: cu.Status, CreatedAt: stamp(cu.CreatedAt), Accounts: []wireSummary{}}
	for _, a := range slices.Backward(s.state.Accounts) {
		if a.Customer == cu.ID {
			w.Accounts = append(w.Accounts, wireSummary{
				ID: a.ID, Number: a.Number, Name: a.Name, CreatedAt: stamp(a.CreatedAt), Status: a.Status, Currency: a.Currency,
			})
		}
	}
	return w
}

func (s *Sim) getCustomer(c *call) {
	cu := s.customer(c.r.PathValue("c"))
	if cu == nil {
		c.fail(http.StatusNotFound, "404.002", "Customer is not on this platform")
		return
	}
	c.json(http.StatusOK, s.wireOf(cu))
}

func (s *Sim) listCustomers(c *call) {
	q := c.r.URL.Query()
	from, to, ok := readDates(c, "customerMinDateCreatedAt", "customerMaxDateCreatedAt")
	if !ok {
		return
	}
	accountFrom, accountTo, ok := readDates(c, "accountMinDateCreatedAt", "accountMaxDateCreatedAt")
	if !ok {
		return
	}
	if status := q.Get("accountStatus"); status != "" && !statusForm.MatchString(status) {
		c.invalid("accountStatus", "422.501", "Status is not known", status)
		return
	}
	within := func(t, from, to time.Time) bool {
		return (from.IsZero() || !t.Before(from)) && (to.IsZero() || !t.After(to))
	}
	matches := func(a *account) bool {
		return (q.Get("accountStatus") == "" || a.Status == q.Get("accountStatus")) &&
			(q.Get("accountIdentifier") == "" || a.ID == q.Get("accountIdentifier")) &&
			(q.Get("accountNumber") == "" || a.Number == q.Get("accountNumber")) &&
			strings.Contains(strings.ToLower(a.Name), strings.ToLower(q.Get("accountDisplayName"))) &&
			within(a.CreatedAt, accountFrom, accountTo)
	}
	byAccount := !accountFrom.IsZero() || !accountTo.IsZero() || q.Get("accountStatus") != "" || q.Get("accountIdentifier") != "" ||
		q.Get("accountNumber") != "" || q.Get("accountDisplayName") != ""
	var found []item
	for i, cu := range s.state.Customers {
		if !strings.Contains(strings.ToLower(cu.Name), strings.ToLower(q.Get("displayName"))) ||
			q.Get("status") != "" && cu.Status != q.Get("status") || !within(cu.CreatedAt, from, to) {
			continue
		}
		if byAccount && !slices.ContainsFunc(s.state.Accounts, func(a *account) bool { return a.Customer == cu.ID && matches(a) }) {
			continue
		}
		found = append(found, item{order: i, value: s.wireOf(cu)})
	}
	s.page(c, found)
}
