package daemonize

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A misled system has the kernel name another process than the one that has the locks, as it does when the
// number of the process that took them has passed on.
type misled struct {
	kernel
	pid int
}

func (m misled) claimant(int) (int, error) { return m.pid, nil }

// innocent starts a program that only a signal ends.
func innocent(t *testing.T) *performer {
	t.Helper()
	leash := newLeash(t)
	launch(t, command(t, play{Role: "hold", Leash: leash.address()}))
	return leash.await("hold")
}

// A process that is named, and does not have the locks, is nobody's daemon, and gets no signal.
func TestForgedOwner(t *testing.T) {
	other := innocent(t)
	path := pidFileWith(t, pidLine(other.Pid))
	stranger(t, flock("--exclusive")(t, path))
	sys := misled{pid: other.Pid}
	want := UnprovenError{path, other.Pid, "it does not have the lock"}
	var unproven *UnprovenError
	if _, err := find(sys, path); !errors.As(err, &unproven) || *unproven != want {
		t.Errorf("find: %v, want %v", err, &want)
	}
	if _, err := (Stop{sys: sys}).Stop(t.Context(), path); !errors.As(err, &unproven) || *unproven != want {
		t.Errorf("Stop: %v, want %v", err, &want)
	}
	if _, err := lockPidFile(sys, path); !errors.As(err, &unproven) || *unproven != want {
		t.Errorf("lockPidFile: %v, want %v", err, &want)
	}
	if !other.alive() {
		t.Error("a process without the lock was ended")
	}
}

// A child of clone(2) with CLONE_FILES takes the lock, and executes another program: it loses the lock, which
// goes on to be named after it.
func TestForgedOwnerByClone(t *testing.T) {
	path := pidFileWith(t, "5\n")
	leash := newLeash(t)
	launch(t, command(t, play{Role: "forge owner", Words: path, Leash: leash.address()}))
	forger := leash.await("forge owner")
	victim := atoi(t, forger.expect("victim"))
	want := UnprovenError{path, victim, "it does not have the lock"}
	var unproven *UnprovenError
	if _, err := Find(path); !errors.As(err, &unproven) || *unproven != want {
		t.Errorf("Find: %v, want %v", err, &want)
	}
	if _, err := (Stop{}).Stop(t.Context(), path); !errors.As(err, &unproven) || *unproven != want {
		t.Errorf("Stop: %v, want %v", err, &want)
	}
	if exiting(victim) {
		t.Error("the process that had been named was ended")
	}
}

// forgeOwner has the lock of a.Words named after a process that does not have it.
func forgeOwner(a *actor) int {
	runtime.LockOSThread() // the child ends with this thread
	fd, err := kernel{}.open(a.Words, os.O_RDWR, 0)
	if err == nil {
		err = kernel{}.flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		return broken(err)
	}
	program, err := exec.LookPath("sleep")
	if err != nil {
		return broken(err)
	}
	pid, err := cloneToLock(fd, program, "1000")
	if err != nil {
		return broken(err)
	}
	// When the program is executed, the child has had the lock and has it no more.
	for link, want := fmt.Sprintf("/proc/%d/exe", pid), realPath(program); realPath(link) != want; {
		time.Sleep(time.Millisecond)
	}
	a.say("victim", fmt.Sprint(pid))
	a.await("end")
	return 0
}

func realPath(path string) string {
	path, _ = filepath.EvalSymlinks(path)
	return path
}

// A program with the set-user-ID bit, executed by the process that has the locks, is not its daemon.
func TestOwnerThatExecutesAnotherProgram(t *testing.T) {
	needRoot(t, "makes a program with the set-user-ID bit")
	dir := publicDir(t)
	path, program := filepath.Join(dir, "pid"), filepath.Join(dir, "cat")
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(cat)
	err = errors.Join(err, os.WriteFile(program, b, 0o755), os.Chmod(program, 0o755|os.ModeSetuid),
		os.WriteFile(path, []byte("5\n"), 0o666), os.Chmod(path, 0o666))
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(t, play{Role: "lock and execute", Words: path + " " + program})
	cmd.Path = publicCopy(t, cmd.Path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	stranger(t, cmd)
	var unproven *UnprovenError
	if _, err := (Stop{}).Stop(t.Context(), path); !errors.As(err, &unproven) || unproven.Reason != "it has the rights of several users" {
		t.Error(err)
	}
}

// lockAndExecute has the locks of a daemon when the program starts that follows the path in a.Words.
func lockAndExecute(a *actor) int {
	path, program, _ := strings.Cut(a.Words, " ")
	p, err := LockPidFile(path)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(p.fd), unix.F_SETFD, 0)
	}
	if err == nil {
		err = unix.Exec(program, []string{program}, nil)
	}
	return broken(err)
}

// A sworn system has the process show what the test says.
type sworn struct {
	misled
	shown evidence
	err   error
}

func (s sworn) evidence(int, fileInfo) (evidence, error) { return s.shown, s.err }

// What a process shows is believed where it is one user's.
func TestEvidence(t *testing.T) {
	other := innocent(t)
	path := pidFileWith(t, pidLine(other.Pid))
	stranger(t, flock("--exclusive")(t, path))
	me, root := os.Geteuid(), os.Geteuid() == 0
	hidden := map[bool]string{true: "its locks cannot be looked at (without CAP_SYS_PTRACE?)", false: ""}[root]
	for _, test := range []struct {
		shown  evidence
		want   string // the reason of an UnprovenError
		proven bool
	}{
		{evidence{uids: [4]int{7, 7, 7, 7}, locks: true, atExec: 7}, "", true},
		{evidence{uids: [4]int{7, 7, 7, 7}, locks: true, atExec: 0}, "", true},
		{evidence{uids: [4]int{0, 0, 0, 0}, locks: true, atExec: 0}, "", true},
		{evidence{uids: [4]int{0, 0, 0, 0}, locks: true, atExec: 7}, "it was started by user 7", false},
		{evidence{uids: [4]int{7, 0, 0, 0}, locks: true}, "it has the rights of several users", false},
		{evidence{uids: [4]int{7, 7, 7, 0}, locks: true}, "it has the rights of several users", false},
		{evidence{uids: [4]int{7, 7, 7, 7}}, "it does not have the lock", false},
		{evidence{uids: [4]int{7, 7, 7, 7}, hidden: true}, hidden, false},
		{evidence{hidden: true}, hidden, false},
		{evidence{uids: [4]int{me, me, me, me}, hidden: true}, hidden, !root},
	} {
		seen, err := observe(sworn{misled{pid: other.Pid}, test.shown, nil}, path)
		var unproven *UnprovenError
		switch {
		case test.want == "" && (err != nil || seen.proven != test.proven):
			t.Errorf("%+v: %+v, %v", test.shown, seen, err)
		case test.want != "" && (!errors.As(err, &unproven) || unproven.Reason != test.want):
			t.Errorf("%+v: %v, want %s", test.shown, err, test.want)
		}
	}
	_, err := observe(sworn{misled{pid: other.Pid}, evidence{}, syscall.EIO}, path)
	if want := fmt.Sprintf("look at the locks of pid %d: input/output error", other.Pid); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// The locks of a daemon are found among all that it has open, and no other's are taken for them.
func TestHasLocks(t *testing.T) {
	d, daemon := running(t, "serve", "")
	d.expect("detached")
	d.expect("ready")
	proc := fmt.Sprintf("/proc/%d", d.Pid)
	ofFile := func(path string) fileInfo {
		info, err := kernel{}.lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	if found, err := hasLocks(proc, ofFile(daemon.PidFile)); err != nil || !found {
		t.Errorf("of the daemon: %v, %v", found, err)
	}
	if found, err := hasLocks(proc, ofFile(pidFileWith(t, ""))); err != nil || found {
		t.Errorf("of another file: %v, %v", found, err)
	}
}

// A file with another name elsewhere is not written to, and not believed.
func TestHardLink(t *testing.T) {
	path := pidFileWith(t, "5\n")
	if err := os.Link(path, path+".other"); err != nil {
		t.Fatal(err)
	}
	_, findErr := Find(path)
	_, lockErr := LockPidFile(path)
	for _, err := range []error{findErr, lockErr} {
		var foreign *ForeignError
		if !errors.As(err, &foreign) || foreign.Reason != "has another name (a hard link)" {
			t.Error(err)
		}
	}
	if got := readFile(t, path); got != "5\n" {
		t.Errorf("the file holds %q", got)
	}
}

// A daemon is running whatever its user has written into the file.
func TestContentOfTheDaemonsUser(t *testing.T) {
	d, daemon := running(t, "serve", "")
	d.expect("detached")
	d.expect("ready")
	for _, content := range []string{"-1\n", "1\n", "letter\n"} {
		if err := os.WriteFile(daemon.PidFile, []byte(content), 0); err != nil {
			t.Fatal(err)
		}
		if h, err := Find(daemon.PidFile); err != nil || *h != (Holder{d.Pid, true}) {
			t.Errorf("%q: %+v, %v", content, h, err)
		}
	}
}
