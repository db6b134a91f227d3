package slack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// rowsShown is how many rows a page of a list has: each is one block of at most 50, and all of them must fit into the
// message's text with their longest names. Tango is asked for exactly these, by its cursors, so a page is always fresh.
const rowsShown = 10

// Action ids of a list's buttons.
const (
	actionNext = "next"
	actionPrev = "prev"
)

// turn is what a Next or Prev button carries: the question again, at another place.
type turn struct {
	Ask   string `json:"ask"`
	Words string `json:"words,omitempty"`
	Place place  `json:"place"`
}

// pager draws the buttons to the pages before and after. A question whose place does not fit into a button ends here,
// and says so.
func pager(q Question, prev, next string) []slackgo.Block {
	var buttons []slackgo.BlockElement
	tooLong := false
	add := func(action, label, name string, to place) {
		value, err := json.Marshal(turn{q.Ask, q.Words, to})
		if err != nil || len(value) > maxButtonValue {
			tooLong = true
			return
		}
		b := button(action, string(value), label)
		b.AccessibilityLabel = name
		buttons = append(buttons, b)
	}
	if prev != "" {
		add(actionPrev, "← Prev", "Previous page", place{Prev: prev})
	}
	if next != "" {
		add(actionNext, "Next →", "Next page", place{Next: next})
	}
	var blocks []slackgo.Block
	if len(buttons) > 0 {
		// A new block id on each page: a list in a direct message is redrawn in its place.
		sum := sha256.Sum256([]byte(prev + "\n" + next))
		blocks = append(blocks, actions("pages-"+hex.EncodeToString(sum[:8]), buttons...))
	}
	if tooLong {
		blocks = append(blocks, note("There is more than can be turned to from here. Add a filter to see it."))
	}
	return blocks
}

// cut gives one page of a list that is in memory; its places are positions.
func cut[T any](all []T, at place) (rows []T, prev, next string) {
	start := 0
	if n, err := strconv.Atoi(at.Next); err == nil {
		start = min(max(n, 0), len(all))
	} else if n, err := strconv.Atoi(at.Prev); err == nil {
		start = max(min(n, len(all))-rowsShown, 0)
	}
	end := min(start+rowsShown, len(all))
	if start > 0 {
		prev = strconv.Itoa(start)
	}
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return all[start:end], prev, next
}

// window is the place in one of Tango's lists.
func (q Question) window() treasury.Window {
	return treasury.Window{Size: rowsShown, Next: q.Place.Next, Prev: q.Place.Prev}
}

// list draws a title, rows and the buttons under them. Each row is given twice: as blocks, and as the line that says the
// same to notifications and screen readers.
type list struct {
	title string
	rows  []row
	foot  string
	empty string // what to say instead of rows
}

type row struct {
	blocks []slackgo.Block
	line   string
}

func (l list) draw(q Question, prev, next string) message {
	blocks := []slackgo.Block{header(l.title)}
	lines := []string{l.title + "."}
	if len(l.rows) == 0 {
		blocks = append(blocks, section(l.empty))
		lines = append(lines, l.empty)
	}
	for _, r := range l.rows {
		blocks = append(blocks, r.blocks...)
		lines = append(lines, r.line)
	}
	blocks = append(blocks, pager(q, prev, next)...)
	if l.foot != "" {
		blocks = append(blocks, note(l.foot))
		lines = append(lines, l.foot)
	}
	if next != "" {
		lines = append(lines, "There are more; press Next.")
	}
	return message{Text: clipMrkdwn(strings.Join(lines, "\n"), maxMessageText), Blocks: blocks}
}

// accountCount gives "1 account", "12 accounts" or "no accounts".
func accountCount(n int) string {
	if n == 0 {
		return "no accounts"
	}
	return plural(n, "account")
}
