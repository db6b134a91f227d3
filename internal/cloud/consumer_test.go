package cloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/treasury"
)

// All adapters are what lambda.Start takes as it is, without reflection.
var (
	_ lambda.Handler = cloud.Gateway{}
	_ lambda.Handler = cloud.Consumer{}
	_ lambda.Handler = cloud.Schedule{}
)

const batch = `{"Records":[
	{"messageId":"m1","receiptHandle":"h","body":"{\"execute\":\"R1\"}","attributes":{"ApproximateReceiveCount":"1"},"eventSource":"aws:sqs"},
	{"messageId":"m2","body":"fails"},
	{"messageId":"m3","body":"panics 4111111111111111"},
	{"messageId":"m4","body":"é\n"}]}`

func TestConsumer(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var handled []string
	c := cloud.Consumer{Log: slog.New(slog.NewJSONHandler(&log, nil)), Handle: func(_ context.Context, body []byte) error {
		handled = append(handled, string(body))
		switch {
		case string(body) == "fails":
			return errors.New("no")
		case strings.HasPrefix(string(body), "panics"):
			panic(string(body))
		}
		return nil
	}}
	out, err := c.Invoke(t.Context(), []byte(batch))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"batchItemFailures":[{"itemIdentifier":"m2"},{"itemIdentifier":"m3"}]}`; string(out) != want {
		t.Errorf("answered %s, want %s", out, want)
	}
	if want := []string{`{"execute":"R1"}`, "fails", "panics 4111111111111111", "é\n"}; !slices.Equal(handled, want) {
		t.Errorf("handled %q, want %q", handled, want)
	}
	if strings.Contains(log.String(), "4111") || strings.Count(log.String(), "job failed") != 2 {
		t.Errorf("the log says %s", log.String())
	}
}

func TestConsumerWithoutFailures(t *testing.T) {
	t.Parallel()
	c := cloud.Consumer{Log: slog.New(slog.DiscardHandler), Handle: func(context.Context, []byte) error { return nil }}
	out, err := c.Invoke(t.Context(), []byte(batch))
	// An answer without the list would be read as a failure of the whole batch.
	if err != nil || string(out) != `{"batchItemFailures":[]}` {
		t.Errorf("answered %s, error %v", out, err)
	}
}

func TestConsumerStartsNothingWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	c := cloud.Consumer{Log: slog.New(slog.DiscardHandler), Handle: func(context.Context, []byte) error { n++; cancel(); return nil }}
	out, err := c.Invoke(ctx, []byte(batch))
	if err != nil || n != 1 || strings.Count(string(out), "itemIdentifier") != 3 {
		t.Errorf("ran %d, answered %s, error %v", n, out, err)
	}
}

func TestConsumerRefusesOtherEvents(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{``, `null`, `{}`, `{"Records":[]}`, `{"Records":[{"body":"x"}]}`, `{"Records":"x"}`} {
		c := cloud.Consumer{Log: slog.New(slog.DiscardHandler), Handle: func(context.Context, []byte) error {
			t.Errorf("handled %s", payload)
			return nil
		}}
		if out, err := c.Invoke(t.Context(), []byte(payload)); !errors.Is(err, treasury.ErrInvalid) {
			t.Errorf("%s: answered %s, error %v", payload, out, err)
		}
	}
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	failure := errors.New("no")
	for _, c := range []struct {
		name, payload string
		run           func(context.Context) error
		ok            bool
		want          error
	}{
		{"a scheduled event", `{"detail-type":"Scheduled Event","detail":{}}`, func(context.Context) error { return nil }, true, nil},
		{"a failure", `{}`, func(context.Context) error { return failure }, false, failure},
		{"a panic", `{}`, func(context.Context) error { panic("4111111111111111") }, false, nil},
		{"no JSON", `x`, func(context.Context) error { return nil }, false, treasury.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, err := cloud.Schedule{Run: c.run}.Invoke(t.Context(), []byte(c.payload))
			if c.ok != (err == nil) || c.ok && !json.Valid(out) || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("answered %s, error %v", out, err)
			}
			if err != nil && strings.Contains(err.Error(), "4111") {
				t.Errorf("the error says %v", err)
			}
		})
	}
}

func TestLogCarriesTheRequestID(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := cloud.NewLog(&out).With("function", "execute")
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "id-1"})
	log.InfoContext(ctx, "inside")
	log.InfoContext(t.Context(), "outside")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"request_id":"id-1"`) || !strings.Contains(lines[0], `"function":"execute"`) ||
		strings.Contains(lines[1], "request_id") {
		t.Errorf("logged %q", lines)
	}
}

func TestWarmMakesEveryCallAndSurvivesFailures(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	called := make(chan string, 3)
	cloud.Warm(t.Context(), cloud.NewLog(&out),
		func(context.Context) error { called <- "a"; return errors.New("no") },
		func(ctx context.Context) error {
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("a warming call has no deadline")
			}
			called <- "b"
			return nil
		})
	if len(called) != 2 || strings.Count(out.String(), "connection not warm") != 1 {
		t.Errorf("%d calls, log %s", len(called), out.String())
	}
}
