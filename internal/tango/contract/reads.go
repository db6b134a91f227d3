package contract

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tangobot/tangobot/internal/money"
	"github.com/tangobot/tangobot/internal/treasury"
)

// connection asks who answers, and in which protocol.
func (a *asker) connection(ctx context.Context) (Finding, error) {
	got, err := a.wire.call(ctx, a.wire.modern, http.MethodGet, accountPath(a.From), "", a.Key)
	if err != nil {
		return Finding{}, err
	}
	header := func(name string) string {
		if value := got.header.Get(name); value != "" {
			return name + " " + value
		}
		return "no " + name
	}
	handle := "no X-REQUEST-ID"
	if got.header.Get("X-REQUEST-ID") != "" {
		handle = "an X-REQUEST-ID"
	}
	f := Finding{Did: strings.Join([]string{got.proto, header("Server"), header("Via"), handle}, ", ")}
	if got.proto == "HTTP/2.0" {
		f.Follows = "HTTP/2 is offered; Tangobot does not take it, because over it a call may be sent twice"
	}
	if got.header.Get("Via") != "" {
		f.Follows = strings.TrimPrefix(f.Follows+"; ", "; ") + "an intermediary is on the way, which may repeat a GET: do not set tango.transfer: GET"
	}
	return f, nil
}

func accountPath(id string) string { return "/accounts/" + url.PathEscape(id) }

// error400 sends what is no JSON.
func (a *asker) error400(ctx context.Context) (Finding, error) {
	got, err := a.wire.postText(ctx, "/transferFunds", "{")
	return Finding{Did: got.words()}, err
}

// error401 comes with a wrong key: for a read, and for a transfer.
func (a *asker) error401(ctx context.Context) (Finding, error) {
	wrong := treasury.NewSecret("tangobot-wrong-key")
	got, err := a.wire.call(ctx, a.wire.plain, http.MethodGet, accountPath(a.From), "", wrong)
	if err != nil {
		return Finding{}, err
	}
	client, err := a.client(http.MethodPost, wrong)
	if err != nil {
		return Finding{}, err
	}
	f := Finding{Did: got.words()}
	_, err = client.Account(ctx, a.From)
	if refusal, is := errors.AsType[*treasury.Refusal](err); got.status == http.StatusUnauthorized && (!is || refusal.Status != got.status) {
		f.Wrong = "a wrong key is taken for a Tango that is down"
		return f, nil
	}
	sent, err := a.send(ctx, client, a.order(a.newReference(), "a wrong key"))
	f.Did += "; a transfer: " + judged(sent.verdict)
	if sent.verdict.Verdict == treasury.VerdictUnknown {
		f.Follows = "transfers that are sent with a wrong key fall in doubt: rotate the key with care"
	}
	f.Wrong = sent.wrong()
	return f, err
}

// error404 asks for an account that is not there.
func (a *asker) error404(ctx context.Context) (Finding, error) {
	id := "tangobot-none-" + strings.ToLower(a.run)
	got, err := a.wire.get(ctx, accountPath(id))
	if err != nil {
		return Finding{}, err
	}
	f := Finding{Did: got.words()}
	if _, err := a.post.Account(ctx, id); !errors.Is(err, treasury.ErrNotFound) {
		f.Wrong = "an account that is not there is not seen to be missing, so none can be opened"
	}
	return f, nil
}

// unknownCustomer asks for the accounts of a customer that is not there: the pages list no 404 for it.
func (a *asker) unknownCustomer(ctx context.Context) (Finding, error) {
	id := "tangobot-none-" + strings.ToLower(a.run)
	got, err := a.wire.get(ctx, "/customers/"+id+"/accounts")
	if err != nil {
		return Finding{}, err
	}
	f := Finding{Did: got.words()}
	_, err = a.post.Accounts(ctx, treasury.AccountQuery{Customer: id, Window: treasury.Window{Size: 1}})
	if !got.isFine() && !errors.Is(err, treasury.ErrNotFound) && !errors.Is(err, treasury.ErrRejected) {
		f.Wrong = "a customer that is not there is taken for a Tango that is down"
	}
	return f, nil
}

// identifierCase asks for the account in the other case.
func (a *asker) identifierCase(ctx context.Context) (Finding, error) {
	other := strings.ToUpper(a.account.ID)
	if other == a.account.ID {
		other = strings.ToLower(a.account.ID)
	}
	if other == a.account.ID {
		return notAsked("the identifier of TANGO_SANDBOX_FROM has no letters")
	}
	got, err := a.wire.get(ctx, accountPath(other))
	if err != nil {
		return Finding{}, err
	}
	if !got.isFine() {
		return Finding{Did: got.words() + ": case counts", Follows: "write accounts in policy.yaml as Tango lists them"}, nil
	}
	object, _ := got.body.(map[string]any)
	if object["accountIdentifier"] == a.account.ID {
		return Finding{Did: "case does not count; the account comes as it was made", Follows: "write accounts in policy.yaml as Tango lists them"}, nil
	}
	return Finding{
		Did:   "case does not count, and the identifier comes in the case that was asked for",
		Wrong: "one account may stand under two names, and two requests may then move its money at the same time",
	}, nil
}

// arrayQuery asks for one account by its number and by two currencies, of which one is its own: repeated, as Tangobot does,
// in both orders, and with a comma. Another currency alone must not find it, or the filter tells nothing.
func (a *asker) arrayQuery(ctx context.Context) (Finding, error) {
	mine, other := string(a.currency), "EUR"
	if mine == other {
		other = "USD"
	}
	if a.account.Number == "" {
		return notAsked("Tango tells no number of the account")
	}
	find := func(filter string) (bool, error) {
		got, err := a.wire.get(ctx, "/accounts?accountNumber="+url.QueryEscape(a.account.Number)+"&"+filter)
		return listsOne(got.body), err
	}
	var found [4]bool
	var failures [4]error
	for i, filter := range []string{
		"currencyCode=" + other, "currencyCode=" + other + "&currencyCode=" + mine, "currencyCode=" + mine + "&currencyCode=" + other,
		"currencyCode=" + other + "," + mine,
	} {
		found[i], failures[i] = find(filter)
	}
	if err := errors.Join(failures[:]...); err != nil {
		return Finding{}, err
	}
	if found[0] {
		return Finding{Did: "the filter by currency is ignored", Wrong: "lists by currency show accounts of others"}, nil
	}
	f := Finding{Did: fmt.Sprintf("a repeated parameter: %s; with a comma: %s", taken(found[1] && found[2]), taken(found[3]))}
	if !found[1] || !found[2] {
		f.Wrong = "lists by several currencies or addresses lack accounts"
	}
	return f, nil
}

func taken(ok bool) string {
	if ok {
		return "taken"
	}
	return "not taken"
}

// listsOne reports whether a bare list, or a page, has exactly one entry.
func listsOne(body any) bool {
	if page, ok := body.(map[string]any); ok {
		body = page["items"]
	}
	list, _ := body.([]any)
	return len(list) == 1
}

// lists asks for pages of one, and whether the client can walk what comes.
func (a *asker) lists(ctx context.Context) (Finding, error) {
	window := treasury.Window{Size: 1}
	var f Finding
	for _, list := range []struct {
		path string
		walk func() error
	}{
		{"/accounts", func() error {
			_, err := a.post.Accounts(ctx, treasury.AccountQuery{Window: window})
			return err
		}},
		{"/customers", func() error {
			_, err := a.post.Customers(ctx, treasury.CustomerQuery{Window: window})
			return err
		}},
		{"/creditCards", func() error {
			_, err := a.post.Cards(ctx, treasury.CardQuery{Window: window})
			return err
		}},
	} {
		got, err := a.wire.get(ctx, list.path+"?paginate=true&maxResults=1")
		if err != nil {
			return f, err
		}
		form := got.words()
		switch body := got.body.(type) {
		case []any:
			form = "a bare list"
		case map[string]any:
			if _, ok := body["items"].([]any); ok {
				form = "a page"
			}
		}
		f.Did = strings.TrimPrefix(f.Did+", ", ", ") + list.path + " " + form
		if err := list.walk(); err != nil {
			f.Wrong = "Tangobot can not read " + list.path
		}
	}
	return f, nil
}

// pace makes three reads at once, which is more than Tango's best practices allow.
func (a *asker) pace(ctx context.Context) (Finding, error) {
	for range 3 {
		got, err := a.wire.now(ctx, a.wire.plain, http.MethodGet, accountPath(a.From), "", a.Key)
		if err != nil {
			return Finding{}, err
		}
		if !got.isFine() {
			after := "no Retry-After"
			if text := got.header.Get("Retry-After"); text != "" {
				after = "Retry-After " + text
			}
			return Finding{Did: got.words() + ", " + after}, nil
		}
	}
	return Finding{Did: "three reads one upon the other are all answered"}, nil
}

func (a *asker) sum(hundredths int64) money.Amount { return money.New(hundredths, a.currency) }
