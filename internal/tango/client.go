// Package tango is the client of Tango Card's RaaS v2 API, one file a resource. It has two ways to Tango that share
// nothing but the address and the credentials:
//
// Reads (reads.go) go over an ordinary client that keeps connections, waits its turn and tries again.
//
// Money (send.go) goes over a connection of its own, once, and whatever comes back is judged: done only when every field
// of the answer fits the order, refused only when Tango says so in its own words, unsent only when no connection was
// ever got. All else is unknown, and stays unknown.
//
// Tango's pages contradict each other in places; what is relied on here, and why, stands beside each rule.
package tango

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Config is what a Client is made of. All fields but the last three must be set.
type Config struct {
	// API is the base address without a slash at the end, such as "https://api.tangocard.com/raas/v2".
	API string
	// Credentials gives the platform's name and key. It is asked at each call, so that a rotated key is used at once.
	Credentials func(ctx context.Context) (name string, key treasury.Secret, err error)
	// Pacer is waited for before each read, tries again included. Transfer leaves the wait to its caller.
	Pacer treasury.Pacer
	// Method of a transfer: "POST" with a JSON body as the reference has it, or "GET" with a query as the older pages
	// have it. Which of the two a platform takes is settled in the sandbox (policy.yaml: tango.transfer).
	Method string
	Clock  func() time.Time
	Log    *slog.Logger
	// RootCAs are the authorities whose certificates are taken; nil is the system's.
	RootCAs *x509.CertPool
	// Dial makes the connections; nil dials the network. The simulation gives pipes.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Jitter gives a random part of a pause before a read is tried again, below most; nil draws it. The simulation gives
	// the same each time.
	Jitter func(most time.Duration) time.Duration
}

// Client reads Tango and moves money there. It is safe for concurrent use.
type Client struct {
	config Config
	reads  *http.Client
}

var (
	_ treasury.Books = (*Client)(nil)
	_ treasury.Mover = (*Client)(nil)
)

// New makes a Client. It makes no call.
func New(config Config) (*Client, error) {
	switch {
	case config.Credentials == nil || config.Pacer == nil || config.Clock == nil || config.Log == nil:
		return nil, errors.New("tango: Credentials, Pacer, Clock and Log must be set")
	case config.Method != http.MethodPost && config.Method != http.MethodGet:
		return nil, fmt.Errorf("tango: transfers by POST or GET, not by %.20q", config.Method)
	}
	if err := checkAddress(config.API); err != nil {
		return nil, err
	}
	if config.Jitter == nil {
		config.Jitter = rand.N[time.Duration]
	}
	return &Client{config: config, reads: readClient(config)}, nil
}

// checkAddress refuses what would change the meaning of a path that is put behind it. Which hosts may be called, and that
// they are called over TLS, is for the settings to say.
func checkAddress(api string) error {
	u, err := url.Parse(api)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return errors.New("tango: API must be an http or https address")
	case u.User != nil:
		return errors.New("tango: API must not carry credentials")
	case strings.ContainsAny(api, "?#"):
		return errors.New("tango: API must not carry a query or a fragment")
	case strings.HasSuffix(api, "/"):
		return errors.New("tango: API must not end in a slash")
	}
	return nil
}

// newRequest makes a request with what every call carries. Its body never has a GetBody, so that net/http can not
// send it a second time on its own account, as TestOrdinaryClientsSendTwice shows: not even a read, whose repetition
// would miss the pace.
func (c *Client) newRequest(ctx context.Context, method, address string, body []byte) (*http.Request, error) {
	name, key, err := c.config.Credentials(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting Tango's credentials: %w: %w", treasury.ErrUnavailable, err)
	}
	if name == "" || !key.IsSet() {
		return nil, fmt.Errorf("getting Tango's credentials: empty: %w", treasury.ErrUnavailable)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, newOnce(body))
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", treasury.ErrInvalid) // err's text has the address
	}
	request.ContentLength = int64(len(body))
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "tangobot")
	request.SetBasicAuth(name, key.Reveal())
	return request, nil
}

func tlsConfig(roots *x509.CertPool) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
}

// onlyHTTP1 keeps HTTP/2 out: it sends requests again that a server refused, whatever their method.
func onlyHTTP1() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	return &p
}

// stay makes the answer of a redirect be the answer. Following one would send the call, and the key, a second time.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
