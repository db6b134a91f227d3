package slack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// actionSnooze silences the alert of a low account; its value is the account's id.
const actionSnooze = "snooze"

// tangoPortal is where people sign in to Tango itself (its help pages name this address).
const tangoPortal = "https://portal.tangocard.com"

// alert brings the message of an alert up to date with the journal.
func (e *Edge) alert(ctx context.Context, id string) error {
	return e.Desk.ShowAlert(ctx, id, func(ctx context.Context, a treasury.Alert) (treasury.Message, error) {
		if !a.Open && a.Message.TS == "" && a.End != treasury.EndNone {
			return a.Message, nil // it was over before anybody was told
		}
		m, err := e.alertMessage(ctx, a)
		if err != nil {
			return a.Message, err
		}
		at, err := e.put(ctx, e.Desk.Policy.Alerts, a.Message, m)
		if err != nil {
			return at, fmt.Errorf("the message of alert %s: %w", a.ID, err)
		}
		return at, nil
	})
}

// alertMessage draws an alert as it is now.
func (e *Edge) alertMessage(ctx context.Context, a treasury.Alert) (message, error) {
	switch a.Kind {
	case treasury.AlertLow:
		return e.lowMessage(a), nil
	case treasury.AlertStatus:
		return statusMessage(a), nil
	case treasury.AlertMany:
		return manyMessage(a), nil
	case treasury.AlertOverdue:
		r, err := e.Desk.Find(ctx, a.Request)
		return overdueMessage(a, r), err
	case treasury.AlertCards:
		return cardsMessage(a), nil
	case treasury.AlertReview:
		return reviewMessage(a), nil
	case treasury.AlertFrozen:
		return frozenMessage(a), nil
	}
	return message{}, fmt.Errorf("an alert of kind %q: %w", a.Kind, treasury.ErrInvalid)
}

// told draws a title and lines. The text has the same words, without the marks that only blocks draw.
func told(title string, lines []string, foot string, buttons ...slackgo.Block) message {
	body := strings.Join(lines, "\n")
	blocks := append([]slackgo.Block{header(title), section(body)}, buttons...)
	text := title + "\n" + strings.ReplaceAll(body, "*", "")
	if foot != "" {
		blocks = append(blocks, note(foot))
		text += "\n" + foot
	}
	return message{Text: clip(text, maxMessageText), Blocks: blocks}
}

// lowMessage draws the alert of one account.
func (e *Edge) lowMessage(a treasury.Alert) message {
	account := accountLine(a.Account)
	holds := fmt.Sprintf("%s holds *%s*.", account, a.Balance)
	was := fmt.Sprintf("It was under its threshold of %s since %s.", a.Threshold, date(a.Since))
	foot := "Read from Tango " + date(a.ReadAt) + "."
	if !a.Open {
		switch a.End {
		case treasury.EndUnwatched:
			if a.Status != treasury.AccountActive {
				return told("Low balance: not watched any more", []string{holds, "The account is " + escape(statusWord(a.Status)) + ", so its balance is not watched."}, foot)
			}
			return told("Low balance: not watched any more", []string{holds, "The policy has no threshold for this account any more."}, foot)
		case treasury.EndGone:
			return told("Low balance: the account is gone", []string{"Tango does not know " + account + " any more."}, foot)
		case treasury.EndRecovered, treasury.EndDecided, treasury.EndFreed, treasury.EndNone:
		}
		if !a.Threshold.IsKnown() {
			was = "It was low since " + date(a.Since) + "."
		}
		return told("✅ Balance recovered", []string{holds, was}, foot)
	}
	lines := []string{fmt.Sprintf("%s holds *%s*, which is under its threshold of *%s*.", account, a.Balance, a.Threshold)}
	buttons := []slackgo.BlockElement{
		named(button(actionDeposit, a.Account.ID, "Deposit"), "Deposit into "+a.Account.ID),
		named(button(actionTransferTo, a.Account.ID, "Transfer in"), "Transfer into "+a.Account.ID),
	}
	if a.IsSnoozed(e.Clock()) {
		lines = append(lines, fmt.Sprintf("Snoozed by %s until %s. If it is still low then, it is told of again.", mention(a.SnoozedBy), date(a.SnoozedUntil)))
	} else {
		buttons = append(buttons, named(button(actionSnooze, a.Account.ID, "Snooze for 24 hours"), "Snooze the alert of "+a.Account.ID))
	}
	// A new block id at each revision, as on a request's card.
	return told("⚠️ Low balance", lines, foot, actions(fmt.Sprintf("alert-%d", a.Want), buttons...))
}

func named(b *slackgo.ButtonBlockElement, label string) *slackgo.ButtonBlockElement {
	b.AccessibilityLabel = clip(label, maxButtonText)
	return b
}

// statusMessage draws that an account's status changed, what that means, and who can change it back.
func statusMessage(a treasury.Alert) message {
	account := accountLine(a.Account)
	foot := "Seen in Tango's list " + date(a.ReadAt) + "."
	if !a.Open {
		line := fmt.Sprintf("%s is %s again; it was %s.", account, escape(statusWord(a.Status)), escape(statusWord(a.Before)))
		if a.End == treasury.EndGone {
			line = account + " is deleted at Tango."
		}
		return told("Account status: over", []string{line}, foot)
	}
	means := ""
	switch a.Status {
	case treasury.AccountFrozen:
		means = "Tango froze it, as it does when much is spent in a short time. No money moves, in or out, until Tango lifts that: ask Tango's support."
	case treasury.AccountDisabled:
		means = "Somebody of your company switched it off in Tango's portal, where it can be switched on again. No money moves, in or out."
	case treasury.AccountInactive:
		means = "Tango switched it off, and only Tango can change that: ask Tango's support. It takes no funding and no orders."
	case treasury.AccountActive, treasury.AccountDeleted:
	}
	title := "⚠️ Account " + statusWord(a.Status)
	line := fmt.Sprintf("%s is *%s*; it was %s.", account, escape(statusWord(a.Status)), escape(statusWord(a.Before)))
	return told(title, []string{line, means}, foot)
}

// frozenMessage draws that Tangobot keeps off an account, why, and what ends it.
func frozenMessage(a treasury.Alert) message {
	account := accountLine(a.Account)
	why := "Request " + code(a.Request) + " was found not to be carried out, and now exactly its amount has moved."
	if a.Twice {
		why = "Twice the amount of request " + code(a.Request) + " seems to have moved."
	}
	if !a.Open {
		return told("✅ Account free again", []string{
			mention(a.By) + " lifted the freeze of " + account + " " + date(a.EndedAt) + ".", "It was frozen for this: " + why,
		}, "Seen "+date(a.Since)+".")
	}
	return told("⚠️ Tangobot has frozen an account", []string{
		"Tangobot moves nothing more on " + account + ". Requests on it wait.", why,
		"Look at the account in Tango's portal. When you know what happened, somebody who may stop sending types " + code("/tango resume "+a.Account.ID) + ".",
	}, "Seen "+date(a.Since)+".")
}

// manyMessage draws that more accounts changed than are told of one by one.
func manyMessage(a treasury.Alert) message {
	if a.Status != "" {
		word := escape(statusWord(a.Status))
		line := fmt.Sprintf("*%s became %s*, beside those that were told of one by one. %s lists them.",
			upperFirst(plural(a.Count, "more account")), word, code("/tango accounts status:"+strings.ToLower(string(a.Status))))
		return told("⚠️ Many accounts are "+statusWord(a.Status), []string{line}, "Seen in Tango's list "+date(a.ReadAt)+".")
	}
	verb := "are"
	if a.Count == 1 {
		verb = "is"
	}
	line := fmt.Sprintf("*%s %s low*, beside those that were told of one by one. %s lists them with their thresholds.",
		upperFirst(plural(a.Count, "more account")), verb, code("/tango alerts"))
	return told("⚠️ Many low balances", []string{line}, "Read from Tango "+date(a.ReadAt)+".")
}

// overdueMessage draws a deposit that settles for too long, and what came of it.
func overdueMessage(a treasury.Alert, r treasury.Request) message {
	if r.Action.Deposit == nil {
		return told("Deposit", []string{"Request " + code(a.Request) + "."}, "")
	}
	d := r.Action.Deposit
	what := fmt.Sprintf("*%s* to %s from the card %s%s", d.Amount, accountLine(d.Account), cardLine(d.Card), depositID(r.Answer))
	foot := "Request " + code(r.ID) + ". " + code("/tango requests "+r.ID) + " shows all of it."
	if !a.Open {
		return told("Deposit: "+stateName(r.State), []string{what, "It settled for longer than Tango says. Now: " + stateWord(r) + "."}, foot)
	}
	since := "a long time"
	if r.Attempt != nil && !r.Attempt.SentAt.IsZero() {
		since = date(r.Attempt.SentAt)
	}
	return told("⚠️ A deposit settles for too long", []string{
		what, "Tango took it " + since + " and has not decided. Its pages say three business days. The card is not charged yet, and the balance has not changed.",
		"Ask Tango's support about it. Do not repeat it by hand before that.",
	}, foot)
}

// cardsMessage names the cards that expire soon.
func cardsMessage(a treasury.Alert) message {
	lines := []string{plural(a.Count, "card") + " on file can be charged until the end of the month that is named:"}
	for _, c := range a.Cards {
		lines = append(lines, "• "+cardLine(c.Ref())+", funds "+code(c.Account))
	}
	if more := a.Count - len(a.Cards); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	lines = append(lines, "A new card can take days until Tango lets it be charged, so register it in time: "+code("/tango card register")+
		". Remove what is not used any more: "+code("/tango card remove")+".")
	return told("Cards expire soon", lines, "As of "+date(a.Since)+". You are reminded once a month.")
}

func reviewMessage(a treasury.Alert) message {
	expired := "None of them has expired."
	if a.Expired > 0 {
		expired = fmt.Sprintf("*Expired: %d.*", a.Expired)
	}
	return told("Time to look through the cards on file", []string{
		fmt.Sprintf("Cards on file: %d. %s", a.Count, expired),
		"Tango advises to look through them every 60 to 90 days and to remove what expired or is not used: " + code("/tango cards") +
			" lists them, " + code("/tango card remove") + " removes one.",
	}, "As of "+date(a.Since)+".")
}

// lowAccounts answers with the thresholds and the accounts that are under them at this moment.
func (e *Edge) lowAccounts(ctx context.Context, q Question) (message, error) {
	l := list{title: "Low balances", empty: "No account is under its threshold."}
	l.rows = append(l.rows, e.thresholds())
	low, err := e.Desk.ReadLow(ctx)
	if isOut(err) {
		return e.lastKnownLow(ctx, q, l)
	}
	if err != nil {
		return message{}, err
	}
	count := "No active account"
	if n := len(low.Readings); n > 0 {
		count = plural(n, "active account")
	}
	l.foot = count + " under the threshold. Read from Tango " + date(low.ReadAt) + "."
	if !low.Complete {
		l.foot = "There are more accounts than were looked at: these are the first. " + l.foot
	}
	shown, prev, next := cut(low.Readings, q.Place)
	for _, r := range shown {
		b := balanceRow(r)
		if a, ok := low.Snoozed[r.Account.ID]; ok {
			words := "snoozed by " + mention(a.SnoozedBy) + " until " + date(a.SnoozedUntil)
			b.blocks, b.line = append(b.blocks, note(words)), b.line+", "+words
		}
		l.rows = append(l.rows, b)
	}
	if len(low.Readings) == 0 {
		l.rows = append(l.rows, wordsRow(l.empty))
	}
	return l.draw(q, prev, next), nil
}

func wordsRow(words string) row {
	return row{[]slackgo.Block{section(words)}, strings.ReplaceAll(words, "*", "")}
}

// lastKnownLow answers from the journal when Tango does not.
func (e *Edge) lastKnownLow(ctx context.Context, q Question, l list) (message, error) {
	o, err := e.Desk.Overview(ctx, maxListed)
	if err != nil {
		return message{}, err
	}
	if o.ReadAt.IsZero() {
		return message{}, treasury.ErrUnavailable
	}
	l.title = "Tango does not answer: low balances as last known"
	l.foot = upperFirst(lowWords(o)) + " in the readings up to " + date(oldest(o)) + "." + quote(q.Ref)
	for _, r := range o.Readings {
		if r.Low {
			l.rows = append(l.rows, balanceRow(r))
		}
	}
	return l.draw(q, "", ""), nil
}

// maxThresholds is how many accounts with a threshold of their own are named.
const maxThresholds = 10

// thresholds says below which balances accounts alert.
func (e *Edge) thresholds() row {
	low := e.Desk.Policy.Low
	var lines []string
	for _, c := range slices.Sorted(maps.Keys(low.Default)) {
		lines = append(lines, "under *"+low.Default[c].String()+"*")
	}
	words := "An account alerts " + strings.Join(lines, ", ") + "."
	if len(lines) == 0 {
		words = "Only accounts with a threshold of their own alert."
	}
	ids := slices.Sorted(maps.Keys(low.Accounts))
	for _, id := range ids[:min(len(ids), maxThresholds)] {
		var own []string
		for _, c := range slices.Sorted(maps.Keys(low.Accounts[id])) {
			own = append(own, low.Accounts[id][c].String())
		}
		words += "\n" + code(id) + ": under " + strings.Join(own, ", ")
	}
	if more := len(ids) - maxThresholds; more > 0 {
		words += fmt.Sprintf("\nand %s with a threshold of their own", accountCount(more))
	}
	return wordsRow(words)
}
