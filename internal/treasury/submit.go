package treasury

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tangobot/tangobot/internal/money"
)

// Draft is a transfer as a person filled it in. ID was made when the form was opened, so that a form that is sent twice
// is one request.
type Draft struct {
	ID     string `json:"id"`
	From   string `json:"from"` // account id
	To     string `json:"to"`
	Amount string `json:"amount"` // as typed
	Note   string `json:"note"`
}

// MaxNote is the longest note in characters: Tango takes 150 for transferNotes, and the reference and attempt that
// stand behind the note take up to 20.
const MaxNote = 130

// Field names an input of the form.
type Field string

// The fields.
const (
	FieldFrom   Field = "from"
	FieldTo     Field = "to"
	FieldAmount Field = "amount"
	FieldNote   Field = "note"
)

// Problem is one thing that is wrong with a field.
type Problem struct {
	Field   Field
	Code    ProblemCode
	Amount  money.Amount  // the balance or limit that the amount passes
	At      time.Time     // when that balance was read
	Status  AccountStatus // for ProblemInactive
	Fault   money.Fault   // for ProblemAmount
	Between [2]money.Currency
}

// ProblemCode says what is wrong; the Slack room has the words.
type ProblemCode string

// The problems.
const (
	ProblemMissing      ProblemCode = "missing"
	ProblemUnknown      ProblemCode = "unknown_account"
	ProblemSame         ProblemCode = "same_account"
	ProblemCurrencies   ProblemCode = "currencies" // the accounts' currencies differ
	ProblemCurrency     ProblemCode = "currency"   // the typed currency is not the account's
	ProblemInactive     ProblemCode = "inactive"
	ProblemAmount       ProblemCode = "amount" // see Fault
	ProblemInsufficient ProblemCode = "insufficient"
	ProblemLimit        ProblemCode = "limit" // a limit of the policy
	ProblemNoRule       ProblemCode = "no_rule"
	ProblemLong         ProblemCode = "too_long"
	ProblemControl      ProblemCode = "control_characters"
)

// Invalid lists all that is wrong with a draft, at once.
type Invalid struct{ Problems []Problem }

func (e *Invalid) Error() string {
	codes := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		codes[i] = string(p.Field) + " " + string(p.Code)
	}
	return "invalid: " + strings.Join(codes, ", ")
}

// Is makes every Invalid an ErrInvalid.
func (*Invalid) Is(target error) bool { return target == ErrInvalid }

// Preview is what a draft would do, as far as the journal knows now.
type Preview struct {
	Action    Action
	Rule      RuleApplied
	From, To  Account      // as last read
	FromAfter money.Amount // if nothing else moves
	ToAfter   money.Amount
	FromAt    time.Time // when From was read
	ToAt      time.Time
	FromLow   bool // the source would be under its threshold
}

// Preview checks a draft and tells what it would do. It asks Tango nothing: balances are those of the last reading, with
// its time. It fails with *Forbidden, or *Invalid with all problems at once.
func (d *Desk) Preview(ctx context.Context, person string, draft Draft) (Preview, error) {
	if err := d.MayRequest(ctx, person); err != nil {
		return Preview{}, err
	}
	draft.Note = strings.TrimSpace(draft.Note)
	from, fromAt, fromErr := d.Known(ctx, draft.From)
	to, toAt, toErr := d.Known(ctx, draft.To)
	if err := errors.Join(unlessMissing(fromErr), unlessMissing(toErr)); err != nil {
		return Preview{}, err
	}
	var problems []Problem
	add := func(p Problem) { problems = append(problems, p) }
	checkAccount(FieldFrom, draft.From, from, fromErr, add)
	checkAccount(FieldTo, draft.To, to, toErr, add)
	if fromErr == nil && toErr == nil {
		switch {
		case from.ID == to.ID:
			add(Problem{Field: FieldTo, Code: ProblemSame})
		case from.Currency != to.Currency:
			add(Problem{Field: FieldTo, Code: ProblemCurrencies, Between: [2]money.Currency{from.Currency, to.Currency}})
		}
	}
	checkNote(draft.Note, add)
	amount := checkAmount(draft.Amount, from, fromAt, fromErr == nil, add)
	if len(problems) > 0 {
		return Preview{}, &Invalid{problems}
	}
	action := Action{Kind: ActionTransfer, Transfer: &Transfer{From: from.Ref(), To: to.Ref(), Amount: amount, Note: draft.Note}}
	rule, number, ok := d.Policy.Match(action)
	if !ok {
		return Preview{}, &Invalid{[]Problem{{Field: FieldAmount, Code: ProblemNoRule}}}
	}
	if err := d.withinLimits(ctx, person, action); err != nil {
		return Preview{}, err
	}
	p := Preview{
		Action: action, Rule: RuleApplied{Number: number, Approvals: rule.Approvals, From: rule.From},
		From: from, To: to, FromAt: fromAt, ToAt: toAt,
	}
	var err error
	if p.FromAfter, err = from.Balance.Sub(amount); err != nil {
		return Preview{}, fmt.Errorf("balance after: %w", err)
	}
	if p.ToAfter, err = to.Balance.Add(amount); err != nil {
		return Preview{}, fmt.Errorf("balance after: %w", err)
	}
	after := from
	after.Balance = p.FromAfter
	_, p.FromLow = d.Policy.Low.IsLow(after)
	return p, nil
}

func unlessMissing(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func checkAccount(field Field, id string, a Account, err error, add func(Problem)) {
	switch {
	case id == "":
		add(Problem{Field: field, Code: ProblemMissing})
	case err != nil:
		add(Problem{Field: field, Code: ProblemUnknown})
	case a.Status != AccountActive:
		add(Problem{Field: field, Code: ProblemInactive, Status: a.Status})
	}
}

func checkNote(note string, add func(Problem)) {
	if utf8.RuneCountInString(note) > MaxNote {
		add(Problem{Field: FieldNote, Code: ProblemLong})
	}
	if strings.ContainsFunc(note, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
		add(Problem{Field: FieldNote, Code: ProblemControl})
	}
}

func checkAmount(text string, from Account, at time.Time, known bool, add func(Problem)) money.Amount {
	amount, err := money.Parse(text)
	var fault *money.ParseError
	switch {
	case errors.As(err, &fault):
		add(Problem{Field: FieldAmount, Code: ProblemAmount, Fault: fault.Fault})
		return money.Amount{}
	case !known:
		return money.Amount{}
	case amount.Currency != "" && amount.Currency != from.Currency:
		add(Problem{Field: FieldAmount, Code: ProblemCurrency, Between: [2]money.Currency{amount.Currency, from.Currency}})
		return money.Amount{}
	}
	amount.Currency = from.Currency
	if from.Balance.IsKnown() && from.Balance.Hundredths < amount.Hundredths {
		add(Problem{Field: FieldAmount, Code: ProblemInsufficient, Amount: from.Balance, At: at})
	}
	return amount
}

// Submit makes the request of a draft. It checks everything anew and ignores what a form may have shown. The same draft
// sent twice by the same person gives the same request.
func (d *Desk) Submit(ctx context.Context, person string, draft Draft) (Request, error) {
	p, err := d.Preview(ctx, person, draft)
	if err != nil {
		return Request{}, err
	}
	if !IsRequestID(draft.ID) {
		return Request{}, fmt.Errorf("draft id %q: %w", draft.ID, ErrInvalid)
	}
	now := d.Clock()
	r := Request{
		ID: draft.ID, Action: p.Action, Hash: p.Action.Hash(), Requester: person, Rule: p.Rule, State: StatePending,
		Step: 1, CreatedAt: now, ExpiresAt: now.Add(d.Policy.Expire),
		Seen: []BalanceRead{
			{Account: p.From.ID, Balance: p.From.Balance, At: p.FromAt},
			{Account: p.To.ID, Balance: p.To.Balance, At: p.ToAt},
		},
	}
	if r.Rule.Approvals == 0 {
		r.State, r.DueAt = StateApproved, now.Add(d.Policy.Undo)
	}
	entry := newEntry(Request{}, r, Event{Kind: EventSubmit, At: now, By: person})
	r.LastEntry = entry.Hash
	err = d.Journal.Commit(ctx, NewWriteID(), requestWrite(r, 0), entry.write(), Notice{Want: 1}.write(r.ID, 0, now))
	if errors.Is(err, ErrConflict) {
		existing, _, readErr := d.read(ctx, r.ID)
		if readErr != nil {
			return Request{}, readErr
		}
		if existing.Requester == person && existing.Hash == r.Hash {
			return existing, nil
		}
		return Request{}, fmt.Errorf("request %s: %w", r.ID, ErrExists)
	}
	if err != nil {
		return Request{}, fmt.Errorf("recording request %s: %w", r.ID, err)
	}
	d.Log.InfoContext(ctx, "request made", "request", r.ID, "state", r.State, "by", person, "rule", r.Rule.Number)
	d.follow(ctx, Request{}, r)
	return r, nil
}
