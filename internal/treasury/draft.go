package treasury

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tangobot/tangobot/internal/money"
)

// Draft is a change as a person filled it in. ID was made when the form was opened, so that a form that is sent twice is
// one request. Kind tells which of the other fields are read.
type Draft struct {
	ID   string     `json:"id"`
	Kind ActionKind `json:"kind"`

	// transfer
	From string `json:"from,omitempty"` // account id
	To   string `json:"to,omitempty"`
	Note string `json:"note,omitempty"`

	Amount string `json:"amount,omitempty"` // transfer, deposit: as typed

	Account  string `json:"account,omitempty"`  // deposit, cards, update_account: account id
	Card     string `json:"card,omitempty"`     // deposit, unregister_card: token
	Customer string `json:"customer,omitempty"` // create_account: customer id

	NewID    string `json:"new_id,omitempty"` // create_account, create_customer
	Name     string `json:"name,omitempty"`
	Email    string `json:"email,omitempty"`
	Currency string `json:"currency,omitempty"`

	NotifyChoice NotifyChoice `json:"notify_choice,omitempty"` // update_account
	Notify       string       `json:"notify,omitempty"`        // addresses as typed, by commas, spaces or lines

	Label    string `json:"label,omitempty"`    // register_card
	Contacts string `json:"contacts,omitempty"` // register_card: "Full Name <address>", one a line
}

// NotifyChoice is what an edit does with the list of addresses that are told of funding. Tango tells a list that is left
// out from one that is empty, so a person chooses, and an empty input clears nothing by accident.
type NotifyChoice string

// The choices. The zero value keeps.
const (
	NotifyKeep    NotifyChoice = ""
	NotifyReplace NotifyChoice = "replace"
	NotifyClear   NotifyChoice = "clear"
)

// Limits of what people type, in characters where nothing else is said.
const (
	// MaxNote is the longest note: Tango takes 150 for transferNotes, and the reference and attempt that stand behind the
	// note take up to 20.
	MaxNote = 130
	// MaxName is the longest display name (Tango: 5 to 100).
	MaxName = 100
	// MinName is the shortest.
	MinName = 5
	// MaxEmail is the longest address that is sent; Tango reads up to 255.
	MaxEmail = 100
	// MaxNotify is how many addresses are told of funding. Tango names no bound; a form must have one.
	MaxNotify = 10
	// MaxContacts is how many people get receipts beside the billing address (Tango: 422.136).
	MaxContacts = 5
	// MaxLabel is the longest label of a card.
	MaxLabel = 100
)

// Currencies lists what an account can be opened in (Tango's reference; its list grows).
func Currencies() []money.Currency {
	return []money.Currency{"USD", "CAD", "EUR", "GBP", "AUD", "MXN", "PLN", "SGD"}
}

// Field names an input of a form.
type Field string

// The fields.
const (
	FieldFrom     Field = "from"
	FieldTo       Field = "to"
	FieldAmount   Field = "amount"
	FieldNote     Field = "note"
	FieldAccount  Field = "account"
	FieldCard     Field = "card"
	FieldCustomer Field = "customer"
	FieldNewID    Field = "new_id"
	FieldName     Field = "name"
	FieldEmail    Field = "email"
	FieldCurrency Field = "currency"
	FieldNotify   Field = "notify"
	FieldLabel    Field = "label"
	FieldContacts Field = "contacts"
)

// Problem is one thing that is wrong with a field.
type Problem struct {
	Field   Field
	Code    ProblemCode
	Amount  money.Amount  // the balance or limit that the amount passes
	At      time.Time     // when that balance was read; when a card becomes active
	Status  AccountStatus // for ProblemInactive
	Fault   money.Fault   // for ProblemAmount
	Between [2]money.Currency
	Text    string // the part of what was typed that is meant
	Most    int    // for ProblemLong and ProblemMany
}

// ProblemCode says what is wrong; the Slack room has the words.
type ProblemCode string

// The problems.
const (
	ProblemMissing      ProblemCode = "missing"
	ProblemUnknown      ProblemCode = "unknown_account"
	ProblemSame         ProblemCode = "same_account"
	ProblemCurrencies   ProblemCode = "currencies" // the accounts' currencies differ
	ProblemCurrency     ProblemCode = "currency"   // the typed currency is not the account's
	ProblemInactive     ProblemCode = "inactive"
	ProblemAmount       ProblemCode = "amount" // see Fault
	ProblemDigits       ProblemCode = "digits" // a deposit of more than six digits (Tango: 422.105)
	ProblemInsufficient ProblemCode = "insufficient"
	ProblemLimit        ProblemCode = "limit" // a limit of the policy
	ProblemNoRule       ProblemCode = "no_rule"
	ProblemLong         ProblemCode = "too_long" // see Most
	ProblemShort        ProblemCode = "too_short"
	ProblemMany         ProblemCode = "too_many" // see Most
	ProblemControl      ProblemCode = "control_characters"
	ProblemCharacters   ProblemCode = "characters" // a sign that Tango does not take in names
	ProblemIdentifier   ProblemCode = "identifier"
	ProblemTaken        ProblemCode = "taken"
	ProblemEmail        ProblemCode = "email" // see Text
	ProblemContact      ProblemCode = "contact"
	ProblemCustomer     ProblemCode = "unknown_customer"
	ProblemNoCustomer   ProblemCode = "no_customer" // the directory does not know yet whose account it is
	ProblemNoCurrency   ProblemCode = "no_currency" // not one that an account can be opened in
	ProblemUnchanged    ProblemCode = "unchanged"
	ProblemCard         ProblemCode = "unknown_card"
	ProblemCardExpired  ProblemCode = "card_expired"
	ProblemCardEarly    ProblemCode = "card_not_active" // see At
	ProblemCardsFull    ProblemCode = "cards_full"
	ProblemCardNumber   ProblemCode = "card_number" // somebody typed a card's number where it does not belong
)

// Invalid lists all that is wrong with a draft, at once.
type Invalid struct{ Problems []Problem }

func (e *Invalid) Error() string {
	codes := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		codes[i] = string(p.Field) + " " + string(p.Code)
	}
	return "invalid: " + strings.Join(codes, ", ")
}

// Is makes every Invalid an ErrInvalid.
func (*Invalid) Is(target error) bool { return target == ErrInvalid }

// problems collects what is wrong with a draft.
type problems []Problem

func (ps *problems) add(p Problem) { *ps = append(*ps, p) }

// line checks a text of one line: its length, and that it hides nothing.
func (ps *problems) line(field Field, text string, most int) {
	if utf8.RuneCountInString(text) > most {
		ps.add(Problem{Field: field, Code: ProblemLong, Most: most})
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
		ps.add(Problem{Field: field, Code: ProblemControl})
	}
	if HasCardNumber(text) {
		ps.add(Problem{Field: field, Code: ProblemCardNumber})
	}
}

// name checks a display name: 5 to 100 letters, numbers, punctuation and spaces, so neither emoji nor signs such as $ or +
// (Tango's reference).
func (ps *problems) name(text string) {
	ps.line(FieldName, text, MaxName)
	switch {
	case text == "":
		ps.add(Problem{Field: FieldName, Code: ProblemMissing})
	case utf8.RuneCountInString(text) < MinName:
		ps.add(Problem{Field: FieldName, Code: ProblemShort, Most: MinName})
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.Z) }):
		ps.add(Problem{Field: FieldName, Code: ProblemCharacters})
	}
}

// identifierForm is what Tangobot creates: lower case, as Tango's pages ask, although its server takes capitals too.
var identifierForm = regexp.MustCompile(`^[-0-9a-z]{5,100}$`)

func (ps *problems) identifier(text string) {
	if !identifierForm.MatchString(text) {
		ps.add(Problem{Field: FieldNewID, Code: ProblemIdentifier})
		return
	}
	if HasCardNumber(text) {
		ps.add(Problem{Field: FieldNewID, Code: ProblemCardNumber})
	}
}

func (ps *problems) email(field Field, text string) {
	if len(text) > MaxEmail {
		ps.add(Problem{Field: field, Code: ProblemLong, Most: MaxEmail})
		return
	}
	if !isEmail(text) {
		ps.add(Problem{Field: field, Code: ProblemEmail, Text: text})
	}
}

// isEmail takes a bare address with a dot in its domain; the rest is for Tango to judge.
func isEmail(text string) bool {
	a, err := mail.ParseAddress(text)
	if err != nil || a.Address != text || a.Name != "" {
		return false
	}
	_, domain, _ := strings.Cut(text, "@")
	return strings.Contains(strings.Trim(domain, "."), ".") && !HasCardNumber(text)
}

// addresses reads a list of addresses, unique and sorted.
func (ps *problems) addresses(field Field, text string) []string {
	list := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) })
	for i, a := range list {
		list[i] = strings.ToLower(a)
		ps.email(field, list[i])
	}
	slices.Sort(list)
	list = slices.Compact(list)
	if len(list) > MaxNotify {
		ps.add(Problem{Field: field, Code: ProblemMany, Most: MaxNotify})
	}
	return list
}

// contacts reads "Full Name <address>", one a line.
func (ps *problems) contacts(text string) []Contact {
	var list []Contact
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		a, err := mail.ParseAddress(line)
		if err != nil || a.Name == "" || !isEmail(a.Address) || len(a.Address) > MaxEmail {
			ps.add(Problem{Field: FieldContacts, Code: ProblemContact})
			continue
		}
		ps.line(FieldContacts, a.Name, MaxName)
		list = append(list, Contact{Name: a.Name, Email: a.Address})
	}
	if len(list) > MaxContacts {
		ps.add(Problem{Field: FieldContacts, Code: ProblemMany, Most: MaxContacts})
	}
	return list
}
