package tango

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// TestBodyIsWiped: nothing of a body stays in its buffer, and what is left of it is not sent as zeros.
func TestBodyIsWiped(t *testing.T) {
	t.Parallel()
	buffer := []byte("4111111111111111")
	body := newOnce(buffer)
	part := make([]byte, 4)
	if n, err := body.Read(part); n != 4 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if err := body.Close(); err != nil {
		t.Fatal(err)
	}
	for i, b := range buffer {
		if b != 0 {
			t.Fatalf("byte %d is still there", i)
		}
	}
	if n, err := body.Read(part); n != 0 || err == nil {
		t.Errorf("read %d, %v after the wipe", n, err)
	}
}

type noPace struct{}

func (noPace) Wait(context.Context) error { return nil }

// TestEveryCallWipesItsBody: after an answer, after none, with a server that does not read, after a panic, and where no key was got.
func TestEveryCallWipesItsBody(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"answered": func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
		"dropped":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"unread":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
		"panicked": func(http.ResponseWriter, *http.Request) {},
		"keyless":  func(http.ResponseWriter, *http.Request) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(handler)
			defer server.Close()
			c, err := New(Config{
				API: server.URL, Method: http.MethodPost, Pacer: noPace{}, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
				Credentials: func(context.Context) (string, treasury.Secret, error) {
					if name == "keyless" {
						return "", treasury.Secret{}, treasury.ErrUnavailable
					}
					return "n", treasury.NewSecret("k"), nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			buffer := bytes.Repeat([]byte("4111111111111111"), 1<<14)
			c.post(t.Context(), func() (string, []byte, error) { return "/creditCards", buffer, nil }, func(sent) treasury.Answer {
				if name == "panicked" {
					panic("canary")
				}
				return treasury.Answer{}
			})
			if i := bytes.IndexFunc(buffer, func(r rune) bool { return r != 0 }); i >= 0 {
				t.Errorf("byte %d is still there", i)
			}
		})
	}
}
