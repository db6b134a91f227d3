package simulation

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"time"
)

// fault is what the scheduler lets go wrong with one effect. The zero fault is none.
type fault = string

// The faults. Those of calls that change something at Tango are in tango_test.go.
const (
	none fault = ""

	readFails        fault = "read fails"
	listFails        fault = "list fails"
	listLags         fault = "list lags"
	commitFails      fault = "commit fails"
	commitLost       fault = "commit done, answer lost"
	claimFails       fault = "claim fails"
	claimLost        fault = "claim done, answer lost"
	queueFails       fault = "message not queued"
	queueLost        fault = "message queued, answer lost"
	queueTwice       fault = "message queued twice"
	slackFails       fault = "Slack unreachable"
	slackLost        fault = "Slack did it, answer lost"
	slackLimits      fault = "Slack limits"
	tangoFails       fault = "Tango unreadable"
	tangoLimits      fault = "Tango limits"
	tangoStale       fault = "Tango shows an old balance"
	dialFails        fault = "no connection"
	deliverTwice     fault = "delivered twice"
	deliverLost      fault = "delivery lost"
	killedBefore     fault = "killed before"
	killedAfter      fault = "killed after"
	frozen           fault = "frozen"
	timedOut         fault = "killed at the deadline"
	skewed           fault = "clock differs"
	redelivered      fault = "job redelivered"
	watchedTwice     fault = "two watches at once"
	rightLost        fault = "approver lost the right"
	stoppedMeanwhile fault = "sending stopped"
	foreignMoves     fault = "others move money"
)

// effect is something that waits to happen outside of a function, or a person who is about to act.
type effect struct {
	by        *invocation // nil for people
	who, what string
	order     int // among those of one time: by who began first
	notBefore time.Time
	ready     func() bool // nil for at once
	faults    []fault     // that can meet it
	change    bool        // it changes something at Tango
	afloat    bool        // it happens at Tango, whatever becomes of the function that sent it
	since     time.Time
	reply     chan fault

	row  string // the transition of a commit
	sent map[fault]bool
}

type invocationKey struct{}

// gate holds an effect until the scheduler lets it happen, and gives what is to go wrong with it. A function whose context ends
// first goes on without it, and gate reports false.
func (w *world) gate(ctx context.Context, e *effect) (fault, bool) {
	if w.over.Load() {
		runtime.Goexit()
	}
	e.reply, e.since = make(chan fault), time.Now()
	w.mu.Lock()
	if e.by != nil && e.by.over && !e.afloat {
		w.broken("%s does %q after its end", e.who, e.what)
	}
	w.waiting = append(w.waiting, e)
	w.mu.Unlock()
	select {
	case f, ok := <-e.reply:
		if !ok {
			runtime.Goexit() // the simulation is over: this is a function that was killed
		}
		return f, true
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		w.waiting = slices.DeleteFunc(w.waiting, func(one *effect) bool { return one == e })
		return none, false
	}
}

// effectOf makes an effect of the function that ctx belongs to.
func effectOf(ctx context.Context, what string, faults ...fault) *effect {
	by, ok := ctx.Value(invocationKey{}).(*invocation)
	if !ok {
		panic("an effect of nobody: " + what)
	}
	return &effect{by: by, who: by.name, order: by.number, what: what, faults: faults}
}

// inOrder sorts what waits, so that the scheduler's choice does not depend on which goroutine came first.
func inOrder(list []*effect) {
	slices.SortStableFunc(list, func(a, b *effect) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.who, b.who), cmp.Compare(a.what, b.what))
	})
}

// invocation is one run of a function.
type invocation struct {
	number int
	name   string
	on     *instance
	ends   time.Time // Lambda kills it here
	thaws  time.Time // it is frozen until here
	met    map[fault]bool
	dead   bool // killed: nothing of it happens any more
	over   bool // returned
	err    error
	done   func(error) // not called for a dead one
	killed func()
}

func (i *invocation) meets(f fault) { i.met[f] = true }

// invoke begins a run of a function.
func (w *world) invoke(kind function, run func(context.Context, *instance) error, done func(error), killed func()) *invocation {
	w.invocations++
	now := time.Now()
	i := &invocation{
		number: w.invocations, name: kind.name + " " + number(w.invocations), on: w.instance(kind), ends: now.Add(kind.timeout),
		met: map[fault]bool{}, done: done, killed: killed,
	}
	i.on.runs = i
	if i.on.skew != 0 {
		i.meets(skewed)
	}
	w.running = append(w.running, i)
	ctx, cancel := context.WithDeadline(context.WithValue(context.Background(), invocationKey{}, i), i.ends)
	go func() {
		defer cancel()
		err := run(ctx, i.on)
		w.mu.Lock()
		defer w.mu.Unlock()
		i.err, i.over = err, true
	}()
	return i
}

// kill ends a run as Lambda does: nothing of it happens any more, its connections break, its memory is gone.
func (w *world) kill(i *invocation, f fault) {
	i.dead = true
	i.meets(f)
	w.trace("%s dies: %s", i.name, f)
	i.on.hangUp()
	if i.killed != nil {
		i.killed()
	}
}

// reap takes note of the runs that have returned, in the order in which they began, and kills those whose time is over.
func (w *world) reap() {
	now := time.Now()
	w.running = slices.DeleteFunc(w.running, func(i *invocation) bool {
		w.mu.Lock()
		over := i.over
		w.mu.Unlock()
		switch {
		case i.dead:
			return true
		case over:
			w.trace("%s ends: %v", i.name, i.err != nil)
			i.on.runs = nil
			w.idle[i.on.kind.name] = append(w.idle[i.on.kind.name], i.on)
			i.done(i.err)
			return true
		case !now.Before(i.ends):
			w.kill(i, timedOut)
			return true
		}
		return false
	})
}
