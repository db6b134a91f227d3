package tangosim

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// settles is how long a deposit of one of the sandbox's pending amounts stays PENDING by default; the pages say within an
// hour.
const settles = 40 * time.Minute

// The amounts in cents that the sandbox treats apart.
const (
	pendingThenSuccess  = 555
	pendingThenDeclined = 655
	declinedAtOnce      = 755
)

// deposit is money from a card. It counts when its time has come.
type deposit struct {
	ID        string    `json:"id"`
	Customer  string    `json:"customer"`
	Account   string    `json:"account"`
	Token     string    `json:"token"`
	Reference string    `json:"reference"`
	Cents     int64     `json:"cents"`
	Charged   int64     `json:"charged"` // with the fee; 0 until it is charged
	FeePoints int64     `json:"fee_points"`
	Status    string    `json:"status"`
	Final     string    `json:"final"` // the status that it comes to at SettleAt
	CreatedAt time.Time `json:"created_at"`
	SettleAt  time.Time `json:"settle_at"`
}

// wireDeposit is a deposit as Tango answers it: without the account's identifier, the card and the currency.
type wireDeposit struct {
	ID        string  `json:"referenceDepositID"`
	Amount    decimal `json:"amount"`
	Charged   decimal `json:"amountCharged"`
	Fee       decimal `json:"feePercent"`
	CreatedAt string  `json:"createdDate"`
	Status    string  `json:"status"`
	Number    string  `json:"accountNumber"`
	Reference string  `json:"externalRefID,omitempty"`
}

func (s *Sim) wireDeposit(d *deposit) wireDeposit {
	w := wireDeposit{
		ID: d.ID, Amount: decimal(d.Cents), Charged: decimal(d.Charged), Fee: decimal(d.FeePoints), CreatedAt: stamp(d.CreatedAt),
		Status: d.Status, Reference: d.Reference,
	}
	if a := s.account(d.Account); a != nil {
		w.Number = a.Number
	}
	return w
}

func (s *Sim) getDeposit(c *call) {
	id := c.r.PathValue("reference")
	i := slices.IndexFunc(s.state.Deposits, func(d *deposit) bool { return d.ID == id })
	if i < 0 || s.state.Deposits[i].CreatedAt.After(c.now) { // a late one
		c.fail(http.StatusNotFound, "404.011", "Deposit reference not found")
		return
	}
	c.json(http.StatusOK, s.wireDeposit(s.state.Deposits[i]))
}

func (s *Sim) postDeposit(c *call) {
	in, ok := c.object()
	if !ok {
		return
	}
	d := &deposit{
		Customer: in.text("customerIdentifier"), Account: in.text("accountIdentifier"), Token: in.text("creditCardToken"),
		Reference: in.optional("externalRefID"), CreatedAt: c.now, FeePoints: s.config.FeePoints,
	}
	amount := in.number("amount")
	if d.Cents, ok = cents(amount); !ok || d.Cents > 99_999_999 {
		in.breaks("amount", "422.105", "At most 6 digits and 2 decimals", amount)
	} else if d.Cents < 0 {
		in.breaks("amount", "422.141", "must not be negative", amount)
	}
	if len(d.Reference) > 100 {
		in.breaks("externalRefID", "422.126", "At most 100 characters", "")
	}
	if in.refuse(c) || s.refuseDeposit(c, d) {
		return
	}
	s.take(c, d)
}

// refuseDeposit checks the rules between account, card and amount.
func (s *Sim) refuseDeposit(c *call, d *deposit) bool {
	a, k := s.account(d.Account), s.card(d.Token)
	least, most := max(s.config.DepositLeast, 0), s.config.DepositMost
	if least == 0 {
		least = 100
	}
	if most == 0 {
		most = 99_999_999
	}
	switch {
	case s.customer(d.Customer) == nil:
		c.fail(http.StatusBadRequest, "404.002", "Customer is not on this platform")
	case a == nil:
		c.fail(http.StatusBadRequest, "404.003", "Account not found")
	case a.Customer != d.Customer:
		c.fail(http.StatusBadRequest, "404.020", "Account is not under that customer")
	case a.Status != "ACTIVE":
		c.fail(http.StatusBadRequest, "422.156", "Account must have status ACTIVE")
	case k == nil || k.Status != "ACTIVE":
		c.fail(http.StatusBadRequest, "422.036", "The credit card is not registered")
	case k.Account != d.Account || k.Customer != d.Customer:
		c.fail(http.StatusBadRequest, "422.037", "The token does not match the registered card")
	case c.now.Before(k.ActiveFrom):
		c.fail(http.StatusTooManyRequests, "429.003", "The credit card is in its registration period")
	case k.expired(c.now):
		c.fail(http.StatusPaymentRequired, "402.051", "Credit card authorization failed")
	case d.Cents < least || d.Cents > most:
		c.invalid("amount", "422.052", "Funding amount is outside the allowed range", decimal(d.Cents).text())
	case d.Reference != "" && s.state.Used[d.Account+"/"+d.Reference]:
		c.fail(http.StatusConflict, "", "externalRefID is not unique: duplicate funding request")
	default:
		return false
	}
	return true
}

// take makes the deposit: at once, at the fault's later time, or twice.
func (s *Sim) take(c *call, d *deposit) {
	if d.FeePoints == 0 {
		d.FeePoints = 350
	}
	late := c.fault != nil && c.fault.Late > 0
	if late {
		d.CreatedAt = c.now.Add(c.fault.Late)
	}
	d.Status, d.Final, d.SettleAt = "PENDING", "SUCCESS", d.CreatedAt
	switch d.Cents {
	case pendingThenSuccess:
		d.SettleAt = d.CreatedAt.Add(cmp.Or(s.config.Settles, settles))
	case pendingThenDeclined:
		d.Final, d.SettleAt = "DECLINED", d.CreatedAt.Add(cmp.Or(s.config.Settles, settles))
	case declinedAtOnce:
		d.Final = "DECLINED"
	}
	if d.Reference != "" { // taken, whatever becomes of it
		s.state.Used[d.Account+"/"+d.Reference] = true
	}
	s.keepDeposit(d)
	if c.fault != nil && c.fault.Twice {
		second := *d
		s.keepDeposit(&second)
	}
	s.settleDeposits()
	s.changed()
	if late {
		c.fault.drop(c)
		return
	}
	c.json(http.StatusOK, s.wireDeposit(d))
}

func (s *Sim) keepDeposit(d *deposit) {
	d.ID = fmt.Sprintf("RAD-%s-%04d", d.CreatedAt.Format("060102"), 1001+len(s.state.Deposits))
	s.state.Deposits = append(s.state.Deposits, d)
}

// settleDeposits brings deposits to their end when its time has come; the lock is held. The fee is rounded half up to the
// cent, as in the one recorded answer (1.25 at 3.5 % was charged 1.29).
func (s *Sim) settleDeposits() {
	now := s.config.Clock()
	for _, d := range s.state.Deposits {
		if d.Status != "PENDING" || d.SettleAt.After(now) {
			continue
		}
		d.Status = d.Final
		if d.Status == "SUCCESS" {
			d.Charged = d.Cents + (d.Cents*d.FeePoints+5_000)/10_000
			s.move(Movement{Reference: d.Reference, To: d.Account, Cents: d.Cents, Notes: "deposit " + d.ID, At: now.UTC()})
		}
		s.changed()
	}
}

// Deposit is a deposit as a test or the playground's page looks at it.
type Deposit struct {
	ID, Account, Token, Reference, Status string
	Cents, Charged                        int64
	CreatedAt                             time.Time
}

// Deposits gives all deposits, those of late faults too, oldest first.
func (s *Sim) Deposits() []Deposit {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleDeposits()
	list := make([]Deposit, len(s.state.Deposits))
	for i, d := range s.state.Deposits {
		list[i] = Deposit{
			ID: d.ID, Account: d.Account, Token: d.Token, Reference: d.Reference, Status: d.Status, Cents: d.Cents, Charged: d.Charged,
			CreatedAt: d.CreatedAt,
		}
	}
	return list
}

// SettleDeposit ends a PENDING deposit now, as Tango's review does: with SUCCESS or DECLINED.
func (s *Sim) SettleDeposit(id, final string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.state.Deposits {
		if d.ID == id && d.Status == "PENDING" {
			d.Final, d.SettleAt = final, s.config.Clock()
		}
	}
	s.settleDeposits()
}

// AddDeposit records a deposit of the past and gives its id. No money moves: an account's balance holds it already.
func (s *Sim) AddDeposit(d Deposit) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := &deposit{
		Account: d.Account, Token: d.Token, Reference: d.Reference, Cents: d.Cents, Charged: d.Charged, FeePoints: 350,
		Status: d.Status, Final: d.Status, CreatedAt: d.CreatedAt, SettleAt: d.CreatedAt,
	}
	if a := s.account(d.Account); a != nil {
		one.Customer = a.Customer
	}
	s.keepDeposit(one)
	s.changed()
	return one.ID
}
