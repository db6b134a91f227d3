package cardpage

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

//go:embed page.html
var pageText string

//go:embed style.css
var styleText string

// newLook parses the page, and names its style by hash in the policy for the browser.
func newLook() (*template.Template, string) {
	sum := sha256.Sum256([]byte(styleText))
	policy := strings.Join([]string{
		"default-src 'none'", "script-src 'none'", "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
		"form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'",
	}, "; ")
	return template.Must(template.New("page").Parse(pageText)), policy
}

// screen is one answer, before it is drawn.
type screen struct {
	Status    int
	Title     string
	Tone      tone
	Words     []string // paragraphs
	Facts     []fact
	Faults    []shownFault
	Groups    []group // of inputs; none shows no form
	Again     string  // with Faults: what to do now
	Reference string  // what people quote
}

// tone colours the sheet. Its meaning is always in the title too.
type tone string

// The tones.
const (
	tonePlain tone = ""
	toneGood  tone = "good"
	toneBad   tone = "bad"
	toneDoubt tone = "doubt"
)

// Sign draws the tone beside the title: a tick, a bar over a dot, or a question mark.
func (s screen) Sign() string {
	switch s.Tone {
	case toneGood:
		return "M7 12.5l3.4 3.4L17 9"
	case toneBad:
		return "M12 6.5v7M12 17.2v.1"
	case toneDoubt:
		return "M9 9.5a3 3 0 1 1 4.3 2.7c-.9.5-1.3 1-1.3 2M12 17.4v.1"
	case tonePlain:
	}
	return ""
}

// fact is a line that tells something by name.
type fact struct{ Name, Value, Small string }

// shownFault is a fault in the summary; Label is its input's.
type shownFault struct {
	fault
	Label string
}

// group is inputs under one heading.
type group struct {
	Legend string
	Inputs []input
}

// input is one field of the form.
type input struct {
	Key          key
	Label, Hint  string
	Type         string // text or email
	Autocomplete string // HTML's token, which is also what a screen reader and a phone's keyboard go by
	Mode         string // inputmode
	Pattern      string // of the browser's own check, which spares typing all again
	Slip         string // what that check says
	Most         int    // signs
	Needed       bool
	Plain        bool // no capitals and no spelling
	Width        string
	Options      []option
	Error        string
}

type option struct{ Value, Name string }

// Described names the texts that belong to the input.
func (i input) Described() string {
	var ids []string
	if i.Error != "" {
		ids = append(ids, string(i.Key)+"-error")
	}
	if i.Hint != "" {
		ids = append(ids, string(i.Key)+"-hint")
	}
	return strings.Join(ids, " ")
}

// FaultsTitle heads the summary.
func (s screen) FaultsTitle() string { return faultsTitle(s.Faults) }

// Style is the page's only style.
func (screen) Style() template.CSS { return template.CSS(styleText) } //nolint:gosec // embedded, not typed by anybody

// Button, Patience and Promise are the same words everywhere.
func (screen) Button() string { return buttonWords }

// Patience stands under the button.
func (screen) Patience() string { return patienceWords }

// Promise stands at the foot of every page.
func (screen) Promise() string { return promiseWords }

// show draws a screen whole before anything is sent.
func (v *visit) show(s screen) {
	var page bytes.Buffer
	if err := v.look.Execute(&page, s); err != nil {
		panic(fmt.Sprintf("the page's own template always draws: %v", err))
	}
	v.headers()
	v.w.WriteHeader(s.Status)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write(page.Bytes()) // a visitor who has left needs no page
	}
}

// headers are the same on every answer; testdata/headers.golden has them.
func (v *visit) headers() {
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", v.policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), display-capture=(), "+
		"encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), "+
		"picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), usb=(), xr-spatial-tracking=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
}
