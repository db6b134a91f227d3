package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Queue is treasury.Queue on SQS.
type Queue struct {
	client *sqs.Client
	url    string
}

// Queue opens a queue by its address.
func (a AWS) Queue(url string) *Queue { return &Queue{client: a.sqs(), url: url} }

// maxJob is the largest body in bytes, kept at what every queue takes.
const maxJob = 256 << 10

// Send queues a job. The delay is rounded up to the second. A retry after a lost answer may queue the job twice, as a
// queue that delivers at least once may at any time.
func (q *Queue) Send(ctx context.Context, body []byte, delay time.Duration) error {
	if delay < 0 || delay > treasury.MaxDelay {
		return fmt.Errorf("a delay of %s: %w", delay, treasury.ErrInvalid)
	}
	if len(body) == 0 || len(body) > maxJob || !utf8.Valid(body) {
		return fmt.Errorf("a job of %d bytes, which must be text: %w", len(body), treasury.ErrInvalid)
	}
	seconds := int32((delay + time.Second - 1) / time.Second)
	_, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &q.url, MessageBody: new(string(body)), DelaySeconds: seconds,
	})
	if err != nil {
		return unavailable("queueing a job", err)
	}
	return nil
}

// Warm makes one cheap signed call. That SQS refuses it is as good: the connection is open then.
func (q *Queue) Warm(ctx context.Context) error {
	_, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if _, answered := errors.AsType[smithy.APIError](err); answered || err == nil {
		return nil
	}
	return unavailable("reaching the queue", err)
}
