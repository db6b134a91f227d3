package cardpage_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/cardpage"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

const registering = "POST /creditCards"

// The whole road: Slack tells Lena alone the link, the page takes the card, Tango has it, Slack tells it, the link is dead.
func TestWholeRoad(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.approved()
	b.must(b.desk.Execute(b.deadline(), id))
	b.settle()
	link := ""
	for _, call := range b.slack.Calls("chat.postMessage") {
		if m := regexp.MustCompile(`https://tangobot\.example/cards/([^|>"]+)`).FindStringSubmatch(call.Arg("text")); m != nil {
			link = m[1]
			if call.Arg("channel") != "U0LENA" && !strings.HasPrefix(call.Arg("channel"), "D") {
				t.Errorf("the link was told in %s", call.Arg("channel"))
			}
		}
	}
	b.get(link).expect(t, 200, "Register a card", "For account Marketing US marketing-us", "Under the label Corporate card",
		"This link ends in 15 minutes "+b.at(treasury.InviteLife), id)

	b.post(link, visa()).expect(t, 200, "The card is registered", "Visa ending in 1111", "Label Corporate card",
		"For account Marketing US", "Can be used at once", id)

	r := b.request(id)
	if r.State != treasury.StateSucceeded || r.Answer == nil || r.Answer.Card == nil || r.Answer.Card.LastFour != "1111" {
		t.Errorf("the request is %+v", r)
	}
	want := `"ipAddress":"127.0.0.1","label":"Corporate card","creditCard":{"number":"****","expiration":"` + goodUntil() + `-08","verificationNumber":"****"},` +
		`"billingAddress":{"firstName":"Lena","lastName":"Fischer","addressLine1":"400 Pine Street","city":"Seattle","state":"WA",` +
		`"postalCode":"98101","country":"US","emailAddress":"cards@acme.example"}`
	received := b.tango.Received()
	sent := 0
	for _, call := range received {
		if call.Method == http.MethodPost && strings.HasSuffix(call.URI, "/creditCards") {
			sent++
			if !strings.Contains(call.Body, want) {
				t.Errorf("Tango received %s", call.Body)
			}
		}
	}
	if sent != 1 {
		t.Errorf("%d registrations were sent", sent)
	}
	b.settle()
	b.get(link).expect(t, 404, "This link cannot be used")
	b.post(link, visa()).expect(t, 404, "This link cannot be used")
}

func (b *bot) deadline() context.Context {
	ctx, cancel := context.WithDeadline(b.tb.Context(), b.clock.Now().Add(2*time.Minute))
	b.tb.Cleanup(cancel)
	return later{ctx, b.clock.Now().Add(2 * time.Minute)}
}

// later has a deadline on the test's clock alone.
type later struct {
	context.Context
	at time.Time
}

func (l later) Deadline() (time.Time, bool) { return l.at, true }
func (later) Done() <-chan struct{}         { return nil }
func (later) Err() error                    { return nil }

func TestBrands(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct{ number, code string }{
		"Visa":             {"4111-1111-1111-1111", "739"},
		"Mastercard":       {"5555 5555 5555 4444", "739"},
		"Discover":         {"6011 1111 1111 1117", "739"},
		"American Express": {"3782 822463 10005", "7391"},
	} {
		_, link := b.invited()
		number := strings.NewReplacer(" ", "", "-", "").Replace(c.number)
		b.post(link, with(with(visa(), "number", c.number), "code", c.code)).
			expect(t, 200, name+" ending in "+number[len(number)-4:])
	}
}

func TestCardThatIsActiveLater(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *tangosim.Config) { c.ActivationDelay = 72 * time.Hour })
	_, link := b.invited()
	b.post(link, visa()).expect(t, 200, "Can be used from "+b.at(72*time.Hour), "Tango takes no deposit from it before")
}

// Tango's definite no is told at the field that it is about, and the same link takes the corrected card.
func TestRefusalsAreCorrected(t *testing.T) {
	t.Parallel()
	for key, c := range map[string]struct{ words, field string }{
		"402.051": {"The card’s bank did not confirm it", ""},
		"422.118": {"Tango says that the security code does not fit", "code"},
		"422.121": {"Tango does not take this expiry date", "year"},
		"422.134": {"Tango does not take this e-mail address", "email"},
		"422.050": {"has 10 cards already", ""},
		"403.006": {"does not let this platform register", ""},
		"403.016": {"does not take cards from this platform", ""},
		"401.002": {"Tangobot’s own key", ""},
		"400.001": {"does not take the card as it was typed", ""},
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id, link := b.invited()
			b.tango.Arm(tangosim.Fault{On: registering, StatusBefore: 400, Key: key})
			page := b.post(link, visa())
			page.expect(t, 422, c.words, "Nothing is registered", "This link takes 4 more tries", "fill in everything again", id)
			if marked := strings.Count(page.body, `aria-invalid="true"`); marked != min(len(c.field), 1) {
				t.Errorf("%d fields are marked", marked)
			}
			if c.field != "" && !strings.Contains(page.body, `href="#`+c.field+`"`) {
				t.Errorf("the summary does not lead to %s", c.field)
			}
			b.post(link, visa()).expect(t, 200, "The card is registered")
			if n := len(b.tango.Cards()) - 3; n != 1 { // three are there from the start
				t.Errorf("%d cards", n)
			}
		})
	}
}

func TestThrottledIsTriedAgainByTheHolder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, link := b.invited()
	b.tango.Arm(tangosim.Fault{On: registering, StatusBefore: 429, Key: "429.001"})
	b.post(link, visa()).expect(t, 422, "asked too often", "Nothing is registered")
	b.post(link, visa()).expect(t, 200, "The card is registered")
}

func TestNobodyTriesOutCards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, link := b.invited()
	unknown := with(visa(), "number", "4000 0566 5566 5556")
	for range treasury.MaxCardTries - 1 {
		b.post(link, unknown).expect(t, 422, "did not confirm")
	}
	b.post(link, unknown).expect(t, 409, "The card is not registered", "did not confirm", "This request has ended")
	b.post(link, visa()).expect(t, 404, "This link cannot be used")
	if b.registrations() != treasury.MaxCardTries || b.request(id).State != treasury.StateFailed {
		t.Errorf("%d tries, then %s", b.registrations(), b.request(id).State)
	}
}

// A refusal that comes when the link's time is over does not offer a form that nobody could send.
func TestRefusedAtTheLinksEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, link := b.invited()
	b.desk.Mover = moving{b.desk.Mover, func(a treasury.Answer, _ treasury.CardDetails) treasury.Answer {
		b.clock.push(treasury.InviteLife)
		return a
	}}
	page := b.post(link, with(visa(), "number", "4000 0566 5566 5556"))
	page.expect(t, 422, "did not confirm", "This link has ended", "Send me a new link")
	if strings.Contains(page.body, "<form") {
		t.Error("a form that cannot be sent")
	}
}

// moving looks at what a real Mover answers.
type moving struct {
	treasury.Mover
	after func(treasury.Answer, treasury.CardDetails) treasury.Answer
}

func (m moving) RegisterCard(ctx context.Context, o treasury.Order, c treasury.CardDetails, address string) treasury.Answer {
	return m.after(m.Mover.RegisterCard(ctx, o, c, address), c)
}

func TestDoubtIsToldPlainly(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]tangosim.Fault{
		"answer lost":   {On: registering, DropAfter: true},
		"server error":  {On: registering, StatusAfter: 502},
		"unreadable":    {On: registering, Body: []byte("<html>")},
		"other card":    {On: registering, Edit: tangosim.EditField("lastFourDigits", "9999")},
		"lost unsent":   {On: registering, DropBefore: true},
		"in the number": {On: registering, Edit: tangosim.EditField("token", "x4111111111111111x")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id, link := b.invited()
			b.tango.Arm(fault)
			page := b.post(link, visa())
			page.expect(t, 200, "The card may be registered", "Do not type it again", "Look at Slack", id)
			if strings.Contains(page.body, "<form") {
				t.Error("the page offers to type it again")
			}
			b.post(link, visa()).expect(t, 404, "do not type it again")
			if b.registrations() != 1 || b.request(id).State != treasury.StateInDoubt {
				t.Errorf("%d sends, then %s", b.registrations(), b.request(id).State)
			}
		})
	}
}

func TestChecksBeforeTheSend(t *testing.T) {
	t.Parallel()
	t.Run("the account is full", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, link := b.invited()
		for range treasury.MaxCards - 1 {
			b.tango.AddCard(tangosim.Card{Account: "marketing-us", LastFour: "4242", Expires: "2031-01", Label: "One more"})
		}
		b.post(link, visa()).expect(t, 409, "has 10 cards", "Nothing was sent", "ask again in Slack")
		if b.registrations() != 0 {
			t.Error("the card was sent all the same")
		}
	})
	t.Run("the account is frozen", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, link := b.invited()
		b.tango.SetStatus("marketing-us", "FROZEN")
		b.post(link, visa()).expect(t, 409, "not active at Tango", "Nothing was sent")
	})
	t.Run("sending is stopped", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, link := b.invited()
		_, err := b.desk.SetStop(t.Context(), "U0MAYA", true, "drill")
		b.must(err)
		b.post(link, visa()).expect(t, 503, "Sending is stopped", "nothing was sent")
		_, err = b.desk.SetStop(t.Context(), "U0MAYA", false, "")
		b.must(err)
		b.post(link, visa()).expect(t, 200, "The card is registered")
	})
	t.Run("another registration is in doubt", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, first := b.invited()
		_, second := b.invited()
		b.tango.Arm(tangosim.Fault{On: registering, DropAfter: true})
		b.post(first, visa()).expect(t, 200, "may be registered")
		b.post(second, visa()).expect(t, 503, "under way", "nothing was sent")
		if b.registrations() != 1 {
			t.Errorf("%d sends", b.registrations())
		}
	})
	t.Run("Tango cannot be asked", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, link := b.invited()
		b.tango.Arm(tangosim.Fault{On: registering, StatusBefore: 400, Key: "422.118"})
		b.post(link, visa()).expect(t, 422, "security code does not fit")
		pacer := b.desk.Pacer
		b.desk.Pacer = never{}
		page := b.post(link, visa()) // must not repeat the words of the try before
		page.expect(t, 422, "Tango could not be reached", "nothing was sent")
		if strings.Contains(page.text(), "does not fit") {
			t.Error("an old refusal is told as this one's")
		}
		b.desk.Pacer = pacer
		b.post(link, visa()).expect(t, 200, "The card is registered")
	})
}

// never is a Pacer whose turn does not come.
type never struct{}

func (never) Wait(context.Context) error { return treasury.ErrUnavailable }

// A closed tab ends nothing: the card goes out all the same, once, and what comes of it is recorded.
func TestClosedTab(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, link := b.invited()
	ctx, closeTab := context.WithCancel(t.Context())
	visitor := make(chan context.Context, 1)
	b.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visitor <- r.Context()
		b.page.ServeHTTP(w, r)
	})
	b.desk.Mover = beforehand{b.desk.Mover, func() {
		closeTab()
		<-(<-visitor).Done() // the server has noticed
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.server.URL+cardpage.Path+link, strings.NewReader(visa().Encode()))
	b.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if response, err := b.server.Client().Do(r); err == nil {
		_ = response.Body.Close()
		t.Fatal("the tab was not closed")
	}
	b.server.Close() // waits for the handler
	if s := b.request(id).State; s != treasury.StateSucceeded {
		t.Errorf("the request is %s", s)
	}
}

// beforehand does something before a real Mover sends.
type beforehand struct {
	treasury.Mover
	first func()
}

func (m beforehand) RegisterCard(ctx context.Context, o treasury.Order, c treasury.CardDetails, address string) treasury.Answer {
	m.first()
	return m.Mover.RegisterCard(ctx, o, c, address)
}

// broken is a Journal or Claims that can be switched off.
type broken struct {
	treasury.Journal
	treasury.Claims
	off atomic.Bool
}

var errOff = errors.New("switched off")

func (x *broken) Get(ctx context.Context, keys ...string) ([]treasury.Record, error) {
	if x.off.Load() {
		return nil, errOff
	}
	return x.Journal.Get(ctx, keys...)
}

func (x *broken) First(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	if x.off.Load() {
		return false, errOff
	}
	return x.Claims.First(ctx, key, ttl)
}

func TestStoresThatAreDown(t *testing.T) {
	t.Parallel()
	t.Run("journal", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, link := b.invited()
		store := &broken{Journal: b.desk.Journal}
		b.desk.Journal = store
		store.off.Store(true)
		b.get(link).expect(t, 503, "did not answer", "Nothing was sent")
		b.post(link, visa()).expect(t, 503, "did not answer", "Nothing was sent")
		store.off.Store(false)
		b.post(link, visa()).expect(t, 200, "The card is registered")
	})
	t.Run("claims", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, link := b.invited()
		store := &broken{Claims: b.claims}
		store.off.Store(true)
		b.claims = store
		b.open()
		b.post(link, visa()).expect(t, 503, "did not answer", "Nothing was sent")
		if b.registrations() != 0 {
			t.Error("a try that could not be counted was made")
		}
	})
	t.Run("journal, after the send", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id, link := b.invited()
		store := &broken{Journal: b.desk.Journal}
		b.desk.Journal = store
		b.desk.Mover = moving{b.desk.Mover, func(a treasury.Answer, _ treasury.CardDetails) treasury.Answer {
			store.off.Store(true)
			return a
		}}
		b.post(link, visa()).expect(t, 200, "The card may be registered", "Do not type it again", id)
		store.off.Store(false)
		b.post(link, visa()).expect(t, 404)
		if b.registrations() != 1 {
			t.Errorf("%d sends", b.registrations())
		}
	})
}

// The holder's address goes to Tango as the adapter gives it, and without one nothing is sent.
func TestHoldersAddress(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.7:0":            "192.0.2.7",
		"[2001:db8::7]:443":      "2001:db8::7",
		"[::ffff:192.0.2.7]:443": "192.0.2.7",
		"[fe80::7%eth0]:443":     "fe80::7",
		"":                       "",
		"192.0.2.7":              "",
		":0":                     "",
		"0.0.0.0:1":              "",
		"[::]:1":                 "",
		"224.0.0.1:1":            "",
		"holder.example:443":     "",
		"192.0.2.7, 10.0.0.1:0":  "",
	} {
		t.Run(remote, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, link := b.invited()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, cardpage.Path+link, strings.NewReader(visa().Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			r.RemoteAddr = remote
			w := httptest.NewRecorder()
			b.page.ServeHTTP(w, r)
			if want == "" {
				if w.Code != 500 || b.registrations() != 0 {
					t.Errorf("status %d, %d sends", w.Code, b.registrations())
				}
				return
			}
			received := b.tango.Received()
			found := false
			for _, call := range received {
				found = found || strings.Contains(call.Body, `"ipAddress":"`+want+`"`)
			}
			if w.Code != 200 || !found {
				t.Errorf("status %d, address not as wanted", w.Code)
			}
		})
	}
}

// Twenty presses at once, and one card.
func TestParallelPosts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, link := b.invited()
	pages := make([]answer, 20)
	var all sync.WaitGroup
	for i := range pages {
		all.Go(func() { pages[i] = b.post(link, visa()) })
	}
	all.Wait()
	counts := map[int]int{}
	for _, p := range pages {
		counts[p.status]++
	}
	if counts[200] != 1 || counts[200]+counts[404]+counts[429] != len(pages) || counts[404]+counts[200] < cardpage.MaxPosts {
		t.Errorf("statuses %v", counts)
	}
	if b.registrations() != 1 || len(b.tango.Cards()) != 4 || b.request(id).State != treasury.StateSucceeded {
		t.Errorf("%d sends, %d cards, %s", b.registrations(), len(b.tango.Cards()), b.request(id).State)
	}
}
