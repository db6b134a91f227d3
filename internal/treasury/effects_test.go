package treasury_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// breakage is what goes wrong with one effect.
type breakage string

const (
	works       breakage = "works"
	failsBefore breakage = "fails before" // not done, and told so
	failsAfter  breakage = "fails after"  // done, but the answer is lost
	diesBefore  breakage = "dies before"  // the process is killed before it
	diesAfter   breakage = "dies after"   // the process is killed right after it
)

var errEffect = errors.New("the effect failed")

// death is the panic of a process that is killed.
type death struct{}

// effects are all that the desk does to the world outside it, numbered. One of them may be broken.
type effects struct {
	mu    sync.Mutex
	names []string
	plan  func(n int, name string) breakage // nil when all works; n counts from 1
}

// do carries an effect out, unless the plan breaks it.
func (e *effects) do(name string, effect func() error) error {
	how := e.next(name)
	switch how {
	case failsBefore:
		return fmt.Errorf("%s: %w", name, errEffect)
	case diesBefore:
		panic(death{})
	case failsAfter, diesAfter, works:
	}
	err := effect()
	switch how {
	case failsAfter:
		return errors.Join(err, fmt.Errorf("%s: %w", name, errEffect))
	case diesAfter:
		panic(death{})
	case failsBefore, diesBefore, works:
	}
	return err
}

func (e *effects) next(name string) breakage {
	e.mu.Lock()
	e.names = append(e.names, name)
	n, plan := len(e.names), e.plan
	e.mu.Unlock()
	if plan == nil {
		return works
	}
	return plan(n, name) // which may itself use the desk
}

// forget begins the numbers anew, with a world that works.
func (e *effects) forget() { e.breaks(nil) }

// breaks begins the numbers anew, with this plan.
func (e *effects) breaks(plan func(n int, name string) breakage) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.names, e.plan = nil, plan
}

func (e *effects) seen() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.names
}

// on breaks the nth effect of this name, and all others work.
func on(name string, nth int, how breakage) func(int, string) breakage {
	seen := 0
	return func(_ int, n string) breakage {
		if n == name {
			if seen++; seen == nth {
				return how
			}
		}
		return works
	}
}

// meanwhile does something right before the first effect of this name, and all effects work.
func meanwhile(name string, do func()) func(int, string) breakage {
	done := false
	return func(_ int, n string) breakage {
		if n == name && !done {
			done = true
			do()
		}
		return works
	}
}

// always breaks all effects of this name.
func always(name string, how breakage) func(int, string) breakage {
	return func(_ int, n string) breakage {
		if n == name {
			return how
		}
		return works
	}
}

// The ports, with the effects in between. Commits are named by what they record.

type journal struct {
	treasury.Journal
	effects *effects
}

func (j journal) Get(ctx context.Context, keys ...string) (records []treasury.Record, err error) {
	err = j.effects.do("get", func() (err error) {
		records, err = j.Journal.Get(ctx, keys...)
		return err
	})
	return records, err
}

func (j journal) List(ctx context.Context, q treasury.Listing) (records []treasury.Record, next string, err error) {
	err = j.effects.do("list "+q.Key, func() (err error) {
		records, next, err = j.Journal.List(ctx, q)
		return err
	})
	return records, next, err
}

func (j journal) Commit(ctx context.Context, id string, writes ...treasury.Write) error {
	return j.effects.do(commitName(writes), func() error { return j.Journal.Commit(ctx, id, writes...) })
}

func commitName(writes []treasury.Write) string {
	for _, w := range writes {
		if place, ok := w.Places[treasury.ByState]; ok && len(w.Key) > 4 && w.Key[:4] == "REQ#" {
			return "commit " + place.Key[len("state/"):]
		}
	}
	return "commit"
}

// through makes a call of which the answer is lost when the effect is broken.
func through[T any](e *effects, name string, call func() (T, error)) (answer T, err error) {
	err = e.do(name, func() (err error) {
		answer, err = call()
		return err
	})
	return answer, err
}

type books struct {
	treasury.Books
	effects *effects
}

func (b books) Account(ctx context.Context, id string) (treasury.Account, error) {
	return through(b.effects, "account", func() (treasury.Account, error) { return b.Books.Account(ctx, id) })
}

func (b books) Accounts(ctx context.Context, q treasury.AccountQuery) (treasury.AccountPage, error) {
	return through(b.effects, "accounts", func() (treasury.AccountPage, error) { return b.Books.Accounts(ctx, q) })
}

func (b books) Customer(ctx context.Context, id string) (treasury.Customer, error) {
	return through(b.effects, "customer", func() (treasury.Customer, error) { return b.Books.Customer(ctx, id) })
}

func (b books) Customers(ctx context.Context, q treasury.CustomerQuery) (treasury.CustomerPage, error) {
	return through(b.effects, "customers", func() (treasury.CustomerPage, error) { return b.Books.Customers(ctx, q) })
}

func (b books) Card(ctx context.Context, token string) (treasury.Card, error) {
	return through(b.effects, "card", func() (treasury.Card, error) { return b.Books.Card(ctx, token) })
}

func (b books) Cards(ctx context.Context, q treasury.CardQuery) (treasury.CardPage, error) {
	return through(b.effects, "cards", func() (treasury.CardPage, error) { return b.Books.Cards(ctx, q) })
}

func (b books) DepositStatus(ctx context.Context, id string, currency money.Currency) (treasury.Answer, error) {
	return through(b.effects, "deposit status", func() (treasury.Answer, error) { return b.Books.DepositStatus(ctx, id, currency) })
}

// mover is killed or not; what else can go wrong with a call is told by tangosim. It calls every change "move", so that
// crashes are planned alike for all actions.
type mover struct {
	treasury.Mover
	effects *effects
}

func (m mover) move(call func() treasury.Answer) treasury.Answer {
	answer, err := through(m.effects, "move", func() (treasury.Answer, error) { return call(), nil })
	if err != nil {
		return treasury.Answer{Verdict: treasury.VerdictUnknown, Doubt: treasury.DoubtNoAnswer}
	}
	return answer
}

func (m mover) Transfer(ctx context.Context, order treasury.TransferOrder) treasury.Answer {
	return m.move(func() treasury.Answer { return m.Mover.Transfer(ctx, order) })
}

func (m mover) Deposit(ctx context.Context, order treasury.Order) treasury.Answer {
	return m.move(func() treasury.Answer { return m.Mover.Deposit(ctx, order) })
}

func (m mover) RegisterCard(ctx context.Context, order treasury.Order, card treasury.CardDetails, address string) treasury.Answer {
	return m.move(func() treasury.Answer { return m.Mover.RegisterCard(ctx, order, card, address) })
}

func (m mover) UnregisterCard(ctx context.Context, order treasury.Order) treasury.Answer {
	return m.move(func() treasury.Answer { return m.Mover.UnregisterCard(ctx, order) })
}

func (m mover) CreateCustomer(ctx context.Context, order treasury.Order) treasury.Answer {
	return m.move(func() treasury.Answer { return m.Mover.CreateCustomer(ctx, order) })
}

func (m mover) CreateAccount(ctx context.Context, order treasury.Order) treasury.Answer {
	return m.move(func() treasury.Answer { return m.Mover.CreateAccount(ctx, order) })
}

func (m mover) UpdateAccount(ctx context.Context, order treasury.Order) treasury.Answer {
	return m.move(func() treasury.Answer { return m.Mover.UpdateAccount(ctx, order) })
}

type pacer struct{ effects *effects }

func (p pacer) Wait(ctx context.Context) error { return p.effects.do("pace", ctx.Err) }
