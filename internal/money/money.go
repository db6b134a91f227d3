// Package money holds amounts exactly: a 64-bit count of hundredths and a currency, never a floating-point number.
//
// Every currency that Tango offers (AUD, CAD, EUR, GBP, USD, MXN, SGD, PLN) has two decimals, and its wire carries at
// most two, so an Amount is always a count of hundredths. The list of currencies is open: Tango has added to it before.
package money

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Currency is an ISO 4217 code in upper case, such as "USD". Empty means "not known".
type Currency string

// IsValid reports whether c has the form of a code: three letters A to Z.
func (c Currency) IsValid() bool {
	if len(c) != 3 {
		return false
	}
	for i := range len(c) {
		if c[i] < 'A' || c[i] > 'Z' {
			return false
		}
	}
	return true
}

// ErrMixed says that two amounts of different currencies were added or compared.
var ErrMixed = errors.New("amounts in different currencies")

// ErrRange says that an amount is larger than MaxHundredths in either direction.
var ErrRange = errors.New("amount out of range")

// MaxHundredths bounds every Amount: ten trillion units. A sum that would pass it is an error, so that no addition can
// overflow an int64 in silence.
const MaxHundredths int64 = 1_000_000_000_000_000

// Amount is an exact sum of one currency. The zero Amount is zero of no known currency.
type Amount struct {
	Hundredths int64    `json:"hundredths"`
	Currency   Currency `json:"currency"`
}

// New gives an amount of so many hundredths.
func New(hundredths int64, currency Currency) Amount {
	return Amount{Hundredths: hundredths, Currency: currency}
}

// IsKnown reports whether the amount has a currency; the zero Amount stands for "no amount was told".
func (a Amount) IsKnown() bool { return a.Currency != "" }

// IsPositive reports whether the amount is above zero.
func (a Amount) IsPositive() bool { return a.Hundredths > 0 }

// Add gives the sum. It fails with ErrMixed or ErrRange.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, fmt.Errorf("adding %s to %s: %w", b.Currency, a.Currency, ErrMixed)
	}
	if outside(a.Hundredths) || outside(b.Hundredths) {
		return Amount{}, ErrRange
	}
	sum := a.Hundredths + b.Hundredths // both are far below the int64 bound
	if outside(sum) {
		return Amount{}, ErrRange
	}
	return New(sum, a.Currency), nil
}

// Sub gives the difference. It fails with ErrMixed or ErrRange.
func (a Amount) Sub(b Amount) (Amount, error) { return a.Add(New(-b.Hundredths, b.Currency)) }

// Compare gives -1, 0 or +1. It fails with ErrMixed.
func (a Amount) Compare(b Amount) (int, error) {
	if a.Currency != b.Currency {
		return 0, fmt.Errorf("comparing %s with %s: %w", a.Currency, b.Currency, ErrMixed)
	}
	return cmp.Compare(a.Hundredths, b.Hundredths), nil
}

func outside(n int64) bool { return n > MaxHundredths || n < -MaxHundredths }

// Decimal renders the number alone as Tango's wire wants it: "1234.50", always two decimals.
func (a Amount) Decimal() string {
	sign, n := split(a.Hundredths)
	return fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
}

// String renders the amount for people: "1,234.50 USD".
func (a Amount) String() string {
	sign, n := split(a.Hundredths)
	s := fmt.Sprintf("%s%s.%02d", sign, grouped(n/100), n%100)
	if a.Currency == "" {
		return s
	}
	return s + " " + string(a.Currency)
}

func split(hundredths int64) (sign string, magnitude uint64) {
	if hundredths < 0 {
		return "-", -uint64(hundredths) //nolint:gosec // two's complement: right for the smallest int64 too
	}
	return "", uint64(hundredths)
}

func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
