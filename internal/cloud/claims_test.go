//go:build outside

package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/cloud/cloudtest"
	"github.com/tangobot/tangobot/internal/treasury"
)

// A delivery whose claim was made but whose answer was lost is still the first one: the SDK's retry must not make a
// duplicate of it, or nobody would handle it.
func TestFirstRecognisesItsOwnClaim(t *testing.T) {
	t.Parallel()
	p, _, table := faulty(t)
	c := connect(p.endpoint, cloud.Ack).Claims(table, time.Now)
	for _, f := range []fault{dropAfter, errorAfter, dropBefore, errorBefore, pageAfter, throttled, hangAfter} {
		key := fmt.Sprint("key", f)
		p.play(none, f)
		if first, err := c.First(t.Context(), key, time.Hour); err != nil || !first {
			t.Errorf("fault %d: first %t, error %v", f, first, err)
		}
		if first, err := c.First(t.Context(), key, time.Hour); err != nil || first {
			t.Errorf("fault %d, a second time: first %t, error %v", f, first, err)
		}
	}
	p.play(errorBefore)
	if first, err := c.First(t.Context(), "x", time.Hour); first || !errors.Is(err, treasury.ErrUnavailable) {
		t.Errorf("without an answer: first %t, error %v", first, err)
	}
}

// The table's TTL deletes by the attribute until, in Unix seconds.
func TestClaimsCarryTheirTTL(t *testing.T) {
	t.Parallel()
	endpoint := cloudtest.Dynoxide(t)
	_, table := cloudtest.Tables(t, endpoint)
	now := time.Unix(1_800_000_000, 1)
	c := connect(endpoint, cloud.Ack).Claims(table, func() time.Time { return now })
	if _, err := c.First(t.Context(), "k", time.Minute); err != nil {
		t.Fatal(err)
	}
	out, err := cloudtest.Client(endpoint).Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil || len(out.Items) != 1 {
		t.Fatalf("%d rows, error %v", len(out.Items), err)
	}
	until, ok := out.Items[0]["until"].(*types.AttributeValueMemberN)
	if !ok || until.Value != "1800000061" {
		t.Errorf("until is %+v, want 1800000061", out.Items[0]["until"])
	}
}

// Two functions share the pace through the table; a lost answer costs a slot, not the pace.
func TestPacersShareTheTable(t *testing.T) {
	t.Parallel()
	p, _, table := faulty(t)
	now := time.Now()
	clock := func() time.Time { return now }
	pacer := func() treasury.Pacer {
		return connect(p.endpoint, cloud.Ack).Pacer(table, "tango", time.Millisecond, clock)
	}
	p.play(none, none, dropAfter)
	for i := range 4 {
		if err := pacer().Wait(t.Context()); err != nil {
			t.Fatalf("call %d: %v", i+1, err)
		}
	}
	p.play(none)
	out, err := cloudtest.Client(p.target).Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil || len(out.Items) != 1 {
		t.Fatalf("%d rows, error %v", len(out.Items), err)
	}
	at, ok := out.Items[0]["at"].(*types.AttributeValueMemberN)
	if want := fmt.Sprint(now.UnixMilli() + 3); !ok || at.Value < want {
		t.Errorf("the last slot of four is %+v, want %s or later", out.Items[0]["at"], want)
	}
	p.play(throttled)
	if err := pacer().Wait(t.Context()); !errors.Is(err, treasury.ErrUnavailable) {
		t.Errorf("without DynamoDB: got error %v, want ErrUnavailable", err)
	}
}

// Between seeing the last slot and taking the next one, another caller takes it. The slot behind that would be after the
// deadline, so it must not be taken.
func TestPacerTakesNoSlotBehindTheDeadline(t *testing.T) {
	t.Parallel()
	p, _, table := faulty(t)
	const interval = 20 * time.Second
	pacer := connect(p.endpoint, cloud.Work).Pacer(table, "tango", interval, time.Now)
	if err := pacer.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	taken := false
	p.mu.Lock()
	p.rewrite = func(_ string, fields map[string]any) {
		if expression, _ := fields["UpdateExpression"].(string); taken || !strings.Contains(expression, "#at + :interval") {
			return
		}
		taken = true
		_, err := cloudtest.Client(p.target).UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &table, Key: map[string]types.AttributeValue{"k": &types.AttributeValueMemberS{Value: "pace#tango"}},
			UpdateExpression:          new("SET #at = #at + :interval"),
			ExpressionAttributeNames:  map[string]string{"#at": "at"},
			ExpressionAttributeValues: map[string]types.AttributeValue{":interval": &types.AttributeValueMemberN{Value: "20000"}},
		})
		if err != nil {
			t.Error(err)
		}
	}
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), interval*3/2)
	defer cancel()
	if err := pacer.Wait(ctx); !errors.Is(err, treasury.ErrBusy) || !taken {
		t.Errorf("got error %v, want ErrBusy; the other caller came in between: %t", err, taken)
	}
}
