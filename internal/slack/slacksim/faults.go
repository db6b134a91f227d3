package slacksim

import (
	"net/http"
	"strconv"
	"time"
)

// Fault makes calls of one method go wrong. Exactly one of Error, Status and Drop says how; with none of them, a fault
// that has Hold only delays.
type Fault struct {
	// Method is a Web API method, "response_url", or "*" for all of them.
	Method string
	// Times is how many calls it meets: once when 0, until ClearFaults when negative.
	Times int
	// Error answers 200 with ok false and this code.
	Error string
	// Status answers this HTTP status, with a body that is not Slack's.
	Status int
	// RetryAfter is sent with Status 429, in whole seconds.
	RetryAfter time.Duration
	// Drop cuts the connection instead of answering.
	Drop bool
	// Applied lets the call have its effect first: what the app is told is then untrue, or lost.
	Applied bool
	// Hold keeps the call waiting until it is closed or the app gives up; before the effect, or, with Applied, after.
	Hold <-chan struct{}
}

// Inject arms a fault. Faults are met in the order in which they were injected.
func (w *Workspace) Inject(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, f)
}

// ClearFaults disarms all faults.
func (w *Workspace) ClearFaults() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = nil
}

// takeFault uses up one meeting of the first fault for a method. The lock is held.
func (w *Workspace) takeFault(name string) (Fault, bool) {
	for i := range w.faults {
		f := &w.faults[i]
		if f.Method != name && f.Method != "*" || f.Times == 0 {
			continue
		}
		if f.Times > 0 {
			f.Times--
		}
		return *f, true
	}
	return Fault{}, false
}

// refuses tells whether the fault replaces the answer.
func (f Fault) refuses() bool { return f.Error != "" || f.Status != 0 || f.Drop }

func (f Fault) answer() answer {
	switch {
	case f.Error != "":
		return answer{body: refuse(f.Error).answer(), code: f.Error}
	case f.Status == http.StatusTooManyRequests:
		return answer{
			body: refuse("ratelimited").answer(), status: f.Status, code: "ratelimited",
			retry: max(f.RetryAfter, time.Second),
		}
	case f.Status != 0:
		return answer{text: http.StatusText(f.Status) + "\n", status: f.Status, code: "http_" + strconv.Itoa(f.Status)}
	}
	return answer{code: "connection_dropped"}
}

// hold waits; false when the app gave up first.
func hold(r *http.Request, until <-chan struct{}) bool {
	select {
	case <-until:
		return true
	case <-r.Context().Done():
		return false
	}
}

// SetRateLimits turns the limits per method on or off. Turning them on begins with empty counters.
func (w *Workspace) SetRateLimits(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limited = on
	w.recent = map[string][]time.Time{}
}

// bucket is one rate limit: so many calls within a time.
type bucket struct {
	name   string
	calls  int
	within time.Duration
}

// buckets are the limits of a call (Slack: tiers per method and workspace; posting about one a second in a channel and
// a few hundred a minute in all). Several calls to one response_url are limited by its five uses instead.
func buckets(name string, a args) []bucket {
	var perMinute int
	switch name {
	case "chat.postMessage":
		return []bucket{
			{name + " " + a.text("channel"), 1, time.Second},
			{name, 300, time.Minute},
		}
	case "usergroups.users.list":
		perMinute = 20 // tier 2
	case "chat.update", "conversations.open":
		perMinute = 50 // tier 3
	case "users.info", "views.open", "views.push", "views.update", "views.publish", "chat.postEphemeral",
		"files.getUploadURLExternal", "files.completeUploadExternal":
		perMinute = 100 // tier 4
	default:
		return nil
	}
	return []bucket{{name, perMinute, time.Minute}}
}

// overRate counts a call, and gives how long the app must wait when it is one too many. A call that is refused for its
// rate is not counted. The lock is held.
func (w *Workspace) overRate(name string, a args) time.Duration {
	if !w.limited {
		return 0
	}
	now := w.config.Clock()
	list := buckets(name, a)
	for _, b := range list {
		kept := w.recent[b.name][:0]
		for _, at := range w.recent[b.name] {
			if now.Sub(at) < b.within {
				kept = append(kept, at)
			}
		}
		w.recent[b.name] = kept
		if len(kept) >= b.calls {
			return kept[0].Add(b.within).Sub(now)
		}
	}
	for _, b := range list {
		w.recent[b.name] = append(w.recent[b.name], now)
	}
	return 0
}

// seconds writes a wait as Retry-After does: whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}
