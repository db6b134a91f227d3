package treasury

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Entry is one line of a request's history: append-only, and chained by hash, so that a changed or missing line shows.
type Entry struct {
	Request string    `json:"request"`
	Step    int       `json:"step"` // from 1, without gaps
	At      time.Time `json:"at"`
	By      string    `json:"by,omitempty"` // Slack user id; empty for Tangobot
	Event   EventKind `json:"event"`
	From    State     `json:"from,omitempty"`
	To      State     `json:"to"`
	Approve bool      `json:"approve,omitempty"` // a vote's yes
	Comment string    `json:"comment,omitempty"`
	Reason  Reason    `json:"reason,omitempty"`
	Attempt string    `json:"attempt,omitempty"`
	Answer  *Answer   `json:"answer,omitempty"`
	Action  *Action   `json:"action,omitempty"` // on the first entry

	Evidence *Evidence `json:"evidence,omitempty"`
	Finding  *Verified `json:"finding,omitempty"`

	Prev string `json:"prev,omitempty"` // Hash of the entry before
	Hash string `json:"hash"`           // SHA-256 over this entry's JSON with an empty Hash
}

// seal computes the entry's hash.
func (e Entry) seal() string {
	e.Hash = ""
	body, err := json.Marshal(e)
	if err != nil {
		panic("an entry is plain data and always encodes: " + err.Error())
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

func newEntry(before, after Request, e Event) Entry {
	entry := Entry{
		Request: after.ID, Step: after.Step, At: e.At.UTC(), By: e.By, Event: e.Kind, From: before.State, To: after.State,
		Reason: after.Reason, Prev: before.LastEntry,
	}
	if after.Attempt != nil {
		entry.Attempt = after.Attempt.ID
	}
	switch e.Kind {
	case EventVote:
		entry.Approve, entry.Comment = e.Vote.Approve, e.Vote.Comment
	case EventAnswer, EventLost, EventSettle:
		entry.Answer = after.Answer
	case EventEvidence:
		entry.Evidence = after.Inquiry.Evidence
	case EventFinding:
		last := after.Inquiry.Findings[len(after.Inquiry.Findings)-1]
		entry.Finding = &last
	case EventResendVote:
		entry.Approve, entry.Comment = true, e.Vote.Comment
	case EventSubmit:
		action := after.Action
		entry.Action = &action
	case EventCancel, EventExpire, EventClaim, EventRelease, EventRefuse, EventSend, EventInvite, EventOverdue, EventResend:
	}
	entry.Hash = entry.seal()
	return entry
}

func entryKey(request string, step int) string { return fmt.Sprintf("EVENT#%s#%04d", request, step) }

func (e Entry) write() Write {
	return Write{Key: entryKey(e.Request, e.Step), Body: encode(e), Places: map[Index]Place{
		ByState: {Key: "history/" + e.At.UTC().Format("2006-01"), Sort: sortKey(e.At, fmt.Sprintf("%s#%04d", e.Request, e.Step))},
	}}
}

// VerifyChain checks the entries of one request, in order: no gap, no change, no break. It names the first bad step.
func VerifyChain(entries []Entry) error {
	prev := ""
	for i, e := range entries {
		switch {
		case e.Step != i+1:
			return fmt.Errorf("history of %s: step %d is missing", e.Request, i+1)
		case e.Prev != prev:
			return fmt.Errorf("history of %s: step %d does not follow the one before", e.Request, e.Step)
		case e.Hash != e.seal():
			return fmt.Errorf("history of %s: step %d was changed", e.Request, e.Step)
		}
		prev = e.Hash
	}
	return nil
}

// History reads all entries of a request, oldest first, and fails when the chain does not hold.
func (d *Desk) History(ctx context.Context, r Request) ([]Entry, error) {
	keys := make([]string, r.Step)
	for i := range keys {
		keys[i] = entryKey(r.ID, i+1)
	}
	records, err := d.Journal.Get(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("reading the history of %s: %w", r.ID, err)
	}
	entries := make([]Entry, len(records))
	for i, record := range records {
		if entries[i], err = decode[Entry](record); err != nil {
			return nil, err
		}
	}
	if err := VerifyChain(entries); err != nil {
		return nil, err
	}
	if len(entries) == 0 || entries[len(entries)-1].Hash != r.LastEntry {
		return nil, fmt.Errorf("history of %s: the request does not match its last step", r.ID)
	}
	return entries, nil
}
