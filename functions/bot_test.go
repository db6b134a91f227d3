//go:build outside

package functions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tangobot/tangobot/internal/canarytest"
	"github.com/tangobot/tangobot/internal/cloud/cloudtest"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

const (
	signingSecret = canarytest.SigningSecret
	botToken      = canarytest.BotToken
	platformKey   = canarytest.PlatformKey
	slackARN      = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-AbCdEf"
	tangoARN      = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:tango-AbCdEf"
)

// policyText is the sample policy's manner without an undo window: the processes run on the real clock.
const policyText = `
workspace: T0ACME
channels: {approvals: C0APPROVE, alerts: C0ALERTS}
groups:
  finance: [U0MAYA, U0RAVI, S0FINANCE]
  rewards: [U0LENA, U0MAYA]
view: [finance, rewards]
request: [finance, rewards]
rules:
  - {action: transfer, up_to: {USD: 500}, approvals: 1, from: [finance]}
  - {action: "*", approvals: 2, from: [finance]}
limits:
  - {per: requester, window: 24h, up_to: {USD: 10000}}
undo: 0s
`

// targets are the functions by the names of their Makefile targets.
func targets() map[string]string {
	return map[string]string{
		"commands": "CommandsFunction", "interactions": "InteractionsFunction", "home": "HomeFunction",
		"answer": "AnswerFunction", "cards": "CardsFunction", "execute": "ExecuteFunction", "watch": "WatchFunction",
	}
}

// built builds all functions once for all tests, and gives the paths of their bootstraps.
func built(tb testing.TB) map[string]string {
	tb.Helper()
	buildOnce.Do(func() {
		folder, err := os.MkdirTemp("", "tangobot-functions") //nolint:usetesting // it outlives the test that comes first
		if err != nil {
			tb.Fatal(err)
		}
		bootstraps = map[string]string{}
		for name, target := range targets() {
			bootstraps[name] = cloudtest.Build(tb, "..", target, filepath.Join(folder, name))
		}
	})
	return bootstraps
}

var (
	buildOnce  sync.Once
	bootstraps map[string]string
)

// TestMain removes what was built.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, binary := range bootstraps {
		_ = os.RemoveAll(filepath.Dir(binary)) // a temporary folder
	}
	os.Exit(code)
}

// bot is Tangobot as Lambda runs it: one process a function, each built by its Makefile target and polling a Runtime API,
// between a simulated Slack, a simulated Tango, a DynamoDB emulator and stubs of SQS and Secrets Manager.
type bot struct {
	*slacksim.Workspace
	tb        testing.TB
	tango     *tangosim.Sim
	sqs       *cloudtest.SQS
	dynamo    *counter
	functions map[string]*cloudtest.Function
	emulator  string   // DynamoDB's address
	tables    []string // in it
	doors     []*door
	leaked    bool // on purpose: check has been made
	delivered int  // messages of the SQS stub that were handed on

	environment map[string]string // of the functions
}

// counter is a door to the emulator that counts calls by operation.
type counter struct {
	proxy  *httputil.ReverseProxy
	mu     sync.Mutex
	counts map[string]int
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c.mu.Lock()
	c.counts[operation]++
	c.mu.Unlock()
	c.proxy.ServeHTTP(w, r)
}

func (c *counter) Calls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

func newBot(tb testing.TB) *bot {
	tb.Helper()
	b := &bot{tb: tb, functions: map[string]*cloudtest.Function{}, sqs: cloudtest.NewSQS(tb)}
	emulator := cloudtest.Dynoxide(tb)
	journal, idempotency := cloudtest.Tables(tb, emulator)
	b.emulator, b.tables = emulator, []string{journal, idempotency}
	at, err := url.Parse(emulator)
	if err != nil {
		tb.Fatal(err)
	}
	b.dynamo = &counter{proxy: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(at) }}, counts: map[string]int{}}
	secrets := cloudtest.NewSecretsManager(tb)
	secrets.Put(slackARN, fmt.Sprintf(`{"signing_secret":%q,"bot_token":%q}`, signingSecret, botToken))
	secrets.Put(tangoARN, fmt.Sprintf(`{"platform_name":"acme","platform_key":%q}`, platformKey))

	b.tango = tangosim.New(tangosim.Config{Clock: time.Now, PlatformName: "acme", PlatformKey: platformKey, LimitRate: true})
	b.tango.Demo()
	b.Workspace = slacksim.New(slacksim.Config{
		Clock: time.Now, SigningSecret: signingSecret, BotToken: botToken, Directory: slacksim.Demo(), AckTimeout: 20 * time.Second,
	})
	slackURL := serve(tb, b.Workspace)
	b.SetBaseURL(slackURL)
	policy := filepath.Join(tb.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte(policyText), 0o600); err != nil {
		tb.Fatal(err)
	}
	b.environment = map[string]string{
		"JOURNAL_TABLE": journal, "IDEMPOTENCY_TABLE": idempotency,
		"QUESTIONS_QUEUE_URL": b.sqs.QueueURL("questions"), "MONEY_QUEUE_URL": b.sqs.QueueURL("money"),
		"SLACK_SECRET_ARN": slackARN, "TANGO_SECRET_ARN": tangoARN, "POLICY_FILE": policy,
		"CARD_PAGE_URL": "http://127.0.0.1:1/cards/", "SLACK_API_URL": slackURL + "/api/", "TANGO_API_URL": serve(tb, b.tango) + tangosim.Base,
		"SSL_CERT_DIR": "/nonexistent",
		"GOGC":         "200", "GOMEMLIMIT": "440MiB", "GOMAXPROCS": "1", // as template.yaml sets them
	}
	for name, binary := range built(tb) {
		d := &door{
			function: strings.ToUpper(name[:1]) + name[1:],
			tables:   map[string]string{journal: "JournalTable.Arn", idempotency: "IdempotencyTable.Arn"},
			services: map[string]http.Handler{"DynamoDB_20120810": b.dynamo, "AmazonSQS": b.sqs, "secretsmanager": secrets},
		}
		b.doors = append(b.doors, d)
		b.functions[name] = cloudtest.StartFunction(tb, binary, b.through(d))
	}
	front := serve(tb, http.HandlerFunc(b.gateway))
	b.SetURLs(slacksim.URLs{
		CommandsURL: front + "/slack/commands", InteractionsURL: front + "/slack/interactions",
		OptionsURL: front + "/slack/options", EventsURL: front + "/slack/events",
	})
	tb.Cleanup(b.check)
	return b
}

// through gives the functions' environment, with one door to all of AWS.
func (b *bot) through(d *door) map[string]string {
	environment, address := maps.Clone(b.environment), serve(b.tb, d)
	for _, service := range []string{"DYNAMODB", "SQS", "SECRETS_MANAGER"} {
		environment["AWS_ENDPOINT_URL_"+service] = address
	}
	return environment
}

func serve(tb testing.TB, h http.Handler) string {
	tb.Helper()
	server := httptest.NewServer(h)
	tb.Cleanup(server.Close)
	return server.URL
}

// check holds the end of a test against what must always hold.
func (b *bot) check() {
	if b.leaked {
		return
	}
	for _, v := range b.Violations() {
		b.tb.Errorf("Slack would mind: %s", v)
	}
	for _, d := range b.doors {
		if len(d.refused) > 0 {
			b.tb.Errorf("%s has not the rights that it needs: %v", d.function, d.refused)
		}
	}
	for place, text := range b.outputs() {
		canarytest.Check(b.tb, place, text, cloudtest.SecretKey)
	}
	for name, f := range b.functions {
		if b.tb.Failed() {
			b.tb.Logf("%s:\n%s", name, f.Log())
		}
	}
}

// outputs gathers all that the functions wrote anywhere: what they print, metrics too; their answers; the queues' messages;
// both tables; what they told Slack, and the files that they gave it.
func (b *bot) outputs() map[string][]byte {
	b.tb.Helper()
	all := map[string][]byte{}
	for name, f := range b.functions {
		all["output of "+name] = []byte(f.Log())
	}
	add := func(place string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			b.tb.Fatal(err)
		}
		all[place] = append(append(all[place], text...), '\n')
	}
	for _, m := range b.sqs.Messages() {
		all["queues"] = append(append(all["queues"], m.Body...), '\n')
	}
	for _, c := range b.Calls("") {
		add("calls to Slack", c.Args)
	}
	for _, d := range b.Deliveries() {
		all["answers to Slack"] = append(append(all["answers to Slack"], d.Answer.Body...), '\n')
	}
	for _, f := range b.Files() {
		all["files"] = append(all["files"], f.Content...)
	}
	for _, table := range b.tables {
		rows := dynamodb.NewScanPaginator(cloudtest.Client(b.emulator), &dynamodb.ScanInput{TableName: &table})
		for rows.HasMorePages() {
			page, err := rows.NextPage(context.WithoutCancel(b.tb.Context())) // at the test's end
			if err != nil {
				b.tb.Fatalf("reading table %s: %v", table, err)
			}
			add("tables", page.Items)
		}
	}
	return all
}

// gateway is the HTTP API: it makes events of requests, as template.yaml routes them.
func (b *bot) gateway(w http.ResponseWriter, r *http.Request) {
	name := map[string]string{
		"/slack/commands": "commands", "/slack/interactions": "interactions", "/slack/options": "interactions", "/slack/events": "home",
	}[r.URL.Path]
	body, err := io.ReadAll(r.Body)
	if err != nil || name == "" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	headers := map[string]string{"host": r.Host}
	for key, values := range r.Header {
		headers[strings.ToLower(key)] = strings.Join(values, ",")
	}
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": r.URL.Path, "rawQueryString": r.URL.RawQuery, "headers": headers, "body": string(body),
		"requestContext": map[string]any{
			"stage": "$default", "http": map[string]string{"method": r.Method, "path": r.URL.Path, "sourceIp": "127.0.0.1", "protocol": "HTTP/1.1"},
		},
	})
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	outcome := b.functions[name].Invoke(event, 10*time.Second)
	var answer struct {
		StatusCode int
		Headers    map[string]string
		Body       string
	}
	if outcome.Failed || json.Unmarshal(outcome.Payload, &answer) != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	for key, value := range answer.Headers {
		w.Header().Set(key, value)
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.WriteString(w, answer.Body) // the simulated Slack is there, or it is not
}

// settle hands the queued messages to their functions until none is left. None may fail.
func (b *bot) settle() {
	b.tb.Helper()
	for {
		messages := b.sqs.Messages()
		if b.delivered == len(messages) {
			return
		}
		m := messages[b.delivered]
		b.delivered++
		name, limit := "answer", time.Minute
		if strings.HasSuffix(m.Queue, "/money") {
			name, limit = "execute", 2*time.Minute
		}
		outcome := b.functions[name].Invoke(queueEvent(b.tb, strconv.Itoa(b.delivered), m.Body), limit)
		if outcome.Failed || string(outcome.Payload) != `{"batchItemFailures":[]}` {
			b.tb.Fatalf("%s failed with %s: %s\n%s", name, m.Body, outcome.Payload, b.functions[name].Log())
		}
	}
}

func queueEvent(tb testing.TB, id, body string) []byte {
	tb.Helper()
	event, err := json.Marshal(map[string]any{"Records": []map[string]any{{
		"messageId": id, "receiptHandle": "test", "body": body, "eventSource": "aws:sqs",
		"eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:test", "awsRegion": "eu-west-1",
	}}})
	if err != nil {
		tb.Fatal(err)
	}
	return event
}

// watch runs the schedule once.
func (b *bot) watch() {
	b.tb.Helper()
	if outcome := b.functions["watch"].Invoke([]byte(`{}`), time.Minute); outcome.Failed {
		b.tb.Fatalf("watch failed: %s\n%s", outcome.Payload, b.functions["watch"].Log())
	}
	b.settle()
}
