package cloud_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/treasury"
)

func TestPolicyIsReadFromItsFile(t *testing.T) {
	t.Parallel()
	const shipped = "../../policy.yaml"
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(broken, []byte(strings.Replace(string(text), "approvals: 2", "approvals: 20", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ rule, file, complaint string }{
		{"a good file", shipped, ""},
		{"no file", filepath.Join(t.TempDir(), "policy.yaml"), "POLICY_FILE cannot be read"},
		{"a mistake, with its line", broken, "line 33"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			e := cloud.NewEnvironment(func(string) string { return c.file })
			policy := e.Policy()
			err := e.Err()
			if c.complaint == "" {
				if err != nil || policy == nil || policy.Workspace != "T0ACME" {
					t.Errorf("got %+v, error %v", policy, err)
				}
				return
			}
			if policy != nil || !errors.Is(err, treasury.ErrInvalid) || !strings.Contains(err.Error(), c.complaint) {
				t.Errorf("got %+v, error %v, want one that says %q", policy, err, c.complaint)
			}
		})
	}
}

// A connection that was reached for is used by the next call: that is the point of reaching.
func TestReachKeepsTheConnection(t *testing.T) {
	t.Parallel()
	var from []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from = append(from, r.RemoteAddr)
		http.Error(w, "no such page", http.StatusNotFound)
	}))
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{}}
	for range 2 {
		if err := cloud.Reach(client, server.URL)(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	client.CloseIdleConnections()
	server.Close()
	if len(from) != 2 || from[0] != from[1] {
		t.Errorf("the calls came from %v, want one connection", from)
	}
	if err := cloud.Reach(client, server.URL)(t.Context()); !errors.Is(err, treasury.ErrUnavailable) {
		t.Errorf("got error %v, want %v", err, treasury.ErrUnavailable)
	}
}
