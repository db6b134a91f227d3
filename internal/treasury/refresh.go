package treasury

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// RefreshDirectory reads Tango's accounts, page by page, into the set of chunks that nobody uses, and makes that set
// the directory when it is complete. It reads at most refreshPages pages and goes on from there the next time. A
// refresh that takes longer than an hour starts over.
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
		h = head{Set: h.Set, Chunks: h.Chunks, Count: h.Count, ReadAt: h.ReadAt}
	}
	if !h.Building {
		if !h.ReadAt.IsZero() && now.Sub(h.ReadAt) < directoryEvery {
			return nil
		}
		h.Building, h.BuildStarted = true, now
	}
	version := records[0].Version
	for range refreshPages {
		page, done, err := d.refreshPage(ctx, &h)
		if err != nil {
			return err
		}
		if done {
			h = head{Set: 1 - h.Set, Chunks: h.BuildChunks, Count: h.BuildCount, ReadAt: d.Clock()}
		}
		// Both in one commit: a sweep that waited too long for its page must not write into a set that is in use by now.
		err = d.Journal.Commit(ctx, NewWriteID(), page, Write{Key: directoryHead, Version: version, Body: encode(h)})
		if errors.Is(err, ErrConflict) {
			return nil // another sweep is at it
		}
		if err != nil {
			return fmt.Errorf("recording a part of the directory: %w", err)
		}
		version++
		if done {
			d.Log.InfoContext(ctx, "directory refreshed", "accounts", h.Count)
			return nil
		}
	}
	return nil
}

// refreshPage reads the next page and gives it as one chunk of the set in the making.
func (d *Desk) refreshPage(ctx context.Context, h *head) (write Write, done bool, err error) {
	page, err := d.Books.Accounts(ctx, AccountQuery{Window: Window{Size: 200, Next: h.BuildCursor}})
	if err != nil {
		return Write{}, false, fmt.Errorf("reading accounts for the directory: %w", err)
	}
	key := chunkKey(1-h.Set, h.BuildChunks)
	records, err := d.Journal.Get(ctx, key)
	if err != nil {
		return Write{}, false, fmt.Errorf("reading a part of the directory: %w", err)
	}
	h.BuildChunks++
	h.BuildCount += len(page.Accounts)
	h.BuildCursor = page.Next
	body := encode(chunk{Accounts: page.Accounts, ReadAt: page.ReadAt})
	return Write{Key: key, Version: records[0].Version, Body: body}, page.Next == "", nil
}
