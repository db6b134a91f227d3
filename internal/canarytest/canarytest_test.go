package canarytest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/canarytest"
)

// spellings are the ways in which a secret could come out. Each must be found: a scanner that finds nothing proves nothing.
func spellings(secret string) map[string]string {
	encode := base64.StdEncoding.EncodeToString
	every := func(format string) string {
		var b strings.Builder
		for _, c := range []byte(secret) {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
	job, _ := json.Marshal(map[string][]byte{"body": []byte(`{"text":"` + secret + `"}`)}) // bytes and strings always encode
	return map[string]string{
		"plain": secret, "in words": "the key " + secret + "!", "in JSON": `{"key":"` + secret + `"}`, "upper case": strings.ToUpper(secret),
		"base64": encode([]byte(secret)), "base64 of a header": "Basic " + encode([]byte("acme:"+secret)), "base64 behind one byte": encode([]byte("x" + secret)),
		"base64 for addresses": base64.RawURLEncoding.EncodeToString([]byte("??" + secret + "??")), "base64 in base64": encode([]byte(encode([]byte(secret)))),
		"base64 in a longer word": "path/abc" + encode([]byte("body="+secret+"&more=1")), "a job in the data file": string(job),
		"hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"hex behind half a byte": "a" + hex.EncodeToString([]byte(secret)), "%x of a struct": fmt.Sprintf("{%x}", "k"+secret),
		"%d": fmt.Sprintf("%d", []byte(secret)), "bytes in JSON": strings.ReplaceAll(fmt.Sprintf("%d", []byte(secret)), " ", ","), "%q of bytes": every(`\x%02x`),
		"in an address": "https://example.com/?q=" + url.QueryEscape("a "+secret), "every letter escaped": every("%%%02X"), "escaped twice": every("%%25%02X"),
		"escaped JSON": every(`\u%04x`), "JSON in JSON": `"{\"key\":\"` + secret + `\"}"`, "HTML": html.EscapeString("<" + secret + ">"), "every letter in HTML": every("&#x%x;"),
		"in two halves":  `["` + secret[:7] + `","` + secret[7:] + `"]`,
		"over two lines": secret[:9] + "\n    " + secret[9:], "spaced out": strings.Join(strings.Split(secret, ""), " "),
	}
}

// writings are ways of typing a card's number.
func writings(number string) map[string]string {
	grouped := func(gap string) string {
		return number[:4] + gap + number[4:8] + gap + number[8:12] + gap + number[12:]
	}
	rows := func(zero rune) string {
		return strings.Map(func(r rune) rune { return r - '0' + zero }, number)
	}
	return map[string]string{
		"spaces": grouped(" "), "dashes": grouped("-"), "long dashes": grouped("–"), "hard spaces": grouped("\u00a0"), "dots": grouped("."),
		"two gaps": grouped("- "), "Arabic digits": rows('٠'), "wide digits": rows('０'), "bold digits": rows('𝟎'), "with a mark": "\u200b" + grouped("\u200b"),
		"spaces in a form": url.QueryEscape(grouped(" ")), "wide digits in a form": url.QueryEscape(rows('０')), "hard spaces in JSON": grouped(`\u00a0`),
		"spaces in base64": base64.StdEncoding.EncodeToString([]byte(grouped(" "))), "spaces in hex": hex.EncodeToString([]byte(grouped(" "))),
	}
}

var numbers = []string{canarytest.CardNumber, canarytest.TakenNumber, canarytest.SandboxNumber}

func TestEverySpellingIsFound(t *testing.T) {
	t.Parallel()
	around := strings.Repeat("time=2026-11-25T19:02:47.123Z level=INFO msg=\"request made\" id=TB-7F3K2M9Q step=2\n", 4)
	for _, secret := range append([]string{canarytest.SigningSecret, canarytest.BotToken, canarytest.PlatformKey, "a-further-secret-of-a-test"}, numbers...) {
		list := spellings(secret)
		if secret[0] >= '0' && secret[0] <= '9' {
			maps.Copy(list, writings(secret))
		}
		for name, text := range list {
			for place, data := range map[string]string{"alone": text, "among others": around + text + "\n" + around} {
				if found := canarytest.Find([]byte(data), "a-further-secret-of-a-test"); len(found) == 0 {
					t.Errorf("%s: %s, %s, passes unseen", secret, name, place)
				}
			}
		}
	}
	for _, text := range []string{`{"code":"7391"}`, "code=7391&", "7391", "55 51 57 49"} {
		if !canarytest.FindCode([]byte(text)) {
			t.Errorf("the code passes unseen in %s", text)
		}
	}
}

// What is found is named, and what is no secret is not found: an alarm that always rings is switched off.
func TestFindsAreNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"key " + canarytest.PlatformKey:                                  "[platform key]",
		"4929 1758 3046 2719":                                            "[card number, spelt otherwise,]",
		hex.EncodeToString([]byte(canarytest.BotToken)):                  "[bot token in hex]",
		"canary-signing-secret":                                          "[]", // its beginning alone: the name of a test, say
		"4929 1758 3046 2718 and 4111 1111 1111":                         "[]",
		strings.Repeat("4929 1758 ", 1000) + strings.Repeat("abcd", 999): "[]",
	} {
		if got := fmt.Sprint(canarytest.Find([]byte(text))); got != want {
			t.Errorf("%.40q: found %s, want %s", text, got, want)
		}
	}
	if found := canarytest.FindBut([]byte("the sandbox takes 4111 1111 1111 1111"), canarytest.SandboxNumber); len(found) > 0 {
		t.Errorf("found %v, which this text may have", found)
	}
	if canarytest.FindCode([]byte("at 10:17391 s, v1.7391")) {
		t.Error("four digits of a longer number are taken for the code")
	}
}

// recorder is a test that is told of failures without failing.
type recorder struct {
	testing.TB
	told bytes.Buffer
}

func (r *recorder) Errorf(format string, args ...any) { fmt.Fprintf(&r.told, format+"\n", args...) }

func TestWatchTells(t *testing.T) {
	t.Parallel()
	var to bytes.Buffer
	r := &recorder{TB: t}
	log := canarytest.Watch(r, "log", &to)
	for _, line := range []string{"level=INFO msg=good\n", "level=INFO token=" + canarytest.BotToken + "\n"} {
		if n, err := log.Write([]byte(line)); n != len(line) || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}
	if got := r.told.String(); got != "the bot token stands in the log\n" {
		t.Errorf("told %q", got)
	}
	if n := strings.Count(to.String(), "\n"); n != 2 {
		t.Errorf("%d lines passed on", n)
	}
}

func BenchmarkFind(b *testing.B) {
	data := bytes.Repeat([]byte("time=2026-11-25T19:02:47.123Z level=INFO msg=\"request made\" id=TB-7F3K2M9Q body=eyJ0ZXh0IjoibW9uZXkifQ== step=2\n"), 10_000)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		canarytest.Find(data)
	}
}
