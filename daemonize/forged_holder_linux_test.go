package daemonize

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// nothingDone makes sure that nothing is done to a process which is not shown to hold the pid file.
func nothingDone(t *testing.T, path string, pid int, reason string) {
	t.Helper()
	_, findErr := Find(path)
	_, lockErr := LockPidFile(path)
	_, stopErr := Stop{Timeout: time.Millisecond}.Stop(t.Context(), path)
	for verb, err := range map[string]error{"Find": findErr, "LockPidFile": lockErr, "Stop": stopErr} {
		var unproven *UnprovenError
		if !errors.As(err, &unproven) || *unproven != (UnprovenError{path, pid, reason}) {
			t.Errorf("%s: %v, want that of pid %d %s", verb, err, pid, reason)
		}
	}
}

// unharmed makes sure that the process lives and that this is the first signal it gets.
func (p *performer) unharmed() {
	p.t.Helper()
	if err := p.handle.signal(syscall.SIGHUP); err != nil {
		p.t.Error(err)
	}
	p.expect("HUP")
}

// Whatever process the lock names, it is not the holder for that, and gets no signal.
func TestForgedHolder(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"executes", "ends", "recycled"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			if how == "recycled" {
				needRoot(t, "makes a process with a given number")
			}
			leash := newLeash(t)
			path := filepath.Join(publicDir(t), "pid")
			victim, err := play{Role: "say signals", Leash: leash.address()}.encode()
			if err != nil {
				t.Fatal(err)
			}
			launch(t, command(t, play{Role: "forge", Leash: leash.address(), Words: path + " " + how + " " + victim}))
			holder := leash.await("forge")
			pid, err := strconv.Atoi(holder.expect("forged"))
			if err != nil {
				t.Fatal(err)
			}
			if how == "ends" {
				nothingDone(t, path, pid, "there is no such process")
				return
			}
			d := leash.await("say signals")
			d.expect("ready")
			if d.Pid != pid {
				t.Fatalf("the lock names pid %d, and the program has pid %d", pid, d.Pid)
			}
			nothingDone(t, path, pid, "it does not have the lock")
			d.unharmed()
			if !holder.alive() {
				t.Error("the holder was ended")
			}
		})
	}
}

// A daemon that executes a set-user-ID program in its own place, and so gives it its locks, is none
// any more; also when the program becomes root as if it had been root's from the beginning.
func TestForgedHolderSetUserID(t *testing.T) {
	t.Parallel()
	needRoot(t, "makes a set-user-ID program")
	for how, reason := range map[string]string{
		"for a time": "it has the rights of several users",
		"entirely":   "it was started by user 65534",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			leash := newLeash(t)
			path := filepath.Join(publicDir(t), "pid")
			startReplacer(t, leash, path, how, false)
			d := leash.await("be root")
			d.expect("ready")
			nothingDone(t, path, d.Pid, reason)
			d.unharmed()
		})
	}
}

// startReplacer starts a daemon that puts a set-user-ID program in its own place, at once or when
// it gets TERM.
func startReplacer(t *testing.T, leash *leash, path, how string, late bool) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, nil, 0o644), os.Chown(path, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	second := play{Role: "be root", Leash: leash.address(), Words: how}
	program := filepath.Join(filepath.Dir(path), "program")
	copySelf(t, program)
	command(t, second) // notes that it is used
	victim, err := second.encode()
	if err != nil {
		t.Fatal(err)
	}
	p := play{Role: "replace itself", Words: path + " " + program + " " + victim}
	if late {
		p.Leash = leash.address()
	}
	launch(t, command(t, p))
}

// A giving system sends TERM, and gives the process the time that it needs to act upon it.
type giving struct {
	kernel
	time func()
}

func (g giving) process(pid int) (processHandle, error) {
	h, err := g.kernel.process(pid)
	return given{h, g.time}, err
}

type given struct {
	processHandle
	time func()
}

func (g given) signal(sig syscall.Signal) error {
	err := g.processHandle.signal(sig)
	if sig == syscall.SIGTERM {
		g.time()
	}
	return err
}

// A daemon that was told to end and has executed a set-user-ID program instead is not killed.
func TestKillSetUserID(t *testing.T) {
	t.Parallel()
	needRoot(t, "makes a set-user-ID program")
	for _, how := range []string{"for a time", "entirely"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			leash := newLeash(t)
			path := filepath.Join(publicDir(t), "pid")
			startReplacer(t, leash, path, how, true)
			first := leash.await("replace itself")
			first.expect("ready")
			var d *performer
			sys := giving{time: func() {
				d = leash.await("be root")
				d.expect("ready")
			}}
			_, err := Stop{Timeout: time.Millisecond, sys: sys}.Stop(t.Context(), path)
			var unproven *UnprovenError
			if want := (UnprovenError{path, first.Pid, "it has become another user's since it was signalled"}); !errors.As(err, &unproven) || *unproven != want {
				t.Errorf("%v, want %v", err, &want)
			}
			if d.Pid != first.Pid {
				t.Errorf("pid %d has become pid %d", first.Pid, d.Pid)
			}
			d.unharmed()
		})
	}
}

// copySelf makes a set-user-ID program of this one.
func copySelf(t *testing.T, path string) {
	t.Helper()
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(to, from)
	if err := errors.Join(err, to.Chmod(0o755|os.ModeSetuid), to.Close()); err != nil {
		t.Fatal(err)
	}
}
