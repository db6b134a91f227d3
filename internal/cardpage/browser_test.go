//go:build outside

package cardpage_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tangobot/tangobot/internal/canarytest"
	"github.com/tangobot/tangobot/internal/cardpage"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

// patience is how long a browser may take for one step before the test fails.
const patience = 60 * time.Second

// browser is a holder's window. Every wait ends the test when its time is over.
type browser struct {
	t   *testing.T
	ctx context.Context
	axe string
}

// openBrowser starts a headless browser with an empty profile: $CHROMIUM, or chromium in PATH. Whatever the page complains
// about fails the test, a breach of its own policy too.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	checker := axe(t)
	program := os.Getenv("CHROMIUM")
	if program == "" {
		program = "chromium"
	}
	profile, err := os.MkdirTemp("", "cardpage-browser") //nolint:usetesting // t.TempDir fails when something is written while it is removed
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(profile) }) // the browser's last helpers may still write there
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.UserDataDir(profile), chromedp.WindowSize(1280, 800),
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.DisableGPU, chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(patience),
	}
	allocated, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...) // the page is read at the test's end
	ctx, cancel := chromedp.NewContext(allocated)
	b := &browser{t: t, ctx: ctx, axe: checker}
	t.Cleanup(func() {
		b.leaks(ctx)
		_ = chromedp.Cancel(ctx)
		cancel()
		stop()
	})
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the page threw: %s", e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			t.Errorf("the page logged: %s", e.Args[0].Value)
		case *log.EventEntryAdded:
			// The statuses of the page's own answers are logged as errors of the network, and its missing icon too.
			if e.Entry.Source != log.SourceNetwork {
				t.Errorf("the browser minds: %s", e.Entry.Text)
			}
		}
	})
	if err := chromedp.Run(ctx); err != nil { // the browser lives as long as the first context that is run
		t.Fatalf("starting %s (CHROMIUM names another): %v", program, err)
	}
	return b
}

// leaks looks for secrets in the page as it is in the end, in what is not shown too. What a person typed is no output.
func (b *browser) leaks(ctx context.Context) {
	b.t.Helper()
	var text, code string
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	read := func() error {
		return chromedp.Run(ctx, chromedp.Evaluate(`document.body.innerText`, &text), chromedp.Evaluate(`document.documentElement.outerHTML`, &code))
	}
	err := read()
	for err != nil && ctx.Err() == nil { // the next page has no body for a moment
		time.Sleep(20 * time.Millisecond)
		err = read()
	}
	if err != nil && !b.t.Failed() {
		b.t.Errorf("reading the page for secrets: %v", err)
	}
	canarytest.Check(b.t, "page", []byte(text+"\n"+code))
}

// axe reads the accessibility checker: $AXE, or bin/axe.min.js at the module's root.
func axe(t *testing.T) string {
	t.Helper()
	path := os.Getenv("AXE")
	if path == "" {
		path = filepath.Join("..", "..", "bin", "axe.min.js")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("axe-core is missing: make bin/axe.min.js installs it, or set AXE to the file: %v", err)
	}
	return string(text)
}

func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			var text string
			_ = chromedp.Run(b.ctx, chromedp.Text("body", &text))
			b.t.Fatalf("the page does not come so far; it shows:\n%s", text)
		}
		b.t.Fatal(err)
	}
}

// look sets the window and the colours.
func (b *browser) look(width int64, dark, phone bool) {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	options := []chromedp.EmulateViewportOption{}
	if phone {
		options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2))
	}
	b.do(chromedp.EmulateViewport(width, 844, options...),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
}

// ask asks the page something. The page's policy lets no script of a page run; this one comes from the test.
func ask[T any](b *browser, script string) T {
	b.t.Helper()
	var v T
	b.do(chromedp.Evaluate(script, &v, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return v
}

// shot writes a picture of the whole page when SCREENSHOTS names a folder.
func (b *browser) shot(name string) {
	b.t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	var picture []byte
	b.do(chromedp.FullScreenshot(&picture, 100))
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600); err != nil {
		b.t.Error(err)
	}
}

// violation is what axe says is wrong.
type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML string `json:"html"`
		Why  string `json:"failureSummary"`
	} `json:"nodes"`
}

// accessible checks the page as it stands, in the colours of the moment, by all rules of axe.
func (b *browser) accessible(name string) {
	b.t.Helper()
	b.do(chromedp.ActionFunc(func(ctx context.Context) error { return page.SetBypassCSP(true).Do(ctx) }),
		chromedp.Evaluate(b.axe+"; true", nil))
	text := ask[string](b, `axe.run(document, {resultTypes: ["violations", "incomplete"]}).then((r) => JSON.stringify(r.violations.concat(r.incomplete)))`)
	var found []violation
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range found {
		b.t.Errorf("%s: %s: %s", name, v.ID, v.Help)
		for _, n := range v.Nodes {
			b.t.Logf("  %s\n  %s", n.HTML, n.Why)
		}
	}
	if wide := ask[bool](b, `document.documentElement.scrollWidth > document.documentElement.clientWidth`); wide {
		b.t.Errorf("%s: the page is wider than its window", name)
	}
}

// everyLook checks and draws the page as a phone and a wide window show it, in light and dark.
func (b *browser) everyLook(name string) {
	b.t.Helper()
	for _, width := range []int64{320, 390, 1280} {
		for scheme, dark := range map[string]bool{"light": false, "dark": true} {
			b.look(width, dark, width < 400)
			place := fmt.Sprintf("%s-%d-%s", name, width, scheme)
			b.accessible(place)
			if width > 320 {
				b.shot(place)
			}
		}
	}
}

// focus names what has the keyboard.
func (b *browser) focus() string {
	b.t.Helper()
	return ask[string](b, `document.activeElement.id || document.activeElement.className || document.activeElement.tagName.toLowerCase()`)
}

// tab goes on to the next stop of the keyboard.
func (b *browser) tab() { b.t.Helper(); b.do(chromedp.KeyEvent(kb.Tab)) }

// fill types the form from its first field to its button with the keyboard alone. The browser must go through the fields in
// the order of the page.
func (b *browser) fill(values [][2]string) {
	b.t.Helper()
	for _, v := range values {
		b.tab()
		if at := b.focus(); at != v[0] {
			b.t.Fatalf("Tab leads to %s instead of %s", at, v[0])
		}
		if v[1] != "" {
			b.do(chromedp.KeyEvent(v[1]))
		}
	}
	b.tab()
	if at := b.focus(); at != "button" {
		b.t.Fatalf("behind the fields comes %s", at)
	}
}

func typedVisa(number string) [][2]string {
	return [][2]string{
		{"number", number},
		{"month", "08"},
		{"year", goodUntil()[2:]},
		{"code", "739"},
		{"first_name", "Lena"},
		{"last_name", "Fischer"},
		{"country", "United S"},
		{"line1", "400 Pine Street"},
		{"line2", ""},
		{"city", "Seattle"},
		{"state", "Washington"},
		{"postal_code", "98101"},
		{"email", "cards@acme.example"},
	}
}

// press uses the button with the keyboard and waits for the answer.
func (b *browser) press(words string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until(fmt.Sprintf(`document.readyState === "complete" && document.body.innerText.includes(%q)`, words))
}

// until waits for something to hold. The page may change meanwhile, which ends a question without an answer.
func (b *browser) until(script string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		var holds bool
		if err := chromedp.Run(b.ctx, chromedp.Evaluate(script, &holds)); err == nil && holds {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("the page does not come so far; it shows:\n%s", ask[string](b, `document.body.innerText`))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (b *bot) address(link string) string { return b.server.URL + cardpage.Path + link }

// A holder with a keyboard alone, on a phone and on a wide screen: wrong first, then right.
func TestHolderAtTheKeyboard(t *testing.T) {
	o := setup(t, func(c *tangosim.Config) { c.ActivationDelay = 72 * time.Hour })
	b := openBrowser(t)
	for _, width := range []int64{390, 1280} {
		id, link := o.invited()
		b.look(width, false, width == 390)
		b.do(chromedp.Navigate(o.address(link)))
		b.fill(typedVisa("4111 1111 1111 1112"))
		b.press("One field needs another look")
		b.until(`(document.activeElement.id || document.activeElement.className) === "summary"`) // the browser moves the keyboard a moment after the page is there
		if kept := ask[string](b, `[...document.querySelectorAll("input, select")].map((i) => i.value).join("")`); kept != "" {
			t.Errorf("%d: the page keeps %q", width, kept)
		}
		b.tab() // the summary's link to the field
		b.do(chromedp.KeyEvent(kb.Enter))
		b.until(`location.hash === "#number" && document.activeElement.id === "number"`)
		b.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(8))) // back, so that fill begins before the first field
		b.fill(typedVisa("4111 1111 1111 1111"))
		b.press("The card is registered")
		text := strings.Join(strings.Fields(ask[string](b, `document.body.innerText`)), " ")
		for _, words := range []string{"Visa ending in 1111", "from " + o.at(72*time.Hour), id} {
			if !strings.Contains(text, words) {
				t.Errorf("%d: the page does not say %q but %s", width, words, text)
			}
		}
		b.do(chromedp.Navigate(o.address(link)))
		if title := ask[string](b, `document.title`); !strings.HasPrefix(title, "This link cannot be used") {
			t.Errorf("%d: the used link shows %q", width, title)
		}
	}
	if n := o.registrations(); n != 2 {
		t.Errorf("%d registrations", n)
	}
}

// The browser's own check spares typing everything again: an empty form does not leave it.
func TestBrowserChecksFirst(t *testing.T) {
	o := setup(t)
	b := openBrowser(t)
	_, link := o.invited()
	b.do(chromedp.Navigate(o.address(link)))
	b.fill([][2]string{
		{"number", "4111 1111 1111 1111"},
		{"month", "x"},
		{"year", ""},
		{"code", ""},
		{"first_name", ""},
		{"last_name", ""},
		{"country", ""},
		{"line1", ""},
		{"line2", ""},
		{"city", ""},
		{"state", ""},
		{"postal_code", ""},
		{"email", ""},
	})
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until(`document.activeElement.id === "month"`)
	if kept := ask[string](b, `document.getElementById("number").value`); kept != "4111 1111 1111 1111" {
		t.Errorf("the number is %q", kept)
	}
	patterns := ask[map[string]bool](b, `(() => { const fits = {}; for (const [id, value] of Object.entries({
		number: "4111–1111–1111–1111", month: " 8 ", year: "2031", code: "1234"})) { const i = document.getElementById(id); i.value = value; fits[id] = i.checkValidity(); } return fits; })()`)
	for id, fits := range patterns {
		if !fits {
			t.Errorf("the browser refuses in %s what the page takes", id)
		}
	}
}

// Every state of the page, checked and drawn.
func TestAccessibility(t *testing.T) {
	o := setup(t, func(c *tangosim.Config) { c.ActivationDelay = 72 * time.Hour })
	b := openBrowser(t)
	_, link := o.invited()
	submit := func(number string) {
		t.Helper()
		b.look(1280, false, false)
		b.do(chromedp.Navigate(o.address(link)))
		b.fill(typedVisa(number))
	}
	b.do(chromedp.Navigate(o.address(link)))
	b.everyLook("form")

	b.do(chromedp.Evaluate(`document.querySelector("form").noValidate = true`, nil), chromedp.Focus("button", chromedp.ByQuery))
	b.press("12 fields need another look")
	b.everyLook("faults")

	submit("4000056655665556")
	b.press("did not confirm")
	b.everyLook("refused")

	submit("4111111111111111")
	b.press("The card is registered")
	b.everyLook("done")

	b.do(chromedp.Navigate(o.address(link)))
	b.everyLook("dead")

	_, link = o.invited()
	o.tango.Arm(tangosim.Fault{On: registering, DropAfter: true})
	submit("4111111111111111")
	b.press("may be registered")
	b.everyLook("doubt")
}

// What a screen reader is told: names, hints, what must be filled in, and what is wrong.
func TestScreenReader(t *testing.T) {
	o := setup(t)
	b := openBrowser(t)
	_, link := o.invited()
	b.do(chromedp.Navigate(o.address(link)),
		chromedp.Evaluate(`document.querySelector("form").noValidate = true`, nil), chromedp.Focus("button", chromedp.ByQuery))
	b.press("12 fields need another look")
	var tree struct {
		Nodes []told `json:"nodes"`
	} // the library's own types do not know all that today's browsers tell
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		return cdp.Execute(ctx, accessibility.CommandGetFullAXTree, nil, &tree)
	}))
	said := map[string]string{}
	for _, n := range tree.Nodes {
		line := fmt.Sprintf("%v: %v; %v", n.Role.Value, n.Name.Value, n.Description.Value)
		for _, p := range n.Properties {
			line += fmt.Sprintf("; %s=%v", p.Name, p.Value.Value)
		}
		said[fmt.Sprint(n.Name.Value)] += line + "\n"
	}
	for name, parts := range map[string][]string{
		"Card number":   {"textbox", "Type the number on the card", "Spaces are fine", "invalid=true", "required=true"},
		"Security code": {"textbox", "Type the security code", "3 digits on the back", "invalid=true"},
		"Country":       {"combobox", "Choose the country", "invalid=true"},
	} {
		for _, part := range parts {
			if !strings.Contains(said[name], part) {
				t.Errorf("%s is not told as %q but as %s", name, part, said[name])
			}
		}
	}
	if alerts := ask[int](b, `document.querySelectorAll('[role="alert"]').length`); alerts != 1 {
		t.Errorf("%d alerts", alerts)
	}
}

// told is a thing as a screen reader gets it.
type told struct {
	Role        value `json:"role"`
	Name        value `json:"name"`
	Description value `json:"description"`
	Properties  []struct {
		Name  string `json:"name"`
		Value value  `json:"value"`
	} `json:"properties"`
}

type value struct {
	Value any `json:"value"`
}

// Without any script: the whole way works in a browser that runs none.
func TestWithoutScripts(t *testing.T) {
	o := setup(t)
	b := openBrowser(t)
	id, link := o.invited()
	b.do(emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(o.address(link)))
	b.fillBlind(typedVisa("4111 1111 1111 1111"))
	deadline := time.Now().Add(patience)
	for o.request(id).State != "succeeded" {
		if time.Now().After(deadline) {
			t.Fatalf("the request is %s", o.request(id).State)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if r := o.tango.Requests()["POST /creditCards"]; r != 1 {
		t.Errorf("%d registrations", r)
	}
}

// fillBlind types without asking the page where the keyboard is.
func (b *browser) fillBlind(values [][2]string) {
	b.t.Helper()
	for _, v := range values {
		b.tab()
		if v[1] != "" {
			b.do(chromedp.KeyEvent(v[1]))
		}
	}
	b.tab()
	b.do(chromedp.KeyEvent(kb.Enter))
}
