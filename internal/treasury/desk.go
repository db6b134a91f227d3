package treasury

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Desk holds the use cases. All fields are needed, but those that only some functions use: a desk that never executes
// needs no Books, Mover and Pacer, and one in a Slack function must not have them.
type Desk struct {
	Journal Journal
	People  People
	Policy  *Policy
	Clock   func() time.Time
	Log     *slog.Logger

	Accounts *Directory // the accounts that this process has in memory

	Money     Queue // jobs for Execute
	Questions Queue // announcements, and the edge's own questions

	Books Books
	Mover Mover
	Pacer Pacer
}

// Job is the body of a queued message: exactly one of its fields is set, but for Renew.
type Job struct {
	Execute  string          `json:"execute,omitempty"`  // request id, on the money queue
	Announce string          `json:"announce,omitempty"` // request id, on the questions queue
	Alert    string          `json:"alert,omitempty"`    // alert id, on the questions queue
	Invite   string          `json:"invite,omitempty"`   // request id whose requester gets a one-time link, on the questions queue
	Renew    bool            `json:"renew,omitempty"`    // with Invite: also while an earlier link is good
	Question json.RawMessage `json:"question,omitempty"` // the edge's own, on the questions queue
}

// Send puts a job on a queue.
func (j Job) Send(ctx context.Context, q Queue, delay time.Duration) error {
	body, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("encoding a job: %w", err)
	}
	return q.Send(ctx, body, delay)
}

// conflictTries bounds how often a use case reads and decides again after losing a commit. Every lost commit means
// that somebody else's was won, so a request of a few dozen steps cannot need more.
const conflictTries = 40

// errNothing is what a decision returns to leave the request as it is.
var errNothing = errors.New("nothing to do")

// change reads a request, lets decide name the event, and commits what Next makes of it together with the history
// entry, the notice, the lanes and the limits. It starts over when somebody else committed first. It returns the
// request as it then is; when decide or Next refuses, the request as it was and the refusal.
func (d *Desk) change(ctx context.Context, id string, decide func(Request) (Event, error)) (Request, error) {
	for range conflictTries {
		before, version, err := d.read(ctx, id)
		if err != nil {
			return Request{}, err
		}
		event, err := decide(before)
		if errors.Is(err, errNothing) {
			return before, nil
		}
		if err != nil {
			return before, err
		}
		after, err := Next(before, event)
		if err != nil {
			return before, err
		}
		writes, after, err := d.writes(ctx, before, version, after, event)
		if err != nil {
			return before, err
		}
		err = d.Journal.Commit(ctx, NewWriteID(), writes...)
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return before, fmt.Errorf("recording %s of %s: %w", event.Kind, id, err)
		}
		d.Log.InfoContext(ctx, "request changed", "request", id, "event", event.Kind, "from", before.State, "to", after.State,
			"step", after.Step, "by", event.By, "reason", after.Reason)
		d.follow(ctx, before, after)
		return after, nil
	}
	return Request{}, fmt.Errorf("changing %s: %w", id, ErrConflict)
}

// writes gathers all that one transition writes: in one commit, or not at all.
func (d *Desk) writes(ctx context.Context, before Request, version int64, after Request, e Event) ([]Write, Request, error) {
	entry := newEntry(before, after, e)
	after.LastEntry = entry.Hash
	notice, noticeVersion, err := d.notice(ctx, after.ID)
	if err != nil {
		return nil, Request{}, err
	}
	notice.Want = after.Step
	writes := []Write{requestWrite(after, version), entry.write(), notice.write(after.ID, noticeVersion, e.At)}
	if e.Kind == EventClaim || e.Kind == EventSend || e.Kind == EventResend {
		stop, err := d.stopWrite(ctx)
		if err != nil {
			return nil, Request{}, err
		}
		writes = append(writes, stop)
	}
	if before.State.HoldsLanes() != after.State.HoldsLanes() {
		lanes, err := d.laneWrites(ctx, before, after, e.At)
		if err != nil {
			return nil, Request{}, err
		}
		writes = append(writes, lanes...)
	} else if e.Kind == EventSend || e.Kind == EventResend {
		lanes, err := d.laneChecks(ctx, after)
		if err != nil {
			return nil, Request{}, err
		}
		writes = append(writes, lanes...)
	}
	tallies, err := d.tallyWrites(ctx, before, after, e.At)
	if err != nil {
		return nil, Request{}, err
	}
	return append(writes, tallies...), after, nil
}

// follow hands on what a commit made necessary. A queue that fails loses nothing: the sweep finds the same work.
func (d *Desk) follow(ctx context.Context, before, after Request) {
	if err := (Job{Announce: after.ID}).Send(ctx, d.Questions, 0); err != nil {
		d.Log.ErrorContext(ctx, "announcement not queued, the sweep will repeat it", "request", after.ID, "error", err)
	}
	if after.State == StateApproved {
		delay := max(after.DueAt.Sub(d.Clock()), 0)
		if before.State.HoldsLanes() {
			delay = retryDelay // Tango or the network just refused: not at once again
		}
		d.enqueue(ctx, after.ID, delay)
	}
	if before.State.HoldsLanes() && !after.State.HoldsLanes() {
		d.wake(ctx, after)
	}
}

// retryDelay is the pause after an attempt that provably sent nothing.
const retryDelay = 10 * time.Second

func (d *Desk) enqueue(ctx context.Context, id string, delay time.Duration) {
	if err := (Job{Execute: id}).Send(ctx, d.Money, min(delay, MaxDelay)); err != nil {
		d.Log.ErrorContext(ctx, "execution not queued, the sweep will repeat it", "request", id, "error", err)
	}
}

// wake queues the approved requests that waited for the accounts which a request has just freed.
func (d *Desk) wake(ctx context.Context, freed Request) {
	waiting, err := d.inState(ctx, StateApproved)
	if err != nil {
		d.Log.ErrorContext(ctx, "waiting requests not listed, the sweep will queue them", "error", err)
		return
	}
	for _, r := range waiting {
		if r.ID != freed.ID && shares(r.Action.Lanes(), freed.Action.Lanes()) && !d.Clock().Before(r.DueAt) {
			d.enqueue(ctx, r.ID, 0)
		}
	}
}

func shares(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

func (d *Desk) read(ctx context.Context, id string) (Request, int64, error) {
	if !IsRequestID(id) {
		return Request{}, 0, fmt.Errorf("request %q: %w", id, ErrNotFound)
	}
	records, err := d.Journal.Get(ctx, requestKey(id))
	if err != nil {
		return Request{}, 0, fmt.Errorf("reading request %s: %w", id, err)
	}
	if records[0].Version == 0 {
		return Request{}, 0, fmt.Errorf("request %s: %w", id, ErrNotFound)
	}
	r, err := decode[Request](records[0])
	return r, records[0].Version, err
}

func (d *Desk) laneWrites(ctx context.Context, before, after Request, at time.Time) ([]Write, error) {
	accounts := after.Action.Lanes()
	records, err := d.laneRecords(ctx, accounts)
	if err != nil {
		return nil, err
	}
	writes := make([]Write, len(records))
	for i, record := range records {
		lane, err := decode[Lane](record)
		if err != nil {
			return nil, err
		}
		lane, err = nextLane(lane, before, after, at)
		if err != nil {
			return nil, fmt.Errorf("account %s: %w", accounts[i], err)
		}
		writes[i] = Write{Key: record.Key, Version: record.Version, Body: encode(lane)}
	}
	return writes, nil
}

// laneChecks makes the commit that precedes a send depend on its lanes not being frozen: nobody can find a contradiction
// and still be overtaken.
func (d *Desk) laneChecks(ctx context.Context, r Request) ([]Write, error) {
	accounts := r.Action.Lanes()
	records, err := d.laneRecords(ctx, accounts)
	if err != nil {
		return nil, err
	}
	checks := make([]Write, len(records))
	for i, record := range records {
		lane, err := decode[Lane](record)
		if err != nil {
			return nil, err
		}
		if lane.Frozen != "" {
			return nil, fmt.Errorf("account %s is frozen: %w", accounts[i], ErrLaneBusy)
		}
		checks[i] = Write{Key: record.Key, Version: record.Version, Check: true}
	}
	return checks, nil
}

func (d *Desk) laneRecords(ctx context.Context, accounts []string) ([]Record, error) {
	keys := make([]string, len(accounts))
	for i, account := range accounts {
		keys[i] = laneKey(account)
	}
	records, err := d.Journal.Get(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("reading lanes: %w", err)
	}
	return records, nil
}

// lanes reads the lanes of accounts.
func (d *Desk) lanes(ctx context.Context, accounts ...string) ([]Lane, error) {
	records, err := d.laneRecords(ctx, accounts)
	if err != nil {
		return nil, err
	}
	lanes := make([]Lane, len(records))
	for i, record := range records {
		if lanes[i], err = decode[Lane](record); err != nil {
			return nil, err
		}
	}
	return lanes, nil
}

func laneKey(account string) string { return "LANE#" + account }

func requestKey(id string) string { return "REQ#" + id }

func requestWrite(r Request, version int64) Write {
	sorted := r.CreatedAt
	if r.State.IsFinal() {
		sorted = r.ClosedAt
	}
	return Write{Key: requestKey(r.ID), Version: version, Body: encode(r), Places: map[Index]Place{
		ByState: {Key: stateList(r.State), Sort: sortKey(sorted, r.ID)},
		ByOwner: {Key: r.Requester, Sort: sortKey(r.CreatedAt, r.ID)},
	}}
}

func stateList(s State) string { return "state/" + string(s) }

// sortKey orders by time; RFC 3339 in UTC with a fixed width sorts as text.
func sortKey(t time.Time, id string) string {
	return t.UTC().Format("2006-01-02T15:04:05.000Z") + "/" + id
}

func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic("journal values are plain data and always encode: " + err.Error())
	}
	return body
}

// decode reads a record; one that does not exist gives the zero value.
func decode[T any](r Record) (T, error) {
	var v T
	if r.Version == 0 {
		return v, nil
	}
	if err := json.Unmarshal(r.Body, &v); err != nil {
		return v, fmt.Errorf("reading record %s: %w", r.Key, err)
	}
	return v, nil
}
