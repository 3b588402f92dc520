//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A signal that comes just when the pid file is locked finds a process that catches it: it ends
// with one line, nothing is left, and there is no goroutine dump. strace(1) sends it, in the call
// of flock(2).
func TestSignalWhileLocking(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		for _, verb := range []string{"run", "start"} {
			t.Run(verb+" "+unix.SignalName(s), func(t *testing.T) {
				t.Parallel()
				b := newSandbox(t)
				b.openUp(t)
				o := b.runInto(t, "said", "strace", "-f", "-qq", "-o", "trace", "-e", "trace=flock",
					"-e", "inject=flock:signal="+unix.SignalName(s)+":when=1",
					"echod", verb, "--listen=127.0.0.1:0", "--pid-file=p", "--log-file=l", "--control-socket=", "--idle-exit=1ms")
				if s == syscall.SIGHUP { // there is no log yet to be reopened
					if o.status != exitOK {
						t.Error(o)
					}
					return
				}
				if want := "echod: told to end before it was ready: signal " + s.String() + "\n"; o.status != exitFailure || o.stderr != want {
					t.Errorf("want exit status %d and %q, got %v", exitFailure, want, o)
				}
				b.nothingLeft(t)
			})
		}
	}
}

// An interrupt that was ignored when the server was started, as in the background of a script,
// stays ignored.
func TestIgnoredInterrupt(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	cmd, wait := b.begin(t, "said", "sh", "-c", `trap "" INT; exec echod run --listen=127.0.0.1:0 --pid-file= --log-file=l --user=`)
	waitLine := func(line string) {
		t.Helper()
		check(t, waitUntil("the log says "+line, func() bool {
			log, _ := os.ReadFile(filepath.Join(b.dir, "l")) // it may not be there yet
			return strings.Contains(string(log), line)
		}))
	}
	waitLine("msg=started")
	check(t, cmd.Process.Signal(syscall.SIGINT))
	check(t, cmd.Process.Signal(syscall.SIGUSR2))
	waitLine(`msg="signal has no meaning"`) // INT has come before, or is ignored
	check(t, cmd.Process.Signal(syscall.SIGTERM))
	if o := wait(); o.status != exitOK {
		t.Error(o)
	}
	waitLine("msg=stopping signal=terminated")
}
