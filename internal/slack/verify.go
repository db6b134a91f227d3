package slack

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// signatureWindow is how old, or how far ahead, a signed request may be (Slack: five minutes).
const signatureWindow = 5 * time.Minute

// errSignature says that a request is not provably from Slack. The text never holds a computed signature.
var errSignature = errors.New("not signed by Slack")

// Verifier checks Slack's v0 signatures over the raw bytes of a body.
type Verifier struct {
	// Signing gives the signing secret, or the one before it. The earlier one is tried after a mismatch, so that a
	// rotation loses no click.
	Signing func(ctx context.Context, previous bool) (treasury.Secret, error)
	Clock   func() time.Time
}

// Check fails with errSignature unless body was signed by Slack within the last five minutes.
func (v Verifier) Check(ctx context.Context, header http.Header, body []byte) error {
	stamps, signatures := header.Values("X-Slack-Request-Timestamp"), header.Values("X-Slack-Signature")
	if len(stamps) != 1 || len(signatures) != 1 {
		return errSignature
	}
	stamp, err := strconv.ParseInt(stamps[0], 10, 64)
	if err != nil || strconv.FormatInt(stamp, 10) != stamps[0] {
		return errSignature
	}
	if age := v.Clock().Sub(time.Unix(stamp, 0)); age > signatureWindow || age < -signatureWindow {
		return errSignature
	}
	sent, ok := strings.CutPrefix(signatures[0], "v0=")
	given, err := hex.DecodeString(sent)
	if !ok || err != nil || len(given) != sha256.Size || sent != strings.ToLower(sent) {
		return errSignature
	}
	for _, previous := range []bool{false, true} {
		secret, err := v.Signing(ctx, previous)
		if err != nil {
			if previous {
				return errSignature // there may never have been an earlier secret
			}
			return fmt.Errorf("reading the signing secret: %w", err)
		}
		if secret.IsSet() && hmac.Equal(given, sign(secret, stamps[0], body)) {
			return nil
		}
	}
	return errSignature
}

func sign(secret treasury.Secret, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	_, _ = fmt.Fprintf(mac, "v0:%s:", stamp) // a hash never fails
	_, _ = mac.Write(body)
	return mac.Sum(nil)
}
