package embedded_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/treasury"
)

var errJob = errors.New("the job failed")

// runner runs one queue and hands each job to the test, which says how it ends.
type runner struct {
	t     *testing.T
	queue *embedded.Queue
	jobs  chan job
	stop  context.CancelFunc
	ended chan struct{}
}

// job is one that the queue has handed out; it is under way until end gets its outcome.
type job struct {
	ctx  context.Context
	body string
	end  chan func() error
}

func run(t *testing.T, q *embedded.Queue) *runner {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &runner{t: t, queue: q, jobs: make(chan job), stop: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		q.Run(ctx, func(ctx context.Context, body []byte) error {
			j := job{ctx: ctx, body: string(body), end: make(chan func() error)}
			r.jobs <- j
			return (<-j.end)()
		})
	}()
	t.Cleanup(r.close)
	return r
}

func (r *runner) close() {
	r.stop()
	<-r.ended
}

func (r *runner) send(body string, delay time.Duration) {
	r.t.Helper()
	if err := r.queue.Send(r.t.Context(), []byte(body), delay); err != nil {
		r.t.Fatalf("sending %s: %v", body, err)
	}
}

// take waits for the next job, which must be this one.
func (r *runner) take(body string) job {
	r.t.Helper()
	j := <-r.jobs
	if j.body != body {
		r.t.Errorf("got job %q, want %q", j.body, body)
	}
	return j
}

func (r *runner) succeeds(body string) {
	r.t.Helper()
	r.take(body).end <- func() error { return nil }
}

func (r *runner) fails(body string) {
	r.t.Helper()
	r.take(body).end <- func() error { return errJob }
}

func dead(t *testing.T, q *embedded.Queue, want int) {
	t.Helper()
	if n, err := q.Dead(); err != nil || n != want {
		t.Errorf("%d dead letters, %v; want %d", n, err, want)
	}
}

func oneWorker() embedded.QueueConfig {
	return embedded.QueueConfig{Workers: 1, Timeout: time.Minute, Again: 10 * time.Second}
}

func TestQueueHoldsADelayedJobBack(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := run(t, newQueue(t, open(t, c.Now), oneWorker()))
	r.send("late", time.Minute)
	r.send("now", 0)
	r.succeeds("now")
	c.Push(time.Minute - time.Nanosecond)
	r.send("a nanosecond early", 0)
	r.succeeds("a nanosecond early")
	c.Push(time.Nanosecond)
	r.queue.Poke()
	r.succeeds("late")
}

func TestQueueSeesAClockPushedByHandsThatDoNotPoke(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := run(t, newQueue(t, open(t, c.Now), oneWorker()))
	r.send("late", treasury.MaxDelay)
	r.send("now", 0)
	r.succeeds("now") // the queue has begun to wait for the late one, or will at once
	c.Push(treasury.MaxDelay)
	r.succeeds("late")
}

func TestQueueBringsAFailedJobBack(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := run(t, newQueue(t, open(t, c.Now), oneWorker()))
	r.send("bad", 0)
	j := r.take("bad")
	if n, err := r.queue.Waiting(); n != 1 || err != nil {
		t.Errorf("%d jobs wait while one is under way, %v", n, err)
	}
	j.end <- func() error { return errJob }
	r.send("other", 0)
	r.succeeds("other") // the failed one is not at the head again at once
	c.Push(10 * time.Second)
	r.queue.Poke()
	r.succeeds("bad")
	c.Push(time.Hour)
	r.send("last", 0)
	r.succeeds("last") // the job that succeeded is gone
	dead(t, r.queue, 0)
}

func TestQueueGivesUpAfterFiveFailures(t *testing.T) {
	t.Parallel()
	config := oneWorker()
	config.Again = 0
	r := run(t, newQueue(t, open(t, newClock().Now), config))
	r.send("bad", 0)
	for range 5 {
		r.fails("bad")
	}
	r.send("next", 0)
	r.succeeds("next")
	r.close()
	dead(t, r.queue, 1)
}

func TestQueueTakesAPanicAsAFailure(t *testing.T) {
	t.Parallel()
	config := oneWorker()
	config.Again = 0
	r := run(t, newQueue(t, open(t, newClock().Now), config))
	r.send("job", 0)
	r.take("job").end <- func() error { panic("the job panicked") }
	r.succeeds("job")
}

func TestQueueGivesEachJobADeadline(t *testing.T) {
	t.Parallel()
	r := run(t, newQueue(t, open(t, newClock().Now), oneWorker()))
	r.send("job", 0)
	j := r.take("job")
	deadline, ok := j.ctx.Deadline()
	if left := time.Until(deadline); !ok || left <= 0 || left > time.Minute {
		t.Errorf("deadline in %s (%v), want one within the timeout", left, ok)
	}
	j.end <- func() error { return nil }
}

// The tests in a synctest bubble can wait until nothing moves any more, and so see what does not happen.

func TestQueueBringsWorkUnderWayToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		folder, c := t.TempDir(), newClock()
		store := reopen(t, folder, c)
		r := run(t, newQueue(t, store, oneWorker()))
		r.send("first", 0)
		r.send("second", 0)
		j := r.take("first")
		r.stop()
		synctest.Wait()
		if j.ctx.Err() != nil {
			t.Errorf("the job's context ended with the queue's: %v", j.ctx.Err())
		}
		select {
		case <-r.ended:
			t.Error("Run returned before the job had ended")
		default:
		}
		j.end <- func() error { return nil }
		<-r.ended
		closed(t, store)

		c.Push(time.Hour)
		r = run(t, newQueue(t, reopen(t, folder, c), oneWorker()))
		r.succeeds("second") // and not the first again
		r.send("third", 0)
		r.succeeds("third")
	})
}

func TestQueueRunsAsManyJobsAsItHasWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		config := oneWorker()
		config.Workers = 2
		r := run(t, newQueue(t, open(t, newClock().Now), config))
		for range 3 {
			r.send("job", 0)
		}
		a, b := r.take("job"), r.take("job")
		synctest.Wait()
		select {
		case <-r.jobs:
			t.Error("a third job began while two were under way")
		default:
		}
		a.end <- func() error { return nil }
		r.succeeds("job")
		b.end <- func() error { return nil }
	})
}

func TestQueuesOfOneFileAreApart(t *testing.T) {
	t.Parallel()
	store := open(t, newClock().Now)
	money, err := store.NewQueue("money", embedded.QueueConfig{Workers: 1, Timeout: time.Minute, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	questions, err := store.NewQueue("questions", embedded.QueueConfig{Workers: 1, Timeout: time.Minute, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	m, q := run(t, money), run(t, questions)
	m.send("to move", 0)
	q.send("to answer", 0)
	q.succeeds("to answer")
	m.succeeds("to move")
}

// killed runs the queue until it has begun the job, and takes the file away as the end of the process would.
func killed(t *testing.T, folder string, c *clock, body string) {
	t.Helper()
	store := reopen(t, folder, c)
	q := newQueue(t, store, oneWorker())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q.Run(ctx, func(_ context.Context, got []byte) error {
		if string(got) != body {
			t.Errorf("got job %q, want %q", got, body)
		}
		cancel()
		closed(t, store)
		return nil
	})
}

func TestQueueSurvivesTheProcess(t *testing.T) {
	t.Parallel()
	folder, c := t.TempDir(), newClock()
	store := reopen(t, folder, c)
	if err := newQueue(t, store, oneWorker()).Send(t.Context(), []byte("job"), 0); err != nil {
		t.Fatal(err)
	}
	closed(t, store)
	killed(t, folder, c, "job")

	store = reopen(t, folder, c)
	r := run(t, newQueue(t, store, oneWorker()))
	r.send("other", 0)
	r.succeeds("other") // the job stays hidden for as long as its worker may live
	c.Push(70 * time.Second)
	r.queue.Poke()
	r.succeeds("job")
}

func TestQueueBuriesAJobThatKillsItsProcess(t *testing.T) {
	t.Parallel()
	folder, c := t.TempDir(), newClock()
	store := reopen(t, folder, c)
	if err := newQueue(t, store, oneWorker()).Send(t.Context(), []byte("deadly"), 0); err != nil {
		t.Fatal(err)
	}
	closed(t, store)
	for range 5 {
		killed(t, folder, c, "deadly")
		c.Push(70 * time.Second)
	}
	r := run(t, newQueue(t, reopen(t, folder, c), oneWorker()))
	r.send("next", 0)
	r.succeeds("next")
	dead(t, r.queue, 1)
}

// TestQueueLeavesAJobToWhoeverTookItSince has a first worker that is slower than its job is hidden for.
func TestQueueLeavesAJobToWhoeverTookItSince(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClock()
		config := oneWorker()
		config.Workers = 2
		r := run(t, newQueue(t, open(t, c.Now), config))
		r.send("slow", 0)
		slow := r.take("slow")
		c.Push(70 * time.Second)
		r.queue.Poke()
		again := r.take("slow")
		slow.end <- func() error { return errJob }
		again.end <- func() error { return nil }
		synctest.Wait()
		c.Push(time.Hour)
		r.send("next", 0)
		r.succeeds("next") // the failure of the slow one has put nothing back
		r.close()
		dead(t, r.queue, 0)
	})
}

func TestQueueTakesJobsFromManyAtOnce(t *testing.T) {
	t.Parallel()
	q := newQueue(t, open(t, newClock().Now), embedded.QueueConfig{Workers: 4, Timeout: time.Minute})
	var senders sync.WaitGroup
	want := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, body := range want {
		senders.Go(func() {
			if err := q.Send(t.Context(), []byte(body), 0); err != nil {
				t.Errorf("sending %s: %v", body, err)
			}
		})
	}
	senders.Wait()
	r := run(t, q)
	var got []string
	for range want {
		j := <-r.jobs
		got = append(got, j.body)
		j.end <- func() error { return nil }
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want each of %q once", got, want)
	}
}
