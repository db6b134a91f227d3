package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-secretsmanager-caching-go/v2/secretcache"

	"github.com/tangobot/tangobot/internal/treasury"
)

// secretAge is how long a secret is believed. The cache asks again after half of it to all of it.
const secretAge = 5 * time.Minute

// Secrets reads the secrets from Secrets Manager through AWS's cache. After a rotation the old values may be served for
// up to five minutes.
type Secrets struct {
	cache        *secretcache.Cache
	slack, tango string
	patience     time.Duration
}

// Secrets opens the secrets by their ARNs; "" for one that the function has no business with.
func (a AWS) Secrets(slackARN, tangoARN string) (*Secrets, error) {
	cache, err := secretcache.New(func(c *secretcache.Cache) {
		c.Client = a.secretsManager()
		c.CacheItemTTL = int64(secretAge)
	})
	if err != nil {
		return nil, fmt.Errorf("making the secret cache: %w", err)
	}
	attempts := time.Duration(a.patience.attempts())
	return &Secrets{
		cache: cache, slack: slackARN, tango: tangoARN,
		patience: attempts * (a.patience.attempt() + a.patience.pause()),
	}, nil
}

// Signing gives the secret with which Slack signs, or the one before the last rotation. It fails with treasury.ErrNotFound
// when there is no previous one.
func (s *Secrets) Signing(ctx context.Context, previous bool) (treasury.Secret, error) {
	stage := "AWSCURRENT"
	if previous {
		stage = "AWSPREVIOUS"
	}
	values, err := s.read(ctx, s.slack, stage, "signing_secret", "bot_token")
	return values["signing_secret"], err
}

// BotToken gives the token with which Tangobot speaks to Slack.
func (s *Secrets) BotToken(ctx context.Context) (treasury.Secret, error) {
	values, err := s.read(ctx, s.slack, "AWSCURRENT", "signing_secret", "bot_token")
	return values["bot_token"], err
}

// Tango gives the platform's name and key.
func (s *Secrets) Tango(ctx context.Context) (name string, key treasury.Secret, err error) {
	values, err := s.read(ctx, s.tango, "AWSCURRENT", "platform_name", "platform_key")
	return values["platform_name"].Reveal(), values["platform_key"], err
}

// Warm reads every secret once.
func (s *Secrets) Warm(ctx context.Context) error {
	var failures []error
	if s.slack != "" {
		_, err := s.BotToken(ctx)
		failures = append(failures, err)
	}
	if s.tango != "" {
		_, _, err := s.Tango(ctx)
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// read gives the fields of a secret. The look-up has a context of its own: the cache remembers an error and gives it to
// later callers too, so one caller's ended context must not become theirs.
func (s *Secrets) read(ctx context.Context, arn, stage string, fields ...string) (map[string]treasury.Secret, error) {
	if arn == "" {
		return nil, fmt.Errorf("this function has no such secret: %w", treasury.ErrInvalid)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*s.patience) // up to two calls
	defer cancel()
	value, err := s.cache.GetSecretStringWithStageWithContext(own, arn, stage)
	if _, none := errors.AsType[*secretcache.VersionNotFoundError](err); none {
		return nil, fmt.Errorf("secret %s has no version in stage %s: %w", arn, stage, treasury.ErrNotFound)
	}
	if err != nil {
		return nil, unavailable("reading secret "+arn, err)
	}
	values, err := decodeSecret(value, fields)
	if err != nil {
		return nil, fmt.Errorf("secret %s in stage %s %w: %w", arn, stage, err, treasury.ErrInvalid)
	}
	return values, nil
}

// decodeSecret reads a JSON object of exactly these fields. Its errors quote nothing of the value, not the decoder's words
// either, for those do.
func decodeSecret(value string, fields []string) (map[string]treasury.Secret, error) {
	var found map[string]string
	if err := json.Unmarshal([]byte(value), &found); err != nil {
		return nil, errors.New("is not a JSON object of strings")
	}
	values := make(map[string]treasury.Secret, len(fields))
	for _, field := range fields {
		text := found[field]
		if text == "" {
			return nil, fmt.Errorf("has no %s", field)
		}
		if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
			return nil, fmt.Errorf("has a space or line break in %s", field)
		}
		values[field] = treasury.NewSecret(text)
	}
	if len(found) != len(fields) {
		return nil, fmt.Errorf("has other fields than %s", strings.Join(fields, " and "))
	}
	return values, nil
}
