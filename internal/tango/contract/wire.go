package contract

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 16 << 20

// wire makes calls that the client would not make, each once.
type wire struct {
	config Config
	plain  *http.Client // HTTP/1.1, a connection for each call: net/http repeats nothing on a new one
	modern *http.Client // takes HTTP/2 where it is offered; for reads alone, because over it net/http does repeat
}

func newWire(c Config) wire {
	client := func(modern bool) *http.Client {
		var protocols http.Protocols
		protocols.SetHTTP1(true)
		protocols.SetHTTP2(modern)
		return &http.Client{
			Timeout:       30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				DisableKeepAlives: true, Protocols: &protocols, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.RootCAs},
			},
		}
	}
	return wire{config: c, plain: client(false), modern: client(true)}
}

// answer is what came back.
type answer struct {
	status int
	proto  string
	header http.Header
	body   any // nil when it is not JSON
}

// get reads a path as it is written, with the platform's key.
func (w wire) get(ctx context.Context, path string) (answer, error) {
	return w.call(ctx, w.plain, http.MethodGet, path, "", w.config.Key)
}

// postText sends a body as it is written.
func (w wire) postText(ctx context.Context, path, body string) (answer, error) {
	return w.call(ctx, w.plain, http.MethodPost, path, body, w.config.Key)
}

func (w wire) call(ctx context.Context, client *http.Client, method, path, body string, key treasury.Secret) (answer, error) {
	if err := w.config.Pacer.Wait(ctx); err != nil {
		return answer{}, err
	}
	return w.now(ctx, client, method, path, body, key)
}

// now is call without the pace.
func (w wire) now(ctx context.Context, client *http.Client, method, path, body string, key treasury.Secret) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, w.config.API+path, strings.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("making a request: %w", treasury.ErrInvalid)
	}
	request.GetBody = nil // without it net/http can not send it a second time
	request.SetBasicAuth(w.config.Name, key.Reveal())
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "tangobot")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, fmt.Errorf("%s without an answer: %w", method, treasury.ErrUnavailable) // err's text has the address
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("%s without a whole answer: %w", method, treasury.ErrUnavailable)
	}
	a := answer{status: response.StatusCode, proto: response.Proto, header: response.Header}
	if kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err == nil && kind == "application/json" {
		if json.Unmarshal(text, &a.body) != nil {
			a.body = nil
		}
	}
	return a, nil
}

// isFine reports whether the call was carried out, by its status.
func (a answer) isFine() bool { return a.status == http.StatusOK || a.status == http.StatusCreated }

// errorWords says which of Tango's two shapes an error has, and its key.
func (a answer) errorWords() string {
	object, ok := a.body.(map[string]any)
	if !ok {
		return fmt.Sprintf("%d without JSON", a.status)
	}
	key, _ := object["i18nKey"].(string)
	place := ""
	if list, _ := object["errors"].([]any); key == "" && len(list) > 0 {
		if first, _ := list[0].(map[string]any); first != nil {
			key, _ = first["i18nKey"].(string)
			place = " in errors[0]"
		}
	}
	shape := "JSON of no known shape"
	switch _, long := object["httpCode"]; {
	case long:
		shape = "the long error shape"
	case key != "":
		shape = "the short error shape"
	}
	if key == "" {
		return fmt.Sprintf("%d, %s, no key", a.status, shape)
	}
	return fmt.Sprintf("%d, %s, key %s%s", a.status, shape, key, place)
}

// words is errorWords, or the bare status of a success.
func (a answer) words() string {
	if a.isFine() {
		return fmt.Sprint(a.status)
	}
	return a.errorWords()
}

// judged says what the client made of an answer.
func judged(v treasury.Answer) string {
	words := fmt.Sprintf("status %d", v.Status)
	if v.Status == 0 {
		words = "no answer"
	}
	if v.Key != "" {
		words += " with key " + v.Key
	}
	words += ", Tangobot says " + string(v.Verdict)
	switch {
	case v.Mismatch != "":
		words += " (" + string(v.Doubt) + " of " + v.Mismatch + ")"
	case v.Doubt != treasury.DoubtNone:
		words += " (" + string(v.Doubt) + ")"
	}
	return words
}
