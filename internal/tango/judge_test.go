package tango

import (
	"net/http"
	"testing"

	"github.com/tangobot/tangobot/internal/treasury"
)

// TestChangesCountConnections: the count of connections and the end of an answer weigh more than what the answer says.
func TestChangesCountConnections(t *testing.T) {
	t.Parallel()
	done := `{"token":"t"}`
	refused := `{"httpCode":400,"i18nKey":"422.002"}`
	for name, c := range map[string]struct {
		connections int64
		status      int
		body        string
		whole       bool
		verdict     treasury.Verdict
		doubt       treasury.Doubt
	}{
		"no connection":           {0, 0, "", false, treasury.VerdictUnsent, treasury.DoubtNone},
		"one, no answer":          {1, 0, "", false, treasury.VerdictUnknown, treasury.DoubtNoAnswer},
		"one, done":               {1, 200, done, true, treasury.VerdictDone, treasury.DoubtNone},
		"one, refused":            {1, 400, refused, true, treasury.VerdictRefused, treasury.DoubtNone},
		"two, done":               {2, 200, done, true, treasury.VerdictUnknown, treasury.DoubtResent},
		"two, refused":            {2, 400, refused, true, treasury.VerdictUnknown, treasury.DoubtResent},
		"none, and yet done":      {0, 200, done, true, treasury.VerdictUnknown, treasury.DoubtResent},
		"done, but cut":           {1, 200, done, false, treasury.VerdictUnknown, treasury.DoubtUnreadable},
		"refused, but cut":        {1, 400, refused, false, treasury.VerdictUnknown, treasury.DoubtStatus},
		"another status is in it": {1, 403, refused, true, treasury.VerdictUnknown, treasury.DoubtStatus},
		"a key twice":             {1, 200, `{"token":"t","token":"t"}`, true, treasury.VerdictUnknown, treasury.DoubtUnreadable},
	} {
		s := sent{connections: c.connections, status: c.status, header: http.Header{"Content-Type": {"application/json"}}, body: []byte(c.body), whole: c.whole}
		got := judgeChange(s, conflictDoubt, func(f *fields, a *treasury.Answer) {
			a.Verdict, a.Mismatch = treasury.VerdictDone, firstMisfit(f.repeats("token", "t"))
		})
		if got.Verdict != c.verdict || got.Doubt != c.doubt {
			t.Errorf("%s: %s %s, want %s %s", name, got.Verdict, got.Doubt, c.verdict, c.doubt)
		}
	}
}
