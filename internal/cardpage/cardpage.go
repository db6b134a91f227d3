// Package cardpage is the one-time page on which a card's holder types it: GET and POST /cards/{invite}. It is the only
// place where Tangobot meets a card's number, and it is built to meet it as briefly as can be.
//
// The link is a secret of 32 random bytes, told to one person. GET shows the form and changes nothing, because Slack and
// mail readers fetch links to preview them. POST reads the form strictly, checks every field, and hands the card to Tango
// once. Number and code live in one buffer, which is wiped, and in two treasury.Secret, which no way of printing shows. No
// page repeats anything that was typed, no log line has a body or an address of the page, and a panic is logged without its
// words.
//
// The page has no script, no picture and no second address: all of it is one answer, whose style is named by its hash in the
// policy that the browser is given.
package cardpage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Page is the handler. Make it with New; it is safe for concurrent use.
type Page struct {
	desk   *treasury.Desk
	claims treasury.Claims
	look   *template.Template
	policy string // Content-Security-Policy
}

// New makes the page. The desk needs all but People: whether everybody may still do what they did is asked when the link is
// made, a quarter of an hour before the last use of it at most. claims counts the tries of each link.
//
// The holder's address, which Tango wants to know, is the request's RemoteAddr: the adapter in front must put the caller's
// there. Behind a proxy of one's own it would be the proxy's.
func New(desk *treasury.Desk, claims treasury.Claims) *Page {
	look, policy := newLook()
	return &Page{desk: desk, claims: claims, look: look, policy: policy}
}

// Path is where the page lies; the link's secret part follows.
const Path = "/cards/"

// RunTime is what one use of the page may take where the server sets no deadline of its own: two paced reads of Tango, 25 s
// for the send and 15 for the record, with room.
const RunTime = 90 * time.Second

// MaxPosts is how often one link's form can be sent, whatever becomes of it.
const MaxPosts = 10

// visit is one request to the page.
type visit struct {
	*Page
	w         http.ResponseWriter
	r         *http.Request
	reference string // found in the log, for a visit of which no request is known
}

func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := &visit{Page: p, w: w, r: r, reference: rand.Text()[:8]}
	ctx := r.Context()
	defer v.rescue(ctx)
	link, ok := strings.CutPrefix(r.URL.EscapedPath(), Path)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		w.Header().Set("Allow", "GET, HEAD, POST")
		v.show(methodScreen())
	case !ok || r.URL.RawQuery != "" || r.URL.ForceQuery:
		v.show(deadScreen())
	case r.Method == http.MethodPost:
		v.post(ctx, link)
	default:
		v.get(ctx, link)
	}
}

// rescue answers a panic. Its words may hold what was being worked on, so its type and place alone are logged.
func (v *visit) rescue(ctx context.Context) {
	trouble := recover()
	if trouble == nil {
		return
	}
	v.desk.Log.ErrorContext(ctx, "card page panicked", "reference", v.reference,
		"type", fmt.Sprintf("%T", trouble), "stack", string(debug.Stack()))
	v.show(brokenScreen(v.reference))
}

func (v *visit) get(ctx context.Context, link string) {
	r, err := v.desk.Invited(ctx, link)
	if err != nil {
		v.refuse(ctx, err)
		return
	}
	v.show(formScreen(v.about(r), nil))
}

// post takes what was typed. Every way out before Register sends nothing.
func (v *visit) post(ctx context.Context, link string) {
	address, wrong := v.screen(ctx)
	if wrong != nil {
		v.show(*wrong)
		return
	}
	ctx, done := v.bound(ctx)
	defer done()
	request, err := v.desk.Invited(ctx, link)
	if err != nil {
		v.refuse(ctx, err)
		return
	}
	posts, err := v.count(ctx, request)
	if err != nil {
		v.refuse(ctx, err)
		return
	}
	if posts > MaxPosts {
		v.show(oftenScreen(request.ID))
		return
	}
	about := v.about(request)
	about.Left = min(MaxPosts-posts, treasury.MaxCardTries-request.Attempts)
	buffer := make([]byte, maxForm+1)
	defer clear(buffer)
	form, wrong := readForm(v.r.Body, buffer)
	if wrong != nil {
		v.show(*wrong)
		return
	}
	typed, faults := check(form, v.desk.Clock())
	if len(faults) > 0 {
		v.desk.Log.InfoContext(ctx, "card form sent back", "request", request.ID, "faults", len(faults))
		if about.Left == 0 {
			v.show(oftenScreen(request.ID))
			return
		}
		v.show(formScreen(about, faults))
		return
	}
	after, err := v.desk.Register(ctx, link, typed.card, address.String())
	if err != nil {
		v.registerFailed(ctx, request.ID, after, err)
		return
	}
	v.desk.Log.InfoContext(ctx, "card form carried out", "request", after.ID, "state", after.State)
	v.show(v.outcome(after, about, typed.brand))
}

// screen refuses what no browser sends from this page: another type, too much, another site's form. It gives the holder's
// address.
//
// The link itself is the secret that a forged form would need, so a browser too old for Sec-Fetch-Site passes with Origin
// null, which is what it sends for a page that gives no referrer. A client that sends neither is no browser.
func (v *visit) screen(ctx context.Context) (netip.Addr, *screen) {
	h := v.r.Header
	site, origin := h.Get("Sec-Fetch-Site"), h.Get("Origin")
	refuse := func(s screen) (netip.Addr, *screen) { return netip.Addr{}, &s }
	switch {
	case !isForm(h.Values("Content-Type")):
		return refuse(typeScreen())
	case v.r.ContentLength > maxForm:
		return refuse(sizeScreen())
	case site == "" && origin == "", site != "" && site != "same-origin":
		return refuse(originScreen())
	case origin != "" && origin != "null" && !isOwn(origin, v.r.Host):
		return refuse(originScreen())
	}
	address, err := netip.ParseAddrPort(v.r.RemoteAddr)
	if err != nil || address.Addr().IsUnspecified() || address.Addr().IsMulticast() {
		v.desk.Log.ErrorContext(ctx, "card page does not know its visitor's address", "reference", v.reference)
		return refuse(brokenScreen(v.reference))
	}
	return address.Addr().Unmap().WithZone(""), nil
}

// bound gives a context that a closed tab does not end: a call to Tango that has begun must come to its end. Its deadline
// is the server's, told on the desk's clock, or RunTime from now.
func (v *visit) bound(parent context.Context) (context.Context, context.CancelFunc) {
	now := v.desk.Clock()
	at, ok := parent.Deadline()
	if !ok {
		at = now.Add(RunTime)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), at.Sub(now))
	return bounded{ctx, at}, cancel
}

// bounded tells the deadline on the desk's clock, which in the playground is ahead of the machine's.
type bounded struct {
	context.Context
	at time.Time
}

// Deadline is when the invocation is killed.
func (b bounded) Deadline() (time.Time, bool) { return b.at, true }

// count claims the next of the link's tries, and gives its number; MaxPosts+1 when all are taken.
func (v *visit) count(ctx context.Context, r treasury.Request) (int, error) {
	for n := 1; n <= MaxPosts; n++ {
		first, err := v.claims.First(ctx, "card/"+r.Invite.Hash+"/"+strconv.Itoa(n), treasury.InviteLife)
		if err != nil || first {
			return n, err
		}
	}
	return MaxPosts + 1, nil
}

// refuse answers an error that came before anything was done. Every link that cannot be used gets one and the same answer.
func (v *visit) refuse(ctx context.Context, err error) {
	if errors.Is(err, treasury.ErrForbidden) {
		v.show(deadScreen())
		return
	}
	v.desk.Log.ErrorContext(ctx, "card page cannot work", "reference", v.reference, "error", err)
	v.show(unavailableScreen(v.reference))
}

// registerFailed answers a registration that gave no outcome. After the mark, and only then, the card may have left.
func (v *visit) registerFailed(ctx context.Context, id string, r treasury.Request, err error) {
	switch {
	case r.State == treasury.StateSending || r.State == treasury.StateInDoubt:
		v.desk.Log.ErrorContext(ctx, "card sent, outcome not recorded", "request", id, "error", err)
		v.show(doubtScreen(id, ""))
	case errors.Is(err, treasury.ErrForbidden):
		v.show(deadScreen())
	case errors.Is(err, treasury.ErrStopped):
		v.show(waitScreen(id, stoppedWords))
	case errors.Is(err, treasury.ErrLaneBusy):
		v.show(waitScreen(id, busyWords))
	default:
		v.desk.Log.ErrorContext(ctx, "card not sent", "request", id, "error", err)
		v.show(waitScreen(id, notSentWords))
	}
}

// outcome tells what became of the card.
func (v *visit) outcome(r treasury.Request, about about, brand brand) screen {
	switch r.State {
	case treasury.StateSucceeded:
		return doneScreen(r, about, brand, v.desk.Clock())
	case treasury.StateApproved:
		about.Left = min(about.Left, treasury.MaxCardTries-r.Attempts)
		switch {
		case about.Left <= 0 || !r.Invite.IsLive(v.desk.Clock()):
			return renewScreen(r)
		case r.Attempt == nil || r.Attempt.SentAt.IsZero(): // given up before the mark; Answer is an earlier try's, if any
			return formScreen(about, []fault{{Text: unreachedWords}})
		}
		return formScreen(about, []fault{refusal(*r.Answer)})
	case treasury.StateFailed:
		return failedScreen(r)
	case treasury.StateInDoubt, treasury.StateSending:
		return doubtScreen(r.ID, tangoRequest(r.Answer))
	case treasury.StatePending, treasury.StateClaimed, treasury.StateSettling, treasury.StateDeclined, treasury.StateDenied,
		treasury.StateCancelled, treasury.StateExpired:
	}
	return waitScreen(r.ID, notSentWords)
}

// about is what the page tells of the request.
type about struct {
	Account, AccountID, Label string
	ID                        string
	Until, Now                time.Time // the link's end, and this moment
	Left                      int       // tries left with this link
}

func (v *visit) about(r treasury.Request) about {
	a := r.Action.RegisterCard
	return about{
		Account: visible(a.Account.Name), AccountID: a.Account.ID, Label: visible(a.Label), ID: r.ID, Until: r.Invite.ExpiresAt, Now: v.desk.Clock(),
		Left: min(MaxPosts, treasury.MaxCardTries-r.Attempts),
	}
}
