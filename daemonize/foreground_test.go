package daemonize

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// What is wrong with a Daemon is said before anything is done, in all ways to start.
func TestValidate(t *testing.T) {
	for _, test := range []struct {
		daemon Daemon
		want   string
	}{
		{Daemon{Umask: -2}, "set umask -02: not between 0 and 0777"},
		{Daemon{Umask: 0o1000}, "set umask 01000: not between 0 and 0777"},
		{Daemon{PidFile: "pid"}, "use path pid: not absolute"},
		{Daemon{RuntimeDirectory: "./run"}, "use path ./run: not absolute"},
		{Daemon{Chroot: "root"}, "use path root: not absolute"},
		{Daemon{Dir: "."}, "use path .: not absolute"},
	} {
		process, launched, err := test.daemon.Detach()
		if process != nil || launched != nil || err == nil || err.Error() != test.want {
			t.Errorf("Detach: %v, %v, %v, want %s", process, launched, err, test.want)
		}
		if process, err := test.daemon.Foreground(); process != nil || err == nil || err.Error() != test.want {
			t.Errorf("Foreground: %v, %v, want %s", process, err, test.want)
		}
	}
}

// In the foreground the process stays what it is, and has a pid file like any daemon.
func TestForeground(t *testing.T) {
	leash := newLeash(t)
	p := play{Role: "say all", Foreground: true, Leash: leash.address(), Daemon: inDirectory(t)}
	cmd := command(t, p)
	cmd.Env = append(os.Environ(), "ODD=1", "NOTIFY_SOCKET=/nowhere")
	launcher := launch(t, cmd)
	d := leash.await("say all")
	if d.Pid != cmd.Process.Pid {
		t.Errorf("pid %d, want %d", d.Pid, cmd.Process.Pid)
	}
	session, err := kernel{}.sessionID()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := d.expect("session"), fmt.Sprint(session); got != want {
		t.Errorf("session %s, want %s", got, want)
	}
	if got := d.expect("detached"); got != "false" {
		t.Errorf("detached: %s", got)
	}
	if got := d.expect("environment"); !strings.Contains(got, "\nODD=1\n") || strings.Contains(got, "\nNOTIFY_SOCKET=") {
		t.Errorf("environment: %s", got)
	}
	if got := d.expect("directory"); got != "/" {
		t.Errorf("works in %s", got)
	}
	d.expect("aborted") // which does nothing
	if h, err := Find(p.Daemon.PidFile); err != nil || *h != (Holder{d.Pid, true}) {
		t.Errorf("found %+v, %v", h, err)
	}
	d.cue("end")
	if r := launcher.wait(); r.exit != 0 || r.stderr != "still here\n" {
		t.Error(r)
	}
	removed(t, p.Daemon.PidFile)
}

// A second one in the foreground is told who runs already.
func TestForegroundRunning(t *testing.T) {
	d, daemon := running(t, "serve", "")
	d.expect("detached")
	d.expect("ready")
	r := launch(t, command(t, play{Role: "serve", Foreground: true, Daemon: daemon})).wait()
	if r.exit != exitRunning || r.Running == nil || *r.Running != (Holder{d.Pid, true}) {
		t.Error(r)
	}
	d.handle.signal(syscall.SIGTERM)
	d.awaitEnd()
	if _, err := Find(daemon.PidFile); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
}
