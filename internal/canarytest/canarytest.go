// Package canarytest holds the secrets that tests use, and finds them wherever they should not be: in logs, answers, queues,
// tables and files, in any spelling that a careless line of code could give them.
//
// The secrets are long and of no other use, so that a find is never chance. One place has them all, so that each harness
// looks for those of every other too. Where the wire rightly carries a secret (a signature's key never does, a card's number
// does on its one way to Tango), that is no output, and nobody looks there.
package canarytest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// The secrets of the tests.
const (
	SigningSecret = "canary-signing-secret-5f1e9c"
	BotToken      = "xoxb-canary-token-7c2d41" //nolint:gosec // it opens nothing
	PlatformKey   = "canary-platform-key-9ab36e"

	// CardNumber passes the Luhn check and is no test card: the simulated Tango refuses it, and repeats it in its error.
	CardNumber = "4929175830462719"
	// TakenNumber is one that the simulated Tango takes.
	TakenNumber = "378282246310005"
	// SandboxNumber is the one that everybody types in Tango's sandbox. The playground's page names it to people.
	SandboxNumber = "4111111111111111"
	// CardCode has four digits, as those on American Express cards; see FindCode.
	CardCode = "7391"
)

// all are the secrets with the names by which a find is told: the test's output must not have the secret itself.
func all() map[string]string {
	return map[string]string{
		"signing secret": SigningSecret, "bot token": BotToken, "platform key": PlatformKey,
		"card number": CardNumber, "card number that is taken": TakenNumber, "sandbox's card number": SandboxNumber,
	}
}

// Find names the secrets that stand in data, each with the form in which it stands there. more are further secrets, such as
// a link that a test was given.
func Find(data []byte, more ...string) []string {
	secrets := all()
	for i, s := range more {
		secrets[fmt.Sprintf("further secret %d", i+1)] = s
	}
	return find(data, secrets)
}

// FindBut is Find for a text that rightly has one of the secrets.
func FindBut(data []byte, but string) []string {
	secrets := all()
	maps.DeleteFunc(secrets, func(_, secret string) bool { return secret == but })
	return find(data, secrets)
}

// Check fails the test for each secret that stands in what was written to a place.
func Check(tb testing.TB, place string, data []byte, more ...string) {
	tb.Helper()
	for _, what := range Find(data, more...) {
		tb.Errorf("the %s stands in the %s", what, place)
	}
}

// Watch passes on what is written, and fails the test at once for each secret in it. Each write must be whole, as a line of
// a log is.
func Watch(tb testing.TB, place string, to io.Writer) io.Writer {
	tb.Helper()
	return watch{tb, place, to}
}

type watch struct {
	tb    testing.TB
	place string
	to    io.Writer
}

func (w watch) Write(line []byte) (int, error) {
	Check(w.tb, w.place, line)
	return w.to.Write(line)
}

// FindCode reports whether the card's code stands in data, alone: four digits inside a longer number are chance.
func FindCode(data []byte) bool {
	return code.Match(data) || bytes.Contains(data, []byte(spell(CardCode)))
}

var code = regexp.MustCompile(`(?:^|[^0-9A-Za-z.+/_-])` + CardCode + `(?:[^0-9A-Za-z]|$)`)

func find(data []byte, secrets map[string]string) []string {
	found := map[string]bool{}
	data = bytes.ReplaceAll(data, make([]byte, 32), nil) // a data file is empty for the most part
	views := map[string][]byte{"": data}
	for encoding, decoded := range decodings(data) {
		views[encoding] = decoded
		for again, twice := range decodings(decoded) { // a job's body lies in the data file as base64, of JSON with base64 in it
			views[encoding+again] = twice
		}
	}
	for how, view := range views {
		letters, digits := squeeze(view)
		for name, secret := range secrets {
			squeezed, number := squeeze([]byte(secret))
			switch {
			case bytes.Contains(view, []byte(secret)):
				found[name+how] = true
			case isNumber(secret) && bytes.Contains(digits, number), !isNumber(secret) && bytes.Contains(letters, squeezed):
				found[name+", spelt otherwise,"+how] = true
			case bytes.Contains(digits, bytes.ReplaceAll([]byte(spell(secret)), []byte(" "), nil)):
				found[name+", as a list of bytes,"+how] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// decodings gives what data says when it is read in each encoding.
func decodings(data []byte) map[string][]byte {
	views := map[string][]byte{}
	if plain := unescape(data); !bytes.Equal(plain, data) {
		views[" escaped"] = plain
	}
	for _, run := range runs(data, (8*shortest+5)/6, isBase64) {
		if bytes.Equal(run, bytes.ToLower(run)) || bytes.Equal(run, bytes.ToUpper(run)) {
			continue // words: base64 of a text has letters of both sizes
		}
		run = bytes.Map(func(r rune) rune {
			switch r {
			case '-':
				return '+'
			case '_':
				return '/'
			}
			return r
		}, run)
		for shift := range 4 { // where an encoding begins inside a longer run, nobody knows
			part := run[shift:]
			if len(part)%4 == 1 {
				part = part[:len(part)-1]
			}
			decoded := make([]byte, len(part))
			if n, err := base64.RawStdEncoding.Decode(decoded, part); err == nil {
				views[" in base64"] = append(views[" in base64"], legible(decoded[:n])...)
			}
		}
	}
	for _, run := range runs(data, 2*shortest, isHex) {
		for shift := range 2 {
			decoded := make([]byte, len(run)/2)
			if n, err := hex.Decode(decoded, run[shift:len(run)-(len(run)-shift)%2]); err == nil {
				views[" in hex"] = append(views[" in hex"], legible(decoded[:n])...)
			}
		}
	}
	return views
}

// shortest is the length of the shortest secret less one: what is shorter needs no decoding.
const shortest = 14

// legible leaves of decoded bytes what could be text: words that were no encoding give noise.
func legible(decoded []byte) []byte {
	return append(bytes.Join(runs(decoded, 8, isText), []byte("\n")), '\n')
}

// runs gives the parts of data of at least so many bytes that are all of a kind. The race detector, which would make it
// slower by ten times, is kept out of this and of the other loops over bytes: nobody shares what they look at.
//
//go:norace
func runs(data []byte, shortest int, kind func(byte) bool) (found [][]byte) {
	begin := 0
	for i := 0; i <= len(data); i++ {
		if i < len(data) && kind(data[i]) {
			continue
		}
		if i-begin >= shortest {
			found = append(found, data[begin:i])
		}
		begin = i + 1
	}
	return found
}

func isText(c byte) bool { return c >= ' ' && c <= '~' || c == '\n' || c == '\r' || c == '\t' }

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

func isBase64(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '+' || c == '/' || c == '-' || c == '_'
}

// unescape undoes the escapes of addresses, JSON, Go and HTML, one in another too.
func unescape(data []byte) []byte {
	for range 3 {
		if !bytes.ContainsAny(data, `%\&`) {
			break
		}
		plain := unescapeOnce(data)
		if bytes.Equal(plain, data) {
			break
		}
		data = plain
	}
	return data
}

//go:norace
func unescapeOnce(data []byte) []byte {
	plain := make([]byte, 0, len(data))
	for i := 0; i < len(data); i++ {
		rest := data[i:]
		text, length := "", 0
		switch {
		case rest[0] == '%' && len(rest) >= 3:
			text, length = character(rest[1:3], true), 3
		case rest[0] == '\\' && len(rest) >= 6 && rest[1] == 'u':
			text, length = character(rest[2:6], false), 6
		case rest[0] == '\\' && len(rest) >= 4 && rest[1] == 'x':
			text, length = character(rest[2:4], true), 4
		case rest[0] == '&':
			if end := bytes.IndexByte(rest[:min(len(rest), 12)], ';'); end > 0 {
				text, length = html.UnescapeString(string(rest[:end+1])), end+1
			}
		}
		if text == "" {
			plain = append(plain, rest[0])
			continue
		}
		plain = append(plain, text...)
		i += length - 1
	}
	return plain
}

// character reads hexadecimal digits as a character, or as one byte of a longer one; "" when they are none.
func character(digits []byte, single bool) string {
	n, err := strconv.ParseUint(string(digits), 16, 16)
	switch {
	case err != nil:
		return ""
	case single:
		return string([]byte{byte(n)}) //nolint:gosec // two digits
	}
	return string(rune(n))
}

// squeeze gives the letters and digits of a text in small letters, and its digits alone: in ASCII, whatever script they
// are in, and whatever stands between them.
//
//go:norace
func squeeze(text []byte) (letters, digits []byte) {
	for _, r := range string(text) {
		switch {
		case r >= '0' && r <= '9':
			letters, digits = append(letters, byte(r)), append(digits, byte(r))
		case r >= 'a' && r <= 'z':
			letters = append(letters, byte(r))
		case r >= 'A' && r <= 'Z':
			letters = append(letters, byte(r-'A'+'a'))
		case unicode.IsDigit(r):
			zero := r
			for unicode.IsDigit(zero - 1) { // the digits of a script stand in a row, ten by ten
				zero--
			}
			d := byte('0' + (r-zero)%10)
			letters, digits = append(letters, d), append(digits, d)
		}
	}
	return letters, digits
}

func isNumber(secret string) bool {
	return !strings.ContainsFunc(secret, func(r rune) bool { return r < '0' || r > '9' })
}

// spell gives a secret as Go prints its bytes with %d: "99 97 110".
func spell(secret string) string { return strings.Trim(fmt.Sprintf("%d", []byte(secret)), "[]") }
