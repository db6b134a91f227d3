package main

import (
	"net/http"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// call is a call to Tango that changes something there, with what can go wrong with the next one.
type call struct {
	Name   string  `json:"name"`
	Label  string  `json:"label"`
	Faults []fault `json:"faults"`
}

// fault is a switch on the page: what goes wrong with the next call of a kind.
type fault struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	fault tangosim.Fault
}

// calls are the kinds of call. All of them can end without a trustworthy answer; a refusal is one of the call's own, and
// a wrong answer is one where Tango tells enough to see it.
func calls() []call {
	var all []call
	for _, c := range []struct {
		kind    treasury.ActionKind
		label   string
		on      string
		refusal fault
		wrong   *fault
	}{
		{
			treasury.ActionTransfer, "transfer", "", // either form of the call
			refusal("refused: insufficient funds", http.StatusBadRequest, "402.001"),
			&fault{"", "the answer tells another amount", tangosim.Fault{Echo: tangosim.EchoAmount}},
		},
		{
			treasury.ActionDeposit, "deposit", "POST /creditCardDeposits",
			refusal("refused: the card's bank says no", http.StatusPaymentRequired, "402.051"),
			&fault{"", "the answer tells another amount", tangosim.Fault{Edit: tangosim.EditField("amount", 0.01)}},
		},
		{
			treasury.ActionRegisterCard, "card registration", "POST /creditCards",
			refusal("refused: the code does not fit the card", http.StatusBadRequest, "422.118"),
			&fault{"", "the answer tells another card", tangosim.Fault{Edit: tangosim.EditField("lastFourDigits", "9999")}},
		},
		{
			treasury.ActionUnregisterCard, "card removal", "POST /creditCardUnregisters",
			refusal("refused: unknown card", http.StatusBadRequest, "422.002"), nil,
		},
		{
			treasury.ActionCreateAccount, "new account", "POST /customers/{c}/accounts",
			refusal("refused: the name is taken", http.StatusConflict, "409.004"), nil,
		},
		{
			treasury.ActionUpdateAccount, "account edit", "PATCH /customers/{c}/accounts/{a}",
			refusal("refused: the name is taken", http.StatusConflict, "409.017"), nil,
		},
		{
			treasury.ActionCreateCustomer, "new customer", "POST /customers",
			refusal("refused: the name is taken", http.StatusConflict, "409.011"), nil,
		},
	} {
		one := call{Name: string(c.kind), Label: c.label, Faults: faults(c.kind == treasury.ActionTransfer || c.kind == treasury.ActionDeposit, c.refusal, c.wrong)}
		for i := range one.Faults {
			one.Faults[i].fault.On = c.on
		}
		all = append(all, one)
	}
	return all
}

func refusal(words string, status int, key string) fault {
	return fault{"", words, tangosim.Fault{StatusBefore: status, Key: key}}
}

// faults are the switches of a call, grouped by what has happened at Tango.
func faults(money bool, refused fault, wrong *fault) []fault {
	done, nothing := "It is done, ", "Nothing is done, "
	if money {
		done, nothing = "Money moves, ", "Nothing moves, "
	}
	list := []fault{{"drop_after", done + "the answer is lost", tangosim.Fault{DropAfter: true}}}
	if money {
		list = append(list, fault{"late", "Answer is lost, money moves 10 minutes later", tangosim.Fault{Late: 10 * time.Minute}})
	}
	list = append(list,
		fault{"status_after", done + "then error 500", tangosim.Fault{StatusAfter: http.StatusInternalServerError}},
		fault{"garbage", done + "the answer is garbage", tangosim.Fault{Body: []byte("<<< not what was agreed >>>")}},
		fault{"truncate", done + "half an answer", tangosim.Fault{Truncate: true}},
	)
	if wrong != nil {
		list = append(list, fault{"wrong_echo", done + wrong.Label, wrong.fault})
	}
	list = append(list,
		fault{"redirect", done + "the answer redirects", tangosim.Fault{StatusAfter: http.StatusTemporaryRedirect, Location: "https://example.com/"}},
		fault{"delay", done + "the answer takes 10 seconds", tangosim.Fault{Delay: 10 * time.Second}},
	)
	if money {
		list = append(list, fault{"twice", "Money moves twice, as an intermediary may repeat a call", tangosim.Fault{Twice: true}})
	}
	return append(list,
		fault{"drop_before", nothing + "connection closed", tangosim.Fault{DropBefore: true}},
		fault{"reset_before", nothing + "connection reset", tangosim.Fault{ResetBefore: true}},
		fault{"status_before", nothing + "error 503", tangosim.Fault{StatusBefore: http.StatusServiceUnavailable, Key: "503.001"}},
		fault{"refuse", nothing + refused.Label, refused.fault},
		fault{"throttle", nothing + "429 too many requests", tangosim.Fault{StatusBefore: http.StatusTooManyRequests, Key: "429.001"}},
	)
}
