//go:build outside

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/tangobot/tangobot/internal/canarytest"
)

// browser is a person's window on a playground. Every wait ends the test when its time is over.
type browser struct {
	t       *testing.T
	ctx     context.Context
	address string // that it opened
}

// chromium finds the browser: $CHROMIUM, or chromium in PATH.
func chromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	return "chromium"
}

// openBrowser opens the playground's page.
func openBrowser(t *testing.T, address string) *browser {
	t.Helper()
	b := startBrowser(t, address)
	b.see("#people .person")
	return b
}

// startBrowser starts a headless browser with an empty profile, and fails the test for everything that the page complains
// about.
func startBrowser(t *testing.T, address string) *browser {
	t.Helper()
	profile, err := os.MkdirTemp("", "playground-browser") //nolint:usetesting // t.TempDir fails while the browser's last helpers still write
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(profile), chromedp.WindowSize(1280, 800),
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.DisableGPU, chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
	}
	allocated, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...) // the page is read at the test's end
	ctx, cancel := chromedp.NewContext(allocated)
	b := &browser{t: t, ctx: ctx, address: address}
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
			if e.Type == runtime.APITypeError {
				t.Errorf("the page logged an error: %s", e.Args[0].Value)
			}
		}
	})
	if err := chromedp.Run(ctx); err != nil { // the browser lives as long as the first context that is run
		t.Fatalf("starting %s (CHROMIUM names another): %v", chromium(t), err)
	}
	b.do(chromedp.Navigate(address))
	return b
}

// leaks looks for secrets in the page as it is in the end, in what is not shown too. What a person types is no output, and
// the number of the sandbox's card stands in the playground's own words.
func (b *browser) leaks(ctx context.Context) {
	b.t.Helper()
	var text, code string
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, chromedp.Evaluate(`document.body.innerText`, &text), chromedp.Evaluate(`document.documentElement.outerHTML`, &code)); err != nil {
		if !b.t.Failed() {
			b.t.Errorf("reading the page for secrets: %v", err)
		}
		return
	}
	for _, found := range canarytest.FindBut([]byte(text+"\n"+code), canarytest.SandboxNumber) {
		b.t.Errorf("the %s stands in the page", found)
	}
	if strings.Contains(b.address, "/cards/") {
		canarytest.Check(b.t, "card page", []byte(text+"\n"+code), b.address[strings.LastIndex(b.address, "/")+1:])
	}
}

func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			var text string
			_ = chromedp.Run(b.ctx, chromedp.Text("body", &text))
			b.shot("failure", 1280, 800, false)
			b.t.Fatalf("the page does not come so far; it shows:\n%s", text)
		}
		b.t.Fatal(err)
	}
}

// see waits for an element that can be seen.
func (b *browser) see(selector string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(selector, chromedp.ByQuery))
}

// read waits until an element's text holds the words.
func (b *browser) read(selector, words string) {
	b.t.Helper()
	b.do(chromedp.PollFunction(`(selector, words) => [...document.querySelectorAll(selector)].some((n) => n.innerText.includes(words))`,
		nil, chromedp.WithPollingArgs(selector, words), chromedp.WithPollingTimeout(patience)))
}

// formGone waits until no form lies over the conversation.
func (b *browser) formGone() {
	b.t.Helper()
	b.do(chromedp.WaitNotPresent("#modal .dialog", chromedp.ByQuery))
}

// press clicks what is there and can be clicked.
func (b *browser) press(selector string) {
	b.t.Helper()
	b.do(chromedp.WaitEnabled(selector, chromedp.ByQuery), chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible))
}

// become picks a person, and waits until it is theirs that the page shows.
func (b *browser) become(person string) {
	b.t.Helper()
	b.do(chromedp.Click(`.person:has(input[value="`+person+`"])`, chromedp.ByQuery),
		chromedp.WaitReady(`body[data-drawn^="`+person+` "]`, chromedp.ByQuery))
}

// enter picks a channel, or the conversation with Tangobot.
func (b *browser) enter(place string) {
	b.t.Helper()
	b.press(`.places [data-place="` + place + `"]`)
	b.do(chromedp.WaitReady(`body[data-drawn$=" `+place+`"]`, chromedp.ByQuery))
}

// enterKey presses Enter as a keyboard does: a page that prevents the key's default prevents what it would have typed.
func enterKey() chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		key := func(kind input.KeyType) *input.DispatchKeyEventParams {
			return input.DispatchKeyEvent(kind).WithKey("Enter").WithCode("Enter").WithWindowsVirtualKeyCode(13)
		}
		return errors.Join(key(input.KeyDown).WithText("\r").Do(ctx), key(input.KeyUp).Do(ctx))
	})
}

// say types and sends with the Enter key.
func (b *browser) say(text string) {
	b.t.Helper()
	b.do(chromedp.Focus("#text", chromedp.ByQuery), chromedp.SendKeys("#text", text, chromedp.ByQuery), enterKey())
}

// shot writes a picture when SCREENSHOTS names a folder.
func (b *browser) shot(name string, width, height int64, dark bool) {
	b.t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	var picture []byte
	err := chromedp.Run(b.ctx, chromedp.EmulateViewport(width, height),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
		chromedp.CaptureScreenshot(&picture), chromedp.EmulateViewport(1280, 800),
		emulation.SetEmulatedMedia())
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600)
	}
	if err != nil {
		b.t.Error(err)
	}
}
