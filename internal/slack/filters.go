package slack

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// A list's filters are typed as name:value; a value with spaces stands in double quotes. All other words together are
// looked for in the display name. Everything is applied by Tango, not here.

// badFilter says in words what is wrong with a filter.
type badFilter struct{ words string }

func (b *badFilter) Error() string { return "filter: " + b.words }

// Is makes every badFilter an ErrInvalid.
func (*badFilter) Is(target error) bool { return target == treasury.ErrInvalid }

// filters splits what was typed into the values of known filters and the rest.
func filters(text string, known ...string) (values map[string]string, rest string, err error) {
	values = map[string]string{}
	var words []string
	for _, w := range split(text) {
		name, value, isFilter := strings.Cut(w, ":")
		name = strings.ToLower(name)
		switch {
		case !isFilter:
			words = append(words, w)
		case !slices.Contains(known, name):
			return nil, "", &badFilter{"There is no filter " + code(clip(name, 40)+":") + ". The filters are " + strings.Join(known, ", ") + "."}
		case value == "":
			return nil, "", &badFilter{"The filter " + code(name+":") + " needs a value right behind the colon."}
		case values[name] != "":
			return nil, "", &badFilter{"The filter " + code(name+":") + " stands there twice. Type it once."}
		default:
			values[name] = value
		}
	}
	return values, strings.Join(words, " "), nil
}

// accountQuery reads "[words] [status: currency: customer: number: min: max: email: notify: created:]".
func accountQuery(text string) (treasury.AccountQuery, error) {
	values, rest, err := filters(text, "status", "currency", "customer", "number", "min", "max", "email", "notify", "created")
	if err != nil {
		return treasury.AccountQuery{}, err
	}
	q := treasury.AccountQuery{Name: rest, Customer: values["customer"], Number: strings.ToUpper(values["number"]), Email: values["email"]}
	if values["notify"] != "" {
		q.NotifyEmails = strings.Split(values["notify"], ",")
	}
	for _, step := range []func() error{
		func() (err error) { q.Status, err = readStatus(values["status"]); return err },
		func() (err error) { q.Currencies, err = readCurrencies(values["currency"]); return err },
		func() (err error) { q.MinBalance, err = readBound("min", values["min"]); return err },
		func() (err error) { q.MaxBalance, err = readBound("max", values["max"]); return err },
		func() (err error) {
			q.CreatedFrom, q.CreatedTo, err = readDays("created", values["created"])
			return err
		},
		func() error { return checkIdentifier("customer", q.Customer) },
	} {
		if err := step(); err != nil {
			return treasury.AccountQuery{}, err
		}
	}
	if q.MinBalance != nil && q.MaxBalance != nil && q.MinBalance.Hundredths > q.MaxBalance.Hundredths {
		return treasury.AccountQuery{}, &badFilter{code("min:") + " is above " + code("max:") + ", so no account can match."}
	}
	return q, nil
}

// customerQuery reads "[words] [status: created: account: account-number: account-name: account-status: account-created:]".
func customerQuery(text string) (treasury.CustomerQuery, error) {
	values, rest, err := filters(text, "status", "created", "account", "account-number", "account-name", "account-status", "account-created")
	if err != nil {
		return treasury.CustomerQuery{}, err
	}
	q := treasury.CustomerQuery{
		Name: rest, Status: strings.ToLower(values["status"]), AccountID: values["account"],
		AccountNumber: strings.ToUpper(values["account-number"]), AccountName: values["account-name"],
	}
	for _, step := range []func() error{
		func() (err error) { q.AccountStatus, err = readStatus(values["account-status"]); return err },
		func() (err error) {
			q.CreatedFrom, q.CreatedTo, err = readDays("created", values["created"])
			return err
		},
		func() (err error) {
			q.AccountCreatedFrom, q.AccountCreatedTo, err = readDays("account-created", values["account-created"])
			return err
		},
		func() error { return checkIdentifier("account", q.AccountID) },
	} {
		if err := step(); err != nil {
			return treasury.CustomerQuery{}, err
		}
	}
	return q, nil
}

// isIdentifier reports whether text has the form of Tango's identifiers (its pages: 5 to 100 of -0-9a-zA-Z).
func isIdentifier(text string) bool {
	return len(text) >= 5 && len(text) <= 100 && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func checkIdentifier(name, value string) error {
	if value == "" || isIdentifier(value) {
		return nil
	}
	return &badFilter{code(name+":") + " takes an id of 5 to 100 letters, digits and hyphens."}
}

func readStatus(text string) (treasury.AccountStatus, error) {
	all := []treasury.AccountStatus{
		treasury.AccountActive, treasury.AccountInactive, treasury.AccountDisabled, treasury.AccountFrozen, treasury.AccountDeleted,
	}
	s := treasury.AccountStatus(strings.ToUpper(text))
	if text == "" || slices.Contains(all, s) {
		return s, nil
	}
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = strings.ToLower(string(one))
	}
	return "", &badFilter{code(clip(text, 40)) + " is no status. There are " + strings.Join(names, ", ") + "."}
}

func readCurrencies(text string) ([]money.Currency, error) {
	if text == "" {
		return nil, nil
	}
	seen := map[money.Currency]bool{}
	for part := range strings.SplitSeq(text, ",") {
		c := money.Currency(strings.ToUpper(part))
		if !c.IsValid() {
			return nil, &badFilter{code(clip(part, 40)) + " is no currency code. Type codes such as " + code("currency:USD,EUR") + "."}
		}
		seen[c] = true
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

// readBound reads a balance; unlike an amount to move, it may be zero.
func readBound(name, text string) (*money.Amount, error) {
	if text == "" {
		return nil, nil
	}
	amount, err := money.Parse(text)
	var fault *money.ParseError
	switch {
	case !errors.As(err, &fault), fault.Fault == money.FaultZero:
		return &amount, nil
	case fault.Fault == money.FaultSign:
		return nil, &badFilter{code(name+":") + " cannot be read. Type it without a sign."}
	}
	return nil, &badFilter{code(name+":") + " cannot be read. " + faultWords(fault.Fault)}
}

// readDays reads "2026-01-31", "2026-01-01..2026-01-31", "2026-01-01.." or "..2026-01-31": whole days, in UTC.
func readDays(name, text string) (from, to time.Time, err error) {
	if text == "" {
		return from, to, nil
	}
	first, last, isRange := strings.Cut(text, "..")
	if !isRange {
		last = first
	}
	bad := &badFilter{code(name+":") + " takes days such as " + code(name+":2026-01-01..2026-01-31") + " or " + code(name+":2026-01-01..") + "."}
	if first == "" && last == "" {
		return from, to, bad
	}
	if first != "" {
		if from, err = time.Parse(time.DateOnly, first); err != nil {
			return from, to, bad
		}
	}
	if last != "" {
		if to, err = time.Parse(time.DateOnly, last); err != nil {
			return from, to, bad
		}
		to = to.AddDate(0, 0, 1).Add(-time.Millisecond) // as fine as Tango's times
	}
	if !to.IsZero() && to.Before(from) {
		return from, to, &badFilter{"The first day of " + code(name+":") + " is after the last."}
	}
	return from, to, nil
}
