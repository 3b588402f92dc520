package daemonize

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A daemon that is not wanted any more may clean up, and have its say.
func TestLaunchHeedsTerm(t *testing.T) {
	leash := newLeash(t)
	p := play{Role: "hang", Words: "heed TERM", Leash: leash.address(), Daemon: inDirectory(t)}
	launcher := launch(t, command(t, p))
	d := leash.await("hang")
	leash.await("hold")
	launcher.cmd.Process.Signal(syscall.SIGTERM)
	d.expect("TERM")
	if r := launcher.wait(); r.exit != 4 || r.Error != "told to end" {
		t.Error(r)
	}
	d.awaitEnd()
	nothingLeft(t, p.Daemon)
}

// When the launcher cannot hear the daemon, it will never know that it is ready: it ends it.
func TestLaunchDeaf(t *testing.T) {
	program := exec.Command("cat")
	stdin, err := program.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	program.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	unreadable, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer unreadable.Close()
	_, err = (&Daemon{}).converse(program.Process, unreadable, "SECRET", false).await(t.Context())
	var failed *StartError
	if !errors.As(err, &failed) || failed.Status != 1 || !strings.Contains(failed.Message, "is a directory") {
		t.Errorf("error %v", err)
	}
}

// The signals that end a launcher end the daemon that it waits for.
func TestLaunchInterrupted(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT} {
		t.Run(s.String(), func(t *testing.T) {
			leash := newLeash(t)
			p := play{Role: "hang", Leash: leash.address(), Daemon: inDirectory(t)}
			launcher := launch(t, command(t, p))
			d, program := leash.await("hang"), leash.await("hold")
			launcher.cmd.Process.Signal(s)
			r := launcher.wait()
			if want := "daemon was ended before it was ready: interrupted by signal: " + s.String(); r.exit != 1 || r.Error != want {
				t.Errorf("%v; want error %q", r, want)
			}
			d.awaitEnd()
			program.awaitEnd()
			nothingLeft(t, p.Daemon)
		})
	}
}

// Under nohup(1) HUP does not end the launcher, and so does not end the start.
func TestLaunchNohup(t *testing.T) {
	leash := newLeash(t)
	cmd := through(t, command(t, play{Role: "hesitate", Leash: leash.address()}), "sh", "-c", `trap "" HUP; exec "$@"`, "sh")
	launcher := launch(t, cmd)
	d := leash.await("hesitate")
	d.expect("detached")
	launcher.cmd.Process.Signal(syscall.SIGHUP)
	d.cue("go on")
	d.expect("ready")
	launcher.started()
}

// When the launcher is killed, its daemon notices as soon as it is ready, and ends as it should.
func TestLauncherKilled(t *testing.T) {
	leash := newLeash(t)
	p := play{Role: "hesitate", Leash: leash.address(), Daemon: inDirectory(t)}
	launcher := launch(t, command(t, p))
	d := leash.await("hesitate")
	d.expect("detached")
	launcher.cmd.Process.Kill()
	launcher.wait()
	d.cue("go on")
	if got, want := d.expect("not ready"), "tell the launcher: write launcher: broken pipe"; got != want {
		t.Errorf("daemon is not ready: %q, want %q", got, want)
	}
	d.awaitEnd()
	nothingLeft(t, p.Daemon)
}

// A daemon that hangs ends itself after its time if the launcher cannot do it any more.
func TestLauncherKilledDaemonHangs(t *testing.T) {
	t.Parallel()
	forEachHang(t, func(t *testing.T, leash *leash, p play) {
		launcher := launch(t, command(t, p))
		d, program := leash.await("hang"), leash.await("hold")
		launcher.cmd.Process.Kill()
		d.awaitEnd()
		program.awaitEnd()
		if holder, err := Find(p.Daemon.PidFile); !errors.Is(err, ErrNotRunning) {
			t.Errorf("pid file is held: %v, %v", holder, err)
		}
	})
}

// After the launcher is gone nothing is written to a descriptor that was its own.
func TestLauncherGoneAbort(t *testing.T) {
	leash := newLeash(t)
	launcher := launch(t, command(t, play{Role: "fail twice", Leash: leash.address()}))
	d := leash.await("fail twice")
	launcher.cmd.Process.Kill()
	launcher.wait()
	d.cue("go on")
	if got, want := d.expect("read"), `"", EOF`; got != want {
		t.Errorf("from a pipe opened later came %s, want %s", got, want)
	}
}

// A daemon that is ready, or has given up, is not ended when its time to get ready is over.
func TestReadyIsNotOverdue(t *testing.T) {
	p := &Process{overdue: time.AfterFunc(time.Hour, endOwnGroup)}
	p.hangUp()
	if p.overdue.Stop() {
		t.Error("the timer runs")
	}
}
