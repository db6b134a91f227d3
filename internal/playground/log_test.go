package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/canarytest"
)

func TestTheTerminalStaysQuietAboutNothing(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	log := newLog(&text)
	log.InfoContext(t.Context(), "requests in doubt", "in_doubt", 0)
	if text.Len() > 0 {
		t.Errorf("wrote %q", text.String())
	}
	log.InfoContext(t.Context(), "requests in doubt", "in_doubt", 1)
	log.InfoContext(t.Context(), "other", "count", 0)
	if n := strings.Count(text.String(), "\n"); n != 2 {
		t.Errorf("%d lines: %q", n, text.String())
	}
}

// A harness that overlooks a secret proves nothing.
func TestTheHarnessFindsSecrets(t *testing.T) {
	t.Parallel()
	r := startLogging(t, io.Discard, t.TempDir()) // the planted secret must not stand in the output of all tests
	r.told.mu.Lock()
	r.told.keep = true
	r.told.mu.Unlock()
	r.bot.log.WarnContext(t.Context(), "leak", "token", canarytest.BotToken)
	if err := r.bot.questions.Send(t.Context(), []byte(`{"key":"`+canarytest.PlatformKey+`"}`), time.Hour/6); err != nil {
		t.Fatal(err)
	}
	r.do("say", act{Person: "U0MAYA", Place: "C0GENERAL", Text: "my card is 4929 1758 3046 2719"})
	r.stop()
	for _, want := range []string{"the bot token stands in the log", "the platform key in base64 stands in the data file", "the card number stands in the data file"} {
		if text := strings.ReplaceAll(r.told.text.String(), ", spelt otherwise,", ""); !strings.Contains(text, want) {
			t.Errorf("not told: %s, but:\n%s", want, text)
		}
	}
}
