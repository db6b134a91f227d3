package slack

import (
	"fmt"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// requestBlocks draws a request's figures, the same on its card and in the decision form: what an approver decides on.
func requestBlocks(r treasury.Request) []slackgo.Block {
	t := r.Action.Transfer
	blocks := []slackgo.Block{
		section(fmt.Sprintf("*Transfer %s*\nfrom %s\nto %s", t.Amount, accountLine(t.From), accountLine(t.To))),
		facts(balanceFacts(r)...),
	}
	if t.Note != "" {
		blocks = append(blocks, section("*Note*\n"+escape(visible(t.Note))))
	}
	return blocks
}

func balanceFacts(r treasury.Request) []fact {
	list := []fact{
		{"Requested by", mention(r.Requester) + "\n" + date(r.CreatedAt)},
		{"Needs", approvalWords(r.Rule) + fmt.Sprintf("\n(rule %d of the policy)", r.Rule.Number)},
	}
	for _, seen := range r.Seen {
		name, delta := "To", r.Action.Amount()
		if seen.Account == r.Action.Transfer.From.ID {
			name, delta.Hundredths = "From", -delta.Hundredths
		}
		after, err := seen.Balance.Add(delta)
		if err != nil || !seen.Balance.IsKnown() {
			continue
		}
		list = append(list, fact{name + ": balance then and after", fmt.Sprintf("%s → %s\nread %s", seen.Balance, after, date(seen.At))})
	}
	return list
}

// stateSign stands before the state's words, never for them.
func stateSign(s treasury.State) string {
	switch s {
	case treasury.StatePending, treasury.StateApproved, treasury.StateClaimed, treasury.StateSending:
		return "⏳"
	case treasury.StateSucceeded:
		return "✅"
	case treasury.StateFailed, treasury.StateDenied, treasury.StateCancelled, treasury.StateExpired:
		return "⛔"
	case treasury.StateInDoubt:
		return "⚠️"
	}
	return ""
}

// card draws a request for the approvals channel, as it is now.
func card(r treasury.Request) message {
	blocks := []slackgo.Block{header(stateSign(r.State) + " " + stateWord(r.State))}
	blocks = append(blocks, requestBlocks(r)...)
	for text := range chunks(progress(r), maxSection) {
		blocks = append(blocks, section(text))
	}
	// A new block id at each revision: Slack keeps what was typed or pressed under an old one.
	block := fmt.Sprintf("decide-%s-%d", r.ID, r.Step)
	switch r.State {
	case treasury.StatePending:
		approve := button(actionApprove, r.ID, "Approve "+r.Action.Amount().String())
		approve.Style = slackgo.StylePrimary
		approve.AccessibilityLabel = clip("Approve the transfer of "+r.Action.Amount().String()+", request "+r.ID, maxButtonText)
		blocks = append(blocks, actions(block, approve, button(actionDeny, r.ID, "Deny…")))
	case treasury.StateApproved:
		blocks = append(blocks, actions(block, stopButton(r)))
	case treasury.StateClaimed, treasury.StateSending, treasury.StateSucceeded, treasury.StateFailed, treasury.StateDenied,
		treasury.StateCancelled, treasury.StateExpired, treasury.StateInDoubt:
	}
	foot := "Request " + code(r.ID)
	if r.State == treasury.StatePending {
		foot += " · votes count until " + date(r.ExpiresAt)
	}
	return message{Text: requestText(r), Blocks: append(blocks, note(foot))}
}

func stopButton(r treasury.Request) *slackgo.ButtonBlockElement {
	b := button(actionStop, r.ID, "Stop")
	b.Style = slackgo.StyleDanger
	b.AccessibilityLabel = clip("Stop request "+r.ID+" before it is sent", maxButtonText)
	text := fmt.Sprintf("Nothing will move: %s from %s to %s stays where it is. To move it later, ask again.",
		r.Action.Amount(), r.Action.Transfer.From.ID, r.Action.Transfer.To.ID)
	b.Confirm = slackgo.NewConfirmationBlockObject(plain("Stop this transfer?", 100), plain(text, 300), plain("Stop it", 30), plain("Go back", 30))
	return b
}

func cancelButton(r treasury.Request) *slackgo.ButtonBlockElement {
	b := button(actionCancel, r.ID, "Take it back")
	b.AccessibilityLabel = clip("Take request "+r.ID+" back", maxButtonText)
	b.Confirm = slackgo.NewConfirmationBlockObject(plain("Take this request back?", 100),
		plain("It ends here and nothing moves.", 300), plain("Take it back", 30), plain("Go back", 30))
	return b
}

// progress tells who decided and what came of it, one line each.
func progress(r treasury.Request) []string {
	var lines []string
	if r.Rule.Approvals > 0 && (r.State == treasury.StatePending || r.Approvals() > 0) {
		lines = append(lines, fmt.Sprintf("*Approvals: %d of %d*", r.Approvals(), r.Rule.Approvals))
	}
	for _, v := range r.Votes {
		verdict := "approved"
		if !v.Approve {
			verdict = "denied"
		}
		line := mention(v.Person) + " " + verdict + " " + date(v.At)
		if v.Comment != "" {
			line += ": " + escape(visible(v.Comment))
		}
		lines = append(lines, line)
	}
	return append(lines, outcome(r)...)
}

// outcome tells what happened to the money and what comes next.
func outcome(r treasury.Request) []string {
	switch r.State {
	case treasury.StatePending:
		return nil
	case treasury.StateApproved:
		if r.Attempts > 0 {
			return []string{fmt.Sprintf("Try %d of %d sent nothing, because Tango could not be reached. Tangobot tries again by itself.", r.Attempts, treasury.MaxAttempts)}
		}
		return []string{"It is sent at " + date(r.DueAt) + ". Until then the requester or an approver can stop it."}
	case treasury.StateClaimed:
		return []string{"Both accounts are reserved for it. It is sent in a moment, and cannot be stopped any more."}
	case treasury.StateSending:
		return []string{"It is on its way to Tango. Whether it has moved is not known yet."}
	case treasury.StateSucceeded:
		return succeededLines(r)
	case treasury.StateInDoubt:
		return []string{
			doubtWords(r.Answer),
			"*Tangobot will not send it again.* Both accounts stay reserved, so no other request moves their money meanwhile.",
			"Please look in Tango's portal for a transfer with the note " + code(attemptOf(r)) + doubtSince(r) + ", and do not repeat it by hand before that.",
		}
	case treasury.StateFailed, treasury.StateCancelled:
		lines := []string{reasonWords(r)}
		if r.ClosedBy != "" {
			lines = append(lines, "By "+mention(r.ClosedBy)+" "+date(r.ClosedAt)+".")
		}
		return lines
	case treasury.StateDenied:
		return []string{"One denial ends a request. To try again, make a new one."}
	case treasury.StateExpired:
		return []string{"There were not enough approvals in time. To try again, make a new request."}
	}
	return nil
}

func succeededLines(r treasury.Request) []string {
	a := r.Answer
	if a == nil {
		return nil
	}
	t := r.Action.Transfer
	lines := []string{
		fmt.Sprintf("%s now holds *%s* (before: %s).", accountLine(t.From), a.FromAfter, a.FromBefore),
		fmt.Sprintf("%s now holds *%s* (before: %s).", accountLine(t.To), a.ToAfter, a.ToBefore),
	}
	if a.Request != "" {
		lines = append(lines, "Moved "+date(a.At)+". Tango's support finds it under "+code(a.Request)+".")
	}
	return lines
}

func attemptOf(r treasury.Request) string {
	if r.Attempt == nil {
		return r.ID
	}
	return r.Attempt.ID
}

func doubtSince(r treasury.Request) string {
	if r.Attempt == nil || r.Attempt.SentAt.IsZero() {
		return ""
	}
	return ", sent " + date(r.Attempt.SentAt)
}

// requestText is the whole of a card in words: for notifications, and for who cannot see blocks.
func requestText(r treasury.Request) string {
	t := r.Action.Transfer
	parts := []string{
		fmt.Sprintf("%s. Transfer of %s from %s to %s, asked for by %s (request %s).",
			stateWord(r.State), t.Amount, accountLine(t.From), accountLine(t.To), mention(r.Requester), r.ID),
	}
	if t.Note != "" {
		parts = append(parts, "Note: "+escape(visible(t.Note))+".")
	}
	if r.State == treasury.StatePending {
		parts = append(parts, "It needs "+approvalWords(r.Rule)+" until "+date(r.ExpiresAt)+".")
	}
	parts = append(parts, progress(r)...)
	return clipMrkdwn(strings.Join(parts, "\n"), maxMessageText)
}

// directMessage draws a request for the person who made it.
func directMessage(r treasury.Request) message {
	blocks := []slackgo.Block{
		section(fmt.Sprintf("%s *%s*\nYour transfer of *%s* from %s to %s", stateSign(r.State), stateWord(r.State),
			r.Action.Amount(), accountLine(r.Action.Transfer.From), accountLine(r.Action.Transfer.To))),
	}
	for text := range chunks(progress(r), maxSection) {
		blocks = append(blocks, section(text))
	}
	block := fmt.Sprintf("mine-%s-%d", r.ID, r.Step)
	switch r.State {
	case treasury.StatePending:
		blocks = append(blocks, actions(block, cancelButton(r)))
	case treasury.StateApproved:
		blocks = append(blocks, actions(block, stopButton(r)))
	case treasury.StateClaimed, treasury.StateSending, treasury.StateSucceeded, treasury.StateFailed, treasury.StateDenied,
		treasury.StateCancelled, treasury.StateExpired, treasury.StateInDoubt:
	}
	foot := "Request " + code(r.ID)
	if r.State == treasury.StatePending {
		foot += " · needs " + approvalWords(r.Rule) + " until " + date(r.ExpiresAt)
	}
	return message{Text: requestText(r), Blocks: append(blocks, note(foot))}
}
