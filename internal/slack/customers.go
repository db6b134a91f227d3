package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// customers answers with one page of the customers that the filters leave.
func (e *Edge) customers(ctx context.Context, q Question) (message, error) {
	query, err := customerQuery(q.Words)
	if err != nil {
		return message{}, err
	}
	query.Window = q.window()
	page, err := e.Desk.Books.Customers(ctx, query)
	if err != nil {
		return message{}, err
	}
	l := list{
		title: "Customers", empty: "No customer matches. " + code("/tango customers") + " without filters lists all.",
		foot: filtersFoot(q.Words) + "Read from Tango " + date(page.ReadAt) + ". " + code("/tango customer <id>") + " shows one and its accounts.",
	}
	for _, c := range page.Customers {
		left := nameLine(c.Name, c.ID)
		right := accountCount(len(c.Accounts)) + ", " + escape(strings.ToLower(c.Status))
		l.rows = append(l.rows, row{[]slackgo.Block{columns(left, right)}, left + ": " + right})
	}
	return l.draw(q, page.Prev, page.Next), nil
}

// maxCustomerAccounts is how many accounts stand under a customer; the list of accounts has the rest.
const maxCustomerAccounts = 15

// customer answers with one customer and its accounts. Tango gives no balances with them.
func (e *Edge) customer(ctx context.Context, q Question) (message, error) {
	id := strings.Trim(q.Words, "\"“”")
	if !isIdentifier(id) {
		return message{}, &badFilter{code(clip(id, 60)) + " is no customer id: 5 to 100 letters, digits and hyphens. " + code("/tango customers") + " lists them."}
	}
	c, err := e.Desk.Books.Customer(ctx, id)
	if errors.Is(err, treasury.ErrNotFound) || isUnknownCustomer(err) {
		return message{}, &badFilter{"Tango knows no customer " + code(id) + ". " + code("/tango customers") + " lists them."}
	}
	if err != nil {
		return message{}, err
	}
	list := []fact{{"Status", escape(strings.ToLower(c.Status))}, {"Accounts", accountCount(len(c.Accounts))}}
	if !c.Created.IsZero() {
		list = append(list, fact{"Opened", date(c.Created)})
	}
	blocks := []slackgo.Block{section("*" + nameLine(c.Name, c.ID) + "*"), facts(list...)}
	lines := []string{factsText(nameLine(c.Name, c.ID), list)}
	for _, a := range c.Accounts[:min(len(c.Accounts), maxCustomerAccounts)] {
		right := escape(string(a.Currency)) + ", " + escape(statusWord(a.Status))
		blocks = append(blocks, columns(accountLine(a.Ref()), right))
		lines = append(lines, accountLine(a.Ref())+": "+right)
	}
	foot := "Balances: " + code("/tango accounts customer:"+c.ID) + "."
	if more := len(c.Accounts) - maxCustomerAccounts; more > 0 {
		foot = fmt.Sprintf("And %s more. All of them, with balances: %s.", accountCount(more), code("/tango accounts customer:"+c.ID))
	}
	blocks = append(blocks, note(foot+" Read from Tango "+date(e.Clock())+"."))
	lines = append(lines, foot)
	return message{Text: clipMrkdwn(strings.Join(lines, "\n"), maxMessageText), Blocks: blocks}, nil
}
