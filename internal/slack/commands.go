package slack

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Commands answers POST /slack/commands. No command moves money: it answers, or opens a form.
//
// Whatever is wrong with a command that Slack did sign is told in words with status 200, because Slack shows nothing of
// any other status but a general failure.
func (e *Edge) Commands(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), e.answerTime())
	defer cancel()
	d, ok := e.receive(ctx, w, r)
	if !ok {
		return
	}
	values, ok := formValues(d.body)
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if values.Get("ssl_check") == "1" {
		w.WriteHeader(http.StatusOK)
		return
	}
	c := readCommand(values)
	if c.person == "" || c.trigger == "" || c.responseURL == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if !e.served(c.team, c.enterprise) {
		private(w, forbiddenWords(&treasury.Forbidden{Why: treasury.WhyStanding, Standing: treasury.StandingForeign}))
		return
	}
	first, err := e.first(ctx, d)
	if err != nil {
		e.Log.ErrorContext(ctx, "delivery not claimed", "ref", d.ref(), "error", err)
		private(w, errorWords(err, d.ref()))
		return
	}
	if !first { // a replay: it was answered, and has no second effect
		w.WriteHeader(http.StatusOK)
		return
	}
	if text := e.command(ctx, c, d.ref()); text != "" {
		private(w, text)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// command is what somebody typed behind /tango.
type command struct {
	name, word, rest             string
	person, team, enterprise     string
	trigger, responseURL, wholly string
}

func readCommand(v url.Values) command {
	c := command{
		name: v.Get("command"), wholly: strings.TrimSpace(typed(v.Get("text"))), person: v.Get("user_id"), team: v.Get("team_id"),
		enterprise: v.Get("enterprise_id"), trigger: v.Get("trigger_id"), responseURL: v.Get("response_url"),
	}
	word, rest, _ := strings.Cut(c.wholly, " ")
	c.word, c.rest = strings.ToLower(word), strings.TrimSpace(rest)
	return c
}

// typed undoes what Slack does to a command's text (should_escape on): entities, and links around what looks like an
// address, so that an e-mail address reaches a filter as it was typed. References to people and channels stay.
func typed(text string) string {
	var b strings.Builder
	for text != "" {
		before, rest, found := strings.Cut(text, "<")
		b.WriteString(before)
		if !found {
			break
		}
		inner, after, closed := strings.Cut(rest, ">")
		switch address, label, isLink := strings.Cut(inner, "|"); {
		case !closed:
			b.WriteString("<" + rest)
			after = ""
		case inner != "" && strings.ContainsRune("@#!", rune(inner[0])):
			b.WriteString("<" + inner + ">")
		case isLink:
			b.WriteString(label)
		default:
			b.WriteString(strings.TrimPrefix(address, "mailto:"))
		}
		text = after
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(b.String())
}

// command acts and gives the words to answer with; none when a form was opened.
func (e *Edge) command(ctx context.Context, c command, ref string) string {
	if treasury.HasCardNumber(withoutDays(c.wholly)) {
		return cardNumberWords
	}
	if read := e.commandForm(ctx, &c); read != nil {
		return e.commandOpens(ctx, c, ref, read)
	}
	switch c.word {
	case "", "help":
		return helpWords(c.name)
	case "stop", "resume":
		return e.commandStop(ctx, c, ref)
	case AskBalance, AskAccounts, AskAccount, AskCustomers, AskCustomer, AskCards, AskCard, AskDeposit, AskRequests,
		AskAlerts, AskHistory:
		if needsName(c.word) && c.rest == "" {
			return "Which one? Type " + code(c.name+" "+c.word+" <id>") + ", or " + code(c.name+" "+c.word+"s") + " for a list. Nothing was done."
		}
		err := e.ask(ctx, Question{
			Ask: c.word, Person: c.person, Words: c.rest, ResponseURL: c.responseURL, At: e.Clock(), Ref: ref,
		})
		if err != nil {
			e.Log.ErrorContext(ctx, "question not queued", "ref", ref, "error", err)
			return errorWords(err, ref)
		}
		switch c.word {
		case AskRequests:
			return "Looking up requests…"
		case AskHistory:
			return "Looking into the history…"
		}
		return "Asking Tango…"
	}
	return unknownWords(c)
}

func needsName(ask string) bool { return ask == AskAccount || ask == AskCustomer || ask == AskCard }

// commandForm tells whether a command opens a form, and how to fill it in. It is nil for one that asks.
func (e *Edge) commandForm(ctx context.Context, c *command) func() (form, error) {
	second, rest, _ := strings.Cut(c.rest, " ")
	second, rest = strings.ToLower(second), strings.TrimSpace(rest)
	empty := func(kind treasury.ActionKind) func() (form, error) {
		return func() (form, error) { return form{draft: treasury.Draft{Kind: kind}}, nil }
	}
	switch c.word + " " + second {
	case "card register":
		return e.namedForm(ctx, treasury.ActionRegisterCard, rest)
	case "card remove":
		return e.namedForm(ctx, treasury.ActionUnregisterCard, rest)
	case "account create":
		return empty(treasury.ActionCreateAccount)
	case "account edit":
		return e.namedForm(ctx, treasury.ActionUpdateAccount, rest)
	case "customer create":
		return empty(treasury.ActionCreateCustomer)
	}
	switch {
	case c.word == "transfer":
		return func() (form, error) { return e.readTransfer(c.rest), nil }
	case c.word == "deposit" && !isDepositID(c.rest):
		return func() (form, error) { return e.readDeposit(c.rest), nil }
	}
	return nil
}

// isDepositID tells "deposit RAD-180426-5407" from "deposit 500": only Tango's ids begin with letters and have digits and
// hyphens behind them.
func isDepositID(text string) bool {
	head, tail, ok := strings.Cut(text, "-")
	return ok && head != "" && tail != "" && !strings.ContainsAny(text, " .,$") &&
		!strings.ContainsFunc(head, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') }) &&
		strings.ContainsAny(tail, "0123456789")
}

// namedForm opens a form about an account that may be named behind the command.
func (e *Edge) namedForm(ctx context.Context, kind treasury.ActionKind, words string) func() (form, error) {
	return func() (form, error) {
		f := form{draft: treasury.Draft{Kind: kind}}
		if words == "" {
			if kind == treasury.ActionUpdateAccount {
				return f, &badFilter{"Which account? Type " + code("/tango account edit <id>") + "."}
			}
			return f, nil
		}
		ids, err := e.resolve(ctx, words)
		if err != nil {
			return f, err
		}
		f.draft.Account = ids[0]
		return f, nil
	}
}

// commandOpens opens a form, filled in with what could be read; the form says what could not.
func (e *Edge) commandOpens(ctx context.Context, c command, ref string, read func() (form, error)) string {
	err := e.openForm(ctx, c.person, c.trigger, read)
	if err == nil {
		return ""
	}
	e.Log.WarnContext(ctx, "form not opened", "ref", ref, "error", err)
	return errorWords(err, ref)
}

// usage lists every command with an example.
func usage() []struct{ form, example, does string } {
	return []struct{ form, example, does string }{
		{"balance [account…]", "balance employee-rewards", "balances, all or those you name"},
		{"accounts [words] [filters]", "accounts marketing status:active currency:USD", "a list of accounts; filters are status, currency, customer, number, min, max, email, notify, created"},
		{"account <id>", "account employee-rewards", "one account in full"},
		{"customers [words] [filters]", "customers acme", "a list of customers (groups of accounts)"},
		{"customer <id>", "customer acme-rewards", "one customer and its accounts"},
		{"transfer [amount] [from <account>] [to <account>] [note]", "transfer 500 from sales to marketing spring event", "opens a form; nothing moves until others approve"},
		{"deposit [amount] [to <account>]", "deposit 1,000 to marketing-us", "opens a form to fund an account from a card; " + code("deposit <id>") + " shows one"},
		{"cards [account] [filters]", "cards employee-rewards", "registered cards; filters are status, customer, number, expires, label, last, email, name, and the word all"},
		{"card <last four or label>", "card 1111", "one card in full"},
		{"card register [account]", "card register marketing-us", "asks for a one-time link to register a card; never type its number into Slack"},
		{"card remove [account]", "card remove marketing-us", "opens a form to remove a card"},
		{"account create", "account create", "opens a form for a new account"},
		{"account edit <id>", "account edit marketing-us", "opens a form to change its name or addresses"},
		{"customer create", "customer create", "opens a form for a new customer"},
		{"requests [mine|waiting|in-doubt|<id>]", "requests waiting", "requests, and the full history of one"},
		{"history [from..to] [mine|<account>|<request>] [states]", "history 2026-01..2026-03 marketing-us closed", "what happened, newest first; states are such as succeeded, denied, open, closed"},
		{"history csv [the same]", "history csv 2026-01", "the same as a file by direct message"},
		{"alerts", "alerts", "low-balance thresholds, and who is under them now"},
		{"stop [why]", "stop looking into a doubt", "stops all sending to Tango at once; " + code("resume") + " lets it go on, " + code("resume <account>") + " frees a frozen one"},
		{"help", "help", "this list"},
	}
}

func helpWords(name string) string {
	var b strings.Builder
	b.WriteString("*Tangobot* shows your company's Tango accounts and moves money between them when others approve.\n")
	for _, u := range usage() {
		b.WriteString("• " + code(name+" "+u.form) + ": " + u.does + ". Example: " + code(name+" "+u.example) + "\n")
	}
	b.WriteString("No command moves money by itself. Only you see the answers. " +
		"Tangobot stores requests, votes and balances for its history, and no card numbers.")
	return b.String()
}

// unknownWords names the nearest command for a word that is none.
func unknownWords(c command) string {
	var words []string
	for _, u := range usage() {
		word, _, _ := strings.Cut(u.form, " ")
		words = append(words, word)
	}
	text := "Tangobot does not know " + code(clip(c.word, 40)) + ". Nothing was done. "
	if word, ok := nearest(c.word, words); ok {
		return text + "Did you mean " + code(c.name+" "+word) + "? " + code(c.name+" help") + " lists all commands."
	}
	return text + code(c.name+" help") + " lists all commands."
}

// nearest finds the word that a slip of at most two letters, or a beginning, could have meant.
func nearest(typed string, words []string) (string, bool) {
	best, distance := "", 3
	for _, w := range words {
		if len(typed) >= 3 && strings.HasPrefix(w, typed) {
			return w, true
		}
		if n := editDistance(typed, w); n < distance {
			best, distance = w, n
		}
	}
	return best, best != ""
}

// editDistance counts the letters to insert, delete or replace; inputs longer than a word are as far as can be.
func editDistance(a, b string) int {
	const longest = 20
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], slices.Min([]int{row[j+1] + 1, row[j] + 1, diagonal + cost})
		}
	}
	return row[len(b)]
}
