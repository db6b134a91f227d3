package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// cardQuery reads "[account] [all] [status: customer: number: token: expires: label: last: email: name:]".
func (e *Edge) cardQuery(ctx context.Context, text string) (treasury.CardQuery, error) {
	values, rest, err := filters(text, "status", "customer", "number", "token", "expires", "label", "last", "email", "name")
	if err != nil {
		return treasury.CardQuery{}, err
	}
	q := treasury.CardQuery{
		Customer: values["customer"], AccountNumber: strings.ToUpper(values["number"]), Token: values["token"],
		Expires: values["expires"], Label: values["label"], LastFour: values["last"], Email: values["email"], Name: values["name"],
		Status: treasury.CardStatus(strings.ToUpper(values["status"])),
	}
	if q.Status != "" && q.Status != treasury.CardActive && q.Status != treasury.CardDeleted {
		return q, &badFilter{code(clip(values["status"], 40)) + " is no status of a card. There are active and deleted."}
	}
	words := strings.Fields(rest)
	for i, w := range words {
		if strings.EqualFold(w, "all") {
			q.All, words = true, append(words[:i:i], words[i+1:]...)
			break
		}
	}
	if len(words) > 0 {
		ids, err := e.resolve(ctx, strings.Join(words, " "))
		if err != nil {
			return q, err
		}
		if len(ids) > 1 {
			return q, &badFilter{"Name one account."}
		}
		q.Account = ids[0]
	}
	return q, checkIdentifier("customer", q.Customer)
}

// cards answers with one page of the registered cards.
func (e *Edge) cards(ctx context.Context, q Question) (message, error) {
	query, err := e.cardQuery(ctx, q.Words)
	if err != nil {
		return message{}, err
	}
	query.Window = q.window()
	page, err := e.Desk.Books.Cards(ctx, query)
	if err != nil {
		return message{}, err
	}
	l := list{
		title: "Cards", empty: "No card matches. " + code("/tango card register") + " registers one.",
		foot: filtersFoot(q.Words) + "Read from Tango " + date(page.ReadAt) + ". " + code("/tango card <last four>") + " shows one in full.",
	}
	for _, c := range page.Cards {
		left := cardLine(c.Ref()) + "\nfunds " + code(c.Account)
		right := e.cardState(c)
		l.rows = append(l.rows, row{[]slackgo.Block{columns(left, right)}, strings.ReplaceAll(left, "\n", ", ") + ": " + right})
	}
	return l.draw(q, page.Prev, page.Next), nil
}

// cardState says whether a card can be charged.
func (e *Edge) cardState(c treasury.Card) string {
	reason := c.Usable(e.Clock())
	if reason == treasury.ReasonNone {
		return "can be used"
	}
	if reason == treasury.ReasonCardExpired {
		return "⚠️ expired"
	}
	if reason == treasury.ReasonCardNotActive {
		return "can be used from " + date(c.ActiveFrom)
	}
	return escape(strings.ToLower(visible(string(c.Status))))
}

// card answers with one card in full: by its last four digits, its label or its token.
func (e *Edge) card(ctx context.Context, q Question) (message, error) {
	words := strings.Trim(q.Words, "\"“”")
	query := treasury.CardQuery{Label: words}
	if len(words) == 4 && strings.Trim(words, "0123456789") == "" {
		query = treasury.CardQuery{LastFour: words}
	}
	query.Window = treasury.Window{Size: rowsShown}
	page, err := e.Desk.Books.Cards(ctx, query)
	if err != nil {
		return message{}, err
	}
	switch len(page.Cards) {
	case 0:
		return message{}, &badFilter{"Tango knows no active card " + code(clip(words, 60)) + ". " + code("/tango cards all") + " lists all."}
	case 1:
		return e.cardMessage(ctx, q.Person, page.Cards[0]), nil
	}
	l := list{title: "Several cards match", foot: code("/tango cards <account>") + " lists the cards of one account."}
	for _, c := range page.Cards {
		m := e.cardMessage(ctx, q.Person, c)
		l.rows = append(l.rows, row{m.Blocks[:2], m.Text})
	}
	return l.draw(q, "", ""), nil
}

func (e *Edge) cardMessage(ctx context.Context, person string, c treasury.Card) message {
	contacts := make([]string, len(c.Contacts))
	for i, p := range c.Contacts {
		contacts[i] = escape(visible(p.Name)) + ", " + emailWords(p.Email)
	}
	if len(contacts) == 0 {
		contacts = []string{"only the billing address's own"}
	}
	list := []fact{
		{"State", e.cardState(c)},
		{"Funds", code(c.Account) + "\nof customer " + code(c.Customer)},
		{"Expires", escape(c.Expires)},
		{"Receipts to", strings.Join(contacts, "\n")},
	}
	if !c.Created.IsZero() {
		list = append(list, fact{"Registered", date(c.Created)})
	}
	if !c.ActiveFrom.IsZero() {
		list = append(list, fact{"Can be used from", date(c.ActiveFrom)})
	}
	blocks := []slackgo.Block{section("*" + cardLine(c.Ref()) + "*"), facts(list...)}
	if c.Status == treasury.CardActive && e.Desk.MayRequest(ctx, person) == nil {
		blocks = append(blocks, actions("card-"+c.LastFour, button(actionDeposit, c.Account, "Deposit from it")))
	}
	return message{Text: factsText(cardLine(c.Ref()), list), Blocks: blocks}
}

// deposit answers with one deposit, as Tango has it now.
func (e *Edge) deposit(ctx context.Context, q Question) (message, error) {
	id := strings.ToUpper(strings.Trim(q.Words, "\"“”"))
	answer, err := e.Desk.Books.DepositStatus(ctx, id, "")
	if errors.Is(err, treasury.ErrNotFound) {
		return message{}, &badFilter{"Tango knows no deposit " + code(clip(id, 60)) + "."}
	}
	if err != nil {
		return message{}, err
	}
	d := answer.Deposit
	if d == nil {
		return message{}, treasury.ErrUnavailable
	}
	list := []fact{
		{"State", depositState(answer.Verdict)},
		{"Amount", d.Amount.Decimal() + " in the account's currency"},
		{"Charged to the card", d.Charged.Decimal()},
		{"Fee", percent(d.FeePoints)},
	}
	if !d.Created.IsZero() {
		list = append(list, fact{"Made", date(d.Created)})
	}
	title := "Deposit " + code(d.ID)
	foot := "Read from Tango " + date(e.Clock()) + "."
	return message{
		Text:   factsText(title, list) + "\n" + foot,
		Blocks: []slackgo.Block{section("*" + title + "*"), facts(list...), note(foot)},
	}, nil
}

func depositState(v treasury.Verdict) string {
	switch v {
	case treasury.VerdictDone:
		return "arrived"
	case treasury.VerdictPending:
		return "accepted by Tango, not settled yet: the card is not charged and the balance has not changed"
	case treasury.VerdictDeclined:
		return "declined: the card was not charged"
	case treasury.VerdictRefused, treasury.VerdictThrottled, treasury.VerdictUnsent, treasury.VerdictUnknown:
	}
	return "not known"
}

// invite makes the one-time link of a card registration and tells it to the person who registers, alone. The link is
// kept nowhere: when this message is lost, the person asks for another one.
func (e *Edge) invite(ctx context.Context, id string, renew bool) error {
	link, r, made, err := e.Desk.Invite(ctx, id, renew)
	if errors.Is(err, treasury.ErrForbidden) || errors.Is(err, treasury.ErrConflict) {
		e.Log.WarnContext(ctx, "no link made", "request", id, "error", err)
		return nil
	}
	if err != nil || !made {
		return err
	}
	words := fmt.Sprintf("Register the card for %s on Tangobot's own page, not here: <%s|open the card page>\n"+
		"The link is yours alone, works once, and ends %s. Do not pass it on.",
		accountLine(r.Action.RegisterCard.Account), e.CardPage+link.Path(), date(r.Invite.ExpiresAt))
	if _, err := e.Client.post(ctx, r.Requester, "", message{Text: words, Blocks: []slackgo.Block{section(words)}}); err != nil {
		e.Log.ErrorContext(ctx, "link not delivered, its holder can ask for another", "request", id, "error", err)
	}
	return nil
}
