//go:build outside

package treasury_test

import (
	"testing"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/cloud/cloudtest"
	"github.com/tangobot/tangobot/internal/treasury"
)

// inTables starts a DynamoDB emulator, in which each journal has a table.
func inTables(t *testing.T) opener {
	t.Helper()
	endpoint := cloudtest.Dynoxide(t)
	aws := cloud.Connect(cloud.AWSSettings{
		Region: cloudtest.Region, AccessKeyID: cloudtest.AccessKey, SecretAccessKey: treasury.NewSecret(cloudtest.SecretKey), DynamoDB: endpoint,
	}, cloud.Work)
	return func(t *testing.T, _ *clock) treasury.Journal {
		t.Helper()
		table, _ := cloudtest.Tables(t, endpoint)
		return aws.Journal(table)
	}
}

func TestStormInTheCloud(t *testing.T) {
	t.Parallel()
	batches(t, inTables, storm)
}

func TestStormOnADoubtInTheCloud(t *testing.T) {
	t.Parallel()
	batches(t, inTables, stormDoubt)
}
