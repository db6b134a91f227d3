package slack_test

import (
	"bytes"
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// routes are the app's addresses, each with a body that would have an effect if it were taken.
func routes() []slacksim.Route {
	return []slacksim.Route{slacksim.ToCommands, slacksim.ToInteractions, slacksim.ToOptions, slacksim.ToEvents}
}

// rehearse makes one request through every route, all as Lena, and gives the bodies that Slack sent.
func (b *bot) rehearse() map[slacksim.Route][]byte {
	b.tb.Helper()
	if said := b.types("U0LENA", "transfer 250 from employee-rewards to marketing-us"); said != "" {
		b.tb.Fatal(said)
	}
	view := b.top("U0LENA").ID
	if _, err := b.OpenOptions(b.tb.Context(), "U0LENA", slacksim.Target{View: view, Block: "to", Action: "value"}, "mark"); err != nil {
		b.tb.Fatal(err)
	}
	b.sent("U0LENA", nil)
	b.sent("U0LENA", nil)
	b.closes("U0LENA")
	b.settle()
	if _, err := b.OpenHome(b.tb.Context(), "U0LENA"); err != nil {
		b.tb.Fatal(err)
	}
	bodies := map[slacksim.Route][]byte{}
	for _, route := range routes() {
		d, ok := b.LastDelivery(route)
		if !ok {
			b.tb.Fatalf("nothing was sent to %s", route)
		}
		bodies[route] = d.Body
	}
	return bodies
}

// forgery is a request whose signature, or what it signs, is not as Slack sends it.
type forgery struct {
	name   string
	change func(b *bot, r *http.Request, body []byte)
	taken  bool // it is right all the same
}

const (
	headerStamp     = "X-Slack-Request-Timestamp"
	headerSignature = "X-Slack-Signature"
)

func forgeries() []forgery {
	signature := func(f func(string) string) func(*bot, *http.Request, []byte) {
		return func(_ *bot, r *http.Request, _ []byte) {
			r.Header.Set(headerSignature, f(r.Header.Get(headerSignature)))
		}
	}
	at := func(d time.Duration) func(*bot, *http.Request, []byte) {
		return func(b *bot, r *http.Request, body []byte) {
			stamp := strconv.FormatInt(b.clock.Now().Add(d).Unix(), 10)
			r.Header.Set(headerStamp, stamp)
			r.Header.Set(headerSignature, b.Sign(stamp, body))
		}
	}
	stamped := func(stamp string) func(*bot, *http.Request, []byte) {
		return func(b *bot, r *http.Request, body []byte) {
			r.Header.Set(headerStamp, stamp)
			r.Header.Set(headerSignature, b.Sign(stamp, body))
		}
	}
	return []forgery{
		{"as Slack sends it", func(*bot, *http.Request, []byte) {}, true},
		{"299 s old", at(-299 * time.Second), true},
		{"299 s ahead", at(299 * time.Second), true},
		{"301 s old", at(-301 * time.Second), false},
		{"301 s ahead", at(301 * time.Second), false},
		{"a day old", at(-24 * time.Hour), false},
		{"no signature", func(_ *bot, r *http.Request, _ []byte) { r.Header.Del(headerSignature) }, false},
		{"no timestamp", func(_ *bot, r *http.Request, _ []byte) { r.Header.Del(headerStamp) }, false},
		{"empty signature", signature(func(string) string { return "" }), false},
		{"only the version", signature(func(string) string { return "v0=" }), false},
		{"another secret", func(_ *bot, r *http.Request, body []byte) {
			r.Header.Set(headerSignature, slacksim.Sign("another-app's-secret", r.Header.Get(headerStamp), body))
		}, false},
		{"an empty secret", func(_ *bot, r *http.Request, body []byte) {
			r.Header.Set(headerSignature, slacksim.Sign("", r.Header.Get(headerStamp), body))
		}, false},
		{"version v1", signature(func(s string) string { return "v1" + s[2:] }), false},
		{"version V0", signature(func(s string) string { return "V0" + s[2:] }), false},
		{"no version", signature(func(s string) string { return s[3:] }), false},
		{"version twice", signature(func(s string) string { return "v0=" + s }), false},
		{"one hex digit short", signature(func(s string) string { return s[:len(s)-1] }), false},
		{"one byte short", signature(func(s string) string { return s[:len(s)-2] }), false},
		{"one byte long", signature(func(s string) string { return s + "00" }), false},
		{"twice as long", signature(func(s string) string { return s + s[3:] }), false},
		{"no hex", signature(func(s string) string { return s[:len(s)-1] + "g" }), false},
		{"upper-case hex", signature(func(s string) string { return "v0=" + strings.ToUpper(s[3:]) }), false},
		{"a space in front", signature(func(s string) string { return "v0= " + s[3:] }), false},
		{"all zeros", signature(func(string) string { return "v0=" + strings.Repeat("0", 64) }), false},
		{"two signatures, the right one first", func(_ *bot, r *http.Request, _ []byte) {
			r.Header.Add(headerSignature, "v0="+strings.Repeat("0", 64))
		}, false},
		{"two signatures, the right one last", func(_ *bot, r *http.Request, _ []byte) {
			r.Header[headerSignature] = []string{"v0=" + strings.Repeat("0", 64), r.Header.Get(headerSignature)}
		}, false},
		{"the right signature twice", func(_ *bot, r *http.Request, _ []byte) {
			r.Header.Add(headerSignature, r.Header.Get(headerSignature))
		}, false},
		{"two signatures in one header", signature(func(s string) string { return s + ", " + s }), false},
		{"two timestamps", func(_ *bot, r *http.Request, _ []byte) { r.Header.Add(headerStamp, r.Header.Get(headerStamp)) }, false},
		{"another timestamp", func(b *bot, r *http.Request, _ []byte) {
			r.Header.Set(headerStamp, strconv.FormatInt(b.clock.Now().Add(time.Second).Unix(), 10))
		}, false},
		{"a timestamp that is a word", stamped("now"), false},
		{"an empty timestamp", stamped(""), false},
		{"a timestamp with a plus", func(b *bot, r *http.Request, body []byte) {
			stamped("+"+strconv.FormatInt(b.clock.Now().Unix(), 10))(b, r, body)
		}, false},
		{"a timestamp with a zero in front", func(b *bot, r *http.Request, body []byte) {
			stamped("0"+strconv.FormatInt(b.clock.Now().Unix(), 10))(b, r, body)
		}, false},
		{"a timestamp with a fraction", func(b *bot, r *http.Request, body []byte) {
			stamped(strconv.FormatInt(b.clock.Now().Unix(), 10)+".0")(b, r, body)
		}, false},
		{"a timestamp in milliseconds", func(b *bot, r *http.Request, body []byte) {
			stamped(strconv.FormatInt(b.clock.Now().UnixMilli(), 10))(b, r, body)
		}, false},
		{"a timestamp in hex", stamped("0x6740a1b2"), false},
		{"a negative timestamp", stamped("-1"), false},
		{"the largest timestamp", stamped(strconv.FormatInt(math.MaxInt64, 10)), false},
		{"the smallest timestamp", stamped(strconv.FormatInt(math.MinInt64, 10)), false},
		{"a timestamp beyond int64", stamped("99999999999999999999999999"), false},
		{"one byte of the body changed", func(_ *bot, r *http.Request, body []byte) {
			other := slices.Clone(body)
			other[len(other)/2] ^= 1
			slacksim.SetBody(r, other)
		}, false},
		{"one byte more", func(_ *bot, r *http.Request, body []byte) { slacksim.SetBody(r, append(slices.Clone(body), ' ')) }, false},
		{"one byte less", func(_ *bot, r *http.Request, body []byte) { slacksim.SetBody(r, body[:len(body)-1]) }, false},
		{"no body", func(_ *bot, r *http.Request, _ []byte) { slacksim.SetBody(r, nil) }, false},
		{"the body of another request", func(_ *bot, r *http.Request, _ []byte) {
			slacksim.SetBody(r, []byte("team_id=T0ACME&user_id=U0MAYA&command=%2Ftango&text=help&trigger_id=1&response_url=x"))
		}, false},
		{"the same in another encoding", func(_ *bot, r *http.Request, body []byte) {
			slacksim.SetBody(r, []byte(strings.NewReplacer("_", "%5F", "{", "{ ").Replace(string(body))))
		}, false},
		{"base64 of the body", func(_ *bot, r *http.Request, _ []byte) { slacksim.SetBody(r, []byte("dGVhbV9pZD1UMEFDTUU=")) }, false},
		{"a query string", func(_ *bot, r *http.Request, _ []byte) { r.URL.RawQuery = "payload=%7B%7D" }, false},
		{"an empty query key", func(_ *bot, r *http.Request, _ []byte) { r.URL.RawQuery = "=" }, false},
	}
}

func TestSignature(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	bodies := b.rehearse()
	for _, route := range routes() {
		for _, f := range forgeries() {
			t.Run(string(route)+"/"+f.name, func(t *testing.T) {
				// Anything that writes would be seen: the whole file is compared, claims and all.
				before, queued, tangoCalls, slackCalls := b.dump(), b.questions.len()+b.money.len(), b.tangoCalls(), len(b.Calls(""))
				a, err := b.Deliver(t.Context(), route, bodies[route], func(r *http.Request) { f.change(b, r, bodies[route]) })
				if err != nil {
					t.Fatal(err)
				}
				if f.taken {
					if a.Status != http.StatusOK {
						t.Errorf("status %d for what is right", a.Status)
					}
					return
				}
				if a.Status != http.StatusUnauthorized || len(a.Body) > 0 {
					t.Errorf("status %d %q, want a bare 401", a.Status, a.Body)
				}
				if b.dump() != before || b.questions.len()+b.money.len() != queued || b.tangoCalls() != tangoCalls || len(b.Calls("")) != slackCalls {
					t.Error("something was written, queued or called for a request that nobody signed")
				}
			})
		}
	}
}

// The vector is Slack's own, from its page on verifying requests.
func TestSlacksOwnExample(t *testing.T) {
	t.Parallel()
	body := "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	b := newBot(t)
	b.secrets.set("8f742231b10e8888abcd99yyyzzz85a5", "", nil)
	v := b.edge.Verifier
	v.Clock = func() time.Time { return time.Unix(1531420618, 0) }
	header := http.Header{}
	header.Set(headerStamp, "1531420618")
	header.Set(headerSignature, "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")
	if err := v.Check(t.Context(), header, []byte(body)); err != nil {
		t.Error(err)
	}
}

func TestSigningSecretsRotate(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	ask := func() slacksim.Answer {
		b.clock.Advance(time.Second)
		r, err := b.Slash(t.Context(), "U0LENA", "", "help")
		if err != nil {
			t.Fatal(err)
		}
		return r.Answer
	}
	for _, c := range []struct {
		name              string
		current, previous string
		err               error
		want              int
	}{
		{"the only secret", signingSecret, "", nil, http.StatusOK},
		{"the one before", "the-new-secret", signingSecret, nil, http.StatusOK},
		{"two others", "the-new-secret", "an-old-secret", nil, http.StatusUnauthorized},
		{"none set", "", "", nil, http.StatusUnauthorized},
		{"none set, one before", "", signingSecret, nil, http.StatusOK},
		{"not readable", signingSecret, "", errors.New("no secrets today"), http.StatusServiceUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.secrets.set(c.current, c.previous, c.err)
			before := b.dump()
			a := ask()
			if a.Status != c.want {
				t.Errorf("status %d, want %d", a.Status, c.want)
			}
			if c.want != http.StatusOK && (b.dump() != before || len(a.Body) > 0) {
				t.Errorf("something was written or told: %q", a.Body)
			}
		})
	}
}

// An unset secret must not be a secret that anybody can sign with.
func TestAnEmptySecretSignsNothing(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.secrets.set("", "", nil)
	stamp := strconv.FormatInt(b.clock.Now().Unix(), 10)
	header := http.Header{headerStamp: {stamp}, headerSignature: {slacksim.Sign("", stamp, []byte("x"))}}
	if err := b.edge.Verifier.Check(t.Context(), header, []byte("x")); err == nil {
		t.Error("signed with nothing, and taken")
	}
}

func TestUnsignedPayloadInTheQuery(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.rehearse()
	id := requestID.FindString(b.Messages("C0APPROVE")[0].Text)
	// A captured command, still fresh, with a click of Maya's in the query: slack-go's parser would take the click.
	stolen, _ := b.LastDelivery(slacksim.ToCommands)
	click := `{"type":"view_submission","team":{"id":"T0ACME"},"user":{"id":"U0MAYA"},"view":{"callback_id":"decision","private_metadata":"{\"request\":\"` +
		id + `\",\"approve\":true}"}}`
	for name, route := range map[string]slacksim.Route{"to interactions": slacksim.ToInteractions, "to options": slacksim.ToOptions} {
		stolen.Route = route
		before := b.journal()
		for _, query := range []string{"payload=" + url.QueryEscape(click), "", "payload="} {
			a, err := b.Replay(t.Context(), stolen, func(r *http.Request) { r.URL.RawQuery = query })
			if err != nil || a.Status < 400 || a.Status >= 500 {
				t.Errorf("%s with query %.10q: %v, status %d", name, query, err, a.Status)
			}
		}
		if b.journal() != before || b.state(id) != treasury.StatePending {
			t.Errorf("%s: the query had an effect", name)
		}
	}
}

func TestWrongRequests(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	bodies := b.rehearse()
	post := func(route slacksim.Route, body string) func() int {
		return func() int {
			a, err := b.Deliver(t.Context(), route, []byte(body), nil)
			if err != nil {
				t.Fatal(err)
			}
			return a.Status
		}
	}
	with := func(route slacksim.Route, change func(*http.Request)) func() int {
		return func() int {
			a, err := b.Deliver(t.Context(), route, bodies[route], change)
			if err != nil {
				t.Fatal(err)
			}
			return a.Status
		}
	}
	method := func(route slacksim.Route, m string) func() int {
		return with(route, func(r *http.Request) { r.Method = m })
	}
	const huge = 1<<20 + 1
	cases := []struct {
		name string
		do   func() int
		want int
	}{
		{"a command without a person", post(slacksim.ToCommands, "team_id=T0ACME&text=help&trigger_id=1&response_url=x"), 400},
		{"a command without a trigger", post(slacksim.ToCommands, "team_id=T0ACME&user_id=U0LENA&text=help&response_url=x"), 400},
		{"a command without an address for the answer", post(slacksim.ToCommands, "team_id=T0ACME&user_id=U0LENA&text=help&trigger_id=1"), 400},
		{"a command with two people", post(slacksim.ToCommands, "team_id=T0ACME&user_id=U0LENA&user_id=U0MAYA&trigger_id=1&response_url=x"), 400},
		{"a command in bad encoding", post(slacksim.ToCommands, "team_id=%zz"), 400},
		{"a command with semicolons", post(slacksim.ToCommands, "team_id=T0ACME;user_id=U0LENA"), 400},
		{"an empty command body", post(slacksim.ToCommands, ""), 400},
		{"a command as JSON", post(slacksim.ToCommands, `{"user_id":"U0LENA"}`), 400},
		{"ssl_check", post(slacksim.ToCommands, "token=x&ssl_check=1"), 200},
		{"ssl_check that says no", post(slacksim.ToCommands, "token=x&ssl_check=0"), 400},
		{"an interaction without a payload", post(slacksim.ToInteractions, "token=x"), 400},
		{"an interaction with two payloads", post(slacksim.ToInteractions, "payload=%7B%7D&payload=%7B%7D"), 400},
		{"an interaction whose payload is no JSON", post(slacksim.ToInteractions, "payload=%7B"), 400},
		{"an interaction whose payload is a list", post(slacksim.ToInteractions, "payload=%5B%5D"), 400},
		{"an interaction whose payload is null", post(slacksim.ToInteractions, "payload=null"), 400},
		{"an interaction without a person", post(slacksim.ToInteractions, "payload="+url.QueryEscape(`{"type":"block_actions","team":{"id":"T0ACME"}}`)), 400},
		{"an interaction with JSON behind the payload", post(slacksim.ToInteractions, "payload="+url.QueryEscape(`{"user":{"id":"U0LENA"}} {}`)), 400},
		{"an interaction with numbers for text", post(slacksim.ToInteractions, "payload="+url.QueryEscape(`{"user":{"id":7}}`)), 400},
		{"an interaction of a new type", post(slacksim.ToInteractions, "payload="+url.QueryEscape(`{"type":"shortcut","team":{"id":"T0ACME"},"user":{"id":"U0LENA"}}`)), 400},
		{"a type-ahead at the wrong address", post(slacksim.ToInteractions, string(bodies[slacksim.ToOptions])), 400},
		{"a submission at the type-ahead's address", post(slacksim.ToOptions, string(bodies[slacksim.ToInteractions])), 400},
		{"a command at the interactions' address", post(slacksim.ToInteractions, string(bodies[slacksim.ToCommands])), 400},
		{"an interaction at the commands' address", post(slacksim.ToCommands, string(bodies[slacksim.ToInteractions])), 400},
		{"an event that is no JSON", post(slacksim.ToEvents, "payload=x"), 400},
		{"an event that is a list", post(slacksim.ToEvents, "[]"), 400},
		{"an empty event", post(slacksim.ToEvents, ""), 400},
		{"an event of a new type", post(slacksim.ToEvents, `{"type":"event_callback","team_id":"T0ACME","event":{"type":"message"}}`), 200},
		{"an envelope of a new type", post(slacksim.ToEvents, `{"type":"app_rate_limited","team_id":"T0ACME"}`), 200},
		{"an event of a person's messages tab", post(slacksim.ToEvents, `{"type":"event_callback","team_id":"T0ACME","event":{"type":"app_home_opened","tab":"messages","user":"U0LENA"}}`), 200},
		{"a huge command", post(slacksim.ToCommands, strings.Repeat("a", huge)), 413},
		{"a huge interaction", post(slacksim.ToInteractions, strings.Repeat("a", huge)), 413},
		{"a huge type-ahead", post(slacksim.ToOptions, strings.Repeat("a", huge)), 413},
		{"a huge event", post(slacksim.ToEvents, strings.Repeat("a", huge)), 413},
		{"GET of the commands", method(slacksim.ToCommands, http.MethodGet), 405},
		{"GET of the interactions", method(slacksim.ToInteractions, http.MethodGet), 405},
		{"GET of the options", method(slacksim.ToOptions, http.MethodGet), 405},
		{"GET of the events", method(slacksim.ToEvents, http.MethodGet), 405},
		{"PUT of the commands", method(slacksim.ToCommands, http.MethodPut), 405},
		{"DELETE of the interactions", method(slacksim.ToInteractions, http.MethodDelete), 405},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before, queued, calls := b.journal(), b.questions.len(), len(b.Calls(""))
			if got := c.do(); got != c.want {
				t.Errorf("status %d, want %d", got, c.want)
			}
			if b.journal() != before || b.questions.len() != queued || len(b.Calls("")) != calls {
				t.Error("it had an effect")
			}
		})
	}
}

func TestURLVerification(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	ok, a, err := b.URLVerification(t.Context())
	if err != nil || !ok {
		t.Errorf("the challenge came back as %d %q, %v", a.Status, a.Body, err)
	}
	// Nobody else learns that something listens here.
	a, err = b.Deliver(t.Context(), slacksim.ToEvents, []byte(`{"type":"url_verification","challenge":"c"}`), func(r *http.Request) {
		r.Header.Set(headerSignature, "v0="+strings.Repeat("0", 64))
	})
	if err != nil || a.Status != http.StatusUnauthorized || bytes.Contains(a.Body, []byte("c")) {
		t.Errorf("an unsigned challenge: %d %q, %v", a.Status, a.Body, err)
	}
	if a, err := b.SSLCheck(t.Context()); err != nil || a.Status != http.StatusOK {
		t.Errorf("ssl_check: %d, %v", a.Status, err)
	}
}

func TestSecretsUnreachable(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	bodies := b.rehearse()
	b.secrets.set("", "", errors.New("no secrets today"))
	for _, route := range routes() {
		before := b.dump()
		a, err := b.Deliver(t.Context(), route, bodies[route], nil)
		if err != nil || a.Status != http.StatusServiceUnavailable || len(a.Body) > 0 {
			t.Errorf("%s: %d %q, %v", route, a.Status, a.Body, err)
		}
		if b.dump() != before {
			t.Errorf("%s: something was written", route)
		}
	}
}
