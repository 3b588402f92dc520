package daemonize

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The service manager is told when the daemon is ready, in whatever namespace it listens.
func TestNotify(t *testing.T) {
	dir := publicDir(t)
	for _, name := range []string{filepath.Join(dir, "notify"), "@" + dir + "/abstract"} {
		for _, foreground := range []bool{false, true} {
			manager, address := listenManager(t, name)
			leash := newLeash(t)
			cmd := command(t, play{Role: "serve", Foreground: foreground, Leash: leash.address()})
			cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+address)
			launcher := launch(t, cmd)
			d := leash.await("serve")
			d.expect("detached")
			if got := d.expect("ready"); got != "" {
				t.Errorf("%s: %s", address, got)
			}
			if got, want := readManager(t, manager), fmt.Sprintf("READY=1\nMAINPID=%d", d.Pid); got != want {
				t.Errorf("%s is told %q, want %q", address, got, want)
			}
			if !foreground {
				launcher.started()
			}
			manager.Close()
			os.Remove(name)
		}
	}
}

// A manager that cannot be told keeps nobody from serving, and that is said.
func TestNotifyUnreachable(t *testing.T) {
	leash := newLeash(t)
	cmd := command(t, play{Role: "serve", Leash: leash.address()})
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+nowhere)
	launch(t, cmd).started()
	d := leash.await("serve")
	d.expect("detached")
	want := "notify service manager: dial unixgram " + nowhere + ": connect: no such file or directory"
	if got := d.expect("ready"); got != want {
		t.Errorf("error %q, want %q", got, want)
	}
}

// Nor does one that has stopped reading.
func TestNotifyStuck(t *testing.T) {
	t.Parallel()
	_, address := listenManager(t, filepath.Join(publicDir(t), "notify"))
	m := &Notifier{address: address}
	defer m.Close()
	var err error
	for range 10_000 {
		if err = m.Ready(); err != nil {
			break
		}
	}
	p := &Process{daemon: &Daemon{}, notifier: m}
	if err := p.Ready(""); err != nil || !errors.Is(p.NotifyError(), os.ErrDeadlineExceeded) {
		t.Errorf("ready: %v; service manager: %v", err, p.NotifyError())
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(err.Error(), "notify service manager: ") {
		t.Errorf("error %v", err)
	}
}
