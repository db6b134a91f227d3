package treasury

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// requestIn makes a request in a state, as the transitions would leave it.
func requestIn(s State) Request {
	a := Action{Kind: ActionTransfer, Transfer: &Transfer{
		From: AccountRef{ID: "from-one"}, To: AccountRef{ID: "to-two"}, Amount: money.New(100, "USD"),
	}}
	r := Request{
		ID: "TB-00000001", Action: a, Hash: a.Hash(), Requester: "U0LENA", State: s, Step: 5,
		Rule: RuleApplied{Number: 1, Approvals: 2, From: []string{"finance"}}, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
	}
	switch s {
	case StatePending, StateDenied, StateExpired:
	case StateApproved, StateCancelled:
		r.DueAt = noon
	case StateInDoubt:
		r.DueAt, r.Attempts = noon, 1
		r.Attempt = &Attempt{ID: "TB-00000001.1", NotAfter: noon.Add(90 * time.Second), SentAt: noon}
		r.Inquiry = &Inquiry{Since: noon}
	case StateClaimed, StateSending, StateSettling, StateSucceeded, StateDeclined, StateFailed:
		r.DueAt, r.Attempts = noon, 1
		r.Attempt = &Attempt{ID: "TB-00000001.1", NotAfter: noon.Add(90 * time.Second), SentAt: noon}
	}
	if s != StatePending {
		r.Votes = []Vote{{Person: "U0MAYA", Approve: true, Hash: r.Hash}, {Person: "U0RAVI", Approve: true, Hash: r.Hash}}
	}
	return r
}

// goodEvents are events that some state accepts.
func goodEvents() map[string]Event {
	const mine = "TB-00000001.1"
	hash := requestIn(StatePending).Hash
	done := Answer{Verdict: VerdictDone}
	return map[string]Event{
		"approve":      {Kind: EventVote, At: noon, By: "U0VERA", Eligible: true, Vote: Vote{Approve: true, Hash: hash}},
		"deny":         {Kind: EventVote, At: noon, By: "U0VERA", Eligible: true, Vote: Vote{Comment: "no", Hash: hash}},
		"take back":    {Kind: EventCancel, At: noon, By: "U0LENA"},
		"stop":         {Kind: EventCancel, At: noon, By: "U0MAYA", Eligible: true},
		"give up":      {Kind: EventCancel, At: noon, Reason: ReasonLimit},
		"expire":       {Kind: EventExpire, At: noon.Add(time.Hour)},
		"claim":        {Kind: EventClaim, At: noon, Valid: 2, NotAfter: noon.Add(90 * time.Second)},
		"release":      {Kind: EventRelease, At: noon, Attempt: mine},
		"lapse":        {Kind: EventRelease, At: noon.Add(151 * time.Second)},
		"refuse":       {Kind: EventRefuse, At: noon, Attempt: mine, Reason: ReasonInsufficient},
		"send":         {Kind: EventSend, At: noon, Attempt: mine},
		"done":         {Kind: EventAnswer, At: noon, Attempt: mine, Answer: done},
		"refused":      {Kind: EventAnswer, At: noon, Attempt: mine, Answer: Answer{Verdict: VerdictRefused}},
		"unsent":       {Kind: EventAnswer, At: noon, Attempt: mine, Answer: Answer{Verdict: VerdictUnsent}},
		"throttled":    {Kind: EventAnswer, At: noon, Attempt: mine, Answer: Answer{Verdict: VerdictThrottled}},
		"unknown":      {Kind: EventAnswer, At: noon, Attempt: mine, Answer: Answer{Verdict: VerdictUnknown, Doubt: DoubtServer}},
		"taken":        {Kind: EventAnswer, At: noon, Attempt: mine, Answer: Answer{Verdict: VerdictPending}},
		"declined":     {Kind: EventAnswer, At: noon, Attempt: mine, Answer: Answer{Verdict: VerdictDeclined}},
		"settled":      {Kind: EventSettle, At: noon, Answer: done},
		"turned down":  {Kind: EventSettle, At: noon, Answer: Answer{Verdict: VerdictDeclined}},
		"never told":   {Kind: EventSettle, At: noon.Add(SettleGiveUp), Answer: Answer{Verdict: VerdictUnknown, Doubt: DoubtUnsettled}},
		"other amount": {Kind: EventSettle, At: noon, Answer: Answer{Verdict: VerdictUnknown, Doubt: DoubtMismatch}},
		"overdue":      {Kind: EventOverdue, At: noon.Add(SettleOverdue)},
		"invite":       {Kind: EventInvite, At: noon, Valid: 2, Invite: Invite{Hash: "x", ExpiresAt: noon.Add(InviteLife)}},
		"lost":         {Kind: EventLost, At: noon.Add(151 * time.Second)},
		"shown done":   {Kind: EventEvidence, At: noon.Add(time.Hour), Evidence: Evidence{Says: FindingExecuted, Rule: RuleBothMoved}},
		"shown not":    {Kind: EventEvidence, At: noon.Add(time.Hour), Evidence: Evidence{Says: FindingNot, Rule: RuleNoneMoved}},
		"shown little": {Kind: EventEvidence, At: noon.Add(time.Hour), Evidence: Evidence{Says: FindingOpen, Rule: RuleUnclear}},
		"seen":         {Kind: EventFinding, At: noon.Add(2 * time.Hour), By: "U0MAYA", Eligible: true, Finding: Verified{Finding: FindingNot, Seen: "portal"}},
		"once more":    {Kind: EventResendVote, At: noon.Add(2 * time.Hour), By: "U0MAYA", Eligible: true, Vote: Vote{Approve: true, Hash: hash}},
		"resend":       {Kind: EventResend, At: noon.Add(2 * time.Hour), Valid: 2, NotAfter: noon.Add(3 * time.Hour)},
		"submit again": {Kind: EventSubmit, At: noon, By: "U0LENA"},
	}
}

// TestEveryStateTakesExactlyItsEvents walks all states and all events: what is not listed must be refused.
func TestEveryStateTakesExactlyItsEvents(t *testing.T) {
	t.Parallel()
	want := map[State]map[string]State{
		StatePending:  {"approve": StatePending, "deny": StateDenied, "take back": StateCancelled, "give up": StateCancelled, "expire": StateExpired},
		StateApproved: {"take back": StateCancelled, "stop": StateCancelled, "give up": StateCancelled, "claim": StateClaimed},
		StateClaimed:  {"release": StateApproved, "lapse": StateApproved, "refuse": StateFailed, "send": StateSending},
		StateSending: {
			"done": StateSucceeded, "refused": StateFailed, "unsent": StateApproved, "throttled": StateApproved,
			"unknown": StateInDoubt, "lost": StateInDoubt, "taken": StateSettling, "declined": StateDeclined,
		},
		StateSettling: {
			"settled": StateSucceeded, "turned down": StateDeclined, "never told": StateInDoubt, "other amount": StateInDoubt,
			"overdue": StateSettling,
		},
		StateInDoubt: {
			"done": StateSucceeded, "taken": StateSettling, "shown done": StateSucceeded, "shown not": StateFailed,
			"shown little": StateInDoubt, "seen": StateInDoubt, "once more": StateInDoubt,
		},
		StateSucceeded: {}, StateDeclined: {}, StateFailed: {}, StateDenied: {}, StateCancelled: {}, StateExpired: {},
	}
	for _, s := range States() {
		for name, event := range goodEvents() {
			t.Run(string(s)+"/"+name, func(t *testing.T) {
				t.Parallel()
				before := requestIn(s)
				kept := fmt.Sprintf("%+v", before)
				after, err := Next(before, event)
				next, allowed := want[s][name]
				switch {
				case allowed && err != nil:
					t.Fatalf("refused: %v", err)
				case !allowed && err == nil:
					t.Fatalf("allowed, to %s", after.State)
				case allowed && after.State != next:
					t.Errorf("to %s, want %s", after.State, next)
				case allowed && after.Step != before.Step+1:
					t.Errorf("step %d after %d", after.Step, before.Step)
				case allowed && after.State.IsFinal() != !after.ClosedAt.IsZero():
					t.Errorf("%s, closed at %v", after.State, after.ClosedAt)
				}
				if now := fmt.Sprintf("%+v", before); now != kept {
					t.Errorf("the request before was changed:\n%s\n%s", kept, now)
				}
			})
		}
	}
}

func TestGuards(t *testing.T) {
	t.Parallel()
	events := goodEvents()
	edit := func(name string, f func(*Event)) Event {
		e := events[name]
		f(&e)
		return e
	}
	for _, c := range []struct {
		name  string
		state State
		event Event
		why   Why // of a Forbidden; empty for ErrConflict
	}{
		{"the requester's own vote", StatePending, edit("approve", func(e *Event) { e.By = "U0LENA" }), WhyOwnRequest},
		{"the requester's own denial", StatePending, edit("deny", func(e *Event) { e.By = "U0LENA" }), WhyOwnRequest},
		{"a vote without authority", StatePending, edit("approve", func(e *Event) { e.Eligible = false }), WhyNotApprover},
		{"a vote on other figures", StatePending, edit("approve", func(e *Event) { e.Vote.Hash = "other" }), WhyChanged},
		{"a denial without a reason", StatePending, edit("deny", func(e *Event) { e.Vote.Comment = "" }), WhyNoComment},
		{"a vote when the time is over", StatePending, edit("approve", func(e *Event) { e.At = noon.Add(time.Hour) }), WhyExpired},
		{"a vote after the decision", StateDenied, events["approve"], WhyDecided},
		{"an approver takes back a pending request", StatePending, events["stop"], WhyNotRequester},
		{"a stranger stops an approved request", StateApproved, edit("stop", func(e *Event) { e.Eligible = false }), WhyNotStopper},
		{"a stop after the claim", StateClaimed, events["stop"], WhyDecided},
		{"expiry before its time", StatePending, edit("expire", func(e *Event) { e.At = noon.Add(time.Hour - 1) }), ""},
		{"a claim in the undo window", StateApproved, edit("claim", func(e *Event) { e.At = noon.Add(-1) }), ""},
		{"a claim without quorum", StateApproved, edit("claim", func(e *Event) { e.Valid = 1 }), WhyQuorumLost},
		{"a claim too near the worker's end", StateApproved, edit("claim", func(e *Event) { e.NotAfter = noon.Add(SendMargin) }), ""},
		{"a mark too near the worker's end", StateClaimed, edit("send", func(e *Event) { e.At = noon.Add(50 * time.Second) }), ""},
		{"a mark by another attempt", StateClaimed, edit("send", func(e *Event) { e.Attempt = "TB-00000001.2" }), ""},
		{"a mark by nobody", StateClaimed, edit("send", func(e *Event) { e.Attempt = "" }), ""},
		{"a release by another attempt", StateClaimed, edit("release", func(e *Event) { e.Attempt = "TB-00000001.2" }), ""},
		{"a lapse while the worker may live", StateClaimed, edit("lapse", func(e *Event) { e.At = noon.Add(150 * time.Second) }), ""},
		{"a loss while the worker may live", StateSending, edit("lost", func(e *Event) { e.At = noon.Add(150 * time.Second) }), ""},
		{"an answer of another attempt", StateSending, edit("done", func(e *Event) { e.Attempt = "TB-00000001.2" }), ""},
		{"an answer of nobody, long after", StateSending, edit("done", func(e *Event) { e.Attempt, e.At = "", noon.Add(time.Hour) }), ""},
		{"a late refusal of a request in doubt", StateInDoubt, events["refused"], ""},
		{"a late unsent of a request in doubt", StateInDoubt, events["unsent"], ""},
		{"a late answer of another attempt", StateInDoubt, edit("done", func(e *Event) { e.Attempt = "TB-00000001.2" }), ""},
		{"a refusal without a reason", StateClaimed, edit("refuse", func(e *Event) { e.Reason = ReasonNone }), ""},
		{"giving up without a reason", StateApproved, edit("give up", func(e *Event) { e.Reason = ReasonNone }), WhyNotStopper},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Next(requestIn(c.state), c.event)
			var no *Forbidden
			switch {
			case err == nil:
				t.Fatal("allowed")
			case c.why == "" && !errors.Is(err, ErrConflict):
				t.Errorf("got %v, want a conflict", err)
			case c.why != "" && (!errors.As(err, &no) || no.Why != c.why):
				t.Errorf("got %v, want %s", err, c.why)
			}
		})
	}
}

func TestOnePersonOneVote(t *testing.T) {
	t.Parallel()
	approve := goodEvents()["approve"]
	once, err := Next(requestIn(StatePending), approve)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Next(once, approve)
	var no *Forbidden
	if !errors.As(err, &no) || no.Why != WhyVoted {
		t.Fatalf("a second vote gave %v", err)
	}
	approve.By, approve.DueAt = "U0MAYA", noon.Add(time.Minute)
	twice, err := Next(once, approve)
	if err != nil || twice.State != StateApproved || !twice.DueAt.Equal(noon.Add(time.Minute)) {
		t.Fatalf("the second person's vote gave %s, due %v, %v", twice.State, twice.DueAt, err)
	}
}

func TestThreeTriesWithoutASendEndTheRequest(t *testing.T) {
	t.Parallel()
	events := goodEvents()
	r := requestIn(StateApproved)
	for try := 1; try <= MaxAttempts; try++ {
		for _, name := range []string{"claim", "send", "unsent"} {
			e := events[name]
			if name != "claim" {
				e.Attempt = attemptID(r.ID, try)
			}
			var err error
			if r, err = Next(r, e); err != nil {
				t.Fatalf("try %d, %s: %v", try, name, err)
			}
		}
	}
	if r.State != StateFailed || r.Reason != ReasonAttempts {
		t.Errorf("after %d tries: %s, %s", MaxAttempts, r.State, r.Reason)
	}
}

func TestLanes(t *testing.T) {
	t.Parallel()
	free, ours, theirs := Lane{}, Lane{Holder: "TB-00000001"}, Lane{Holder: "TB-00000002"}
	for _, c := range []struct {
		name          string
		lane          Lane
		before, after State
		holder        string
		err           error
	}{
		{"taken by the claim", free, StateApproved, StateClaimed, "TB-00000001", nil},
		{"busy", theirs, StateApproved, StateClaimed, "", ErrLaneBusy},
		{"ours already, so the request was read too early", ours, StateApproved, StateClaimed, "", ErrConflict},
		{"kept while sending", ours, StateClaimed, StateSending, "TB-00000001", nil},
		{"kept in doubt", ours, StateSending, StateInDoubt, "TB-00000001", nil},
		{"freed by success", ours, StateSending, StateSucceeded, "", nil},
		{"freed by release", ours, StateClaimed, StateApproved, "", nil},
		{"not freed for another", theirs, StateSending, StateSucceeded, "", ErrConflict},
		{"not held any more", free, StateSending, StateInDoubt, "", ErrConflict},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := nextLane(c.lane, requestIn(c.before), requestIn(c.after), noon)
			if !errors.Is(err, c.err) || got.Holder != c.holder {
				t.Errorf("holder %q, %v; want %q, %v", got.Holder, err, c.holder, c.err)
			}
		})
	}
}

func TestEveryStateIsListedOnce(t *testing.T) {
	t.Parallel()
	if n := len(slices.Compact(slices.Sorted(slices.Values(States())))); n != len(States()) || n != 12 {
		t.Errorf("%d different of %d states", n, len(States()))
	}
}

func TestHistoryShowsTampering(t *testing.T) {
	t.Parallel()
	chain := func() []Entry {
		r := requestIn(StateApproved)
		var entries []Entry
		r.Step, r.LastEntry = 0, ""
		for _, name := range []string{"claim", "send", "done"} {
			e := goodEvents()[name]
			after, err := Next(r, e)
			if err != nil {
				t.Fatal(err)
			}
			entry := newEntry(r, after, e)
			after.LastEntry = entry.Hash
			entries, r = append(entries, entry), after
		}
		return entries
	}
	if err := VerifyChain(chain()); err != nil {
		t.Fatalf("an honest history: %v", err)
	}
	for name, tamper := range map[string]func([]Entry) []Entry{
		"changed":            func(e []Entry) []Entry { e[1].By = "U0EVIL"; return e },
		"changed and sealed": func(e []Entry) []Entry { e[1].By = "U0EVIL"; e[1].Hash = e[1].seal(); return e },
		"left out":           func(e []Entry) []Entry { return slices.Delete(e, 1, 2) },
		"first left out":     func(e []Entry) []Entry { return e[1:] },
		"swapped":            func(e []Entry) []Entry { e[0], e[1] = e[1], e[0]; return e },
		"answer changed":     func(e []Entry) []Entry { e[2].Answer = &Answer{Verdict: VerdictRefused}; return e },
	} {
		if err := VerifyChain(tamper(chain())); err == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

func TestRemindersDouble(t *testing.T) {
	t.Parallel()
	for hours, want := range map[int]int{0: 0, 3: 0, 4: 1, 7: 1, 8: 2, 15: 2, 16: 3, 64: 5, 1000: 5} {
		if got := remindersDue(time.Duration(hours)*time.Hour, 4*time.Hour); got != want {
			t.Errorf("after %d h: %d, want %d", hours, got, want)
		}
	}
}

func TestLimitsCountARollingWindow(t *testing.T) {
	t.Parallel()
	most, day := money.New(1000, "USD"), 24*time.Hour
	at := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	var t1 tally
	var err error
	add := func(id string, hundredths int64, h int) error {
		next, _, addErr := t1.with(spend{Request: id, Amount: money.New(hundredths, "USD"), At: at(h)}, most, day)
		if addErr == nil {
			t1 = next
		}
		return addErr
	}
	if err = add("a", 600, 0); err != nil {
		t.Fatal(err)
	}
	if err = add("b", 400, 1); err != nil {
		t.Fatalf("exactly the limit: %v", err)
	}
	if err = add("c", 1, 2); !errors.Is(err, errOverLimit) {
		t.Fatalf("one cent more: %v", err)
	}
	if err = add("a", 600, 2); err != nil {
		t.Fatalf("the same request again counts once: %v", err)
	}
	t1 = t1.without("b")
	if err = add("c", 400, 3); err != nil {
		t.Fatalf("after b was taken out: %v", err)
	}
	if err = add("d", 600, 26); err != nil {
		t.Fatalf("after a has left the window: %v", err)
	}
	if err = add("e", 1, 26); !errors.Is(err, errOverLimit) {
		t.Fatalf("c is still in the window: %v", err)
	}
}
