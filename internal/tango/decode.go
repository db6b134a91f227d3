package tango

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tangobot/tangobot/internal/money"
)

// maxDepth is how deep an answer may nest; Tango's go to four.
const maxDepth = 16

var (
	errNotJSON   = errors.New("not JSON")
	errDepth     = errors.New("nested too deep")
	errDuplicate = errors.New("a key stands twice")
)

// parse reads one JSON value into map[string]any, []any, string, json.Number, bool and nil. It is stricter than
// encoding/json: nothing may follow the value, no key may stand twice in an object, and the text must be UTF-8.
// Its errors say nothing of the content.
func parse(body []byte) (any, error) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, errNotJSON
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return parseValue(d, 0)
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	token, err := d.Token()
	if err != nil {
		return nil, errNotJSON
	}
	switch token {
	case json.Delim('{'):
		return parseObject(d, depth)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := parseValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}

func parseObject(d *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return nil, errNotJSON
		}
		if _, twice := object[key]; twice {
			return nil, errDuplicate
		}
		if object[key], err = parseValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

// fields takes the known fields out of one object and keeps the first thing that is wrong with them in err. Fields that
// nobody asks for are ignored, because Tango may add some at any time; but one that differs from a known name in case
// alone is wrong, because nobody can tell which is meant.
type fields struct {
	object map[string]any
	prefix string // the object's place in the answer, for errors
	err    *error
}

func fieldsOf(v any) (*fields, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("not an object")
	}
	return &fields{object: object, err: new(error)}, nil
}

// failed gives the first error.
func (f *fields) failed() error { return *f.err }

func (f *fields) fail(name, why string) {
	if *f.err == nil {
		*f.err = fmt.Errorf("field %s%s: %s", f.prefix, name, why)
	}
}

func (f *fields) get(name string) any {
	for key := range f.object {
		if key != name && strings.EqualFold(key, name) {
			f.fail(name, "stands in another case")
			return nil
		}
	}
	return f.object[name]
}

// text gives a string that must be there.
func (f *fields) text(name string) string {
	s, ok := f.get(name).(string)
	if !ok {
		f.fail(name, "not a string")
	}
	return s
}

// optional gives a string that may be missing or null: Tango's own samples print null for what is not set.
func (f *fields) optional(name string) (s string, ok bool) {
	switch v := f.get(name).(type) {
	case nil:
		return "", false
	case string:
		return v, true
	default:
		f.fail(name, "not a string")
		return "", false
	}
}

// amount gives a number that must be there, read from its digits: a float never sees it, and a quoted number, an
// exponent or null is no amount.
func (f *fields) amount(name string, currency money.Currency) money.Amount {
	number, ok := f.get(name).(json.Number)
	if !ok {
		f.fail(name, "not a number")
		return money.Amount{}
	}
	a, err := money.FromDecimal(number.String(), currency)
	if err != nil {
		f.fail(name, "not an exact amount") // err's text has the digits
	}
	return a
}

// moment gives a time that must be there. Tango writes RFC 3339 with a fraction of any length.
func (f *fields) moment(name string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, f.text(name))
	if err != nil {
		f.fail(name, "not a time")
	}
	return t.UTC()
}

// optionalMoment gives a time, or the zero Time where there is none that can be read.
func (f *fields) optionalMoment(name string) time.Time {
	s, _ := f.optional(name)
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// inner gives an object that must be there.
func (f *fields) inner(name string) *fields {
	object, ok := f.get(name).(map[string]any)
	if !ok {
		f.fail(name, "not an object")
	}
	return &fields{object: object, prefix: f.prefix + name + ".", err: f.err}
}

// objects gives a list of objects; it may be missing or null.
func (f *fields) objects(name string) []*fields {
	switch v := f.get(name).(type) {
	case nil:
		return nil
	case []any:
		return f.each(name, v)
	default:
		f.fail(name, "not a list")
		return nil
	}
}

func (f *fields) each(name string, list []any) []*fields {
	all := make([]*fields, len(list))
	for i, v := range list {
		object, ok := v.(map[string]any)
		if !ok {
			f.fail(name, "has an entry that is not an object")
		}
		all[i] = &fields{object: object, prefix: f.prefix + name + ".", err: f.err}
	}
	return all
}
