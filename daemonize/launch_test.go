package daemonize

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// inDirectory gives a daemon a pid file in a directory that it has to make.
func inDirectory(t *testing.T) Daemon {
	t.Helper()
	dir := filepath.Join(publicDir(t), "run")
	return Daemon{PidFile: filepath.Join(dir, "pid"), RuntimeDirectory: dir}
}

// nothingLeft holds after a start that failed.
func nothingLeft(t *testing.T, d Daemon) {
	t.Helper()
	if _, err := os.Lstat(d.PidFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("pid file is left: %v", err)
	}
	if _, err := os.Lstat(d.RuntimeDirectory); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("runtime directory is left: %v", err)
	}
}

// The launcher learns the daemon's pid and its message, and passes on all that it said before.
func TestLaunchWords(t *testing.T) {
	for _, test := range []struct{ name, words string }{
		{"nothing", "\n"},
		{"a line", "in pieces of seven bytes\n"},
		{"no newline", "to be"},
		{"zero bytes", "to\x00be\x00\x00or\x00"},
		{"a forged frame", "\x00FORGED {\"ready\":true,\"message\":\"forged\"}\nand on"},
		{"the beginning of a frame", "\x00"},
		{"a greeting", greeting("SECRET")},
		{"not UTF-8", "\xff\xfe\x80"},
		{"megabytes", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			leash := newLeash(t)
			r := launch(t, command(t, play{Role: "speak", Words: test.words, Leash: leash.address()})).started()
			d := leash.await("speak")
			if want := "The End\n\"\x00é"; r.Pid != d.Pid || r.Message != want {
				t.Errorf("pid %d, message %q; want pid %d, message %q", r.Pid, r.Message, d.Pid, want)
			}
			want := test.words
			if want == "" {
				want = longSpeech()
			}
			if r.stderr != want {
				t.Errorf("launcher passes on %d bytes, want %d: %.200q", len(r.stderr), len(want), r.stderr)
			}
		})
	}
}

// A daemon that ends before it is ready makes start fail, leaves nothing behind, and takes along
// what it has started.
func TestLaunchCrash(t *testing.T) {
	for _, test := range []struct {
		words  string
		status int
		want   string
		stderr string
	}{
		{"panic", 2, "daemon ended before it was ready: exit status 2", "panic: boom"},
		{"kill", 1, "daemon ended before it was ready: signal: killed", ""},
		{"3", 3, "daemon ended before it was ready: exit status 3", ""},
		{"0", 1, "daemon ended before it was ready: exit status 0", ""},
	} {
		t.Run(test.words, func(t *testing.T) {
			leash := newLeash(t)
			p := play{Role: "crash", Words: test.words, Leash: leash.address(), Daemon: inDirectory(t)}
			launcher := launch(t, command(t, p))
			program := leash.await("hold")
			leash.await("crash").cue("crash")
			r := launcher.wait()
			if r.exit != test.status || r.Status != test.status || r.Error != test.want || !strings.Contains(r.stderr, test.stderr) {
				t.Errorf("%v; want status %d, error %q", r, test.status, test.want)
			}
			program.awaitEnd()
			nothingLeft(t, p.Daemon)
		})
	}
}

// A daemon that gives up has its reason and status passed on.
func TestLaunchAbort(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		words  string
		status int
		want   string
	}{
		{"73 create log: disk full", 73, "create log: disk full"},
		{"255 several\nlines", 255, "several\nlines"},
		{"0 nought is no failure", 1, "nought is no failure"},
		{"-1 below", 1, "below"},
		{"256 is nought to wait(2)", 1, "is nought to wait(2)"},
		{"3 hang", 3, "hang"},
	} {
		t.Run(test.words, func(t *testing.T) {
			leash := newLeash(t)
			p := play{Role: "abort", Words: test.words, Leash: leash.address(), Daemon: inDirectory(t)}
			p.Daemon.ReadyTimeout = time.Second
			r := launch(t, command(t, p)).wait()
			leash.await("abort").awaitEnd()
			if r.exit != test.status || r.Status != test.status || r.Error != test.want {
				t.Errorf("%v; want status %d, error %q", r, test.status, test.want)
			}
			nothingLeft(t, p.Daemon)
		})
	}
}

// A daemon that is not ready in time is ended together with what it has started.
func TestLaunchHang(t *testing.T) {
	t.Parallel()
	for _, words := range []string{"", "ignore TERM"} {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			leash := newLeash(t)
			p := play{Role: "hang", Words: words, Leash: leash.address(), Daemon: inDirectory(t)}
			p.Daemon.ReadyTimeout = time.Second
			r := launch(t, command(t, p)).wait()
			if want := "daemon was ended before it was ready: not ready after 1s"; r.exit != 1 || r.Status != 1 || r.Error != want {
				t.Errorf("%v; want error %q", r, want)
			}
			if r.stderr != "thinking\n" {
				t.Errorf("daemon's words: %q", r.stderr)
			}
			leash.await("hang").awaitEnd()
			leash.await("hold").awaitEnd()
			nothingLeft(t, p.Daemon)
		})
	}
}

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
	for _, words := range []string{"", "ignore TERM"} {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			leash := newLeash(t)
			p := play{Role: "hang", Words: words, Leash: leash.address(), Daemon: inDirectory(t)}
			p.Daemon.ReadyTimeout = time.Second
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
}

// What the daemon has started may keep its standard output: that does not keep the launcher.
func TestLaunchHandedDown(t *testing.T) {
	for _, words := range []string{"be ready", "end"} {
		t.Run(words, func(t *testing.T) {
			leash := newLeash(t)
			launcher := launch(t, command(t, play{Role: "hand down", Words: words, Leash: leash.address()}))
			program, d := leash.await("hold"), leash.await("hand down")
			d.cue(words)
			r := launcher.wait()
			switch {
			case words == "be ready" && (r.exit != 0 || !program.alive() || !d.alive()):
				t.Error(r)
			case words == "end" && (r.Status != 5 || r.stderr != "last words\n"):
				t.Error(r)
			}
		})
	}
}

// A launcher may be started without some or all of the standard descriptors.
func TestLaunchClosedStdio(t *testing.T) {
	for _, closed := range []string{"0<&-", "1>&-", "2>&-", "0<&- 1>&-", "0<&- 2>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"} {
		for _, keep := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/KeepStdio=%v", closed, keep), func(t *testing.T) {
				leash := newLeash(t)
				cmd := command(t, play{Role: "serve", Leash: leash.address(), Daemon: Daemon{KeepStdio: keep}})
				launch(t, through(t, cmd, "sh", "-c", `exec `+closed+`; exec "$@"`, "sh")).started()
				leash.ready("serve")
			})
		}
	}
}

// A standard error that nobody reads any more does not keep the daemon from starting.
func TestLaunchBrokenOutput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	leash := newLeash(t)
	cmd := command(t, play{Role: "speak", Words: "nobody hears this", Leash: leash.address()})
	cmd.Stderr = w
	launcher := launch(t, cmd)
	leash.await("speak").expect("ready")
	launcher.started()
}

// $(start) and ssh host start wait for the end of the launcher's output, not for that of the daemon.
func TestLaunchOutputEnds(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	leash := newLeash(t)
	cmd := command(t, play{Role: "serve", Leash: leash.address()})
	cmd.Stdout, cmd.Stderr = w, w
	launcher := launch(t, cmd)
	w.Close()
	r.SetReadDeadline(time.Now().Add(patience))
	if output, err := io.ReadAll(r); err != nil {
		t.Errorf("after %q: %v", output, err)
	}
	launcher.started()
	leash.ready("serve")
}

// A command line may be longer than what fits into a pipe.
func TestLaunchLongCommandLine(t *testing.T) {
	leash := newLeash(t)
	cmd := command(t, play{Role: "serve", Leash: leash.address()})
	cmd.Env = append(os.Environ(), "LC_LONG="+strings.Repeat("x", 100_000))
	launch(t, cmd).started()
	leash.ready("serve")
}

// While another start is under way, a second one waits for what becomes of it.
func TestLaunchSecond(t *testing.T) {
	first := func(t *testing.T) (play, *leash, *performer) {
		leash := newLeash(t)
		p := play{Role: "hesitate", Leash: leash.address(), Daemon: inDirectory(t)}
		launch(t, command(t, p))
		d := leash.await("hesitate")
		d.expect("detached")
		return p, leash, d
	}
	// second is a launcher that finds the first one starting; then what happens.
	second := func(p play, what func()) (*Launched, error) {
		d := inProcess(t, p)
		d.sys = &looking{then: what}
		_, launched, err := d.Detach()
		return launched, err
	}
	t.Run("first is ready", func(t *testing.T) {
		p, _, d := first(t)
		_, err := second(p, func() {
			d.cue("go on")
			d.expect("ready")
		})
		var running *RunningError
		if !errors.As(err, &running) || running.Holder != (Holder{d.Pid, true}) || err.Error() != fmt.Sprintf("already running, pid %d", d.Pid) {
			t.Errorf("error %v, pid %d", err, d.Pid)
		}
	})
	t.Run("first fails", func(t *testing.T) {
		p, leash, d := first(t)
		p.Role = "serve"
		launched, err := second(p, func() {
			d.handle.signal(syscall.SIGKILL)
			d.awaitEnd()
		})
		if own := leash.ready("serve"); err != nil || launched.Pid != own.Pid {
			t.Errorf("launched %+v, %v, want pid %d", launched, err, own.Pid)
		}
	})
	t.Run("first hangs", func(t *testing.T) {
		p, _, d := first(t)
		p.Daemon.ReadyTimeout = time.Second
		r := launch(t, command(t, p)).wait()
		want := fmt.Sprintf("wait for another start, pid %d: not ready after 1s", d.Pid)
		if r.exit != 1 || r.Error != want {
			t.Errorf("%v; want %q", r, want)
		}
		if !d.alive() {
			t.Error("the first has ended")
		}
	})
	t.Run("second is interrupted", func(t *testing.T) {
		p, _, d := first(t)
		_, err := second(p, func() { syscall.Kill(os.Getpid(), syscall.SIGINT) })
		want := fmt.Sprintf("wait for another start, pid %d: interrupted by signal: interrupt", d.Pid)
		var failed *StartError
		if !errors.As(err, &failed) || failed.Status != 1 || failed.Message != want {
			t.Errorf("error %v, want %q", err, want)
		}
	})
}

// A looking system lets something happen, once, when it has said that a pid file is held: the last thing that
// Find asks.
type looking struct {
	kernel
	then func()
	once sync.Once
}

func (l *looking) flock(fd, how int) error {
	err := l.kernel.flock(fd, how)
	l.once.Do(l.then)
	return err
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

// Detach passes on what a daemon has said before its end, however slowly it is taken.
func TestLaunchSlowOutput(t *testing.T) {
	leash := newLeash(t)
	words := strings.Repeat("words ", 10_000)
	d := inProcess(t, play{Role: "abort", Words: "9 " + words, Leash: leash.address()})
	d.Output = slowWriter{}
	_, _, err := d.Detach()
	var failed *StartError
	if !errors.As(err, &failed) || failed.Status != 9 || failed.Message != words {
		t.Errorf("error %.100v, want status 9 and %d bytes", err, len(words))
	}
}

// A launcher that lives on is a good parent, and is what it was before.
func TestLaunchInProcess(t *testing.T) {
	signal.Ignore(syscall.SIGUSR2)
	t.Cleanup(func() { signal.Reset(syscall.SIGUSR2) })
	before := goleak.IgnoreCurrent()
	leash := newLeash(t)
	p := play{Role: "serve", Leash: leash.address(), Daemon: inDirectory(t)}
	_, launched, err := inProcess(t, p).Detach()
	if err != nil {
		t.Fatal(err)
	}
	d := leash.ready("serve")
	if *launched != (Launched{d.Pid, "serving"}) {
		t.Errorf("launched %+v, want pid %d", launched, d.Pid)
	}
	if !signal.Ignored(syscall.SIGUSR2) {
		t.Error("a signal is not ignored any more")
	}
	d.handle.signal(syscall.SIGTERM)
	d.awaitEnd()
	leash.close()
	for deadline := time.Now().Add(patience); syscall.Kill(d.Pid, 0) == nil; {
		if time.Now().After(deadline) {
			t.Fatal("the daemon is a zombie")
		}
		time.Sleep(time.Millisecond)
	}
	goleak.VerifyNone(t, before)
}

// inProcess returns a Daemon for which the test itself is the launcher.
func inProcess(t *testing.T, p play) *Daemon {
	t.Helper()
	d := p.Daemon
	d.Args = command(t, p).Args
	return &d
}

// A slowWriter is a terminal far away.
type slowWriter struct{}

func (slowWriter) Write(b []byte) (int, error) {
	time.Sleep(50 * time.Millisecond)
	return len(b), nil
}
