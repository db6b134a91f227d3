package slack_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestVotesThatDoNotCount(t *testing.T) {
	t.Parallel()
	const quorum2 = "700 from employee-rewards to marketing-us"
	setUp := func(t *testing.T) (*bot, string) {
		t.Helper()
		b := newBot(t)
		id := b.requests("U0MAYA", quorum2)
		b.settle()
		return b, id
	}
	votes := func(t *testing.T, b *bot, id string, want int) {
		t.Helper()
		r, err := b.desk.Find(t.Context(), id)
		if err != nil || len(r.Votes) != want {
			t.Errorf("%d votes, want %d, %v", len(r.Votes), want, err)
		}
	}
	t.Run("one's own", func(t *testing.T) {
		t.Parallel()
		b, id := setUp(t)
		has(t, b.decides("U0MAYA", id, "approve", ""), "Not done", "You made this request")
		has(t, b.decides("U0MAYA", id, "deny", ""), "You made this request")
		votes(t, b, id, 0)
	})
	t.Run("one's own, by the id in another case", func(t *testing.T) {
		t.Parallel()
		b, id := setUp(t)
		b.presses("U0RAVI", b.card(id), "approve")
		b.sent("U0RAVI", nil)
		d, _ := b.LastDelivery(slacksim.ToInteractions)
		for _, alias := range []string{"u0maya", "U0MAYA ", "U0maya", "W0MAYA"} {
			body, err := slacksim.EditPayload(d.Body, func(p map[string]any) { p["user"].(map[string]any)["id"] = alias })
			if err != nil {
				t.Fatal(err)
			}
			has(t, b.delivered(slacksim.ToInteractions, body), "Not recorded")
		}
		votes(t, b, id, 1)
	})
	t.Run("somebody in no approvers' group", func(t *testing.T) {
		t.Parallel()
		b, id := setUp(t)
		has(t, b.decides("U0LENA", id, "approve", ""), "You may not decide on this request", "finance")
		has(t, b.decides("U0VERA", id, "deny", ""), "You may not decide on this request", "finance")
		votes(t, b, id, 0)
	})
	t.Run("twice", func(t *testing.T) {
		t.Parallel()
		b, id := setUp(t)
		b.decides("U0RAVI", id, "approve", "")
		has(t, b.decides("U0RAVI", id, "approve", ""), "already decided")
		has(t, b.decides("U0RAVI", id, "deny", "no"), "already decided")
		votes(t, b, id, 1)
	})
	t.Run("twice, by two forms that were open", func(t *testing.T) {
		t.Parallel()
		b, id := setUp(t)
		b.presses("U0RAVI", b.card(id), "approve")
		b.sent("U0RAVI", nil)
		d, _ := b.LastDelivery(slacksim.ToInteractions)
		b.clock.Advance(time.Second)
		has(t, b.delivered(slacksim.ToInteractions, d.Body), "already decided") // signed anew
		votes(t, b, id, 1)
	})
	t.Run("by a group that names the person twice", func(t *testing.T) {
		t.Parallel()
		b := newBot(t)
		id := b.requests("U0LENA", quorum2)
		b.settle()
		b.decides("U0MAYA", id, "approve", "") // a member of finance, of rewards, and of the user group
		if b.state(id) != treasury.StatePending {
			t.Errorf("one person made a quorum of two: %s", b.state(id))
		}
		votes(t, b, id, 1)
	})
	t.Run("on other figures", func(t *testing.T) {
		t.Parallel()
		b, id := setUp(t)
		b.presses("U0RAVI", b.card(id), "approve")
		b.sent("U0RAVI", nil)
		d, _ := b.LastDelivery(slacksim.ToInteractions)
		r, _ := b.desk.Find(t.Context(), id)
		other := newBot(t)
		second := other.requests("U0MAYA", "701 from employee-rewards to marketing-us")
		s, _ := other.desk.Find(t.Context(), second)
		b2, id2 := setUp(t)
		for name, hash := range map[string]string{"another request's hash": s.Hash, "no hash": "", "a hash cut short": r.Hash[:60]} {
			body, err := slacksim.EditPayload(d.Body, func(p map[string]any) {
				meta, _ := json.Marshal(map[string]any{"request": id2, "hash": hash, "approve": true})
				p["view"].(map[string]any)["private_metadata"] = string(meta)
			})
			if err != nil {
				t.Fatal(err)
			}
			if said := b2.delivered(slacksim.ToInteractions, body); !strings.Contains(said, "What you saw is not what the request says") {
				t.Errorf("%s: %s", name, said)
			}
		}
		votes(t, b2, id2, 0)
	})
	t.Run("after its time", func(t *testing.T) {
		t.Parallel()
		b, id := setUp(t)
		b.presses("U0RAVI", b.card(id), "approve")
		b.clock.Advance(24 * time.Hour)
		b.sent("U0RAVI", nil)
		has(t, b.told("U0RAVI"), "Not recorded", "time for approving this request is over")
		votes(t, b, id, 0)
		b.pass(time.Minute)
		if b.state(id) != treasury.StateExpired {
			t.Errorf("state %s", b.state(id))
		}
	})
	t.Run("after it was taken back", func(t *testing.T) {
		t.Parallel()
		b, id := setUp(t)
		b.presses("U0RAVI", b.card(id), "approve")
		b.presses("U0MAYA", b.find("U0MAYA", id), "cancel")
		b.sent("U0RAVI", nil)
		has(t, b.told("U0RAVI"), "too late", "Cancelled, it was not carried out")
		votes(t, b, id, 0)
	})
	t.Run("by a form of another version", func(t *testing.T) {
		t.Parallel()
		b, id := setUp(t)
		b.presses("U0RAVI", b.card(id), "approve")
		b.sent("U0RAVI", nil)
		d, _ := b.LastDelivery(slacksim.ToInteractions)
		for _, change := range []func(map[string]any){
			func(v map[string]any) { v["callback_id"] = "decision_v0" },
			func(v map[string]any) { v["private_metadata"] = "" },
			func(v map[string]any) { v["private_metadata"] = "{" },
			func(v map[string]any) { v["private_metadata"] = `{"hash":"x"}` },
			func(v map[string]any) { v["private_metadata"] = `{"request":"TB-00000000","approve":true}` },
			func(v map[string]any) { v["private_metadata"] = `{"request":"../` + id + `","approve":true}` },
		} {
			body, err := slacksim.EditPayload(d.Body, func(p map[string]any) { change(p["view"].(map[string]any)) })
			if err != nil {
				t.Fatal(err)
			}
			has(t, b.delivered(slacksim.ToInteractions, body), `"response_action":"update"`, "Not ")
		}
		votes(t, b, id, 1)
	})
	t.Run("by a button that an old card had", func(t *testing.T) {
		t.Parallel()
		b, id := setUp(t)
		b.presses("U0RAVI", b.card(id), "approve")
		old, _ := b.LastDelivery(slacksim.ToInteractions)
		b.sent("U0RAVI", nil)
		b.closes("U0RAVI")
		b.settle()
		b.presses("U0MAYA", b.find("U0MAYA", id), "cancel")
		b.settle()
		b.clock.Advance(time.Second)
		before := b.journal()
		has(t, b.delivered(slacksim.ToInteractions, old.Body), "came too late")
		if b.journal() != before {
			t.Error("the old button had an effect")
		}
	})
}

func TestAnApproverWhoLosesTheRight(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(b *bot){
		"became a guest": func(b *bot) { b.PutPerson(slacksim.Person{ID: "U0RAVI", Name: "Ravi", Standing: slacksim.Guest}) },
		"has left":       func(b *bot) { b.PutPerson(slacksim.Person{ID: "U0RAVI", Name: "Ravi", Standing: slacksim.Deactivated}) },
		"moved away":     func(b *bot) { b.PutPerson(slacksim.Person{ID: "U0RAVI", Name: "Ravi", TeamID: "T0OTHER"}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBot(t)
			id := b.requests("U0LENA", "250 from employee-rewards to marketing-us")
			b.settle()
			b.decides("U0RAVI", id, "approve", "")
			lose(b)
			b.pass(2 * time.Minute)
			if b.state(id) != treasury.StateCancelled || b.tango.Moved(id) != 0 {
				t.Errorf("state %s, moved %d times", b.state(id), b.tango.Moved(id))
			}
			has(t, b.card(id).Text, "Cancelled, no money moved", "may no longer do so")
		})
	}
}

func TestALimitSplitOverManyRequests(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	var ids []string
	for range 3 { // each fits the limit of 10,000 alone
		id := b.requests("U0LENA", "4000 from employee-rewards to marketing-us")
		b.settle()
		b.decides("U0MAYA", id, "approve", "")
		b.decides("U0RAVI", id, "approve", "")
		ids = append(ids, id)
	}
	b.pass(2 * time.Minute)
	b.pass(2 * time.Minute)
	moved := 0
	for _, id := range ids {
		moved += b.tango.Moved(id)
	}
	if moved != 2 || b.state(ids[2]) != treasury.StateCancelled {
		t.Errorf("%d moved, the last is %s", moved, b.state(ids[2]))
	}
	has(t, b.card(ids[2]).Text, "Cancelled, no money moved", "pass a limit of the policy")
	// The next one is told before it is made, on the amount.
	b.types("U0LENA", "transfer 4000 from employee-rewards to marketing-us")
	r := b.sent("U0LENA", nil)
	has(t, r.Errors["amount"], "leaves 2,000.00 USD")
}
