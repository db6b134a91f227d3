package functions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rights is all that each function may do besides writing its log and its traces, as "action on resource".
func rights() map[string][]string {
	const (
		get, batch, query  = "dynamodb:GetItem on JournalTable.Arn", "dynamodb:BatchGetItem on JournalTable.Arn", "dynamodb:Query on JournalTable.Arn/index/"
		update, check      = "dynamodb:UpdateItem on JournalTable.Arn", "dynamodb:ConditionCheckItem on JournalTable.Arn"
		claim, pace        = "dynamodb:PutItem on IdempotencyTable.Arn", "dynamodb:UpdateItem on IdempotencyTable.Arn"
		ask, money         = "sqs:SendMessage on QuestionsQueue.Arn", "sqs:SendMessage on MoneyQueue.Arn"
		describe, value    = "secretsmanager:DescribeSecret on ", "secretsmanager:GetSecretValue on "
		slack, tango       = "SlackSecret", "TangoSecret"
		receive, drop, see = "sqs:ReceiveMessage on ", "sqs:DeleteMessage on ", "sqs:GetQueueAttributes on "
	)
	consume := func(queue string) []string { return []string{receive + queue, drop + queue, see + queue} }
	return map[string][]string{
		"Commands":     {get, batch, update, claim, ask, describe + slack, value + slack},
		"Interactions": {get, batch, query + "by-state", update, check, claim, ask, money, describe + slack, value + slack},
		"Home":         {get, batch, query + "by-state", describe + slack, value + slack},
		"Answer": append(consume("QuestionsQueue.Arn"), get, batch, query+"by-state", query+"by-owner", update, check, pace, ask, money,
			describe+slack, value+slack, describe+tango, value+tango),
		"Execute": append(consume("MoneyQueue.Arn"), get, batch, query+"by-state", update, check, pace, ask, money,
			describe+slack, value+slack, describe+tango, value+tango),
		"Cards": {get, batch, query + "by-state", update, check, claim, pace, ask, money, describe + tango, value + tango},
		"Watch": {get, batch, query + "by-state", update, check, pace, ask, money, describe + tango, value + tango},
	}
}

// Each function has a role of its own with exactly the rights that its work takes, and no more.
func TestRights(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	want := rights()
	for name := range tm.of(functionType) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			role := short(name) + "Role"
			if got := at(tm.resources[name], "Properties", "Role", "Fn::GetAtt"); got != role+".Arn" {
				t.Errorf("role %v, want its own: with none, SAM adds managed policies", got)
			}
			if at(tm.resources[name], "Properties", "Policies") != nil {
				t.Error("policies beside the role")
			}
			all := append(want[short(name)],
				"logs:CreateLogStream on "+short(name)+"LogGroup.Arn", "logs:PutLogEvents on "+short(name)+"LogGroup.Arn",
				"xray:PutTelemetryRecords on *", "xray:PutTraceSegments on *") // X-Ray has no resources
			slices.Sort(all)
			if diff := cmp.Diff(all, allowed(t, tm, role)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if len(want) != len(tm.of(functionType)) {
		t.Errorf("%d functions, rights for %d", len(tm.of(functionType)), len(want))
	}
}

// allowed lists a role's rights, and finds what a role must not have at all.
func allowed(t *testing.T, tm template, role string) []string {
	t.Helper()
	properties := at(tm.resources[role], "Properties")
	if at(properties, "ManagedPolicyArns") != nil {
		t.Error("managed policies give more than is needed")
	}
	for _, s := range list(at(properties, "AssumeRolePolicyDocument", "Statement")) {
		if at(s, "Principal", "Service") != "lambda.amazonaws.com" || at(s, "Action") != "sts:AssumeRole" {
			t.Errorf("others than Lambda may take the role: %v", s)
		}
	}
	var all []string
	for _, policy := range list(at(properties, "Policies")) {
		for _, s := range list(at(policy, "PolicyDocument", "Statement")) {
			if at(s, "Effect") != "Allow" || at(s, "NotAction") != nil || at(s, "NotResource") != nil {
				t.Errorf("not a plain permission: %v", s)
			}
			for _, action := range texts(at(s, "Action")) {
				for _, resource := range list(at(s, "Resource")) {
					all = append(all, action+" on "+resourceName(resource))
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// resourceName writes a resource as the attribute that names it.
func resourceName(v any) string {
	if name, ok := at(v, "Fn::GetAtt").(string); ok {
		return name
	}
	if name, ok := at(v, "Ref").(string); ok {
		return name
	}
	if text, ok := at(v, "Fn::Sub").(string); ok {
		return strings.NewReplacer("${", "", "}", "").Replace(text)
	}
	return fmt.Sprint(v)
}

// Whoever speaks to the outside knows nothing that moves money, but for the card page, which has to hand a card to Tango:
// that one knows nothing else. This stands beside TestRights on purpose: a slip in that
// list of rights is not to undo it.
func TestSecretsAreApart(t *testing.T) {
	t.Parallel()
	tm := readTemplate(t)
	for name := range tm.of(functionType) {
		knows := map[string]bool{}
		for _, right := range allowed(t, tm, short(name)+"Role") {
			if action, resource, _ := strings.Cut(right, " on "); strings.HasPrefix(action, "secretsmanager:") {
				knows[resource] = true
			}
		}
		environment := tm.environment(t, name, "prod")
		_, slack := environment["SLACK_SECRET_ARN"]
		_, tango := environment["TANGO_SECRET_ARN"]
		if slack != knows["SlackSecret"] || tango != knows["TangoSecret"] {
			t.Errorf("%s: its role reads %v, its environment names Slack's %v and Tango's %v", name, knows, slack, tango)
		}
		if name == "CardsFunction" && slack {
			t.Error("the card page knows Slack's secret")
		}
		for _, event := range fields(at(tm.resources[name], "Properties", "Events")) {
			if at(event, "Type") == "HttpApi" && name != "CardsFunction" && (knows["TangoSecret"] || environment["TANGO_API_URL"] != "") {
				t.Errorf("%s is reached from outside and knows Tango", name)
			}
		}
	}
}
