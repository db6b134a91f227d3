package slack_test

import (
	"bytes"
	"os"
	"path/filepath"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// field is what a person puts into one input of a form.
type field struct {
	block string
	value slacksim.Value
	typed string // what is typed into a list that Slack asks for
}

func typed(block, text string) field { return field{block: block, value: slacksim.Typed(text)} }

func chosen(block, value string) field { return field{block: block, value: slacksim.Chosen(value)} }

// looked is an entry of a list that Slack asks for while somebody types.
func looked(block, typed, value string) field {
	return field{block: block, value: slacksim.Chosen(value), typed: typed}
}

// fills fills in the form that a person sees, in this order.
func (b *bot) fills(user string, fields ...field) {
	b.tb.Helper()
	for _, f := range fields {
		if f.typed != "" {
			b.choose(user, f.block, f.typed, f.value.SelectedOptions[0].Value)
			continue
		}
		if err := b.Fill(user, b.top(user).ID, slacksim.Values{f.block: {"value": f.value}}); err != nil {
			b.tb.Fatalf("%s: %v", f.block, err)
		}
	}
}

// checks has a person type a command that opens a form, fill it in and send it, and gives what the second step says.
func (b *bot) checks(user, text string, fields ...field) string {
	b.tb.Helper()
	if said := b.types(user, text); said != "" {
		b.tb.Fatalf("/tango %s: %s", text, said)
	}
	b.fills(user, fields...)
	if r := b.sent(user, nil); r.Outcome != slacksim.Pushed {
		b.tb.Fatalf("/tango %s: %s %v\n%s", text, r.Outcome, r.Errors, b.told(user))
	}
	return b.told(user)
}

// makes sends the second step that a person sees, and gives the request's id.
func (b *bot) makes(user string) string {
	b.tb.Helper()
	b.sent(user, nil)
	said := b.told(user)
	has(b.tb, said, "Requested")
	b.closes(user)
	b.settle()
	return requestID.FindString(said)
}

// approves has both approvers say yes, and lets the undo window pass.
func (b *bot) approves(id string) {
	b.tb.Helper()
	for _, person := range []string{"U0MAYA", "U0RAVI"} {
		b.decides(person, id, "approve", "")
		b.settle()
	}
	b.pass(61 * time.Second)
}

// outcome gives the last message of its own that the requester got about a request.
func (b *bot) outcome(id string) string {
	b.tb.Helper()
	replies := b.find("U0LENA", id).Replies
	if len(replies) == 0 {
		b.tb.Fatalf("the requester was told nothing; log:\n%s", b.log)
	}
	return replies[len(replies)-1].Text
}

// ended fails unless a request is in this state, and its card and the requester's last message say all the parts.
func (b *bot) ended(id string, state treasury.State, parts ...string) {
	b.tb.Helper()
	if s := b.state(id); s != state {
		b.tb.Fatalf("state %s, want %s; log:\n%s", s, state, b.log)
	}
	has(b.tb, b.card(id).Text, parts...)
	has(b.tb, b.outcome(id), parts...)
}

// unkept fails when one of the texts stands in the data file or in the log.
func (b *bot) unkept(texts ...string) {
	b.tb.Helper()
	raw, err := os.ReadFile(filepath.Join(b.folder, "tangobot.db"))
	if err != nil {
		b.tb.Fatal(err)
	}
	for _, text := range texts {
		if bytes.Contains(raw, []byte(text)) {
			b.tb.Errorf("%q stands in the data file", text)
		}
		lacks(b.tb, b.log.String(), text)
	}
}

// nowhere fails when one of the texts stands in the data file, in the log, or in what was sent to Slack.
func (b *bot) nowhere(texts ...string) {
	b.tb.Helper()
	b.unkept(texts...)
	for _, c := range b.Calls("") {
		lacks(b.tb, c.Method+" "+string(encoded(b.tb, c.Args)), texts...)
	}
}
