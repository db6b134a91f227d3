package slack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/tangobot/tangobot/internal/treasury"
)

// maxBody bounds a request: Slack's largest, a form with state, stays below 300 KB.
const maxBody = 1 << 20

// delivery is one request that is provably from Slack.
type delivery struct {
	body []byte
	// key names exactly this signed request; a replay has the same.
	key string
}

// ref is what people quote: it finds the delivery in the log.
func (d delivery) ref() string { return d.key[:8] }

// receive verifies a request before anything else happens. It answers refusals itself and then returns false: 401 for
// everything that is not provably from Slack, and nothing is written or read for it.
func (e *Edge) receive(ctx context.Context, w http.ResponseWriter, r *http.Request) (delivery, bool) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return delivery{}, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return delivery{}, false
	}
	// The query string is not signed, and Slack sends none.
	if r.URL.RawQuery != "" {
		w.WriteHeader(http.StatusUnauthorized)
		return delivery{}, false
	}
	if err := e.Verifier.Check(ctx, r.Header, body); err != nil {
		status := http.StatusUnauthorized
		if !errors.Is(err, errSignature) {
			status = http.StatusServiceUnavailable // we cannot tell; Slack shows a failure, nothing was done
		}
		e.Log.WarnContext(ctx, "request refused", "status", status, "reason", err)
		w.WriteHeader(status)
		return delivery{}, false
	}
	sum := sha256.Sum256([]byte(r.Header.Get("X-Slack-Signature")))
	return delivery{body: body, key: hex.EncodeToString(sum[:])}, true
}

// first claims the delivery. A replay within the signature's life gives false, and has no second effect.
func (e *Edge) first(ctx context.Context, d delivery) (bool, error) {
	return e.Claims.First(ctx, "slack/"+d.key, claimTime)
}

// served tells whether the workspace is the one that the policy names, by its team or its enterprise.
func (e *Edge) served(team, enterprise string) bool {
	w := e.Desk.Policy.Workspace
	return w != "" && (team == w || enterprise == w)
}

// formValues parses a form body strictly: a key that comes twice is refused.
func formValues(body []byte) (url.Values, bool) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, false
	}
	for _, v := range values {
		if len(v) != 1 {
			return nil, false
		}
	}
	return values, true
}

// answerJSON answers 200 with a JSON body, as Slack wants it for everything that it should show.
func answerJSON(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(body) // the connection is gone, or it is not
}

// private answers a slash command with words that only the person sees.
func private(w http.ResponseWriter, text string) {
	answerJSON(w, struct {
		ResponseType string `json:"response_type"`
		Text         string `json:"text"`
	}{"ephemeral", text})
}

// job queues one of this room's own questions.
func (e *Edge) ask(ctx context.Context, q Question) error {
	body, err := json.Marshal(q)
	if err != nil {
		return err
	}
	return treasury.Job{Question: body}.Send(ctx, e.Desk.Questions, 0)
}
