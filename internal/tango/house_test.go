package tango_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestOneWayForMoney reads the sources: money has one client, which nothing else uses, and reads cannot move any.
func TestOneWayForMoney(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]int{}
	for _, name := range files {
		look(t, name, name, found)
	}
	want := map[string]map[string]int{
		// client.go keeps the reads' client and names the two types in signatures; neither is made there.
		"makes http.Client":                          {"reads.go": 1, "send.go": 1},
		"makes http.Transport":                       {"reads.go": 1, "send.go": 1},
		"makes net.Dialer":                           {"reads.go": 1, "send.go": 1},
		"calls Do":                                   {"reads.go": 1, "send.go": 1},
		"the address of transfers":                   {"send.go": 1},
		"an address of cards that changes something": {"deposits.go": 2, "registrations.go": 1},
		"POST":                   {"client.go": 1, "send.go": 1}, // client.go checks Config.Method
		"uses the reads' client": {"client.go": 1, "reads.go": 1},
		"calls send":             {"send.go": 1},
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("(-allowed +found):\n%s", diff)
	}
}

// TestNoClientsButThese reads all that is shipped: whoever makes a further HTTP client, or knows an address at which Tango
// changes something, must say so here. The clients below are Slack's, AWS's, and the two of this room.
func TestNoClientsButThese(t *testing.T) {
	t.Parallel()
	const root = "../.."
	found := map[string]map[string]int{}
	for _, top := range []string{"functions", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (strings.HasSuffix(path, "sim") || strings.HasSuffix(path, "test")):
				return fs.SkipDir // linked into tests and the playground alone, and servers at that
			case entry.IsDir() && strings.HasSuffix(path, "contract"):
				return fs.SkipDir // make sandbox asks Tango by it; lint keeps it out of all that is shipped
			case strings.HasSuffix(path, ".go"):
				name, err := filepath.Rel(root, path)
				look(t, path, filepath.ToSlash(name), found)
				return err
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	one := func(names ...string) map[string]int {
		counts := map[string]int{}
		for _, name := range names {
			counts[name] = 1
		}
		return counts
	}
	want := map[string]map[string]int{
		"makes http.Client": one("internal/tango/reads.go", "internal/tango/send.go", "internal/cloud/aws.go", "internal/playground/bot.go",
			"functions/answer/main.go", "functions/commands/main.go", "functions/execute/main.go", "functions/home/main.go",
			"functions/interactions/main.go"),
		"makes http.Transport":                       one("internal/tango/reads.go", "internal/tango/send.go", "internal/cloud/aws.go"),
		"the address of transfers":                   one("internal/tango/send.go"),
		"an address of cards that changes something": {"internal/tango/deposits.go": 2, "internal/tango/registrations.go": 1, "internal/playground/faults.go": 2},
		"calls Do":                       one("internal/tango/reads.go", "internal/tango/send.go", "internal/cloud/desk.go", "internal/slack/client.go", "internal/playground/server.go"),
		"uses http.DefaultClient":        nil,
		"uses http.DefaultTransport":     nil,
		"uses http.ProxyFromEnvironment": nil,
	}
	for what, where := range want {
		if diff := cmp.Diff(where, found[what], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-allowed +found):\n%s", what, diff)
		}
	}
}

// look counts the watched things of a source file under a name.
func look(t *testing.T, path, name string, found map[string]map[string]int) {
	t.Helper()
	if strings.HasSuffix(path, "_test.go") {
		return
	}
	source, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(source, func(n ast.Node) bool {
		if what := watched(n); what != "" {
			if found[what] == nil {
				found[what] = map[string]int{}
			}
			found[what][name]++
		}
		return true
	})
}

// watched names what a node is, if it is one of the things that have their place.
func watched(n ast.Node) string {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if name := dotted(n.Type); name == "http.Client" || name == "http.Transport" || name == "net.Dialer" {
			return "makes " + name
		}
	case *ast.BasicLit:
		if strings.Contains(n.Value, "transferFunds") {
			return "the address of transfers"
		}
		if strings.Contains(n.Value, "creditCardDeposits") || strings.Contains(n.Value, "creditCardUnregisters") {
			return "an address of cards that changes something"
		}
		if n.Value == `"POST"` || n.Value == `"Idempotency-Key"` {
			return "a literal " + n.Value
		}
	case *ast.CallExpr:
		switch name := dotted(n.Fun); {
		case name == "new" && dotted(n.Args[0]) == "net.Dialer":
			return "makes net.Dialer"
		case name == "new" && strings.HasPrefix(dotted(n.Args[0]), "http.Cl"), name == "new" && strings.HasPrefix(dotted(n.Args[0]), "http.Tr"):
			return "makes " + dotted(n.Args[0])
		case name == "send":
			return "calls send"
		}
		if s, ok := n.Fun.(*ast.SelectorExpr); ok && (s.Sel.Name == "Do" || s.Sel.Name == "RoundTrip") {
			return "calls " + s.Sel.Name
		}
	case *ast.SelectorExpr:
		switch name := dotted(n); name {
		case "http.DefaultClient", "http.DefaultTransport", "http.Get", "http.Head", "http.Post", "http.PostForm", "http.ProxyFromEnvironment":
			return "uses " + name
		case "http.MethodPost":
			return "POST"
		}
		if n.Sel.Name == "GetBody" {
			return "touches GetBody"
		}
		if n.Sel.Name == "reads" {
			return "uses the reads' client"
		}
	case *ast.KeyValueExpr:
		if dotted(n.Key) == "reads" {
			return "uses the reads' client"
		}
	}
	return ""
}

func dotted(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if left := dotted(e.X); left != "" {
			return left + "." + e.Sel.Name
		}
	}
	return ""
}
