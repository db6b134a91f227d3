package treasury

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// InviteLife is how long a one-time card link is good.
const InviteLife = 15 * time.Minute

// Invite is a one-time link to the card page. The link itself is told to one person and kept nowhere; its hash is kept.
type Invite struct {
	Hash      string    `json:"hash"` // SHA-256 of the link's 32 random bytes, in hex
	Person    string    `json:"person"`
	ExpiresAt time.Time `json:"expires_at"`
}

// is compares a used link's hash in constant time, and its time.
func (i *Invite) is(hash string, at time.Time) bool {
	return i != nil && hash != "" && subtle.ConstantTimeCompare([]byte(i.Hash), []byte(hash)) == 1 && at.Before(i.ExpiresAt)
}

// IsLive reports whether the link can still be used.
func (i *Invite) IsLive(at time.Time) bool { return i != nil && at.Before(i.ExpiresAt) }

// Link is the secret part of a one-time link: the request's id and 32 random bytes.
type Link struct{ text Secret }

func newLink(request string) (Link, string) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return Link{NewSecret(request + "." + base64.RawURLEncoding.EncodeToString(b[:]))}, hashOf(b[:])
}

// Path gives the part of the link's address behind /cards/.
func (l Link) Path() string { return l.text.Reveal() }

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// linkSigns is how long the secret part is: 32 bytes in base64.
const linkSigns = 43

// readLink takes a link's path apart. One link has one spelling: base64 would pass over line breaks and over the two bits
// that the last sign has too many.
func readLink(path string) (request, hash string, ok bool) {
	request, secret, found := strings.Cut(path, ".")
	b, err := base64.RawURLEncoding.Strict().DecodeString(secret)
	if !found || err != nil || len(secret) != linkSigns || len(b) != 32 || !IsRequestID(request) {
		return "", "", false
	}
	return request, hashOf(b), true
}

// Invite makes the one-time link of an approved card registration, after asking anew whether everybody may still do what
// they did. A link that is still good is not replaced, unless renew is set: then the old one ends. made is false when
// there is nothing to do.
func (d *Desk) Invite(ctx context.Context, id string, renew bool) (link Link, r Request, made bool, err error) {
	before, _, err := d.read(ctx, id)
	if err != nil {
		return Link{}, Request{}, false, err
	}
	if before.Action.Kind != ActionRegisterCard || before.State != StateApproved || before.Invite.IsLive(d.Clock()) && !renew {
		return Link{}, before, false, nil
	}
	valid, reason, err := d.stillApproved(ctx, before)
	if err != nil {
		return Link{}, before, false, err
	}
	if reason != ReasonNone {
		return Link{}, before, false, d.giveUp(ctx, id, reason)
	}
	link, hash := newLink(id)
	r, err = d.change(ctx, id, func(now Request) (Event, error) {
		if now.State != StateApproved || now.Step != before.Step {
			return Event{}, ErrConflict
		}
		at := d.Clock()
		return Event{
			Kind: EventInvite, At: at, Valid: valid,
			Invite: Invite{Hash: hash, Person: now.Requester, ExpiresAt: at.Add(InviteLife)},
		}, nil
	})
	if err != nil {
		return Link{}, r, false, err
	}
	return link, r, true, nil
}

// AskForLink queues a new link for the requester of an approved card registration; nobody else gets one.
func (d *Desk) AskForLink(ctx context.Context, person, id string) error {
	r, _, err := d.read(ctx, id)
	switch {
	case err != nil:
		return err
	case r.Requester != person:
		return &Forbidden{Why: WhyNotRequester}
	case r.Action.Kind != ActionRegisterCard, r.State != StateApproved:
		return &Forbidden{Why: WhyDecided, State: r.State}
	}
	return Job{Invite: id, Renew: true}.Send(ctx, d.Questions, 0)
}

// Invited gives the request of a link that can be used now. Everything else is one refusal, so that nobody learns by
// trying. It changes nothing: Slack and mail readers fetch links to preview them.
func (d *Desk) Invited(ctx context.Context, path string) (Request, error) {
	id, hash, ok := readLink(path)
	if !ok {
		return Request{}, &Forbidden{Why: WhyLink}
	}
	r, _, err := d.read(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return Request{}, &Forbidden{Why: WhyLink}
	}
	if err != nil {
		return Request{}, err
	}
	if r.Action.Kind != ActionRegisterCard || r.State != StateApproved || !r.Invite.is(hash, d.Clock()) {
		return Request{}, &Forbidden{Why: WhyLink}
	}
	return r, nil
}

// Register carries a card registration out with what the holder typed: once, like every other call that changes
// something at Tango. ctx must have the deadline at which the invocation is killed. The request that comes back tells the
// outcome: succeeded; approved again with Answer's refusal, to be corrected; failed; or in_doubt. card and address are
// handed on once and kept nowhere.
func (d *Desk) Register(ctx context.Context, path string, card CardDetails, address string) (Request, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return Request{}, fmt.Errorf("registering a card without a deadline: %w", ErrInvalid)
	}
	if left := deadline.Sub(d.Clock()); left < minRun { // Next would refuse the claim, which must not read as a dead link
		return Request{}, fmt.Errorf("registering a card with %s left: %w", left, ErrUnavailable)
	}
	r, err := d.Invited(ctx, path)
	if err != nil {
		return Request{}, err
	}
	_, hash, _ := readLink(path)
	r, err = d.change(ctx, r.ID, func(now Request) (Event, error) {
		return Event{
			Kind: EventClaim, At: d.Clock(), Valid: now.Rule.Approvals, NotAfter: deadline, Invite: Invite{Hash: hash},
		}, nil
	})
	if errors.Is(err, ErrConflict) {
		return Request{}, &Forbidden{Why: WhyLink}
	}
	if err != nil {
		return Request{}, err
	}
	return d.attempt(ctx, r, func(ctx context.Context, r Request) Answer {
		return d.Mover.RegisterCard(ctx, r.order(), card, address)
	})
}
