package slack

import (
	"fmt"
	"strings"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// This file says what is wrong with what somebody filled in, and how to mend it.

func problemWords(e *treasury.Invalid) string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = problemLine(p)
	}
	return strings.Join(lines, " ")
}

// problemLine says what is wrong with a field and how to mend it, in plain text: it stands on the field.
func problemLine(p treasury.Problem) string {
	switch p.Code {
	case treasury.ProblemMissing:
		return missingWords(p.Field)
	case treasury.ProblemUnknown:
		return "Tangobot does not know this account. Pick one from the list; a new account takes up to 15 minutes to appear there."
	case treasury.ProblemSame:
		return "This is the account that the money would come from. Choose another one."
	case treasury.ProblemCurrencies:
		return fmt.Sprintf("The first account holds %s and this one %s. Tango moves money within one currency only.", p.Between[0], p.Between[1])
	case treasury.ProblemCurrency:
		return fmt.Sprintf("You typed %s, but the account holds %s. Type the amount in %s.", p.Between[0], p.Between[1], p.Between[1])
	case treasury.ProblemInactive:
		return "This account is " + statusWord(p.Status) + ", so this is not possible with it."
	case treasury.ProblemAmount:
		return faultWords(p.Fault)
	case treasury.ProblemInsufficient:
		return fmt.Sprintf("The account held %s on %s. Ask for less. If it was funded since, ask /tango balance first.", p.Amount, utc(p.At))
	case treasury.ProblemLimit:
		return fmt.Sprintf("A limit of the policy leaves %s for now. Ask for less, or later.", p.Amount)
	case treasury.ProblemNoRule:
		return "No rule of the policy allows this amount here."
	case treasury.ProblemLong:
		return fmt.Sprintf("At most %d characters.", p.Most)
	case treasury.ProblemShort:
		return fmt.Sprintf("At least %d characters.", p.Most)
	case treasury.ProblemMany:
		return fmt.Sprintf("At most %d.", p.Most)
	case treasury.ProblemDigits:
		return "Tango takes deposits up to 999,999.99."
	case treasury.ProblemCharacters:
		return "Tango takes letters, numbers, punctuation and spaces in names: no emoji, and no signs such as $ or +."
	case treasury.ProblemIdentifier:
		return "5 to 100 small letters, digits and hyphens, such as spring-campaign."
	case treasury.ProblemTaken:
		return "This id exists already. Choose another one."
	case treasury.ProblemEmail:
		if treasury.HasCardNumber(p.Text) {
			return cardNumberWords
		}
		return "“" + clip(visible(p.Text), 60) + "” is not an e-mail address."
	case treasury.ProblemContact:
		return "One person a line, like: Ada Lovelace <ada@example.com>"
	case treasury.ProblemCustomer:
		return "Tangobot does not know this customer. Pick one from the list."
	case treasury.ProblemNoCustomer:
		return "Tangobot does not know yet whose account this is. Please try again in a few minutes."
	case treasury.ProblemNoCurrency:
		return "Choose a currency."
	case treasury.ProblemUnchanged:
		return "Nothing is changed yet."
	case treasury.ProblemCard:
		return "This card is not registered on the account. Pick one from the list."
	case treasury.ProblemCardExpired:
		return "This card has expired. Pick another one."
	case treasury.ProblemCardEarly:
		return "Tango lets this card be used from " + utc(p.At) + " on."
	case treasury.ProblemCardsFull:
		return fmt.Sprintf("This account has %d cards, and Tango allows no more. Remove one first.", p.Most)
	case treasury.ProblemCardNumber:
		return cardNumberWords
	case treasury.ProblemControl:
		return "Use plain characters on one line."
	}
	return "This cannot be used."
}

// cardNumberWords warns without repeating what was typed.
const cardNumberWords = "This looks like a card's number. Never type one into Slack: it was not stored and not used. " +
	"Register cards only with /tango card register."

func missingWords(f treasury.Field) string {
	switch f {
	case treasury.FieldCard:
		return "Choose a card."
	case treasury.FieldCustomer:
		return "Choose a customer."
	case treasury.FieldNotify:
		return "Type at least one address, or choose to clear the list."
	case treasury.FieldFrom, treasury.FieldTo, treasury.FieldAccount:
		return "Choose an account."
	case treasury.FieldAmount, treasury.FieldNote, treasury.FieldNewID, treasury.FieldName, treasury.FieldEmail,
		treasury.FieldCurrency, treasury.FieldLabel, treasury.FieldContacts:
	}
	return "Fill this in."
}

func faultWords(f money.Fault) string {
	switch f {
	case money.FaultEmpty:
		return "Type an amount, such as 1,250.00."
	case money.FaultForm:
		return "This is not an amount. Type digits, such as 1250 or 1,250.00."
	case money.FaultAmbiguous:
		return "This could be read in two ways. Type it like 1,250.00: comma for thousands, point for cents."
	case money.FaultDecimals:
		return "At most two digits may follow the point."
	case money.FaultSign:
		return "Type the amount without a sign. To move money back, swap the accounts."
	case money.FaultZero:
		return "The amount must be above zero."
	case money.FaultTooLarge:
		return "This amount is larger than Tangobot handles."
	case money.FaultCurrency:
		return "The word beside the number is no currency code, such as USD."
	case money.FaultTwoSymbols:
		return "Two currencies are named. Type one."
	}
	return "This is not an amount."
}

// statusWord puts Tango's account status in words; one that is new is shown as it came.
func statusWord(s treasury.AccountStatus) string {
	switch s {
	case treasury.AccountActive:
		return "active"
	case treasury.AccountInactive:
		return "inactive (only Tango can change that)"
	case treasury.AccountDisabled:
		return "disabled in Tango's portal"
	case treasury.AccountFrozen:
		return "frozen by Tango"
	case treasury.AccountDeleted:
		return "deleted"
	}
	return strings.ToLower(visible(string(s)))
}
