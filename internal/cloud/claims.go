package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Claims is treasury.Claims on the idempotency table: key k, the claim's end in until (N, Unix seconds, also the table's
// TTL attribute) and the id of the call that made it in w.
type Claims struct {
	client *dynamodb.Client
	table  string
	clock  func() time.Time
}

// Claims opens the idempotency table.
func (a AWS) Claims(table string, clock func() time.Time) *Claims {
	return &Claims{client: a.dynamo(), table: table, clock: clock}
}

// First claims key for ttl, rounded up to the second. A claim is over by comparison of times in the condition: DynamoDB
// deletes rows days after their TTL. The claim's id tells a retry of this call from another call.
func (c *Claims) First(ctx context.Context, key string, ttl time.Duration) (bool, error) {
	if !isName(key, maxKey) || ttl <= 0 {
		return false, fmt.Errorf("claiming %q for %s: %w", key, ttl, treasury.ErrInvalid)
	}
	now := c.clock()
	until := now.Add(ttl + time.Second - time.Nanosecond).Unix()
	id := treasury.NewWriteID()
	_, err := c.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &c.table,
		Item: item{
			attrKey: stringValue("claim#" + key),
			"until": numberValue(until),
			"w":     stringValue(id),
		},
		ConditionExpression:                 new("attribute_not_exists(k) OR #until <= :now"),
		ExpressionAttributeNames:            map[string]string{"#until": "until"},
		ExpressionAttributeValues:           item{":now": numberValue(now.Unix())},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if taken, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return text(taken.Item, "w") == id, nil
	}
	if err != nil {
		return false, unavailable("claiming "+key, err)
	}
	return true, nil
}
