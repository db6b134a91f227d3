package slacksim_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
)

// The sample that Slack publishes with its signing instructions.
const (
	sampleTime = "1531420618"
	sampleBody = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar" +
		"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands" +
		"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	sampleSignature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
)

func TestSignPublishedVector(t *testing.T) {
	t.Parallel()
	if got := slacksim.Sign(secret, sampleTime, []byte(sampleBody)); got != sampleSignature {
		t.Errorf("signature is %s, want %s", got, sampleSignature)
	}
	if got := setup(t).Sign(sampleTime, []byte(sampleBody)); got != sampleSignature {
		t.Errorf("the workspace signs %s, want %s", got, sampleSignature)
	}
}

// guard answers 401 to all but a fresh, well-signed body, by the test's clock.
func guard(b *bundle) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		stamp := r.Header.Get("X-Slack-Request-Timestamp")
		seconds, bad := strconv.ParseInt(stamp, 10, 64)
		age := b.clock.Now().Sub(time.Unix(seconds, 0)).Abs()
		if err != nil || bad != nil || age > 5*time.Minute || r.Header.Get("X-Slack-Signature") != slacksim.Sign(secret, stamp, body) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
}

func TestDeliveriesAreSignedAndCanBeSpoilt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.answer(guard(b))
	if r, err := b.Slash(t.Context(), "U0MAYA", "C0GENERAL", "balance"); err != nil || r.Status != http.StatusOK {
		t.Fatalf("a well-signed command gave %v, %v", r, err)
	}
	sent, _ := b.LastDelivery(slacksim.ToCommands)
	other, err := slacksim.EditForm(sent.Body, func(url.Values) {})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(other, sent.Body) {
		t.Error("a form that is encoded again has the same bytes: the order of fields gives nothing away")
	}
	for name, c := range map[string]struct {
		mutate func(*http.Request)
		want   int
	}{
		"as it is":            {nil, 200},
		"no signature":        {func(r *http.Request) { r.Header.Del("X-Slack-Signature") }, 401},
		"another signature":   {func(r *http.Request) { r.Header.Set("X-Slack-Signature", "v0=00") }, 401},
		"another time":        {func(r *http.Request) { r.Header.Set("X-Slack-Request-Timestamp", "1531420618") }, 401},
		"encoded differently": {func(r *http.Request) { slacksim.SetBody(r, other) }, 401},
	} {
		a, err := b.Replay(t.Context(), sent, c.mutate)
		if err != nil || a.Status != c.want {
			t.Errorf("%s: %d (%v), want %d", name, a.Status, err, c.want)
		}
	}
	b.clock.Advance(5*time.Minute + time.Second)
	if a, err := b.Replay(t.Context(), sent, nil); err != nil || a.Status != http.StatusUnauthorized {
		t.Errorf("a stale replay: %d (%v), want 401", a.Status, err)
	}
	again, _ := b.LastDelivery(slacksim.ToCommands)
	if !bytes.Equal(again.Body, sent.Body) || !reflect.DeepEqual(again.Header, sent.Header) || again.ID == sent.ID {
		t.Errorf("a replay is not byte for byte: %v %q, first %v %q", again.Header, again.Body, sent.Header, sent.Body)
	}
}

func TestEditPayloadForges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.Click(t.Context(), "U0MAYA", b.card(t)); err != nil {
		t.Fatal(err)
	}
	sent, _ := b.LastDelivery(slacksim.ToInteractions)
	forged, err := slacksim.EditPayload(sent.Body, func(p map[string]any) { p["user"] = m{"id": "U0DEL"} })
	if err != nil {
		t.Fatal(err)
	}
	b.answer(guard(b))
	if a, err := b.Deliver(t.Context(), slacksim.ToInteractions, forged, nil); err != nil || a.Status != http.StatusOK {
		t.Fatalf("a forged payload, signed anew: %v, %v", a, err)
	}
	if got := dig(b.payload(t, slacksim.ToInteractions), "user", "id"); got != "U0DEL" {
		t.Errorf("the user is %v, want U0DEL", got)
	}
}

func TestChecksOfTheAddresses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if a, err := b.SSLCheck(t.Context()); err != nil || a.Status != http.StatusOK {
		t.Errorf("ssl_check: %v, %v", a, err)
	}
	sent, _ := b.LastDelivery(slacksim.ToCommands)
	if form(t, sent.Body).Get("ssl_check") != "1" {
		t.Errorf("ssl_check sent %q", sent.Body)
	}
	if ok, _, err := b.URLVerification(t.Context()); err != nil || ok {
		t.Errorf("an empty answer passed as the challenge (%v)", err)
	}
	b.answer(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Challenge string }
		body, _ := io.ReadAll(r.Body)
		_ = jsonInto(body, &in)
		_, _ = io.WriteString(w, in.Challenge)
	})
	if ok, a, err := b.URLVerification(t.Context()); err != nil || !ok {
		t.Errorf("the challenge that was given back did not pass: %v, %v", a, err)
	}
}

func TestAppThatFailsToAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		app   http.HandlerFunc
		shown string
	}{
		"a server error":   {app: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, shown: `/tango failed with the error "dispatch_failed"`},
		"too slow":         {app: untilGone, shown: `/tango failed with the error "operation_timeout"`},
		"a cut connection": {app: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, shown: `/tango failed with the error "dispatch_unknown_error"`},
		"JSON that is none": {app: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{")
		}, shown: `/tango failed with the error "dispatch_failed"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if name == "too slow" {
				b.SetPatience(50 * time.Millisecond)
			}
			b.answer(c.app)
			r, err := b.Slash(t.Context(), "U0MAYA", "C0GENERAL", "balance")
			if err != nil || r.Message == nil || r.Message.Text != c.shown || r.Message.EphemeralTo != "U0MAYA" {
				t.Errorf("shown %+v (%v), want %s", r.Message, err, c.shown)
			}
			if got := b.Ephemerals("U0MAYA"); len(got) != 1 || got[0].Text != c.shown {
				t.Errorf("ephemerals %v", got)
			}
		})
	}
}

// untilGone keeps the caller waiting until it gives up. The body is read first: only then does a server notice.
func untilGone(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func TestEventRetries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	first, err := b.OpenHome(t.Context(), "U0MAYA")
	if err != nil || !first.Again {
		t.Fatalf("first delivery %v, %v", first, err)
	}
	due := func(want int) {
		t.Helper()
		got, err := b.RetryDue(t.Context())
		if err != nil || len(got) != want {
			t.Errorf("%d retries (%v), want %d", len(got), err, want)
		}
	}
	due(1) // at once
	due(0)
	b.clock.Advance(time.Minute)
	due(1)
	due(0)
	b.clock.Advance(5 * time.Minute)
	due(1)
	b.clock.Advance(time.Hour)
	due(0)
	if _, err := b.RetryEvent(t.Context(), first.EventID); err == nil {
		t.Error("a fifth delivery was made")
	}
	all := b.Deliveries()
	for i, d := range all {
		if got := d.Header.Get("X-Slack-Retry-Num"); i > 0 && (got != strconv.Itoa(i) || d.Header.Get("X-Slack-Retry-Reason") != "http_error") {
			t.Errorf("delivery %d has retry %q, reason %q", i, got, d.Header.Get("X-Slack-Retry-Reason"))
		}
		if !bytes.Equal(d.Body, all[0].Body) {
			t.Errorf("delivery %d has another body", i)
		}
	}
	b.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Slack-No-Retry", "1")
		w.WriteHeader(503)
	})
	if r, err := b.OpenHome(t.Context(), "U0RAVI"); err != nil || r.Again {
		t.Errorf("X-Slack-No-Retry: %v, %v", r, err)
	}
	b.answer(nil)
	if r, err := b.OpenHome(t.Context(), "U0RAVI"); err != nil || r.Again || dig(b.payload(t, slacksim.ToEvents), "event", "tab") != "home" {
		t.Errorf("a taken event: %v, %v", r, err)
	}
}
