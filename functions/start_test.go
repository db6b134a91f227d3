package functions_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/cloud/cloudtest"
)

// build builds all functions for this machine, and lays the policy beside them as the Makefile does.
func build(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	command := exec.CommandContext(t.Context(), "go", "build", "-tags", "lambda.norpc", "-o", dir, "./functions/...")
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte(readText(t, root+"/policy.yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A function gets exactly the settings that it asks for: it starts with what the template gives it, and asks for nothing
// else that the template gives.
func TestFunctionsStartWithTheTemplatesEnvironment(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	dir := build(t)
	sqs := cloudtest.NewSQS(t) // refuses every call, which is as good: nothing is to leave this machine
	for name := range tm.of(functionType) {
		for _, stage := range []string{"dev", "prod"} {
			t.Run(name+" in "+stage, func(t *testing.T) {
				t.Parallel()
				environment := tm.environment(t, name, stage)
				maps.Copy(environment, map[string]string{
					"LAMBDA_TASK_ROOT": dir, "AWS_ENDPOINT_URL_DYNAMODB": sqs.Endpoint, "AWS_ENDPOINT_URL_SQS": sqs.Endpoint,
					"AWS_ENDPOINT_URL_SECRETS_MANAGER": sqs.Endpoint, "SLACK_API_URL": sqs.Endpoint,
				})
				f := cloudtest.StartFunction(t, filepath.Join(dir, folder(name)), environment)
				// An event that none of them takes: the answer shows that the function is up.
				if got := f.Invoke([]byte("no event"), 10*time.Second); !strings.Contains(string(got.Payload), "event") {
					t.Errorf("the function did not start; it wrote:\n%s", f.Log())
				}
			})
		}
		t.Run(name+" asks for", func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), filepath.Join(dir, folder(name)))
			command.Env = []string{"PATH=/nonexistent"}
			out, err := command.CombinedOutput()
			if err == nil {
				t.Fatal("it started without settings")
			}
			asked := regexp.MustCompile(`[A-Z][A-Z_]{4,}(?: is missing)`).FindAllString(string(out), -1)
			for i := range asked {
				asked[i] = strings.TrimSuffix(asked[i], " is missing")
			}
			given := tm.environment(t, name, "prod")
			for _, ofGo := range []string{"GOGC", "GOMEMLIMIT", "GOMAXPROCS", "SSL_CERT_DIR"} {
				delete(given, ofGo)
			}
			// Lambda itself sets these; the policy lies in LAMBDA_TASK_ROOT.
			want := append(names(given), "AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "POLICY_FILE")
			slices.Sort(want)
			slices.Sort(asked)
			if diff := cmp.Diff(want, slices.Compact(asked)); diff != "" {
				t.Errorf("-given +asked for:\n%s", diff)
			}
		})
	}
}

// main.go builds by hand and holds nothing else: what can be wrong stands elsewhere, with tests.
func TestMainsAreShort(t *testing.T) {
	t.Parallel()
	mains, err := filepath.Glob("*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, name := range mains {
		folders = append(folders, filepath.Dir(name))
		if lines := strings.Count(readText(t, name), "\n"); lines > 40 {
			t.Errorf("%s has %d lines", name, lines)
		}
	}
	var want []string
	for name := range readTemplate(t).of(functionType) {
		want = append(want, folder(name))
	}
	slices.Sort(want)
	if !slices.Equal(folders, want) {
		t.Errorf("folders %v, functions of the template %v", folders, want)
	}
}

// Each function that SAM builds has a target of the Makefile, which builds it and no other, for the processor that the
// template names.
func TestMakefileBuildsEachFunction(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	makefile := readText(t, root+"/Makefile")
	targets := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^build-(\w+):\n\t\$\(call function,(\w+)\)$`).FindAllStringSubmatch(makefile, -1) {
		targets[m[1]] = m[2]
	}
	want := map[string]string{}
	for name := range tm.of(functionType) {
		want[name] = folder(name)
		architectures := texts(tm.property(name, "Architectures"))
		if len(architectures) != 1 || !strings.Contains(makefile, "\nGOARCH := "+architectures[0]+"\n") {
			t.Errorf("%s runs on %v, the Makefile builds for something else", name, architectures)
		}
	}
	if diff := cmp.Diff(want, targets); diff != "" {
		t.Errorf("-template +Makefile:\n%s", diff)
	}
	for _, flag := range []string{"CGO_ENABLED=0 GOOS=linux GOARCH=$(GOARCH) go build", "-tags lambda.norpc", "-trimpath", `-o "$(ARTIFACTS_DIR)/bootstrap" ./functions/$(1)`} {
		if !strings.Contains(makefile, flag) {
			t.Errorf("the Makefile builds without %s on %s", flag, runtime.GOARCH)
		}
	}
	for _, line := range []string{"capabilities = \"CAPABILITY_IAM\"", "parameter_overrides = \"Stage=dev\"", "parameter_overrides = \"Stage=prod\"", "build_in_source = true"} {
		if !strings.Contains(readText(t, root+"/samconfig.toml"), line) {
			t.Errorf("samconfig.toml lacks %s", line)
		}
	}
}
