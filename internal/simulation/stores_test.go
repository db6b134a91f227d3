package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/treasury"
)

// errFault is what a function sees of a store that fails.
var errFault = errors.New("the store fails")

// journal is the embedded journal behind a gate. Its lists may lag, as those of DynamoDB's indexes do.
type journal struct{ world *world }

func (j journal) inner() embedded.Journal { return embedded.Journal{Store: j.world.store} }

// Get reads consistently, or fails.
func (j journal) Get(ctx context.Context, keys ...string) ([]treasury.Record, error) {
	f, ok := j.world.gate(ctx, effectOf(ctx, "get "+j.world.truth.spelled(keys), readFails))
	if !ok {
		return nil, ctx.Err()
	}
	if f == readFails {
		return nil, errFault
	}
	return j.inner().Get(ctx, keys...)
}

// Commit writes, fails without, or writes and loses the answer.
func (j journal) Commit(ctx context.Context, id string, writes ...treasury.Write) error {
	what := j.world.truth.event(writes)
	e := effectOf(ctx, strings.TrimSpace("commit "+j.world.truth.spelled(writeKeys(writes))+" "+what), commitFails, commitLost)
	e.row, e.sent = what, j.world.truth.sentFaults(writes)
	f, ok := j.world.gate(ctx, e)
	if !ok {
		return ctx.Err()
	}
	if f == commitFails {
		j.world.sums.tried(what, e.by, e.sent)
		return errFault
	}
	if err := j.inner().Commit(ctx, id, writes...); err != nil {
		return err
	}
	j.world.truth.committed(e.by, writes)
	if f == commitLost {
		return errFault
	}
	return nil
}

func writeKeys(writes []treasury.Write) []string {
	var keys []string
	for _, w := range writes {
		if !w.Check {
			keys = append(keys, w.Key)
		}
	}
	return keys
}

// List reads a page, fails, or shows how things stood some seconds ago.
func (j journal) List(ctx context.Context, q treasury.Listing) ([]treasury.Record, string, error) {
	f, ok := j.world.gate(ctx, effectOf(ctx, "list "+j.world.truth.spelled([]string{q.Key}), listFails, listLags))
	switch {
	case !ok:
		return nil, "", ctx.Err()
	case f == listFails:
		return nil, "", errFault
	case f == listLags && q.Cursor == "":
		return j.world.truth.asOf(q, time.Now().Add(-j.world.plan.lag)), "", nil
	}
	return j.inner().List(ctx, q)
}

// claims are the embedded claims behind a gate.
type claims struct{ world *world }

// First claims, fails without, or claims and loses the answer.
func (c claims) First(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	f, ok := c.world.gate(ctx, effectOf(ctx, "claim", claimFails, claimLost))
	if !ok {
		return false, ctx.Err()
	}
	if f == claimFails {
		return false, errFault
	}
	first, err := embedded.Claims{Store: c.world.store}.First(ctx, key, ttl)
	if f == claimLost {
		return false, errFault
	}
	return first, err
}

// pace is one row for all functions, reserved behind a gate.
type pace struct{ world *world }

// Wait reserves the next turn and waits for it.
func (p pace) Wait(ctx context.Context) error {
	f, ok := p.world.gate(ctx, effectOf(ctx, "pace", claimFails))
	if !ok {
		return ctx.Err()
	}
	if f == claimFails {
		return errFault
	}
	return p.world.pacer.Wait(ctx)
}

// queue has the habits of SQS: at least once, in no order, hidden while somebody works on it, and after five tries to the dead
// letters.
type queue struct {
	world *world
	name  string
	by    function
	most  int // runs at a time
	list  []*job
	dead  []*job
	busy  int
	sent  int
	all   [][]byte // bodies, for the search for secrets
}

type job struct {
	number   int
	body     []byte
	due      time.Time
	receives int
}

const mostReceives = 5

// Send queues, fails without, or queues and loses the answer.
func (q *queue) Send(ctx context.Context, body []byte, delay time.Duration) error {
	f, ok := q.world.gate(ctx, effectOf(ctx, "send "+q.name, queueFails, queueLost, queueTwice))
	switch {
	case !ok:
		return ctx.Err()
	case delay < 0 || delay > treasury.MaxDelay:
		return fmt.Errorf("a delay of %s", delay)
	case f == queueFails:
		return errFault
	}
	q.all = append(q.all, slices.Clone(body))
	q.put(body, delay)
	if f == queueTwice {
		q.put(body, delay)
	}
	if f == queueLost {
		return errFault
	}
	return nil
}

func (q *queue) put(body []byte, delay time.Duration) {
	q.sent++
	q.list = append(q.list, &job{number: q.sent, body: slices.Clone(body), due: time.Now().Add(delay)})
}

// begins lists the jobs that may begin.
func (q *queue) begins(next *time.Time) []func() {
	now := time.Now()
	var list []func()
	for _, j := range q.list {
		if now.Before(j.due) {
			*next = earlier(*next, j.due)
		} else if q.busy < q.most {
			list = append(list, func() { q.begin(j) })
		}
	}
	return list
}

func (q *queue) begin(j *job) {
	w := q.world
	if j.receives == mostReceives {
		q.list = slices.DeleteFunc(q.list, func(one *job) bool { return one == j })
		q.dead = append(q.dead, j)
		w.trace("%s %d is a dead letter", q.name, j.number)
		return
	}
	j.receives++
	j.due = time.Now().Add(6 * q.by.timeout) // hidden
	again := w.draws(redelivered)
	if again {
		j.due = time.Now().Add(time.Duration(1+w.rng.IntN(30)) * time.Second)
	}
	q.busy++
	run := func(ctx context.Context, i *instance) error {
		if q.by == execute {
			return i.desk.ExecuteJob(ctx, j.body)
		}
		return i.edge.Job(ctx, j.body)
	}
	one := w.invoke(q.by, run, func(err error) {
		q.busy--
		if err == nil && !again { // a deletion that is lost is a redelivery too
			q.list = slices.DeleteFunc(q.list, func(one *job) bool { return one == j })
		}
	}, func() { q.busy-- })
	if j.receives > 1 || again {
		one.meets(redelivered)
		if again {
			w.met(redelivered)
		}
	}
	w.trace("%s begins %s %d", one.name, q.name, j.number)
}

// redrive brings the dead letters back, as an operator does.
func (q *queue) redrive() {
	for _, j := range q.dead {
		j.receives, j.due = 0, time.Now()
		q.list = append(q.list, j)
	}
	q.dead = nil
}
