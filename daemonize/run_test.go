package daemonize

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// run is what main is to a program that uses Run.
func (p play) run() int {
	serve := func(ctx context.Context, process *Process) error {
		a, err := newActor(p, process)
		if err != nil {
			return err
		}
		return runs()[p.Words](ctx, a)
	}
	var launched *Launched
	var err error
	if p.Foreground {
		err = p.Daemon.RunForeground(serve)
	} else {
		launched, err = p.Daemon.Run(serve)
	}
	switch {
	case err != nil:
		return tellError(err)
	case launched != nil:
		return tell(outcome{Pid: launched.Pid, Message: launched.Message}, 0)
	}
	return 0
}

// runs are functions that Run calls.
func runs() map[string]func(context.Context, *actor) error {
	ready := func(a *actor) error {
		err := a.process.Ready("serving")
		a.say("ready", "")
		return err
	}
	untilTold := func(ctx context.Context, a *actor) error {
		<-ctx.Done()
		a.say("told", context.Cause(ctx).Error())
		return ctx.Err()
	}
	return map[string]func(context.Context, *actor) error{
		"serve": func(ctx context.Context, a *actor) error {
			return errors.Join(ready(a), untilTold(ctx, a))
		},
		"never end": func(ctx context.Context, a *actor) error {
			ready(a)
			untilTold(ctx, a)
			select {}
		},
		"late error": func(_ context.Context, a *actor) error {
			ready(a)
			return errors.New("no more")
		},
		"late panic": func(_ context.Context, a *actor) error {
			ready(a)
			panic("boom")
		},
		"error":   func(context.Context, *actor) error { return errors.New("no port") },
		"nothing": func(context.Context, *actor) error { return nil },
		"panic":   func(context.Context, *actor) error { panic("boom") },
		"never ready": func(ctx context.Context, a *actor) error {
			a.say("started", "")
			return untilTold(ctx, a)
		},
	}
}

func runPlay(leash *leash, words string, d Daemon) play {
	return play{Role: "serve", Run: true, Words: words, Leash: leash.address(), Daemon: d}
}

// The daemon serves until it is told to end, and leaves nothing.
func TestRun(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		for _, foreground := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, foreground=%v", s, foreground), func(t *testing.T) {
				leash := newLeash(t)
				p := runPlay(leash, "serve", inDirectory(t))
				p.Foreground = foreground
				launcher := launch(t, command(t, p))
				d := leash.await("serve")
				d.expect("ready")
				if !foreground {
					if r := launcher.started(); r.Pid != d.Pid || r.Message != "serving" {
						t.Error(r)
					}
				}
				if holder, err := Find(p.Daemon.PidFile); err != nil || *holder != (Holder{d.Pid, true}) {
					t.Errorf("found %+v, %v", holder, err)
				}
				d.handle.signal(s)
				if got, want := d.expect("told"), "ended by signal: "+s.String(); got != want {
					t.Errorf("told %q, want %q", got, want)
				}
				d.awaitEnd()
				if r := launcher.wait(); r.exit != 0 {
					t.Error(r)
				}
				removed(t, p.Daemon.PidFile)
			})
		}
	}
}

// What serve returns before it is ready is told to the launcher, also when it is nothing.
func TestRunNotReady(t *testing.T) {
	for _, test := range []struct {
		words, want, stderr string
		exit                int
	}{
		{"error", "no port", "", exitRefused},
		{"nothing", "the daemon ended without an error before it was ready", "", exitRefused},
		{"panic", "daemon ended before it was ready: exit status 2", "panic: boom", 2},
	} {
		t.Run(test.words, func(t *testing.T) {
			p := runPlay(newLeash(t), test.words, inDirectory(t))
			r := launch(t, command(t, p)).wait()
			if r.exit != test.exit || r.Error != test.want || !strings.Contains(r.stderr, test.stderr) {
				t.Errorf("%v; want status %d, error %q", r, test.exit, test.want)
			}
			nothingLeft(t, p.Daemon)
			if p.Foreground = true; test.words == "panic" {
				return
			}
			if r := launch(t, command(t, p)).wait(); r.exit != exitOther || r.Error != test.want {
				t.Errorf("in the foreground: %v; want error %q", r, test.want)
			}
			nothingLeft(t, p.Daemon)
		})
	}
}

// A daemon that is told to end before it is ready is not the one that says why.
func TestRunToldTooEarly(t *testing.T) {
	leash := newLeash(t)
	p := runPlay(leash, "never ready", inDirectory(t))
	p.Daemon.ReadyTimeout = hangTime
	r := launch(t, command(t, p)).wait()
	if want := "daemon was ended before it was ready: not ready after 3s"; r.Error != want {
		t.Errorf("%v; want error %q", r, want)
	}
	d := leash.await("serve")
	d.expect("started")
	d.expect("told")
	nothingLeft(t, p.Daemon)
}

// A late error ends the daemon with its status, and takes the pid file along; so does a panic.
func TestRunLateError(t *testing.T) {
	for words, want := range map[string]int{"late error": exitOther, "late panic": 2} {
		for _, foreground := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, foreground=%v", words, foreground), func(t *testing.T) {
				leash := newLeash(t)
				p := runPlay(leash, words, inDirectory(t))
				p.Foreground = foreground
				launcher := launch(t, command(t, p))
				d := leash.await("serve")
				d.expect("ready")
				d.awaitEnd()
				r := launcher.wait()
				if foreground && r.exit != want || !foreground && r.exit != 0 {
					t.Error(r)
				}
				removed(t, p.Daemon.PidFile)
			})
		}
	}
}

// A second signal ends what does not end by the first.
func TestRunSecondSignal(t *testing.T) {
	leash := newLeash(t)
	p := runPlay(leash, "never end", Daemon{})
	launch(t, command(t, p)).started()
	d := leash.await("serve")
	d.expect("ready")
	d.handle.signal(syscall.SIGTERM)
	d.expect("told")
	d.handle.signal(syscall.SIGTERM)
	d.awaitEnd()
}

// A signal that the caller ignores does not end the context.
func TestRunIgnored(t *testing.T) {
	leash := newLeash(t)
	p := runPlay(leash, "serve", Daemon{})
	p.Foreground = true
	launcher := launch(t, through(t, command(t, p), "sh", "-c", `trap "" INT; exec "$@"`, "sh"))
	d := leash.await("serve")
	d.expect("ready")
	d.handle.signal(os.Interrupt.(syscall.Signal))
	d.handle.signal(syscall.SIGTERM)
	if got, want := d.expect("told"), "ended by signal: terminated"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	if r := launcher.wait(); r.exit != 0 {
		t.Error(r)
	}
}
