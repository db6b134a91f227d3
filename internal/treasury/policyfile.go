package treasury

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/tangobot/tangobot/internal/money"
)

// policyFile is the written form of a policy.
type policyFile struct {
	Workspace string `yaml:"workspace"`
	Channels  struct {
		Approvals string `yaml:"approvals"`
		Alerts    string `yaml:"alerts"`
	} `yaml:"channels"`
	Groups      map[string][]string `yaml:"groups"`
	View        []string            `yaml:"view"`
	Request     []string            `yaml:"request"`
	Stop        []string            `yaml:"stop"`
	Rules       []ruleFile          `yaml:"rules"`
	Limits      []limitFile         `yaml:"limits"`
	ExpireAfter string              `yaml:"expire_after"`
	RemindAfter string              `yaml:"remind_after"`
	Undo        string              `yaml:"undo"`
	LowBalance  struct {
		Default  map[string]number            `yaml:"default"`
		Accounts map[string]map[string]number `yaml:"accounts"`
	} `yaml:"low_balance"`
	Cards struct {
		Registration string `yaml:"registration"`
	} `yaml:"cards"`
	Tango struct {
		Transfer   string `yaml:"transfer"`
		References string `yaml:"references"`
	} `yaml:"tango"`
}

type ruleFile struct {
	Action    string            `yaml:"action"`
	Accounts  []string          `yaml:"accounts"`
	UpTo      map[string]number `yaml:"up_to"`
	Approvals *int              `yaml:"approvals"`
	From      []string          `yaml:"from"`
}

type limitFile struct {
	Per    string            `yaml:"per"`
	Window string            `yaml:"window"`
	UpTo   map[string]number `yaml:"up_to"`
}

// number keeps a YAML scalar as it was written, so that an amount never passes through a floating-point number.
type number string

// UnmarshalYAML takes the scalar's text.
func (n *number) UnmarshalYAML(text []byte) error {
	*n = number(strings.Trim(strings.TrimSpace(string(text)), `"'`))
	return nil
}

// PolicyError lists the mistakes in a policy file, each with its line.
type PolicyError struct{ Mistakes []Mistake }

// Mistake is one thing that is wrong in a policy file.
type Mistake struct {
	Line int // from 1; 0 when the whole file is meant
	Text string
}

func (e *PolicyError) Error() string {
	lines := make([]string, len(e.Mistakes))
	for i, m := range e.Mistakes {
		lines[i] = m.Text
		if m.Line > 0 {
			lines[i] = fmt.Sprintf("line %d: %s", m.Line, m.Text)
		}
	}
	return "policy: " + strings.Join(lines, "; ")
}

// The bounds of a policy.
const (
	maxPolicyBytes = 256 << 10
	maxApprovals   = 10
	minExpire      = 5 * time.Minute
	maxExpire      = 30 * 24 * time.Hour
)

var (
	slackUser    = regexp.MustCompile(`^[UW][A-Z0-9]{2,20}$`)
	slackGroup   = regexp.MustCompile(`^S[A-Z0-9]{2,20}$`)
	slackTeam    = regexp.MustCompile(`^[TE][A-Z0-9]{2,20}$`)
	slackChannel = regexp.MustCompile(`^[CG][A-Z0-9]{2,20}$`)
)

// ParsePolicy reads a policy file strictly. It fails with a *PolicyError that names the lines of all mistakes: unknown
// keys, unknown groups, amounts of odd form, rules that can never be reached, quorums that can never be met.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > maxPolicyBytes {
		return nil, &PolicyError{[]Mistake{{Text: "larger than 256 KiB"}}}
	}
	f, err := decodePolicy(text)
	if err != nil {
		return nil, &PolicyError{[]Mistake{decodeMistake(err)}}
	}
	r := policyReader{text: text}
	p := r.policy(f)
	if len(r.mistakes) > 0 {
		slices.SortStableFunc(r.mistakes, func(a, b Mistake) int { return a.Line - b.Line })
		return nil, &PolicyError{r.mistakes}
	}
	return p, nil
}

// decodePolicy bears with the decoder, which panics over some files that are no YAML, such as a list with a tag of its own.
func decodePolicy(text []byte) (f policyFile, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("not YAML that can be read")
		}
	}()
	err = yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&f)
	return f, err
}

func decodeMistake(err error) Mistake {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
		return Mistake{Line: y.GetToken().Position.Line, Text: y.GetMessage()}
	}
	return Mistake{Text: err.Error()}
}

type policyReader struct {
	text     []byte
	doc      *ast.File // read at the first mistake: every function reads a policy when it starts, and most have none
	mistakes []Mistake
}

// line gives the line of a path; 0 when there is none.
func (r *policyReader) line(path string) int {
	if r.doc == nil {
		doc, err := parser.ParseBytes(r.text, 0)
		if err != nil {
			return 0
		}
		r.doc = doc
	}
	p, err := yaml.PathString(path)
	if err != nil {
		return 0
	}
	node, err := p.FilterFile(r.doc)
	if err != nil || node.GetToken() == nil {
		return 0
	}
	return node.GetToken().Position.Line
}

// at notes a mistake at a path such as $.rules[2].up_to.
func (r *policyReader) at(where, format string, args ...any) {
	m := Mistake{Text: fmt.Sprintf(format, args...)}
	for w := where; w != "" && w != "$" && m.Line == 0; w = w[:max(strings.LastIndexAny(w, ".["), 0)] {
		m.Line = r.line(w)
	}
	r.mistakes = append(r.mistakes, m)
}

func (r *policyReader) policy(f policyFile) *Policy {
	p := &Policy{
		Workspace: f.Workspace, Approvals: f.Channels.Approvals, Alerts: f.Channels.Alerts, Groups: f.Groups,
		View: f.View, Request: f.Request, Cards: Registration(f.Cards.Registration),
		Method: f.Tango.Transfer, References: f.Tango.References,
	}
	r.match("$.workspace", "workspace", f.Workspace, slackTeam, "a Slack team or enterprise id such as T0ACME")
	r.match("$.channels.approvals", "channels.approvals", p.Approvals, slackChannel, "a Slack channel id such as C0APPROVE")
	r.match("$.channels.alerts", "channels.alerts", p.Alerts, slackChannel, "a Slack channel id such as C0ALERTS")
	r.groups(f.Groups)
	r.names("$.view", "view", p, f.View)
	r.names("$.request", "request", p, f.Request)
	if p.Stop = f.Stop; len(p.Stop) == 0 {
		p.Stop = f.Request // better too many who may stop than nobody
	}
	r.names("$.stop", "stop", p, p.Stop)
	if len(f.Rules) == 0 {
		r.at("$.rules", "rules: at least one rule is needed, or every request is refused")
	}
	for i, rule := range f.Rules {
		p.Rules = append(p.Rules, r.rule(fmt.Sprintf("$.rules[%d]", i), i+1, p, rule))
	}
	r.unreachable(p.Rules)
	for i, limit := range f.Limits {
		p.Limits = append(p.Limits, r.limit(fmt.Sprintf("$.limits[%d]", i), limit))
	}
	p.Expire = r.span("$.expire_after", "expire_after", f.ExpireAfter, 24*time.Hour, minExpire, maxExpire)
	p.Remind = r.span("$.remind_after", "remind_after", f.RemindAfter, 4*time.Hour, minExpire, maxExpire)
	p.Undo = r.span("$.undo", "undo", f.Undo, time.Minute, 0, MaxDelay)
	p.Low.Default = r.amounts("$.low_balance.default", "low_balance.default", f.LowBalance.Default)
	p.Low.Accounts = map[string]map[money.Currency]money.Amount{}
	for _, id := range slices.Sorted(maps.Keys(f.LowBalance.Accounts)) {
		p.Low.Accounts[id] = r.amounts("$.low_balance.accounts."+id, "low_balance of "+id, f.LowBalance.Accounts[id])
	}
	p.Cards = Registration(r.oneOf("$.cards.registration", "cards.registration", string(p.Cards), "page", "portal", "off"))
	p.Method = r.oneOf("$.tango.transfer", "tango.transfer", p.Method, "POST", "GET")
	p.References = r.oneOf("$.tango.references", "tango.references", p.References, ReferencesAttach, ReferencesUnique)
	return p
}

func (r *policyReader) match(where, name, value string, form *regexp.Regexp, what string) {
	if !form.MatchString(value) {
		r.at(where, "%s: %q is not %s", name, value, what)
	}
}

// oneOf checks a choice; an empty value takes the first.
func (r *policyReader) oneOf(where, name, value string, choices ...string) string {
	if value == "" {
		return choices[0]
	}
	if !slices.Contains(choices, value) {
		r.at(where, "%s: %q is none of %s", name, value, strings.Join(choices, ", "))
	}
	return value
}

func (r *policyReader) groups(groups map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		where := "$.groups." + name
		if name == Everyone {
			r.at("$.groups", "groups: %q is a word of its own and cannot be defined", name)
		}
		if len(groups[name]) == 0 {
			r.at(where, "group %s: nobody is in it", name)
		}
		for i, id := range groups[name] {
			if id != Everyone && !slackUser.MatchString(id) && !slackGroup.MatchString(id) {
				r.at(fmt.Sprintf("%s[%d]", where, i), "group %s: %q is no Slack user id (U…), user group id (S…) or \"*\"", name, id)
			}
			if slices.Contains(groups[name][:i], id) {
				r.at(fmt.Sprintf("%s[%d]", where, i), "group %s: %s stands in it twice", name, id)
			}
		}
	}
}

func (r *policyReader) names(where, what string, p *Policy, names []string) {
	if len(names) == 0 {
		r.at(where, "%s: at least one group is needed", what)
	}
	for i, name := range names {
		if _, ok := p.Groups[name]; !ok && name != Everyone {
			r.at(fmt.Sprintf("%s[%d]", where, i), "%s: group %q is not defined under groups", what, name)
		}
	}
}

func (r *policyReader) rule(where string, number int, p *Policy, f ruleFile) Rule {
	what := fmt.Sprintf("rule %d", number)
	rule := Rule{Action: ActionKind(f.Action), Accounts: f.Accounts, From: f.From}
	switch {
	case f.Action == "*":
		rule.Action = ""
	case !slices.Contains(ActionKinds(), rule.Action):
		r.at(where+".action", "%s: action %q is not known", what, f.Action)
	}
	for i, pattern := range f.Accounts {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			r.at(fmt.Sprintf("%s.accounts[%d]", where, i), "%s: account pattern %q is malformed", what, pattern)
		}
	}
	rule.UpTo = r.amounts(where+".up_to", what+", up_to", f.UpTo)
	switch {
	case f.Approvals == nil:
		r.at(where, "%s: approvals is missing", what)
		return rule
	case *f.Approvals < 0 || *f.Approvals > maxApprovals:
		r.at(where+".approvals", "%s: approvals must be 0 to %d", what, maxApprovals)
		return rule
	case *f.Approvals == 0 && len(f.From) > 0:
		r.at(where+".from", "%s: from without approvals has no meaning", what)
		return rule
	}
	rule.Approvals = *f.Approvals
	if rule.Approvals == 0 {
		return rule
	}
	r.names(where+".from", what+", from", p, f.From)
	if m := p.membership(f.From); !m.everyone && len(m.groups) == 0 && len(m.users) < rule.Approvals {
		r.at(where+".approvals", "%s: needs %d approvals, but only %d people are in from", what, rule.Approvals, len(m.users))
	}
	return rule
}

func (r *policyReader) limit(where string, f limitFile) Limit {
	per := r.oneOf(where+".per", "limit, per", f.Per, string(PerRequester), string(PerAccount))
	if len(f.UpTo) == 0 {
		r.at(where, "limit: up_to is missing")
	}
	return Limit{
		Per: LimitScope(per), Window: r.span(where+".window", "limit, window", f.Window, 24*time.Hour, time.Minute, maxExpire),
		UpTo: r.amounts(where+".up_to", "limit, up_to", f.UpTo),
	}
}

func (r *policyReader) amounts(where, what string, f map[string]number) map[money.Currency]money.Amount {
	amounts := map[money.Currency]money.Amount{}
	for _, code := range slices.Sorted(maps.Keys(f)) {
		c := money.Currency(code)
		if !c.IsValid() {
			r.at(where+"."+code, "%s: %q is no currency code", what, code)
			continue
		}
		a, err := money.FromDecimal(string(f[code]), c)
		if err != nil || !a.IsPositive() {
			r.at(where+"."+code, "%s: %q is no amount above zero with at most two decimals", what, string(f[code]))
		}
		amounts[c] = a
	}
	return amounts
}

func (r *policyReader) span(where, what, text string, fallback, least, most time.Duration) time.Duration {
	if text == "" {
		return fallback
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < least || d > most {
		r.at(where, "%s: %q is not a time from %s to %s, such as 90s, 15m or 24h", what, text, least, most)
	}
	return d
}

// unreachable finds rules that an earlier rule always answers first.
func (r *policyReader) unreachable(rules []Rule) {
	for j := range rules {
		for i := range j {
			if covers(rules[i], rules[j]) {
				r.at(fmt.Sprintf("$.rules[%d]", j), "rule %d can never be reached: rule %d decides first", j+1, i+1)
				break
			}
		}
	}
}

// covers holds when the earlier rule matches whatever the later one matches.
func covers(earlier, later Rule) bool {
	if earlier.Action != "" && earlier.Action != later.Action {
		return false
	}
	if len(earlier.Accounts) > 0 {
		if len(later.Accounts) == 0 {
			return false
		}
		for _, pattern := range later.Accounts {
			if !slices.Contains(earlier.Accounts, pattern) && !slices.Contains(earlier.Accounts, Everyone) {
				return false
			}
		}
	}
	if len(earlier.UpTo) == 0 {
		return true
	}
	if len(later.UpTo) == 0 {
		return false
	}
	for currency, most := range later.UpTo {
		if first, ok := earlier.UpTo[currency]; !ok || first.Hundredths < most.Hundredths {
			return false
		}
	}
	return true
}
