package slacksim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Route is one of the app's addresses.
type Route string

// The routes.
const (
	ToCommands     Route = "commands"
	ToInteractions Route = "interactions"
	ToOptions      Route = "options"
	ToEvents       Route = "events"
)

// Delivery is one request that was sent to the app, byte for byte, and what came back.
type Delivery struct {
	ID     int         `json:"id"`
	Route  Route       `json:"route"`
	At     time.Time   `json:"at"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
	Answer Answer      `json:"answer"`
}

// Answer is what the app answered to one delivery.
type Answer struct {
	Status      int    `json:"status"` // 0 when there was no answer
	ContentType string `json:"content_type,omitempty"`
	Body        []byte `json:"body,omitempty"`
	NoRetry     bool   `json:"no_retry,omitempty"` // X-Slack-No-Retry: 1
	// Failure is empty for a 2xx in time, else Slack's word for it: operation_timeout, dispatch_failed (another status)
	// or dispatch_unknown_error (unreachable, or cut off).
	Failure string `json:"failure,omitempty"`
}

// Slack's words for an app that failed, as they follow "failed with the error".
const (
	failedTimeout     = "operation_timeout"
	failedStatus      = "dispatch_failed"
	failedUnreachable = "dispatch_unknown_error"
)

// maxAnswer bounds an answer that is read; Slack's own bound on a view is a quarter of it.
const maxAnswer = 1 << 20

// keptLog bounds each of the logs; the oldest entries go first.
const keptLog = 2000

// Sign gives the v0 signature of a body at a Unix time in seconds, as X-Slack-Signature carries it.
func (w *Workspace) Sign(timestamp string, body []byte) string {
	return Sign(w.config.SigningSecret, timestamp, body)
}

// Sign gives the v0 signature (Slack: HMAC-SHA256 over "v0:" + timestamp + ":" + raw body, in hex).
func Sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + timestamp + ":"))
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

// Deliver signs a body, sends it, and gives the app's answer without acting on it: nobody sees anything. mutate, when
// given, may change the signed request before it leaves, its body too.
func (w *Workspace) Deliver(ctx context.Context, route Route, body []byte, mutate func(*http.Request)) (Answer, error) {
	header := http.Header{}
	kind := "application/x-www-form-urlencoded"
	if route == ToEvents {
		kind = "application/json"
	}
	header.Set("Content-Type", kind)
	header.Set("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
	header.Set("Accept", "application/json,*/*")
	timestamp := strconv.FormatInt(w.config.Clock().Unix(), 10)
	header.Set("X-Slack-Request-Timestamp", timestamp)
	header.Set("X-Slack-Signature", w.Sign(timestamp, body))
	return w.send(ctx, route, header, body, mutate)
}

// Replay sends a recorded delivery again, byte for byte with its headers. mutate may change it before it leaves.
func (w *Workspace) Replay(ctx context.Context, d Delivery, mutate func(*http.Request)) (Answer, error) {
	return w.send(ctx, d.Route, d.Header.Clone(), d.Body, mutate)
}

// send gives an error only when no request could be made of its parameters; an app that fails is an Answer.
func (w *Workspace) send(ctx context.Context, route Route, header http.Header, body []byte, mutate func(*http.Request)) (Answer, error) {
	address, client, timeout := w.destination(route)
	if address == "" {
		return w.record(route, header, body, Answer{Failure: failedUnreachable}), nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("delivering to %s: %w", route, err)
	}
	r.Header = header
	if mutate != nil {
		mutate(r)
	}
	if r.Body != nil && r.GetBody != nil {
		if sent, err := r.GetBody(); err == nil { // what mutate put there, if it kept GetBody in step
			body, _ = io.ReadAll(sent)
		}
	}
	answer := ask(client, r)
	return w.record(route, r.Header, body, answer), nil
}

// SetBody replaces the body of a request; for the mutate functions of Deliver and Replay.
func SetBody(r *http.Request, body []byte) {
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.ContentLength = int64(len(body))
}

func (w *Workspace) destination(route Route) (string, *http.Client, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	address := ""
	switch route {
	case ToCommands:
		address = w.config.CommandsURL
	case ToInteractions:
		address = w.config.InteractionsURL
	case ToOptions:
		address = w.config.OptionsURL
	case ToEvents:
		address = w.config.EventsURL
	}
	return address, w.config.HTTPClient, w.config.AckTimeout
}

// ask sends the request and reads the whole answer, within the context's time.
func ask(client *http.Client, r *http.Request) Answer {
	failed := func(err error) Answer {
		if errors.Is(err, context.DeadlineExceeded) {
			return Answer{Failure: failedTimeout}
		}
		return Answer{Failure: failedUnreachable}
	}
	resp, err := client.Do(r)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return failed(err)
	}
	a := Answer{
		Status: resp.StatusCode, ContentType: resp.Header.Get("Content-Type"), Body: body,
		NoRetry: resp.Header.Get("X-Slack-No-Retry") == "1",
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		a.Failure = failedStatus
	}
	return a
}

func (w *Workspace) record(route Route, header http.Header, body []byte, a Answer) Answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delivered++
	w.deliveries = keepLast(append(w.deliveries, Delivery{
		ID: w.delivered, Route: route, At: w.config.Clock(), Header: header.Clone(), Body: slices.Clone(body), Answer: a,
	}))
	return a
}

func keepLast[T any](list []T) []T {
	if len(list) <= keptLog {
		return list
	}
	return slices.Clone(list[len(list)-keptLog:])
}

// json tells whether the answer says that it is JSON. Slack shows other text as it stands.
func (a Answer) json() bool {
	kind, _, err := mime.ParseMediaType(a.ContentType)
	return err == nil && kind == "application/json"
}

// empty tells whether the answer has nothing to say.
func (a Answer) empty() bool { return len(bytes.TrimSpace(a.Body)) == 0 }

// pair is a field of a form.
type pair struct{ key, value string }

// encodeForm writes a form in the given order, as Slack does: an app that encodes it again gets other bytes, and so
// another signature.
func encodeForm(fields []pair) []byte {
	parts := make([]string, 0, len(fields))
	for _, f := range fields {
		parts = append(parts, url.QueryEscape(f.key)+"="+url.QueryEscape(f.value))
	}
	return []byte(strings.Join(parts, "&"))
}

// payloadForm wraps an interaction's JSON in the form that Slack sends.
func payloadForm(payload any) []byte {
	return encodeForm([]pair{{"payload", string(encode(payload))}})
}

// EditPayload changes the JSON of an interaction's body, or of an event's, so that a test can deliver what Slack's own
// clients would not have sent. The result is unsigned; Deliver signs it.
func EditPayload(body []byte, edit func(payload map[string]any)) ([]byte, error) {
	form := !json.Valid(body)
	raw := body
	if form {
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, fmt.Errorf("reading the form: %w", err)
		}
		raw = []byte(values.Get("payload"))
	}
	v, err := decode(raw)
	if err != nil {
		return nil, err
	}
	payload := asObject(v)
	if payload == nil {
		return nil, fmt.Errorf("the payload is no object: %w", ErrUnknown)
	}
	edit(payload)
	if form {
		return payloadForm(payload), nil
	}
	return encode(payload), nil
}

// EditForm changes the fields of a slash command's body. The result is unsigned; Deliver signs it.
func EditForm(body []byte, edit func(url.Values)) ([]byte, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fmt.Errorf("reading the form: %w", err)
	}
	edit(values)
	return []byte(values.Encode()), nil
}
