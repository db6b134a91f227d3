package tango_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// ids names the accounts of a page.
func ids(p treasury.AccountPage) string {
	var list []string
	for _, a := range p.Accounts {
		list = append(list, a.ID)
	}
	return strings.Join(list, " ")
}

func customerIDs(p treasury.CustomerPage) string {
	var list []string
	for _, c := range p.Customers {
		list = append(list, c.ID)
	}
	return strings.Join(list, " ")
}

// TestWalks goes through accounts and customers forward and back, with Tango's pages and with bare lists.
func TestWalks(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{"pages": false, "bare lists": true} {
		for _, size := range []int{1, 2, 4, 10, 11, 200} {
			f := setup(t, func(c *tangosim.Config) { c.PlainLists = plain }, nil)
			accounts := func(w treasury.Window) (string, string, string, error) {
				p, err := f.client.Accounts(t.Context(), treasury.AccountQuery{Window: w})
				if err == nil && !p.ReadAt.Equal(now()) {
					t.Errorf("read at %s", p.ReadAt)
				}
				return ids(p), p.Next, p.Prev, err
			}
			customers := func(w treasury.Window) (string, string, string, error) {
				p, err := f.client.Customers(t.Context(), treasury.CustomerQuery{Window: w})
				return customerIDs(p), p.Next, p.Prev, err
			}
			if n := len(walk(t, name+": accounts", size, accounts)); n != 11 {
				t.Errorf("%s of %d: %d accounts, want 11", name, size, n)
			}
			if n := len(walk(t, name+": customers", size, customers)); n != 2 {
				t.Errorf("%s of %d: %d customers, want 2", name, size, n)
			}
		}
	}
}

// walk reads to the end and back, and demands that the way back shows what the way there did.
func walk(t *testing.T, name string, size int, read func(treasury.Window) (ids, next, prev string, err error)) []string {
	t.Helper()
	var pages []string
	w := treasury.Window{Size: size}
	for {
		page, next, prev, err := read(w)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := len(strings.Fields(page)); n > size {
			t.Fatalf("%s: %d on a page of %d", name, n, size)
		}
		pages = append(pages, page)
		if next == "" {
			w = treasury.Window{Size: size, Prev: prev}
			break
		}
		w = treasury.Window{Size: size, Next: next}
	}
	back := []string{pages[len(pages)-1]}
	for w.Prev != "" {
		page, _, prev, err := read(w)
		if err != nil {
			t.Fatalf("%s, back: %v", name, err)
		}
		back = append(back, page)
		w.Prev = prev
	}
	slices.Reverse(back)
	if diff := cmp.Diff(pages, back); diff != "" {
		t.Errorf("%s of %d, there and back (-there +back):\n%s", name, size, diff)
	}
	all := strings.Fields(strings.Join(pages, " "))
	if sorted := slices.Sorted(slices.Values(all)); len(slices.Compact(sorted)) != len(all) {
		t.Errorf("%s of %d: something twice in %v", name, size, all)
	}
	return all
}

// TestBareListChanges: entries that come and go during a walk do not make others show twice or not at all.
func TestBareListChanges(t *testing.T) {
	t.Parallel()
	account := func(id string) string {
		return `{"accountIdentifier":"` + id + `","status":"ACTIVE","currencyCode":"USD","currentBalance":1}`
	}
	list := "cc aa dd bb"
	client, _, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		var all []string
		for id := range strings.FieldsSeq(list) {
			all = append(all, account(id))
		}
		answerJSON(w, 200, "["+strings.Join(all, ",")+"]")
	})
	read := func(w treasury.Window) treasury.AccountPage {
		w.Size = 2
		p, err := client.Accounts(t.Context(), treasury.AccountQuery{Window: w})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := read(treasury.Window{})
	list = "dd ee ab bb" // aa and cc went, of which cc was next; ab and ee came
	second := read(treasury.Window{Next: first.Next})
	if got := ids(first) + " | " + ids(second); got != "aa bb | dd ee" || second.Next != "" {
		t.Errorf("%s, then %q", got, second.Next)
	}
	if back := read(treasury.Window{Prev: second.Prev}); ids(back) != "ab bb" || back.Prev != "" {
		t.Errorf("back: %s, %q", ids(back), back.Prev)
	}
	list = ""
	if p := read(treasury.Window{Next: first.Next}); ids(p) != "" || p.Next != "" || p.Prev != "" {
		t.Errorf("of nothing: %+v", p)
	}
}

// TestPagesThatCanNotBeTrusted: half a list must not pass for the whole.
func TestPagesThatCanNotBeTrusted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		window treasury.Window
		body   string
		ok     bool
	}{
		"null cursors":                      {treasury.Window{}, `{"items":[],"nextCursor":null,"prevCursor":null,"nextPageAvailable":false,"prevPageAvailable":false}`, true},
		"cursors without pages":             {treasury.Window{}, `{"items":[],"nextCursor":"YQ==","prevCursor":"Yg==","nextPageAvailable":false,"prevPageAvailable":false}`, true},
		"no cursors at all":                 {treasury.Window{}, `{"items":[]}`, true},
		"next page without a cursor":        {treasury.Window{}, `{"items":[],"nextCursor":null,"nextPageAvailable":true}`, false},
		"a cursor that does not move":       {treasury.Window{Next: "YQ=="}, `{"items":[],"nextCursor":"YQ==","nextPageAvailable":true}`, false},
		"no items":                          {treasury.Window{}, `{"nextPageAvailable":false}`, false},
		"items null":                        {treasury.Window{}, `{"items":null}`, false},
		"items an object, as an old sample": {treasury.Window{}, `{"items":{"accountIdentifier":"abcde"}}`, false},
		"items of texts":                    {treasury.Window{}, `{"items":["abcde"]}`, false},
		"cursor a number":                   {treasury.Window{}, `{"items":[],"nextCursor":5}`, false},
		"a bare list behind Tango's cursor": {treasury.Window{Next: "YQ=="}, `[]`, false},
		"a page behind our cursor":          {treasury.Window{Next: "local:abcde"}, `{"items":[]}`, false},
		"a bare list behind our cursor":     {treasury.Window{Next: "local:abcde"}, `[]`, true},
		"a bare list of texts":              {treasury.Window{}, `["abcde"]`, false},
		"a bare list with a bad account":    {treasury.Window{}, `[{"accountIdentifier":"abcde"}]`, false},
		"an identifier twice": {treasury.Window{}, `[{"accountIdentifier":"abcde","status":"ACTIVE","currencyCode":"USD","currentBalance":1},` +
			`{"accountIdentifier":"abcde","status":"ACTIVE","currencyCode":"USD","currentBalance":1}]`, false},
		"a text": {treasury.Window{}, `"x"`, false},
	} {
		client, _, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, c.body) })
		c.window.Size = 3
		p, err := client.Accounts(t.Context(), treasury.AccountQuery{Window: c.window})
		if c.ok && (err != nil || p.Next+p.Prev != "") || !c.ok && !isKind(err, treasury.ErrUnavailable) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// TestFilters sets each filter against the simulated company.
func TestFilters(t *testing.T) {
	t.Parallel()
	f := setup(t, nil, nil)
	cents := func(n int64) *money.Amount { a := money.New(n, "USD"); return &a }
	day := func(y int, m time.Month) time.Time { return time.Date(y, m, 12, 9, 30, 15, 280_000_000, time.UTC) }
	everything := "employee-rewards marketing-us marketing-events sales-spiffs referral-program canada-rewards europe-rewards europe-events uk-rewards holiday-gifts old-campaign"
	for name, c := range map[string]struct {
		q    treasury.AccountQuery
		want string
	}{
		"none":                  {treasury.AccountQuery{}, everything},
		"number":                {treasury.AccountQuery{Number: "A10000003"}, "marketing-events"},
		"name":                  {treasury.AccountQuery{Name: "marketing"}, "marketing-us marketing-events"},
		"email":                 {treasury.AccountQuery{Email: "uk.rewards@acme.example"}, "uk-rewards"},
		"notified":              {treasury.AccountQuery{NotifyEmails: []string{"finance@acme.example"}}, everything},
		"notified nobody":       {treasury.AccountQuery{NotifyEmails: []string{"nobody@acme.example"}}, ""},
		"status":                {treasury.AccountQuery{Status: treasury.AccountFrozen}, "holiday-gifts"},
		"currency":              {treasury.AccountQuery{Currencies: []money.Currency{"CAD"}}, "canada-rewards"},
		"currencies":            {treasury.AccountQuery{Currencies: []money.Currency{"CAD", "GBP"}}, "canada-rewards uk-rewards"},
		"least":                 {treasury.AccountQuery{MinBalance: cents(1_205_000)}, "employee-rewards europe-rewards"},
		"most":                  {treasury.AccountQuery{MaxBalance: cents(31_275)}, "sales-spiffs old-campaign"},
		"between":               {treasury.AccountQuery{MinBalance: cents(31_276), MaxBalance: cents(120_000)}, "marketing-events europe-events"},
		"from":                  {treasury.AccountQuery{CreatedFrom: day(2024, time.August)}, "uk-rewards holiday-gifts"},
		"to":                    {treasury.AccountQuery{CreatedTo: day(2023, time.April)}, "employee-rewards marketing-us"},
		"customer":              {treasury.AccountQuery{Customer: "acme-europe"}, "europe-rewards europe-events uk-rewards"},
		"customer and currency": {treasury.AccountQuery{Customer: "acme-europe", Currencies: []money.Currency{"GBP"}}, "uk-rewards"},
	} {
		c.q.Window = treasury.Window{Size: 200}
		p, err := f.client.Accounts(t.Context(), c.q)
		if err != nil || ids(p) != c.want {
			t.Errorf("accounts by %s: %q, %v, want %q", name, ids(p), err, c.want)
		}
	}
	for name, c := range map[string]struct {
		q    treasury.CustomerQuery
		want string
	}{
		"none":           {treasury.CustomerQuery{}, "acme-rewards acme-europe"},
		"name":           {treasury.CustomerQuery{Name: "europe"}, "acme-europe"},
		"status":         {treasury.CustomerQuery{Status: "active"}, "acme-rewards acme-europe"},
		"other status":   {treasury.CustomerQuery{Status: "gone"}, ""},
		"from":           {treasury.CustomerQuery{CreatedFrom: day(2024, time.January)}, "acme-europe"},
		"to":             {treasury.CustomerQuery{CreatedTo: day(2024, time.January)}, "acme-rewards"},
		"account":        {treasury.CustomerQuery{AccountID: "uk-rewards"}, "acme-europe"},
		"account number": {treasury.CustomerQuery{AccountNumber: "A10000001"}, "acme-rewards"},
		"account name":   {treasury.CustomerQuery{AccountName: "events"}, "acme-rewards acme-europe"},
		"account status": {treasury.CustomerQuery{AccountStatus: treasury.AccountDisabled}, "acme-rewards"},
		"account from":   {treasury.CustomerQuery{AccountCreatedFrom: day(2024, time.November)}, "acme-rewards"},
		"account to":     {treasury.CustomerQuery{AccountCreatedTo: day(2024, time.June), AccountName: "europe"}, "acme-europe"},
	} {
		c.q.Window = treasury.Window{Size: 200}
		p, err := f.client.Customers(t.Context(), c.q)
		if err != nil || customerIDs(p) != c.want {
			t.Errorf("customers by %s: %q, %v, want %q", name, customerIDs(p), err, c.want)
		}
	}
	if _, err := f.client.Accounts(t.Context(), treasury.AccountQuery{Status: "active", Window: treasury.Window{Size: 1}}); !isKind(err, treasury.ErrRejected) {
		t.Errorf("a status that Tango does not know: %v", err)
	}
}

// BenchmarkAccounts reads a page of 200 accounts, and one out of a bare list of 10,000.
func BenchmarkAccounts(b *testing.B) {
	for name, plain := range map[string]bool{"page": false, "bare list": true} {
		b.Run(name, func(b *testing.B) {
			sim := tangosim.New(tangosim.Config{Clock: now, PlatformName: platform, PlatformKey: key, PlainLists: plain})
			sim.Bulk(10_000)
			server := serve(b, sim)
			client, err := tango.New(newConfig(tango.Config{API: server + tangosim.Base, Pacer: &pace{}, Method: http.MethodPost, Clock: now}))
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := client.Accounts(b.Context(), treasury.AccountQuery{Window: treasury.Window{Size: 200}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
