package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// event is the part of Slack's event envelope that is used.
type event struct {
	Type      string `json:"type"`
	Challenge string `json:"challenge"`
	Team      string `json:"team_id"`
	Grid      string `json:"enterprise_id"`
	Event     struct {
		Type string `json:"type"`
		User string `json:"user"`
		Tab  string `json:"tab"`
		View *struct {
			Hash string `json:"hash"`
		} `json:"view"`
	} `json:"event"`
}

// Events answers POST /slack/events: it draws App Home when somebody opens it. Drawing the same picture twice changes
// nothing, so deliveries are not claimed: when the first try failed, Slack's repetition mends it.
func (e *Edge) Events(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), e.answerTime())
	defer cancel()
	d, ok := e.receive(ctx, w, r)
	if !ok {
		return
	}
	var ev event
	if json.Unmarshal(d.body, &ev) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	switch {
	case ev.Type == "url_verification":
		answerJSON(w, struct {
			Challenge string `json:"challenge"`
		}{ev.Challenge})
		return
	case ev.Type != "event_callback" || !e.served(ev.Team, ev.Grid):
		w.Header().Set("X-Slack-No-Retry", "1") // another time it would not be served either
	case ev.Event.Type == "app_home_opened" && ev.Event.Tab == "home" && ev.Event.User != "":
		hash := ""
		if ev.Event.View != nil {
			hash = ev.Event.View.Hash
		}
		if err := e.publishHome(ctx, ev.Event.User, hash); err != nil {
			e.Log.ErrorContext(ctx, "App Home not drawn", "ref", d.ref(), "error", err)
			w.WriteHeader(http.StatusServiceUnavailable) // Slack tries again
			return
		}
	}
	w.WriteHeader(http.StatusOK)
}

// publishHome draws a person's App Home from the journal. hash is that of the picture it replaces, or empty: another one
// that was drawn in between is newer than what is known here, and is drawn anew.
func (e *Edge) publishHome(ctx context.Context, person, hash string) error {
	const tries = 3
	var err error
	for range tries {
		var facts homeFacts
		if facts, err = e.homeFacts(ctx); err != nil {
			return err
		}
		var blocks []slackgo.Block
		if blocks, err = e.home(ctx, person, facts); err != nil {
			return err
		}
		if err = e.Client.publish(ctx, person, hash, blocks); !isCode(err, "hash_conflict") {
			return err
		}
		hash = ""
	}
	return err
}

// How much App Home shows of each list; the rest is a line of words. Together they stay under Slack's 100 blocks.
const (
	homeWaiting  = 10
	homeOpen     = 10
	homeBalances = 15
)

// homeFacts are what everybody's App Home is drawn from.
type homeFacts struct {
	open     []treasury.Request
	overview treasury.Overview
	stop     treasury.Stop
}

func (e *Edge) homeFacts(ctx context.Context) (f homeFacts, err error) {
	if f.open, err = e.Desk.Open(ctx); err != nil {
		return f, err
	}
	if f.overview, err = e.Desk.Overview(ctx, homeBalances); err != nil {
		return f, err
	}
	f.stop, err = e.Desk.Stopped(ctx)
	return f, err
}

// home draws what waits for the person, what they asked for, and the balances with their age.
func (e *Edge) home(ctx context.Context, person string, facts homeFacts) ([]slackgo.Block, error) {
	err := e.Desk.MayView(ctx, person)
	if errors.Is(err, treasury.ErrForbidden) {
		return []slackgo.Block{header("Tangobot"), section(errorWords(err, ""))}, nil
	}
	if err != nil {
		return nil, err
	}
	var waiting, mine, doubts []treasury.Request
	for _, r := range facts.open {
		switch {
		case r.State == treasury.StateInDoubt:
			doubts = append(doubts, r)
		case r.Requester == person:
			mine = append(mine, r)
		case r.State == treasury.StatePending && e.Desk.CanVote(ctx, person, r) == nil:
			waiting = append(waiting, r)
		}
	}
	var blocks []slackgo.Block
	if facts.stop.Stopped {
		blocks = append(blocks, section(stopWords(facts.stop)))
	}
	blocks = append(blocks, e.homeRequests(ctx, "Waiting for you", "Nothing waits for your decision.", waiting, homeWaiting, person)...)
	if len(doubts) > 0 {
		blocks = append(blocks, e.homeRequests(ctx, "⚠️ In doubt", "", doubts, homeOpen, person)...)
	}
	blocks = append(blocks, e.homeRequests(ctx, "Your open requests", "You have no open request.", mine, homeOpen, person)...)
	if e.Desk.MayRequest(ctx, person) == nil {
		blocks = append(blocks, actions("home-do",
			button(actionNewTransfer, "new", "Request a transfer"), button(actionNewDeposit, "new", "Request a deposit")))
	}
	blocks = append(blocks, homeBalanceBlocks(facts.overview)...)
	return append(blocks, note("Drawn "+date(e.Clock())+". "+code("/tango help")+" lists all that you can type.")), nil
}

func (e *Edge) homeRequests(
	ctx context.Context, title, empty string, requests []treasury.Request, most int, person string,
) []slackgo.Block {
	blocks := []slackgo.Block{header(title)}
	if len(requests) == 0 {
		return append(blocks, section(empty))
	}
	for _, r := range requests[:min(len(requests), most)] {
		blocks = append(blocks, e.requestRow(ctx, r, person).blocks...)
	}
	if more := len(requests) - most; more > 0 {
		blocks = append(blocks, note(fmt.Sprintf("%d more: %s", more, code("/tango requests"))))
	}
	return blocks
}

func homeBalanceBlocks(o treasury.Overview) []slackgo.Block {
	blocks := []slackgo.Block{header("Balances")}
	if o.ReadAt.IsZero() {
		return append(blocks, section("Tangobot has not read Tango's accounts yet. Please look again in a few minutes."))
	}
	if o.Accounts == 0 {
		return append(blocks, section("Tango has no accounts for this platform."))
	}
	for _, r := range o.Readings {
		b := balanceRow(r).blocks[0]
		blocks = append(blocks, b)
	}
	words := fmt.Sprintf("%s. As of %s; ask %s for this moment's figures.",
		upperFirst(lowWords(o)), date(oldest(o)), code("/tango balance"))
	if more := o.Accounts - len(o.Readings); more > 0 {
		words = fmt.Sprintf("%d more accounts. ", more) + words
	}
	return append(blocks, note(words))
}

func lowWords(o treasury.Overview) string {
	return accountCount(o.Low) + " under the low-balance threshold"
}

// oldest gives the time of the reading that is shown and lies furthest back.
func oldest(o treasury.Overview) time.Time {
	at := o.ReadAt
	for _, r := range o.Readings {
		if r.At.Before(at) {
			at = r.At
		}
	}
	return at
}
