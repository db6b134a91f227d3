package functions_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// counted says which functions write a line that an alarm counts.
func counted() map[string][]string {
	return map[string][]string{
		"requests in doubt":           {"Watch"},
		"money moved twice":           {"Answer", "Execute", "Watch"}, // after the answer, by evidence about a doubt, and by a balance
		"closed request contradicted": {"Answer", "Execute", "Watch"}, // who hold a balance against the last one known
		"broken history":              {"Answer"},                     // which makes the exports
	}
}

// Each line that is counted is one that the domain logs, in every function that may log it, and an alarm is on the count.
func TestLinesAreCounted(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	logged := domainLogs(t)
	alarms := map[any]bool{}
	for _, a := range tm.of("AWS::CloudWatch::Alarm") {
		if at(a, "Properties", "Namespace", "Fn::Sub") == "Tangobot/${AWS::StackName}" && number(at(a, "Properties", "Threshold")) == 0 {
			alarms[at(a, "Properties", "MetricName")] = true
		}
	}
	found, metric := map[string][]string{}, map[string]any{}
	for name, filter := range tm.of("AWS::Logs::MetricFilter") {
		p := at(filter, "Properties")
		pattern, _ := at(p, "FilterPattern").(string)
		line := strings.TrimSuffix(strings.TrimPrefix(pattern, `{ $.msg = "`), `" }`)
		group, _ := at(p, "LogGroupName", "Ref").(string)
		found[line] = append(found[line], strings.TrimSuffix(group, "LogGroup"))
		slices.Sort(found[line])
		if !logged[line] {
			t.Errorf("%s counts %q, which the domain does not log", name, line)
		}
		counts := list(at(p, "MetricTransformations"))
		if len(counts) != 1 || at(counts[0], "MetricNamespace", "Fn::Sub") != "Tangobot/${AWS::StackName}" || !alarms[at(counts[0], "MetricName")] {
			t.Fatalf("%s: no alarm is on %v", name, counts)
		}
		if before, ok := metric[line]; ok && before != at(counts[0], "MetricName") {
			t.Errorf("%q counts for %v and for %v", line, before, at(counts[0], "MetricName"))
		}
		metric[line] = at(counts[0], "MetricName")
		if line != "requests in doubt" && at(counts[0], "MetricValue") != "1" {
			t.Errorf("%s counts %v for each line", name, at(counts[0], "MetricValue"))
		}
	}
	if diff := cmp.Diff(counted(), found); diff != "" {
		t.Errorf("lines and the functions whose logs they are counted in, -want +got:\n%s", diff)
	}
	if len(alarms) != len(counted()) {
		t.Errorf("alarms on %v, for %d lines", alarms, len(counted()))
	}
}

// domainLogs lists the messages that the domain logs.
func domainLogs(t *testing.T) map[string]bool {
	t.Helper()
	names, err := filepath.Glob(root + "/internal/treasury/*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d sources, %v", len(names), err)
	}
	logged := map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(source, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			method, isMethod := call.Fun.(*ast.SelectorExpr)
			text, isText := call.Args[1].(*ast.BasicLit)
			if isMethod && isText && (method.Sel.Name == "ErrorContext" || method.Sel.Name == "InfoContext") {
				logged[strings.Trim(text.Value, `"`)] = true
			}
			return true
		})
	}
	return logged
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
