//go:build outside

package main

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Lena asks through the form, Maya approves, and both balances change on Tango's side. The pictures for docs/ are taken
// on the way: SCREENSHOTS=folder.
func TestBrowserTransfer(t *testing.T) {
	r := start(t, t.TempDir())
	b := openBrowser(t, r.address)
	b.shot("welcome", 1280, 800, false)
	b.become("U0LENA")
	b.say("/tango balance")
	b.read(".message.only", "in 33 accounts")
	b.shot("balances", 1280, 800, false)

	// The accounts are found by typing, with the keyboard alone.
	b.say("/tango transfer")
	b.see("#in-from")
	b.choose("from", "employee", "Employee Rewards")
	b.choose("to", "marketing us", "Marketing US")
	b.do(chromedp.SendKeys("#in-amount", "twelve", chromedp.ByQuery))
	b.do(chromedp.SendKeys("#in-note", "Spring event", chromedp.ByQuery), enterKey())
	b.see("#in-amount-wrong")
	b.shot("field-error", 1280, 800, false)
	b.do(chromedp.Evaluate(`document.getElementById('in-amount').select()`, nil), chromedp.SendKeys("#in-amount", "250", chromedp.ByQuery), enterKey())
	b.read("#modal-title", "Check your request")
	b.shot("check", 1280, 800, false)

	// Back, with everything still there, and on again.
	b.do(chromedp.KeyEvent(kb.Escape))
	b.read("#modal-title", "Request a transfer")
	var kept []string
	b.do(chromedp.Evaluate(`['from', 'to', 'amount', 'note'].map((name) => document.getElementById('in-' + name).value)`, &kept))
	if kept[0] != "Employee Rewards (employee-rewards) USD" || kept[1] != "Marketing US (marketing-us) USD" || kept[2] != "250" || kept[3] != "Spring event" {
		t.Errorf("the form holds %q", kept)
	}
	b.press("[data-action=submit]")
	b.read("#modal-title", "Check your request")
	b.press("[data-action=submit]")
	b.read("#modal-title", "Requested")
	b.press("footer [data-action=close]")
	b.formGone()

	// Her own approval does not count.
	b.enter("C0APPROVE")
	b.read(".message", "Waiting for approval")
	b.press(`.message [data-action="approve"]`)
	b.read("#modal-title", "Not done")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.formGone()

	b.become("U0MAYA")
	b.press(`.message [data-action="approve"]`)
	b.read("#modal-title", "Approve this request")
	b.shot("decision", 1280, 800, false)
	b.press("[data-action=submit]")
	b.read("#modal-title", "Recorded")
	b.press("footer [data-action=close]")
	b.formGone()
	b.read(".message", "Approved, not sent yet")
	b.press(`[data-push="60"]`)
	b.read(".message", "Done, the money has moved")
	b.read(`[data-account="employee-rewards"]`, "24,250.00 USD")
	b.read(`[data-account="marketing-us"]`, "8,375.50 USD")
	b.read("#movements", "250.00 USD employee-rewards → marketing-us")
	b.shot("approved", 1280, 800, false)
	b.shot("approved-dark", 1280, 800, true)
	b.shot("approved-narrow", 390, 844, false)

	// A reload, and a restart behind the page's back, show the same.
	b.do(chromedp.Reload())
	b.read(".message", "Done, the money has moved")
	b.read(`[data-account="marketing-us"]`, "8,375.50 USD")
}

// choose types into an account field, moves with the arrow keys and takes with Enter.
func (b *browser) choose(block, typed, want string) {
	b.t.Helper()
	field := "#in-" + block
	b.do(chromedp.Focus(field, chromedp.ByQuery), chromedp.SendKeys(field, typed, chromedp.ByQuery))
	b.read(field+"-list li[aria-selected=true]", want)
	b.do(chromedp.SendKeys(field, kb.ArrowDown+kb.ArrowUp, chromedp.ByQuery), enterKey())
	b.do(chromedp.WaitNotVisible(field+"-list", chromedp.ByQuery))
}

func TestBrowserDoubt(t *testing.T) {
	r := start(t, t.TempDir())
	r.approve(r.request())
	b := openBrowser(t, r.address)
	b.enter("C0APPROVE")
	b.read(".message", "Approved, not sent yet")
	b.do(chromedp.SetValue("#fault", "drop_after", chromedp.ByQuery))
	b.press("#arm")
	b.read("#armed", "Armed: Next transfer: Money moves, the answer is lost")
	b.press(`[data-push="60"]`)
	b.read(".message", "In doubt: the money may or may not have moved")
	b.read("#movements", "250.00 USD employee-rewards → marketing-us")
	b.do(chromedp.Poll(`document.getElementById('armed').textContent === ''`, nil, chromedp.WithPollingTimeout(patience)))
	b.shot("doubt", 1280, 800, false)
	b.shot("doubt-dark", 1280, 800, true)
}

func TestBrowserDenialNeedsAComment(t *testing.T) {
	r := start(t, t.TempDir())
	r.request()
	b := openBrowser(t, r.address)
	b.become("U0RAVI")
	b.enter("C0APPROVE")
	b.press(`.message [data-action="deny"]`)
	b.read("#modal-title", "Deny this request")
	b.press("[data-action=submit]")
	b.see("#in-comment-wrong")
	b.do(chromedp.SendKeys("#in-comment", "Not in this quarter", chromedp.ByQuery))
	b.press("[data-action=submit]")
	b.read("#modal-title", "Recorded")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.formGone()
	b.read(".message", "Denied, no money moved")
	b.read(".message", "Not in this quarter")
}

func TestBrowserConfirmAndHome(t *testing.T) {
	r := start(t, t.TempDir())
	r.request()
	b := openBrowser(t, r.address)
	b.become("U0LENA")
	b.enter("direct")
	b.press(`.message [data-action="cancel"]`)
	b.read("#confirm-title", "Take this request back?")
	b.shot("confirm", 1280, 800, false)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.do(chromedp.WaitNotPresent("#confirm .dialog", chromedp.ByQuery))
	b.become("U0MAYA")
	b.press(`#tabs [data-place="home"]`)
	b.read(".home", "Waiting for you")
	b.shot("home", 1280, 800, false)
	b.become("U0GUS")
	b.read(".home", "Guests cannot use Tangobot")
	b.shot("home-guest", 1280, 800, false)
	b.become("U0LENA")
	b.press(`#tabs [data-place="direct"]`)
	b.press(`.message [data-action="cancel"]`)
	b.press(`#confirm [data-action="confirm"]`)
	b.read(".message", "Cancelled, no money moved")
}

func TestBrowserKeyboard(t *testing.T) {
	r := start(t, t.TempDir())
	b := openBrowser(t, r.address)
	// The list of commands follows what is typed.
	b.do(chromedp.Focus("#text", chromedp.ByQuery), chromedp.SendKeys("#text", "/tango ac", chromedp.ByQuery))
	b.read("#hints", "/tango accounts")
	b.shot("commands", 1280, 800, false)
	b.do(chromedp.SendKeys("#text", kb.ArrowDown, chromedp.ByQuery), enterKey())
	b.do(chromedp.Poll(`document.getElementById('text').value === '/tango accounts'`, nil, chromedp.WithPollingTimeout(patience)))
	b.do(enterKey())
	b.read(".message.only", "Next →")
	b.shot("accounts", 1280, 800, false)
	b.read(".message.only", "(edited)") // it stands still from here on
	b.press(`.message [data-action="next"]`)
	b.see(`.message [data-action="prev"]`)
	// Tab stays inside a form.
	b.say("/tango transfer")
	b.see("#in-from")
	for range 9 {
		b.do(chromedp.KeyEvent(kb.Tab))
		var inside bool
		b.do(chromedp.Evaluate(`document.querySelector('#modal .dialog').contains(document.activeElement)`, &inside))
		if !inside {
			t.Fatal("the focus left the form")
		}
	}
	b.shot("form-narrow", 390, 844, true)
	b.do(chromedp.Focus("#in-from", chromedp.ByQuery), chromedp.SendKeys("#in-from", "mark", chromedp.ByQuery))
	b.see("#in-from-list li[aria-selected=true]")
	b.shot("type-ahead", 1280, 800, false)
	b.do(chromedp.KeyEvent(kb.Escape)) // the list
	b.do(chromedp.WaitNotVisible("#in-from-list", chromedp.ByQuery))
	b.see("#modal .dialog")
	b.do(chromedp.KeyEvent(kb.Escape)) // the form
	b.formGone()
	var focus string
	b.do(chromedp.Evaluate(`document.activeElement.id`, &focus))
	if focus != "text" {
		t.Errorf("the focus went to %q, not back to where the form was opened", focus)
	}
}

// A push that takes its time leaves the keyboard to what the person does meanwhile: a button that took the focus back
// would be pressed by each space and each Enter.
func TestBrowserPushLeavesTheFocus(t *testing.T) {
	r := start(t, t.TempDir())
	b := openBrowser(t, r.address)
	b.become("U0LENA")
	b.enter("direct")
	push := `[data-push="900"]`
	r.bot.sending <- struct{}{} // a money job is under way, which the push waits for
	b.press(push)
	b.do(chromedp.Focus("#text", chromedp.ByQuery), chromedp.SendKeys("#text", "/tango acc", chromedp.ByQuery))
	<-r.bot.sending
	b.do(chromedp.WaitEnabled(push, chromedp.ByQuery))
	b.do(chromedp.KeyEvent("ount create"), enterKey())
	b.see("#in-customer")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.formGone()
	if ahead := r.clock.offset(); ahead != 15*time.Minute {
		t.Errorf("the clock is ahead by %s", ahead)
	}

	// Who presses it by the keyboard has it under the finger again.
	b.do(chromedp.Focus(push, chromedp.ByQuery), enterKey())
	b.do(chromedp.Poll(`document.activeElement.dataset.push === '900' && !document.activeElement.disabled`, nil, chromedp.WithPollingTimeout(patience)))
	b.do(enterKey())
	r.until("two more pushes", func() bool { return r.clock.offset() == 45*time.Minute })
}
