// Package contract asks a Tango what its pages leave open or tell in two ways: one question after the other, each with as
// few calls as it takes, at Tango's pace. It asks through the client that Tangobot itself uses, and in raw HTTP where that
// client would not send what the question needs.
//
// Each answer is a Finding: what the service did, and what follows for policy.yaml. A finding is wrong only where the
// client's verdict and what the balances show part ways, for there Tangobot would tell people something untrue.
//
// The questions run against Tango's sandbox with an operator's keys (make sandbox), and against the simulator in the tests
// of this package. They move money: 1.00 or less between two accounts, which is put back, and deposits from a test card.
// The accounts must be moved by nobody else meanwhile.
package contract

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/treasury"
)

// Config is whom to ask, and with what. API, Name, Key, From and To must be set; ReadSettings reads them.
type Config struct {
	API  string // the base address, such as https://integration-api.tangocard.com/raas/v2
	Name string
	Key  treasury.Secret

	From, To string // two ACTIVE accounts of one currency; From holds 2.00 or more
	Card     string // token of an active card that may fund its account; "" leaves out the questions about deposits
	Empty    string // an account of the same currency that holds less than 0.10; "" leaves its question out
	Other    string // an ACTIVE account of another currency; "" leaves its question out
	Frozen   string // an account that is not ACTIVE and holds 0.10 or more; "" leaves its question out
	Create   string // what new customers and accounts are called, which stay for ever; "" leaves those questions out

	Pacer    treasury.Pacer
	Patience time.Duration // how long a balance is waited for
	Pause    time.Duration // between two looks at a balance
	Clock    func() time.Time
	RootCAs  *x509.CertPool // nil is the system's
}

// Finding is the answer to one question.
type Finding struct {
	Question string // its name, such as "transfer-post"
	Did      string // what the service did
	Follows  string // what to set, or to know from then on; empty for nothing
	Wrong    string // what Tangobot would take for something else than it is; empty when it would not
}

// String is the finding as one line.
func (f Finding) String() string {
	line := f.Question + ": " + f.Did
	if f.Follows != "" {
		line += " => " + f.Follows
	}
	if f.Wrong != "" {
		line += " !! " + f.Wrong
	}
	return line
}

// Policy is what the findings say for policy.yaml.
type Policy struct {
	Transfer   string // tango.transfer: POST or GET; empty when neither moved the money
	References string // tango.references: attach or unique
}

// dime is the sum of each transfer, in hundredths: ten of them are 1.00.
const dime = 10

// one is the sum of a plain deposit; deposits of less may be below Tango's least.
const one = 100

// asker asks, and keeps what one question tells the next.
type asker struct {
	Config
	wire     wire
	post     *tango.Client
	get      *tango.Client
	currency money.Currency
	account  treasury.Account // From, as it was first read

	mover     *tango.Client // of the method that moved money; nil for neither
	policy    Policy
	net       int64           // that From has given to To
	taken     string          // the reference of a transfer that was carried out
	refused   string          // the reference of a transfer that was refused
	proofs    map[string]bool // of references: unique, by question
	funding   funding
	declined  string // the reference of a deposit that was declined
	pending   string // the reference of a deposit that is pending
	reference int    // how many this run has used
	run       string // makes the references of this run unlike any other's
}

// question is one thing to ask.
type question struct {
	name string
	ask  func(ctx context.Context) (Finding, error)
}

// Ask asks everything, tells each finding as it comes, and gives what they say for policy.yaml. It fails when the accounts
// cannot be used, or when ctx ends; a question that gets no answer is told as a finding and stops nothing.
func Ask(ctx context.Context, c Config, tell func(Finding)) (Policy, error) {
	a, err := newAsker(c)
	if err != nil {
		return Policy{}, err
	}
	if err := a.check(ctx); err != nil {
		return Policy{}, err
	}
	for _, q := range a.questions() {
		found, err := q.ask(ctx)
		if ctx.Err() != nil {
			return Policy{}, fmt.Errorf("asking %s: %w", q.name, context.Cause(ctx))
		}
		if err != nil {
			found.Did = "no answer that tells it: " + err.Error()
		}
		found.Question = q.name
		tell(found)
	}
	a.policy.References = treasury.ReferencesAttach
	if a.isUnique() {
		a.policy.References = treasury.ReferencesUnique
	}
	return a.policy, nil
}

func (a *asker) questions() []question {
	return []question{
		{"connection", a.connection},
		{"error-400", a.error400},
		{"error-401", a.error401},
		{"error-404", a.error404},
		{"error-unknown-customer", a.unknownCustomer},
		{"identifier-case", a.identifierCase},
		{"array-query", a.arrayQuery},
		{"lists", a.lists},
		{"transfer-post", a.transferPost},
		{"transfer-get", a.transferGet},
		{"balance-lag", a.balanceLag},
		{transferAgain, a.referenceAgain},
		{transferAtOnce, a.referenceAtOnce},
		{"reference-of-another-account", a.referenceElsewhere},
		{"same-account", a.sameAccount},
		{refusalKeeps, a.referenceAfterRefusal},
		{"unknown-account", a.unknownAccount},
		{"amount-as-text", a.amountAsText},
		{"notes-150", a.notesLength},
		{"notes-letters", a.notesLetters},
		{"notes-signs", a.notesSigns},
		{"other-currency", a.otherCurrency},
		{"short-of-money", a.shortOfMoney},
		{"frozen-account", a.frozenAccount},
		{"deposit", a.deposit},
		{depositAgain, a.depositAgain},
		{depositAtOnce, a.depositAtOnce},
		{"deposit-5.55", a.depositPending},
		{"deposit-6.55", a.depositPendingDeclined},
		{"deposit-7.55", a.depositDeclined},
		{"deposit-after-pending", a.depositAfterPending},
		{"deposit-after-declined", a.depositAfterDeclined},
		{"create-customer", a.createCustomer},
		{"create-account", a.createAccount},
		{"put-back", a.putBack},
		{"pace", a.pace},
	}
}

// The questions whose answers together prove that Tango takes each reference once, as tango.references: unique says.
const (
	transferAgain  = "reference-again"
	transferAtOnce = "reference-at-once"
	refusalKeeps   = "reference-after-refusal" // else a 409 could stand for a transfer that never was
	depositAgain   = "deposit-again"
	depositAtOnce  = "deposit-at-once"
)

func (a *asker) isUnique() bool {
	for _, q := range []string{transferAgain, transferAtOnce, refusalKeeps, depositAgain, depositAtOnce} {
		if !a.proofs[q] {
			return false
		}
	}
	return true
}

func newAsker(c Config) (*asker, error) {
	a := &asker{
		Config: c, wire: newWire(c), run: rand.Text()[:6], proofs: map[string]bool{},
	}
	var err error
	if a.post, err = a.client(http.MethodPost, c.Key); err != nil {
		return nil, err
	}
	a.get, err = a.client(http.MethodGet, c.Key)
	return a, err
}

// client makes the client that Tangobot uses.
func (a *asker) client(method string, key treasury.Secret) (*tango.Client, error) {
	return tango.New(tango.Config{
		API: a.API, Pacer: a.Pacer, Method: method, Clock: a.Clock, RootCAs: a.RootCAs, Log: slog.New(slog.DiscardHandler),
		Credentials: func(context.Context) (string, treasury.Secret, error) { return a.Name, key, nil },
	})
}

// check reads the two accounts, without which nothing can be asked.
func (a *asker) check(ctx context.Context) error {
	from, err := a.post.Account(ctx, a.From)
	if err != nil {
		return fmt.Errorf("reading the account %s: %w", a.From, err)
	}
	to, err := a.post.Account(ctx, a.To)
	if err != nil {
		return fmt.Errorf("reading the account %s: %w", a.To, err)
	}
	switch {
	case from.ID == to.ID:
		return fmt.Errorf("two accounts are needed: %w", treasury.ErrInvalid)
	case from.Status != treasury.AccountActive || to.Status != treasury.AccountActive:
		return fmt.Errorf("both accounts must be ACTIVE: %w", treasury.ErrInvalid)
	case from.Currency != to.Currency:
		return fmt.Errorf("both accounts must have one currency: %w", treasury.ErrInvalid)
	case from.Balance.Hundredths < 2*one:
		return fmt.Errorf("%s must hold 2.00 or more: %w", a.From, treasury.ErrInvalid)
	}
	a.account, a.currency = from, from.Currency
	return nil
}

// newReference makes a reference that was never used.
func (a *asker) newReference() string {
	a.reference++
	return fmt.Sprintf("TB-CHECK-%s-%02d", a.run, a.reference)
}

// notAsked leaves a question out, and says why.
func notAsked(why string) (Finding, error) { return Finding{Did: "not asked: " + why}, nil }
