package tango_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// rawServer speaks to bare connections. It counts a move once it has read a request to its end, and then does what its
// script says: the moment at which a lost answer is a moved sum.
type rawServer struct {
	moves atomic.Int64 // requests read to their end, in either protocol
	h2    atomic.Int64 // of them, those over HTTP/2
	conns atomic.Int64
	ended chan struct{} // gets a value for each connection whose end was seen

	url    string
	roots  *x509.CertPool // that vouch for it, when it speaks TLS
	script func(c net.Conn, n int64) (again bool)
	frames func(n int64, stream uint32) []byte // the answer to the nth request over HTTP/2

	mu   sync.Mutex
	last []byte // the last HTTP/1 request as it came
	open []net.Conn
}

type rawOptions struct {
	tls     bool
	offerH2 bool
	change  func(*tls.Config)
	script  func(c net.Conn, n int64) (again bool)
	frames  func(n int64, stream uint32) []byte
}

func startRaw(t *testing.T, o rawOptions) *rawServer {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{url: "http://" + listener.Addr().String(), script: o.script, frames: o.frames, ended: make(chan struct{}, 100)}
	if o.tls {
		config, roots := certificate(t)
		config.NextProtos = []string{"http/1.1"}
		if o.offerH2 {
			config.NextProtos = []string{"h2", "http/1.1"}
		}
		if o.change != nil {
			o.change(config)
		}
		s.url, s.roots = "https://"+listener.Addr().String(), roots
		listener = tls.NewListener(listener, config)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.conns.Add(1)
			s.mu.Lock()
			s.open = append(s.open, conn)
			s.mu.Unlock()
			work.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		s.mu.Lock()
		open := slices.Clone(s.open)
		s.mu.Unlock()
		for _, conn := range open {
			_ = conn.Close()
		}
		work.Wait()
	})
	return s
}

// certificate lends the one of httptest, which is for 127.0.0.1 and example.com.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	lender := httptest.NewTLSServer(http.NotFoundHandler())
	defer lender.Close()
	roots := x509.NewCertPool()
	roots.AddCert(lender.Certificate())
	return &tls.Config{Certificates: lender.TLS.Certificates, MinVersion: tls.VersionTLS10}, roots
}

func (s *rawServer) serve(conn net.Conn) {
	defer func() { s.ended <- struct{}{} }()
	defer conn.Close()
	if secure, ok := conn.(*tls.Conn); ok {
		if secure.Handshake() != nil {
			return
		}
		if secure.ConnectionState().NegotiatedProtocol == "h2" {
			s.serveH2(conn)
			return
		}
	}
	var seen bytes.Buffer
	reader := bufio.NewReader(io.TeeReader(conn, &seen))
	for {
		seen.Reset()
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			return
		}
		s.mu.Lock()
		s.last = bytes.Clone(seen.Bytes())
		s.mu.Unlock()
		if !s.script(conn, s.moves.Add(1)) {
			return
		}
	}
}

// The frames of RFC 9113 that are needed here.
const (
	frameData, frameHeaders, frameReset, frameSettings, frameGoAway = 0, 1, 3, 4, 7
	flagEndStream, flagAck, flagEndHeaders                          = 1, 1, 4
	codeProtocolError, codeRefusedStream                            = 1, 7
)

func frame(kind, flags byte, stream uint32, payload ...byte) []byte {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(head, stream), payload...)
}

func resetFrame(stream, code uint32) []byte {
	return frame(frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, code)...)
}

func goAwayFrame(last uint32) []byte {
	return frame(frameGoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), 0)...)
}

// createdFrame answers 201 without a body: a literal header field with the name of HPACK's static entry 8, :status.
func createdFrame(stream uint32) []byte {
	return frame(frameHeaders, flagEndHeaders|flagEndStream, stream, 8, 3, '2', '0', '1')
}

func (s *rawServer) serveH2(conn net.Conn) {
	preface := make([]byte, 24)
	if _, err := io.ReadFull(conn, preface); err != nil {
		return
	}
	if _, err := conn.Write(frame(frameSettings, 0, 0)); err != nil {
		return
	}
	head := make([]byte, 9)
	for {
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(conn, payload); err != nil {
			return
		}
		kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])
		var answer []byte
		switch {
		case kind == frameSettings && flags&flagAck == 0:
			answer = frame(frameSettings, flagAck, 0)
		case (kind == frameHeaders || kind == frameData) && flags&flagEndStream != 0:
			s.h2.Add(1)
			answer = s.frames(s.moves.Add(1), stream)
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// say writes a whole answer and closes.
func say(answer string) func(net.Conn, int64) bool {
	return func(c net.Conn, _ int64) bool {
		_, _ = io.WriteString(c, answer)
		return false
	}
}

// response draws an answer of HTTP/1 with JSON in it.
func response(status int, body string, headers ...string) string {
	head := fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", status, len(body))
	for _, h := range headers {
		head += h + "\r\n"
	}
	return head + "\r\n" + body
}

// cut ends a connection with a reset, under TLS too.
func cut(c net.Conn) {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}
