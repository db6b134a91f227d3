//go:build outside

package functions_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
)

// TestBuiltCardPage registers a card through the built functions: asked for in Slack, approved by two, told as a link in a
// direct message, typed on the page, and told in Slack. Sending is stopped and resumed on the way.
func TestBuiltCardPage(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.watch()
	if said, err := b.Slash(t.Context(), "U0LENA", "C0GENERAL", "card register marketing-us"); err != nil || said.Message != nil || said.Failure != "" {
		t.Fatalf("opening the form: %+v, %v", said, err)
	}
	b.submitWith("U0LENA", slacksim.Pushed, slacksim.Values{"label": {"value": slacksim.Typed("Marketing Visa")}})
	id := requestID.FindString(string(b.submit("U0LENA", slacksim.Updated).Blocks))
	b.closes("U0LENA")
	b.settle()
	b.said("U0MAYA", "stop looking into something", "Sending is stopped")
	b.approve("U0MAYA", id)
	b.settle()
	b.approve("U0RAVI", id)
	b.said("U0MAYA", "resume", "Sending is on")
	b.settle()

	link := regexp.MustCompile(`/cards/` + id + `\.[A-Za-z0-9_-]{43}`)
	path := ""
	for _, m := range b.Messages("U0LENA") {
		if found := link.FindString(m.Text); found != "" {
			path = found
		}
	}
	if path == "" {
		t.Fatalf("no link was told: %+v", b.Messages("U0LENA"))
	}
	before := len(b.tango.Cards())
	if status, body := b.page("GET", path, ""); status != 200 || !strings.Contains(body, "Marketing Visa") {
		t.Fatalf("the page: %d\n%s", status, body)
	}
	const number = "4111111111111111"
	form := url.Values{
		"number": {number}, "month": {"12"}, "year": {"31"}, "code": {"123"}, "first_name": {"Ada"}, "last_name": {"Lovelace"},
		"line1": {"1 Main Street"}, "line2": {""}, "city": {"Seattle"}, "state": {"WA"}, "postal_code": {"98101"}, "country": {"US"}, "email": {"ada@example.com"},
	}
	if status, body := b.page("POST", path, form.Encode()); status != 200 || !strings.Contains(body, "registered") || strings.Contains(body, number) {
		t.Fatalf("after the form: %d\n%s", status, body)
	}
	if n := len(b.tango.Cards()) - before; n != 1 {
		t.Errorf("%d cards were registered", n)
	}
	b.settle()
	if card := b.message("C0APPROVE", id); !strings.Contains(card.Text, "is registered") || !strings.Contains(card.Text, "1111") {
		t.Errorf("the card says %s", card.Text)
	}
	if status, _ := b.page("POST", path, form.Encode()); status != 404 {
		t.Errorf("the used link answers %d", status)
	}
	for name, f := range b.functions {
		if strings.Contains(f.Log(), number) || strings.Contains(f.Log(), path) {
			t.Errorf("the card's number or the link stands in the log of %s", name)
		}
	}
}

// page hands a request to the card page's function, as API Gateway does.
func (b *bot) page(method, path, body string) (status int, text string) {
	b.tb.Helper()
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": path, "rawQueryString": "", "body": body,
		"headers": map[string]string{
			"host": "tangobot.example", "origin": "https://tangobot.example", "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded",
		},
		"requestContext": map[string]any{"stage": "$default", "http": map[string]string{"method": method, "path": path, "sourceIp": "203.0.113.7"}},
	})
	if err != nil {
		b.tb.Fatal(err)
	}
	outcome := b.functions["cards"].Invoke(event, 2*time.Minute)
	var answer struct {
		StatusCode int
		Body       string
	}
	if outcome.Failed || json.Unmarshal(outcome.Payload, &answer) != nil {
		b.tb.Fatalf("the card page failed: %s\n%s", outcome.Payload, b.functions["cards"].Log())
	}
	return answer.StatusCode, answer.Body
}

// said has a person type a command that is answered at once.
func (b *bot) said(user, command, want string) {
	b.tb.Helper()
	said, err := b.Slash(b.tb.Context(), user, "C0GENERAL", command)
	if err != nil || said.Message == nil || !strings.Contains(said.Message.Text, want) {
		b.tb.Fatalf("/tango %s: %+v, %v", command, said, err)
	}
}
