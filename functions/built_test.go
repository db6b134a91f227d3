//go:build outside

package functions_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
)

// TestBuiltFunctions walks through the built bootstraps: a balance from the slash command to the posted answer, and a
// transfer from the form to the moved money.
func TestBuiltFunctions(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.watch() // the directory of accounts

	before := b.dynamo.Calls()
	said, err := b.Slash(t.Context(), "U0LENA", "C0GENERAL", "balance employee-rewards")
	if err != nil || said.Message == nil || said.Message.Text != "Asking Tango…" {
		t.Fatalf("at once: %+v, %v", said, err)
	}
	b.settle()
	answers := b.Ephemerals("U0LENA")
	if len(answers) != 1 || !strings.Contains(answers[0].Text, "24,500.00 USD") {
		t.Fatalf("answered %+v", answers)
	}
	t.Logf("calls of a balance question: DynamoDB %v, SQS 1", grown(before, b.dynamo.Calls()))

	before = b.dynamo.Calls()
	queued := len(b.sqs.Messages())
	id := b.request("500 from employee-rewards to marketing-us spring event")
	b.settle()
	b.approve("U0MAYA", id)
	b.settle()
	if n := b.tango.Moved(id); n != 1 {
		t.Fatalf("moved %d times", n)
	}
	if from, to := b.tango.Balance("employee-rewards"), b.tango.Balance("marketing-us"); from != 2_400_000 || to != 862_550 {
		t.Errorf("Tango holds %d and %d", from, to)
	}
	card := b.message("C0APPROVE", id)
	if !strings.Contains(card.Text, "the money has moved") || strings.Contains(string(card.Blocks), `"button"`) {
		t.Errorf("the card says %s with %s", card.Text, card.Blocks)
	}
	if direct := b.message("U0LENA", id); !strings.Contains(direct.Text, "24,000.00 USD") || !strings.Contains(direct.Text, "8,625.50 USD") {
		t.Errorf("the requester was told %s", direct.Text)
	}
	t.Logf("calls of a transfer with one approval: DynamoDB %v, SQS %d", grown(before, b.dynamo.Calls()), len(b.sqs.Messages())-queued)

	// A message that comes twice does nothing.
	for _, m := range b.sqs.Messages() {
		name := "answer"
		if strings.HasSuffix(m.Queue, "/money") {
			name = "execute"
		}
		if outcome := b.functions[name].Invoke(queueEvent(t, "again", m.Body), 2*time.Minute); outcome.Failed {
			t.Errorf("%s failed with a message that came again: %s", name, outcome.Payload)
		}
	}
	if n := b.tango.Moved(id); n != 1 {
		t.Errorf("moved %d times after all messages came again", n)
	}
	if result, err := b.OpenHome(t.Context(), "U0MAYA"); err != nil || result.Failure != "" {
		t.Errorf("App Home: %+v, %v", result, err)
	}
	if home := b.Home("U0MAYA"); home == nil || !strings.Contains(string(home.Blocks), "Employee Rewards") {
		t.Errorf("App Home shows %+v", home)
	}
}

// TestSampleEvents hands each sample of events/, freshly signed as `make events` does, to its function.
func TestSampleEvents(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	folder := t.TempDir()
	sign := exec.CommandContext(t.Context(), "go", "run", "../internal/operator", "events", "../events", folder)
	sign.Env = append(os.Environ(), "SLACK_SIGNING_SECRET="+signingSecret)
	if out, err := sign.CombinedOutput(); err != nil {
		t.Fatalf("signing: %v\n%s", err, out)
	}
	names, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(names) < 10 {
		t.Fatalf("%d samples, %v", len(names), err)
	}
	for _, name := range names {
		event, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		function := map[string]string{
			"commands-transfer": "commands", "options": "interactions", "cards-get": "cards", "cards-post": "cards",
		}[strings.TrimSuffix(filepath.Base(name), ".json")]
		if function == "" {
			function = strings.TrimSuffix(filepath.Base(name), ".json")
		}
		f := b.functions[function]
		if f == nil {
			t.Errorf("no function for %s", name)
			continue
		}
		outcome := f.Invoke(event, 2*time.Minute)
		var answer struct {
			StatusCode int
			Failures   []any `json:"batchItemFailures"`
		}
		if outcome.Failed || outcome.Payload == nil || string(outcome.Payload) != "null" && json.Unmarshal(outcome.Payload, &answer) != nil {
			t.Errorf("%s: %s\n%s", filepath.Base(name), outcome.Payload, f.Log())
			continue
		}
		want := http.StatusOK
		if function == "cards" {
			want = http.StatusNotFound // the samples' link is dead
		}
		if answer.StatusCode != 0 && answer.StatusCode != want {
			t.Errorf("%s: status %d, want %d\n%s", filepath.Base(name), answer.StatusCode, want, f.Log())
		}
	}
}

// grown tells how often each call was made in between.
func grown(before, after map[string]int) map[string]int {
	grown := map[string]int{}
	for name, n := range after {
		if n > before[name] {
			grown[name] = n - before[name]
		}
	}
	return grown
}

var requestID = regexp.MustCompile(`TB-[0-9A-Z]{8}`)

// request has Lena ask for a transfer through both steps of the form.
func (b *bot) request(text string) string {
	b.tb.Helper()
	if said, err := b.Slash(b.tb.Context(), "U0LENA", "C0GENERAL", "transfer "+text); err != nil || said.Message != nil || said.Failure != "" {
		b.tb.Fatalf("opening the form: %+v, %v", said, err)
	}
	b.submit("U0LENA", slacksim.Pushed)
	said := b.submit("U0LENA", slacksim.Updated)
	id := requestID.FindString(string(said.Blocks))
	if id == "" {
		b.tb.Fatalf("no request: %s", said.Blocks)
	}
	b.closes("U0LENA")
	return id
}

// approve has a person press Approve and send the form.
func (b *bot) approve(user, id string) {
	b.tb.Helper()
	card := b.message("C0APPROVE", id)
	clicked, err := b.Click(b.tb.Context(), user, slacksim.Target{Channel: card.Channel, TS: card.TS, Action: "approve"})
	if err != nil || clicked.Failure != "" {
		b.tb.Fatalf("pressing Approve: %+v, %v", clicked, err)
	}
	b.submit(user, slacksim.Updated)
	b.closes(user)
}

// submit sends the form on top, as it is.
func (b *bot) submit(user string, want slacksim.Outcome) slacksim.View {
	b.tb.Helper()
	return b.submitWith(user, want, nil)
}

// submitWith fills the form on top in and sends it.
func (b *bot) submitWith(user string, want slacksim.Outcome, values slacksim.Values) slacksim.View {
	b.tb.Helper()
	stack := b.Modals(user)
	if len(stack) == 0 {
		b.tb.Fatalf("%s sees no form", user)
	}
	r, err := b.Submit(b.tb.Context(), user, stack[len(stack)-1].ID, values)
	if err != nil || r.Outcome != want || r.View == nil {
		b.tb.Fatalf("sending the form: %+v, %v", r, err)
	}
	return *r.View
}

func (b *bot) closes(user string) {
	b.tb.Helper()
	for stack := b.Modals(user); len(stack) > 0; stack = b.Modals(user) {
		if _, err := b.CloseView(b.tb.Context(), user, stack[len(stack)-1].ID); err != nil {
			b.tb.Fatal(err)
		}
	}
}

// message gives the message of a channel, or of a person's conversation with the bot, that names a request.
func (b *bot) message(channel, id string) slacksim.Message {
	b.tb.Helper()
	for _, m := range b.Messages(channel) {
		if strings.Contains(m.Text, id) {
			return m
		}
	}
	b.tb.Fatalf("no message in %s names %s", channel, id)
	return slacksim.Message{}
}
