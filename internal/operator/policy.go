package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// printPolicy checks a policy and tells, for each action and amount band, who may ask and who must approve.
func printPolicy(w io.Writer, file string) error {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("reading the policy: %w", err)
	}
	p, err := treasury.ParsePolicy(text)
	if mistakes, ok := errors.AsType[*treasury.PolicyError](err); ok {
		var lines []string
		for _, m := range mistakes.Mistakes {
			lines = append(lines, fmt.Sprintf("%s:%d: %s", file, m.Line, m.Text))
		}
		return errors.New(strings.Join(lines, "\n"))
	}
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s is valid. Workspace %s, approvals in %s, alerts in %s.\n\n", file, p.Workspace, p.Approvals, p.Alerts)
	fmt.Fprintf(&b, "may see:   %s\nmay ask:   %s\nmay stop:  %s\n", who(p, p.View), who(p, p.Request), who(p, p.Stop))
	for _, kind := range treasury.ActionKinds() {
		fmt.Fprintf(&b, "\n%s\n", kind)
		all := false // the first rule that matches decides, so none after one that matches all
		for i, r := range p.Rules {
			if !all && (r.Action == "" || r.Action == kind) {
				fmt.Fprintf(&b, "  rule %d  %-60s %s\n", i+1, band(r), approvals(p, r))
				all = len(r.UpTo) == 0 && len(r.Accounts) == 0
			}
		}
		if !all {
			fmt.Fprintf(&b, "  %-68s %s\n", "anything else", "refused")
		}
	}
	if len(p.Limits) > 0 {
		b.WriteString("\nlimits\n")
	}
	for _, l := range p.Limits {
		fmt.Fprintf(&b, "  per %s in %s: %s\n", l.Per, span(l.Window), amounts(l.UpTo))
	}
	for _, warning := range warnings(p) {
		fmt.Fprintf(&b, "\nwarning: %s\n", warning)
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// span writes a duration without the zeros at its end.
func span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func band(r treasury.Rule) string {
	text := "any amount"
	if len(r.UpTo) > 0 {
		text = "up to " + amounts(r.UpTo)
	}
	if len(r.Accounts) > 0 {
		text += " within " + strings.Join(r.Accounts, ", ")
	}
	return text
}

func amounts(m map[money.Currency]money.Amount) string {
	var list []string
	for _, c := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[c].String())
	}
	return strings.Join(list, ", ")
}

func approvals(p *treasury.Policy, r treasury.Rule) string {
	if r.Approvals == 0 {
		return "no approval, sent after " + span(p.Undo)
	}
	return fmt.Sprintf("%d from %s", r.Approvals, who(p, r.From))
}

func who(p *treasury.Policy, groups []string) string {
	users, userGroups, everyone := p.Who(groups)
	if everyone {
		return "every full member"
	}
	return strings.Join(groups, ", ") + " (" + strings.Join(append(users, userGroups...), " ") + ")"
}

// warnings finds what is allowed but may surprise: quorums that fail when one of the approvers asks.
func warnings(p *treasury.Policy) []string {
	var list []string
	for i, r := range p.Rules {
		users, userGroups, everyone := p.Who(r.From)
		askers, _, _ := p.Who(p.Request)
		if r.Approvals == 0 || everyone || len(userGroups) > 0 || len(users) > r.Approvals {
			continue
		}
		if slices.ContainsFunc(users, func(u string) bool { return slices.Contains(askers, u) }) {
			list = append(list, fmt.Sprintf("rule %d needs all of its %d approvers, so none of them can ask for it", i+1, len(users)))
		}
	}
	return list
}
