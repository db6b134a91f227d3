// Package tangosim is a stateful simulation of Tango Card's RaaS v2 API as an http.Handler. It enforces the service's
// rules as its pages and recorded traffic show them, not our client's habits: it has wire structs of its own, so that a
// slip of the client is not mirrored here. Faults can be armed for the next calls.
package tangosim

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Base is the path under which the API lies, as at Tango.
const Base = "/raas/v2"

// Config is what a simulation is made of. Zero switches are the likeliest reading of Tango's pages.
type Config struct {
	Clock        func() time.Time
	PlatformName string
	PlatformKey  string

	LimitRate      bool // answer 429 to more than one request a second
	TransferStatus int  // of a successful transfer: 200 (reference) or 201 (older pages); 0 is 200
	PlainLists     bool // answer bare arrays even when paging is asked for
	ShortErrors    bool // use the short error shape on /customers

	FullCreates     bool          // answer a created customer or account whole, instead of repeating the request
	ActivationDelay time.Duration // from a card's registration to its activationDate; about 72 h in production
	FeePoints       int64         // hundredths of a percent on a deposit; 0 is 350, which is 3.5 %
	DepositLeast    int64         // cents; 0 is 100
	DepositMost     int64         // cents; 0 is all that six digits hold
	Settles         time.Duration // how long a deposit of a pending amount stays PENDING; 0 is 40 minutes
}

// Sim is a platform at Tango. It is safe for concurrent use.
type Sim struct {
	config Config
	mux    *http.ServeMux

	mu        sync.Mutex
	state     state
	faults    []*Fault
	lastCall  time.Time
	requests  map[string]int // by "METHOD pattern"
	bodies    []Received
	listeners map[chan struct{}]bool
}

// state is what survives a restart.
type state struct {
	Customers []*customer     `json:"customers"`
	Accounts  []*account      `json:"accounts"` // oldest first
	Movements []Movement      `json:"movements"`
	Used      map[string]bool `json:"used"` // "account/externalRefID"
	Late      []lateMovement  `json:"late"`
	Cards     []*card         `json:"cards"`    // oldest first
	Deposits  []*deposit      `json:"deposits"` // oldest first
	Number    int             `json:"number"`   // for account numbers
}

type customer struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Status    string    `json:"status"`
	CreatedAt time.Time `json:"created_at"`
}

type account struct {
	ID        string    `json:"id"`
	Customer  string    `json:"customer"`
	Number    string    `json:"number"`
	Name      string    `json:"name"`
	Status    string    `json:"status"`
	Currency  string    `json:"currency"`
	Cents     int64     `json:"cents"`
	Stale     *int64    `json:"stale,omitempty"` // what reads show instead
	Email     string    `json:"email"`
	Notify    []string  `json:"notify"`
	CreatedAt time.Time `json:"created_at"`
}

// Movement is money that moved, in the order in which it did.
type Movement struct {
	Reference string    `json:"reference"` // externalRefID; empty for movements that are not Tangobot's
	From, To  string    // empty on one side for orders and portal funding
	Cents     int64     `json:"cents"`
	Notes     string    `json:"notes"`
	At        time.Time `json:"at"`
}

// Received is a request as it came, for contract tests; but a card's number and code in it are masked.
type Received struct {
	Method, URI, Body string
	Header            http.Header
}

// New makes an empty platform.
func New(config Config) *Sim {
	s := &Sim{config: config, requests: map[string]int{}, listeners: map[chan struct{}]bool{}}
	s.state.Used = map[string]bool{}
	s.mux = http.NewServeMux()
	for pattern, handle := range map[string]func(*call){
		"GET /customers":              s.listCustomers,
		"GET /customers/{c}":          s.getCustomer,
		"GET /customers/{c}/accounts": s.listCustomerAccounts,
		"GET /accounts":               s.listAccounts,
		"GET /accounts/{a}":           s.getAccount,
		"POST /transferFunds":         s.postTransfer,
		"GET /transferFunds":          s.getTransfer,

		"POST /customers":                     s.postCustomer,
		"POST /customers/{c}/accounts":        s.postAccount,
		"PATCH /customers/{c}/accounts/{a}":   s.patchAccount,
		"GET /creditCards":                    s.listCards,
		"POST /creditCards":                   s.postCard,
		"GET /creditCards/{token}":            s.getCard,
		"POST /creditCardUnregisters":         s.postUnregister,
		"POST /creditCardDeposits":            s.postDeposit,
		"GET /creditCardDeposits/{reference}": s.getDeposit,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		s.mux.HandleFunc(method+" "+Base+path, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, pattern, handle) })
	}
	for _, path := range []string{
		"/customers", "/customers/{c}", "/customers/{c}/accounts", "/accounts", "/accounts/{a}", "/transferFunds",
		"/customers/{c}/accounts/{a}", "/creditCards", "/creditCards/{token}", "/creditCardUnregisters", "/creditCardDeposits",
		"/creditCardDeposits/{reference}",
	} {
		s.mux.HandleFunc(Base+path, func(w http.ResponseWriter, r *http.Request) {
			s.begin(w, r).fail(http.StatusMethodNotAllowed, "405.002", "Method not allowed")
		})
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.begin(w, r).fail(http.StatusNotFound, "", "No such resource")
	})
	return s
}

// ServeHTTP answers as Tango does.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// call is one request under way.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	sim   *Sim
	id    string // X-REQUEST-ID
	body  []byte
	fault *Fault
	now   time.Time
}

func (s *Sim) begin(w http.ResponseWriter, r *http.Request) *call {
	c := &call{w: w, r: r, sim: s, id: strings.ToLower(rand.Text()), now: s.config.Clock().UTC()}
	w.Header().Set("X-REQUEST-ID", c.id)
	return c
}

// serve checks what Tango checks before anything else, and applies the fault that is armed for this call.
func (s *Sim) serve(w http.ResponseWriter, r *http.Request, pattern string, handle func(*call)) {
	c := s.begin(w, r)
	c.body = readBody(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[pattern]++
	s.bodies = append(s.bodies, Received{Method: r.Method, URI: r.RequestURI, Body: forgetful(pattern, c.body), Header: r.Header.Clone()})
	if extra := len(s.bodies) - keptRequests; extra > 0 {
		s.bodies = slices.Delete(s.bodies, 0, extra)
	}
	s.settleLate()
	s.settleDeposits()
	name, key, ok := r.BasicAuth()
	switch {
	case !ok:
		c.fail(http.StatusUnauthorized, "401.001", "Basic authentication is missing")
		return
	case subtle.ConstantTimeCompare([]byte(name), []byte(s.config.PlatformName)) != 1 ||
		subtle.ConstantTimeCompare([]byte(key), []byte(s.config.PlatformKey)) != 1:
		c.fail(http.StatusUnauthorized, "401.501", "Platform name or key is wrong")
		return
	case !admitsJSON(r.Header.Values("Accept")):
		c.fail(http.StatusNotAcceptable, "406.001", "Accept must admit JSON")
		return
	case (r.Method == http.MethodPost || r.Method == http.MethodPatch) && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		c.fail(http.StatusUnsupportedMediaType, "415.001", "Content type must be application/json")
		return
	}
	c.fault = s.takeFault(pattern)
	if c.fault == nil && s.config.LimitRate && !s.lastCall.IsZero() && c.now.Sub(s.lastCall) < time.Second && c.now.Sub(s.lastCall) >= 0 {
		c.fail(http.StatusTooManyRequests, "429.001", "Too many requests")
		return
	}
	s.lastCall = c.now
	if c.fault != nil && c.fault.before(c) {
		return
	}
	handle(c)
}

// admitsJSON holds for no Accept header at all, and for one that names JSON or anything.
func admitsJSON(accept []string) bool {
	list := strings.ToLower(strings.Join(accept, ","))
	return list == "" || strings.Contains(list, "application/json") || strings.Contains(list, "*/*") || strings.Contains(list, "application/*")
}

// wireError is Tango's usual error body.
type wireError struct {
	Timestamp  string          `json:"timestamp"`
	RequestID  string          `json:"requestId"`
	Path       string          `json:"path"`
	HTTPCode   int             `json:"httpCode"`
	HTTPPhrase string          `json:"httpPhrase"`
	Key        string          `json:"i18nKey,omitempty"`
	Message    string          `json:"message,omitempty"`
	Errors     []wireErrorItem `json:"errors,omitempty"`
}

type wireErrorItem struct {
	Path       string `json:"path,omitempty"`
	Key        string `json:"i18nKey,omitempty"`
	Message    string `json:"message,omitempty"`
	Invalid    string `json:"invalidValue,omitempty"`
	Constraint string `json:"constraint,omitempty"`
}

// fail answers an error: with the key at the top, as most business errors have it.
func (c *call) fail(status int, key, message string) {
	if c.sim.config.ShortErrors && strings.HasPrefix(c.r.URL.Path, Base+"/customers") {
		c.json(status, map[string]any{"message": message, "i18nKey": key, "i18nTokenReplacements": []string{}})
		return
	}
	c.json(status, c.error(status, wireError{Key: key, Message: message}))
}

// invalid answers 400 with the field's error in the list, as validation errors come. The key's prefix is 422 all the same.
func (c *call) invalid(path, key, message, value string) {
	c.json(http.StatusBadRequest, c.error(http.StatusBadRequest, wireError{
		Errors: []wireErrorItem{{Path: path, Key: key, Message: message, Invalid: value}},
	}))
}

func (c *call) error(status int, e wireError) wireError {
	e.Timestamp, e.RequestID, e.Path = stamp(c.now), c.id, c.r.URL.Path
	e.HTTPCode, e.HTTPPhrase = status, http.StatusText(status)
	return e
}

func (c *call) json(status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("an answer that does not encode: %v", err))
	}
	if c.fault != nil && c.fault.Edit != nil && status < 300 {
		body = edited(body, c.fault.Edit)
	}
	if c.fault != nil && c.fault.after(c, status, body) {
		return
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // the client is gone, or it is not
}

// stamp writes a time as Tango does: without the zeros at the end of the fraction.
func stamp(t time.Time) string {
	return t.UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.999Z")
}

// decimal is an exact number on the wire: Tango's balances are JSON numbers without needless zeros.
type decimal int64

// MarshalJSON writes 12.5 for 1250 cents.
func (d decimal) MarshalJSON() ([]byte, error) { return []byte(d.text()), nil }

func (d decimal) text() string {
	sign, n := "", int64(d)
	if n < 0 {
		sign, n = "-", -n
	}
	text := fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// Requests counts the calls by "METHOD /path", with {c}, {a}, {token} and {reference} for identifiers.
func (s *Sim) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

// keptRequests bounds what Received gives, for a playground that runs for days.
const keptRequests = 2000

// Received gives the newest requests as they came, oldest first.
func (s *Sim) Received() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies)
}

// Save gives the state for Load.
func (s *Sim) Save() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Marshal(s.state)
}

// Load takes a state that Save gave.
func (s *Sim) Load(saved []byte) error {
	var loaded state
	if err := json.Unmarshal(saved, &loaded); err != nil {
		return fmt.Errorf("loading the simulated Tango: %w", err)
	}
	if loaded.Used == nil {
		loaded.Used = map[string]bool{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = loaded
	return nil
}

// Changes gives a channel that gets a value after changes, until stop is called. Several changes may be one value.
func (s *Sim) Changes() (changes <-chan struct{}, stop func()) {
	ch := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners[ch] = true
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listeners, ch)
	}
}

// changed tells the listeners; the lock is held.
func (s *Sim) changed() {
	for ch := range s.listeners {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
