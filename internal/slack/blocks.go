package slack

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Slack's limits, in characters, of what this room draws (Slack: Block Kit reference).
const (
	maxMessageBlocks = 50
	maxHomeBlocks    = 100
	maxSection       = 3000
	maxButtonText    = 75
	maxButtonValue   = 2000
	maxOption        = 75
	maxModalWord     = 24 // title, submit and close
	maxMetadata      = 3000
	maxMessageText   = 3900 // chat.update refuses beyond 4,000
)

// escape makes foreign text safe in mrkdwn: it can neither mention anybody nor draw a link, nor what looks like an
// identifier.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "`", "'").Replace(s)
}

// clip shortens text to so many characters, with an ellipsis.
func clip(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	runes := []rune(s)
	return strings.TrimRight(string(runes[:most-1]), " \n") + "…"
}

// clipMrkdwn shortens what is drawn, and cuts through no entity, date, mention or identifier.
func clipMrkdwn(s string, most int) string {
	short := clip(s, most)
	if short == s {
		return s
	}
	short = strings.TrimSuffix(short, "…")
	if open := strings.LastIndexByte(short, '<'); open > strings.LastIndexByte(short, '>') {
		short = short[:open]
	}
	if open := strings.LastIndexByte(short, '&'); open > strings.LastIndexByte(short, ';') {
		short = short[:open]
	}
	if strings.Count(short, "`")%2 != 0 {
		short = short[:strings.LastIndexByte(short, '`')]
	}
	return strings.TrimRight(short, " \n") + "…"
}

func plain(s string, most int) *slackgo.TextBlockObject {
	return slackgo.NewTextBlockObject(slackgo.PlainTextType, clip(s, most), false, false)
}

// mrkdwn takes text whose foreign parts are escaped already. It is verbatim: Slack links nothing by itself.
func mrkdwn(s string) *slackgo.TextBlockObject {
	return slackgo.NewTextBlockObject(slackgo.MarkdownType, clipMrkdwn(s, maxSection), false, true)
}

func section(s string) *slackgo.SectionBlock { return slackgo.NewSectionBlock(mrkdwn(s), nil, nil) }

func header(s string) *slackgo.HeaderBlock { return slackgo.NewHeaderBlock(plain(s, 150)) }

func note(s string) *slackgo.ContextBlock { return slackgo.NewContextBlock("", mrkdwn(s)) }

// fact is a name and a value, side by side in a section. value is escaped already.
type fact struct{ name, value string }

// facts draws names and values; a section takes ten fields of 2,000 characters.
func facts(list ...fact) *slackgo.SectionBlock {
	fields := make([]*slackgo.TextBlockObject, 0, len(list))
	for _, f := range list[:min(len(list), 10)] {
		text := fmt.Sprintf("*%s*\n%s", f.name, f.value)
		fields = append(fields, slackgo.NewTextBlockObject(slackgo.MarkdownType, clipMrkdwn(text, 2000), false, true))
	}
	return slackgo.NewSectionBlock(nil, fields, nil)
}

// columns draws two texts side by side; both are escaped already.
func columns(left, right string) *slackgo.SectionBlock {
	return slackgo.NewSectionBlock(nil, []*slackgo.TextBlockObject{
		slackgo.NewTextBlockObject(slackgo.MarkdownType, clipMrkdwn(left, 2000), false, true),
		slackgo.NewTextBlockObject(slackgo.MarkdownType, clipMrkdwn(right, 2000), false, true),
	}, nil)
}

func button(action, value, text string) *slackgo.ButtonBlockElement {
	return slackgo.NewButtonBlockElement(action, value, plain(text, maxButtonText))
}

func actions(block string, buttons ...slackgo.BlockElement) *slackgo.ActionBlock {
	return slackgo.NewActionBlock(block, buttons...)
}

// date shows a time in the reader's zone, with UTC for what cannot.
func date(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), utc(t))
}

func utc(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04 UTC") }

// mention names a Slack user. In a message it draws their name without notifying anybody who is not in the channel.
func mention(user string) string { return "<@" + user + ">" }

// code draws an identifier.
func code(s string) string { return "`" + escape(visible(s)) + "`" }

// accountLine names an account for people: its name and its id.
func accountLine(a treasury.AccountRef) string { return nameLine(a.Name, a.ID) }

func nameLine(name, id string) string {
	if name = visible(name); name == "" || strings.EqualFold(name, id) {
		return code(id)
	}
	return escape(name) + " " + code(id)
}

// visible drops characters that could make a name look like another: controls, marks that turn or hide text, and letters
// without a shape. A line break becomes a space.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '\n', '\r', '\t', 0x2028, 0x2029:
			return ' '
		case 0x034f, 0x115f, 0x1160, 0x3164, 0xffa0: // a joiner and fillers that Unicode counts as marks and letters
			return -1
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s)
}

// plural gives "1 approval" or "2 approvals".
func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
