package contract

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Sandbox is the address of Tango's sandbox, and sandboxHost its host: the only one outside this machine that is asked.
const (
	sandboxHost = "integration-api.tangocard.com"
	Sandbox     = "https://" + sandboxHost + "/raas/v2"
)

// ReadSettings reads from the environment whom to ask, and with which accounts. It tells everything that is wrong at once,
// and prints no value: it may be a key by mistake. Production is refused, whatever else is set: the questions move money.
func ReadSettings(lookup func(name string) string) (Config, error) {
	var problems []error
	required := func(name, words string) string {
		value := strings.TrimSpace(lookup(name))
		if value == "" {
			problems = append(problems, fmt.Errorf("%s must be set: %s: %w", name, words, treasury.ErrInvalid))
		}
		return value
	}
	optional := func(name string) string { return strings.TrimSpace(lookup(name)) }
	c := Config{
		API:    strings.TrimSuffix(optional("TANGO_API_URL"), "/"),
		Name:   required("TANGO_PLATFORM_NAME", "the sandbox platform's name"),
		Key:    treasury.NewSecret(required("TANGO_PLATFORM_KEY", "the sandbox platform's key")),
		From:   required("TANGO_SANDBOX_FROM", "an account with 2.00 or more that nobody else uses"),
		To:     required("TANGO_SANDBOX_TO", "another account of that currency"),
		Card:   optional("TANGO_SANDBOX_CARD"),
		Empty:  optional("TANGO_SANDBOX_EMPTY"),
		Other:  optional("TANGO_SANDBOX_OTHER"),
		Frozen: optional("TANGO_SANDBOX_FROZEN"),
		Create: optional("TANGO_SANDBOX_CREATE"),
	}
	if c.API == "" {
		c.API = Sandbox
	}
	if err := checkAddress(c.API); err != nil {
		problems = append(problems, err)
	}
	return c, errors.Join(problems...)
}

func checkAddress(api string) error {
	u, err := url.Parse(api)
	bad := func(words string) error { return fmt.Errorf("TANGO_API_URL %s: %w", words, treasury.ErrInvalid) }
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(api, "?#") || u.Scheme != "https" && u.Scheme != "http":
		return bad("must be a plain web address such as " + Sandbox)
	case isLoopback(u.Hostname()):
		return nil
	case u.Scheme != "https" || u.Hostname() != sandboxHost || u.Port() != "" && u.Port() != "443":
		return bad("must be Tango's sandbox, " + Sandbox + ", or on this machine")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
