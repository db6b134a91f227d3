package treasury_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// The policy of these tests. Ravi approves through a user group, in which there are also people who must be refused.
const benchPolicy = `workspace: T0ACME
channels: {approvals: C0APPROVE, alerts: C0ALERTS}
groups:
  finance: [U0MAYA, S0FINANCE]
  rewards: [U0LENA, U0MAYA]
  viewers: [U0VERA]
view: [finance, rewards, viewers]
request: [finance, rewards]
stop: [finance]
rules:
  - {action: transfer, up_to: {USD: 50}, approvals: 0}
  - {action: transfer, up_to: {USD: 500, EUR: 500}, approvals: 1, from: [finance]}
  - {action: transfer, up_to: {USD: 9000}, approvals: 2, from: [finance]}
  - {action: deposit, up_to: {USD: 900000}, approvals: 1, from: [finance]}
  - {action: register_card, approvals: 1, from: [finance]}
  - {action: unregister_card, approvals: 1, from: [finance]}
  - {action: create_account, approvals: 1, from: [finance]}
  - {action: update_account, approvals: 1, from: [finance]}
  - {action: create_customer, approvals: 1, from: [finance]}
limits:
  - {per: requester, window: 24h, up_to: {USD: 10000}}
  - {per: account, window: 1h, up_to: {USD: 15000}}
expire_after: 24h
remind_after: 4h
undo: 60s
low_balance: {default: {USD: 1000}}
cards: {registration: page}
tango: {transfer: POST, references: attach}
`

// benchRules reads the policy once: there are thousands of benches. Who needs another one puts it in place of it.
var benchRules = sync.OnceValues(func() (*treasury.Policy, error) { return treasury.ParsePolicy([]byte(benchPolicy)) })

// uniqueRules are the same for a Tango that is proved to take each reference once.
var uniqueRules = sync.OnceValues(func() (*treasury.Policy, error) {
	return treasury.ParsePolicy([]byte(strings.Replace(benchPolicy, "references: attach", "references: unique", 1)))
})

// clock stands still until it is pushed. It begins a little ahead of the machine's, because the desk makes deadlines of
// it that the network lives by.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now().UTC().Truncate(time.Second).Add(time.Minute)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) push(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// people is a workspace's directory.
type people struct {
	mu      sync.Mutex
	persons map[string]treasury.Person
	members map[string][]string
	down    error            // of every look-up of a person
	broken  map[string]error // by user group
}

func newPeople() *people {
	p := &people{
		persons: map[string]treasury.Person{},
		members: map[string][]string{"S0FINANCE": {"U0RAVI", "U0GUS", "U0DEL", "U0BOT2", "U0EXT"}},
		broken:  map[string]error{},
	}
	for id, standing := range map[string]treasury.Standing{
		"U0LENA": treasury.StandingFull, "U0MAYA": treasury.StandingFull, "U0RAVI": treasury.StandingFull, "U0VERA": treasury.StandingFull,
		"U0GUS": treasury.StandingGuest, "U0DEL": treasury.StandingDeleted, "U0BOT2": treasury.StandingBot, "U0EXT": treasury.StandingForeign,
	} {
		p.persons[id] = treasury.Person{ID: id, Team: "T0ACME", Standing: standing}
	}
	return p
}

func (p *people) Person(_ context.Context, id string) (treasury.Person, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down != nil {
		return treasury.Person{}, p.down
	}
	person, ok := p.persons[id]
	if !ok {
		return treasury.Person{}, treasury.ErrNotFound
	}
	return person, nil
}

func (p *people) Members(_ context.Context, group string) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.broken[group]; err != nil {
		return nil, err
	}
	if len(p.members[group]) == 0 {
		return nil, treasury.ErrNotFound
	}
	return p.members[group], nil
}

func (p *people) change(change func(*people)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// sent is a job as it was queued.
type sent struct {
	treasury.Job
	due      time.Time
	receives int
}

// tray is a queue that does nothing by itself.
type tray struct {
	effects *effects
	name    string
	clock   *clock

	mu   sync.Mutex
	jobs []sent
}

func (q *tray) Send(_ context.Context, body []byte, delay time.Duration) error {
	return q.effects.do("queue "+q.name, func() error {
		if delay < 0 || delay > treasury.MaxDelay {
			return treasury.ErrInvalid
		}
		var job treasury.Job
		if err := json.Unmarshal(body, &job); err != nil {
			return err
		}
		q.put(sent{Job: job, due: q.clock.Now().Add(delay)})
		return nil
	})
}

func (q *tray) put(j sent) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = append(q.jobs, j)
}

// take gives the first job that is due.
func (q *tray) take() (sent, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, j := range q.jobs {
		if !j.due.After(q.clock.Now()) {
			q.jobs = slices.Delete(q.jobs, i, i+1)
			return j, true
		}
	}
	return sent{}, false
}

// drain gives all jobs, due or not.
func (q *tray) drain() []sent {
	q.mu.Lock()
	defer q.mu.Unlock()
	jobs := q.jobs
	q.jobs = nil
	return jobs
}

// bench is a desk on a journal and a simulated Tango, with all that a test may want to look at or break.
type bench struct {
	t *testing.T
	*treasury.Desk
	clock     *clock
	people    *people
	sim       *tangosim.Sim
	store     treasury.Journal // the journal without the faults
	effects   *effects
	money     *tray
	questions *tray
}

func newBench(t *testing.T) *bench {
	t.Helper()
	clock := newClock()
	sim := newTango(clock)
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	return benchOn(t, openFile(t, clock), clock, sim, server.URL, slog.New(slog.NewTextHandler(t.Output(), nil)))
}

func newTango(clock *clock) *tangosim.Sim {
	sim := tangosim.New(tangosim.Config{Clock: clock.Now, PlatformName: "acme", PlatformKey: "key"})
	sim.Demo()
	return sim
}

// benchOn makes a bench on any journal, and a Tango that is served at address.
func benchOn(t *testing.T, store treasury.Journal, clock *clock, sim *tangosim.Sim, address string, log *slog.Logger) *bench {
	t.Helper()
	b := &bench{t: t, clock: clock, people: newPeople(), effects: &effects{}, sim: sim, store: store}
	b.money = &tray{effects: b.effects, name: "money", clock: b.clock}
	b.questions = &tray{effects: b.effects, name: "questions", clock: b.clock}
	policy, err := benchRules()
	if err != nil {
		t.Fatal(err)
	}
	client, err := tango.New(tango.Config{
		API: address + tangosim.Base, Method: http.MethodPost, Pacer: tango.NewPacer(0), Clock: b.clock.Now, Log: log,
		Credentials: func(context.Context) (string, treasury.Secret, error) { return "acme", treasury.NewSecret("key"), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Desk = &treasury.Desk{
		Journal: journal{b.store, b.effects}, People: b.people, Policy: policy, Clock: b.clock.Now, Log: log,
		Accounts: &treasury.Directory{}, Money: b.money, Questions: b.questions,
		Books: books{client, b.effects}, Mover: mover{client, b.effects}, Pacer: pacer{b.effects},
	}
	if err := b.RefreshDirectory(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.effects.forget()
	return b
}

// draft is a transfer that the policy lets Lena ask for, with one approval.
func draft(amount string) treasury.Draft {
	return treasury.Draft{ID: treasury.NewRequestID(), Kind: treasury.ActionTransfer, From: "marketing-us", To: "sales-spiffs", Amount: amount, Note: "Q4"}
}

// The cards of tangosim's Demo: one that funds employee-rewards, one of marketing-us, and one whose month is over.
const (
	visaToken    = "0b1d6c1e-3f52-4a9e-9a37-5d0c4f7e1a01"
	amexToken    = "0b1d6c1e-3f52-4a9e-9a37-5d0c4f7e1a02"
	expiredToken = "0b1d6c1e-3f52-4a9e-9a37-5d0c4f7e1a03"
)

// draftOf is a draft of any kind that Lena may ask for, with one approval. A deposit of 5.55 stays PENDING for a while.
func draftOf(kind treasury.ActionKind) treasury.Draft {
	d := treasury.Draft{ID: treasury.NewRequestID(), Kind: kind}
	switch kind {
	case treasury.ActionTransfer:
		return draft("100")
	case treasury.ActionDeposit:
		d.Account, d.Card, d.Amount = "employee-rewards", visaToken, "250"
	case treasury.ActionRegisterCard:
		d.Account, d.Label, d.Contacts = "sales-spiffs", "Sales Visa", "Maya Example <maya@acme.example>"
	case treasury.ActionUnregisterCard:
		d.Account, d.Card = "marketing-us", amexToken
	case treasury.ActionCreateAccount:
		d.Customer, d.NewID, d.Name, d.Email, d.Currency = "acme-rewards", "spring-event", "Spring Event", "spring@acme.example", "USD"
		d.Notify = "finance@acme.example"
	case treasury.ActionUpdateAccount:
		d.Account, d.Name, d.Email = "marketing-us", "Marketing America", "marketing.us@acme.example"
		d.NotifyChoice, d.Notify = treasury.NotifyReplace, "treasury@acme.example, finance@acme.example"
	case treasury.ActionCreateCustomer:
		d.NewID, d.Name = "acme-asia", "Acme Asia"
	}
	return d
}

func (b *bench) submit(person string, d treasury.Draft) treasury.Request {
	b.t.Helper()
	r, err := b.Submit(b.t.Context(), person, d)
	if err != nil {
		b.t.Fatalf("submitting: %v", err)
	}
	return r
}

func (b *bench) approve(person string, r treasury.Request) treasury.Request {
	b.t.Helper()
	r, err := b.Vote(b.t.Context(), person, r.ID, r.Hash, true, "")
	if err != nil {
		b.t.Fatalf("%s approving %s: %v", person, r.ID, err)
	}
	return r
}

// approved gives a request of 100 USD that waits for its execution, with the undo window over.
func (b *bench) approved() treasury.Request {
	b.t.Helper()
	return b.approvedFor(draft("100"))
}

// approvedFor gives a request of Lena's that waits for its execution, with the undo window over.
func (b *bench) approvedFor(d treasury.Draft) treasury.Request {
	b.t.Helper()
	r := b.approve("U0MAYA", b.submit("U0LENA", d))
	b.clock.push(b.Policy.Undo)
	return r
}

// invocation is how long a worker has.
const invocation = 90 * time.Second

func (b *bench) execute(id string) error {
	b.t.Helper()
	return b.executeWithin(id, invocation)
}

func (b *bench) executeWithin(id string, left time.Duration) error {
	b.t.Helper()
	ctx, cancel := context.WithDeadline(b.t.Context(), b.clock.Now().Add(left))
	defer cancel()
	return b.Execute(ctx, id)
}

func (b *bench) executed(id string) treasury.Request {
	b.t.Helper()
	if err := b.execute(id); err != nil {
		b.t.Fatalf("executing: %v", err)
	}
	return b.find(id)
}

// find reads a request past the effects.
func (b *bench) find(id string) treasury.Request {
	b.t.Helper()
	r := read[treasury.Request](b, "REQ#"+id)
	if r.ID != id {
		b.t.Fatalf("no request %s", id)
	}
	return r
}

// is checks a request's state and reason, and that its history holds.
func (b *bench) is(id string, s treasury.State, why treasury.Reason) treasury.Request {
	b.t.Helper()
	r := b.find(id)
	if r.State != s || r.Reason != why {
		b.t.Errorf("request is %s (%q), want %s (%q)", r.State, r.Reason, s, why)
	}
	if _, err := b.History(b.t.Context(), r); err != nil {
		b.t.Errorf("history: %v", err)
	}
	return r
}

// moved checks how often Tango carried the request out.
func (b *bench) moved(id string, times int) {
	b.t.Helper()
	if n := b.sim.Moved(id); n != times {
		b.t.Errorf("moved %d times, want %d", n, times)
	}
}

func read[T any](b *bench, key string) (v T) {
	b.t.Helper()
	records, err := b.store.Get(b.t.Context(), key)
	if err != nil {
		b.t.Fatal(err)
	}
	if records[0].Version == 0 {
		return v
	}
	if err := json.Unmarshal(records[0].Body, &v); err != nil {
		b.t.Fatal(err)
	}
	return v
}

// lane gives who holds an account.
func (b *bench) lane(account string) string {
	b.t.Helper()
	return read[treasury.Lane](b, "LANE#"+account).Holder
}

func (b *bench) notice(id string) treasury.Notice {
	b.t.Helper()
	return read[treasury.Notice](b, "NOTICE#"+id)
}

// announce shows a request's messages, as the Slack room would.
func (b *bench) announce(id string) error {
	return b.Announce(b.t.Context(), id, func(_ context.Context, _ treasury.Request, n treasury.Notice) (treasury.Notice, error) {
		n.Card = treasury.Message{Channel: "C0APPROVE", TS: "1.1"}
		return n, nil
	})
}

// forbidden checks that err is a refusal with this reason.
func forbidden(t *testing.T, err error, why treasury.Why) {
	t.Helper()
	no, ok := errors.AsType[*treasury.Forbidden](err)
	if !ok || no.Why != why || !errors.Is(err, treasury.ErrForbidden) {
		t.Errorf("got %v, want a refusal for %s", err, why)
	}
}

func usd(hundredths int64) money.Amount { return money.New(hundredths, "USD") }
