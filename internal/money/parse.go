package money

import (
	"fmt"
	"math/bits"
	"strings"
)

// Fault names what is wrong with an amount that somebody typed, so that the edge can say it in words.
type Fault string

// The faults of Parse.
const (
	FaultEmpty      Fault = "empty"      // nothing was typed
	FaultForm       Fault = "form"       // not a number as people write it
	FaultAmbiguous  Fault = "ambiguous"  // could be read in two ways, such as "1,50" or "1.250,00"
	FaultDecimals   Fault = "decimals"   // more than two decimals
	FaultSign       Fault = "sign"       // a sign, negative amounts above all
	FaultZero       Fault = "zero"       // nothing to move
	FaultTooLarge   Fault = "too_large"  // beyond MaxHundredths
	FaultCurrency   Fault = "currency"   // a word that is no currency code
	FaultTwoSymbols Fault = "two_symbol" // two currencies in one amount
)

// ParseError tells why a typed amount was refused. Text is what was typed.
type ParseError struct {
	Fault Fault
	Text  string
}

func (e *ParseError) Error() string { return fmt.Sprintf("amount %q: %s", e.Text, e.Fault) }

// Parse reads an amount as a person types it: "1250", "1,250.00", "2.5k", "$500", "500 USD", "EUR 20". The currency is
// the one that was typed, else empty: "$" alone names USD only in part of the world, so it counts as USD and the caller
// compares it with the account's currency. Anything that can be read in two ways is refused, never guessed.
func Parse(text string) (Amount, error) {
	fail := func(f Fault) (Amount, error) { return Amount{}, &ParseError{Fault: f, Text: text} }
	rest := strings.TrimSpace(text)
	if rest == "" {
		return fail(FaultEmpty)
	}
	number, currency, fault := takeCurrency(rest)
	if fault != "" {
		return fail(fault)
	}
	thousand := false
	if n := len(number); n > 1 && (number[n-1] == 'k' || number[n-1] == 'K') {
		thousand, number = true, strings.TrimSpace(number[:n-1])
	}
	if number == "" {
		return fail(FaultForm)
	}
	if strings.ContainsAny(number[:1], "+-") || strings.HasPrefix(number, "−") {
		return fail(FaultSign)
	}
	hundredths, fault := typedNumber(number, thousand)
	if fault != "" {
		return fail(fault)
	}
	if hundredths == 0 {
		return fail(FaultZero)
	}
	return New(hundredths, currency), nil
}

// takeCurrency splits "500 USD", "USD 500", "$500" and "500$" into number and code.
func takeCurrency(s string) (number string, currency Currency, fault Fault) {
	symbols := []struct {
		sign string
		code Currency
	}{{"$", "USD"}, {"€", "EUR"}, {"£", "GBP"}}
	for _, sym := range symbols {
		if rest, ok := strings.CutPrefix(s, sym.sign); ok {
			s, currency = strings.TrimSpace(rest), sym.code
			break
		}
		if rest, ok := strings.CutSuffix(s, sym.sign); ok {
			s, currency = strings.TrimSpace(rest), sym.code
			break
		}
	}
	word, rest := edgeWord(s)
	if word == "" || strings.EqualFold(word, "k") {
		return s, currency, ""
	}
	code := Currency(strings.ToUpper(word))
	if !code.IsValid() {
		return "", "", FaultCurrency
	}
	if currency != "" && currency != code {
		return "", "", FaultTwoSymbols
	}
	return rest, code, ""
}

// edgeWord cuts a run of ASCII letters from the front or the back; a bare k or K right behind a digit stays.
func edgeWord(s string) (word, rest string) {
	isLetter := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
	i := 0
	for i < len(s) && isLetter(s[i]) {
		i++
	}
	if i > 0 {
		return s[:i], strings.TrimSpace(s[i:])
	}
	j := len(s)
	for j > 0 && isLetter(s[j-1]) {
		j--
	}
	// "2.5kUSD" and "2.5k USD": the k belongs to the number.
	if tail := s[j:]; len(tail) == 4 && (tail[0] == 'k' || tail[0] == 'K') {
		j++
	}
	return s[j:], strings.TrimSpace(s[:j])
}

// typedNumber reads digits with optional thousands commas and at most two decimals behind one point.
func typedNumber(s string, thousand bool) (int64, Fault) {
	whole, frac, hasPoint := strings.Cut(s, ".")
	if strings.Contains(frac, ".") || strings.Contains(frac, ",") {
		return 0, FaultAmbiguous
	}
	if strings.Contains(whole, ",") {
		groups := strings.Split(whole, ",")
		for i, g := range groups {
			if !digits(g) {
				return 0, FaultForm
			}
			if i == 0 && len(g) > 3 || i > 0 && len(g) != 3 {
				return 0, FaultAmbiguous
			}
		}
		whole = strings.Join(groups, "")
	}
	if !digits(whole) || hasPoint && !digits(frac) {
		return 0, FaultForm
	}
	places := 2
	if thousand {
		places = 5
	}
	if len(frac) > places { // "1.250" too: one and a quarter here, a thousand and more elsewhere
		return 0, FaultDecimals
	}
	n, ok := count(whole + frac + strings.Repeat("0", places-len(frac)))
	if !ok {
		return 0, FaultTooLarge
	}
	return n, ""
}

// FromDecimal reads a number of Tango's wire exactly: digits, an optional minus and an optional fraction. Zeros beyond
// the second decimal are allowed ("10.5000"), any other digit there is an error, and so is an exponent.
func FromDecimal(text string, currency Currency) (Amount, error) {
	fail := func(why string) (Amount, error) { return Amount{}, fmt.Errorf("reading decimal %.40q: %s", text, why) }
	body, negative := strings.CutPrefix(text, "-")
	whole, frac, hasPoint := strings.Cut(body, ".")
	if !digits(whole) || hasPoint && !digits(frac) {
		return fail("not a plain decimal")
	}
	if len(whole) > 1 && whole[0] == '0' {
		return fail("leading zero")
	}
	if len(frac) > 2 {
		if strings.Trim(frac[2:], "0") != "" {
			return fail("more than two decimals")
		}
		frac = frac[:2]
	}
	n, ok := count(whole + frac + strings.Repeat("0", 2-len(frac)))
	if !ok {
		return Amount{}, fmt.Errorf("reading decimal %.40q: %w", text, ErrRange)
	}
	if negative {
		n = -n
	}
	return New(n, currency), nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// count turns digits into a number up to MaxHundredths.
func count(s string) (int64, bool) {
	var n uint64
	for i := range len(s) {
		hi, lo := bits.Mul64(n, 10)
		if hi != 0 {
			return 0, false
		}
		n = lo + uint64(s[i]-'0')
		if n > uint64(MaxHundredths) {
			return 0, false
		}
	}
	return int64(n), true
}
