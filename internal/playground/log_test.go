package main

import (
	"strings"
	"testing"
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
