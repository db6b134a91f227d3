package cloud

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Journal is treasury.Journal on a DynamoDB table with the two indexes by-state and by-owner. A commit of one write is
// one conditional UpdateItem, of more one TransactWriteItems.
type Journal struct {
	client   *dynamodb.Client
	table    string
	patience Patience
}

// Journal opens the journal table.
func (a AWS) Journal(table string) *Journal {
	return &Journal{client: a.dynamo(), table: table, patience: a.patience}
}

// Warm makes one cheap signed call, so that TLS and DynamoDB's door are open before the first event.
func (j *Journal) Warm(ctx context.Context) error {
	_, err := j.Get(ctx, "WARM")
	return err
}

// Get reads records consistently, in the order of the keys.
func (j *Journal) Get(ctx context.Context, keys ...string) ([]treasury.Record, error) {
	for _, key := range keys {
		if !isName(key, maxKey) {
			return nil, fmt.Errorf("key %q: %w", key, treasury.ErrInvalid)
		}
	}
	rows, err := j.rows(ctx, keys)
	if err != nil {
		return nil, err
	}
	records := make([]treasury.Record, len(keys))
	for i, key := range keys {
		if records[i], err = recordOf(rows[key]); err != nil {
			return nil, err
		}
		records[i].Key = key
	}
	return records, nil
}

// rows reads rows consistently; those that do not exist are left out.
func (j *Journal) rows(ctx context.Context, keys []string) (map[string]item, error) {
	if len(keys) == 1 {
		out, err := j.client.GetItem(ctx, &dynamodb.GetItemInput{
			TableName: &j.table, Key: keyOf(keys[0]), ConsistentRead: new(true),
		})
		if err != nil {
			return nil, unavailable("reading "+keys[0], err)
		}
		return map[string]item{keys[0]: out.Item}, nil
	}
	rows := make(map[string]item, len(keys))
	distinct := slices.Compact(slices.Sorted(slices.Values(keys)))
	const atOnce = 100 // BatchGetItem's limit
	for chunk := range slices.Chunk(distinct, atOnce) {
		if err := j.batch(ctx, chunk, rows); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// batch reads up to 100 rows. DynamoDB leaves keys over when it is short of capacity, or when an answer would be larger
// than 16 MB; they are asked for again.
func (j *Journal) batch(ctx context.Context, keys []string, rows map[string]item) error {
	ask := types.KeysAndAttributes{ConsistentRead: new(true)}
	for _, key := range keys {
		ask.Keys = append(ask.Keys, keyOf(key))
	}
	const idleTries = 6
	for idle := 0; len(ask.Keys) > 0; {
		out, err := j.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{j.table: ask},
		})
		if err != nil {
			return unavailable(fmt.Sprintf("reading %d records", len(ask.Keys)), err)
		}
		for _, row := range out.Responses[j.table] {
			rows[text(row, attrKey)] = row
		}
		left := out.UnprocessedKeys[j.table].Keys
		if len(left) == len(ask.Keys) {
			if idle++; idle == idleTries || !pause(ctx, backoff(idle, j.patience.pause())) {
				return fmt.Errorf("reading %d records: DynamoDB left them all over: %w", len(left), treasury.ErrUnavailable)
			}
		}
		ask.Keys = left
	}
	return nil
}

// backoff doubles from 25 ms up to a limit.
func backoff(try int, limit time.Duration) time.Duration {
	return min(25*time.Millisecond<<min(try, 10), limit)
}

// List reads one page of a list. It asks for one record more than the page holds, to know whether it is the last.
func (j *Journal) List(ctx context.Context, q treasury.Listing) ([]treasury.Record, string, error) {
	if err := checkListing(q); err != nil {
		return nil, "", err
	}
	start, err := startKey(q)
	if err != nil {
		return nil, "", err
	}
	list, sort := indexAttributes(q.Index)
	var records []treasury.Record
	var sorts []string
	for {
		out, err := j.client.Query(ctx, &dynamodb.QueryInput{
			TableName: &j.table, IndexName: new(string(q.Index)),
			KeyConditionExpression:    new(list + " = :list"),
			ExpressionAttributeValues: item{":list": stringValue(q.Key)},
			ScanIndexForward:          new(!q.Reverse),
			Limit:                     new(int32(q.Limit + 1 - len(records))), //nolint:gosec // 1 to 201
			ExclusiveStartKey:         start,
		})
		if err != nil {
			return nil, "", unavailable("listing "+q.Key, err)
		}
		for _, row := range out.Items {
			r, err := recordOf(row)
			if err != nil {
				return nil, "", err
			}
			records, sorts = append(records, r), append(sorts, text(row, sort))
		}
		if len(records) > q.Limit {
			return records[:q.Limit], base64.RawURLEncoding.EncodeToString([]byte(sorts[q.Limit-1])), nil
		}
		if start = out.LastEvaluatedKey; len(start) == 0 {
			return records, "", nil
		}
	}
}

// startKey turns a cursor, which is the sort attribute of the last record seen, into DynamoDB's own.
func startKey(q treasury.Listing) (item, error) {
	if q.Cursor == "" {
		return nil, nil //nolint:nilnil // no cursor, no start
	}
	sorted, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	_, key, ok := strings.Cut(string(sorted), separator)
	if err != nil || !ok || !isName(key, maxKey) {
		return nil, fmt.Errorf("cursor %q: %w", q.Cursor, treasury.ErrInvalid)
	}
	list, sort := indexAttributes(q.Index)
	return item{list: stringValue(q.Key), sort: stringValue(string(sorted)), attrKey: stringValue(key)}, nil
}

// unavailable keeps AWS's error for the log and names its kind for the caller.
func unavailable(doing string, err error) error {
	return fmt.Errorf("%s: %w: %w", doing, treasury.ErrUnavailable, err)
}
