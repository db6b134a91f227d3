package contract_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango/contract"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

// What stands between the questions and the simulated Tango, and makes it another one.

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

// beat is a clock that a pacer pushes on by more than a second at each turn: a Tango that counts by the second is kept to
// its pace, and no test waits.
type beat struct {
	mu  sync.Mutex
	now time.Time
}

func (b *beat) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// Wait is a turn.
func (b *beat) Wait(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(1100 * time.Millisecond)
	return nil
}

func everySecond() tangoLike {
	b := &beat{now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}
	return tangoLike{
		sim:    tangosim.Config{LimitRate: true, Clock: b.clock},
		change: func(c *contract.Config) { c.Pacer, c.Clock = b, b.clock },
	}
}

// sets puts headers on every answer.
func sets(pairs ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				w.Header().Set(pairs[i], pairs[i+1])
			}
			next.ServeHTTP(w, r)
		})
	}
}

func isTransfer(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/transferFunds") }

func says(w http.ResponseWriter, status int, key string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"httpCode": status, "i18nKey": key, "message": "no"})
}

// only takes transfers by one method.
func only(method string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if isTransfer(r) && r.Method != method {
				says(w, http.StatusMethodNotAllowed, "405.002")
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// readBody gives a JSON body, and nil for any other; the request keeps it.
func readBody(r *http.Request) map[string]any {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	var body map[string]any
	if json.Unmarshal(text, &body) != nil {
		return nil
	}
	return body
}

// edits changes each JSON body on its way to Tango.
func edits(edit func(body map[string]any)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if body := readBody(r); body != nil {
				edit(body)
				text, err := json.Marshal(body)
				if err != nil {
					panic(err)
				}
				r.Body = io.NopCloser(bytes.NewReader(text))
			}
			next.ServeHTTP(w, r)
		})
	}
}

// usesRefused makes a transfer from an account to itself use up its reference.
func usesRefused(next http.Handler) http.Handler {
	var mu sync.Mutex
	used := map[any]bool{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body := readBody(r); isTransfer(r) && body != nil {
			mu.Lock()
			taken := used[body["externalRefID"]]
			used[body["externalRefID"]] = taken || body["transferFrom"] == body["transferTo"]
			mu.Unlock()
			if taken {
				says(w, http.StatusConflict, "409.001")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// repeats carries the transfer by POST out once more, and gives the first answer.
func repeats(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := readBody(r)
		next.ServeHTTP(w, r)
		if notes, _ := body["transferNotes"].(string); isTransfer(r) && strings.HasPrefix(notes, "by POST") {
			delete(body, "externalRefID")
			text, err := json.Marshal(body)
			if err != nil {
				panic(err)
			}
			r.Body = io.NopCloser(bytes.NewReader(text))
			next.ServeHTTP(httptest.NewRecorder(), r)
		}
	})
}

// lags shows an account, the first time after a transfer, as it was read before.
func lags(next http.Handler) http.Handler {
	var mu sync.Mutex
	seen, behind := map[string]*httptest.ResponseRecorder{}, map[string]bool{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if isTransfer(r) {
			for reader := range seen {
				behind[reader] = true
			}
		}
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/accounts/") {
			next.ServeHTTP(w, r)
			return
		}
		reader := r.URL.Path + r.Header.Get("Authorization")
		if !behind[reader] {
			seen[reader] = httptest.NewRecorder()
			next.ServeHTTP(seen[reader], r)
		}
		delete(behind, reader)
		copyTo(w, seen[reader])
	})
}

func copyTo(w http.ResponseWriter, kept *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), kept.Header())
	w.WriteHeader(kept.Code)
	_, _ = w.Write(kept.Body.Bytes())
}

// pages answers a status with a gateway's HTML instead of Tango's JSON.
func pages(status int) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			now := httptest.NewRecorder()
			next.ServeHTTP(now, r)
			if now.Code == status {
				http.Error(w, "<html></html>", status)
				return
			}
			copyTo(w, now)
		})
	}
}

// anyCase takes an account's identifier in any case, and answers it as it was made or as it was asked for.
func anyCase(kept bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
			if !strings.Contains(r.URL.Path, "/accounts/") || strings.ToLower(asked) == asked {
				next.ServeHTTP(w, r)
				return
			}
			r.URL.Path = strings.TrimSuffix(r.URL.Path, asked) + strings.ToLower(asked)
			now := httptest.NewRecorder()
			next.ServeHTTP(now, r)
			text := now.Body.String()
			if kept {
				text = strings.ReplaceAll(text, strings.ToLower(asked), asked)
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(now.Code)
			_, _ = w.Write([]byte(text))
		})
	}
}

// firstOfEach takes only the first of a parameter that is repeated.
func firstOfEach(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		for name := range q {
			q.Set(name, q.Get(name))
		}
		r.URL.RawQuery = q.Encode()
		next.ServeHTTP(w, r)
	})
}
