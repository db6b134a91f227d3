package contract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tangobot/tangobot/internal/treasury"
)

const noCreate = "set TANGO_SANDBOX_CREATE to a word that new customers and accounts begin with; they can never be deleted"

// created names what this run creates.
func (a *asker) created(n int) string {
	return fmt.Sprintf("%s-%s-%d", a.Create, strings.ToLower(a.run), n)
}

// createCustomer makes one in raw HTTP, for the form of the answer, and one as Tangobot does, which it then repeats.
func (a *asker) createCustomer(ctx context.Context) (Finding, error) {
	return a.create(ctx, "/customers", map[string]any{
		"customerIdentifier": a.created(1), "displayName": "Contract check " + a.created(1),
	}, func(ctx context.Context) treasury.Answer {
		return a.post.CreateCustomer(ctx, treasury.Order{
			Reference: "check", Attempt: "check", NotBefore: a.Clock(),
			Action: treasury.Action{
				Kind: treasury.ActionCreateCustomer, CreateCustomer: &treasury.CreateCustomer{ID: a.created(2), Name: "Contract check " + a.created(2)},
			},
		})
	}, func(ctx context.Context) error {
		_, err := a.post.Customer(ctx, a.created(2))
		return err
	})
}

// createAccount does the same for accounts of the new customer.
func (a *asker) createAccount(ctx context.Context) (Finding, error) {
	email, name := "contract.check@tangobot.example", "Contract check "
	customer := treasury.CustomerRef{ID: a.created(2), Name: name + a.created(2)}
	return a.create(ctx, "/customers/"+customer.ID+"/accounts", map[string]any{
		"accountIdentifier": a.created(3), "displayName": name + a.created(3), "contactEmail": email, "currencyCode": string(a.currency),
	}, func(ctx context.Context) treasury.Answer {
		return a.post.CreateAccount(ctx, treasury.Order{
			Reference: "check", Attempt: "check", NotBefore: a.Clock(),
			Action: treasury.Action{Kind: treasury.ActionCreateAccount, CreateAccount: &treasury.CreateAccount{
				Customer: customer, ID: a.created(4), Name: name + a.created(4), Email: email, Currency: a.currency,
			}},
		})
	}, func(ctx context.Context) error {
		_, err := a.post.Account(ctx, a.created(4))
		return err
	})
}

// create makes one thing raw and one as Tangobot does, reads the latter, and makes it again.
func (a *asker) create(
	ctx context.Context, path string, body map[string]any, send func(context.Context) treasury.Answer, find func(context.Context) error,
) (Finding, error) {
	if a.Create == "" {
		return notAsked(noCreate)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return Finding{}, fmt.Errorf("drawing a creation: %w", treasury.ErrInvalid)
	}
	got, err := a.wire.postText(ctx, path, string(text))
	if err != nil {
		return Finding{}, err
	}
	form := "an echo of the request"
	if object, _ := got.body.(map[string]any); object["status"] != nil {
		form = "the whole object"
	}
	f := Finding{Did: got.words()}
	if got.isFine() {
		f.Did += ", " + form
	}
	if err := a.Pacer.Wait(ctx); err != nil {
		return f, err
	}
	first := send(ctx)
	missing := find(ctx)
	if missing != nil && !errors.Is(missing, treasury.ErrNotFound) {
		return f, missing
	}
	if err := a.Pacer.Wait(ctx); err != nil {
		return f, err
	}
	second := send(ctx)
	f.Did += "; Tangobot's: " + judged(first) + "; once more: " + judged(second)
	switch {
	case first.Verdict == treasury.VerdictDone && missing != nil:
		f.Wrong = "it is called done, and is not there"
	case first.Verdict == treasury.VerdictRefused && missing == nil:
		f.Wrong = "it is called refused, and is there"
	case first.Verdict == treasury.VerdictUnknown && isSuccess(first):
		f.Wrong = "a plain success falls in doubt"
	case second.Verdict == treasury.VerdictDone:
		f.Wrong = "it is called done a second time"
	}
	return f, nil
}
