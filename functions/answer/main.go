// Command answer works on the questions queue: it reads Tango and the journal, posts, and tells one-time links. It cannot
// move money.
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
	page, questions, money := env.CardPage(), aws.Queue(env.QuestionsQueue()), aws.Queue(env.MoneyQueue())
	cloud.Check(log, env.Err())
	secrets, err := aws.Secrets(site.SecretARN, raas.SecretARN)
	cloud.Check(log, err)
	web := &http.Client{Timeout: 8 * time.Second}
	client, err := slack.NewClient(slack.ClientConfig{APIURL: site.API, Token: secrets.BotToken, HTTP: web, Clock: time.Now})
	cloud.Check(log, err)
	pacer := aws.Pacer(idempotency, "tango", cloud.TangoPace, time.Now)
	books, err := tango.New(tango.Config{
		API: raas.API, Credentials: secrets.Tango, Pacer: pacer, Method: policy.Method, Clock: time.Now, Log: log,
	})
	cloud.Check(log, err)
	edge := &slack.Edge{Client: client, Clock: time.Now, Log: log, CardPage: page, Desk: &treasury.Desk{
		Journal: aws.Journal(journal), People: client, Policy: policy, Clock: time.Now, Log: log,
		Accounts: &treasury.Directory{}, Books: books, Questions: questions, Money: money,
	}}
	cloud.Start(log, cloud.Consumer{Handle: edge.Job, Log: log}, secrets.Warm)
}
