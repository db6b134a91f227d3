package simulation

import (
	"context"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/canarytest"
	"github.com/tangobot/tangobot/internal/cardpage"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// person is somebody in the workspace. They see what Slack shows them, and when something fails they try again.
type person struct {
	id    string
	world *world
	rng   *rand.Rand
	ctx   context.Context //nolint:containedctx // one life, one context
	story func(*person)
	busy  bool
	forms int // that were opened: there may be no more requests than forms
}

// wish is what somebody wants from Tangobot.
type wish struct {
	kind    treasury.ActionKind
	command string
	fields  []input
}

// input is filled in by hand; one that is looked up is typed first.
type input struct {
	block, typed string
	value        slacksim.Value
}

// populate gives the world its people and what they want.
func (w *world) populate() {
	add := func(id string, story func(*person)) {
		p := &person{id: id, world: w, rng: rand.New(rand.NewPCG(w.seed, uint64(len(w.people)+2))), story: story}
		p.ctx = context.WithValue(context.Background(), whoKey{}, id)
		w.people = append(w.people, p)
	}
	wishes := []int{1, 1, 1, 2, 3}[w.rng.IntN(5)]
	if w.plan.aim.row != "" {
		wishes = 1
	}
	lists := map[string][]wish{}
	askers := append(slices.Clone(requesters), approvers[0])
	for n := range wishes {
		who := askers[w.rng.IntN(len(askers))]
		lists[who] = append(lists[who], w.wish(n))
	}
	for _, id := range slices.Concat(requesters, approvers) {
		list := lists[id]
		if len(list) > 0 {
			add(id, func(p *person) { p.wants(list) })
		}
		if slices.Contains(approvers, id) {
			add(id+"'", (*person).decides)
		}
	}
	if w.plan.stops {
		add("U0NINA\"", (*person).stops)
	}
}

// wish draws something to want. n tells wishes apart.
func (w *world) wish(n int) wish {
	accounts := []string{"alpha", "bravo", "charlie"}
	w.rng.Shuffle(3, func(i, j int) { accounts[i], accounts[j] = accounts[j], accounts[i] })
	cents := 1_000 + w.rng.IntN(4_000)
	switch n := w.rng.IntN(4); {
	case w.plan.aim.row == "voted", w.plan.aim.row == "" && n == 0: // which takes two approvals
		cents = 31_000 + w.rng.IntN(30_000)
	case w.plan.aim.row != "", n > 1:
		cents = 6_000 + w.rng.IntN(20_000)
	}
	amount := fmt.Sprintf("%d.%02d", cents/100, cents%100)
	mark := fmt.Sprintf("s%d-%d", w.seed, n)
	k := w.rng.IntN(20)
	switch row := w.plan.aim.row; {
	case strings.HasPrefix(row, "settled"), row == "overdue", row == "answered: pending", row == "answered: declined":
		amount = map[bool]string{true: "5.55", false: "6.55"}[row != "settled: declined"]
		if row == "answered: declined" {
			amount = "7.55"
		}
		return wish{treasury.ActionDeposit, "deposit " + amount + " to " + accounts[0], nil}
	case row == "finding", row == "closed by two", row == "resend_vote", row == "evidence: open":
		return wish{treasury.ActionDeposit, "deposit " + amount + " to " + accounts[0], nil}
	case row == "invited":
		k = 15
	}
	switch {
	case k < 10:
		return wish{treasury.ActionTransfer, "transfer " + amount + " from " + accounts[0] + " to " + accounts[1] + " note " + mark, nil}
	case k < 15:
		if w.rng.IntN(2) == 0 {
			amount = []string{"5.55", "5.55", "6.55", "7.55"}[w.rng.IntN(4)] // what Tango's sandbox makes pending or declines
		}
		return wish{treasury.ActionDeposit, "deposit " + amount + " to " + accounts[0], nil}
	case k < 17:
		return wish{treasury.ActionRegisterCard, "card register " + accounts[0], []input{{block: "label", value: slacksim.Typed("Card " + mark)}}}
	case k == 17:
		return wish{treasury.ActionUnregisterCard, "card remove " + accounts[0], nil}
	case k == 18:
		return wish{treasury.ActionCreateAccount, "account create", []input{
			{block: "customer", typed: "acme", value: slacksim.Chosen("acme-rewards")},
			{block: "new_id", value: slacksim.Typed("new-" + mark)},
			{block: "name", value: slacksim.Typed("Name " + mark)},
			{block: "email", value: slacksim.Typed("a@acme.example")},
			{block: "currency", value: slacksim.Chosen("USD")},
		}}
	}
	return wish{treasury.ActionUpdateAccount, "account edit " + accounts[0], []input{{block: "name", value: slacksim.Typed("Name " + mark)}}}
}

func (p *person) live() {
	p.story(p)
	p.busy = false
}

// user is the id that Slack knows: somebody may do two things at a time.
func (p *person) user() string { return strings.TrimRight(p.id, "'\"") }

// act waits until it is time, and until there is something to see.
func (p *person) act(what string, after time.Duration, ready func() bool) {
	_, _ = p.world.gate(context.Background(), &effect{ // a person has no deadline
		who: p.id, order: 1 << 20, what: what, notBefore: time.Now().Add(after), ready: ready,
	})
}

// soon is how long a person takes for one click.
func (p *person) soon() time.Duration { return time.Duration(1+p.rng.IntN(8)) * time.Second }

// later is when somebody comes back to it.
func (p *person) later() time.Duration {
	return time.Duration(p.rng.IntN([]int{20, 120, 1200}[p.rng.IntN(3)])+1) * time.Second
}

// closes closes what is open.
func (p *person) closes() {
	for range 5 {
		list := p.world.slack.Modals(p.user())
		if len(list) == 0 {
			return
		}
		if _, err := p.world.slack.CloseView(p.ctx, p.user(), list[len(list)-1].ID); err != nil {
			return
		}
	}
}

// top gives the form that a person sees.
func (p *person) top() (slacksim.View, bool) {
	list := p.world.slack.Modals(p.user())
	if len(list) == 0 {
		return slacksim.View{}, false
	}
	return list[len(list)-1], true
}

var requestID = regexp.MustCompile(`TB-[0-9A-Z]{8}`)

// wants tells the stories of a requester, one after the other.
func (p *person) wants(list []wish) {
	p.busy = true
	aim := p.world.plan.aim.row
	for _, one := range list {
		p.act("begins", p.later(), nil)
		id := p.asks(one)
		if id == "" {
			continue
		}
		switch {
		case one.kind == treasury.ActionRegisterCard:
			p.entersCard(id)
		case aim == "" && p.rng.IntN(5) == 0 || aim == "cancelled: taken_back":
			p.act("thinks better of it", p.later(), nil)
			p.presses(p.user(), id, "cancel")
		case aim == "" && p.rng.IntN(6) == 0 || aim == "cancelled: stopped":
			p.act("wants to stop it", p.later(), nil)
			p.presses(channel, id, "stop")
		}
	}
}

// asks goes through a form and gives the request's id; empty when nothing came of it.
func (p *person) asks(one wish) string {
	w := p.world
	for try := range 4 {
		p.act("types a command", p.soon(), nil)
		if r, err := w.slack.Slash(p.ctx, p.user(), "", one.command); err != nil || r.Failure != "" {
			continue
		}
		if _, ok := p.top(); !ok {
			continue
		}
		p.forms++
		if !p.fills(one.fields, strings.Repeat("x", try)) {
			p.closes()
			continue
		}
		id := p.submits()
		p.closes()
		return id
	}
	return ""
}

// fills fills in the form that is open.
func (p *person) fills(fields []input, again string) bool {
	v, ok := p.top()
	for _, f := range fields {
		if slices.Contains([]string{"label", "new_id", "name"}, f.block) {
			f.value = slacksim.Typed(*f.value.Value + again) // another try asks for something else
		}
		if f.typed != "" {
			p.act("types into a list", p.soon(), nil)
			r, err := p.world.slack.OpenOptions(p.ctx, p.user(), slacksim.Target{View: v.ID, Block: f.block, Action: "value"}, f.typed)
			if err != nil || r.Trouble != "" {
				return false
			}
		}
		ok = ok && p.world.slack.Fill(p.user(), v.ID, slacksim.Values{f.block: {"value": f.value}}) == nil
	}
	return ok
}

// submits presses the button of each step, again where it failed, and gives the id that the last step tells.
func (p *person) submits() string {
	for range 8 {
		p.act("submits", p.soon(), nil)
		v, ok := p.top()
		if !ok {
			return ""
		}
		if v.Submit == nil {
			return requestID.FindString(string(v.Blocks))
		}
		r, err := p.world.slack.Submit(p.ctx, p.user(), v.ID, nil)
		if err != nil || r.Outcome == slacksim.Refused || r.Outcome == slacksim.Incomplete {
			return ""
		}
	}
	return ""
}

// presses presses a button of the newest message about a request, if it still has it.
func (p *person) presses(where, id, action string) bool {
	for _, m := range slices.Backward(p.world.slack.Messages(where)) {
		if strings.Contains(m.Text, id) && strings.Contains(string(m.Blocks), `"action_id":"`+action+`"`) {
			r, err := p.world.slack.Click(p.ctx, p.user(), slacksim.Target{Channel: m.Channel, TS: m.TS, Action: action})
			return err == nil && r.Failure == ""
		}
	}
	return false
}

var cardLink = regexp.MustCompile(regexp.QuoteMeta(base+cardpage.Path) + `([^|>"\\]+)`)

// entersCard opens the link when it comes, and types the card; a page that fails is tried again, and a dead link renewed.
func (p *person) entersCard(id string) {
	w := p.world
	used := ""
	link := func() string {
		for _, m := range slices.Backward(w.slack.Messages(p.user())) {
			if found := cardLink.FindStringSubmatch(html.UnescapeString(m.Text)); found != nil && strings.HasPrefix(found[1], id) {
				return found[1]
			}
		}
		return ""
	}
	over := func() bool { return w.truth.isOver(id) }
	p.busy = false
	for range 3 {
		p.act("looks for the link", p.soon(), w.seen(func() bool { return link() != used || over() }))
		if over() {
			return
		}
		used = link()
		for range 2 {
			p.act("types the card", p.later()/4, nil)
			if p.posts(used) {
				return
			}
		}
		if p.rng.IntN(2) == 0 {
			p.act("asks for a new link", p.soon(), nil)
			p.presses(p.user(), id, "card_link")
		}
	}
}

// posts sends the card page's form, and tells whether it is done.
func (p *person) posts(link string) bool {
	form := url.Values{
		"number": {canarytest.TakenNumber}, "month": {"08"}, "year": {"31"}, "code": {canarytest.CardCode}, "first_name": {"Lena"}, "last_name": {"Fischer"},
		"line1": {"400 Pine Street"}, "line2": {""}, "city": {"Seattle"}, "state": {"Washington"}, "postal_code": {"98101"}, "country": {"US"},
		"email": {"cards@acme.example"},
	}.Encode()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second) // API Gateway's
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+cardpage.Path+link, strings.NewReader(form))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", "null")
	response, err := p.world.enter(ctx, cards, r, []byte(form))
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode == http.StatusOK
}

// seen asks a condition again only when somebody could see something new.
func (w *world) seen(is func() bool) func() bool {
	last, was := uint64(0), false
	return func() bool {
		if now := w.slack.Version() + 1; now != last {
			last, was = now, is()
		}
		return was
	}
}

// decides is the life of an approver: decide what waits, and close doubts.
func (p *person) decides() {
	w := p.world
	voted, said, resent := map[string]bool{}, map[string]bool{}, map[string]bool{}
	offered := func(action string, done map[string]bool) string {
		for _, id := range w.offers(action) {
			if !done[w.truth.round(id)] {
				return id
			}
		}
		return ""
	}
	open := func(action string, done map[string]bool) string {
		for _, id := range w.offers(action) {
			if !done[w.truth.round(id)] && w.truth.isKnown(id) {
				return id
			}
		}
		return ""
	}
	for {
		p.act("looks", p.later(), func() bool {
			return offered("approve", voted) != "" || open("testify", said) != "" || open("resend", resent) != ""
		})
		p.busy = true
		if id := offered("approve", voted); id != "" {
			p.votes(id)
			voted[w.truth.round(id)] = true
		} else if id := open("resend", resent); id != "" && p.rng.IntN(2) == 0 {
			p.fillsIn(id, "resend", nil)
			resent[w.truth.round(id)] = true
		} else if id := open("testify", said); id != "" {
			said[w.truth.round(id)] = p.testifies(id)
		} else if id := open("resend", resent); id != "" {
			resent[w.truth.round(id)] = true
		}
		p.busy = false
	}
}

// offers lists the requests whose cards have a button.
func (w *world) offers(action string) []string {
	if now := w.slack.Version() + 1; now != w.offeredAt {
		w.offeredAt, w.offered = now, map[string][]string{}
		for _, m := range w.slack.Messages(channel) {
			id := requestID.FindString(m.Text)
			for _, one := range []string{"approve", "testify", "resend"} {
				if id != "" && strings.Contains(string(m.Blocks), `"action_id":"`+one+`"`) {
					w.offered[one] = append(w.offered[one], id)
				}
			}
		}
	}
	return w.offered[action]
}

func (p *person) votes(id string) {
	action, comment := "approve", ""
	n := p.rng.IntN(16)
	switch aim := p.world.plan.aim.row; {
	case aim == "denied", aim == "" && n < 2:
		action, comment = "deny", "not this month"
	case aim == "expired", aim == "cancelled: taken_back", aim == "" && n == 2:
		return
	}
	p.fillsIn(id, action, slacksim.Values{"comment": {"value": slacksim.Typed(comment)}})
}

// fillsIn presses a card's button and sends the form behind it, again when it fails.
func (p *person) fillsIn(id, action string, values slacksim.Values) bool {
	for range 4 {
		p.act("presses "+action, p.soon(), nil)
		if !p.presses(channel, id, action) {
			continue
		}
		for range 3 {
			v, ok := p.top()
			if !ok {
				break
			}
			if v.Submit == nil {
				done := strings.HasPrefix(v.Title.Text, "Recorded")
				p.closes()
				return done
			}
			p.act("sends the form", p.soon(), nil)
			r, err := p.world.slack.Submit(p.ctx, p.user(), v.ID, values)
			if err != nil {
				break
			}
			if r.Outcome == slacksim.Refused || r.Outcome == slacksim.Incomplete {
				p.closes()
				return false
			}
		}
		p.closes()
	}
	return false
}

// testifies says what the portal shows: the truth.
func (p *person) testifies(id string) bool {
	w := p.world
	finding := "not_executed"
	if w.truth.wasDone(id) {
		finding = "executed"
	}
	w.truth.meets(id, closedByPeople)
	return p.fillsIn(id, "testify", slacksim.Values{
		"finding": {"value": slacksim.Chosen(finding)}, "seen": {"value": slacksim.Typed("the portal's list of transfers")},
	})
}

// stops stops all sending for a while.
func (p *person) stops() {
	p.busy = true
	p.act("has a doubt", p.later(), nil)
	for _, word := range []string{"stop for a look", "resume"} {
		for range 20 {
			p.act("types "+word, p.soon(), nil)
			r, err := p.world.slack.Slash(p.ctx, p.user(), "", word)
			if err == nil && r.Failure == "" && r.Message != nil && strings.Contains(r.Message.Text, "Sending is") {
				break
			}
		}
		if strings.HasPrefix(word, "stop") {
			p.world.met(stoppedMeanwhile)
		}
		p.act("thinks", p.later(), nil)
	}
}

func (t *truth) isOver(id string) bool {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	r, ok := t.requests[id]
	return !ok || r.State != treasury.StatePending && r.State != treasury.StateApproved
}

// isKnown: what became of a request in doubt can be seen by now. Nothing of it is under way, and a deposit that is not there
// after a week never comes.
func (t *truth) isKnown(id string) bool {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	r := t.requests[id]
	if r.State != treasury.StateInDoubt || r.Attempt == nil || r.Inquiry == nil {
		return false
	}
	if t.done(r) > 0 {
		return true
	}
	age := min(time.Since(r.Attempt.SentAt), time.Since(r.Inquiry.Since))
	if r.Action.Kind == treasury.ActionDeposit {
		pending := slices.ContainsFunc(t.world.tango.Deposits(), func(d tangosim.Deposit) bool { return d.Reference == id && d.Status == "PENDING" })
		return age > 8*24*time.Hour && !pending // the portal shows what is pending
	}
	return age > 17*time.Minute
}

// round names a request's doubt: after a further send all is asked anew.
func (t *truth) round(id string) string {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	return id + " " + number(t.requests[id].Attempts)
}

func (t *truth) wasDone(id string) bool {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	return t.done(t.requests[id]) > 0
}
