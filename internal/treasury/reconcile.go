package treasury

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// look is what the last look at Tango gave for a request in doubt, and when the next one is due.
type look struct {
	Seen string        `json:"seen,omitempty"` // the sighting, as JSON: equal text is an equal sighting
	At   time.Time     `json:"at,omitzero"`
	Due  time.Time     `json:"due,omitzero"`
	Gap  time.Duration `json:"gap,omitempty"`
}

func lookKey(request string) string { return "LOOK#" + request }

// The gaps between looks at a request whose evidence does not decide: what is shown may still change.
const (
	firstLook   = 10 * time.Minute
	longestLook = 6 * time.Hour
)

// sighting is what one look at Tango gave.
type sighting struct {
	Balances []BalanceRead  `json:"balances,omitempty"` // without times: two looks compare as text
	Object   string         `json:"object,omitempty"`   // "there", "gone" or "other"
	Deposit  *DepositResult `json:"deposit,omitempty"`
	Verdict  Verdict        `json:"verdict,omitempty"` // of the deposit's id
	Card     *Card          `json:"card,omitempty"`
}

const (
	objectThere = "there"
	objectGone  = "gone"
	objectOther = "other" // there, but neither as before nor as asked for
)

// maxLooks bounds the requests in doubt that one sweep looks at.
const maxLooks = 10

// sweepDoubt gathers evidence, asks the people again daily, and reports how many requests are in doubt: an alarm counts
// that line.
func (d *Desk) sweepDoubt(ctx context.Context) error {
	doubts, err := d.InDoubt(ctx)
	if err != nil {
		return err
	}
	d.Log.InfoContext(ctx, "requests in doubt", "in_doubt", len(doubts))
	var failures []error
	looked := 0
	for _, r := range doubts {
		failures = append(failures, d.nag(ctx, r))
		if r.MayResend() {
			d.enqueue(ctx, r.ID, 0)
		}
		if looked == maxLooks || r.Attempt == nil || d.Books == nil || d.Clock().Before(r.Attempt.NotAfter.Add(SettleWindow)) {
			continue
		}
		did, err := d.lookAt(ctx, r)
		if did {
			looked++
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// nag asks for another message about a doubt each day.
func (d *Desk) nag(ctx context.Context, r Request) error {
	if r.Inquiry == nil {
		return nil
	}
	days := int(d.Clock().Sub(r.Inquiry.Since) / (24 * time.Hour))
	n, version, err := d.notice(ctx, r.ID)
	if err != nil || days <= n.Nags {
		return err
	}
	n.Nags = days
	err = d.Journal.Commit(ctx, NewWriteID(), n.write(r.ID, version, d.Clock()))
	if err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("noting a doubt's day for %s: %w", r.ID, err)
	}
	return nil
}

// lookAt looks at Tango when it is time to. Two equal sightings, a minute or more apart, are evidence.
func (d *Desk) lookAt(ctx context.Context, r Request) (did bool, err error) {
	records, err := d.Journal.Get(ctx, lookKey(r.ID))
	if err != nil {
		return false, fmt.Errorf("reading the last look at %s: %w", r.ID, err)
	}
	last, err := decode[look](records[0])
	if err != nil {
		return false, err
	}
	now := d.Clock()
	if last.At.Before(r.Attempt.NotAfter.Add(SettleWindow)) {
		last = look{} // before the further send: it proves nothing about it
	}
	if now.Before(last.Due) {
		return false, nil
	}
	s, err := d.sight(ctx, r)
	if err != nil {
		return true, fmt.Errorf("looking at Tango for %s: %w", r.ID, err)
	}
	text := string(encode(s))
	agreed := text == last.Seen && now.Sub(last.At) >= lookApart
	next := look{Seen: text, At: now, Due: now.Add(lookApart), Gap: last.Gap}
	if agreed {
		next.Gap = min(max(2*last.Gap, firstLook), longestLook)
		next.At, next.Due = last.At, now.Add(next.Gap)
	}
	err = d.Journal.Commit(ctx, NewWriteID(), Write{Key: lookKey(r.ID), Version: records[0].Version, Body: encode(next)})
	if errors.Is(err, ErrConflict) {
		return true, nil // another sweep is at it
	}
	if err != nil {
		return true, fmt.Errorf("keeping a look at %s: %w", r.ID, err)
	}
	if !agreed {
		return true, nil
	}
	return true, d.judge(ctx, r, s)
}

// judge turns an agreed sighting into evidence and records it, unless it says what is known already.
func (d *Desk) judge(ctx context.Context, r Request, s sighting) error {
	noisy, err := d.noisy(ctx, r)
	if err != nil {
		return err
	}
	ev := r.Weigh(s, noisy)
	ev.At = d.Clock()
	if ev.Rule == RuleDouble {
		d.Log.ErrorContext(ctx, "money moved twice", "request", r.ID, "attempt", r.Attempt.ID)
	}
	after, err := d.change(ctx, r.ID, func(now Request) (Event, error) {
		if now.State != StateInDoubt || now.Inquiry == nil || now.Step != r.Step || ev.sameAs(now.Inquiry.Evidence) {
			return Event{}, errNothing
		}
		return Event{Kind: EventEvidence, At: d.Clock(), Evidence: ev}, nil
	})
	if errors.Is(err, ErrConflict) {
		return nil
	}
	if err == nil && ev.Rule == RuleDouble {
		err = d.freeze(ctx, after)
	}
	return err
}

func (ev Evidence) sameAs(old *Evidence) bool {
	return old != nil && old.Says == ev.Says && old.Rule == ev.Rule && slices.Equal(old.Balances, ev.Balances) &&
		slices.Equal(old.Noisy, ev.Noisy)
}

// sight looks at what the action would have changed.
func (d *Desk) sight(ctx context.Context, r Request) (sighting, error) {
	a := r.Action
	switch a.Kind {
	case ActionTransfer, ActionDeposit:
		return d.sightMoney(ctx, r)
	case ActionRegisterCard:
		cards, err := d.readCards(ctx, a.RegisterCard.Account.ID)
		if err != nil {
			return sighting{}, err
		}
		for _, c := range cards {
			if c.Label == a.RegisterCard.Label && !c.Created.Before(r.Attempt.SentAt.Add(-SettleAfter)) {
				return sighting{Object: objectThere, Card: &c}, nil
			}
		}
		return sighting{Object: objectGone}, nil
	case ActionUnregisterCard:
		c, err := d.Books.Card(ctx, a.UnregisterCard.Card.Token)
		if err == nil && c.Status == CardActive {
			return sighting{Object: objectThere}, nil
		}
		return sighting{Object: objectGone}, unlessMissing(err)
	case ActionCreateAccount:
		found, err := d.Books.Account(ctx, a.CreateAccount.ID)
		return sightObject(err, found.Name == a.CreateAccount.Name && found.Currency == a.CreateAccount.Currency)
	case ActionUpdateAccount:
		found, err := d.Books.Account(ctx, a.UpdateAccount.Account.ID)
		switch {
		case err != nil:
			return sighting{}, err
		case found.Fields().equal(a.UpdateAccount.after()):
			return sighting{Object: objectThere}, nil
		case found.Fields().equal(a.UpdateAccount.Before):
			return sighting{Object: objectGone}, nil
		}
		return sighting{Object: objectOther}, nil
	case ActionCreateCustomer:
		found, err := d.Books.Customer(ctx, a.CreateCustomer.ID)
		return sightObject(err, found.Name == a.CreateCustomer.Name)
	}
	return sighting{}, fmt.Errorf("action %q: %w", a.Kind, ErrInvalid)
}

func sightObject(err error, asAsked bool) (sighting, error) {
	switch {
	case errors.Is(err, ErrNotFound):
		return sighting{Object: objectGone}, nil
	case err != nil:
		return sighting{}, err
	case asAsked:
		return sighting{Object: objectThere}, nil
	}
	return sighting{Object: objectOther}, nil
}

func unlessMissing(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// after gives the fields as the edit leaves them.
func (u UpdateAccount) after() AccountFields {
	f := u.Before
	if u.Name != nil {
		f.Name = *u.Name
	}
	if u.Email != nil {
		f.Email = *u.Email
	}
	if u.Notify != nil {
		f.Notify = *u.Notify
	}
	return f
}

func (d *Desk) sightMoney(ctx context.Context, r Request) (sighting, error) {
	var s sighting
	if r.Answer != nil && r.Answer.Deposit != nil && r.Answer.Deposit.ID != "" {
		answer, err := d.Books.DepositStatus(ctx, r.Answer.Deposit.ID, r.Action.Amount().Currency)
		if err != nil {
			return sighting{}, err
		}
		s.Deposit, s.Verdict = answer.Deposit, answer.Verdict
	}
	for _, id := range r.Action.Lanes() {
		a, err := d.Books.Account(ctx, id)
		if err != nil {
			return sighting{}, err
		}
		s.Balances = append(s.Balances, BalanceRead{Account: id, Balance: a.Balance})
	}
	return s, nil
}

// Weigh says what a sighting means. It is pure, and never says that something was not sent because it hopes so: the rules
// are those of reliability.md §5.
func (r Request) Weigh(s sighting, noisy []string) Evidence {
	ev := Evidence{Says: FindingOpen, Rule: RuleUnclear, Noisy: noisy, Deposit: s.Deposit, Card: s.Card}
	switch r.Action.Kind {
	case ActionTransfer:
		r.weighTransfer(&ev, s)
	case ActionDeposit:
		r.weighDeposit(&ev, s)
	case ActionRegisterCard, ActionCreateAccount, ActionUpdateAccount, ActionCreateCustomer:
		ev.weighObject(s, objectThere, objectGone)
	case ActionUnregisterCard:
		ev.weighObject(s, objectGone, objectThere)
	}
	return ev
}

func (ev *Evidence) weighObject(s sighting, done, undone string) {
	switch s.Object {
	case done:
		ev.Says, ev.Rule = FindingExecuted, RuleFound
	case undone:
		ev.Says, ev.Rule = FindingNot, RuleMissing
	}
}

// deltas holds the balances against those before the send; ok is false when one is missing.
func (r Request) deltas(s sighting) (list []Delta, ok bool) {
	for _, now := range s.Balances {
		i := slices.IndexFunc(r.Attempt.Before, func(b BalanceRead) bool { return b.Account == now.Account })
		if i < 0 || r.Attempt.Before[i].Balance.Currency != now.Balance.Currency {
			return nil, false
		}
		list = append(list, Delta{Account: now.Account, Before: r.Attempt.Before[i].Balance, After: now.Balance})
	}
	return list, len(list) == len(r.Action.Lanes()) && len(list) > 0
}

func (d Delta) change() int64 { return d.After.Hundredths - d.Before.Hundredths }

func (r Request) weighTransfer(ev *Evidence, s sighting) {
	deltas, ok := r.deltas(s)
	if ev.Balances = deltas; !ok {
		return
	}
	t, amount := r.Action.Transfer, r.Action.Amount().Hundredths
	var from, to int64
	for _, delta := range deltas {
		if delta.Account == t.From.ID {
			from = delta.change()
		} else {
			to = delta.change()
		}
	}
	quietSource := !slices.Contains(ev.Noisy, t.From.ID)
	bothNoisy := !quietSource && slices.Contains(ev.Noisy, t.To.ID)
	switch {
	case from == -2*amount && (quietSource || to == 2*amount):
		ev.Rule = RuleDouble // people must look: it happened, and once too often
	case bothNoisy:
	case from == -amount && to == amount:
		ev.Says, ev.Rule = FindingExecuted, RuleBothMoved
	case from == 0 && to == 0:
		ev.Says, ev.Rule = FindingNot, RuleNoneMoved
	case quietSource && from == -amount:
		ev.Says, ev.Rule = FindingExecuted, RuleQuietSource
	case quietSource && from == 0:
		ev.Says, ev.Rule = FindingNot, RuleQuietSource
	}
}

func (r Request) weighDeposit(ev *Evidence, s sighting) {
	if s.Deposit != nil {
		switch {
		case s.Deposit.Amount != r.Action.Amount():
		case s.Verdict == VerdictDone:
			ev.Says, ev.Rule = FindingExecuted, RuleByID
		case s.Verdict == VerdictDeclined:
			ev.Says, ev.Rule = FindingNot, RuleByID
		}
		ev.Balances, _ = r.deltas(s)
		return
	}
	deltas, ok := r.deltas(s)
	if ev.Balances = deltas; !ok {
		return
	}
	amount := r.Action.Amount().Hundredths
	switch change := deltas[0].change(); {
	case change == 2*amount:
		ev.Rule = RuleDouble
	case change == amount && len(ev.Noisy) == 0:
		ev.Says, ev.Rule = FindingExecuted, RuleArrived
	} // no change says nothing: a deposit may be pending for days
}

// noisy lists the accounts of a request that others move too, or on which another deposit of ours was under way. An account
// that was never watched counts as noisy, but for the target of a transfer: two exact changes that fit each other on two
// accounts, of which neither is known to be moved by others, are proof enough, and a source alone never is.
func (d *Desk) noisy(ctx context.Context, r Request) ([]string, error) {
	if !r.Action.MovesMoney() {
		return nil, nil
	}
	lanes := r.Action.Lanes()
	keys := make([]string, len(lanes))
	for i, id := range lanes {
		keys[i] = accountKey(id)
	}
	records, err := d.Journal.Get(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("reading accounts: %w", err)
	}
	var noisy []string
	for i, record := range records {
		l, err := decode[latest](record)
		if err != nil {
			return nil, err
		}
		isTarget := r.Action.Kind == ActionTransfer && lanes[i] == r.Action.Transfer.To.ID
		if l.hasDrifted(d.Clock()) || !isTarget && l.Reads == 0 {
			noisy = append(noisy, lanes[i])
		}
	}
	under, err := d.depositsUnderWay(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, id := range under {
		if slices.Contains(lanes, id) && !slices.Contains(noisy, id) {
			noisy = append(noisy, id)
		}
	}
	slices.Sort(noisy)
	return noisy, nil
}

// depositsUnderWay lists the accounts on which another deposit of ours settled, or settles, since the balances were read
// that evidence is held against: it may settle before the mark that follows the read. The clocks may differ by SettleAfter.
func (d *Desk) depositsUnderWay(ctx context.Context, r Request) ([]string, error) {
	settling, err := d.inState(ctx, StateSettling)
	if err != nil {
		return nil, err
	}
	closed, _, err := d.Closed(ctx, StateSucceeded, "", 200)
	if err != nil {
		return nil, err
	}
	since := r.Attempt.SentAt
	for _, read := range r.Attempt.Before {
		if read.At.Before(since) {
			since = read.At
		}
	}
	since = since.Add(-SettleAfter)
	var accounts []string
	for _, other := range append(settling, closed...) {
		if other.ID == r.ID || other.Action.Kind != ActionDeposit {
			continue
		}
		if other.State == StateSettling || !other.ClosedAt.Before(since) {
			accounts = append(accounts, other.Action.Deposit.Account.ID)
		}
	}
	return accounts, nil
}

// drifted is called when an account's balance is not what it was when it was last read, and we did not move it. It looks
// for a closed request that this contradicts: one that was found not to be carried out, and was after all.
func (d *Desk) drifted(ctx context.Context, account string, change int64) error {
	failed, _, err := d.Closed(ctx, StateFailed, "", 200)
	if err != nil {
		return err
	}
	for _, r := range failed {
		if r.Reason != ReasonFound || d.Clock().Sub(r.ClosedAt) > lateWatch || r.Attempt == nil {
			continue
		}
		amount := r.Action.Amount().Hundredths
		late := r.Action.Kind == ActionDeposit && r.Action.Deposit.Account.ID == account && change == amount ||
			r.Action.Kind == ActionTransfer && r.Action.Transfer.From.ID == account && change == -amount ||
			r.Action.Kind == ActionTransfer && r.Action.Transfer.To.ID == account && change == amount
		if late {
			d.Log.ErrorContext(ctx, "closed request contradicted", "request", r.ID, "account", account, "change", change)
			return d.freeze(ctx, r)
		}
	}
	return nil
}

// freeze keeps everything else off the accounts of a request that Tango contradicts, until people free them.
func (d *Desk) freeze(ctx context.Context, r Request) error {
	for _, account := range r.Action.Lanes() {
		err := d.editLane(ctx, account, func(l Lane) Lane {
			l.Frozen = r.ID
			return l
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) editLane(ctx context.Context, account string, edit func(Lane) Lane) error {
	for range conflictTries {
		records, err := d.Journal.Get(ctx, laneKey(account))
		if err != nil {
			return fmt.Errorf("reading the lane of %s: %w", account, err)
		}
		l, err := decode[Lane](records[0])
		if err != nil {
			return err
		}
		changed := edit(l)
		if changed == l {
			return nil
		}
		err = d.Journal.Commit(ctx, NewWriteID(), Write{Key: laneKey(account), Version: records[0].Version, Body: encode(changed)})
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("changing the lane of %s: %w", account, ErrConflict)
}

// closers names the groups whose members may close a doubt about a request: the rule's approvers; where the rule asked
// nobody, the approvers of all rules.
func (d *Desk) closers(r Request) []string {
	if len(r.Rule.From) > 0 {
		return r.Rule.From
	}
	var groups []string
	for _, rule := range d.Policy.Rules {
		for _, g := range rule.From {
			if !slices.Contains(groups, g) {
				groups = append(groups, g)
			}
		}
	}
	return groups
}

// Testify records what a person saw of a request in doubt: a line of Tango's portal, a statement, a receipt. Two different
// people who agree close it; neither may be the requester.
func (d *Desk) Testify(ctx context.Context, person, id string, finding Finding, seen string) (Request, error) {
	return d.change(ctx, id, func(r Request) (Event, error) {
		groups := d.closers(r)
		eligible, err := d.isCloser(ctx, person, groups)
		return Event{
			Kind: EventFinding, At: d.Clock(), By: person, Eligible: eligible, Groups: groups,
			Finding: Verified{Finding: finding, Seen: seen},
		}, err
	})
}

// CanTestify tells whether a person's word about a request in doubt would count now.
func (d *Desk) CanTestify(ctx context.Context, person string, r Request) error {
	groups := d.closers(r)
	eligible, err := d.isCloser(ctx, person, groups)
	if err != nil {
		return err
	}
	_, err = Next(r, Event{
		Kind: EventFinding, At: d.Clock(), By: person, Eligible: eligible, Groups: groups,
		Finding: Verified{Finding: FindingExecuted, Seen: "asked"},
	})
	return err
}

func (d *Desk) isCloser(ctx context.Context, person string, groups []string) (bool, error) {
	return d.isApprover(ctx, person, Request{Rule: RuleApplied{From: groups}})
}

// ApproveResend records an approval to send a request in doubt once more with the same reference. It is offered only where
// the policy says that the sandbox has proved references unique. When enough people have approved, it is queued.
func (d *Desk) ApproveResend(ctx context.Context, person, id, hash, comment string) (Request, error) {
	if d.Policy.References != ReferencesUnique {
		return Request{}, &Forbidden{Why: WhyNoResend}
	}
	r, err := d.change(ctx, id, func(r Request) (Event, error) {
		groups := d.closers(r)
		eligible, err := d.isCloser(ctx, person, groups)
		return Event{
			Kind: EventResendVote, At: d.Clock(), By: person, Eligible: eligible, Groups: groups,
			Vote: Vote{Approve: true, Comment: comment, Hash: hash},
		}, err
	})
	if err == nil && r.MayResend() {
		d.enqueue(ctx, id, 0)
	}
	return r, err
}

// resendOnce sends a request in doubt once more, after asking anew whether everybody may still do what they did.
func (d *Desk) resendOnce(ctx context.Context, r Request, deadline time.Time) error {
	if !r.MayResend() || d.Policy.References != ReferencesUnique {
		return nil
	}
	groups, valid := d.closers(r), 0
	for _, v := range r.Inquiry.Resend {
		ok, err := d.isCloser(ctx, v.Person, groups)
		if unlessForbidden(err) != nil {
			return err
		}
		if ok && err == nil {
			valid++
		}
	}
	if err := d.Pacer.Wait(ctx); err != nil {
		return err
	}
	r, err := d.change(ctx, r.ID, func(Request) (Event, error) {
		return Event{Kind: EventResend, At: d.Clock(), Valid: valid, NotAfter: deadline}, nil
	})
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrForbidden) || errors.Is(err, ErrStopped) {
		return nil
	}
	if err != nil {
		return err // not known to be marked: not sent
	}
	_, err = d.record(ctx, r, d.send(ctx, r))
	return err
}
