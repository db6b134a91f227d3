package functions_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/treasury"
)

// alarm finds the alarm on a metric of a resource; nil when there is none.
func alarm(tm template, metric, dimension, resource string) map[string]any {
	for _, a := range tm.of("AWS::CloudWatch::Alarm") {
		for _, d := range list(at(a, "Properties", "Dimensions")) {
			if at(a, "Properties", "MetricName") == metric && at(d, "Name") == dimension && refers(at(d, "Value"), resource) {
				return fields(at(a, "Properties"))
			}
		}
	}
	return nil
}

// Every alarm reaches somebody, says what it means, and says what silence means.
func TestAlarms(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	for name, a := range tm.of("AWS::CloudWatch::Alarm") {
		p := at(a, "Properties")
		actions := list(at(p, "AlarmActions"))
		if len(actions) != 1 || !refers(actions[0], "AlarmTopic") {
			t.Errorf("%s tells nobody", name)
		}
		if text, _ := at(p, "AlarmDescription").(string); len(text) < 20 {
			t.Errorf("%s does not say what it means", name)
		}
		silence := "notBreaching"
		if name == "InDoubtAlarm" {
			silence = "breaching" // the watch counts every minute; when it does not, nobody knows
		}
		if missing := at(p, "TreatMissingData"); missing != silence {
			t.Errorf("%s: missing data are %v, want %s", name, missing, silence)
		}
		if at(p, "AlarmName") != nil || at(p, "ComparisonOperator") != "GreaterThanThreshold" {
			t.Errorf("%s has a fixed name or another comparison", name)
		}
	}
}

func TestFunctionsHaveAlarms(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	for name := range tm.of(functionType) {
		errs := alarm(tm, "Errors", "FunctionName", name)
		alias := ""
		for _, d := range list(errs["Dimensions"]) {
			if at(d, "Name") == "Resource" {
				alias, _ = at(d, "Value", "Fn::Sub").(string)
			}
		}
		if alias != "${"+name+"}:live" {
			t.Errorf("%s: its errors are counted for %q, a canary is judged by those of the alias", name, alias)
		}
		if alarm(tm, "Throttles", "FunctionName", name) == nil {
			t.Errorf("%s has no alarm on throttles", name)
		}
		slow, timeout := number(alarm(tm, "Duration", "FunctionName", name)["Threshold"]), 1000*number(tm.property(name, "Timeout"))
		if slow < timeout/5 || slow > timeout*9/10 {
			t.Errorf("%s is called slow at %d ms, with a time-out of %d ms", name, slow, timeout)
		}
	}
	for _, name := range slackFunctions() {
		if number(alarm(tm, "Duration", "FunctionName", name)["Threshold"]) >= 3000 {
			t.Errorf("%s is called slow after Slack has hung up", name)
		}
	}
	if number(alarm(tm, "Duration", "FunctionName", "CardsFunction")["Threshold"]) >= 30_000 {
		t.Error("the card page is called slow after API Gateway has hung up")
	}
}

func TestQueuesHaveAlarms(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	for name := range deadLetters(tm) {
		if a := alarm(tm, "ApproximateNumberOfMessagesVisible", "QueueName", name); a == nil || number(a["Threshold"]) != 0 {
			t.Errorf("%s: nobody hears of a first dead letter", name)
		}
	}
	// The longest undo window, and one failed try that comes back.
	longest := int(treasury.MaxDelay/time.Second) + number(at(tm.resources["MoneyQueue"], "Properties", "VisibilityTimeout"))
	age := number(alarm(tm, "ApproximateAgeOfOldestMessage", "QueueName", "MoneyQueue")["Threshold"])
	if age < longest || age > 2*longest {
		t.Errorf("a money job is called old at %d s, and may be %d s old for good reasons", age, longest)
	}
}

// The watch itself writes the line that the alarm on requests in doubt counts.
func TestInDoubtIsCounted(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	store, err := embedded.Open(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }() // the folder goes too
	var written bytes.Buffer
	desk := treasury.Desk{Journal: embedded.Journal{Store: store}, Policy: &treasury.Policy{}, Clock: time.Now, Log: cloud.NewLog(&written)}
	if err := desk.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	filter := at(tm.resources["InDoubtMetric"], "Properties")
	transformation := list(at(filter, "MetricTransformations"))[0]
	field := strings.TrimPrefix(at(transformation, "MetricValue").(string), "$.")
	counted := 0
	for lines := json.NewDecoder(&written); ; {
		var line map[string]any
		if err := lines.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		message, _ := line["msg"].(string)
		if at(filter, "FilterPattern") == `{ $.msg = "`+message+`" }` {
			if n, ok := line[field].(float64); !ok || n != 0 {
				t.Errorf("%s is %v, want 0", field, line[field])
			}
			counted++
		}
	}
	if counted != 1 {
		t.Errorf("a sweep writes %d lines that %v matches, want 1", counted, at(filter, "FilterPattern"))
	}
	a := at(tm.resources["InDoubtAlarm"], "Properties")
	if !refers(at(filter, "LogGroupName"), "WatchLogGroup") || at(a, "MetricName") != at(transformation, "MetricName") ||
		at(a, "Namespace", "Fn::Sub") != at(transformation, "MetricNamespace", "Fn::Sub") || number(at(a, "Threshold")) != 0 {
		t.Errorf("the alarm %v is not on the metric %v", a, filter)
	}
}

// CloudWatch may not use alias/aws/sns: with it no alarm would arrive.
func TestAlarmsCanBePublished(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	if !refers(at(tm.resources["AlarmTopic"], "Properties", "KmsMasterKeyId"), "AlarmKey") {
		t.Fatal("the alarm topic has no key of its own")
	}
	for _, s := range list(at(tm.resources["AlarmKey"], "Properties", "KeyPolicy", "Statement")) {
		if at(s, "Principal", "Service") == "cloudwatch.amazonaws.com" {
			if got := strings.Join(texts(at(s, "Action")), " "); got != "kms:Decrypt kms:GenerateDataKey*" {
				t.Errorf("CloudWatch may %s", got)
			}
			return
		}
	}
	t.Error("CloudWatch may not use the key")
}
