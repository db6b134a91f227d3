// Package embedded runs Tangobot's stores on one machine: the journal, the claims and the queues lie in one bbolt file,
// so that everything survives a restart. It holds the same contracts as the cloud room, checked by journaltest.
package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// fileName is the one file in the data folder.
const fileName = "tangobot.db"

// openWait bounds the wait for the file's lock: another process holding it is a mistake to tell, not to wait for.
const openWait = 2 * time.Second

// Store is an open file. Close it last.
type Store struct {
	db    *bbolt.DB
	clock func() time.Time
}

// The buckets.
const (
	bucketRecords = "records" // key -> version, places, body
	bucketIndex   = "index"   // index, list, sort, key -> nothing
	bucketCommits = "commits" // commit id -> time; to recognise our own
	bucketClaims  = "claims"  // key -> until
	bucketState   = "state"   // blobs of the process that holds the file, such as the simulators' state
)

// Open opens or makes the file in a folder.
func Open(folder string, clock func() time.Time) (*Store, error) { return open(folder, clock, false) }

// OpenUnsynced is Open for tests: a commit does not wait until the disk has it, so only the process may die, and not the
// machine.
func OpenUnsynced(folder string, clock func() time.Time) (*Store, error) {
	return open(folder, clock, true)
}

func open(folder string, clock func() time.Time, unsynced bool) (*Store, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	db, err := bbolt.Open(filepath.Join(folder, fileName), 0o600, &bbolt.Options{Timeout: openWait, NoSync: unsynced})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return nil, fmt.Errorf("the data file in %s is in use by another process", folder)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the data file: %w", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{bucketRecords, bucketIndex, bucketCommits, bucketClaims, bucketState} {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the data file: %w", err), db.Close())
	}
	return &Store{db: db, clock: clock}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// SaveBlob keeps a named blob.
func (s *Store) SaveBlob(name string, blob []byte) error {
	return s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketState)).Put([]byte(name), blob) })
}

// LoadBlob gives a named blob; nil when there is none.
func (s *Store) LoadBlob(name string) ([]byte, error) {
	var blob []byte
	err := s.db.View(func(tx *bbolt.Tx) error {
		blob = append(blob, tx.Bucket([]byte(bucketState)).Get([]byte(name))...)
		return nil
	})
	return blob, err
}

func timeBytes(t time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(t.UnixNano()))
}

func bytesTime(b []byte) time.Time {
	if len(b) < 8 {
		return time.Time{}
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(b))) //nolint:gosec // written by timeBytes
}
