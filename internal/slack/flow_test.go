package slack_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

func TestOneApprovalMovesTheMoney(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	id := b.requests("U0LENA", "250 from employee-rewards to marketing-us spring event")
	b.settle()
	card := b.card(id)
	has(t, card.Text, "Waiting for approval", "250.00 USD", "employee-rewards", "marketing-us", "<@U0LENA>", "spring event", "1 approval from finance")
	has(t, b.find("U0LENA", id).Text, "Waiting for approval", id)
	if said := b.decides("U0MAYA", id, "approve", ""); !strings.Contains(said, "no more are needed") {
		t.Errorf("Maya was told %q", said)
	}
	b.settle()
	has(t, b.card(id).Text, "Approved, not sent yet", "<@U0MAYA> approved")
	if b.tango.Moved(id) != 0 {
		t.Fatal("money moved within the undo window")
	}
	b.clock.Advance(61 * time.Second)
	b.settle()
	if b.state(id) != treasury.StateSucceeded || b.tango.Moved(id) != 1 {
		t.Fatalf("state %s, moved %d times; log:\n%s", b.state(id), b.tango.Moved(id), b.log)
	}
	card = b.card(id)
	has(t, card.Text, "Done, the money has moved", "24,250.00 USD", "8,375.50 USD", "<@U0MAYA> approved")
	closed(t, card.Blocks)
	direct := b.find("U0LENA", id)
	has(t, direct.Text, "Done, the money has moved")
	closed(t, direct.Blocks)
	if len(direct.Replies) != 1 {
		t.Fatalf("the requester got %d messages about the outcome", len(direct.Replies))
	}
	has(t, direct.Replies[0].Text, "Done, the money has moved", "24,250.00 USD", "8,375.50 USD", id)
	if n := len(b.Messages("C0APPROVE")); n != 1 {
		t.Errorf("%d messages in the channel for one request", n)
	}
}

// closed fails when a message of a request that has ended offers anything to press.
func closed(tb testing.TB, blocks json.RawMessage) {
	tb.Helper()
	if strings.Contains(string(blocks), `"button"`) {
		tb.Errorf("a closed request offers a button: %s", blocks)
	}
}
