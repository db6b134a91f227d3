// Command hello is the floor of the benchmarks: a bare aws-lambda-go function that gives a fixed answer.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

type answer struct {
	Status int    `json:"statusCode"`
	Body   string `json:"body"`
}

func main() {
	lambda.Start(func(context.Context) (answer, error) { return answer{200, "hello"}, nil })
}
