package slack_test

import (
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestInDoubt(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
	b.settle()
	b.decides("U0MAYA", id, "approve", "")
	b.tango.Arm(tangosim.Fault{DropAfter: true})
	b.pass(61 * time.Second)
	if b.state(id) != treasury.StateInDoubt {
		t.Fatalf("%s; log:\n%s", b.state(id), b.log)
	}
	b.pass(time.Hour)
	if b.tango.Moved(id) != 1 {
		t.Errorf("moved %d times", b.tango.Moved(id))
	}
	card := b.card(id)
	has(t, card.Text, "In doubt: the money may or may not have moved", "answer was lost", "does not send it again by itself", id+".1", "Do not repeat it by hand")
	closed(t, card.Blocks)
	has(t, b.find("U0LENA", id).Replies[0].Text, "In doubt")
	has(t, b.asks("U0VERA", "requests in-doubt").Text, id)
	if _, err := b.OpenHome(t.Context(), "U0VERA"); err != nil {
		t.Fatal(err)
	}
	has(t, words(b.Home("U0VERA").Blocks), "In doubt", id)
}

func TestTangoSaysNo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*bot)
		says    string
	}{
		"not enough money":          {func(b *bot) { b.tango.Spend("employee-rewards", 2_440_000) }, "did not hold enough money"},
		"frozen meanwhile":          {func(b *bot) { b.tango.SetStatus("marketing-us", "FROZEN") }, "not active at Tango"},
		"refused by Tango":          {func(b *bot) { b.tango.Arm(tangosim.Fault{StatusBefore: 403, Key: "403.001"}) }, "platform is not allowed"},
		"refused, with a wrong key": {func(b *bot) { b.tango.Arm(tangosim.Fault{StatusBefore: 401, Key: "401.501"}) }, "platform name or key is wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
			b.settle()
			b.decides("U0MAYA", id, "approve", "")
			c.prepare(b)
			b.pass(61 * time.Second)
			if b.state(id) != treasury.StateFailed || b.tango.Moved(id) != 0 {
				t.Fatalf("%s, moved %d times", b.state(id), b.tango.Moved(id))
			}
			has(t, b.card(id).Text, "Not done, no money moved", c.says)
			closed(t, b.card(id).Blocks)
			has(t, b.find("U0LENA", id).Replies[0].Text, "Not done, no money moved", c.says)
		})
	}
}

func TestRemindersAndExpiry(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	id := b.requests("U0LENA", "700 from employee-rewards to marketing-us")
	b.settle()
	b.pass(3 * time.Hour)
	if n := len(b.card(id).Replies); n != 0 {
		t.Errorf("%d reminders after three hours", n)
	}
	b.pass(time.Hour)
	b.pass(time.Minute)
	if n := len(b.card(id).Replies); n != 1 {
		t.Fatalf("%d reminders after four hours", n)
	}
	has(t, b.card(id).Replies[0].Text, "Reminder", id, "700.00 USD", "2 approvals", "finance")
	b.decides("U0RAVI", id, "approve", "")
	b.settle()
	b.pass(4 * time.Hour)
	has(t, b.card(id).Replies[1].Text, "1 approval from")
	b.pass(16 * time.Hour)
	if b.state(id) != treasury.StateExpired {
		t.Fatal(b.state(id))
	}
	has(t, b.card(id).Text, "Expired, no money moved", "not enough approvals in time")
	closed(t, b.card(id).Blocks)
	has(t, b.find("U0LENA", id).Replies[0].Text, "Expired")
	if n := len(b.Messages("C0APPROVE")); n != 1 {
		t.Errorf("%d messages in the channel for one request", n)
	}
}

func TestMessagesAreRepaired(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{"message_not_found", "cant_update_message", "edit_window_closed"} {
		t.Run(gone, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			id := b.requests("U0LENA", "700 from employee-rewards to marketing-us")
			b.settle()
			b.Inject(slacksim.Fault{Method: "chat.update", Error: gone})
			b.decides("U0MAYA", id, "approve", "")
			b.settle()
			list := b.Messages("C0APPROVE")
			if len(list) != 2 {
				t.Fatalf("%d cards", len(list))
			}
			has(t, list[1].Text, "Approvals: 1 of 2", id)
			b.decides("U0RAVI", id, "approve", "")
			b.settle()
			has(t, b.Messages("C0APPROVE")[1].Text, "Approved, not sent yet") // the new one goes on
		})
	}
	for name, f := range map[string]slacksim.Fault{
		"an update that fails": {Method: "chat.update", Status: 503},
		"an update cut off":    {Method: "chat.update", Drop: true, Applied: true},
		"an update limited":    {Method: "chat.update", Status: 429, RetryAfter: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			id := b.requests("U0LENA", "700 from employee-rewards to marketing-us")
			b.settle()
			b.Inject(f)
			b.decides("U0MAYA", id, "approve", "")
			if failed := b.drain(); len(failed) == 0 {
				t.Fatal("the job did not fail")
			}
			b.clock.Advance(10 * time.Second)
			b.settle()
			has(t, b.card(id).Text, "Approvals: 1 of 2")
			if n := len(b.Messages("C0APPROVE")); n != 1 {
				t.Errorf("%d cards", n)
			}
		})
	}
	t.Run("an outcome is told once", func(t *testing.T) {
		t.Parallel()
		b := newBot(t)
		id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
		b.settle()
		b.Inject(slacksim.Fault{Method: "chat.update", Status: 503}) // of the card; all else is told
		b.presses("U0LENA", b.find("U0LENA", id), "cancel")
		if failed := b.drain(); len(failed) != 1 {
			t.Fatalf("%v", failed)
		}
		b.clock.Advance(10 * time.Second)
		b.settle()
		has(t, b.card(id).Text, "Cancelled, no money moved")
		if n := len(b.find("U0LENA", id).Replies); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
	t.Run("a job that is lost", func(t *testing.T) {
		t.Parallel()
		b := newBot(t)
		id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
		b.questions.list = nil
		b.pass(time.Minute)
		has(t, b.card(id).Text, "Waiting for approval")
		b.decides("U0MAYA", id, "approve", "")
		b.questions.list, b.money.list = nil, nil
		b.pass(2 * time.Minute)
		if b.state(id) != treasury.StateSucceeded || b.tango.Moved(id) != 1 {
			t.Errorf("%s, moved %d times", b.state(id), b.tango.Moved(id))
		}
		has(t, b.card(id).Text, "Done, the money has moved")
	})
}

func TestTheBotIsNotInTheChannel(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	channel := slacksim.Channel{ID: "C0APPROVE", Name: "tango-approvals", Members: []string{"U0MAYA", "U0RAVI", "U0LENA"}}
	b.PutChannel(channel)
	id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
	if failed := b.drain(); len(failed) == 0 {
		t.Error("the job did not fail")
	}
	has(t, b.log.String(), "not in the channel", "/invite", "C0APPROVE")
	// The requester has their own message, and the approver finds it at home.
	has(t, b.find("U0LENA", id).Text, "Waiting for approval")
	if _, err := b.OpenHome(t.Context(), "U0MAYA"); err != nil {
		t.Fatal(err)
	}
	has(t, words(b.Home("U0MAYA").Blocks), "Waiting for you", id)
	// Once it is invited, the card comes by itself, once, and nothing is told twice.
	channel.Members = append(channel.Members, "U0TANGO")
	b.PutChannel(channel)
	b.questions.list = nil // the job lies with the dead letters
	b.pass(time.Minute)
	b.pass(time.Minute)
	has(t, b.card(id).Text, "Waiting for approval")
	if n := len(b.Messages("C0APPROVE")); n != 1 {
		t.Errorf("%d cards", n)
	}
	if n := len(b.Messages("U0LENA")); n != 1 {
		t.Errorf("%d direct messages", n)
	}
}
