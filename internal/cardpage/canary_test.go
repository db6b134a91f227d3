package cardpage_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/cardpage"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// The canaries: numbers that pass the Luhn check, in every guise, and a code.
const (
	canaryNumber = "4929175830462719" // no test card: the simulated Tango refuses it, and repeats it in its error
	canaryCode   = "7391"
)

// guises are ways of typing the number.
func guises() map[string]string {
	spaced := func(gap string) string {
		return canaryNumber[:4] + gap + canaryNumber[4:8] + gap + canaryNumber[8:12] + gap + canaryNumber[12:]
	}
	rows := func(zero rune) string {
		return strings.Map(func(r rune) rune { return r - '0' + zero }, canaryNumber)
	}
	return map[string]string{
		"plain": canaryNumber, "spaces": spaced(" "), "dashes": spaced("-"), "long dashes": spaced("–"), "hard spaces": spaced("\u00a0"),
		"dots": spaced("."), "two gaps": spaced("- "), "Arabic digits": rows('٠'), "wide digits": rows('０'), "in words": "card " + canaryNumber + "!",
		"with a mark": "\u200b" + canaryNumber, "every digit apart": strings.Join(strings.Split(canaryNumber, ""), " "),
	}
}

// traces are the forms in which a leaked number or code would be found in bytes.
func traces() map[string]*regexp.Regexp {
	digits := strings.Split(canaryNumber, "")
	number := strings.Join(digits, `(?:[\s.\-–_/+]|%20|%2D|\\u00a0| )*`)
	alone := func(text string) *regexp.Regexp {
		return regexp.MustCompile(`(?:^|[^0-9A-Za-z.+/_-])` + text + `(?:[^0-9A-Za-z]|$)`)
	}
	list := map[string]*regexp.Regexp{
		"number":      regexp.MustCompile(number),
		"code":        alone(canaryCode),
		"number hash": regexp.MustCompile(hash(canaryNumber)),
		"code hash":   regexp.MustCompile(hash(canaryCode)),
		"base64":      regexp.MustCompile(regexp.QuoteMeta(base64.StdEncoding.EncodeToString([]byte(canaryNumber))[:20])),
		"hex":         regexp.MustCompile(hex.EncodeToString([]byte(canaryNumber))),
	}
	printed := func(text string) *regexp.Regexp { // as a slice of bytes prints
		return regexp.MustCompile(strings.Trim(fmt.Sprintf("%d", []byte(text)), "[]"))
	}
	list["number as bytes"], list["code as bytes"] = printed(canaryNumber), printed(canaryCode)
	for name, guise := range guises() {
		list["number, "+name] = regexp.MustCompile(regexp.QuoteMeta(guise))
	}
	return list
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// leaks looks for the canaries in all that was written anywhere.
func (b *bot) leaks(more map[string][]byte) {
	b.tb.Helper()
	all := b.everything()
	maps.Copy(all, more)
	for place, text := range all {
		for what, trace := range traces() {
			if at := trace.FindIndex(text); at != nil {
				from, to := max(at[0]-60, 0), min(at[1]+60, len(text))
				b.tb.Errorf("the %s is in the %s: %q", what, place, text[from:to])
			}
		}
	}
}

// Numbers and codes in every field and guise, on every way that a form can go, are found nowhere afterwards.
func TestCanaries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pages := bytes.Buffer{}
	send := func(link string, form url.Values) answer {
		a := b.post(link, form)
		pages.WriteString(a.body)
		fmt.Fprint(&pages, a.header)
		return a
	}
	link, left := "", 0
	for name, guise := range guises() {
		for key := range visa() {
			if left--; left < 0 {
				_, link = b.invited()
				left = cardpage.MaxPosts - 2 // the last post of a link has another answer
			}
			form := with(with(visa(), "code", canaryCode), key, guise)
			if key == "code" {
				form.Set("number", canaryNumber)
			}
			if a := send(link, form); a.status != 422 {
				t.Errorf("%s in %s: status %d: %s", name, key, a.status, a.text())
			}
		}
		b.settle()
	}
	// Tango's refusal repeats the number: the fault stands for the real service's error form.
	id, link := b.invited()
	for range treasury.MaxCardTries {
		send(link, with(with(visa(), "number", canaryNumber), "code", "739"))
	}
	if s := b.request(id).State; s != treasury.StateFailed {
		t.Errorf("the request is %s", s)
	}
	b.settle()
	b.leaks(map[string][]byte{"pages": pages.Bytes()})
	if !bytes.Contains(b.log.all(), []byte("card form sent back")) {
		t.Error("the log says nothing at all: the test looks in the wrong place")
	}
}

// A success, a doubt and a panic leave as little behind as a refusal. An American Express number is the canary, because the
// simulated Tango takes it, and its code has four digits.
func TestCanariesThatReachTango(t *testing.T) {
	t.Parallel()
	const amex = "378282246310005"
	form := func() url.Values { return with(with(visa(), "number", "3782 822463 10005"), "code", canaryCode) }
	trace := regexp.MustCompile(strings.Join(strings.Split(amex, ""), `[ -]?`))
	for name, c := range map[string]struct {
		fault *tangosim.Fault
		mover func(treasury.Mover) treasury.Mover
		state treasury.State
	}{
		"registered":  {state: treasury.StateSucceeded},
		"answer lost": {fault: &tangosim.Fault{On: registering, DropAfter: true}, state: treasury.StateInDoubt},
		"in the answer": {
			fault: &tangosim.Fault{On: registering, Edit: tangosim.EditField("label", amex)}, state: treasury.StateInDoubt,
		},
		"in the key": {fault: &tangosim.Fault{On: registering, StatusBefore: 400, Key: amex}, state: treasury.StateApproved},
		"panic": {
			mover: func(m treasury.Mover) treasury.Mover {
				return moving{m, func(_ treasury.Answer, c treasury.CardDetails) treasury.Answer {
					panic(fmt.Sprintf("number %s code %s", c.Number.Reveal(), c.Code.Reveal()))
				}}
			},
			state: treasury.StateSending,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id, link := b.invited()
			if c.fault != nil {
				b.tango.Arm(*c.fault)
			}
			if c.mover != nil {
				b.desk.Mover = c.mover(b.desk.Mover)
			}
			a := b.post(link, form())
			if s := b.request(id).State; s != c.state {
				t.Errorf("the request is %s: %s", s, a.text())
			}
			if name == "panic" {
				a.expect(t, 500, "do not type it again before you have looked at Slack")
				if !bytes.Contains(b.log.all(), []byte("card page panicked")) {
					t.Error("nobody is told")
				}
			}
			b.settle()
			b.leaks(map[string][]byte{"page": []byte(a.body)})
			for place, text := range b.everything() {
				if at := trace.FindIndex(text); at != nil {
					t.Errorf("the number is in the %s: %q", place, text[max(0, at[0]-40):min(len(text), at[1]+40)])
				}
			}
			if trace.MatchString(a.body) {
				t.Error("the number is in the page")
			}
		})
	}
}

// The scanner itself finds what it should: a test that cannot fail proves nothing.
func TestScannerFindsCanaries(t *testing.T) {
	t.Parallel()
	for name, guise := range guises() {
		found := false
		for _, trace := range traces() {
			found = found || trace.MatchString("x "+guise+" y")
		}
		if !found {
			t.Errorf("%s passes unseen", name)
		}
	}
	for _, text := range []string{`{"code":"7391"}`, "code=7391&", "7391"} {
		if !traces()["code"].MatchString(text) {
			t.Errorf("%s passes unseen", text)
		}
	}
	if !treasury.IsCardNumber(canaryNumber) {
		t.Error("the canary is no card's number")
	}
}
