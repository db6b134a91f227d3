package treasury

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tangobot/tangobot/internal/money"
)

// feeKey holds the fee that the last deposit told.
const feeKey = "FEE"

// defaultFeePoints is 3.5 % in hundredths of a percent (Tango's pages; its newest one says 2.9 %). It serves until a
// deposit tells the real one.
const defaultFeePoints = 350

// Fee is what Tango charges on top of a deposit: an estimate, made from the last fee that an answer told.
type Fee struct {
	Points  int64        // hundredths of a percent
	Amount  money.Amount // the fee on the deposit
	Charged money.Amount // what the card would be charged
	SeenAt  time.Time    // when Tango last told a fee; zero: never, it is the one of its pages
}

type seenFee struct {
	Points int64     `json:"points"`
	At     time.Time `json:"at"`
}

// EstimateFee tells what a deposit of this amount would cost. The real fee is read from Tango's answer.
func (d *Desk) EstimateFee(ctx context.Context, amount money.Amount) (Fee, error) {
	records, err := d.Journal.Get(ctx, feeKey)
	if err != nil {
		return Fee{}, fmt.Errorf("reading the last fee: %w", err)
	}
	seen, err := decode[seenFee](records[0])
	if err != nil {
		return Fee{}, err
	}
	if records[0].Version == 0 {
		seen.Points = defaultFeePoints
	}
	f := Fee{Points: seen.Points, SeenAt: seen.At, Amount: feeOn(amount, seen.Points)}
	if f.Charged, err = amount.Add(f.Amount); err != nil {
		return Fee{}, fmt.Errorf("estimating a fee: %w", err)
	}
	return f, nil
}

// feeOn rounds half up to the cent, as the one recorded answer does (1.25 at 3.5 % was charged 1.29).
func feeOn(amount money.Amount, points int64) money.Amount {
	const whole = 10_000
	units, rest := amount.Hundredths/whole, amount.Hundredths%whole // so that no product passes an int64
	return money.New(units*points+(rest*points+whole/2)/whole, amount.Currency)
}

// learnFee keeps the fee that an answer told.
func (d *Desk) learnFee(ctx context.Context, told *DepositResult) {
	if told == nil || told.FeePoints <= 0 {
		return
	}
	records, err := d.Journal.Get(ctx, feeKey)
	if err == nil {
		err = d.Journal.Commit(ctx, NewWriteID(), Write{
			Key: feeKey, Version: records[0].Version, Body: encode(seenFee{told.FeePoints, d.Clock()}),
		})
	}
	if err != nil && !errors.Is(err, ErrConflict) {
		d.Log.WarnContext(ctx, "fee not kept", "error", err)
	}
}
