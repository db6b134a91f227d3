package treasury

import (
	"context"
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// Journal is the store of all that Tangobot knows: a small versioned set of records. It is the truth, of which Slack is
// a picture. Every guard is Go code over what Get returned, made safe by the versions that Commit names.
//
// Two implementations exist (cloud on DynamoDB, embedded on bbolt); journaltest holds both to the same behaviour.
type Journal interface {
	// Get reads records consistently, in the order of the keys. A key that does not exist gives a Record of Version 0.
	// The records are not one snapshot: decide on them only in a Commit that names their versions.
	Get(ctx context.Context, keys ...string) ([]Record, error)

	// Commit writes all or nothing, at most MaxWrites at once. It fails with ErrConflict when any record's version is
	// not the one that its Write names. id is unique to this try (see NewWriteID): when the answer to a commit was
	// lost and it did apply, the same call recognises its own work and returns nil. After any other error the caller
	// must not assume either outcome.
	Commit(ctx context.Context, id string, writes ...Write) error

	// List reads the records that have a Place with this key in this index, ordered by Place.Sort. It may lag behind
	// Commit, so it serves lists and sweeps and never a decision. limit is 1 to 200. An empty next ends the list.
	List(ctx context.Context, q Listing) (records []Record, next string, err error)
}

// MaxWrites is the most writes one Commit takes (DynamoDB: 100 actions in a transaction).
const MaxWrites = 100

// MaxBody is the largest Record.Body in bytes (DynamoDB: an item has at most 400 KB, names and index copies included).
const MaxBody = 350_000

// Record is one versioned value. Version counts the commits that wrote it, from 1; 0 means that it does not exist.
type Record struct {
	Key     string
	Version int64
	Body    []byte
}

// Write replaces one record, or with Check only demands that it still has the named version.
type Write struct {
	Key     string
	Version int64 // as read; 0 demands that the record does not exist
	Body    []byte
	Places  map[Index]Place // where List finds the record; an index that is left out no longer lists it
	Check   bool            // only compare the version, write nothing
}

// Index names one of the two orders that List can read.
type Index string

// The indexes. A record may stand in both.
const (
	ByState Index = "by-state" // work: requests by state, notices that lag, history by month
	ByOwner Index = "by-owner" // requests by the person who asked
)

// Place is a record's position in an index: the list's key and the sort key within it. Both are non-empty.
type Place struct{ Key, Sort string }

// Listing asks for one page of a list.
type Listing struct {
	Index   Index
	Key     string
	Cursor  string // "" for the first page, then what List returned as next
	Limit   int    // 1 to 200
	Reverse bool   // newest first: descending by Sort
}

// Claims remembers what was already taken, such as a Slack delivery.
type Claims interface {
	// First claims key for ttl and reports whether this call was the first to do so within it. Expiry is decided by
	// comparing times, never by a store's own deletion.
	First(ctx context.Context, key string, ttl time.Duration) (bool, error)
}

// Queue hands a job to another function: at least once, in no order, up to 15 minutes later (SQS).
type Queue interface {
	Send(ctx context.Context, body []byte, delay time.Duration) error
}

// MaxDelay is the longest delay a Queue takes (SQS: 900 seconds).
const MaxDelay = 15 * time.Minute

// Books reads Tango. Reads may be retried and are paced together with all other calls to Tango.
// Errors: ErrNotFound, ErrRejected (a *Refusal tells the key), ErrBusy (limit reached), ErrUnavailable.
type Books interface {
	Account(ctx context.Context, id string) (Account, error)
	Accounts(ctx context.Context, q AccountQuery) (AccountPage, error)
	Customer(ctx context.Context, id string) (Customer, error)
	Customers(ctx context.Context, q CustomerQuery) (CustomerPage, error)
	Card(ctx context.Context, token string) (Card, error)
	Cards(ctx context.Context, q CardQuery) (CardPage, error)
	// DepositStatus reads a deposit by its referenceDepositID. The verdict is VerdictDone, VerdictPending or VerdictDeclined.
	DepositStatus(ctx context.Context, id string, currency money.Currency) (Answer, error)
}

// Mover makes the calls that change something at Tango. It sends at most once per call and says what is known afterwards.
// It does not wait for the pace: the caller does, before the mark that precedes the send. An order's Action has the kind
// that the method names.
type Mover interface {
	Transfer(ctx context.Context, order TransferOrder) Answer
	Deposit(ctx context.Context, order Order) Answer
	RegisterCard(ctx context.Context, order Order, card CardDetails, address string) Answer // address: the holder's IP
	UnregisterCard(ctx context.Context, order Order) Answer
	CreateCustomer(ctx context.Context, order Order) Answer
	CreateAccount(ctx context.Context, order Order) Answer
	UpdateAccount(ctx context.Context, order Order) Answer
}

// Pacer holds all callers together below Tango's limit of about one request a second.
type Pacer interface {
	// Wait returns when the caller may make one call, or with an error when ctx would end first.
	Wait(ctx context.Context) error
}

// People tells who somebody is now. Any doubt is an error, which callers treat as "nobody".
type People interface {
	// Person looks up a Slack user id.
	Person(ctx context.Context, id string) (Person, error)
	// Members lists the user ids of a Slack user group. A disabled, unknown or empty group is an error.
	Members(ctx context.Context, group string) ([]string, error)
}

// Person is a Slack user at this moment.
type Person struct {
	ID   string
	Team string // team or enterprise id
	Name string // for display only, never authority
	// Standing is "" for a full, active member of the workspace, else why the person is not one.
	Standing Standing
}

// Standing says why somebody is not a full, active member of the served workspace.
type Standing string

// The standings. Full is the zero value's meaning on purpose only after a successful look-up.
const (
	StandingFull    Standing = ""
	StandingGuest   Standing = "guest"
	StandingDeleted Standing = "deleted"
	StandingBot     Standing = "bot"
	StandingForeign Standing = "foreign" // another workspace, or connected through Slack Connect
)

// TransferOrder is everything that a transfer call carries.
type TransferOrder struct {
	Reference string // the request's id: externalRefID
	Attempt   string // unique to this try; part of Notes, so that an echo proves which try was answered
	From, To  string // account identifiers
	Amount    money.Amount
	Notes     string // up to 150 characters, sent as transferNotes
	// NotBefore is the start of the attempt; an answer whose transferDate lies well before it is not ours.
	NotBefore time.Time
}

// Order is what a call other than a transfer carries.
type Order struct {
	Reference string // the request's id; a deposit sends it as externalRefID
	Attempt   string // unique to this try
	Action    Action
	NotBefore time.Time // the start of the attempt
}
