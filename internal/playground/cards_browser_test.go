//go:build outside

package main

import (
	"strings"
	"testing"

	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/tangobot/tangobot/internal/treasury"
)

// decide approves the newest card that waits, as a person.
func (b *browser) decide(person string) {
	b.t.Helper()
	b.become(person)
	b.enter("C0APPROVE")
	b.press(`.message:last-of-type [data-action="approve"]`)
	b.read("#modal-title", "Approve this request")
	b.press("[data-action=submit]")
	b.read("#modal-title", "Recorded")
	b.press("footer [data-action=close]")
	b.formGone()
}

// send sends both steps of a form that is filled in.
func (b *browser) send() {
	b.t.Helper()
	b.press("[data-action=submit]")
	b.read("#modal-title", "Check your request")
	b.press("[data-action=submit]")
	b.read("#modal-title", "Requested")
	b.press("footer [data-action=close]")
	b.formGone()
}

// fill types into fields of the form on top.
func (b *browser) fill(pairs ...string) {
	b.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		field := "#in-" + pairs[i]
		b.do(chromedp.WaitVisible(field, chromedp.ByQuery), chromedp.Evaluate(`document.querySelector('`+field+`').select()`, nil),
			chromedp.SendKeys(field, pairs[i+1], chromedp.ByQuery))
	}
}

// follow opens the one-time link of the last direct message as pressing it does, in a window of its own.
func (b *browser) follow() *browser {
	b.t.Helper()
	const link = `.message:last-of-type a[href*="/cards/"]`
	b.see(link)
	var about []string
	b.do(chromedp.Evaluate("(({ href, target, rel }) => [href, target, rel])(document.querySelector('"+link+"'))", &about))
	if about[1] != "_blank" || !strings.Contains(about[2], "noopener") {
		b.t.Errorf("the link opens in %q, rel %q", about[1], about[2])
	}
	return startBrowser(b.t, about[0])
}

// A card comes by its link, funds an account, and goes again.
func TestBrowserCards(t *testing.T) {
	r := start(t, t.TempDir())
	b := openBrowser(t, r.address)
	b.become("U0LENA")
	b.enter("direct")
	b.say("/tango card register marketing-us")
	b.see("#in-label")
	b.fill("label", "Marketing Visa", "contacts", "Ada Lovelace <ada@example.com>")
	b.shot("card-form", 1280, 800, false)
	b.send()
	b.decide("U0MAYA")
	b.press(`[data-push="60"]`)
	b.become("U0LENA")
	b.enter("direct")
	b.see(`.message:last-of-type a[href*="/cards/"]`)
	b.shot("card-link", 1280, 800, false)

	page := b.follow()
	page.see("#number")
	page.shot("card-page", 1280, 900, false)
	page.shot("card-page-dark", 1280, 900, true)
	page.shot("card-page-narrow", 390, 844, false)
	for _, pair := range [][2]string{
		{"number", "4111 1111 1111 1111"},
		{"month", "12"},
		{"year", "2031"},
		{"code", "123"},
		{"first_name", "Ada"},
		{"last_name", "Lovelace"},
		{"line1", "1 Main Street"},
		{"city", "Seattle"},
		{"state", "WA"},
		{"postal_code", "98101"},
		{"email", "ada@example.com"},
	} {
		page.do(chromedp.SendKeys("#"+pair[0], pair[1], chromedp.ByQuery))
	}
	page.do(chromedp.SetValue("#country", "US", chromedp.ByQuery))
	page.press(".send button")
	page.see(".sheet .sign") // a screen that tells an outcome
	page.read("h1", "registered")
	page.shot("card-done", 1280, 900, false)

	b.read(".message", "Done")
	b.do(chromedp.Evaluate(`document.getElementById('cards-box').open = true; document.getElementById('deposits-box').open = true`, nil))
	b.read("#cards", "Marketing Visa …1111")
	b.shot("cards", 1280, 800, false)
	b.say("/tango cards")
	b.read(".message.only", "Marketing Visa")
	b.shot("cards-list", 1280, 800, false)

	b.deposit("5.55")
	b.read("#deposits", "pending")
	b.read(".message:last-of-type", "settl")
	b.shot("deposit-settling", 1280, 800, false)
	for range 4 {
		b.press(`[data-push="900"]`)
	}
	b.read(".message:last-of-type", "Done, the money has moved")
	b.read("#deposits li:first-child", "success")
	b.read("#deposits li:first-child", "charged 5.74 USD")
	b.deposit("7.55")
	b.read(".message:last-of-type", "eclined")
	b.read("#deposits li:first-child", "declined")
	b.shot("deposit-declined", 1280, 800, false)
	b.shot("deposit-declined-dark", 1280, 800, true)
	b.shot("deposit-declined-narrow", 390, 844, false)

	b.become("U0LENA")
	b.enter("direct")
	b.say("/tango card remove employee-rewards")
	b.see("#in-card")
	b.choose("card", "corporate", "Corporate Visa")
	b.shot("card-remove", 1280, 800, false)
	b.send()
	b.decide("U0MAYA")
	b.press(`[data-push="60"]`)
	b.read(".message:last-of-type", "Done")
	b.read("#cards", "Corporate Visa …1111 deleted")
}

// deposit asks for a deposit as Lena, has Maya approve it and lets the time for stopping it pass.
func (b *browser) deposit(amount string) {
	b.t.Helper()
	b.become("U0LENA")
	b.enter("direct")
	b.say("/tango deposit " + amount + " to employee-rewards")
	b.see("#in-card")
	b.press("[data-action=submit]")
	b.read("#modal-title", "Check your request")
	b.read("#modal .body", "fee")
	b.shot("deposit-check", 1280, 800, false)
	b.press("[data-action=submit]")
	b.read("#modal-title", "Requested")
	b.press("footer [data-action=close]")
	b.formGone()
	b.decide("U0MAYA")
	b.press(`[data-push="60"]`)
}

// listed waits until the journal's directory knows something, and lets the time pass in which the bot may still use the
// one that it read before: on the page's clock, for by the machine's that is half a minute.
func (r *running) listed(what string, known func(*treasury.Directory) bool) {
	r.t.Helper()
	desk := r.bot.desk
	r.until(what+" is in the directory", func() bool {
		var newest treasury.Directory
		if err := newest.Load(r.t.Context(), desk.Journal, desk.Clock()); err != nil {
			r.t.Fatal(err)
		}
		return known(&newest)
	})
	r.do("clock", act{Push: 60})
}

// A customer, an account in it, and an edit, each through its form.
func TestBrowserCustomerAndAccount(t *testing.T) {
	r := start(t, t.TempDir())
	b := openBrowser(t, r.address)
	b.become("U0LENA")
	b.enter("direct")
	b.say("/tango customer create")
	b.see("#in-new_id")
	b.fill("new_id", "acme-nordics", "name", "Acme Nordics")
	b.shot("customer-form", 1280, 800, false)
	b.send()
	b.decide("U0MAYA")
	b.decide("U0RAVI")
	b.press(`[data-push="60"]`)
	b.read(".message:last-of-type", "Done")
	b.become("U0LENA")
	b.enter("direct")
	b.say("/tango customer acme-nordics")
	b.read(".message.only", "Acme Nordics")

	b.press(`[data-push="900"]`)
	r.listed("the customer", func(d *treasury.Directory) bool { return len(d.SearchCustomers("nordics", 1)) == 1 })
	b.say("/tango account create")
	b.see("#in-customer")
	b.choose("customer", "nordics", "Acme Nordics")
	b.fill("new_id", "nordics-rewards", "name", "Nordics Rewards", "email", "nordics@acme.example")
	b.do(chromedp.Focus("#in-currency", chromedp.ByQuery), chromedp.SendKeys("#in-currency", "EUR", chromedp.ByQuery))
	b.shot("account-form", 1280, 800, false)
	b.shot("account-form-narrow", 390, 844, true)
	b.send()
	b.decide("U0MAYA")
	b.press(`[data-push="60"]`)
	b.read(`[data-account="nordics-rewards"]`, "0.00 EUR")

	b.press(`[data-push="900"]`)
	r.listed("the account", func(d *treasury.Directory) bool {
		return len(d.Search("nordics-rewards", 1, func(treasury.Account) bool { return true })) == 1
	})
	b.become("U0LENA")
	b.enter("direct")
	b.say("/tango account edit nordics-rewards")
	b.see("#in-name")
	b.fill("name", "Nordics Bonus")
	b.shot("account-edit", 1280, 800, false)
	b.send()
	b.press(`[data-push="60"]`)
	b.read(`[data-account="nordics-rewards"]`, "Nordics Bonus")
	b.enter("C0APPROVE")
	b.shot("account-edited", 1280, 800, false)
}

// An account runs low by other hands; the alert ends when a transfer fills it up.
func TestBrowserAlert(t *testing.T) {
	r := start(t, t.TempDir())
	b := openBrowser(t, r.address)
	b.become("U0LENA")
	b.do(chromedp.SetValue("#hands", "marketing-events", chromedp.ByQuery))
	for range 3 { // 1,200.00 to 900.00
		b.press("#spend")
	}
	b.read(`[data-account="marketing-events"]`, "900.00 USD")
	b.press(`[data-push="900"]`)
	b.enter("C0ALERTS")
	b.read(".message", "Marketing Events")
	b.shot("alert", 1280, 800, false)
	b.shot("alert-dark", 1280, 800, true)
	b.enter("direct")
	b.say("/tango transfer 300 from employee-rewards to marketing-events")
	b.see("#in-from")
	b.send()
	b.decide("U0MAYA")
	b.press(`[data-push="60"]`)
	b.read(`[data-account="marketing-events"]`, "1,200.00 USD")
	b.press(`[data-push="900"]`)
	b.enter("C0ALERTS")
	b.read(".message", "Balance recovered")
	b.shot("alert-over", 1280, 800, false)
	b.do(chromedp.SetValue("#hands", "referral-program", chromedp.ByQuery))
	b.press("#freeze")
	b.read(`[data-account="referral-program"]`, "frozen")
	b.shot("frozen-narrow", 390, 844, false)
}

// The history comes as a file that can be saved.
func TestBrowserHistoryFile(t *testing.T) {
	r := start(t, t.TempDir())
	r.request()
	b := openBrowser(t, r.address)
	b.become("U0LENA")
	b.enter("direct")
	b.say("/tango history csv")
	b.see(".file")
	b.shot("history-file", 1280, 800, false)
	var status int
	b.do(chromedp.Evaluate(`fetch(document.querySelector('.file').href).then((a) => a.status)`, &status, chromedp.EvalAsValue,
		func(p *cdpruntime.EvaluateParams) *cdpruntime.EvaluateParams { return p.WithAwaitPromise(true) }))
	if status != 200 {
		t.Errorf("the file answers %d", status)
	}
}

// A deposit arrives twice. The alerts channel says so, a transfer from the account waits, and goes on when somebody who may
// has freed the account.
func TestBrowserFrozenAccount(t *testing.T) {
	r := start(t, t.TempDir())
	b := openBrowser(t, r.address)
	b.do(chromedp.SetValue("#call", "deposit", chromedp.ByQuery), chromedp.SetValue("#fault", "twice", chromedp.ByQuery))
	b.press("#arm")
	b.deposit("250")
	b.read(".message:last-of-type", "Done, the money has moved")
	b.enter("C0ALERTS")
	b.read(".message", "employee-rewards")
	b.shot("frozen", 1280, 800, false)
	b.shot("frozen-dark", 1280, 800, true)
	b.become("U0LENA")
	b.enter("direct")
	b.say("/tango transfer 300 from employee-rewards to marketing-us")
	b.see("#in-from")
	b.send()
	b.decide("U0MAYA")
	b.press(`[data-push="60"]`)
	b.read(".message:last-of-type", "It waits: employee-rewards is frozen")
	b.shot("frozen-waits", 1280, 800, false)
	b.enter("direct")
	b.say("/tango resume employee-rewards")
	b.read(".message.only", "The freeze of employee-rewards is lifted")
	b.enter("C0APPROVE")
	b.press(`[data-push="60"]`)
	b.read(".message:last-of-type", "Done, the money has moved")
	b.enter("C0ALERTS")
	b.read(".message", "Account free again")
	b.shot("frozen-over", 1280, 800, false)
}
