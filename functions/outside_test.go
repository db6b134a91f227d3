//go:build outside

package functions_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"github.com/tangobot/tangobot/internal/cloud/cloudtest"
)

// What make lays into the folder that SAM packs: one static binary for the template's processor, and the policy.
func TestMakeBuildsForLambda(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	command := exec.CommandContext(t.Context(), "make", "-C", root, "build-HomeFunction", "ARTIFACTS_DIR="+folder)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Fatalf("the folder holds %v, error %v, want bootstrap and policy.yaml", entries, err)
	}
	if readText(t, filepath.Join(folder, "policy.yaml")) != readText(t, root+"/policy.yaml") {
		t.Error("another policy is packed")
	}
	binary, err := elf.Open(filepath.Join(folder, "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = binary.Close() }() // only read
	if binary.Machine != elf.EM_AARCH64 {
		t.Errorf("built for %s", binary.Machine)
	}
	if libraries, err := binary.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("linked against %v, error %v", libraries, err)
	}
}

// The tables of the tests are those of the template, so what the tests show of keys and indexes holds in the cloud.
func TestTablesAreThoseOfTheTests(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	endpoint := cloudtest.Dynoxide(t)
	journal, idempotency := cloudtest.Tables(t, endpoint)
	for resource, table := range map[string]string{"JournalTable": journal, "IdempotencyTable": idempotency} {
		made, err := cloudtest.Client(endpoint).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		for _, a := range made.Table.AttributeDefinitions {
			got["attributes"] = append(got["attributes"], *a.AttributeName+" "+string(a.AttributeType))
		}
		for _, k := range made.Table.KeySchema {
			got["key"] = append(got["key"], *k.AttributeName+" "+string(k.KeyType))
		}
		for _, i := range made.Table.GlobalSecondaryIndexes {
			for _, k := range i.KeySchema {
				got[*i.IndexName] = append(got[*i.IndexName], *k.AttributeName+" "+string(k.KeyType))
			}
			got[*i.IndexName] = append(got[*i.IndexName], string(i.Projection.ProjectionType))
		}
		if diff := cmp.Diff(definitions(at(tm.resources[resource], "Properties")), got); diff != "" {
			t.Errorf("%s: -template +tests:\n%s", resource, diff)
		}
	}
}

func definitions(table any) map[string][]string {
	all := map[string][]string{}
	keys := func(v any) (parts []string) {
		for _, k := range list(v) {
			parts = append(parts, at(k, "AttributeName").(string)+" "+at(k, "KeyType").(string))
		}
		return parts
	}
	for _, a := range list(at(table, "AttributeDefinitions")) {
		all["attributes"] = append(all["attributes"], at(a, "AttributeName").(string)+" "+at(a, "AttributeType").(string))
	}
	all["key"] = keys(at(table, "KeySchema"))
	for _, i := range list(at(table, "GlobalSecondaryIndexes")) {
		all[at(i, "IndexName").(string)] = append(keys(at(i, "KeySchema")), at(i, "Projection", "ProjectionType").(string))
	}
	return all
}
