package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/treasury"
)

// order is a dime from From to To. The note ends as Tangobot's do: with what proves that an answer is this order's.
func (a *asker) order(reference, note string) treasury.TransferOrder {
	return treasury.TransferOrder{
		Reference: reference, Attempt: reference, From: a.From, To: a.To, Amount: a.sum(dime), Notes: note + " [" + reference + "]",
		NotBefore: a.Clock(),
	}
}

// dimes is what a transfer of a dime from one account to another does.
func dimes(from, to string) effect { return effect{from: -dime, to: dime} }

// send makes a transfer between From and To.
func (a *asker) send(ctx context.Context, client *tango.Client, order treasury.TransferOrder) (sent, error) {
	amount := order.Amount.Hundredths
	return a.act(ctx, effect{order.From: -amount, order.To: amount}, func(ctx context.Context) treasury.Answer {
		return client.Transfer(ctx, order)
	})
}

// transferPost asks whether a transfer by POST is carried out, and what its answer proves.
func (a *asker) transferPost(ctx context.Context) (Finding, error) {
	return a.method(ctx, a.post, http.MethodPost)
}

// transferGet asks the same of the older pages' GET.
func (a *asker) transferGet(ctx context.Context) (Finding, error) {
	return a.method(ctx, a.get, http.MethodGet)
}

func (a *asker) method(ctx context.Context, client *tango.Client, method string) (Finding, error) {
	reference := a.newReference()
	s, err := a.send(ctx, client, a.order(reference, "by "+method))
	f := Finding{Did: s.words(), Wrong: s.wrong()}
	switch {
	case s.times != 1:
		f.Follows = "not tango.transfer: " + method
	case a.mover == nil:
		a.mover, a.policy.Transfer, a.taken = client, method, reference
		f.Follows = "tango.transfer: " + method
	default:
		f.Follows = method + " moves money too, which nothing between Tangobot and Tango may repeat"
	}
	return f, err
}

const noMover = "no transfer was carried out"

// balanceLag asks how long a reading shows the old balance.
func (a *asker) balanceLag(ctx context.Context) (Finding, error) {
	if a.mover == nil {
		return notAsked(noMover)
	}
	e := dimes(a.From, a.To)
	before, err := a.balances(ctx, e)
	if err != nil {
		return Finding{}, err
	}
	if err := a.Pacer.Wait(ctx); err != nil {
		return Finding{}, err
	}
	verdict := a.mover.Transfer(ctx, a.order(a.newReference(), "balance"))
	answered := a.Clock()
	now, err := a.balances(ctx, e)
	if err != nil {
		return Finding{}, err
	}
	if e.times(before, now) == 1 {
		a.count(e, 1)
		return Finding{Did: "a reading right after the answer shows the new balances"}, nil
	}
	times, err := a.moved(ctx, e, before, 1)
	a.count(e, times)
	waited := a.Clock().Sub(answered)
	if times != 1 {
		return Finding{
			Did:     fmt.Sprintf("%s; after %s %s", judged(verdict), a.Patience, timesWords(times)),
			Follows: "evidence by balances is worth nothing before Tango says how long they lag; Tangobot looks after " + treasury.SettleWindow.String(),
		}, err
	}
	return Finding{
		Did:     fmt.Sprintf("the first reading shows old balances, the new ones come within %s", waited.Round(100_000_000)),
		Follows: "a balance right after a transfer may be the old one; evidence is looked for after " + treasury.SettleWindow.String(),
	}, err
}

// referenceAgain sends a transfer that was carried out once more, under its reference.
func (a *asker) referenceAgain(ctx context.Context) (Finding, error) {
	if a.mover == nil {
		return notAsked(noMover)
	}
	s, err := a.send(ctx, a.mover, a.order(a.taken, "again"))
	a.proofs[transferAgain] = err == nil && s.isRepeat()
	return Finding{Did: s.words(), Follows: a.proves(transferAgain)}, err
}

// isRepeat holds when a call was refused because its reference was used, and moved nothing.
func (s sent) isRepeat() bool { return s.times == 0 && s.verdict.Doubt == treasury.DoubtDuplicate }

// proves says what an answer means for tango.references.
func (a *asker) proves(question string) string {
	if a.proofs[question] {
		return "speaks for tango.references: unique"
	}
	return "tango.references: attach"
}

// referenceAtOnce sends two transfers under one reference at the same time. The pace may hold one of them off, which tells
// nothing of references; then it is tried again under another.
func (a *asker) referenceAtOnce(ctx context.Context) (Finding, error) {
	if a.mover == nil {
		return notAsked(noMover)
	}
	return a.atOnce(ctx, transferAtOnce, func(ctx context.Context, reference string) (effect, func(context.Context) treasury.Answer) {
		order := a.order(reference, "at once")
		return dimes(a.From, a.To), func(ctx context.Context) treasury.Answer { return a.mover.Transfer(ctx, order) }
	})
}

// atOnce makes a call twice at the same time.
func (a *asker) atOnce(
	ctx context.Context, question string, draw func(ctx context.Context, reference string) (effect, func(context.Context) treasury.Answer),
) (Finding, error) {
	var f Finding
	for range 3 {
		e, call := draw(ctx, a.newReference())
		before, err := a.balances(ctx, e)
		if err != nil {
			return f, err
		}
		if err := a.Pacer.Wait(ctx); err != nil {
			return f, err
		}
		var both [2]treasury.Answer
		var work sync.WaitGroup
		for i := range both {
			work.Go(func() { both[i] = call(ctx) })
		}
		work.Wait()
		times, err := a.moved(ctx, e, before, 1)
		a.count(e, times)
		if err != nil {
			return f, err
		}
		if both[0].Verdict != treasury.VerdictDone { // the one that was done stands first
			both[0], both[1] = both[1], both[0]
		}
		f.Did = judged(both[0]) + "; " + judged(both[1]) + "; " + timesWords(times)
		a.proofs[question] = times == 1 && both[0].Verdict == treasury.VerdictDone && both[1].Doubt == treasury.DoubtDuplicate
		f.Follows = a.proves(question)
		if both[1].Status != http.StatusTooManyRequests {
			break
		}
	}
	return f, nil
}

// referenceElsewhere uses a reference that From has used for a transfer from To.
func (a *asker) referenceElsewhere(ctx context.Context) (Finding, error) {
	if a.mover == nil {
		return notAsked(noMover)
	}
	order := a.order(a.taken, "another account")
	order.From, order.To = a.To, a.From
	s, err := a.send(ctx, a.mover, order)
	f := Finding{Did: s.words(), Wrong: s.wrong()}
	switch {
	case s.times == 1:
		f.Follows = "a reference counts for the account that pays; Tangobot's differ for each request"
	case s.isRepeat():
		f.Follows = "a reference counts for more than the account that pays; Tangobot's differ for each request"
	}
	return f, err
}

// rawTransfer makes a transfer that the client would not send.
func (a *asker) rawTransfer(ctx context.Context, from, to string, amount any, reference string) (answer, error) {
	body, err := json.Marshal(map[string]any{
		"transferFrom": from, "transferTo": to, "amount": amount, "transferNotes": "raw [" + reference + "]", "externalRefID": reference,
	})
	if err != nil {
		return answer{}, fmt.Errorf("drawing a transfer: %w", treasury.ErrInvalid)
	}
	return a.wire.postText(ctx, "/transferFunds", string(body))
}

// byPost holds when transfers go by POST: raw ones are sent in that form alone.
func (a *asker) byPost() bool { return a.mover == a.post && a.mover != nil }

// sameAccount transfers from an account to itself, which Tangobot would not.
func (a *asker) sameAccount(ctx context.Context) (Finding, error) {
	if !a.byPost() {
		return notAsked("transfers do not go by POST")
	}
	reference := a.newReference()
	got, err := a.rawTransfer(ctx, a.From, a.From, json.Number("0.10"), reference)
	if err == nil && !got.isFine() {
		a.refused = reference
	}
	return Finding{Did: got.words()}, err
}

// referenceAfterRefusal uses the reference of a refused transfer for a good one. Were it used up, a 409 to a second send
// could stand for a transfer that never was.
func (a *asker) referenceAfterRefusal(ctx context.Context) (Finding, error) {
	if a.refused == "" {
		return notAsked("no transfer was refused")
	}
	s, err := a.send(ctx, a.mover, a.order(a.refused, "after a refusal"))
	a.proofs[refusalKeeps] = err == nil && s.times == 1
	return Finding{Did: s.words(), Follows: a.proves(refusalKeeps), Wrong: s.wrong()}, err
}

// unknownAccount transfers to an account that is not there.
func (a *asker) unknownAccount(ctx context.Context) (Finding, error) {
	if a.mover == nil {
		return notAsked(noMover)
	}
	order := a.order(a.newReference(), "nobody's")
	order.To = "tangobot-none-" + strings.ToLower(a.run)
	return a.leaves(ctx, order)
}

// leaves makes a transfer that should be refused, and looks whether it left its account.
func (a *asker) leaves(ctx context.Context, order treasury.TransferOrder) (Finding, error) {
	s, err := a.act(ctx, effect{order.From: -order.Amount.Hundredths}, func(ctx context.Context) treasury.Answer {
		return a.mover.Transfer(ctx, order)
	})
	f := Finding{Did: s.words(), Wrong: s.wrong()}
	if s.times == 0 && s.verdict.Verdict == treasury.VerdictUnknown {
		f.Follows = "such a transfer falls in doubt, and two people close it"
	}
	return f, err
}

// amountAsText sends the amount in quotes, as one table of the pages has it.
func (a *asker) amountAsText(ctx context.Context) (Finding, error) {
	if !a.byPost() {
		return notAsked("transfers do not go by POST")
	}
	e := dimes(a.From, a.To)
	before, err := a.balances(ctx, e)
	if err != nil {
		return Finding{}, err
	}
	got, err := a.rawTransfer(ctx, a.From, a.To, "0.10", a.newReference())
	if err != nil {
		return Finding{}, err
	}
	expected := int64(0)
	if got.isFine() {
		expected = 1
	}
	times, err := a.moved(ctx, e, before, expected)
	a.count(e, times)
	return Finding{Did: got.words() + ", " + timesWords(times), Follows: "Tangobot sends a number"}, err
}

// notesMost is the longest note, in characters.
const notesMost = 150

// notesLength sends the longest note.
func (a *asker) notesLength(ctx context.Context) (Finding, error) { return a.notes(ctx, "x") }

// notesLetters sends one of letters beyond ASCII.
func (a *asker) notesLetters(ctx context.Context) (Finding, error) {
	return a.notes(ctx, "Größe é ł 円 ")
}

// notesSigns sends signs that JSON, HTML and databases treat apart.
func (a *asker) notesSigns(ctx context.Context) (Finding, error) {
	return a.notes(ctx, `"<b>" & 'q' \ 50 % € 🎁 `)
}

// notes sends a note of the longest length. The reference at its end is Tangobot's own part of it.
func (a *asker) notes(ctx context.Context, part string) (Finding, error) {
	if a.mover == nil {
		return notAsked(noMover)
	}
	order := a.order(a.newReference(), "")
	room := notesMost - utf8.RuneCountInString(order.Notes)
	order.Notes = string([]rune(strings.Repeat(part, notesMost))[:room]) + order.Notes
	s, err := a.send(ctx, a.mover, order)
	f := Finding{Did: s.words(), Wrong: s.wrong()}
	if s.verdict.Mismatch == "transferNotes" {
		f.Wrong = "the note comes back otherwise than it was sent, so each transfer with such a note falls in doubt"
	}
	return f, err
}

// otherCurrency transfers to an account of another currency.
func (a *asker) otherCurrency(ctx context.Context) (Finding, error) {
	switch {
	case a.mover == nil:
		return notAsked(noMover)
	case a.Other == "":
		return notAsked("set TANGO_SANDBOX_OTHER to an account of another currency")
	}
	order := a.order(a.newReference(), "another currency")
	order.To = a.Other
	return a.leaves(ctx, order)
}

// shortOfMoney transfers from an account that has less.
func (a *asker) shortOfMoney(ctx context.Context) (Finding, error) {
	switch {
	case a.mover == nil:
		return notAsked(noMover)
	case a.Empty == "":
		return notAsked("set TANGO_SANDBOX_EMPTY to an account that holds less than 0.10")
	}
	order := a.order(a.newReference(), "short of money")
	order.From = a.Empty
	return a.leaves(ctx, order)
}

// frozenAccount transfers from an account that is not ACTIVE.
func (a *asker) frozenAccount(ctx context.Context) (Finding, error) {
	switch {
	case a.mover == nil:
		return notAsked(noMover)
	case a.Frozen == "":
		return notAsked("set TANGO_SANDBOX_FROZEN to an account that is not ACTIVE")
	}
	order := a.order(a.newReference(), "not active")
	order.From = a.Frozen
	return a.leaves(ctx, order)
}

// putBack sends back what was moved, 1.00 at a time.
func (a *asker) putBack(ctx context.Context) (Finding, error) {
	if a.mover == nil {
		return notAsked(noMover)
	}
	for a.net != 0 {
		order := a.order(a.newReference(), "put back")
		order.From, order.To, order.Amount = a.To, a.From, a.sum(min(a.net, one))
		if a.net < 0 {
			order.From, order.To, order.Amount = a.From, a.To, a.sum(min(-a.net, one))
		}
		s, err := a.send(ctx, a.mover, order)
		if err != nil || s.times != 1 {
			return Finding{Did: fmt.Sprintf("%s; %s still has %s of %s", s.words(), a.To, a.sum(a.net), a.From), Wrong: s.wrong()}, err
		}
	}
	return Finding{Did: "both accounts hold what they held, but for deposits"}, nil
}
