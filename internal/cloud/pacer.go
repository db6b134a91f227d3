package cloud

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Pacer holds all functions together below one call per interval: each call reserves the next free slot in one row of
// the idempotency table (at: Unix milliseconds of the last slot given out) and waits for it.
//
// A slot is lost when its caller gives up while waiting, or when the answer to the reservation was lost and it is made
// again. That costs time and never the pace. A clock that runs ahead pushes the slots ahead by as much, once.
type Pacer struct {
	client   *dynamodb.Client
	table    string
	row      string
	interval time.Duration
	clock    func() time.Time
}

// Pacer opens the pacer of a name on the idempotency table.
func (a AWS) Pacer(table, name string, interval time.Duration, clock func() time.Time) *Pacer {
	return &Pacer{client: a.dynamo(), table: table, row: "pace#" + name, interval: interval, clock: clock}
}

// Wait reserves a slot and waits for it. It fails with treasury.ErrBusy, and takes no slot, when the next one is not
// before ctx's deadline.
func (p *Pacer) Wait(ctx context.Context) error {
	slot, err := p.reserve(ctx)
	if err != nil {
		return err
	}
	if wait := slot.Sub(p.clock()); wait > 0 && !pause(ctx, wait) {
		return fmt.Errorf("waiting for the pace: %w", context.Cause(ctx))
	}
	return nil
}

// reserve takes the present moment when the last slot is an interval ago, else the slot behind the last one. Both are
// conditional, so that callers at the same time get one after the other.
func (p *Pacer) reserve(ctx context.Context) (time.Time, error) {
	const tries = 5 // a row that fits neither has changed in between
	for range tries {
		now := p.clock()
		slot, last, err := p.takeNow(ctx, now)
		if err != nil || !slot.IsZero() {
			return slot, err
		}
		bound := last.Add(24 * time.Hour)
		if deadline, ok := ctx.Deadline(); ok {
			bound = deadline.Add(-p.interval)
		}
		if last.After(bound) {
			return time.Time{}, fmt.Errorf("the next slot is behind the deadline: %w", treasury.ErrBusy)
		}
		slot, err = p.takeNext(ctx, now, bound)
		if err != nil || !slot.IsZero() {
			return slot, err
		}
	}
	return time.Time{}, fmt.Errorf("no slot in %d tries: %w", tries, treasury.ErrBusy)
}

// takeNow takes the present moment if it is free; else it gives the zero time, and the last slot given out.
func (p *Pacer) takeNow(ctx context.Context, now time.Time) (slot, last time.Time, err error) {
	row, ok, err := p.update(ctx, now, "#at = :now", "attribute_not_exists(#at) OR #at <= :free", item{
		":now":  numberValue(now.UnixMilli()),
		":free": numberValue(now.Add(-p.interval).UnixMilli()),
	})
	if err != nil {
		return time.Time{}, time.Time{}, err
	}
	if last, err = slotOf(row); err != nil {
		return time.Time{}, time.Time{}, err
	}
	if ok {
		return last, last, nil
	}
	return time.Time{}, last, nil
}

// takeNext takes the slot behind the last one, while that one is not after bound; else it gives the zero time.
func (p *Pacer) takeNext(ctx context.Context, now, bound time.Time) (time.Time, error) {
	row, ok, err := p.update(ctx, now, "#at = #at + :interval", "#at > :free AND #at <= :bound", item{
		":interval": numberValue(p.interval.Milliseconds()),
		":free":     numberValue(now.Add(-p.interval).UnixMilli()),
		":bound":    numberValue(bound.UnixMilli()),
	})
	if err != nil || !ok {
		return time.Time{}, err
	}
	return slotOf(row)
}

// update changes the row and gives it as it then is, or with ok false as it is because the condition does not hold.
func (p *Pacer) update(ctx context.Context, now time.Time, set, conditional string, values item) (row item, ok bool, err error) {
	values[":until"] = numberValue(now.Add(24 * time.Hour).Unix()) // a row that TTL takes away is an idle pacer's
	out, err := p.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &p.table, Key: keyOf(p.row),
		UpdateExpression:                    new("SET #until = :until, " + set),
		ConditionExpression:                 &conditional,
		ExpressionAttributeNames:            map[string]string{"#at": "at", "#until": "until"},
		ExpressionAttributeValues:           values,
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if failed, isFailed := errors.AsType[*types.ConditionalCheckFailedException](err); isFailed {
		return failed.Item, false, nil
	}
	if err != nil {
		return nil, false, unavailable("reserving a slot", err)
	}
	return out.Attributes, true, nil
}

func slotOf(row item) (time.Time, error) {
	n, ok := row["at"].(*types.AttributeValueMemberN)
	if !ok {
		return time.Time{}, fmt.Errorf("the pacer's row has no slot: %w", treasury.ErrUnavailable)
	}
	milliseconds, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("the pacer's slot: %w: %w", treasury.ErrUnavailable, err)
	}
	return time.UnixMilli(milliseconds), nil
}
