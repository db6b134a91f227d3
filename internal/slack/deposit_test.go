package slack_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

const demoAmex = "0b1d6c1e-3f52-4a9e-9a37-5d0c4f7e1a02"

var depositIDs = regexp.MustCompile(`RAD-\d{6}-\d{4}`)

func encoded(tb testing.TB, v any) []byte {
	tb.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

// TestADepositThatArrivesTwice: whoever made the request is told, once, and its card says so; so does the account, until
// somebody lifts the freeze.
func TestADepositThatArrivesTwice(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.asks("U0LENA", "balance marketing-us")
	b.tango.Arm(tangosim.Fault{On: "POST /creditCardDeposits", Twice: true})
	b.checks("U0LENA", "deposit 100 to marketing-us")
	id := b.makes("U0LENA")
	b.approves(id)
	for range 3 {
		b.pass(time.Minute)
	}
	const twice = "Its money seems to have moved twice"
	has(t, b.card(id).Text, "Done, the money has moved", twice, "Do not repeat it or undo it by hand")
	has(t, b.asks("U0VERA", "requests "+id).Text, twice)
	has(t, b.outcome(id), twice)
	warned := 0
	for _, c := range b.Calls("chat.postMessage") {
		if text, ok := c.Args["text"].(string); ok && strings.HasPrefix(text, "⚠️ Request `"+id+"`") {
			warned++
		}
	}
	if warned != 1 {
		t.Errorf("the requester was warned %d times", warned)
	}
	has(t, b.types("U0MAYA", "resume sales-spiffs"), "Tangobot had not frozen `sales-spiffs`. Nothing was changed")
	has(t, b.types("U0MAYA", "resume marketing-us"), "The freeze of `marketing-us` is lifted", "goes on within a minute or two")
	b.pass(time.Minute)
	alerts := b.Messages("C0ALERTS")
	has(t, alerts[len(alerts)-1].Text, "Account free again", "<@U0MAYA> lifted the freeze", "Twice the amount of request `"+id+"`")
	has(t, b.card(id).Text, twice) // it did
}

func TestADepositArrives(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	said := b.checks("U0LENA", "deposit 100 to marketing-us")
	has(t, said, "Check your request", "*Deposit 100.00 USD*", "to Marketing US `marketing-us`", "Marketing Amex, ending in `0005`, expires 2030-06",
		"about 3.50 USD (3.5 %, as Tango publishes it)", "Charged to the card", "about 103.50 USD", "8,225.50 USD", "2 approvals from finance",
		"The fee is an estimate")
	id := b.makes("U0LENA")
	has(t, b.card(id).Text, "Waiting for approval", "Deposit 100.00 USD", "`0005`", "marketing-us")
	b.approves(id)
	b.ended(id, treasury.StateSucceeded, "Done, the money has moved", "received *100.00 USD*", "The card was charged 103.50 USD, Tango's fee of 3.5 % included")
	if b.tango.Moved(id) != 1 || b.tango.Balance("marketing-us") != 822_550 {
		t.Errorf("moved %d times, the account holds %d", b.tango.Moved(id), b.tango.Balance("marketing-us"))
	}
	deposit := depositIDs.FindString(b.card(id).Text)
	has(t, b.asks("U0VERA", "deposit "+deposit).Text, deposit, "arrived", "100.00", "103.50", "3.5 %")
	has(t, b.asks("U0VERA", "deposit RAD-200101-9999").Text, "Tango knows no deposit `RAD-200101-9999`")
	// The next estimate is the fee that Tango last told.
	has(t, b.checks("U0LENA", "deposit 200 to marketing-us"), "about 7.00 USD (3.5 %, the fee of the last deposit")
}

func TestTheCardsOfTheChosenAccountAreOffered(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.types("U0LENA", "deposit 50")
	at := slacksim.Target{View: b.top("U0LENA").ID, Block: "card", Action: "value"}
	if r, err := b.OpenOptions(t.Context(), "U0LENA", at, ""); err != nil || len(r.Options) != 0 {
		t.Errorf("without an account: %v %v", r.Options, err)
	}
	b.fills("U0LENA", looked("account", "employee", "employee-rewards"))
	r, err := b.OpenOptions(t.Context(), "U0LENA", at, "")
	if err != nil || len(r.Options) != 1 || r.Options[0].Text.Text != "Corporate Visa …1111, 2031-12" {
		t.Fatalf("%+v %v, want the card that has not expired alone", r.Options, err)
	}
	if r, err := b.OpenOptions(t.Context(), "U0LENA", at, "amex"); err != nil || len(r.Options) != 0 {
		t.Errorf("another account's card is offered: %v %v", r.Options, err)
	}
	// A card of an account that was chosen before, and is not the account's any more, is refused on its field.
	b.fills("U0LENA", looked("card", "visa", r.Options[0].Value), looked("account", "marketing us", "marketing-us"))
	if s := b.sent("U0LENA", nil); s.Outcome != slacksim.Refused {
		t.Errorf("%s %v", s.Outcome, s.Errors)
	} else {
		has(t, s.Errors["card"], "not registered on the account")
	}
	b.fills("U0LENA", looked("card", "amex", demoAmex))
	if s := b.sent("U0LENA", nil); s.Outcome != slacksim.Pushed {
		t.Errorf("%s %v", s.Outcome, s.Errors)
	}
}

func TestTheOnlyUsableCardIsChosenAlready(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	for _, command := range []string{"deposit 50 to employee-rewards", "card remove marketing-us"} {
		b.types("U0LENA", command)
		if b.top("U0LENA").Inputs.Values["card"]["value"].SelectedOption == nil {
			t.Errorf("/tango %s chooses no card", command)
		}
		b.closes("U0LENA")
	}
	b.types("U0LENA", "card remove employee-rewards") // two, one of them expired: both can be removed
	if o := b.top("U0LENA").Inputs.Values["card"]["value"].SelectedOption; o != nil {
		t.Errorf("%s is chosen to be removed", o.Text.Text)
	}
}

func TestADepositSettles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		amount string
		state  treasury.State
		says   []string
		moved  int
	}{
		"and arrives":     {"5.55", treasury.StateSucceeded, []string{"Done, the money has moved", "received *5.55 USD*"}, 1},
		"and is declined": {"6.55", treasury.StateDeclined, []string{"Declined, no money moved", "The card was not charged"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			b.checks("U0LENA", "deposit "+c.amount+" to marketing-us")
			id := b.makes("U0LENA")
			b.approves(id)
			b.ended(id, treasury.StateSettling, "Accepted by Tango, not settled yet", "up to three business days", "not charged yet")
			deposit := depositIDs.FindString(b.card(id).Text)
			has(t, b.asks("U0VERA", "deposit "+deposit).Text, "accepted by Tango, not settled yet")
			for range 6 {
				b.pass(10 * time.Minute)
			}
			b.ended(id, c.state, c.says...)
			if b.tango.Moved(id) != c.moved || len(b.tango.Deposits()) != 1 {
				t.Errorf("moved %d times, %d deposits", b.tango.Moved(id), len(b.tango.Deposits()))
			}
			if n := len(b.find("U0LENA", id).Replies); n != 2 {
				t.Errorf("the requester was told %d times, want the settling and the end", n)
			}
			closed(t, b.card(id).Blocks)
		})
	}
}

func TestADepositThatIsNotTaken(t *testing.T) {
	t.Parallel()
	said := map[string]string{}
	for _, c := range []struct {
		name, amount string
		fault        tangosim.Fault
		state        treasury.State
		says         string
	}{
		{"declined at once", "7.55", tangosim.Fault{}, treasury.StateDeclined, "declined the deposit"},
		{"402.051", "10", tangosim.Fault{StatusBefore: 402, Key: "402.051"}, treasury.StateFailed, "the bank did not authorise the card"},
		{"403.006", "10", tangosim.Fault{StatusBefore: 403, Key: "403.006"}, treasury.StateFailed, "may not be registered on this account"},
		{"403.016", "10", tangosim.Fault{StatusBefore: 403, Key: "403.016"}, treasury.StateFailed, "its fraud check stopped this"},
		{"422.052", "0.50", tangosim.Fault{}, treasury.StateFailed, "outside the range that this account may be funded with"},
		{"429.003", "10", tangosim.Fault{StatusBefore: 429, Key: "429.003"}, treasury.StateFailed, "still in its registration period"},
		{"429.004", "10", tangosim.Fault{StatusBefore: 429, Key: "429.004"}, treasury.StateFailed, "this amount cannot be processed"},
	} {
		if said[c.says] != "" {
			t.Errorf("%s and %s are told in the same words", c.name, said[c.says])
		}
		said[c.says] = c.name
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			b.checks("U0LENA", "deposit "+c.amount+" to marketing-us")
			id := b.makes("U0LENA")
			if c.fault.StatusBefore != 0 {
				c.fault.On = onDeposit
				b.tango.Arm(c.fault)
			}
			b.approves(id)
			b.ended(id, c.state, "no money moved", c.says)
			if b.tango.Moved(id) != 0 || b.tango.Armed() != 0 {
				t.Errorf("moved %d times, %d faults left", b.tango.Moved(id), b.tango.Armed())
			}
			closed(t, b.card(id).Blocks)
		})
	}
}
