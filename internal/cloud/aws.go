// Package cloud runs Tangobot on AWS: settings, the journal and claims on DynamoDB, the queues on SQS, the secrets, and
// the adapters between Lambda's events and the handlers. No other room but functions/ imports AWS.
package cloud

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Patience says how long AWS may keep a function waiting.
type Patience int

const (
	// Ack is for functions to which Slack listens: it hangs up after 3 s, so a call ends within 1.6 s, retry included.
	Ack Patience = iota
	// Work is for functions behind a queue or a schedule.
	Work
)

// attempt bounds one try, from dialling to the last byte of the answer.
func (p Patience) attempt() time.Duration {
	if p == Ack {
		return 750 * time.Millisecond
	}
	return 4 * time.Second
}

func (p Patience) attempts() int {
	if p == Ack {
		return 2
	}
	return 4
}

// pause bounds the wait between two tries.
func (p Patience) pause() time.Duration {
	if p == Ack {
		return 100 * time.Millisecond
	}
	return time.Second
}

// AWS is one process's way to AWS: one HTTP client, so that all services share connections and time limits.
type AWS struct {
	config   aws.Config
	settings AWSSettings
	patience Patience
}

// Connect makes the way to AWS; it sends nothing yet. The configuration is a literal: the SDK's config package, which
// reads files and asks metadata services, would only find what Lambda has set in the environment anyway.
func Connect(s AWSSettings, p Patience) AWS {
	return AWS{
		settings: s,
		patience: p,
		config: aws.Config{
			Region:      s.Region,
			Credentials: roleCredentials{s},
			HTTPClient:  newClient(p),
			Retryer: func() aws.Retryer {
				return retry.NewStandard(func(o *retry.StandardOptions) {
					o.MaxAttempts = p.attempts()
					o.MaxBackoff = p.pause()
				})
			},
		},
	}
}

// roleCredentials are those of the function's role. Lambda sets them once for the life of the process.
type roleCredentials struct{ settings AWSSettings }

// Retrieve gives the credentials to the SDK.
func (r roleCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{
		AccessKeyID:     r.settings.AccessKeyID,
		SecretAccessKey: r.settings.SecretAccessKey.Reveal(),
		SessionToken:    r.settings.SessionToken.Reveal(),
		Source:          "Lambda environment",
	}, nil
}

func newClient(p Patience) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	dialer := net.Dialer{Timeout: p.attempt()}
	return &http.Client{
		Timeout: p.attempt(),
		// An AWS API does not send its callers elsewhere; a redirect is an answer like any other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:         dialer.DialContext,
			TLSHandshakeTimeout: p.attempt(),
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
			Protocols:           &protocols,
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     5 * time.Minute, // a warm connection spares the next event a handshake
		},
	}
}

func (a AWS) dynamo() *dynamodb.Client {
	return dynamodb.NewFromConfig(a.config, func(o *dynamodb.Options) { o.BaseEndpoint = orNil(a.settings.DynamoDB) })
}

func (a AWS) sqs() *sqs.Client {
	return sqs.NewFromConfig(a.config, func(o *sqs.Options) { o.BaseEndpoint = orNil(a.settings.SQS) })
}

func (a AWS) secretsManager() *secretsmanager.Client {
	return secretsmanager.NewFromConfig(a.config, func(o *secretsmanager.Options) {
		o.BaseEndpoint = orNil(a.settings.SecretsManager)
	})
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// pause waits d, or less when ctx ends; it reports whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
