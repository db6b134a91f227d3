package slack_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// held gives an account as Tango has it.
func (b *bot) held(id string) (tangosim.Account, bool) {
	b.tb.Helper()
	list := b.tango.Accounts()
	i := slices.IndexFunc(list, func(a tangosim.Account) bool { return a.ID == id })
	if i < 0 {
		return tangosim.Account{}, false
	}
	return list[i], true
}

func TestACustomerThenItsAccount(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	has(t, b.checks("U0LENA", "customer create", typed("new_id", "acme-asia"), typed("name", "Acme Asia")),
		"*Open a customer*", "Acme Asia `acme-asia`", "can never be deleted or disabled")
	id := b.makes("U0LENA")
	b.approves(id)
	b.ended(id, treasury.StateSucceeded, "Done", "The customer Acme Asia `acme-asia` is open")
	b.pass(20 * time.Minute) // the directory is read again
	b.presses("U0LENA", b.find("U0LENA", id), "open_account")
	b.fills("U0LENA", typed("new_id", "asia-rewards"), typed("name", "Asia Rewards"), typed("email", "asia@acme.example"), chosen("currency", "SGD"),
		typed("notify", "bo@acme.example, ada@acme.example"))
	if r := b.sent("U0LENA", nil); r.Outcome != slacksim.Pushed {
		t.Fatalf("%s %v", r.Outcome, r.Errors)
	}
	has(t, b.told("U0LENA"), "*Open an account*", "Asia Rewards `asia-rewards`", "under customer Acme Asia `acme-asia`", "currency SGD (fixed for ever)",
		"contact asia@acme.example", "told of funding: ada@acme.example, bo@acme.example")
	id = b.makes("U0LENA")
	b.approves(id)
	b.ended(id, treasury.StateSucceeded, "Done", "The account Asia Rewards `asia-rewards` is open")
	if a, ok := b.held("asia-rewards"); !ok || a.Customer != "acme-asia" || a.Currency != "SGD" {
		t.Errorf("%+v", a)
	}
	b.pass(20 * time.Minute)
	for action, title := range map[string]string{"register_card": "Register a card", "transfer_to": "Request a transfer"} {
		b.presses("U0LENA", b.find("U0LENA", id), action)
		has(t, b.told("U0LENA"), title)
		block := map[string]string{"register_card": "account", "transfer_to": "to"}[action]
		if o := b.top("U0LENA").Inputs.Values[block]["value"].SelectedOption; o == nil || o.Value != "asia-rewards" {
			t.Errorf("%s chooses %+v", action, o)
		}
		b.closes("U0LENA")
	}
}

func TestAnAccountIsEdited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fields []field
		says   []string
		notify []string
		held   string // the name in the end
	}{
		"the list is kept": {
			[]field{typed("name", "Marketing America")},
			[]string{"name: Marketing US → Marketing America"},
			[]string{"finance@acme.example"},
			"Marketing America",
		},
		"the list is replaced": {
			[]field{chosen("notify_choice", "keepreplace"), typed("notify", "b@acme.example\na@acme.example")},
			[]string{"told of funding: finance@acme.example → a@acme.example, b@acme.example"},
			[]string{"a@acme.example", "b@acme.example"},
			"Marketing US",
		},
		"the list is cleared": {
			[]field{chosen("notify_choice", "keepclear")},
			[]string{"told of funding: finance@acme.example → nobody"},
			nil, "Marketing US",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			has(t, b.checks("U0LENA", "account edit marketing-us", c.fields...), append(c.says, "*Edit an account*", "Marketing US `marketing-us`")...)
			id := b.makes("U0LENA")
			has(t, b.card(id).Text, c.says...)
			b.approves(id)
			b.ended(id, treasury.StateSucceeded, "Done", "The account is changed.")
			a, _ := b.held("marketing-us")
			if a.Name != c.held || !slices.Equal(a.Notify, c.notify) || a.Email != "marketing.us@acme.example" {
				t.Errorf("%+v", a)
			}
		})
	}
	b := newBot(t)
	b.types("U0LENA", "account edit marketing-us")
	r := b.sent("U0LENA", nil)
	if r.Outcome != slacksim.Refused {
		t.Fatalf("nothing was changed, and the form says %s", r.Outcome)
	}
	has(t, r.Errors["name"], "Nothing is changed yet")
	r = b.sent("U0LENA", slacksim.Values{"notify_choice": {"value": slacksim.Chosen("keepreplace")}})
	has(t, r.Errors["notify"], "at least one address")
}

func TestAnAccountThatSomebodyElseChanged(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	b.checks("U0LENA", "account edit marketing-us", typed("email", "new@acme.example"))
	first := b.makes("U0LENA")
	b.checks("U0LENA", "account edit marketing-us", typed("email", "newer@acme.example"))
	second := b.makes("U0LENA")
	b.approves(first)
	b.ended(first, treasury.StateSucceeded, "Done")
	b.approves(second)
	b.ended(second, treasury.StateFailed, "Not done, nothing was changed", "changed by somebody else")
}

func TestWhatTangoHasAlready(t *testing.T) {
	t.Parallel()
	account := func(id, name string) []field {
		return []field{
			looked("customer", "acme rewards", "acme-rewards"), typed("new_id", id), typed("name", name), typed("email", "a@acme.example"), chosen("currency", "USD"),
		}
	}
	conflict := func(on, key string) tangosim.Fault { return tangosim.Fault{On: on, StatusBefore: 409, Key: key} }
	for _, c := range []struct {
		key, command string
		fields       []field
		fault        tangosim.Fault
		says         string
	}{
		{"409.003", "account create", account("spring-gifts", "Spring Gifts"), conflict(onAccount, "409.003"), "the customer has an account with this id already. Choose another id"},
		{"409.018", "account create", account("spring-gifts", "Spring Gifts"), conflict(onAccount, "409.018"), "an account of another customer has this id already"},
		{"409.004", "account create", account("spring-gifts", "Marketing US"), tangosim.Fault{}, "the customer has an account with this name already. Choose another name"},
		{"409.017", "account edit marketing-us", []field{typed("name", "Employee Rewards")}, tangosim.Fault{}, "the customer has an account with this name already"},
		{"409.010", "customer create", []field{typed("new_id", "acme-asia"), typed("name", "Acme Asia")}, conflict(onCustomer, "409.010"), "there is a customer with this id already"},
		{"409.011", "customer create", []field{typed("new_id", "acme-asia"), typed("name", "Acme Europe")}, tangosim.Fault{}, "there is a customer with this name already"},
	} {
		t.Run(c.key, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			b.checks("U0LENA", c.command, c.fields...)
			id := b.makes("U0LENA")
			if c.fault.On != "" {
				b.tango.Arm(c.fault)
			}
			b.approves(id)
			b.ended(id, treasury.StateFailed, "Not done, nothing was changed", c.says)
		})
	}
	t.Run("an id that is taken while the approvers think", func(t *testing.T) {
		t.Parallel()
		b := newBot(t)
		b.checks("U0LENA", "account create", account("spring-gifts", "Spring Gifts")...)
		id := b.makes("U0LENA")
		b.tango.AddAccount(tangosim.Account{ID: "spring-gifts", Customer: "acme-rewards", Name: "Others", Currency: "USD"})
		b.approves(id)
		b.ended(id, treasury.StateFailed, "Not done, nothing was changed", "This id exists at Tango by now")
	})
	t.Run("an id that is known already", func(t *testing.T) {
		t.Parallel()
		b := newBot(t)
		b.types("U0LENA", "account create")
		b.fills("U0LENA", account("marketing-us", "Marketing Two")...)
		has(t, b.sent("U0LENA", nil).Errors["new_id"], "exists already")
	})
}
