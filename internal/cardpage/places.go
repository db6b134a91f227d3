package cardpage

import (
	"regexp"
	"strings"
)

// place is a country or a part of one, by its code and its names.
type place struct {
	Code  string
	Names []string
}

// countries lists where the statements of a card that Tango takes can go (its help page on adding a card).
func countries() []place {
	return []place{
		{"US", []string{"United States"}},
		{"CA", []string{"Canada"}},
		{"GB", []string{"United Kingdom"}},
		{"AU", []string{"Australia"}},
	}
}

// The parts of countries that have codes: a code, then the names, each in lower case.
const (
	usStates = `AL alabama|AK alaska|AZ arizona|AR arkansas|CA california|CO colorado|CT connecticut|DE delaware|` +
		`DC district of columbia,washington dc,washington d.c.|FL florida|GA georgia|HI hawaii,hawaiʻi|ID idaho|IL illinois|IN indiana|` +
		`IA iowa|KS kansas|KY kentucky|LA louisiana|ME maine|MD maryland|MA massachusetts|MI michigan|MN minnesota|` +
		`MS mississippi|MO missouri|MT montana|NE nebraska|NV nevada|NH new hampshire|NJ new jersey|NM new mexico|` +
		`NY new york|NC north carolina|ND north dakota|OH ohio|OK oklahoma|OR oregon|PA pennsylvania|RI rhode island|` +
		`SC south carolina|SD south dakota|TN tennessee|TX texas|UT utah|VT vermont|VA virginia|WA washington|` +
		`WV west virginia|WI wisconsin|WY wyoming|AS american samoa|GU guam|MP northern mariana islands|PR puerto rico|` +
		`VI virgin islands,u.s. virgin islands,us virgin islands|AA armed forces americas|AE armed forces europe|AP armed forces pacific`
	//nolint:misspell // territoires is French
	caProvinces = `AB alberta|BC british columbia,colombie-britannique|MB manitoba|NB new brunswick,nouveau-brunswick|` +
		`NL newfoundland and labrador,newfoundland & labrador,terre-neuve-et-labrador|NS nova scotia,nouvelle-écosse|` +
		`NT northwest territories,territoires du nord-ouest|NU nunavut|ON ontario|PE prince edward island,île-du-prince-édouard|` +
		`QC quebec,québec|SK saskatchewan|YT yukon`
	auStates = `ACT australian capital territory|NSW new south wales|NT northern territory|QLD queensland|SA south australia|` +
		`TAS tasmania|VIC victoria|WA western australia`
)

// stateCode gives the code of a part of a country by its code or name. Where a country has none, the text stays.
func stateCode(country, text string) (string, bool) {
	var table string
	switch country {
	case "US":
		table = usStates
	case "CA":
		table = caProvinces
	case "AU":
		table = auStates
	default:
		return text, true
	}
	wanted := strings.ToLower(strings.Join(strings.Fields(text), " "))
	for entry := range strings.SplitSeq(table, "|") {
		code, names, _ := strings.Cut(entry, " ")
		if wanted == strings.ToLower(code) {
			return code, true
		}
		for name := range strings.SplitSeq(names, ",") {
			if wanted == name {
				return code, true
			}
		}
	}
	return "", false
}

// The forms of postal codes, as the countries' posts describe them, without spaces and in capitals.
var (
	usPostal = regexp.MustCompile(`^[0-9]{5}(-?[0-9]{4})?$`)
	caPostal = regexp.MustCompile(`^[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z][0-9][ABCEGHJ-NPRSTV-Z][0-9]$`)
	gbPostal = regexp.MustCompile(`^(GIR0AA|[A-PR-UWYZ]([0-9]{1,2}|[A-HK-Y][0-9]|[A-HK-Y][0-9][0-9ABEHMNPRV-Y]|[0-9][A-HJKPS-UW])[0-9][ABD-HJLNP-UW-Z]{2})$`)
	auPostal = regexp.MustCompile(`^[0-9]{4}$`)
)

// postalCode checks a postal code and writes it as its country does.
func postalCode(country, text string) (string, bool) {
	code := strings.ToUpper(strings.Join(strings.Fields(text), ""))
	switch country {
	case "US":
		if len(code) == 9 && usPostal.MatchString(code) {
			code = code[:5] + "-" + code[5:]
		}
		return code, usPostal.MatchString(code)
	case "CA":
		code = strings.ReplaceAll(code, "-", "")
		if !caPostal.MatchString(code) {
			return "", false
		}
		return code[:3] + " " + code[3:], true
	case "GB":
		if !gbPostal.MatchString(code) {
			return "", false
		}
		return code[:len(code)-3] + " " + code[len(code)-3:], true
	case "AU":
		return code, auPostal.MatchString(code)
	}
	return text, true
}
