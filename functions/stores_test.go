package functions_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// deadLetters lists the queues that others redrive into.
func deadLetters(tm template) map[string]bool {
	found := map[string]bool{"WatchDeadLetters": true} // the schedule's, see TestSchedule
	for _, queue := range tm.of("AWS::SQS::Queue") {
		if target, ok := at(queue, "Properties", "RedrivePolicy", "deadLetterTargetArn", "Fn::GetAtt").(string); ok {
			found[strings.TrimSuffix(target, ".Arn")] = true
		}
	}
	return found
}

func TestQueues(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	dead := deadLetters(tm)
	for name, queue := range tm.of("AWS::SQS::Queue") {
		p := at(queue, "Properties")
		if at(p, "SqsManagedSseEnabled") != true {
			t.Errorf("%s is not said to be encrypted", name)
		}
		if at(p, "FifoQueue") != nil || at(p, "QueueName") != nil {
			t.Errorf("%s is a FIFO queue or has a fixed name", name)
		}
		switch {
		case dead[name]:
			const fortnight = 14 * 24 * 60 * 60
			if number(at(p, "MessageRetentionPeriod")) != fortnight {
				t.Errorf("%s does not keep its messages for 14 days", name)
			}
		case number(at(p, "RedrivePolicy", "maxReceiveCount")) < 3:
			t.Errorf("%s gives up too soon, or has no dead letters", name)
		}
	}
	for _, name := range []string{"QuestionsDeadLetters", "MoneyDeadLetters", "WatchDeadLetters"} {
		if !dead[name] || tm.resources[name] == nil {
			t.Errorf("%s takes nobody's dead letters", name)
		}
	}
}

func TestConsumers(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	consumers := map[string]string{}
	for name, f := range tm.of(functionType) {
		for _, event := range fields(at(f, "Properties", "Events")) {
			if at(event, "Type") != "SQS" {
				continue
			}
			p := at(event, "Properties")
			queue := strings.TrimSuffix(at(p, "Queue", "Fn::GetAtt").(string), ".Arn")
			consumers[queue] = name
			if got := texts(at(p, "FunctionResponseTypes")); len(got) != 1 || got[0] != "ReportBatchItemFailures" {
				t.Errorf("%s: a message that fails would bring back the others", name)
			}
			if number(at(p, "BatchSize")) != 1 {
				t.Errorf("%s takes more than one message at a time", name)
			}
			timeout, visibility := number(tm.property(name, "Timeout")), number(at(tm.resources[queue], "Properties", "VisibilityTimeout"))
			if visibility < 6*timeout {
				t.Errorf("%s: messages come back after %d s, with a time-out of %d s", name, visibility, timeout)
			}
			most := number(at(p, "ScalingConfig", "MaximumConcurrency"))
			if most < 2 || most > 1000 {
				t.Errorf("%s: concurrency %d", name, most)
			}
			if reserved := list(at(f, "Properties", "ReservedConcurrentExecutions", "Fn::If")); reserved != nil {
				if reserved[0] != "IsProd" || number(reserved[1]) < most || !refers(reserved[2], "AWS::NoValue") {
					t.Errorf("%s: the queue starts %d, reserved are %v", name, most, reserved)
				}
			}
		}
	}
	if consumers["QuestionsQueue"] != "AnswerFunction" || consumers["MoneyQueue"] != "ExecuteFunction" || len(consumers) != 2 {
		t.Errorf("queues and consumers %v", consumers)
	}
	if at(tm.resources["ExecuteFunction"], "Properties", "ReservedConcurrentExecutions") == nil {
		t.Error("nothing is held back for the money queue")
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	for name, table := range tm.of("AWS::DynamoDB::Table") {
		p := at(table, "Properties")
		if at(table, "DeletionPolicy") != "Retain" || at(table, "UpdateReplacePolicy") != "Retain" {
			t.Errorf("%s goes with the stack", name)
		}
		if at(p, "BillingMode") != "PAY_PER_REQUEST" || at(p, "SSESpecification", "SSEEnabled") != true || at(p, "TableName") != nil {
			t.Errorf("%s: billing, encryption or name: %v", name, p)
		}
		protected := list(at(p, "DeletionProtectionEnabled", "Fn::If"))
		if len(protected) != 3 || protected[0] != "IsProd" || protected[1] != true || protected[2] != false {
			t.Errorf("%s can be deleted in production, or cannot elsewhere", name)
		}
	}
	journal, idempotency := at(tm.resources["JournalTable"], "Properties"), at(tm.resources["IdempotencyTable"], "Properties")
	if at(journal, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") != true {
		t.Error("the journal cannot be recovered to a point in time")
	}
	if at(journal, "TimeToLiveSpecification") != nil {
		t.Error("the journal forgets")
	}
	if at(idempotency, "TimeToLiveSpecification", "AttributeName") != "until" || at(idempotency, "TimeToLiveSpecification", "Enabled") != true {
		t.Error("claims are kept for ever")
	}
}

// No value of a secret is in the template, nor reaches a function's environment: only where it lies.
func TestSecrets(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	secrets := tm.of("AWS::SecretsManager::Secret")
	for name, secret := range secrets {
		if at(secret, "Properties", "SecretString") != nil || at(secret, "Properties", "GenerateSecretString") != nil {
			t.Errorf("%s has a value", name)
		}
		if at(secret, "DeletionPolicy") != "Retain" || at(secret, "UpdateReplacePolicy") != "Retain" {
			t.Errorf("%s goes with the stack", name)
		}
		// The description shows the form of the value, which must be the one that the code reads.
		text, _ := at(secret, "Properties", "Description").(string)
		var form map[string]string
		if err := json.Unmarshal([]byte(text[strings.Index(text, "{"):]), &form); err != nil || len(form) != 2 {
			t.Errorf("%s describes its form as %q", name, text)
		}
		for field := range form {
			if !regexp.MustCompile(`"` + field + `"`).MatchString(readText(t, root+"/internal/cloud/secrets.go")) {
				t.Errorf("%s is described with a field %s that nobody reads", name, field)
			}
		}
	}
	if len(secrets) != 2 {
		t.Errorf("%d secrets", len(secrets))
	}
	if text := readText(t, templateFile); strings.Contains(text, "{{resolve:") || regexp.MustCompile(`xox[bp]-[^.]`).MatchString(text) {
		t.Error("the template resolves or holds a secret")
	}
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
