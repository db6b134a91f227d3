package contract_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/tango/contract"
	"github.com/tangobot/tangobot/internal/treasury"
)

// settingsOf reads settings of which some are others than the good ones.
func settingsOf(changed map[string]string) (contract.Config, error) {
	good := map[string]string{
		"TANGO_PLATFORM_NAME": "acme", "TANGO_PLATFORM_KEY": "canary-key-Zx81", "TANGO_SANDBOX_FROM": "hub-account", "TANGO_SANDBOX_TO": "side-account",
		"TANGO_SANDBOX_CARD": "token", "TANGO_SANDBOX_EMPTY": "empty", "TANGO_SANDBOX_OTHER": "other", "TANGO_SANDBOX_FROZEN": "frozen",
		"TANGO_SANDBOX_CREATE": "check",
	}
	return contract.ReadSettings(func(name string) string {
		if value, ok := changed[name]; ok {
			return value
		}
		return good[name]
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	c, err := settingsOf(nil)
	if err != nil || c.API != "https://integration-api.tangocard.com/raas/v2" || c.Name != "acme" || c.Key.Reveal() != "canary-key-Zx81" ||
		c.From != "hub-account" || c.To != "side-account" || c.Card != "token" || c.Empty != "empty" || c.Other != "other" || c.Frozen != "frozen" ||
		c.Create != "check" {
		t.Errorf("read %+v, error %v", c, err)
	}
	for _, missing := range []string{"TANGO_PLATFORM_NAME", "TANGO_PLATFORM_KEY", "TANGO_SANDBOX_FROM", "TANGO_SANDBOX_TO"} {
		if _, err := settingsOf(map[string]string{missing: " "}); !errors.Is(err, treasury.ErrInvalid) || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
	_, err = settingsOf(map[string]string{"TANGO_API_URL": "canary-address", "TANGO_SANDBOX_TO": ""})
	if err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "TANGO_API_URL") || !strings.Contains(err.Error(), "TANGO_SANDBOX_TO") {
		t.Errorf("two mistakes are told as %v", err)
	}
}

// The questions move money, so production is not asked, in whatever disguise.
func TestOnlySandboxesAreAsked(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"https://integration-api.tangocard.com/raas/v2", "https://integration-api.tangocard.com:443/raas/v2/", "http://127.0.0.1:3000/sim/tango/raas/v2",
		"http://localhost:3000/raas/v2", "http://[::1]:3000/raas/v2",
	} {
		if c, err := settingsOf(map[string]string{"TANGO_API_URL": address}); err != nil || c.API != strings.TrimSuffix(address, "/") {
			t.Errorf("%s: read %s, error %v", address, c.API, err)
		}
	}
	for _, address := range []string{
		"https://api.tangocard.com/raas/v2", "http://integration-api.tangocard.com/raas/v2", "https://integration-api.tangocard.com:8443/raas/v2",
		"https://integration-api.tangocard.com.evil.example/raas/v2", "https://evil.example/integration-api.tangocard.com",
		"https://integration-api.tangocard.com@evil.example/raas/v2", "https://user:key@integration-api.tangocard.com/raas/v2",
		"https://integration-api.tangocard.com/raas/v2?a=b", "https://integration-api.tangocard.com/raas/v2#a", "https://10.0.0.1/raas/v2",
		"integration-api.tangocard.com/raas/v2", "ftp://127.0.0.1/raas/v2", "https:///raas/v2", "https://[::1",
	} {
		if _, err := settingsOf(map[string]string{"TANGO_API_URL": address}); !errors.Is(err, treasury.ErrInvalid) {
			t.Errorf("%s is asked, error %v", address, err)
		}
	}
}
