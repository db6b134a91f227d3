package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

// direct waits until the newest message to a person holds the words.
func (r *running) direct(person, words string) slacksim.Message {
	r.t.Helper()
	var last slacksim.Message
	r.until("a direct message with "+words, func() bool {
		list := r.sees(person).Slack.Direct.Messages
		if len(list) == 0 {
			return false
		}
		last = list[len(list)-1]
		return strings.Contains(last.Text, words)
	})
	return last
}

// ask asks as Lena for what a command's form says, with these values in it, and gives its card.
func (r *running) ask(text, title string, values slacksim.Values) slacksim.Message {
	r.t.Helper()
	r.do("say", act{Person: "U0LENA", Place: "direct", Text: text})
	r.do("submit", act{Person: "U0LENA", View: r.form("U0LENA", title).ID, Values: values})
	r.do("submit", act{Person: "U0LENA", View: r.form("U0LENA", "Check your request").ID})
	r.do("close", act{Person: "U0LENA", View: r.form("U0LENA", "Requested").ID})
	return r.card("Waiting for approval")
}

// link registers as far as the one-time link, and gives its path.
func (r *running) link() string {
	r.t.Helper()
	r.approve(r.ask("/tango card register marketing-us", "Register a card", slacksim.Values{
		"label": {"value": slacksim.Typed("Marketing Visa")},
	}))
	r.do("clock", act{Push: 61})
	m := r.direct("U0LENA", "open the card page")
	address := regexp.MustCompile(`<(http[^|]+)\|`).FindStringSubmatch(m.Text)
	if address == nil || !strings.HasPrefix(address[1], r.address+"/cards/TB-") {
		r.t.Fatalf("the link is %q in %q", address, m.Text)
	}
	return strings.TrimPrefix(address[1], r.address)
}

func visa() string {
	return url.Values{
		"number": {"4111 1111 1111 1111"}, "month": {"12"}, "year": {"2031"}, "code": {"123"}, "first_name": {"Ada"}, "last_name": {"Lovelace"},
		"country": {"US"}, "line1": {"1 Main Street"}, "line2": {""}, "city": {"Seattle"}, "state": {"WA"}, "postal_code": {"98101"},
		"email": {"ada@example.com"},
	}.Encode()
}

func (r *running) post(path string) answered {
	r.t.Helper()
	return r.call(http.MethodPost, path, visa(), map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Origin": r.address, "Sec-Fetch-Site": "same-origin",
	})
}

func TestACardIsRegisteredByItsLinkOnce(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	link := r.link()
	page := r.call(http.MethodGet, link, "", nil)
	if page.status != http.StatusOK || !strings.Contains(page.body, "<form") || !strings.Contains(page.header.Get("Content-Security-Policy"), "form-action 'self'") {
		t.Fatalf("the page: %d, policy %s", page.status, page.header.Get("Content-Security-Policy"))
	}
	if done := r.post(link); done.status != http.StatusOK {
		t.Fatalf("%d %s", done.status, done.body)
	}
	card := r.sees("U0LENA").Tango.Cards[0]
	if card.Label != "Marketing Visa" || card.Last != "1111" || card.Account != "marketing-us" || card.Status != "ACTIVE" {
		t.Errorf("Tango has %+v", card)
	}
	if again := r.post(link); again.status != http.StatusNotFound {
		t.Errorf("the link works again: %d", again.status)
	}
	for _, path := range []string{"/cards/", link + "/more", "/cards"} {
		if got := r.call(http.MethodGet, path, "", nil).status; got != http.StatusNotFound {
			t.Errorf("%s answers %d", path, got)
		}
	}
	if got := r.call(http.MethodDelete, link, "", nil).status; got != http.StatusNotFound {
		t.Errorf("DELETE answers %d", got)
	}
}

// The clock stands still while a card is under way, as it does for money.
func TestPushesWaitForTheCardCall(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	link := r.link()
	r.tango.Arm(tangosim.Fault{On: "POST /creditCards", Delay: 2 * pushWait})
	answer := make(chan answered, 1)
	go func() { answer <- r.post(link) }()
	r.until("the card has reached Tango", func() bool { return r.tango.Armed() == 0 })
	ahead := r.clock.offset()
	out, status := r.try("clock", act{Push: 60})
	if status != http.StatusBadRequest || !strings.Contains(out.Error, "under way") || r.clock.offset() != ahead {
		t.Errorf("a push during a card's call: %d %q", status, out.Error)
	}
	if a := <-answer; a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestADepositSettlesWithTheClock(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	r.approve(r.ask("/tango deposit 5.55 to employee-rewards", "Request a deposit", nil))
	r.do("clock", act{Push: 61})
	r.card("settle")
	d := r.sees("U0LENA").Tango.Deposits[0]
	if d.Amount != "5.55 USD" || d.Status != "PENDING" || d.Charged != "" {
		t.Errorf("Tango has %+v", d)
	}
	for range 4 {
		r.do("clock", act{Push: 900})
	}
	r.card("Done, the money has moved")
	if d = r.sees("U0LENA").Tango.Deposits[0]; d.Status != "SUCCESS" || d.Charged != "5.74 USD" {
		t.Errorf("Tango has %+v", d)
	}
}

// Each kind of call can go wrong, and a fault waits for its own kind.
func TestFaultsNameTheirCall(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	for _, c := range r.sees("U0LENA").Tango.Calls {
		for _, f := range c.Faults {
			r.do("fault", act{Call: c.Name, Fault: f.Name})
			if got, want := r.sees("U0LENA").Tango.Armed, "Next "+c.Label+": "+f.Label; got != want {
				t.Errorf("armed %q, want %q", got, want)
			}
		}
	}
	if _, status := r.try("fault", act{Call: "unregister_card", Fault: "twice"}); status != http.StatusBadRequest {
		t.Errorf("a fault that a call does not have: %d", status)
	}
	r.do("fault", act{Call: "deposit", Fault: "drop_after"})
	r.approve(r.request())
	r.do("clock", act{Push: 61})
	r.card("Done, the money has moved")
	if got := r.sees("U0LENA").Tango.Armed; got == "" {
		t.Error("a transfer took the deposit's fault")
	}
	r.approve(r.ask("/tango deposit 25 to employee-rewards", "Request a deposit", nil))
	r.do("clock", act{Push: 61})
	r.card("In doubt")
	if got := r.sees("U0LENA").Tango.Armed; got != "" {
		t.Errorf("still armed: %q", got)
	}
}

func TestOtherHands(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	account := func(id string) accountState {
		for _, a := range r.sees("U0LENA").Tango.Accounts {
			if a.ID == id {
				return a
			}
		}
		return accountState{}
	}
	r.do("spend", act{Account: "sales-spiffs"})
	r.do("freeze", act{Account: "sales-spiffs"})
	if a := account("sales-spiffs"); a.Balance != "212.75 USD" || a.Status != "FROZEN" {
		t.Errorf("got %+v", a)
	}
	if out, status := r.try("spend", act{Account: "sales-spiffs"}); status != http.StatusBadRequest || !strings.Contains(out.Error, "not active") {
		t.Errorf("spending from a frozen account: %d %q", status, out.Error)
	}
	r.do("freeze", act{Account: "sales-spiffs"})
	r.do("spend", act{Account: "sales-spiffs"})
	r.do("spend", act{Account: "sales-spiffs"})
	if a := account("sales-spiffs"); a.Balance != "12.75 USD" || a.Status != "ACTIVE" {
		t.Errorf("got %+v", a)
	}
	for name, id := range map[string]string{"spend": "sales-spiffs", "freeze": "old-campaign"} {
		if _, status := r.try(name, act{Account: id}); status != http.StatusBadRequest {
			t.Errorf("%s %s: %d", name, id, status)
		}
		if _, status := r.try(name, act{Account: "nobody"}); status != http.StatusBadRequest {
			t.Errorf("%s of no account: %d", name, status)
		}
	}
}

// An exported history is a file that its reader alone can fetch.
func TestFilesAreForThoseWhoSeeThem(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	r.request()
	r.do("say", act{Person: "U0LENA", Place: "direct", Text: "/tango history csv"})
	var id, name string
	r.until("the file", func() bool {
		for _, m := range r.sees("U0LENA").Slack.Direct.Messages {
			for _, f := range m.Files {
				id, name = f.ID, f.Name
			}
		}
		return id != ""
	})
	got := r.call(http.MethodGet, "/play/files/"+id+"?person=U0LENA", "", nil)
	if got.status != http.StatusOK || !strings.Contains(got.body, "TB-") ||
		got.header.Get("Content-Disposition") != "attachment; filename="+name || got.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v %.80s", got.status, got.header, got.body)
	}
	for _, path := range []string{id + "?person=U0MAYA", id, "F0?person=U0LENA"} {
		if got := r.call(http.MethodGet, "/play/files/"+path, "", nil).status; got != http.StatusNotFound {
			t.Errorf("%s answers %d", path, got)
		}
	}
}
