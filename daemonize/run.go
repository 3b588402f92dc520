package daemonize

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Run detaches, calls serve in the daemon, and does the rest: it is Detach for a program that
// wants nothing special with signals and errors.
//
// The context of serve ends by the signal TERM or INT; a second signal ends the process at once.
// serve opens what it needs, calls [Process.Ready], and returns when the context has ended or
// there is nothing left to do; the error of the context is no error then. An error before Ready,
// like returning without Ready, is told to the launcher, with the status of Daemon.ExitStatus.
// The pid file is removed at the end, also if serve panics.
//
// In the launcher Run returns what Detach does. In the daemon it returns nil and the error of
// serve when that has returned.
func (d *Daemon) Run(serve func(ctx context.Context, p *Process) error) (*Launched, error) {
	ctx, release := context.Background(), func() {}
	if Detached() {
		ctx, release = untilTold()
	}
	defer release()
	p, launched, err := d.Detach()
	if p == nil {
		return launched, err
	}
	return nil, p.run(ctx, serve)
}

// RunForeground is Run for a process that stays in the foreground; see [Daemon.Foreground].
func (d *Daemon) RunForeground(serve func(ctx context.Context, p *Process) error) error {
	ctx, release := untilTold()
	defer release()
	p, err := d.Foreground()
	if err != nil {
		return err
	}
	return p.run(ctx, serve)
}

// untilTold returns a context that ends by a signal that tells the process to end. An ignored one
// stays ignored. It is called before the pid file is locked: from then on the process is found, and
// a signal that is not caught would leave the file behind.
func untilTold() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signalC := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		if !signal.Ignored(s) {
			signal.Notify(signalC, s)
		}
	}
	go func() {
		select {
		case s := <-signalC:
			signal.Stop(signalC) // the next one has its default action
			cancel(fmt.Errorf("ended by signal: %v", s))
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signalC)
		cancel(nil)
	}
}

func (p *Process) run(ctx context.Context, serve func(ctx context.Context, p *Process) error) (err error) {
	defer func() {
		if closeErr := p.Close(); err == nil {
			err = closeErr
		}
	}()
	err = serve(ctx, p)
	switch told := context.Cause(ctx); {
	case p.ready && told != nil && errors.Is(err, context.Canceled):
		return nil
	case p.ready:
		return err
	case told != nil && (err == nil || errors.Is(err, context.Canceled)):
		// The launcher knows better why, or finds this on standard error.
		return told
	case err == nil:
		err = errors.New("the daemon ended without an error before it was ready")
	}
	p.Abort(p.daemon.exitStatus(err), err)
	return err
}
