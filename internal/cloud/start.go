package cloud

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// NewLog makes a function's log: one JSON object a line, with the invocation's request id on each line that has a context.
func NewLog(w io.Writer) *slog.Logger {
	return slog.New(withRequest{slog.NewJSONHandler(w, nil)})
}

// withRequest adds the request id to each line.
type withRequest struct{ slog.Handler }

func (h withRequest) Handle(ctx context.Context, line slog.Record) error {
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		line.AddAttrs(slog.String("request_id", invocation.AwsRequestID))
	}
	return h.Handler.Handle(ctx, line)
}

func (h withRequest) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withRequest{h.Handler.WithAttrs(attrs)}
}

func (h withRequest) WithGroup(name string) slog.Handler {
	return withRequest{h.Handler.WithGroup(name)}
}

// warmTime bounds what Warm may take of Lambda's 10 s for init.
const warmTime = 2 * time.Second

// Warm makes the calls side by side and waits for all of them, at most two seconds. It is for the time before the first
// event, when Lambda gives the processor unthrottled: reading the TLS roots and shaking hands then costs the first user
// nothing. A call that fails is logged, and will be made again when it is needed.
func Warm(ctx context.Context, log *slog.Logger, calls ...func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, warmTime)
	defer cancel()
	var all sync.WaitGroup
	for _, call := range calls {
		all.Go(func() {
			if err := call(ctx); err != nil {
				log.WarnContext(ctx, "connection not warm", "error", err)
			}
		})
	}
	all.Wait()
}

// Start warms the connections and serves events until Lambda ends the process. It does not return.
func Start(log *slog.Logger, handler lambda.Handler, warm ...func(context.Context) error) {
	Warm(context.Background(), log, warm...)
	lambda.Start(handler)
}
