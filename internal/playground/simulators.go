package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tangobot/tangobot/internal/embedded"
	"github.com/tangobot/tangobot/internal/slack/slacksim"
	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

// Where the simulators are served, beside everything else.
const (
	slackPath = "/sim/slack"
	tangoPath = "/sim/tango" + tangosim.Base
)

// world is what the page shows: the simulators and the clock, kept in the data file.
type world struct {
	clock *clock
	store *embedded.Store
	log   *slog.Logger

	slack *slacksim.Workspace // nil when SLACK_API_URL names another
	tango *tangosim.Sim       // nil when TANGO_API_URL names another

	bell bell

	mu    sync.Mutex
	saved map[string][]byte // by blob, as it lies in the file
}

// openWorld makes the simulators as they were when the data file was left, or new ones.
func openWorld(s settings, base string, store *embedded.Store, c *clock, log *slog.Logger) (*world, error) {
	w := &world{clock: c, store: store, log: log, saved: map[string][]byte{}}
	if s.SlackAPI == "" {
		w.slack = slacksim.New(slacksim.Config{
			Clock: c.now, SigningSecret: s.SigningSecret.Reveal(), BotToken: s.BotToken.Reveal(), BaseURL: base + slackPath,
			Directory: slacksim.Demo(), URLs: slacksim.URLs{
				CommandsURL: base + "/slack/commands", InteractionsURL: base + "/slack/interactions",
				OptionsURL: base + "/slack/options", EventsURL: base + "/slack/events",
			},
		})
	}
	if s.TangoAPI == "" {
		w.tango = tangosim.New(tangosim.Config{Clock: c.now, PlatformName: s.PlatformName, PlatformKey: s.PlatformKey.Reveal()})
	}
	for _, b := range w.blobs() {
		saved, err := store.LoadBlob(b.name)
		switch {
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", b.name, err)
		case len(saved) > 0:
			if err := b.load(saved); err != nil {
				return nil, fmt.Errorf("the data file's %s: %w", b.name, err)
			}
		case b.name == tangoBlob:
			seed(w.tango, c.now())
		}
	}
	return w, nil
}

const tangoBlob = "tangosim"

// blob is one part of the world in the data file.
type blob struct {
	name string
	save func() ([]byte, error)
	load func([]byte) error
}

func (w *world) blobs() []blob {
	list := []blob{{"clock", func() ([]byte, error) { return w.clock.save(), nil }, w.clock.load}}
	if w.tango != nil {
		list = append(list, blob{tangoBlob, w.tango.Save, w.tango.Load})
	}
	if w.slack != nil {
		list = append(list, blob{"slacksim", w.slack.Save, w.slack.Load})
	}
	return list
}

// save writes what has changed to the data file.
func (w *world) save() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var failures []error
	for _, b := range w.blobs() {
		now, err := b.save()
		if err == nil && !bytes.Equal(now, w.saved[b.name]) {
			if err = w.store.SaveBlob(b.name, now); err == nil {
				w.saved[b.name] = now
			}
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("saving %s: %w", b.name, err))
		}
	}
	return errors.Join(failures...)
}

// saveEvery bounds what a killed process loses, and how often the disk is asked while much happens.
const saveEvery = 250 * time.Millisecond

// keep rings the bell at each change and saves soon after, until ctx ends.
func (w *world) keep(ctx context.Context) {
	var work sync.WaitGroup
	if w.slack != nil {
		work.Go(func() {
			for {
				changed := w.slack.Changed()
				w.bell.ring()
				select {
				case <-changed:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	if w.tango != nil {
		work.Go(func() {
			changes, stop := w.tango.Changes()
			defer stop()
			for {
				select {
				case <-changes:
					w.bell.ring()
				case <-ctx.Done():
					return
				}
			}
		})
	}
	for ctx.Err() == nil {
		rung := w.bell.next()
		if err := w.save(); err != nil {
			w.log.ErrorContext(ctx, "simulators not saved", "error", err)
		}
		pause(ctx, saveEvery)
		select {
		case <-rung:
		case <-ctx.Done():
		}
	}
	work.Wait()
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// bell tells everybody who waits that something changed. The zero value is ready.
type bell struct {
	mu   sync.Mutex
	rung chan struct{}
}

// next gives a channel that is closed at the next ring. Take it before reading, so that no change is missed.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}
