package treasury_test

import (
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/treasury"
)

func TestHasCardNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"4111111111111111":                  true,
		"4111 1111 1111 1111":               true,
		"4111-1111-1111-1111":               true,
		"4111–1111–1111–1111":               true, // dashes that a word processor makes
		"4111.1111.1111.1111":               true,
		"4111_1111/1111 1111":               true,
		"378282246310005":                   true,
		"pay with 3782 822463 10005 please": true,
		"4222222222222":                     true, // 13 digits
		"6304000000000000000":               true, // 19 digits
		"99 4111111111111111":               true, // behind other digits
		"41111111\u200b11111111":            true, // parted by nothing visible
		"４１１１１１１１１１１１１１１１":                  true, // full width
		"٤١١١١١١١١١١١١١١١":                  true, // Arabic-Indic
		"𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏": true, // mathematical bold
		"𝟜𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙𝟙": true, // the next row of them
		"4111x1111x1111x1111":                false,
		"4111, 1111, 1111, 1111":             false,
		"4111   1111   1111   1111":          false, // columns of figures
		"4111111111111113":                   false, // no Luhn number
		"411111111111":                       false, // 12 digits
		"0000000000000000":                   false,
		"":                                   false,
		"Q4 2026":                            false,
		"2026-11-24":                         false,
		"from 2026-11-24 to 2026-11-25":      false,
		"24.11.2026 12:30":                   false,
		"1,250,000.00":                       false,
		"8125.50":                            false,
		"TB-0ABCDEFG":                        false,
		"A12345678":                          false,
		"RAD-180426-5407":                    false,
		"+1 415 555 0100":                    false,
		"call +49 30 901820 or 030 901821":   false,
		"Ends in 1111":                       false,
		"one\ntwo 4111\t1111\n1111 1111 end": true,
	} {
		if got := treasury.HasCardNumber(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestIsCardNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"4111111111111111": true, "378282246310005": true, "4222222222222": true, "6304000000000000000": true,
		"4111 1111 1111 1111": false, "４１１１１１１１１１１１１１１１": false, "4111111111111112": false, "": false, "411111111111111a": false,
		"0000000000000000": false, "42222222222": false, strings.Repeat("42", 20): false,
	} {
		if got := treasury.IsCardNumber(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
