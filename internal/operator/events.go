package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// playgroundSecret signs the samples when SLACK_SIGNING_SECRET is not set.
const playgroundSecret = "playground-signing-secret"

// signEvents copies sample events and gives those that come from Slack a fresh time and signature, which are good for five
// minutes alone.
func signEvents(from, to, secret string, now time.Time) error {
	if secret == "" {
		secret = playgroundSecret
	}
	files, err := filepath.Glob(filepath.Join(from, "*.json"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no sample events in %s", from)
	}
	if err := os.MkdirAll(to, 0o755); err != nil { //nolint:gosec // samples are no secret
		return fmt.Errorf("making %s: %w", to, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // the operator names the folder
		if err != nil {
			return fmt.Errorf("reading a sample: %w", err)
		}
		var event map[string]any
		if err := json.Unmarshal(text, &event); err != nil {
			return fmt.Errorf("reading %s: %w", file, err)
		}
		sign(event, secret, now)
		signed, err := json.MarshalIndent(event, "", "  ")
		if err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), append(signed, '\n'), 0o644); err != nil { //nolint:gosec // samples are no secret
			return fmt.Errorf("writing a sample: %w", err)
		}
	}
	return nil
}

// sign leaves events of queues, of the schedule and of the card page as they are: nobody signs those.
func sign(event map[string]any, secret string, now time.Time) {
	path, _ := event["rawPath"].(string)
	headers, ok := event["headers"].(map[string]any)
	body, isText := event["body"].(string)
	if !ok || !isText || !strings.HasPrefix(path, "/slack/") {
		return
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte("v0:" + stamp + ":" + body)) // a hash never fails
	headers["x-slack-request-timestamp"] = stamp
	headers["x-slack-signature"] = "v0=" + hex.EncodeToString(mac.Sum(nil))
}
