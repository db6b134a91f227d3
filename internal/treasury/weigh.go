package treasury

import "slices"

// Weigh says what a sighting means. It is pure, and never says that something was not sent because it hopes so: each
// rule is named in the evidence.
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
		case s.Verdict == VerdictPending:
			ev.Rule = RulePending
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
