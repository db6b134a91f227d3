package cloud

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Gateway hands the events of an API Gateway HTTP API (payload format 2.0) to an http.Handler. It is a lambda.Handler.
type Gateway struct {
	Handler http.Handler
	Log     *slog.Logger
}

// gatewayEvent holds the fields that are used: decoding the full event of aws-lambda-go costs ten times as much at start.
type gatewayEvent struct {
	RawPath        string            `json:"rawPath"`
	RawQueryString string            `json:"rawQueryString"`
	Headers        map[string]string `json:"headers"`
	Cookies        []string          `json:"cookies"`
	Body           string            `json:"body"`
	IsBase64       bool              `json:"isBase64Encoded"`
	RequestContext struct {
		DomainName string `json:"domainName"`
		Stage      string `json:"stage"`
		HTTP       struct {
			Method   string `json:"method"`
			Protocol string `json:"protocol"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
	} `json:"requestContext"`
}

type gatewayAnswer struct {
	Status   int               `json:"statusCode"`
	Headers  map[string]string `json:"headers,omitempty"`
	Cookies  []string          `json:"cookies,omitempty"`
	Body     string            `json:"body"`
	IsBase64 bool              `json:"isBase64Encoded"`
}

// Invoke serves one event. A panic of the handler is answered with 500 and nothing else.
func (g Gateway) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event gatewayEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("reading an API Gateway event: %w: %w", treasury.ErrInvalid, err)
	}
	request, err := event.request(ctx)
	if err != nil {
		return nil, err
	}
	answer := &recorder{header: http.Header{}}
	if err := g.serve(answer, request); err != nil {
		g.Log.ErrorContext(ctx, "handler panicked", "error", err)
		return json.Marshal(gatewayAnswer{Status: http.StatusInternalServerError})
	}
	return json.Marshal(answer.answer())
}

func (g Gateway) serve(w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	g.Handler.ServeHTTP(w, r)
	return nil
}

// request makes of the event what an HTTP server would have received. Slack signs the body's bytes, so they are kept
// exactly.
func (e *gatewayEvent) request(ctx context.Context) (*http.Request, error) {
	about := e.RequestContext
	if about.HTTP.Method == "" || !strings.HasPrefix(e.RawPath, "/") {
		return nil, fmt.Errorf("not an event of an HTTP API in format 2.0: %w", treasury.ErrInvalid)
	}
	body := []byte(e.Body)
	if e.IsBase64 {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, fmt.Errorf("reading the body of an API Gateway event: %w", treasury.ErrInvalid)
		}
	}
	path := e.RawPath
	if about.Stage != "" && about.Stage != "$default" {
		// A named stage stands in front of the path.
		if rest, ok := strings.CutPrefix(path, "/"+about.Stage); ok && (rest == "" || rest[0] == '/') {
			path = rest
		}
	}
	target := &url.URL{Path: path, RawQuery: e.RawQueryString}
	if unescaped, err := url.PathUnescape(path); err == nil {
		target.Path, target.RawPath = unescaped, path
	}
	if target.Path == "" {
		target.Path = "/"
	}
	header := make(http.Header, len(e.Headers))
	for name, value := range e.Headers {
		header.Set(name, value)
	}
	if len(e.Cookies) > 0 {
		header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	host := header.Get("Host")
	if host == "" {
		host = about.DomainName
	}
	header.Del("Host")
	r := &http.Request{
		Method: about.HTTP.Method, URL: target, RequestURI: target.RequestURI(), Host: host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		RemoteAddr: net.JoinHostPort(about.HTTP.SourceIP, "0"),
	}
	return r.WithContext(ctx), nil
}

// recorder is the http.ResponseWriter.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
	sent   http.Header // as it was when the status was written
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= 200 {
		r.status, r.sent = status, r.header.Clone()
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

func (r *recorder) answer() gatewayAnswer {
	r.WriteHeader(http.StatusOK)
	body := r.body.Bytes()
	if len(body) > 0 && r.sent.Get("Content-Type") == "" {
		r.sent.Set("Content-Type", http.DetectContentType(body)) // as net/http's server does
	}
	a := gatewayAnswer{Status: r.status, Headers: make(map[string]string, len(r.sent)), Cookies: r.sent.Values("Set-Cookie")}
	for name, values := range r.sent {
		if name != "Set-Cookie" {
			a.Headers[name] = strings.Join(values, ", ")
		}
	}
	if utf8.Valid(body) {
		a.Body = string(body)
		return a
	}
	a.Body, a.IsBase64 = base64.StdEncoding.EncodeToString(body), true
	return a
}
