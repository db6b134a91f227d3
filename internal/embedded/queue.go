package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

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

// Send puts a job on the queue.
func (q *Queue) Send(ctx context.Context, body []byte, delay time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if delay < 0 || delay > treasury.MaxDelay {
		return fmt.Errorf("a delay of %s: %w", delay, treasury.ErrInvalid)
	}
	err := q.put(queued{Body: body}, q.store.clock().Add(delay))
	q.Poke()
	return err
}

func (q *Queue) put(j queued, due time.Time) error {
	text, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("encoding a job: %w", err)
	}
	return q.store.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket([]byte("queue/" + q.name))
		number, err := bucket.NextSequence()
		if err != nil {
			return err
		}
		return bucket.Put(binary.BigEndian.AppendUint64(timeBytes(due), number), text)
	})
}

// Poke makes the queue look for due jobs: after a Send, and after the clock was pushed.
func (q *Queue) Poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Dead counts the dead letters.
func (q *Queue) Dead() (int, error) {
	n := 0
	err := q.store.db.View(func(tx *bbolt.Tx) error {
		n = tx.Bucket([]byte("dead/" + q.name)).Stats().KeyN
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

// take hides the first due job for as long as its work may take, and gives it; or the wait until one is due.
func (q *Queue) take() (hidden []byte, j queued, wait time.Duration, err error) {
	now := q.store.clock()
	wait = idle
	err = q.store.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket([]byte("queue/" + q.name))
		key, text := bucket.Cursor().First()
		if key == nil {
			return nil
		}
		if due := bytesTime(key); due.After(now) {
			wait = due.Sub(now)
			return nil
		}
		if err := json.Unmarshal(text, &j); err != nil {
			return fmt.Errorf("reading a job: %w", err)
		}
		j.Receives++
		again, err := json.Marshal(j)
		if err != nil {
			return fmt.Errorf("encoding a job: %w", err)
		}
		hidden = bytes.Join([][]byte{timeBytes(now.Add(q.config.Timeout + q.config.Again)), key[8:]}, nil)
		return errors.Join(bucket.Delete(bytes.Clone(key)), bucket.Put(hidden, again))
	})
	return hidden, j, wait, err
}

func (q *Queue) work(ctx context.Context, key []byte, j queued, handle func(context.Context, []byte) error) {
	err := q.run(ctx, j, handle)
	if err != nil {
		q.config.Log.WarnContext(ctx, "job failed", "queue", q.name, "receives", j.Receives, "error", err)
	}
	storeErr := q.store.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("queue/" + q.name)).Delete(key)
	})
	if storeErr == nil && err != nil {
		storeErr = q.again(j)
	}
	if storeErr != nil {
		q.config.Log.ErrorContext(ctx, "job not settled, it will come back", "queue", q.name, "error", storeErr)
	}
}

// again brings a failed job back, or lays it to the dead letters.
func (q *Queue) again(j queued) error {
	if j.Receives < maxReceives {
		return q.put(j, q.store.clock().Add(q.config.Again))
	}
	return q.store.db.Update(func(tx *bbolt.Tx) error {
		dead := tx.Bucket([]byte("dead/" + q.name))
		number, err := dead.NextSequence()
		if err != nil {
			return err
		}
		return dead.Put(binary.BigEndian.AppendUint64(nil, number), j.Body)
	})
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
