package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/tangobot/tangobot/internal/treasury"
)

// Client calls Slack. It is safe for concurrent use; make it with NewClient.
type Client struct {
	config ClientConfig
	hook   *url.URL // the host that response_url must have

	mu      sync.Mutex
	api     *slackgo.Client
	token   string
	people  map[string]cached[treasury.Person]
	members map[string]cached[[]string]
}

// ClientConfig is what a Client needs. All fields are required.
type ClientConfig struct {
	APIURL string // such as https://slack.com/api/
	Token  func(ctx context.Context) (treasury.Secret, error)
	HTTP   *http.Client // with a time-out of its own
	Clock  func() time.Time
}

type cached[T any] struct {
	value T
	at    time.Time
}

// peopleFresh is how long a looked-up person or group counts as current: a minute at most stands between losing a
// right and losing its use.
const peopleFresh = time.Minute

// hooksHost is the only host of a real response_url. Against another server than Slack's own, such as a simulated
// workspace on this machine, that server's host takes its place.
const hooksHost = "hooks.slack.com"

// NewClient makes a client. It fails when the address of the API is not a URL.
func NewClient(config ClientConfig) (*Client, error) {
	base, err := url.Parse(config.APIURL)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("the address of Slack's API is not a URL: %w", treasury.ErrInvalid)
	}
	if !strings.HasSuffix(config.APIURL, "/") {
		config.APIURL += "/"
	}
	hook := &url.URL{Scheme: "https", Host: hooksHost}
	if base.Hostname() != "slack.com" {
		hook = &url.URL{Scheme: base.Scheme, Host: base.Host}
	}
	// No redirect is followed: it would carry the token, or what a person asked, to wherever it names.
	client := *config.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	config.HTTP = &client
	return &Client{
		config: config, hook: hook,
		people: map[string]cached[treasury.Person]{}, members: map[string]cached[[]string]{},
	}, nil
}

// slack gives a slack-go client for the token of this moment.
func (c *Client) slack(ctx context.Context) (*slackgo.Client, error) {
	token, err := c.config.Token(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the bot token: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.api == nil || c.token != token.Reveal() {
		c.token = token.Reveal()
		c.api = slackgo.New(c.token, slackgo.OptionAPIURL(c.config.APIURL), slackgo.OptionHTTPClient(c.config.HTTP))
	}
	return c.api, nil
}

// maxRateWait bounds the wait that Slack may ask of a call that is worth repeating at once.
const maxRateWait = 5 * time.Second

// call runs one API call, and once more after a rate limit whose wait fits into ctx. Nothing else is repeated: a post
// may have happened although its answer was lost.
func (c *Client) call(ctx context.Context, method string, f func(*slackgo.Client) error) error {
	api, err := c.slack(ctx)
	if err != nil {
		return err
	}
	err = f(api)
	var limited *slackgo.RateLimitedError
	if errors.As(err, &limited) && limited.RetryAfter <= maxRateWait && waitFits(ctx, limited.RetryAfter, c.config.Clock()) {
		timer := time.NewTimer(limited.RetryAfter)
		defer timer.Stop()
		select {
		case <-timer.C:
			err = f(api)
		case <-ctx.Done():
		}
	}
	if err != nil {
		return slackError(method, err)
	}
	return nil
}

func waitFits(ctx context.Context, wait time.Duration, now time.Time) bool {
	deadline, ok := ctx.Deadline()
	return !ok || now.Add(wait+time.Second).Before(deadline)
}

// APIError is Slack's no, by its code, such as "channel_not_found".
type APIError struct {
	Method string
	Code   string
	Detail string // what Slack adds: the missing scope, or where in the blocks
}

func (e *APIError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("slack %s: %s %s", e.Method, e.Code, e.Detail))
}

// slackError keeps what is useful of slack-go's errors, and nothing that may hold a URL or token.
func slackError(method string, err error) error {
	var refused slackgo.SlackErrorResponse
	var limited *slackgo.RateLimitedError
	var status slackgo.StatusCodeError
	switch {
	case errors.As(err, &refused):
		detail := strings.Join(refused.ResponseMetadata.Messages, "; ")
		if refused.Needed != "" {
			detail = "needs scope " + refused.Needed
		}
		return &APIError{Method: method, Code: refused.Err, Detail: detail}
	case errors.As(err, &limited):
		return fmt.Errorf("slack %s: rate limited: %w", method, treasury.ErrUnavailable) // ErrBusy is Tango's limit
	case errors.As(err, &status):
		return fmt.Errorf("slack %s: status %d: %w", method, status.Code, treasury.ErrUnavailable)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fmt.Errorf("slack %s: no answer in time: %w", method, treasury.ErrUnavailable)
	}
	return fmt.Errorf("slack %s: no usable answer: %w", method, treasury.ErrUnavailable)
}

// isCode reports whether Slack said no with one of these codes.
func isCode(err error, codes ...string) bool {
	var refused *APIError
	return errors.As(err, &refused) && slices.Contains(codes, refused.Code)
}

// message is what is shown: blocks for the eye, and a text that says all of it to notifications and screen readers.
type message struct {
	Text   string
	Blocks []slackgo.Block
}

func (m message) options() []slackgo.MsgOption {
	return []slackgo.MsgOption{
		slackgo.MsgOptionText(m.Text, false), slackgo.MsgOptionBlocks(m.Blocks...),
		slackgo.MsgOptionDisableLinkUnfurl(), slackgo.MsgOptionDisableMediaUnfurl(),
	}
}

// post posts to a channel, or by a user id to that person's direct messages. thread may be empty.
func (c *Client) post(ctx context.Context, channel, thread string, m message) (treasury.Message, error) {
	options := m.options()
	if thread != "" {
		options = append(options, slackgo.MsgOptionTS(thread))
	}
	var posted treasury.Message
	err := c.call(ctx, "chat.postMessage", func(api *slackgo.Client) error {
		where, ts, err := api.PostMessageContext(ctx, channel, options...)
		posted = treasury.Message{Channel: where, TS: ts}
		return err
	})
	return posted, err
}

func (c *Client) update(ctx context.Context, at treasury.Message, m message) error {
	return c.call(ctx, "chat.update", func(api *slackgo.Client) error {
		_, _, _, err := api.UpdateMessageContext(ctx, at.Channel, at.TS, m.options()...)
		return err
	})
}

func (c *Client) open(ctx context.Context, trigger string, view slackgo.ModalViewRequest) error {
	return c.call(ctx, "views.open", func(api *slackgo.Client) error {
		_, err := api.OpenViewContext(ctx, trigger, view)
		return err
	})
}

// publish shows App Home. hash is that of the view it replaces, or empty.
func (c *Client) publish(ctx context.Context, user, hash string, blocks []slackgo.Block) error {
	request := slackgo.PublishViewContextRequest{
		UserID: user, View: slackgo.HomeTabViewRequest{Type: slackgo.VTHomeTab, Blocks: slackgo.Blocks{BlockSet: blocks}},
	}
	if hash != "" {
		request.Hash = &hash
	}
	return c.call(ctx, "views.publish", func(api *slackgo.Client) error {
		_, err := api.PublishViewContext(ctx, request)
		return err
	})
}

// Person looks a user up, at most a minute ago.
func (c *Client) Person(ctx context.Context, id string) (treasury.Person, error) {
	return fresh(c, c.people, id, func() (treasury.Person, error) {
		var user *slackgo.User
		err := c.call(ctx, "users.info", func(api *slackgo.Client) (err error) {
			user, err = api.GetUserInfoContext(ctx, id)
			return err
		})
		if isCode(err, "user_not_found", "user_not_visible") {
			return treasury.Person{ID: id, Standing: treasury.StandingForeign}, nil
		}
		if err != nil {
			return treasury.Person{}, err
		}
		return person(user), nil
	})
}

func person(u *slackgo.User) treasury.Person {
	p := treasury.Person{ID: u.ID, Team: u.TeamID, Name: u.RealName}
	if p.Name == "" {
		p.Name = u.Name
	}
	switch {
	case u.Deleted:
		p.Standing = treasury.StandingDeleted
	case u.IsBot, u.IsAppUser, u.IsConnectorBot, u.IsWorkflowBot, u.ID == "USLACKBOT":
		p.Standing = treasury.StandingBot
	case u.IsStranger:
		p.Standing = treasury.StandingForeign
	case u.IsRestricted, u.IsUltraRestricted, u.IsInvitedUser:
		p.Standing = treasury.StandingGuest
	}
	return p
}

// Members lists a user group's people, at most a minute ago. A disabled or empty group is nobody, and an error.
func (c *Client) Members(ctx context.Context, group string) ([]string, error) {
	return fresh(c, c.members, group, func() ([]string, error) {
		var members []string
		err := c.call(ctx, "usergroups.users.list", func(api *slackgo.Client) (err error) {
			members, err = api.GetUserGroupMembersContext(ctx, group)
			return err
		})
		if err == nil && len(members) == 0 {
			err = fmt.Errorf("user group %s is empty or disabled: %w", group, treasury.ErrUnavailable)
		}
		return members, err
	})
}

// fresh gives a cached value, or looks it up. Failures are not kept.
func fresh[T any](c *Client, cache map[string]cached[T], key string, look func() (T, error)) (T, error) {
	c.mu.Lock()
	old, ok := cache[key]
	c.mu.Unlock()
	now := c.config.Clock()
	if age := now.Sub(old.at); ok && age >= 0 && age < peopleFresh {
		return old.value, nil
	}
	value, err := look()
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	cache[key] = cached[T]{value, now}
	return value, nil
}

// respond answers through a response_url: only the person sees it, and it replaces what was there. It works for half
// an hour and five times (Slack).
func (c *Client) respond(ctx context.Context, responseURL string, m message, replace bool) error {
	target, err := url.Parse(responseURL)
	if err != nil || target.Scheme != c.hook.Scheme || target.Host != c.hook.Host || target.User != nil {
		return fmt.Errorf("a response_url of another host: %w", treasury.ErrInvalid)
	}
	body, err := json.Marshal(struct {
		Type    string          `json:"response_type"`
		Replace bool            `json:"replace_original"`
		Text    string          `json:"text"`
		Blocks  []slackgo.Block `json:"blocks,omitempty"`
	}{"ephemeral", replace, m.Text, m.Blocks})
	if err != nil {
		return fmt.Errorf("encoding a response: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making a response: %w", treasury.ErrInvalid)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	res, err := c.config.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("slack response_url: no answer: %w", treasury.ErrUnavailable)
	}
	defer func() { _ = res.Body.Close() }() // nothing more is read
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	switch {
	case res.StatusCode == http.StatusOK && !bytes.Contains(text, []byte(`"ok":false`)):
		return nil
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("slack response_url: status %d: %w", res.StatusCode, treasury.ErrUnavailable)
	}
	return &APIError{Method: "response_url", Code: fmt.Sprintf("status_%d", res.StatusCode)}
}
