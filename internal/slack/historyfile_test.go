package slack_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
	"github.com/tangobot/tangobot/internal/treasury"
)

func faultsOn(pattern string, n int) []tangosim.Fault {
	list := make([]tangosim.Fault, n)
	for i := range list {
		list[i] = tangosim.Fault{On: pattern, StatusBefore: 503}
	}
	return list
}

// withHistory is a bench on which Lena asked twice and Ravi once: a denial in October, a request taken back and one that
// is pending in November.
func withHistory(t *testing.T, change ...func(*slacksim.Config, *treasury.Policy)) *alertBench {
	t.Helper()
	b := newAlertBench(t, change...)
	b.now = time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	for _, id := range []string{"employee-rewards", "marketing-us", "sales-spiffs"} {
		b.add(id, "The "+id, "USD", 500_000)
	}
	if err := b.desk.RefreshDirectory(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask := func(id, person, from, to string) treasury.Request {
		t.Helper()
		r, err := b.desk.Submit(t.Context(), person, treasury.Draft{ID: id, Kind: treasury.ActionTransfer, From: from, To: to, Amount: "125.50", Note: "a < b"})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := ask("TB-0CT0BER0", "U0LENA", "employee-rewards", "marketing-us")
	if _, err := b.desk.Vote(t.Context(), "U0MAYA", r.ID, r.Hash, false, "@all =1+1"); err != nil {
		t.Fatal(err)
	}
	b.now = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	r = ask("TB-N0VEMBE1", "U0RAVI", "sales-spiffs", "marketing-us")
	if _, err := b.desk.Cancel(t.Context(), "U0RAVI", r.ID); err != nil {
		t.Fatal(err)
	}
	b.now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ask("TB-N0VEMBE2", "U0LENA", "employee-rewards", "sales-spiffs")
	b.jobs = nil
	return b
}

func TestHistoryList(t *testing.T) {
	t.Parallel()
	b := withHistory(t)
	goldenMessage(t, "history", b.types(t, "U0VERA", "history"))
	for text, want := range map[string]string{ // the requests' ends and steps, newest first
		"history mine":                     "",
		"history 2026-10":                  "BER0.2 BER0.1",
		"history 2026-10-05..2026-11-02":   "MBE1.2 MBE1.1 BER0.2 BER0.1",
		"history 2026-11-03..":             "MBE2.1",
		"history ..2026-10-04":             "",
		"history sales-spiffs closed":      "MBE1.2",
		"history TB-0CT0BER0":              "BER0.2 BER0.1",
		"history tb-0ct0ber0 denied":       "BER0.2",
		"history in-doubt":                 "",
		"history cancelled denied 2026-11": "MBE1.2",
		"history open":                     "MBE2.1 MBE1.1 BER0.1",
	} {
		m := b.types(t, "U0VERA", text)
		var got []string
		for line := range strings.Lines(m.Text) {
			if _, rest, ok := strings.Cut(line, "`TB-"); ok && strings.HasPrefix(line, "<!date") {
				step := map[bool]string{true: "2", false: "1"}[!strings.Contains(line, "asked for it")]
				got = append(got, rest[4:8]+"."+step)
			}
		}
		if words := strings.Join(got, " "); words != want {
			t.Errorf("%s: %q, want %q in %q", text, words, want, m.Text)
		}
	}
	if m := b.types(t, "U0LENA", "history mine"); strings.Count(m.Text, "<!date") != 3 {
		t.Errorf("Lena's own: %s", m.Text)
	}
}

func TestHistoryRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	b := withHistory(t)
	for text, want := range map[string]string{
		"history 2026-13":                       "is no span of days",
		"history 2026-02-30..":                  "is no span of days",
		"history 2026-10 2026-11":               "is no span of days",
		"history 2026-11..2026-10":              "first day before its last",
		"history 2010-01..":                     "at most five years",
		"history sales-spiffs employee-rewards": "one account can be named",
		"history denid":                         "Did you mean `denied`?",
	} {
		if m := b.types(t, "U0VERA", text); !strings.Contains(m.Text, want) {
			t.Errorf("%s: %q, want %q in it", text, m.Text, want)
		}
	}
	if m := b.types(t, "U0GUS", "history csv"); !strings.Contains(m.Text, "Guests cannot use Tangobot") || len(b.Files()) != 0 {
		t.Errorf("a guest sees %q and gets %d files", m.Text, len(b.Files()))
	}
}

func TestHistoryPages(t *testing.T) {
	t.Parallel()
	b := withHistory(t)
	for i := range 25 {
		b.pass(time.Second)
		_, err := b.desk.Submit(t.Context(), "U0LENA", treasury.Draft{
			ID: fmt.Sprintf("TB-%08d", i), Kind: treasury.ActionTransfer, From: "employee-rewards", To: "marketing-us", Amount: "1", Note: strings.Repeat("long note ", 12),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b.jobs = nil
	m := b.types(t, "U0VERA", "history")
	seen := 0
	for range 10 {
		seen += strings.Count(m.Text, "`TB-")
		if !strings.Contains(m.Text, "press Next") {
			break
		}
		if _, err := b.Click(t.Context(), "U0VERA", slacksim.Target{Channel: m.Channel, TS: m.TS, Action: "next"}); err != nil {
			t.Fatal(err)
		}
		b.drain(t)
		list := b.Ephemerals("U0VERA")
		m = list[len(list)-1]
	}
	if seen != 30 {
		t.Errorf("all pages together tell %d events, want 30", seen)
	}
}

func TestHistoryFileIsSentAndHolds(t *testing.T) {
	t.Parallel()
	b := withHistory(t)
	m := b.types(t, "U0VERA", "history csv")
	goldenMessage(t, "history-csv", m)
	files := b.Files()
	if len(files) != 1 || files[0].Name != "tangobot-history-2026-11-24-120000.csv" {
		t.Fatalf("files %v", files)
	}
	v, err := treasury.VerifyExport(bytes.NewReader(files[0].Content))
	if err != nil || v.Events != 5 || v.Requests != 3 {
		t.Errorf("%+v, %v", v, err)
	}
	direct := b.Messages("D0VERA")
	var shared []slacksim.FileRef
	for _, one := range direct {
		shared = append(shared, one.Files...)
	}
	if len(shared) != 1 || shared[0].ID != files[0].ID || !strings.Contains(direct[0].Text, "make verify FILE=") {
		t.Errorf("the direct message has %+v", direct)
	}
	if !bytes.Contains(files[0].Content, []byte(`'@all =1+1`)) {
		t.Error("a comment that begins with a formula's sign is not made harmless")
	}
	b.types(t, "U0VERA", "history csv marketing-us 2026-11")
	if files = b.Files(); len(files) != 2 {
		t.Fatalf("%d files", len(files))
	}
	if v, err = treasury.VerifyExport(bytes.NewReader(files[1].Content)); err != nil || v.Events != 2 {
		t.Errorf("filtered: %+v, %v", v, err)
	}
}

func TestHistoryFileDegradesInWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scopes []string
		fault  slacksim.Fault
		text   string
		want   string
		direct string // the last direct message
	}{
		"no scope":         {scopes: []string{"chat:write", "users:read"}, want: "must give it the scope `files:write`"},
		"nothing there":    {text: "history csv 2026-01", want: "there is no file"},
		"Slack says no":    {fault: slacksim.Fault{Method: "files.getUploadURLExternal", Error: "file_upload_size_restricted"}, want: "Slack did not take the file"},
		"upload fails":     {fault: slacksim.Fault{Method: "upload_url", Status: 500}, want: "Slack did not take the file"},
		"upload drops":     {fault: slacksim.Fault{Method: "upload_url", Drop: true}, want: "Slack did not take the file"},
		"sharing fails":    {fault: slacksim.Fault{Method: "files.completeUploadExternal", Error: "fatal_error"}, want: "Slack did not take the file", direct: "could not be delivered"},
		"no such request":  {text: "history csv TB-00000000", want: "no such request"},
		"rate limit holds": {fault: slacksim.Fault{Method: "files.getUploadURLExternal", Status: 429, RetryAfter: time.Minute}, want: "Slack did not take the file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := withHistory(t, func(config *slacksim.Config, _ *treasury.Policy) { config.Scopes = c.scopes })
			if c.fault.Method != "" {
				b.Inject(c.fault)
			}
			if c.text == "" {
				c.text = "history csv"
			}
			m := b.types(t, "U0VERA", c.text)
			if !strings.Contains(m.Text, c.want) {
				t.Errorf("said %q, want %q in it", m.Text, c.want)
			}
			if n := len(b.Files()); n != 0 {
				t.Errorf("%d files were shared", n)
			}
			direct := b.Messages("D0VERA")
			switch {
			case c.direct == "" && tellsOfFile(direct):
				t.Errorf("the direct message says %v", direct)
			case c.direct != "" && (len(direct) == 0 || !strings.Contains(direct[len(direct)-1].Text, c.direct)):
				t.Errorf("the direct message says %v", direct)
			}
		})
	}
}

// tellsOfFile tells whether somebody is told of a file.
func tellsOfFile(messages []slacksim.Message) bool {
	for _, m := range messages {
		if m.EphemeralTo == "" && (len(m.Files) > 0 || strings.Contains(m.Text, "Here is the history")) {
			return true
		}
	}
	return false
}

// A span of days has as many digits as a card's number. It must not be taken for one, nor a card's number for days.
func TestDaysAreNoCardNumbers(t *testing.T) {
	t.Parallel()
	b := withHistory(t)
	for text, refused := range map[string]bool{
		"history 2026-10-05..2026-11-02":                false, // its digits pass the Luhn check
		"accounts created:2026-10-05..2026-11-02":       false,
		"history 4111-11-11..1111-11-11":                true,
		"history 4111111111111111":                      true,
		"history 4111-1111-1111-1111":                   true,
		"history 2026-10-05 4111 1111 1111 1111":        true,
		cardLike(t, "history 4111-01-%02d..2026-01-01"): true,
		cardLike(t, "history 2026-01-%02d..4111-01-01"): true,
	} {
		m := b.types(t, "U0VERA", text)
		if got := strings.Contains(m.Text, "looks like a card's number"); got != refused {
			t.Errorf("%s: refused %v: %s", text, got, m.Text)
		}
	}
}

// cardLike gives a text whose digits pass for a card's number, by the day that is left open in it.
func cardLike(t *testing.T, form string) string {
	t.Helper()
	for day := 1; day <= 28; day++ {
		if text := fmt.Sprintf(form, day); treasury.HasCardNumber(text) {
			return text
		}
	}
	t.Fatalf("no day makes a card's number of %s", form)
	return ""
}
