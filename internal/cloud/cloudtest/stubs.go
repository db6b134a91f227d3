package cloudtest

import (
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // SQS answers with the body's MD5, and its client checks that
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

func credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: SecretKey}, nil
}

// calls counts the calls of a stub by operation, and can make the next ones fail.
type calls struct {
	mu     sync.Mutex
	counts map[string]int
	fail   []int // HTTP statuses of the next answers
}

// Calls tells how often an operation, such as "SendMessage", was called.
func (c *calls) Calls(operation string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[operation]
}

// FailNext makes the next calls be answered with these HTTP statuses.
func (c *calls) FailNext(statuses ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = append(c.fail, statuses...)
}

// open counts a call and reads its input. It answers, and gives false, when the call is to fail or is not signed.
func (c *calls) open(w http.ResponseWriter, r *http.Request, service string, in any) (operation string, ok bool) {
	_, operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c.mu.Lock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[operation]++
	status := 0
	if len(c.fail) > 0 {
		status, c.fail = c.fail[0], c.fail[1:]
	}
	c.mu.Unlock()
	body, err := io.ReadAll(io.LimitReader(r.Body, 2<<20))
	switch {
	case status != 0:
		failure(w, status, "InternalServiceError")
	case !strings.Contains(r.Header.Get("Authorization"), "/"+Region+"/"+service+"/aws4_request"):
		failure(w, http.StatusForbidden, "MissingAuthenticationToken")
	case err != nil || json.Unmarshal(body, in) != nil:
		failure(w, http.StatusBadRequest, "SerializationException")
	default:
		return operation, true
	}
	return operation, false
}

func failure(w http.ResponseWriter, status int, kind string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": kind, "message": "the stub says no"}) // the client hung up
}

func answer(w http.ResponseWriter, out any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(out) // the client hung up
}

// Message is a message that the SQS stub took.
type Message struct {
	Queue        string // its address
	Body         string
	DelaySeconds int
}

// SQS is a stub of SQS: it takes messages and keeps them. It delivers none.
type SQS struct {
	calls
	Endpoint string

	messages []Message
}

// NewSQS starts the stub.
func NewSQS(tb testing.TB) *SQS {
	tb.Helper()
	s := &SQS{}
	server := httptest.NewServer(s)
	tb.Cleanup(server.Close)
	s.Endpoint = server.URL
	return s
}

// QueueURL is the address of a queue on the stub.
func (s *SQS) QueueURL(name string) string { return s.Endpoint + "/123456789012/" + name }

// Messages gives what was taken so far, oldest first.
func (s *SQS) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// ServeHTTP speaks SQS's JSON protocol.
func (s *SQS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := struct {
		QueueURL     string `json:"QueueUrl"`
		MessageBody  string
		DelaySeconds int
	}{}
	operation, ok := s.open(w, r, "sqs", &in)
	if !ok {
		return
	}
	switch operation {
	case "SendMessage":
		if in.MessageBody == "" || in.DelaySeconds < 0 || in.DelaySeconds > 900 || in.QueueURL == "" {
			failure(w, http.StatusBadRequest, "InvalidParameterValue")
			return
		}
		s.mu.Lock()
		s.messages = append(s.messages, Message{Queue: in.QueueURL, Body: in.MessageBody, DelaySeconds: in.DelaySeconds})
		id := strconv.Itoa(len(s.messages))
		s.mu.Unlock()
		sum := md5.Sum([]byte(in.MessageBody)) //nolint:gosec // see the import
		answer(w, map[string]string{"MessageId": id, "MD5OfMessageBody": hex.EncodeToString(sum[:])})
	default:
		failure(w, http.StatusForbidden, "AccessDenied")
	}
}

// SecretsManager is a stub of Secrets Manager.
type SecretsManager struct {
	calls
	Endpoint string

	secrets map[string]*secret
}

type secret struct {
	values map[string]string   // by version id
	stages map[string][]string // by version id
}

// NewSecretsManager starts the stub.
func NewSecretsManager(tb testing.TB) *SecretsManager {
	tb.Helper()
	s := &SecretsManager{secrets: map[string]*secret{}}
	server := httptest.NewServer(s)
	tb.Cleanup(server.Close)
	s.Endpoint = server.URL
	return s
}

// Put stores a new value: it becomes AWSCURRENT, the one before AWSPREVIOUS, as a rotation does.
func (s *SecretsManager) Put(arn, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.secrets[arn]
	if kept == nil {
		kept = &secret{values: map[string]string{}, stages: map[string][]string{}}
		s.secrets[arn] = kept
	}
	for version, stages := range maps.Clone(kept.stages) {
		if slices.Contains(stages, "AWSCURRENT") {
			kept.stages[version] = []string{"AWSPREVIOUS"}
		} else {
			delete(kept.stages, version)
		}
	}
	version := "version-" + strconv.Itoa(len(kept.values)+1)
	kept.values[version], kept.stages[version] = value, []string{"AWSCURRENT"}
}

// ServeHTTP speaks Secrets Manager's JSON protocol.
func (s *SecretsManager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := struct {
		SecretID     string `json:"SecretId"`
		VersionID    string `json:"VersionId"`
		VersionStage string
	}{}
	operation, ok := s.open(w, r, "secretsmanager", &in)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.secrets[in.SecretID]
	if kept == nil {
		failure(w, http.StatusBadRequest, "ResourceNotFoundException")
		return
	}
	switch operation {
	case "DescribeSecret":
		answer(w, map[string]any{"ARN": in.SecretID, "Name": "stub", "VersionIdsToStages": kept.stages})
	case "GetSecretValue":
		version := in.VersionID
		for id, stages := range kept.stages {
			if version == "" && slices.Contains(stages, cmp.Or(in.VersionStage, "AWSCURRENT")) {
				version = id
			}
		}
		value, found := kept.values[version]
		if !found {
			failure(w, http.StatusBadRequest, "ResourceNotFoundException")
			return
		}
		answer(w, map[string]any{
			"ARN": in.SecretID, "Name": "stub", "VersionId": version, "SecretString": value, "VersionStages": kept.stages[version],
		})
	default:
		failure(w, http.StatusForbidden, "AccessDeniedException")
	}
}
