package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tangobot/tangobot/internal/treasury"
)

// outcome is what one try at a commit came to.
type outcome int

const (
	applied outcome = iota
	conflict
	forgot  // a row moved on so far that it cannot tell whether this commit was part of it
	busy    // certainly nothing written; may be tried again
	refused // certainly nothing written; trying again is no use
	unknown // may have been written, or may still be
)

// commitTries bounds the tries of one commit.
const commitTries = 4

// Commit writes all or nothing. The SDK's own retries are off for it: what must be known after a lost answer is that
// there was one, and the SDK does not tell.
func (j *Journal) Commit(ctx context.Context, id string, writes ...treasury.Write) error {
	if err := checkCommit(id, writes); err != nil {
		return err
	}
	var err error
	doubt, doubts := false, 0 // whether an earlier try may have been applied
	for try := range commitTries {
		if try > 0 && !pause(ctx, backoff(try, j.patience.pause())) {
			break
		}
		var came outcome
		came, err = j.judge(ctx, j.send(ctx, id, writes), id, writes)
		switch came {
		case applied:
			return nil
		case conflict:
			return err
		case forgot:
			if !doubt {
				return err
			}
			return fmt.Errorf("too much was written since to tell whether a commit was applied: %w", treasury.ErrUnavailable)
		case refused:
			if !doubt {
				return err
			}
		case busy:
			continue
		case unknown:
			doubt = true
			doubts++
		}
		if came == refused || doubts >= j.patience.attempts() {
			break
		}
	}
	if !doubt {
		return err
	}
	return j.readBack(ctx, err, id, writes)
}

// send makes one try.
func (j *Journal) send(ctx context.Context, id string, writes []treasury.Write) error {
	once := func(o *dynamodb.Options) { o.RetryMaxAttempts = 1 }
	all := types.ReturnValuesOnConditionCheckFailureAllOld
	if len(writes) == 1 && !writes[0].Check {
		expression, conditional, values := update(writes[0], id)
		_, err := j.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &j.table, Key: keyOf(writes[0].Key),
			UpdateExpression: &expression, ConditionExpression: &conditional, ExpressionAttributeValues: values,
			ReturnValuesOnConditionCheckFailure: all,
		}, once)
		return err
	}
	actions := make([]types.TransactWriteItem, len(writes))
	for i, w := range writes {
		if w.Check {
			conditional, values := condition(w)
			if len(values) == 0 {
				values = nil // DynamoDB refuses an empty set of values
			}
			actions[i].ConditionCheck = &types.ConditionCheck{
				TableName: &j.table, Key: keyOf(w.Key), ConditionExpression: &conditional, ExpressionAttributeValues: values,
				ReturnValuesOnConditionCheckFailure: all,
			}
			continue
		}
		expression, conditional, values := update(w, id)
		actions[i].Update = &types.Update{
			TableName: &j.table, Key: keyOf(w.Key),
			UpdateExpression: &expression, ConditionExpression: &conditional, ExpressionAttributeValues: values,
			ReturnValuesOnConditionCheckFailure: all,
		}
	}
	_, err := j.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: actions, ClientRequestToken: new(token(id)),
	}, once)
	return err
}

// token is the commit's id as DynamoDB takes it, at most 36 characters. For ten minutes DynamoDB answers a repeated
// token with the first outcome.
func token(id string) string {
	if len(id) <= 36 {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// judge says what the answer to one try means.
func (j *Journal) judge(ctx context.Context, err error, id string, writes []treasury.Write) (outcome, error) {
	if err == nil {
		return applied, nil
	}
	if ctx.Err() != nil {
		return unknown, unavailable("committing", err)
	}
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return judgeRows(map[int]item{0: failed.Item}, id, writes)
	}
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return j.judgeReasons(ctx, cancelled, id, writes)
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return unknown, unavailable("committing", err)
	}
	switch api.ErrorCode() {
	case "ProvisionedThroughputExceededException", "ThrottlingException", "Throttling", "RequestLimitExceeded",
		"TransactionConflictException", "ReplicatedWriteConflictException":
		return busy, unavailable("committing", err)
	case "TransactionInProgressException": // an earlier try of this very commit is still under way
		return unknown, unavailable("committing", err)
	case "IdempotentParameterMismatchException", "ValidationException", "ItemCollectionSizeLimitExceededException":
		return refused, fmt.Errorf("committing: %w: %w", treasury.ErrInvalid, err)
	}
	if api.ErrorFault() == smithy.FaultServer || !isClientError(err) {
		return unknown, unavailable("committing", err)
	}
	return refused, unavailable("committing", err)
}

// judgeReasons reads why a transaction was cancelled. Cancelled means that this try wrote nothing; an earlier one may
// have, and then the rows tell.
func (j *Journal) judgeReasons(
	ctx context.Context, cancelled *types.TransactionCanceledException, id string, writes []treasury.Write,
) (outcome, error) {
	rows := map[int]item{}
	checkFailed := false
	for i, reason := range cancelled.CancellationReasons {
		if reason.Code == nil || i >= len(writes) {
			continue
		}
		switch *reason.Code {
		case "", "None":
		case "ConditionalCheckFailed":
			if writes[i].Check {
				checkFailed = true
			} else {
				rows[i] = reason.Item
			}
		case "TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError", "ThrottlingException":
			return busy, unavailable("committing", cancelled)
		default:
			return refused, fmt.Errorf("committing: %w: %w", treasury.ErrInvalid, cancelled)
		}
	}
	if len(rows) == 0 && !checkFailed {
		return unknown, unavailable("committing", cancelled)
	}
	if len(rows) == 0 {
		// Checks alone failed, perhaps after an earlier try of this commit was applied: the rows it writes know.
		read, err := j.written(ctx, writes)
		if err != nil {
			return unknown, err
		}
		rows = read
	}
	return judgeRows(rows, id, writes)
}

// judgeRows says whose the rows are, after a condition failed. A commit is one: a single row that is ours makes all ours.
func judgeRows(rows map[int]item, id string, writes []treasury.Write) (outcome, error) {
	came, first := conflict, true
	for i, row := range rows {
		who, err := whose(row, writes[i], id)
		if err != nil {
			return refused, err
		}
		switch who {
		case ours:
			return applied, nil
		case forgotten:
			if first {
				came = forgot
			}
		case others, notWritten:
			came = conflict // certainly not applied, whatever the other rows have forgotten
			first = false
		}
	}
	return came, fmt.Errorf("committing %d writes: %w", len(writes), treasury.ErrConflict)
}

// written reads the rows that the commit writes, by the write's position.
func (j *Journal) written(ctx context.Context, writes []treasury.Write) (map[int]item, error) {
	var keys []string
	for _, w := range writes {
		if !w.Check {
			keys = append(keys, w.Key)
		}
	}
	rows := map[int]item{}
	if len(keys) == 0 {
		return rows, nil
	}
	read, err := j.rows(ctx, keys)
	if err != nil {
		return nil, err
	}
	for i, w := range writes {
		if !w.Check {
			rows[i] = read[w.Key]
		}
	}
	return rows, nil
}

// readBack settles a commit whose answers were lost, if the rows can. cause is the last error.
func (j *Journal) readBack(ctx context.Context, cause error, id string, writes []treasury.Write) error {
	rows, err := j.written(ctx, writes)
	if err != nil {
		return fmt.Errorf("%w; reading back: %w", cause, err)
	}
	for i, row := range rows {
		who, err := whose(row, writes[i], id)
		if err != nil {
			return err
		}
		switch who {
		case ours:
			return nil
		case others:
			return fmt.Errorf("committing %d writes: %w", len(writes), treasury.ErrConflict)
		case notWritten, forgotten: // a lost try may still arrive, or may have been overwritten
		}
	}
	return fmt.Errorf("the outcome of a commit is not known: %w", cause)
}

// isClientError reports whether AWS answered that the request itself is at fault. A proxy's page or a cut answer is not
// that.
func isClientError(err error) bool {
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && answer.HTTPStatusCode() >= 400 && answer.HTTPStatusCode() < 500
}
