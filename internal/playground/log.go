package main

import (
	"context"
	"io"
	"log/slog"
)

// terminal writes log lines for who watches the playground run. The watch tells every few seconds how many requests are
// in doubt, for an alarm to count; here only a number above none is worth a line.
type terminal struct{ slog.Handler }

func newLog(to io.Writer) *slog.Logger { return slog.New(terminal{slog.NewTextHandler(to, nil)}) }

// Handle leaves out the lines that say that nothing is in doubt.
func (t terminal) Handle(ctx context.Context, r slog.Record) error {
	quiet := false
	r.Attrs(func(a slog.Attr) bool {
		quiet = a.Key == "in_doubt" && a.Value.Equal(slog.IntValue(0))
		return !quiet
	})
	if quiet {
		return nil
	}
	return t.Handler.Handle(ctx, r)
}
