package cardpage

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// This file holds all words of the page: what happened, what to do next, and a reference to quote. Nothing that was typed
// and no text of an error is ever among them.

const (
	buttonWords   = "Register the card"
	patienceWords = "Press once and wait: it can take half a minute. Whatever comes of it is told in Slack too."
	promiseWords  = "Tangobot hands the card to Tango once. It keeps neither the number nor the security code."
	againWords    = "For your safety this page keeps nothing of what was typed. Please fill in everything again."
	newLinkWords  = "To get a new link, press “Send me a new link” under your request in Slack."
	slackWords    = "Slack tells what comes of it."
)

// Words on fields.
const (
	numberMissingWords = "Type the number on the card."
	numberSignsWords   = "Use the digits 0 to 9. Spaces and dashes are fine."
	numberWrongWords   = "This is not a card’s number. Compare it with the card, digit by digit."
	brandWords         = "Tango takes Visa, Mastercard, American Express and Discover. Use one of these."
	codeMissingWords   = "Type the security code on the card."
	codeWrongWords     = "The security code has 3 digits, or 4 on an American Express card."
	monthMissingWords  = "Type the month until which the card is good."
	monthWrongWords    = "Type the month as on the card, 01 to 12."
	yearMissingWords   = "Type the year until which the card is good."
	yearWrongWords     = "Type the year as on the card, such as 29 or 2029."
	expiredWords       = "This card has expired. Use another one, or compare the date with the card."
	longWords          = "At most 100 characters."
	hiddenWords        = "There are signs in it that cannot be seen. Type it instead of pasting it."
	strayNumberWords   = "This looks like a card’s number. It belongs in the field “Card number” alone."
	countryWords       = "Choose the country of the card’s statements. Tango takes cards from these."
	emailWords         = "Type one address, such as name@company.com."
)

// Words on the form as a whole.
const (
	unreachedWords = "Tango could not be reached, so nothing was sent and nothing is registered. Please try again in a minute."
	stoppedWords   = "Sending is stopped at the moment, so nothing was sent. When it has been resumed, open the link again, or ask for a new one."
	busyWords      = "Another change to this account’s cards is under way, so nothing was sent. Look at Slack, and open the link again in a minute."
	notSentWords   = "Something went wrong before the card was sent, so nothing is registered. Open the link again in a few minutes, or ask for a new one."
)

func codeLengthWords(b brand) string {
	if b == brandAmex {
		return "An American Express card has 4 digits, on its front."
	}
	return fmt.Sprintf("A %s card has 3 digits, on its back.", b)
}

func missingWords(k key) string {
	switch k {
	case keyFirst, keyLast:
		return "Type the name as it stands on the card."
	case keyLine1:
		return "Type the street and number to which the card’s statements go."
	case keyCity:
		return "Type the city or town."
	case keyState:
		return "Type the state, province or county. Tango wants one everywhere."
	case keyPostal:
		return "Type the postal code."
	case keyEmail:
		return "Type an e-mail address. Tango sends the receipts of deposits there."
	case keyNumber, keyMonth, keyYear, keyCode, keyLine2, keyCountry:
	}
	return "Fill this in."
}

func stateWords(country string) string {
	switch country {
	case "US":
		return "Type a state of the United States, by name or by its two letters."
	case "CA":
		return "Type a province or territory of Canada, by name or by its two letters."
	case "AU":
		return "Type a state or territory of Australia, by name or abbreviation."
	}
	return missingWords(keyState)
}

func postalWords(country string) string {
	switch country {
	case "US":
		return "A ZIP code of the United States has 5 digits, such as 98101, or 9, such as 98101-1234."
	case "CA":
		return "A postal code of Canada reads like K1A 0B1."
	case "GB":
		return "A postcode of the United Kingdom reads like SW1A 2AA."
	case "AU":
		return "A postcode of Australia has 4 digits, such as 2000."
	}
	return missingWords(keyPostal)
}

// groups draws the form's inputs with what is wrong with them.
func groups(faults []fault) []group {
	text := func(k key, label, hint, autocomplete, width string) input {
		return input{
			Key: k, Label: label, Hint: hint, Type: "text", Autocomplete: autocomplete, Most: maxText, Needed: true, Width: width,
		}
	}
	digits := func(k key, label, hint, autocomplete, width, pattern, slip string, most int) input {
		i := text(k, label, hint, autocomplete, width)
		i.Mode, i.Pattern, i.Slip, i.Most, i.Plain = "numeric", pattern, slip, most, true
		return i
	}
	line2 := text(keyLine2, "Address, second line", "", "billing address-line2", "")
	line2.Needed = false
	country := text(keyCountry, "Country", "", "billing country", "")
	for _, c := range countries() {
		country.Options = append(country.Options, option{c.Code, c.Names[0]})
	}
	email := text(keyEmail, "E-mail address", "Tango sends the receipts of deposits here.", "billing email", "")
	email.Type, email.Most, email.Plain = "email", treasury.MaxEmail, true
	postal := text(keyPostal, "Postal code", "", "billing postal-code", "half stack")
	postal.Plain, postal.Most = true, 12
	all := []group{
		{"The card", []input{
			digits(keyNumber, "Card number", "Visa, Mastercard, American Express or Discover. Spaces are fine.", "cc-number", "",
				`[0-9\s\p{Pd}]{13,40}`, numberSignsWords, 40),
			digits(keyMonth, "Expiry month", "MM", "cc-exp-month", "half", `\s*[0-9]{1,2}\s*`, monthWrongWords, 4),
			digits(keyYear, "Expiry year", "YY", "cc-exp-year", "half", `\s*([0-9]{2}|[0-9]{4})\s*`, yearWrongWords, 6),
			digits(keyCode, "Security code", "3 digits on the back; 4 on the front of an American Express.", "cc-csc", "",
				`\s*[0-9]{3,4}\s*`, codeWrongWords, 6),
		}},
		{"Where its statements go", []input{
			text(keyFirst, "First name", "", "billing cc-given-name", "half stack"),
			text(keyLast, "Last name", "", "billing cc-family-name", "half stack"),
			country,
			text(keyLine1, "Address", "", "billing address-line1", ""),
			line2,
			text(keyCity, "City or town", "", "billing address-level2", ""),
			text(keyState, "State, province or county", "", "billing address-level1", "half stack"),
			postal,
			email,
		}},
	}
	for _, f := range faults {
		for _, g := range all {
			for i := range g.Inputs {
				if g.Inputs[i].Key == f.Key {
					g.Inputs[i].Error = f.Text
				}
			}
		}
	}
	return all
}

// formScreen is the form, after a try with what was wrong with it.
func formScreen(a about, faults []fault) screen {
	s := screen{
		Status: http.StatusOK, Title: "Register a card", Groups: groups(faults), Reference: a.ID,
		Words: []string{"Type the card here, never in Slack. This page is yours alone."},
		Facts: []fact{
			{Name: "For account", Value: a.Account, Small: a.AccountID},
			{Name: "Under the label", Value: a.Label},
			{Name: "This link ends", Value: inWords(a.Until.Sub(a.Now)), Small: clockTime(a.Until)},
		},
	}
	if a.Account == "" {
		s.Facts[0].Value, s.Facts[0].Small = a.AccountID, ""
	}
	if len(faults) == 0 {
		return s
	}
	s.Status, s.Again = http.StatusUnprocessableEntity, againWords+" "+leftWords(a.Left)
	for _, f := range faults {
		s.Faults = append(s.Faults, shownFault{f, labelOf(s.Groups, f.Key)})
	}
	return s
}

func labelOf(groups []group, k key) string {
	for _, g := range groups {
		for _, i := range g.Inputs {
			if i.Key == k {
				return i.Label
			}
		}
	}
	return ""
}

func leftWords(left int) string {
	if left == 1 {
		return "This link takes one more try."
	}
	return fmt.Sprintf("This link takes %d more tries.", left)
}

func faultsTitle(faults []shownFault) string {
	switch {
	case len(faults) == 1 && faults[0].Key == "":
		return "The card is not registered"
	case len(faults) == 1:
		return "One field needs another look"
	}
	return strconv.Itoa(len(faults)) + " fields need another look"
}

// deadScreen is one and the same for every link that cannot be used, so that nobody learns by trying.
func deadScreen() screen {
	return screen{
		Status: http.StatusNotFound, Title: "This link cannot be used", Tone: toneBad,
		Words: []string{
			"It was used already, is too old, was replaced by a newer one, or is not complete.",
			"If you have just sent your card, do not type it again. " + slackWords,
			"Otherwise nothing was sent. " + newLinkWords,
		},
	}
}

func doneScreen(r treasury.Request, a about, b brand, now time.Time) screen {
	s := screen{
		Status: http.StatusOK, Title: "The card is registered", Tone: toneGood, Reference: r.ID,
		Words: []string{"You can close this page. This link is used up."},
	}
	var card treasury.Card
	if r.Answer != nil && r.Answer.Card != nil {
		card = *r.Answer.Card
	}
	usable := fact{Name: "Can be used", Value: "at once"}
	if card.ActiveFrom.After(now) {
		usable.Value, usable.Small = "from "+clockTime(card.ActiveFrom), "Tango takes no deposit from it before."
	}
	account := a.Account
	if account == "" {
		account = a.AccountID
	}
	s.Facts = []fact{
		{Name: "Card", Value: fmt.Sprintf("%s ending in %s", b, card.LastFour)},
		{Name: "Label", Value: a.Label},
		{Name: "For account", Value: account},
		usable,
	}
	return s
}

// doubtScreen tells that the card may be registered. Its status is 200, because proxies put pages of their own in the place
// of a 5xx, and this one must arrive.
func doubtScreen(id, tangoRequest string) screen {
	s := screen{
		Status: http.StatusOK, Title: "The card may be registered", Tone: toneDoubt, Reference: id,
		Words: []string{
			"The card was sent, but Tango’s answer did not come or cannot be trusted.",
			"Do not type it again: it could be registered twice. Look at Slack. Tangobot looks for the card at Tango and tells there what it finds.",
		},
	}
	if tangoRequest != "" {
		s.Facts = []fact{{Name: "At Tango’s support", Value: tangoRequest}}
	}
	return s
}

func tangoRequest(a *treasury.Answer) string {
	if a == nil {
		return ""
	}
	return a.Request
}

// failedScreen tells that it is over: no card was registered, and the request has ended.
func failedScreen(r treasury.Request) screen {
	return screen{
		Status: http.StatusConflict, Title: "The card is not registered", Tone: toneBad, Reference: r.ID,
		Words: []string{endWords(r), "This request has ended. To register a card, ask again in Slack."},
	}
}

func endWords(r treasury.Request) string {
	switch r.Reason {
	case treasury.ReasonCardsFull:
		return fmt.Sprintf("The account has %d cards, and Tango allows no more. Nothing was sent. Remove one first.", treasury.MaxCards)
	case treasury.ReasonInactive:
		return "The account is not active at Tango. Nothing was sent."
	case treasury.ReasonUnknown:
		return "Tango does not know the account any more. Nothing was sent."
	case treasury.ReasonRefused:
		if r.Answer != nil {
			return refusal(*r.Answer).Text
		}
	case treasury.ReasonAttempts:
		return "There were too many tries without a registration."
	case treasury.ReasonNone, treasury.ReasonTakenBack, treasury.ReasonStopped, treasury.ReasonAuthority, treasury.ReasonRule,
		treasury.ReasonTooLate, treasury.ReasonLimit, treasury.ReasonInsufficient, treasury.ReasonCurrency, treasury.ReasonFound,
		treasury.ReasonCardGone, treasury.ReasonCardExpired, treasury.ReasonCardNotActive, treasury.ReasonTaken,
		treasury.ReasonChanged, treasury.ReasonCustomer:
	}
	return "No card was registered."
}

// refusal puts a definite no in words, at the field that it is about, by Tango's key: its prefix is not the HTTP status.
func refusal(a treasury.Answer) fault {
	switch a.Verdict {
	case treasury.VerdictUnsent:
		return fault{Text: unreachedWords}
	case treasury.VerdictThrottled:
		return fault{Text: "Tango was asked too often at that moment and did not take the card. Nothing is registered. Please try again in a minute."}
	case treasury.VerdictRefused, treasury.VerdictDone, treasury.VerdictPending, treasury.VerdictDeclined, treasury.VerdictUnknown:
	}
	f := fault{}
	switch a.Key {
	case "402.051":
		f.Text = "The card’s bank did not confirm it. Compare number, date and code with the card, and the address with a statement, or use another card."
	case "422.118":
		f = fault{keyCode, "Tango says that the security code does not fit the card."}
	case "422.121":
		f = fault{keyYear, "Tango does not take this expiry date."}
	case "422.134":
		f = fault{keyEmail, "Tango does not take this e-mail address."}
	case "422.050":
		f.Text = fmt.Sprintf("Tango says that the account has %d cards already. Remove one in Slack first.", treasury.MaxCards)
	case "403.001", "403.006":
		f.Text = "Tango does not let this platform register a card on this account. Ask Tango’s support."
	case "403.016", "403.018", "403.020":
		f.Text = "Tango does not take cards from this platform at the moment. Ask Tango’s support."
	case "401.001", "401.002", "401.501", "401.502":
		f.Text = "Tango does not accept Tangobot’s own key. The people who run Tangobot must mend that; the card was not looked at."
	default:
		f.Text = "Tango does not take the card as it was typed. Compare everything with the card and a statement."
	}
	f.Text += " Nothing is registered."
	if a.Request != "" {
		f.Text += " Tango’s support finds this try under " + a.Request + "."
	}
	return f
}

// renewScreen tells that the tries or the time of the link are over after a definite no.
func renewScreen(r treasury.Request) screen {
	words := unreachedWords
	if r.Attempt != nil && !r.Attempt.SentAt.IsZero() && r.Answer != nil {
		words = refusal(*r.Answer).Text
	}
	return screen{
		Status: http.StatusUnprocessableEntity, Title: "The card is not registered", Tone: toneBad, Reference: r.ID,
		Words: []string{words, "This link has ended. " + newLinkWords},
	}
}

func oftenScreen(id string) screen {
	return screen{
		Status: http.StatusTooManyRequests, Title: "This link was tried too often", Tone: toneBad, Reference: id,
		Words: []string{
			fmt.Sprintf("The form of one link can be sent %d times. Nothing was sent to Tango this time.", MaxPosts), newLinkWords,
		},
	}
}

// waitScreen tells that nothing was sent, for a reason that passes.
func waitScreen(id, words string) screen {
	return screen{
		Status: http.StatusServiceUnavailable, Title: "The card was not sent", Tone: toneBad, Words: []string{words}, Reference: id,
	}
}

func unavailableScreen(reference string) screen {
	return screen{
		Status: http.StatusServiceUnavailable, Title: "The page cannot work at the moment", Tone: toneBad, Reference: reference,
		Words: []string{"A service that it needs did not answer. Nothing was sent. Open the link again in a minute."},
	}
}

// brokenScreen cannot know how far things went.
func brokenScreen(reference string) screen {
	return screen{
		Status: http.StatusInternalServerError, Title: "Something went wrong on Tangobot’s side", Tone: toneDoubt, Reference: reference,
		Words: []string{"If you have just sent your card, do not type it again before you have looked at Slack. " + slackWords},
	}
}

func methodScreen() screen {
	return wrongScreen(http.StatusMethodNotAllowed, "This page can be opened and its form sent, nothing else.")
}

func typeScreen() screen {
	return wrongScreen(http.StatusUnsupportedMediaType, "The form did not come as this page sends it.")
}

func sizeScreen() screen {
	return wrongScreen(http.StatusRequestEntityTooLarge, "The form is larger than this page ever sends.")
}

func malformedScreen() screen {
	return wrongScreen(http.StatusBadRequest, "The form did not come as this page sends it.")
}

func originScreen() screen {
	return wrongScreen(http.StatusForbidden, "The form came from somewhere else than this page.")
}

func wrongScreen(status int, words string) screen {
	return screen{
		Status: status, Title: "This was not taken", Tone: toneBad,
		Words: []string{words, "Nothing was sent. Open the link from Slack in a browser, and use the form there."},
	}
}

// inWords tells a wait that is not over.
func inWords(d time.Duration) string {
	switch minutes := int(d / time.Minute); minutes {
	case 0:
		return "in less than a minute"
	case 1:
		return "in 1 minute"
	default:
		return fmt.Sprintf("in %d minutes", minutes)
	}
}

// clockTime tells a time where no browser can tell it in the visitor's own zone.
func clockTime(t time.Time) string { return t.UTC().Format("2\u00a0January\u00a02006, 15:04\u00a0UTC") }
