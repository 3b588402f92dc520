package daemonize

import (
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
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
		{"a greeting", greeting{1, "SECRET"}.line()},
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
		{"0", 1, "daemon ended with status 0 before it was ready, and called neither Ready nor Abort", ""},
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
			p.Daemon.ReadyTimeout = hangTime
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
	forEachHang(t, func(t *testing.T, leash *leash, p play) {
		r := launch(t, command(t, p)).wait()
		if want := "daemon was ended before it was ready: not ready after 3s"; r.exit != 1 || r.Status != 1 || r.Error != want {
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

// hangTime is how long a daemon that hangs has to get ready. Until it hangs, it must not take
// longer.
const hangTime = 3 * time.Second

// forEachHang runs a test with each kind of daemon that is not ready after its time.
func forEachHang(t *testing.T, test func(t *testing.T, leash *leash, p play)) {
	for _, words := range []string{"", "ignore TERM"} {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			leash := newLeash(t)
			p := play{Role: "hang", Words: words, Leash: leash.address(), Daemon: inDirectory(t)}
			p.Daemon.ReadyTimeout = hangTime
			test(t, leash, p)
		})
	}
}

// A command line may be longer than what fits into a pipe.
func TestLaunchLongCommandLine(t *testing.T) {
	leash := newLeash(t)
	cmd := command(t, play{Role: "serve", Leash: leash.address()})
	cmd.Env = append(os.Environ(), "LC_LONG="+strings.Repeat("x", 100_000))
	launch(t, cmd).started()
	leash.ready("serve")
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

func (slowWriter) Write(b []byte) (int, error) {
	time.Sleep(50 * time.Millisecond)
	return len(b), nil
}
