package tango_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/treasury"
)

// scenario is what a server does with the first request that it has read to its end. To a second one it would say
// yes: a client that sends again shows as two moves and a success.
type scenario struct {
	name string
	do   func(c net.Conn, giveUp func())
	want treasury.Answer
}

func html(status string) func(net.Conn, func()) {
	return write("HTTP/1.1 " + status + "\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>")
}

func write(answer string) func(net.Conn, func()) {
	return func(c net.Conn, _ func()) { _, _ = io.WriteString(c, answer) }
}

func statusOf(a treasury.Answer, status int) treasury.Answer {
	a.Status = status
	return a
}

func redirect(status, location string) func(net.Conn, func()) {
	return write("HTTP/1.1 " + status + "\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n")
}

func scenarios() []scenario {
	lost := unknown(treasury.DoubtNoAnswer)
	unreadable := func(status int) treasury.Answer { return statusOf(unknown(treasury.DoubtUnreadable), status) }
	odd := func(status int) treasury.Answer { return statusOf(unknown(treasury.DoubtStatus), status) }
	moved := func(status int) treasury.Answer { return statusOf(unknown(treasury.DoubtRedirect), status) }
	broken := func(status int) treasury.Answer { return statusOf(unknown(treasury.DoubtServer), status) }
	started := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	return []scenario{
		{"orderly close after execution", write(""), lost},
		{"reset after execution", func(c net.Conn, _ func()) { cut(c) }, lost},
		{"silent until the caller gives up", silent, lost},
		{"garbage", write("<<< not HTTP >>>\r\n\r\n"), lost},
		{"an HTTP/2 preface", func(c net.Conn, _ func()) { _, _ = c.Write(frame(frameSettings, 0, 0)) }, lost},
		{"half a status line", write("HTTP/1.1 20"), lost},
		{"half of the headers", write("HTTP/1.1 200 OK\r\nContent-Ty"), lost},
		{"headers without end", write("HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("x", 100<<10)), lost},
		{"reset within the headers", func(c net.Conn, _ func()) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"); cut(c) }, lost},
		{"100 and close", write("HTTP/1.1 100 Continue\r\n\r\n"), lost},
		{"100 three times and reset", func(c net.Conn, _ func()) {
			_, _ = io.WriteString(c, strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 3))
			cut(c)
		}, lost},
		{"100 without end", write(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 9000)), lost},
		{"101 and silence", write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"), odd(101)},
		{"103 and then yes", write("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + response(200, goodAnswer)), done(200, "")},
		{"301 to itself", redirect("301 Moved Permanently", "/transferFunds"), moved(301)},
		{"302 to itself", redirect("302 Found", "/transferFunds"), moved(302)},
		{"303 to itself", redirect("303 See Other", "/transferFunds"), moved(303)},
		{"307 to itself", redirect("307 Temporary Redirect", "/transferFunds"), moved(307)},
		{"308 to itself", redirect("308 Permanent Redirect", "/transferFunds"), moved(308)},
		{"304", write("HTTP/1.1 304 Not Modified\r\n\r\n"), moved(304)},
		{"half of the body", write(started + "Content-Length: 5000\r\n\r\n" + goodAnswer[:200]), unreadable(200)},
		{"the whole answer, but promised longer", write(started + "Content-Length: 5000\r\n\r\n" + goodAnswer), unreadable(200)},
		{"chunks without an end", write(started + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"tra\r\n"), unreadable(200)},
		{"reset within the body", func(c net.Conn, _ func()) {
			_, _ = io.WriteString(c, started+"Content-Length: 5000\r\n\r\n"+goodAnswer[:200])
			cut(c)
		}, unreadable(200)},
		{"a body without end", func(c net.Conn, _ func()) {
			_, _ = io.WriteString(c, started+"\r\n")
			space := bytes.Repeat([]byte(" "), 32<<10)
			for range 1000 {
				if _, err := c.Write(space); err != nil {
					return
				}
			}
		}, unreadable(200)},
		{"64 KiB and one", write(response(200, goodAnswer+strings.Repeat(" ", 64<<10+1-len(goodAnswer)))), unreadable(200)},
		{"64 KiB", write(response(200, goodAnswer+strings.Repeat(" ", 64<<10-len(goodAnswer)))), done(200, "")},
		{"no body", write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"), unreadable(200)},
		{"compressed", write(response(200, "\x1f\x8b\x08", "Content-Encoding: gzip")), unreadable(200)},
		{"yes as a page", write("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + goodAnswer), unreadable(200)},
		{"yes twice on one connection", write(response(201, goodAnswer) + response(200, goodAnswer)), done(201, "")},
		{"202", write(response(202, goodAnswer)), odd(202)},
		{"204", write("HTTP/1.1 204 No Content\r\n\r\n"), odd(204)},
		{"206", write(response(206, goodAnswer)), odd(206)},
		{"400 as a page", html("400 Bad Request"), odd(400)},
		{"401 as a page", html("401 Unauthorized\r\nWWW-Authenticate: Basic realm=x"), odd(401)},
		{"407", html("407 Proxy Authentication Required"), odd(407)},
		{"408", html("408 Request Timeout"), odd(408)},
		{"421", html("421 Misdirected Request"), odd(421)},
		{"425", html("425 Too Early"), odd(425)},
		{"429 as a page", html("429 Too Many Requests\r\nRetry-After: 0"), odd(429)},
		{"500", html("500 Internal Server Error"), broken(500)},
		{"502", html("502 Bad Gateway"), broken(502)},
		{"503 with an invitation to retry", html("503 Service Unavailable\r\nRetry-After: 0"), broken(503)},
		{"504 and reset", func(c net.Conn, _ func()) {
			_, _ = io.WriteString(c, "HTTP/1.1 504 X\r\nContent-Length: 9\r\n\r\n")
			cut(c)
		}, broken(504)},
		{"yes", write(response(200, goodAnswer)), done(200, "")},
	}
}

// silent says nothing more, lets the caller give up and waits until it has gone.
func silent(c net.Conn, giveUp func()) {
	giveUp()
	_, _ = io.Copy(io.Discard, c)
}

// TestOneSendWhateverComesBack is the replay suite: each way of failing, over each method, plain and under TLS with a
// server that would rather speak HTTP/2.
func TestOneSendWhateverComesBack(t *testing.T) {
	t.Parallel()
	t.Logf("%d scenarios, each over two methods, plain and under TLS", len(scenarios()))
	for _, over := range []struct {
		name string
		tls  bool
	}{{"plain", false}, {"TLS", true}} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			for _, sc := range scenarios() {
				t.Run(method+" "+over.name+" "+sc.name, func(t *testing.T) {
					t.Parallel()
					ctx, giveUp := context.WithCancel(t.Context())
					defer giveUp()
					s := startRaw(t, rawOptions{tls: over.tls, offerH2: true, script: func(c net.Conn, n int64) bool {
						if n > 1 {
							return say(response(201, goodAnswer))(c, n)
						}
						sc.do(c, giveUp)
						return false
					}, frames: func(_ int64, stream uint32) []byte { return resetFrame(stream, codeProtocolError) }})
					client := newClient(t, s.url, func(c *tango.Config) { c.Method, c.RootCAs = method, s.roots })
					got := client.Transfer(ctx, order())
					if diff := cmp.Diff(sc.want, got); diff != "" {
						t.Errorf("verdict (-want +got):\n%s", diff)
					}
					if moves, conns := s.moves.Load(), s.conns.Load(); moves != 1 || conns != 1 || s.h2.Load() != 0 {
						t.Errorf("%d moves over %d connections, %d of them by HTTP/2; want one, by HTTP/1", moves, conns, s.h2.Load())
					}
				})
			}
		}
	}
}

// TestHTTP2IsNotSpoken: what an HTTP/2 server can answer so that net/http sends again is never asked for, whether the server
// prefers HTTP/2 or offers nothing else. TestOrdinaryClientsSendTwice shows what these frames do to Go's own client.
func TestHTTP2IsNotSpoken(t *testing.T) {
	t.Parallel()
	const internal, cancelled, calm = 2, 8, 11 // error codes of RFC 9113 beside those above
	for offer, protocols := range map[string][]string{"preferred": {"h2", "http/1.1"}, "alone": {"h2"}} {
		for name, frames := range map[string]func(stream uint32) []byte{
			"PROTOCOL_ERROR":       func(stream uint32) []byte { return resetFrame(stream, codeProtocolError) },
			"REFUSED_STREAM":       func(stream uint32) []byte { return resetFrame(stream, codeRefusedStream) },
			"INTERNAL_ERROR":       func(stream uint32) []byte { return resetFrame(stream, internal) },
			"CANCEL":               func(stream uint32) []byte { return resetFrame(stream, cancelled) },
			"ENHANCE_YOUR_CALM":    func(stream uint32) []byte { return resetFrame(stream, calm) },
			"GOAWAY":               func(uint32) []byte { return goAwayFrame(0) },
			"GOAWAY of the stream": goAwayFrame,
			"yes":                  createdFrame,
		} {
			for _, method := range []string{http.MethodPost, http.MethodGet} {
				t.Run(method+" HTTP2 "+offer+" "+name, func(t *testing.T) {
					t.Parallel()
					s := startRaw(t, rawOptions{
						tls: true, change: func(c *tls.Config) { c.NextProtos = protocols }, script: say(response(201, goodAnswer)),
						frames: func(_ int64, stream uint32) []byte { return frames(stream) },
					})
					client := newClient(t, s.url, func(c *tango.Config) { c.Method, c.RootCAs = method, s.roots })
					if diff := cmp.Diff(done(201, ""), client.Transfer(t.Context(), order())); diff != "" {
						t.Errorf("verdict (-want +got):\n%s", diff)
					}
					if moves, conns := s.moves.Load(), s.conns.Load(); moves != 1 || conns != 1 || s.h2.Load() != 0 {
						t.Errorf("%d moves over %d connections, %d of them by HTTP/2; want one, by HTTP/1", moves, conns, s.h2.Load())
					}
				})
			}
		}
	}
}

// TestSilenceEndsWithTheDeadline: the call ends by its own time, before an answer and within one.
func TestSilenceEndsWithTheDeadline(t *testing.T) {
	t.Parallel()
	half := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n" + goodAnswer[:200]
	for name, c := range map[string]struct {
		said string
		want treasury.Answer
	}{
		"before the answer": {"", unknown(treasury.DoubtNoAnswer)},
		"within the answer": {half, statusOf(unknown(treasury.DoubtUnreadable), 200)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startRaw(t, rawOptions{script: func(conn net.Conn, _ int64) bool {
				_, _ = io.WriteString(conn, c.said)
				silent(conn, func() {})
				return false
			}})
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if diff := cmp.Diff(c.want, newClient(t, s.url, nil).Transfer(ctx, order())); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
			if n := s.moves.Load(); n != 1 {
				t.Errorf("%d moves, want one", n)
			}
		})
	}
}

// TestCallIsBoundBySendTime: a caller without a deadline gets one.
func TestCallIsBoundBySendTime(t *testing.T) {
	t.Parallel()
	var left time.Duration
	client := newClient(t, "http://127.0.0.1", func(c *tango.Config) {
		c.Credentials = func(ctx context.Context) (string, treasury.Secret, error) {
			at, _ := ctx.Deadline()
			left = time.Until(at)
			return "", treasury.Secret{}, context.Canceled
		}
	})
	client.Transfer(t.Context(), order())
	if left <= 0 || left > treasury.SendTime {
		t.Errorf("%s left at the start of the call, want at most %s", left, treasury.SendTime)
	}
}

// TestUnsent: without a connection no byte left, and that alone is proof.
func TestUnsent(t *testing.T) {
	t.Parallel()
	yes := say(response(200, goodAnswer))
	cases := []struct {
		name  string
		setup func(t *testing.T, c *tango.Config) (context.Context, *rawServer)
	}{
		{"connection refused", func(t *testing.T, c *tango.Config) (context.Context, *rawServer) {
			t.Helper()
			l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			c.API = "http://" + l.Addr().String()
			_ = l.Close()
			return t.Context(), nil
		}},
		{"no such host", func(t *testing.T, c *tango.Config) (context.Context, *rawServer) {
			t.Helper()
			c.API = "http://no..such.host" // no name at all: the resolver says so without asking anybody
			return t.Context(), nil
		}},
		{"authority not trusted", func(t *testing.T, c *tango.Config) (context.Context, *rawServer) {
			t.Helper()
			s := startRaw(t, rawOptions{tls: true, script: yes})
			c.API = s.url
			return t.Context(), s
		}},
		{"certificate of another name", func(t *testing.T, c *tango.Config) (context.Context, *rawServer) {
			t.Helper()
			s := startRaw(t, rawOptions{tls: true, script: yes})
			c.API, c.RootCAs = strings.Replace(s.url, "127.0.0.1", "localhost", 1), s.roots
			return t.Context(), s
		}},
		{"TLS 1.1", func(t *testing.T, c *tango.Config) (context.Context, *rawServer) {
			t.Helper()
			s := startRaw(t, rawOptions{tls: true, script: yes, change: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }})
			c.API, c.RootCAs = s.url, s.roots
			return t.Context(), s
		}},
		{"TLS spoken to a plain server", func(t *testing.T, c *tango.Config) (context.Context, *rawServer) {
			t.Helper()
			s := startRaw(t, rawOptions{script: yes})
			c.API = strings.Replace(s.url, "http:", "https:", 1)
			return t.Context(), s
		}},
		{"given up within the handshake", func(t *testing.T, c *tango.Config) (context.Context, *rawServer) {
			t.Helper()
			ctx, giveUp := context.WithCancel(t.Context())
			s := startRaw(t, rawOptions{tls: true, script: yes, change: func(c *tls.Config) {
				c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
					silent(hello.Conn, giveUp)
					return nil, nil
				}
			}})
			c.API, c.RootCAs = s.url, s.roots
			return ctx, s
		}},
		{"cancelled before", func(t *testing.T, c *tango.Config) (context.Context, *rawServer) {
			t.Helper()
			s := startRaw(t, rawOptions{script: yes})
			c.API = s.url
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx, s
		}},
		{"deadline before", func(t *testing.T, c *tango.Config) (context.Context, *rawServer) {
			t.Helper()
			s := startRaw(t, rawOptions{script: yes})
			c.API = s.url
			ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
			t.Cleanup(cancel)
			return ctx, s
		}},
	}
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		for _, c := range cases {
			t.Run(method+" "+c.name, func(t *testing.T) {
				t.Parallel()
				var ctx context.Context
				var s *rawServer
				client := newClient(t, "http://127.0.0.1", func(config *tango.Config) {
					config.Method = method
					ctx, s = c.setup(t, config)
				})
				if diff := cmp.Diff(treasury.Answer{Verdict: treasury.VerdictUnsent}, client.Transfer(ctx, order())); diff != "" {
					t.Errorf("verdict (-want +got):\n%s", diff)
				}
				if s != nil && s.moves.Load() != 0 {
					t.Errorf("%d moves, and the verdict is that nothing was sent", s.moves.Load())
				}
				if s != nil && s.conns.Load() > 0 {
					<-s.ended // a handshake does not outlive the call either
				}
			})
		}
	}
}

// TestPooledConnectionsAreNotUsed: connections that were kept for reads or by earlier transfers carry no transfer, so
// that none can be found dead by one.
func TestPooledConnectionsAreNotUsed(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			account := `{"accountIdentifier":"abcde","status":"ACTIVE","currencyCode":"USD","currentBalance":1}`
			s := startRaw(t, rawOptions{script: func(c net.Conn, n int64) bool {
				switch n {
				case 1:
					_, _ = io.WriteString(c, response(200, account))
				case 2:
					_, _ = io.WriteString(c, response(200, goodAnswer))
				case 3:
					return false // carried out, and closed
				default:
					_, _ = io.WriteString(c, response(201, goodAnswer))
				}
				return true
			}})
			client := newClient(t, s.url, func(c *tango.Config) { c.Method = method })
			if _, err := client.Account(t.Context(), "abcde"); err != nil {
				t.Fatal(err)
			}
			if got := client.Transfer(t.Context(), order()); got.Verdict != treasury.VerdictDone {
				t.Fatalf("first transfer: %+v", got)
			}
			if diff := cmp.Diff(unknown(treasury.DoubtNoAnswer), client.Transfer(t.Context(), order())); diff != "" {
				t.Errorf("second transfer (-want +got):\n%s", diff)
			}
			if moves, conns := s.moves.Load(), s.conns.Load(); moves != 3 || conns != 3 {
				t.Errorf("%d requests over %d connections, want three over three", moves, conns)
			}
		})
	}
}

// TestConnectionEndsWithTheCall: nothing can arrive, or be sent, after the verdict.
func TestConnectionEndsWithTheCall(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{"answered": response(200, goodAnswer), "switched": "HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startRaw(t, rawOptions{script: func(c net.Conn, _ int64) bool {
				_, _ = io.WriteString(c, answer)
				_, err := io.Copy(io.Discard, c) // until the client ends it
				return err == nil
			}})
			newClient(t, s.url, nil).Transfer(t.Context(), order())
			<-s.ended
		})
	}
}

// TestRedirectReachesNobody: neither the order nor the key goes to where a redirect points.
func TestRedirectReachesNobody(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"301 X", "302 X", "303 X", "307 X", "308 X"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			other := startRaw(t, rawOptions{script: say(response(200, goodAnswer))})
			s := startRaw(t, rawOptions{script: func(c net.Conn, _ int64) bool {
				redirect(status, other.url+"/transferFunds")(c, nil)
				return false
			}})
			client := newClient(t, s.url, nil)
			client.Transfer(t.Context(), order())
			if _, err := client.Account(t.Context(), "abcde"); err == nil {
				t.Error("a redirected read succeeded")
			}
			if n := other.conns.Load(); n != 0 {
				t.Errorf("%d connections to the other server", n)
			}
		})
	}
}

// TestOrdinaryClientsSendTwice shows that the servers above do catch a client that sends again: what Go's own client does.
func TestOrdinaryClientsSendTwice(t *testing.T) {
	t.Parallel()
	call := func(t *testing.T, s *rawServer, method string, h2 bool) {
		t.Helper()
		var p http.Protocols
		p.SetHTTP1(true)
		p.SetHTTP2(h2)
		transport := &http.Transport{Protocols: &p, TLSClientConfig: &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}}
		defer transport.CloseIdleConnections()
		for range 2 {
			request, err := http.NewRequestWithContext(t.Context(), method, s.url+"/transferFunds", strings.NewReader(""))
			if err != nil {
				t.Fatal(err)
			}
			response, err := (&http.Client{Transport: transport}).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
	}
	t.Run("GET on a pooled connection that is closed after execution", func(t *testing.T) {
		t.Parallel()
		s := startRaw(t, rawOptions{script: func(c net.Conn, n int64) bool {
			if n == 2 {
				return false
			}
			_, _ = io.WriteString(c, response(201, "{}"))
			return true
		}})
		call(t, s, http.MethodGet, false)
		if n := s.moves.Load(); n != 3 {
			t.Errorf("%d moves for two calls, want three", n)
		}
	})
	for name, fault := range map[string]func(uint32) []byte{
		"PROTOCOL_ERROR": func(stream uint32) []byte { return resetFrame(stream, codeProtocolError) },
		"REFUSED_STREAM": func(stream uint32) []byte { return resetFrame(stream, codeRefusedStream) },
		"GOAWAY":         func(uint32) []byte { return goAwayFrame(0) },
	} {
		t.Run("POST over HTTP/2 answered with "+name, func(t *testing.T) {
			t.Parallel()
			s := startRaw(t, rawOptions{tls: true, offerH2: true, frames: func(n int64, stream uint32) []byte {
				if n == 1 {
					return fault(stream)
				}
				return createdFrame(stream)
			}})
			call(t, s, http.MethodPost, true)
			if n := s.moves.Load(); n != 3 || s.h2.Load() != 3 {
				t.Errorf("%d moves for two calls, %d of them over HTTP/2; want three", n, s.h2.Load())
			}
		})
	}
}
