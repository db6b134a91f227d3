package treasury

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a key, token or password that must not be printed. Every way of formatting it gives "[secret]"; only Reveal
// gives the value, at the place where it goes on the wire. Secrets are not compared with ==.
type Secret struct {
	// value is behind a pointer because fmt does not ask the methods below in a field that is not exported, or under a
	// wrong verb: it prints what it finds, and that is an address.
	value *string
}

const redacted = "[secret]"

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value: &value} }

// Reveal gives the value.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet reports whether there is a value.
func (s Secret) IsSet() bool { return s.Reveal() != "" }

// String hides the value.
func (Secret) String() string { return redacted }

// GoString hides the value from %#v.
func (Secret) GoString() string { return redacted }

// Format hides the value from every verb, %x and %q among them.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText hides the value from JSON, XML and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue hides the value from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
