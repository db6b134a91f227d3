// Command commands answers POST /slack/commands: it opens a form, or queues a question for the function that answers.
package main

import (
	"net/http"
	"os"
	"time"

	"github.com/tangobot/tangobot/internal/cloud"
	"github.com/tangobot/tangobot/internal/slack"
	"github.com/tangobot/tangobot/internal/treasury"
)

func main() {
	env, log := cloud.ReadEnvironment(), cloud.NewLog(os.Stdout)
	aws, site, policy := cloud.Connect(env.AWS(), cloud.Ack), env.Slack(), env.Policy()
	journal, idempotency := env.Tables()
	questions := aws.Queue(env.QuestionsQueue())
	cloud.Check(log, env.Err())
	secrets, err := aws.Secrets(site.SecretARN, "")
	cloud.Check(log, err)
	web := &http.Client{Timeout: 2 * time.Second}
	client, err := slack.NewClient(slack.ClientConfig{APIURL: site.API, Token: secrets.BotToken, HTTP: web, Clock: time.Now})
	cloud.Check(log, err)
	desk := &treasury.Desk{
		Journal: aws.Journal(journal), People: client, Policy: policy, Clock: time.Now, Log: log,
		Accounts: &treasury.Directory{}, Questions: questions,
	}
	edge := &slack.Edge{
		Desk: desk, Client: client, Claims: aws.Claims(idempotency, time.Now), Clock: time.Now, Log: log,
		Verifier: slack.Verifier{Signing: secrets.Signing, Clock: time.Now},
	}
	cloud.Start(log, cloud.Gateway{Handler: http.HandlerFunc(edge.Commands), Log: log},
		secrets.Warm, cloud.LoadDirectory(desk), questions.Warm, cloud.Reach(web, site.API+"api.test"))
}
