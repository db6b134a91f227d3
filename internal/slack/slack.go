// Package slack is Tangobot's edge to Slack: it verifies and reads what Slack sends, asks the treasury, and draws what
// people see. It is the only room that imports slack-go, for outgoing calls and block types; slack-go's inbound parsers
// are not used, because they also read fields from the unsigned URL query.
//
// Requests come in through three handlers, one for each kind of function:
//
//	Commands      POST /slack/commands                      answers at once, opens a form or queues a question
//	Interactions  POST /slack/interactions, /slack/options  buttons, submitted forms, account type-ahead
//	Events        POST /slack/events                        App Home
//
// and one handler of queued jobs, Answers, which reads Tango and posts. Messages are drawn from the journal alone:
// buttons and forms carry an opaque request id, never an amount or an account to act on.
package slack

import (
	"log/slog"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Edge is what every handler of this room needs. All fields are required, but for the last two.
type Edge struct {
	Desk     *treasury.Desk
	Client   *Client
	Verifier Verifier
	Claims   treasury.Claims
	Clock    func() time.Time
	Log      *slog.Logger
	// AckTime bounds the work before an answer to Slack; zero is what Slack's three seconds leave.
	AckTime  time.Duration
	CardPage string // address of the card page up to the link's secret part, such as https://host/cards/; for Job alone
}

// ackTime bounds all work before an answer to Slack. Slack gives up after 3 s; what is left covers the way there.
const ackTime = 2500 * time.Millisecond

// answerTime is how long a request that Slack waits for may take.
func (e *Edge) answerTime() time.Duration {
	if e.AckTime > 0 {
		return e.AckTime
	}
	return ackTime
}

// claimTime is how long a delivery is remembered: longer than a signature is accepted, in both directions.
const claimTime = 15 * time.Minute
