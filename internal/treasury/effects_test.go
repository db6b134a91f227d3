package treasury_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

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

type books struct {
	treasury.Books
	effects *effects
}

func (b books) Account(ctx context.Context, id string) (a treasury.Account, err error) {
	err = b.effects.do("account", func() (err error) {
		a, err = b.Books.Account(ctx, id)
		return err
	})
	return a, err
}

func (b books) Accounts(ctx context.Context, q treasury.AccountQuery) (page treasury.AccountPage, err error) {
	err = b.effects.do("accounts", func() (err error) {
		page, err = b.Books.Accounts(ctx, q)
		return err
	})
	return page, err
}

type mover struct {
	treasury.Mover
	effects *effects
}

// Transfer is killed or not; what else can go wrong with the call is told by tangosim.
func (m mover) Transfer(ctx context.Context, order treasury.TransferOrder) (answer treasury.Answer) {
	err := m.effects.do("transfer", func() error {
		answer = m.Mover.Transfer(ctx, order)
		return nil
	})
	if err != nil {
		return treasury.Answer{Verdict: treasury.VerdictUnknown, Doubt: treasury.DoubtNoAnswer}
	}
	return answer
}

type pacer struct{ effects *effects }

func (p pacer) Wait(ctx context.Context) error { return p.effects.do("pace", ctx.Err) }
