package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// exportFile writes an export of one request with two events, as /tango history csv does, and gives its name.
func exportFile(t *testing.T, change func(string) string) string {
	t.Helper()
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	one := treasury.Exported{Request: treasury.Request{ID: "TB-00000001", Step: 2, CreatedAt: at}}
	prev := ""
	for i, e := range []treasury.Entry{
		{By: "U0LENA", Event: treasury.EventSubmit, To: treasury.StatePending, Action: &treasury.Action{
			Kind: treasury.ActionCreateCustomer, CreateCustomer: &treasury.CreateCustomer{ID: "acme-asia", Name: "Acme Asia"},
		}},
		{By: "U0LENA", Event: treasury.EventCancel, From: treasury.StatePending, To: treasury.StateCancelled, Reason: treasury.ReasonTakenBack},
	} {
		e.Request, e.Step, e.At, e.Prev = one.Request.ID, i+1, at.Add(time.Duration(i)*time.Minute), prev
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(body)
		e.Hash = hex.EncodeToString(sum[:])
		prev = e.Hash
		one.Entries = append(one.Entries, e)
	}
	var file bytes.Buffer
	if err := (treasury.Export{Requests: []treasury.Exported{one}}).WriteCSV(&file); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "history.csv")
	if err := os.WriteFile(name, []byte(change(file.String())), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestVerify(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change    func(string) string
		says, err string
	}{
		"a good file": {
			func(file string) string { return file },
			"holds: 2 events of 1 requests, from 2026-11-24T12:00:00Z to 2026-11-24T12:01:00Z, each chain complete.\n", "",
		},
		"a changed line": {
			func(file string) string { return strings.Replace(file, ",taken_back,", ",stopped,", 1) },
			"", "line 3: request TB-00000001, step 2: column reason does not say what the entry says",
		},
		"a line taken out": {
			func(file string) string { return strings.Join(strings.SplitAfter(file, "\n")[:2], "") },
			"", "line 2: request TB-00000001: step 2 is missing; there were 2",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := exportFile(t, c.change)
			var out bytes.Buffer
			err := verifyExport(&out, file)
			if got := strings.TrimPrefix(out.String(), file+" "); got != c.says {
				t.Errorf("says %q, want %q", got, c.says)
			}
			if c.err == "" && err != nil || c.err != "" && (err == nil || err.Error() != file+": "+c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
	if err := verifyExport(&bytes.Buffer{}, filepath.Join(t.TempDir(), "none.csv")); err == nil {
		t.Error("a file that is not there passes")
	}
}
