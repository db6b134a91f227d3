package contract_test

import (
	"crypto/x509"
	"flag"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/contract"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

var update = flag.Bool("update", false, "write the golden findings anew")

// demoCard funds employee-rewards in the simulated company.
const demoCard = "0b1d6c1e-3f52-4a9e-9a37-5d0c4f7e1a01"

// tangoLike is a simulated Tango, and what stands in front of it. The zero value is Tango as its pages have it.
type tangoLike struct {
	sim     tangosim.Config
	arm     []tangosim.Fault
	between func(next http.Handler) http.Handler
	change  func(*contract.Config)
	tls     bool // with HTTP/2
}

type told struct {
	lines  []string                    // as make sandbox prints them
	found  map[string]contract.Finding // by question
	policy contract.Policy
	sim    *tangosim.Sim
}

// start serves a simulated Tango, and gives the configuration with which it can be asked everything.
func (like tangoLike) start(t *testing.T) (*tangosim.Sim, contract.Config) {
	t.Helper()
	if like.sim.Clock == nil {
		like.sim.Clock = time.Now
	}
	like.sim.PlatformName, like.sim.PlatformKey = "acme", "key"
	sim := tangosim.New(like.sim)
	sim.Demo()
	sim.AddAccount(tangosim.Account{ID: "empty-rewards", Customer: "acme-rewards", Name: "Empty", Currency: "USD", Cents: 3})
	sim.Arm(like.arm...)
	var handler http.Handler = sim
	if like.between != nil {
		handler = like.between(handler)
	}
	server := httptest.NewUnstartedServer(handler)
	t.Cleanup(server.Close)
	var roots *x509.CertPool
	if server.EnableHTTP2 = like.tls; like.tls {
		server.StartTLS()
		roots = x509.NewCertPool()
		roots.AddCert(server.Certificate())
	} else {
		server.Start()
	}
	config := contract.Config{
		API: server.URL + tangosim.Base, Name: "acme", Key: treasury.NewSecret("key"), From: "employee-rewards", To: "marketing-us",
		Card: demoCard, Empty: "empty-rewards", Other: "europe-rewards", Frozen: "holiday-gifts", Create: "check",
		Pacer: tango.NewPacer(0), Patience: 2 * time.Second, Pause: time.Millisecond, Clock: time.Now, RootCAs: roots,
	}
	if like.change != nil {
		like.change(&config)
	}
	return sim, config
}

// asked asks everything.
func (like tangoLike) asked(t *testing.T) told {
	t.Helper()
	sim, config := like.start(t)
	got := told{found: map[string]contract.Finding{}, sim: sim}
	var err error
	got.policy, err = contract.Ask(t.Context(), config, func(f contract.Finding) {
		got.found[f.Question] = f
		got.lines = append(got.lines, f.String())
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// wrong lists the questions whose answers Tangobot would misjudge.
func (g told) wrong() []string {
	var names []string
	for name, f := range g.found {
		if f.Wrong != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestFindings holds all that is told of a Tango that does as its pages say.
func TestFindings(t *testing.T) {
	t.Parallel()
	got := tangoLike{}.asked(t)
	text := strings.Join(got.lines, "\n") + "\n"
	const golden = "testdata/findings.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.policy != (contract.Policy{Transfer: "POST", References: "unique"}) || len(got.wrong()) > 0 {
		t.Errorf("policy %+v, wrong %v", got.policy, got.wrong())
	}
	// 1.00 each: a plain deposit, and one of two at once. What else was moved is back.
	if from, to := got.sim.Balance("employee-rewards"), got.sim.Balance("marketing-us"); from != 2_450_000+200 || to != 812_550 {
		t.Errorf("the accounts hold %d and %d", from, to)
	}
	for _, m := range got.sim.Movements() {
		if m.Cents > 100 {
			t.Errorf("%d cents were moved at once: %+v", m.Cents, m)
		}
	}
}

// A Tango that does otherwise is told otherwise, and nothing else is.
func TestFindingsDiffer(t *testing.T) {
	t.Parallel()
	usual := tangoLike{}.asked(t).found
	unique := contract.Policy{Transfer: "POST", References: "unique"}
	attach := contract.Policy{Transfer: "POST", References: "attach"}
	byGet := contract.Policy{Transfer: "GET", References: "attach"}
	for name, c := range map[string]struct {
		like   tangoLike
		tells  map[string]string // what each finding that differs has in it
		wrong  []string
		policy contract.Policy
	}{
		"bare lists": {
			like:   tangoLike{sim: tangosim.Config{PlainLists: true}},
			tells:  map[string]string{"lists": "/accounts a bare list, /customers a bare list, /creditCards a bare list"},
			policy: unique,
		},
		"short errors": {
			like: tangoLike{sim: tangosim.Config{ShortErrors: true}},
			tells: map[string]string{
				"error-unknown-customer": "403, the short error shape, key 404.002",
			},
			policy: unique,
		},
		"whole objects after creations": {
			like: tangoLike{sim: tangosim.Config{FullCreates: true}},
			tells: map[string]string{
				"create-customer": "the whole object; Tangobot's: status 201, Tangobot says done", "create-account": "the whole object; Tangobot's: status 201, Tangobot says done",
			},
			policy: unique,
		},
		"another fee": {
			like:   tangoLike{sim: tangosim.Config{FeePoints: 290}},
			tells:  map[string]string{"deposit": "1.03 for 1.00 at 2.90 %"},
			policy: unique,
		},
		"one call a second": {
			like: everySecond(),
			tells: map[string]string{
				"pace": "429, the long error shape, key 429.001, no Retry-After", "reference-at-once": "says throttled", "deposit-at-once": "says throttled",
			},
			policy: attach,
		},
		"HTTP/2 behind an intermediary": {
			like: tangoLike{tls: true, between: sets("Via", "1.1 relay", "Server", "edge")},
			tells: map[string]string{
				"connection": "HTTP/2.0, Server edge, Via 1.1 relay, an X-REQUEST-ID => HTTP/2 is offered",
			},
			policy: unique,
		},
		"no GET of a transfer": {
			like:   tangoLike{between: only(http.MethodPost)},
			tells:  map[string]string{"transfer-get": "status 405 with key 405.002, Tangobot says unknown (status), nothing moved => not tango.transfer: GET"},
			policy: unique,
		},
		"no POST of a transfer": {
			like: tangoLike{between: only(http.MethodGet)},
			tells: map[string]string{
				"error-400": "405", "error-401": "status 405", "transfer-post": "not tango.transfer: POST", "transfer-get": "=> tango.transfer: GET",
				"same-account": "not asked", "reference-after-refusal": "not asked", "amount-as-text": "not asked",
			},
			policy: byGet,
		},
		"references that nobody keeps": {
			like: tangoLike{between: edits(func(body map[string]any) { delete(body, "externalRefID") })},
			tells: map[string]string{
				"reference-again":   "Tangobot says done, the money moved once => tango.references: attach",
				"reference-at-once": "the money moved 2 times", "deposit-again": "the money moved once", "deposit-at-once": "the money moved 2 times",
				"deposit-after-pending": "the money moved once", "deposit-after-declined": "the money moved once",
			},
			policy: attach,
		},
		"a pending deposit does not use its reference": {
			like: tangoLike{between: edits(func(body map[string]any) {
				if body["amount"] == 5.55 {
					delete(body, "externalRefID")
				}
			})},
			tells:  map[string]string{"deposit-after-pending": "the money moved once => tango.references: attach"},
			policy: attach,
		},
		"a refused transfer uses its reference": {
			like:   tangoLike{between: usesRefused},
			tells:  map[string]string{"reference-after-refusal": "says unknown (duplicate), nothing moved => tango.references: attach"},
			policy: attach,
		},
		"an intermediary sends a transfer twice": {
			like: tangoLike{arm: []tangosim.Fault{{On: "POST /transferFunds"}, {On: "POST /transferFunds", Twice: true}}},
			// The first POST is the unreadable one, which takes no fault's turn but its own.
			tells: map[string]string{
				"transfer-post": "the money moved 2 times => not tango.transfer: POST", "transfer-get": "=> tango.transfer: GET",
				"same-account": "not asked", "reference-after-refusal": "not asked", "amount-as-text": "not asked",
			},
			policy: byGet, // the answer tells it, so the client calls it a doubt
		},
		"an intermediary repeats a transfer unseen": {
			like: tangoLike{between: repeats},
			tells: map[string]string{
				"transfer-post": "Tangobot says done, the money moved 2 times => not tango.transfer: POST", "transfer-get": "=> tango.transfer: GET",
				"same-account": "not asked", "reference-after-refusal": "not asked", "amount-as-text": "not asked",
			},
			wrong:  []string{"transfer-post"},
			policy: byGet,
		},
		"an answer that does not fit": {
			like: tangoLike{arm: []tangosim.Fault{{On: "POST /transferFunds"}, {On: "POST /transferFunds", Echo: tangosim.EchoBalance}}},
			tells: map[string]string{
				"transfer-post": "Tangobot says unknown (mismatch of transferFrom.endingBalance), the money moved once",
			},
			wrong:  []string{"transfer-post"},
			policy: unique,
		},
		"an answer of success without a movement": {
			like: tangoLike{arm: []tangosim.Fault{{On: "POST /creditCardDeposits", Edit: tangosim.EditField("status", "DECLINED")}}},
			tells: map[string]string{
				"deposit": "says declined, the money moved once",
			},
			wrong:  []string{"deposit"},
			policy: unique,
		},
		"notes that are cut": {
			like: tangoLike{between: edits(func(body map[string]any) {
				if notes, _ := body["transferNotes"].(string); len(notes) > 100 {
					body["transferNotes"] = notes[:100]
				}
			})},
			tells: map[string]string{
				"notes-150": "(mismatch of transferNotes)", "notes-letters": "(mismatch of transferNotes)", "notes-signs": "(mismatch of transferNotes)",
			},
			wrong:  []string{"notes-150", "notes-letters", "notes-signs"},
			policy: unique,
		},
		"a reading that lags": {
			like:   tangoLike{between: lags},
			tells:  map[string]string{"balance-lag": "the first reading shows old balances, the new ones come within"},
			policy: unique,
		},
		"a wrong key answered by a gateway": {
			like:   tangoLike{between: pages(http.StatusUnauthorized)},
			tells:  map[string]string{"error-401": "401 without JSON; a transfer: status 401, Tangobot says unknown (status) => transfers that are sent with a wrong key fall in doubt"},
			policy: unique,
		},
		"what is not there answered by a gateway": {
			like: tangoLike{between: pages(http.StatusNotFound)},
			tells: map[string]string{
				"error-404": "404 without JSON", "identifier-case": "404 without JSON", "unknown-account": "status 404, Tangobot says unknown (status)",
			},
			wrong:  []string{"error-404"},
			policy: unique,
		},
		"case does not count": {
			like:   tangoLike{between: anyCase(false)},
			tells:  map[string]string{"identifier-case": "case does not count; the account comes as it was made"},
			policy: unique,
		},
		"case does not count, and is kept": {
			like:   tangoLike{between: anyCase(true)},
			tells:  map[string]string{"identifier-case": "the identifier comes in the case that was asked for"},
			wrong:  []string{"identifier-case"},
			policy: unique,
		},
		"the first of an array counts": {
			like:   tangoLike{between: firstOfEach},
			tells:  map[string]string{"array-query": "a repeated parameter: not taken; with a comma: taken"},
			wrong:  []string{"array-query"},
			policy: unique,
		},
		"no card, and no other accounts": {
			like: tangoLike{change: func(c *contract.Config) { c.Card, c.Empty, c.Other, c.Frozen, c.Create = "", "", "", "", "" }},
			tells: map[string]string{
				"deposit": "not asked: set TANGO_SANDBOX_CARD", "deposit-again": "not asked", "deposit-at-once": "not asked", "deposit-5.55": "not asked",
				"deposit-6.55": "not asked", "deposit-7.55": "not asked", "deposit-after-pending": "not asked", "deposit-after-declined": "not asked",
				"other-currency": "not asked: set TANGO_SANDBOX_OTHER", "short-of-money": "not asked: set TANGO_SANDBOX_EMPTY",
				"frozen-account": "not asked: set TANGO_SANDBOX_FROZEN", "create-customer": "not asked: set TANGO_SANDBOX_CREATE",
				"create-account": "not asked: set TANGO_SANDBOX_CREATE",
			},
			policy: attach,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := c.like.asked(t)
			var differs []string
			for question, f := range got.found {
				if f != usual[question] {
					differs = append(differs, question)
				}
				if part, ok := c.tells[question]; ok && !strings.Contains(f.String(), part) {
					t.Errorf("told: %s\nwant in it: %s", f, part)
				}
			}
			slices.Sort(differs)
			if diff := cmp.Diff(slices.Sorted(maps.Keys(c.tells)), differs); diff != "" {
				t.Errorf("findings that differ, -want +got:\n%s\n%s", diff, strings.Join(got.lines, "\n"))
			}
			if diff := cmp.Diff(c.wrong, got.wrong()); diff != "" {
				t.Errorf("wrong, -want +got:\n%s", diff)
			}
			if got.policy != c.policy {
				t.Errorf("policy %+v, want %+v", got.policy, c.policy)
			}
		})
	}
}

// With 201 for a transfer every finding about one that was carried out has that status, and no other differs.
func TestTransfersAnsweredWith201(t *testing.T) {
	t.Parallel()
	usual := tangoLike{}.asked(t).found
	got := tangoLike{sim: tangosim.Config{TransferStatus: http.StatusCreated}}.asked(t)
	differ := 0
	for question, f := range got.found {
		want := usual[question]
		if !strings.HasPrefix(question, "deposit") {
			want.Did = strings.Replace(want.Did, "status 200", "status 201", 1)
		}
		if f != want {
			t.Errorf("told: %s\nwant: %s", f, want)
		}
		if f != usual[question] {
			differ++
		}
	}
	if differ < 5 || got.policy.Transfer != "POST" {
		t.Errorf("%d findings differ; policy %+v", differ, got.policy)
	}
}

// A movement by somebody else is told, and taken for nothing else.
func TestForeignMovements(t *testing.T) {
	t.Parallel()
	var sim *tangosim.Sim
	got := tangoLike{between: func(next http.Handler) http.Handler {
		sim, _ = next.(*tangosim.Sim)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/transferFunds") {
				sim.Spend("employee-rewards", 1)
			}
			next.ServeHTTP(w, r)
		})
	}}.asked(t)
	if line := got.found["transfer-post"].String(); !strings.Contains(line, "does somebody else move them? => not tango.transfer: POST") {
		t.Error(line)
	}
	if wrong := got.wrong(); len(wrong) > 0 {
		t.Errorf("wrong: %v", wrong)
	}
}

// What can not be asked is refused before any money moves.
func TestAccountsThatDoNotServe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*contract.Config)
		says   string
	}{
		"an unknown account":   {func(c *contract.Config) { c.From = "nobody" }, "reading the account nobody"},
		"another unknown one":  {func(c *contract.Config) { c.To = "nobody" }, "reading the account nobody"},
		"one account":          {func(c *contract.Config) { c.To = c.From }, "two accounts are needed"},
		"an account at rest":   {func(c *contract.Config) { c.To = "old-campaign" }, "ACTIVE"},
		"two currencies":       {func(c *contract.Config) { c.To = "europe-rewards" }, "one currency"},
		"too little":           {func(c *contract.Config) { c.From = "empty-rewards" }, "must hold 2.00"},
		"a key that is wrong":  {func(c *contract.Config) { c.Key = treasury.NewSecret("other") }, "rejected by Tango"},
		"an address that ends": {func(c *contract.Config) { c.API += "/" }, "must not end in a slash"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim, config := tangoLike{change: c.change}.start(t)
			_, err := contract.Ask(t.Context(), config, func(f contract.Finding) { t.Errorf("told: %s", f) })
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %q in it", err, c.says)
			}
			if n := len(sim.Movements()); n != 0 {
				t.Errorf("%d movements", n)
			}
		})
	}
}

// What is asked ends with its context, between two questions as well.
func TestAskingEnds(t *testing.T) {
	t.Parallel()
	_, config := tangoLike{}.start(t)
	ctx, cancel := contextOf(t)
	told := 0
	_, err := contract.Ask(ctx, config, func(contract.Finding) {
		if told++; told == 3 {
			cancel()
		}
	})
	if err == nil || told != 3 {
		t.Errorf("told %d findings, error %v", told, err)
	}
}
