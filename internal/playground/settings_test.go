package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/treasury"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	defaults := settings{
		Port: 3000, SigningSecret: treasury.NewSecret("playground-signing-secret"), BotToken: treasury.NewSecret("xoxb-playground"),
		PlatformName: "playground", PlatformKey: treasury.NewSecret("playground"), DataDir: ".data", WatchInterval: 5 * time.Second,
	}
	with := func(change func(*settings)) settings {
		s := defaults
		change(&s)
		return s
	}
	for _, c := range []struct {
		name string
		env  map[string]string
		want settings
	}{
		{"nothing is set", nil, defaults},
		{"blanks count as nothing", map[string]string{"PORT": " ", "DATA_DIR": ""}, defaults},
		{"everything is set", map[string]string{
			"PORT": "4001", "SLACK_API_URL": "http://127.0.0.1:5/api/", "SLACK_SIGNING_SECRET": "s", "SLACK_BOT_TOKEN": "b",
			"TANGO_API_URL": "https://127.0.0.1:6/raas/v2", "TANGO_PLATFORM_NAME": "n", "TANGO_PLATFORM_KEY": "k",
			"POLICY_FILE": "p.yaml", "DATA_DIR": "/d", "WATCH_INTERVAL": "1m",
		}, with(func(s *settings) {
			s.Port, s.SlackAPI, s.TangoAPI = 4001, "http://127.0.0.1:5/api", "https://127.0.0.1:6/raas/v2"
			s.SigningSecret, s.BotToken = treasury.NewSecret("s"), treasury.NewSecret("b")
			s.PlatformName, s.PlatformKey = "n", treasury.NewSecret("k")
			s.PolicyFile, s.DataDir, s.WatchInterval = "p.yaml", "/d", time.Minute
		})},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := readSettings(func(name string) string { return c.env[name] })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b treasury.Secret) bool { return a.Reveal() == b.Reveal() })); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWrongSettingsAreAllNamedAndNotPrinted(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"PORT": "65536", "SLACK_API_URL": "sesame", "TANGO_API_URL": "http://user:sesame@127.0.0.1/raas", "WATCH_INTERVAL": "5ms",
	}
	_, err := readSettings(func(name string) string { return env[name] })
	if err == nil {
		t.Fatal("accepted")
	}
	for name := range env {
		if !strings.Contains(err.Error(), name+" ") {
			t.Errorf("%s is not named in %q", name, err)
		}
	}
	if strings.Contains(err.Error(), "sesame") {
		t.Errorf("a value is printed: %q", err)
	}
}
