package tango_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/treasury"
)

// TestNothingLeaks fails calls in every way and looks for the key, the names, the amounts and the bodies in what is
// logged and returned.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	canaries := []string{
		key, platform, base64.StdEncoding.EncodeToString([]byte(platform + ":" + key)), "canary-account", "canary-name", "canary-note", "canary-body",
		"98765432.1", "9876543210", "/raas/", "displayName=", "4111111111111111", "canary-host",
	}
	says := func(text string) func(net.Conn, int64) bool {
		return func(c net.Conn, _ int64) bool { _, _ = io.WriteString(c, text); return false }
	}
	bodies := map[string]func(net.Conn, int64) bool{
		"closed":         says(""),
		"reset":          func(c net.Conn, _ int64) bool { cut(c); return false },
		"not HTTP":       says("canary-body canary-body\r\n\r\n"),
		"bad header":     says("HTTP/1.1 200 OK\r\ncanary-body\r\n\r\n"),
		"bad status":     says("HTTP/1.1 canary-body\r\n\r\n"),
		"redirect":       says("HTTP/1.1 302 X\r\nLocation: http://canary-host/canary-body\r\nContent-Length: 0\r\n\r\n"),
		"bad redirect":   says("HTTP/1.1 302 X\r\nLocation: ://canary-host\r\nContent-Length: 0\r\n\r\n"),
		"not JSON":       says(response(200, "canary-body")),
		"wrong JSON":     says(response(200, `{"canary-body":1,"canary-body":2}`)),
		"wrong balance":  says(response(200, `{"accountIdentifier":"canary-account","status":"canary-body","currencyCode":"USD","currentBalance":98765432.101}`)),
		"wrong amount":   says(response(200, strings.ReplaceAll(goodAnswer, "1250", "98765432.1"))),
		"refusal":        says(response(400, `{"httpCode":400,"message":"canary-body","path":"/raas/v2/x","errors":[{"i18nKey":"canary-body","invalidValue":"98765432.10"}]}`, "X-REQUEST-ID: canary body")),
		"card as a key":  says(response(400, `{"httpCode":400,"i18nKey":"4111111111111111"}`, "X-REQUEST-ID: "+strings.Repeat("canary-body", 20))),
		"not found":      says(response(404, `{"httpCode":404,"message":"canary-body"}`)),
		"throttled":      says(response(429, `{"httpCode":429,"message":"canary-body"}`, "Retry-After: 999")),
		"broken":         says(response(500, "canary-body")),
		"a page for all": says("HTTP/1.1 418 canary-body\r\nContent-Type: text/html\r\nContent-Length: 11\r\n\r\ncanary-body"),
	}
	for name, script := range bodies {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			t.Run(method+" "+name, func(t *testing.T) {
				t.Parallel()
				s := startRaw(t, rawOptions{script: script})
				log := &logged{}
				client := newClient(t, s.url+"/raas/v2", func(c *tango.Config) {
					c.Method, c.Log = method, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				o := order()
				o.From, o.To, o.Notes, o.Amount = "canary-account", "canary-account-2", "canary-note", money.New(9_876_543_210, "USD")
				answer := client.Transfer(t.Context(), o)
				failed := []error{errors.New("not read for this method")}
				if method == http.MethodPost { // reads are the same for both
					failed = failingReads(t, client)
				}
				if slices.Contains(failed, nil) || answer.Verdict == treasury.VerdictDone {
					t.Fatal("a call did not fail")
				}
				text := fmt.Sprintf("%s\n%+v\n%v\n%#v", log, answer, failed, client)
				for _, canary := range canaries {
					if strings.Contains(strings.ReplaceAll(text, s.url+"/raas/v2", ""), canary) {
						t.Errorf("%q in:\n%s", canary, text)
					}
				}
			})
		}
	}
}

// failingReads makes each read, all at once because they pause between their tries.
func failingReads(t *testing.T, client *tango.Client) []error {
	t.Helper()
	failed := make([]error, 4)
	var work sync.WaitGroup
	work.Go(func() { _, failed[0] = client.Account(t.Context(), "canary-account") })
	work.Go(func() {
		_, failed[1] = client.Accounts(t.Context(), treasury.AccountQuery{Name: "canary-name", Window: treasury.Window{Size: 5}})
	})
	work.Go(func() { _, failed[2] = client.Customer(t.Context(), "canary-account") })
	work.Go(func() {
		_, failed[3] = client.Customers(t.Context(), treasury.CustomerQuery{Name: "canary-name", Window: treasury.Window{Size: 5}})
	})
	work.Wait()
	return failed
}
