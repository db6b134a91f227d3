package cloud

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Environment reads a function's settings, and is the only thing that does. Ask it for each group of settings that the
// function needs, then for Err, which names everything that is missing or malformed at once.
type Environment struct {
	lookup   func(name string) string
	problems []string
}

// ReadEnvironment reads the process's environment.
func ReadEnvironment() *Environment { return NewEnvironment(os.Getenv) }

// NewEnvironment reads settings from lookup, which gives "" for a name that is not set.
func NewEnvironment(lookup func(name string) string) *Environment {
	return &Environment{lookup: lookup}
}

// Err tells all that is wrong with what was asked for so far, or nil. It fails with treasury.ErrInvalid. No value is
// printed, for a setting may hold a secret by mistake.
func (e *Environment) Err() error {
	if len(e.problems) == 0 {
		return nil
	}
	return fmt.Errorf("settings: %s: %w", strings.Join(e.problems, "; "), treasury.ErrInvalid)
}

// AWSSettings is how a function reaches AWS: what Lambda sets, and the endpoints that tests set.
type AWSSettings struct {
	Region          string
	AccessKeyID     string
	SecretAccessKey treasury.Secret
	SessionToken    treasury.Secret // always set in Lambda
	// Endpoints that replace AWS's own; "" is AWS's own.
	DynamoDB, SQS, SecretsManager string
}

// AWS reads the region, the credentials of the function's role and the endpoints.
func (e *Environment) AWS() AWSSettings {
	return AWSSettings{
		Region:          e.matching("AWS_REGION", `^[a-z]{2}(-[a-z]+)+-\d$`, "must be a region such as eu-west-1"),
		AccessKeyID:     e.required("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: treasury.NewSecret(e.required("AWS_SECRET_ACCESS_KEY")),
		SessionToken:    treasury.NewSecret(e.lookup("AWS_SESSION_TOKEN")),
		DynamoDB:        e.endpoint("AWS_ENDPOINT_URL_DYNAMODB"),
		SQS:             e.endpoint("AWS_ENDPOINT_URL_SQS"),
		SecretsManager:  e.endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
	}
}

// Tables reads the names of both tables.
func (e *Environment) Tables() (journal, idempotency string) {
	const rule, words = `^[a-zA-Z0-9_.-]{3,255}$`, "must be a DynamoDB table's name"
	return e.matching("JOURNAL_TABLE", rule, words), e.matching("IDEMPOTENCY_TABLE", rule, words)
}

// QuestionsQueue reads the address of the queue for work that only reads.
func (e *Environment) QuestionsQueue() string { return e.address("QUESTIONS_QUEUE_URL", nil) }

// MoneyQueue reads the address of the queue for approved requests.
func (e *Environment) MoneyQueue() string { return e.address("MONEY_QUEUE_URL", nil) }

// SlackSettings is how a function reaches Slack.
type SlackSettings struct {
	SecretARN string // JSON with signing_secret and bot_token
	API       string // base address of the Web API, ends with "/"
}

// Slack reads where Slack's secret and API are.
func (e *Environment) Slack() SlackSettings {
	const name = "SLACK_API_URL"
	api := "https://slack.com/api/"
	if e.lookup(name) != "" {
		api = e.address(name, []string{"slack.com"})
	}
	return SlackSettings{SecretARN: e.secret("SLACK_SECRET_ARN"), API: withSlash(api)}
}

// TangoSettings is how a function reaches Tango. Functions that face the public must not have it.
type TangoSettings struct {
	SecretARN string // JSON with platform_name and platform_key
	API       string // base address of RaaS, without a slash at the end
}

// Tango reads where Tango's secret and API are. Only Tango's two hosts are taken, so that a slip of the hand cannot send
// the platform key elsewhere.
func (e *Environment) Tango() TangoSettings {
	api := e.address("TANGO_API_URL", []string{"integration-api.tangocard.com", "api.tangocard.com"})
	return TangoSettings{SecretARN: e.secret("TANGO_SECRET_ARN"), API: strings.TrimSuffix(api, "/")}
}

// CardPage reads the address of the card page up to a link's secret part. It ends with "/".
func (e *Environment) CardPage() string { return withSlash(e.address("CARD_PAGE_URL", nil)) }

// PolicyFile reads where the policy lies: by default beside the function's binary.
func (e *Environment) PolicyFile() string {
	if path := e.lookup("POLICY_FILE"); path != "" {
		return path
	}
	root := e.lookup("LAMBDA_TASK_ROOT")
	if root == "" {
		e.complain("POLICY_FILE", "is missing, and so is LAMBDA_TASK_ROOT beside which it would be found")
		return ""
	}
	return filepath.Join(root, "policy.yaml")
}

func (e *Environment) complain(name, words string) {
	if line := name + " " + words; !slices.Contains(e.problems, line) {
		e.problems = append(e.problems, line)
	}
}

func (e *Environment) required(name string) string {
	value := e.lookup(name)
	if value == "" {
		e.complain(name, "is missing")
	}
	return value
}

func (e *Environment) matching(name, rule, words string) string {
	value := e.required(name)
	if value != "" && !regexp.MustCompile(rule).MatchString(value) {
		e.complain(name, words)
		return ""
	}
	return value
}

func (e *Environment) secret(name string) string {
	return e.matching(name, `^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]+$`,
		"must be the ARN of a Secrets Manager secret")
}

// address reads a web address: https on one of the hosts (any host when hosts is nil), or anything on this machine.
func (e *Environment) address(name string, hosts []string) string {
	value := e.required(name)
	if value == "" {
		return ""
	}
	if err := checkAddress(value, hosts); err != nil {
		e.complain(name, err.Error())
		return ""
	}
	return value
}

func (e *Environment) endpoint(name string) string {
	if e.lookup(name) == "" {
		return ""
	}
	return e.address(name, nil)
}

func checkAddress(value string, hosts []string) error {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("must be a web address")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("must be a web address without user, query and fragment")
	case isLoopback(u.Hostname()):
		return nil
	case u.Scheme != "https":
		return errors.New("must be https")
	case hosts != nil && (!slices.Contains(hosts, u.Hostname()) || u.Port() != "" && u.Port() != "443"):
		return errors.New("must be on " + strings.Join(hosts, " or "))
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func withSlash(address string) string {
	if address == "" || strings.HasSuffix(address, "/") {
		return address
	}
	return address + "/"
}
