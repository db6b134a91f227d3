package tangosim_test

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

func TestDeposit(t *testing.T) {
	t.Parallel()
	b := newBench(nil)
	got := b.say(t, "POST /creditCardDeposits", fund)
	id, _ := got.body["referenceDepositID"].(string)
	if got.status != 200 || !regexp.MustCompile(`^RAD-260302-\d{4}$`).MatchString(id) || got.body["status"] != "SUCCESS" ||
		got.body["amount"] != json.Number("1.25") || got.body["amountCharged"] != json.Number("1.29") || // as recorded
		got.body["feePercent"] != json.Number("3.5") || got.body["accountNumber"] != "A10000001" || got.body["externalRefID"] != "TB-1" {
		t.Errorf("%d %v", got.status, got.body)
	}
	if n := b.sim.Balance("employee-rewards"); n != 2_450_125 { // the fee is on the card
		t.Errorf("balance %d", n)
	}
	if n := b.sim.Moved("TB-1"); n != 1 {
		t.Errorf("moved %d times", n)
	}
	again := b.again(t)
	if read := again.say(t, "GET /creditCardDeposits/"+id, ""); read.status != 200 || read.body["amountCharged"] != json.Number("1.29") {
		t.Errorf("after a restart: %d %v", read.status, read.body)
	}
	if repeated := again.say(t, "POST /creditCardDeposits", fund); repeated.status != 409 || again.sim.Balance("employee-rewards") != 2_450_125 {
		t.Errorf("the reference again: %d", repeated.status)
	}
	if read := b.say(t, "GET /creditCardDeposits/RAD-260302-0001", ""); read.status != 404 || read.key != "404.011" {
		t.Errorf("no deposit: %d %s", read.status, read.key)
	}
}

func TestFees(t *testing.T) {
	t.Parallel()
	for amount, want := range map[string]string{"1.25": "1.29", "1.00": "1.03", "1000": "1029", "999999.99": "1028999.99"} {
		b := newBench(func(c *tangosim.Config) { c.FeePoints = 290 })
		got := b.say(t, "POST /creditCardDeposits", with(t, fund, "amount", json.Number(amount)))
		if got.body["amountCharged"] != json.Number(want) || got.body["feePercent"] != json.Number("2.9") {
			t.Errorf("%s: %v", amount, got.body)
		}
	}
}

func TestSandboxAmounts(t *testing.T) {
	t.Parallel()
	for amount, want := range map[string][2]string{
		"5.55": {"PENDING", "SUCCESS"}, "6.55": {"PENDING", "DECLINED"}, "7.55": {"DECLINED", "DECLINED"}, "8.55": {"SUCCESS", "SUCCESS"},
	} {
		b := newBench(nil)
		first := b.say(t, "POST /creditCardDeposits", with(t, fund, "amount", json.Number(amount)))
		id, _ := first.body["referenceDepositID"].(string)
		balance := b.sim.Balance("employee-rewards")
		if first.status != 200 || first.body["status"] != want[0] || (balance != 2_450_000) != (want[0] == "SUCCESS") {
			t.Errorf("%s at first: %d %v, balance %d", amount, first.status, first.body, balance)
		}
		if (first.body["amountCharged"] == json.Number("0")) != (want[0] != "SUCCESS") {
			t.Errorf("%s was charged %v", amount, first.body["amountCharged"])
		}
		b = b.again(t)
		b.at = b.at.Add(time.Hour)
		last := b.say(t, "GET /creditCardDeposits/"+id, "")
		if last.body["status"] != want[1] || (b.sim.Balance("employee-rewards") != 2_450_000) != (want[1] == "SUCCESS") {
			t.Errorf("%s an hour later: %v, balance %d", amount, last.body, b.sim.Balance("employee-rewards"))
		}
	}
}

func TestRefusedDeposits(t *testing.T) {
	t.Parallel()
	refuse(t, "POST /creditCardDeposits", fund, []refusal{
		{"no token", "creditCardToken", nil, 400, "422.128", "creditCardToken"},
		{"no amount", "amount", nil, 400, "422.128", "amount"},
		{"amount as text", "amount", "1.25", 400, "400.009", "amount"},
		{"three decimals", "amount", json.Number("1.255"), 400, "422.105", "amount"},
		{"seven digits", "amount", json.Number("1000000"), 400, "422.105", "amount"},
		{"exponent", "amount", json.Number("1e2"), 400, "422.105", "amount"},
		{"negative", "amount", json.Number("-1.25"), 400, "422.141", "amount"},
		{"below the range", "amount", json.Number("0.99"), 400, "422.052", "amount"},
		{"long reference", "externalRefID", string(make([]byte, 101)), 400, "422.126", "externalRefID"},
		{"unknown customer", "customerIdentifier", "nobody", 400, "404.002", ""},
		{"unknown account", "accountIdentifier", "nobody", 400, "404.003", ""},
		{"another's account", "accountIdentifier", "uk-rewards", 400, "404.020", ""},
		{"frozen account", "accountIdentifier", "holiday-gifts", 400, "422.156", ""},
		{"card that is none", "creditCardToken", "none", 400, "422.036", ""},
		{"another account's card", "accountIdentifier", "marketing-us", 400, "422.037", ""},
		{"card that has expired", "creditCardToken", oldToken, 402, "402.051", ""},
		{"card that waits", "creditCardToken", "early", 429, "429.003", ""},
	}, func(b *bench) {
		b.sim.AddCard(tangosim.Card{Token: "early", Account: "employee-rewards", Expires: "2030-01", ActiveFrom: b.at.Add(time.Second)})
	})
	b := newBench(func(c *tangosim.Config) { c.DepositMost = 10_000 })
	if got := b.say(t, "POST /creditCardDeposits", with(t, fund, "amount", json.Number("100.01"))); got.key != "422.052" {
		t.Errorf("above the range: %s", got.key)
	}
	b.sim.AddCard(tangosim.Card{Token: "early", Account: "employee-rewards", Expires: "2030-01", ActiveFrom: b.at.Add(time.Hour)})
	b.at = b.at.Add(time.Hour)
	if got := b.say(t, "POST /creditCardDeposits", with(t, fund, "creditCardToken", "early")); got.status != 200 {
		t.Errorf("from the activation on: %d %s", got.status, got.key)
	}
}

// TestDepositFaults: late is later and invisible until then, twice is two deposits, and a review ends a pending one.
func TestDepositFaults(t *testing.T) {
	t.Parallel()
	b := newBench(nil)
	b.sim.Arm(tangosim.Fault{On: "POST /creditCardDeposits", Late: time.Minute})
	func() {
		defer func() { _ = recover() }() // the connection that is dropped
		b.say(t, "POST /creditCardDeposits", fund)
	}()
	if b.sim.Balance("employee-rewards") != 2_450_000 || b.say(t, "GET /creditCardDeposits/"+b.sim.Deposits()[0].ID, "").status != 404 {
		t.Error("a late deposit is there already")
	}
	b.at = b.at.Add(time.Minute)
	if got := b.say(t, "GET /creditCardDeposits/"+b.sim.Deposits()[0].ID, ""); got.body["status"] != "SUCCESS" || b.sim.Balance("employee-rewards") != 2_450_125 {
		t.Errorf("a late deposit when its time has come: %v", got.body)
	}
	b.sim.Arm(tangosim.Fault{On: "POST /creditCardDeposits", Twice: true})
	b.say(t, "POST /creditCardDeposits", with(t, fund, "externalRefID", "TB-2"))
	if n := b.sim.Moved("TB-2"); n != 2 {
		t.Errorf("twice moved %d times", n)
	}
	pending := b.say(t, "POST /creditCardDeposits", with(t, with(t, fund, "externalRefID", "TB-3"), "amount", json.Number("5.55")))
	id, _ := pending.body["referenceDepositID"].(string)
	b.sim.SettleDeposit(id, "DECLINED")
	if got := b.say(t, "GET /creditCardDeposits/"+id, ""); got.body["status"] != "DECLINED" || b.sim.Moved("TB-3") != 0 {
		t.Errorf("a review: %v", got.body)
	}
	b.sim.Arm(tangosim.Fault{On: "POST /creditCardDeposits", Edit: tangosim.EditField("amount", 7)},
		tangosim.Fault{On: "POST /creditCardDeposits", Edit: tangosim.EditDrop("referenceDepositID")})
	if got := b.say(t, "POST /creditCardDeposits", with(t, fund, "externalRefID", "TB-4")); got.body["amount"] != json.Number("7") || b.sim.Moved("TB-4") != 1 {
		t.Errorf("an edited answer: %v", got.body)
	}
	if got := b.say(t, "POST /creditCardDeposits", with(t, fund, "externalRefID", "TB-5")); got.body["referenceDepositID"] != nil {
		t.Errorf("a dropped field: %v", got.body)
	}
}
