package slack_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

const (
	onDeposit    = "POST /creditCardDeposits"
	onRegister   = "POST /creditCards"
	onUnregister = "POST /creditCardUnregisters"
	onAccount    = "POST /customers/{c}/accounts"
	onEdit       = "PATCH /customers/{c}/accounts/{a}"
	onCustomer   = "POST /customers"
)

const cardPage = "https://tangobot.example/cards/"

// cardNumber passes the check of card numbers, and belongs to nobody.
const cardNumber = "4111111111111111"

var cardLink = regexp.MustCompile(`<https://tangobot\.example/cards/([^|>]+)\|open the card page>`)

// link gives the secret part of the newest link that a person was told.
func (b *bot) link(person string) string {
	b.tb.Helper()
	for _, message := range slices.Backward(b.Messages(person)) {
		if m := cardLink.FindStringSubmatch(message.Text); m != nil {
			return m[1]
		}
	}
	b.tb.Fatalf("%s has no link; log:\n%s", person, b.log)
	return ""
}

// registers types a card on the card page.
func (b *bot) registers(link, number string) (treasury.Request, error) {
	b.tb.Helper()
	s := treasury.NewSecret
	card := treasury.CardDetails{
		Number: s(number), Code: s("739"), Expires: "2031-12", Billing: treasury.BillingAddress{
			FirstName: s("Ada"), LastName: s("Holder"), Line1: s("1 Main Street"), City: s("Seattle"), State: s("WA"), PostalCode: s("98101"),
			Country: s("US"), Email: s("ada@acme.example"),
		},
	}
	ctx := until{b.tb.Context(), b.clock.Now().Add(2 * time.Minute)}
	return b.desk.Register(ctx, link, card, "192.0.2.7")
}

// awaitingCard asks for a card registration and has it approved, up to the link.
func awaitingCard(t *testing.T) (*bot, string) {
	t.Helper()
	b := newBot(t)
	b.edge.CardPage = cardPage
	said := b.checks("U0LENA", "card register marketing-us", typed("label", "Marketing Visa"),
		typed("contacts", "Ada Holder <ada@acme.example>\nBo Keeper <bo@acme.example>"))
	has(t, said, "*Register a card*", "for Marketing US `marketing-us`", "label Marketing Visa", "receipts also to Ada Holder, ada@acme.example",
		"receipts also to Bo Keeper, bo@acme.example", "2 approvals from finance")
	lacks(t, said, "Balance after", "Balances are read again")
	id := b.makes("U0LENA")
	b.decides("U0MAYA", id, "approve", "")
	has(t, b.decides("U0RAVI", id, "approve", ""), "<@U0LENA> gets a link to the card page")
	b.settle()
	b.pass(61 * time.Second)
	return b, id
}

func TestACardIsRegisteredByALink(t *testing.T) {
	t.Parallel()
	b, id := awaitingCard(t)
	has(t, b.card(id).Text, "Approved, waiting for the card to be entered", "good once until", "never in Slack")
	link := b.link("U0LENA")
	told := b.Messages("U0LENA")
	has(t, told[len(told)-1].Text, "for Marketing US `marketing-us` on Tangobot's own page, not here", "yours alone, works once, and ends", "Do not pass it on")
	for _, place := range []string{"C0APPROVE", "C0ALERTS", "U0MAYA", "U0RAVI"} {
		for _, m := range b.Messages(place) {
			lacks(t, m.Text+words(m.Blocks), link, "tangobot.example")
		}
	}
	if _, err := b.desk.Invited(t.Context(), link); err != nil {
		t.Fatal(err)
	}
	if r, err := b.registers(link, cardNumber); err != nil || r.State != treasury.StateSucceeded {
		t.Fatalf("%s %v; log:\n%s", r.State, err, b.log)
	}
	b.settle()
	b.ended(id, treasury.StateSucceeded, "Done", "The card Marketing Visa, ending in `1111`, expires 2031-12 is registered")
	lacks(t, b.card(id).Text, "money")
	b.presses("U0LENA", b.find("U0LENA", id), "deposit_to")
	has(t, b.told("U0LENA"), "Request a deposit", "Account to fund")
	if v := b.top("U0LENA").Inputs.Values["account"]["value"].SelectedOption; v == nil || v.Value != "marketing-us" {
		t.Errorf("the account of the card is not chosen: %+v", v)
	}
	b.closes("U0LENA")
	b.nowhere(cardNumber)
	b.unkept(strings.Split(link, ".")[1])
}

func TestANewLinkEndsTheOldOne(t *testing.T) {
	t.Parallel()
	b, id := awaitingCard(t)
	old := b.link("U0LENA")
	b.presses("U0LENA", b.find("U0LENA", id), "card_link")
	b.settle()
	link := b.link("U0LENA")
	if link == old {
		t.Fatal("no new link was sent")
	}
	if _, err := b.desk.Invited(t.Context(), old); err == nil {
		t.Error("the old link still works")
	}
	b.pass(16 * time.Minute)
	if _, err := b.desk.Invited(t.Context(), link); err == nil {
		t.Error("a link works after its time")
	}
	b.presses("U0LENA", b.find("U0LENA", id), "card_link")
	b.settle()
	// What Tango refuses is told, and can be corrected with the same request.
	b.tango.Arm(tangosim.Fault{On: onRegister, StatusBefore: 402, Key: "402.051"})
	if r, err := b.registers(b.link("U0LENA"), cardNumber); err != nil || r.State != treasury.StateApproved {
		t.Fatalf("%s %v", r.State, err)
	}
	b.pass(time.Second)
	has(t, b.card(id).Text, "waiting for the card to be entered", "the bank did not authorise the card", "can be corrected on the page")
	b.presses("U0LENA", b.find("U0LENA", id), "stop")
	b.settle()
	b.ended(id, treasury.StateCancelled, "Cancelled, nothing was changed", "stopped before anything was sent")
	if _, err := b.registers(b.link("U0LENA"), cardNumber); err == nil {
		t.Error("a stopped request takes a card")
	}
}

func TestACardIsRemoved(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	has(t, b.checks("U0LENA", "card remove marketing-us"), "*Remove a card*", "the card Marketing Amex, ending in `0005`", "of Marketing US `marketing-us`")
	id := b.makes("U0LENA")
	b.approves(id)
	b.ended(id, treasury.StateSucceeded, "Done", "Marketing Amex, ending in `0005`, expires 2030-06 is removed", "must be registered again")
	lacks(t, b.asks("U0VERA", "cards").Text, "Marketing Amex")
	has(t, b.asks("U0VERA", "cards all").Text, "Marketing Amex", "deleted")
}

func TestCardsList(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	const visa, amex, old, gone = "Corporate Visa", "Marketing Amex", "Old Mastercard", "Gone Visa"
	b.tango.AddCard(tangosim.Card{Account: "europe-rewards", Label: gone, LastFour: "4242", Expires: "2031-01", Status: "DELETED"})
	for typed, want := range map[string][]string{
		"cards":                                  {visa, amex, old},
		"cards employee-rewards":                 {visa, old},
		"cards all":                              {visa, amex, old, gone},
		"cards europe-rewards all":               {gone},
		"cards status:deleted all":               {gone},
		"cards status:active":                    {visa, amex, old},
		"cards customer:acme-rewards":            {visa, amex, old},
		"cards customer:acme-europe":             {},
		"cards number:a10000001":                 {visa, old},
		"cards token:" + demoAmex:                {amex},
		"cards expires:2025-01":                  {old},
		"cards label:“Corporate Visa”":           {visa},
		"cards last:1111":                        {visa},
		"cards email:finance@acme.example":       {visa, amex, old},
		"cards email:nobody@acme.example":        {},
		"cards name:\"Finance Team\"":            {visa, amex, old},
		"cards employee-rewards expires:2031-12": {visa},
	} {
		t.Run(typed, func(t *testing.T) {
			b.tb = t
			text := b.asks("U0VERA", typed).Text
			for _, label := range []string{visa, amex, old, gone} {
				wanted := false
				for _, w := range want {
					wanted = wanted || w == label
				}
				if strings.Contains(text, label) != wanted {
					t.Errorf("%s: shown %v, want %v:\n%s", label, !wanted, wanted, text)
				}
			}
			if len(want) == 0 {
				has(t, text, "No card matches")
			}
		})
	}
	b.tb = t
	has(t, b.asks("U0VERA", "cards").Text, "⚠️ expired", "can be used", "funds `employee-rewards`")
	has(t, b.asks("U0VERA", "cards status:melted").Text, "no status of a card")
	has(t, b.asks("U0VERA", "cards colour:red").Text, "Nothing was changed")
	for _, typed := range []string{"card 0005", "card Marketing Amex", "card \"Marketing Amex\""} {
		m := b.asks("U0LENA", typed)
		has(t, m.Text, amex, "0005", "2030-06", "marketing-us", "acme-rewards", "Finance Team, finance@acme.example")
		b.presses("U0LENA", m, "deposit_to")
		b.closes("U0LENA")
	}
	closed(t, b.asks("U0VERA", "card 0005").Blocks) // who may only read is offered nothing
	has(t, b.asks("U0VERA", "card 9999").Text, "no active card `9999`")
}

func TestACardNumberIsTakenNowhere(t *testing.T) {
	t.Parallel()
	const spaced, dashed = "4111 1111 1111 1111", "4111-1111-1111-1111"
	b := newBot(t)
	for _, number := range []string{cardNumber, spaced, dashed} {
		for _, command := range []string{
			"", "card ", "cards last:", "deposit ", "transfer 5 from employee-rewards to marketing-us ", "card register ", "balance ", "stop ",
			"requests ", "history csv ", "accounts ",
		} {
			has(t, b.types("U0LENA", command+number), "looks like a card's number", "not stored and not used")
		}
	}
	if b.questions.len() != 0 || len(b.Modals("U0LENA")) != 0 {
		t.Error("something was done with it")
	}
	refused := func(block string) {
		t.Helper()
		r := b.sent("U0LENA", nil)
		if r.Outcome != slacksim.Refused || !strings.Contains(r.Errors[block], "looks like a card's number") {
			t.Errorf("%s: %s %v", block, r.Outcome, r.Errors)
		}
		b.closes("U0LENA")
	}
	for _, c := range []struct {
		command, block, text string
		others               []field
	}{
		{"transfer 5 from employee-rewards to marketing-us", "note", "pay " + spaced, nil},
		{"transfer 5 from employee-rewards to marketing-us", "amount", cardNumber, nil},
		{"deposit 5 to marketing-us", "amount", spaced, nil},
		{"card register marketing-us", "label", "Visa " + dashed, nil},
		{"card register marketing-us", "contacts", spaced + " <ada@acme.example>", []field{typed("label", "Visa")}},
		{"account edit marketing-us", "name", "Visa " + dashed, nil},
		{"account edit marketing-us", "email", cardNumber + "@acme.example", nil},
		{"account edit marketing-us", "notify", cardNumber + "@acme.example", []field{chosen("notify_choice", "keepreplace")}},
		{"customer create", "new_id", cardNumber, []field{typed("name", "Somebody")}},
		{"customer create", "name", spaced, []field{typed("new_id", "some-body")}},
	} {
		b.types("U0LENA", c.command)
		b.fills("U0LENA", append(c.others, typed(c.block, c.text))...)
		refused(c.block)
	}
	id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
	b.settle()
	for _, action := range []string{"approve", "deny"} {
		b.presses("U0MAYA", b.card(id), action)
		r := b.sent("U0MAYA", slacksim.Values{"comment": {"value": slacksim.Typed("use " + spaced)}})
		if r.Outcome != slacksim.Refused || !strings.Contains(r.Errors["comment"], "looks like a card's number") {
			t.Errorf("%s: %s %v", action, r.Outcome, r.Errors)
		}
		b.closes("U0MAYA")
	}
	if b.state(id) != treasury.StatePending {
		t.Error(b.state(id))
	}
	b.nowhere(cardNumber, spaced, dashed)
}

// Where the policy has cards registered elsewhere, neither the command nor a button opens a form.
func TestCardsElsewhere(t *testing.T) {
	t.Parallel()
	for registration, says := range map[string]string{
		"portal": "in Tango's portal: <https://portal.tangocard.com|open Tango's portal>", "off": "Cards are not registered through Tangobot here.",
	} {
		t.Run(registration, func(t *testing.T) {
			t.Parallel()
			b := newBot(t, func(o *options) { o.policy += "cards: {registration: " + registration + "}\n" })
			has(t, b.types("U0LENA", "card register marketing-us"), says)
			b.checks("U0LENA", "account create", looked("customer", "acme rewards", "acme-rewards"), typed("new_id", "spring-gifts"),
				typed("name", "Spring Gifts"), typed("email", "a@acme.example"), chosen("currency", "USD"))
			id := b.makes("U0LENA")
			b.approves(id)
			b.ended(id, treasury.StateSucceeded, "Done")
			b.presses("U0LENA", b.find("U0LENA", id), "register_card")
			has(t, b.told("U0LENA"), "Not done", says)
			b.closes("U0LENA")
			b.checks("U0LENA", "card remove marketing-us") // what is registered can be removed all the same
		})
	}
}
