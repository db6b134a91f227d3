package slack_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// inDoubt makes a transfer whose answer is lost. Afterwards somebody else spends so many cents from the source.
func inDoubt(t *testing.T, fault tangosim.Fault, spent int64, change ...func(*options)) (*bot, string) {
	t.Helper()
	b := newBot(t, change...)
	for range 2 { // balances that were compared before are evidence
		b.asks("U0VERA", "balance employee-rewards marketing-us")
	}
	id := b.requests("U0LENA", "700 from employee-rewards to marketing-us")
	b.settle()
	b.decides("U0MAYA", id, "approve", "")
	b.decides("U0RAVI", id, "approve", "")
	b.settle()
	b.tango.Arm(fault)
	b.pass(61 * time.Second)
	b.ended(id, treasury.StateInDoubt, "In doubt: the money may or may not have moved", "Evidence: being gathered")
	closed(t, b.card(id).Blocks)
	if spent != 0 {
		b.tango.Spend("employee-rewards", spent)
	}
	return b, id
}

// looks lets Tangobot look at Tango until it has its evidence.
func (b *bot) looks() {
	b.tb.Helper()
	b.pass(18 * time.Minute)
	b.pass(2 * time.Minute)
}

func TestEvidenceDecides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault tangosim.Fault
		moved int
		state treasury.State
		says  []string
	}{
		"that it was carried out":     {tangosim.Fault{DropAfter: true}, 1, treasury.StateSucceeded, []string{"Done, the money has moved", "carried out after all", "lost exactly the amount"}},
		"that it was not carried out": {tangosim.Fault{DropBefore: true}, 0, treasury.StateFailed, []string{"Not done, no money moved", "Neither balance has changed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, id := inDoubt(t, c.fault, 0)
			b.looks()
			b.ended(id, c.state, c.says...)
			if b.tango.Moved(id) != c.moved {
				t.Errorf("moved %d times", b.tango.Moved(id))
			}
			closed(t, b.card(id).Blocks)
			has(t, b.asks("U0VERA", "requests "+id).Text, "Evidence was gathered")
		})
	}
}

// testifies has a person fill in the form that closes a doubt, and gives what they are told.
func (b *bot) testifies(person, id, finding, seen string) string {
	b.tb.Helper()
	b.presses(person, b.card(id), "testify")
	if b.top(person).Submit != nil {
		b.sent(person, slacksim.Values{"finding": {"value": slacksim.Chosen(finding)}, "seen": {"value": slacksim.Typed(seen)}})
	}
	said := b.told(person)
	b.closes(person)
	b.settle()
	return said
}

func TestTwoPeopleCloseADoubt(t *testing.T) {
	t.Parallel()
	for finding, c := range map[string]struct {
		state treasury.State
		says  string
	}{
		"executed":     {treasury.StateSucceeded, "Done, the money has moved"},
		"not_executed": {treasury.StateFailed, "Not done, no money moved"},
	} {
		t.Run(finding, func(t *testing.T) {
			t.Parallel()
			b, id := inDoubt(t, tangosim.Fault{DropAfter: true}, 12_345)
			b.looks()
			has(t, b.card(id).Text, "In doubt", "Evidence: open, people must decide", "fits neither", "24,500.00 USD before the send")
			if strings.Contains(string(b.card(id).Blocks), `"resend"`) {
				t.Error("sending again is offered without references: unique")
			}
			const seen = "Portal, transfers, line 3: <b>7:00</b>"
			has(t, b.testifies("U0LENA", id, finding, seen), "You made this request")
			has(t, b.testifies("U0VERA", id, finding, seen), "may not decide")
			has(t, b.testifies("U0MAYA", id, finding, seen), "Recorded", "Another person must say the same")
			if b.state(id) != treasury.StateInDoubt {
				t.Fatal("one person closed it")
			}
			has(t, b.card(id).Text, "<@U0MAYA> says", "Portal, transfers, line 3: &lt;b&gt;")
			has(t, b.testifies("U0MAYA", id, finding, seen), "You have said that already")
			opposite := map[string]string{"executed": "not_executed", "not_executed": "executed"}[finding]
			has(t, b.testifies("U0RAVI", id, opposite, "I see no such line"), "<@U0MAYA> says the opposite", "with the same button")
			if b.state(id) != treasury.StateInDoubt {
				t.Fatal("two who disagree closed it")
			}
			has(t, b.testifies("U0RAVI", id, finding, "The bank's statement says so"), "Two people agree", c.says)
			b.ended(id, c.state, c.says, "Two people looked and agreed", "<@U0MAYA>", "<@U0RAVI>")
			closed(t, b.card(id).Blocks)
			if b.tango.Moved(id) != 1 {
				t.Errorf("moved %d times", b.tango.Moved(id))
			}
		})
	}
}

// Two exact changes that fit each other prove a transfer on accounts that were never watched. On accounts that others were
// seen to move they prove nothing, but the people who decide are told what they fit.
func TestWhatTwoExactChangesProve(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]bool{"nobody else was seen": false, "others move both": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			if others {
				b.asks("U0LENA", "balance employee-rewards marketing-us")
				b.tango.Spend("employee-rewards", 100)
				b.tango.Spend("marketing-us", 100)
				b.asks("U0LENA", "balance employee-rewards marketing-us")
			}
			id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
			b.settle()
			b.decides("U0MAYA", id, "approve", "")
			b.tango.Arm(tangosim.Fault{DropAfter: true})
			b.pass(61 * time.Second)
			b.looks()
			if !others {
				has(t, b.card(id).Text, "Done, the money has moved", "The source lost exactly the amount and the target got it")
				return
			}
			has(t, b.card(id).Text, "In doubt", "people must decide", "Both balances changed by exactly 250.00 USD", "fits that it was carried out", "no proof",
				"not certain that Tangobot alone moves money on employee-rewards or marketing-us")
		})
	}
}

func TestAWordNeedsWhatWasSeen(t *testing.T) {
	t.Parallel()
	b, id := inDoubt(t, tangosim.Fault{DropAfter: true}, 12_345)
	b.looks()
	b.presses("U0MAYA", b.card(id), "testify")
	has(t, b.told("U0MAYA"), "Close a doubt", "Transfer 700.00 USD", "Two different people must say the same")
	for text, says := range map[string]string{"            ": "Say what you saw", "card 4111 1111 1111 1111": "looks like a card's number"} {
		r := b.sent("U0MAYA", slacksim.Values{"finding": {"value": slacksim.Chosen("executed")}, "seen": {"value": slacksim.Typed(text)}})
		if r.Outcome != slacksim.Refused {
			t.Fatalf("%q: %s", text, r.Outcome)
		}
		has(t, r.Errors["seen"], says)
	}
	b.nowhere("4111 1111")
}

func TestADoubtIsAskedAboutDaily(t *testing.T) {
	t.Parallel()
	b, id := inDoubt(t, tangosim.Fault{DropAfter: true}, 12_345)
	b.looks()
	n := len(b.card(id).Replies)
	for day := 1; day <= 3; day++ {
		b.pass(12 * time.Hour)
		b.pass(12 * time.Hour)
		b.pass(time.Minute)
		if got := len(b.card(id).Replies) - n; got != day {
			t.Fatalf("asked %d times after %d days", got, day)
		}
	}
	last := b.card(id).Replies[len(b.card(id).Replies)-1].Text
	has(t, last, id, "in doubt for 3 days", "Two approvers must look")
}

func TestItIsSentAgainWithTheSameReference(t *testing.T) {
	t.Parallel()
	unique := func(o *options) { o.policy = strings.Replace(o.policy, "references: attach", "references: unique", 1) }
	for name, c := range map[string]struct {
		fault tangosim.Fault
		says  string
	}{
		"a conflict proves the first":   {tangosim.Fault{DropAfter: true}, "carried out after all"},
		"a success is the one movement": {tangosim.Fault{DropBefore: true}, "now holds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, id := inDoubt(t, c.fault, 12_345, unique)
			b.looks()
			resend := func(person string) string {
				b.presses(person, b.card(id), "resend")
				if b.top(person).Submit != nil {
					has(t, b.told(person), "Tango takes the reference", "2 people must approve it")
					b.sent(person, nil)
				}
				said := b.told(person)
				b.closes(person)
				b.settle()
				return said
			}
			has(t, resend("U0LENA"), "You made this request")
			has(t, resend("U0MAYA"), "still needs 1 approval")
			has(t, resend("U0MAYA"), "already decided")
			if n := b.tango.Requests()["POST /transferFunds"]; n != 1 {
				t.Fatalf("%d sends after one approval", n)
			}
			has(t, resend("U0RAVI"), "sent once more, with the same reference")
			b.pass(time.Minute)
			b.ended(id, treasury.StateSucceeded, "Done, the money has moved", c.says)
			if b.tango.Moved(id) != 1 || b.tango.Requests()["POST /transferFunds"] != 2 {
				t.Errorf("moved %d times in %v", b.tango.Moved(id), b.tango.Requests())
			}
			closed(t, b.card(id).Blocks)
		})
	}
}

func TestStopAndResume(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
	b.settle()
	b.decides("U0MAYA", id, "approve", "")
	b.settle()
	has(t, b.types("U0VERA", "stop"), "You may not stop or resume sending")
	has(t, b.types("U0MAYA", "stop looking into a <doubt>"), "Sending is stopped", "<@U0MAYA>", "looking into a &lt;doubt&gt;", "not undone", "`/tango resume`")
	alert := func() string {
		list := b.Messages("C0ALERTS")
		return list[len(list)-1].Text
	}
	has(t, alert(), "Sending is stopped", "<@U0MAYA>", "looking into a &lt;doubt&gt;")
	if _, err := b.OpenHome(t.Context(), "U0VERA"); err != nil {
		t.Fatal(err)
	}
	has(t, words(b.Home("U0VERA").Blocks), "Sending is stopped", "looking into a &lt;doubt&gt;")
	for range 3 {
		b.pass(5 * time.Minute)
	}
	if b.state(id) != treasury.StateApproved || b.tango.Moved(id) != 0 {
		t.Fatalf("%s, moved %d times while sending was stopped", b.state(id), b.tango.Moved(id))
	}
	for _, m := range []string{b.card(id).Text, b.find("U0LENA", id).Text} {
		has(t, m, "It waits:", "sending is stopped by <@U0MAYA>", "looking into a &lt;doubt&gt;", "can stop it")
	}
	b.types("U0LENA", "transfer 60 from employee-rewards to marketing-us")
	b.sent("U0LENA", nil)
	has(t, b.told("U0LENA"), "Check your request", "Once approved, it will wait:", "sending is stopped by <@U0MAYA>")
	b.closes("U0LENA")
	has(t, b.types("U0VERA", "resume"), "You may not stop or resume sending")
	has(t, b.types("U0MAYA", "stop twice"), "It was so already", "looking into a &lt;doubt&gt;")
	has(t, b.types("U0RAVI", "resume"), "Sending is on")
	has(t, alert(), "Sending goes on", "<@U0RAVI>", "<@U0MAYA>")
	b.pass(time.Minute)
	b.ended(id, treasury.StateSucceeded, "Done, the money has moved")
	if b.tango.Moved(id) != 1 {
		t.Errorf("moved %d times", b.tango.Moved(id))
	}
}

// TestTwiceTheAmount: an intermediary carried the one call out twice. Nothing more moves on the accounts until people have
// looked and freed them.
func TestTwiceTheAmount(t *testing.T) {
	t.Parallel()
	b, id := inDoubt(t, tangosim.Fault{Twice: true, DropAfter: true}, 0)
	b.looks()
	has(t, b.card(id).Text, "In doubt", "Twice the amount has moved", "23,100.00 USD")
	has(t, b.find("U0LENA", id).Text, "In doubt", "Twice the amount has moved")
	const seen = "Portal: two lines of 700.00"
	has(t, b.testifies("U0MAYA", id, "executed", seen), "Another person must say the same")
	has(t, b.testifies("U0RAVI", id, "executed", seen), "Two people agree")
	b.ended(id, treasury.StateSucceeded, "Done, the money has moved", "Twice the amount has moved")

	next := b.requests("U0LENA", "250 from employee-rewards to referral-program")
	b.settle()
	b.decides("U0MAYA", next, "approve", "")
	for range 3 {
		b.pass(5 * time.Minute)
	}
	if b.state(next) != treasury.StateApproved || b.tango.Moved(next) != 0 {
		t.Fatalf("%s, moved %d times on a frozen account", b.state(next), b.tango.Moved(next))
	}
	has(t, b.card(next).Text, "It waits:", "`employee-rewards` is frozen, because of request `"+id+"`")
	has(t, b.asks("U0VERA", "requests "+next).Text, "It waits:", "`employee-rewards` is frozen")
	has(t, b.asks("U0VERA", "account employee-rewards").Text, "Requests on it wait:", "`employee-rewards` is frozen")
	has(t, b.types("U0VERA", "resume employee-rewards"), "You may not stop or resume sending")
	has(t, b.types("U0MAYA", "resume nowhere-at-all"), "nowhere-at-all")
	has(t, b.types("U0MAYA", "resume employee-rewards"), "The freeze of `employee-rewards` is lifted")
	b.pass(time.Minute)
	b.ended(next, treasury.StateSucceeded, "Done, the money has moved")
}
