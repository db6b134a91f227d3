package cardpage

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tangobot/tangobot/internal/treasury"
)

// brand is whose card it is. Tango takes four (its page on registering a card).
type brand string

// The brands.
const (
	brandNone       brand = ""
	brandVisa       brand = "Visa"
	brandMastercard brand = "Mastercard"
	brandAmex       brand = "American Express"
	brandDiscover   brand = "Discover"
)

// brandOf reads the brand from a number's first digits and its length.
func brandOf(number string) brand {
	first := func(n int) int {
		v, _ := strconv.Atoi(number[:n]) // only digits come here
		return v
	}
	n := len(number)
	if n < 13 {
		return brandNone
	}
	switch two, three, four := first(2), first(3), first(4); {
	case number[0] == '4' && (n == 13 || n == 16 || n == 19):
		return brandVisa
	case n == 16 && (two >= 51 && two <= 55 || four >= 2221 && four <= 2720):
		return brandMastercard
	case n == 15 && (two == 34 || two == 37):
		return brandAmex
	case n >= 16 && (four == 6011 || three >= 644 && three <= 649 || two == 65):
		return brandDiscover
	}
	return brandNone
}

// codeLength is how many digits the security code has.
func (b brand) codeLength() int {
	if b == brandAmex {
		return 4
	}
	return 3
}

// maxYears is how far ahead an expiry may lie: cards are issued for less than ten years.
const maxYears = 20

// maxText is the longest name, address line or city, in characters. Tango names no bound; a form must have one.
const maxText = 100

// fault is one thing that is wrong with a field, in words; of the form as a whole when Key is empty.
type fault struct {
	Key  key
	Text string
}

// typed is a card that passed all checks.
type typed struct {
	card  treasury.CardDetails
	brand brand
}

// checker gathers what is wrong.
type checker struct {
	form   form
	faults []fault
}

func (c *checker) fail(k key, text string) { c.faults = append(c.faults, fault{k, text}) }

// check reads the fields in the order of the page and tells everything that is wrong at once.
func check(f form, now time.Time) (typed, []fault) {
	c := &checker{form: f}
	number, brand := c.number()
	card := treasury.CardDetails{Number: treasury.NewSecret(number), Expires: c.expires(now)}
	card.Code = treasury.NewSecret(c.code(brand))
	secret := func(text string) treasury.Secret { return treasury.NewSecret(text) }
	b := &card.Billing
	b.FirstName = secret(c.text(keyFirst, true))
	b.LastName = secret(c.text(keyLast, true))
	country := c.country()
	b.Country = secret(country)
	b.Line1 = secret(c.text(keyLine1, true))
	b.Line2 = secret(c.text(keyLine2, false))
	b.City = secret(c.text(keyCity, true))
	b.State = secret(c.state(country))
	b.PostalCode = secret(c.postal(country))
	b.Email = secret(c.email())
	if len(c.faults) > 0 {
		return typed{}, c.faults
	}
	return typed{card, brand}, nil
}

// number takes spaces and dashes of any kind out, and wants the rest to be digits as machines write them.
func (c *checker) number() (string, brand) {
	raw := c.form[keyNumber]
	digits := raw[:0:len(raw)]
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRune(raw[i:])
		i += size
		switch {
		case r >= '0' && r <= '9':
			digits = append(digits, byte(r))
		case unicode.IsSpace(r) || unicode.Is(unicode.Pd, r):
		default:
			c.fail(keyNumber, numberSignsWords)
			return "", brandNone
		}
	}
	number := string(digits)
	switch {
	case number == "":
		c.fail(keyNumber, numberMissingWords)
	case !treasury.IsCardNumber(number):
		c.fail(keyNumber, numberWrongWords)
	case brandOf(number) == brandNone:
		c.fail(keyNumber, brandWords)
	default:
		return number, brandOf(number)
	}
	return "", brandNone
}

// code wants as many digits as the brand prints, three or four while the brand is not known.
func (c *checker) code(b brand) string {
	code := string(trimmed(c.form[keyCode]))
	fits := len(code) == b.codeLength() || b == brandNone && len(code) == brandAmex.codeLength()
	switch {
	case code == "":
		c.fail(keyCode, codeMissingWords)
	case !isDigits(code), !fits && b == brandNone:
		c.fail(keyCode, codeWrongWords)
	case !fits:
		c.fail(keyCode, codeLengthWords(b))
	default:
		return code
	}
	return ""
}

// expires gives YYYY-MM.
func (c *checker) expires(now time.Time) string {
	monthText, yearText := string(trimmed(c.form[keyMonth])), string(trimmed(c.form[keyYear]))
	month := 0
	switch {
	case monthText == "":
		c.fail(keyMonth, monthMissingWords)
	case isDigits(monthText) && len(monthText) <= 2:
		month, _ = strconv.Atoi(monthText)
	}
	if monthText != "" && (month < 1 || month > 12) {
		c.fail(keyMonth, monthWrongWords)
		month = 0
	}
	switch {
	case yearText == "":
		c.fail(keyYear, yearMissingWords)
		return ""
	case !isDigits(yearText) || len(yearText) != 2 && len(yearText) != 4:
		c.fail(keyYear, yearWrongWords)
		return ""
	}
	year, _ := strconv.Atoi(yearText)
	if len(yearText) == 2 {
		year += 2000
	}
	now = now.UTC()
	switch {
	case year > now.Year()+maxYears, year < 2000:
		c.fail(keyYear, yearWrongWords)
		return ""
	case year < now.Year(), month > 0 && year == now.Year() && month < int(now.Month()):
		c.fail(keyYear, expiredWords)
		return ""
	case month == 0:
		return ""
	}
	return time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
}

// text takes one line that hides nothing, and no card's number.
func (c *checker) text(k key, needed bool) string {
	text := strings.TrimSpace(string(c.form[k]))
	switch {
	case text == "" && needed:
		c.fail(k, missingWords(k))
	case utf8.RuneCountInString(text) > maxText:
		c.fail(k, longWords)
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }):
		c.fail(k, hiddenWords)
	case treasury.HasCardNumber(text):
		c.fail(k, strayNumberWords)
	default:
		return text
	}
	return ""
}

func (c *checker) country() string {
	code := string(c.form[keyCountry])
	for _, country := range countries() {
		if code == country.Code {
			return code
		}
	}
	c.fail(keyCountry, countryWords)
	return ""
}

// state gives the code that Tango knows where the country has codes. Without a country anything passes: that is told there.
func (c *checker) state(country string) string {
	before := len(c.faults)
	text := c.text(keyState, true)
	if len(c.faults) > before {
		return ""
	}
	code, ok := stateCode(country, text)
	if !ok {
		c.fail(keyState, stateWords(country))
	}
	return code
}

func (c *checker) postal(country string) string {
	before := len(c.faults)
	text := c.text(keyPostal, true)
	if len(c.faults) > before {
		return ""
	}
	code, ok := postalCode(country, text)
	if !ok {
		c.fail(keyPostal, postalWords(country))
	}
	return code
}

func (c *checker) email() string {
	before := len(c.faults)
	text := c.text(keyEmail, true)
	if len(c.faults) == before && !treasury.IsEmail(text) {
		c.fail(keyEmail, emailWords)
	}
	return text
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// trimmed takes off the spaces that a paste brings along.
func trimmed(b []byte) []byte {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// visible takes signs out that would make a name read as another: a person compares it with what they asked for.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s)
}
