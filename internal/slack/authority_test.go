package slack_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/treasury"
)

// outsider is somebody whom the bot must refuse, and the words that say so.
type outsider struct {
	name   string
	id     string
	change func(b *bot) // before the person acts
	undo   func(b *bot)
	says   string // parts of which one must be told, between bars
}

func outsiders() []outsider {
	standing := func(id string, s slacksim.Standing, team string) func(*bot) {
		return func(b *bot) { b.PutPerson(slacksim.Person{ID: id, Name: "Somebody", Standing: s, TeamID: team}) }
	}
	down := func(f slacksim.Fault) func(*bot) {
		f.Method, f.Times = "users.info", -1
		return func(b *bot) { b.Inject(f) }
	}
	clear := func(b *bot) { b.ClearFaults() }
	return []outsider{
		{name: "a guest", id: "U0GUS", says: "Guests cannot use Tangobot"},
		{name: "a single-channel guest", id: "U0ONE", change: standing("U0ONE", slacksim.SingleChannelGuest, ""), says: "Guests cannot use Tangobot"},
		{name: "somebody who has left", id: "U0DEL", says: "deactivated"},
		{name: "a bot", id: "U0BOT2", says: "Bots cannot use Tangobot"},
		{name: "a stranger of a shared channel", id: "U0EXT", says: "members of one workspace alone"},
		{name: "a stranger who claims this workspace", id: "U0NEAR", change: standing("U0NEAR", slacksim.Stranger, "T0ACME"), says: "members of one workspace alone"},
		{name: "a full member of another workspace", id: "U0FAR", change: standing("U0FAR", slacksim.Member, "T0OTHER"), says: "members of one workspace alone"},
		{name: "an id that Slack does not know", id: "U0NOBODY", says: "members of one workspace alone"},
		{name: "an id that is none", id: "../U0MAYA", says: "members of one workspace alone"},
		{name: "a member in no group", id: "U0NEW", change: standing("U0NEW", slacksim.Member, ""), says: "You may not|Only the person who made this request"},
		{name: "users.info refused", id: "U0MAYA", change: down(slacksim.Fault{Error: "missing_scope"}), undo: clear, says: "Something went wrong"},
		{name: "users.info failing", id: "U0MAYA", change: down(slacksim.Fault{Status: http.StatusBadGateway}), undo: clear, says: "did not answer"},
		{name: "users.info cut off", id: "U0MAYA", change: down(slacksim.Fault{Drop: true}), undo: clear, says: "did not answer"},
		{name: "users.info limited", id: "U0MAYA", change: down(slacksim.Fault{Status: 429, RetryAfter: time.Minute}), undo: clear, says: "did not answer"},
	}
}

// An act is what a person does, by a signed request; it gives everything that they were told.
type act struct {
	name string
	do   func(b *bot, stolen map[slacksim.Route][]byte, person string) string
}

func acts() []act {
	command := func(text string) func(*bot, map[slacksim.Route][]byte, string) string {
		return func(b *bot, stolen map[slacksim.Route][]byte, person string) string {
			body, err := slacksim.EditForm(stolen[slacksim.ToCommands], func(v url.Values) { v.Set("user_id", person); v.Set("text", text) })
			if err != nil {
				b.tb.Fatal(err)
			}
			return b.delivered(slacksim.ToCommands, body)
		}
	}
	payload := func(route slacksim.Route, edit func(map[string]any)) func(*bot, map[slacksim.Route][]byte, string) string {
		return func(b *bot, stolen map[slacksim.Route][]byte, person string) string {
			body, err := slacksim.EditPayload(stolen[route], func(p map[string]any) {
				p["user"].(map[string]any)["id"] = person
				edit(p)
			})
			if err != nil {
				b.tb.Fatal(err)
			}
			return b.delivered(route, body)
		}
	}
	click := func(action string) func(map[string]any) {
		return func(p map[string]any) {
			p["type"] = "block_actions"
			p["actions"] = []any{map[string]any{"type": "button", "action_id": action, "value": p["request"]}}
			p["response_url"] = p["hook"]
		}
	}
	decision := func(approve bool) func(map[string]any) {
		return func(p map[string]any) {
			v := p["view"].(map[string]any)
			v["callback_id"] = "decision"
			meta, _ := json.Marshal(map[string]any{"request": p["request"], "hash": p["hash"], "approve": approve})
			v["private_metadata"] = string(meta)
			v["state"] = map[string]any{"values": map[string]any{"comment": map[string]any{"value": map[string]any{"type": "plain_text_input", "value": "because"}}}}
		}
	}
	return []act{
		{"asks for balances", command("balance")},
		{"asks for one balance", command("balance employee-rewards")},
		{"lists accounts", command("accounts")},
		{"asks for an account", command("account employee-rewards")},
		{"lists customers", command("customers")},
		{"lists requests", command("requests")},
		{"opens the form", command("transfer 5 from employee-rewards to marketing-us")},
		{"sends the form", payload(slacksim.ToInteractions, func(map[string]any) {})},
		{"presses Approve", payload(slacksim.ToInteractions, click("approve"))},
		{"presses Deny", payload(slacksim.ToInteractions, click("deny"))},
		{"presses Review", payload(slacksim.ToInteractions, click("review"))},
		{"presses Stop", payload(slacksim.ToInteractions, click("stop"))},
		{"presses Take it back", payload(slacksim.ToInteractions, click("cancel"))},
		{"presses Request a transfer", payload(slacksim.ToInteractions, click("new_transfer"))},
		{"sends an approval", payload(slacksim.ToInteractions, decision(true))},
		{"sends a denial", payload(slacksim.ToInteractions, decision(false))},
	}
}

// delivered signs and delivers a body, does the queued work, and gives all that was answered, opened or posted since.
func (b *bot) delivered(route slacksim.Route, body []byte) string {
	b.tb.Helper()
	before := len(b.Calls(""))
	a, err := b.Deliver(b.tb.Context(), route, body, nil)
	if err != nil || a.Status != http.StatusOK {
		b.tb.Errorf("status %d, %v", a.Status, err)
	}
	b.settle()
	said := string(a.Body)
	for _, c := range b.Calls("")[before:] {
		if c.Method != "users.info" {
			text, _ := json.Marshal(c.Args)
			said += "\n" + string(text)
		}
	}
	return said
}

func TestOutsidersAreRefused(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	stolen := b.rehearse()
	id := requestID.FindString(b.Messages("C0APPROVE")[0].Text)
	r, err := b.desk.Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range outsiders() {
		for _, a := range acts() {
			t.Run(who.name+"/"+a.name, func(t *testing.T) {
				b.tb = t
				b.clock.Advance(2 * time.Minute) // whatever is remembered of people is old
				if who.change != nil {
					who.change(b)
				}
				// A response_url of Lena's: what is told goes there, when no form can be opened.
				if _, err := b.Slash(t.Context(), "U0LENA", "", "help"); err != nil {
					t.Fatal(err)
				}
				d, _ := b.LastDelivery(slacksim.ToCommands)
				hook := mustForm(t, d.Body).Get("response_url")
				bodies := map[slacksim.Route][]byte{slacksim.ToCommands: d.Body}
				bodies[slacksim.ToInteractions], err = slacksim.EditPayload(stolen[slacksim.ToInteractions], func(p map[string]any) {
					p["hook"], p["request"], p["hash"] = hook, id, r.Hash
				})
				if err != nil {
					t.Fatal(err)
				}
				before, calls := b.journal(), b.tangoCalls()
				said := a.do(b, bodies, who.id)
				if !slices.ContainsFunc(strings.Split(who.says, "|"), func(one string) bool { return strings.Contains(said, one) }) {
					t.Errorf("not told %q, but: %s", who.says, said)
				}
				lacks(t, said, "24,500.00", "8,125.50", "employee-rewards`")
				if b.journal() != before || b.tangoCalls() != calls {
					t.Error("something was read or written for somebody who may not")
				}
				if b.state(id) != treasury.StatePending {
					t.Fatalf("the request is %s", b.state(id))
				}
				if who.undo != nil {
					who.undo(b)
				}
			})
		}
	}
	b.tb = t
}

func mustForm(tb testing.TB, body []byte) url.Values {
	tb.Helper()
	v, err := url.ParseQuery(string(body))
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestOutsidersSeeNoAccountsAndNoHome(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	stolen := b.rehearse()
	for _, who := range outsiders() {
		t.Run(who.name, func(t *testing.T) {
			b.tb = t
			b.clock.Advance(2 * time.Minute)
			if who.change != nil {
				who.change(b)
			}
			before, calls := b.journal(), b.tangoCalls()
			body, err := slacksim.EditPayload(stolen[slacksim.ToOptions], func(p map[string]any) { p["user"].(map[string]any)["id"] = who.id })
			if err != nil {
				t.Fatal(err)
			}
			a, err := b.Deliver(t.Context(), slacksim.ToOptions, body, nil)
			if err != nil || a.Status != http.StatusOK || string(a.Body) != `{"options":[]}` {
				t.Errorf("options: %d %s, %v", a.Status, a.Body, err)
			}
			published := len(b.Calls("views.publish"))
			body, err = slacksim.EditPayload(stolen[slacksim.ToEvents], func(p map[string]any) {
				p["event"].(map[string]any)["user"] = who.id
				delete(p["event"].(map[string]any), "view")
			})
			if err != nil {
				t.Fatal(err)
			}
			if a, err = b.Deliver(t.Context(), slacksim.ToEvents, body, nil); err != nil {
				t.Fatal(err)
			}
			for _, c := range b.Calls("views.publish")[published:] {
				shown, _ := json.Marshal(c.Args)
				has(t, string(shown), strings.Split(who.says, "|")[0])
				lacks(t, string(shown), "24,500.00", "Employee Rewards", "Waiting for you")
			}
			if who.undo != nil {
				if a.Status != http.StatusServiceUnavailable {
					t.Errorf("App Home: status %d, want one that Slack repeats", a.Status)
				}
				who.undo(b)
			}
			if b.journal() != before || b.tangoCalls() != calls {
				t.Error("something was read or written")
			}
		})
	}
	b.tb = t
}

func TestOtherWorkspaces(t *testing.T) {
	t.Parallel()
	b := newBot(t)
	stolen := b.rehearse()
	id := requestID.FindString(b.Messages("C0APPROVE")[0].Text)
	team := func(team, enterprise any) func(map[string]any) {
		return func(p map[string]any) {
			p["team"], p["enterprise"] = nil, nil
			if team != nil {
				p["team"] = map[string]any{"id": team}
			}
			if enterprise != nil {
				p["enterprise"] = map[string]any{"id": enterprise}
			}
			if _, isEvent := p["event"]; isEvent {
				delete(p, "team")
				delete(p, "enterprise")
				p["team_id"], p["enterprise_id"] = team, enterprise
			}
		}
	}
	for name, c := range map[string]struct{ team, enterprise any }{
		"another team":                   {"T0OTHER", nil},
		"no team":                        {nil, nil},
		"an empty team":                  {"", ""},
		"a team that begins alike":       {"T0ACMEX", nil},
		"the team in lower case":         {"t0acme", nil},
		"another enterprise":             {nil, "E0OTHER"},
		"another team and an enterprise": {"T0OTHER", "E0OTHER"},
	} {
		t.Run(name, func(t *testing.T) {
			b.tb = t
			before, calls, queued := b.journal(), b.tangoCalls(), b.questions.len()
			form, err := slacksim.EditForm(stolen[slacksim.ToCommands], func(v url.Values) {
				v.Set("text", "balance")
				v.Del("team_id")
				if s, ok := c.team.(string); ok {
					v.Set("team_id", s)
				}
				if s, ok := c.enterprise.(string); ok {
					v.Set("enterprise_id", s)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			has(t, b.delivered(slacksim.ToCommands, form), "members of one workspace alone")
			for _, route := range []slacksim.Route{slacksim.ToInteractions, slacksim.ToOptions} {
				body, err := slacksim.EditPayload(stolen[route], team(c.team, c.enterprise))
				if err != nil {
					t.Fatal(err)
				}
				said := b.delivered(route, body)
				if route == slacksim.ToOptions && said != `{"options":[]}` {
					t.Errorf("options: %s", said)
				}
				if route == slacksim.ToInteractions {
					has(t, said, "members of one workspace alone")
				}
			}
			body, err := slacksim.EditPayload(stolen[slacksim.ToEvents], team(c.team, c.enterprise))
			if err != nil {
				t.Fatal(err)
			}
			a, err := b.Deliver(t.Context(), slacksim.ToEvents, body, nil)
			if err != nil || !a.NoRetry {
				t.Errorf("an event would be repeated: %+v, %v", a, err)
			}
			if b.journal() != before || b.tangoCalls() != calls || b.questions.len() != queued || b.state(id) != treasury.StatePending {
				t.Error("another workspace had an effect")
			}
		})
	}
	b.tb = t
}

// An organisation's installation names its enterprise, and no team.
func TestAnEnterpriseIsServed(t *testing.T) {
	t.Parallel()
	b := newBot(t, func(o *options) {
		o.policy = strings.Replace(o.policy, "workspace: T0ACME", "workspace: E0ACME", 1)
		o.slack = func(c *slacksim.Config) { c.TeamID = "E0ACME" } // as users.info names it there
	})
	if said := b.types("U0LENA", "transfer"); said != "" {
		t.Errorf("refused: %s", said)
	}
	d, _ := b.LastDelivery(slacksim.ToCommands)
	body, err := slacksim.EditForm(d.Body, func(v url.Values) {
		v.Set("team_id", "T0ANY")
		v.Set("enterprise_id", "E0ACME")
		v.Set("text", "balance employee-rewards")
	})
	if err != nil {
		t.Fatal(err)
	}
	has(t, b.delivered(slacksim.ToCommands, body), "24,500.00 USD")
}
