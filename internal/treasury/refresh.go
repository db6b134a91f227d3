package treasury

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// RefreshDirectory reads Tango's accounts, page by page, into the set of chunks that nobody uses, and makes that set
// the directory when it is complete, then the cards. It reads at most refreshPages pages and goes on from there the next
// time. A refresh that takes longer than an hour starts over.
func (d *Desk) RefreshDirectory(ctx context.Context) error {
	records, err := d.Journal.Get(ctx, directoryHead)
	if err != nil {
		return fmt.Errorf("reading the directory's head: %w", err)
	}
	h, err := decode[head](records[0])
	if err != nil {
		return err
	}
	now := d.Clock()
	if h.Building && now.Sub(h.BuildStarted) > time.Hour {
		h = head{Set: h.Set, Chunks: h.Chunks, Count: h.Count, ReadAt: h.ReadAt, Outdated: h.Outdated}
	}
	if !h.Building {
		if !h.ReadAt.IsZero() && h.Outdated.IsZero() && now.Sub(h.ReadAt) < directoryEvery {
			return nil
		}
		h.Building, h.BuildStarted = true, now
	}
	version := records[0].Version
	for range refreshPages {
		writes, done, err := d.refreshPage(ctx, &h)
		if err != nil {
			return err
		}
		if done {
			finished := head{Set: 1 - h.Set, Chunks: h.BuildChunks, Count: h.BuildCount, ReadAt: d.Clock()}
			if h.Outdated.After(h.BuildStarted) {
				finished.Outdated = h.Outdated
			}
			h = finished
		}
		// All in one commit: a sweep that waited too long for its page must not write into a set that is in use by now.
		writes = append(writes, Write{Key: directoryHead, Version: version, Body: encode(h)})
		err = d.Journal.Commit(ctx, NewWriteID(), writes...)
		if errors.Is(err, ErrConflict) {
			return nil // another sweep is at it
		}
		if err != nil {
			return fmt.Errorf("recording a part of the directory: %w", err)
		}
		version++
		if done {
			d.Log.InfoContext(ctx, "directory refreshed", "accounts", h.Count)
			return d.RefreshCards(ctx)
		}
	}
	return nil
}

// refreshPage reads the next page, first of the accounts and then of the customers, and gives it as chunks of the set in
// the making.
func (d *Desk) refreshPage(ctx context.Context, h *head) (writes []Write, done bool, err error) {
	window := Window{Size: 200, Next: h.BuildCursor}
	if !h.BuildOwners {
		page, err := d.Books.Accounts(ctx, AccountQuery{Window: window})
		if err != nil {
			return nil, false, fmt.Errorf("reading accounts for the directory: %w", err)
		}
		if !h.ReadAt.IsZero() { // there is a directory to compare with
			if err := d.hearStatuses(ctx, page.Accounts, page.ReadAt); err != nil {
				return nil, false, err
			}
		}
		h.BuildCount += len(page.Accounts)
		h.BuildCursor, h.BuildOwners = page.Next, page.Next == ""
		var chunks []chunk
		for part := range packed(page.Accounts) {
			chunks = append(chunks, chunk{Accounts: part, ReadAt: page.ReadAt})
		}
		writes, err = d.chunkWrites(ctx, h, chunks)
		return writes, false, err
	}
	page, err := d.Books.Customers(ctx, CustomerQuery{Window: window})
	if err != nil {
		return nil, false, fmt.Errorf("reading customers for the directory: %w", err)
	}
	var owners []owner
	for _, c := range page.Customers {
		owners = append(owners, ownersOf(c)...)
	}
	var chunks []chunk
	for part := range packed(owners) {
		chunks = append(chunks, chunk{Customers: part, ReadAt: page.ReadAt})
	}
	h.BuildCursor = page.Next
	writes, err = d.chunkWrites(ctx, h, chunks)
	return writes, page.Next == "", err
}

// ownersOf cuts a customer with very many accounts into parts that fit into a chunk.
func ownersOf(c Customer) []owner {
	const most = 1000
	ref := CustomerRef{ID: c.ID, Name: c.Name}
	owners := []owner{{Customer: ref}}
	for _, a := range c.Accounts {
		last := &owners[len(owners)-1]
		if len(last.Accounts) == most {
			owners = append(owners, owner{Customer: ref})
			last = &owners[len(owners)-1]
		}
		last.Accounts = append(last.Accounts, a.ID)
	}
	return owners
}

// packed cuts a list into parts that each fit into a record.
func packed[T any](list []T) func(yield func([]T) bool) {
	const most = MaxBody - 10_000
	return func(yield func([]T) bool) {
		start, size := 0, 0
		for i, item := range list {
			n := len(encode(item)) + 1
			if size+n > most && i > start {
				if !yield(list[start:i]) {
					return
				}
				start, size = i, 0
			}
			size += n
		}
		if start < len(list) {
			yield(list[start:])
		}
	}
}

// chunkWrites stores parts of the set in the making.
func (d *Desk) chunkWrites(ctx context.Context, h *head, chunks []chunk) ([]Write, error) {
	writes := make([]Write, len(chunks))
	for i, c := range chunks {
		key := chunkKey(1-h.Set, h.BuildChunks)
		records, err := d.Journal.Get(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("reading a part of the directory: %w", err)
		}
		writes[i] = Write{Key: key, Version: records[0].Version, Body: encode(c)}
		h.BuildChunks++
	}
	return writes, nil
}

// outdate lets the next sweep read the directory anew: something was created or changed.
func (d *Desk) outdate(ctx context.Context) error {
	for range conflictTries {
		records, err := d.Journal.Get(ctx, directoryHead)
		if err != nil {
			return fmt.Errorf("reading the directory's head: %w", err)
		}
		h, err := decode[head](records[0])
		if err != nil || records[0].Version == 0 {
			return err // the first refresh is still to come
		}
		h.Outdated = d.Clock()
		err = d.Journal.Commit(ctx, NewWriteID(), Write{Key: directoryHead, Version: records[0].Version, Body: encode(h)})
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return ErrConflict
}
