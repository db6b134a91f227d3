package tangosim

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// wireAccount is an account as Tango answers it. loyaltyTier stands for the fields that Tango adds at any time.
type wireAccount struct {
	ID        string      `json:"accountIdentifier"`
	Number    string      `json:"accountNumber"`
	Name      string      `json:"displayName"`
	CreatedAt string      `json:"createdAt"`
	Status    string      `json:"status"`
	Currency  string      `json:"currencyCode"`
	Balance   decimal     `json:"currentBalance"`
	Email     string      `json:"contactEmail"`
	Notify    []wireEmail `json:"fundingNotification"`
	Added     string      `json:"loyaltyTier"`
}

type wireEmail struct {
	Address string `json:"emailAddress"`
}

func (a *account) wire() wireAccount {
	w := wireAccount{
		ID: a.ID, Number: a.Number, Name: a.Name, CreatedAt: stamp(a.CreatedAt), Status: a.Status, Currency: a.Currency,
		Balance: decimal(a.Cents), Email: a.Email, Notify: []wireEmail{}, Added: "none",
	}
	if a.Stale != nil {
		w.Balance = decimal(*a.Stale)
	}
	for _, address := range a.Notify {
		w.Notify = append(w.Notify, wireEmail{address})
	}
	return w
}

func (s *Sim) account(id string) *account {
	i := slices.IndexFunc(s.state.Accounts, func(a *account) bool { return a.ID == id })
	if i < 0 {
		return nil
	}
	return s.state.Accounts[i]
}

func (s *Sim) getAccount(c *call) {
	a := s.account(c.r.PathValue("a"))
	if a == nil {
		c.fail(http.StatusNotFound, "404.003", "Account not found")
		return
	}
	c.json(http.StatusOK, a.wire())
}

func (s *Sim) listAccounts(c *call) { s.answerAccounts(c, "") }

func (s *Sim) listCustomerAccounts(c *call) {
	id := c.r.PathValue("c")
	if s.customer(id) == nil {
		c.fail(http.StatusForbidden, "404.002", "Customer is not on this platform")
		return
	}
	s.answerAccounts(c, id)
}

// accountFilter is the account query of the pages.
type accountFilter struct {
	number, name, status, email string
	currencies, notify          []string
	least, most                 *int64
	from, to                    time.Time
}

func (s *Sim) answerAccounts(c *call, customer string) {
	f, ok := readAccountFilter(c)
	if !ok {
		return
	}
	var found []item
	for i, a := range s.state.Accounts {
		if (customer == "" || a.Customer == customer) && f.matches(a) {
			found = append(found, item{order: i, value: a.wire()})
		}
	}
	s.page(c, found)
}

var statusForm = regexp.MustCompile(`^(ACTIVE|INACTIVE|DISABLED|FROZEN|DELETED)$`)

func readAccountFilter(c *call) (accountFilter, bool) {
	q := c.r.URL.Query()
	f := accountFilter{
		number: q.Get("accountNumber"), name: q.Get("displayName"), status: q.Get("status"), email: q.Get("contactEmail"),
		currencies: many(q, "currencyCode"), notify: many(q, "fundingNotificationEmail"),
	}
	if f.status != "" && !statusForm.MatchString(f.status) {
		c.invalid("status", "422.501", "Status is not known", f.status)
		return f, false
	}
	if len(f.email) > 255 {
		c.invalid("contactEmail", "422.126", "At most 255 characters", "")
		return f, false
	}
	for name, target := range map[string]**int64{"minBalance": &f.least, "maxBalance": &f.most} {
		if text := q.Get(name); text != "" {
			cents, ok := cents(text)
			if !ok {
				c.invalid(name, "400.009", "Not a number", text)
				return f, false
			}
			*target = &cents
		}
	}
	var ok bool
	if f.from, f.to, ok = readDates(c, "minDateCreatedAt", "maxDateCreatedAt"); !ok {
		return f, false
	}
	return f, true
}

func readDates(c *call, from, to string) (a, b time.Time, ok bool) {
	for name, target := range map[string]*time.Time{from: &a, to: &b} {
		text := c.r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t, err = time.Parse("2006-01-02", text)
		}
		if err != nil {
			c.invalid(name, "400.009", "Not a date of RFC 3339", text)
			return a, b, false
		}
		*target = t
	}
	return a, b, true
}

// many reads an array parameter: repeated, or with commas.
func many(q url.Values, name string) []string {
	var list []string
	for _, v := range q[name] {
		for part := range strings.SplitSeq(v, ",") {
			if part != "" {
				list = append(list, part)
			}
		}
	}
	return list
}

func (f accountFilter) matches(a *account) bool {
	holds := func(text, part string) bool {
		return part == "" || strings.Contains(strings.ToLower(text), strings.ToLower(part))
	}
	return (f.number == "" || a.Number == f.number) && holds(a.Name, f.name) && (f.status == "" || a.Status == f.status) &&
		(f.email == "" || strings.EqualFold(a.Email, f.email)) &&
		(len(f.currencies) == 0 || slices.Contains(f.currencies, a.Currency)) &&
		(len(f.notify) == 0 || slices.ContainsFunc(f.notify, func(n string) bool { return slices.Contains(a.Notify, n) })) &&
		(f.least == nil || a.Cents >= *f.least) && (f.most == nil || a.Cents <= *f.most) &&
		(f.from.IsZero() || !a.CreatedAt.Before(f.from)) && (f.to.IsZero() || !a.CreatedAt.After(f.to))
}

// item is one entry of a list, with its lasting place in the order.
type item struct {
	order int
	value any
}

// wirePage is the paged form of a list.
type wirePage struct {
	Count      int     `json:"numberOfElements"`
	MaxResults int     `json:"maxResults"`
	Prev       *string `json:"prevCursor"`
	Next       *string `json:"nextCursor"`
	Items      []any   `json:"items"`
	HasPrev    bool    `json:"prevPageAvailable"`
	HasNext    bool    `json:"nextPageAvailable"`
}

// page answers a list: whole, or the page that the cursor names. A cursor holds the place in the lasting order, so a
// walk stays right while entries come and go.
func (s *Sim) page(c *call, found []item) {
	q := c.r.URL.Query()
	if q.Get("paginate") != "true" || s.config.PlainLists {
		all := make([]any, len(found))
		for i, f := range found {
			all[i] = f.value
		}
		c.json(http.StatusOK, all)
		return
	}
	size := 10
	if text := q.Get("maxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 200 {
			c.invalid("maxResults", "422.126", "From 1 to 200", text)
			return
		}
		size = n
	}
	start, end, ok := 0, len(found), true
	byOrder := func(i item, order int) int { return cmp.Compare(i.order, order) }
	if cursor := q.Get("nextCursor"); cursor != "" {
		var order int
		order, ok = readCursor(cursor)
		start, _ = slices.BinarySearchFunc(found, order, byOrder)
	} else if cursor := q.Get("prevCursor"); cursor != "" {
		var order int
		order, ok = readCursor(cursor)
		end, _ = slices.BinarySearchFunc(found, order, byOrder)
		start = max(end-size, 0)
	}
	if !ok {
		c.fail(http.StatusBadRequest, "400.001", "The cursor is not valid")
		return
	}
	end = min(start+size, end)
	p := wirePage{Count: end - start, MaxResults: size, Items: []any{}, HasPrev: start > 0, HasNext: end < len(found)}
	for _, f := range found[start:end] {
		p.Items = append(p.Items, f.value)
	}
	if p.HasPrev {
		p.Prev = cursorAt(found[start].order)
	}
	if p.HasNext {
		p.Next = cursorAt(found[end].order)
	}
	c.json(http.StatusOK, p)
}

func cursorAt(order int) *string {
	text := base64.StdEncoding.EncodeToString([]byte("at:" + strconv.Itoa(order)))
	return &text
}

func readCursor(text string) (int, bool) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return 0, false
	}
	number, ok := strings.CutPrefix(string(raw), "at:")
	n, err := strconv.Atoi(number)
	return n, ok && err == nil
}

// cents reads a decimal of at most two places.
func cents(text string) (int64, bool) {
	body, negative := strings.CutPrefix(text, "-")
	whole, frac, _ := strings.Cut(body, ".")
	if len(frac) > 2 || len(whole) > 12 || whole == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+frac+strings.Repeat("0", 2-len(frac)), 10, 64)
	if err != nil || strings.ContainsAny(body, "+-eE") {
		return 0, false
	}
	if negative {
		n = -n
	}
	return n, true
}
