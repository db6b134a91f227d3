// Package cloudtest gives tests the services of AWS on loopback: DynamoDB by the dynoxide emulator, and stubs of SQS and
// Secrets Manager that speak AWS's JSON protocols.
//
// Dynoxide is a program that a machine with Go alone does not have, so a test file that starts it carries the build tag
// "outside": make test leaves it out, make test-all and CI run it.
package cloudtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// install tells how the emulator is installed.
const install = "dynoxide is missing: make bin/dynoxide installs it, or set DYNOXIDE to the binary"

// Dynoxide starts a DynamoDB emulator that holds its data in memory, waits until it answers, and stops it when the test
// ends. The binary is $DYNOXIDE, bin/dynoxide at the module's root, or dynoxide in PATH.
func Dynoxide(tb testing.TB) (endpoint string) {
	tb.Helper()
	binary, err := find()
	if err != nil {
		tb.Fatal(err)
	}
	const tries = 5 // another process may take the free port first
	for range tries {
		if endpoint, err = start(tb, binary); err == nil {
			return endpoint
		}
	}
	tb.Fatalf("starting %s: %v", binary, err)
	return ""
}

func find() (string, error) {
	if path := os.Getenv("DYNOXIDE"); path != "" { //nolint:forbidigo // a setting of the tests, not of the functions
		return exec.LookPath(path)
	}
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			if path, err := exec.LookPath(filepath.Join(folder, "bin", "dynoxide")); err == nil {
				return path, nil
			}
			break
		}
		up := filepath.Dir(folder)
		if up == folder {
			break
		}
		folder = up
	}
	if path, err := exec.LookPath("dynoxide"); err == nil {
		return path, nil
	}
	return "", errors.New(install)
}

func start(tb testing.TB, binary string) (string, error) {
	tb.Helper()
	port, err := freePort(tb.Context())
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	//nolint:gosec // the developer's own emulator
	command := exec.CommandContext(ctx, binary, "--host", "127.0.0.1", "--port", port)
	var output lockedBuffer
	command.Stdout, command.Stderr = &output, &output
	command.WaitDelay = 5 * time.Second
	if err := command.Start(); err != nil {
		cancel()
		return "", err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait() // killed at the end, or dead before it answered; either way output tells
	}()
	stop := func() { cancel(); <-ended }
	endpoint := "http://127.0.0.1:" + port
	if err := answers(tb.Context(), endpoint, ended); err != nil {
		stop()
		return "", fmt.Errorf("%w; it said: %s", err, output.String())
	}
	tb.Cleanup(stop)
	return endpoint, nil
}

func freePort(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}

// answers waits until the emulator speaks, at most half a minute.
func answers(ctx context.Context, endpoint string, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, http.NoBody)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			return errors.Join(err, response.Body.Close())
		}
		select {
		case <-tick.C:
		case <-ended:
			return errors.New("the emulator ended before it answered")
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w", err)
		}
	}
}

// lockedBuffer takes the emulator's output while a test may read it.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
