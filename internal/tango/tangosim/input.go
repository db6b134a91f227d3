package tangosim

import (
	"encoding/json"
	"net/http"
	"net/mail"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The forms of Tango's field rules.
var (
	identifierForm = regexp.MustCompile(`^[-a-zA-Z0-9]{5,100}$`)
	nameForm       = regexp.MustCompile(`^[\p{L}\p{N}\p{P}\p{Z}]{5,100}$`)
	monthForm      = regexp.MustCompile(`^\d{4}-\d{2}$`)
)

// input takes the fields of a request's body, letter by letter, and remembers the first rule that one of them breaks.
type input struct {
	named map[string]json.RawMessage
	place string // in front of the names in errors
	wrong *brokenRule
}

type brokenRule struct{ path, key, message, value string }

// object reads the body as an object, or refuses the call.
func (c *call) object() (*input, bool) {
	var named map[string]json.RawMessage
	if json.Unmarshal(c.body, &named) != nil || named == nil {
		c.fail(http.StatusBadRequest, "400.501", "JSON parse error")
		return nil, false
	}
	return &input{named: named, wrong: &brokenRule{}}, true
}

func (in *input) breaks(name, key, message, value string) {
	if in.wrong.key == "" {
		*in.wrong = brokenRule{in.place + name, key, message, value}
	}
}

// refuse answers the broken rule, if any.
func (in *input) refuse(c *call) bool {
	if in.wrong.key == "" {
		return false
	}
	c.invalid(in.wrong.path, in.wrong.key, in.wrong.message, in.wrong.value)
	return true
}

// given reports whether a field is there and not null.
func (in *input) given(name string) bool {
	raw, ok := in.named[name]
	return ok && string(raw) != "null"
}

// text gives a string that must be there and have a sign.
func (in *input) text(name string) string {
	s := in.optional(name)
	switch {
	case !in.given(name):
		in.breaks(name, "422.128", "must not be null", "")
	case s == "":
		in.breaks(name, "422.135", "must not be empty", "")
	}
	return s
}

func (in *input) optional(name string) string {
	var s string
	if in.given(name) && json.Unmarshal(in.named[name], &s) != nil {
		in.breaks(name, "400.009", "not a string", "")
	}
	return s
}

// number gives a number's digits as they came; a string is none.
func (in *input) number(name string) string {
	raw := strings.TrimSpace(string(in.named[name]))
	switch {
	case !in.given(name):
		in.breaks(name, "422.128", "must not be null", "")
	case strings.Trim(raw, "0123456789.-+eE") != "":
		in.breaks(name, "400.009", "not a number", "")
	}
	return raw
}

func (in *input) inner(name string) *input {
	inner := &input{place: in.place + name + ".", wrong: in.wrong}
	if !in.given(name) {
		in.breaks(name, "422.128", "must not be null", "")
	} else if json.Unmarshal(in.named[name], &inner.named) != nil {
		in.breaks(name, "400.009", "not an object", "")
	}
	return inner
}

// list gives a list of objects; it may be missing.
func (in *input) list(name string) []*input {
	var raw []map[string]json.RawMessage
	if in.given(name) && json.Unmarshal(in.named[name], &raw) != nil {
		in.breaks(name, "400.009", "not a list of objects", "")
	}
	all := make([]*input, len(raw))
	for i, named := range raw {
		all[i] = &input{named: named, place: in.place + name + "[].", wrong: in.wrong}
	}
	return all
}

func (in *input) identifier(name string) string {
	s := in.text(name)
	if !identifierForm.MatchString(s) {
		in.breaks(name, "422.501", "5 to 100 letters, digits and hyphens", s)
	}
	return s
}

func (in *input) displayName(name string) string {
	s := in.text(name)
	if !nameForm.MatchString(s) {
		in.breaks(name, "422.126", "5 to 100 letters, digits, punctuation and spaces", s)
	}
	return s
}

func (in *input) email(name string) string {
	s := in.text(name)
	a, err := mail.ParseAddress(s)
	switch {
	case err != nil || a.Address != s || !strings.Contains(s, "."):
		in.breaks(name, "422.134", "must be an email address", s)
	case utf8.RuneCountInString(s) > 100:
		in.breaks(name, "422.126", "At most 100 characters", s)
	}
	return s
}

// emails gives a list of {emailAddress}, each of which may stand once.
func (in *input) emails(name string) []string {
	list := []string{}
	seen := map[string]bool{}
	for _, entry := range in.list(name) {
		address := entry.email("emailAddress")
		if seen[address] {
			in.breaks(name, "400.001", "must hold unique entries", address)
		}
		seen[address] = true
		list = append(list, address)
	}
	return list
}
