package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// accounts answers with one page of the accounts that the filters leave.
func (e *Edge) accounts(ctx context.Context, q Question) (message, error) {
	query, err := accountQuery(q.Words)
	if err != nil {
		return message{}, err
	}
	query.Window = q.window()
	page, err := e.Desk.Books.Accounts(ctx, query)
	if errors.Is(err, treasury.ErrNotFound) || isUnknownCustomer(err) {
		return message{}, &badFilter{"Tango knows no customer " + code(query.Customer) + "."}
	}
	if err != nil {
		return message{}, err
	}
	l := list{
		title: "Accounts", empty: "No account matches. " + code("/tango accounts") + " without filters lists all.",
		foot: filtersFoot(q.Words) + "Read from Tango " + date(page.ReadAt) + ". " + code("/tango account <id>") + " shows one in full.",
	}
	var readings []treasury.Reading
	for _, a := range page.Accounts {
		r := e.Desk.Read(a, page.ReadAt)
		readings = append(readings, r)
		l.rows = append(l.rows, balanceRow(r))
	}
	e.learn(ctx, readings)
	return l.draw(q, page.Prev, page.Next), nil
}

func filtersFoot(words string) string {
	if words == "" {
		return ""
	}
	return "Filtered by " + code(clip(words, 200)) + ". "
}

// isUnknownCustomer finds Tango's no to a customer whose accounts were asked for: its pages list no 404 there, so the key
// decides (404.002 or 404.015).
func isUnknownCustomer(err error) bool {
	var refusal *treasury.Refusal
	return errors.As(err, &refusal) && (refusal.Key == "404.002" || refusal.Key == "404.015")
}

// account answers with one account in full.
func (e *Edge) account(ctx context.Context, q Question) (message, error) {
	ids, err := e.resolve(ctx, q.Words)
	if err != nil {
		return message{}, err
	}
	if len(ids) != 1 {
		return message{}, &badFilter{"Name one account; " + code("/tango balance") + " takes several."}
	}
	a, err := e.Desk.Books.Account(ctx, ids[0])
	if errors.Is(err, treasury.ErrNotFound) {
		return message{}, &badFilter{"Tango knows no account " + code(ids[0]) + "."}
	}
	if err != nil {
		return message{}, err
	}
	r := e.Desk.Read(a, e.Clock())
	e.learn(ctx, []treasury.Reading{r})
	held, err := e.accountHeld(ctx, a.ID)
	if err != nil {
		return message{}, err
	}
	mayAsk := e.Desk.MayRequest(ctx, q.Person) == nil
	return accountMessage(r, held, mayAsk), nil
}

// accountMessage draws one account. held is what would hold a request on it up.
func accountMessage(r treasury.Reading, held treasury.Held, mayAsk bool) message {
	a := r.Account
	threshold := "none"
	if r.Threshold.IsKnown() {
		threshold = r.Threshold.String()
	}
	list := []fact{
		{"Balance", a.Balance.String()},
		{"Status", escape(statusWord(a.Status))},
		{"Account number", code(a.Number)},
		{"Currency", escape(string(a.Currency)) + " (fixed for ever)"},
		{"Low under", threshold},
		{"Contact", emailWords(a.Email)},
		{"Told of funding", emailList(a.Notify)},
	}
	if !a.Created.IsZero() {
		list = append(list, fact{"Opened", date(a.Created)})
	}
	blocks := []slackgo.Block{section("*" + accountLine(a.Ref()) + "*")}
	if r.Low {
		blocks = append(blocks, section("⚠️ *Low:* the balance is under "+r.Threshold.String()+"."))
	}
	text := factsText(accountLine(a.Ref()), list)
	if held.By != treasury.HeldByNothing {
		words := "⚠️ *Requests on it wait:* " + heldWords(held)
		blocks, text = append(blocks, section(words)), text+"\n"+words
	}
	blocks = append(blocks, facts(list...))
	if mayAsk {
		var buttons []slackgo.BlockElement
		if a.Status == treasury.AccountActive {
			buttons = []slackgo.BlockElement{
				button(actionTransferFrom, a.ID, "Transfer from here"), button(actionTransferTo, a.ID, "Transfer to here"),
				button(actionDeposit, a.ID, "Deposit from a card"),
			}
		}
		edit := button(actionEdit, a.ID, "Edit")
		edit.AccessibilityLabel = clip("Edit account "+a.ID, maxButtonText)
		blocks = append(blocks, actions("account", append(buttons, edit)...))
	}
	blocks = append(blocks, note("Read from Tango "+date(r.At)+"."))
	return message{Text: text + "\nRead from Tango " + date(r.At) + ".", Blocks: blocks}
}

func emailWords(address string) string {
	if address == "" {
		return "none"
	}
	return escape(visible(address))
}

func emailList(addresses []string) string {
	if len(addresses) == 0 {
		return "nobody"
	}
	const most = 10 // a field holds 2,000 characters
	words := make([]string, 0, most)
	for _, a := range addresses[:min(len(addresses), most)] {
		words = append(words, emailWords(a))
	}
	if more := len(addresses) - len(words); more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(words, "\n")
}

// factsText says facts in one text, for notifications and screen readers.
func factsText(title string, list []fact) string {
	lines := []string{title}
	for _, f := range list {
		lines = append(lines, f.name+": "+strings.ReplaceAll(f.value, "\n", ", "))
	}
	return clipMrkdwn(strings.Join(lines, "\n"), maxMessageText)
}
