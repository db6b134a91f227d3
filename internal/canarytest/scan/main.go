// Command scan stands behind go test -json: it shows what go test shows without it, keeps everything that all tests wrote in
// a file, and looks for the tests' secrets in that. It fails when a test failed, when a secret was found, and when no test
// ran.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tangobot/tangobot/internal/canarytest"
)

func main() {
	if len(os.Args) != 2 {
		_, _ = fmt.Fprintln(os.Stderr, "usage: go test -json … 2>&1 | scan <file to keep everything in>") // nobody to tell
		os.Exit(2)
	}
	if err := run(os.Stdin, os.Stdout, os.Args[1]); err != nil {
		_, _ = fmt.Fprintln(os.Stdout, "FAIL:", err) // nobody to tell
		os.Exit(1)
	}
}

// event is a line of go test -json, see go doc test2json.
type event struct {
	Action, Package, ImportPath, Test, Output string
}

// scan is one run of go test.
type scan struct {
	show     io.Writer
	keep     io.Writer
	packages map[string]*held
	passed   int
	failed   bool
}

// held is what the tests of a package wrote, until it is known which of them failed.
type held struct {
	lines  []event
	failed map[string]bool
}

var (
	errFailed = errors.New("tests failed")
	errNone   = errors.New("no test ran")
	errSecret = errors.New("a secret stands in what the tests wrote")
)

func run(from io.Reader, show io.Writer, file string) (err error) {
	keep, err := os.Create(file) //nolint:gosec // the Makefile names it
	if err != nil {
		return fmt.Errorf("keeping the output: %w", err)
	}
	defer func() { err = errors.Join(err, keep.Close()) }()
	s := &scan{show: show, keep: keep, packages: map[string]*held{}}
	lines := bufio.NewReader(from)
	for err == nil {
		var line []byte
		line, err = lines.ReadBytes('\n')
		if failure := s.line(line); failure != nil {
			return fmt.Errorf("passing the output on: %w", failure)
		}
	}
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the output: %w", err)
	}
	text, err := os.ReadFile(file) //nolint:gosec // the Makefile names it
	if err != nil {
		return fmt.Errorf("reading what was kept: %w", err)
	}
	found := canarytest.Find(text)
	switch {
	case len(found) > 0:
		return fmt.Errorf("%w, see %s: %s", errSecret, file, strings.Join(found, "; "))
	case s.failed:
		return errFailed
	case s.passed == 0:
		return errNone
	}
	return nil
}

// line takes one line: an event, or what something else than a test wrote.
func (s *scan) line(line []byte) error {
	var e event
	if json.Unmarshal(line, &e) != nil || e.Action == "" {
		_, err := s.keep.Write(line)
		_, shown := s.show.Write(line)
		return errors.Join(err, shown)
	}
	p := s.packages[e.Package]
	if p == nil {
		p = &held{failed: map[string]bool{}}
		s.packages[e.Package] = p
	}
	switch {
	case e.Action == "build-output": // of a package that does not compile
		_, err := io.WriteString(s.keep, e.Output)
		_, shown := io.WriteString(s.show, e.Output)
		return errors.Join(err, shown)
	case e.Action == "output":
		p.lines = append(p.lines, e)
		_, err := io.WriteString(s.keep, e.Output)
		return err
	case e.Action == "fail" || e.Action == "build-fail":
		p.failed[e.Test], s.failed = true, true
	case e.Action == "pass" && e.Test != "":
		s.passed++
	}
	if e.Test == "" && (e.Action == "pass" || e.Action == "fail" || e.Action == "skip") {
		delete(s.packages, e.Package)
		return s.tell(p)
	}
	return nil
}

// tell shows of a package what its failed tests wrote, and its own line.
func (s *scan) tell(p *held) error {
	for _, e := range p.lines {
		if e.Test == "" && e.Output == "PASS\n" || e.Test != "" && (!p.failed[e.Test] || strings.HasPrefix(e.Output, "=== ")) {
			continue
		}
		if _, err := io.WriteString(s.show, e.Output); err != nil {
			return err
		}
	}
	return nil
}
