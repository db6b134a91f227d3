package cloud_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/cloud/cloudtest"
	"github.com/tangobot/tangobot/internal/treasury"
)

const (
	slackARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-AbCdEf"
	tangoARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:tango-AbCdEf"
)

func openSecrets(t *testing.T, stub *cloudtest.SecretsManager) *cloud.Secrets {
	t.Helper()
	s, err := connect(stub.Endpoint, cloud.Ack).Secrets(slackARN, tangoARN)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	stub := cloudtest.NewSecretsManager(t)
	stub.Put(slackARN, `{"signing_secret":"old","bot_token":"xoxb-old"}`)
	stub.Put(slackARN, `{"signing_secret":"new","bot_token":"xoxb-new"}`)
	stub.Put(tangoARN, `{"platform_name":"acme","platform_key":"key"}`)
	s := openSecrets(t, stub)
	for range 5 {
		current, err1 := s.Signing(t.Context(), false)
		previous, err2 := s.Signing(t.Context(), true)
		token, err3 := s.BotToken(t.Context())
		name, key, err4 := s.Tango(t.Context())
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			t.Fatal(err)
		}
		if current.Reveal() != "new" || previous.Reveal() != "old" || token.Reveal() != "xoxb-new" || name != "acme" || key.Reveal() != "key" {
			t.Errorf("read %q %q %q %q %q", current.Reveal(), previous.Reveal(), token.Reveal(), name, key.Reveal())
		}
	}
	if d, g := stub.Calls("DescribeSecret"), stub.Calls("GetSecretValue"); d != 2 || g != 3 {
		t.Errorf("%d and %d calls, want 2 and 3: one a secret, one a version", d, g)
	}
}

func TestNoPreviousSecret(t *testing.T) {
	t.Parallel()
	stub := cloudtest.NewSecretsManager(t)
	stub.Put(slackARN, `{"signing_secret":"a","bot_token":"b"}`)
	s := openSecrets(t, stub)
	for range 3 {
		if _, err := s.Signing(t.Context(), true); !errors.Is(err, treasury.ErrNotFound) {
			t.Errorf("got error %v, want ErrNotFound", err)
		}
	}
	if n := stub.Calls("DescribeSecret"); n != 1 {
		t.Errorf("%d calls: forged requests must not reach Secrets Manager", n)
	}
}

func TestSecretsMissing(t *testing.T) {
	t.Parallel()
	stub := cloudtest.NewSecretsManager(t)
	s := openSecrets(t, stub)
	if _, err := s.BotToken(t.Context()); !errors.Is(err, treasury.ErrUnavailable) {
		t.Errorf("got error %v, want ErrUnavailable", err)
	}
	none, err := connect(stub.Endpoint, cloud.Ack).Secrets(slackARN, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := none.Tango(t.Context()); !errors.Is(err, treasury.ErrInvalid) {
		t.Errorf("got error %v, want ErrInvalid", err)
	}
}

// One caller's ended context, or one bad answer, is not remembered against the callers after it.
func TestSecretsForgetFailures(t *testing.T) {
	t.Parallel()
	stub := cloudtest.NewSecretsManager(t)
	stub.Put(slackARN, `{"signing_secret":"a","bot_token":"b"}`)
	s := openSecrets(t, stub)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.BotToken(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want context.Canceled", err)
	}
	stub.FailNext(http.StatusInternalServerError) // the SDK tries again
	if token, err := s.BotToken(t.Context()); err != nil || token.Reveal() != "b" {
		t.Errorf("got error %v", err)
	}
}

func TestMalformedSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"not JSON":           `hidden`,
		"not an object":      `["hidden"]`,
		"cut":                `{"signing_secret":"hidden"`,
		"a field missing":    `{"signing_secret":"hidden"}`,
		"a field empty":      `{"signing_secret":"hidden","bot_token":""}`,
		"another case":       `{"Signing_Secret":"hidden","bot_token":"hidden"}`,
		"a field too many":   `{"signing_secret":"hidden","bot_token":"hidden","hidden":"hidden"}`,
		"a number":           `{"signing_secret":"hidden","bot_token":1}`,
		"a line break":       `{"signing_secret":"hidden\n","bot_token":"hidden"}`,
		"a space":            `{"signing_secret":" hidden","bot_token":"hidden"}`,
		"something after it": `{"signing_secret":"hidden","bot_token":"hidden"} hidden`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stub := cloudtest.NewSecretsManager(t)
			stub.Put(slackARN, value)
			got, err := openSecrets(t, stub).Signing(t.Context(), false)
			if !errors.Is(err, treasury.ErrInvalid) || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), slackARN) || got.IsSet() {
				t.Errorf("got error %v", err)
			}
		})
	}
}

func TestSecretsWarm(t *testing.T) {
	t.Parallel()
	stub := cloudtest.NewSecretsManager(t)
	stub.Put(slackARN, `{"signing_secret":"a","bot_token":"b"}`)
	s := openSecrets(t, stub)
	if err := s.Warm(t.Context()); !errors.Is(err, treasury.ErrUnavailable) {
		t.Errorf("without Tango's secret: got error %v", err)
	}
	stub.Put(tangoARN, `{"platform_name":"a","platform_key":"b"}`)
	s = openSecrets(t, stub)
	if err := s.Warm(t.Context()); err != nil {
		t.Error(err)
	}
	before := stub.Calls("DescribeSecret") + stub.Calls("GetSecretValue")
	if _, err := s.Signing(t.Context(), false); err != nil {
		t.Error(err)
	}
	if after := stub.Calls("DescribeSecret") + stub.Calls("GetSecretValue"); after != before {
		t.Error("a warm secret was asked for again")
	}
}

// Warming a queue needs no right: that SQS refuses the call is an open connection too.
func TestQueueWarms(t *testing.T) {
	t.Parallel()
	stub := cloudtest.NewSQS(t)
	if err := connect(stub.Endpoint, cloud.Ack).Queue(stub.QueueURL("money")).Warm(t.Context()); err != nil {
		t.Error(err)
	}
	if err := connect("http://127.0.0.1:1", cloud.Ack).Queue("http://127.0.0.1:1/1/q").Warm(t.Context()); !errors.Is(err, treasury.ErrUnavailable) {
		t.Errorf("without a server: got error %v", err)
	}
}

func TestQueueIsTriedAgain(t *testing.T) {
	t.Parallel()
	stub := cloudtest.NewSQS(t)
	q := connect(stub.Endpoint, cloud.Ack).Queue(stub.QueueURL("money"))
	stub.FailNext(http.StatusServiceUnavailable)
	if err := q.Send(t.Context(), []byte("{}"), 0); err != nil || len(stub.Messages()) != 1 {
		t.Errorf("error %v, %d messages", err, len(stub.Messages()))
	}
	stub.FailNext(500, 500, 500, 500)
	if err := q.Send(t.Context(), []byte("{}"), 0); !errors.Is(err, treasury.ErrUnavailable) {
		t.Errorf("got error %v, want ErrUnavailable", err)
	}
	if n := stub.Calls("SendMessage"); n != 4 {
		t.Errorf("%d calls, want 2 each", n)
	}
}
