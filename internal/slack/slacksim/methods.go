package slacksim

import (
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// Call is one call of the Web API, or of a response_url (as method "response_url").
type Call struct {
	Method string         `json:"method"`
	At     time.Time      `json:"at"`
	Args   map[string]any `json:"args"` // decoded, blocks and view too; without the token
	Error  string         `json:"error,omitempty"`
	// Applied tells whether the call had its effect, whatever the app was told.
	Applied bool `json:"applied"`
}

// Arg gives an argument that is text, or "".
func (c Call) Arg(name string) string { return asString(c.Args[name]) }

// refusal is an answer with ok false.
type refusal struct {
	code     string
	messages []string // response_metadata.messages
	extra    object   // further fields of the answer
}

func refuse(code string) *refusal { return &refusal{code: code} }

func (r *refusal) answer() json.RawMessage {
	out := object{"ok": false, "error": r.code}
	maps.Copy(out, r.extra)
	if len(r.messages) > 0 {
		out["response_metadata"] = object{"messages": r.messages}
	}
	return encode(out)
}

// method carries out a call. The lock is held.
type method func(args args) (object, *refusal)

// method finds a Web API method and the scope that it needs ("" for none).
func (w *Workspace) method(name string) (do method, scope string) {
	switch name {
	case "auth.test":
		return w.authTest, ""
	case "chat.postMessage":
		return w.postMessage, "chat:write"
	case "chat.postEphemeral":
		return w.postEphemeral, "chat:write"
	case "chat.update":
		return w.updateMessage, "chat:write"
	case "conversations.open":
		return w.openConversation, "im:write"
	case "files.getUploadURLExternal":
		return w.getUploadURL, "files:write"
	case "files.completeUploadExternal":
		return w.completeUpload, "files:write"
	case "users.info":
		return w.userInfo, "users:read"
	case "usergroups.users.list":
		return w.groupMembers, "usergroups:read"
	case "views.open":
		return w.openView, ""
	case "views.push":
		return w.pushView, ""
	case "views.update":
		return w.updateView, ""
	case "views.publish":
		return w.publishView, ""
	}
	return nil, ""
}

// readOnly tells whether a method changes nothing that a person could see.
func readOnly(name string) bool {
	return name == "auth.test" || name == "users.info" || name == "usergroups.users.list" ||
		name == "files.getUploadURLExternal" || name == uploadURL
}

// maxRequest bounds what the Web API reads.
const maxRequest = 4 << 20

// ServeHTTP serves the Web API under any path that ends in a method's name, response URLs under …/response/, and the
// addresses of files.getUploadURLExternal under …/upload/v1/.
func (w *Workspace) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if i := strings.LastIndex(r.URL.Path, "/upload/v1/"); i >= 0 {
		w.serveUpload(rw, r, r.URL.Path[i+len("/upload/v1/"):])
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequest))
	if err != nil {
		http.Error(rw, "request too large", http.StatusRequestEntityTooLarge)
		return
	}
	if i := strings.LastIndex(r.URL.Path, "/response/"); i >= 0 {
		w.serveHook(rw, r, r.URL.Path[i+len("/response/"):], body)
		return
	}
	name := path.Base(r.URL.Path)
	a, bad := parseArgs(r, body)
	w.serve(rw, r, name, a, func() answer {
		if bad != nil {
			return answer{body: bad.answer(), code: bad.code}
		}
		return w.invoke(name, a)
	})
}

// answer is what a call gives: its JSON, or the plain text of a response_url.
type answer struct {
	body    json.RawMessage
	text    string // instead of body
	status  int    // 200 when 0
	code    string // Slack's error code, "" for success
	applied bool
	retry   time.Duration // Retry-After of a 429
}

// serve runs one call through rate limits and faults, writes it down, and answers.
func (w *Workspace) serve(rw http.ResponseWriter, r *http.Request, name string, a args, do func() answer) {
	w.mu.Lock()
	fault, faulty := w.takeFault(name)
	w.mu.Unlock()
	if faulty && fault.Hold != nil && !fault.Applied && !hold(r, fault.Hold) {
		panic(http.ErrAbortHandler) // the app has gone; its connection is cut, and nothing was done
	}
	w.mu.Lock()
	w.counts[name]++
	var out answer
	switch {
	case faulty && fault.refuses() && !fault.Applied:
		out = fault.answer()
	default:
		if wait := w.overRate(name, a); wait > 0 {
			out = answer{body: refuse("ratelimited").answer(), code: "ratelimited", status: http.StatusTooManyRequests, retry: wait}
			break
		}
		out = do()
		if faulty && fault.refuses() {
			applied := out.applied
			out = fault.answer()
			out.applied = applied
		}
	}
	w.calls = keepLast(append(w.calls, Call{Method: name, At: w.config.Clock(), Args: a.log(), Error: out.code, Applied: out.applied}))
	if out.applied && !readOnly(name) {
		w.touch()
	}
	w.mu.Unlock()
	if faulty && fault.Hold != nil && fault.Applied {
		hold(r, fault.Hold)
	}
	if faulty && fault.Drop {
		panic(http.ErrAbortHandler)
	}
	out.write(rw)
}

// invoke checks the token and calls the method. The lock is held.
func (w *Workspace) invoke(name string, a args) answer {
	refused := func(r *refusal) answer { return answer{body: r.answer(), code: r.code} }
	do, scope := w.method(name)
	switch {
	case do == nil:
		return refused(&refusal{code: "unknown_method", extra: object{"req_method": name}})
	case a.token == "":
		return refused(refuse("not_authed"))
	case a.token != w.config.BotToken:
		return refused(refuse("invalid_auth"))
	case scope != "" && w.config.Scopes != nil && !slices.Contains(w.config.Scopes, scope):
		return refused(&refusal{code: "missing_scope", extra: object{"needed": scope, "provided": strings.Join(w.config.Scopes, ",")}})
	}
	out, bad := do(a)
	if bad != nil {
		return refused(bad)
	}
	out["ok"] = true
	return answer{body: encode(out), applied: true}
}

func (a answer) write(rw http.ResponseWriter) {
	status := a.status
	if status == 0 {
		status = http.StatusOK
	}
	if a.retry > 0 {
		rw.Header().Set("Retry-After", seconds(a.retry))
	}
	if a.text != "" {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, a.text) // the app is there, or it has gone
		return
	}
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.WriteHeader(status)
	_, _ = rw.Write(a.body)
}

// args are the arguments of a call.
type args struct {
	token  string
	values map[string]any // text, or what JSON gave
}

// parseArgs reads a form or a JSON body. The token comes from the Authorization header or from the form.
func parseArgs(r *http.Request, body []byte) (args, *refusal) {
	a := args{values: map[string]any{}}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		a.token = bearer
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost && r.Method != http.MethodGet:
		return a, refuse("invalid_post_type")
	case kind == "application/json":
		v, err := decode(body)
		m := asObject(v)
		if err != nil || m == nil {
			return a, refuse("invalid_json")
		}
		a.values = m
		return a, nil
	case kind != "application/x-www-form-urlencoded" && len(body) > 0:
		return a, refuse("invalid_post_type")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return a, refuse("invalid_form_data")
	}
	if r.Method == http.MethodGet {
		form = r.URL.Query()
	}
	for k, v := range form {
		if k == "token" {
			a.token = v[0]
			continue
		}
		a.values[k] = v[0]
	}
	return a, nil
}

// text gives an argument as text.
func (a args) text(name string) string {
	if n, ok := a.values[name].(json.Number); ok {
		return n.String()
	}
	return asString(a.values[name])
}

// flag gives an argument that is true or false.
func (a args) flag(name string) bool {
	return asBool(a.values[name]) || a.text(name) == "true" || a.text(name) == "1"
}

// nested gives an argument that is JSON: as it is, or as text in a form. present is false when it is missing; valid is
// false when the text is no JSON.
func (a args) nested(name string) (v any, present, valid bool) {
	v, present = a.values[name]
	s, isText := v.(string)
	if !present || !isText {
		return v, present && v != nil, true
	}
	if s == "" {
		return nil, false, true
	}
	v, err := decode([]byte(s))
	return v, true, err == nil
}

// log is how the arguments are written down: decoded, a copy of their own.
func (a args) log() map[string]any {
	out := map[string]any{}
	for k, v := range a.values {
		if k == "token" {
			continue
		}
		if k == "blocks" || k == "view" || k == "metadata" || k == "files" {
			if nested, present, valid := a.nested(k); present && valid {
				v = nested
			}
		}
		out[k] = clone(v)
	}
	return out
}
