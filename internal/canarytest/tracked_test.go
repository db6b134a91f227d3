package canarytest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/canarytest"
	"github.com/tangobot/tangobot/internal/treasury"
)

const root = "../.."

// shapes are what secrets look like that somebody really has.
func shapes() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"token of Slack":          regexp.MustCompile(`xox[abeprs]-[0-9A-Za-z-]{10,}|xapp-[0-9A-Za-z-]{10,}`),
		"webhook of Slack":        regexp.MustCompile(`hooks\.slack\.com/(?:services|commands|actions)/T[0-9A-Z]{6,}/`),
		"signing secret of Slack": regexp.MustCompile(`(?i)signing.?secret["'=:\s]{1,5}[0-9a-f]{32}\b`),
		"access key of AWS":       regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`),
		"secret key of AWS":       regexp.MustCompile(`(?i)secret.?(?:access.?)?key["'=:\s]{1,5}[0-9A-Za-z/+]{40}\b`),
		"private key":             regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY`),
		"credentials":             regexp.MustCompile(`(?i)authorization["':\s]{1,5}(?:basic|bearer) [0-9A-Za-z+/=_.-]{16,}`),
		"platform key of Tango":   regexp.MustCompile(`(?i)platform.?key["'=:\s]{1,5}[0-9A-Za-z_-]{24,}`),
	}
}

// cardNumbers begin as the brands' do; a time in milliseconds begins with 1.
var cardNumbers = regexp.MustCompile(`\b[3-6](?:[ -]?[0-9]){13,15}\b`)

// leaked names what a file has of secrets. The playground's own, which it prints too, and the sandbox's card number are none.
func leaked(text string) (found []string) {
	text = strings.ReplaceAll(text, "xoxb-playground", "")
	for what, shape := range shapes() {
		if shape.MatchString(text) {
			found = append(found, what)
		}
	}
	for _, number := range cardNumbers.FindAllString(text, -1) {
		digits := strings.NewReplacer(" ", "", "-", "").Replace(number)
		if treasury.IsCardNumber(digits) && digits != canarytest.SandboxNumber {
			found = append(found, "card number")
		}
	}
	return append(found, canarytest.FindBut([]byte(text), canarytest.SandboxNumber)...)
}

// No file of the project has a secret: not the samples, the template, the settings, the documents, nor what the tests hold
// answers against (testdata). The tests' own sources have some, made up.
func TestNoFileHasASecret(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		// Hashes and versions look like card numbers by chance. The first file has those that Tango's sandbox takes.
		own := []string{"internal/tango/tangosim/registrations.go", "go.sum", "tools/go.sum", "tools/go.mod"}
		skipped := []string{".git", ".data", ".aws-sam", "bin", "dist", "node_modules", "events/fresh", "internal/canarytest"} // git ignores most
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(skipped, name):
			return fs.SkipDir
		case entry.IsDir() || !entry.Type().IsRegular() || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".png") || slices.Contains(own, name):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen[name] = true
		for _, what := range leaked(string(text)) {
			t.Errorf("%s has a secret: a %s", name, what)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "template.yaml", "samconfig.toml", "slack-manifest.yaml", "policy.yaml", "Makefile", "events/cards-post.json", ".ci/run"} {
		if !seen[name] {
			t.Errorf("%s was not looked at", name)
		}
	}
}

func TestSecretsInFilesAreFound(t *testing.T) {
	t.Parallel()
	for what, text := range map[string]string{
		"token of Slack":          "SLACK_BOT_TOKEN=xoxb-123456789012-abcDEF",
		"webhook of Slack":        "https://hooks.slack.com/services/T012ABCDE/B012/x",
		"signing secret of Slack": `{"signing_secret":"8f742231b10e8888abcd99a1b2c385a5"}`,
		"access key of AWS":       "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
		"secret key of AWS":       "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		"private key":             "-----BEGIN RSA PRIVATE KEY-----",
		"credentials":             `"authorization": "Basic YWNtZTpzZWNyZXQta2V5"`,
		"platform key of Tango":   "TANGO_PLATFORM_KEY=abcdefghijklmnopqrstuvwx",
		"card number":             "number 5500-0000-0000-0004",
		"signing secret":          "secret " + canarytest.SigningSecret,
	} {
		if found := leaked(text); !slices.Contains(found, what) {
			t.Errorf("a %s passes unseen: %v", what, found)
		}
	}
	if found := leaked(`SLACK_BOT_TOKEN xoxb-… 4111 1111 1111 1111 {"platform_key":"…"} at 1764097200.123456`); len(found) > 0 {
		t.Errorf("found %v where nothing is", found)
	}
}
