//go:build outside

package cloud_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tangobot/tangobot/internal/cloud/cloudtest"
)

// fault is what the proxy does with one write.
type fault int

const (
	none             fault = iota
	dropAfter              // applied, then the connection is cut
	dropBefore             // the connection is cut, nothing applied
	errorAfter             // applied, answered with 500
	errorBefore            // answered with 500, nothing applied
	pageAfter              // applied, answered with a proxy's 502 page
	twice                  // applied twice, as after a retry on the way; the second answer
	hangAfter              // applied, never answered
	throttled              // 400 ThrottlingException
	capacity               // 400 ProvisionedThroughputExceededException
	inConflict             // another transaction is at work on the same rows
	inProgress             // the same transaction is at work
	forbidden              // 400 AccessDeniedException
	transactConflict       // TransactionCanceledException with the reason TransactionConflict
	checkFailed            // TransactionCanceledException that names the first condition alone
)

// proxy stands between the SDK and the emulator.
type proxy struct {
	t        *testing.T
	target   string
	endpoint string

	mu     sync.Mutex
	script []fault        // for the next writes, in order
	always fault          // for all after them
	counts map[string]int // calls by operation
	// applied runs after a write has been applied and before the fault strikes.
	applied func()
	// rewrite changes a request's body by operation, when it is set.
	rewrite func(operation string, body map[string]any)
	// keep bounds how many keys a BatchGetItem is let to read at once; 0 is no bound, -1 none at all.
	keep int
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	p := &proxy{t: t, target: target, counts: map[string]int{}}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.endpoint = server.URL
	return p
}

// play sets the faults of the next writes.
func (p *proxy) play(always fault, script ...fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.always, p.script = always, script
}

func (p *proxy) next(operation string) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[operation]++
	switch operation {
	case "UpdateItem", "TransactWriteItems", "PutItem":
	default:
		return none
	}
	if len(p.script) == 0 {
		return p.always
	}
	f := p.script[0]
	p.script = p.script[1:]
	return f
}

func (p *proxy) calls(operation string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[operation]
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var left any
	body, left = p.change(operation, body)
	f := p.next(operation)
	switch f {
	case dropBefore:
		cut(w)
		return
	case errorBefore:
		refuse(w, http.StatusInternalServerError, map[string]any{"__type": "InternalServerError"})
		return
	case throttled:
		refuse(w, http.StatusBadRequest, map[string]any{"__type": "com.amazon.coral.availability#ThrottlingException"})
		return
	case capacity:
		refuse(w, http.StatusBadRequest, map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"})
		return
	case inConflict:
		refuse(w, http.StatusBadRequest, map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException"})
		return
	case inProgress:
		refuse(w, http.StatusBadRequest, map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#TransactionInProgressException"})
		return
	case forbidden:
		refuse(w, http.StatusBadRequest, map[string]any{"__type": "com.amazon.coral.service#AccessDeniedException"})
		return
	case transactConflict:
		refuse(w, http.StatusBadRequest, map[string]any{
			"__type":              "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
			"CancellationReasons": []any{map[string]any{"Code": "None"}, map[string]any{"Code": "TransactionConflict"}},
		})
		return
	case checkFailed:
		refuse(w, http.StatusBadRequest, map[string]any{
			"__type":              "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
			"CancellationReasons": []any{map[string]any{"Code": "ConditionalCheckFailed"}, map[string]any{"Code": "None"}},
		})
		return
	case none, dropAfter, errorAfter, pageAfter, twice, hangAfter:
	}
	got, ok := p.forward(r, body)
	if !ok {
		return
	}
	if f != none && p.applied != nil {
		p.applied()
	}
	switch f {
	case dropAfter:
		cut(w)
		return
	case errorAfter:
		refuse(w, http.StatusInternalServerError, map[string]any{"__type": "InternalServerError"})
		return
	case pageAfter:
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>bad gateway</html>")
		return
	case hangAfter:
		<-r.Context().Done()
		return
	case twice:
		if got, ok = p.forward(r, body); !ok {
			return
		}
	case none, dropBefore, errorBefore, throttled, capacity, inConflict, inProgress, forbidden, transactConflict, checkFailed:
	}
	if left != nil {
		got.body = withLeft(p.t, got.body, left)
	} else if got.sum != "" {
		w.Header().Set("X-Amz-Crc32", got.sum)
	}
	w.Header().Set("Content-Type", got.kind)
	w.WriteHeader(got.status)
	_, _ = w.Write(got.body)
}

// reply is what the emulator answered.
type reply struct {
	status    int
	kind, sum string // Content-Type, X-Amz-Crc32
	body      []byte
}

// forward passes a request on; ok is false when its client has gone away.
func (p *proxy) forward(r *http.Request, body []byte) (got reply, ok bool) {
	request, err := http.NewRequestWithContext(r.Context(), r.Method, p.target+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		p.t.Error(err)
		return reply{}, false
	}
	request.Header = r.Header.Clone()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{}, false
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Error(err)
	}
	return reply{response.StatusCode, response.Header.Get("Content-Type"), response.Header.Get("X-Amz-Crc32"), answer}, true
}

// change applies rewrite and keep to a request; left is what the answer must call unprocessed.
func (p *proxy) change(operation string, body []byte) (changed []byte, left any) {
	p.mu.Lock()
	rewrite, keep := p.rewrite, p.keep
	p.mu.Unlock()
	if rewrite == nil && (keep == 0 || operation != "BatchGetItem") {
		return body, nil
	}
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		p.t.Error(err)
	}
	if rewrite != nil {
		rewrite(operation, fields)
	}
	if operation == "BatchGetItem" && keep != 0 {
		for table, ask := range fields["RequestItems"].(map[string]any) {
			ask := ask.(map[string]any)
			keys := ask["Keys"].([]any)
			n := min(max(keep, 1), len(keys))
			if keep < 0 {
				left = map[string]any{table: map[string]any{"Keys": keys, "ConsistentRead": true}}
			} else if n < len(keys) {
				left = map[string]any{table: map[string]any{"Keys": keys[n:], "ConsistentRead": true}}
			}
			ask["Keys"] = keys[:n]
		}
	}
	changed, err := json.Marshal(fields)
	if err != nil {
		p.t.Error(err)
	}
	return changed, left
}

func withLeft(t *testing.T, answer []byte, left any) []byte {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(answer, &fields); err != nil {
		t.Error(err)
	}
	fields["UnprocessedKeys"] = left
	answer, err := json.Marshal(fields)
	if err != nil {
		t.Error(err)
	}
	return answer
}

func cut(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = connection.Close()
	}
}

func refuse(w http.ResponseWriter, status int, answer map[string]any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// faulty starts an emulator with a proxy in front, and one journal table.
func faulty(t *testing.T) (p *proxy, table, claims string) {
	t.Helper()
	endpoint := cloudtest.Dynoxide(t)
	table, claims = cloudtest.Tables(t, endpoint)
	return newProxy(t, endpoint), table, claims
}
