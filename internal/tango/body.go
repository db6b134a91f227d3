package tango

import "unicode/utf8"

// drawing draws JSON into one buffer of its own. The encoder of the library keeps its buffers for the next caller, and with
// them what was in them: a card must be in none. The buffer is made large enough at once, because growing leaves a copy
// behind. Fields stand in the order in which they are written.
type drawing struct{ b []byte }

// newDrawing makes a drawing that holds so many bytes of text. A byte of text takes at most six on the wire.
func newDrawing(texts int) *drawing { return &drawing{make([]byte, 0, 1024+6*texts)} }

// next writes the comma before a further field or entry.
func (d *drawing) next() {
	if n := len(d.b); n > 0 && d.b[n-1] != '{' && d.b[n-1] != '[' {
		d.b = append(d.b, ',')
	}
}

func (d *drawing) name(name string) {
	d.next()
	d.quote(name)
	d.b = append(d.b, ':')
}

// text writes a field that is a string.
func (d *drawing) text(name, value string) {
	d.name(name)
	d.quote(value)
}

// textIf writes a field unless it is empty.
func (d *drawing) textIf(name, value string) {
	if value != "" {
		d.text(name, value)
	}
}

// number writes a field that is a number, of its digits.
func (d *drawing) number(name, digits string) {
	d.name(name)
	d.b = append(d.b, digits...)
}

// open begins an object or a list, in a field or, without a name, as an entry.
func (d *drawing) open(name string, bracket byte) {
	if name == "" {
		d.next()
	} else {
		d.name(name)
	}
	d.b = append(d.b, bracket)
}

func (d *drawing) shut(bracket byte) { d.b = append(d.b, bracket) }

// emails writes a list of addresses as Tango has it: objects with one field. An empty list is written too.
func (d *drawing) emails(name string, addresses []string) {
	d.open(name, '[')
	for _, address := range addresses {
		d.open("", '{')
		d.text("emailAddress", address)
		d.shut('}')
	}
	d.shut(']')
}

// quote writes a string. What is not UTF-8 becomes the replacement character, as in encoding/json.
func (d *drawing) quote(s string) {
	const hex = "0123456789abcdef"
	d.b = append(d.b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			d.b = append(d.b, '\\', byte(r))
		case r < 0x20:
			d.b = append(d.b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			d.b = utf8.AppendRune(d.b, r)
		}
	}
	d.b = append(d.b, '"')
}
