// Command playground runs all of Tangobot in one process on this machine, with a page to try it in: the bot itself over
// the embedded stores, a simulated Slack workspace, and a simulated Tango whose money is not real.
//
// The bot is the one that the functions run, and it meets both simulators over HTTP on 127.0.0.1. Only the outermost
// adapters differ: a file instead of DynamoDB and SQS, and a clock that the page can push ahead. See settings.go for the
// environment.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	settings, err := environment()
	if err == nil {
		err = run(ctx, settings, time.Now, log)
	}
	if err != nil {
		log.ErrorContext(ctx, "playground ended", "error", err)
		os.Exit(1)
	}
}
