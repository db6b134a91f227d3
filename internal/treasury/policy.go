package treasury

import (
	"maps"
	"path"
	"slices"
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// Policy says who may see, ask and approve. Use ParsePolicy to make one: it refuses every mistake that it can see.
type Policy struct {
	Workspace  string // the only Slack team or enterprise id that is served
	Approvals  string // channel of the approval cards
	Alerts     string // channel of the alerts
	Groups     map[string][]string
	View       []string // groups that may read
	Request    []string // groups that may ask
	Stop       []string // groups that may stop and resume all sending
	Rules      []Rule   // the first that matches decides
	Limits     []Limit
	Expire     time.Duration // votes count for so long
	Remind     time.Duration // first reminder, then doubling
	Undo       time.Duration // between quorum and the send
	Low        Thresholds
	Cards      Registration
	Method     string // "POST" or "GET": how Tango's transferFunds is called
	References string // "attach" or "unique": what a repeated externalRefID means
}

// What a repeated externalRefID means at Tango.
const (
	ReferencesAttach = "attach" // not proved: it is sent along, and a 409 is a doubt
	ReferencesUnique = "unique" // proved in the sandbox: Tango takes each once
)

// Everyone in a policy means every full, active member of the workspace.
const Everyone = "*"

// Rule says how many approvals an action needs, and from whom.
type Rule struct {
	Action    ActionKind // empty for every action
	Accounts  []string   // patterns as of path.Match; all accounts of the action must match one; none for any account
	UpTo      map[money.Currency]money.Amount
	Approvals int
	From      []string // groups; empty when Approvals is 0
}

// Limit bounds the sum that one requester moves, or that leaves one account, in a rolling window.
type Limit struct {
	Per    LimitScope
	Window time.Duration
	UpTo   map[money.Currency]money.Amount
}

// LimitScope is what a Limit counts by.
type LimitScope string

// The scopes.
const (
	PerRequester LimitScope = "requester"
	PerAccount   LimitScope = "account" // the account that the money leaves
)

// Thresholds are the balances below which an account is low.
type Thresholds struct {
	Default  map[money.Currency]money.Amount
	Accounts map[string]map[money.Currency]money.Amount
}

// Registration is the way in which cards are registered.
type Registration string

// The ways.
const (
	RegistrationPage   Registration = "page"
	RegistrationPortal Registration = "portal"
	RegistrationOff    Registration = "off"
)

// Match finds the rule that decides about an action, with its number from 1. ok is false when no rule covers it, which
// means no.
func (p *Policy) Match(a Action) (rule Rule, number int, ok bool) {
	for i, r := range p.Rules {
		if r.matches(a.Kind, a.Accounts(), a.Amount()) {
			return r, i + 1, true
		}
	}
	return Rule{}, 0, false
}

func (r Rule) matches(kind ActionKind, accounts []string, amount money.Amount) bool {
	if r.Action != "" && r.Action != kind || len(r.Accounts) > 0 && len(accounts) == 0 {
		return false
	}
	for _, account := range accounts {
		if len(r.Accounts) > 0 && !slices.ContainsFunc(r.Accounts, func(pattern string) bool {
			ok, err := path.Match(pattern, account)
			return ok && err == nil
		}) {
			return false
		}
	}
	if len(r.UpTo) == 0 || !amount.IsKnown() {
		return len(r.UpTo) == 0
	}
	most, ok := r.UpTo[amount.Currency]
	return ok && amount.Hundredths <= most.Hundredths
}

// IsLow reports whether the balance is under the account's threshold, and which that is.
func (t Thresholds) IsLow(a Account) (threshold money.Amount, low bool) {
	limit, ok := t.Accounts[a.ID][a.Balance.Currency]
	if !ok {
		limit, ok = t.Default[a.Balance.Currency]
	}
	return limit, ok && a.Balance.IsKnown() && a.Balance.Hundredths < limit.Hundredths
}

// membership flattens groups to what they name: users, Slack user groups, or everyone.
type membership struct {
	users    map[string]bool
	groups   []string
	everyone bool
}

func (p *Policy) membership(names []string) membership {
	m := membership{users: map[string]bool{}}
	for _, name := range names {
		if name == Everyone {
			m.everyone = true
		}
		for _, id := range p.Groups[name] {
			switch {
			case id == Everyone:
				m.everyone = true
			case id[0] == 'S':
				if !slices.Contains(m.groups, id) {
					m.groups = append(m.groups, id)
				}
			default:
				m.users[id] = true
			}
		}
	}
	return m
}

// Who describes groups for people: the Slack users and user groups that they name, sorted, and whether that is everyone.
func (p *Policy) Who(names []string) (users, groups []string, everyone bool) {
	m := p.membership(names)
	return slices.Sorted(maps.Keys(m.users)), m.groups, m.everyone
}
