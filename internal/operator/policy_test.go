package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the tests get as what they want")

// The table for the policy that is shipped, as a person reads it.
func TestPolicyIsTold(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer
	if err := printPolicy(&told, "../../policy.yaml"); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/policy.txt"
	if *update {
		if err := os.WriteFile(golden, told.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), told.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// change gives the shipped policy with something replaced, as a file.
func change(t *testing.T, from, to string) (file string) {
	t.Helper()
	text, err := os.ReadFile("../../policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), from) != 1 {
		t.Fatalf("%q does not stand once in the policy", from)
	}
	file = filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// lineOf gives the line of the shipped policy, from 1, where text stands.
func lineOf(t *testing.T, text string) int {
	t.Helper()
	whole, err := os.ReadFile("../../policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before, _, found := strings.Cut(string(whole), text)
	if !found {
		t.Fatalf("%q is not in the policy", text)
	}
	return strings.Count(before, "\n") + 1
}

// A mistake is told with the file and its line, so that an editor finds it.
func TestMistakesAreTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, from, to string }{
		{"an unknown key", "remind_after: 4h", "remind_aftr: 4h"},
		{"an unknown group", "view: [finance, rewards, viewers]", "view: [finance, rewards, visitors]"},
		{"an undo window that no queue can wait", "undo: 60s", "undo: 2h"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			file := change(t, c.from, c.to)
			var told bytes.Buffer
			err := printPolicy(&told, file)
			if err == nil || told.Len() > 0 {
				t.Fatalf("told %q, error %v", told.String(), err)
			}
			where := fmt.Sprintf("%s:%d: ", file, lineOf(t, c.from))
			if !strings.HasPrefix(err.Error(), where) {
				t.Errorf("got %q, want it to begin with %q", err, where)
			}
		})
	}
}

// A quorum that needs all of its approvers fails whenever one of them asks: allowed, and told.
func TestWarnings(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer
	if err := printPolicy(&told, change(t, "finance: [U0MAYA, U0RAVI, S0FINANCE]", "finance: [U0MAYA, U0RAVI]")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(told.String(), "warning: rule 8 needs all of its 2 approvers, so none of them can ask for it") {
		t.Errorf("no warning in:\n%s", told.String())
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"policy"}, {"events", "a"}, {"send"}} {
		if err := run(args); err == nil || !strings.HasPrefix(err.Error(), "usage: ") {
			t.Errorf("%q: got error %v", args, err)
		}
	}
	if err := run([]string{"policy", filepath.Join(t.TempDir(), "none.yaml")}); err == nil {
		t.Error("a policy that is not there is valid")
	}
}
