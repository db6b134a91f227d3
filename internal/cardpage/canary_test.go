package cardpage_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/canarytest"
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
	canaryNumber = canarytest.CardNumber
	canaryCode   = canarytest.CardCode
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

// leaks looks for the canaries in all that was written anywhere.
func (b *bot) leaks(more map[string][]byte) {
	b.tb.Helper()
	all := b.everything()
	maps.Copy(all, more)
	hashes := map[string]string{"number": hash(canaryNumber), "code": hash(canaryCode)}
	for place, text := range all {
		canarytest.Check(b.tb, place, text)
		if canarytest.FindCode(text) {
			b.tb.Errorf("the code stands in the %s", place)
		}
		for what, sum := range hashes { // so few numbers and codes there are that a hash is as good as they
			if bytes.Contains(text, []byte(sum)) {
				b.tb.Errorf("the hash of the %s stands in the %s", what, place)
			}
		}
	}
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
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
	const amex = canarytest.TakenNumber
	form := func() url.Values { return with(with(visa(), "number", "3782 822463 10005"), "code", canaryCode) }
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
		})
	}
}

// What looks for the canaries finds them: a test that cannot fail proves nothing.
func TestLeaksFindsCanaries(t *testing.T) {
	t.Parallel()
	for name, guise := range guises() {
		b := setup(t)
		told := &recorder{TB: t}
		b.tb = told
		b.desk.Log.Warn("form sent back", "number", guise, "code", canaryCode)
		b.leaks(map[string][]byte{"page": []byte("code=" + hash(canaryCode))})
		b.leaked = true
		for _, want := range []string{"the card number", "the code stands in the log", "the hash of the code stands in the page"} {
			if !strings.Contains(told.text.String(), want) {
				t.Errorf("%s: %s passes unseen: %s", name, want, told.text.String())
			}
		}
	}
	if !treasury.IsCardNumber(canaryNumber) {
		t.Error("the canary is no card's number")
	}
}

// recorder is a test that is told of failures without failing.
type recorder struct {
	testing.TB
	text strings.Builder
}

func (r *recorder) Errorf(format string, args ...any) { fmt.Fprintf(&r.text, format+"\n", args...) }
