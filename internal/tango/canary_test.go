package tango_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/canarytest"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// TestCardGoesNowhereElse registers a card in every way that can go well or wrong. Its number and code are on the wire, and
// in no log line, answer or state of the simulation. The code is one that no other text holds by chance.
func TestCardGoesNowhereElse(t *testing.T) {
	t.Parallel()
	const amex, code = canarytest.TakenNumber, "8642"
	card := details()
	card.Number, card.Code = treasury.NewSecret(amex), treasury.NewSecret(code)
	faults := map[string]tangosim.Fault{
		"none": {}, "drop before": {DropBefore: true}, "drop after": {DropAfter: true}, "reset after": {ResetAfter: true},
		"refused": {StatusBefore: 400, Key: "422.050"}, "failed": {StatusBefore: 500}, "page": {StatusAfter: 502}, "half": {Truncate: true},
		"huge": {Huge: true}, "number for a token": {Edit: tangosim.EditField("token", amex)}, "number for a label": {Edit: tangosim.EditField("label", amex)},
		"number as digits": {Edit: tangosim.EditField("lastFourDigits", amex)}, "number as a state": {Edit: tangosim.EditField("status", amex)},
		"number as a page": {Body: []byte("<html>" + amex + " " + code)}, "number as a time": {Edit: tangosim.EditField("activationDate", amex)},
		"number as JSON": {Body: []byte(`{"` + amex + `":"` + code + `"}`)},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, nil, nil)
			fault.On = "POST /creditCards"
			f.sim.Arm(fault)
			first := f.client.RegisterCard(t.Context(), registerOrder(), card, "203.0.113.7")
			labelled := registerOrder()
			labelled.Action.RegisterCard.Label = "my " + amex // refused by the simulation, which says it back
			second := f.client.RegisterCard(t.Context(), labelled, card, "203.0.113.7")
			unsent := f.client.RegisterCard(t.Context(), registerOrder(), card, "not an address")
			if unsent.Verdict != treasury.VerdictUnsent || second.Verdict != treasury.VerdictRefused {
				t.Errorf("verdicts: %s, %s", unsent.Verdict, second.Verdict)
			}
			state, err := f.sim.Save()
			if err != nil {
				t.Fatal(err)
			}
			answers, err := json.Marshal([]treasury.Answer{first, second, unsent})
			if err != nil {
				t.Fatal(err)
			}
			for where, text := range map[string]string{
				"log": f.log.String(), "answers": string(answers) + fmt.Sprintf("%+v %#v", first, second), "state": string(state),
				"requests": fmt.Sprint(addresses(f.sim)), "card": fmt.Sprintf("%v %+v %#v %s", card, card, card, card),
			} {
				canarytest.Check(t, where, []byte(text))
				if strings.Contains(text, code) {
					t.Errorf("the %s has the code: %s", where, text)
				}
			}
		})
	}
}

// addresses gives what the simulation was asked for without the headers, where the key rightly is.
func addresses(sim *tangosim.Sim) (list []string) {
	for _, r := range sim.Received() {
		list = append(list, r.Method+" "+r.URI+" "+r.Body)
	}
	return list
}

// TestErrorsThatSayTheCard: validation errors of Tango repeat the value that they refuse.
func TestErrorsThatSayTheCard(t *testing.T) {
	t.Parallel()
	client, _, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-REQUEST-ID", visa)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"httpCode":400,"message":%q,"errors":[{"path":"creditCard.number","i18nKey":"402.051","message":%q,"invalidValue":%q}]}`,
			visa, visa, visa)
	})
	got := client.RegisterCard(t.Context(), registerOrder(), details(), "203.0.113.7")
	if got != (treasury.Answer{Verdict: treasury.VerdictRefused, Status: 400, Key: "402.051"}) {
		t.Errorf("answer: %+v", got)
	}
}

// TestOneSendOfEveryChange: whatever goes wrong with a change, it is not sent again; and what was carried out, once.
func TestOneSendOfEveryChange(t *testing.T) {
	t.Parallel()
	unknown := func(d treasury.Doubt) treasury.Answer {
		return treasury.Answer{Verdict: treasury.VerdictUnknown, Doubt: d}
	}
	for _, c := range changingCalls() {
		for name, fault := range map[string]struct {
			fault tangosim.Fault
			want  treasury.Answer
			done  bool
		}{
			"drop before":   {tangosim.Fault{DropBefore: true}, unknown(treasury.DoubtNoAnswer), false},
			"drop after":    {tangosim.Fault{DropAfter: true}, unknown(treasury.DoubtNoAnswer), true},
			"reset before":  {tangosim.Fault{ResetBefore: true}, unknown(treasury.DoubtNoAnswer), false},
			"reset after":   {tangosim.Fault{ResetAfter: true}, unknown(treasury.DoubtNoAnswer), true},
			"503 before":    {tangosim.Fault{StatusBefore: 503, Key: "503.501"}, unknown(treasury.DoubtServer), false},
			"504 after":     {tangosim.Fault{StatusAfter: 504}, unknown(treasury.DoubtServer), true},
			"307 after":     {tangosim.Fault{StatusAfter: 307, Location: "/raas/v2/customers"}, unknown(treasury.DoubtRedirect), true},
			"half":          {tangosim.Fault{Truncate: true}, unknown(treasury.DoubtUnreadable), true},
			"huge":          {tangosim.Fault{Huge: true}, unknown(treasury.DoubtUnreadable), true},
			"not an object": {tangosim.Fault{Body: []byte("[]")}, unknown(treasury.DoubtUnreadable), true},
			"throttled":     {tangosim.Fault{StatusBefore: 429, Key: "429.008"}, treasury.Answer{Verdict: treasury.VerdictThrottled}, false},
			"page of a 403": {tangosim.Fault{StatusBefore: 403, Plain: true}, unknown(treasury.DoubtStatus), false},
			"velocity":      {tangosim.Fault{StatusBefore: 403, Key: "403.016"}, treasury.Answer{Verdict: treasury.VerdictRefused}, false},
		} {
			t.Run(c.name+" "+name, func(t *testing.T) {
				t.Parallel()
				f := setup(t, nil, nil)
				before := saved(t, f.sim)
				fault.fault.On = c.on
				f.sim.Arm(fault.fault)
				got := c.call(t.Context(), f.client)
				if got.Verdict != fault.want.Verdict || got.Doubt != fault.want.Doubt {
					t.Errorf("answer: %+v, want %s %s", got, fault.want.Verdict, fault.want.Doubt)
				}
				if n := f.sim.Requests()[c.on]; n != 1 {
					t.Errorf("%d sends, want 1", n)
				}
				if changed := saved(t, f.sim) != before; changed != fault.done {
					t.Errorf("carried out: %v, want %v", changed, fault.done)
				}
			})
		}
	}
}

func saved(t *testing.T, s *tangosim.Sim) string {
	t.Helper()
	state, err := s.Save()
	if err != nil {
		t.Fatal(err)
	}
	return string(state)
}

// TestUnsentChanges: where nobody listens, no connection was got, and that is known.
func TestUnsentChanges(t *testing.T) {
	t.Parallel()
	for _, c := range changingCalls() {
		if got := c.call(t.Context(), newClient(t, "http://127.0.0.1:1", func(*tango.Config) {})); got != (treasury.Answer{Verdict: treasury.VerdictUnsent}) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
