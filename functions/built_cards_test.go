//go:build outside

package functions_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tangobot/tangobot/internal/canarytest"
	"github.com/tangobot/tangobot/internal/cloud/cloudtest"
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
	const number = canarytest.TakenNumber // with a code of four digits, which no other text has
	form := url.Values{
		"number": {number}, "month": {"12"}, "year": {"31"}, "code": {canarytest.CardCode}, "first_name": {"Ada"}, "last_name": {"Lovelace"},
		"line1": {"1 Main Street"}, "line2": {""}, "city": {"Seattle"}, "state": {"WA"}, "postal_code": {"98101"}, "country": {"US"}, "email": {"ada@example.com"},
	}
	if status, body := b.page("POST", path, form.Encode()); status != 200 || !strings.Contains(body, "registered") || strings.Contains(body, number) {
		t.Fatalf("after the form: %d\n%s", status, body)
	}
	if n := len(b.tango.Cards()) - before; n != 1 {
		t.Errorf("%d cards were registered", n)
	}
	b.settle()
	if card := b.message("C0APPROVE", id); !strings.Contains(card.Text, "is registered") || !strings.Contains(card.Text, "0005") {
		t.Errorf("the card says %s", card.Text)
	}
	if status, _ := b.page("POST", path, form.Encode()); status != 404 {
		t.Errorf("the used link answers %d", status)
	}
	for place, text := range b.outputs() {
		if canarytest.FindCode(text) {
			t.Errorf("the card's code stands in the %s", place)
		}
		if place != "calls to Slack" { // where the requester is given the link
			canarytest.Check(t, place, text, path[strings.LastIndex(path, ".")+1:])
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

// A harness that overlooks a secret proves nothing: what a process prints, a row and a message are all looked at.
func TestTheHarnessFindsSecrets(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	leaky := cloudtest.StartFunction(t, "/usr/bin/env", map[string]string{"TOKEN": botToken}) // prints its environment, and ends
	leaky.WaitReady()
	row := map[string]types.AttributeValue{
		"k": &types.AttributeValueMemberS{Value: "leak"}, "body": &types.AttributeValueMemberB{Value: []byte("card 4929-1758-3046-2719")},
	}
	if _, err := cloudtest.Client(b.emulator).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.tables[0], Item: row}); err != nil {
		t.Fatal(err)
	}
	told := &recorder{TB: t}
	b.tb, b.functions["leaky"] = told, leaky
	b.check()
	b.tb, b.leaked = t, true
	for _, want := range []string{"the bot token stands in the output of leaky", "the further secret 1 stands in the output of leaky", "in base64 stands in the tables"} {
		if !strings.Contains(told.text.String(), want) {
			t.Errorf("not told: %s, but:\n%s", want, told.text.String())
		}
	}
}

// recorder is a test that is told of failures without failing.
type recorder struct {
	testing.TB
	text strings.Builder
}

func (r *recorder) Errorf(format string, args ...any) { fmt.Fprintf(&r.text, format+"\n", args...) }
