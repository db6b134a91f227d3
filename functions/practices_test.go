package functions_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tangobot/tangobot/internal/treasury"
)

// slackFunctions are those to which Slack listens.
func slackFunctions() []string {
	return []string{"CommandsFunction", "HomeFunction", "InteractionsFunction"}
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	for name, f := range tm.of(functionType) {
		for _, c := range []struct {
			rule string
			got  any
			want any
		}{
			{"built by make, a target each", at(f, "Metadata", "BuildMethod"), "makefile"},
			{"runtime", tm.property(name, "Runtime"), "provided.al2023"},
			{"file", tm.property(name, "Handler"), "bootstrap"},
			{"the whole module is built", tm.property(name, "CodeUri"), "."},
			{"tracing", tm.property(name, "Tracing"), "Active"},
			{"alias", tm.property(name, "AutoPublishAlias"), "live"},
			{"a changed environment publishes too", tm.property(name, "AutoPublishAliasAllProperties"), true},
			{"canary in production", at(list(at(tm.property(name, "DeploymentPreference", "Type"), "Fn::If"))[1]), "Canary10Percent5Minutes"},
			{"judged by its own alarm", at(list(tm.property(name, "DeploymentPreference", "Alarms"))[0], "Ref"), short(name) + "ErrorsAlarm"},
			{"log form", tm.property(name, "LoggingConfig", "LogFormat"), "JSON"},
			{"own log group", at(tm.property(name, "LoggingConfig", "LogGroup"), "Ref"), short(name) + "LogGroup"},
		} {
			if c.got != c.want {
				t.Errorf("%s: %s: got %v, want %v", name, c.rule, c.got, c.want)
			}
		}
		if text, _ := tm.property(name, "Description").(string); text == "" {
			t.Errorf("%s has no description", name)
		}
		if tm.property(name, "FunctionName") != nil {
			t.Errorf("%s has a fixed name: a second stack would collide", name)
		}
	}
	for _, name := range slackFunctions() {
		if seconds := number(tm.property(name, "Timeout")); seconds < 3 || seconds >= 30 {
			t.Errorf("%s may take %d s; Slack waits 3, API Gateway 30", name, seconds)
		}
	}
	// Both begin to send with SendMargin and 15 s for the reads left; half of the time-out must do for starting late.
	for _, name := range []string{"ExecuteFunction", "CardsFunction"} {
		if seconds := number(tm.property(name, "Timeout")); float64(seconds) < 2*(treasury.SendMargin.Seconds()+15) {
			t.Errorf("%s may take %d s, which leaves it no time to begin", name, seconds)
		}
	}
	// Rounds of the watch may overlap: they exclude each other by versions, and a limit would throttle the second.
	if seconds := number(tm.property("WatchFunction", "Timeout")); seconds < 180 || tm.property("WatchFunction", "ReservedConcurrentExecutions") != nil {
		t.Errorf("the watch may take %d s, or runs one at a time", seconds)
	}
}

// Go's memory limit must take effect before Lambda's, and leave room for what it does not count.
func TestGoSettings(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	for name := range tm.of(functionType) {
		e := tm.environment(t, name, "prod")
		limit, isMiB := strings.CutSuffix(e["GOMEMLIMIT"], "MiB")
		mib, memory := atoi(limit), number(tm.property(name, "MemorySize"))
		if !isMiB || mib > memory*9/10 || mib < memory/2 {
			t.Errorf("%s: GOMEMLIMIT=%s of %d MB", name, e["GOMEMLIMIT"], memory)
		}
		const oneProcessor = 1769 // MB
		if e["GOMAXPROCS"] != "1" || memory > oneProcessor || e["GOGC"] != "200" || e["SSL_CERT_DIR"] != "/nonexistent" {
			t.Errorf("%s: Go's settings are %v with %d MB", name, e, memory)
		}
	}
}

func atoi(s string) int {
	n := 0
	for _, r := range s {
		n = n*10 + int(r-'0')
	}
	return n
}

// Slack's four addresses and the card page, each at its function, and no other way in.
func TestRoutes(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	var got []string
	for name, f := range tm.of(functionType) {
		for _, event := range fields(at(f, "Properties", "Events")) {
			switch at(event, "Type") {
			case "HttpApi":
				if !refers(at(event, "Properties", "ApiId"), "Api") {
					t.Errorf("%s has an API of its own, without limits and access log", name)
				}
				got = append(got, at(event, "Properties", "Method").(string)+" "+at(event, "Properties", "Path").(string)+" "+name)
			case "SQS", "ScheduleV2":
			default:
				t.Errorf("%s has an event of type %v", name, at(event, "Type"))
			}
		}
		if at(f, "Properties", "FunctionUrlConfig") != nil {
			t.Errorf("%s has an address beside the API", name)
		}
	}
	slices.Sort(got)
	want := []string{
		"GET /cards/{invite} CardsFunction", "POST /cards/{invite} CardsFunction", "POST /slack/commands CommandsFunction", "POST /slack/events HomeFunction",
		"POST /slack/interactions InteractionsFunction", "POST /slack/options InteractionsFunction",
	}
	if !slices.Equal(got, want) {
		t.Errorf("routes %q, want %q", got, want)
	}
}

func TestAPI(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	api := at(tm.resources["Api"], "Properties")
	for _, limit := range []string{"ThrottlingRateLimit", "ThrottlingBurstLimit"} {
		if n := number(at(api, "DefaultRouteSettings", limit)); n < 5 || n > 1000 {
			t.Errorf("%s is %d", limit, n)
		}
	}
	if !refers(at(api, "AccessLogSettings", "DestinationArn"), "AccessLogGroup") {
		t.Error("no access log")
	}
	// Nothing of what people typed, and nothing that is signed.
	harmless := []string{
		"error.message", "identity.sourceIp", "integration.error", "requestId", "requestTime", "responseLatency", "responseLength",
		"routeKey", "status",
	}
	format, _ := at(api, "AccessLogSettings", "Format").(string)
	for _, m := range regexp.MustCompile(`\$context\.([\w.]*)`).FindAllStringSubmatch(format, -1) {
		if !slices.Contains(harmless, m[1]) {
			t.Errorf("the access log holds %s", m[1])
		}
	}
	if !strings.Contains(format, "$context.requestId") || strings.Contains(format, "\n") {
		t.Errorf("access log's format %q", format)
	}
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	events := fields(at(tm.resources["WatchFunction"], "Properties", "Events"))
	if len(events) != 1 {
		t.Fatalf("the watch has %d events", len(events))
	}
	for _, event := range events {
		p := at(event, "Properties")
		if at(event, "Type") != "ScheduleV2" || at(p, "ScheduleExpression") != "rate(1 minute)" || at(p, "OmitName") != true {
			t.Errorf("schedule %v", event)
		}
		if number(at(p, "RetryPolicy", "MaximumRetryAttempts")) < 1 || number(at(p, "RetryPolicy", "MaximumEventAgeInSeconds")) < 60 {
			t.Errorf("retries %v", at(p, "RetryPolicy"))
		}
		if !refers(at(p, "DeadLetterConfig", "Arn"), "WatchDeadLetters") || at(p, "DeadLetterConfig", "Type") != nil {
			t.Errorf("dead letters %v", at(p, "DeadLetterConfig"))
		}
	}
}

func TestLogGroups(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	groups := tm.of("AWS::Logs::LogGroup")
	if len(groups) != len(tm.of(functionType))+1 {
		t.Errorf("%d log groups, want one for each function and one for the API", len(groups))
	}
	for name, group := range groups {
		if !refers(at(group, "Properties", "RetentionInDays"), "LogDays") {
			t.Errorf("%s is kept for ever", name)
		}
	}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	for name, p := range tm.parameters {
		if at(p, "AllowedValues") == nil && at(p, "AllowedPattern") == nil {
			t.Errorf("%s takes anything", name)
		}
		if text, _ := at(p, "Description").(string); text == "" {
			t.Errorf("%s has no description", name)
		}
		if regexp.MustCompile(`(?i)secret|token|key|password`).MatchString(name) || at(p, "NoEcho") != nil {
			t.Errorf("%s looks like a secret: those are not parameters", name)
		}
		if allowed := list(at(p, "AllowedValues")); allowed != nil && !slices.Contains(allowed, at(p, "Default")) {
			t.Errorf("%s: its default is not allowed", name)
		}
	}
	if at(tm.parameters["Stage"], "Default") != "dev" {
		t.Error("a stack is for production unless told otherwise")
	}
}

// A development stack cannot reach real money, and a production stack does not play.
func TestStagesReachTheirOwnTango(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	for stage, want := range map[string]string{
		"dev": "https://integration-api.tangocard.com/raas/v2", "prod": "https://api.tangocard.com/raas/v2",
	} {
		for name := range tm.of(functionType) {
			if got := tm.environment(t, name, stage)["TANGO_API_URL"]; got != "" && got != want {
				t.Errorf("%s of %s reaches %s", name, stage, got)
			}
		}
	}
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	for name, output := range tm.outputs {
		if text, _ := at(output, "Description").(string); text == "" {
			t.Errorf("%s has no description", name)
		}
	}
	for _, name := range []string{"ApiUrl", "SlackSecretArn", "TangoSecretArn"} {
		if tm.outputs[name] == nil {
			t.Errorf("%s is missing: whoever deploys needs it", name)
		}
	}
}
