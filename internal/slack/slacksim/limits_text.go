package slacksim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// surface is where blocks are shown.
type surface string

const (
	message surface = "messages"
	modal   surface = "modals"
	home    surface = "App Home"
)

// The kinds of text objects that a place takes.
const (
	plainText = "plain_text"
	mrkdwn    = "mrkdwn"
	anyText   = ""
)

// checker walks one payload and gathers problems.
type checker struct {
	code     string // Slack's code for a malformed payload of this kind
	surface  surface
	root     string          // before every path, for views
	ids      map[string]bool // block ids so far
	problems []Problem

	markdown, tables, dataTables int // characters so far
	charts, focused              int
}

func (c *checker) add(path, text string) { c.problem(c.code, path, text) }

func (c *checker) problem(code, path, text string) {
	c.problems = append(c.problems, Problem{Code: code, Path: path, Text: text})
}

func (c *checker) advise(code, path, text string) {
	c.problems = append(c.problems, Problem{Code: code, Path: path, Text: text, Advice: true})
}

// only refuses fields that Slack does not know; a misspelt one would otherwise be lost without a word.
func (c *checker) only(path string, m object, fields ...string) {
	unknown := []string{}
	for k := range m {
		if !slices.Contains(fields, k) {
			unknown = append(unknown, k)
		}
	}
	slices.Sort(unknown)
	for _, k := range unknown {
		c.add(path+"/"+k, "invalid additional property: "+k)
	}
}

// str checks a field that is plain JSON text. Empty counts as missing.
func (c *checker) str(path string, m object, field string, most int, required bool) string {
	path += "/" + field
	v, present := m[field]
	s, ok := v.(string)
	switch n := utf8.RuneCountInString(s); {
	case !present || (ok && s == ""):
		if required {
			c.add(path, "missing required field: "+field)
		}
	case !ok:
		c.add(path, "must be text")
	case n > most:
		c.add(path, fmt.Sprintf("must be less than %d characters", most+1))
	}
	return s
}

// boolean checks a field that is true or false.
func (c *checker) boolean(path string, m object, field string, required bool) {
	v, present := m[field]
	if !present {
		if required {
			c.add(path+"/"+field, "missing required field: "+field)
		}
		return
	}
	if _, ok := v.(bool); !ok {
		c.add(path+"/"+field, "must be true or false")
	}
}

// whole checks a field that is a whole number within bounds, and gives it.
func (c *checker) whole(path string, m object, field string, least, most int64) (int64, bool) {
	v, present := m[field]
	if !present {
		return 0, false
	}
	number, ok := v.(json.Number)
	n, err := number.Int64()
	if !ok || err != nil || n < least || n > most {
		c.add(path+"/"+field, fmt.Sprintf("must be a whole number from %d to %d", least, most))
		return 0, false
	}
	return n, true
}

// oneOf checks a field that takes few words.
func (c *checker) oneOf(path string, m object, field string, words ...string) {
	if v, present := m[field]; present && !slices.Contains(words, asString(v)) {
		c.add(path+"/"+field, "must be one of "+strings.Join(words, ", "))
	}
}

// list checks a field that is an array, and gives it.
func (c *checker) list(path string, m object, field string, least, most int) []any {
	v, present := m[field]
	l, ok := v.([]any)
	switch {
	case !present || v == nil:
		if least > 0 {
			c.add(path+"/"+field, "missing required field: "+field)
		}
	case !ok:
		c.add(path+"/"+field, "must be an array")
	case len(l) < least:
		c.add(path+"/"+field, fmt.Sprintf("must provide at least %d items", least))
	case len(l) > most:
		c.add(path+"/"+field, fmt.Sprintf("no more than %d items allowed", most))
	}
	return l
}

// text checks a field that is a text object.
func (c *checker) text(path string, m object, field, kind string, most int, required bool) {
	v, present := m[field]
	if !present || v == nil {
		if required {
			c.add(path+"/"+field, "missing required field: "+field)
		} else if present {
			c.add(path+"/"+field, "must be a text object")
		}
		return
	}
	c.textObject(path+"/"+field, v, kind, most)
}

func (c *checker) textObject(path string, v any, kind string, most int) {
	t := asObject(v)
	if t == nil {
		c.add(path, "must be a text object")
		return
	}
	switch found := asString(t["type"]); {
	case kind != anyText && found != kind:
		c.add(path+"/type", "must be "+kind)
	case found == plainText:
		c.only(path, t, "type", "text", "emoji")
		c.boolean(path, t, "emoji", false)
	case found == mrkdwn:
		c.only(path, t, "type", "text", "verbatim")
		c.boolean(path, t, "verbatim", false)
		c.broadcast(path+"/text", asString(t["text"]))
	default:
		c.add(path+"/type", fmt.Sprintf("unsupported text type %q", found))
	}
	c.str(path, t, "text", most, true)
}

// broadcast finds mentions that wake everybody: hardly ever meant, and often foreign text that was not escaped.
func (c *checker) broadcast(path, text string) {
	for _, word := range []string{"<!channel", "<!here", "<!everyone"} {
		if strings.Contains(text, word) {
			c.advise("broadcast", path, word+"> notifies everybody; was foreign text not escaped?")
		}
	}
}

// web checks a field that is a web address.
func (c *checker) web(path string, m object, field string, required bool) {
	s := c.str(path, m, field, maxURL, required)
	if s != "" && !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
		c.add(path+"/"+field, "must be a web address")
	}
}
