package tango_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
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
	want := map[string]map[string]int{
		// client.go keeps the reads' client and names the two types in signatures; neither is made there.
		"makes http.Client":        {"reads.go": 1, "send.go": 1},
		"makes http.Transport":     {"reads.go": 1, "send.go": 1},
		"makes net.Dialer":         {"reads.go": 1, "send.go": 1},
		"calls Do":                 {"reads.go": 1, "send.go": 1},
		"the address of transfers": {"send.go": 1},
		"POST":                     {"client.go": 1, "send.go": 1}, // client.go checks Config.Method
		"uses the reads' client":   {"client.go": 1, "reads.go": 1},
		"calls send":               {"send.go": 1},
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("(-allowed +found):\n%s", diff)
	}
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
