package treasury_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/tangobot/tangobot/internal/treasury"
)

const canary = "hunter2-canary"

// leaks reports whether a text holds the canary, in plain or in one of the forms that fmt gives bytes.
func leaks(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) ||
		strings.Contains(text, fmt.Sprintf("% x", canary)) || strings.Contains(text, strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]"))
}

// settings is how other rooms hold secrets.
type settings struct {
	Name string
	Key  treasury.Secret
	key  treasury.Secret // fmt calls no methods of what is not exported
}

// holders gives a secret in all that may hold one.
func holders() map[string]any {
	s := treasury.NewSecret(canary)
	held := settings{Name: "acme", Key: s, key: s}
	return map[string]any{
		"alone": s, "by pointer": &s, "in a struct": held, "in a struct by pointer": &held, "in a slice": []treasury.Secret{s},
		"in a map": map[string]treasury.Secret{"key": s}, "as a map's key": map[treasury.Secret]int{s: 1}, "in an interface": []any{s, &held},
	}
}

func TestSecretsInEveryVerb(t *testing.T) {
	t.Parallel()
	for name, v := range holders() {
		for _, flags := range []string{"", "+", "#", "-30", "30.20", " ", "0", "# ", "+#"} {
			for verb := 'A'; verb <= 'z'; verb++ {
				if text := fmt.Sprintf("%"+flags+string(verb), v); leaks(text) {
					t.Errorf("%s: %%%s%c prints %s", name, flags, verb, text)
				}
			}
		}
		for how, text := range map[string]string{"Sprint": fmt.Sprint(v), "Sprintln": fmt.Sprintln(v), "Errorf": fmt.Errorf("key %v", v).Error()} {
			if leaks(text) {
				t.Errorf("%s: %s gives %s", name, how, text)
			}
		}
	}
	if text := fmt.Sprintf("%s|%v|%q|%x|%#v", treasury.NewSecret(canary), treasury.NewSecret(""), treasury.NewSecret("a"), treasury.NewSecret("a"), treasury.Secret{}); text !=
		"[secret]|[secret]|[secret]|[secret]|[secret]" {
		t.Errorf("printed as %s; whether there is a value must not show", text)
	}
}

func TestSecretsAreNotEncoded(t *testing.T) {
	t.Parallel()
	for name, v := range holders() {
		for how, encode := range map[string]func(any) ([]byte, error){"JSON": json.Marshal, "XML": xml.Marshal, "YAML": yaml.Marshal} {
			text, err := encode(v)
			if leaks(string(text)) || err != nil && leaks(err.Error()) {
				t.Errorf("%s: %s gives %s, %v", name, how, text, err)
			}
		}
	}
	if text, err := json.Marshal(settings{Name: "acme", Key: treasury.NewSecret(canary)}); err != nil || string(text) != `{"Name":"acme","Key":"[secret]"}` {
		t.Errorf("JSON is %s, %v", text, err)
	}
}

func TestSecretsAreNotLogged(t *testing.T) {
	t.Parallel()
	for name, v := range holders() {
		var text bytes.Buffer
		for _, log := range []*slog.Logger{slog.New(slog.NewTextHandler(&text, nil)), slog.New(slog.NewJSONHandler(&text, nil))} {
			log.InfoContext(t.Context(), "made", "value", v, "error", errors.Join(fmt.Errorf("with %v", v)))
			log.With("value", v).WithGroup("group").InfoContext(t.Context(), "made", slog.Group("inner", "value", v))
		}
		if leaks(text.String()) || text.Len() == 0 {
			t.Errorf("%s: logged as %s", name, text.String())
		}
	}
}

func TestSecretReveals(t *testing.T) {
	t.Parallel()
	if s := treasury.NewSecret(canary); s.Reveal() != canary || !s.IsSet() {
		t.Errorf("revealed as %q, set %v", s.Reveal(), s.IsSet())
	}
	for name, s := range map[string]treasury.Secret{"made of nothing": treasury.NewSecret(""), "the zero value": {}} {
		if s.Reveal() != "" || s.IsSet() {
			t.Errorf("%s: revealed as %q, set %v", name, s.Reveal(), s.IsSet())
		}
	}
}
