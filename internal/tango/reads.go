package tango

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// The bounds of a read.
const (
	readTries = 3                      // Tango advises at most five, but somebody in Slack is waiting
	readTime  = 10 * time.Second       // one try, from the dial to the last byte
	readPause = 250 * time.Millisecond // before the second try; doubled before each further one
	maxPause  = 3 * time.Second        // the longest Retry-After that is waited for
	maxRead   = 16 << 20               // bytes of an answer: a bare list of some 40,000 accounts
	throttled = time.Second            // the pause after a 429 without Retry-After: Tango counts by the second
)

// readClient keeps its connections, follows nothing and takes no proxy from the environment.
func readClient(config Config) *http.Client {
	dial := config.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	}
	return &http.Client{
		CheckRedirect: stay,
		Transport: &http.Transport{
			DialContext:            dial,
			TLSClientConfig:        tlsConfig(config.RootCAs),
			TLSHandshakeTimeout:    5 * time.Second,
			ResponseHeaderTimeout:  readTime,
			IdleConnTimeout:        time.Minute,
			MaxIdleConnsPerHost:    2,
			MaxResponseHeaderBytes: 64 << 10,
			Protocols:              onlyHTTP1(),
		},
	}
}

// outcome is what one try at a read gave.
type outcome struct {
	value any
	err   error
	again bool          // another try may go better
	pause time.Duration // before it
}

// read gets a resource. It waits for the pace before each try, and tries again after a lost connection, a 5xx and a 429
// that counts calls, as long as ctx lasts.
func (c *Client) read(ctx context.Context, path string, query url.Values) (any, error) {
	address := c.config.API + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	for try := 1; ; try++ {
		o := c.tryRead(ctx, address, try)
		if o.err == nil || !o.again || try == readTries {
			return o.value, o.err
		}
		c.config.Log.WarnContext(ctx, "reading from Tango failed, trying again", "try", try, "pause", o.pause, "error", o.err)
		if !wait(ctx, o.pause) {
			return nil, fmt.Errorf("%w: %w", o.err, context.Cause(ctx))
		}
	}
}

func (c *Client) tryRead(ctx context.Context, address string, try int) outcome {
	if err := c.config.Pacer.Wait(ctx); err != nil {
		if !errors.Is(err, treasury.ErrBusy) {
			err = fmt.Errorf("%w: %w", treasury.ErrUnavailable, err)
		}
		return outcome{err: err}
	}
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	request, err := c.newRequest(ctx, http.MethodGet, address, nil)
	if err != nil {
		return outcome{err: err}
	}
	response, err := c.reads.Do(request)
	if err != nil {
		return c.lost(outer, err, try)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRead+1))
	switch {
	case err != nil:
		return c.lost(outer, err, try)
	case len(body) > maxRead:
		return outcome{err: fmt.Errorf("an answer of more than %d bytes: %w", maxRead, treasury.ErrUnavailable)}
	case response.StatusCode != http.StatusOK:
		return c.notOK(response, body, try)
	}
	value, err := parse(body)
	if err == nil && !isJSON(response.Header) {
		err = errNotJSON
	}
	if err != nil {
		return outcome{err: fmt.Errorf("reading Tango's answer: %w: %w", treasury.ErrUnavailable, err)}
	}
	return outcome{value: value}
}

func (c *Client) lost(ctx context.Context, err error, try int) outcome {
	if ctx.Err() != nil {
		return outcome{err: fmt.Errorf("%s: %w: %w", failure(err), treasury.ErrUnavailable, context.Cause(ctx))}
	}
	return outcome{err: fmt.Errorf("%s: %w", failure(err), treasury.ErrUnavailable), again: true, pause: c.backOff(try)}
}

// notOK decides whether a status is worth another try. A 429 has many meanings at Tango; only two of its keys, and a 429
// that is not Tango's own, mean that there were too many calls.
func (c *Client) notOK(response *http.Response, body []byte, try int) outcome {
	o := outcome{err: readError(response.StatusCode, response.Header, body)}
	switch {
	case response.StatusCode >= 500:
		o.again, o.pause = true, c.backOff(try)
	case response.StatusCode == http.StatusTooManyRequests:
		key, _ := tangoError(response.StatusCode, response.Header, body)
		o.pause = c.retryAfter(response.Header)
		o.again = (key == "" || key == "429.001" || key == "429.008") && o.pause <= maxPause
	}
	return o
}

// backOff gives a pause that doubles with each try, and of that a random part from half to the whole.
func (c *Client) backOff(try int) time.Duration {
	whole := readPause << (try - 1)
	return whole/2 + c.config.Jitter(whole/2)
}

// retryAfter reads the header in both of its forms: seconds, or a date.
func (c *Client) retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 16); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(c.config.Clock()), 0)
	}
	if text != "" {
		return maxPause + 1 // a number too long, or no form at all: not soon
	}
	return throttled
}

// wait lets d pass and reports whether it did before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// identifierPath puts an identifier behind a path. What would be another resource, or none, is not found: Tango's
// identifiers have 5 to 100 letters, digits and hyphens, but a longer or stranger one of an older account may exist.
func identifierPath(path, id string) (string, error) {
	if id == "" || id == "." || id == ".." || len(id) > 255 {
		return "", treasury.ErrNotFound
	}
	return path + "/" + url.PathEscape(id), nil
}

// one reads the resource that an identifier names, and makes sure that it is the one that came.
func one[T any](
	ctx context.Context, c *Client, noun, base, id string, read func(*fields) T, isIt func(T) bool,
) (found T, err error) {
	fail := func(err error) (T, error) {
		var none T
		return none, fmt.Errorf("reading %s: %w", noun, err)
	}
	path, err := identifierPath(base, id)
	if err != nil {
		return fail(err)
	}
	answer, err := c.read(ctx, path, nil)
	if err != nil {
		return fail(err)
	}
	f, err := fieldsOf(answer)
	if err != nil {
		return fail(unreadable(err))
	}
	found = read(f)
	switch {
	case f.failed() != nil:
		return fail(unreadable(f.failed()))
	case !isIt(found):
		return fail(unreadable(errors.New("another one came than was asked for")))
	}
	return found, nil
}
