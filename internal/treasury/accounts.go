package treasury

import (
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// AccountStatus is Tango's word for an account's state. The list is open; an unknown word is shown as it came.
type AccountStatus string

// The statuses of Tango's pages.
const (
	AccountActive   AccountStatus = "ACTIVE"
	AccountInactive AccountStatus = "INACTIVE" // no funding or orders; only Tango can change it
	AccountDisabled AccountStatus = "DISABLED" // switched off on the client's side, in Tango's portal
	AccountFrozen   AccountStatus = "FROZEN"   // velocity threshold reached; Tango lifts it
	AccountDeleted  AccountStatus = "DELETED"
)

// Account is a Tango account as a read gave it.
type Account struct {
	ID       string // accountIdentifier, 5 to 100 characters
	Number   string // accountNumber, such as A12345678
	Name     string // displayName
	Status   AccountStatus
	Currency money.Currency
	// Balance is the zero Amount where the answer carries none, as in a customer's list of accounts.
	Balance money.Amount
	Email   string   // contactEmail
	Notify  []string // fundingNotification addresses
	Created time.Time
	// Customer is the id of the customer that the account is under. Tango's answers about accounts do not tell it; the
	// directory does, empty where it does not know yet.
	Customer string `json:",omitempty"`
}

// Customer is Tango's older word for a group of accounts.
type Customer struct {
	ID       string // customerIdentifier
	Name     string // displayName
	Status   string // "active" is the one value seen
	Created  time.Time
	Accounts []Account // without balances
}

// AccountQuery filters on Tango's side; empty fields do not filter.
type AccountQuery struct {
	Customer     string // only this customer's accounts: another endpoint
	Number       string
	Name         string
	Email        string
	NotifyEmails []string
	Status       AccountStatus
	Currencies   []money.Currency
	MinBalance   *money.Amount // the number alone counts; nil for none
	MaxBalance   *money.Amount
	CreatedFrom  time.Time
	CreatedTo    time.Time
	Window       Window
}

// CustomerQuery filters on Tango's side; empty fields do not filter.
type CustomerQuery struct {
	Name               string
	Status             string
	CreatedFrom        time.Time
	CreatedTo          time.Time
	AccountID          string
	AccountNumber      string
	AccountName        string
	AccountStatus      AccountStatus
	AccountCreatedFrom time.Time
	AccountCreatedTo   time.Time
	Window             Window
}

// Window is a place in a paged list: at most one of Next and Prev is set, with what the last page returned.
type Window struct {
	Size int // 1 to 200 (Tango: maxResults)
	Next string
	Prev string
}

// AccountPage is one page of accounts. Next and Prev are empty where there is none.
type AccountPage struct {
	Accounts   []Account
	Next, Prev string
	ReadAt     time.Time
}

// CustomerPage is one page of customers.
type CustomerPage struct {
	Customers  []Customer
	Next, Prev string
	ReadAt     time.Time
}
