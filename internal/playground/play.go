package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

// act is what the page sends when a person does something. Which fields count depends on what it is.
type act struct {
	Person  string          `json:"person"`
	Place   string          `json:"place"`  // where somebody typed: a channel's id, or "direct"
	Text    string          `json:"text"`   // what was typed
	Target  slacksim.Target `json:"target"` // what was pressed
	View    string          `json:"view"`
	Values  slacksim.Values `json:"values"` // what the form holds
	Call    string          `json:"call"`   // the kind of call that a fault waits for
	Fault   string          `json:"fault"`
	Push    int64           `json:"push"`    // seconds
	Account string          `json:"account"` // what other hands take from, freeze or free
}

// outcome is what the page is told at once; what changed it reads from the state.
type outcome struct {
	Error   string            `json:"error,omitempty"`
	Options []slacksim.Option `json:"options,omitempty"`
}

// refused is an error whose words are for the person at the page.
type refused struct{ words string }

func (r refused) Error() string { return r.words }

// acts are the endpoints, by name.
func (p *playground) acts() map[string]func(context.Context, act) (outcome, error) {
	simulated := func(do func(context.Context, act) (outcome, error)) func(context.Context, act) (outcome, error) {
		return func(ctx context.Context, a act) (outcome, error) {
			if p.slack == nil {
				return outcome{}, refused{"The built-in workspace is not used: SLACK_API_URL is set."}
			}
			return do(ctx, a)
		}
	}
	return map[string]func(context.Context, act) (outcome, error){
		"say":     simulated(p.say),
		"click":   simulated(p.click),
		"options": simulated(p.options),
		"submit":  simulated(p.submit),
		"close":   simulated(p.closeView),
		"home":    simulated(p.home),
		"fault":   p.armFault,
		"clock":   p.pushClock,
		"spend":   p.spend,
		"freeze":  p.freeze,
	}
}

// maxAct bounds what the page sends.
const maxAct = 64 << 10

// playAct reads an act and answers with its outcome. An act goes on when the page is closed meanwhile, as Slack's
// delivery to an app does not end with somebody's browser.
func (p *playground) playAct(do func(context.Context, act) (outcome, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if kind != "application/json" {
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return
		}
		var a act
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAct))
		d.DisallowUnknownFields()
		err := d.Decode(&a)
		if _, trailing := d.Token(); err != nil || !errors.Is(trailing, io.EOF) {
			p.answer(w, http.StatusBadRequest, outcome{Error: "The playground does not understand its own page. Please reload it."})
			return
		}
		ctx := context.WithoutCancel(r.Context())
		out, err := do(ctx, a)
		if err != nil {
			p.log.WarnContext(ctx, "page's act refused", "path", r.URL.Path, "error", err)
			p.answer(w, http.StatusBadRequest, outcome{Error: words(err)})
			return
		}
		p.answer(w, http.StatusOK, out)
	}
}

func (p *playground) answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the page is gone, or it is not
}

// words tells why something could not be done.
func words(err error) string {
	var told refused
	switch {
	case errors.As(err, &told):
		return told.words
	case errors.Is(err, slacksim.ErrNotVisible):
		return "This person is not in that channel, or does not see that any more."
	case errors.Is(err, slacksim.ErrCannotAct):
		return "This person cannot sign in."
	case errors.Is(err, slacksim.ErrNotOffered):
		return "That cannot be chosen here any more. Please choose again."
	case errors.Is(err, slacksim.ErrUnknown):
		return "That is gone meanwhile."
	}
	return "That did not work. The terminal of make run says why."
}

const command = "/tango"

// say types a command, or an ordinary message, which no app hears.
func (p *playground) say(ctx context.Context, a act) (outcome, error) {
	channel := a.Place
	if channel == "direct" {
		channel = ""
	}
	text := strings.TrimSpace(a.Text)
	if !strings.HasPrefix(text, "/") {
		_, err := p.slack.Say(a.Person, channel, text)
		return outcome{}, err
	}
	word, rest, _ := strings.Cut(text, " ")
	if word != command {
		return outcome{}, refused{word + " is not a command of this workspace. Try " + command + " help."}
	}
	_, err := p.slack.Slash(ctx, a.Person, channel, strings.TrimSpace(rest))
	return outcome{}, err
}

// fill keeps in the open form what the page holds of it.
func (p *playground) fill(a act) error {
	if a.Target.View == "" || len(a.Values) == 0 {
		return nil
	}
	return p.slack.Fill(a.Person, a.Target.View, a.Values)
}

func (p *playground) click(ctx context.Context, a act) (outcome, error) {
	if err := p.fill(a); err != nil {
		return outcome{}, err
	}
	_, err := p.slack.Click(ctx, a.Person, a.Target)
	return outcome{}, err
}

func (p *playground) options(ctx context.Context, a act) (outcome, error) {
	if err := p.fill(a); err != nil {
		return outcome{}, err
	}
	found, err := p.slack.OpenOptions(ctx, a.Person, a.Target, a.Text)
	return outcome{Options: found.Options, Error: found.Trouble}, err
}

func (p *playground) submit(ctx context.Context, a act) (outcome, error) {
	_, err := p.slack.Submit(ctx, a.Person, a.View, a.Values)
	return outcome{}, err
}

func (p *playground) closeView(ctx context.Context, a act) (outcome, error) {
	_, err := p.slack.CloseView(ctx, a.Person, a.View)
	return outcome{}, err
}

// home opens the app's Home tab.
func (p *playground) home(ctx context.Context, a act) (outcome, error) {
	_, err := p.slack.OpenHome(ctx, a.Person)
	return outcome{}, err
}

func (p *playground) armFault(_ context.Context, a act) (outcome, error) {
	if p.tango == nil {
		return outcome{}, errNoTango
	}
	if a.Fault == "" {
		p.tango.Disarm()
		return outcome{}, nil
	}
	for _, c := range calls() {
		for _, f := range c.Faults {
			if c.Name == a.Call && f.Name == a.Fault {
				p.tango.Disarm() // one at a time, so that the page can name it
				p.armed.Store(new("Next " + c.Label + ": " + f.Label))
				p.tango.Arm(f.fault)
				return outcome{}, nil
			}
		}
	}
	return outcome{}, fmt.Errorf("fault %q of %q: %w", a.Fault, a.Call, slacksim.ErrUnknown)
}

var errNoTango = refused{"The built-in Tango is not used: TANGO_API_URL is set."}

// account finds the account that other hands touch.
func (p *playground) account(id string) (tangosim.Account, error) {
	if p.tango == nil {
		return tangosim.Account{}, errNoTango
	}
	for _, a := range p.tango.Accounts() {
		if a.ID == id {
			return a, nil
		}
	}
	return tangosim.Account{}, fmt.Errorf("account %q: %w", id, slacksim.ErrUnknown)
}

// spending is what one order takes from an account, in hundredths.
const spending = 100_00

// spend has an order of rewards take money from an account, past Tangobot.
func (p *playground) spend(_ context.Context, a act) (outcome, error) {
	account, err := p.account(a.Account)
	if err != nil {
		return outcome{}, err
	}
	if account.Cents < spending || account.Status != "ACTIVE" {
		return outcome{}, refused{"No order can be paid from that account: it holds less than 100.00, or is not active."}
	}
	p.tango.Spend(account.ID, spending)
	return outcome{}, nil
}

// freeze has Tango freeze an account, or free a frozen one.
func (p *playground) freeze(_ context.Context, a act) (outcome, error) {
	account, err := p.account(a.Account)
	if err != nil {
		return outcome{}, err
	}
	switch account.Status {
	case "ACTIVE":
		p.tango.SetStatus(account.ID, "FROZEN")
	case "FROZEN":
		p.tango.SetStatus(account.ID, "ACTIVE")
	default:
		return outcome{}, refused{"That account is closed for good."}
	}
	return outcome{}, nil
}

// pushWait is how long a push waits for a transfer call under way.
const pushWait = 3 * time.Second

func (p *playground) pushClock(ctx context.Context, a act) (outcome, error) {
	if a.Push <= 0 || a.Push > int64(furthest/time.Second) {
		return outcome{}, refused{"The clock goes forward only."}
	}
	waiting, cancel := context.WithTimeout(ctx, pushWait)
	defer cancel()
	moved, err := p.bot.push(waiting, time.Duration(a.Push)*time.Second)
	if err != nil {
		return outcome{}, refused{"The clock cannot be pushed any further."}
	}
	if !moved {
		return outcome{}, refused{"A call to Tango is under way. The clock can be pushed when it has ended."}
	}
	p.bell.ring()
	return outcome{}, nil
}
