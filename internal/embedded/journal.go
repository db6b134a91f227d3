package embedded

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Journal is treasury.Journal in the file: one transaction a commit.
type Journal struct{ *Store }

// commitMemory is how long a commit's id is remembered, as DynamoDB remembers a token.
const commitMemory = 10 * time.Minute

// stored is a record as it lies in the file.
type stored struct {
	Version int64                             `json:"v"`
	Places  map[treasury.Index]treasury.Place `json:"p,omitempty"`
	Body    []byte                            `json:"b"`
}

// Get reads records in the order of the keys.
func (j Journal) Get(ctx context.Context, keys ...string) ([]treasury.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	records := make([]treasury.Record, len(keys))
	err := j.db.View(func(tx *bbolt.Tx) error {
		for i, key := range keys {
			s, err := load(tx, key)
			if err != nil {
				return err
			}
			records[i] = treasury.Record{Key: key, Version: s.Version, Body: s.Body}
		}
		return nil
	})
	return records, err
}

func load(tx *bbolt.Tx, key string) (stored, error) {
	var s stored
	text := tx.Bucket([]byte(bucketRecords)).Get([]byte(key))
	if text == nil {
		return s, nil
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("reading record %s: %w", key, err)
	}
	return s, nil
}

// Commit writes all or nothing.
func (j Journal) Commit(ctx context.Context, id string, writes ...treasury.Write) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkCommit(id, writes); err != nil {
		return err
	}
	now := j.clock()
	return j.db.Update(func(tx *bbolt.Tx) error {
		commits := tx.Bucket([]byte(bucketCommits))
		if commits.Get([]byte(id)) != nil {
			return nil // this very commit did apply before
		}
		for _, w := range writes {
			old, err := load(tx, w.Key)
			if err != nil {
				return err
			}
			if old.Version != w.Version {
				return treasury.ErrConflict
			}
			if w.Check {
				continue
			}
			if err := store(tx, w, old); err != nil {
				return err
			}
		}
		if err := commits.Put([]byte(id), timeBytes(now)); err != nil {
			return err
		}
		return prune(commits, now.Add(-commitMemory))
	})
}

func store(tx *bbolt.Tx, w treasury.Write, old stored) error {
	index := tx.Bucket([]byte(bucketIndex))
	for name, place := range old.Places {
		if err := index.Delete(indexKey(name, place, w.Key)); err != nil {
			return err
		}
	}
	for name, place := range w.Places {
		if err := index.Put(indexKey(name, place, w.Key), nil); err != nil {
			return err
		}
	}
	text, err := json.Marshal(stored{Version: old.Version + 1, Places: w.Places, Body: w.Body})
	if err != nil {
		return fmt.Errorf("writing record %s: %w", w.Key, err)
	}
	return tx.Bucket([]byte(bucketRecords)).Put([]byte(w.Key), text)
}

// prune forgets commits from before a time, a few at a time, so that no commit pays for all.
func prune(commits *bbolt.Bucket, before time.Time) error {
	const atOnce = 20
	cursor := commits.Cursor()
	n := 0
	var old [][]byte
	for key, at := cursor.First(); key != nil && n < 200; key, at = cursor.Next() {
		n++
		if bytesTime(at).Before(before) && len(old) < atOnce {
			old = append(old, bytes.Clone(key))
		}
	}
	for _, key := range old {
		if err := commits.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// An index key is index, list, sort and record key, apart by a byte that none of them holds.
const separator = "\x00"

func indexPrefix(index treasury.Index, list string) string {
	return string(index) + separator + list + separator
}

func indexKey(index treasury.Index, p treasury.Place, key string) []byte {
	return []byte(indexPrefix(index, p.Key) + p.Sort + separator + key)
}

// List reads one page of a list.
func (j Journal) List(ctx context.Context, q treasury.Listing) ([]treasury.Record, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	after, err := checkListing(q)
	if err != nil {
		return nil, "", err
	}
	var records []treasury.Record
	next := ""
	err = j.db.View(func(tx *bbolt.Tx) error {
		prefix := []byte(indexPrefix(q.Index, q.Key))
		cursor := tx.Bucket([]byte(bucketIndex)).Cursor()
		key, step := first(cursor, prefix, after, q.Reverse)
		for ; key != nil && bytes.HasPrefix(key, prefix); key, _ = step() {
			if len(records) == q.Limit {
				next = base64.RawURLEncoding.EncodeToString(after)
				return nil
			}
			name := string(key[bytes.LastIndexByte(key, 0)+1:])
			s, err := load(tx, name)
			if err != nil {
				return err
			}
			records = append(records, treasury.Record{Key: name, Version: s.Version, Body: s.Body})
			after = bytes.Clone(key)
		}
		return nil
	})
	return records, next, err
}

// first stands on the first index key behind after, in either direction.
func first(c *bbolt.Cursor, prefix, after []byte, reverse bool) (key []byte, step func() ([]byte, []byte)) {
	if !reverse {
		if len(after) == 0 {
			key, _ = c.Seek(prefix)
			return key, c.Next
		}
		if key, _ = c.Seek(after); bytes.Equal(key, after) {
			key, _ = c.Next()
		}
		return key, c.Next
	}
	from := after
	if len(from) == 0 {
		from = append(bytes.Clone(prefix), 0xff) // behind every key of the list
	}
	if key, _ = c.Seek(from); key == nil {
		key, _ = c.Last()
	} else {
		key, _ = c.Prev()
	}
	return key, c.Prev
}
