package treasury

import (
	"encoding/base64"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzLink looks for a second spelling of a one-time link, and for a secret that is not 32 bytes.
func FuzzLink(f *testing.F) {
	link, _ := newLink("TB-0ABCDEFG")
	f.Add(link.Path())
	f.Fuzz(func(t *testing.T, path string) {
		request, hash, ok := readLink(path)
		if !ok {
			if request != "" || hash != "" {
				t.Fatalf("refused, and read as %q with %q", request, hash)
			}
			return
		}
		secret, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(path, request+"."))
		if err != nil || len(secret) != 32 || !IsRequestID(request) {
			t.Fatalf("taken: %q of %q, %v", secret, request, err)
		}
		if request+"."+base64.RawURLEncoding.EncodeToString(secret) != path || hashOf(secret) != hash {
			t.Fatalf("%q is another spelling", path)
		}
		invite := Invite{Hash: hash, ExpiresAt: noon.Add(time.Minute)}
		if !invite.is(hash, noon) || invite.is(hash, invite.ExpiresAt) {
			t.Fatal("the link does not open its own invite, or one that is over")
		}
	})
}

// FuzzPolicy looks for a file that breaks the reader, or for a policy that gives what no policy may.
func FuzzPolicy(f *testing.F) {
	sample, err := os.ReadFile("../../policy.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePolicy(text)
		if err != nil {
			wrong, ok := errors.AsType[*PolicyError](err)
			if !ok || len(wrong.Mistakes) == 0 || p != nil {
				t.Fatalf("%v, with %+v", err, p)
			}
			lines := strings.Count(string(text), "\n") + strings.Count(string(text), "\r") + 1 // YAML ends lines with either
			for _, m := range wrong.Mistakes {
				if m.Text == "" || m.Line < 0 || m.Line > lines {
					t.Errorf("line %d of %d: %q", m.Line, lines, m.Text)
				}
			}
			return
		}
		if !slackTeam.MatchString(p.Workspace) || !slackChannel.MatchString(p.Approvals) || p.Undo < 0 || p.Undo > MaxDelay ||
			p.Expire < minExpire || p.Expire > maxExpire || len(p.Rules) == 0 {
			t.Errorf("%+v", p)
		}
		for _, rule := range p.Rules {
			if rule.Approvals < 0 || rule.Approvals > maxApprovals || (rule.Approvals > 0) != (len(rule.From) > 0) {
				t.Errorf("%d approvals from %q", rule.Approvals, rule.From)
			}
			if users, groups, all := p.Who(rule.From); !all && len(groups) == 0 && len(slices.Compact(slices.Sorted(slices.Values(users)))) < rule.Approvals {
				t.Errorf("%d approvals from %q alone", rule.Approvals, users)
			}
			for currency, amount := range rule.UpTo {
				if !amount.IsPositive() || amount.Currency != currency {
					t.Errorf("up to %v of %s", amount, currency)
				}
			}
		}
	})
}
