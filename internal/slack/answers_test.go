package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestRequestLists(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	var ids []string
	for range 22 {
		ids = append(ids, b.requests("U0LENA", "60 from employee-rewards to marketing-us"))
		b.clock.Advance(time.Second)
	}
	b.settle()
	m := b.asks("U0MAYA", "requests waiting")
	has(t, m.Text, "Waiting for your decision: 22", ids[0], "asked for by <@U0LENA>", "press Next")
	lacks(t, m.Text, ids[10])
	has(t, words(m.Blocks), "Review", "(0 of 1)")
	for _, turn := range []struct {
		action      string
		first, last int
	}{{"next", 10, 19}, {"next", 20, 21}, {"prev", 10, 19}, {"prev", 0, 9}} {
		b.presses("U0MAYA", b.Ephemerals("U0MAYA")[0], turn.action)
		b.settle()
		text := b.Ephemerals("U0MAYA")[0].Text
		has(t, text, ids[turn.first:turn.last+1]...)
		lacks(t, text, append(slices.Clone(ids[:turn.first]), ids[turn.last+1:]...)...)
	}

	m = b.asks("U0LENA", "requests mine")
	has(t, m.Text, ids[21], ids[12], "press Next")
	has(t, words(m.Blocks), "Take it back")
	lacks(t, words(b.asks("U0VERA", "requests").Blocks), "Review", "Take it back", "Stop")

	b.decides("U0MAYA", ids[0], "approve", "fine")
	b.settle()
	b.pass(61 * time.Second)
	for _, typed := range []string{ids[0], strings.ToLower(ids[0])} {
		m = b.asks("U0VERA", "requests "+typed)
		has(t, m.Text, "Done, the money has moved", "History:", "1. ", "<@U0LENA> asked for it", "<@U0MAYA> approved it, the last approval that was needed: fine",
			"The accounts were reserved", "Handed to Tango", "Tango moved it")
		has(t, words(m.Blocks), "chained and complete")
	}
}

// partJournal is a journal of which some keys cannot be read, as a store with trouble in one part.
type partJournal struct {
	treasury.Journal
	bad string
}

func (j partJournal) Get(ctx context.Context, keys ...string) ([]treasury.Record, error) {
	for _, key := range keys {
		if strings.HasPrefix(key, j.bad) {
			return nil, fmt.Errorf("reading %s: %w", key, treasury.ErrUnavailable)
		}
	}
	return j.Journal.Get(ctx, keys...)
}

func TestAHistoryThatDoesNotHold(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	id := b.requests("U0LENA", "60 from employee-rewards to marketing-us")
	b.settle()
	whole := b.desk.Journal
	b.desk.Journal = partJournal{whole, "EVENT#"}
	m := b.asks("U0MAYA", "requests "+id)
	has(t, m.Text, "did not answer") // not read is not broken
	lacks(t, m.Text, "hold together")
	b.desk.Journal = whole

	records, err := whole.Get(t.Context(), "EVENT#"+id+"#0001")
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(records[0].Body), `"hundredths":6000`, `"hundredths":7000`, 1)
	err = whole.Commit(t.Context(), treasury.NewWriteID(), treasury.Write{Key: records[0].Key, Version: records[0].Version, Body: []byte(changed)})
	if err != nil {
		t.Fatal(err)
	}
	m = b.asks("U0MAYA", "requests "+id)
	has(t, m.Text, "history of this request does not hold together", id)
	has(t, words(m.Blocks), "does not hold together")
}

func TestAnswersAreNotLost(t *testing.T) {
	t.Parallel()
	const answer = "24,500.00 USD"
	last := func(b *bot) slacksim.Message {
		list := b.Messages("U0LENA")
		return list[len(list)-1]
	}
	t.Run("in time", func(t *testing.T) {
		t.Parallel()
		b := newBot(t)
		b.types("U0LENA", "balance employee-rewards")
		b.clock.Advance(28 * time.Minute)
		b.settle()
		if m := last(b); !m.Ephemeral || !strings.Contains(m.Text, answer) {
			t.Errorf("%+v", m)
		}
	})
	for _, age := range []time.Duration{29 * time.Minute, 31 * time.Minute, 24 * time.Hour, -time.Hour} {
		t.Run("after "+age.String(), func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			b.types("U0LENA", "balance employee-rewards")
			b.clock.Advance(age)
			body, _ := b.questions.take()
			if body == nil { // the clock went back
				b.clock.Advance(-age)
				body, _ = b.questions.take()
				b.clock.Advance(age)
			}
			if err := b.edge.Job(t.Context(), body); err != nil {
				t.Fatal(err)
			}
			if m := last(b); m.Ephemeral || !strings.Contains(m.Text, answer) {
				t.Errorf("%+v", m)
			}
		})
	}
	for name, f := range map[string]slacksim.Fault{
		"used up":         {Status: http.StatusNotFound},
		"refused":         {Error: "used_url"},
		"forbidden":       {Status: http.StatusForbidden},
		"sent elsewhere":  {Status: http.StatusFound},
		"moved for good":  {Status: http.StatusPermanentRedirect},
		"too large, says": {Status: http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			b.types("U0LENA", "balance employee-rewards")
			f.Method, f.Times = "response_url", -1
			b.Inject(f)
			b.settle()
			if m := last(b); m.Ephemeral || !strings.Contains(m.Text, answer) {
				t.Errorf("%+v", m)
			}
		})
	}
	for name, f := range map[string]slacksim.Fault{
		"failing":    {Status: http.StatusBadGateway},
		"limited":    {Status: http.StatusTooManyRequests, RetryAfter: time.Minute},
		"cut off":    {Drop: true},
		"unanswered": {Drop: true, Applied: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			b.types("U0LENA", "balance employee-rewards")
			f.Method = "response_url"
			b.Inject(f)
			failed := b.drain()
			if len(failed) != 1 || b.questions.len() != 1 {
				t.Fatalf("%v, %d jobs wait; want the question again", failed, b.questions.len())
			}
			for _, err := range failed {
				lacks(t, err.Error(), "http://", "127.0.0.1", botToken)
			}
			b.clock.Advance(10 * time.Second)
			b.settle()
			if m := last(b); !m.Ephemeral || !strings.Contains(m.Text, answer) {
				t.Errorf("%+v", m)
			}
		})
	}
	t.Run("by direct message, which fails first", func(t *testing.T) {
		t.Parallel()
		b := newBot(t)
		b.types("U0LENA", "balance employee-rewards")
		b.clock.Advance(time.Hour)
		b.Inject(slacksim.Fault{Method: "chat.postMessage", Status: http.StatusInternalServerError})
		if failed := b.drain(); len(failed) != 1 {
			t.Fatalf("%v", failed)
		}
		b.clock.Advance(10 * time.Second)
		b.settle()
		has(t, last(b).Text, answer)
	})
}

func TestAQueueThatIsDown(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.questions.down = errors.New("the queue's own words")
	said := b.types("U0LENA", "balance")
	has(t, said, "No", "quote reference")
	lacks(t, said, "Asking Tango", "queue")
}

func TestJobsOfNoKnownForm(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	for _, body := range []string{
		"", "{", "null", "[]", "{}", `{"execute":"TB-00000000"}`, `{"question":{}}`, `{"question":7}`, `{"question":{"ask":"balance"}}`,
		`{"announce":"TB-00000000"}`, `{"announce":"x"}`, `{"question":{"person":7}}`,
	} {
		if err := b.edge.Job(t.Context(), []byte(body)); err == nil {
			t.Errorf("%q was taken; it must end with the dead letters", body)
		}
	}
	body, _ := json.Marshal(map[string]any{"question": map[string]any{"ask": "secrets", "person": "U0LENA"}})
	if err := b.edge.Job(t.Context(), body); err != nil {
		t.Error(err)
	}
	has(t, b.Messages("U0LENA")[0].Text, "Something went wrong")
}
