package slack

import (
	"fmt"
	"strings"
)

// tangoWords puts Tango's refusals in words, by i18nKey first: its prefix is not the HTTP status. Each says what to do
// where a person can do something. A key without a sentence of its own is told by its status, with the key.
func tangoWords(status int, key string) string {
	if words := keySentence(key); words != "" {
		return words
	}
	switch status {
	case 400, 422:
		return "it does not accept the request as it stands" + keyWords(key) + "."
	case 401:
		return "the platform name or key is wrong" + keyWords(key) + "."
	case 402:
		return "the payment is not possible" + keyWords(key) + "."
	case 403:
		return "this platform is not allowed to do that" + keyWords(key) + "."
	case 404:
		return "it does not know that" + keyWords(key) + "."
	case 409:
		return "there is one like it already" + keyWords(key) + "."
	case 429:
		return "it does not take this now" + keyWords(key) + ". Wait a while, then ask again."
	}
	return fmt.Sprintf("status %d%s.", status, keyWords(key))
}

func keyWords(key string) string {
	if key == "" {
		return ""
	}
	return " (" + escape(visible(clip(key, 40))) + ")"
}

// keySentence gives the sentence of a key (Tango's list of error codes); empty for one without.
func keySentence(key string) string {
	family, _, _ := strings.Cut(key, ".")
	switch family {
	case "401", "402", "403":
		return permissionSentence(key)
	case "404":
		return missingSentence(key)
	case "400", "409":
		return clashSentence(key)
	case "422":
		return ruleSentence(key)
	case "429":
		return laterSentence(key)
	}
	return ""
}

func permissionSentence(key string) string {
	switch key {
	case "401.001", "401.002", "401.501", "401.502":
		return "the platform name or key is wrong. The people who run Tangobot must correct it."
	case "402.001":
		return "there is not enough money in the source account. Fund it, then ask again."
	case "402.051":
		return "the bank did not authorise the card. Check the card with its holder or the bank, or use another one."
	case "403.001":
		return "this platform is not allowed to do that."
	case "403.002":
		return "this platform is not allowed to remove this card."
	case "403.006":
		return "cards may not be registered on this account. Tango's support can allow it."
	case "403.016":
		return "its fraud check stopped this, because too much happened in a short time. Wait, or ask Tango's support before you ask again."
	case "403.017":
		return "this platform is not verified yet, so it can open no customers and accounts. Tango's support verifies it."
	case "403.018":
		return "Tango has rejected this platform. Ask Tango's support."
	case "403.020":
		return "the platform's status at Tango does not allow it. Ask Tango's support."
	}
	return ""
}

func missingSentence(key string) string {
	switch key {
	case "404.003", "404.016":
		return "it does not know the account."
	case "404.004", "404.089":
		return "it does not know the account or its customer, or one of them is not active."
	case "404.020":
		return "the account is not under that customer."
	case "404.002", "404.015", "404.096":
		return "it does not know the customer."
	case "404.011", "404.060":
		return "it does not know this deposit."
	case "404.022":
		return "it does not know this card."
	case "404.025":
		return "it does not know this card any more, so there is nothing to remove."
	}
	return ""
}

func clashSentence(key string) string {
	switch key {
	case "400.010":
		return "the currency of an account cannot be changed once money has moved on it."
	case "400.011":
		return "it does not know the currency."
	case "409.003", "409.007":
		return "the customer has an account with this id already. Choose another id."
	case "409.018":
		return "an account of another customer has this id already. Choose another id."
	case "409.004", "409.017":
		return "the customer has an account with this name already. Choose another name."
	case "409.010", "409.012":
		return "there is a customer with this id already. Choose another id."
	case "409.011":
		return "there is a customer with this name already. Choose another name."
	}
	return ""
}

func ruleSentence(key string) string {
	switch key {
	case "422.002":
		return "it does not know this card, or the card does not belong to this account."
	case "422.003":
		return "the accounts' currencies differ."
	case "422.004", "422.053", "422.156":
		return "an account is not active. Only Tango can change that."
	case "422.036":
		return "the card is not registered. Register it, or use another one."
	case "422.037":
		return "the card is registered on another account. Use a card of this one."
	case "422.038":
		return "the deposit went wrong on Tango's side. Ask Tango's support before you ask again."
	case "422.039":
		return "funding by card is not set up for this platform. Tango's support sets it up."
	case "422.050":
		return "the account has 10 cards, and Tango allows no more. Remove one first."
	case "422.051":
		return "the card could not be removed. Try again later, or in Tango's portal."
	case "422.052":
		return "the amount is outside the range that this account may be funded with. Ask for another amount, or ask Tango's support for the range."
	case "422.105", "422.140":
		return "the amount has more digits than it takes."
	case "422.118":
		return "the card's code does not fit the card. It has 3 digits, on American Express 4."
	case "422.121":
		return "the card's month is over, or has a wrong form."
	case "422.126":
		return "a text is too short or too long."
	case "422.128", "422.135":
		return "something that it needs is missing."
	case "422.134":
		return "an e-mail address has a wrong form."
	case "422.136":
		return "there are too many people who get receipts; it takes 5."
	case "422.141":
		return "the amount must not be negative."
	case "422.501":
		return "an id has a wrong form."
	}
	return ""
}

func laterSentence(key string) string {
	switch key {
	case "429.001", "429.008":
		return "too much was asked of it at once. Wait a while, then ask again."
	case "429.002", "429.005":
		return "the transaction is not possible now. Try again later, or ask Tango's support."
	case "429.003":
		return "the card is still in its registration period. " + code("/tango cards") + " shows from when it can be used."
	case "429.004":
		return "this amount cannot be processed. Ask for another amount, or ask Tango's support."
	}
	return ""
}
