package slack

import (
	"slices"
	"strings"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// readTransfer reads "[amount] [from <account>] [to <account>] [note]". It never guesses: what is not clear stays empty
// and is said in the form. An account is one word, or quoted, or the words up to the next "from" or "to".
func (e *Edge) readTransfer(text string) form {
	f := form{draft: treasury.Draft{Kind: treasury.ActionTransfer}}
	rest := e.readMoney(text, map[string]*string{"from": &f.draft.From, "to": &f.draft.To}, &f)
	f.draft.Note = rest
	if runes := []rune(rest); len(runes) > treasury.MaxNote {
		f.draft.Note = string(runes[:treasury.MaxNote])
		f.remarks = append(f.remarks, "The note was cut to its first characters.")
	}
	return f
}

// readDeposit reads "[amount] [to <account>]".
func (e *Edge) readDeposit(text string) form {
	f := form{draft: treasury.Draft{Kind: treasury.ActionDeposit}}
	if rest := e.readMoney(text, map[string]*string{"to": &f.draft.Account}, &f); rest != "" {
		f.remarks = append(f.remarks, "“"+clip(visible(rest), 60)+"” was not understood.")
	}
	return f
}

// readMoney takes an amount and the accounts behind their words; it gives what is left.
func (e *Edge) readMoney(text string, accounts map[string]*string, f *form) string {
	words := split(text)
	if n, ok := e.amountWords(words); ok {
		f.draft.Amount = strings.Join(words[:n], " ")
		words = words[n:]
	}
	for len(words) > 1 {
		target := accounts[strings.ToLower(words[0])]
		if target == nil || *target != "" {
			break
		}
		n, account, remark := e.readAccount(words[1:])
		if remark != "" {
			f.remarks = append(f.remarks, remark)
		} else {
			*target = account.ID
		}
		words = words[1+n:]
	}
	return strings.Join(words, " ")
}

// amountWords finds an amount in the first word or two: "500", "500 USD", "USD 500". Any three letters could be a
// currency, "500 for lunch" too: a second word in small letters is one only where an account has it.
func (e *Edge) amountWords(words []string) (int, bool) {
	for n := min(2, len(words)); n > 0; n-- {
		if slices.ContainsFunc(words[:n], func(w string) bool { return strings.EqualFold(w, "from") || strings.EqualFold(w, "to") }) {
			continue
		}
		text := strings.Join(words[:n], " ")
		if a, err := money.Parse(text); err == nil && (n == 1 || text == strings.ToUpper(text) || e.isHeld(a.Currency)) {
			return n, true
		}
	}
	// A first word with a digit was meant as an amount: the form shows it, with what is wrong, when it is sent.
	if len(words) > 0 && strings.ContainsAny(words[0], "0123456789") && !strings.Contains(words[0][1:], "-") {
		return 1, true
	}
	return 0, false
}

// isHeld reports whether an account holds this currency. None is held by all: "2.5 k".
func (e *Edge) isHeld(c money.Currency) bool {
	return c == "" || len(e.Desk.Accounts.Search("", 1, func(a treasury.Account) bool { return a.Currency == c })) > 0
}

// readAccount takes the longest run of words, up to three, that names exactly one account.
func (e *Edge) readAccount(words []string) (n int, ref treasury.AccountRef, remark string) {
	stop := slices.IndexFunc(words, func(w string) bool { return strings.EqualFold(w, "from") || strings.EqualFold(w, "to") })
	if stop < 0 {
		stop = len(words)
	}
	for n := min(stop, 3); n > 0; n-- {
		if account, ok, _ := e.Desk.Accounts.Resolve(strings.Join(words[:n], " ")); ok {
			return n, account.Ref(), ""
		}
	}
	if stop == 0 {
		return 0, treasury.AccountRef{}, "An account is missing behind “from” or “to”."
	}
	_, _, candidates := e.Desk.Accounts.Resolve(words[0])
	remark = "“" + clip(visible(words[0]), 60) + "” names no account."
	if len(candidates) > 0 {
		names := make([]string, 0, 3)
		for _, a := range candidates[:min(3, len(candidates))] {
			names = append(names, a.ID)
		}
		remark = "“" + clip(visible(words[0]), 60) + "” could be " + strings.Join(names, ", ") + " and others. Choose one below."
	}
	return 1, treasury.AccountRef{}, remark
}

// split cuts at spaces; a part in straight or curly double quotes stays together.
func split(text string) []string {
	var words []string
	var word strings.Builder
	quoted, some := false, false
	for _, r := range text {
		switch r {
		case '"', '“', '”':
			quoted, some = !quoted, true
		case ' ', '\t', '\n', '\u00a0':
			if quoted {
				word.WriteRune(' ')
				continue
			}
			if some {
				words = append(words, word.String())
			}
			word.Reset()
			some = false
		default:
			word.WriteRune(r)
			some = true
		}
	}
	if some {
		words = append(words, word.String())
	}
	return words
}
