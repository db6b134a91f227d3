package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/treasury"
)

const samples = "../../events"

func signed(t *testing.T, secret string, now time.Time) (dir string, names []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "fresh")
	if err := signEvents(samples, dir, secret, now); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	slices.Sort(names)
	return dir, names
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Every signed sample is one that the functions take: through the same adapters, and past the same check of signatures.
func TestEventsAreSigned(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	log := slog.New(slog.DiscardHandler)
	for _, c := range []struct{ rule, given, secret string }{
		{"with the playground's secret", "", "playground-signing-secret"},
		{"with a secret that is given", "8f742231b10e8888abcd99yyyzzz85a5", "8f742231b10e8888abcd99yyyzzz85a5"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			dir, _ := signed(t, c.given, now)
			verifier := slack.Verifier{
				Clock: func() time.Time { return now.Add(time.Minute) },
				Signing: func(_ context.Context, previous bool) (treasury.Secret, error) {
					if previous {
						return treasury.Secret{}, treasury.ErrNotFound
					}
					return treasury.NewSecret(c.secret), nil
				},
			}
			for name, path := range map[string]string{
				"commands": "/slack/commands", "commands-transfer": "/slack/commands", "interactions": "/slack/interactions",
				"options": "/slack/options", "home": "/slack/events",
			} {
				var seen *http.Request
				var refused error
				gateway := cloud.Gateway{Log: log, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					seen = r
					body, err := io.ReadAll(r.Body)
					refused = errors.Join(err, verifier.Check(r.Context(), r.Header, body))
				})}
				if _, err := gateway.Invoke(t.Context(), read(t, dir, name)); err != nil || seen == nil || seen.URL.Path != path {
					t.Fatalf("%s: request %v, error %v, want one to %s", name, seen, err, path)
				}
				if refused != nil {
					t.Errorf("%s: %v", name, refused)
				}
			}
		})
	}
}

// Samples of queues carry jobs in the form that the desk writes, and the watch takes its own.
func TestEventsOfQueuesAndSchedule(t *testing.T) {
	t.Parallel()
	dir, names := signed(t, "", time.Now())
	log := slog.New(slog.DiscardHandler)
	jobs := map[string]treasury.Job{}
	for _, name := range []string{"answer", "execute"} {
		consumer := cloud.Consumer{Log: log, Handle: func(_ context.Context, body []byte) error {
			var job treasury.Job
			err := json.Unmarshal(body, &job)
			jobs[name] = job
			return err
		}}
		out, err := consumer.Invoke(t.Context(), read(t, dir, name))
		if err != nil || string(out) != `{"batchItemFailures":[]}` {
			t.Errorf("%s: got %s, error %v", name, out, err)
		}
	}
	var q slack.Question
	if err := json.Unmarshal(jobs["answer"].Question, &q); err != nil || q.Ask != slack.AskBalance || q.Person == "" {
		t.Errorf("answer: question %+v, error %v", q, err)
	}
	if !treasury.IsRequestID(jobs["execute"].Execute) {
		t.Errorf("execute: job %+v", jobs["execute"])
	}
	ran := false
	schedule := cloud.Schedule{Run: func(context.Context) error { ran = true; return nil }}
	if _, err := schedule.Invoke(t.Context(), read(t, dir, "watch")); err != nil || !ran {
		t.Errorf("watch: ran %v, error %v", ran, err)
	}
	want := []string{"answer", "cards-get", "cards-post", "commands", "commands-transfer", "execute", "home", "interactions", "options", "watch"}
	if !slices.Equal(names, want) {
		t.Errorf("samples %q, want %q", names, want)
	}
}

// Signing changes nothing but the two headers.
func TestSigningKeepsTheRest(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	dir, names := signed(t, "", now)
	for _, name := range names {
		var before, after map[string]any
		if err := errors.Join(json.Unmarshal(read(t, samples, name), &before), json.Unmarshal(read(t, dir, name), &after)); err != nil {
			t.Fatal(err)
		}
		if headers, ok := after["headers"].(map[string]any); ok && !strings.HasPrefix(name, "cards-") {
			if headers["x-slack-request-timestamp"] != "1795521600" {
				t.Errorf("%s is signed at %v", name, headers["x-slack-request-timestamp"])
			}
			was := before["headers"].(map[string]any)
			for _, changed := range []string{"x-slack-request-timestamp", "x-slack-signature"} {
				headers[changed] = was[changed]
			}
		}
		a, errA := json.Marshal(before)
		b, errB := json.Marshal(after)
		if errA != nil || errB != nil || string(a) != string(b) {
			t.Errorf("%s changed from %s to %s", name, a, b)
		}
	}
}

func TestEventsFromNowhere(t *testing.T) {
	t.Parallel()
	if err := signEvents(t.TempDir(), t.TempDir(), "", time.Now()); err == nil {
		t.Error("no samples, and no error")
	}
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "bad.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := signEvents(broken, t.TempDir(), "", time.Now()); err == nil || !strings.Contains(err.Error(), "bad.json") {
		t.Errorf("got error %v, want one that names the file", err)
	}
}
