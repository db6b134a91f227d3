package slack_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// TestFaults puts everything that can go wrong with the one call, and every death of the worker around it, through the
// whole bot: money moves at most once, the state says what is known, and the requester is told.
func TestFaults(t *testing.T) {
	t.Parallel()
	const (
		moved   = "the money has moved"
		doubt   = "may or may not have moved"
		nothing = "no money moved"
	)
	for _, c := range []struct {
		name  string
		fault tangosim.Fault
		kill  kill
		moved int
		state treasury.State
		told  string
	}{
		{"nothing goes wrong", tangosim.Fault{}, "", 1, treasury.StateSucceeded, moved},
		{"dropped before it is carried out", tangosim.Fault{DropBefore: true}, "", 0, treasury.StateInDoubt, doubt},
		{"dropped after it is carried out", tangosim.Fault{DropAfter: true}, "", 1, treasury.StateInDoubt, doubt},
		{"reset before", tangosim.Fault{ResetBefore: true}, "", 0, treasury.StateInDoubt, doubt},
		{"reset after, as on a reused connection", tangosim.Fault{ResetAfter: true}, "", 1, treasury.StateInDoubt, doubt},
		{"5xx before", tangosim.Fault{StatusBefore: 503, Key: "503.501"}, "", 0, treasury.StateInDoubt, doubt},
		{"5xx after", tangosim.Fault{StatusAfter: 500}, "", 1, treasury.StateInDoubt, doubt},
		{"5xx in HTML after", tangosim.Fault{StatusAfter: 502, Plain: true}, "", 1, treasury.StateInDoubt, doubt},
		{"redirect after", tangosim.Fault{StatusAfter: 307, Location: "/elsewhere"}, "", 1, treasury.StateInDoubt, doubt},
		{"garbage after", tangosim.Fault{Body: []byte("<html>")}, "", 1, treasury.StateInDoubt, doubt},
		{"half an answer", tangosim.Fault{Truncate: true}, "", 1, treasury.StateInDoubt, doubt},
		{"an endless answer", tangosim.Fault{Huge: true}, "", 1, treasury.StateInDoubt, doubt},
		{"another amount in the answer", tangosim.Fault{Echo: tangosim.EchoAmount}, "", 1, treasury.StateInDoubt, doubt},
		{"other accounts in the answer", tangosim.Fault{Echo: tangosim.EchoSwap}, "", 1, treasury.StateInDoubt, doubt},
		{"an old answer", tangosim.Fault{Echo: tangosim.EchoOld}, "", 1, treasury.StateInDoubt, doubt},
		{"carried out late", tangosim.Fault{Late: 5 * time.Minute}, "", 0, treasury.StateInDoubt, doubt},
		{"refused", tangosim.Fault{StatusBefore: 400, Key: "402.001"}, "", 0, treasury.StateFailed, nothing},
		{"a conflict", tangosim.Fault{StatusBefore: 409, Key: "409.001"}, "", 0, treasury.StateInDoubt, doubt},
		{"too many requests once", tangosim.Fault{StatusBefore: 429, Key: "429.001"}, "", 1, treasury.StateSucceeded, moved},
		{"killed before the mark", tangosim.Fault{}, beforeMark, 1, treasury.StateSucceeded, moved},
		{"killed after the mark", tangosim.Fault{}, afterMark, 0, treasury.StateInDoubt, doubt},
		{"killed after the answer", tangosim.Fault{}, afterAnswer, 1, treasury.StateInDoubt, doubt},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
			b.settle()
			b.decides("U0MAYA", id, "approve", "")
			b.settle()
			before := b.tango.Balance("employee-rewards") + b.tango.Balance("marketing-us")
			if c.name != "nothing goes wrong" && c.kill == "" {
				b.tango.Arm(c.fault)
			}
			b.clock.Advance(61 * time.Second)
			b.killed(c.kill)
			for range 4 { // whatever is left of it, over and over, with the watch between
				b.pass(5 * time.Minute)
			}
			if n := b.tango.Moved(id); n > 1 || c.fault.Late == 0 && n != c.moved {
				t.Errorf("moved %d times, want %d", n, c.moved)
			}
			if s := b.state(id); s != c.state {
				t.Errorf("state %s, want %s", s, c.state)
			}
			if after := b.tango.Balance("employee-rewards") + b.tango.Balance("marketing-us"); after != before {
				t.Errorf("together they held %d and now %d", before, after)
			}
			has(t, b.card(id).Text, c.told)
			direct := b.find("U0LENA", id)
			has(t, direct.Text, c.told)
			if len(direct.Replies) == 0 || !strings.Contains(direct.Replies[len(direct.Replies)-1].Text, c.told) {
				t.Errorf("the requester got no message of its own: %+v", direct.Replies)
			}
			if c.state == treasury.StateInDoubt {
				has(t, b.asks("U0MAYA", "requests in-doubt").Text, id)
			}
		})
	}
}

// kill is where a worker dies.
type kill string

const (
	beforeMark  kill = "before the mark"
	afterMark   kill = "after the mark"
	afterAnswer kill = "after the answer"
)

// killed runs the due money jobs with a worker that dies, as Lambda kills one: nothing of it runs on.
func (b *bot) killed(where kill) {
	b.tb.Helper()
	if where == "" {
		b.settle()
		return
	}
	whole := b.desk.Journal
	b.desk.Journal = &dying{Journal: whole, where: where}
	body, ok := b.money.take()
	if !ok {
		b.tb.Fatal("no money job is due")
	}
	func() {
		defer func() {
			if recover() == nil {
				b.tb.Errorf("the worker lived on")
			}
		}()
		_ = b.desk.ExecuteJob(until{b.tb.Context(), b.clock.Now().Add(2 * time.Minute)}, body)
	}()
	b.desk.Journal = whole
	if err := b.money.Send(b.tb.Context(), body, 12*time.Minute); err != nil { // the queue brings it back
		b.tb.Fatal(err)
	}
}

// dying is a journal whose user dies at one commit.
type dying struct {
	treasury.Journal
	where kill
}

func (d *dying) Commit(ctx context.Context, id string, writes ...treasury.Write) error {
	for _, w := range writes {
		var r struct {
			State treasury.State `json:"state"`
		}
		if !strings.HasPrefix(w.Key, "REQ#") || json.Unmarshal(w.Body, &r) != nil {
			continue
		}
		switch {
		case d.where == beforeMark && r.State == treasury.StateSending, d.where == afterAnswer && r.State == treasury.StateSucceeded:
			panic("killed")
		case d.where == afterMark && r.State == treasury.StateSending:
			if err := d.Journal.Commit(ctx, id, writes...); err != nil {
				return err
			}
			panic("killed")
		}
	}
	return d.Journal.Commit(ctx, id, writes...)
}
