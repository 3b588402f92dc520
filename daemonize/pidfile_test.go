package daemonize

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// What was left by a daemon is taken over, and said; what was not is left alone.
func TestLockPidFileTakeover(t *testing.T) {
	for content, stale := range map[string]string{
		"":                 "",
		"123\n":            "pid 123",
		"123":              `"123"`,
		"0\n":              `"0\n"`,
		"-1\n":             `"-1\n"`,
		"1\n":              "pid 1",
		"\x00\x00\x00\x00": `"\x00\x00\x00\x00"`,
	} {
		path := pidFileWith(t, content)
		p, err := LockPidFile(path)
		if err != nil {
			t.Errorf("%q: %v", content, err)
			continue
		}
		if got := p.Stale(); got != stale {
			t.Errorf("%q: taken over from %s, want %s", content, got, stale)
		}
		if got := readFile(t, path); got != "" {
			t.Errorf("%q: while the new owner starts, the file holds %q", content, got)
		}
		if err := p.Write(); err != nil {
			t.Error(err)
		}
		if got := readFile(t, path); got != pidLine(os.Getpid()) {
			t.Errorf("%q: file holds %q", content, got)
		}
		if err := p.Remove(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: removed file is there: %v", content, err)
		}
	}
	for _, content := range []string{"garbage\n", "#!/bin/sh\n", "root:x:0:0:root:/root:/bin/bash\n"} {
		path := pidFileWith(t, content)
		_, err := LockPidFile(path)
		if want := "use pid file " + path + ": it holds no pid: " + parsePid(content).describe(); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", content, err, want)
		}
		if got := readFile(t, path); got != content {
			t.Errorf("%q became %q", content, got)
		}
	}
}

// A daemon that is killed leaves a stale file, even if what it has started lives on.
func TestTakeoverAfterKill(t *testing.T) {
	leash := newLeash(t)
	p := play{Role: "hand down", Words: "be ready", Leash: leash.address(), Daemon: inDirectory(t)}
	launcher := launch(t, command(t, p))
	program, d := leash.await("hold"), leash.await("hand down")
	d.cue("be ready")
	launcher.started()
	d.handle.signal(syscall.SIGKILL)
	d.awaitEnd()
	_, err := Find(p.Daemon.PidFile)
	var stale *StaleError
	if want := fmt.Sprintf("pid %d", d.Pid); !errors.As(err, &stale) || stale.Content != want {
		t.Errorf("after KILL: %v, want %s", err, want)
	}
	p.Role = "serve"
	launch(t, command(t, p)).started()
	next := leash.await("serve")
	if got, want := next.expect("detached"), fmt.Sprintf("pid %d", d.Pid); got != want {
		t.Errorf("taken over from %q, want %q", got, want)
	}
	if !program.alive() {
		t.Error("the test is about a program that lives on, and it does not")
	}
}

// Remove does not remove what another process has put in the place of the file.
func TestRemoveReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	p, err := LockPidFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := path + ".other"
	if err := os.WriteFile(other, []byte("7\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(); err != nil {
		t.Error(err)
	}
	if got := readFile(t, path); got != "7\n" {
		t.Errorf("the other file holds %q", got)
	}
}

// refusing is a system that does not let a file be unlinked.
type noUnlink struct{ kernel }

func (noUnlink) unlink(string) error { return syscall.EACCES }

// Where the file cannot be unlinked it is emptied: not running.
func TestRemoveWithoutUnlink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	p, err := lockPidFile(noUnlink{}, path)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(); err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(); err != nil {
		t.Error(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Size() != 0 {
		t.Errorf("file: %v, %v", info, err)
	}
	if _, err := Find(path); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Find: %v, want %v", err, ErrNotRunning)
	}
}

// A lingering lock is that of a process that has ended: the kernel may take a moment more to
// release it.
type lingering struct {
	kernel
	looks int
}

func (l *lingering) flock(fd, how int) error {
	if l.looks--; l.looks >= 0 {
		return syscall.EWOULDBLOCK
	}
	return l.kernel.flock(fd, how)
}

// What is left of a daemon that has just ended is removed, and taken over, all the same.
func TestLingeringLock(t *testing.T) {
	path := pidFileWith(t, "5\n")
	removeStale(&lingering{looks: 4}, path)
	removed(t, path)
	path = pidFileWith(t, "5\n")
	p, err := lockPidFile(&lingering{looks: 4}, path)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(); err != nil {
		t.Error(err)
	}
}

// An overtaken system lets another process lock the file that it has just made.
type overtaken struct {
	kernel
	t    *testing.T
	once sync.Once
	path string
}

func (o *overtaken) flock(fd, how int) error {
	o.once.Do(func() { stranger(o.t, flock("--exclusive")(o.t, o.path)) })
	return o.kernel.flock(fd, how)
}

// Who has made the file, but not got the lock, does not remove it: it is the other's, who would
// be left with a lock on a file without a name while a third one makes a new file.
func TestLockPidFileOvertaken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pid")
	if _, err := lockPidFile(&overtaken{t: t, path: path}, path); err == nil {
		t.Fatal("locked twice")
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the other's file: %v", err)
	}
}

// An appearing system has a file come up that was not there when it was opened.
type appearing struct {
	kernel
	once    sync.Once
	content string
}

func (a *appearing) open(path string, flags int, perm uint32) (fd int, err error) {
	fd, err = a.kernel.open(path, flags, perm)
	a.once.Do(func() { err = errors.Join(err, os.WriteFile(path, []byte(a.content), 0o640)) })
	return fd, err
}

// Who makes the file makes it as a new one: what came up meanwhile is somebody else's.
func TestLockPidFileAppears(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	_, err := lockPidFile(&appearing{content: "garbage"}, path)
	var foreign *ForeignError
	if !errors.As(err, &foreign) || readFile(t, path) != "garbage" {
		t.Errorf("error %v, file holds %q", err, readFile(t, path))
	}
	path += "2"
	if _, err = lockPidFile(&appearing{content: "5\n"}, path); err != nil {
		t.Error(err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// Processes race for one file, each taking it, giving it up or being as good as killed,
// thousands of times. At no moment do two have it.
func TestLockPidFileRace(t *testing.T) {
	leash := newLeash(t)
	dir := t.TempDir()
	var racers []*performer
	for range 4 {
		launch(t, command(t, play{Role: "race", Words: dir, Leash: leash.address()}))
		racers = append(racers, leash.await("race"))
	}
	for _, r := range racers {
		r.cue("go")
	}
	for _, r := range racers {
		if got := r.expect("done"); got != "" {
			t.Error(got)
		}
	}
}
