//go:build sandbox

package contract_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/tango/contract"
)

// pace is Tango's, of about one call a second, and a tenth for the way.
const pace = 1100 * time.Millisecond

// TestSandbox asks the Tango that the environment names. make sandbox runs it; without the build tag it does not exist.
func TestSandbox(t *testing.T) {
	config, err := contract.ReadSettings(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	config.Clock, config.Pacer, config.Patience, config.Pause = time.Now, tango.NewPacer(pace), time.Minute, 2*time.Second
	policy, err := contract.Ask(t.Context(), config, func(f contract.Finding) {
		fmt.Println(f)
		if f.Wrong != "" {
			t.Errorf("%s would be misjudged: %s", f.Question, f.Wrong)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if policy.Transfer == "" {
		fmt.Println("policy.yaml: neither POST nor GET moved the money exactly once; do not go to production")
		return
	}
	fmt.Printf("policy.yaml: tango: {transfer: %s, references: %s}\n", policy.Transfer, policy.References)
}
