package tango

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tangobot/tangobot/internal/treasury"
)

// The calls that open customers and accounts and change accounts. None of them tells enough to be done again safely, so
// they are sent once, like money.

// CreateCustomer opens a customer: POST /customers. Tango's pages show a reply that only repeats the request; its older
// descriptions have the whole customer. Only the identifier is relied on.
func (c *Client) CreateCustomer(ctx context.Context, order treasury.Order) treasury.Answer {
	return c.post(ctx, func() (string, []byte, error) {
		body, err := customerBody(order)
		return "/customers", body, err
	}, func(s sent) treasury.Answer {
		return judgeChange(s, conflictRefuses, func(f *fields, a *treasury.Answer) {
			a.Verdict = treasury.VerdictDone
			a.Mismatch = firstMisfit(f.repeats("customerIdentifier", order.Action.CreateCustomer.ID))
		})
	})
}

func customerBody(o treasury.Order) ([]byte, error) {
	n := o.Action.CreateCustomer
	if n == nil || n.ID == "" || n.Name == "" {
		return nil, fmt.Errorf("a customer's fields: %w", treasury.ErrInvalid)
	}
	if err := checkOrderKind(o, treasury.ActionCreateCustomer, n.ID, n.Name); err != nil {
		return nil, err
	}
	b := newDrawing(len(n.ID) + len(n.Name))
	b.open("", '{')
	b.text("customerIdentifier", n.ID)
	b.text("displayName", n.Name)
	b.shut('}')
	return b.b, nil
}

// CreateAccount opens an account: POST /customers/{customerIdentifier}/accounts. The reply is as unsettled as a customer's;
// the currency, which can never be changed, must fit where it is told.
func (c *Client) CreateAccount(ctx context.Context, order treasury.Order) treasury.Answer {
	return c.post(ctx, func() (string, []byte, error) { return accountBody(order) }, func(s sent) treasury.Answer {
		return judgeChange(s, conflictRefuses, func(f *fields, a *treasury.Answer) {
			n := order.Action.CreateAccount
			a.Verdict = treasury.VerdictDone
			a.Mismatch = firstMisfit(f.repeats("accountIdentifier", n.ID), f.echoes("currencyCode", string(n.Currency)))
		})
	})
}

func accountBody(o treasury.Order) (path string, body []byte, err error) {
	n := o.Action.CreateAccount
	if n == nil || n.ID == "" || n.Name == "" || n.Email == "" || !n.Currency.IsValid() {
		return "", nil, fmt.Errorf("an account's fields: %w", treasury.ErrInvalid)
	}
	texts := append([]string{n.Customer.ID, n.ID, n.Name, n.Email}, n.Notify...)
	if err := checkOrderKind(o, treasury.ActionCreateAccount, texts...); err != nil {
		return "", nil, err
	}
	if path, err = identifierPath("/customers", n.Customer.ID); err != nil {
		return "", nil, fmt.Errorf("an account's customer: %w", treasury.ErrInvalid)
	}
	b := newDrawing(len(n.ID) + len(n.Name) + len(n.Email) + sizeOf(n.Notify))
	b.open("", '{')
	b.text("accountIdentifier", n.ID)
	b.text("displayName", n.Name)
	b.text("contactEmail", n.Email)
	b.text("currencyCode", string(n.Currency))
	if len(n.Notify) > 0 {
		b.emails("fundingNotification", n.Notify)
	}
	b.shut('}')
	return path + "/accounts", b.b, nil
}

func sizeOf(addresses []string) int {
	n := 0
	for _, address := range addresses {
		n += len(address) + 20 // the name of its field
	}
	return n
}

// UpdateAccount changes an account: PATCH /customers/{customerIdentifier}/accounts/{accountIdentifier}. Only the fields
// that are set are sent: Tango replaces a list that is given, clears it for an empty one and keeps what is left out.
func (c *Client) UpdateAccount(ctx context.Context, order treasury.Order) treasury.Answer {
	return c.patch(ctx, func() (string, []byte, error) { return updateBody(order) }, func(s sent) treasury.Answer {
		return judgeChange(s, conflictRefuses, func(f *fields, a *treasury.Answer) {
			a.Verdict = treasury.VerdictDone
			a.Mismatch = updateMisfit(*order.Action.UpdateAccount, f)
		})
	})
}

func updateBody(o treasury.Order) (path string, body []byte, err error) {
	u := o.Action.UpdateAccount
	if u == nil || u.Name == nil && u.Email == nil && u.Notify == nil {
		return "", nil, fmt.Errorf("an account's changes: %w", treasury.ErrInvalid)
	}
	var name, email string
	var notify []string
	if u.Name != nil {
		name = *u.Name
	}
	if u.Email != nil {
		email = *u.Email
	}
	if u.Notify != nil {
		notify = *u.Notify
	}
	texts := append([]string{u.Customer, u.Account.ID, name, email}, notify...)
	if err := checkOrderKind(o, treasury.ActionUpdateAccount, texts...); err != nil {
		return "", nil, err
	}
	customer, err := identifierPath("/customers", u.Customer)
	if err == nil {
		path, err = identifierPath(customer+"/accounts", u.Account.ID)
	}
	if err != nil || u.Name != nil && name == "" || u.Email != nil && email == "" {
		return "", nil, fmt.Errorf("an account's changes: %w", treasury.ErrInvalid)
	}
	b := newDrawing(len(name) + len(email) + sizeOf(notify))
	b.open("", '{')
	b.textIf("displayName", name)
	b.textIf("contactEmail", email)
	if u.Notify != nil {
		b.emails("fundingNotification", notify)
	}
	b.shut('}')
	return path, b.b, nil
}

// updateMisfit compares the account that comes back with what was set. Fields that are not told are not missed; addresses
// may come in another order and case.
func updateMisfit(u treasury.UpdateAccount, f *fields) string {
	checks := []compared{f.repeats("accountIdentifier", u.Account.ID)}
	if u.Name != nil {
		checks = append(checks, f.echoes("displayName", *u.Name))
	}
	if email, told := f.optional("contactEmail"); u.Email != nil && told {
		checks = append(checks, compared{"contactEmail", strings.EqualFold(email, *u.Email)})
	}
	if list := f.objects("fundingNotification"); u.Notify != nil && f.get("fundingNotification") != nil {
		var got []string
		for _, n := range list {
			got = append(got, n.text("emailAddress"))
		}
		checks = append(checks, compared{"fundingNotification", slices.Equal(folded(got), folded(*u.Notify))})
	}
	return firstMisfit(checks...)
}

// folded gives the addresses in lower case, sorted, each once.
func folded(addresses []string) []string {
	list := make([]string, len(addresses))
	for i, address := range addresses {
		list[i] = strings.ToLower(address)
	}
	slices.Sort(list)
	return slices.Compact(list)
}
