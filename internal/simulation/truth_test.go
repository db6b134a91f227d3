package simulation

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/canarytest"
	"github.com/tangobot/tangobot/internal/treasury"
)

// truth sees every commit and every call to Tango, and holds them against what must always be.
type truth struct {
	world    *world
	records  map[string][]version
	names    map[string]string // of requests, by id: R1, R2, ... in the order of their creation
	order    []string
	requests map[string]treasury.Request
	entries  map[string][]treasury.Entry
	lanes    map[string]string // account to holder
	stopped  bool

	marks    map[string]int // commits of "sending", by request
	sends    map[string]int // calls that reached Tango
	made     map[string]int // what Tango made of calls that move no money, by request
	met      map[string]map[fault]bool
	rights   []right // of approvers, as they changed
	balances map[string][]balance
}

type version struct {
	at     time.Time
	number int64
	body   []byte
	places map[treasury.Index]treasury.Place
}

type right struct {
	at     time.Time
	person string
	has    bool
}

type balance struct {
	at    time.Time
	cents int64
}

func newTruth(w *world) *truth {
	return &truth{
		world: w, records: map[string][]version{}, names: map[string]string{}, requests: map[string]treasury.Request{},
		entries: map[string][]treasury.Entry{}, lanes: map[string]string{}, marks: map[string]int{}, sends: map[string]int{},
		made: map[string]int{}, met: map[string]map[fault]bool{}, balances: map[string][]balance{},
	}
}

// isSending reports whether a request is being sent.
func (t *truth) isSending() bool {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	for _, r := range t.requests {
		if r.State == treasury.StateSending {
			return true
		}
	}
	return false
}

// spelled writes keys without what differs from run to run.
func (t *truth) spelled(keys []string) string {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	short := make([]string, len(keys))
	for i, key := range keys {
		kind, rest, _ := strings.Cut(key, "#")
		id, _, _ := strings.Cut(rest, "#")
		short[i] = kind
		if name := t.names[id]; name != "" {
			short[i] += "#" + name
		}
	}
	return strings.Join(slices.Compact(short), ",")
}

// event names the transition that a commit carries, as a row of the coverage table; empty for none.
func (t *truth) event(writes []treasury.Write) string {
	for _, one := range writes {
		if !strings.HasPrefix(one.Key, "EVENT#") {
			continue
		}
		var e treasury.Entry
		if json.Unmarshal(one.Body, &e) != nil {
			return "unreadable"
		}
		return row(e)
	}
	return ""
}

// row names a transition, told apart by what the worlds of its kind must survive.
func row(e treasury.Entry) string {
	name := string(e.Event)
	switch e.Event {
	case treasury.EventVote:
		switch {
		case !e.Approve:
			return "denied"
		case e.To == treasury.StateApproved:
			return "approved"
		}
	case treasury.EventCancel:
		return "cancelled: " + string(e.Reason)
	case treasury.EventRefuse:
		return "refused by a check"
	case treasury.EventRelease:
		if e.By == "" && e.To == treasury.StateFailed {
			return "given up"
		}
	case treasury.EventAnswer, treasury.EventSettle:
		if e.Answer != nil {
			name += ": " + string(e.Answer.Verdict)
		}
		if e.From == treasury.StateInDoubt {
			name = "late answer"
		}
	case treasury.EventEvidence:
		if e.Evidence != nil {
			name += ": " + string(e.Evidence.Says)
		}
	case treasury.EventFinding:
		if e.To != treasury.StateInDoubt {
			return "closed by two"
		}
	case treasury.EventSubmit, treasury.EventExpire, treasury.EventClaim, treasury.EventSend, treasury.EventLost, treasury.EventInvite,
		treasury.EventOverdue, treasury.EventResendVote, treasury.EventResend:
	}
	return name
}

// sentFaults gives what went wrong with the calls of the request that a commit is about.
func (t *truth) sentFaults(writes []treasury.Write) map[fault]bool {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	for _, one := range writes {
		if id, ok := strings.CutPrefix(one.Key, "REQ#"); ok {
			return maps.Clone(t.met[id])
		}
	}
	return nil
}

// committed takes note of a commit that applied.
func (t *truth) committed(by *invocation, writes []treasury.Write) {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	now := time.Now()
	var request *treasury.Request
	for _, one := range writes {
		if one.Check {
			continue
		}
		list := t.records[one.Key]
		if len(list) > 0 && list[len(list)-1].number != one.Version || len(list) == 0 && one.Version != 0 {
			t.world.broken("%s was written over version %d, which it has not", one.Key, one.Version)
		}
		t.records[one.Key] = append(list, version{now, one.Version + 1, one.Body, one.Places})
		switch kind, id, _ := strings.Cut(one.Key, "#"); kind {
		case "REQ":
			request = t.changed(id, one.Body)
		case "LANE":
			var l treasury.Lane
			t.must(json.Unmarshal(one.Body, &l))
			t.lanes[id] = l.Holder
		case "STOP":
			var s treasury.Stop
			t.must(json.Unmarshal(one.Body, &s))
			t.stopped = s.Stopped
		}
	}
	for _, one := range writes {
		if strings.HasPrefix(one.Key, "EVENT#") && request != nil {
			t.happened(by, request, one)
		}
	}
}

func (t *truth) must(err error) {
	if err != nil {
		t.world.broken("unreadable: %v", err)
	}
}

// changed holds a request against what it was.
func (t *truth) changed(id string, body []byte) *treasury.Request {
	var r treasury.Request
	t.must(json.Unmarshal(body, &r))
	was, known := t.requests[id]
	switch {
	case r.ID != id:
		t.world.broken("request %s lies under %s", r.ID, id)
	case known && was.State.IsFinal():
		t.world.broken("%s was %s and is changed to %s", t.names[id], was.State, r.State)
	case r.Step != was.Step+1:
		t.world.broken("%s goes from step %d to %d", t.names[id], was.Step, r.Step)
	case known && r.Hash != was.Hash, r.Hash != r.Action.Hash():
		t.world.broken("%s has other figures than were voted on", t.names[id])
	}
	if !known {
		t.order = append(t.order, id)
		t.names[id] = "R" + number(len(t.order))
	}
	t.requests[id] = r
	return &r
}

// happened holds a transition against the rules, and counts it.
func (t *truth) happened(by *invocation, r *treasury.Request, one treasury.Write) {
	var e treasury.Entry
	t.must(json.Unmarshal(one.Body, &e))
	name := t.names[r.ID]
	if e.Hash != r.LastEntry || e.Step != r.Step || e.To != r.State {
		t.world.broken("%s: the history does not fit the request", name)
	}
	t.entries[r.ID] = append(t.entries[r.ID], e)
	t.must(treasury.VerifyChain(t.entries[r.ID]))
	t.world.sums.happened(row(e), by, t.met[r.ID])
	t.holdsLanes(name)
	sends := e.Event == treasury.EventSend || e.Event == treasury.EventResend
	if t.stopped && (sends || e.Event == treasury.EventClaim) {
		t.world.broken("%s: %s while sending is stopped", name, e.Event)
	}
	if e.Event == treasury.EventClaim {
		t.withinLimits(*r)
	}
	if sends {
		t.marks[r.ID]++
		t.hasQuorum(*r)
	}
	if r.State.IsFinal() {
		t.isTrue(*r, false)
	}
}

// holdsLanes: every request under way holds its lanes, and nobody else does.
func (t *truth) holdsLanes(name string) {
	held := map[string]string{}
	for id, r := range t.requests {
		if !isUnderWay(r) {
			continue
		}
		for _, account := range r.Action.Lanes() {
			if held[account] != "" {
				t.world.broken("%s: two requests are under way on %s", name, account)
			}
			held[account] = id
		}
	}
	for account, holder := range t.lanes {
		if held[account] != holder {
			t.world.broken("%s: the lane of %s is held by %q, and %q is under way", name, account, t.names[holder], t.names[held[account]])
		}
		delete(held, account)
	}
	for account, id := range held {
		t.world.broken("%s: %s has no lane of %s", name, t.names[id], account)
	}
}

// hasQuorum: enough different people who may, none of them the requester, said yes to exactly these figures.
func (t *truth) hasQuorum(r treasury.Request) {
	yes, votes, needed := map[string]bool{}, r.Votes, t.world.plan.approvals(r.Action)
	if r.Inquiry != nil && r.Inquiry.Resent { // a further send has a quorum of its own
		votes, needed = r.Inquiry.Resend, max(needed, 2)
	}
	for _, v := range votes {
		if v.Approve && v.Hash == r.Hash && v.Person != r.Requester && slices.Contains(approvers, v.Person) && t.hadRight(v.Person) {
			yes[v.Person] = true
		}
	}
	if len(yes) < needed {
		t.world.broken("%s is sent with %d approvals of %d", t.names[r.ID], len(yes), needed)
	}
}

// hadRight tells whether a person had the right within the last three minutes: it is looked up at the claim, at most a
// minute old, and the claim lives two.
func (t *truth) hadRight(person string) bool {
	has := true
	now := time.Now()
	for _, r := range t.rights {
		if r.person != person {
			continue
		}
		if now.Sub(r.at) < 4*time.Minute && has {
			return true
		}
		has = r.has
	}
	return has
}

// withinLimits: what one requester has under way or moved within a day stays below the policy's limit.
func (t *truth) withinLimits(r treasury.Request) {
	sum := int64(0)
	for id, other := range t.requests {
		if other.Requester != r.Requester || !other.Action.MovesMoney() || id != r.ID && !spends(other) {
			continue
		}
		claimed := time.Time{}
		for _, e := range t.entries[id] {
			if e.Event == treasury.EventClaim {
				claimed = e.At
			}
		}
		if time.Since(claimed) < 23*time.Hour { // the clocks differ
			sum += other.Action.Amount().Hundredths
		}
	}
	if sum > limit {
		t.world.broken("%s: %s moves %d in a day", t.names[r.ID], r.Requester, sum)
	}
}

func spends(r treasury.Request) bool {
	return isUnderWay(r) || r.State == treasury.StateSettling || r.State == treasury.StateSucceeded
}

// isUnderWay is the truth's own word for the states in which nobody else may touch the accounts.
func isUnderWay(r treasury.Request) bool {
	return slices.Contains([]treasury.State{treasury.StateClaimed, treasury.StateSending, treasury.StateInDoubt}, r.State)
}

// isTrue holds a closed request against what Tango did. rest is set when nothing is under way any more.
func (t *truth) isTrue(r treasury.Request, rest bool) {
	done, name := t.done(r), t.names[r.ID]
	met := t.met[r.ID]
	switch {
	case done > 1 && met[sendTwice]: // not preventable
		if rest && !met[closedByPeople] && !t.alarmed("money moved twice") && !t.noisy(r) {
			t.world.broken("%s was carried out twice, and nobody was told", name)
		}
	case done > 1:
		t.world.broken("%s was carried out %d times", name, done)
	case r.State == treasury.StateSucceeded && done != 1:
		t.world.broken("%s succeeded, and was carried out %d times", name, done)
	case r.State != treasury.StateSucceeded && done == 1 && met[sendVeryLate]:
		if rest && !t.alarmed("closed request contradicted") {
			t.world.broken("%s is %s, was carried out very late, and nobody was told", name, r.State)
		}
	case r.State != treasury.StateSucceeded && done != 0:
		t.world.broken("%s is %s, and was carried out", name, r.State)
	}
}

// noisy: others moved money on an account of the request, so what moved twice can not be told from it.
func (t *truth) noisy(r treasury.Request) bool {
	return t.world.plan.has(foreignMoves) && r.Action.MovesMoney()
}

func (t *truth) alarmed(line string) bool {
	t.world.said.mu.Lock()
	defer t.world.said.mu.Unlock()
	return strings.Contains(t.world.said.String(), line)
}

// done counts how often Tango carried a request out.
func (t *truth) done(r treasury.Request) int {
	if r.Action.MovesMoney() {
		return t.world.tango.Moved(r.ID)
	}
	return t.made[r.ID]
}

// shows counts what Tango shows of a request that moves no money. Another one may have asked for the same.
func (t *truth) shows(r treasury.Request) int {
	a, n := r.Action, 0
	count := func(is bool) {
		if is {
			n++
		}
	}
	switch a.Kind {
	case treasury.ActionTransfer, treasury.ActionDeposit, treasury.ActionCreateCustomer:
	case treasury.ActionRegisterCard:
		for _, c := range t.world.tango.Cards() {
			count(c.Label == a.RegisterCard.Label)
		}
	case treasury.ActionUnregisterCard:
		for _, c := range t.world.tango.Cards() {
			count(c.Token == a.UnregisterCard.Card.Token && c.Status != "ACTIVE")
		}
	case treasury.ActionCreateAccount:
		for _, c := range t.world.tango.Accounts() {
			count(c.ID == a.CreateAccount.ID)
		}
	case treasury.ActionUpdateAccount:
		for _, c := range t.world.tango.Accounts() {
			count(c.ID == a.UpdateAccount.Account.ID && c.Name == *a.UpdateAccount.Name)
		}
	}
	return n
}

// arrives holds a call that changes something against the request that it carries out, and gives the request's id.
func (t *truth) arrives(path string, body []byte) string {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	id := t.carries(path, body)
	if id == "" {
		t.world.broken("a call that belongs to no request: %s", path)
		return ""
	}
	r, name := t.requests[id], t.names[id]
	t.sends[id]++
	if t.sends[id] > t.marks[id] {
		t.world.broken("%s is sent for the %d. time, with %d marks", name, t.sends[id], t.marks[id])
	}
	if r.State != treasury.StateSending && r.State != treasury.StateInDoubt {
		t.world.broken("%s is sent while it is %s", name, r.State)
	}
	if t.met[id] == nil {
		t.met[id] = map[fault]bool{}
	}
	return id
}

// carries finds the request of a call: by its reference, or by what only it has.
func (t *truth) carries(path string, body []byte) string {
	text := path + " " + string(body)
	for _, id := range slices.Backward(t.order) {
		r := t.requests[id]
		a := r.Action
		if t.marks[id] == 0 {
			continue
		}
		mark := id
		switch a.Kind {
		case treasury.ActionTransfer, treasury.ActionDeposit:
		case treasury.ActionRegisterCard:
			mark = `"` + a.RegisterCard.Label + `"`
		case treasury.ActionUnregisterCard:
			mark = `"creditCardToken":"` + a.UnregisterCard.Card.Token + `"`
			if !strings.Contains(path, "creditCardUnregisters") {
				continue
			}
		case treasury.ActionCreateAccount:
			mark = `"` + a.CreateAccount.ID + `"`
		case treasury.ActionUpdateAccount:
			mark = `"` + *a.UpdateAccount.Name + `"`
		case treasury.ActionCreateCustomer:
			mark = `"` + a.CreateCustomer.ID + `"`
		}
		if strings.Contains(text, mark) {
			return id
		}
	}
	return ""
}

// asOf gives a list as it was at a time.
func (t *truth) asOf(q treasury.Listing, at time.Time) []treasury.Record {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	type found struct {
		sort string
		r    treasury.Record
	}
	var list []found
	for key, versions := range t.records {
		for _, v := range slices.Backward(versions) {
			if v.at.After(at) {
				continue
			}
			if p, ok := v.places[q.Index]; ok && p.Key == q.Key {
				list = append(list, found{p.Sort + "\x00" + key, treasury.Record{Key: key, Version: v.number, Body: v.body}})
			}
			break
		}
	}
	slices.SortFunc(list, func(a, b found) int { return cmp.Compare(a.sort, b.sort) })
	if q.Reverse {
		slices.Reverse(list)
	}
	var records []treasury.Record
	for _, f := range list[:min(len(list), q.Limit)] {
		records = append(records, f.r)
	}
	return records
}

// pulse is how long until the next watch: a minute while something is under way, longer while nothing happens.
func (t *truth) pulse(w *world) time.Duration {
	idle := 45 * time.Minute
	if w.closing && t.isLate() {
		idle = 3 * time.Hour
	}
	for _, id := range t.order {
		r := t.requests[id]
		switch {
		case r.State == treasury.StateApproved || r.State == treasury.StateClaimed || r.State == treasury.StateSending:
			return time.Duration(1+w.rng.IntN(4)) * time.Minute
		case r.State == treasury.StateInDoubt && r.Inquiry != nil && time.Since(r.Inquiry.Since) < 45*time.Minute:
			idle = min(idle, time.Duration(2+w.rng.IntN(8))*time.Minute)
		case r.State == treasury.StateSettling, r.State == treasury.StateInDoubt:
			idle = min(idle, 30*time.Minute)
			if time.Since(r.Attempt.SentAt) > 6*time.Hour {
				idle = 24 * time.Hour
			}
		}
	}
	return idle
}

// quiet: everything is closed and told, and nothing waits.
func (w *world) quiet() bool { return w.unrest() == "" }

func (w *world) unrest() string {
	if len(w.running) > 0 {
		return "functions run: " + w.running[0].name
	}
	for _, q := range []*queue{w.questions, w.money} {
		if len(q.list) > 0 {
			return "jobs wait: " + q.name
		}
	}
	for _, id := range w.truth.order {
		r := w.truth.requests[id]
		if !r.State.IsFinal() && (r.State != treasury.StateApproved || !w.truth.isFrozen(r)) {
			return w.truth.names[id] + " is " + string(r.State)
		}
		var n treasury.Notice
		list := w.truth.records["NOTICE#"+id]
		if len(list) == 0 || json.Unmarshal(list[len(list)-1].body, &n) != nil || n.IsBehind() {
			return w.truth.names[id] + " is not told"
		}
		if r.State == treasury.StateApproved && n.Held.By == treasury.HeldByNothing {
			return w.truth.names[id] + " waits, and nobody is told why"
		}
	}
	for _, p := range w.people {
		if p.busy {
			return p.id + " is busy"
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.waiting {
		if e.afloat {
			return "a call is under way"
		}
	}
	return ""
}

// isLate: a call may be carried out very late, or once more.
func (t *truth) isLate() bool {
	for _, met := range t.met {
		if met[sendVeryLate] || met[sendTwice] {
			return true
		}
	}
	return false
}

// isFrozen: the accounts of a request wait for people, because Tango contradicts a closed request.
func (t *truth) isFrozen(r treasury.Request) bool {
	for _, account := range r.Action.Lanes() {
		list := t.records["LANE#"+account]
		var l treasury.Lane
		if len(list) > 0 && json.Unmarshal(list[len(list)-1].body, &l) == nil && l.Frozen != "" {
			return true
		}
	}
	return false
}

// atRest holds the end against what must be: the journal says what Tango did, Slack shows what the journal says, and no
// secret stands anywhere.
func (t *truth) atRest() {
	w := t.world
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range t.order {
		r := t.requests[id]
		t.isTrue(r, true)
		if len(t.lanes) > 0 {
			t.holdsLanes(t.names[id])
		}
		t.isShown(r)
	}
	forms := 0
	for _, p := range w.people {
		forms += p.forms
	}
	if len(t.order) > forms {
		w.broken("%d requests were made of %d forms", len(t.order), forms)
	}
	sum := map[string]int64{}
	for _, m := range w.tango.Movements() {
		sum[m.From] -= m.Cents
		sum[m.To] += m.Cents
		if r, ok := t.requests[m.Reference]; m.Reference != "" && (!ok || !fits(r, m.From, m.To, m.Cents)) {
			w.broken("Tango moved what nobody asked for: %+v", m)
		}
	}
	for _, a := range w.tango.Accounts() {
		if before, ok := opening[a.ID]; ok && a.Cents != before+sum[a.ID] {
			w.broken("%s holds %d and should hold %d", a.ID, a.Cents, before+sum[a.ID])
		}
	}
	for _, v := range w.slack.Violations() {
		w.broken("Slack would mind: %s", v)
	}
	t.leaks()
}

func fits(r treasury.Request, from, to string, cents int64) bool {
	if r.Action.Amount().Hundredths != cents {
		return false
	}
	if d := r.Action.Deposit; d != nil {
		return from == "" && to == d.Account.ID
	}
	return r.Action.Transfer != nil && r.Action.Transfer.From.ID == from && r.Action.Transfer.To.ID == to
}

// isShown: a request's newest card and the requester's message say how it ended.
func (t *truth) isShown(r treasury.Request) {
	w := t.world
	var n treasury.Notice
	list := t.records["NOTICE#"+r.ID]
	t.must(json.Unmarshal(list[len(list)-1].body, &n))
	for _, at := range []treasury.Message{n.Card, n.Direct} {
		m, ok := w.slack.Message(at.Channel, at.TS)
		if !ok || !strings.Contains(m.Text, r.ID) || !strings.Contains(m.Text, endWords(r)) {
			w.broken("%s is %s, and its message says %q", t.names[r.ID], r.State, m.Text)
		}
		for _, action := range []string{"approve", "deny", "cancel", "stop", "testify", "resend", "card_link"} {
			if r.State.IsFinal() && strings.Contains(string(m.Blocks), `"action_id":"`+action+`"`) {
				w.broken("%s is %s, and its message offers %s", t.names[r.ID], r.State, action)
			}
		}
	}
}

// endWords is what a message must say at least.
func endWords(r treasury.Request) string {
	switch r.State {
	case treasury.StateSucceeded:
		return "Done"
	case treasury.StateDeclined:
		return "eclined"
	case treasury.StateFailed:
		return "Not done"
	case treasury.StateDenied:
		return "Denied"
	case treasury.StateCancelled:
		return "Cancelled"
	case treasury.StateExpired:
		return "xpired"
	case treasury.StateApproved: // it rests only on a frozen account
		return "It waits:"
	case treasury.StatePending, treasury.StateClaimed, treasury.StateSending, treasury.StateSettling, treasury.StateInDoubt:
	}
	return ""
}

// leaks looks for secrets in all that was written: the log, the data file, the jobs, and what Slack was told.
func (t *truth) leaks() {
	w := t.world
	file, err := os.ReadFile(filepath.Join(w.folder, "tangobot.db"))
	t.must(err)
	places := map[string][]byte{"the log": w.said.Bytes(), "the data file": file}
	for _, q := range []*queue{w.questions, w.money} {
		for _, body := range q.all {
			places["queue "+q.name] = append(places["queue "+q.name], body...)
		}
	}
	calls := []byte{}
	for _, c := range w.slack.Calls("") {
		text, err := json.Marshal(c.Args)
		t.must(err)
		calls = append(calls, text...)
	}
	places["Slack"] = calls
	for place, text := range places {
		for _, secret := range []string{canarytest.SigningSecret, canarytest.BotToken, canarytest.PlatformKey, canarytest.TakenNumber} {
			if bytes.Contains(text, []byte(secret)) {
				w.broken("a secret stands in %s", place)
			}
		}
		if w.seed%100 == 1 { // in any spelling, which takes longer than the run
			for _, what := range canarytest.Find(text) {
				w.broken("the %s stands in %s", what, place)
			}
		}
	}
}
