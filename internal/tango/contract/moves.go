package contract

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// effect is how one movement changes the balances of accounts, in hundredths.
type effect map[string]int64

// unclear is how often money moved when the balances fit no number of movements: somebody else moves them too.
const unclear = -1

// times tells how often an effect has come about between two readings.
func (e effect) times(before, now effect) int64 {
	n := int64(unclear)
	for id, unit := range e {
		change := now[id] - before[id]
		if change%unit != 0 || change/unit < 0 || n != unclear && n != change/unit {
			return unclear
		}
		n = change / unit
	}
	return n
}

// balances reads the accounts that an effect changes.
func (a *asker) balances(ctx context.Context, e effect) (effect, error) {
	read := effect{}
	for id := range e {
		found, err := a.post.Account(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("reading a balance: %w", err)
		}
		read[id] = found.Balance.Hundredths
	}
	return read, nil
}

// moved tells how often an effect has come about since before. What is expected is waited for, as long as Patience lasts;
// where nothing is, or more than that came about, two equal looks are enough.
func (a *asker) moved(ctx context.Context, e, before effect, expected int64) (int64, error) {
	end := a.Clock().Add(a.Patience)
	last := int64(unclear)
	for {
		now, err := a.balances(ctx, e)
		if err != nil {
			return unclear, err
		}
		n := e.times(before, now)
		switch {
		case n == expected && n > 0, n == last && n != unclear && (expected == 0 || n > expected), !a.Clock().Before(end):
			return n, nil
		}
		last = n
		if err := pause(ctx, a.Pause); err != nil {
			return unclear, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sent is a money call of the client, and what the balances say of it.
type sent struct {
	verdict treasury.Answer
	times   int64 // that the money moved, or unclear
}

// act makes a money call between two readings of the balances that it may change.
func (a *asker) act(ctx context.Context, e effect, call func(ctx context.Context) treasury.Answer) (sent, error) {
	before, err := a.balances(ctx, e)
	if err != nil {
		return sent{}, err
	}
	if err := a.Pacer.Wait(ctx); err != nil {
		return sent{}, err
	}
	s := sent{verdict: call(ctx)}
	expected := int64(0)
	if v := s.verdict; isSuccess(v) && v.Verdict != treasury.VerdictPending && v.Verdict != treasury.VerdictDeclined {
		expected = 1
	}
	s.times, err = a.moved(ctx, e, before, expected)
	a.count(e, s.times)
	return s, err
}

// count keeps what From has given to To, so that it can be put back.
func (a *asker) count(e effect, times int64) {
	_, from := e[a.From]
	if change, to := e[a.To]; from && to && times > 0 {
		a.net += times * change
	}
}

func isSuccess(v treasury.Answer) bool {
	return v.Status == http.StatusOK || v.Status == http.StatusCreated
}

// words says what came, what Tangobot makes of it, and what the balances say.
func (s sent) words() string { return judged(s.verdict) + ", " + timesWords(s.times) }

func timesWords(times int64) string {
	switch times {
	case unclear:
		return "and the balances fit nothing: does somebody else move them?"
	case 0:
		return "nothing moved"
	case 1:
		return "the money moved once"
	}
	return fmt.Sprintf("the money moved %d times", times)
}

// wrong says where the verdict and the balances part ways. A doubt is never wrong but where a plain success is one.
func (s sent) wrong() string {
	switch v := s.verdict; v.Verdict {
	case treasury.VerdictDone:
		if s.times == 0 || s.times > 1 {
			return "it is called done, and " + timesWords(s.times)
		}
	case treasury.VerdictRefused, treasury.VerdictUnsent, treasury.VerdictThrottled, treasury.VerdictDeclined:
		if s.times > 0 {
			return "it is called " + string(v.Verdict) + ", and " + timesWords(s.times)
		}
	case treasury.VerdictUnknown:
		if s.times == 1 && isSuccess(v) {
			return "a plain success falls in doubt"
		}
	case treasury.VerdictPending:
	}
	return ""
}
