package slack_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func newClient(t *testing.T, address string, change ...func(*slack.ClientConfig)) *slack.Client {
	t.Helper()
	config := slack.ClientConfig{
		APIURL: address, HTTP: &http.Client{Timeout: 5 * time.Second}, Clock: time.Now,
		Token: func(context.Context) (treasury.Secret, error) { return treasury.NewSecret(botToken), nil },
	}
	for _, f := range change {
		f(&config)
	}
	c, err := slack.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// quiet fails when an error's text tells the token or an address.
func quiet(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, part := range []string{botToken, "http://", "https://", "127.0.0.1", "/api/", "Bearer", "token="} {
		if strings.Contains(err.Error(), part) {
			t.Errorf("%q stands in the error: %v", part, err)
		}
	}
}

func TestSlacksErrors(t *testing.T) {
	t.Parallel()
	answer := func(status int, header map[string]string, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for k, v := range header {
				w.Header().Set(k, v)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		code   string // of an *APIError, or
		kind   error
		detail string
	}{
		{"missing_scope", answer(200, nil, `{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"commands"}`), "missing_scope", nil, "chat:write"},
		{"invalid_auth", answer(200, nil, `{"ok":false,"error":"invalid_auth"}`), "invalid_auth", nil, ""},
		{"token_revoked", answer(200, nil, `{"ok":false,"error":"token_revoked"}`), "token_revoked", nil, ""},
		{"account_inactive", answer(200, nil, `{"ok":false,"error":"account_inactive"}`), "account_inactive", nil, ""},
		{"channel_not_found", answer(200, nil, `{"ok":false,"error":"channel_not_found"}`), "channel_not_found", nil, ""},
		{"invalid_blocks", answer(200, nil, `{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["[ERROR] too long [json-pointer:/blocks/0]"]}}`), "invalid_blocks", nil, "json-pointer:/blocks/0"},
		{"limited for a minute", answer(429, map[string]string{"Retry-After": "60"}, `{"ok":false,"error":"ratelimited"}`), "", treasury.ErrUnavailable, ""},
		{"limited, without a wait", answer(429, nil, `{"ok":false,"error":"ratelimited"}`), "", treasury.ErrUnavailable, ""},
		{"500", answer(500, nil, `oops`), "", treasury.ErrUnavailable, ""},
		{"502", answer(502, map[string]string{"Content-Type": "text/html"}, `<html>Bad gateway</html>`), "", treasury.ErrUnavailable, ""},
		{"503 that says ok", answer(503, nil, `{"ok":true}`), "", treasury.ErrUnavailable, ""},
		{"403", answer(403, nil, ``), "", treasury.ErrUnavailable, ""},
		{"garbage", answer(200, nil, `<html>hello</html>`), "", treasury.ErrUnavailable, ""},
		{"nothing", answer(200, nil, ``), "", treasury.ErrUnavailable, ""},
		{"half of it", answer(200, nil, `{"ok":tr`), "", treasury.ErrUnavailable, ""},
		{"cut off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "", treasury.ErrUnavailable, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				c.answer(w, r)
			}))
			defer server.Close()
			client := newClient(t, server.URL+"/api/")
			message := slack.Message{Text: "x"}
			ctx := until{t.Context(), time.Now().Add(time.Second)} // no time for any wait
			calls := map[string]func() error{
				"chat.postMessage": func() error { _, err := client.Post(ctx, "C0APPROVE", "", message); return err },
				"chat.update":      func() error { return client.Update(ctx, treasury.Message{Channel: "C0APPROVE", TS: "1.1"}, message) },
				"views.open":       func() error { return client.Open(ctx, "1.1", slack.WordsView("Title", "x")) },
				"views.publish":    func() error { return client.Publish(ctx, "U0LENA", "", nil) },
				"users.info":       func() error { _, err := client.Person(ctx, "U0LENA"); return err },
				"usergroups.users": func() error { _, err := client.Members(ctx, "S0FINANCE"); return err },
			}
			for method, call := range calls {
				err := call()
				quiet(t, err)
				var refused *slack.APIError
				switch {
				case err == nil:
					t.Errorf("%s: no error", method)
				case c.code != "" && (!errors.As(err, &refused) || refused.Code != c.code || method == "chat.postMessage" && !strings.Contains(refused.Detail, c.detail)):
					t.Errorf("%s: %v, want code %s", method, err, c.code)
				case c.kind != nil && (!errors.Is(err, c.kind) || errors.As(err, &refused)):
					t.Errorf("%s: %v, want %v", method, err, c.kind)
				case !strings.Contains(err.Error(), "slack "+method):
					t.Errorf("%s: the error does not name the method: %v", method, err)
				}
				if said := slack.ErrorWords(err, "ref"); strings.Contains(said, c.name) || !strings.Contains(said, "o money moved") {
					t.Errorf("%s is told as %q", method, said)
				}
			}
			if n := int(requests.Load()); n != len(calls) {
				t.Errorf("%d requests for %d calls: a post may have happened, and must not be sent again", n, len(calls))
			}
		})
	}
}

func TestTimeOver(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(done)
	for name, c := range map[string]struct {
		ctx  func() (context.Context, context.CancelFunc)
		http time.Duration
	}{
		"the caller's time": {func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 50*time.Millisecond)
		}, 5 * time.Second},
		"the client's time": {func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) }, 50 * time.Millisecond},
		"the caller is gone": {func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx, cancel
		}, 5 * time.Second},
	} {
		ctx, cancel := c.ctx()
		client := newClient(t, server.URL, func(config *slack.ClientConfig) { config.HTTP = &http.Client{Timeout: c.http} })
		_, err := client.Post(ctx, "C0APPROVE", "", slack.Message{Text: "x"})
		if !errors.Is(err, treasury.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		quiet(t, err)
		cancel()
	}
}

func TestAShortLimitIsWaitedFor(t *testing.T) {
	t.Parallel()
	workspace := slacksim.New(slacksim.Config{Clock: time.Now, BotToken: botToken, Directory: slacksim.Demo()})
	server := httptest.NewServer(workspace)
	defer server.Close()
	client := newClient(t, server.URL)
	workspace.Inject(slacksim.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: time.Second})
	if _, err := client.Post(t.Context(), "C0APPROVE", "", slack.Message{Text: "x"}); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	if n := len(workspace.Messages("C0APPROVE")); n != 1 {
		t.Errorf("%d messages", n)
	}
	// Twice in a row is too often, and so is a wait that does not fit into the caller's time.
	workspace.Inject(slacksim.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: time.Second, Times: 2})
	if _, err := client.Post(t.Context(), "C0APPROVE", "", slack.Message{Text: "x"}); !errors.Is(err, treasury.ErrUnavailable) {
		t.Errorf("limited twice: %v", err)
	}
	workspace.ClearFaults()
	workspace.Inject(slacksim.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: time.Second})
	before := len(workspace.Calls("chat.postMessage"))
	ctx := until{t.Context(), time.Now().Add(1500 * time.Millisecond)}
	if _, err := client.Post(ctx, "C0APPROVE", "", slack.Message{Text: "x"}); !errors.Is(err, treasury.ErrUnavailable) {
		t.Errorf("no time to wait: %v", err)
	}
	if n := len(workspace.Calls("chat.postMessage")) - before; n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header.Get("Authorization")+r.PostForm.Get("token"))
		if r.URL.RawQuery != "" {
			t.Errorf("a query: %s", r.URL.RawQuery)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"ok":true,"channel":"C0APPROVE","ts":"1.1"}`)
	}))
	defer server.Close()
	token, fails := "xoxb-one", error(nil)
	client := newClient(t, server.URL, func(c *slack.ClientConfig) {
		c.Token = func(context.Context) (treasury.Secret, error) { return treasury.NewSecret(token), fails }
	})
	post := func() error {
		_, err := client.Post(t.Context(), "C0APPROVE", "", slack.Message{Text: "x"})
		return err
	}
	if err := post(); err != nil {
		t.Fatal(err)
	}
	token = "xoxb-two" // rotated: the next call has it
	if err := post(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 2 || !strings.Contains(seen[0], "xoxb-one") || !strings.Contains(seen[1], "xoxb-two") {
		t.Errorf("%v", seen)
	}
	fails = errors.New("no secrets today") // the server is not asked: it would wait for the lock
	if err := post(); !errors.Is(err, fails) || len(seen) != 2 {
		t.Errorf("%v after %d calls", err, len(seen))
	}
}

func TestWhereAnAnswerMayGo(t *testing.T) {
	t.Parallel()
	const api = "https://slack.com/api/"
	hits := 0
	// Whatever the client dials, it comes here; nothing leaves this machine.
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		hits++
		if r.URL.Host != "hooks.slack.com" || r.URL.Scheme != "https" {
			t.Errorf("it called %s", r.URL)
		}
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewBufferString("ok")), Request: r}, nil
	})
	client := newClient(t, api, func(c *slack.ClientConfig) { c.HTTP = &http.Client{Transport: transport} })
	for _, c := range []struct {
		address string
		good    bool
	}{
		{"https://hooks.slack.com/commands/T0ACME/1/x", true},
		{"https://hooks.slack.com/actions/T0ACME/1/x?y=1", true},
		{"http://hooks.slack.com/commands/x", false},
		{"https://hooks.slack.com:443/commands/x", false},
		{"https://hooks.slack.com:8443/commands/x", false},
		{"https://hooks.slack.com.evil.example/commands/x", false},
		{"https://evil.example/hooks.slack.com", false},
		{"https://evil.example#hooks.slack.com", false},
		{"https://evil.example?hooks.slack.com", false},
		{"https://hooks.slack.com@evil.example/x", false},
		{"https://user:pass@hooks.slack.com/x", false},
		{"https://user@hooks.slack.com/x", false},
		{`https://hooks.slack.com\@evil.example/x`, false},
		{"https://hooks.slack.com%2eevil.example/x", false},
		{"https://hooks.slack.com%00.evil.example/x", false},
		{"https://HOOKS.SLACK.COM/x", false},
		{"https://hooks.slack.com./x", false},
		{"https://slack.com/x", false},
		{"https://xhooks.slack.com/x", false},
		{"https://169.254.169.254/latest/meta-data", false},
		{"http://169.254.169.254/latest/meta-data", false},
		{"http://[fd00:ec2::254]/latest", false},
		{"http://127.0.0.1:8080/x", false},
		{"http://localhost/x", false},
		{"http://0x7f000001/x", false},
		{"file:///etc/passwd", false},
		{"gopher://hooks.slack.com/x", false},
		{"//hooks.slack.com/x", false},
		{"/commands/x", false},
		{"hooks.slack.com/x", false},
		{"https:hooks.slack.com", false},
		{"https://", false},
		{"", false},
		{" https://hooks.slack.com/x", false},
		{"https://hooks.slack.com/x\r\nHost: evil.example", false},
		{"https://hooks.ſlack.com/x", false},
	} {
		before := hits
		err := client.Respond(t.Context(), c.address, slack.Message{Text: "x"}, true)
		switch {
		case c.good && (err != nil || hits != before+1):
			t.Errorf("%s: %v", c.address, err)
		case !c.good && (!errors.Is(err, treasury.ErrInvalid) || hits != before):
			t.Errorf("%s: %v, %d calls", c.address, err, hits-before)
		}
		if err != nil && c.address != "" && strings.Contains(err.Error(), c.address) {
			t.Errorf("the address stands in the error: %v", err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	var stolen atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/stolen", status)
		}))
		client := newClient(t, server.URL+"/api/")
		err := client.Respond(t.Context(), server.URL+"/response/x", slack.Message{Text: "balances"}, true)
		if _, ok := errors.AsType[*slack.APIError](err); !ok {
			t.Errorf("%d: %v", status, err)
		}
		quiet(t, err)
		_, err = client.Post(t.Context(), "C0APPROVE", "", slack.Message{Text: "balances"})
		if err == nil {
			t.Errorf("%d of the API: no error", status)
		}
		quiet(t, err)
		server.Close()
	}
	if n := stolen.Load(); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

func TestAddressesOfTheAPI(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"https://slack.com/api/": true, "https://slack.com/api": true, "http://127.0.0.1:3000/slack/api/": true,
		"": false, "slack.com/api": false, "https://": false, "://": false, "https://%zz/": false,
	} {
		_, err := slack.NewClient(slack.ClientConfig{APIURL: address, HTTP: http.DefaultClient})
		if (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestPeopleAreRememberedForAMinute(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	look := func() treasury.Standing {
		t.Helper()
		p, err := b.client.Person(t.Context(), "U0LENA")
		if err != nil {
			t.Fatal(err)
		}
		return p.Standing
	}
	if look() != treasury.StandingFull {
		t.Error("Lena is no full member")
	}
	b.PutPerson(slacksim.Person{ID: "U0LENA", Name: "Lena", Standing: slacksim.Guest})
	b.clock.Advance(59 * time.Second)
	if look() != treasury.StandingFull || b.Counts()["users.info"] != 1 {
		t.Error("looked up anew within a minute")
	}
	b.clock.Advance(2 * time.Second)
	if look() != treasury.StandingGuest {
		t.Error("a minute later she still counts as a full member")
	}
	b.clock.Advance(-time.Hour) // a clock that goes back must not keep people for ever
	before := b.Counts()["users.info"]
	look()
	if b.Counts()["users.info"] != before+1 {
		t.Error("what was learned in the future is used")
	}
	// A failure is not remembered, and an empty or disabled group is nobody.
	b.Inject(slacksim.Fault{Method: "usergroups.users.list", Status: 500})
	if _, err := b.client.Members(t.Context(), "S0FINANCE"); err == nil {
		t.Error("no error")
	}
	if m, err := b.client.Members(t.Context(), "S0FINANCE"); err != nil || len(m) != 2 {
		t.Errorf("%v, %v", m, err)
	}
	b.PutGroup(slacksim.Group{ID: "S0EMPTY", Handle: "empty"})
	b.PutGroup(slacksim.Group{ID: "S0OFF", Handle: "off", Members: []string{"U0LENA"}, Disabled: true})
	for _, group := range []string{"S0EMPTY", "S0OFF", "S0NONE"} {
		if m, err := b.client.Members(t.Context(), group); err == nil || len(m) > 0 {
			t.Errorf("%s: %v, %v", group, m, err)
		}
	}
}
