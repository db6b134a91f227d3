package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// blockNotifyChoice asks what an edit does with the list of addresses; the treasury's zero value cannot be an option's.
const (
	blockNotifyChoice = "notify_choice"
	choiceKeep        = "keep"
)

// inputs draws the inputs of a draft's kind, filled in as far as the draft is.
func (e *Edge) inputs(ctx context.Context, d treasury.Draft) ([]slackgo.Block, error) {
	switch d.Kind {
	case treasury.ActionTransfer:
		return []slackgo.Block{
			e.accountInput(ctx, treasury.FieldFrom, "From account", d.From),
			e.accountInput(ctx, treasury.FieldTo, "To account", d.To),
			amountInput("In the accounts' currency, such as 1,250.00.", d.Amount),
			optional(textInput(treasury.FieldNote, "Note", "Approvers see it, and Tango keeps it with the transfer.", d.Note, treasury.MaxNote)),
		}, nil
	case treasury.ActionDeposit:
		card, err := e.onlyCard(ctx, d.Account, true)
		return []slackgo.Block{
			e.accountInput(ctx, treasury.FieldAccount, "Account to fund", d.Account),
			cardInput(card, "Those of the account above that can be charged now. If there is none, ask for one with /tango card register."),
			amountInput("What the account gets, in its currency. Tango's fee comes on top; the next step shows it.", d.Amount),
		}, err
	case treasury.ActionRegisterCard:
		return []slackgo.Block{
			e.accountInput(ctx, treasury.FieldAccount, "Account that the card will fund", d.Account),
			textInput(treasury.FieldLabel, "Label", "What people will call the card, such as Marketing Visa. Not its number.", d.Label, treasury.MaxLabel),
			optional(longInput(treasury.FieldContacts, "Who else gets receipts", fmt.Sprintf(
				"Up to %d people, one a line: Ada Lovelace <ada@example.com>. They cannot be changed later.", treasury.MaxContacts), d.Contacts, 800)),
			note("The card's number is typed on a page of its own, after approval. Never type it into Slack."),
		}, nil
	case treasury.ActionUnregisterCard:
		card, err := e.onlyCard(ctx, d.Account, false)
		return []slackgo.Block{
			e.accountInput(ctx, treasury.FieldAccount, "Account", d.Account),
			cardInput(card, "It can be used again only after it is registered again."),
		}, err
	case treasury.ActionCreateAccount:
		return []slackgo.Block{
			e.customerInput(ctx, d.Customer),
			textInput(treasury.FieldNewID, "Id", "5 to 100 small letters, digits and hyphens. It cannot be changed.", d.NewID, 100),
			textInput(treasury.FieldName, "Name", "5 to 100 characters.", d.Name, treasury.MaxName),
			textInput(treasury.FieldEmail, "Contact e-mail", "", d.Email, treasury.MaxEmail),
			currencyInput(),
			optional(longInput(treasury.FieldNotify, "Who is told of funding", fmt.Sprintf(
				"Up to %d e-mail addresses, with commas or on lines of their own.", treasury.MaxNotify), d.Notify, 800)),
		}, nil
	case treasury.ActionUpdateAccount:
		return e.updateInputs(ctx, d)
	case treasury.ActionCreateCustomer:
		return []slackgo.Block{
			textInput(treasury.FieldNewID, "Id", "5 to 100 small letters, digits and hyphens. It cannot be changed.", d.NewID, 100),
			textInput(treasury.FieldName, "Name", "5 to 100 characters. A customer can never be deleted or disabled.", d.Name, treasury.MaxName),
		}, nil
	}
	return nil, treasury.ErrInvalid
}

// updateInputs are filled in with what the account has now.
func (e *Edge) updateInputs(ctx context.Context, d treasury.Draft) ([]slackgo.Block, error) {
	a, at, err := e.Desk.Known(ctx, d.Account)
	if err != nil {
		return nil, err
	}
	keep := option(choiceKeep, "Leave it as it is")
	choices := slackgo.NewRadioButtonsBlockElement(actionValue, keep,
		option(choiceKeep+string(treasury.NotifyReplace), "Replace it with the addresses below"),
		option(choiceKeep+string(treasury.NotifyClear), "Clear it: nobody is told"))
	choices.InitialOption = keep
	return []slackgo.Block{
		section(accountLine(a.Ref()) + "\nas of " + date(at) + ". Id and currency can never be changed."),
		textInput(treasury.FieldName, "Name", "5 to 100 characters.", clip(a.Name, treasury.MaxName), treasury.MaxName),
		textInput(treasury.FieldEmail, "Contact e-mail", "", clip(a.Email, treasury.MaxEmail), treasury.MaxEmail),
		section("*Told of funding now*\n" + emailList(a.Notify)),
		slackgo.NewInputBlock(blockNotifyChoice, plain("Who is told of funding", 100), nil, choices),
		optional(longInput(treasury.FieldNotify, "New addresses", fmt.Sprintf(
			"Only when the list is replaced: up to %d, with commas or on lines of their own.", treasury.MaxNotify), "", 800)),
	}, nil
}

func option(value, text string) *slackgo.OptionBlockObject {
	return slackgo.NewOptionBlockObject(value, plain(text, maxOption), nil)
}

func optional(b *slackgo.InputBlock) *slackgo.InputBlock {
	b.Optional = true
	return b
}

func textInput(field treasury.Field, label, hint, initial string, most int) *slackgo.InputBlock {
	return slackgo.NewInputBlock(string(field), plain(label, 100), hintOf(hint), &slackgo.PlainTextInputBlockElement{
		Type: slackgo.METPlainTextInput, ActionID: actionValue, InitialValue: initial, MaxLength: most,
	})
}

func longInput(field treasury.Field, label, hint, initial string, most int) *slackgo.InputBlock {
	return slackgo.NewInputBlock(string(field), plain(label, 100), hintOf(hint), &slackgo.PlainTextInputBlockElement{
		Type: slackgo.METPlainTextInput, ActionID: actionValue, InitialValue: initial, MaxLength: most, Multiline: true,
	})
}

func hintOf(hint string) *slackgo.TextBlockObject {
	if hint == "" {
		return nil
	}
	return plain(hint, 200)
}

func amountInput(hint, initial string) *slackgo.InputBlock {
	return slackgo.NewInputBlock(string(treasury.FieldAmount), plain("Amount", 100), plain(hint, 200), &slackgo.PlainTextInputBlockElement{
		Type: slackgo.METPlainTextInput, ActionID: actionValue, InitialValue: clip(initial, 40), MaxLength: 40,
		Placeholder: plain("1,250.00", 20),
	})
}

// pick is a list that Slack asks for while somebody types.
func pick(field treasury.Field, label, placeholder, hint string, initial *slackgo.OptionBlockObject) *slackgo.InputBlock {
	zero := 0
	return slackgo.NewInputBlock(string(field), plain(label, 100), hintOf(hint), &slackgo.SelectBlockElement{
		Type: slackgo.OptTypeExternal, ActionID: actionValue, MinQueryLength: &zero, Placeholder: plain(placeholder, 60),
		InitialOption: initial,
	})
}

func (e *Edge) accountInput(ctx context.Context, field treasury.Field, label, id string) *slackgo.InputBlock {
	var initial *slackgo.OptionBlockObject
	if a, _, err := e.Desk.Known(ctx, id); err == nil {
		initial = accountOption(a.Ref(), "")
	}
	return pick(field, label, "Type a name, id or number", "", initial)
}

func (e *Edge) customerInput(ctx context.Context, id string) *slackgo.InputBlock {
	var initial *slackgo.OptionBlockObject
	if c, err := e.Desk.KnownCustomer(ctx, id); err == nil {
		initial = customerOption(c)
	}
	return pick(treasury.FieldCustomer, "Customer", "Type a name or id", "", initial)
}

func cardInput(initial *slackgo.OptionBlockObject, hint string) *slackgo.InputBlock {
	return pick(treasury.FieldCard, "Card", "Choose a card", hint, initial)
}

func currencyInput() *slackgo.InputBlock {
	var options []*slackgo.OptionBlockObject
	for _, c := range treasury.Currencies() {
		options = append(options, option(string(c), string(c)))
	}
	element := slackgo.NewOptionsSelectBlockElement(slackgo.OptTypeStatic, plain("Choose", 20), actionValue, options...)
	return slackgo.NewInputBlock(string(treasury.FieldCurrency), plain("Currency", 100), plain("It can never be changed.", 100), element)
}

// accountOption is one line of the account list. An option's value holds 75 characters in every client, so a longer id
// is named by the account's number; submitting resolves either.
func accountOption(a treasury.AccountRef, suffix string) *slackgo.OptionBlockObject {
	value := a.ID
	if len(value) > maxOption {
		value = a.Number
	}
	return slackgo.NewOptionBlockObject(value, plain(optionText(a.Name, a.ID, suffix), maxOption), nil)
}

// customerOption is one line of the customer list. A customer whose id does not fit into an option's value cannot be
// chosen: nil.
func customerOption(c treasury.CustomerRef) *slackgo.OptionBlockObject {
	if len(c.ID) > maxOption {
		return nil
	}
	return slackgo.NewOptionBlockObject(c.ID, plain(optionText(c.Name, c.ID, ""), maxOption), nil)
}

func optionText(name, id, suffix string) string {
	text := id
	if name := visible(name); name != "" && !strings.EqualFold(name, id) {
		text = name + " (" + id + ")"
	}
	return clip(text, maxOption-len(suffix)) + suffix
}

// cardOption is one line of the card list; nil for a token that does not fit into an option's value.
func cardOption(c treasury.Card) *slackgo.OptionBlockObject {
	if len(c.Token) > maxOption || c.Token == "" {
		return nil
	}
	suffix := " …" + c.LastFour + ", " + c.Expires
	label := visible(c.Label)
	if label == "" {
		label = "Card"
	}
	return slackgo.NewOptionBlockObject(c.Token, plain(clip(label, maxOption-len([]rune(suffix)))+suffix, maxOption), nil)
}

// onlyCard preselects the card of an account that has one alone; for a deposit, one alone that can be charged now.
func (e *Edge) onlyCard(ctx context.Context, account string, charge bool) (*slackgo.OptionBlockObject, error) {
	if account == "" {
		return nil, nil
	}
	cards, _, err := e.Desk.KnownCards(ctx, account)
	if err != nil {
		return nil, err
	}
	cards = slices.DeleteFunc(slices.Clone(cards), func(c treasury.Card) bool { return charge && c.Usable(e.Clock()) != treasury.ReasonNone })
	if len(cards) != 1 {
		return nil, nil
	}
	return cardOption(cards[0]), nil
}

// maxSuggestions keeps a list short enough to read; Slack takes up to 100.
const maxSuggestions = 50

// suggest finds what fits into the input that somebody types in.
func (e *Edge) suggest(ctx context.Context, i interaction) ([]*slackgo.OptionBlockObject, error) {
	if err := e.Desk.MayRequest(ctx, i.User.ID); err != nil {
		return nil, err
	}
	if err := e.Desk.Accounts.Load(ctx, e.Desk.Journal, e.Clock()); err != nil {
		return nil, err
	}
	switch treasury.Field(i.BlockID) {
	case treasury.FieldFrom:
		return e.suggestAccounts(i, treasury.FieldTo), nil
	case treasury.FieldTo:
		return e.suggestAccounts(i, treasury.FieldFrom), nil
	case treasury.FieldAccount:
		return e.suggestAccounts(i, ""), nil
	case treasury.FieldCustomer:
		var options []*slackgo.OptionBlockObject
		for _, c := range e.Desk.Accounts.SearchCustomers(i.Value, maxSuggestions) {
			if o := customerOption(c); o != nil {
				options = append(options, o)
			}
		}
		return options, nil
	case treasury.FieldCard:
		return e.suggestCards(ctx, i)
	case treasury.FieldAmount, treasury.FieldNote, treasury.FieldNewID, treasury.FieldName, treasury.FieldEmail, treasury.FieldCurrency,
		treasury.FieldNotify, treasury.FieldLabel, treasury.FieldContacts:
	}
	return nil, fmt.Errorf("suggestions for %.40q: %w", i.BlockID, treasury.ErrInvalid)
}

// suggestAccounts finds active accounts, of the currency of the account that stands in the other field.
func (e *Edge) suggestAccounts(i interaction, other treasury.Field) []*slackgo.OptionBlockObject {
	counterpart, has := e.picked(i.option(string(other)))
	found := e.Desk.Accounts.Search(i.Value, maxSuggestions, func(a treasury.Account) bool {
		return a.Status == treasury.AccountActive && (!has || a.Currency == counterpart.Currency && a.ID != counterpart.ID)
	})
	options := make([]*slackgo.OptionBlockObject, len(found))
	for n, a := range found {
		options[n] = accountOption(a.Ref(), " "+string(a.Currency))
	}
	return options
}

// suggestCards lists the cards of the account that stands in the form; of a deposit, those that can be charged now.
func (e *Edge) suggestCards(ctx context.Context, i interaction) ([]*slackgo.OptionBlockObject, error) {
	account := e.chosenAccount(i.option(string(treasury.FieldAccount)))
	if account == "" {
		return nil, nil
	}
	cards, _, err := e.Desk.KnownCards(ctx, account)
	if err != nil {
		return nil, err
	}
	var draft treasury.Draft
	_ = json.Unmarshal([]byte(i.View.Metadata), &draft) // the form's own; a broken one offers what a deposit would
	charge := draft.Kind != treasury.ActionUnregisterCard
	var options []*slackgo.OptionBlockObject
	for _, c := range cards {
		o := cardOption(c)
		hit := strings.Contains(strings.ToLower(c.Label+" "+c.LastFour), strings.ToLower(strings.TrimSpace(i.Value)))
		if o != nil && hit && (!charge || c.Usable(e.Clock()) == treasury.ReasonNone) {
			options = append(options, o)
		}
	}
	return options[:min(len(options), maxSuggestions)], nil
}
