package treasury_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/treasury"
)

// behind gives a desk with one request whose messages are behind, and the clock to push.
func behind(t *testing.T) (*treasury.Desk, string, *time.Time) {
	t.Helper()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	store, err := embedded.Open(t.TempDir(), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &treasury.Desk{Journal: embedded.Journal{Store: store}, Clock: clock, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	id := treasury.NewRequestID()
	step(t, d, id, 1)
	return d, id, &now
}

// step writes the request at a step, and that messages should show it.
func step(t *testing.T, d *treasury.Desk, id string, n int) {
	t.Helper()
	records, err := d.Journal.Get(t.Context(), "REQ#"+id, "NOTICE#"+id)
	if err != nil {
		t.Fatal(err)
	}
	var notice treasury.Notice
	if records[1].Version > 0 {
		if err := json.Unmarshal(records[1].Body, &notice); err != nil {
			t.Fatal(err)
		}
	}
	notice.Want = n
	var writes []treasury.Write
	for i, v := range []any{treasury.Request{ID: id, Step: n, State: treasury.StatePending}, notice} {
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		writes = append(writes, treasury.Write{Key: records[i].Key, Version: records[i].Version, Body: body})
	}
	if err := d.Journal.Commit(t.Context(), treasury.NewWriteID(), writes...); err != nil {
		t.Fatal(err)
	}
}

// A job may come twice, and the sweep queues another: one card is posted all the same, and it shows the last step.
func TestAnnounceHasTheMessagesToItself(t *testing.T) {
	t.Parallel()
	d, id, _ := behind(t)
	var shown []int
	first := func(_ context.Context, r treasury.Request, n treasury.Notice) (treasury.Notice, error) {
		shown = append(shown, r.Step)
		if len(shown) == 1 {
			step(t, d, id, 2)
			err := d.Announce(t.Context(), id, func(context.Context, treasury.Request, treasury.Notice) (treasury.Notice, error) {
				t.Error("a second one posts at the same time")
				return n, nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		n.Card = treasury.Message{Channel: "C0APPROVE", TS: "1.0"}
		return n, nil
	}
	if err := d.Announce(t.Context(), id, first); err != nil {
		t.Fatal(err)
	}
	if len(shown) != 2 || shown[1] != 2 {
		t.Errorf("steps shown: %v", shown)
	}
}

func TestAnnounceLetsGoAfterAFailure(t *testing.T) {
	t.Parallel()
	d, id, _ := behind(t)
	broken := errors.New("Slack is away")
	err := d.Announce(t.Context(), id, func(_ context.Context, _ treasury.Request, n treasury.Notice) (treasury.Notice, error) {
		n.Card = treasury.Message{Channel: "C0APPROVE", TS: "1.0"} // this much was done
		return n, broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("the failure is told as %v", err)
	}
	again := 0
	err = d.Announce(t.Context(), id, func(_ context.Context, _ treasury.Request, n treasury.Notice) (treasury.Notice, error) {
		again++
		if n.Card.TS != "1.0" {
			t.Errorf("what was posted before the failure is forgotten: %+v", n)
		}
		return n, nil
	})
	if err != nil || again != 1 {
		t.Errorf("the repetition: %v, shown %d times", err, again)
	}
}

func TestAnnounceOutlivesADeadOne(t *testing.T) {
	t.Parallel()
	d, id, now := behind(t)
	shows := 0
	show := func(_ context.Context, _ treasury.Request, n treasury.Notice) (treasury.Notice, error) {
		shows++
		return n, nil
	}
	func() {
		defer func() { _ = recover() }() // the process dies while it posts
		_ = d.Announce(t.Context(), id, func(context.Context, treasury.Request, treasury.Notice) (treasury.Notice, error) { panic("dead") })
	}()
	if err := d.Announce(t.Context(), id, show); err != nil || shows != 0 {
		t.Fatalf("while it may still live: %v, shown %d times", err, shows)
	}
	*now = now.Add(time.Minute)
	if err := d.Announce(t.Context(), id, show); err != nil || shows != 1 {
		t.Errorf("later: %v, shown %d times", err, shows)
	}
}
