package tangosim

import (
	"net/http"
	"slices"
)

// wireNewAccount is the reply that repeats the request, as the pages show it.
type wireNewAccount struct {
	ID       string      `json:"accountIdentifier"`
	Name     string      `json:"displayName"`
	Email    string      `json:"contactEmail"`
	Currency string      `json:"currencyCode"`
	Notify   []wireEmail `json:"fundingNotification"`
}

func (s *Sim) postCustomer(c *call) {
	in, ok := c.object()
	if !ok {
		return
	}
	id, name := in.identifier("customerIdentifier"), in.displayName("displayName")
	if in.refuse(c) {
		return
	}
	switch {
	case s.customer(id) != nil:
		c.fail(http.StatusConflict, "409.010", "Customer identifier exists")
	case slices.ContainsFunc(s.state.Customers, func(cu *customer) bool { return cu.Name == name }):
		c.fail(http.StatusConflict, "409.011", "Customer display name exists")
	default:
		cu := &customer{ID: id, Name: name, Status: "active", CreatedAt: c.now}
		s.state.Customers = append(s.state.Customers, cu)
		s.changed()
		if s.config.FullCreates {
			c.json(http.StatusCreated, s.wireOf(cu))
			return
		}
		c.json(http.StatusCreated, map[string]any{"customerIdentifier": id, "displayName": name})
	}
}

func (s *Sim) postAccount(c *call) {
	in, ok := c.object()
	if !ok {
		return
	}
	cu := s.customer(c.r.PathValue("c"))
	a := Account{
		ID: in.identifier("accountIdentifier"), Name: in.displayName("displayName"), Email: in.email("contactEmail"),
		Currency: in.optional("currencyCode"), Notify: in.emails("fundingNotification"), CreatedAt: c.now,
	}
	if a.Currency == "" {
		a.Currency = "USD"
	}
	if !slices.Contains([]string{"AUD", "CAD", "EUR", "GBP", "USD", "MXN", "SGD", "PLN"}, a.Currency) {
		in.breaks("currencyCode", "400.011", "Currency code is not known", a.Currency)
	}
	if cu == nil {
		c.fail(http.StatusForbidden, "404.002", "Customer is not on this platform") // the pages list no 404 here
		return
	}
	if in.refuse(c) {
		return
	}
	a.Customer = cu.ID
	if s.accountTaken(c, a) {
		return
	}
	s.add(a)
	s.changed()
	full := s.account(a.ID).wire()
	if s.config.FullCreates {
		c.json(http.StatusCreated, full)
		return
	}
	c.json(http.StatusCreated, wireNewAccount{ID: full.ID, Name: full.Name, Email: full.Email, Currency: full.Currency, Notify: full.Notify})
}

// accountTaken refuses an identifier that is on the platform, and a name that the customer has already.
func (s *Sim) accountTaken(c *call, a Account) bool {
	other := s.account(a.ID)
	switch {
	case other != nil && other.Customer == a.Customer:
		c.fail(http.StatusConflict, "409.003", "Account identifier exists")
	case other != nil:
		c.fail(http.StatusConflict, "409.018", "Account identifier exists on this platform")
	case s.nameTaken(a.Customer, a.Name, ""):
		c.fail(http.StatusConflict, "409.004", "Account display name exists")
	default:
		return false
	}
	return true
}

// nameTaken looks for a name among a customer's accounts, but for one of them.
func (s *Sim) nameTaken(customer, name, but string) bool {
	return slices.ContainsFunc(s.state.Accounts, func(a *account) bool {
		return a.Customer == customer && a.Name == name && a.ID != but
	})
}

// patchAccount replaces what is given: a list as a whole, an empty one clears, and null or nothing keeps.
func (s *Sim) patchAccount(c *call) {
	in, ok := c.object()
	if !ok {
		return
	}
	cu, a := s.customer(c.r.PathValue("c")), s.account(c.r.PathValue("a"))
	switch {
	case cu == nil:
		c.fail(http.StatusNotFound, "404.002", "Customer is not on this platform")
		return
	case a == nil:
		c.fail(http.StatusNotFound, "404.003", "Account not found")
		return
	case a.Customer != cu.ID:
		c.fail(http.StatusNotFound, "404.020", "Account is not under that customer")
		return
	}
	next := *a
	if in.given("displayName") {
		next.Name = in.displayName("displayName")
	}
	if in.given("contactEmail") {
		next.Email = in.email("contactEmail")
	}
	if in.given("fundingNotification") {
		next.Notify = in.emails("fundingNotification")
	}
	if in.given("currencyCode") && in.optional("currencyCode") != a.Currency {
		in.breaks("currencyCode", "400.010", "Account currency can not be edited", "")
	}
	switch {
	case in.refuse(c):
	case next.Name != a.Name && s.nameTaken(a.Customer, next.Name, a.ID):
		c.fail(http.StatusConflict, "409.017", "Account display name exists")
	default:
		*a = next
		s.changed()
		c.json(http.StatusOK, a.wire())
	}
}
