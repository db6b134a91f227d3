package simulation

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tangobot/tangobot/internal/cardpage"
)

// line is where the simulated Tango listens: connections are pipes, HTTP on both ends is real.
type line struct {
	world  *world
	server *http.Server
	calls  chan net.Conn
	done   chan struct{}
	once   sync.Once
}

func listen(w *world) *line {
	l := &line{world: w, calls: make(chan net.Conn), done: make(chan struct{})}
	l.server = &http.Server{
		Handler: tangoGate{w}, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		ReadHeaderTimeout: time.Minute,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c.(*conn).from)
		},
	}
	go func() { _ = l.server.Serve(l) }() // it ends when the line is closed
	return l
}

type connKey struct{}

func (l *line) Accept() (net.Conn, error) {
	select {
	case c := <-l.calls:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *line) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *line) Addr() net.Addr { return address{} }

func (l *line) close() { _ = l.server.Close() }

type address struct{}

func (address) Network() string { return "pipe" }
func (address) String() string  { return "pipe" }

// conn is one end of a connection, and knows who dialled.
type conn struct {
	net.Conn
	from *instance
}

// dial connects an instance to Tango.
func (i *instance) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	f, ok := i.world.gate(ctx, effectOf(ctx, "dial", dialFails))
	if !ok {
		return nil, ctx.Err()
	}
	if f == dialFails {
		return nil, errors.New("connection refused")
	}
	here, there := net.Pipe()
	ours := &conn{here, i}
	i.world.mu.Lock()
	i.conns = append(i.conns, ours)
	i.world.mu.Unlock()
	select {
	case i.world.line.calls <- &conn{there, i}:
		return ours, nil
	case <-i.world.line.done:
		return nil, net.ErrClosed
	}
}

// hangUp breaks the connections of an instance that dies.
func (i *instance) hangUp() {
	i.world.mu.Lock()
	list := slices.Clone(i.conns)
	i.conns = nil
	i.world.mu.Unlock()
	for _, c := range list {
		_ = c.Close()
	}
}

// slackWire carries calls to the simulated workspace.
type slackWire struct{ world *world }

// RoundTrip makes the call, or loses it or its answer.
func (s slackWire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	method := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	if strings.Contains(r.URL.Path, "/response/") {
		method = "response_url"
	}
	f, ok := s.world.gate(r.Context(), effectOf(r.Context(), "slack "+method, slackFails, slackLost, slackLimits))
	switch {
	case !ok:
		return nil, r.Context().Err()
	case f == slackFails:
		return nil, io.ErrUnexpectedEOF
	case f == slackLimits:
		return &http.Response{
			StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"2"}, "Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(`{"ok":false,"error":"ratelimited"}`)), Request: r,
		}, nil
	}
	rec := httptest.NewRecorder()
	inner := r.Clone(r.Context())
	inner.Body, inner.RequestURI = io.NopCloser(bytes.NewReader(body)), r.URL.RequestURI()
	s.world.slack.ServeHTTP(rec, inner)
	if f == slackLost {
		return nil, io.ErrUnexpectedEOF
	}
	response := rec.Result()
	response.Request = r
	return response, nil
}

// door is API Gateway: it starts a function for each request of Slack.
type door struct{ world *world }

// RoundTrip delivers a request, perhaps twice, and gives the function's answer.
func (d door) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	kind := map[string]function{
		"/slack/commands": commands, "/slack/interactions": interactions, "/slack/options": interactions, "/slack/events": home,
	}[r.URL.Path]
	return d.world.enter(r.Context(), kind, r, body)
}

// enter runs a function for a request from outside.
func (w *world) enter(ctx context.Context, kind function, r *http.Request, body []byte) (*http.Response, error) {
	f, ok := w.gate(ctx, &effect{
		who: ctx.Value(whoKey{}).(string), order: 1 << 20, what: "delivers to " + kind.name, faults: []fault{deliverTwice, deliverLost},
	})
	switch {
	case !ok:
		return nil, ctx.Err()
	case f == deliverLost:
		return refused(r), nil
	}
	if f == deliverTwice {
		w.serve(kind, r, body).meets(deliverTwice) //nolint:contextcheck // a function has a context of its own
	}
	rec, ended := httptest.NewRecorder(), make(chan bool, 1)
	one := w.serveTo(kind, r, body, rec, ended) //nolint:contextcheck // the same
	if f == deliverTwice {
		one.meets(deliverTwice)
	}
	select {
	case alive := <-ended:
		if !alive {
			return refused(r), nil
		}
		response := rec.Result()
		response.Request = r
		return response, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// refused is what API Gateway says of a function that died.
func refused(r *http.Request) *http.Response {
	return &http.Response{
		StatusCode: http.StatusBadGateway, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("Bad Gateway")), Request: r,
	}
}

func (w *world) serve(kind function, r *http.Request, body []byte) *invocation {
	return w.serveTo(kind, r, body, httptest.NewRecorder(), make(chan bool, 1))
}

func (w *world) serveTo(kind function, r *http.Request, body []byte, rec *httptest.ResponseRecorder, ended chan<- bool) *invocation {
	run := func(ctx context.Context, i *instance) error {
		one := httptest.NewRequestWithContext(ctx, r.Method, r.URL.Path, bytes.NewReader(body))
		one.Header = r.Header.Clone()
		one.RemoteAddr = "192.0.2.7:4711"
		switch {
		case r.URL.Path == "/slack/commands":
			i.edge.Commands(rec, one)
		case r.URL.Path == "/slack/interactions":
			i.edge.Interactions(rec, one)
		case r.URL.Path == "/slack/options":
			i.edge.Options(rec, one)
		case r.URL.Path == "/slack/events":
			i.edge.Events(rec, one)
		case strings.HasPrefix(r.URL.Path, cardpage.Path):
			i.page.ServeHTTP(rec, one)
		default:
			return errors.New("no such route")
		}
		return nil
	}
	return w.invoke(kind, run, func(error) { ended <- true }, func() { ended <- false })
}

type whoKey struct{}
