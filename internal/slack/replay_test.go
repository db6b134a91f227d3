package slack_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestReplaysHaveOneEffect(t *testing.T) {
	t.Parallel()
	t.Run("a submitted request", func(t *testing.T) {
		t.Parallel()
		b := newBot(t)
		b.rehearse()
		replay(t, b, slacksim.ToInteractions, 10, time.Second*25)
		if n := len(b.Messages("C0APPROVE")); n != 1 {
			t.Errorf("%d cards", n)
		}
	})
	t.Run("an approval", func(t *testing.T) {
		t.Parallel()
		b := newBot(t)
		id := b.requests("U0LENA", "700 from employee-rewards to marketing-us")
		b.settle()
		b.decides("U0MAYA", id, "approve", "")
		replay(t, b, slacksim.ToInteractions, 10, time.Second*25)
		r, err := b.desk.Find(t.Context(), id)
		if err != nil || len(r.Votes) != 1 || r.State != treasury.StatePending {
			t.Errorf("%d votes, %s, %v", len(r.Votes), r.State, err)
		}
	})
	t.Run("a question", func(t *testing.T) {
		t.Parallel()
		b := newBot(t)
		b.types("U0LENA", "balance")
		replay(t, b, slacksim.ToCommands, 10, time.Second*25)
		if n := b.questions.len(); n != 1 {
			t.Errorf("%d questions queued", n)
		}
		b.settle()
	})
	t.Run("a form", func(t *testing.T) {
		t.Parallel()
		b := newBot(t)
		b.types("U0LENA", "transfer")
		replay(t, b, slacksim.ToCommands, 3, time.Second)
		if n := len(b.Calls("views.open")); n != 1 {
			t.Errorf("%d forms opened", n)
		}
	})
}

// replay sends the newest delivery of a route again, with some time between.
func replay(t *testing.T, b *bot, route slacksim.Route, times int, pause time.Duration) {
	t.Helper()
	d, _ := b.LastDelivery(route)
	before := b.journal()
	for i := range times {
		b.clock.Advance(pause)
		a, err := b.Replay(t.Context(), d, nil)
		if err != nil || a.Status != http.StatusOK || len(a.Body) > 0 {
			t.Errorf("replay %d: status %d %q, %v", i+1, a.Status, a.Body, err)
		}
	}
	if b.journal() != before {
		t.Error("a replay changed the journal")
	}
	// Beyond the life of a signature, and of the claim, it is not even read.
	b.clock.Advance(20 * time.Minute)
	if a, err := b.Replay(t.Context(), d, nil); err != nil || a.Status != http.StatusUnauthorized {
		t.Errorf("an old replay: status %d, %v", a.Status, err)
	}
	b.clock.Advance(-20 * time.Minute)
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
	b.settle()
	direct := b.find("U0LENA", id)
	parallel(20, func(int) {
		_, err := b.Click(t.Context(), "U0LENA", slacksim.Target{Channel: direct.Channel, TS: direct.TS, Action: "cancel"})
		if err != nil {
			t.Error(err)
		}
	})
	b.settle()
	r, err := b.desk.Find(t.Context(), id)
	if err != nil || r.State != treasury.StateCancelled || r.Step != 2 {
		t.Errorf("state %s at step %d, %v", r.State, r.Step, err)
	}
	if n := strings.Count(b.log.String(), "event=cancelled"); n != 1 {
		t.Errorf("%d cancellations recorded", n)
	}

	// The same submission, byte for byte, twenty times at once: the form is signed once, and makes one request.
	b.types("U0LENA", "transfer 20 from employee-rewards to marketing-us")
	b.sent("U0LENA", nil)
	b.sent("U0LENA", nil)
	d, _ := b.LastDelivery(slacksim.ToInteractions)
	before := b.journal()
	parallel(20, func(int) {
		if a, err := b.Replay(t.Context(), d, nil); err != nil || a.Status != http.StatusOK {
			t.Errorf("status %d, %v", a.Status, err)
		}
	})
	if b.journal() != before {
		t.Error("a submission had more than one effect")
	}
}

// The same form sent by two clicks has two signatures; the draft's id makes it one request all the same.
func TestOneFormSubmittedTwice(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.types("U0LENA", "transfer 250 from employee-rewards to marketing-us")
	b.sent("U0LENA", nil)
	b.sent("U0LENA", nil)
	d, _ := b.LastDelivery(slacksim.ToInteractions)
	b.clock.Advance(2 * time.Second)
	a, err := b.Deliver(t.Context(), slacksim.ToInteractions, d.Body, nil) // signed anew
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("%d, %v", a.Status, err)
	}
	has(t, string(a.Body), "Requested")
	b.settle()
	if n := len(b.Messages("C0APPROVE")); n != 1 {
		t.Errorf("%d requests came of one form", n)
	}
	// With another amount in the same draft it is refused: an id is one request.
	other, err := slacksim.EditPayload(d.Body, func(p map[string]any) {
		v := p["view"].(map[string]any)
		v["private_metadata"] = strings.Replace(v["private_metadata"].(string), "250", "251", 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	before := b.journal()
	a, err = b.Deliver(t.Context(), slacksim.ToInteractions, other, nil)
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("%d, %v", a.Status, err)
	}
	has(t, string(a.Body), "exists already", "no money moved")
	if b.journal() != before {
		t.Error("the second draft had an effect")
	}
}

func parallel(n int, do func(int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { do(i) })
	}
	group.Wait()
}
