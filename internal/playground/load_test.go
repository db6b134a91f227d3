package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/treasury"
)

var soak = flag.Int("soak", 0, "signed requests that TestLoad sends, for an hour at most; it then holds the heap to where it was")

const (
	loadRequests = 2_000
	loadTeams    = 10
	roundSize    = 100 // requests that one team sends in a round, counted on the wire
	soakTime     = time.Hour

	// slowest replaces Slack's three seconds: what is tested is that nothing is lost, on a machine that may be slow.
	slowest = time.Minute
	// loadPatience is for work that queues up behind a disk which others use too, and for a job that comes back.
	loadPatience = 5 * time.Minute
)

// TestLoad has ten teams work at once through the front door, with everything behind it real: the signatures, the claims,
// both queues, the data file, and a Tango that is called at its pace. Each request that Slack sent must be answered with
// 200 and have its effect, each approved transfer must move money once, and whatever Slack repeats must have no effect of
// its own. Latencies are printed (-v) and not judged.
func TestLoad(t *testing.T) {
	const perStage = loadTeams * roundSize
	want, until := max(loadRequests, *soak), time.Now().Add(soakTime)
	l := newLoad(t)
	began, before := time.Now(), footprint{}
	for stage := 1; stage*perStage <= want; stage++ {
		l.stage()
		if t.Failed() {
			return
		}
		l.forget()
		if stage == 1 {
			before = l.footprint() // connections, caches and pools are as large as they get
		}
		if *soak > 0 {
			t.Logf("after %d requests and %s: %v", stage*perStage, time.Since(began).Round(time.Second), l.footprint())
			if time.Now().After(until) {
				break
			}
		}
	}
	l.report(time.Since(began))
	l.shrinksTo(before)
}

// load is a playground with teams of people, and what they have sent and asked for.
type load struct {
	*running
	teams  []*team
	people []string

	mu       sync.Mutex
	took     map[slacksim.Route][]time.Duration // of what was answered since the last report
	sent     int                                // on the wire, in this stage
	rounds   int
	asked    map[string]transfer // by request, in this stage
	moved    int                 // movements at Tango before this stage
	balances map[string]int64    // by account, as they must be
}

// team is a requester, two who approve and one who only looks.
type team struct {
	requester, first, second, viewer string
	from, to                         string
	made                             int // requests so far, of all stages
}

type transfer struct {
	team   *team
	cents  int64
	denied bool
}

func newLoad(t *testing.T) *load {
	t.Helper()
	l := &load{took: map[slacksim.Route][]time.Duration{}, balances: map[string]int64{}}
	var approvers, requesters, viewers []string
	for i := range loadTeams {
		one := &team{from: "employee-rewards", to: "marketing-us"}
		if i%2 == 1 {
			one.from, one.to = one.to, one.from // the lanes cross
		}
		for role, id := range map[string]*string{"REQUEST": &one.requester, "FIRST": &one.first, "SECOND": &one.second, "VIEW": &one.viewer} {
			*id = fmt.Sprintf("U0%s%02d", role, i)
		}
		l.teams = append(l.teams, one)
		requesters, approvers, viewers = append(requesters, one.requester), append(approvers, one.first, one.second), append(viewers, one.viewer)
	}
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	text := fmt.Sprintf(`
workspace: T0ACME
channels: {approvals: C0APPROVE, alerts: C0ALERTS}
groups: {finance: [%s], rewards: [%s], viewers: [%s]}
view: [finance, rewards, viewers]
request: [finance, rewards]
rules: [{action: transfer, up_to: {USD: 500}, approvals: 1, from: [finance]}]
limits: [{per: requester, window: 24h, up_to: {USD: 1000000}}]
expire_after: 24h
undo: 0s
`, strings.Join(approvers, ", "), strings.Join(requesters, ", "), strings.Join(viewers, ", "))
	if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.running = startLogging(t, &alarms{to: t.Output()}, t.TempDir(), "POLICY_FILE="+policy, "WATCH_INTERVAL=1s")
	l.slack.SetPatience(slowest)
	l.bot.edge.AckTime = slowest
	l.people = slices.Concat(requesters, approvers, viewers)
	for _, id := range l.people {
		l.slack.PutPerson(slacksim.Person{ID: id, Name: id})
	}
	for _, a := range l.tango.Accounts() {
		l.balances[a.ID] = a.Cents
	}
	return l
}

// stage has all teams do a round at once, waits until all of it is done, and holds it against what was asked for.
func (l *load) stage() {
	l.asked, l.sent, l.moved = map[string]transfer{}, 0, len(l.tango.Movements())
	l.rounds++
	var work sync.WaitGroup
	for _, one := range l.teams {
		work.Go(func() { l.round(one) })
	}
	work.Wait()
	if l.sent != loadTeams*roundSize {
		l.t.Errorf("%d requests were sent, and not %d: part of the round did not happen", l.sent, loadTeams*roundSize)
	}
	if !l.t.Failed() {
		l.settled()
	}
}

// round is a hundred requests of one team, each of its people with a client of their own.
func (l *load) round(one *team) {
	cards := make(chan string, 3)
	var work sync.WaitGroup
	work.Go(func() {
		defer close(cards)
		l.requests(one, cards)
	})
	work.Go(func() { l.decides(one, cards) })
	work.Go(func() { l.looks(one) })
	work.Wait()
}

// requests is the requester's part: three transfers through the form, questions, and another form that is left. 68 requests.
func (l *load) requests(one *team, cards chan<- string) {
	for i := range 3 {
		cents := int64(100*(l.rounds%9+1) + i)
		text := fmt.Sprintf("transfer %d.%02d from %s to %s note %d", cents/100, cents%100, one.from, one.to, i)
		l.opens(one.requester, text)
		l.again(slacksim.ToCommands, one.requester, 1)
		view := l.top(one.requester, "Request a transfer")
		l.types(one.requester, view, one.from[:4])
		l.submits(one.requester, slacksim.Pushed, nil)
		said := l.submits(one.requester, slacksim.Updated, nil)
		l.again(slacksim.ToInteractions, one.requester, 2)
		id := requestID.FindString(string(said.Blocks))
		if said.Title.Text != "Requested" || id == "" {
			l.t.Errorf("the form said %q: %.300s", said.Title.Text, said.Blocks)
			return
		}
		l.closes(one.requester)
		l.mu.Lock()
		l.asked[id] = transfer{team: one, cents: cents, denied: i == 2}
		l.mu.Unlock()
		if i == 0 { // her own approval does not count
			card := l.posted(id)
			l.clicks(one.requester, card, "approve")
			l.top(one.requester, "Not done")
			l.closes(one.requester)
		}
		cards <- id
	}
	for _, text := range []string{"balance " + one.from, "balance " + one.to, "requests mine", "alerts", "history"} {
		l.asks(one.requester, text)
	}
	l.again(slacksim.ToCommands, one.requester, 4)
	l.asks(one.requester, "help")

	l.opens(one.requester, "transfer")
	view := l.top(one.requester, "Request a transfer")
	for _, text := range []string{"marketing", "employee", "sales", "mark"} {
		l.types(one.requester, view, text)
	}
	l.closes(one.requester)
}

// decides is the part of those who approve. One transfer is approved by both of them at the same moment, the next by one,
// and the third is denied. 11 requests.
func (l *load) decides(one *team, cards <-chan string) {
	i := 0
	for id := range cards {
		card := l.posted(id)
		switch i++; i {
		case 1:
			var both sync.WaitGroup
			for _, person := range []string{one.first, one.second} {
				l.clicks(person, card, "approve")
				l.top(person, "Approve this request")
			}
			for _, person := range []string{one.first, one.second} {
				both.Go(func() { l.submits(person, slacksim.Updated, nil) })
			}
			both.Wait()
		case 2:
			l.clicks(one.first, card, "approve")
			l.again(slacksim.ToInteractions, one.first, 1)
			l.top(one.first, "Approve this request")
			l.submits(one.first, slacksim.Updated, nil)
			l.again(slacksim.ToInteractions, one.first, 1)
		case 3:
			l.clicks(one.first, card, "deny")
			l.top(one.first, "Deny this request")
			l.submits(one.first, slacksim.Updated, slacksim.Values{"comment": {"value": slacksim.Typed("Not now")}})
			l.again(slacksim.ToInteractions, one.first, 1)
		}
		l.closes(one.first)
		l.closes(one.second)
	}
}

// looks is the part of those who look, and of who must not come in. 21 requests.
func (l *load) looks(one *team) {
	for _, person := range []string{one.viewer, one.requester, one.first, one.second} {
		l.opensHome(person)
		l.again(slacksim.ToEvents, person, 2)
	}
	l.asks(one.viewer, "balance "+one.to)
	l.asks(one.viewer, "accounts marketing")
	l.again(slacksim.ToCommands, one.viewer, 2)
	l.asks(one.viewer, "transfer 5 from "+one.from+" to "+one.to) // refused in words
	l.forges(one.viewer, slacksim.ToCommands, slacksim.ToEvents)
	if ok, answer, err := l.slack.URLVerification(l.timed(slacksim.ToEvents)); !ok {
		l.t.Errorf("url_verification: %+v %v", answer, err)
	}
	answer, err := l.slack.SSLCheck(l.timed(slacksim.ToCommands))
	l.took200("ssl_check", answer, err)
}

// What people do, each with one request, but for types: one for each letter.

func (l *load) opens(person, text string) {
	said, err := l.slack.Slash(l.timed(slacksim.ToCommands), person, "", text)
	l.took200("/tango "+text, said.Answer, err)
	if said.Message != nil {
		l.t.Errorf("/tango %s: %s", text, said.Message.Text)
	}
}

func (l *load) asks(person, text string) {
	said, err := l.slack.Slash(l.timed(slacksim.ToCommands), person, "", text)
	l.took200("/tango "+text, said.Answer, err)
	if said.Message == nil {
		l.t.Errorf("/tango %s: nothing is said at once", text)
	}
}

func (l *load) types(person string, view slacksim.View, text string) {
	for n := range len(text) {
		found, err := l.slack.OpenOptions(l.timed(slacksim.ToOptions), person, slacksim.Target{View: view.ID, Block: "from", Action: "value"}, text[:n+1])
		l.took200("type-ahead "+text[:n+1], found.Answer, err)
		if len(found.Options) == 0 {
			l.t.Errorf("type-ahead %s finds nothing: %+v", text[:n+1], found)
		}
	}
}

func (l *load) submits(person string, want slacksim.Outcome, values slacksim.Values) slacksim.View {
	stack := l.slack.Modals(person)
	view := stack[len(stack)-1]
	done, err := l.slack.Submit(l.timed(slacksim.ToInteractions), person, view.ID, values)
	l.took200("submitting "+view.Title.Text, done.Answer, err)
	if done.Outcome != want || done.View == nil {
		l.t.Errorf("submitting %s led to %s %v", view.Title.Text, done.Outcome, done.Errors)
		return slacksim.View{Title: &slacksim.Text{}}
	}
	return *done.View
}

func (l *load) clicks(person string, card slacksim.Message, action string) {
	done, err := l.slack.Click(l.timed(slacksim.ToInteractions), person, slacksim.Target{Channel: card.Channel, TS: card.TS, Action: action})
	l.took200(action, done.Answer, err)
}

func (l *load) opensHome(person string) {
	done, err := l.slack.OpenHome(l.timed(slacksim.ToEvents), person)
	l.took200("App Home", done.Answer, err)
	if home := l.slack.Home(person); home == nil || !strings.Contains(string(home.Blocks), "Drawn") {
		l.t.Errorf("%s has the App Home %+v", person, home)
	}
}

// closes closes all that a person has open; the app is not told.
func (l *load) closes(person string) {
	for stack := l.slack.Modals(person); len(stack) > 0; stack = l.slack.Modals(person) {
		if _, err := l.slack.CloseView(l.timed(slacksim.ToInteractions), person, stack[len(stack)-1].ID); err != nil {
			l.t.Errorf("closing: %v", err)
			return
		}
	}
}

// again repeats a person's last request n times at once, byte by byte, as a network or somebody with bad intent does;
// events with Slack's headers of a retry. Whoever sees something new afterwards was served twice.
func (l *load) again(route slacksim.Route, person string, n int) {
	last, ok := l.lastOf(route, person)
	if !ok {
		l.t.Errorf("%s has sent nothing to %s", person, route)
		return
	}
	open := len(l.slack.Modals(person))
	var work sync.WaitGroup
	for try := range n {
		work.Go(func() {
			answer, err := l.slack.Replay(l.timed(route), last, func(r *http.Request) {
				if route == slacksim.ToEvents {
					r.Header.Set("X-Slack-Retry-Num", fmt.Sprint(try+1))
					r.Header.Set("X-Slack-Retry-Reason", "http_timeout")
				}
			})
			l.took200("a repetition to "+string(route), answer, err)
		})
	}
	work.Wait()
	if now := len(l.slack.Modals(person)); now != open && route != slacksim.ToEvents { // an event may come while the person acts
		l.t.Errorf("%s had %d forms and has %d after a repetition", person, open, now)
	}
}

// lastOf finds the last request that a person caused.
func (l *load) lastOf(route slacksim.Route, person string) (slacksim.Delivery, bool) {
	for _, d := range slices.Backward(l.slack.Deliveries()) {
		if d.Route == route && sender(d.Body) == person {
			return d, true
		}
	}
	return slacksim.Delivery{}, false
}

// sender reads who a request is from: of a command, an interaction or an event.
func sender(body []byte) string {
	var payload struct {
		User  struct{ ID string }
		Event struct{ User string }
	}
	if json.Unmarshal(body, &payload) == nil {
		return payload.Event.User
	}
	values, err := url.ParseQuery(string(body))
	if err != nil || json.Unmarshal([]byte(values.Get("payload")), &payload) != nil {
		return values.Get("user_id")
	}
	return payload.User.ID
}

// forges sends requests whose signature is not Slack's.
func (l *load) forges(person string, routes ...slacksim.Route) {
	for _, route := range routes {
		last, ok := l.lastOf(route, person)
		if !ok {
			l.t.Errorf("%s has sent nothing to %s", person, route)
			continue
		}
		answer, err := l.slack.Deliver(l.timed(route), route, last.Body, func(r *http.Request) {
			r.Header.Set("X-Slack-Signature", slacksim.Sign("another-secret", r.Header.Get("X-Slack-Request-Timestamp"), last.Body))
		})
		if err != nil || answer.Status != http.StatusUnauthorized {
			l.t.Errorf("a forged request to %s: %d %v", route, answer.Status, err)
		}
	}
}

// until waits longer than elsewhere.
func (l *load) until(what string, done func() bool) {
	l.t.Helper()
	l.untilWithin(loadPatience, what, done)
}

// top waits for the form that a person sees.
func (l *load) top(person, title string) slacksim.View {
	var view slacksim.View
	l.until(person+" sees "+title, func() bool {
		stack := l.slack.Modals(person)
		if len(stack) == 0 {
			return false
		}
		view = stack[len(stack)-1]
		return view.Title.Text == title
	})
	return view
}

// posted waits for a request's card.
func (l *load) posted(id string) slacksim.Message {
	var card slacksim.Message
	l.until("the card of "+id, func() (ok bool) {
		card, ok = l.slack.Newest("C0APPROVE", id)
		return ok
	})
	return card
}

// timed gives a context that counts and times the request that is made with it, until the first byte of its answer.
func (l *load) timed(route slacksim.Route) context.Context {
	var begun time.Time
	return httptrace.WithClientTrace(l.t.Context(), &httptrace.ClientTrace{
		GetConn: func(string) { begun = time.Now() },
		GotFirstResponseByte: func() {
			took := time.Since(begun)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.took[route] = append(l.took[route], took)
			l.sent++
		},
	})
}

func (l *load) took200(what string, answer slacksim.Answer, err error) {
	if err != nil || answer.Failure != "" || answer.Status != http.StatusOK {
		l.t.Errorf("%s: %d %s %v", what, answer.Status, answer.Failure, err)
	}
}

// settled waits until nothing is left to do, and holds Tango, the journal and Slack against what was asked for.
func (l *load) settled() {
	ctx := l.t.Context()
	for id, asked := range l.asked {
		want := treasury.StateSucceeded
		if asked.denied {
			want = treasury.StateDenied
		}
		l.until(id+" is "+string(want), func() bool {
			r, err := l.bot.desk.Find(ctx, id)
			return err == nil && r.State == want
		})
	}
	for _, queue := range []*embedded.Queue{l.bot.questions, l.bot.money} {
		l.until("no job waits", func() bool {
			n, err := queue.Waiting()
			return err == nil && n == 0
		})
		if n, err := queue.Dead(); n > 0 || err != nil {
			l.t.Errorf("%d dead letters, %v", n, err)
		}
	}
	for _, v := range l.slack.Violations() {
		l.t.Errorf("Slack would mind: %s", v)
	}
	if len(l.asked) != 3*loadTeams {
		l.t.Errorf("%d requests were made, and not %d", len(l.asked), 3*loadTeams)
	}
	l.moneyMoved()
	l.peopleTold()
}

// moneyMoved: each approved transfer once, nothing else, and each account holds what it must to the cent.
func (l *load) moneyMoved() {
	approved := 0
	for id, asked := range l.asked {
		want := 1
		if asked.denied {
			want = 0
		}
		approved += want
		if n := l.tango.Moved(id); n != want {
			l.t.Errorf("%s moved %d times, and not %d", id, n, want)
		}
		l.balances[asked.team.from] -= int64(want) * asked.cents
		l.balances[asked.team.to] += int64(want) * asked.cents
		asked.team.made++
	}
	if n := len(l.tango.Movements()) - l.moved; n != approved {
		l.t.Errorf("%d movements for %d approved transfers", n, approved)
	}
	for id, want := range l.balances {
		if got := l.tango.Balance(id); got != want {
			l.t.Errorf("%s holds %s, and not %s", id, money.New(got, "USD"), money.New(want, "USD"))
		}
	}
}

// peopleTold: one card for each request and its end on it, both messages to its requester, one answer to each question;
// and nobody has made more requests than they sent.
func (l *load) peopleTold() {
	cards, direct := map[string][]string{}, map[string]int{}
	for _, m := range l.slack.Messages("C0APPROVE") {
		id := requestID.FindString(m.Text)
		cards[id] = append(cards[id], m.Text)
	}
	for _, one := range l.teams {
		for _, m := range l.slack.Messages(one.requester) {
			if !m.Ephemeral {
				direct[requestID.FindString(m.Text+string(m.Blocks))] += 1 + len(m.Replies)
			}
		}
		if n := l.requestsOf(one.requester); n != one.made {
			l.t.Errorf("%s has made %d requests, and not %d", one.requester, n, one.made)
		}
		for person, want := range map[string]int{one.requester: 6, one.viewer: 3, one.first: 0, one.second: 0} {
			answers := 0
			for _, m := range l.slack.Ephemerals(person) {
				// An answer that is quicker than Slack's own showing of "Asking Tango…" stands above it.
				if !strings.HasPrefix(m.Text, "Asking") && !strings.HasPrefix(m.Text, "Looking") {
					answers++
				}
			}
			if answers != want {
				l.t.Errorf("%s was given %d answers, and not %d", person, answers, want)
			}
		}
	}
	for id, asked := range l.asked {
		want := "Done, the money has moved"
		if asked.denied {
			want = "Denied, no money moved"
		}
		if len(cards[id]) != 1 || !strings.Contains(cards[id][0], want) {
			l.t.Errorf("the cards of %s say %q, want one with %q", id, cards[id], want)
		}
		if direct[id] != 2 {
			l.t.Errorf("%s was told %d times of %s, and not twice: that it waits, and how it ended", asked.team.requester, direct[id], id)
		}
	}
}

func (l *load) requestsOf(person string) int {
	n, cursor := 0, ""
	for {
		page, next, err := l.bot.desk.Mine(l.t.Context(), person, cursor, 50)
		if err != nil {
			l.t.Fatal(err)
		}
		if n += len(page); next == "" {
			return n
		}
		cursor = next
	}
}

// forget has the simulated Slack forget what grows there alone: its log, and old messages.
func (l *load) forget() {
	l.slack.ClearLog()
	for _, person := range l.people {
		l.slack.Reload(person)
	}
	l.slack.Retain(l.clock.now())
}

// footprint is what a process holds on to.
type footprint struct {
	heap       uint64
	goroutines int
}

func (f footprint) String() string {
	return fmt.Sprintf("%.1f MB on the heap, %d goroutines", float64(f.heap)/(1<<20), f.goroutines)
}

func (l *load) footprint() footprint {
	http.DefaultClient.CloseIdleConnections()
	runtime.GC()
	runtime.GC() // what finalizers let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return footprint{m.HeapAlloc, runtime.NumGoroutine()}
}

// The most that may be held on to in the end beyond what was held after the first stage. Pools of connections come and
// go; a single goroutine or kilobyte that each request left behind would be far more.
const (
	moreGoroutines = 40
	moreHeap       = 8 << 20
)

func (l *load) shrinksTo(before footprint) {
	after := l.footprint()
	l.t.Logf("before: %v; after: %v", before, after)
	l.until(fmt.Sprintf("at most %d goroutines", before.goroutines+moreGoroutines), func() bool {
		return runtime.NumGoroutine() <= before.goroutines+moreGoroutines
	})
	if *soak > 0 && after.heap > before.heap+moreHeap {
		l.t.Errorf("the heap has grown from %d to %d bytes", before.heap, after.heap)
	}
}

func (l *load) report(took time.Duration) {
	var all []time.Duration
	for _, route := range slices.Sorted(maps.Keys(l.took)) {
		all = append(all, l.took[route]...)
		l.t.Logf("%-12s %s", route, percentiles(l.took[route]))
	}
	l.t.Logf("%-12s %s, in %s", "all", percentiles(all), took.Round(time.Millisecond))
}

func percentiles(list []time.Duration) string {
	slices.Sort(list)
	at := func(percent int) time.Duration { return list[(len(list)-1)*percent/100].Round(100 * time.Microsecond) }
	return fmt.Sprintf("%6d answered: p50 %s, p99 %s, max %s", len(list), at(50), at(99), at(100))
}

// alarms passes on the log lines that call for somebody, so that a long run's log does not grow in memory.
type alarms struct{ to io.Writer }

func (a *alarms) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("level=WARN")) || bytes.Contains(line, []byte("level=ERROR")) {
		return a.to.Write(line)
	}
	return len(line), nil
}

var requestID = regexp.MustCompile(`TB-[0-9A-Z]{8}`)
