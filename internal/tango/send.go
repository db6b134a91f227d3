package tango

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"

	"github.com/tangobot/tangobot/internal/treasury"
)

// maxAnswer bounds the answer to a money call, in bytes; a transfer's is below 2,000.
const maxAnswer = 64 << 10

// change is one call that changes something at Tango: how its request is drawn, and what its answer proves.
type change struct {
	draw  func(ctx context.Context) (*http.Request, error)
	judge func(s sent) treasury.Answer
}

// sendOnce makes the call once, in at most treasury.SendTime, and says what is known afterwards. It always returns: a panic
// on the way is an answer too. It neither waits for the pace nor tries again. Every changing call goes through here.
func (c *Client) sendOnce(ctx context.Context, call change) (answer treasury.Answer) {
	ctx, cancel := context.WithTimeout(ctx, treasury.SendTime)
	defer cancel()
	begun := false
	defer func() {
		if recover() == nil { // the panic's value may hold the order
			return
		}
		answer = treasury.Answer{Verdict: treasury.VerdictUnsent}
		if begun {
			answer = treasury.Answer{Verdict: treasury.VerdictUnknown, Doubt: treasury.DoubtNoAnswer}
		}
		defer func() { _ = recover() }() // the log may be what panics
		c.config.Log.ErrorContext(ctx, "money call panicked", "begun", begun)
	}()
	request, err := call.draw(ctx)
	if err != nil {
		c.config.Log.WarnContext(ctx, "money call not sent", "error", err)
		return treasury.Answer{Verdict: treasury.VerdictUnsent}
	}
	defer request.Body.Close() // wipes it
	begun = true
	s := send(ctx, request, c.config)
	if s.failure != "" {
		c.config.Log.WarnContext(ctx, "money call without a whole answer", "failure", s.failure, "connections", s.connections, "status", s.status)
	}
	return call.judge(s)
}

// Transfer moves money between two accounts: POST or GET /transferFunds, as Config.Method says.
func (c *Client) Transfer(ctx context.Context, order treasury.TransferOrder) treasury.Answer {
	return c.sendOnce(ctx, change{
		draw:  func(ctx context.Context) (*http.Request, error) { return c.transferRequest(ctx, order) },
		judge: func(s sent) treasury.Answer { return judge(order, s) },
	})
}

func (c *Client) transferRequest(ctx context.Context, order treasury.TransferOrder) (*http.Request, error) {
	if err := checkOrder(order); err != nil {
		return nil, err
	}
	address := c.config.API + "/transferFunds"
	if c.config.Method == http.MethodGet {
		return c.newRequest(ctx, http.MethodGet, address+"?"+transferQuery(order), nil)
	}
	body, err := transferBody(order)
	if err != nil {
		return nil, err
	}
	return c.jsonRequest(ctx, c.config.Method, address, body)
}

// draw gives a call's path and body. It fails when the order can not be sent.
type draw func() (path string, body []byte, err error)

// post makes a call other than a transfer.
func (c *Client) post(ctx context.Context, d draw, judge func(s sent) treasury.Answer) treasury.Answer {
	return c.sendDrawn(ctx, http.MethodPost, d, judge)
}

// patch makes the one call that is not a POST. It too is sent once: a second one could undo what came between.
func (c *Client) patch(ctx context.Context, d draw, judge func(s sent) treasury.Answer) treasury.Answer {
	return c.sendDrawn(ctx, http.MethodPatch, d, judge)
}

func (c *Client) sendDrawn(ctx context.Context, method string, d draw, judge func(s sent) treasury.Answer) treasury.Answer {
	return c.sendOnce(ctx, change{judge: judge, draw: func(ctx context.Context) (*http.Request, error) {
		path, body, err := d()
		if err != nil {
			return nil, err
		}
		return c.jsonRequest(ctx, method, c.config.API+path, body)
	}})
}

// jsonRequest makes a request with a body of JSON, which it owns from then on.
func (c *Client) jsonRequest(ctx context.Context, method, address string, body []byte) (*http.Request, error) {
	request, err := c.newRequest(ctx, method, address, body)
	if err != nil {
		clear(body)
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	return request, nil
}

// sent is what one send gave.
type sent struct {
	connections int64 // that net/http got for it; 0 proves that no byte left
	status      int   // 0 without an answer
	header      http.Header
	body        []byte
	whole       bool   // body is the whole answer
	failure     string // why it is not, or why there is no answer
}

// send makes the call over a transport of its own. Each setting closes one of the ways in which net/http, a server or the
// environment can make one call into two (TestOrdinaryClientsSendTwice measures them). Nothing of it outlives the return:
// the connection is closed, and bytes that have not left are thrown away.
func send(ctx context.Context, request *http.Request, config Config) (s sent) {
	line := &line{network: config.Dial}
	defer line.hangUp()
	client := &http.Client{CheckRedirect: stay, Transport: oneShot(ctx, line, config.RootCAs)}
	var got atomic.Int64
	defer func() { s.connections = got.Load() }()
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { got.Add(1) }}
	response, err := client.Do(request.WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err != nil {
		s.failure = failure(err)
		return s
	}
	defer response.Body.Close()
	s.status, s.header = response.StatusCode, response.Header
	if s.status < 200 {
		return s // 101: what follows is no answer
	}
	s.body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		s.failure = failure(err)
	case len(s.body) > maxAnswer:
		s.body, s.failure = nil, "answer too long"
	default:
		s.whole = true
	}
	return s
}

// oneShot is a transport for one call.
func oneShot(ctx context.Context, line *line, roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		// net/http lets a dial go on after its call has ended, for the next one. There is none, so ours ends with the call.
		DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
			return line.dial(ctx, network, address)
		},
		Proxy:                  nil,
		Protocols:              onlyHTTP1(),
		ForceAttemptHTTP2:      false,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		TLSClientConfig:        tlsConfig(roots),
		MaxResponseHeaderBytes: maxAnswer,
	}
}

var (
	errSecondDial = errors.New("a money call has one connection")
	errHungUp     = errors.New("the money call has ended")
)

// line is the one connection of a money call.
type line struct {
	network func(ctx context.Context, network, address string) (net.Conn, error) // nil for the real one

	mu     sync.Mutex
	dialed bool
	over   bool
	conn   net.Conn
}

// dial connects, once.
func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := l.take(); err != nil {
		return nil, err
	}
	dial := l.network
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err // failure names it by its kind
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Closing discards what has not left, instead of sending it in the background after the verdict.
		err = tcp.SetLinger(0)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over && err == nil {
		err = errHungUp
	}
	if err != nil {
		_ = conn.Close() // nothing was written to it
		return nil, err
	}
	l.conn = conn
	return conn, nil
}

func (l *line) take() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.over:
		return errHungUp
	case l.dialed:
		return errSecondDial
	}
	l.dialed = true
	return nil
}

// hangUp closes the connection for good, and keeps a dial that is still under way from giving another.
func (l *line) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.conn != nil {
		_ = l.conn.Close() // the end of it is the point
	}
}

// once is a request body that can be read once. It is a type of its own because net/http gives the bodies that it knows a
// GetBody, with which it may send them again; and it is there on a GET too, because a request without a body counts
// as one that may be sent again. It is wiped when the call is over, because it may hold a card: what net/http and TLS
// copied of it on the way out is garbage of theirs.
type once struct {
	mu    sync.Mutex // net/http may still read while the call is being given up
	whole []byte
	rest  []byte
	wiped bool
}

func newOnce(body []byte) io.ReadCloser { return &once{whole: body, rest: body} }

// Read gives what is left. After the wipe that is nothing, and not the end either: zeros are no body.
func (o *once) Read(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case len(o.rest) > 0 && o.wiped:
		return 0, errHungUp
	case len(o.rest) == 0:
		return 0, io.EOF
	}
	n := copy(p, o.rest)
	o.rest = o.rest[n:]
	return n, nil
}

// Close wipes the body.
func (o *once) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.whole)
	o.wiped = true
	return nil
}
