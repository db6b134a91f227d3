package treasury_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/treasury"
)

// TestARequestThroughTheEmbeddedQueues lets the file's own queues do what the bench's trays leave to the test: a request
// is asked for, approved, waits, is carried out after a first failure, and each step is announced.
func TestARequestThroughTheEmbeddedQueues(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	file, err := embedded.Open(t.TempDir(), b.clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
	shown, worked := make(chan treasury.Request, 100), make(chan bool, 100)
	show := func(_ context.Context, r treasury.Request, n treasury.Notice) (treasury.Notice, error) {
		shown <- r
		return n, nil
	}
	money := queue(t, file, "money")
	questions := queue(t, file, "questions")
	b.Money = money
	b.Questions = questions
	b.Books = books{b.Books, &effects{plan: on("account", 1, failsBefore)}}

	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	running.Go(func() {
		money.Run(ctx, func(ctx context.Context, body []byte) error {
			ctx, cancel := context.WithDeadline(ctx, b.clock.Now().Add(invocation)) // the queue counts by the machine's clock
			defer cancel()
			defer func() { worked <- true }()
			return b.ExecuteJob(ctx, body)
		})
	})
	running.Go(func() {
		questions.Run(ctx, func(ctx context.Context, body []byte) error {
			var job treasury.Job
			if err := json.Unmarshal(body, &job); err != nil {
				return errors.Join(treasury.ErrInvalid, err)
			}
			return b.Announce(ctx, job.Announce, show)
		})
	})
	until := func(step int, s treasury.State) {
		t.Helper()
		for r := range shown {
			if r.Step >= step {
				if r.State != s {
					t.Fatalf("shown at step %d as %s, want %s", r.Step, r.State, s)
				}
				return
			}
		}
	}
	r := b.submit("U0LENA", draft("100"))
	until(1, treasury.StatePending)
	b.approve("U0MAYA", r)
	until(2, treasury.StateApproved)
	b.moved(r.ID, 0)
	push := func(d time.Duration) {
		b.clock.push(d)
		money.Poke()
		questions.Poke()
	}
	push(b.Policy.Undo)
	until(4, treasury.StateApproved) // claimed, and given up because Tango did not answer
	<-worked                         // the job that tries again is queued now
	push(time.Minute)
	until(7, treasury.StateSucceeded)
	b.is(r.ID, treasury.StateSucceeded, treasury.ReasonNone)
	b.moved(r.ID, 1)
	for _, q := range []*embedded.Queue{money, questions} {
		if n, err := q.Dead(); err != nil || n != 0 {
			t.Errorf("%d dead letters, %v", n, err)
		}
	}
}

func queue(t *testing.T, file *embedded.Store, name string) *embedded.Queue {
	t.Helper()
	q, err := file.NewQueue(name, embedded.QueueConfig{
		Workers: 2, Timeout: 30 * time.Minute, Again: time.Second, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return q
}
