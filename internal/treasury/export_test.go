package treasury_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/treasury"
)

// past is a bench with a history over three months:
//
//	TB-SEPTEMBR  transfer by Lena, denied by Maya with a comment that is a formula
//	TB-0CT0BER0  transfer by Ravi, taken back
//	TB-N0VEMBER  transfer by Lena, pending since today
func past(t *testing.T) *watchBench {
	t.Helper()
	b := newWatchBench(t, watchPolicy)
	b.now = time.Date(2026, 9, 20, 9, 0, 0, 0, time.UTC)
	for _, id := range []string{"employee-rewards", "marketing-us", "sales-spiffs"} {
		b.add(id, 500_000)
	}
	if err := b.RefreshDirectory(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask := func(id, person, from, to string) treasury.Request {
		r, err := b.Submit(t.Context(), person, treasury.Draft{
			ID: id, Kind: treasury.ActionTransfer, From: from, To: to, Amount: "125.50", Note: "spring, \"event\"",
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := ask("TB-SEPTEMBR", "U0LENA", "employee-rewards", "marketing-us")
	if _, err := b.Vote(t.Context(), "U0MAYA", r.ID, r.Hash, false, "=HYPERLINK(\"http://evil\")\nno"); err != nil {
		t.Fatal(err)
	}
	b.now = time.Date(2026, 10, 31, 23, 59, 59, 0, time.UTC)
	r = ask("TB-0CT0BER0", "U0RAVI", "sales-spiffs", "marketing-us")
	b.now = time.Date(2026, 11, 1, 0, 0, 1, 0, time.UTC)
	if _, err := b.Cancel(t.Context(), "U0RAVI", r.ID); err != nil {
		t.Fatal(err)
	}
	b.now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ask("TB-N0VEMBER", "U0LENA", "employee-rewards", "sales-spiffs")
	return b
}

// events gives a page as "request.step" words.
func events(page []treasury.Happening) []string {
	list := []string{}
	for _, h := range page {
		list = append(list, h.Entry.Request[3:]+"."+string(h.Entry.To))
	}
	return list
}

func day(text string) time.Time {
	d, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return d
}

func TestHappenedFilters(t *testing.T) {
	t.Parallel()
	b := past(t)
	for name, c := range map[string]struct {
		query treasury.HistoryQuery
		want  []string
	}{
		"all, newest first": {treasury.HistoryQuery{}, []string{
			"N0VEMBER.pending", "0CT0BER0.cancelled", "0CT0BER0.pending", "SEPTEMBR.denied", "SEPTEMBR.pending",
		}},
		"a span cuts through a request": {treasury.HistoryQuery{From: day("2026-10-01"), To: day("2026-11-01")}, []string{"0CT0BER0.pending"}},
		"the end of a span is out":      {treasury.HistoryQuery{From: day("2026-11-01"), To: day("2026-11-02")}, []string{"0CT0BER0.cancelled"}},
		"before all":                    {treasury.HistoryQuery{From: day("2025-01-01"), To: day("2025-12-31")}, []string{}},
		"mine":                          {treasury.HistoryQuery{Requester: "U0RAVI"}, []string{"0CT0BER0.cancelled", "0CT0BER0.pending"}},
		"an account on either side":     {treasury.HistoryQuery{Account: "sales-spiffs"}, []string{"N0VEMBER.pending", "0CT0BER0.cancelled", "0CT0BER0.pending"}},
		"one request":                   {treasury.HistoryQuery{Request: "TB-SEPTEMBR"}, []string{"SEPTEMBR.denied", "SEPTEMBR.pending"}},
		"states":                        {treasury.HistoryQuery{States: []treasury.State{treasury.StateDenied, treasury.StateCancelled}}, []string{"0CT0BER0.cancelled", "SEPTEMBR.denied"}},
		"together":                      {treasury.HistoryQuery{Requester: "U0LENA", States: []treasury.State{treasury.StatePending}, Account: "marketing-us"}, []string{"SEPTEMBR.pending"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, next, err := b.Happened(t.Context(), c.query, "", 50)
			if err != nil || next != "" {
				t.Fatalf("next %q, %v", next, err)
			}
			if diff := cmp.Diff(c.want, events(page)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHappenedPagesWithoutGapsOrRepeats(t *testing.T) {
	t.Parallel()
	b := past(t)
	whole, _, err := b.Happened(t.Context(), treasury.HistoryQuery{}, "", 50)
	if err != nil {
		t.Fatal(err)
	}
	for size := 1; size <= 6; size++ {
		var got []string
		cursor := ""
		for range 20 {
			page, next, err := b.Happened(t.Context(), treasury.HistoryQuery{}, cursor, size)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, events(page)...)
			if size == 2 && len(got) == 2 { // something new in between moves nothing
				if _, err := b.Cancel(t.Context(), "U0LENA", "TB-N0VEMBER"); err != nil {
					t.Fatal(err)
				}
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		want := events(whole)
		if size > 2 {
			want = append([]string{"N0VEMBER.cancelled"}, want...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d: %s", size, diff)
		}
	}
}

func TestHappenedRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	b := past(t)
	for name, c := range map[string]struct {
		query  treasury.HistoryQuery
		cursor string
	}{
		"last before first": {treasury.HistoryQuery{From: day("2026-10-01"), To: day("2026-09-01")}, ""},
		"six years":         {treasury.HistoryQuery{From: day("2020-10-01")}, ""},
		"a cursor of words": {treasury.HistoryQuery{}, "next please"},
		"another month":     {treasury.HistoryQuery{}, `{"m":"13"}`},
	} {
		if _, _, err := b.Happened(t.Context(), c.query, c.cursor, 10); !errors.Is(err, treasury.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// exported gives the file of a query.
func exported(t *testing.T, b *watchBench, q treasury.HistoryQuery) (treasury.Export, string) {
	t.Helper()
	x, err := b.Export(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := x.WriteCSV(&file); err != nil {
		t.Fatal(err)
	}
	return x, file.String()
}

// cells gives the file's lines by column name, the heading left out.
func cells(t *testing.T, file string) []map[string]string {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file, "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]map[string]string, len(lines)-1)
	for i, line := range lines[1:] {
		rows[i] = map[string]string{}
		for n, name := range lines[0] {
			rows[i][name] = line[n]
		}
	}
	return rows
}

func TestExportIsOneRowAnEvent(t *testing.T) {
	t.Parallel()
	b := past(t)
	x, file := exported(t, b, treasury.HistoryQuery{})
	if !strings.HasPrefix(file, "\ufeffrequest,step,steps,at,by,") {
		t.Errorf("the file begins with %.40q", file)
	}
	rows := cells(t, file)
	if x.Events != 5 || len(rows) != 5 || x.Cut || len(x.Broken) != 0 {
		t.Fatalf("%d events, %d rows, cut %v, broken %v", x.Events, len(rows), x.Cut, x.Broken)
	}
	denial := rows[1]
	delete(denial, "hash")
	delete(denial, "prev")
	delete(denial, "entry")
	want := map[string]string{
		"request": "TB-SEPTEMBR", "step": "2", "steps": "2", "at": "2026-09-20T09:00:00Z", "by": "U0MAYA", "event": "voted",
		"from_state": "pending", "to_state": "denied", "approve": "no", "comment": "'=HYPERLINK(\"http://evil\")\nno", "reason": "",
		"attempt": "", "verdict": "", "tango_status": "", "tango_key": "", "tango_request": "", "deposit": "", "charged": "",
		"requester": "U0LENA", "action": "transfer", "amount": "125.50", "currency": "USD", "from_account": "employee-rewards",
		"to_account": "marketing-us", "customer": "",
	}
	if diff := cmp.Diff(want, denial); diff != "" {
		t.Error(diff)
	}
}

// A filter chooses requests; each of them is in with its whole chain, or the chain could not be checked.
func TestExportHasWholeRequests(t *testing.T) {
	t.Parallel()
	b := past(t)
	x, file := exported(t, b, treasury.HistoryQuery{From: day("2026-11-01"), To: day("2026-11-02")})
	if x.Events != 2 || len(x.Requests) != 1 {
		t.Errorf("%d events of %d requests", x.Events, len(x.Requests))
	}
	if _, err := treasury.VerifyExport(strings.NewReader(file)); err != nil {
		t.Error(err)
	}
	if x, _ = exported(t, b, treasury.HistoryQuery{Request: "TB-0CT0BER0"}); x.Events != 2 {
		t.Errorf("%d events of the one request", x.Events)
	}
	if _, err := b.Export(t.Context(), treasury.HistoryQuery{Request: "TB-NEVERMADE"[:11]}); !errors.Is(err, treasury.ErrNotFound) {
		t.Errorf("a request that is none: %v", err)
	}
}

func TestExportIsBounded(t *testing.T) {
	t.Parallel()
	b := newWatchBench(t, watchPolicy)
	const requests, steps = 21, 1000
	for i := range requests {
		id := "TB-000000" + string([]byte{'A' + byte(i/10), '0' + byte(i%10)})
		at := b.clock().Add(time.Duration(i-requests) * time.Minute)
		action := treasury.Action{Kind: treasury.ActionCreateCustomer, CreateCustomer: &treasury.CreateCustomer{ID: "acme-1"}}
		b.put(t, "REQ#"+id, treasury.Request{ID: id, Step: steps, Action: action, CreatedAt: at}, nil)
		e := treasury.Entry{Request: id, Step: steps, At: at, Event: treasury.EventExpire, To: treasury.StateExpired}
		b.put(t, "EVENT#"+id+"#1000", e, map[treasury.Index]treasury.Place{
			treasury.ByState: {Key: "history/" + at.Format("2006-01"), Sort: at.Format("2006-01-02T15:04:05.000Z") + "/" + id + "#1000"},
		})
	}
	x, err := b.Export(t.Context(), treasury.HistoryQuery{})
	if err != nil {
		t.Fatal(err)
	}
	// 21,000 steps: the newest twenty requests are in, and it is said that there are more.
	if len(x.Requests) != 20 || !x.Cut || x.Requests[0].Request.ID != "TB-000000A1" || x.Requests[19].Request.ID != "TB-000000C0" {
		t.Errorf("%d requests from %s on, cut %v", len(x.Requests), x.Requests[0].Request.ID, x.Cut)
	}
}

func TestBrokenHistoryIsExportedAndTold(t *testing.T) {
	t.Parallel()
	b := past(t)
	records, err := b.Journal.Get(t.Context(), "EVENT#TB-SEPTEMBR#0002")
	if err != nil {
		t.Fatal(err)
	}
	var e treasury.Entry
	if err := json.Unmarshal(records[0].Body, &e); err != nil {
		t.Fatal(err)
	}
	e.Comment = "it was fine"
	b.put(t, records[0].Key, e, map[treasury.Index]treasury.Place{
		treasury.ByState: {Key: "history/2026-09", Sort: "2026-09-20T09:00:00.000Z/TB-SEPTEMBR#0002"},
	})
	x, file := exported(t, b, treasury.HistoryQuery{})
	if !slices.Equal(x.Broken, []string{"TB-SEPTEMBR"}) || x.Events != 5 {
		t.Errorf("broken %v of %d events", x.Broken, x.Events)
	}
	_, err = treasury.VerifyExport(strings.NewReader(file))
	if err == nil || err.Error() != "line 3: request TB-SEPTEMBR, step 2: the entry is not what its hash was taken of" {
		t.Errorf("verified as %v", err)
	}
}

func TestVerifyExport(t *testing.T) {
	t.Parallel()
	b := past(t)
	_, file := exported(t, b, treasury.HistoryQuery{})
	v, err := treasury.VerifyExport(strings.NewReader(file))
	want := treasury.ExportSummary{
		Requests: 3, Events: 5, First: time.Date(2026, 9, 20, 9, 0, 0, 0, time.UTC), Last: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, v); err != nil || diff != "" {
		t.Fatalf("a good file: %v %s", err, diff)
	}
	table := func(change func(lines [][]string) [][]string) string {
		lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file, "\ufeff"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := csv.NewWriter(&out).WriteAll(change(lines)); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	column := func(name string) int {
		return slices.Index(strings.Split(strings.TrimPrefix(strings.SplitN(file, "\n", 2)[0], "\ufeff"), ","), name)
	}
	for name, c := range map[string]struct {
		change func(l [][]string) [][]string
		want   string // part of the error; empty for a file that still holds
	}{
		"nothing, but no byte order mark": {func(l [][]string) [][]string { return l }, ""},
		"lines in another order":          {func(l [][]string) [][]string { slices.Reverse(l[1:]); return l }, ""},
		"a visible cell":                  {func(l [][]string) [][]string { l[2][column("amount")] = "1.00"; return l }, "line 3: request TB-SEPTEMBR, step 2: column amount does not say"},
		"a comment":                       {func(l [][]string) [][]string { l[2][column("comment")] = "yes"; return l }, "column comment"},
		"the entry": {func(l [][]string) [][]string {
			l[2][column("entry")] = strings.Replace(l[2][column("entry")], "denied", "approved", 1)
			return l
		}, "step 2: the entry is not what its hash was taken of"},
		"the hash":                {func(l [][]string) [][]string { l[1][column("hash")] = strings.Repeat("0", 64); return l }, "line 2: request TB-SEPTEMBR, step 1"},
		"a first line taken out":  {func(l [][]string) [][]string { return slices.Delete(l, 1, 2) }, "line 2: request TB-SEPTEMBR: step 1 is missing"},
		"a last line taken out":   {func(l [][]string) [][]string { return slices.Delete(l, 2, 3) }, "line 2: request TB-SEPTEMBR: step 2 is missing; there were 2"},
		"a line twice":            {func(l [][]string) [][]string { return slices.Insert(l, 2, slices.Clone(l[1])) }, "step 2 is missing or stands twice"},
		"a line of another chain": {func(l [][]string) [][]string { l[2] = l[4]; return l }, "TB-SEPTEMBR: step 2 is missing"},
		"other columns":           {func(l [][]string) [][]string { l[0][0] = "id"; return l }, "line 1: this is no history"},
		"no lines":                {func(l [][]string) [][]string { return l[:1] }, "no events"},
	} {
		_, err := treasury.VerifyExport(strings.NewReader(table(c.change)))
		switch {
		case c.want == "" && err != nil, c.want != "" && err == nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
}

// Whoever gives us a file must not be able to break the checker.
func FuzzVerifyExport(f *testing.F) {
	f.Add([]byte("request,step\n"))
	f.Add([]byte("\ufeff"))
	f.Fuzz(func(t *testing.T, entry []byte) {
		_, _ = treasury.VerifyExport(bytes.NewReader(entry))
		_, _ = treasury.VerifyExport(strings.NewReader(forged(t, entry)))
	})
}

// forged is a file with one line whose hash fits whatever its entry is.
func forged(t *testing.T, entry []byte) string {
	t.Helper()
	x := treasury.Export{}
	var file bytes.Buffer
	if err := x.WriteCSV(&file); err != nil {
		t.Fatal(err)
	}
	columns := strings.Split(strings.TrimSpace(file.String()), ",")
	line := make([]string, len(columns))
	line[2], line[len(line)-1], line[len(line)-2] = "1", string(entry), sha256Of(entry)
	out := csv.NewWriter(&file)
	if err := out.Write(line); err != nil {
		t.Fatal(err)
	}
	out.Flush()
	return file.String()
}

func TestForgedEntriesAreRefused(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{
		`{"request":"TB-1","step":1,"action":{"kind":"transfer"}}`,
		`{"request":"TB-1","step":1,"action":{"kind":"deposit","transfer":{}}}`,
		`{"request":"TB-1","step":1,"action":{}}`, `[]`, `null`, ``, `{"step":`,
	} {
		if _, err := treasury.VerifyExport(strings.NewReader(forged(t, []byte(entry)))); err == nil {
			t.Errorf("%s passed", entry)
		}
	}
}

func sha256Of(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
