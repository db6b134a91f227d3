package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// TangoPace is the time between two calls to Tango of all functions together: its best practices allow about one a second.
// The tenth above it is for the way: two calls that leave a second apart may arrive closer.
const TangoPace = 1100 * time.Millisecond

// Policy reads the policy, by default the one beside the binary. Its mistakes are among those that Err tells, with their
// lines.
func (e *Environment) Policy() *treasury.Policy {
	path := e.PolicyFile()
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // packed with the function, or named by its operator
	if err != nil {
		e.complain("POLICY_FILE", "cannot be read")
		return nil
	}
	policy, err := treasury.ParsePolicy(text)
	if err != nil {
		e.complain("POLICY_FILE", "has mistakes: "+err.Error())
		return nil
	}
	return policy
}

// Check ends the process when a function cannot be built. Lambda then reports that it did not start, and the log says why.
func Check(log *slog.Logger, err error) {
	if err != nil {
		log.Error("function cannot start", "error", err)
		os.Exit(1)
	}
}

// LoadDirectory makes a call for Warm: it opens DynamoDB's door and brings the accounts into memory, so that the first
// type-ahead finds them there.
func LoadDirectory(d *treasury.Desk) func(context.Context) error {
	return func(ctx context.Context) error { return d.Accounts.Load(ctx, d.Journal, d.Clock()) }
}

// Reach makes a call for Warm: it opens the client's connection to a server. Whatever the server answers is as good.
func Reach(client *http.Client, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
		if err != nil {
			return fmt.Errorf("reaching a server: %w", treasury.ErrInvalid)
		}
		response, err := client.Do(request)
		if err != nil {
			return fmt.Errorf("reaching %s: %w: %w", request.URL.Host, treasury.ErrUnavailable, err)
		}
		// A connection is kept only when its answer was read to the end.
		_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
		return errors.Join(err, response.Body.Close())
	}
}
