package cardpage_test

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
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

const (
	platformKey = canarytest.PlatformKey
	botToken    = canarytest.BotToken
	policyText  = `
workspace: T0ACME
channels: {approvals: C0APPROVE, alerts: C0ALERTS}
groups: {finance: [U0MAYA, U0RAVI], rewards: [U0LENA]}
view: [finance, rewards]
request: [rewards]
rules:
  - {action: "*", approvals: 1, from: [finance]}
expire_after: 24h
undo: 0s
stop: [finance]
cards: {registration: page}
`
)

// noon is when a test begins. It lies ahead of the machine's clock, because deadlines are told on the test's, and it is
// even, so that a security code cannot stand in a timestamp by chance.
func noon() time.Time { return time.Now().UTC().Truncate(24 * time.Hour).Add(36 * time.Hour) }

// goodUntil is a year for a card's expiry.
func goodUntil() string { return strconv.Itoa(time.Now().Year() + 3) }

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) push(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// ledger keeps what was written to it: the log, and the bodies of queued jobs.
type ledger struct {
	mu   sync.Mutex
	text bytes.Buffer
	jobs [][]byte
}

func (l *ledger) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// Send makes a ledger a queue on which jobs lie until a test takes them.
func (l *ledger) Send(_ context.Context, body []byte, _ time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.jobs = append(l.jobs, bytes.Clone(body))
	return nil
}

func (l *ledger) all() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(bytes.Clone(l.text.Bytes()), bytes.Join(l.jobs, []byte("\n"))...)
}

func (l *ledger) take() [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	jobs := l.jobs
	l.jobs = nil
	return jobs
}

// bot is Tangobot around the page: the real desk, clients and journal, beside simulated Tango and Slack.
type bot struct {
	tb               testing.TB
	clock            *clock
	tango            *tangosim.Sim
	slack            *slacksim.Workspace
	desk             *treasury.Desk
	edge             *slack.Edge
	page             *cardpage.Page
	claims           treasury.Claims
	log              *ledger
	questions, money *ledger
	done             [][]byte // questions that were worked on
	folder           string
	server           *httptest.Server
	links            []string // all that were made: whoever has one can register a card
	leaked           bool     // on purpose
}

func setup(tb testing.TB, change ...func(*tangosim.Config)) *bot {
	tb.Helper()
	b := &bot{tb: tb, clock: &clock{now: noon()}, log: &ledger{}, questions: &ledger{}, money: &ledger{}, folder: tb.TempDir()}
	config := tangosim.Config{Clock: b.clock.Now, PlatformName: "acme", PlatformKey: platformKey}
	for _, f := range change {
		f(&config)
	}
	b.tango = tangosim.New(config)
	b.tango.Demo()
	b.slack = slacksim.New(slacksim.Config{
		Clock: b.clock.Now, SigningSecret: canarytest.SigningSecret, BotToken: botToken, Directory: slacksim.Demo(),
	})
	store, err := embedded.Open(b.folder, b.clock.Now)
	b.must(err)
	tb.Cleanup(func() { _ = store.Close() })
	b.claims = embedded.Claims{Store: store}
	policy, err := treasury.ParsePolicy([]byte(policyText))
	b.must(err)
	log := slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client, err := slack.NewClient(slack.ClientConfig{
		APIURL: b.serve(b.slack) + "/api", HTTP: &http.Client{Timeout: 8 * time.Second}, Clock: b.clock.Now,
		Token: func(context.Context) (treasury.Secret, error) { return treasury.NewSecret(botToken), nil },
	})
	b.must(err)
	pacer := tango.NewPacer(time.Microsecond)
	books, err := tango.New(tango.Config{
		API: b.serve(b.tango) + tangosim.Base, Pacer: pacer, Method: http.MethodPost, Clock: b.clock.Now, Log: log,
		Credentials: func(context.Context) (string, treasury.Secret, error) {
			return "acme", treasury.NewSecret(platformKey), nil
		},
	})
	b.must(err)
	b.desk = &treasury.Desk{
		Journal: embedded.Journal{Store: store}, People: client, Policy: policy, Clock: b.clock.Now, Log: log,
		Accounts: &treasury.Directory{}, Money: b.money, Questions: b.questions, Books: books, Mover: books, Pacer: pacer,
	}
	b.edge = &slack.Edge{Desk: b.desk, Client: client, Claims: b.claims, Clock: b.clock.Now, Log: log, CardPage: "https://tangobot.example/cards/"}
	b.must(b.desk.RefreshDirectory(tb.Context()))
	b.open()
	tb.Cleanup(b.check)
	return b
}

// check looks for secrets in all that a test left behind, and for its links where nobody needs them: Slack has them, for
// the requester, and the data file has Slack's place in it only.
func (b *bot) check() {
	if b.leaked {
		return
	}
	for place, text := range b.everything() {
		if place == "Slack" || place == "calls to Slack" {
			canarytest.Check(b.tb, place, text)
		} else {
			canarytest.Check(b.tb, place, text, b.links...)
		}
	}
}

// open serves the page with the desk as it is now.
func (b *bot) open() {
	b.page = cardpage.New(b.desk, b.claims)
	b.server = httptest.NewServer(b.page)
	b.tb.Cleanup(b.server.Close)
}

func (b *bot) serve(h http.Handler) string {
	server := httptest.NewServer(h)
	b.tb.Cleanup(server.Close)
	return server.URL
}

func (b *bot) must(err error) {
	b.tb.Helper()
	if err != nil {
		b.tb.Fatal(err)
	}
}

// at writes a time as the page does, so much after now.
func (b *bot) at(after time.Duration) string {
	return b.clock.Now().Add(after).Format("2 January 2006, 15:04") + " UTC"
}

// approved makes a registration that Lena asked for and Maya approved.
func (b *bot) approved() string {
	b.tb.Helper()
	id := treasury.NewRequestID()
	r, err := b.desk.Submit(b.tb.Context(), "U0LENA", treasury.Draft{
		ID: id, Kind: treasury.ActionRegisterCard, Account: "marketing-us", Label: "Corporate card",
		Contacts: "Finance Team <finance@acme.example>",
	})
	b.must(err)
	_, err = b.desk.Vote(b.tb.Context(), "U0MAYA", id, r.Hash, true, "")
	b.must(err)
	return id
}

// invited makes a registration and its link, and gives both.
func (b *bot) invited() (id, link string) {
	b.tb.Helper()
	id = b.approved()
	return id, b.renew(id)
}

func (b *bot) renew(id string) string {
	b.tb.Helper()
	link, _, made, err := b.desk.Invite(b.tb.Context(), id, true)
	b.must(err)
	if !made {
		b.tb.Fatal("no link was made")
	}
	b.links = append(b.links, link.Path())
	return link.Path()
}

func (b *bot) request(id string) treasury.Request {
	b.tb.Helper()
	r, err := b.desk.Find(b.tb.Context(), id)
	b.must(err)
	return r
}

// registrations counts the calls that registered a card, or might have.
func (b *bot) registrations() int { return b.tango.Requests()["POST /creditCards"] }

// settle lets Slack's edge do what is queued for it.
func (b *bot) settle() {
	b.tb.Helper()
	for {
		jobs := b.questions.take()
		if len(jobs) == 0 {
			return
		}
		b.done = append(b.done, jobs...)
		for _, job := range jobs {
			b.must(b.edge.Job(b.tb.Context(), job))
		}
	}
}

// visa is a form that is right.
func visa() url.Values {
	return url.Values{
		"number": {"4111 1111 1111 1111"}, "month": {"08"}, "year": {goodUntil()[2:]}, "code": {"739"},
		"first_name": {"Lena"}, "last_name": {"Fischer"}, "line1": {"400 Pine Street"}, "line2": {""}, "city": {"Seattle"},
		"state": {"Washington"}, "postal_code": {"98101"}, "country": {"US"}, "email": {"cards@acme.example"},
	}
}

// with gives the form with one field changed.
func with(f url.Values, key, value string) url.Values {
	f.Set(key, value)
	return f
}

// answer is a page as it came.
type answer struct {
	status int
	header http.Header
	body   string
}

var tags = regexp.MustCompile(`<style>[^<]*</style>|<[^>]*>`)

// text is what a person reads.
func (a answer) text() string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(a.body, " "))), " ")
}

// send makes a request as a browser does, changed.
func (b *bot) send(method, path string, body io.Reader, change ...func(*http.Request)) answer {
	b.tb.Helper()
	r, err := http.NewRequestWithContext(b.tb.Context(), method, b.server.URL+path, body)
	b.must(err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Origin", "null")
	}
	for _, f := range change {
		f(r)
	}
	response, err := b.server.Client().Do(r)
	b.must(err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	b.must(err)
	return answer{response.StatusCode, response.Header, string(text)}
}

func (b *bot) get(link string, change ...func(*http.Request)) answer {
	b.tb.Helper()
	return b.send(http.MethodGet, cardpage.Path+link, http.NoBody, change...)
}

func (b *bot) post(link string, form url.Values, change ...func(*http.Request)) answer {
	b.tb.Helper()
	return b.send(http.MethodPost, cardpage.Path+link, strings.NewReader(form.Encode()), change...)
}

// expect holds a page against its status and words.
func (a answer) expect(tb testing.TB, status int, words ...string) {
	tb.Helper()
	if a.status != status {
		tb.Errorf("status %d instead of %d: %s", a.status, status, a.text())
	}
	for _, w := range words {
		if !strings.Contains(a.text(), w) {
			tb.Errorf("the page does not say %q but: %s", w, a.text())
		}
	}
}

// everything gathers all that was written anywhere: logs, jobs, what Slack was told, the data file, the simulated Tango.
func (b *bot) everything() map[string][]byte {
	b.tb.Helper()
	all := map[string][]byte{
		"log": b.log.all(), "questions": append(b.questions.all(), bytes.Join(b.done, nil)...), "money": b.money.all(),
	}
	file, err := os.ReadFile(filepath.Join(b.folder, "tangobot.db"))
	b.must(err)
	all["data file"] = file
	all["Slack"], err = b.slack.Save()
	b.must(err)
	for _, call := range b.slack.Calls("") {
		all["calls to Slack"] = fmt.Append(all["calls to Slack"], call)
	}
	all["Tango"], err = b.tango.Save()
	b.must(err)
	return all
}
