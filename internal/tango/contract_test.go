package tango_test

import (
	"encoding/base64"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// TestBytesOfATransfer pins what goes on the wire, in the reference's form and in that of the older pages.
func TestBytesOfATransfer(t *testing.T) {
	t.Parallel()
	basic := base64.StdEncoding.EncodeToString([]byte(platform + ":" + key))
	body := `{"transferFrom":"employee-rewards","transferTo":"marketing-us","amount":1250.00,` +
		`"transferNotes":"Q1 <spiffs> & more [at-1]","externalRefID":"TB-7F3K2M9Q"}`
	for method, want := range map[string][]string{
		http.MethodPost: {
			"POST /raas/v2/transferFunds HTTP/1.1", "Host: HOST", "User-Agent: tangobot",
			"Content-Length: " + strconv.Itoa(len(body)), "Accept: application/json", "Authorization: Basic " + basic,
			"Content-Type: application/json", "Connection: close", "", body,
		},
		http.MethodGet: {
			"GET /raas/v2/transferFunds?amount=1250.00&externalRefID=TB-7F3K2M9Q&transferFrom=employee-rewards" +
				"&transferNotes=Q1+%3Cspiffs%3E+%26+more+%5Bat-1%5D&transferTo=marketing-us HTTP/1.1", "Host: HOST",
			"User-Agent: tangobot", "Accept: application/json", "Authorization: Basic " + basic, "Connection: close", "", "",
		},
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			s := startRaw(t, rawOptions{script: func(net.Conn, int64) bool { return false }})
			newClient(t, s.url+tangosim.Base, func(c *tango.Config) { c.Method = method }).Transfer(t.Context(), order())
			s.mu.Lock()
			defer s.mu.Unlock()
			got := strings.ReplaceAll(string(s.last), strings.TrimPrefix(s.url, "http://"), "HOST")
			if diff := cmp.Diff(strings.Join(want, "\r\n"), got); diff != "" {
				t.Errorf("on the wire (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAmountsOnTheWire: a number with two decimals, whatever its size.
func TestAmountsOnTheWire(t *testing.T) {
	t.Parallel()
	f := setup(t, nil, nil)
	for hundredths, want := range map[int64]string{1: "0.01", 115: "1.15", 895: "8.95", 10_000: "100.00", money.MaxHundredths: "10000000000000.00"} {
		o := order()
		o.Amount = money.New(hundredths, "USD")
		f.client.Transfer(t.Context(), o)
		all := f.sim.Received()
		if got := all[len(all)-1].Body; !strings.Contains(got, `"amount":`+want+`,`) {
			t.Errorf("%d hundredths were sent as %s, want %s", hundredths, got, want)
		}
	}
}

// TestFieldsLeftOut: what an order does not have is not sent as empty.
func TestFieldsLeftOut(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		f := setup(t, nil, func(c *tango.Config) { c.Method = method })
		o := order()
		o.Reference, o.Notes = "", ""
		if got := f.client.Transfer(t.Context(), o); got.Verdict != treasury.VerdictDone {
			t.Errorf("%s: %+v", method, got)
		}
		if r := f.sim.Received()[0]; strings.Contains(r.URI+r.Body, "externalRefID") || strings.Contains(r.URI+r.Body, "transferNotes") {
			t.Errorf("%s: %s %s", method, r.URI, r.Body)
		}
	}
}

// TestReadsOnTheWire pins address and query of each read, with every filter.
func TestReadsOnTheWire(t *testing.T) {
	t.Parallel()
	at := func(day int) time.Time { return time.Date(2025, 1, day, 1, 2, 3, 40_000_000, time.FixedZone("", 3600)) }
	window := treasury.Window{Size: 7}
	usd := func(n int64) *money.Amount { a := money.New(n, "USD"); return &a }
	accounts := treasury.AccountQuery{
		Number: "A1", Name: "a & b", Email: "x@y.example", NotifyEmails: []string{"p@y.example", "q@y.example"}, Status: treasury.AccountActive,
		Currencies: []money.Currency{"USD", "EUR"}, MinBalance: usd(-5), MaxBalance: usd(100_050), CreatedFrom: at(1), CreatedTo: at(2),
		Window: treasury.Window{Size: 200, Next: "YQ+/=="},
	}
	accountQuery := "accountNumber=A1&contactEmail=x%40y.example&currencyCode=USD&currencyCode=EUR&displayName=a+%26+b" +
		"&fundingNotificationEmail=p%40y.example&fundingNotificationEmail=q%40y.example&maxBalance=1000.50&maxDateCreatedAt=2025-01-02T00%3A02%3A03.04Z" +
		"&maxResults=200&minBalance=-0.05&minDateCreatedAt=2025-01-01T00%3A02%3A03.04Z&nextCursor=YQ%2B%2F%3D%3D&paginate=true&status=ACTIVE"
	ofCustomer := accounts
	ofCustomer.Customer = "acme/../x y"
	customers := treasury.CustomerQuery{
		Name: "n", Status: "active", CreatedFrom: at(1), CreatedTo: at(2), AccountID: "i", AccountNumber: "A2", AccountName: "m",
		AccountStatus: treasury.AccountFrozen, AccountCreatedFrom: at(3), AccountCreatedTo: at(4), Window: treasury.Window{Size: 1, Prev: "Yg=="},
	}
	for name, c := range map[string]struct {
		call func(c *tango.Client) error
		want string
	}{
		"account":  {func(c *tango.Client) error { _, err := c.Account(t.Context(), "a b/c?d#e"); return err }, "/accounts/a%20b%2Fc%3Fd%23e"},
		"customer": {func(c *tango.Client) error { _, err := c.Customer(t.Context(), "../accounts"); return err }, "/customers/..%2Faccounts"},
		"accounts": {func(c *tango.Client) error { _, err := c.Accounts(t.Context(), accounts); return err }, "/accounts?" + accountQuery},
		"accounts unfiltered": {func(c *tango.Client) error {
			_, err := c.Accounts(t.Context(), treasury.AccountQuery{Window: window})
			return err
		}, "/accounts?maxResults=7&paginate=true"},
		"accounts of one": {func(c *tango.Client) error { _, err := c.Accounts(t.Context(), ofCustomer); return err }, "/customers/acme%2F..%2Fx%20y/accounts?" + accountQuery},
		"customers": {func(c *tango.Client) error { _, err := c.Customers(t.Context(), customers); return err }, "/customers?accountDisplayName=m&accountIdentifier=i" +
			"&accountMaxDateCreatedAt=2025-01-04T00%3A02%3A03.04Z&accountMinDateCreatedAt=2025-01-03T00%3A02%3A03.04Z&accountNumber=A2&accountStatus=FROZEN" +
			"&customerMaxDateCreatedAt=2025-01-02T00%3A02%3A03.04Z&customerMinDateCreatedAt=2025-01-01T00%3A02%3A03.04Z&displayName=n&maxResults=1" +
			"&paginate=true&prevCursor=Yg%3D%3D&status=active"},
		"customers unfiltered": {func(c *tango.Client) error {
			_, err := c.Customers(t.Context(), treasury.CustomerQuery{Window: window})
			return err
		}, "/customers?maxResults=7&paginate=true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startRaw(t, rawOptions{script: say(response(400, tangoSays("400", "400.001")))})
			if err := c.call(newClient(t, s.url+tangosim.Base, nil)); err == nil {
				t.Fatal("a 400 is no error")
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			got, _, _ := strings.Cut(string(s.last), "\r\n")
			if diff := cmp.Diff("GET "+tangosim.Base+c.want+" HTTP/1.1", got); diff != "" {
				t.Errorf("on the wire (-want +got):\n%s", diff)
			}
			if strings.Contains(string(s.last), "Content-Length") || strings.Contains(string(s.last), "Transfer-Encoding") {
				t.Errorf("a read has a body:\n%s", s.last)
			}
		})
	}
}

// TestWhatIsNoResource: such an identifier is not sent, because the address would be another resource's.
func TestWhatIsNoResource(t *testing.T) {
	t.Parallel()
	client, _, calls := answering(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, "[]") })
	for _, id := range []string{"", ".", "..", strings.Repeat("x", 256)} {
		if _, err := client.Account(t.Context(), id); !isKind(err, treasury.ErrNotFound) {
			t.Errorf("account %.5q: %v", id, err)
		}
		if _, err := client.Customer(t.Context(), id); !isKind(err, treasury.ErrNotFound) {
			t.Errorf("customer %.5q: %v", id, err)
		}
	}
	for _, w := range []treasury.Window{{}, {Size: -1}, {Size: 201}, {Size: 5, Next: "a", Prev: "b"}} {
		if _, err := client.Accounts(t.Context(), treasury.AccountQuery{Window: w}); !isKind(err, treasury.ErrInvalid) {
			t.Errorf("accounts %+v: %v", w, err)
		}
		if _, err := client.Customers(t.Context(), treasury.CustomerQuery{Window: w}); !isKind(err, treasury.ErrInvalid) {
			t.Errorf("customers %+v: %v", w, err)
		}
	}
	if n := calls.Load(); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// TestNewRefuses: a client that could not work, or would send its key astray, is not made.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*tango.Config){
		"no credentials":  func(c *tango.Config) { c.Credentials = nil },
		"no pacer":        func(c *tango.Config) { c.Pacer = nil },
		"no clock":        func(c *tango.Config) { c.Clock = nil },
		"no log":          func(c *tango.Config) { c.Log = nil },
		"no method":       func(c *tango.Config) { c.Method = "" },
		"another method":  func(c *tango.Config) { c.Method = http.MethodPut },
		"no address":      func(c *tango.Config) { c.API = "" },
		"no scheme":       func(c *tango.Config) { c.API = "api.tangocard.com/raas/v2" },
		"another scheme":  func(c *tango.Config) { c.API = "ftp://api.tangocard.com" },
		"no host":         func(c *tango.Config) { c.API = "https:///raas/v2" },
		"credentials":     func(c *tango.Config) { c.API = "https://user:pass@api.tangocard.com" },
		"query":           func(c *tango.Config) { c.API = "https://api.tangocard.com/raas?x" },
		"fragment":        func(c *tango.Config) { c.API = "https://api.tangocard.com/raas#x" },
		"slash at end":    func(c *tango.Config) { c.API = "https://api.tangocard.com/raas/v2/" },
		"not an address":  func(c *tango.Config) { c.API = "https://a b" },
		"control in host": func(c *tango.Config) { c.API = "https://a\n.example" },
	} {
		good := newConfig(tango.Config{API: "https://api.tangocard.com/raas/v2", Pacer: &pace{}, Method: http.MethodPost, Clock: now})
		if _, err := tango.New(good); err != nil {
			t.Fatal(err)
		}
		change(&good)
		if _, err := tango.New(good); err == nil {
			t.Errorf("%s: a client was made", name)
		}
	}
}
