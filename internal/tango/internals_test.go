package tango

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

func someOrder() treasury.TransferOrder {
	return treasury.TransferOrder{
		Reference: "TB-1", Attempt: "at-1", From: "from-account", To: "to-account", Amount: money.New(1050, "USD"), Notes: "n [at-1]",
		NotBefore: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC),
	}
}

const someAnswer = `{"transferDate":"2026-03-02T10:00:01Z","transferredAmount":10.5,"transferNotes":"n [at-1]","externalRefID":"TB-1",` +
	`"transferFrom":{"accountIdentifier":"from-account","currencyCode":"USD","startingBalance":100,"endingBalance":89.5},` +
	`"transferTo":{"accountIdentifier":"to-account","currencyCode":"USD","startingBalance":0,"endingBalance":10.5}}`

func asJSON() http.Header { return http.Header{"Content-Type": {"application/json; charset=utf-8"}} }

// TestOneShotTransport pins the settings that the replay suite cannot see.
func TestOneShotTransport(t *testing.T) {
	t.Parallel()
	tr := oneShot(t.Context(), &line{}, nil)
	if tr.Proxy != nil || !tr.DisableKeepAlives || !tr.DisableCompression || tr.ForceAttemptHTTP2 || tr.Protocols.HTTP2() ||
		tr.Protocols.UnencryptedHTTP2() || !tr.Protocols.HTTP1() || tr.TLSClientConfig.MinVersion < tls.VersionTLS12 ||
		tr.TLSClientConfig.InsecureSkipVerify || tr.MaxResponseHeaderBytes != maxAnswer {
		t.Errorf("%+v", tr)
	}
}

// TestOneDial: the line is given out once, and not at all when the call has ended.
func TestOneDial(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := listener.Addr().String()
	l := &line{}
	conn, err := l.dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.dial(t.Context(), "tcp", address); !errors.Is(err, errSecondDial) {
		t.Errorf("a second dial: %v", err)
	}
	l.hangUp()
	if _, err := conn.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing after the end: %v", err)
	}
	if _, err := l.dial(t.Context(), "tcp", address); !errors.Is(err, errHungUp) {
		t.Errorf("a dial after the end: %v", err)
	}
	late := &line{}
	if err := late.take(); err != nil {
		t.Fatal(err)
	}
	late.hangUp() // while the dial is under way
	if late.conn != nil {
		t.Error("a connection from nowhere")
	}
}

// TestBodiesCanNotBeSentAgain: neither of a transfer nor of a read, nor is a body known by its type.
func TestBodiesCanNotBeSentAgain(t *testing.T) {
	t.Parallel()
	for _, body := range [][]byte{nil, []byte("{}")} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1", newOnce(body))
		if err != nil {
			t.Fatal(err)
		}
		if request.GetBody != nil || request.Body == nil || request.Body == http.NoBody {
			t.Errorf("body %T, GetBody %t", request.Body, request.GetBody != nil)
		}
	}
}

// TestJudgeConnections: what the count of connections proves, whatever the answer.
func TestJudgeConnections(t *testing.T) {
	t.Parallel()
	good := sent{connections: 1, status: 200, header: asJSON(), body: []byte(someAnswer), whole: true}
	for name, c := range map[string]struct {
		change  func(s *sent)
		verdict treasury.Verdict
		doubt   treasury.Doubt
	}{
		"one":                    {func(*sent) {}, treasury.VerdictDone, ""},
		"two and a success":      {func(s *sent) { s.connections = 2 }, treasury.VerdictUnknown, treasury.DoubtResent},
		"two and no answer":      {func(s *sent) { *s = sent{connections: 2} }, treasury.VerdictUnknown, treasury.DoubtResent},
		"two and a refusal":      {func(s *sent) { s.connections, s.status, s.body = 2, 400, []byte(`{"httpCode":400}`) }, treasury.VerdictUnknown, treasury.DoubtResent},
		"none and an answer":     {func(s *sent) { s.connections = 0 }, treasury.VerdictUnknown, treasury.DoubtResent},
		"none and none":          {func(s *sent) { *s = sent{} }, treasury.VerdictUnsent, ""},
		"one and none":           {func(s *sent) { *s = sent{connections: 1} }, treasury.VerdictUnknown, treasury.DoubtNoAnswer},
		"a success cut off":      {func(s *sent) { s.whole = false }, treasury.VerdictUnknown, treasury.DoubtUnreadable},
		"a refusal":              {func(s *sent) { s.status, s.body = 400, []byte(`{"httpCode":400}`) }, treasury.VerdictRefused, ""},
		"a refusal cut off":      {func(s *sent) { s.status, s.body, s.whole = 400, []byte(`{"httpCode":400}`), false }, treasury.VerdictUnknown, treasury.DoubtStatus},
		"a refusal of no type":   {func(s *sent) { s.status, s.body, s.header = 400, []byte(`{"httpCode":400}`), nil }, treasury.VerdictUnknown, treasury.DoubtStatus},
		"throttled, cut off":     {func(s *sent) { s.status, s.body, s.whole = 429, []byte(`{"httpCode":429}`), false }, treasury.VerdictUnknown, treasury.DoubtStatus},
		"throttled":              {func(s *sent) { s.status, s.body = 429, []byte(`{"httpCode":429}`) }, treasury.VerdictThrottled, ""},
		"a status beyond all":    {func(s *sent) { s.status = 999 }, treasury.VerdictUnknown, treasury.DoubtServer},
		"success without a type": {func(s *sent) { s.header = http.Header{} }, treasury.VerdictUnknown, treasury.DoubtUnreadable},
	} {
		s := good
		c.change(&s)
		if got := judge(someOrder(), s); got.Verdict != c.verdict || got.Doubt != c.doubt {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// FuzzAnswer looks for an answer that passes for done and is not what was asked for, as encoding/json reads it.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(someAnswer))
	f.Add([]byte(strings.Replace(someAnswer, "10.5", "10.50000", 1)))
	f.Add([]byte(strings.Replace(someAnswer, "10.5", "1.05e1", 1)))
	f.Add([]byte(strings.Replace(someAnswer, `"externalRefID"`, `"ExternalRefID"`, 1)))
	f.Add([]byte(someAnswer + someAnswer))
	f.Fuzz(func(t *testing.T, body []byte) {
		o := someOrder()
		a := judge(o, sent{connections: 1, status: 200, header: asJSON(), body: body, whole: true})
		if a.Verdict != treasury.VerdictDone {
			if a.Verdict != treasury.VerdictUnknown || a.Doubt != treasury.DoubtUnreadable && a.Doubt != treasury.DoubtMismatch ||
				(a.Doubt == treasury.DoubtMismatch) != (a.Mismatch != "") || a.Moved != (money.Amount{}) {
				t.Fatalf("%+v", a)
			}
			return
		}
		var seen struct {
			Amount json.RawMessage `json:"transferredAmount"`
			Notes  string          `json:"transferNotes"`
			From   struct {
				ID string `json:"accountIdentifier"`
			} `json:"transferFrom"`
			To struct {
				ID string `json:"accountIdentifier"`
			} `json:"transferTo"`
		}
		if err := json.Unmarshal(body, &seen); err != nil {
			t.Fatalf("done, and encoding/json says %v", err)
		}
		if got, err := money.FromDecimal(string(seen.Amount), "USD"); err != nil || got != o.Amount || a.Moved != o.Amount {
			t.Fatalf("done, and the amount is %s", seen.Amount)
		}
		if seen.Notes != o.Notes || seen.From.ID != o.From || seen.To.ID != o.To {
			t.Fatalf("done, and the answer is %+v", seen)
		}
	})
}

// FuzzError looks for an error answer that breaks the reader, that makes a definite no out of what is no JSON object, or
// whose key could carry something else.
func FuzzError(f *testing.F) {
	for _, body := range []string{
		`{"httpCode":400,"i18nKey":"422.003"}`, `{"httpCode":400,"errors":[{"i18nKey":"422.140","path":"amount"}]}`,
		`{"message":"m","i18nKey":"402.001","i18nTokenReplacements":[]}`, `{"message":"Forbidden"}`, `<html>`, `{"httpCode":4e2}`,
	} {
		f.Add(400, []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		key, own := tangoError(status, asJSON(), body)
		if !own && key != "" || own && !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
			t.Fatalf("key %q, own %t", key, own)
		}
		if key != "" && (len(key) != 7 || key[3] != '.' || strings.Trim(key, "0123456789.") != "") {
			t.Fatalf("key %q", key)
		}
		if own && !json.Valid(body) {
			t.Fatal("own, and not JSON")
		}
		if err := readError(status, asJSON(), body); err == nil {
			t.Fatal("no error")
		}
		switch a := judge(someOrder(), sent{connections: 1, status: status, header: asJSON(), body: body, whole: true}); a.Verdict {
		case treasury.VerdictRefused, treasury.VerdictThrottled:
			if !own {
				t.Fatalf("%+v, and not Tango's own", a)
			}
		case treasury.VerdictDone, treasury.VerdictUnknown, treasury.VerdictUnsent:
		case treasury.VerdictPending, treasury.VerdictDeclined:
			t.Fatalf("a transfer is %s", a.Verdict)
		}
	})
}

// FuzzParse looks for what parse takes and encoding/json does not, or reads in another way.
func FuzzParse(f *testing.F) {
	for _, body := range []string{someAnswer, `[1,"a",null,{"b":[]}]`, `{"a":1,"a":2}`, `"\ud800"`, `1e9`, `{} {}`, `{"a":1,}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parse(body)
		if err != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("taken, and encoding/json says %v", err)
		}
		if _, err := d.Token(); err != io.EOF {
			t.Fatal("taken, and something follows")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}
