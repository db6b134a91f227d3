package cloudtest

import (
	"crypto/rand"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Credentials that the emulator and the stubs take; they take any.
const (
	Region    = "eu-west-1"
	AccessKey = "AKIDTEST"
	SecretKey = "canary-secret-access-key-83d0"
)

// Client makes a DynamoDB client for looking into the emulator's tables.
func Client(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: Region, BaseEndpoint: &endpoint, HTTPClient: &http.Client{Timeout: 10 * time.Second},
		Credentials: aws.CredentialsProviderFunc(credentials),
	})
}

// Tables makes a journal and an idempotency table of fresh names, with the keys and indexes that template.yaml gives
// them.
func Tables(tb testing.TB, endpoint string) (journal, idempotency string) {
	tb.Helper()
	journal, idempotency = "journal-"+rand.Text(), "idempotency-"+rand.Text()
	create(tb, endpoint, &dynamodb.CreateTableInput{
		TableName:   &journal,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			stringAttribute("k"), stringAttribute("s1"), stringAttribute("s1k"), stringAttribute("s2"), stringAttribute("s2k"),
		},
		KeySchema: []types.KeySchemaElement{part("k", types.KeyTypeHash)},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			index("by-state", "s1", "s1k"), index("by-owner", "s2", "s2k"),
		},
	})
	create(tb, endpoint, &dynamodb.CreateTableInput{
		TableName:            &idempotency,
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{stringAttribute("k")},
		KeySchema:            []types.KeySchemaElement{part("k", types.KeyTypeHash)},
	})
	return journal, idempotency
}

func create(tb testing.TB, endpoint string, in *dynamodb.CreateTableInput) {
	tb.Helper()
	if _, err := Client(endpoint).CreateTable(tb.Context(), in); err != nil {
		tb.Fatalf("creating table %s: %v", *in.TableName, err)
	}
}

func stringAttribute(name string) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}
}

func part(name string, kind types.KeyType) types.KeySchemaElement {
	return types.KeySchemaElement{AttributeName: &name, KeyType: kind}
}

func index(name, list, sort string) types.GlobalSecondaryIndex {
	return types.GlobalSecondaryIndex{
		IndexName:  &name,
		KeySchema:  []types.KeySchemaElement{part(list, types.KeyTypeHash), part(sort, types.KeyTypeRange)},
		Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
	}
}
