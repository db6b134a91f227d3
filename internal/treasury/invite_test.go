package treasury

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestALinkHasOneSpelling(t *testing.T) {
	t.Parallel()
	link, hash := newLink("TB-0ABCDEFG")
	path := link.Path()
	if id, got, ok := readLink(path); !ok || id != "TB-0ABCDEFG" || got != hash {
		t.Fatalf("the link itself is read as %q, %v", id, ok)
	}
	secret := strings.TrimPrefix(path, "TB-0ABCDEFG.")
	const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(signs, secret[42])
	for name, other := range map[string]string{
		"its last sign's spare bits": path[:len(path)-1] + signs[last|1:last|1+1],
		"a line break":               path + "\n",
		"a line break inside":        path[:20] + "\r\n" + path[20:],
		"padding":                    path + "=",
		"one sign less":              path[:len(path)-1],
		"one sign more":              path + "A",
		"no secret":                  "TB-0ABCDEFG.",
		"no id":                      "." + secret,
		"lower case id":              "tb-0abcdefg." + secret,
		"ordinary base64":            "TB-0ABCDEFG." + strings.Repeat("+", 43),
		"nothing":                    "",
	} {
		if _, _, ok := readLink(other); ok {
			t.Errorf("%s is taken", name)
		}
	}
}

// A worker that is short of time says so, instead of telling the holder that the link is dead; and it reads nothing.
func TestRegisterWantsTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	d := &Desk{Clock: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
	if _, err := d.Register(t.Context(), "x", CardDetails{}, "192.0.2.1"); !errors.Is(err, ErrInvalid) {
		t.Errorf("without a deadline: %v", err)
	}
	ctx, cancel := context.WithDeadline(t.Context(), now.Add(minRun-time.Second))
	defer cancel()
	if _, err := d.Register(ctx, "x", CardDetails{}, "192.0.2.1"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("with too little time: %v", err)
	}
}

// A claim names the link that was used: one that was replaced or ran out between the look and the claim takes nothing.
func TestClaimNamesTheLink(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	approved := Request{
		ID: "TB-0ABCDEFG", State: StateApproved, DueAt: now, Action: Action{Kind: ActionRegisterCard},
		Invite: &Invite{Hash: "new", ExpiresAt: now.Add(InviteLife)},
	}
	for name, c := range map[string]struct {
		hash  string
		at    time.Time
		taken bool
	}{
		"the link":     {"new", now, true},
		"an older one": {"old", now, false},
		"none":         {"", now, false},
		"too late":     {"new", now.Add(InviteLife), false},
	} {
		e := Event{Kind: EventClaim, At: c.at, NotAfter: c.at.Add(2 * time.Minute), Invite: Invite{Hash: c.hash}}
		after, err := Next(approved, e)
		if c.taken && (err != nil || after.State != StateClaimed) || !c.taken && !errors.Is(err, ErrConflict) {
			t.Errorf("%s: %s, %v", name, after.State, err)
		}
	}
	approved.Invite = nil
	if _, err := Next(approved, Event{Kind: EventClaim, At: now, NotAfter: now.Add(2 * time.Minute)}); !errors.Is(err, ErrConflict) {
		t.Errorf("without any link: %v", err)
	}
}
