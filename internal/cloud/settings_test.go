package cloud_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/treasury"
)

// good is a complete environment, as Lambda and template.yaml set it.
func good() map[string]string {
	return map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hidden-key", "AWS_SESSION_TOKEN": "hidden-token",
		"JOURNAL_TABLE": "tangobot-JournalTable-1", "IDEMPOTENCY_TABLE": "tangobot-IdempotencyTable-1",
		"QUESTIONS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/questions",
		"MONEY_QUEUE_URL":     "https://sqs.eu-west-1.amazonaws.com/123456789012/money",
		"SLACK_SECRET_ARN":    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:tangobot/slack-AbCdEf",
		"TANGO_SECRET_ARN":    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:tangobot/tango-AbCdEf",
		"TANGO_API_URL":       "https://integration-api.tangocard.com/raas/v2",
		"CARD_PAGE_URL":       "https://abc123.execute-api.eu-west-1.amazonaws.com/cards",
		"LAMBDA_TASK_ROOT":    "/var/task",
	}
}

type everything struct {
	AWS                  cloud.AWSSettings
	Journal, Idempotency string
	Questions, Money     string
	Slack                cloud.SlackSettings
	Tango                cloud.TangoSettings
	CardPage, Policy     string
}

func readAll(env map[string]string) (everything, error) {
	e := cloud.NewEnvironment(func(name string) string { return env[name] })
	var all everything
	all.AWS = e.AWS()
	all.Journal, all.Idempotency = e.Tables()
	all.Questions, all.Money = e.QuestionsQueue(), e.MoneyQueue()
	all.Slack, all.Tango, all.CardPage, all.Policy = e.Slack(), e.Tango(), e.CardPage(), e.PolicyFile()
	return all, e.Err()
}

func TestSettings(t *testing.T) {
	t.Parallel()
	env := good()
	got, err := readAll(env)
	if err != nil {
		t.Fatal(err)
	}
	want := everything{
		AWS: cloud.AWSSettings{
			Region: "eu-west-1", AccessKeyID: "AKID",
			SecretAccessKey: treasury.NewSecret("hidden-key"), SessionToken: treasury.NewSecret("hidden-token"),
		},
		Journal: env["JOURNAL_TABLE"], Idempotency: env["IDEMPOTENCY_TABLE"],
		Questions: env["QUESTIONS_QUEUE_URL"], Money: env["MONEY_QUEUE_URL"],
		Slack:    cloud.SlackSettings{SecretARN: env["SLACK_SECRET_ARN"], API: "https://slack.com/api/"},
		Tango:    cloud.TangoSettings{SecretARN: env["TANGO_SECRET_ARN"], API: env["TANGO_API_URL"]},
		CardPage: "https://abc123.execute-api.eu-west-1.amazonaws.com/cards/", Policy: "/var/task/policy.yaml",
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b treasury.Secret) bool { return a.Reveal() == b.Reveal() })); diff != "" {
		t.Error(diff)
	}
	env["POLICY_FILE"], env["SLACK_API_URL"], env["TANGO_API_URL"] = "/p.yaml", "http://127.0.0.1:1/api", "http://localhost:2/"
	env["AWS_ENDPOINT_URL_DYNAMODB"] = "http://[::1]:8000"
	got, err = readAll(env)
	if err != nil || got.Policy != "/p.yaml" || got.Slack.API != "http://127.0.0.1:1/api/" || got.Tango.API != "http://localhost:2" ||
		got.AWS.DynamoDB != "http://[::1]:8000" {
		t.Errorf("got %+v, error %v", got, err)
	}
}

// Whoever deploys is told of everything that is missing in one go.
func TestSettingsTellAllThatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := readAll(nil)
	if !errors.Is(err, treasury.ErrInvalid) {
		t.Fatalf("got error %v", err)
	}
	for name := range good() {
		if name == "AWS_SESSION_TOKEN" {
			continue // only needed in Lambda, which always sets it
		}
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in: %v", name, err)
		}
	}
}

func TestMalformedSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, name, value string }{
		{"Tango by http", "TANGO_API_URL", "http://api.tangocard.com/raas/v2"},
		{"another host for Tango", "TANGO_API_URL", "https://api.tangocard.com.example.org/raas/v2"},
		{"Tango's host as a user", "TANGO_API_URL", "https://api.tangocard.com@example.org/"},
		{"another subdomain", "TANGO_API_URL", "https://x.api.tangocard.com/"},
		{"another port", "TANGO_API_URL", "https://api.tangocard.com:8443/"},
		{"with a query", "TANGO_API_URL", "https://api.tangocard.com/?a=b"},
		{"no address", "TANGO_API_URL", "api.tangocard.com"},
		{"another scheme", "TANGO_API_URL", "file:///etc/passwd"},
		{"loopback by another name", "TANGO_API_URL", "http://127.0.0.1.example.org/"},
		{"another host for Slack", "SLACK_API_URL", "https://slack.com.example.org/api/"},
		{"Slack by http", "SLACK_API_URL", "http://slack.com/api/"},
		{"a queue by http", "MONEY_QUEUE_URL", "http://sqs.eu-west-1.amazonaws.com/1/money"},
		{"a queue's name", "QUESTIONS_QUEUE_URL", "questions"},
		{"the card page by http", "CARD_PAGE_URL", "http://example.org/cards/"},
		{"an endpoint by http", "AWS_ENDPOINT_URL_DYNAMODB", "http://example.org"},
		{"an endpoint by http", "AWS_ENDPOINT_URL_SQS", "http://example.org"},
		{"an endpoint by http", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://example.org"},
		{"a secret itself instead of its ARN", "SLACK_SECRET_ARN", "xoxb-not-to-be-printed"},
		{"a table with a space", "JOURNAL_TABLE", "a table"},
		{"no region", "AWS_REGION", "Ireland"},
	} {
		t.Run(c.name+": "+c.rule, func(t *testing.T) {
			t.Parallel()
			env := maps.Clone(good())
			env[c.name] = c.value
			_, err := readAll(env)
			if err == nil || !strings.Contains(err.Error(), c.name) || strings.Contains(err.Error(), c.value) {
				t.Errorf("got error %v, want one that names %s and does not print the value", err, c.name)
			}
		})
	}
}
