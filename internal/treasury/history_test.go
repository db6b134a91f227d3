package treasury_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// told gives a history in short: who, what, to which state.
func told(entries []treasury.Entry) []string {
	lines := make([]string, len(entries))
	for i, e := range entries {
		lines[i] = strings.TrimSpace(fmt.Sprintf("%s %s %s", e.By, e.Event, e.To))
	}
	return lines
}

func TestHistoryTellsEveryStep(t *testing.T) {
	t.Parallel()
	sent := []string{"U0LENA submitted pending", "U0MAYA voted approved", "claimed claimed", "sending sending"}
	for state, want := range map[treasury.State][]string{
		treasury.StatePending:   sent[:1],
		treasury.StateApproved:  sent[:2],
		treasury.StateClaimed:   sent[:3],
		treasury.StateSending:   sent[:4],
		treasury.StateInDoubt:   append(slices.Clone(sent), "answered in_doubt"),
		treasury.StateSucceeded: append(slices.Clone(sent), "answered succeeded"),
		treasury.StateFailed:    append(slices.Clone(sent), "answered failed"),
		treasury.StateDenied:    {sent[0], "U0MAYA voted denied"},
		treasury.StateCancelled: append(slices.Clone(sent[:2]), "U0LENA cancelled cancelled"),
		treasury.StateExpired:   {sent[0], "expired expired"},
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.stopAt(state)
			entries, err := b.History(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, told(entries)); diff != "" {
				t.Errorf("history:\n%s", diff)
			}
			if first := entries[0]; first.Action == nil || first.Action.Hash() != r.Hash || first.From != "" {
				t.Errorf("the first entry does not tell the action: %+v", first)
			}
			if last := entries[len(entries)-1]; r.Answer != nil && !cmp.Equal(last.Answer, r.Answer) {
				t.Errorf("the last entry does not tell the answer:\n%s", cmp.Diff(r.Answer, last.Answer))
			}
		})
	}
}

// rewrite changes a stored record behind the desk's back.
func rewrite[T any](b *bench, key string, change func(*T)) {
	b.t.Helper()
	records, err := b.store.Get(b.t.Context(), key)
	if err != nil {
		b.t.Fatal(err)
	}
	var v T
	if records[0].Version > 0 {
		if err := json.Unmarshal(records[0].Body, &v); err != nil {
			b.t.Fatal(err)
		}
	}
	change(&v)
	body, err := json.Marshal(v)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.store.Commit(b.t.Context(), treasury.NewWriteID(), treasury.Write{Key: key, Version: records[0].Version, Body: body}); err != nil {
		b.t.Fatal(err)
	}
}

// TestTamperingShows changes each field of each entry, as it is stored.
func TestTamperingShows(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*treasury.Entry){
		"request":     func(e *treasury.Entry) { e.Request = "TB-00000000" },
		"step":        func(e *treasury.Entry) { e.Step++ },
		"time":        func(e *treasury.Entry) { e.At = e.At.Add(time.Nanosecond) },
		"person":      func(e *treasury.Entry) { e.By = "U0VERA" },
		"event":       func(e *treasury.Entry) { e.Event = treasury.EventLost },
		"state from":  func(e *treasury.Entry) { e.From = treasury.StateInDoubt },
		"state to":    func(e *treasury.Entry) { e.To = treasury.StateDenied },
		"vote":        func(e *treasury.Entry) { e.Approve = !e.Approve },
		"comment":     func(e *treasury.Entry) { e.Comment += " " },
		"reason":      func(e *treasury.Entry) { e.Reason = treasury.ReasonLimit },
		"attempt":     func(e *treasury.Entry) { e.Attempt += "1" },
		"answer":      func(e *treasury.Entry) { e.Answer = &treasury.Answer{Moved: money.New(1, "USD")} },
		"action":      func(e *treasury.Entry) { e.Action = &treasury.Action{Kind: treasury.ActionDeposit} },
		"predecessor": func(e *treasury.Entry) { e.Prev = strings.Repeat("0", 64) },
		"hash":        func(e *treasury.Entry) { e.Hash = strings.Repeat("0", 64) },
		"all of it":   func(e *treasury.Entry) { *e = treasury.Entry{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := b.stopAt(treasury.StateSucceeded)
			for step := 1; step <= r.Step; step++ {
				key := fmt.Sprintf("EVENT#%s#%04d", r.ID, step)
				var honest treasury.Entry
				rewrite(b, key, func(e *treasury.Entry) {
					honest = *e
					change(e)
				})
				if _, err := b.History(t.Context(), r); err == nil {
					t.Errorf("not noticed in step %d", step)
				}
				rewrite(b, key, func(e *treasury.Entry) { *e = honest })
				if _, err := b.History(t.Context(), r); err != nil {
					t.Fatalf("the honest history: %v", err)
				}
			}
		})
	}
}

// TestHistoryHoldsTheRequestToIt: the chain alone is sound, but the request is not at its end.
func TestHistoryHoldsTheRequestToIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r, other := b.stopAt(treasury.StateSucceeded), b.submit("U0LENA", draft("100"))
	for name, change := range map[string]func(*treasury.Request){
		"set back by a step":        func(r *treasury.Request) { r.Step-- },
		"ahead by a step":           func(r *treasury.Request) { r.Step++ },
		"without a step":            func(r *treasury.Request) { r.Step = 0 },
		"at another end":            func(r *treasury.Request) { r.LastEntry = strings.Repeat("0", 64) },
		"at no end":                 func(r *treasury.Request) { r.LastEntry = "" },
		"at the end of another one": func(r *treasury.Request) { r.ID, r.Step = other.ID, other.Step },
	} {
		changed := r
		change(&changed)
		if _, err := b.History(t.Context(), changed); err == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// TestVerifyChainFindsWhatIsMissing works on exported entries alone, as an auditor does.
func TestVerifyChainFindsWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	entries, err := b.History(t.Context(), b.stopAt(treasury.StateSucceeded))
	if err != nil {
		t.Fatal(err)
	}
	other, err := b.History(t.Context(), b.stopAt(treasury.StateApproved))
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		if i < len(entries)-1 {
			if treasury.VerifyChain(slices.Delete(slices.Clone(entries), i, i+1)) == nil {
				t.Errorf("step %d is missing: not noticed", i+1)
			}
			swapped := slices.Clone(entries)
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
			if treasury.VerifyChain(swapped) == nil {
				t.Errorf("steps %d and %d are swapped: not noticed", i+1, i+2)
			}
		}
		if treasury.VerifyChain(slices.Insert(slices.Clone(entries), i, entries[i])) == nil {
			t.Errorf("step %d is there twice: not noticed", i+1)
		}
		if i < len(other) {
			mixed := slices.Clone(entries)
			mixed[i] = other[i]
			if treasury.VerifyChain(mixed) == nil {
				t.Errorf("step %d of another request: not noticed", i+1)
			}
		}
	}
	if err := treasury.VerifyChain(nil); err != nil {
		t.Errorf("no entries: %v", err)
	}
}
