package daemonize

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
)

// A misled system has the kernel name another process than the one that has the locks, as it does
// when the number of the process that took them has passed on.
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
		{evidence{uids: [4]int{8, 8, 8, 8}, locks: true, atExec: 7}, "it was started by user 7", false},
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

// What a process may have become between two signals.
func TestSameUser(t *testing.T) {
	of := func(uid, atExec int) evidence {
		return evidence{uids: [4]int{uid, uid, uid, uid}, atExec: atExec, locks: true}
	}
	for _, test := range []struct {
		before, now evidence
		want        bool
	}{
		{of(7, 0), of(7, 0), true},
		{of(7, 0), evidence{uids: [4]int{7, 7, 7, 7}}, true},
		{of(7, 0), of(7, 7), true}, // it has executed a program
		{of(7, 7), of(0, 7), false},
		{of(7, 7), of(0, 0), false},
		{of(7, 7), of(7, 8), false},
		{of(7, 7), evidence{uids: [4]int{7, 0, 0, 0}, atExec: 7}, false},
	} {
		if got := test.now.sameUser(test.before); got != test.want {
			t.Errorf("%+v after %+v: %v", test.now, test.before, got)
		}
	}
}

// A file, or directory, that others may write to says nothing of its owner's processes.
func TestProveByOwnerShared(t *testing.T) {
	other := innocent(t)
	path := pidFileWith(t, pidLine(other.Pid))
	stranger(t, flock("--exclusive")(t, path))
	const owner = 7
	for _, test := range []struct {
		file, dir uint32
		want      bool
	}{
		{0o644, 0o755, true}, {0o664, 0o755, true}, {0o644, 0o777, true}, {0o666, 0o775, false}, {0o664, 0o1777, false},
	} {
		sys := owned{sworn{misled{pid: other.Pid}, evidence{uids: [4]int{owner, owner, owner, owner}, hidden: true}, nil}, owner, test.file, test.dir}
		seen, err := observe(sys, path)
		if got := err == nil && seen.proven; got != test.want {
			t.Errorf("file %o, directory %o: proven %v, %v", test.file, test.dir, got, err)
		}
	}
}

// An owned system shows the pid file and its directory as another user's, with these modes.
type owned struct {
	sworn
	owner     int
	file, dir uint32
}

func (o owned) fstat(fd int) (fileInfo, error) {
	info, err := o.kernel.fstat(fd)
	info.uid, info.mode = o.owner, info.kind()|o.file
	return info, err
}

func (o owned) lstat(path string) (fileInfo, error) {
	info, err := o.kernel.lstat(path)
	if info.kind() == syscall.S_IFDIR {
		info.uid, info.mode = o.owner, info.kind()|o.dir
	}
	return info, err
}
