package slack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

const (
	// maxNamed bounds the accounts of one balance question: Tango takes about one call a second.
	maxNamed = 10
	// maxSummed bounds the pages of 200 that a question for all balances reads.
	maxSummed = 10
	// maxListed is how many balances stand in one answer; more than that are summed up, and listed page by page.
	maxListed = 12
)

// balances answers the question for one, some or all balances.
func (e *Edge) balances(ctx context.Context, q Question) (message, error) {
	if q.Words != "" {
		return e.namedBalances(ctx, q)
	}
	var all []treasury.Reading
	window := treasury.Window{Size: 200}
	for range maxSummed {
		page, err := e.Desk.Books.Accounts(ctx, treasury.AccountQuery{Window: window})
		if isOut(err) {
			return e.lastKnown(ctx, q, nil)
		}
		if err != nil {
			return message{}, err
		}
		for _, a := range page.Accounts {
			if a.Status != treasury.AccountDeleted {
				all = append(all, e.Desk.Read(a, page.ReadAt))
			}
		}
		if window.Next = page.Next; window.Next == "" {
			break
		}
	}
	if len(all) <= maxListed {
		e.learn(ctx, all)
	}
	return allBalances(q, all, window.Next == ""), nil
}

// namedBalances answers for the accounts that were named, one call each.
func (e *Edge) namedBalances(ctx context.Context, q Question) (message, error) {
	ids, err := e.resolve(ctx, q.Words)
	if err != nil {
		return message{}, err
	}
	var readings []treasury.Reading
	for _, id := range ids {
		a, err := e.Desk.Books.Account(ctx, id)
		switch {
		case errors.Is(err, treasury.ErrNotFound):
			return message{}, &badFilter{"Tango knows no account " + code(id) + "."}
		case isOut(err):
			return e.lastKnown(ctx, q, ids)
		case err != nil:
			return message{}, err
		}
		readings = append(readings, e.Desk.Read(a, e.Clock()))
	}
	e.learn(ctx, readings)
	l := list{title: "Balances", foot: "Read from Tango " + date(e.Clock()) + "."}
	if len(readings) == 1 {
		l.title = "Balance"
	}
	for _, r := range readings {
		l.rows = append(l.rows, balanceRow(r))
	}
	return l.draw(q, "", ""), nil
}

// resolve finds the accounts that somebody names: all words as one name, or each word (or quoted part) as one.
func (e *Edge) resolve(ctx context.Context, words string) ([]string, error) {
	if err := e.Desk.Accounts.Load(ctx, e.Desk.Journal, e.Clock()); err != nil {
		return nil, err
	}
	if a, ok, _ := e.Desk.Accounts.Resolve(strings.Trim(words, "\"“”")); ok {
		return []string{a.ID}, nil
	}
	parts := split(strings.ReplaceAll(words, ",", " "))
	if len(parts) > maxNamed {
		return nil, &badFilter{fmt.Sprintf("You named %d accounts; at most %d can be asked for at once.", len(parts), maxNamed)}
	}
	var ids []string
	for _, part := range parts {
		a, ok, candidates := e.Desk.Accounts.Resolve(part)
		switch {
		case ok:
			part = a.ID
		case len(candidates) > 0:
			return nil, &badFilter{code(clip(part, 60)) + " could be " + nameSome(candidates) + ". Type one of these ids."}
		case !isIdentifier(part): // an id that the directory does not hold yet is asked for all the same
			return nil, &badFilter{code(clip(part, 60)) + " names no account. " + code("/tango accounts") + " lists them."}
		}
		if !slices.Contains(ids, part) {
			ids = append(ids, part)
		}
	}
	return ids, nil
}

// nameSome names the first accounts of a list.
func nameSome(accounts []treasury.Account) string {
	names := make([]string, 0, 3)
	for _, a := range accounts[:min(3, len(accounts))] {
		names = append(names, code(a.ID))
	}
	if len(accounts) > len(names) {
		return strings.Join(names, ", ") + " and others"
	}
	return strings.Join(names, " or ")
}

func (e *Edge) learn(ctx context.Context, readings []treasury.Reading) {
	accounts := make([]treasury.Account, len(readings))
	for i, r := range readings {
		accounts[i] = r.Account
	}
	e.Desk.Learn(ctx, accounts...)
}

// isOut reports that Tango does not answer now.
func isOut(err error) bool {
	return errors.Is(err, treasury.ErrUnavailable) || errors.Is(err, treasury.ErrBusy)
}

// lastKnown answers from the journal when Tango does not: old figures, said to be old, are better than none.
func (e *Edge) lastKnown(ctx context.Context, q Question, ids []string) (message, error) {
	var readings []treasury.Reading
	var unknown []string
	if len(ids) == 0 {
		o, err := e.Desk.Overview(ctx, maxListed)
		if err != nil {
			return message{}, err
		}
		readings = o.Readings
	}
	for _, id := range ids {
		a, at, err := e.Desk.Known(ctx, id)
		if errors.Is(err, treasury.ErrNotFound) {
			unknown = append(unknown, code(id))
			continue
		}
		if err != nil {
			return message{}, err
		}
		readings = append(readings, e.Desk.Read(a, at))
	}
	if len(readings) == 0 {
		return message{}, treasury.ErrUnavailable
	}
	l := list{
		title: "Tango does not answer: last known balances",
		foot:  "These are not today's figures unless their time says so. Please ask again in a minute." + quote(q.Ref),
	}
	for _, r := range readings {
		b := balanceRow(r)
		b.blocks = append(b.blocks, note("read "+date(r.At)))
		b.line += ", read " + date(r.At)
		l.rows = append(l.rows, b)
	}
	if len(unknown) > 0 {
		words := "Tangobot has never read " + strings.Join(unknown, ", ") + "."
		l.rows = append(l.rows, row{[]slackgo.Block{note(words)}, words})
	}
	return l.draw(q, "", ""), nil
}

// allBalances sums up by currency, names the low accounts, and lists all when they are few.
func allBalances(q Question, all []treasury.Reading, complete bool) message {
	var low, rest []treasury.Reading
	at := time.Time{}
	for _, r := range all {
		at = r.At
		if r.Low {
			low = append(low, r)
		} else {
			rest = append(rest, r)
		}
	}
	l := list{title: "All balances", empty: "Tango has no accounts for this platform."}
	if !at.IsZero() {
		l.foot = "Read from Tango " + date(at) + "."
	}
	shown := append(slices.Clone(low), rest...)
	if len(all) > maxListed {
		shown = low[:min(len(low), maxListed)]
	}
	if len(all) > 0 {
		l.rows = append(l.rows, sumRow(all, len(low), complete))
	}
	for _, r := range shown {
		l.rows = append(l.rows, balanceRow(r))
	}
	if hidden := len(low) - len(shown); len(all) > maxListed && hidden > 0 {
		words := fmt.Sprintf("and %d more under their threshold", hidden)
		l.rows = append(l.rows, row{[]slackgo.Block{note(words)}, words})
	}
	m := l.draw(q, "", "")
	if len(all) > maxListed {
		m.Blocks = append(m.Blocks, listAllButton())
	}
	return m
}

func listAllButton() *slackgo.ActionBlock {
	b := button(actionNext, `{"ask":"`+AskAccounts+`","place":{}}`, "List all accounts")
	return actions("list-all", b)
}

// sumRow gives the total of each currency.
func sumRow(all []treasury.Reading, low int, complete bool) row {
	totals := map[money.Currency]money.Amount{}
	wrong := false
	for _, r := range all {
		c := r.Account.Balance.Currency
		sum, err := money.New(totals[c].Hundredths, c).Add(r.Account.Balance)
		wrong = wrong || err != nil
		totals[c] = sum
	}
	lines := make([]string, 0, len(totals))
	for _, c := range slices.Sorted(maps.Keys(totals)) {
		lines = append(lines, "*"+totals[c].String()+"*")
	}
	words := fmt.Sprintf("%s\nin %s", strings.Join(lines, "\n"), accountCount(len(all)))
	if wrong {
		words = "The sum is too large to be told. There are " + accountCount(len(all))
	}
	if !complete {
		words += ", the first of more; not all are summed up here"
	}
	words += fmt.Sprintf(". %s under the low-balance threshold.", upperFirst(accountCount(low)))
	return row{[]slackgo.Block{section(words)}, strings.ReplaceAll(words, "*", "")}
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// balanceRow draws one account and its balance; a low one is marked in words, not by a sign alone.
func balanceRow(r treasury.Reading) row {
	a := r.Account
	state := ""
	if a.Status != treasury.AccountActive {
		state = statusWord(a.Status)
	}
	marks := []string{}
	if state != "" {
		marks = append(marks, state)
	}
	if r.Low {
		marks = append(marks, "⚠️ low: under "+r.Threshold.String())
	}
	left, right := accountLine(a.Ref()), "*"+a.Balance.String()+"*"
	if !a.Balance.IsKnown() {
		right = "balance not told"
	}
	line := left + ": " + strings.ReplaceAll(right, "*", "")
	if len(marks) > 0 {
		right += "\n" + escape(strings.Join(marks, ", "))
		line += " (" + escape(strings.Join(marks, ", ")) + ")"
	}
	return row{[]slackgo.Block{columns(left, right)}, line}
}
