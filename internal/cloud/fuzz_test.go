package cloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/treasury"
)

// FuzzRecords gives an SQS event: either all of it comes back, and nothing was done, or each message is handled once and
// those come back that failed.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(batch))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var handled, failed []string
		c := cloud.Consumer{Log: slog.New(slog.DiscardHandler), Handle: func(_ context.Context, body []byte) error {
			handled = append(handled, string(body))
			switch {
			case strings.HasPrefix(string(body), "fails"):
				return errors.New("no")
			case strings.HasPrefix(string(body), "panics"):
				panic("no")
			}
			return nil
		}}
		out, err := c.Invoke(t.Context(), payload)
		if err != nil {
			if !errors.Is(err, treasury.ErrInvalid) || len(handled) > 0 || out != nil {
				t.Fatalf("%v, after %q, with %s", err, handled, out)
			}
			return
		}
		var event struct {
			Records []struct{ MessageID, Body string }
		}
		if err := json.Unmarshal(payload, &event); err != nil || len(event.Records) == 0 {
			t.Fatalf("taken: %d messages, %v", len(event.Records), err)
		}
		var bodies []string
		for _, r := range event.Records {
			bodies = append(bodies, r.Body)
			if strings.HasPrefix(r.Body, "fails") || strings.HasPrefix(r.Body, "panics") {
				failed = append(failed, r.MessageID)
			}
		}
		var answer struct {
			Failures []struct {
				ID string `json:"itemIdentifier"`
			} `json:"batchItemFailures"`
		}
		if err := json.Unmarshal(out, &answer); err != nil || answer.Failures == nil {
			t.Fatalf("answered %s, %v", out, err)
		}
		var told []string
		for _, f := range answer.Failures {
			told = append(told, f.ID)
		}
		if diff := cmp.Diff([][]string{bodies, failed}, [][]string{handled, told}); diff != "" {
			t.Errorf("messages and failures (-sent +handled):\n%s", diff)
		}
	})
}
