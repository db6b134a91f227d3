package main

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
)

// The page lets anybody who reaches it act as anybody, so nobody but the page itself may reach it.
func TestOnlyThePageMayAct(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	port := r.address[strings.LastIndex(r.address, ":")+1:]
	const say = `{"person":"U0LENA","place":"C0GENERAL","text":"hello"}`
	json := func(pairs ...string) map[string]string {
		header := map[string]string{"Content-Type": "application/json"}
		for i := 0; i < len(pairs); i += 2 {
			header[pairs[i]] = pairs[i+1]
		}
		return header
	}
	for _, c := range []struct {
		name         string
		method, path string
		header       map[string]string
		want         int
	}{
		{"the page itself", http.MethodPost, "/play/say", json("Origin", r.address, "Sec-Fetch-Site", "same-origin"), http.StatusOK},
		{"the page under its other name", http.MethodPost, "/play/say", json("Host", "localhost:"+port, "Origin", "http://localhost:"+port), http.StatusOK},
		{"a tool without a browser", http.MethodPost, "/play/say", json(), http.StatusOK},
		{"another site", http.MethodPost, "/play/say", json("Origin", "https://example.com", "Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
		{"another site in an old browser", http.MethodPost, "/play/say", json("Origin", "https://example.com"), http.StatusForbidden},
		{"another port of this machine", http.MethodPost, "/play/say", json("Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"), http.StatusForbidden},
		{"a page without an origin", http.MethodPost, "/play/say", json("Origin", "null"), http.StatusForbidden},
		{"a form", http.MethodPost, "/play/say", map[string]string{"Content-Type": "text/plain"}, http.StatusUnsupportedMediaType},
		{"a name that was pointed here", http.MethodPost, "/play/say", json("Host", "evil.example:"+port, "Origin", "http://evil.example:"+port), http.StatusMisdirectedRequest},
		{"reading by a name that was pointed here", http.MethodGet, "/play/state", map[string]string{"Host": "evil.example:" + port}, http.StatusMisdirectedRequest},
		{"acting by a link", http.MethodGet, "/play/say", nil, http.StatusNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := r.call(c.method, c.path, say, c.header); got.status != c.want {
				t.Errorf("%d %s, want %d", got.status, got.body, c.want)
			}
		})
	}
}

func TestThePageRunsNothingButItsOwnFiles(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	for path, kind := range map[string]string{
		"/": "text/html", "/app.js": "text/javascript", "/blocks.js": "text/javascript", "/form.js": "text/javascript",
		"/tango.js": "text/javascript", "/style.css": "text/css", "/icon.svg": "image/svg+xml", "/play/state": "application/json",
	} {
		got := r.call(http.MethodGet, path, "", nil)
		if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, got.status, got.header.Get("Content-Type"))
		}
		policy := got.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: policy %q", path, policy)
		}
		for _, bad := range []string{"innerHTML", "insertAdjacentHTML", "document.write", "eval(", "https://"} {
			if strings.Contains(got.body, bad) && path != "/play/state" {
				t.Errorf("%s uses %s", path, bad)
			}
		}
	}
	for _, path := range []string{"/policy.yaml", "/page/app.js", "/../main.go", "/play/nothing"} {
		if got := r.call(http.MethodGet, path, "", nil).status; got != http.StatusNotFound {
			t.Errorf("%s answers %d", path, got)
		}
	}
}

// The bot's routes are those of API Gateway, and each verifies by itself.
func TestTheBotsRoutes(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	for _, path := range []string{"/slack/commands", "/slack/interactions", "/slack/options", "/slack/events"} {
		if got := r.call(http.MethodPost, path, "payload={}", nil).status; got != http.StatusUnauthorized {
			t.Errorf("an unsigned POST %s answers %d", path, got)
		}
		if got := r.call(http.MethodGet, path, "", nil); got.status != http.StatusNotFound || got.body != `{"message":"Not Found"}` {
			t.Errorf("GET %s answers %d %s", path, got.status, got.body)
		}
	}
	if ok, answer, err := r.slack.URLVerification(t.Context()); !ok || err != nil {
		t.Errorf("url_verification: %+v %v", answer, err)
	}
}

func TestNotReadyBeforeTheFirstWatchAndAfterTheStop(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	r.ready.Store(false)
	if got := r.call(http.MethodGet, "/healthz", "", nil).status; got != http.StatusServiceUnavailable {
		t.Errorf("answers %d", got)
	}
}

// The page hears of what others do, and its stream does not hold up the end.
func TestChangesAreTold(t *testing.T) {
	t.Parallel()
	r := start(t, t.TempDir())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.address+"/play/changes", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %s", got)
	}
	lines := bufio.NewScanner(response.Body)
	told := func(what string) {
		t.Helper()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "data: ") {
				return
			}
		}
		t.Fatalf("not told: %s", what)
	}
	told("hello")
	r.do("say", act{Person: "U0MAYA", Place: "C0GENERAL", Text: "hello"})
	told("a message")
	r.tango.Spend("marketing-us", 1)
	told("a movement")
	r.do("clock", act{Push: 1})
	told("a push")
	r.stop()
	for lines.Scan() { // the end comes
	}
}
