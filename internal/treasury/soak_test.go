package treasury

import (
	"flag"
	"runtime/debug"
	"slices"
)

// Soak makes the searches and storms of this package as long as they get: go test ./internal/treasury -args -soak.
var Soak = flag.Bool("soak", false, "run the long forms of the searches and storms")

// Raced reports whether the race detector is on. It makes a search several times slower and finds nothing in one on a
// single goroutine, so searches are shorter under it, and make explore runs them without it.
func Raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
