package cloud_test

import (
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/cloud/cloudtest"
	"github.com/tangobot/tangobot/internal/treasury"
	"github.com/tangobot/tangobot/internal/treasury/journaltest"
)

// connect reaches DynamoDB at the endpoint.
func connect(endpoint string, p cloud.Patience) cloud.AWS {
	return cloud.Connect(cloud.AWSSettings{
		Region: cloudtest.Region, AccessKeyID: cloudtest.AccessKey, SecretAccessKey: treasury.NewSecret(cloudtest.SecretKey),
		DynamoDB: endpoint, SQS: endpoint, SecretsManager: endpoint,
	}, p)
}

func TestJournal(t *testing.T) {
	t.Parallel()
	endpoint := cloudtest.Dynoxide(t)
	journaltest.Journal(t, func(t *testing.T) treasury.Journal {
		t.Helper()
		table, _ := cloudtest.Tables(t, endpoint)
		return connect(endpoint, cloud.Work).Journal(table)
	})
}

func TestClaims(t *testing.T) {
	t.Parallel()
	endpoint := cloudtest.Dynoxide(t)
	journaltest.Claims(t, func(t *testing.T, clock func() time.Time) treasury.Claims {
		t.Helper()
		_, table := cloudtest.Tables(t, endpoint)
		return connect(endpoint, cloud.Work).Claims(table, clock)
	})
}

func TestPacer(t *testing.T) {
	t.Parallel()
	endpoint := cloudtest.Dynoxide(t)
	journaltest.Pacer(t, func(t *testing.T, interval time.Duration) treasury.Pacer {
		t.Helper()
		_, table := cloudtest.Tables(t, endpoint)
		return connect(endpoint, cloud.Work).Pacer(table, "tango", interval, time.Now)
	})
}

func TestQueue(t *testing.T) {
	t.Parallel()
	stub := cloudtest.NewSQS(t)
	journaltest.Queue(t, func(*testing.T) (treasury.Queue, func() [][]byte) {
		return connect(stub.Endpoint, cloud.Work).Queue(stub.QueueURL("money")), func() (bodies [][]byte) {
			for _, m := range stub.Messages() {
				bodies = append(bodies, []byte(m.Body))
			}
			return bodies
		}
	})
	delays := []int{}
	for _, m := range stub.Messages() {
		delays = append(delays, m.DelaySeconds)
	}
	if len(delays) != 3 || delays[0] != 0 || delays[1] != 900 || delays[2] != 1 {
		t.Errorf("delays %v, want 0, 900 and 1 (rounded up)", delays)
	}
}
