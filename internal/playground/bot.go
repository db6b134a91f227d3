package main

import (
	"context"
	_ "embed" // the playground's own policy
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/tangobot/tangobot/internal/cardpage"
	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/treasury"
)

//go:embed policy.yaml
var ownPolicy []byte

// bot is Tangobot as the functions run it, in one process.
type bot struct {
	desk      *treasury.Desk
	edge      *slack.Edge
	page      *cardpage.Page
	questions *embedded.Queue
	money     *embedded.Queue
	clock     *clock
	log       *slog.Logger

	sending chan struct{} // holds one token while a call that changes something at Tango may be under way
	wake    chan struct{} // asks for a watch at once
}

// The queues as template.yaml sets them up, but for the pause: nobody waits a minute in a playground.
const (
	questionTime = 60 * time.Second
	moneyTime    = 120 * time.Second
	jobAgain     = 10 * time.Second
	watchTime    = 60 * time.Second
	slackTime    = 8 * time.Second // of one call to Slack
)

// The pace of calls to Tango: its own limit for a server that may be real, and none to speak of for the built-in one.
const (
	tangoPace   = time.Second
	builtInPace = 50 * time.Millisecond
)

// newBot wires the bot. base is the address of this process, where the built-in simulators are found too.
func newBot(s settings, base string, store *embedded.Store, c *clock, log *slog.Logger) (*bot, error) {
	policy, err := readPolicy(s.PolicyFile)
	if err != nil {
		return nil, err
	}
	b := &bot{clock: c, log: log, sending: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
	if b.questions, err = store.NewQueue("questions", embedded.QueueConfig{Workers: 4, Timeout: questionTime, Again: jobAgain, Log: log}); err != nil {
		return nil, err
	}
	// One worker: what the reserved concurrency of the function that executes is in the cloud.
	if b.money, err = store.NewQueue("money", embedded.QueueConfig{Workers: 1, Timeout: moneyTime, Again: jobAgain, Log: log}); err != nil {
		return nil, err
	}
	slackAPI, tangoAPI, pace := s.SlackAPI, s.TangoAPI, tangoPace
	if slackAPI == "" {
		slackAPI = base + slackPath + "/api"
	}
	if tangoAPI == "" {
		tangoAPI, pace = base+tangoPath, builtInPace
	}
	client, err := slack.NewClient(slack.ClientConfig{
		APIURL: slackAPI + "/", HTTP: &http.Client{Timeout: slackTime}, Clock: c.now,
		Token: func(context.Context) (treasury.Secret, error) { return s.BotToken, nil },
	})
	if err != nil {
		return nil, err
	}
	pacer := tango.NewPacer(pace)
	books, err := tango.New(tango.Config{
		API: tangoAPI, Pacer: pacer, Method: policy.Method, Clock: c.now, Log: log,
		Credentials: func(context.Context) (string, treasury.Secret, error) { return s.PlatformName, s.PlatformKey, nil },
	})
	if err != nil {
		return nil, err
	}
	b.desk = &treasury.Desk{
		Journal: embedded.Journal{Store: store}, People: client, Policy: policy, Clock: c.now, Log: log,
		Accounts: &treasury.Directory{}, Money: b.money, Questions: carried{b.questions}, Books: books, Mover: books, Pacer: pacer,
	}
	claims := embedded.Claims{Store: store}
	b.page = cardpage.New(b.desk, claims)
	b.edge = &slack.Edge{
		Desk: b.desk, Client: client, Claims: claims, Clock: c.now, Log: log, CardPage: base + cardpage.Path,
		Verifier: slack.Verifier{Clock: c.now, Signing: func(_ context.Context, previous bool) (treasury.Secret, error) {
			if previous {
				return treasury.Secret{}, nil // nothing is rotated here
			}
			return s.SigningSecret, nil
		}},
	}
	return b, nil
}

func readPolicy(file string) (*treasury.Policy, error) {
	text, name := ownPolicy, "the playground's own policy"
	if file != "" {
		var err error
		if text, err = os.ReadFile(file); err != nil { //nolint:gosec // the operator names the file
			return nil, fmt.Errorf("reading POLICY_FILE: %w", err)
		}
		name = file
	}
	policy, err := treasury.ParsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", name, err)
	}
	return policy, nil
}

// run works on both queues and watches until ctx ends; jobs that have begun are brought to their end. watched is called
// after the first watch.
func (b *bot) run(ctx context.Context, interval time.Duration, watched func()) {
	var work sync.WaitGroup
	work.Go(func() { b.questions.Run(ctx, b.question) })
	work.Go(func() { b.money.Run(ctx, b.execute) })
	work.Go(func() { b.watch(ctx, interval, watched) })
	work.Wait()
}

func (b *bot) question(ctx context.Context, body []byte) error {
	return b.edge.Job(b.clock.shift(ctx), body)
}

// execute runs a money job. The clock stands still for pushes meanwhile: a push would tell the desk that this worker has
// been dead for long.
func (b *bot) execute(ctx context.Context, body []byte) error {
	select {
	case b.sending <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-b.sending }()
	return b.desk.ExecuteJob(b.clock.shift(ctx), body)
}

// takeCard serves the card page's form. Like a money job it has the clock to itself.
func (b *bot) takeCard(w http.ResponseWriter, r *http.Request) {
	select {
	case b.sending <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	defer func() { <-b.sending }()
	b.page.ServeHTTP(w, r)
}

// push moves the clock and does at once what has become due. It reports false when a money job is under way and does
// not end within ctx.
func (b *bot) push(ctx context.Context, by time.Duration) (bool, error) {
	select {
	case b.sending <- struct{}{}:
	case <-ctx.Done():
		return false, nil
	}
	err := b.clock.push(by)
	<-b.sending
	if err != nil {
		return true, err
	}
	b.questions.Poke()
	b.money.Poke()
	select {
	case b.wake <- struct{}{}:
	default: // one is asked for already
	}
	return true, nil
}

func (b *bot) watch(ctx context.Context, interval time.Duration, watched func()) {
	for ctx.Err() == nil {
		b.watchOnce(ctx)
		watched()
		timer := time.NewTimer(interval)
		select {
		case <-timer.C:
		case <-b.wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func (b *bot) watchOnce(ctx context.Context) {
	running, cancel := context.WithTimeout(ctx, watchTime)
	defer cancel()
	if err := b.desk.Watch(b.clock.shift(running)); err != nil && ctx.Err() == nil {
		b.log.WarnContext(ctx, "watch not complete, the next one goes on", "error", err)
	}
}

// carried is a queue whose jobs are under way for a moment, as SQS's are: an answer must not overtake the words that it
// replaces.
type carried struct{ treasury.Queue }

func (q carried) Send(ctx context.Context, body []byte, delay time.Duration) error {
	return q.Queue.Send(ctx, body, max(delay, 150*time.Millisecond))
}
