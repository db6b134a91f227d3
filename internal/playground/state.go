package main

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

// pageState is all that the page draws.
type pageState struct {
	Now    time.Time        `json:"now"`
	Pushed string           `json:"pushed,omitempty"` // how far the clock is ahead of the machine's
	Slack  *slacksim.Screen `json:"slack,omitempty"`  // absent when SLACK_API_URL names another workspace
	Tango  *tangoState      `json:"tango,omitempty"`  // absent when TANGO_API_URL names another server
	// Problems are what Slack would refuse, or take and show badly. There should be none.
	Problems []string `json:"problems,omitempty"`
}

type tangoState struct {
	Accounts  []accountState  `json:"accounts"`
	Movements []movementState `json:"movements"`       // newest first
	Cards     []cardState     `json:"cards"`           // newest first
	Deposits  []depositState  `json:"deposits"`        // newest first
	Calls     []call          `json:"calls"`           // what can go wrong with which
	Armed     string          `json:"armed,omitempty"` // says which fault waits for its call
}

type accountState struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Status  string `json:"status"`
	Balance string `json:"balance"`
}

type movementState struct {
	Amount    string    `json:"amount"`
	From      string    `json:"from"`
	To        string    `json:"to"`
	Reference string    `json:"reference"`
	At        time.Time `json:"at"`
}

type cardState struct {
	Token   string    `json:"token"`
	Label   string    `json:"label"`
	Last    string    `json:"last"` // four digits
	Expires string    `json:"expires"`
	Account string    `json:"account"`
	Status  string    `json:"status"`
	From    time.Time `json:"from"` // when it can be charged
}

type depositState struct {
	ID        string    `json:"id"`
	Amount    string    `json:"amount"`
	Charged   string    `json:"charged,omitempty"` // with the fee, once it is charged
	Account   string    `json:"account"`
	Status    string    `json:"status"`
	Reference string    `json:"reference"`
	At        time.Time `json:"at"`
}

// The most that is listed of what goes on for ever.
const (
	shownMovements = 30
	shownDeposits  = 30
)

// state gives what a person's page shows; of the first person who can sign in, when this one cannot.
func (p *playground) state(person string) (pageState, error) {
	s := pageState{Now: p.clock.now()}
	if ahead := p.clock.offset(); ahead > 0 {
		s.Pushed = spell(ahead)
	}
	if p.slack != nil {
		screen, err := p.slack.View(person)
		if err != nil {
			screen, err = p.slack.View(firstPerson)
		}
		if err != nil {
			return s, err
		}
		s.Slack = &screen
		for _, v := range p.slack.Violations() {
			if line := v.String(); !slices.Contains(s.Problems, line) {
				s.Problems = append(s.Problems, line)
			}
		}
	}
	if p.tango != nil {
		s.Tango = tangoStateOf(p.tango)
		if f := p.armed.Load(); f != nil && p.tango.Armed() > 0 {
			s.Tango.Armed = *f
		}
	}
	return s, nil
}

// firstPerson is whom the page shows at first: the one who asks.
const firstPerson = "U0LENA"

func tangoStateOf(sim *tangosim.Sim) *tangoState {
	t := &tangoState{Accounts: []accountState{}, Movements: []movementState{}, Cards: []cardState{}, Deposits: []depositState{}, Calls: calls()}
	currencies := map[string]money.Currency{}
	for _, a := range sim.Accounts() {
		currencies[a.ID] = money.Currency(a.Currency)
		t.Accounts = append(t.Accounts, accountState{
			ID: a.ID, Name: a.Name, Status: a.Status, Balance: money.New(a.Cents, money.Currency(a.Currency)).String(),
		})
	}
	for _, m := range slices.Backward(sim.Movements()) {
		if len(t.Movements) == shownMovements {
			break
		}
		currency := currencies[m.From]
		if currency == "" {
			currency = currencies[m.To]
		}
		t.Movements = append(t.Movements, movementState{
			Amount: money.New(m.Cents, currency).String(), From: m.From, To: m.To, Reference: m.Reference, At: m.At,
		})
	}
	for _, k := range slices.Backward(sim.Cards()) {
		t.Cards = append(t.Cards, cardState{
			Token: k.Token, Label: k.Label, Last: k.LastFour, Expires: k.Expires, Account: k.Account, Status: k.Status, From: k.ActiveFrom,
		})
	}
	t.Deposits = depositsOf(sim, currencies)
	return t
}

func depositsOf(sim *tangosim.Sim, currencies map[string]money.Currency) []depositState {
	list := []depositState{}
	for _, d := range slices.Backward(sim.Deposits()) {
		if len(list) == shownDeposits {
			break
		}
		one := depositState{
			ID: d.ID, Amount: money.New(d.Cents, currencies[d.Account]).String(), Account: d.Account, Status: d.Status,
			Reference: d.Reference, At: d.CreatedAt,
		}
		if d.Charged > 0 {
			one.Charged = money.New(d.Charged, currencies[d.Account]).String()
		}
		list = append(list, one)
	}
	return list
}

// spell says a duration as people do: "1 day 4 h 15 min".
func spell(d time.Duration) string {
	var parts []string
	for _, unit := range []struct {
		size      time.Duration
		one, many string
	}{{24 * time.Hour, "day", "days"}, {time.Hour, "h", "h"}, {time.Minute, "min", "min"}, {time.Second, "s", "s"}} {
		n := int64(d / unit.size)
		d -= time.Duration(n) * unit.size
		switch n {
		case 0:
		case 1:
			parts = append(parts, "1 "+unit.one)
		default:
			parts = append(parts, strconv.FormatInt(n, 10)+" "+unit.many)
		}
	}
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts, " ")
}

func (p *playground) playState(w http.ResponseWriter, r *http.Request) {
	s, err := p.state(r.URL.Query().Get("person"))
	if err != nil {
		p.log.ErrorContext(r.Context(), "page's state not readable", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	p.answer(w, http.StatusOK, s)
}

// The stream of changes: several changes within a moment are one, and silence is broken so that a dead server shows.
const (
	changesApart = 40 * time.Millisecond
	changesAlive = 15 * time.Second
)

// playChanges tells the page that something changed, as server-sent events.
func (p *playground) playChanges(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	alive := time.NewTicker(changesAlive)
	defer alive.Stop()
	text := "retry: 1000\ndata: hello\n\n"
	for {
		rung := p.bell.next()
		if _, err := w.Write([]byte(text)); err != nil {
			return
		}
		if out.Flush() != nil {
			return
		}
		pause(ctx, changesApart)
		select {
		case <-rung:
			text = "data: changed\n\n"
		case <-alive.C:
			text = ": alive\n\n"
		case <-p.ended:
			return
		case <-ctx.Done():
			return
		}
	}
}
