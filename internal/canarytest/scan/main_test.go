package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/canarytest"
)

// told gives go test's events of a package with two tests, of which the second ends as it is told.
func told(t *testing.T, wrote, ended string) string {
	t.Helper()
	var b strings.Builder
	last := "ok  \tp\t0.1s\n"
	if ended == "fail" {
		last = "FAIL\tp\t0.1s\n"
	}
	for _, e := range []event{
		{Action: "start", Package: "p"},
		{Action: "run", Package: "p", Test: "TestA"},
		{Action: "output", Package: "p", Test: "TestA", Output: "=== RUN   TestA\n"},
		{Action: "output", Package: "p", Test: "TestA", Output: "    a.go:1: well\n"},
		{Action: "pass", Package: "p", Test: "TestA"},
		{Action: "run", Package: "p", Test: "TestB"},
		{Action: "output", Package: "p", Test: "TestB", Output: "=== RUN   TestB\n"},
		{Action: "output", Package: "p", Test: "TestB", Output: wrote},
		{Action: "output", Package: "p", Test: "TestB", Output: "--- " + ended + ": TestB\n"},
		{Action: ended, Package: "p", Test: "TestB"},
		{Action: "output", Package: "p", Output: "PASS\n"},
		{Action: "output", Package: "p", Output: last},
		{Action: ended, Package: "p"},
	} {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	return b.String()
}

func TestScan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		show string
		err  error
	}{
		"all well":       {in: told(t, "b\n", "pass"), show: "ok  \tp\t0.1s\n"},
		"a test fails":   {in: told(t, "b\n", "fail"), show: "b\n--- fail: TestB\nFAIL\tp\t0.1s\n", err: errFailed},
		"no package":     {in: "no Go files\n", show: "no Go files\n", err: errNone},
		"nothing":        {err: errNone},
		"no test in it":  {in: `{"Action":"output","Package":"p","Output":"?   \tp\t[no test files]\n"}` + "\n" + `{"Action":"skip","Package":"p"}` + "\n", show: "?   \tp\t[no test files]\n", err: errNone},
		"not compilable": {in: `{"Action":"build-output","ImportPath":"p","Output":"p.go:1: no\n"}` + "\n" + `{"Action":"build-fail","ImportPath":"p"}` + "\n", show: "p.go:1: no\n", err: errFailed},
		"a secret in a test that passes": {
			in: told(t, "time=… token="+canarytest.BotToken+"\n", "pass"), show: "ok  \tp\t0.1s\n", err: errSecret,
		},
		"a secret beside tests": {in: told(t, "b\n", "pass") + "warning: " + canarytest.SigningSecret, show: "ok  \tp\t0.1s\nwarning: " + canarytest.SigningSecret, err: errSecret},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var show strings.Builder
			file := filepath.Join(t.TempDir(), "all.log")
			if err := run(strings.NewReader(c.in), &show, file); !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Errorf("error %v, want %v", err, c.err)
			}
			if diff := cmp.Diff(c.show, show.String()); diff != "" {
				t.Errorf("shown (-want +got):\n%s", diff)
			}
			kept, err := os.ReadFile(file)
			if err != nil || strings.Contains(c.in, "TestA") && !strings.Contains(string(kept), "a.go:1: well") {
				t.Errorf("kept %q, %v", kept, err)
			}
		})
	}
	if err := run(strings.NewReader(""), &strings.Builder{}, t.TempDir()); err == nil || errors.Is(err, errNone) {
		t.Errorf("a folder to keep it in: %v", err)
	}
}
