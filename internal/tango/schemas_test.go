package tango_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// contract is what Tango's pages say of one call: the schema of its body, and of its success. The schemas are written from
// the pages, not from the client or the simulation; both are held against them.
type contract struct{ line, request, success string }

func contracts() []contract {
	return []contract{
		{`GET /accounts`, "", "account-"},
		{`GET /accounts/[^/]+`, "", "account"},
		{`GET /customers`, "", "customer-"},
		{`POST /customers`, "create-customer", "created-customer"},
		{`GET /customers/[^/]+`, "", "customer"},
		{`GET /customers/[^/]+/accounts`, "", "account-"},
		{`POST /customers/[^/]+/accounts`, "create-account", "created-account"},
		{`PATCH /customers/[^/]+/accounts/[^/]+`, "update-account", "account"},
		{`GET /creditCards`, "", "card-"},
		{`POST /creditCards`, "register-card", "card"},
		{`GET /creditCards/[^/]+`, "", "card"},
		{`POST /creditCardUnregisters`, "unregister-card", "unregistered"},
		{`POST /creditCardDeposits`, "create-deposit", "deposit"},
		{`GET /creditCardDeposits/[^/]+`, "", "deposit"},
		{`POST /transferFunds`, "transfer-funds", "transferred"},
		{`GET /transferFunds`, "", "transferred"},
	}
}

// witness stands before a simulation and holds every call against its contract.
type witness struct {
	sim      http.Handler
	compiler *jsonschema.Compiler

	mu       sync.Mutex
	seen     map[string]bool // "line status class"
	problems []string
}

func newWitness(sim http.Handler) *witness {
	return &witness{sim: sim, compiler: jsonschema.NewCompiler(), seen: map[string]bool{}}
}

func (w *witness) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	w.sim.ServeHTTP(answer, r)
	w.mu.Lock()
	w.check(r, body, answer.Code, answer.Body.Bytes())
	w.mu.Unlock()
	maps.Copy(out.Header(), answer.Header())
	out.WriteHeader(answer.Code)
	_, _ = out.Write(answer.Body.Bytes())
}

func (w *witness) check(r *http.Request, body []byte, status int, answer []byte) {
	line := r.Method + " " + strings.TrimPrefix(r.URL.EscapedPath(), tangosim.Base)
	i := slices.IndexFunc(contracts(), func(c contract) bool { return regexp.MustCompile("^" + c.line + "$").MatchString(line) })
	if i < 0 {
		w.problems = append(w.problems, line+": no contract")
		return
	}
	c := contracts()[i]
	if status < 300 || c.request == "" { // a body that is refused may be wrong on purpose
		w.hold(line+" sent", c.request, body)
	}
	switch {
	case status >= 300:
		w.seen[c.line+" error"] = true
		schema := "error"
		if strings.HasPrefix(string(answer), `{"i18nKey"`) {
			schema = "error-short"
		}
		w.hold(line+" refused", schema, answer)
		return
	case strings.HasSuffix(c.success, "-") && strings.HasPrefix(string(answer), "["):
		c.success += "list"
	case strings.HasSuffix(c.success, "-"):
		c.success += "page"
	}
	w.seen[c.line+" ok"] = true
	w.hold(line+" answered", c.success, answer)
}

// hold validates one body; an empty schema demands no body at all.
func (w *witness) hold(what, schema string, body []byte) {
	if schema == "" {
		if len(body) != 0 {
			w.problems = append(w.problems, what+": a body")
		}
		return
	}
	compiled, err := w.compiler.Compile("testdata/schemas/" + schema + ".json")
	if err != nil {
		w.problems = append(w.problems, what+": "+err.Error())
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = compiled.Validate(value)
	}
	if err != nil {
		w.problems = append(w.problems, what+" against "+schema+": "+err.Error())
	}
}

// TestContract makes every call, with success and with refusals, under each reading of Tango's pages.
func TestContract(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(*tangosim.Config){
		"as the reference says": func(*tangosim.Config) {},
		"as older pages say":    func(c *tangosim.Config) { c.FullCreates, c.PlainLists, c.TransferStatus = true, true, 201 },
		"with the short errors": func(c *tangosim.Config) { c.ShortErrors = true },
		"with another fee":      func(c *tangosim.Config) { c.FeePoints, c.ActivationDelay = 290, time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := tangosim.Config{Clock: now, PlatformName: platform, PlatformKey: key}
			configure(&config)
			sim := tangosim.New(config)
			sim.Demo()
			w := newWitness(sim)
			server := httptest.NewServer(w)
			defer server.Close()
			readAll(t, newClient(t, server.URL+tangosim.Base, nil))
			for range 2 { // the second time most of it is refused
				changeAll(t, newClient(t, server.URL+tangosim.Base, nil))
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, p := range w.problems {
				t.Error(p)
			}
			for _, c := range contracts() {
				if !w.seen[c.line+" ok"] && c.line != "GET /transferFunds" {
					t.Errorf("%s was never answered", c.line)
				}
			}
			for _, line := range []string{
				"POST /customers", "POST /customers/[^/]+/accounts", "POST /creditCardUnregisters", "POST /creditCardDeposits", "GET /creditCards/[^/]+",
			} {
				if !w.seen[line+" error"] {
					t.Errorf("%s was never refused", line)
				}
			}
		})
	}
}

func readAll(t *testing.T, c *tango.Client) {
	t.Helper()
	ctx, size := t.Context(), treasury.Window{Size: 3}
	deposit := c.Deposit(ctx, depositOrder())
	if deposit.Deposit == nil {
		t.Fatalf("no deposit: %+v", deposit)
	}
	for name, err := range map[string]error{
		"account":  second(c.Account(ctx, "employee-rewards")),
		"accounts": second(c.Accounts(ctx, treasury.AccountQuery{Window: size})),
		"of one":   second(c.Accounts(ctx, treasury.AccountQuery{Customer: "acme-europe", Window: size})),
		"customer": second(c.Customer(ctx, "acme-rewards")),
		"all":      second(c.Customers(ctx, treasury.CustomerQuery{Window: size})),
		"card":     second(c.Card(ctx, cardToken)),
		"cards":    second(c.Cards(ctx, treasury.CardQuery{All: true, Window: size})),
		"deposit":  second(c.DepositStatus(ctx, deposit.Deposit.ID, "USD")),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"account": second(c.Account(ctx, "nobody")), "customer": second(c.Customer(ctx, "nobody")), "card": second(c.Card(ctx, "none")),
		"deposit": second(c.DepositStatus(ctx, "RAD-260302-9999", "USD")),
	} {
		if !isKind(err, treasury.ErrNotFound) {
			t.Errorf("%s that is not there: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func changeAll(t *testing.T, c *tango.Client) {
	t.Helper()
	ctx := t.Context()
	o := depositOrder()
	o.Reference = "TB-00000001"
	o.Action.Deposit.Amount = money.New(555, "USD")
	transfer := order()
	transfer.Reference = "TB-00000002"
	c.Transfer(ctx, transfer)
	c.Deposit(ctx, o)
	for _, call := range changingCalls() {
		if call.name != "deposit" {
			call.call(ctx, c)
		}
	}
}
