package treasury

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/tangobot/tangobot/internal/money"
)

// ActionKind names what a request would do.
type ActionKind string

// The actions that a policy can speak of.
const (
	ActionTransfer       ActionKind = "transfer"
	ActionDeposit        ActionKind = "deposit"
	ActionRegisterCard   ActionKind = "register_card"
	ActionUnregisterCard ActionKind = "unregister_card"
	ActionCreateAccount  ActionKind = "create_account"
	ActionUpdateAccount  ActionKind = "update_account"
	ActionCreateCustomer ActionKind = "create_customer"
)

// ActionKinds lists all actions, in the order in which they are shown.
func ActionKinds() []ActionKind {
	return []ActionKind{
		ActionTransfer, ActionDeposit, ActionRegisterCard, ActionUnregisterCard,
		ActionCreateAccount, ActionUpdateAccount, ActionCreateCustomer,
	}
}

// Action is what a request would do, with all figures that an approver sees. Exactly the field that Kind names is set.
// It never changes: other figures are another request.
type Action struct {
	Kind           ActionKind      `json:"kind"`
	Transfer       *Transfer       `json:"transfer,omitempty"`
	Deposit        *Deposit        `json:"deposit,omitempty"`
	RegisterCard   *RegisterCard   `json:"register_card,omitempty"`
	UnregisterCard *UnregisterCard `json:"unregister_card,omitempty"`
	CreateAccount  *CreateAccount  `json:"create_account,omitempty"`
	UpdateAccount  *UpdateAccount  `json:"update_account,omitempty"`
	CreateCustomer *CreateCustomer `json:"create_customer,omitempty"`
}

// Transfer moves money between two accounts of one currency.
type Transfer struct {
	From   AccountRef   `json:"from"`
	To     AccountRef   `json:"to"`
	Amount money.Amount `json:"amount"`
	Note   string       `json:"note,omitempty"`
}

// Deposit funds an account from a registered card. The card is charged the amount and Tango's fee.
type Deposit struct {
	Customer string       `json:"customer"` // id of the customer that the account and the card belong to
	Account  AccountRef   `json:"account"`
	Card     CardRef      `json:"card"`
	Amount   money.Amount `json:"amount"`
}

// RegisterCard lets the requester register a card on Tangobot's page. Number and code are no part of a request.
type RegisterCard struct {
	Customer string     `json:"customer"`
	Account  AccountRef `json:"account"`
	Label    string     `json:"label"`
	Contacts []Contact  `json:"contacts,omitempty"` // get receipts, beside the billing address's own e-mail
}

// UnregisterCard removes a card for good: to use it again it must be registered again.
type UnregisterCard struct {
	Customer string     `json:"customer"`
	Account  AccountRef `json:"account"`
	Card     CardRef    `json:"card"`
}

// CreateAccount opens an account under a customer.
type CreateAccount struct {
	Customer CustomerRef    `json:"customer"`
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Email    string         `json:"email"`
	Currency money.Currency `json:"currency"` // can never be changed
	Notify   []string       `json:"notify,omitempty"`
}

// UpdateAccount changes what Tango lets change of an account. A nil field stays as it is.
type UpdateAccount struct {
	Customer string        `json:"customer"`
	Account  AccountRef    `json:"account"`
	Name     *string       `json:"name,omitempty"`
	Email    *string       `json:"email,omitempty"`
	Notify   *[]string     `json:"notify,omitempty"` // an empty list clears all addresses
	Before   AccountFields `json:"before"`           // what the requester and the approvers saw
}

// AccountFields are the fields of an account that can be changed.
type AccountFields struct {
	Name   string   `json:"name"`
	Email  string   `json:"email"`
	Notify []string `json:"notify,omitempty"`
}

// CreateCustomer opens a customer. It can never be deleted or disabled (Tango's pages).
type CreateCustomer struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// AccountRef names an account as the requester and the approvers saw it. ID alone is authority.
type AccountRef struct {
	ID     string `json:"id"`
	Number string `json:"number,omitempty"`
	Name   string `json:"name,omitempty"`
}

// Ref gives the account's reference.
func (a Account) Ref() AccountRef { return AccountRef{ID: a.ID, Number: a.Number, Name: a.Name} }

// CustomerRef names a customer as it was seen. ID alone is authority.
type CustomerRef struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Accounts gives the accounts that the action touches: what a policy's account patterns are held against. Creating a
// customer touches none.
func (a Action) Accounts() []string {
	switch a.Kind {
	case ActionTransfer:
		return []string{a.Transfer.From.ID, a.Transfer.To.ID}
	case ActionDeposit:
		return []string{a.Deposit.Account.ID}
	case ActionRegisterCard:
		return []string{a.RegisterCard.Account.ID}
	case ActionUnregisterCard:
		return []string{a.UnregisterCard.Account.ID}
	case ActionCreateAccount:
		return []string{a.CreateAccount.ID}
	case ActionUpdateAccount:
		return []string{a.UpdateAccount.Account.ID}
	case ActionCreateCustomer:
	}
	return nil
}

// Lanes names what must be held while the action runs, sorted: the accounts whose money moves, else the one thing that
// two requests must not change at a time. An identifier has no slash, so the kinds of lanes do not meet.
func (a Action) Lanes() []string {
	switch a.Kind {
	case ActionTransfer:
		lanes := a.Accounts()
		slices.Sort(lanes)
		return lanes
	case ActionDeposit:
		return a.Accounts()
	case ActionRegisterCard, ActionUnregisterCard:
		return []string{"cards/" + a.Accounts()[0]}
	case ActionCreateAccount, ActionUpdateAccount:
		return []string{"account/" + a.Accounts()[0]}
	case ActionCreateCustomer:
		return []string{"customer/" + a.CreateCustomer.ID}
	}
	return nil
}

// Amount gives the money that the action moves; the zero Amount for none.
func (a Action) Amount() money.Amount {
	switch a.Kind {
	case ActionTransfer:
		return a.Transfer.Amount
	case ActionDeposit:
		return a.Deposit.Amount
	case ActionRegisterCard, ActionUnregisterCard, ActionCreateAccount, ActionUpdateAccount, ActionCreateCustomer:
	}
	return money.Amount{}
}

// MovesMoney reports whether the action changes balances.
func (a Action) MovesMoney() bool { return a.Amount().IsKnown() }

// isWhole reports whether exactly what Kind names is set.
func (a Action) isWhole() bool {
	for kind, set := range map[ActionKind]bool{
		ActionTransfer: a.Transfer != nil, ActionDeposit: a.Deposit != nil, ActionRegisterCard: a.RegisterCard != nil,
		ActionUnregisterCard: a.UnregisterCard != nil, ActionCreateAccount: a.CreateAccount != nil,
		ActionUpdateAccount: a.UpdateAccount != nil, ActionCreateCustomer: a.CreateCustomer != nil,
	} {
		if set != (kind == a.Kind) {
			return false
		}
	}
	return a.Kind != ""
}

// Hash binds votes to exactly these figures.
func (a Action) Hash() string {
	body, err := json.Marshal(a)
	if err != nil {
		panic("an action is plain data and always encodes: " + err.Error())
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
