package functions_test

import (
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sectionsOf cuts a page at its third headings.
func sectionsOf(page string) map[string]string {
	found := map[string]string{}
	for _, part := range strings.Split(page, "\n### ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		text, _, _ = strings.Cut(text, "\n## ")
		found[name] = text
	}
	return found
}

var (
	alarmNames = regexp.MustCompile("`([A-Z][A-Za-z0-9]+Alarm)`")
	runbookRef = regexp.MustCompile(`Runbook, (.+)\.$`)
)

// Whoever gets an alarm finds its section: the alarm names it, and the section names the alarm, the line that it counts,
// and all that there is to know.
func TestEveryAlarmHasItsSection(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	sections := sectionsOf(readText(t, root+"/docs/runbook.md"))
	places := map[string][]string{}
	for heading, text := range sections {
		first, _, _ := strings.Cut(strings.TrimSpace(text), "\n\n")
		if !strings.HasPrefix(first, "Alarm") {
			continue
		}
		for _, name := range alarmNames.FindAllStringSubmatch(first, -1) {
			places[name[1]] = append(places[name[1]], heading)
		}
		for _, word := range []string{"Means", "Money", "Look", "Do", "Do not", "Over"} {
			if strings.Count(text, "\n- **"+word+"**: ") != 1 {
				t.Errorf("%q does not say once: %s", heading, word)
			}
		}
	}
	named := map[string][]string{}
	for name, a := range tm.of("AWS::CloudWatch::Alarm") {
		text, _ := at(a, "Properties", "AlarmDescription").(string)
		ref := runbookRef.FindStringSubmatch(text)
		if ref == nil {
			t.Errorf("%s names no section of the runbook: %q", name, text)
			continue
		}
		named[name] = []string{ref[1]}
	}
	if diff := cmp.Diff(named, places); diff != "" {
		t.Errorf("sections by alarm, -as the alarms say +as the runbook has them:\n%s", diff)
	}
	for name, filter := range tm.of("AWS::Logs::MetricFilter") {
		line, _ := at(filter, "Properties", "FilterPattern").(string)
		line = strings.TrimSuffix(strings.TrimPrefix(line, `{ $.msg = "`), `" }`)
		if metric := at(list(at(filter, "Properties", "MetricTransformations"))[0], "MetricName"); !isIn(sections, named, tm, metric, line) {
			t.Errorf("%s: the section of its alarm does not have the line %q", name, line)
		}
	}
}

// isIn reports whether the section of the alarm on a metric has a line.
func isIn(sections map[string]string, named map[string][]string, tm template, metric any, line string) bool {
	for name, a := range tm.of("AWS::CloudWatch::Alarm") {
		if at(a, "Properties", "MetricName") == metric {
			return len(named[name]) == 1 && strings.Contains(sections[named[name][0]], "`"+line+"`")
		}
	}
	return false
}

// pages lists the pages for operators.
func pages() []string {
	return []string{"README.md", "docs/runbook.md", "docs/threat-model.md", "docs/sandbox.md"}
}

// sources gives all of Go's sources of the project as one text.
func sources(t *testing.T, suffix string) string {
	t.Helper()
	var all strings.Builder
	for _, folder := range []string{"internal", "functions"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, suffix) {
				all.WriteString(readText(t, path))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// What the pages name is there: tests, resources, commands and places.
func TestWhatThePagesNameIsThere(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	tests, makefile := sources(t, "_test.go"), readText(t, root+"/Makefile")
	logged := sources(t, ".go")
	for _, page := range pages() {
		text := readText(t, root+"/"+page)
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`").FindAllStringSubmatch(text, -1) {
			if !strings.Contains(tests, "\nfunc "+name[1]+"(") {
				t.Errorf("%s names %s, which is no test", page, name[1])
			}
		}
		for _, name := range regexp.MustCompile("`([A-Z][A-Za-z]+(?:LogGroup|Queue|DeadLetters|Table|Function|Secret|Alarm))`").FindAllStringSubmatch(text, -1) {
			if tm.resources[name[1]] == nil {
				t.Errorf("%s names %s, which is no resource of the template", page, name[1])
			}
		}
		for _, name := range regexp.MustCompile("<([A-Z][A-Za-z]+(?:Arn|Name|Url))>").FindAllStringSubmatch(text, -1) {
			if tm.outputs[name[1]] == nil {
				t.Errorf("%s names %s, which is no output of the stack", page, name[1])
			}
		}
		for _, name := range regexp.MustCompile("(?m)(?:`|^)make ([a-z/._-]*[a-z])").FindAllStringSubmatch(text, -1) {
			if !strings.Contains(makefile, "\n"+name[1]+":") {
				t.Errorf("%s names make %s", page, name[1])
			}
		}
		for _, name := range regexp.MustCompile(`filter msg = "([^"]+)"`).FindAllStringSubmatch(text, -1) {
			if !strings.Contains(logged, `"`+name[1]+`"`) {
				t.Errorf("%s looks for the line %q, which nobody logs", page, name[1])
			}
		}
		for _, link := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(text, -1) {
			leads(t, page, link[1])
		}
	}
}

// leads fails when a link between the pages leads nowhere.
func leads(t *testing.T, page, link string) {
	t.Helper()
	if strings.HasPrefix(link, "https://") {
		return
	}
	file, anchor, _ := strings.Cut(link, "#")
	target := page
	if file != "" {
		target = filepath.Join(filepath.Dir(page), file)
	}
	text := readText(t, root+"/"+target)
	if anchor == "" {
		return
	}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		if strings.ReplaceAll(strings.Map(kept, strings.ToLower(heading[1])), " ", "-") == anchor {
			return
		}
	}
	t.Errorf("%s: nothing stands at %s", page, link)
}

// kept is what GitHub keeps of a heading in its anchor.
func kept(r rune) rune {
	if strings.ContainsRune("'’.,:;!?()/`", r) {
		return -1
	}
	return r
}

// The page about the sandbox explains each question that is asked, and each setting.
func TestThePageOfTheSandbox(t *testing.T) {
	t.Parallel()
	page := readText(t, root+"/docs/sandbox.md")
	asked := map[string]bool{}
	for line := range strings.SplitSeq(strings.TrimSpace(readText(t, root+"/internal/tango/contract/testdata/findings.golden")), "\n") {
		name, _, _ := strings.Cut(line, ":")
		asked[name] = name != "put-back" // which is no question
	}
	_, table, _ := strings.Cut(page, "\n## The questions\n")
	table, _, _ = strings.Cut(table, "\n\nThe suite is")
	told := map[string]bool{"put-back": false}
	for row := range strings.SplitSeq(table, "\n") {
		if cells := strings.Split(row, " | "); len(cells) == 3 {
			for _, name := range regexp.MustCompile("`([a-z0-9.-]+)`").FindAllStringSubmatch(cells[1], -1) {
				told[name[1]] = true
			}
		}
	}
	if diff := cmp.Diff(asked, told); diff != "" {
		t.Errorf("questions, -asked +told:\n%s", diff)
	}
	variables := func(text string) []string {
		found := map[string]bool{}
		for _, name := range regexp.MustCompile(`TANGO_[A-Z_]*[A-Z]`).FindAllString(text, -1) {
			found[name] = true
		}
		return slices.Sorted(maps.Keys(found))
	}
	if diff := cmp.Diff(variables(readText(t, root+"/internal/tango/contract/settings.go")), variables(page)); diff != "" {
		t.Errorf("settings, -read +told:\n%s", diff)
	}
}
