package treasury

import (
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// Verdict classes what is known after one try at a money call.
type Verdict string

// The verdicts. Only VerdictUnsent and VerdictThrottled allow another try; everything that is not proved is
// VerdictUnknown.
const (
	VerdictUnsent    Verdict = "unsent"    // no connection was got, so no byte left (httptrace GotConn = 0)
	VerdictDone      Verdict = "done"      // a 2xx that was checked against the order, field by field
	VerdictRefused   Verdict = "refused"   // 400, 401 or 403 with Tango's JSON error: a definite no
	VerdictThrottled Verdict = "throttled" // 429 with Tango's JSON error: not executed
	VerdictPending   Verdict = "pending"   // a deposit that Tango has taken under an id and not yet decided
	VerdictDeclined  Verdict = "declined"  // a deposit that Tango answered as DECLINED: nothing charged, nothing moved
	VerdictUnknown   Verdict = "unknown"   // anything else: it may or may not have happened
)

// Doubt names why a verdict is VerdictUnknown.
type Doubt string

// The doubts.
const (
	DoubtNone       Doubt = ""
	DoubtNoAnswer   Doubt = "no_answer"  // connection lost or time over after the send began
	DoubtServer     Doubt = "server"     // 5xx: Tango itself says it may still be processed
	DoubtRedirect   Doubt = "redirect"   // 3xx
	DoubtUnreadable Doubt = "unreadable" // 2xx, but not strictly decodable, truncated or too long
	DoubtMismatch   Doubt = "mismatch"   // 2xx, but not what was asked for
	DoubtDuplicate  Doubt = "duplicate"  // 409: the reference was used before
	DoubtStatus     Doubt = "status"     // any other status
	DoubtResent     Doubt = "resent"     // more than one connection was used: it may have happened twice
	DoubtUnsettled  Doubt = "unsettled"  // a deposit that Tango has not decided in a week
	DoubtLost       Doubt = "lost"       // the worker died between the mark and the record
)

// Answer is what one try at a money call gave.
type Answer struct {
	Verdict  Verdict
	Doubt    Doubt
	Status   int    // HTTP status, 0 without an answer
	Key      string // Tango's i18nKey, may be empty
	Request  string // Tango's X-REQUEST-ID, may be empty
	Mismatch string // for DoubtMismatch: the field that differs

	Deposit *DepositResult `json:",omitempty"` // deposits: VerdictDone, VerdictPending and VerdictDeclined
	Card    *Card          `json:",omitempty"` // registering and removing a card: VerdictDone

	// The rest is set for transfers with VerdictDone alone.
	Moved                 money.Amount
	FromBefore, FromAfter money.Amount
	ToBefore, ToAfter     money.Amount
	FromName, ToName      string
	At                    time.Time // transferDate
}

// DepositResult is what Tango tells of a deposit.
type DepositResult struct {
	ID        string       // referenceDepositID, such as RAD-180426-5407
	Amount    money.Amount // what the account gets; Tango tells no currency, it is the account's
	Charged   money.Amount // what the card is charged, the fee included; zero until it is charged
	FeePoints int64        // feePercent in hundredths of a percent: 350 is 3.5 %
	Created   time.Time
}
