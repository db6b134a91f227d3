package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"

	"go.etcd.io/bbolt"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Queue is a treasury.Queue in the file, with the habits of SQS: at least once, in no promised order, a job that fails
// comes back after a while, and one that keeps failing goes to the dead letters.
type Queue struct {
	store  *Store
	name   string
	config QueueConfig
	wake   chan struct{}
}

// QueueConfig is what a queue needs.
type QueueConfig struct {
	Workers int           // jobs at a time
	Timeout time.Duration // the deadline of each job's context, as Lambda would set it
	Again   time.Duration // pause before a failed job comes back
	Log     *slog.Logger
}

// maxReceives is how often a job is tried before it goes to the dead letters.
const maxReceives = 5

// NewQueue opens a queue of the file.
func (s *Store) NewQueue(name string, config QueueConfig) (*Queue, error) {
	err := s.db.Update(func(tx *bbolt.Tx) error {
		for _, bucket := range []string{"queue/" + name, "dead/" + name} {
			if _, err := tx.CreateBucketIfNotExists([]byte(bucket)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("opening queue %s: %w", name, err)
	}
	return &Queue{store: s, name: name, config: config, wake: make(chan struct{}, 1)}, nil
}

// queued is a job in the file, under its due time and a number.
type queued struct {
	Body     []byte `json:"body"`
	Receives int    `json:"receives"`
}

// maxJob is the largest body in bytes, kept at what every queue takes.
const maxJob = 256 << 10

// Send puts a job on the queue.
func (q *Queue) Send(ctx context.Context, body []byte, delay time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if delay < 0 || delay > treasury.MaxDelay {
		return fmt.Errorf("a delay of %s: %w", delay, treasury.ErrInvalid)
	}
	if len(body) == 0 || len(body) > maxJob || !utf8.Valid(body) {
		return fmt.Errorf("a job of %d bytes, which must be text: %w", len(body), treasury.ErrInvalid)
	}
	err := q.store.db.Update(func(tx *bbolt.Tx) error {
		return q.put(tx, queued{Body: body}, q.store.clock().Add(delay))
	})
	if err != nil {
		return fmt.Errorf("queueing a job: %w", err)
	}
	q.Poke()
	return nil
}

func (q *Queue) put(tx *bbolt.Tx, j queued, due time.Time) error {
	text, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("encoding a job: %w", err)
	}
	bucket := tx.Bucket([]byte("queue/" + q.name))
	number, err := bucket.NextSequence()
	if err != nil {
		return err
	}
	return bucket.Put(binary.BigEndian.AppendUint64(timeBytes(due), number), text)
}

// Poke makes the queue look for due jobs: after a Send, and after the clock was pushed.
func (q *Queue) Poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Dead counts the dead letters.
func (q *Queue) Dead() (int, error) { return q.count("dead/") }

// Waiting counts the jobs that are not done: those that wait and those under way.
func (q *Queue) Waiting() (int, error) { return q.count("queue/") }

func (q *Queue) count(bucket string) (n int, err error) {
	err = q.store.db.View(func(tx *bbolt.Tx) error {
		n = tx.Bucket([]byte(bucket + q.name)).Stats().KeyN
		return nil
	})
	return n, err
}

// idle is how long a queue sleeps at most: a clock may be pushed by hands that do not poke.
const idle = time.Second

// Run hands jobs to handle until ctx ends, and returns when all that are under way have ended.
func (q *Queue) Run(ctx context.Context, handle func(ctx context.Context, body []byte) error) {
	slots := make(chan struct{}, q.config.Workers)
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		if ctx.Err() != nil {
			return // a free slot must not begin a job when both were ready
		}
		key, job, wait, err := q.take()
		if err != nil {
			q.config.Log.ErrorContext(ctx, "queue not readable", "queue", q.name, "error", err)
		}
		if key == nil {
			<-slots
			if !q.sleep(ctx, wait) {
				return
			}
			continue
		}
		running.Go(func() {
			defer func() { <-slots }()
			q.work(ctx, key, job, handle)
		})
	}
}

func (q *Queue) sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(min(max(wait, time.Millisecond), idle))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-q.wake:
	case <-ctx.Done():
		return false
	}
	return true
}

// take hides the first due job for as long as its work may take, and gives it; or the wait until one is due. A job that
// was taken too often without an end, because the process died over it each time, goes to the dead letters instead.
func (q *Queue) take() (hidden []byte, j queued, wait time.Duration, err error) {
	now := q.store.clock()
	if wait, err := q.next(now); err != nil || wait > 0 {
		return nil, queued{}, wait, err
	}
	err = q.store.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket([]byte("queue/" + q.name))
		for {
			key, text := bucket.Cursor().First()
			if key == nil {
				wait = idle
				return nil
			}
			if due := bytesTime(key); due.After(now) {
				wait = due.Sub(now)
				return nil
			}
			j = queued{}
			if err := json.Unmarshal(text, &j); err != nil {
				return fmt.Errorf("reading a job: %w", err)
			}
			key = bytes.Clone(key)
			if err := bucket.Delete(key); err != nil {
				return err
			}
			if j.Receives >= maxReceives {
				if err := q.bury(tx, j); err != nil {
					return err
				}
				continue
			}
			j.Receives++
			again, err := json.Marshal(j)
			if err != nil {
				return fmt.Errorf("encoding a job: %w", err)
			}
			hidden = bytes.Join([][]byte{timeBytes(now.Add(q.config.Timeout + q.config.Again)), key[8:]}, nil)
			return bucket.Put(hidden, again)
		}
	})
	if err != nil {
		return nil, queued{}, idle, err
	}
	return hidden, j, wait, nil
}

// next tells how long until a job is due. It only reads: an idle queue must not make the disk write each second.
func (q *Queue) next(now time.Time) (wait time.Duration, err error) {
	wait = idle
	err = q.store.db.View(func(tx *bbolt.Tx) error {
		if key, _ := tx.Bucket([]byte("queue/" + q.name)).Cursor().First(); key != nil {
			wait = max(bytesTime(key).Sub(now), 0)
		}
		return nil
	})
	return wait, err
}

func (q *Queue) work(ctx context.Context, key []byte, j queued, handle func(context.Context, []byte) error) {
	err := q.run(ctx, j, handle)
	if err != nil {
		q.config.Log.WarnContext(ctx, "job failed", "queue", q.name, "receives", j.Receives, "error", err)
	}
	storeErr := q.store.db.Update(func(tx *bbolt.Tx) error { return q.settle(tx, key, j, err != nil) })
	if storeErr != nil {
		q.config.Log.ErrorContext(ctx, "job not settled, it will come back", "queue", q.name, "error", storeErr)
	}
}

// settle forgets a job that is done, brings a failed one back after a while, or lays it to the dead letters: in one
// transaction, so that it is never nowhere.
func (q *Queue) settle(tx *bbolt.Tx, key []byte, j queued, failed bool) error {
	bucket := tx.Bucket([]byte("queue/" + q.name))
	if bucket.Get(key) == nil {
		return nil // it took longer than it was hidden for: whoever took it since settles it
	}
	if err := bucket.Delete(key); err != nil {
		return err
	}
	switch {
	case !failed:
		return nil
	case j.Receives < maxReceives:
		return q.put(tx, j, q.store.clock().Add(q.config.Again))
	}
	return q.bury(tx, j)
}

func (q *Queue) bury(tx *bbolt.Tx, j queued) error {
	q.config.Log.Error("job is a dead letter", "queue", q.name, "receives", j.Receives)
	dead := tx.Bucket([]byte("dead/" + q.name))
	number, err := dead.NextSequence()
	if err != nil {
		return err
	}
	return dead.Put(binary.BigEndian.AppendUint64(nil, number), j.Body)
}

// run gives a job its deadline. A job that panics has failed.
func (q *Queue) run(ctx context.Context, j queued, handle func(context.Context, []byte) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	// A job that has begun is brought to its end when the process stops, as a Lambda invocation is.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.config.Timeout)
	defer cancel()
	return handle(ctx, j.Body)
}
