package treasury_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

const aCard = "4111 1111 1111 1111"

// flawed is a draft with one thing changed, and what is then wrong with it.
type flawed struct {
	name   string
	kind   treasury.ActionKind
	change func(*treasury.Draft)
	want   []treasury.Problem
}

func just(f treasury.Field, c treasury.ProblemCode) []treasury.Problem {
	return []treasury.Problem{{Field: f, Code: c}}
}

func tooLong(f treasury.Field, most int) []treasury.Problem {
	return []treasury.Problem{{Field: f, Code: treasury.ProblemLong, Most: most}}
}

func badMail(f treasury.Field, text string) []treasury.Problem {
	return []treasury.Problem{{Field: f, Code: treasury.ProblemEmail, Text: text}}
}

func (b *bench) refusesDrafts(cases []flawed) {
	b.t.Helper()
	for _, c := range cases {
		b.t.Run(string(c.kind)+"/"+c.name, func(t *testing.T) {
			d := draftOf(c.kind)
			c.change(&d)
			_, err := b.Submit(t.Context(), "U0LENA", d)
			invalid, ok := errors.AsType[*treasury.Invalid](err)
			if !ok {
				t.Fatalf("got %v, want %+v", err, c.want)
			}
			if diff := cmp.Diff(c.want, invalid.Problems); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(err.Error(), "1111") {
				t.Errorf("a card's number is repeated: %v", err)
			}
		})
	}
}

func TestProblemsOfDeposits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	later := b.clock.Now().Add(time.Hour).Truncate(time.Second)
	early := b.sim.AddCard(tangosim.Card{Account: "employee-rewards", Label: "New", LastFour: "1117", Expires: "2031-01", ActiveFrom: later})
	if err := b.RefreshCards(t.Context()); err != nil {
		t.Fatal(err)
	}
	const kind = treasury.ActionDeposit
	b.refusesDrafts([]flawed{
		{"no account", kind, func(d *treasury.Draft) { d.Account = "" }, just(treasury.FieldAccount, treasury.ProblemMissing)},
		{"an unknown account", kind, func(d *treasury.Draft) { d.Account = "nowhere" }, just(treasury.FieldAccount, treasury.ProblemUnknown)},
		{
			"a frozen account", kind, func(d *treasury.Draft) { d.Account = "holiday-gifts" },
			[]treasury.Problem{
				{Field: treasury.FieldAccount, Code: treasury.ProblemInactive, Status: treasury.AccountFrozen},
				{Field: treasury.FieldCard, Code: treasury.ProblemCard},
			},
		},
		{"no card", kind, func(d *treasury.Draft) { d.Card = "" }, just(treasury.FieldCard, treasury.ProblemMissing)},
		{"an unknown card", kind, func(d *treasury.Draft) { d.Card = "nothing" }, just(treasury.FieldCard, treasury.ProblemCard)},
		{"another account's card", kind, func(d *treasury.Draft) { d.Card = amexToken }, just(treasury.FieldCard, treasury.ProblemCard)},
		{"a card whose month is over", kind, func(d *treasury.Draft) { d.Card = expiredToken }, just(treasury.FieldCard, treasury.ProblemCardExpired)},
		{
			"a card that is not active yet", kind, func(d *treasury.Draft) { d.Card = early },
			[]treasury.Problem{{Field: treasury.FieldCard, Code: treasury.ProblemCardEarly, At: later}},
		},
		{"more than six digits", kind, func(d *treasury.Draft) { d.Amount = "1000000" }, just(treasury.FieldAmount, treasury.ProblemDigits)},
		{
			"another currency", kind, func(d *treasury.Draft) { d.Amount = "EUR 5" },
			[]treasury.Problem{{Field: treasury.FieldAmount, Code: treasury.ProblemCurrency, Between: [2]money.Currency{"EUR", "USD"}}},
		},
		{
			"no amount", kind, func(d *treasury.Draft) { d.Amount = "" },
			[]treasury.Problem{{Field: treasury.FieldAmount, Code: treasury.ProblemAmount, Fault: money.FaultEmpty}},
		},
		{"a card's number for an amount", kind, func(d *treasury.Draft) { d.Amount = aCard }, just(treasury.FieldAmount, treasury.ProblemCardNumber)},
		{"no rule", kind, func(d *treasury.Draft) { d.Amount = "900000.01" }, just(treasury.FieldAmount, treasury.ProblemNoRule)},
		{
			"all that is wrong at once", kind, func(d *treasury.Draft) { d.Amount, d.Card = "1000000", "" },
			[]treasury.Problem{{Field: treasury.FieldAmount, Code: treasury.ProblemDigits}, {Field: treasury.FieldCard, Code: treasury.ProblemMissing}},
		},
	})
}

func TestProblemsOfTransfersWithCardNumbers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const kind = treasury.ActionTransfer
	b.refusesDrafts([]flawed{
		{"in the note", kind, func(d *treasury.Draft) { d.Note = "Q4, card " + aCard }, just(treasury.FieldNote, treasury.ProblemCardNumber)},
		{"for an amount", kind, func(d *treasury.Draft) { d.Amount = aCard }, just(treasury.FieldAmount, treasury.ProblemCardNumber)},
	})
}

func TestProblemsOfCards(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.sim.AddAccount(tangosim.Account{ID: "brand-new", Customer: "acme-rewards", Name: "Brand New", Currency: "USD", Cents: 7})
	b.Learn(t.Context(), active(b, "brand-new")) // whose customer only the directory can tell
	for range treasury.MaxCards {
		b.sim.AddCard(tangosim.Card{Account: "referral-program", Label: "One of many", LastFour: "1111", Expires: "2031-01"})
	}
	if err := b.RefreshCards(t.Context()); err != nil {
		t.Fatal(err)
	}
	const register, remove = treasury.ActionRegisterCard, treasury.ActionUnregisterCard
	b.refusesDrafts([]flawed{
		{"no account", register, func(d *treasury.Draft) { d.Account = "" }, just(treasury.FieldAccount, treasury.ProblemMissing)},
		{"an unknown account", register, func(d *treasury.Draft) { d.Account = "nowhere" }, just(treasury.FieldAccount, treasury.ProblemUnknown)},
		{
			"a disabled account", register, func(d *treasury.Draft) { d.Account = "old-campaign" },
			[]treasury.Problem{{Field: treasury.FieldAccount, Code: treasury.ProblemInactive, Status: treasury.AccountDisabled}},
		},
		{"whose account is it", register, func(d *treasury.Draft) { d.Account = "brand-new" }, just(treasury.FieldAccount, treasury.ProblemNoCustomer)},
		{
			"ten cards already", register, func(d *treasury.Draft) { d.Account = "referral-program" },
			[]treasury.Problem{{Field: treasury.FieldAccount, Code: treasury.ProblemCardsFull, Most: treasury.MaxCards}},
		},
		{"no label", register, func(d *treasury.Draft) { d.Label = " " }, just(treasury.FieldLabel, treasury.ProblemMissing)},
		{
			"a long label", register, func(d *treasury.Draft) { d.Label = strings.Repeat("é", treasury.MaxLabel+1) },
			tooLong(treasury.FieldLabel, treasury.MaxLabel),
		},
		{"a label that hides something", register, func(d *treasury.Draft) { d.Label = "a\u202eb" }, just(treasury.FieldLabel, treasury.ProblemControl)},
		{"a card's number for a label", register, func(d *treasury.Draft) { d.Label = aCard }, just(treasury.FieldLabel, treasury.ProblemCardNumber)},
		{"a contact without a name", register, func(d *treasury.Draft) { d.Contacts = "maya@acme.example" }, just(treasury.FieldContacts, treasury.ProblemContact)},
		{"a contact without an address", register, func(d *treasury.Draft) { d.Contacts = "Maya" }, just(treasury.FieldContacts, treasury.ProblemContact)},
		{"a contact of no domain", register, func(d *treasury.Draft) { d.Contacts = "Maya <maya@acme>" }, just(treasury.FieldContacts, treasury.ProblemContact)},
		{
			"a card's number for a name", register, func(d *treasury.Draft) { d.Contacts = `"` + aCard + `" <maya@acme.example>` },
			just(treasury.FieldContacts, treasury.ProblemCardNumber),
		},
		{
			"a contact with a long name", register,
			func(d *treasury.Draft) { d.Contacts = strings.Repeat("m", treasury.MaxName+1) + " <maya@acme.example>" },
			tooLong(treasury.FieldContacts, treasury.MaxName),
		},
		{
			"six contacts", register, func(d *treasury.Draft) { d.Contacts = strings.Repeat("Maya <maya@acme.example>\n", 6) },
			[]treasury.Problem{{Field: treasury.FieldContacts, Code: treasury.ProblemMany, Most: treasury.MaxContacts}},
		},
		{"no account", remove, func(d *treasury.Draft) { d.Account = "" }, just(treasury.FieldAccount, treasury.ProblemMissing)},
		{"an unknown account", remove, func(d *treasury.Draft) { d.Account = "nowhere" }, just(treasury.FieldAccount, treasury.ProblemUnknown)},
		{"no card", remove, func(d *treasury.Draft) { d.Card = "" }, just(treasury.FieldCard, treasury.ProblemMissing)},
		{"another account's card", remove, func(d *treasury.Draft) { d.Card = visaToken }, just(treasury.FieldCard, treasury.ProblemCard)},
	})
}

func TestProblemsOfNewAccountsAndCustomers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const account, customer = treasury.ActionCreateAccount, treasury.ActionCreateCustomer
	cases := []flawed{
		{"no customer", account, func(d *treasury.Draft) { d.Customer = "" }, just(treasury.FieldCustomer, treasury.ProblemMissing)},
		{"an unknown customer", account, func(d *treasury.Draft) { d.Customer = "nobody" }, just(treasury.FieldCustomer, treasury.ProblemCustomer)},
		{"a taken identifier", account, func(d *treasury.Draft) { d.NewID = "marketing-us" }, just(treasury.FieldNewID, treasury.ProblemTaken)},
		{"a taken identifier", customer, func(d *treasury.Draft) { d.NewID = "acme-rewards" }, just(treasury.FieldNewID, treasury.ProblemTaken)},
		{"no address", account, func(d *treasury.Draft) { d.Email = "" }, badMail(treasury.FieldEmail, "")},
		{"a named address", account, func(d *treasury.Draft) { d.Email = "Maya <maya@acme.example>" }, badMail(treasury.FieldEmail, "maya <maya@acme.example>")},
		{"an address without a dot", account, func(d *treasury.Draft) { d.Email = "maya@acme" }, badMail(treasury.FieldEmail, "maya@acme")},
		{"an address that ends in a dot", account, func(d *treasury.Draft) { d.Email = "maya@acme." }, badMail(treasury.FieldEmail, "maya@acme.")},
		{
			"a long address", account, func(d *treasury.Draft) { d.Email = strings.Repeat("m", treasury.MaxEmail) + "@acme.example" },
			tooLong(treasury.FieldEmail, treasury.MaxEmail),
		},
		{"no currency", account, func(d *treasury.Draft) { d.Currency = "" }, just(treasury.FieldCurrency, treasury.ProblemNoCurrency)},
		{"a currency of no account", account, func(d *treasury.Draft) { d.Currency = "JPY" }, just(treasury.FieldCurrency, treasury.ProblemNoCurrency)},
		{"a list with a slip", account, func(d *treasury.Draft) { d.Notify = "a@acme.example; b" }, badMail(treasury.FieldNotify, "b")},
		{
			"a long list", account, func(d *treasury.Draft) { d.Notify = manyAddresses(treasury.MaxNotify + 1) },
			[]treasury.Problem{{Field: treasury.FieldNotify, Code: treasury.ProblemMany, Most: treasury.MaxNotify}},
		},
	}
	for _, kind := range []treasury.ActionKind{account, customer} {
		for _, id := range []string{"", "abcd", "Spring-Event", "spring_event", "spring event", "frühling", strings.Repeat("a", 101), "spring\nevent"} {
			cases = append(cases, flawed{
				fmt.Sprintf("identifier %.20q", id), kind, func(d *treasury.Draft) { d.NewID = id }, just(treasury.FieldNewID, treasury.ProblemIdentifier),
			})
		}
		cases = append(cases, []flawed{
			{
				"a card's number for an identifier", kind, func(d *treasury.Draft) { d.NewID = "x-4111-1111-1111-1111" },
				just(treasury.FieldNewID, treasury.ProblemCardNumber),
			},
			{"no name", kind, func(d *treasury.Draft) { d.Name = " \t" }, just(treasury.FieldName, treasury.ProblemMissing)},
			{
				"a short name", kind, func(d *treasury.Draft) { d.Name = "Asia" },
				[]treasury.Problem{{Field: treasury.FieldName, Code: treasury.ProblemShort, Most: treasury.MinName}},
			},
			{"a long name", kind, func(d *treasury.Draft) { d.Name = strings.Repeat("é", 101) }, tooLong(treasury.FieldName, treasury.MaxName)},
			{"a name with a sign", kind, func(d *treasury.Draft) { d.Name = "Acme + Asia" }, just(treasury.FieldName, treasury.ProblemCharacters)},
			{"a name with an emoji", kind, func(d *treasury.Draft) { d.Name = "Acme 🎉 Asia" }, just(treasury.FieldName, treasury.ProblemCharacters)},
			{
				"a name of two lines", kind, func(d *treasury.Draft) { d.Name = "Acme\nAsia" },
				[]treasury.Problem{{Field: treasury.FieldName, Code: treasury.ProblemControl}, {Field: treasury.FieldName, Code: treasury.ProblemCharacters}},
			},
			{"a card's number for a name", kind, func(d *treasury.Draft) { d.Name = aCard }, just(treasury.FieldName, treasury.ProblemCardNumber)},
		}...)
	}
	b.refusesDrafts(cases)
}

func manyAddresses(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("a%d@acme.example", i)
	}
	return strings.Join(list, ",")
}

func TestProblemsOfEdits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.sim.AddAccount(tangosim.Account{ID: "brand-new", Customer: "acme-rewards", Name: "Brand New", Currency: "USD", Cents: 7})
	b.Learn(t.Context(), active(b, "brand-new"))
	const kind = treasury.ActionUpdateAccount
	same := func(d *treasury.Draft) {
		d.Name, d.Email, d.NotifyChoice = "Marketing US", "marketing.us@acme.example", treasury.NotifyKeep
	}
	b.refusesDrafts([]flawed{
		{"no account", kind, func(d *treasury.Draft) { d.Account = "" }, just(treasury.FieldAccount, treasury.ProblemMissing)},
		{"an unknown account", kind, func(d *treasury.Draft) { d.Account = "nowhere" }, just(treasury.FieldAccount, treasury.ProblemUnknown)},
		{"whose account is it", kind, func(d *treasury.Draft) { d.Account = "brand-new" }, just(treasury.FieldName, treasury.ProblemNoCustomer)},
		{"nothing changes", kind, same, just(treasury.FieldName, treasury.ProblemUnchanged)},
		{
			"the list stays what it is", kind,
			func(d *treasury.Draft) {
				same(d)
				d.NotifyChoice, d.Notify = treasury.NotifyReplace, "FINANCE@acme.example finance@acme.example"
			}, just(treasury.FieldName, treasury.ProblemUnchanged),
		},
		{"a list is kept", kind, func(d *treasury.Draft) { same(d); d.Notify = "other@acme.example" }, just(treasury.FieldName, treasury.ProblemUnchanged)},
		{"a list replaced by none", kind, func(d *treasury.Draft) { d.Notify = " , " }, just(treasury.FieldNotify, treasury.ProblemMissing)},
		{"no name", kind, func(d *treasury.Draft) { d.Name = "" }, just(treasury.FieldName, treasury.ProblemMissing)},
		{"no address", kind, func(d *treasury.Draft) { d.Email = "" }, badMail(treasury.FieldEmail, "")},
	})
}

// TestDraftsOfAllKinds: what a good draft would do, and that its form's blanks and capitals do not matter.
func TestDraftsOfAllKinds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	seen := map[treasury.ActionKind]bool{}
	for i, kind := range treasury.ActionKinds() {
		p, err := b.Preview(t.Context(), "U0LENA", draftOf(kind))
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if p.Action.Kind != kind || p.Rule.Approvals != 1 || (len(p.Effects) > 0) != (i < 2) || (p.Fee != nil) != (kind == treasury.ActionDeposit) {
			t.Errorf("%s: %+v", kind, p)
		}
		r := b.submit("U0LENA", draftOf(kind))
		if r.Hash != p.Action.Hash() || len(r.Action.Lanes()) == 0 {
			t.Errorf("%s: made %+v of %+v", kind, r.Action, p.Action)
		}
		seen[kind] = true
	}
	if len(seen) != 7 {
		t.Errorf("kinds: %v", seen)
	}
	if _, err := b.Submit(t.Context(), "U0LENA", treasury.Draft{ID: treasury.NewRequestID(), Kind: "gift"}); !errors.Is(err, treasury.ErrInvalid) {
		t.Errorf("a kind that is none: %v", err)
	}
}

func TestADepositShowsItsFee(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, err := b.Preview(t.Context(), "U0LENA", draftOf(treasury.ActionDeposit))
	if err != nil {
		t.Fatal(err)
	}
	if p.Fee.Amount != usd(875) || p.Fee.Charged != usd(25875) || p.Fee.Points != 350 || !p.Fee.SeenAt.IsZero() {
		t.Errorf("fee %+v", p.Fee)
	}
	if p.Effects[0].After != usd(2475000) || p.Action.Deposit.Customer != "acme-rewards" || p.Action.Deposit.Card.LastFour != "1111" {
		t.Errorf("preview %+v", p)
	}
}

func TestAnEditHoldsWhatWasSeen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := draftOf(treasury.ActionUpdateAccount)
	d.Email = " Marketing.US@Acme.example "
	d.Notify = "B@acme.example\nb@acme.example;a@acme.example"
	u := b.submit("U0LENA", d).Action.UpdateAccount
	want := treasury.AccountFields{Name: "Marketing US", Email: "marketing.us@acme.example", Notify: []string{"finance@acme.example"}}
	if !cmp.Equal(u.Before, want) || *u.Name != "Marketing America" || u.Customer != "acme-rewards" {
		t.Errorf("edit %+v", u)
	}
	if u.Notify == nil || !slices.Equal(*u.Notify, []string{"a@acme.example", "b@acme.example"}) {
		t.Errorf("list %v", u.Notify)
	}
	d.ID, d.NotifyChoice = treasury.NewRequestID(), treasury.NotifyClear
	if u = b.submit("U0LENA", d).Action.UpdateAccount; u.Notify == nil || len(*u.Notify) != 0 {
		t.Errorf("cleared to %v", u.Notify)
	}
	d.ID, d.NotifyChoice = treasury.NewRequestID(), treasury.NotifyKeep
	if u = b.submit("U0LENA", d).Action.UpdateAccount; u.Notify != nil {
		t.Errorf("kept as %v", *u.Notify)
	}
}

func TestCardsAreRegisteredOnlyWhereThePolicySaysSo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for word, why := range map[string]treasury.Why{"portal": treasury.WhyCardsPortal, "off": treasury.WhyCardsOff} {
		b.Policy = parsePolicy(t, strings.Replace(benchPolicy, "registration: page", "registration: "+word, 1))
		_, err := b.Submit(t.Context(), "U0LENA", draftOf(treasury.ActionRegisterCard))
		forbidden(t, err, why)
	}
}

func TestWithoutARuleNothingIsAskedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Policy = parsePolicy(t, policyText[:strings.Index(policyText, `  - {action: "*"`)]+policyText[strings.Index(policyText, "limits:"):])
	for _, kind := range treasury.ActionKinds()[2:] {
		_, err := b.Submit(t.Context(), "U0LENA", draftOf(kind))
		forbidden(t, err, treasury.WhyNoRule)
	}
}
