package cloud_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/treasury"
)

// event is a payload of format 2.0 as API Gateway sends it, with its many fields that nobody reads.
func event(change func(e map[string]any)) []byte {
	e := map[string]any{
		"version": "2.0", "routeKey": "POST /slack/commands", "rawPath": "/slack/commands", "rawQueryString": "a=1&b=%20x&a=2",
		"headers": map[string]any{
			"content-type": "application/x-www-form-urlencoded", "host": "abc.execute-api.eu-west-1.amazonaws.com",
			"X-SLACK-SIGNATURE": "v0=aa", "x-slack-request-timestamp": "1700000000", "content-length": "999",
		},
		"queryStringParameters": map[string]any{"a": "1,2", "b": " x"},
		"requestContext": map[string]any{
			"accountId": "123456789012", "apiId": "abc", "domainName": "abc.execute-api.eu-west-1.amazonaws.com", "requestId": "r", "stage": "$default",
			"timeEpoch": 1583348638390,
			"http": map[string]any{
				"method": "POST", "path": "/slack/commands", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "Slackbot",
			},
		},
		"body": "text=balance%20all&x=%C3%A9", "isBase64Encoded": false, "pathParameters": map[string]any{}, "stageVariables": nil,
	}
	if change != nil {
		change(e)
	}
	payload, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return payload
}

type answered struct {
	Status   int               `json:"statusCode"`
	Headers  map[string]string `json:"headers"`
	Cookies  []string          `json:"cookies"`
	Body     string            `json:"body"`
	IsBase64 bool              `json:"isBase64Encoded"`
}

func invoke(t *testing.T, payload []byte, handler http.HandlerFunc) answered {
	t.Helper()
	out, err := cloud.Gateway{Handler: handler, Log: slog.New(slog.DiscardHandler)}.Invoke(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	var a answered
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// seen is what a handler sees of a request.
type seen struct {
	Method, Path, Query, Target, Host, Remote, Signature, Cookie, Body string
	Length                                                             int64
}

func TestGatewayRequest(t *testing.T) {
	t.Parallel()
	raw := []byte("\x00\xff\xfe raw \r\n")
	want := seen{
		Method: "POST", Path: "/slack/commands", Query: "a=1&b=%20x&a=2", Target: "/slack/commands?a=1&b=%20x&a=2",
		Host: "abc.execute-api.eu-west-1.amazonaws.com", Remote: "192.0.2.1:0", Signature: "v0=aa",
		Body: "text=balance%20all&x=%C3%A9", Length: 27,
	}
	for _, c := range []struct {
		name   string
		change func(e map[string]any)
		want   func(w *seen)
	}{
		{"as it comes", nil, func(*seen) {}},
		{
			"a base64 body is undone to the same bytes",
			func(e map[string]any) { e["body"], e["isBase64Encoded"] = base64.StdEncoding.EncodeToString(raw), true },
			func(w *seen) { w.Body, w.Length = string(raw), int64(len(raw)) },
		},
		{
			"no body",
			func(e map[string]any) { delete(e, "body") },
			func(w *seen) { w.Body, w.Length = "", 0 },
		},
		{
			"a named stage is no part of the path",
			func(e map[string]any) {
				e["requestContext"].(map[string]any)["stage"], e["rawPath"] = "prod", "/prod/cards/x"
			},
			func(w *seen) { w.Path, w.Target = "/cards/x", "/cards/x?a=1&b=%20x&a=2" },
		},
		{
			"a path that begins like the stage is left alone",
			func(e map[string]any) {
				e["requestContext"].(map[string]any)["stage"], e["rawPath"] = "prod", "/products"
			},
			func(w *seen) { w.Path, w.Target = "/products", "/products?a=1&b=%20x&a=2" },
		},
		{
			"the default stage is no prefix",
			func(e map[string]any) { e["rawPath"] = "/$default/x" },
			func(w *seen) { w.Path, w.Target = "/$default/x", "/$default/x?a=1&b=%20x&a=2" },
		},
		{
			"an escaped path keeps its form",
			func(e map[string]any) { e["rawPath"], e["rawQueryString"] = "/cards/a%2Fb%20c", "" },
			func(w *seen) { w.Path, w.Query, w.Target = "/cards/a/b c", "", "/cards/a%2Fb%20c" },
		},
		{
			"a path with a stray per cent",
			func(e map[string]any) { e["rawPath"], e["rawQueryString"] = "/cards/50%", "" },
			func(w *seen) { w.Path, w.Query, w.Target = "/cards/50%", "", "/cards/50%25" },
		},
		{
			"two slashes are not a host",
			func(e map[string]any) { e["rawPath"], e["rawQueryString"] = "//evil.example/x", "" },
			func(w *seen) { w.Path, w.Query, w.Target = "//evil.example/x", "", "//evil.example/x" },
		},
		{
			"cookies and an IPv6 caller",
			func(e map[string]any) {
				e["cookies"] = []string{"a=1", "b=2"}
				e["requestContext"].(map[string]any)["http"].(map[string]any)["sourceIp"] = "2001:db8::1"
			},
			func(w *seen) { w.Cookie, w.Remote = "a=1; b=2", "[2001:db8::1]:0" },
		},
		{
			"no host header",
			func(e map[string]any) { delete(e["headers"].(map[string]any), "host") },
			func(*seen) {},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := want
			c.want(&want)
			var got seen
			invoke(t, event(c.change), func(_ http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				got = seen{
					r.Method, r.URL.Path, r.URL.RawQuery, r.RequestURI, r.Host, r.RemoteAddr, r.Header.Get("X-Slack-Signature"),
					r.Header.Get("Cookie"), string(body), r.ContentLength,
				}
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGatewayResponse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    answered
	}{
		{"nothing written", func(http.ResponseWriter, *http.Request) {}, answered{Status: 200, Headers: nil}},
		{
			"text", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("content-type", "application/json")
				w.Header().Add("X-Many", "1")
				w.Header().Add("X-Many", "2")
				w.WriteHeader(http.StatusCreated)
				w.WriteHeader(http.StatusTeapot)
				w.Header().Set("X-Late", "1")
				_, _ = io.WriteString(w, `{"é":1}`)
			},
			answered{Status: 201, Headers: map[string]string{"Content-Type": "application/json", "X-Many": "1, 2"}, Body: `{"é":1}`},
		},
		{
			"bytes that are not text", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "image/png")
				_, _ = w.Write([]byte{0xff, 0})
				_, _ = w.Write([]byte{1})
			},
			answered{Status: 200, Headers: map[string]string{"Content-Type": "image/png"}, Body: "/wAB", IsBase64: true},
		},
		{
			"a type is found where none is set", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
			answered{Status: 200, Headers: map[string]string{"Content-Type": "text/html; charset=utf-8"}, Body: "<html>"},
		},
		{
			"cookies", func(w http.ResponseWriter, _ *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
				http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
				w.WriteHeader(http.StatusSeeOther)
			},
			answered{Status: 303, Cookies: []string{"a=1", "b=2"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, invoke(t, event(nil), c.handler)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a panic says may be what the handler was working on, a card number perhaps.
func TestGatewayPanicTellsNothing(t *testing.T) {
	t.Parallel()
	for _, value := range []any{"4111111111111111", errors.New("4111111111111111"), http.ErrAbortHandler} {
		var log bytes.Buffer
		g := cloud.Gateway{Log: slog.New(slog.NewJSONHandler(&log, nil)), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			panic(value)
		})}
		out, err := g.Invoke(t.Context(), event(nil))
		if err != nil {
			t.Fatal(err)
		}
		var a answered
		if err := json.Unmarshal(out, &a); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(answered{Status: 500}, a); diff != "" {
			t.Error(diff)
		}
		if line := log.String(); !strings.Contains(line, "handler panicked") || strings.Contains(line, "4111") {
			t.Errorf("the log says %s", line)
		}
	}
}

func TestGatewayRefusesOtherEvents(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{
		``, `null`, `[]`, `{}`, `{"Records":[]}`, `{"httpMethod":"POST","path":"/x"}`,
		string(event(func(e map[string]any) { e["isBase64Encoded"], e["body"] = true, "%%%" })),
		string(event(func(e map[string]any) { e["rawPath"] = "x" })),
	} {
		g := cloud.Gateway{Log: slog.New(slog.DiscardHandler), Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			t.Errorf("handled %s", payload)
		})}
		if _, err := g.Invoke(t.Context(), []byte(payload)); !errors.Is(err, treasury.ErrInvalid) {
			t.Errorf("%s: got error %v, want ErrInvalid", payload, err)
		}
	}
}

func TestGatewayPassesTheContextOn(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	g := cloud.Gateway{Log: slog.New(slog.DiscardHandler), Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		if r.Context().Err() == nil {
			t.Error("the request has another context")
		}
	})}
	if _, err := g.Invoke(ctx, event(nil)); err != nil {
		t.Error(err)
	}
}
