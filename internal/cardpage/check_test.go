package cardpage

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func noon() time.Time { return time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC) }

// right is a form that passes.
func right() map[key]string {
	return map[key]string{
		keyNumber: "4111111111111111", keyMonth: "08", keyYear: "29", keyCode: "123", keyFirst: "Lena", keyLast: "Fischer",
		keyLine1: "400 Pine Street", keyLine2: "", keyCity: "Seattle", keyState: "WA", keyPostal: "98101", keyCountry: "US",
		keyEmail: "cards@acme.example",
	}
}

func formOf(values map[key]string) form {
	f := form{}
	for k, v := range values {
		f[k] = []byte(v)
	}
	return f
}

// rule is one value of one field, in a form that is otherwise right: the words it gets, or what is sent for it.
type rule struct {
	name  string
	field key
	value string
	also  map[key]string
	words string // of the fault; empty when the value is taken
	sent  string
}

func (r rule) try(t *testing.T) {
	t.Helper()
	values := right()
	maps.Copy(values, r.also)
	values[r.field] = r.value
	got, faults := check(formOf(values), noon())
	if r.words != "" {
		if len(faults) != 1 || faults[0] != (fault{r.field, r.words}) {
			t.Errorf("%s: faults %q instead of %q", r.name, faults, r.words)
		}
		if got.card.Number.IsSet() || got.card.Code.IsSet() {
			t.Errorf("%s: a card came with the faults", r.name)
		}
		return
	}
	if len(faults) > 0 {
		t.Errorf("%s: refused: %q", r.name, faults)
		return
	}
	b := got.card.Billing
	sent := map[key]string{
		keyNumber: got.card.Number.Reveal(), keyMonth: got.card.Expires, keyYear: got.card.Expires, keyCode: got.card.Code.Reveal(),
		keyFirst: b.FirstName.Reveal(), keyLast: b.LastName.Reveal(), keyLine1: b.Line1.Reveal(), keyLine2: b.Line2.Reveal(),
		keyCity: b.City.Reveal(), keyState: b.State.Reveal(), keyPostal: b.PostalCode.Reveal(), keyCountry: b.Country.Reveal(),
		keyEmail: b.Email.Reveal(),
	}[r.field]
	if sent != r.sent {
		t.Errorf("%s: %q is sent instead of %q", r.name, sent, r.sent)
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	const four = "4111111111111111"
	for _, r := range []rule{
		{name: "plain", value: four, sent: four},
		{name: "spaces", value: " 4111 1111  1111 1111 ", sent: four},
		{name: "hyphens", value: "4111-1111-1111-1111", sent: four},
		{name: "hard spaces", value: "4111\u00a01111\u00a01111\u00a01111", sent: four},
		{name: "en dashes", value: "4111–1111–1111–1111", sent: four},
		{name: "a line's end", value: four + "\r\n", sent: four},
		{name: "missing", value: "", words: numberMissingWords},
		{name: "spaces alone", value: "  - ", words: numberMissingWords},
		{name: "one digit wrong", value: "4111111111111112", words: numberWrongWords},
		{name: "two digits swapped", value: "4111111111111119", words: numberWrongWords},
		{name: "one short", value: "411111111111111", words: numberWrongWords},
		{name: "all alike", value: "0000000000000000", words: numberWrongWords},
		{name: "too long", value: strings.Repeat(four, 2), words: numberWrongWords},
		{name: "letters", value: "4111x1111111111111", words: numberSignsWords},
		{name: "dots", value: "4111.1111.1111.1111", words: numberSignsWords},
		{name: "Arabic digits", value: "٤١١١١١١١١١١١١١١١", words: numberSignsWords},
		{name: "wide digits", value: "４１１１１１１１１１１１１１１１", words: numberSignsWords},
		{name: "hidden sign", value: "4111\u200b111111111111", words: numberSignsWords},
		{name: "minus", value: "−4111111111111111", words: numberSignsWords},
	} {
		r.field = keyNumber
		r.try(t)
	}
}

func TestBrandsAndTheirCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		number string
		want   brand
	}{
		{"4111111111111111", brandVisa},
		{"4222222222222", brandVisa},
		{"4000000000000000006", brandVisa},
		{"5105105105105100", brandMastercard},
		{"5555555555554444", brandMastercard},
		{"2221000000000009", brandMastercard},
		{"2720990000000007", brandMastercard},
		{"378282246310005", brandAmex},
		{"341111111111111", brandAmex},
		{"6011111111111117", brandDiscover},
		{"6445000000000000", brandDiscover},
		{"6500000000000002", brandDiscover},
		{"6011000000000000001", brandDiscover},
		{"2220990000000002", brandNone},
		{"2721000000000004", brandNone},
		{"3530111333300000", brandNone}, // JCB
		{"30569309025904", brandNone},
		{"5018000000000009", brandNone},
		{"6200000000000005", brandNone}, // Diners, Maestro, UnionPay
		{"6430000000000007", brandNone},
		{"360000000000004", brandNone},
	} {
		if got := brandOf(c.number); got != c.want {
			t.Errorf("%s is %q instead of %q", c.number, got, c.want)
		}
		code := "123"
		if c.want == brandAmex {
			code = "1234"
		}
		r := rule{name: c.number, field: keyNumber, value: c.number, also: map[key]string{keyCode: code}, sent: c.number}
		if c.want == brandNone {
			r.sent, r.words = "", brandWords
			if !luhnHolds(c.number) {
				t.Errorf("%s does not test the brand", c.number)
			}
		}
		r.try(t)
	}
	amex := map[key]string{keyNumber: "378282246310005"}
	for _, r := range []rule{
		{name: "three", value: "123", sent: "123"},
		{name: "zeros", value: "000", sent: "000"},
		{name: "spaces around", value: " 123 ", sent: "123"},
		{name: "four on a Visa", value: "1234", words: codeLengthWords(brandVisa)},
		{name: "two", value: "12", words: codeLengthWords(brandVisa)},
		{name: "five", value: "12345", words: codeLengthWords(brandVisa)},
		{name: "missing", value: "", words: codeMissingWords},
		{name: "letters", value: "12a", words: codeWrongWords},
		{name: "Arabic digits", value: "١٢٣", words: codeWrongWords},
		{name: "space inside", value: "1 3", words: codeWrongWords},
		{name: "four on an American Express", value: "1234", also: amex, sent: "1234"},
		{name: "three on an American Express", value: "123", also: amex, words: codeLengthWords(brandAmex)},
	} {
		r.field = keyCode
		r.try(t)
	}
	// While the number is wrong, either length may be right.
	for _, code := range []string{"123", "1234"} {
		values := right()
		values[keyNumber], values[keyCode] = "", code
		if _, faults := check(formOf(values), noon()); len(faults) != 1 {
			t.Errorf("code %s: %q", code, faults)
		}
	}
}

func luhnHolds(number string) bool {
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			d = d*2/10 + d*2%10
		}
		sum += d
	}
	return sum%10 == 0
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	year := func(y string) map[key]string { return map[key]string{keyYear: y} }
	for _, r := range []rule{
		{name: "two digits", field: keyYear, value: "29", sent: "2029-08"},
		{name: "four digits", field: keyYear, value: "2029", sent: "2029-08"},
		{name: "spaces", field: keyYear, value: " 29 ", sent: "2029-08"},
		{name: "this month", field: keyMonth, value: "11", also: year("26"), sent: "2026-11"},
		{name: "one digit", field: keyMonth, value: "1", also: year("27"), sent: "2027-01"},
		{name: "twenty years", field: keyYear, value: "2046", sent: "2046-08"},
		{name: "last month", field: keyYear, value: "26", also: map[key]string{keyMonth: "10"}, words: expiredWords},
		{name: "last year", field: keyYear, value: "25", also: map[key]string{keyMonth: "12"}, words: expiredWords},
		{name: "twenty-one years", field: keyYear, value: "2047", words: yearWrongWords},
		{name: "year 99", field: keyYear, value: "99", words: yearWrongWords},
		{name: "year 1999", field: keyYear, value: "1999", words: yearWrongWords},
		{name: "three digits", field: keyYear, value: "202", words: yearWrongWords},
		{name: "year in words", field: keyYear, value: "soon", words: yearWrongWords},
		{name: "no year", field: keyYear, value: "", words: yearMissingWords},
		{name: "month 0", field: keyMonth, value: "00", words: monthWrongWords},
		{name: "month 13", field: keyMonth, value: "13", words: monthWrongWords},
		{name: "month 012", field: keyMonth, value: "012", words: monthWrongWords},
		{name: "month −1", field: keyMonth, value: "-1", words: monthWrongWords},
		{name: "month by name", field: keyMonth, value: "Aug", words: monthWrongWords},
		{name: "no month", field: keyMonth, value: " ", words: monthMissingWords},
	} {
		r.try(t)
	}
	// A year that is over is told even when the month cannot be read.
	values := right()
	values[keyMonth], values[keyYear] = "99", "20"
	if _, faults := check(formOf(values), noon()); len(faults) != 2 {
		t.Errorf("faults %q", faults)
	}
	// December is not over in its last second, and is in January's first.
	values = right()
	values[keyMonth], values[keyYear] = "12", "26"
	if _, faults := check(formOf(values), time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)); len(faults) > 0 {
		t.Errorf("still good: %q", faults)
	}
	values = right()
	values[keyMonth], values[keyYear] = "12", "26"
	if _, faults := check(formOf(values), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)); len(faults) != 1 {
		t.Errorf("over: %q", faults)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	for _, k := range []key{keyFirst, keyLast, keyLine1, keyLine2, keyCity, keyState, keyPostal, keyEmail} {
		needed := missingWords(k)
		if k == keyLine2 {
			needed = ""
		}
		for _, r := range []rule{
			{name: "missing", value: "", words: needed},
			{name: "spaces", value: " \t ", words: needed},
			{name: "too long", value: strings.Repeat("é", maxText+1), words: longWords},
			{name: "line break", value: "a\nb", words: hiddenWords},
			{name: "bell", value: "a\ab", words: hiddenWords},
			{name: "zero width", value: "a\u200bb", words: hiddenWords},
			{name: "right to left", value: "a\u202eb", words: hiddenWords},
			{name: "card's number", value: "4111 1111 1111 1111", words: strayNumberWords},
			{name: "card's number in Arabic digits", value: "٤١١١١١١١١١١١١١١١", words: strayNumberWords},
		} {
			r.field, r.name = k, string(k)+": "+r.name
			r.try(t)
		}
	}
	for _, k := range []key{keyFirst, keyLast, keyLine1, keyLine2, keyCity} {
		for _, r := range []rule{
			{name: "accents", value: " Zoë O’Hara-Núñez ", sent: "Zoë O’Hara-Núñez"},
			{name: "other scripts", value: "李小龍", sent: "李小龍"},
			{name: "the longest", value: strings.Repeat("é", maxText), sent: strings.Repeat("é", maxText)},
			{name: "mark-up", value: "<b>&amp;\"'", sent: "<b>&amp;\"'"},
		} {
			r.field, r.name = k, string(k)+": "+r.name
			r.try(t)
		}
	}
}

func TestCountryStateAndPostalCode(t *testing.T) {
	t.Parallel()
	in := func(country, state, postal string) map[key]string {
		return map[key]string{keyCountry: country, keyState: state, keyPostal: postal}
	}
	us, ca, gb, au := in("US", "WA", "98101"), in("CA", "ON", "K1A 0B1"), in("GB", "Greater London", "SW1A 2AA"), in("AU", "NSW", "2000")
	for _, r := range []rule{
		{name: "US", field: keyCountry, value: "US", also: us, sent: "US"},
		{name: "CA", field: keyCountry, value: "CA", also: ca, sent: "CA"},
		{name: "GB", field: keyCountry, value: "GB", also: gb, sent: "GB"},
		{name: "AU", field: keyCountry, value: "AU", also: au, sent: "AU"},
		{name: "none", field: keyCountry, value: "", words: countryWords},
		{name: "DE", field: keyCountry, value: "DE", words: countryWords},
		{name: "lower case", field: keyCountry, value: "us", words: countryWords},
		{name: "by name", field: keyCountry, value: "United States", words: countryWords},

		{name: "state's code", field: keyState, value: "wa", sent: "WA"},
		{name: "state's name", field: keyState, value: " new  york ", sent: "NY"},
		{name: "capital", field: keyState, value: "District of Columbia", sent: "DC"},
		{name: "territory", field: keyState, value: "PR", sent: "PR"},
		{name: "abroad", field: keyState, value: "ae", sent: "AE"},
		{name: "not a state", field: keyState, value: "ON", words: stateWords("US")},
		{name: "half a name", field: keyState, value: "new", words: stateWords("US")},
		{name: "province", field: keyState, value: "Québec", also: ca, sent: "QC"},
		{name: "province without accent", field: keyState, value: "QUEBEC", also: ca, sent: "QC"},
		{name: "not a province", field: keyState, value: "WA", also: ca, words: stateWords("CA")},
		{name: "Australian", field: keyState, value: "victoria", also: au, sent: "VIC"},
		{name: "Western Australia", field: keyState, value: "wa", also: au, sent: "WA"},
		{name: "not Australian", field: keyState, value: "NY", also: au, words: stateWords("AU")},
		{name: "county", field: keyState, value: "Kent", also: gb, sent: "Kent"},

		{name: "ZIP", field: keyPostal, value: "98101", sent: "98101"},
		{name: "ZIP+4", field: keyPostal, value: "98101-1234", sent: "98101-1234"},
		{name: "ZIP+4 in one", field: keyPostal, value: "981011234", sent: "98101-1234"},
		{name: "ZIP of 4", field: keyPostal, value: "9810", words: postalWords("US")},
		{name: "ZIP with letters", field: keyPostal, value: "9810a", words: postalWords("US")},
		{name: "ZIP in Arabic digits", field: keyPostal, value: "٩٨١٠١", words: postalWords("US")},
		{name: "Canada", field: keyPostal, value: "k1a0b1", also: ca, sent: "K1A 0B1"},
		{name: "Canada, hyphen", field: keyPostal, value: "K1A-0B1", also: ca, sent: "K1A 0B1"},
		{name: "Canada, wrong letter", field: keyPostal, value: "D1A 0B1", also: ca, words: postalWords("CA")},
		{name: "Canada, ZIP", field: keyPostal, value: "98101", also: ca, words: postalWords("CA")},
		{name: "London", field: keyPostal, value: "sw1a2aa", also: gb, sent: "SW1A 2AA"},
		{name: "short", field: keyPostal, value: "M1 1AE", also: gb, sent: "M1 1AE"},
		{name: "two digits", field: keyPostal, value: "CR2 6XH", also: gb, sent: "CR2 6XH"},
		{name: "four and three", field: keyPostal, value: "DN55 1PT", also: gb, sent: "DN55 1PT"},
		{name: "W1", field: keyPostal, value: "W1A 0AX", also: gb, sent: "W1A 0AX"},
		{name: "Girobank", field: keyPostal, value: "GIR 0AA", also: gb, sent: "GIR 0AA"},
		{name: "outward half", field: keyPostal, value: "SW1A", also: gb, words: postalWords("GB")},
		{name: "wrong letter", field: keyPostal, value: "SW1A 2AC", also: gb, words: postalWords("GB")},
		{name: "Sydney", field: keyPostal, value: "2000", also: au, sent: "2000"},
		{name: "Darwin", field: keyPostal, value: "0800", also: au, sent: "0800"},
		{name: "Australia, five", field: keyPostal, value: "20000", also: au, words: postalWords("AU")},
	} {
		r.try(t)
	}
	// Without a country one fault is enough: nothing is told about what depends on it.
	values := right()
	values[keyCountry], values[keyState], values[keyPostal] = "", "Kent", "x"
	if _, faults := check(formOf(values), noon()); len(faults) != 1 {
		t.Errorf("faults %q", faults)
	}
}

func TestEmail(t *testing.T) {
	t.Parallel()
	for _, r := range []rule{
		{name: "plain", value: "cards@acme.example", sent: "cards@acme.example"},
		{name: "spaces around", value: " cards@acme.example ", sent: "cards@acme.example"},
		{name: "plus", value: "cards+us@acme.example", sent: "cards+us@acme.example"},
		{name: "no at", value: "cards.acme.example", words: emailWords},
		{name: "no dot", value: "cards@acme", words: emailWords},
		{name: "two", value: "a@acme.example, b@acme.example", words: emailWords},
		{name: "with a name", value: "Cards <cards@acme.example>", words: emailWords},
		{name: "number in it", value: "4111111111111111@acme.example", words: strayNumberWords},
		{name: "too long for Tango", value: strings.Repeat("é", 50) + "@acme.example", words: emailWords},
	} {
		r.field = keyEmail
		r.try(t)
	}
}

// All that is wrong is told at once, in the order of the page, and each field has words of its own when it is missing.
func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	empty := form{}
	for _, k := range keys() {
		empty[k] = nil
	}
	_, faults := check(empty, noon())
	var order []key
	for _, f := range faults {
		order = append(order, f.Key)
		if f.Text == "" || f.Text == missingWords(keyLine2) {
			t.Errorf("%s has no words of its own", f.Key)
		}
	}
	want := slices.DeleteFunc(keys(), func(k key) bool { return k == keyLine2 })
	if !slices.Equal(order, want) {
		t.Errorf("the faults come as %v", order)
	}
	var shown []key
	for _, g := range groups(faults) {
		for _, i := range g.Inputs {
			shown = append(shown, i.Key)
			if (i.Error == "") != (i.Key == keyLine2) {
				t.Errorf("%s shows %q", i.Key, i.Error)
			}
		}
	}
	if !slices.Equal(shown, keys()) {
		t.Errorf("the page shows %v", shown)
	}
}

// The strict reader never takes what the library's would read otherwise, and wipes nothing into the wrong field.
func FuzzForm(f *testing.F) {
	whole := url.Values{}
	for k, v := range right() {
		whole.Set(string(k), v)
	}
	f.Add([]byte(whole.Encode()))
	f.Add([]byte(strings.ReplaceAll(whole.Encode(), "&", ";")))
	f.Add([]byte("number=%34111&number=1"))
	f.Add([]byte("number=%e2%80%8b&month=+&year=%zz&code=%"))
	f.Add([]byte("=&==&&"))
	f.Add([]byte(whole.Encode() + "&line2=x"))
	f.Add([]byte(strings.Replace(whole.Encode(), "4111111111111111", "%D9%A4111-1111+1111%C2%A01111", 1)))
	f.Fuzz(func(t *testing.T, body []byte) {
		text := string(body)
		got, ok := parse(body)
		if !ok {
			return
		}
		want, err := url.ParseQuery(text)
		if err != nil || len(want) != len(keys()) {
			t.Fatalf("taken, but the library says %v, %d fields", err, len(want))
		}
		for _, k := range keys() {
			if v := want[string(k)]; len(v) != 1 || v[0] != string(got[k]) {
				t.Errorf("%s is %q instead of %q", k, got[k], v)
			}
		}
		typed, faults := check(got, noon())
		if len(faults) == 0 && (!luhnHolds(typed.card.Number.Reveal()) || len(typed.card.Expires) != 7 || typed.brand == brandNone) {
			t.Error("a form passed that should not")
		}
		for _, fault := range faults {
			for _, k := range keys() {
				if v := want.Get(string(k)); len(v) > 12 && strings.Contains(fault.Text, v) && !strings.Contains(postalWords("CA"), v) {
					t.Errorf("the words repeat what was typed in %s", k)
				}
			}
		}
	})
}
