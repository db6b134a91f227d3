// Command operator holds what an operator runs by hand, through make: checking a policy or an export of the history, and
// signing sample events for sam local invoke. It calls no service.
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "policy":
		if len(args) != 2 {
			return errUsage
		}
		return printPolicy(os.Stdout, args[1])
	case "verify":
		if len(args) != 2 {
			return errUsage
		}
		return verifyExport(os.Stdout, args[1])
	case "events":
		if len(args) != 3 {
			return errUsage
		}
		secret := os.Getenv("SLACK_SIGNING_SECRET") //nolint:forbidigo // the command's one setting
		if err := signEvents(args[1], args[2], secret, time.Now()); err != nil {
			return err
		}
		whose := "SLACK_SIGNING_SECRET"
		if secret == "" {
			whose = "the playground's secret, for SLACK_SIGNING_SECRET is not set"
		}
		fmt.Printf("%s holds the samples, signed with %s. Slack's signatures are good for five minutes.\n", args[2], whose)
		return nil
	}
	return errUsage
}

var errUsage = fmt.Errorf("usage: operator policy FILE | operator verify FILE | operator events FROM-DIR TO-DIR")
