package money_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/tangobot/tangobot/internal/money"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       money.Amount
		fault      money.Fault
	}{
		{name: "plain", text: "1250", want: money.New(125000, "")},
		{name: "thousands and cents", text: "1,250.00", want: money.New(125000, "")},
		{name: "millions", text: "1,234,567.89", want: money.New(123456789, "")},
		{name: "one decimal", text: "12.5", want: money.New(1250, "")},
		{name: "one cent", text: "0.01", want: money.New(1, "")},
		{name: "short thousands", text: "2.5k", want: money.New(250000, "")},
		{name: "short thousands, upper case, space", text: "3 K", want: money.New(300000, "")},
		{name: "short thousands, five decimals are cents", text: "1.23456k", want: money.New(123456, "")},
		{name: "short thousands, below a cent", text: "1.234567k", fault: money.FaultDecimals},
		{name: "dollar sign", text: "$500", want: money.New(50000, "USD")},
		{name: "dollar sign and space", text: "$ 500", want: money.New(50000, "USD")},
		{name: "dollar sign behind", text: "500$", want: money.New(50000, "USD")},
		{name: "euro sign", text: "€20", want: money.New(2000, "EUR")},
		{name: "pound sign", text: "£20.50", want: money.New(2050, "GBP")},
		{name: "code behind", text: "500 USD", want: money.New(50000, "USD")},
		{name: "code in front", text: "eur 20", want: money.New(2000, "EUR")},
		{name: "code without space", text: "20pln", want: money.New(2000, "PLN")},
		{name: "k and code", text: "2.5k USD", want: money.New(250000, "USD")},
		{name: "k and code without space", text: "2.5kUSD", want: money.New(250000, "USD")},
		{name: "sign and same code", text: "$500 USD", want: money.New(50000, "USD")},
		{name: "sign and other code", text: "$500 EUR", fault: money.FaultTwoSymbols},
		{name: "spaces around", text: "  7  ", want: money.New(700, "")},
		{name: "empty", text: " ", fault: money.FaultEmpty},
		{name: "zero", text: "0.00", fault: money.FaultZero},
		{name: "negative", text: "-1", fault: money.FaultSign},
		{name: "typographic minus", text: "−1", fault: money.FaultSign},
		{name: "plus", text: "+1", fault: money.FaultSign},
		{name: "negative dollars", text: "$-1", fault: money.FaultSign},
		{name: "exponent", text: "1e3", fault: money.FaultForm},
		{name: "hexadecimal", text: "0x10", fault: money.FaultForm},
		{name: "three decimals", text: "0.001", fault: money.FaultDecimals},
		{name: "point for thousands", text: "1.250", fault: money.FaultDecimals},
		{name: "comma for cents", text: "1,50", fault: money.FaultAmbiguous},
		{name: "comma, four digits", text: "1,2500", fault: money.FaultAmbiguous},
		{name: "commas of four digits first", text: "1234,567", fault: money.FaultAmbiguous},
		{name: "continental", text: "1.250,00", fault: money.FaultAmbiguous},
		{name: "two points", text: "1.2.3", fault: money.FaultAmbiguous},
		{name: "no digits before the point", text: ".5", fault: money.FaultForm},
		{name: "no digits behind the point", text: "5.", fault: money.FaultForm},
		{name: "Arabic digits", text: "١٠٠", fault: money.FaultForm},
		{name: "full-width digits", text: "１００", fault: money.FaultForm},
		{name: "space inside", text: "1 250", fault: money.FaultForm},
		{name: "word", text: "lots", fault: money.FaultCurrency},
		{name: "long word behind", text: "5 dollars", fault: money.FaultCurrency},
		{name: "only a currency", text: "USD", fault: money.FaultForm},
		{name: "only k", text: "k", fault: money.FaultForm},
		{name: "as large as it goes", text: "10,000,000,000,000", want: money.New(money.MaxHundredths, "")},
		{name: "one cent too large", text: "10,000,000,000,000.01", fault: money.FaultTooLarge},
		{name: "9e18", text: "9000000000000000000", fault: money.FaultTooLarge},
		{name: "many digits", text: "99999999999999999999999999", fault: money.FaultTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := money.Parse(c.text)
			var fault *money.ParseError
			switch {
			case c.fault == "" && err != nil:
				t.Fatalf("Parse(%q): %v", c.text, err)
			case c.fault == "" && got != c.want:
				t.Errorf("Parse(%q) = %v, want %v", c.text, got, c.want)
			case c.fault != "" && !errors.As(err, &fault):
				t.Fatalf("Parse(%q) = %v, %v; want fault %s", c.text, got, err, c.fault)
			case c.fault != "" && fault.Fault != c.fault:
				t.Errorf("Parse(%q): fault %s, want %s", c.text, fault.Fault, c.fault)
			}
		})
	}
}

func TestFromDecimal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       int64
		ok         bool
	}{
		{"whole", "100", 10000, true},
		{"zero", "0", 0, true},
		{"two decimals", "8.95", 895, true},
		{"a float would lose it", "1.15", 115, true},
		{"one decimal", "0.1", 10, true},
		{"zeros beyond cents", "10.5000", 1050, true},
		{"negative", "-3.20", -320, true},
		{"digits beyond cents", "10.505", 0, false},
		{"exponent", "1e2", 0, false},
		{"upper exponent", "1E2", 0, false},
		{"empty", "", 0, false},
		{"minus alone", "-", 0, false},
		{"plus", "+1", 0, false},
		{"leading zero", "01", 0, false},
		{"comma", "1,000", 0, false},
		{"open fraction", "1.", 0, false},
		{"not a number", "NaN", 0, false},
		{"too large", "99999999999999999999", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := money.FromDecimal(c.text, "USD")
			if (err == nil) != c.ok || got.Hundredths != c.want {
				t.Errorf("FromDecimal(%q) = %v, %v; want %d, ok %v", c.text, got, err, c.want, c.ok)
			}
		})
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount        money.Amount
		text, decimal string
	}{
		{money.New(123450, "USD"), "1,234.50 USD", "1234.50"},
		{money.New(0, "EUR"), "0.00 EUR", "0.00"},
		{money.New(5, "USD"), "0.05 USD", "0.05"},
		{money.New(-100000, "USD"), "-1,000.00 USD", "-1000.00"},
		{money.New(99999, ""), "999.99", "999.99"},
		{money.New(100000000, "MXN"), "1,000,000.00 MXN", "1000000.00"},
		{money.New(math.MinInt64, "USD"), "-92,233,720,368,547,758.08 USD", "-92233720368547758.08"},
	} {
		if got := c.amount.String(); got != c.text {
			t.Errorf("String() = %q, want %q", got, c.text)
		}
		if got := c.amount.Decimal(); got != c.decimal {
			t.Errorf("Decimal() = %q, want %q", got, c.decimal)
		}
	}
}

func TestArithmetic(t *testing.T) {
	t.Parallel()
	a, b := money.New(1000, "USD"), money.New(250, "USD")
	if sum, err := a.Add(b); err != nil || sum != money.New(1250, "USD") {
		t.Errorf("Add = %v, %v", sum, err)
	}
	if rest, err := b.Sub(a); err != nil || rest != money.New(-750, "USD") {
		t.Errorf("Sub = %v, %v", rest, err)
	}
	if _, err := a.Add(money.New(1, "EUR")); !errors.Is(err, money.ErrMixed) {
		t.Errorf("adding EUR to USD: %v", err)
	}
	if _, err := a.Compare(money.New(1, "EUR")); !errors.Is(err, money.ErrMixed) {
		t.Errorf("comparing EUR with USD: %v", err)
	}
	for _, pair := range [][2]int64{{money.MaxHundredths, 1}, {-money.MaxHundredths, -1}, {math.MaxInt64, 1}, {1, math.MinInt64}} {
		if sum, err := money.New(pair[0], "USD").Add(money.New(pair[1], "USD")); !errors.Is(err, money.ErrRange) {
			t.Errorf("%d + %d = %v, %v; want out of range", pair[0], pair[1], sum, err)
		}
	}
	if _, err := money.New(0, "USD").Sub(money.New(math.MinInt64, "USD")); !errors.Is(err, money.ErrRange) {
		t.Errorf("0 - the smallest: %v", err)
	}
}

func TestRenderedAmountsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(-money.MaxHundredths, money.MaxHundredths).Draw(t, "hundredths")
		a := money.New(n, "USD")
		if got, err := money.FromDecimal(a.Decimal(), "USD"); err != nil || got != a {
			t.Fatalf("FromDecimal(%q) = %v, %v", a.Decimal(), got, err)
		}
		if n > 0 {
			if got, err := money.Parse(a.String()); err != nil || got != a {
				t.Fatalf("Parse(%q) = %v, %v", a.String(), got, err)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1,250.00", "2.5k USD", "$5", "1e3", "−5", "٣", "1,50", "k", "USD", "0.00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := money.Parse(text)
		if err != nil {
			return
		}
		if !a.IsPositive() || a.Hundredths > money.MaxHundredths || a.Currency != "" && !a.Currency.IsValid() {
			t.Fatalf("Parse(%q) = %#v", text, a)
		}
		if again, err := money.Parse(a.String()); err != nil || again != a {
			t.Fatalf("Parse(%q) = %v, which reads back as %v, %v", text, a, again, err)
		}
	})
}
