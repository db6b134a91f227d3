package treasury

import "unicode"

// Card numbers have 13 to 19 digits (ISO/IEC 7812).
const minCardDigits, maxCardDigits = 13, 19

// HasCardNumber reports whether text holds what looks like a card's number: a run of 13 to 19 digits of any script, spaces,
// hyphens and dots between them allowed, that passes the Luhn check. Such text is refused wherever it does not belong, and
// neither stored nor repeated. One in ten other numbers of that length passes too; they are refused with it.
func HasCardNumber(text string) bool {
	var digits []int
	gap := 0 // signs since the last digit
	for _, r := range text {
		switch {
		case unicode.IsDigit(r):
			digits = append(digits, digitOf(r))
			gap = 0
			if endsInCardNumber(digits) {
				return true
			}
		case gap < 2 && (unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || r == '.' || r == '_' || r == '/' || unicode.Is(unicode.Cf, r)):
			gap++
		default:
			digits, gap = digits[:0], 0
		}
	}
	return false
}

// digitOf gives a decimal digit's value: the digits of a script stand in a row of ten in Unicode.
func digitOf(r rune) int {
	n := 0
	for n < 9 && unicode.IsDigit(r-1) && isSameRow(r-1, r) {
		r--
		n++
	}
	return n
}

// isSameRow tells rows of digits apart that touch each other, as those of the mathematical alphabets do.
func isSameRow(before, after rune) bool {
	const firstMathematical, lastMathematical = 0x1D7CE, 0x1D7FF
	if after < firstMathematical || after > lastMathematical {
		return true
	}
	return (before-firstMathematical)/10 == (after-firstMathematical)/10 && before >= firstMathematical
}

// endsInCardNumber holds when the last 13 to 19 digits pass the Luhn check and do not all look alike.
func endsInCardNumber(digits []int) bool {
	for n := minCardDigits; n <= min(maxCardDigits, len(digits)); n++ {
		if luhn(digits[len(digits)-n:]) {
			return true
		}
	}
	return false
}

// IsCardNumber reports whether text is exactly a card's number, in ASCII digits without spaces.
func IsCardNumber(text string) bool {
	if len(text) < minCardDigits || len(text) > maxCardDigits {
		return false
	}
	digits := make([]int, len(text))
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
		digits[i] = int(text[i] - '0')
	}
	return luhn(digits)
}

func luhn(digits []int) bool {
	sum, same := 0, true
	for i := range digits {
		d := digits[len(digits)-1-i]
		same = same && d == digits[0]
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0 && !same
}
