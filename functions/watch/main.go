// Command watch runs every minute: it does what time alone makes necessary, and refreshes the directory of accounts. It
// knows no Slack secret, and queues money jobs but carries out none.
package main

import (
	"os"
	"time"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/treasury"
)

func main() {
	env, log := cloud.ReadEnvironment(), cloud.NewLog(os.Stdout)
	aws, raas, policy := cloud.Connect(env.AWS(), cloud.Work), env.Tango(), env.Policy()
	journal, idempotency := env.Tables()
	questions, money := aws.Queue(env.QuestionsQueue()), aws.Queue(env.MoneyQueue())
	cloud.Check(log, env.Err())
	secrets, err := aws.Secrets("", raas.SecretARN)
	cloud.Check(log, err)
	pacer := aws.Pacer(idempotency, "tango", cloud.TangoPace, time.Now)
	books, err := tango.New(tango.Config{
		API: raas.API, Credentials: secrets.Tango, Pacer: pacer, Method: policy.Method, Clock: time.Now, Log: log,
	})
	cloud.Check(log, err)
	desk := &treasury.Desk{
		Journal: aws.Journal(journal), Policy: policy, Clock: time.Now, Log: log, Accounts: &treasury.Directory{},
		Questions: questions, Money: money, Books: books,
	}
	cloud.Start(log, cloud.Schedule{Run: desk.Watch}, secrets.Warm)
}
