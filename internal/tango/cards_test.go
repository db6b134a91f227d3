package tango_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// TestCardFilters pins address and query of the reads of cards and deposits, with every filter.
func TestCardFilters(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		q    treasury.CardQuery
		want string
	}{
		"none": {treasury.CardQuery{Window: treasury.Window{Size: 200}}, "/creditCards?maxResults=200&paginate=true"},
		"all": {
			treasury.CardQuery{
				All: true, Customer: "c", Account: "a b", AccountNumber: "A1", Token: "t", Expires: "2029-04", Status: treasury.CardDeleted,
				Email: "x@y.example", Name: "Ada L", Label: "l&m", LastFour: "1111", Window: treasury.Window{Size: 7, Next: "YQ=="},
			},
			"/creditCards?accountIdentifier=a+b&accountNumber=A1&customerIdentifier=c&emailAddress=x%40y.example&expirationDate=2029-04" +
				"&fullName=Ada+L&label=l%26m&lastFourDigits=1111&maxResults=7&nextCursor=YQ%3D%3D&paginate=true&showInactive=true&status=DELETED&token=t",
		},
	} {
		var got string
		client, p, _ := answering(t, func(w http.ResponseWriter, r *http.Request) { got = r.RequestURI; answerJSON(w, 200, "[]") })
		_, err := client.Cards(t.Context(), c.q)
		if name == "all" { // a bare list does not answer Tango's cursor
			if !isKind(err, treasury.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got != c.want || p.taken.Load() != 1 {
			t.Errorf("%s: asked for\n%s, want\n%s", name, got, c.want)
		}
	}
}

// TestCardWalk walks all cards, as page objects and as a bare list, forwards, each exactly once.
func TestCardWalk(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		f := setup(t, func(c *tangosim.Config) { c.PlainLists = plain }, nil)
		want := map[string]int{}
		for i := range 20 {
			want[f.sim.AddCard(tangosim.Card{Account: "uk-rewards", Label: "Card " + strconv.Itoa(i), LastFour: "1111", Expires: "2030-01"})] = 1
		}
		gone := f.sim.AddCard(tangosim.Card{Account: "uk-rewards", Label: "Gone", LastFour: "1111", Expires: "2030-01", Status: "DELETED"})
		got := map[string]int{}
		q := treasury.CardQuery{Account: "uk-rewards", Window: treasury.Window{Size: 7}}
		for {
			page, err := f.client.Cards(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page.Cards {
				got[c.Token]++
			}
			if q.Window.Next = page.Next; page.Next == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("plain %v (-want +got):\n%s", plain, diff)
		}
		c, err := f.client.Card(t.Context(), gone)
		if err != nil || c.Status != treasury.CardDeleted || c.Label != "Gone" {
			t.Errorf("a removed card: %+v, %v", c, err)
		}
	}
}

// TestCardsThatCanNotBeTrusted: a card that misses what decisions rest on is none.
func TestCardsThatCanNotBeTrusted(t *testing.T) {
	t.Parallel()
	for name, swapped := range map[string][2]string{
		"no state":           {`"status":"ACTIVE",`, ""},
		"state is a number":  {`"ACTIVE"`, "1"},
		"no account":         {`"accountIdentifier":"employee-rewards",`, ""},
		"no digits":          {`"lastFourDigits":"1111",`, ""},
		"sixteen digits":     {`"lastFourDigits":"1111"`, `"lastFourDigits":"` + visa + `"`},
		"masked digits":      {`"lastFourDigits":"1111"`, `"lastFourDigits":"**11"`},
		"unreadable time":    {`"activationDate":"2026-03-05T10:00:01.28Z"`, `"activationDate":"1772704801"`},
		"time as a number":   {`"activationDate":"2026-03-05T10:00:01.28Z"`, `"activationDate":1772704801`},
		"another than asked": {`5b0f5a3e`, `5b0f5a3f`},
		"contacts as text":   {`"contactInformation":[`, `"contactInformation":"","x":[`},
	} {
		reply := swap(t, registerReply, swapped[0], swapped[1])
		client, _, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, reply) })
		if c, err := client.Card(t.Context(), "5b0f5a3e-1111-4222-8333-944455556666"); !isKind(err, treasury.ErrUnavailable) || strings.Contains(err.Error(), visa) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

// TestDepositStatus reads deposits from the simulation as time goes on.
func TestDepositStatus(t *testing.T) {
	t.Parallel()
	at := now()
	clock := func() time.Time { return at }
	f := setup(t, func(c *tangosim.Config) { c.Clock = clock }, func(c *tango.Config) { c.Clock = clock })
	ids := map[int64]string{}
	for i, cents := range []int64{125, 555, 655, 755} {
		o := depositOrder()
		o.Reference, o.Action.Deposit.Amount = "TB-0000000"+strconv.Itoa(i), money.New(cents, "USD")
		a := f.client.Deposit(t.Context(), o)
		if a.Deposit == nil {
			t.Fatalf("%d: %+v", cents, a)
		}
		ids[cents] = a.Deposit.ID
	}
	for _, step := range []struct {
		after time.Duration
		want  map[int64]treasury.Verdict
	}{
		{0, map[int64]treasury.Verdict{125: treasury.VerdictDone, 555: treasury.VerdictPending, 655: treasury.VerdictPending, 755: treasury.VerdictDeclined}},
		{time.Hour, map[int64]treasury.Verdict{125: treasury.VerdictDone, 555: treasury.VerdictDone, 655: treasury.VerdictDeclined, 755: treasury.VerdictDeclined}},
	} {
		at = at.Add(step.after)
		for cents, want := range step.want {
			a, err := f.client.DepositStatus(t.Context(), strings.ToUpper(ids[cents]), "USD")
			if err != nil || a.Verdict != want || a.Deposit.Amount != money.New(cents, "USD") {
				t.Errorf("after %s, %d: %+v, %v", step.after, cents, a, err)
			}
			if charged := a.Deposit.Charged.Hundredths; (charged > 0) != (want == treasury.VerdictDone) {
				t.Errorf("after %s, %d was charged %d", step.after, cents, charged)
			}
		}
	}
	if a, err := f.client.DepositStatus(t.Context(), ids[125], ""); err != nil || a.Deposit.Charged != money.New(129, "") {
		t.Errorf("without a currency: %+v, %v", a.Deposit, err)
	}
}

// TestDepositStatusThatCanNotBeTrusted: an answer that is not the deposit's is an error, never a verdict.
func TestDepositStatusThatCanNotBeTrusted(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"another deposit": strings.Replace(depositReply, "5407", "5408", 1), "another status": strings.Replace(depositReply, "SUCCESS", "REFUNDED", 1),
		"list": "[]", "no amount": strings.Replace(depositReply, `"amount":1250,`, "", 1), "null": "null",
	} {
		client, _, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, body) })
		if a, err := client.DepositStatus(t.Context(), "RAD-260302-5407", "USD"); !isKind(err, treasury.ErrUnavailable) || a.Verdict != "" {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	client, _, calls := answering(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, depositReply) })
	if _, err := client.DepositStatus(t.Context(), "..", "USD"); !isKind(err, treasury.ErrNotFound) || calls.Load() != 0 {
		t.Errorf("another resource: %v", err)
	}
}
