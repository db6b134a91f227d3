package simulation

import (
	"bytes"
	"context"
	"fmt"
	"hash"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tangobot/tangobot/internal/canarytest"
	"github.com/tangobot/tangobot/internal/cardpage"
	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// world is one run.
type world struct {
	tb   testing.TB
	seed uint64
	rng  *rand.Rand
	plan plan
	sums *sums // of all runs

	store     *embedded.Store
	policy    *treasury.Policy
	slack     *slacksim.Workspace
	tango     *tangosim.Sim
	line      *line
	questions *queue
	money     *queue
	pacer     *embedded.Pacer
	log       *slog.Logger
	said      *buffer
	folder    string

	mu      sync.Mutex
	waiting []*effect
	over    atomic.Bool

	running     []*invocation
	idle        map[string][]*instance
	invocations int
	people      []*person
	offered     map[string][]string // by button, as of a version of the workspace
	offeredAt   uint64
	nextWatch   time.Time
	alive       bool // people act
	closing     bool // nothing goes wrong any more
	began       time.Time

	truth *truth
	sum   hash.Hash64
	steps int
	last  []string // the newest lines of the trace
	print bool
	broke []string
}

type buffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// function is a Lambda function, with its time-out in template.yaml.
type function struct {
	name    string
	timeout time.Duration
	tango   bool // it has Tango's key
	slack   bool // it has Slack's
}

var (
	commands     = function{"commands", 10 * time.Second, false, true}
	interactions = function{"interactions", 10 * time.Second, false, true}
	home         = function{"home", 10 * time.Second, false, true}
	answer       = function{"answer", 60 * time.Second, true, true}
	cards        = function{"cards", 120 * time.Second, true, false}
	execute      = function{"execute", 120 * time.Second, true, true}
	watch        = function{"watch", 180 * time.Second, true, false}
)

// instance is one sandbox of a function: its memory and its connections, kept from run to run.
type instance struct {
	kind  function
	world *world
	skew  time.Duration
	runs  *invocation

	desk *treasury.Desk
	edge *slack.Edge
	page *cardpage.Page

	conns []*conn
}

// base is the address under which everything is found; nothing listens there.
const base = "http://tangobot.example"

// begin makes a world. template is a data file to begin with.
func begin(tb testing.TB, seed uint64, folder string, template []byte, sums *sums) *world {
	tb.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	w := &world{
		tb: tb, seed: seed, rng: rng, sums: sums, idle: map[string][]*instance{}, said: &buffer{}, sum: fnv.New64a(),
		folder: folder,
	}
	w.plan = drawPlan(seed, rng)
	time.Sleep(time.Until(start))
	w.began = time.Now()
	w.log = slog.New(slog.NewTextHandler(w.said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if w.policy, err = treasury.ParsePolicy([]byte(w.plan.policy())); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "tangobot.db"), template, 0o600); err != nil {
		tb.Fatal(err)
	}
	if w.store, err = embedded.OpenUnsynced(folder, time.Now); err != nil {
		tb.Fatal(err)
	}
	w.truth = newTruth(w)
	w.questions = &queue{world: w, name: "questions", by: answer, most: 3}
	w.money = &queue{world: w, name: "money", by: execute, most: 2}
	pacer := embedded.NewPacer(time.Second)
	w.pacer = &pacer
	w.slack = slacksim.New(slacksim.Config{
		Clock: time.Now, SigningSecret: canarytest.SigningSecret, BotToken: canarytest.BotToken, BaseURL: base + "/sim", Directory: directory(),
		HTTPClient: &http.Client{Transport: door{w}},
		URLs: slacksim.URLs{
			CommandsURL: base + "/slack/commands", InteractionsURL: base + "/slack/interactions",
			OptionsURL: base + "/slack/options", EventsURL: base + "/slack/events",
		},
	})
	w.tango = tangosim.New(w.plan.tango())
	w.seedTango()
	w.line = listen(w)
	w.nextWatch = w.began
	return w
}

// start is later than the dates of the simulated Tango.
var start = time.Date(2026, time.March, 3, 9, 0, 0, 0, time.UTC)

// instance gives a sandbox: an idle one that still has its memory, or a new one.
func (w *world) instance(kind function) *instance {
	list := w.idle[kind.name]
	if n := len(list); n > 0 && w.rng.IntN(8) > 0 {
		i := list[n-1]
		w.idle[kind.name] = list[:n-1]
		return i
	}
	i := &instance{kind: kind, world: w, skew: w.plan.skew(w)}
	clock := func() time.Time { return time.Now().Add(i.skew).UTC() }
	i.desk = &treasury.Desk{
		Journal: journal{w}, Policy: w.policy, Clock: clock, Log: w.log, Accounts: &treasury.Directory{}, Questions: w.questions, Money: w.money,
	}
	if kind.tango {
		client, err := tango.New(tango.Config{
			API: base + tangosim.Base, Pacer: pace{w}, Method: w.policy.Method, Clock: clock, Log: w.log, Dial: i.dial,
			Jitter: func(most time.Duration) time.Duration { return most / 2 },
			Credentials: func(context.Context) (string, treasury.Secret, error) {
				return "acme", treasury.NewSecret(canarytest.PlatformKey), nil
			},
		})
		if err != nil {
			w.tb.Fatal(err)
		}
		i.desk.Books, i.desk.Pacer = client, pace{w}
		if kind == execute || kind == cards {
			i.desk.Mover = client
		}
	}
	if kind.slack {
		client, err := slack.NewClient(slack.ClientConfig{
			APIURL: base + "/sim/api/", HTTP: &http.Client{Timeout: 8 * time.Second, Transport: slackWire{w}}, Clock: clock,
			Token: func(context.Context) (treasury.Secret, error) { return treasury.NewSecret(canarytest.BotToken), nil },
		})
		if err != nil {
			w.tb.Fatal(err)
		}
		i.desk.People = client
		i.edge = &slack.Edge{
			Desk: i.desk, Client: client, Claims: claims{w}, Clock: clock, Log: w.log, CardPage: base + cardpage.Path,
			Verifier: slack.Verifier{Clock: clock, Signing: func(_ context.Context, previous bool) (treasury.Secret, error) {
				if previous {
					return treasury.Secret{}, nil
				}
				return treasury.NewSecret(canarytest.SigningSecret), nil
			}},
		}
	}
	if kind == cards {
		i.page = cardpage.New(i.desk, claims{w})
	}
	return i
}

// run lets the world go on until all stories are told, then lets everything heal, and holds the end against what must be.
func (w *world) run() {
	w.closing = true
	for w.watchNow(); len(w.running) > 0; { // a first watch reads Tango's accounts
		w.step()
	}
	w.closing, w.alive = false, true
	for _, p := range w.people {
		go p.live()
	}
	until := w.began.Add(w.plan.lasts)
	for w.steps < w.plan.steps && time.Now().Before(until) && len(w.broke) == 0 && (w.steps%50 > 0 || w.steps < 200 || !w.quiet()) {
		w.step()
	}
	w.heal()
	for limit := w.steps + 12000; len(w.broke) == 0 && !w.quiet(); {
		if w.steps > limit || time.Now().After(w.began.Add(w.plan.lasts+20*24*time.Hour)) {
			w.broken("does not come to rest: %s", w.unrest())
			break
		}
		w.step()
	}
	if late := time.Now().Add(24 * time.Hour); w.truth.isLate() { // what is done very late is found all the same
		for len(w.broke) == 0 && (time.Now().Before(late) || !w.quiet()) {
			w.step()
		}
	}
	if len(w.broke) == 0 {
		w.truth.atRest()
	}
	w.end()
}

// step does one thing: it lets one effect happen, begins something, or lets time pass.
func (w *world) step() {
	w.steps++
	synctest.Wait()
	w.reap()
	synctest.Wait() // who waited for their answers goes on
	if !w.alive && len(w.running) == 0 {
		return
	}
	ready, next := w.ready()
	begins := w.begins(&next)
	if n := len(ready) + len(begins); n > 0 {
		if i := w.rng.IntN(n); i < len(ready) {
			w.grant(ready[i])
		} else {
			begins[i-len(ready)]()
		}
		synctest.Wait() // who was let go may draw from the seed too
		time.Sleep(w.plan.latency(w))
		return
	}
	now := time.Now()
	wait := next.Sub(now)
	if len(w.running) > 0 {
		wait = min(wait, 200*time.Millisecond)
	}
	time.Sleep(max(wait, time.Millisecond))
}

// ready lists the effects that may happen now, and when the next of the others may.
func (w *world) ready() ([]*effect, time.Time) {
	now := time.Now()
	next := now.Add(6 * time.Hour)
	w.mu.Lock()
	inOrder(w.waiting)
	waiting := slices.Clone(w.waiting)
	w.mu.Unlock()
	var list []*effect
	for _, e := range waiting {
		switch {
		case e.by != nil && e.by.dead && !e.afloat:
		case e.by != nil && now.Before(e.by.thaws) && !e.afloat:
			next = earlier(next, e.by.thaws)
		case now.Before(e.notBefore):
			next = earlier(next, e.notBefore)
		case e.ready != nil && !e.ready():
		case e.afloat && now.Sub(e.since) > mostAfloat:
			return []*effect{e}, next // what is under way arrives in the end
		default:
			list = append(list, e)
		}
	}
	return list, next
}

// mostAfloat is how long a call may be on its way to Tango, and mostLate how much later Tango may carry it out. The first look
// at it comes treasury.SettleWindow after a deadline that lies 40 s ahead of the send, by a clock that may be 4 minutes
// ahead: after 11 minutes and 40 seconds.
const (
	mostAfloat = 2 * time.Minute
	mostLate   = 9 * time.Minute
)

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// begins lists what may begin now, and brings next forward to when something else may.
func (w *world) begins(next *time.Time) []func() {
	var list []func()
	for _, q := range []*queue{w.questions, w.money} {
		list = append(list, q.begins(next)...)
	}
	if now := time.Now(); now.Before(w.nextWatch) {
		*next = earlier(*next, w.nextWatch)
	} else {
		list = append(list, w.watchNow)
	}
	return append(list, w.plan.mishaps(w, next)...)
}

func (w *world) watchNow() {
	twice := w.draws(watchedTwice)
	run := func(ctx context.Context, i *instance) error { return i.desk.Watch(ctx) }
	w.nextWatch = time.Now().Add(w.truth.pulse(w))
	one := w.invoke(watch, run, func(error) {}, nil)
	w.trace("%s begins", one.name)
	if twice {
		w.met(watchedTwice)
		one.meets(watchedTwice)
		other := w.invoke(watch, run, func(error) {}, nil)
		other.meets(watchedTwice)
		w.trace("%s begins too", other.name)
	}
}

// grant lets an effect happen, or go wrong.
func (w *world) grant(e *effect) {
	w.mu.Lock()
	w.waiting = slices.DeleteFunc(w.waiting, func(one *effect) bool { return one == e })
	w.mu.Unlock()
	f := w.whatGoesWrong(e)
	w.trace("%s: %s: %s", e.who, e.what, f)
	if f != none {
		w.met(f)
		if e.by != nil {
			e.by.meets(f)
		}
	}
	switch f {
	case killedBefore:
		w.sums.tried(e.row, e.by, e.sent)
		w.kill(e.by, f)
		if e.afloat {
			e.reply <- f // it has reached Tango all the same
			return
		}
		w.mu.Lock()
		w.waiting = append(w.waiting, e) // for good
		w.mu.Unlock()
	case frozen:
		e.by.thaws = time.Now().Add(w.plan.freeze(w))
		e.reply <- none
	case killedAfter:
		e.reply <- none
		synctest.Wait() // it has happened, and its answer is on the way
		w.kill(e.by, f)
	default:
		e.reply <- f
	}
}

// broken records what must not be. w.mu may be held.
func (w *world) broken(format string, args ...any) {
	w.broke = append(w.broke, fmt.Sprintf(format, args...))
}

// trace adds a line to what makes two runs the same.
func (w *world) trace(format string, args ...any) {
	line := fmt.Sprintf("%d %s ", w.steps, time.Since(w.began)) + fmt.Sprintf(format, args...)
	_, _ = w.sum.Write([]byte(line)) // a hash never fails
	if w.print {
		w.tb.Log(line)
	}
	if w.last = append(w.last, line); len(w.last) > 40000 {
		w.last = slices.Clone(w.last[20000:])
	}
}

func (w *world) met(f fault) {
	w.sums.met(f)
}

// heal ends all that goes wrong: the clocks agree, nothing is frozen, and nobody's right is in question.
func (w *world) heal() {
	w.closing = true
	w.trace("heals")
	w.idle = map[string][]*instance{}
	for _, i := range w.running {
		i.thaws = time.Time{}
	}
	w.plan.heal(w)
}

// end lets go of everything that still waits.
func (w *world) end() {
	w.over.Store(true)
	w.line.close()
	for {
		w.mu.Lock()
		list := w.waiting
		w.waiting = nil
		w.mu.Unlock()
		for _, e := range list {
			close(e.reply)
		}
		synctest.Wait()
		w.mu.Lock()
		n := len(w.waiting)
		w.mu.Unlock()
		if n == 0 {
			break
		}
	}
	time.Sleep(10 * time.Minute) // contexts and connections that were left end
	if err := w.store.Close(); err != nil {
		w.tb.Fatal(err)
	}
}

func number(n int) string { return strconv.Itoa(n) }
