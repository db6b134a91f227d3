package slack

import (
	"fmt"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// requestBlocks draws a request's figures, the same on its card and in the decision form: what an approver decides on.
func requestBlocks(r treasury.Request) []slackgo.Block {
	return append(actionSections("*"+actionTitle(r.Action)+"*", r.Action), facts(requestFacts(r)...))
}

func requestFacts(r treasury.Request) []fact {
	list := []fact{
		{"Requested by", mention(r.Requester) + "\n" + date(r.CreatedAt)},
		{"Needs", approvalWords(r.Rule) + fmt.Sprintf("\n(rule %d of the policy)", r.Rule.Number)},
	}
	if r.State.IsFinal() && r.State != treasury.StateSucceeded {
		return list // figures that did not come true
	}
	for _, seen := range r.Seen {
		name, delta := "To", r.Action.Amount()
		if t := r.Action.Transfer; t != nil && seen.Account == t.From.ID {
			name, delta.Hundredths = "From", -delta.Hundredths
		}
		after, err := seen.Balance.Add(delta)
		if err != nil || !seen.Balance.IsKnown() {
			continue
		}
		list = append(list, fact{name + ": balance then and after", fmt.Sprintf("%s → %s\nread %s", seen.Balance, after, date(seen.At))})
	}
	if f := r.Fee; f != nil {
		list = append(list, fact{"Charged to the card", "about " + f.Charged.String() + "\nTango's fee: " + feeWords(f)})
	}
	return list
}

// card draws a request for the approvals channel, as it is now. n is what the journal knows beside it; doubt are the buttons of a request in doubt.
func card(r treasury.Request, n treasury.Notice, doubt ...slackgo.BlockElement) message {
	blocks := []slackgo.Block{header(stateSign(r.State) + " " + stateWord(r))}
	blocks = append(blocks, requestBlocks(r)...)
	blocks = append(blocks, sections(progress(r, n)...)...)
	// A new block id at each revision: Slack keeps what was typed or pressed under an old one.
	block := fmt.Sprintf("decide-%s-%d", r.ID, r.Step)
	switch r.State {
	case treasury.StatePending:
		approve := button(actionApprove, r.ID, approveLabel(r.Action))
		approve.Style = slackgo.StylePrimary
		approve.AccessibilityLabel = clip("Approve: "+actionTitle(r.Action)+", request "+r.ID, maxButtonText)
		blocks = append(blocks, actions(block, approve, button(actionDeny, r.ID, "Deny…")))
	case treasury.StateApproved:
		blocks = append(blocks, actions(block, stopButton(r)))
	case treasury.StateClaimed, treasury.StateSending, treasury.StateSettling, treasury.StateSucceeded, treasury.StateDeclined,
		treasury.StateFailed, treasury.StateDenied, treasury.StateCancelled, treasury.StateExpired, treasury.StateInDoubt:
	}
	if len(doubt) > 0 {
		blocks = append(blocks, actions(block, doubt...))
	}
	foot := "Request " + code(r.ID)
	if r.State == treasury.StatePending {
		foot += " · votes count until " + date(r.ExpiresAt)
	}
	return message{Text: requestText(r, n), Blocks: append(blocks, note(foot))}
}

func stopButton(r treasury.Request) *slackgo.ButtonBlockElement {
	b := button(actionStop, r.ID, "Stop")
	b.Style = slackgo.StyleDanger
	b.AccessibilityLabel = clip("Stop request "+r.ID+" before it is sent", maxButtonText)
	b.Confirm = slackgo.NewConfirmationBlockObject(plain("Stop this "+actionNoun(r.Action.Kind)+"?", 100), plain(stopEffect(r.Action), 300), plain("Stop it", 30), plain("Go back", 30))
	return b
}

// stopEffect says, in plain text, what stopping means, with the figures; 300 characters hold two ids.
func stopEffect(a treasury.Action) string {
	switch {
	case a.Transfer != nil:
		t := a.Transfer
		return "Nothing will move: " + t.Amount.String() + " stays in " + t.From.ID + ", and " + t.To.ID + " gets nothing. To move it later, ask again."
	case a.Deposit != nil:
		return "The card will not be charged, and " + a.Deposit.Account.ID + " does not get " + a.Deposit.Amount.String() + ". To do it later, ask again."
	}
	return actionTitle(a) + ": nothing will be sent to Tango. To do it later, ask again."
}

func cancelButton(r treasury.Request) *slackgo.ButtonBlockElement {
	b := button(actionCancel, r.ID, "Take it back")
	b.AccessibilityLabel = clip("Take request "+r.ID+" back", maxButtonText)
	b.Confirm = slackgo.NewConfirmationBlockObject(plain("Take this request back?", 100),
		plain("It ends here and nothing moves.", 300), plain("Take it back", 30), plain("Go back", 30))
	return b
}

// progress tells who decided and what came of it, one line each.
func progress(r treasury.Request, n treasury.Notice) []string {
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
	return append(lines, besideLines(r, n)...)
}

// besideLines tell what came of a request, and what Tango seems to have done beside it.
func besideLines(r treasury.Request, n treasury.Notice) []string {
	lines := outcome(r, n)
	if words := contradictionWords(n.Contradicted); words != "" {
		lines = append(lines, "⚠️ "+words)
	}
	return lines
}

// contradictionWords warns of what Tango seems to have done against how a request ended.
func contradictionWords(c treasury.Contradiction) string {
	const then = " Nothing more moves on its accounts until people have looked. *Do not repeat it or undo it by hand* before finance has looked in Tango's portal."
	switch c {
	case treasury.ContradictedTwice:
		return "*Its money seems to have moved twice.*" + then
	case treasury.ContradictedLate:
		return "*Exactly its amount has moved since it was found not to be carried out.*" + then
	case treasury.ContradictedNot:
	}
	return ""
}

// outcome tells what happened and what comes next.
func outcome(r treasury.Request, n treasury.Notice) []string {
	switch r.State {
	case treasury.StatePending:
		return nil
	case treasury.StateApproved:
		return approvedLines(r, n)
	case treasury.StateClaimed:
		return []string{"It is sent in a moment, and cannot be stopped any more."}
	case treasury.StateSending:
		return []string{"It is on its way to Tango. Whether it was carried out is not known yet."}
	case treasury.StateSettling:
		return settlingLines(r)
	case treasury.StateSucceeded:
		return succeededLines(r)
	case treasury.StateDeclined:
		return []string{
			"Tango or the bank declined the deposit" + depositID(r.Answer) + ". The card was not charged.",
			"The card's holder or the bank can tell why. To try again, make a new request.",
		}
	case treasury.StateInDoubt:
		return doubtLines(r)
	case treasury.StateFailed, treasury.StateCancelled:
		lines := []string{reasonWords(r)}
		if r.Reason == treasury.ReasonFound {
			lines = append(lines, inquiryLines(r)...)
		}
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

func approvedLines(r treasury.Request, n treasury.Notice) []string {
	if r.Action.Kind == treasury.ActionRegisterCard && r.Invite != nil {
		lines := []string{fmt.Sprintf("%s has a link to the card page, good once until %s. The card's number is typed there, never in Slack.",
			mention(r.Requester), date(r.Invite.ExpiresAt))}
		if r.Answer != nil && r.Answer.Verdict == treasury.VerdictRefused {
			lines = append(lines, refusalWords(r.Answer)+" What was typed can be corrected on the page.")
		}
		return lines
	}
	if n.Held.By != treasury.HeldByNothing {
		return []string{
			"*It waits:* " + heldWords(n.Held) + " It goes on by itself when that is over.",
			"If it waits until " + date(n.Held.Until) + ", it is cancelled and nothing moves. Until it goes on, the requester or an approver can stop it.",
		}
	}
	if r.Attempts > 0 {
		why := "Tango could not be reached"
		if r.Answer != nil && r.Answer.Verdict == treasury.VerdictThrottled {
			why = "Tango was too busy"
		}
		return []string{fmt.Sprintf("Try %d of %d moved nothing, because %s. Tangobot tries again by itself.", r.Attempts, treasury.MaxAttempts, why)}
	}
	words := dueWords(r) + ". Until then the requester or an approver can stop it."
	if r.Action.MovesMoney() {
		words += " If another request still moves money on its accounts, it waits for that one."
	}
	return []string{words}
}

// heldWords says what holds a request up.
func heldWords(h treasury.Held) string {
	switch h.By {
	case treasury.HeldByStop:
		words := "sending is stopped by " + mention(h.Stop.By) + " since " + date(h.Stop.At)
		if h.Stop.Why != "" {
			words += ": " + escape(h.Stop.Why)
		}
		return words + "."
	case treasury.HeldByFreeze:
		return code(h.Account) + " is frozen, because of request " + code(h.Request) + ". The alerts channel tells why, and how it is freed."
	case treasury.HeldByDoubt:
		if h.Account == "" {
			return "request " + code(h.Request) + " is in doubt, and would change the same."
		}
		return "request " + code(h.Request) + " is in doubt, and holds " + code(h.Account) + "."
	case treasury.HeldByNothing:
	}
	return ""
}

// dueWords says when an approved request goes on, and how.
func dueWords(r treasury.Request) string {
	if r.Action.Kind == treasury.ActionRegisterCard {
		return mention(r.Requester) + " gets a link to the card page " + date(r.DueAt)
	}
	return "It is sent " + date(r.DueAt)
}

func settlingLines(r treasury.Request) []string {
	lines := []string{
		"Tango has taken the deposit" + depositID(r.Answer) + ", but the bank has not settled it. The card is not charged yet, and the balance has not changed.",
		"That takes up to three business days. Tangobot asks by itself and tells you what comes of it.",
	}
	if r.Overdue {
		lines = append(lines, "⚠️ *It has been longer than Tango says.* Ask Tango's support about it.")
	}
	return lines
}

func depositID(a *treasury.Answer) string {
	if a == nil || a.Deposit == nil || a.Deposit.ID == "" {
		return ""
	}
	return " " + code(a.Deposit.ID)
}

func doubtLines(r treasury.Request) []string {
	lines := []string{
		doubtWords(r.Answer),
		"*Tangobot does not send it again by itself*, and looks for what became of it. Until that is known, no other request touches the same.",
	}
	const notByHand = ". *Do not repeat it by hand or by another request*, even if it is not there yet: it may still come."
	switch r.Action.Kind {
	case treasury.ActionTransfer:
		lines = append(lines, "Please look in Tango's portal for a transfer with the note "+code(attemptOf(r))+doubtSince(r)+notByHand)
	case treasury.ActionDeposit:
		lines = append(lines, "Please look in Tango's portal and on the card's statement for a deposit"+depositID(r.Answer)+" of "+
			r.Action.Amount().String()+doubtSince(r)+notByHand)
	case treasury.ActionRegisterCard, treasury.ActionUnregisterCard:
		lines = append(lines, "Please look at the account's cards with "+code("/tango cards "+r.Action.Accounts()[0])+notByHand)
	case treasury.ActionCreateAccount, treasury.ActionUpdateAccount:
		lines = append(lines, "Please look with "+code("/tango account "+r.Action.Accounts()[0])+notByHand)
	case treasury.ActionCreateCustomer:
		lines = append(lines, "Please look with "+code("/tango customer "+r.Action.CreateCustomer.ID)+notByHand)
	}
	return append(lines, inquiryLines(r)...)
}

// succeededLines tells what came of a request that was carried out.
func succeededLines(r treasury.Request) []string {
	a := r.Answer
	if r.Reason == treasury.ReasonFound {
		return append([]string{"It was carried out after all. " + reasonWords(r)}, inquiryLines(r)...)
	}
	if a == nil {
		return nil
	}
	var lines []string
	switch r.Action.Kind {
	case treasury.ActionTransfer:
		t := r.Action.Transfer
		lines = []string{
			fmt.Sprintf("%s now holds *%s* (before: %s).", accountLine(t.From), a.FromAfter, a.FromBefore),
			fmt.Sprintf("%s now holds *%s* (before: %s).", accountLine(t.To), a.ToAfter, a.ToBefore),
		}
		if !a.At.IsZero() {
			lines = append(lines, "Moved "+date(a.At)+".")
		}
	case treasury.ActionDeposit:
		lines = []string{depositDone(r)}
	case treasury.ActionRegisterCard:
		lines = []string{registeredLine(a.Card)}
	case treasury.ActionUnregisterCard:
		lines = []string{"The card " + cardLine(r.Action.UnregisterCard.Card) + " is removed. To use it again it must be registered again."}
	case treasury.ActionCreateAccount:
		c := r.Action.CreateAccount
		lines = []string{"The account " + nameLine(c.Name, c.ID) + " is open. It appears in the lists within a minute or two."}
	case treasury.ActionUpdateAccount:
		lines = []string{"The account is changed."}
	case treasury.ActionCreateCustomer:
		c := r.Action.CreateCustomer
		lines = []string{"The customer " + nameLine(c.Name, c.ID) + " is open. It appears in the lists within a minute or two."}
	}
	if a.Request != "" {
		lines = append(lines, "Tango's support finds it under "+code(a.Request)+".")
	}
	return lines
}

func depositDone(r treasury.Request) string {
	d := r.Answer.Deposit
	if d == nil {
		return "The deposit has arrived."
	}
	return fmt.Sprintf("%s received *%s* (deposit%s). The card was charged %s, Tango's fee of %s included.",
		accountLine(r.Action.Deposit.Account), d.Amount, depositID(r.Answer), moneyOr(d.Charged, "an amount that Tango did not tell"), percent(d.FeePoints))
}

func registeredLine(c *treasury.Card) string {
	if c == nil {
		return "The card is registered."
	}
	words := "The card " + cardLine(c.Ref()) + " is registered."
	if !c.ActiveFrom.IsZero() {
		words += " Deposits from it are possible from " + date(c.ActiveFrom) + "."
	}
	return words
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
func requestText(r treasury.Request, n treasury.Notice) string {
	parts := []string{
		fmt.Sprintf("%s. %s. Asked for by %s (request %s).", stateWord(r), actionText(r.Action), mention(r.Requester), r.ID),
	}
	if r.State == treasury.StatePending {
		parts = append(parts, "It needs "+approvalWords(r.Rule)+" until "+date(r.ExpiresAt)+".")
	}
	parts = append(parts, progress(r, n)...)
	return clipMrkdwn(strings.Join(parts, "\n"), maxMessageText)
}

// directMessage draws a request for the person who made it. n is what the journal knows beside it.
func directMessage(r treasury.Request, n treasury.Notice) message {
	blocks := actionSections(fmt.Sprintf("%s *%s*\nYour request: *%s*", stateSign(r.State), stateWord(r), actionTitle(r.Action)), r.Action)
	blocks = append(blocks, sections(progress(r, n)...)...)
	block := fmt.Sprintf("mine-%s-%d", r.ID, r.Step)
	switch r.State {
	case treasury.StatePending:
		blocks = append(blocks, actions(block, cancelButton(r)))
	case treasury.StateApproved:
		buttons := []slackgo.BlockElement{stopButton(r)}
		if r.Invite != nil {
			buttons = append([]slackgo.BlockElement{button(actionLink, r.ID, "Send me a new link")}, buttons...)
		}
		blocks = append(blocks, actions(block, buttons...))
	case treasury.StateSucceeded:
		if next := nextSteps(r); len(next) > 0 {
			blocks = append(blocks, actions(block, next...))
		}
	case treasury.StateClaimed, treasury.StateSending, treasury.StateSettling, treasury.StateDeclined,
		treasury.StateFailed, treasury.StateDenied, treasury.StateCancelled, treasury.StateExpired, treasury.StateInDoubt:
	}
	foot := "Request " + code(r.ID)
	if r.State == treasury.StatePending {
		foot += " · needs " + approvalWords(r.Rule) + " until " + date(r.ExpiresAt)
	}
	return message{Text: requestText(r, n), Blocks: append(blocks, note(foot))}
}

// nextSteps offers what usually follows: a customer gets an account, an account a card, a card a deposit.
func nextSteps(r treasury.Request) []slackgo.BlockElement {
	switch a := r.Action; a.Kind {
	case treasury.ActionCreateCustomer:
		return []slackgo.BlockElement{button(actionOpenAccount, a.CreateCustomer.ID, "Open an account in it")}
	case treasury.ActionCreateAccount:
		return []slackgo.BlockElement{
			button(actionRegister, a.CreateAccount.ID, "Register a card"), button(actionTransferTo, a.CreateAccount.ID, "Transfer to it"),
		}
	case treasury.ActionRegisterCard:
		return []slackgo.BlockElement{button(actionDeposit, a.RegisterCard.Account.ID, "Deposit from it")}
	case treasury.ActionTransfer, treasury.ActionDeposit, treasury.ActionUnregisterCard, treasury.ActionUpdateAccount:
	}
	return nil
}
