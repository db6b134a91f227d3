//go:build outside

package functions_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// door is one function's way to AWS: it lets through what the function's role allows, as rights has it, and refuses the
// rest as IAM does. rights_test.go holds template.yaml to the same list.
type door struct {
	function string // such as "Answer"
	tables   map[string]string
	services map[string]http.Handler // by the prefix of X-Amz-Target

	mu      sync.Mutex
	refused []string
}

// wire is what tells an operation's resources, of all the operations that the functions use.
type wire struct {
	TableName, IndexName string
	RequestItems         map[string]json.RawMessage
	TransactItems        []map[string]struct{ TableName string }
	QueueURL             string `json:"QueueUrl"`
	SecretID             string `json:"SecretId"`
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	prefix, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	service := d.services[prefix]
	if err != nil || service == nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for _, need := range d.needs(prefix, operation, body) {
		if slices.Contains(rights()[d.function], need) {
			continue
		}
		if !strings.HasPrefix(need, "sqs:GetQueueAttributes") { // a call that opens the connection: refused is as good
			d.mu.Lock()
			d.refused = append(d.refused, need)
			d.mu.Unlock()
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"not in the role"}`) // the function is there
		return
	}
	service.ServeHTTP(w, r)
}

// needs gives the rights that a call takes, as "action on resource".
func (d *door) needs(prefix, operation string, body []byte) []string {
	var in wire
	if json.Unmarshal(body, &in) != nil {
		return []string{"a call that cannot be read"}
	}
	table := func(action, name string) string { return "dynamodb:" + action + " on " + d.tables[name] }
	var list []string
	switch {
	case strings.HasPrefix(prefix, "DynamoDB") && operation == "BatchGetItem":
		for name := range in.RequestItems {
			list = append(list, table(operation, name))
		}
	case strings.HasPrefix(prefix, "DynamoDB") && operation == "TransactWriteItems":
		actions := map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
		for _, item := range in.TransactItems {
			for kind, on := range item {
				list = append(list, table(actions[kind], on.TableName))
			}
		}
	case strings.HasPrefix(prefix, "DynamoDB") && in.IndexName != "":
		list = []string{table(operation, in.TableName) + "/index/" + in.IndexName}
	case strings.HasPrefix(prefix, "DynamoDB"):
		list = []string{table(operation, in.TableName)}
	case prefix == "AmazonSQS":
		queue := "QuestionsQueue.Arn"
		if strings.HasSuffix(in.QueueURL, "/money") {
			queue = "MoneyQueue.Arn"
		}
		list = []string{"sqs:" + operation + " on " + queue}
	default:
		secret := "SlackSecret"
		if in.SecretID == tangoARN {
			secret = "TangoSecret"
		}
		list = []string{"secretsmanager:" + operation + " on " + secret}
	}
	return list
}
