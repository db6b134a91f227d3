package functions_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Where the tests find what they hold together.
const (
	root         = ".."
	templateFile = root + "/template.yaml"
)

// template is template.yaml. CloudFormation's short forms are written out: !Ref x is {"Ref": "x"}.
type template struct {
	parameters map[string]any
	resources  map[string]any
	outputs    map[string]any
	globals    map[string]any // those of functions
}

func readTemplate(t *testing.T) template {
	t.Helper()
	whole := readYAML(t, templateFile)
	return template{
		parameters: fields(whole["Parameters"]), resources: fields(whole["Resources"]), outputs: fields(whole["Outputs"]),
		globals: fields(at(whole, "Globals", "Function")),
	}
}

func readYAML(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Docs) != 1 {
		t.Fatalf("%s has %d documents, want 1", name, len(file.Docs))
	}
	return fields(plain(t, file.Docs[0].Body))
}

// plain turns a node into maps, lists, texts, numbers and truth values. It knows no anchors: CloudFormation takes none.
func plain(t *testing.T, node ast.Node) any {
	t.Helper()
	switch n := node.(type) {
	case *ast.MappingNode:
		m := map[string]any{}
		for _, value := range n.Values {
			key := value.Key.GetToken().Value
			if _, twice := m[key]; twice {
				t.Errorf("line %d: %s stands twice", value.Key.GetToken().Position.Line, key)
			}
			m[key] = plain(t, value.Value)
		}
		return m
	case *ast.SequenceNode:
		list := []any{}
		for _, value := range n.Values {
			list = append(list, plain(t, value))
		}
		return list
	case *ast.TagNode:
		name := strings.TrimPrefix(n.Start.Value, "!")
		value := plain(t, n.Value)
		if name == "GetAtt" {
			value = strings.Join(strings.SplitN(value.(string), ".", 2), ".")
		}
		if name != "Ref" && name != "Condition" {
			name = "Fn::" + name
		}
		return map[string]any{name: value}
	case *ast.LiteralNode:
		return n.Value.Value
	case ast.ScalarNode:
		return n.GetValue()
	}
	t.Fatalf("line %d: a node of type %T", node.GetToken().Position.Line, node)
	return nil
}

// at follows a path of names; nil where it ends early.
func at(v any, path ...string) any {
	for _, name := range path {
		v = fields(v)[name]
	}
	return v
}

func fields(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// list gives the elements of a list, or the one value that stands without brackets.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func texts(v any) []string {
	var all []string
	for _, e := range list(v) {
		all = append(all, fmt.Sprint(e))
	}
	return all
}

// number gives a whole number, or -1.
func number(v any) int {
	switch v := v.(type) {
	case int:
		return v
	case int64:
		return int(v)
	case uint64:
		return int(v)
	}
	return -1
}

// of lists the resources of a type by name.
func (tm template) of(kind string) map[string]map[string]any {
	found := map[string]map[string]any{}
	for name, resource := range tm.resources {
		if at(resource, "Type") == kind {
			found[name] = fields(resource)
		}
	}
	return found
}

func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// property gives a function's property, or the one that all functions share.
func (tm template) property(function string, path ...string) any {
	if v := at(tm.resources[function], append([]string{"Properties"}, path...)...); v != nil {
		return v
	}
	return at(tm.globals, path...)
}

// environment gives the variables that a function gets in a stage, as they reach the process.
func (tm template) environment(t *testing.T, function, stage string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, source := range []any{tm.globals, at(tm.resources[function], "Properties")} {
		for name, value := range fields(at(source, "Environment", "Variables")) {
			all[name] = tm.value(t, value, stage)
		}
	}
	return all
}

// value resolves what CloudFormation would, with names and numbers as AWS forms them.
func (tm template) value(t *testing.T, v any, stage string) string {
	t.Helper()
	if text, ok := v.(string); ok {
		return text
	}
	if choice, ok := at(v, "Fn::If").([]any); ok && choice[0] == "IsProd" {
		if stage == "prod" {
			return tm.value(t, choice[1], stage)
		}
		return tm.value(t, choice[2], stage)
	}
	if text, ok := at(v, "Fn::Sub").(string); ok {
		text = strings.NewReplacer("${Api}", "abc123def4", "${AWS::Region}", "eu-west-1", "${AWS::URLSuffix}", "amazonaws.com").Replace(text)
		if !strings.Contains(text, "${") {
			return text
		}
	}
	name, _ := at(v, "Ref").(string)
	switch at(tm.resources[name], "Type") {
	case "AWS::DynamoDB::Table":
		return "tangobot-" + stage + "-" + name + "-1ABCDEF"
	case "AWS::SQS::Queue":
		return "https://sqs.eu-west-1.amazonaws.com/123456789012/tangobot-" + stage + "-" + name + "-1ABCDEF"
	case "AWS::SecretsManager::Secret":
		return "arn:aws:secretsmanager:eu-west-1:123456789012:secret:" + name + "-1ABCDEF-AbCdEf"
	}
	t.Fatalf("cannot resolve %v", v)
	return ""
}

// refers reports whether v is a !Ref or !GetAtt of a resource.
func refers(v any, name string) bool {
	attribute, _ := at(v, "Fn::GetAtt").(string)
	return at(v, "Ref") == name || strings.HasPrefix(attribute, name+".")
}

const functionType = "AWS::Serverless::Function"

// short is a function's name without the word: Commands of CommandsFunction.
func short(function string) string { return strings.TrimSuffix(function, "Function") }

// folder is where a function's main lies.
func folder(function string) string { return strings.ToLower(short(function)) }
