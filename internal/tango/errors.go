package tango

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"

	"github.com/tangobot/tangobot/internal/treasury"
)

// tangoError reads an error answer. It reports whether the body is Tango's own, in either of its two shapes, and the
// i18nKey, which stands at the top or in the first of the listed errors and may be missing:
//
//	ErrorInfo  {timestamp, requestId, path, httpCode, httpPhrase, i18nKey?, message?, errors?: [{i18nKey?, …}]}
//	ErrorDTO   {message, i18nKey, i18nTokenReplacements}
//
// Tango's own means: JSON by its type and by its form, with an httpCode that is the answer's status, or without one but
// with a key. A gateway's {"message": "Forbidden"} is neither: it does not tell what Tango did.
func tangoError(status int, header http.Header, body []byte) (key string, ok bool) {
	if !isJSON(header) {
		return "", false
	}
	v, err := parse(body)
	if err != nil {
		return "", false
	}
	f, err := fieldsOf(v)
	if err != nil {
		return "", false
	}
	key = cleanKey(f)
	if listed := f.objects("errors"); key == "" && len(listed) > 0 {
		key = cleanKey(listed[0])
	}
	code := f.get("httpCode")
	if f.failed() != nil {
		return "", false
	}
	if code == nil {
		return key, key != ""
	}
	number, isNumber := code.(json.Number)
	if !isNumber || number.String() != strconv.Itoa(status) {
		return "", false
	}
	return key, true
}

// cleanKey gives the object's i18nKey if it has the form of one, such as "422.050". The key is shown and logged, so
// nothing else passes for it.
func cleanKey(f *fields) string {
	key, _ := f.optional("i18nKey")
	whole, part, _ := strings.Cut(key, ".")
	if len(whole) != 3 || len(part) != 3 || strings.Trim(whole+part, "0123456789") != "" {
		return ""
	}
	return key
}

func isJSON(header http.Header) bool {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}

// requestID gives X-REQUEST-ID, the handle of Tango's support, if it has the form of an identifier.
func requestID(header http.Header) string {
	id := header.Get("X-REQUEST-ID")
	odd := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("-_.:=", r)
	}
	if len(id) > 100 || strings.ContainsFunc(id, odd) {
		return ""
	}
	return id
}

// readError makes the error of a read whose answer is not a 200.
func readError(status int, header http.Header, body []byte) error {
	key, own := tangoError(status, header, body)
	refusal := &treasury.Refusal{Status: status, Key: key, Request: requestID(header)}
	switch {
	case status == http.StatusUnauthorized:
		return refusal // whoever said so: the key is not taken
	case status == http.StatusTooManyRequests:
		return fmt.Errorf("status 429, key %q: %w", key, treasury.ErrBusy)
	case status < 400 || status >= 500 || !own:
		return fmt.Errorf("status %d, request %q: %w", status, refusal.Request, treasury.ErrUnavailable)
	case strings.HasPrefix(key, "404.") && status != http.StatusNotFound:
		// The key's prefix is not the status: a list of an unknown customer's accounts has no 404 on Tango's pages.
		return fmt.Errorf("%w: %w", treasury.ErrNotFound, refusal)
	}
	return refusal
}

// failure names what went wrong with a call that has no answer. The text of net/http's errors has the address, the query
// or the first bytes of the answer in it, so it goes no further than here.
func failure(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "time over"
	case isA[*net.DNSError](err):
		return "host not found"
	case isA[*tls.CertificateVerificationError](err):
		return "certificate not trusted"
	case isA[tls.RecordHeaderError](err), isA[tls.AlertError](err):
		return "no TLS"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed"
	}
	return "connection failed"
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
