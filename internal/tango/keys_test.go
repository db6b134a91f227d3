package tango_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/treasury"
)

// TestKeys: every key that Tango is known to use reaches the answer, at the top of an error and in its list, whatever the
// status. testdata/keys.txt is read by the Slack room's tests too: it has words for each.
func TestKeys(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("testdata/keys.txt")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`^(\d{3}\.\d{3}) [A-Za-z0-9].*[^ .]$`)
	var keys []string
	for line := range strings.Lines(string(file)) {
		m := form.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			t.Fatalf("not a key and its meaning: %q", line)
		}
		keys = append(keys, m[1])
	}
	if !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys) || len(keys) < 70 {
		t.Errorf("%d keys, sorted %v", len(keys), slices.IsSorted(keys))
	}
	call := changingCalls()[0]
	for _, k := range keys {
		t.Run(k, func(t *testing.T) {
			t.Parallel()
			want := treasury.Answer{Verdict: treasury.VerdictRefused, Status: 400, Key: k, Request: "req-1"}
			for _, body := range []string{
				tangoSays("400", k), `{"message":"m","i18nKey":"` + k + `","i18nTokenReplacements":[]}`,
				`{"httpCode":400,"errors":[{"path":"amount","i18nKey":"` + k + `","invalidValue":"x"}]}`,
			} {
				if diff := cmp.Diff(want, call.answered(t, 400, body)); diff != "" {
					t.Errorf("answer to %s (-want +got):\n%s", body, diff)
				}
			}
		})
	}
}
