package slack

import "time"

// Question is what a person asked and a queued job answers. It travels through the questions queue.
type Question struct {
	Ask    string `json:"ask"`             // one of the Ask constants
	Person string `json:"person"`          // Slack user id; authority is looked up when it is answered
	Words  string `json:"words,omitempty"` // what was typed behind the command's word
	Place  place  `json:"place,omitzero"`  // where in a list
	// ResponseURL takes the answer for half an hour after At. After that it goes by direct message.
	ResponseURL string    `json:"response_url"`
	At          time.Time `json:"at"`
	Ref         string    `json:"ref"` // to quote when something goes wrong
}

// place is where in a list a page begins; at most one is set, with what the page before gave. The zero place is the start.
type place struct {
	Next string `json:"next,omitempty"`
	Prev string `json:"prev,omitempty"`
}

// What can be asked.
const (
	AskBalance   = "balance"
	AskAccounts  = "accounts"
	AskAccount   = "account"
	AskCustomers = "customers"
	AskCustomer  = "customer"
	AskCards     = "cards"
	AskCard      = "card"
	AskDeposit   = "deposit"
	AskRequests  = "requests"
	AskAlerts    = "alerts"
	AskHistory   = "history"
)
