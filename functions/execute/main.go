// Command execute works on the money queue: it carries out one approved request. It alone can move money.
package main

import (
	"net/http"
	"os"
	"time"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/tango"
	"github.com/tangobot/tangobot/internal/treasury"
)

func main() {
	env, log := cloud.ReadEnvironment(), cloud.NewLog(os.Stdout)
	aws, site, raas, policy := cloud.Connect(env.AWS(), cloud.Work), env.Slack(), env.Tango(), env.Policy()
	journal, idempotency := env.Tables()
	questions, money := aws.Queue(env.QuestionsQueue()), aws.Queue(env.MoneyQueue())
	cloud.Check(log, env.Err())
	secrets, err := aws.Secrets(site.SecretARN, raas.SecretARN)
	cloud.Check(log, err)
	web := &http.Client{Timeout: 8 * time.Second} // Slack is asked who may still approve, just before the send
	people, err := slack.NewClient(slack.ClientConfig{APIURL: site.API, Token: secrets.BotToken, HTTP: web, Clock: time.Now})
	cloud.Check(log, err)
	pacer := aws.Pacer(idempotency, "tango", cloud.TangoPace, time.Now)
	client, err := tango.New(tango.Config{
		API: raas.API, Credentials: secrets.Tango, Pacer: pacer, Method: policy.Method, Clock: time.Now, Log: log,
	})
	cloud.Check(log, err)
	desk := &treasury.Desk{
		Journal: aws.Journal(journal), People: people, Policy: policy, Clock: time.Now, Log: log, Accounts: &treasury.Directory{},
		Questions: questions, Money: money, Books: client, Mover: client, Pacer: pacer,
	}
	cloud.Start(log, cloud.Consumer{Handle: desk.ExecuteJob, Log: log}, secrets.Warm)
}
