package cardpage_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/cardpage"
	"github.com/tangobot/tangobot/internal/treasury"
)

// Every link that cannot be used gets byte for byte the same answer, whatever is wrong with it.
func TestDeadLinksAreAllAlike(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, used := b.invited()
	b.post(used, visa()).expect(t, 200, "The card is registered")
	renewedID, replaced := b.invited()
	b.renew(renewedID)
	_, other := b.invited()
	_, expired := b.invited()
	stoppedID, stopped := b.invited()
	_, err := b.desk.Cancel(t.Context(), "U0LENA", stoppedID)
	b.must(err)
	b.clock.push(treasury.InviteLife)
	live := b.renew(renewedID)

	secret := func(link string) string { _, s, _ := strings.Cut(link, "."); return s }
	flipped := "A"
	if strings.HasPrefix(secret(live), "A") {
		flipped = "B"
	}
	dead := map[string]string{
		"used":                        used,
		"replaced":                    replaced,
		"expired":                     expired,
		"stopped":                     stopped,
		"tampered":                    renewedID + "." + flipped + secret(live)[1:],
		"another request's secret":    renewedID + "." + secret(other),
		"unknown request":             "TB-ZZZZZZZZ." + secret(live),
		"not a request":               "TB-." + secret(live),
		"id alone":                    renewedID,
		"secret alone":                secret(live),
		"hash instead of secret":      renewedID + "." + b.request(renewedID).Invite.Hash,
		"cut":                         live[:len(live)-1],
		"line break":                  live + "%0A",
		"escaped":                     strings.Replace(live, ".", "%2E", 1),
		"deeper":                      live + "/x",
		"slash behind":                live + "/",
		"query":                       live + "?a=1",
		"empty query":                 live + "?",
		"nothing":                     "",
		"somewhere else":              "../slack/commands",
		"card number in the way":      renewedID + ".4111111111111111",
		"a thousand signs":            renewedID + "." + strings.Repeat("A", 1000),
		"another kind of capital":     strings.ToLower(renewedID) + "." + secret(live),
		"a used one's, other request": renewedID + "." + secret(used),
	}
	before := b.registrations()
	first := b.get("TB-AAAAAAAA." + secret(live))
	first.expect(t, 404, "This link cannot be used", "Send me a new link")
	for name, link := range dead {
		for method, a := range map[string]answer{"GET": b.get(link), "POST": b.post(link, visa())} {
			if a.status != first.status || a.body != first.body {
				t.Errorf("%s %s: status %d: %s", method, name, a.status, a.text())
			}
			if fmt.Sprint(sorted(a.header)) != fmt.Sprint(sorted(first.header)) {
				t.Errorf("%s %s: headers differ: %v", method, name, a.header)
			}
		}
	}
	if b.registrations() != before {
		t.Error("a dead link sent a card")
	}
	b.post(live, visa()).expect(t, 200, "The card is registered") // all that spoilt nothing
}

func sorted(h http.Header) []string {
	var lines []string
	for name, values := range h {
		if name != "Date" {
			lines = append(lines, name+": "+strings.Join(values, ", "))
		}
	}
	slices.Sort(lines)
	return lines
}

// Slack, mail readers and scanners fetch links; that uses nothing up and writes nothing.
func TestLookingUsesNothingUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, link := b.invited()
	b.settle()
	before := b.request(id).Step
	for range 3 * cardpage.MaxPosts {
		b.get(link, func(r *http.Request) { r.Header.Set("User-Agent", "Slackbot-LinkExpanding 1.0") }).expect(t, 200, "Register a card")
	}
	if head := b.send(http.MethodHead, cardpage.Path+link, http.NoBody); head.status != 200 || head.body != "" {
		t.Errorf("HEAD gives %d and %d bytes", head.status, len(head.body))
	}
	if b.request(id).Step != before || len(b.questions.take()) > 0 {
		t.Error("a look changed something")
	}
	b.post(link, visa()).expect(t, 200, "The card is registered")
}

func TestTwoTabs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, link := b.invited()
	b.get(link).expect(t, 200)
	b.get(link).expect(t, 200)
	b.post(link, visa()).expect(t, 200, "The card is registered")
	b.post(link, with(with(visa(), "number", "5555555555554444"), "first_name", "Maya")).expect(t, 404, "do not type it again")
	if b.registrations() != 1 {
		t.Errorf("%d sends", b.registrations())
	}
}

// A link's form can be sent ten times in its life, right or wrong. A new link begins anew.
func TestPostsAreCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id, link := b.invited()
	wrong := with(visa(), "number", "4111 1111 1111 1112")
	for n := 1; n < cardpage.MaxPosts; n++ {
		words := fmt.Sprintf("This link takes %d more tries", min(cardpage.MaxPosts-n, treasury.MaxCardTries))
		if n == cardpage.MaxPosts-1 {
			words = "This link takes one more try"
		}
		b.post(link, wrong).expect(t, 422, words)
	}
	b.post(link, url.Values{"number": {"1"}}).expect(t, 400) // counts too
	b.post(link, visa()).expect(t, 429, "tried too often", "can be sent 10 times", "Send me a new link", id)
	b.post(link, wrong).expect(t, 429)
	b.get(link).expect(t, 200)
	if b.registrations() != 0 {
		t.Error("a card was sent")
	}
	b.post(b.renew(id), visa()).expect(t, 200, "The card is registered")
}

// The last try that a link takes does not end with a form that cannot be sent.
func TestLastPostIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, link := b.invited()
	for range cardpage.MaxPosts - 1 {
		b.post(link, with(visa(), "code", "")).expect(t, 422)
	}
	if a := b.post(link, with(visa(), "code", "")); a.status != 429 || strings.Contains(a.body, "<form") {
		t.Errorf("status %d: %s", a.status, a.text())
	}
}

// What no browser sends from this page is refused before the link is looked at, and counts nothing.
func TestWhatIsNotTaken(t *testing.T) {
	t.Parallel()
	header := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del(name)
			for _, v := range values {
				r.Header.Add(name, v)
			}
		}
	}
	both := func(site, origin string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Del("Origin")
			if site != "" {
				r.Header.Set("Sec-Fetch-Site", site)
			}
			if origin != "" {
				r.Header.Set("Origin", origin)
			}
		}
	}
	b := setup(t)
	_, link := b.invited()
	kind := func(values ...string) func(*http.Request) { return header("Content-Type", values...) }
	for name, c := range map[string]struct {
		status int
		change func(*http.Request)
	}{
		"no type":               {415, kind()},
		"JSON":                  {415, kind("application/json")},
		"multipart":             {415, kind("multipart/form-data; boundary=x")},
		"text":                  {415, kind("text/plain")},
		"two types":             {415, kind("application/x-www-form-urlencoded", "application/x-www-form-urlencoded")},
		"other charset":         {415, kind("application/x-www-form-urlencoded; charset=utf-16")},
		"other parameter":       {415, kind("application/x-www-form-urlencoded; boundary=x")},
		"another site":          {403, both("cross-site", "https://evil.example")},
		"a sister site":         {403, both("same-site", "null")},
		"typed address":         {403, both("none", "null")},
		"odd site":              {403, both("same-origin, same-origin", "null")},
		"neither":               {403, both("", "")},
		"foreign origin alone":  {403, both("", "https://evil.example")},
		"own host, other port":  {403, both("", "https://127.0.0.1:1")},
		"origin with a path":    {403, both("", b.server.URL+"/x")},
		"not an origin":         {403, both("", "://")},
		"site and origin fight": {403, both("same-origin", "https://evil.example")},
		"PUT":                   {405, func(r *http.Request) { r.Method = http.MethodPut }},
		"DELETE":                {405, func(r *http.Request) { r.Method = http.MethodDelete }},
		"OPTIONS":               {405, func(r *http.Request) { r.Method = http.MethodOptions }},
	} {
		a := b.post(link, visa(), c.change)
		if a.status != c.status {
			t.Errorf("%s: status %d instead of %d", name, a.status, c.status)
		}
		if !strings.Contains(a.text(), "This was not taken") {
			t.Errorf("%s: %s", name, a.text())
		}
		if c.status == 405 && a.header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("%s: Allow is %q", name, a.header.Get("Allow"))
		}
	}
	for name, change := range map[string]func(*http.Request){
		"a browser of today":       both("same-origin", "null"),
		"with its origin":          both("same-origin", b.server.URL),
		"an old browser":           both("", "null"),
		"an old one, with origin":  both("", b.server.URL),
		"charset named":            kind("application/x-www-form-urlencoded; charset=UTF-8"),
		"type in other capitals":   kind("Application/X-WWW-Form-URLencoded"),
		"a browser without Origin": both("same-origin", ""),
	} {
		_, link := b.invited()
		if a := b.post(link, visa(), change); a.status != 200 {
			t.Errorf("%s: status %d: %s", name, a.status, a.text())
		}
	}
}

func TestBodiesThatAreNotTheForm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	whole := visa().Encode()
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"empty":            {400, ""},
		"one field":        {400, "number=4111111111111111"},
		"a field less":     {400, strings.Replace(whole, "line2=&", "", 1)},
		"a field twice":    {400, whole + "&number=4111111111111111"},
		"an unknown field": {400, whole + "&csrf=1"},
		"no equals sign":   {400, whole + "&x"},
		"ends in an and":   {400, whole + "&"},
		"semicolons":       {400, strings.ReplaceAll(whole, "&", ";")},
		"half an escape":   {400, strings.Replace(whole, "code=739", "code=%7", 1)},
		"a wrong escape":   {400, strings.Replace(whole, "code=739", "code=%zz", 1)},
		"not UTF-8":        {400, strings.Replace(whole, "city=Seattle", "city=%ff%fe", 1)},
		"raw bytes":        {400, strings.Replace(whole, "city=Seattle", "city=Z\u00fcrich", 1)},
		"escaped name":     {400, strings.Replace(whole, "code=", "c%6fde=", 1)},
		"JSON":             {400, `{"number":"4111111111111111"}`},
		"too large":        {413, whole + strings.Repeat("x", 9<<10)},
	} {
		_, link := b.invited()
		b.post(link, nil, func(r *http.Request) { replace(r, c.body, true) }).expect(t, c.status, "This was not taken", "Nothing was sent")
		if name == "too large" {
			b.post(link, nil, func(r *http.Request) { replace(r, c.body, false) }).expect(t, c.status, "This was not taken")
		}
		b.post(link, visa()).expect(t, 200, "The card is registered")
		b.tango.SetCardStatus(b.tango.Cards()[len(b.tango.Cards())-1].Token, "DELETED") // there is room for ten
	}
}

// replace gives the request another body, of a told length or not.
func replace(r *http.Request, body string, told bool) {
	r.Body = http.NoBody
	r.ContentLength = 0
	if body != "" {
		r.Body = readCloser{strings.NewReader(body)}
		r.ContentLength = int64(len(body))
	}
	if !told {
		r.ContentLength = -1
	}
	r.GetBody = nil
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// Nothing that was typed comes back, in no way of writing it.
func TestNothingIsEchoed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, link := b.invited()
	form := url.Values{}
	for key := range visa() {
		form.Set(key, "Zq7"+key+"<b>4242424242424242")
	}
	page := b.post(link, form)
	page.expect(t, 422, "13 fields need another look")
	for _, typed := range []string{"Zq7", "4242", "<b>", "&lt;b"} {
		if strings.Contains(page.body, typed) {
			t.Errorf("the page repeats %q", typed)
		}
	}
	if strings.Contains(page.body, " value=") && strings.Count(page.body, " value=") != strings.Count(b.get(link).body, " value=") {
		t.Error("the page fills fields in")
	}
	for _, body := range []string{"Zq7", "number=Zq7&number=Zq7", "Zq7=1"} {
		a := b.post(link, nil, func(r *http.Request) { replace(r, body, true) })
		if strings.Contains(a.body, "Zq7") {
			t.Errorf("an error page repeats the body: %s", a.text())
		}
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// All answers have the same headers, byte for byte those of the golden file. This is what a change of the page, or of its
// style, must be approved against (PCI DSS 11.6.1).
func TestHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, link := b.invited()
	pages := map[string]answer{
		"form":   b.get(link),
		"faults": b.post(link, with(visa(), "code", "")),
		"method": b.send(http.MethodPut, cardpage.Path+link, http.NoBody),
		"type":   b.post(link, visa(), func(r *http.Request) { r.Header.Del("Content-Type") }),
		"done":   b.post(link, visa()),
		"dead":   b.get(link),
	}
	const golden = "testdata/headers.golden"
	if *update {
		b.must(os.WriteFile(golden, []byte(strings.Join(own(pages["form"].header), "\n")+"\n"), 0o600))
	}
	want, err := os.ReadFile(golden)
	b.must(err)
	for name, page := range pages {
		if got := strings.Join(own(page.header), "\n") + "\n"; got != string(want) {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

// own leaves out what the server adds.
func own(h http.Header) []string {
	h = h.Clone()
	for _, name := range []string{"Date", "Content-Length", "Allow"} {
		h.Del(name)
	}
	return sorted(h)
}

// The page is one answer: no script, nothing from elsewhere, and a style that its policy names by hash.
func TestPageIsOneAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, link := b.invited()
	for name, page := range map[string]answer{
		"form": b.get(link), "faults": b.post(link, with(visa(), "code", "")), "done": b.post(link, visa()), "dead": b.get("x"),
	} {
		lower := strings.ToLower(page.body)
		for _, bad := range []string{"<script", "javascript:", " src=", "<link", "<img", "<iframe", "url(", "@import", " style=", "http:", "https:", " onclick", " onload", "<base"} {
			if strings.Contains(lower, bad) {
				t.Errorf("%s: the page has %q", name, bad)
			}
		}
		if n := strings.Count(page.body, "<style>"); n != 1 {
			t.Errorf("%s: %d styles", name, n)
		}
		style := page.body[strings.Index(page.body, "<style>")+7 : strings.Index(page.body, "</style>")]
		if !strings.Contains(page.header.Get("Content-Security-Policy"), "style-src 'sha256-"+sha(style)+"'") {
			t.Errorf("%s: the policy does not name this style", name)
		}
	}
}

// Time has a part in it: the deadline that the server sets is the one that the attempt is bound to.
func TestServersDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := b.clock.Now()
	id, link := b.invited()
	b.post(link, visa()).expect(t, 200)
	if got := b.request(id).Attempt.NotAfter.Sub(start); got != cardpage.RunTime {
		t.Errorf("without a deadline the attempt may run for %s", got)
	}
	for left, status := range map[time.Duration]int{2 * time.Minute: 200, 10 * time.Second: 503} {
		id, link := b.invited()
		b.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b.page.ServeHTTP(w, r.WithContext(later{r.Context(), start.Add(left)})) //nolint:contextcheck // it is the request's own
		})
		b.post(link, visa()).expect(t, status)
		if a := b.request(id).Attempt; status == 200 && !a.NotAfter.Equal(start.Add(left)) {
			t.Errorf("the attempt may run until %s", a.NotAfter)
		}
	}
}
