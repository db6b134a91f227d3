package main

import (
	"context"
	"testing"
	"time"
)

func TestClockGoesForwardOnly(t *testing.T) {
	t.Parallel()
	machine := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := &clock{machine: func() time.Time { return machine }}
	for _, by := range []time.Duration{0, -time.Second, furthest + 1} {
		if err := c.push(by); err == nil {
			t.Errorf("pushed by %s", by)
		}
	}
	if err := c.push(time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := c.push(time.Hour); err != nil {
		t.Fatal(err)
	}
	if got, want := c.now(), machine.Add(time.Hour+time.Minute); !got.Equal(want) {
		t.Errorf("it is %s, want %s", got, want)
	}
	if err := c.push(furthest); err == nil {
		t.Error("pushed beyond the end")
	}
	again := &clock{machine: c.machine}
	if err := again.load(c.save()); err != nil {
		t.Fatal(err)
	}
	if !again.now().Equal(c.now()) {
		t.Errorf("after a restart it is %s, was %s", again.now(), c.now())
	}
	for _, saved := range []string{"", "-1", "1h", "9223372036854775807"} {
		if err := again.load([]byte(saved)); err == nil {
			t.Errorf("loaded %q", saved)
		}
	}
}

// The desk compares Deadline with its clock, so both are on the pushed one; the context still ends in real time, and so
// do those that are made from it.
func TestShiftedContextEndsInRealTime(t *testing.T) {
	t.Parallel()
	c := &clock{machine: time.Now}
	if err := c.push(24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	real, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	ctx := c.shift(real)
	told, ok := ctx.Deadline()
	at, _ := real.Deadline()
	if !ok || !told.Equal(at.Add(24*time.Hour)) {
		t.Errorf("the deadline is told as %s, %v; in real time it is %s", told, ok, at)
	}
	child, cancelChild := context.WithTimeout(ctx, time.Hour)
	defer cancelChild()
	for name, one := range map[string]context.Context{"context": ctx, "child": child} {
		select {
		case <-one.Done():
		case <-time.After(patience):
			t.Errorf("the %s did not end", name)
		}
	}
	if _, ok := c.shift(t.Context()).Deadline(); ok {
		t.Error("a context without a deadline has got one")
	}
}

func TestSpell(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 s", time.Second: "1 s", 61 * time.Second: "1 min 1 s", 28 * time.Hour: "1 day 4 h", 49 * time.Hour: "2 days 1 h",
	} {
		if got := spell(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
