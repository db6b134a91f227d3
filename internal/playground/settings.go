package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// settings is all that the environment can change. Every variable has a default.
type settings struct {
	Port int // PORT: 3000; 0 takes any free port

	SlackAPI      string // SLACK_API_URL: "" is the built-in simulated workspace
	SigningSecret treasury.Secret
	BotToken      treasury.Secret

	TangoAPI     string // TANGO_API_URL, without a slash at the end: "" is the built-in simulator
	PlatformName string
	PlatformKey  treasury.Secret

	PolicyFile    string        // POLICY_FILE: "" is the playground's own policy
	DataDir       string        // DATA_DIR: .data
	WatchInterval time.Duration // WATCH_INTERVAL: 5s
}

// environment gives the process's settings; it is the only reader of the environment.
func environment() (settings, error) { return readSettings(os.Getenv) }

// shortestWatch keeps a slip of the hand (WATCH_INTERVAL=5ms) from turning the watch into a spin.
const shortestWatch = 100 * time.Millisecond

// readSettings reads settings from lookup, which gives "" for a name that is not set. It tells everything that is wrong
// at once, and prints no value: it may be a secret by mistake.
func readSettings(lookup func(name string) string) (settings, error) {
	var problems []error
	complain := func(name, words string) {
		problems = append(problems, fmt.Errorf("%s %s: %w", name, words, treasury.ErrInvalid))
	}
	text := func(name, fallback string) string { return cmp.Or(strings.TrimSpace(lookup(name)), fallback) }
	address := func(name string) string {
		value := text(name, "")
		if value == "" {
			return ""
		}
		u, err := url.Parse(value)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			complain(name, "must be an address such as http://127.0.0.1:4000/api")
		}
		return strings.TrimRight(value, "/")
	}
	s := settings{
		SlackAPI:      address("SLACK_API_URL"),
		SigningSecret: treasury.NewSecret(text("SLACK_SIGNING_SECRET", "playground-signing-secret")),
		BotToken:      treasury.NewSecret(text("SLACK_BOT_TOKEN", "xoxb-playground")),
		TangoAPI:      address("TANGO_API_URL"),
		PlatformName:  text("TANGO_PLATFORM_NAME", "playground"),
		PlatformKey:   treasury.NewSecret(text("TANGO_PLATFORM_KEY", "playground")),
		PolicyFile:    text("POLICY_FILE", ""),
		DataDir:       text("DATA_DIR", ".data"),
	}
	port, err := strconv.ParseUint(text("PORT", "3000"), 10, 16)
	if err != nil {
		complain("PORT", "must be a number from 0 to 65535")
	}
	s.Port = int(port)
	s.WatchInterval, err = time.ParseDuration(text("WATCH_INTERVAL", "5s"))
	if err != nil || s.WatchInterval < shortestWatch {
		complain("WATCH_INTERVAL", "must be a duration such as 5s, and at least "+shortestWatch.String())
	}
	return s, errors.Join(problems...)
}
