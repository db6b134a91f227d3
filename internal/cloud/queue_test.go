package cloud_test

import (
	"testing"

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
