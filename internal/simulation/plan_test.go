package simulation

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/canarytest"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// plan is what a seed draws before it begins: which faults this world knows and how often, and what its people want.
type plan struct {
	on       map[fault]bool
	rate     float64 // of faults, by effect
	sendRate float64 // of faults, by call that changes something
	lasts    time.Duration
	steps    int
	lag      time.Duration
	slow     float64 // part of the effects that take seconds
	unique   bool    // references
	get      bool    // transfers by GET
	events   []*mishap
	stops    bool
	settles  time.Duration // of a deposit of a pending amount
	aim      cell          // what this world is to meet; empty for most
}

// mishap is something that happens to the world at a time.
type mishap struct {
	at   time.Duration
	what fault
	do   func(*world)
	done bool
}

const channel = "C0APPROVE"

var (
	requesters = []string{"U0LENA", "U0OMAR"}
	approvers  = []string{"U0MAYA", "U0RAVI", "U0NINA"}
	opening    = map[string]int64{"alpha": 500_000, "bravo": 300_000, "charlie": 100_000}
)

// limit is what one person may move in a day, in cents.
const limit = 60_000

func directory() slacksim.Directory {
	d := slacksim.Directory{Channels: []slacksim.Channel{
		{ID: channel, Name: "approvals", Members: []string{"U0TANGO"}}, {ID: "C0ALERTS", Name: "alerts", Members: []string{"U0TANGO"}},
	}}
	for _, id := range slices.Concat(requesters, approvers) {
		d.People = append(d.People, slacksim.Person{ID: id, Name: strings.ToLower(id[2:]), RealName: id[2:]})
		d.Channels[0].Members = append(d.Channels[0].Members, id)
	}
	return d
}

// everyFault lists what a plan may turn on.
func everyFault() []fault {
	return slices.Concat([]fault{
		readFails, listFails, listLags, commitFails, commitLost, claimFails, claimLost, queueFails, queueLost, queueTwice, slackFails,
		slackLost, slackLimits, tangoFails, tangoLimits, tangoStale, dialFails, deliverTwice, deliverLost, killedBefore, killedAfter,
		frozen, skewed, redelivered, watchedTwice, rightLost, stoppedMeanwhile, foreignMoves,
	}, sendFaults())
}

// aimed of ten seeds aim at one cell of the table each: the rare ones would not be met by chance.
const aimed = 4

// aims lists the cells of the table, those that few of the plans for them meet more than once.
func aims() []cell {
	list := cells()
	for _, c := range cells() {
		switch {
		case c.row == "answered: unsent", c.row == "resend_vote", strings.HasPrefix(c.row, "settled"):
			list = append(list, c)
		case c.fault == tangoFails && strings.HasPrefix(c.row, "evidence"), c.fault == deliverTwice && c.row != "voted",
			c.fault == killedBefore && strings.HasPrefix(c.row, "answered"), c.fault == killedAfter && strings.HasPrefix(c.row, "answered"),
			c.row == "answered: declined":
			list = append(list, c)
		}
		if c.row == "answered: refused" {
			list = append(list, c, c)
		}
	}
	return list
}

func drawPlan(seed uint64, rng *rand.Rand) plan {
	p := plan{
		on: map[fault]bool{}, rate: []float64{0.02, 0.04, 0.07, 0.1}[rng.IntN(4)], sendRate: []float64{0.3, 0.7, 0.9}[rng.IntN(3)],
		lasts: time.Duration(20+rng.IntN(100)) * time.Minute, steps: 2500, lag: time.Duration(1+rng.IntN(20)) * time.Second,
		settles: []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 0, 48 * time.Hour, 6 * 24 * time.Hour, 8 * 24 * time.Hour}[rng.IntN(7)],
		unique:  rng.IntN(3) == 0, get: rng.IntN(5) == 0,
	}
	for _, f := range everyFault() {
		p.on[f] = rng.IntN(2) == 0
	}
	if rng.IntN(4) == 0 {
		p.slow = 0.01
	}
	if rng.IntN(8) > 0 { // they take another day to be found
		p.on[sendVeryLate], p.on[sendTwice] = false, false
	}
	if rng.IntN(4) > 0 {
		p.on[foreignMoves], p.on[rightLost], p.on[stoppedMeanwhile] = false, false, false
	}
	at := func() time.Duration { return time.Duration(rng.IntN(int(30 * time.Minute))) }
	if p.on[foreignMoves] {
		for range 1 + rng.IntN(3) {
			account := []string{"alpha", "bravo", "charlie"}[rng.IntN(3)]
			cents := int64(1 + rng.IntN(20_000) - 10_000)
			p.events = append(p.events, &mishap{at: at(), what: foreignMoves, do: func(w *world) { w.tango.Spend(account, cents); w.truth.moved() }})
		}
	}
	if p.on[rightLost] {
		person := approvers[rng.IntN(3)]
		lost := at()
		p.events = append(p.events,
			&mishap{at: lost, what: rightLost, do: func(w *world) { w.setRight(person, false) }},
			&mishap{at: lost + at(), what: rightLost, do: func(w *world) { w.setRight(person, true) }})
	}
	p.stops = p.on[stoppedMeanwhile]
	if list := aims(); seed%10 < aimed {
		p.take(list[(seed/10*aimed+seed%10)%uint64(len(list))])
	}
	if p.unique { // Tango then says that a reference was used only when it was
		p.on[sendConflict] = false
	}
	return p
}

// take makes a plan in which a cell is likely to be met.
func (p *plan) take(aim cell) {
	p.aim, p.rate, p.slow, p.unique = aim, 0.01, 0, (p.unique || aim.row == "resend_vote") && aim.fault != sendConflict
	p.on[aim.fault] = true
	switch aim.row { // what takes long
	case "settled: done", "settled: declined":
		p.settles, p.lasts = 5*time.Minute, 2*time.Hour
	case "finding", "closed by two", "resend_vote", "evidence: open", "evidence: executed", "evidence: not_executed", "expired", "lost":
		p.lasts = 2 * time.Hour
	}
	switch aim.row {
	case "finding", "closed by two", "resend_vote", "evidence: open", "evidence: executed", "evidence: not_executed", "lost", "answered: unknown":
		p.sendRate = 1
	case "answered: refused":
		p.only(sendRefused)
	case "answered: throttled":
		p.only(sendLimited)
	case "answered: unsent":
		p.on[dialFails] = true
	default:
		p.sendRate = 0
	}
	if slices.Contains(sendFaults(), aim.fault) {
		p.only(aim.fault)
		return
	}
	switch aim.row {
	case "evidence: not_executed", "evidence: open", "resend_vote":
		p.only(sendDropped)
	case "evidence: executed", "finding", "closed by two":
		p.only(sendCut)
	}
}

// only leaves one of the faults of calls that change something.
func (p *plan) only(f fault) {
	for _, other := range sendFaults() {
		p.on[other] = other == f
	}
	p.sendRate = 1
}

// hits tells whether an effect is what the plan aims at, and gives the part of such effects that are hit. sending tells
// whether a request is being sent.
func (p *plan) hits(e *effect, sending func() bool) float64 {
	unsent := p.aim.row == "answered: unsent" && e.what == "dial" && strings.HasPrefix(e.who, execute.name) && sending()
	switch {
	case p.aim.row == "" || e.change:
		return 0
	case slices.Contains([]fault{commitFails, commitLost, killedBefore, killedAfter, frozen}, p.aim.fault):
		if e.row == p.aim.row {
			return 0.7
		}
	case slices.Contains(e.faults, p.aim.fault):
		return 0.3
	}
	if unsent {
		return -0.8 // not with the fault that is aimed at
	}
	return 0
}

func (p *plan) has(f fault) bool { return p.on[f] }

func (p *plan) policy() string {
	references, method := "attach", http.MethodPost
	if p.unique {
		references = "unique"
	}
	if p.get {
		method = http.MethodGet
	}
	return `
workspace: T0ACME
channels: {approvals: C0APPROVE, alerts: C0ALERTS}
groups:
  finance: [U0MAYA, U0RAVI, U0NINA]
  rewards: [U0LENA, U0OMAR]
view: [finance, rewards]
request: [finance, rewards]
rules:
  - {action: transfer, up_to: {USD: 50}, approvals: 0}
  - {action: transfer, up_to: {USD: 300}, approvals: 1, from: [finance]}
  - {action: deposit, up_to: {USD: 300}, approvals: 1, from: [finance]}
  - {action: "*", approvals: 2, from: [finance]}
limits:
  - {per: requester, window: 24h, up_to: {USD: 600}}
expire_after: 45m
remind_after: 15m
undo: 60s
tango: {transfer: ` + method + `, references: ` + references + `}
`
}

// approvals is the policy once more, as the truth reads it.
func (p *plan) approvals(a treasury.Action) int {
	cents := a.Amount().Hundredths
	switch {
	case a.Kind == treasury.ActionTransfer && cents <= 5_000:
		return 0
	case (a.Kind == treasury.ActionTransfer || a.Kind == treasury.ActionDeposit) && cents <= 30_000:
		return 1
	}
	return 2
}

func (p *plan) tango() tangosim.Config {
	return tangosim.Config{Clock: time.Now, PlatformName: "acme", PlatformKey: canarytest.PlatformKey, Settles: p.settles, LimitRate: true}
}

func (w *world) seedTango() {
	made := time.Date(2025, time.March, 12, 9, 30, 15, 0, time.UTC)
	w.tango.AddCustomer("acme-rewards", "Acme Rewards", made)
	for _, id := range []string{"alpha", "bravo", "charlie"} {
		w.tango.AddAccount(tangosim.Account{
			ID: id, Customer: "acme-rewards", Name: strings.ToUpper(id[:1]) + id[1:] + " Account", Currency: "USD", Cents: opening[id],
			Email: id + "@acme.example", Notify: []string{"finance@acme.example"}, CreatedAt: made,
		})
		w.tango.AddCard(tangosim.Card{Account: id, Label: "Card of " + id, LastFour: "1111", Expires: "2031-12", CreatedAt: made, ActiveFrom: made})
	}
}

// skew is how far a sandbox's clock is off. SQS's and Lambda's times are right.
func (p *plan) skew(w *world) time.Duration {
	if !p.on[skewed] || w.closing || w.rng.IntN(3) > 0 && p.aim.fault != skewed {
		return 0
	}
	w.met(skewed)
	return time.Duration(w.rng.IntN(480)-240) * time.Second
}

// latency is how long the world takes for one effect.
func (p *plan) latency(w *world) time.Duration {
	switch n := w.rng.IntN(100); {
	case !w.closing && w.rng.Float64() < p.slow:
		return time.Duration(1+w.rng.IntN(9)) * time.Second
	case n < 80:
		return time.Duration(1+w.rng.IntN(15)) * time.Millisecond
	default:
		return time.Duration(1+w.rng.IntN(120)) * time.Millisecond
	}
}

func (p *plan) freeze(w *world) time.Duration {
	return time.Duration(1+w.rng.IntN(90)) * time.Second
}

// mishaps lists what is due to happen to the world.
func (p *plan) mishaps(w *world, next *time.Time) []func() {
	var list []func()
	for _, m := range p.events {
		at := w.began.Add(m.at)
		switch {
		case m.done:
		case time.Now().Before(at):
			*next = earlier(*next, at)
		default:
			list = append(list, func() {
				m.done = true
				w.met(m.what)
				w.trace("%s", m.what)
				m.do(w)
			})
		}
	}
	return list
}

func (p *plan) heal(w *world) {
	p.events = nil
	for _, person := range approvers {
		w.setRight(person, true)
	}
	w.tango.Disarm()
	w.questions.redrive()
	w.money.redrive()
	w.nextWatch = time.Now()
}

func (w *world) setRight(person string, has bool) {
	standing := slacksim.Deactivated
	if has {
		standing = slacksim.Member
	}
	w.slack.PutPerson(slacksim.Person{ID: person, Name: strings.ToLower(person[2:]), RealName: person[2:], Standing: standing})
	w.truth.rights = append(w.truth.rights, right{time.Now(), person, has})
}

// draws tells whether something goes wrong that is no effect's.
func (w *world) draws(f fault) bool {
	rate := 3 * w.plan.rate
	if w.plan.aim.fault == f {
		rate = 0.5
	}
	return !w.closing && w.plan.on[f] && w.rng.Float64() < rate
}

// whatGoesWrong draws what becomes of an effect.
func (w *world) whatGoesWrong(e *effect) fault {
	if w.closing {
		return none
	}
	switch part := w.plan.hits(e, w.truth.isSending); {
	case part > 0 && w.rng.Float64() < part:
		return w.plan.aim.fault
	case part < 0 && w.rng.Float64() < -part:
		return dialFails
	}
	rate := w.plan.rate
	switch {
	case e.change:
		rate = w.plan.sendRate
	case e.row != "": // a hundredth of all effects, and what matters
		rate *= 4
	}
	if w.rng.Float64() >= rate {
		return none
	}
	list := e.faults
	if e.by != nil && !e.by.dead && !e.by.over {
		list = append(slices.Clone(list), killedBefore, killedAfter)
		if !e.afloat {
			list = append(list, frozen)
		}
	}
	list = slices.DeleteFunc(slices.Clone(list), func(f fault) bool { return !w.plan.on[f] })
	if len(list) == 0 {
		return none
	}
	return list[w.rng.IntN(len(list))]
}
