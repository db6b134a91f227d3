package cardpage

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxForm bounds the body in bytes. A form full to the brim stays below 4 KB.
const maxForm = 8 << 10

// key names a field of the form, as it stands on the wire and in the page.
type key string

// The fields.
const (
	keyNumber  key = "number"
	keyMonth   key = "month"
	keyYear    key = "year"
	keyCode    key = "code"
	keyFirst   key = "first_name"
	keyLast    key = "last_name"
	keyLine1   key = "line1"
	keyLine2   key = "line2"
	keyCity    key = "city"
	keyState   key = "state"
	keyPostal  key = "postal_code"
	keyCountry key = "country"
	keyEmail   key = "email"
)

// keys lists the fields in the order of the page.
func keys() []key {
	return []key{
		keyNumber, keyMonth, keyYear, keyCode, keyFirst, keyLast, keyCountry, keyLine1, keyLine2, keyCity, keyState, keyPostal, keyEmail,
	}
}

// form is what was typed. The values lie in the one buffer that post wipes.
type form map[key][]byte

// isForm takes the one type that the page's form has.
func isForm(types []string) bool {
	if len(types) != 1 {
		return false
	}
	kind, parameters, err := mime.ParseMediaType(types[0])
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return false
	}
	charset, ok := parameters["charset"]
	return len(parameters) == 0 || len(parameters) == 1 && ok && strings.EqualFold(charset, "utf-8")
}

// isOwn tells whether an Origin is this server.
func isOwn(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && host != "" && strings.EqualFold(u.Host, host) && (u.Scheme == "https" || u.Scheme == "http") &&
		u.User == nil && u.Path == "" && u.RawQuery == "" && u.Fragment == ""
}

// readForm reads the body into buffer, which holds maxForm+1 bytes, and takes it apart in place: no copy is made that could
// not be wiped.
func readForm(body io.Reader, buffer []byte) (form, *screen) {
	refuse := func(s screen) (form, *screen) { return nil, &s }
	n, err := io.ReadFull(body, buffer)
	switch {
	case err == nil:
		return refuse(sizeScreen())
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(malformedScreen())
	}
	f, ok := parse(buffer[:n])
	if !ok {
		return refuse(malformedScreen())
	}
	return f, nil
}

// parse takes a form apart in place: exactly the page's fields, each once.
func parse(body []byte) (form, bool) {
	f := make(form, len(keys()))
	for part := range bytes.SplitSeq(body, []byte("&")) {
		name, value, ok := bytes.Cut(part, []byte("="))
		if !ok {
			return nil, false
		}
		k, known := keyNamed(name)
		if _, twice := f[k]; twice || !known {
			return nil, false
		}
		if value, ok = unescape(value); !ok {
			return nil, false
		}
		f[k] = value
	}
	return f, len(f) == len(keys())
}

func keyNamed(name []byte) (key, bool) {
	for _, k := range keys() {
		if string(name) == string(k) {
			return k, true
		}
	}
	return "", false
}

// unescape undoes percent signs and pluses in place. Bytes that a browser would have escaped are refused.
func unescape(b []byte) ([]byte, bool) {
	out := b[:0]
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%':
			if i+2 >= len(b) {
				return nil, false
			}
			high, okHigh := hexDigit(b[i+1])
			low, okLow := hexDigit(b[i+2])
			if !okHigh || !okLow {
				return nil, false
			}
			c, i = high<<4|low, i+2
		case c <= ' ' || c >= 0x7f || c == '=' || c == ';':
			return nil, false
		}
		out = append(out, c)
	}
	return out, utf8.Valid(out)
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
