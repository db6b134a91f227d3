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
		done, err := d.refreshPage(ctx, &h)
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
		err = d.Journal.Commit(ctx, NewWriteID(), Write{Key: directoryHead, Version: version, Body: encode(h)})
		if errors.Is(err, ErrConflict) {
			return nil // another sweep is at it
		}
		if err != nil {
			return fmt.Errorf("recording the directory's head: %w", err)
		}
		version++
		if done {
			d.Log.InfoContext(ctx, "directory refreshed", "accounts", h.Count)
			return d.RefreshCards(ctx)
		}
	}
	return nil
}

// refreshPage reads the next page, first of the accounts and then of the customers, and stores it in the set in the making.
func (d *Desk) refreshPage(ctx context.Context, h *head) (done bool, err error) {
	window := Window{Size: 200, Next: h.BuildCursor}
	if !h.BuildOwners {
		page, err := d.Books.Accounts(ctx, AccountQuery{Window: window})
		if err != nil {
			return false, fmt.Errorf("reading accounts for the directory: %w", err)
		}
		if !h.ReadAt.IsZero() { // there is a directory to compare with
			if err := d.hearStatuses(ctx, page.Accounts, page.ReadAt); err != nil {
				return false, err
			}
		}
		h.BuildCount += len(page.Accounts)
		h.BuildCursor, h.BuildOwners = page.Next, page.Next == ""
		for part := range packed(page.Accounts) {
			if err := d.keepChunk(ctx, h, chunk{Accounts: part, ReadAt: page.ReadAt}); err != nil {
				return false, err
			}
		}
		return false, nil
	}
	page, err := d.Books.Customers(ctx, CustomerQuery{Window: window})
	if err != nil {
		return false, fmt.Errorf("reading customers for the directory: %w", err)
	}
	var owners []owner
	for _, c := range page.Customers {
		owners = append(owners, ownersOf(c)...)
	}
	for part := range packed(owners) {
		if err := d.keepChunk(ctx, h, chunk{Customers: part, ReadAt: page.ReadAt}); err != nil {
			return false, err
		}
	}
	h.BuildCursor = page.Next
	return page.Next == "", nil
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

// keepChunk stores one part of the set in the making.
func (d *Desk) keepChunk(ctx context.Context, h *head, c chunk) error {
	key := chunkKey(1-h.Set, h.BuildChunks)
	records, err := d.Journal.Get(ctx, key)
	if err != nil {
		return fmt.Errorf("reading a part of the directory: %w", err)
	}
	err = d.Journal.Commit(ctx, NewWriteID(), Write{Key: key, Version: records[0].Version, Body: encode(c)})
	if err != nil {
		return fmt.Errorf("recording a part of the directory: %w", err)
	}
	h.BuildChunks++
	return nil
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
