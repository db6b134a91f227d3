package cloudtest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Function is a built bootstrap that runs as Lambda runs it: a process that polls a Runtime API on loopback for events,
// one at a time.
type Function struct {
	tb      testing.TB
	command *exec.Cmd
	cancel  context.CancelFunc
	server  *httptest.Server
	log     *lockedBuffer
	exited  chan struct{}

	events chan invocation
	ready  chan struct{} // closed at the first poll

	once    sync.Once
	mu      sync.Mutex
	waiting map[string]chan Outcome
	number  int
}

// Outcome is what a function gave for one event.
type Outcome struct {
	Payload []byte
	Failed  bool // the handler returned an error, or the process ended
}

type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
}

// StartFunction starts a bootstrap with exactly this environment and what Lambda sets. It is killed when the test ends.
func StartFunction(tb testing.TB, binary string, environment map[string]string) *Function {
	tb.Helper()
	f := &Function{
		tb: tb, log: &lockedBuffer{}, exited: make(chan struct{}), events: make(chan invocation), ready: make(chan struct{}),
		waiting: map[string]chan Outcome{},
	}
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	f.command = exec.CommandContext(ctx, binary)
	f.command.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(f.server.URL, "http://"), "AWS_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=" + AccessKey, "AWS_SECRET_ACCESS_KEY=" + SecretKey, "AWS_SESSION_TOKEN=test-session",
		"AWS_LAMBDA_FUNCTION_NAME=test", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
	}
	for name, value := range environment {
		f.command.Env = append(f.command.Env, name+"="+value)
	}
	f.command.Stdout, f.command.Stderr = f.log, f.log
	if err := f.command.Start(); err != nil {
		cancel()
		tb.Fatalf("starting %s: %v", binary, err)
	}
	go func() {
		_ = f.command.Wait() // how it ended shows in what it answered
		close(f.exited)
	}()
	tb.Cleanup(func() {
		f.Kill()
		f.server.CloseClientConnections()
		f.server.Close()
	})
	return f
}

// Kill ends the process at once, as Lambda does at the end of an invocation's time.
func (f *Function) Kill() {
	f.cancel()
	<-f.exited
}

// PID is the process's id.
func (f *Function) PID() int { return f.command.Process.Pid }

// WaitReady waits until the process polls for its first event, or has ended, and tells when that was.
func (f *Function) WaitReady() time.Time {
	select {
	case <-f.ready:
	case <-f.exited:
	}
	return time.Now() //nolint:forbidigo // for a benchmark
}

// Log gives what the process has written so far.
func (f *Function) Log() string { return f.log.String() }

// Invoke hands one event over and waits for what comes of it. time is what the invocation may take.
func (f *Function) Invoke(payload []byte, limit time.Duration) Outcome {
	f.mu.Lock()
	f.number++
	event := invocation{
		id: fmt.Sprintf("00000000-0000-4000-8000-%012d", f.number), payload: payload,
		deadline: time.Now().Add(limit), //nolint:forbidigo // the process under test has the real clock
	}
	done := make(chan Outcome, 1)
	f.waiting[event.id] = done
	f.mu.Unlock()
	select {
	case f.events <- event:
	case <-f.exited:
		return Outcome{Failed: true}
	}
	select {
	case outcome := <-done:
		return outcome
	case <-f.exited:
		return Outcome{Failed: true}
	}
}

// serve is the Runtime API.
func (f *Function) serve(w http.ResponseWriter, r *http.Request) {
	const base = "/2018-06-01/runtime/"
	path, ok := strings.CutPrefix(r.URL.Path, base)
	switch {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	case path == "invocation/next":
		f.once.Do(func() { close(f.ready) })
		select {
		case event := <-f.events:
			h := w.Header()
			h.Set("Lambda-Runtime-Aws-Request-Id", event.id)
			h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(event.deadline.UnixMilli(), 10))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+Region+":123456789012:function:test")
			_, _ = w.Write(event.payload) // the process is there, or it is not
		case <-r.Context().Done():
		}
	case path == "init/error":
		w.WriteHeader(http.StatusAccepted)
	default:
		f.finish(w, r, path)
	}
}

func (f *Function) finish(w http.ResponseWriter, r *http.Request, path string) {
	parts := strings.Split(path, "/")
	if len(parts) != 3 || parts[0] != "invocation" || parts[2] != "response" && parts[2] != "error" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(r.Body)
	f.mu.Lock()
	done := f.waiting[parts[1]]
	delete(f.waiting, parts[1])
	f.mu.Unlock()
	if done == nil || err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	done <- Outcome{Payload: body, Failed: parts[2] == "error"}
}

// Build builds a function's bootstrap into a folder by its Makefile target, for this machine's processor, and gives its
// path.
func Build(tb testing.TB, root, target, folder string) string {
	tb.Helper()
	//nolint:gosec // the developer's own Makefile
	command := exec.CommandContext(tb.Context(), "make", "-s", "-C", root, "build-"+target, "ARTIFACTS_DIR="+folder, "GOARCH="+runtime.GOARCH)
	command.Env = os.Environ() //nolint:forbidigo // a build needs the developer's environment
	if out, err := command.CombinedOutput(); err != nil {
		tb.Fatalf("building %s: %v\n%s", target, err, out)
	}
	return folder + "/bootstrap"
}
