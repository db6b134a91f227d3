package slack_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// types has a person type behind /tango in their conversation with the bot, and gives what they were told at once.
func (b *bot) types(user, text string) string {
	b.tb.Helper()
	r, err := b.Slash(b.tb.Context(), user, "", text)
	if err != nil || r.Failure != "" {
		b.tb.Fatalf("/tango %s: %v %s", text, err, r.Failure)
	}
	if r.Message == nil {
		return ""
	}
	return r.Message.Text
}

// asks has a person type a question, does the queued work, and gives the answer that stands there in the end.
func (b *bot) asks(user, text string) slacksim.Message {
	b.tb.Helper()
	b.types(user, text)
	b.settle()
	list := b.Ephemerals(user)
	if len(list) == 0 {
		b.tb.Fatalf("/tango %s: nothing was answered", text)
	}
	return list[len(list)-1]
}

// top gives the modal that a person sees.
func (b *bot) top(user string) slacksim.View {
	b.tb.Helper()
	stack := b.Modals(user)
	if len(stack) == 0 {
		b.tb.Fatalf("%s sees no form; log:\n%s", user, b.log)
	}
	return stack[len(stack)-1]
}

// sent presses the submit button of the modal that a person sees.
func (b *bot) sent(user string, values slacksim.Values) slacksim.SubmitResult {
	b.tb.Helper()
	r, err := b.Submit(b.tb.Context(), user, b.top(user).ID, values)
	if err != nil || r.Failure != "" || r.Trouble != "" {
		b.tb.Fatalf("submitting %s: %v %s %s", b.top(user).Title.Text, err, r.Failure, r.Trouble)
	}
	return r
}

// told gives all text of the modal that a person sees.
func (b *bot) told(user string) string {
	b.tb.Helper()
	v := b.top(user)
	return v.Title.Text + "\n" + words(v.Blocks)
}

var requestID = regexp.MustCompile(`TB-[0-9A-Z]{8}`)

// requests has a person ask for a transfer through both steps of the form, and gives the request's id. The queued work
// is left to do.
func (b *bot) requests(user, text string) string {
	b.tb.Helper()
	if said := b.types(user, "transfer "+text); said != "" {
		b.tb.Fatalf("/tango transfer %s: %s", text, said)
	}
	if r := b.sent(user, nil); r.Outcome != slacksim.Pushed {
		b.tb.Fatalf("/tango transfer %s: %s %v", text, r.Outcome, r.Errors)
	}
	if r := b.sent(user, nil); r.Outcome != slacksim.Updated {
		b.tb.Fatalf("/tango transfer %s: %s %v", text, r.Outcome, r.Errors)
	}
	said := b.told(user)
	if !strings.HasPrefix(said, "Requested") {
		b.tb.Fatalf("/tango transfer %s: %s", text, said)
	}
	b.closes(user)
	return requestID.FindString(said)
}

// closes closes all that a person has open.
func (b *bot) closes(user string) {
	b.tb.Helper()
	for len(b.Modals(user)) > 0 {
		if _, err := b.CloseView(b.tb.Context(), user, b.top(user).ID); err != nil {
			b.tb.Fatal(err)
		}
	}
}

// find gives the newest message of a channel, or of a person's conversation with the bot, that names a request.
func (b *bot) find(channel, id string) slacksim.Message {
	b.tb.Helper()
	for _, m := range slices.Backward(b.Messages(channel)) {
		if strings.Contains(m.Text, id) && !cardLink.MatchString(m.Text) { // a link to the card page names its request too
			return m
		}
	}
	b.tb.Fatalf("no message in %s names %s; log:\n%s", channel, id, b.log)
	return slacksim.Message{}
}

func (b *bot) card(id string) slacksim.Message { b.tb.Helper(); return b.find("C0APPROVE", id) }

// presses has a person press a button of a message.
func (b *bot) presses(user string, m slacksim.Message, action string) slacksim.ClickResult {
	b.tb.Helper()
	r, err := b.Click(b.tb.Context(), user, slacksim.Target{Channel: m.Channel, TS: m.TS, Action: action})
	if err != nil || r.Failure != "" {
		b.tb.Fatalf("%s pressing %s: %v %s", user, action, err, r.Failure)
	}
	return r
}

// decides has a person press Approve or Deny on a card, and send the form with a comment.
func (b *bot) decides(user, id, action, comment string) string {
	b.tb.Helper()
	b.presses(user, b.card(id), action)
	values := slacksim.Values{}
	if comment != "" {
		values["comment"] = map[string]slacksim.Value{"value": slacksim.Typed(comment)}
	}
	if b.top(user).Submit == nil {
		return b.told(user)
	}
	b.sent(user, values)
	said := b.told(user)
	b.closes(user)
	return said
}

// state gives a request's state from the journal.
func (b *bot) state(id string) treasury.State {
	b.tb.Helper()
	r, err := b.desk.Find(b.tb.Context(), id)
	if err != nil {
		b.tb.Fatal(err)
	}
	return r.State
}

// dump gives a hash of everything in the data file, or of the journal alone: what is compared to prove that nothing was
// written. It reads a copy of the file.
func (b *bot) dump(buckets ...string) string {
	b.tb.Helper()
	raw, err := os.ReadFile(filepath.Join(b.folder, "tangobot.db"))
	if err != nil {
		b.tb.Fatal(err)
	}
	name := filepath.Join(b.tb.TempDir(), "copy.db")
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		b.tb.Fatal(err)
	}
	db, err := bbolt.Open(name, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		b.tb.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	sum := sha256.New()
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(bucket []byte, in *bbolt.Bucket) error {
			if len(buckets) > 0 && !slices.Contains(buckets, string(bucket)) {
				return nil
			}
			return in.ForEach(func(k, v []byte) error {
				for _, part := range [][]byte{bucket, k, v} {
					_, _ = sum.Write(append(slices.Clip(part), 0)) // a hash never fails
				}
				return nil
			})
		})
	})
	if err != nil {
		b.tb.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// journal gives a hash of the journal.
func (b *bot) journal() string { b.tb.Helper(); return b.dump("records", "index", "commits") }

// tangoCalls counts the calls that Tango has had.
func (b *bot) tangoCalls() int { return len(b.tango.Received()) }

// words gives all text in blocks, one piece a line.
func words(blocks json.RawMessage) string {
	var v any
	if json.Unmarshal(blocks, &v) != nil {
		return ""
	}
	var found []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			if s, ok := v["text"].(string); ok {
				found = append(found, s)
			}
			for _, key := range []string{"text", "fields", "elements", "accessory", "title", "label", "hint", "confirm", "deny", "element", "options"} {
				if _, isText := v[key].(string); !isText {
					walk(v[key])
				}
			}
		}
	}
	walk(v)
	return strings.Join(found, "\n")
}

// has fails unless text holds all the parts.
func has(tb testing.TB, text string, parts ...string) {
	tb.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			tb.Errorf("%q is missing in:\n%s", part, text)
		}
	}
}

// lacks fails when text holds one of the parts.
func lacks(tb testing.TB, text string, parts ...string) {
	tb.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			tb.Errorf("%q stands in:\n%s", part, text)
		}
	}
}
