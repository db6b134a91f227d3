package cardpage_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/cardpage"
	"github.com/tangobot/tangobot/internal/cloud"
)

// watched is a body that remembers where it was read to.
type watched struct {
	text  io.Reader
	reads [][]byte
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.text.Read(p)
	w.reads = append(w.reads, p[:n])
	return n, err
}

func (*watched) Close() error { return nil }

// Whatever becomes of a form, the one buffer that held it is wiped when its answer is there.
func TestBufferIsWiped(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"registered":   visa().Encode(),
		"sent back":    with(visa(), "code", "").Encode(),
		"not the form": visa().Encode() + "&x=1",
		"too large":    visa().Encode() + strings.Repeat("x", 9<<10),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, link := b.invited()
			typed := &watched{text: strings.NewReader(body)}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, cardpage.Path+link, typed)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			r.ContentLength = -1
			b.page.ServeHTTP(httptest.NewRecorder(), r)
			read := 0
			for _, p := range typed.reads {
				read += len(p)
				if !bytes.Equal(p, make([]byte, len(p))) {
					t.Errorf("%d bytes of the form are still there", len(p))
				}
			}
			if read < 150 {
				t.Errorf("only %d bytes were read", read)
			}
		})
	}
}

// The page in Lambda: API Gateway gives the holder's address beside the request, names headers in lower case, and wraps the
// body.
func TestBehindTheGateway(t *testing.T) {
	t.Parallel()
	for name, wrapped := range map[string]bool{"plain body": false, "base64 body": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, link := b.invited()
			gateway := cloud.Gateway{Handler: b.page, Log: slog.New(slog.DiscardHandler)}
			invoke := func(method, body string) (status int, text string) {
				t.Helper()
				event := map[string]any{
					"version": "2.0", "rawPath": cardpage.Path + link, "rawQueryString": "",
					"headers": map[string]string{
						"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin", "origin": "https://tangobot.example",
						"host": "tangobot.example", "x-forwarded-for": "10.9.9.9",
					},
					"requestContext": map[string]any{
						"stage": "$default", "domainName": "tangobot.example",
						"http": map[string]string{"method": method, "path": cardpage.Path + link, "sourceIp": "198.51.100.23", "protocol": "HTTP/1.1"},
					},
					"body": body, "isBase64Encoded": wrapped,
				}
				payload, err := json.Marshal(event)
				b.must(err)
				out, err := gateway.Invoke(b.deadline(), payload)
				b.must(err)
				var a struct {
					Status int    `json:"statusCode"`
					Body   string `json:"body"`
				}
				b.must(json.Unmarshal(out, &a))
				return a.Status, a.Body
			}
			if status, text := invoke(http.MethodGet, ""); status != 200 || !strings.Contains(text, "<form") {
				t.Errorf("GET: %d", status)
			}
			body := visa().Encode()
			if wrapped {
				body = base64.StdEncoding.EncodeToString([]byte(body))
			}
			if status, text := invoke(http.MethodPost, body); status != 200 || !strings.Contains(text, "The card is registered") {
				t.Errorf("POST: %d: %s", status, answer{body: text}.text())
			}
			found := false
			for _, call := range b.tango.Received() {
				found = found || strings.Contains(call.Body, `"ipAddress":"198.51.100.23"`)
			}
			if !found {
				t.Error("Tango was not told the holder's address")
			}
		})
	}
}
