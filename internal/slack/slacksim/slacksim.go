// Package slacksim is a simulated Slack workspace on the wire: it serves the Web API, it keeps people, channels,
// messages, modals and App Home, and it lets a program act as a person, whose commands, clicks and forms it signs and
// delivers to the app under test.
//
// It keeps Slack's rules, not the app's habits. A payload over a limit is refused with Slack's error code; a trigger id
// lives three seconds and opens one view; a view has a hash; a response_url takes five answers in thirty minutes; an
// app that fails or takes more than three seconds shows the person what Slack would show. Whatever Slack would refuse,
// or accept and regret, is also kept in a list of violations that a test asserts to be empty.
//
// The wire structs are the package's own, so that a mistake in the app's client is not mirrored here. Time comes from
// Config.Clock, save for the three seconds that an answer may take, which are real.
//
// The pieces: New makes a Workspace, which is the http.Handler of the Web API. Slash, Click, OpenOptions, Submit,
// CloseView and OpenHome act as a person. Deliver and Replay send what an attacker might. View is what a person's
// screen shows. CheckMessage, CheckView and CheckOptions are the limits alone, for golden tests.
//
// A Workspace is safe for concurrent use. No lock is held while the app is called, so the app may call back.
package slacksim

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Errors of the methods that act as a person: what a person could not do in Slack's own clients.
var (
	// ErrUnknown is returned for a person, channel, message, view, block or element that does not exist.
	ErrUnknown = errors.New("slacksim: no such thing")
	// ErrCannotAct is returned for a deactivated person or a bot: they have no client to click in.
	ErrCannotAct = errors.New("slacksim: this person cannot act")
	// ErrNotVisible is returned when the person cannot see what they would act on.
	ErrNotVisible = errors.New("slacksim: not visible to this person")
	// ErrNotOffered is returned for a choice that the element does not offer.
	ErrNotOffered = errors.New("slacksim: not offered")
	// ErrNoRetry is returned when Slack would not deliver the event again.
	ErrNoRetry = errors.New("slacksim: no further delivery")
)

// Config is what a workspace needs. Clock, SigningSecret and BotToken are required; all else has a default.
type Config struct {
	Clock         func() time.Time
	SigningSecret string // signs every delivery
	BotToken      string // what the Web API accepts

	TeamID     string // T0ACME
	TeamDomain string // acme
	APIAppID   string // A0TANGO
	Command    string // /tango
	BotUserID  string // U0TANGO
	BotID      string // B0TANGO
	BotName    string // tangobot

	// Where the app listens; SetURLs changes them. A delivery without an address fails as an unreachable app does.
	URLs
	// BaseURL is where the workspace itself is reachable, without a trailing slash: a response_url is BaseURL +
	// "/response/" + id. The Web API is served under any path that ends in the method's name.
	BaseURL string
	// HTTPClient delivers. The default follows no redirects, as Slack does not for commands and interactions.
	HTTPClient *http.Client
	// AckTimeout is how long an answer may take, in real time. The default is Slack's three seconds.
	AckTimeout time.Duration

	// Scopes are the bot token's. Nil means all that the served methods need.
	Scopes []string
	// RawCommands turns should_escape off: people and channels in a command stay as they were typed.
	RawCommands bool
	// HomeDisabled makes views.publish answer not_enabled.
	HomeDisabled bool
	// RateLimits turns the limits per method on; SetRateLimits changes it.
	RateLimits bool

	// Directory is who and what is in the workspace. Demo gives one.
	Directory Directory
}

// URLs are the addresses that an app has in Slack's settings.
type URLs struct {
	CommandsURL     string // slash commands and ssl_check
	InteractionsURL string // block_actions, view_submission, view_closed
	OptionsURL      string // block_suggestion
	EventsURL       string // events and url_verification
}

// ackTime is how long Slack waits for an answer to anything that it delivers.
const ackTime = 3 * time.Second

// Workspace is the simulated workspace, and the http.Handler of its Web API. Make it with New.
type Workspace struct {
	config Config

	mu      sync.Mutex
	state   state
	changed chan struct{} // closed at the next change

	triggerTime time.Duration // how long a trigger_id can open a view

	faults     []Fault
	limited    bool                   // rate limits are on
	recent     map[string][]time.Time // calls by rate bucket
	calls      []Call
	counts     map[string]int
	deliveries []Delivery
	violations []Violation
	delivered  int
}

// New makes a workspace.
func New(config Config) *Workspace {
	setDefault(&config.TeamID, "T0ACME")
	setDefault(&config.TeamDomain, "acme")
	setDefault(&config.APIAppID, "A0TANGO")
	setDefault(&config.Command, "/tango")
	setDefault(&config.BotUserID, "U0TANGO")
	setDefault(&config.BotID, "B0TANGO")
	setDefault(&config.BotName, "tangobot")
	if config.HTTPClient == nil {
		config.HTTPClient = &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if config.AckTimeout == 0 {
		config.AckTimeout = ackTime
	}
	w := &Workspace{
		config: config, triggerTime: triggerLife, changed: make(chan struct{}), limited: config.RateLimits,
		recent: map[string][]time.Time{}, counts: map[string]int{}, state: newState(),
	}
	for _, p := range config.Directory.People {
		w.state.putPerson(p, config.TeamID)
	}
	for _, g := range config.Directory.Groups {
		g.Members = slices.Clone(g.Members)
		w.state.Groups[g.ID] = g
	}
	for _, c := range config.Directory.Channels {
		w.state.putChannel(c)
	}
	return w
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// SetURLs tells where the app listens from now on.
func (w *Workspace) SetURLs(urls URLs) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.config.URLs = urls
}

// SetPatience gives Slack's three seconds another length from now on, those for an answer and those of a trigger_id: for a
// test whose subject is not the speed of the machine that runs it.
func (w *Workspace) SetPatience(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.config.AckTimeout, w.triggerTime = d, d
}

// SetBaseURL tells where the workspace itself is reachable, without a trailing slash.
func (w *Workspace) SetBaseURL(base string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.config.BaseURL = base
}
