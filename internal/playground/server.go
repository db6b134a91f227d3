package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tangobot/tangobot/internal/cardpage"
	"github.com/tangobot/tangobot/internal/embedded"
)

//go:embed page
var page embed.FS

// playground is the whole process. Make it with open, then serve.
type playground struct {
	*world
	bot      *bot
	settings settings
	listener net.Listener
	address  string // http://127.0.0.1:3000
	ready    atomic.Bool
	armed    atomic.Pointer[string] // says which fault was armed last
	ended    chan struct{}          // closed when serving ends: streams must not hold it up
}

// run is the process's life: until ctx ends.
func run(ctx context.Context, s settings, now func() time.Time, log *slog.Logger) error {
	p, err := open(ctx, s, now, log)
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "open the playground in a browser", "address", p.address)
	return p.serve(ctx)
}

// open reads the data file and listens, on 127.0.0.1 alone: the page lets anybody who reaches it act as anybody.
func open(ctx context.Context, s settings, now func() time.Time, log *slog.Logger) (p *playground, err error) {
	c := &clock{machine: now}
	store, err := embedded.Open(s.DataDir, c.now)
	if err != nil {
		return nil, err
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listening (PORT names another port): %w", err), store.Close())
	}
	p = &playground{settings: s, listener: listener, address: "http://" + listener.Addr().String(), ended: make(chan struct{})}
	if p.world, err = openWorld(s, p.address, store, c, log); err == nil {
		p.bot, err = newBot(s, p.address, store, c, log)
	}
	if err != nil {
		return nil, errors.Join(err, listener.Close(), store.Close())
	}
	return p, nil
}

// How long the parts of a stop may take. A money job that has begun may take longer, and is waited for.
const stopTime = 5 * time.Second

// serve answers until ctx ends. It stops in the order in which the parts need each other: jobs that have begun still
// find the simulators, the simulators' last state is saved, and the file is closed.
func (p *playground) serve(ctx context.Context) error {
	server := &http.Server{
		Handler: p.routes(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug), // dropped connections are faults that were asked for
	}
	failed := make(chan error, 1)
	var serving, work sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	})
	working, stop := context.WithCancel(ctx)
	defer stop()
	keeping, stopKeeping := context.WithCancel(context.WithoutCancel(ctx))
	defer stopKeeping()
	serving.Go(func() { p.keep(keeping) })
	var watched sync.Once
	begun := make(chan struct{})
	work.Go(func() {
		p.bot.run(working, p.settings.WatchInterval, func() { watched.Do(func() { close(begun) }) })
	})
	work.Go(func() { p.becomeReady(working, begun) })

	var failure error
	select {
	case failure = <-failed:
	case <-ctx.Done():
	}
	p.log.InfoContext(ctx, "stopping")
	p.ready.Store(false)
	stop()
	work.Wait()
	close(p.ended)
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := server.Shutdown(stopping); err != nil {
		failure = errors.Join(failure, server.Close())
	}
	stopKeeping()
	serving.Wait()
	return errors.Join(failure, p.save(), p.store.Close())
}

// firstWatch bounds the wait for the first watch: with a Tango that does not answer the rest still works.
const firstWatch = 5 * time.Second

// becomeReady lets /healthz say yes once the first watch has read the accounts.
func (p *playground) becomeReady(ctx context.Context, watched <-chan struct{}) {
	timer := time.NewTimer(firstWatch)
	defer timer.Stop()
	select {
	case <-watched:
	case <-timer.C:
	case <-ctx.Done():
		return
	}
	p.ready.Store(true)
}

// routes are the bot's, as API Gateway has them, the simulators' and the page's.
func (p *playground) routes() http.Handler {
	mux := http.NewServeMux()
	for path, handle := range map[string]http.HandlerFunc{
		"/slack/commands":     p.bot.edge.Commands,
		"/slack/interactions": p.bot.edge.Interactions,
		"/slack/options":      p.bot.edge.Options,
		"/slack/events":       p.bot.edge.Events,
	} {
		mux.HandleFunc("POST "+path, handle)
	}
	mux.HandleFunc("/slack/", notFound)
	mux.Handle("GET "+cardpage.Path+"{invite}", p.bot.page)
	mux.HandleFunc("POST "+cardpage.Path+"{invite}", p.bot.takeCard)
	mux.HandleFunc(cardpage.Path, notFound)
	mux.HandleFunc("GET /healthz", p.health)
	if p.slack != nil {
		mux.Handle(slackPath+"/", http.StripPrefix(slackPath, p.slack))
	}
	if p.tango != nil {
		mux.Handle(tangoPath+"/", http.StripPrefix("/sim/tango", p.tango))
	}
	mux.HandleFunc("/sim/", notFound)
	mux.Handle("/", p.guard(p.pageRoutes()))
	return mux
}

// notFound answers what API Gateway answers for a route that it does not have.
func notFound(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write([]byte(`{"message":"Not Found"}`)) // the client is gone, or it is not
}

func (p *playground) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !p.ready.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("not ready\n")) // the client is gone, or it is not
		return
	}
	_, _ = w.Write([]byte("ok\n")) // the client is gone, or it is not
}

// guard keeps other sites out of the page's endpoints: a name that was pointed at 127.0.0.1 is not ours (Host), and a
// form or script of another origin cannot act (Origin, Sec-Fetch-Site). Nothing but the page's own files runs in it.
func (p *playground) guard(next http.Handler) http.Handler {
	_, port, _ := net.SplitHostPort(p.listener.Addr().String())
	sameOrigin := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
			"connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if r.Host != "127.0.0.1:"+port && r.Host != "localhost:"+port {
			http.Error(w, "this playground is served as 127.0.0.1:"+port+" only", http.StatusMisdirectedRequest)
			return
		}
		sameOrigin.ServeHTTP(w, r)
	})
}

// pageRoutes are the page's files and the endpoints that they call.
func (p *playground) pageRoutes() http.Handler {
	mux := http.NewServeMux()
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic("the embedded folder is there: " + err.Error())
	}
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /play/state", p.playState)
	mux.HandleFunc("GET /play/changes", p.playChanges)
	mux.HandleFunc("GET /play/files/{id}", p.playFile)
	for name, act := range p.acts() {
		mux.HandleFunc("POST /play/"+name, p.playAct(act))
	}
	return mux
}
