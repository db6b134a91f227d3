//go:build outside

package functions_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/cloud/cloudtest"
)

// subject is one function under the benchmark.
type subject struct {
	name, binary string
	event        func() []byte // answered without a call to AWS: what the function itself costs
	environment  map[string]string

	running        *cloudtest.Function
	cold, first    []time.Duration
	warm           []time.Duration
	cpu            time.Duration
	peak           int64 // bytes
	events, zipped int
}

// The size of the benchmark.
const (
	coldRounds = 15
	warmRounds = 10
	warmEvents = 300
)

// BenchmarkFunctions measures commands and interactions beside a bare hello, all built the same way and run in turns, and
// prints the table that README has. Each figure is followed by its ratio to the hello's.
func BenchmarkFunctions(b *testing.B) {
	for b.Loop() {
		measure(b)
	}
}

func measure(b *testing.B) {
	b.Helper()
	bot := newBot(b)
	bot.watch()
	binaries := built(b)
	subjects := []*subject{
		{name: "hello", binary: buildHello(b), event: func() []byte { return []byte(`{}`) }},
		{name: "commands", binary: binaries["commands"], environment: bot.through(bot.door("Commands")), event: func() []byte {
			return signed(b, bot, "/slack/commands", "ssl_check=1&token=deprecated")
		}},
		{name: "interactions", binary: binaries["interactions"], environment: bot.through(bot.door("Interactions")), event: func() []byte {
			return signed(b, bot, "/slack/options", suggestion())
		}},
	}
	for range coldRounds {
		for _, s := range subjects {
			s.start(b)
		}
	}
	for _, s := range subjects {
		s.running = cloudtest.StartFunction(b, s.binary, s.environment)
		s.invoke(b)
	}
	for range warmRounds {
		for _, s := range subjects {
			s.warmUp(b)
		}
	}
	fmt.Print(table(b, subjects))
	question(b, bot)
}

// door gives a function's way to AWS.
func (b *bot) door(function string) *door {
	return b.doors[slices.IndexFunc(b.doors, func(d *door) bool { return d.function == function })]
}

// start measures one cold start: from exec to the first answer, and the first event alone.
func (s *subject) start(b *testing.B) {
	b.Helper()
	event, begun := s.event(), time.Now()
	f := cloudtest.StartFunction(b, s.binary, s.environment)
	handed := f.WaitReady()
	outcome := f.Invoke(event, 10*time.Second)
	answered := time.Now()
	if outcome.Failed {
		b.Fatalf("%s: %s\n%s", s.name, outcome.Payload, f.Log())
	}
	s.cold, s.first = append(s.cold, answered.Sub(begun)), append(s.first, answered.Sub(handed))
	f.Kill()
}

func (s *subject) invoke(b *testing.B) time.Duration {
	b.Helper()
	event := s.event()
	begun := time.Now()
	if outcome := s.running.Invoke(event, 10*time.Second); outcome.Failed {
		b.Fatalf("%s: %s\n%s", s.name, outcome.Payload, s.running.Log())
	}
	return time.Since(begun)
}

func (s *subject) warmUp(b *testing.B) {
	b.Helper()
	before := processorTime(b, s.running.PID())
	for range warmEvents {
		s.warm = append(s.warm, s.invoke(b))
	}
	s.cpu += processorTime(b, s.running.PID()) - before
	s.events += warmEvents
	s.peak = max(s.peak, peakMemory(b, s.running.PID()))
}

func table(b *testing.B, subjects []*subject) string {
	b.Helper()
	floor := subjects[0]
	var out strings.Builder
	out.WriteString("\n| function | exec to answer | first event | warm p50 | warm p99 | CPU per event | peak memory | zip |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, s := range subjects {
		s.zipped = zippedSize(b, s.binary)
		fmt.Fprintf(&out, "| %s |", s.name)
		for _, figure := range []func(*subject) time.Duration{
			func(s *subject) time.Duration { return quantile(s.cold, 50) },
			func(s *subject) time.Duration { return quantile(s.first, 50) },
			func(s *subject) time.Duration { return quantile(s.warm, 50) },
			func(s *subject) time.Duration { return quantile(s.warm, 99) },
			func(s *subject) time.Duration { return s.cpu / time.Duration(s.events) },
		} {
			fmt.Fprintf(&out, " %.2f ms, %.2f |", float64(figure(s))/1e6, float64(figure(s))/float64(figure(floor)))
		}
		fmt.Fprintf(&out, " %.1f MB, %.2f | %.2f MB, %.2f |\n", float64(s.peak)/1e6, float64(s.peak)/float64(floor.peak),
			float64(s.zipped)/1e6, float64(s.zipped)/float64(floor.zipped))
	}
	return out.String()
}

// question measures what a whole balance command costs the person who waits: the answer at once, with the claim and the
// queue before it.
func question(b *testing.B, bot *bot) {
	b.Helper()
	var times []time.Duration
	for range 100 {
		begun := time.Now()
		if said, err := bot.Slash(b.Context(), "U0LENA", "C0GENERAL", "balance employee-rewards"); err != nil || said.Message == nil {
			b.Fatalf("%+v, %v", said, err)
		}
		times = append(times, time.Since(begun))
	}
	fmt.Printf("\nA balance command with its claim and its queue, over the simulated Slack: p50 %.1f ms, p99 %.1f ms.\n",
		float64(quantile(times, 50))/1e6, float64(quantile(times, 99))/1e6)
}

func quantile(times []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}

func signed(b *testing.B, bot *bot, path, body string) []byte {
	b.Helper()
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	event, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": path, "rawQueryString": "", "body": body, "isBase64Encoded": false,
		"headers": map[string]string{
			"content-type": "application/x-www-form-urlencoded", "host": "tangobot.example",
			"x-slack-request-timestamp": stamp, "x-slack-signature": bot.Sign(stamp, []byte(body)),
		},
		"requestContext": map[string]any{"stage": "$default", "http": map[string]string{"method": "POST", "path": path, "sourceIp": "127.0.0.1"}},
	})
	if err != nil {
		b.Fatal(err)
	}
	return event
}

func suggestion() string {
	payload := `{"type":"block_suggestion","team":{"id":"T0ACME","domain":"acme"},"user":{"id":"U0LENA","team_id":"T0ACME"},` +
		`"api_app_id":"A0TANGO","container":{"type":"view","view_id":"V1"},"action_id":"value","block_id":"from","value":"mark",` +
		`"view":{"id":"V1","type":"modal","private_metadata":"{}","state":{"values":{}}}}`
	return "payload=" + url.QueryEscape(payload)
}

func buildHello(b *testing.B) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "bootstrap")
	command := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags=-s -w",
		"-o", binary, "../internal/cloud/cloudtest/hello")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		b.Fatalf("building hello: %v\n%s", err, out)
	}
	return binary
}

func zippedSize(b *testing.B, binary string) int {
	b.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	w, err := archive.Create("bootstrap")
	if err != nil {
		b.Fatal(err)
	}
	body, err := os.ReadFile(binary)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := w.Write(body); err != nil || archive.Close() != nil {
		b.Fatal("zipping failed")
	}
	return out.Len()
}

// processorTime reads what a process has used; Linux counts in hundredths of a second.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

func peakMemory(b *testing.B, pid int) int64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kilobytes, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return kilobytes * 1024
}
