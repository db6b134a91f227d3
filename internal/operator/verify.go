package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// verifyExport checks a file of /tango history csv, offline. Its error names the first line that does not hold.
func verifyExport(w io.Writer, name string) error {
	file, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return fmt.Errorf("opening the export: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	v, err := treasury.VerifyExport(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err = fmt.Fprintf(w, "%s holds: %d events of %d requests, from %s to %s, each chain complete.\n",
		name, v.Events, v.Requests, v.First.UTC().Format(time.RFC3339), v.Last.UTC().Format(time.RFC3339))
	return err
}
