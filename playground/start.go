package playground

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"waybill/playground/internal/state"
)

// roles in the order in which they are started.
func roles() []Role { return []Role{IdP, AuthorizationServer, API, MCP} }

// Limits of the listeners.
const (
	headerLimit   = 5 * time.Second // for a request's headers
	idleLimit     = 2 * time.Minute
	maxHeader     = 64 << 10
	shutdownLimit = 500 * time.Millisecond // for requests that are under way at Close
	ownerLimit    = 5 * time.Second
)

// Start binds four loopback listeners and serves until Close. The context
// bounds the start only. If another process serves on Options.Dir, the error is
// ErrRunning as soon as Attach finds that process.
func Start(ctx context.Context, o Options) (*Playground, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	p, err := openOrWait(ctx, o)
	if err != nil {
		return nil, err
	}
	listeners, err := p.listen(ctx)
	if err == nil {
		err = p.assemble(originsOf(listeners))
	}
	if err == nil {
		p.serve(listeners)
		err = p.folder.announce(p.instance, p.endpoints)
	} else {
		closeAll(listeners)
	}
	if err != nil {
		_ = p.Close() // what it says of the same folder would only hide the cause
		return nil, err
	}
	return p, nil
}

// openOrWait opens the folder, or waits until its owner can be found: it may
// just be starting, or just be stopping.
func openOrWait(ctx context.Context, o Options) (*Playground, error) {
	ctx, cancel := context.WithTimeout(ctx, ownerLimit)
	defer cancel()
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for {
		p, err := open(o)
		if !errors.Is(err, ErrRunning) {
			return p, err
		}
		if _, found := Attach(o.Dir); found {
			return nil, err
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("the playground's folder %s is in use by a program that does not answer: %w", o.Dir, context.Cause(ctx))
		}
	}
}

// listen binds the ports: those that are asked for, else those of the last
// start, else free ones. They are kept for the next start.
func (p *Playground) listen(ctx context.Context) (map[Role]net.Listener, error) {
	asked := map[Role]int{IdP: p.o.Ports.IdP, AuthorizationServer: p.o.Ports.AuthorizationServer, API: p.o.Ports.API, MCP: p.o.Ports.MCP}
	kept := map[string]int{}
	p.store.View(func(d *state.Data) {
		for role, port := range d.Ports {
			kept[role] = port
		}
	})
	bound := map[Role]net.Listener{}
	changed := false
	for _, role := range roles() {
		l, err := bind(ctx, p.o.Addr, asked[role], kept[role.String()], role, p.o.Log)
		if err != nil {
			closeAll(bound)
			return nil, err
		}
		bound[role] = l
		port := l.Addr().(*net.TCPAddr).Port
		changed = changed || kept[role.String()] != port
		kept[role.String()] = port
	}
	if !changed {
		return bound, nil
	}
	err := p.store.Update(func(d *state.Data) error {
		d.Ports = kept
		return nil
	})
	if err != nil {
		closeAll(bound)
		return nil, fmt.Errorf("the playground's ports cannot be kept: %w", err)
	}
	return bound, nil
}

// bind binds one port. A port of the last start that another program has taken
// meanwhile is replaced; one that was asked for is not.
func bind(ctx context.Context, addr string, asked, kept int, role Role, log *slog.Logger) (net.Listener, error) {
	if asked != 0 {
		l, err := listenOn(ctx, addr, asked)
		if err != nil {
			return nil, fmt.Errorf("port %d, which was asked for %v, cannot be used: %w", asked, role, err)
		}
		return l, nil
	}
	if kept != 0 {
		l, err := listenOn(ctx, addr, kept)
		if err == nil {
			return l, nil
		}
		log.Warn("The playground's port is taken by another program, so a new one is used. Sessions of the old address end.",
			"service", role.String(), "port", kept, "reason", err)
	}
	// Not port 0 at once: the system gives ports of the range that outgoing
	// connections use, and at the next start one of them may have this one.
	for range 20 {
		if l, err := listenOn(ctx, addr, 20000+rand.IntN(12000)); err == nil {
			return l, nil
		}
	}
	l, err := listenOn(ctx, addr, 0)
	if err != nil {
		return nil, fmt.Errorf("no free port was found for %v: %w", role, err)
	}
	return l, nil
}

func listenOn(ctx context.Context, addr string, port int) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", net.JoinHostPort(addr, strconv.Itoa(port)))
}

func closeAll(listeners map[Role]net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

func originsOf(listeners map[Role]net.Listener) Origins {
	at := func(role Role) string { return "http://" + listeners[role].Addr().String() }
	return Origins{IdP: at(IdP), AuthorizationServer: at(AuthorizationServer), API: at(API), MCP: at(MCP)}
}

// serve runs the four servers and makes the keys meanwhile.
func (p *Playground) serve(listeners map[Role]net.Listener) {
	base, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	var servers []*http.Server
	for role, listener := range listeners {
		server := &http.Server{
			Handler: p.Handler(role), ReadHeaderTimeout: headerLimit, IdleTimeout: idleLimit, MaxHeaderBytes: maxHeader,
			BaseContext: func(net.Listener) context.Context { return base },
			ErrorLog:    slog.NewLogLogger(p.o.Log.Handler(), slog.LevelDebug),
		}
		servers = append(servers, server)
		running.Go(func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				p.o.Log.Error("A service of the playground has stopped.", "service", role.String(), "reason", err)
			}
		})
	}
	running.Go(func() {
		if err := errors.Join(p.idpKeys.Warm(), p.serverKeys.Warm()); err != nil {
			p.o.Log.Error("The playground could not make its keys.", "reason", err)
		}
	})
	p.stop = func() error {
		err := p.folder.withdraw()
		shutdown(servers, end)
		running.Wait()
		return err
	}
}

// shutdown lets requests that are under way finish, for a moment; streams, which
// never finish by themselves, are ended then.
func shutdown(servers []*http.Server, end func()) {
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	var all sync.WaitGroup
	for _, server := range servers {
		all.Go(func() {
			if server.Shutdown(ctx) != nil {
				end()
				_ = server.Close()
			}
		})
	}
	all.Wait()
}
