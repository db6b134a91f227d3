// Command cards serves GET and POST /cards/{invite}: the one-time page on which a card's holder types it. It is the one
// function that traffic from outside reaches and that has Tango's key; it knows no Slack secret.
package main

import (
	"os"
	"time"

	"github.com/tangobot/tangobot/internal/cardpage"
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
	client, err := tango.New(tango.Config{
		API: raas.API, Credentials: secrets.Tango, Pacer: pacer, Method: policy.Method, Clock: time.Now, Log: log,
	})
	cloud.Check(log, err)
	desk := &treasury.Desk{
		Journal: aws.Journal(journal), Policy: policy, Clock: time.Now, Log: log, Accounts: &treasury.Directory{},
		Questions: questions, Money: money, Books: client, Mover: client, Pacer: pacer,
	}
	page := cardpage.New(desk, aws.Claims(idempotency, time.Now))
	cloud.Start(log, cloud.Gateway{Handler: page, Log: log}, secrets.Warm, questions.Warm)
}
