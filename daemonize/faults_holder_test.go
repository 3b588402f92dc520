package daemonize

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

// A findFault is a system call that fails while Find looks.
type findFault struct {
	fault
	want string // PID stands for the file
}

func findFaults() []findFault {
	return []findFault{
		{fault{Method: "open", Errno: syscall.EACCES}, "open pid file PID: permission denied"},
		{fault{Method: "fstat", Errno: syscall.EIO}, "stat pid file PID: input/output error"},
		{fault{Method: "claimant", Errno: syscall.ENOLCK}, "ask who locked pid file PID: no locks available"},
		{fault{Method: "pread", Errno: syscall.EIO}, "read pid file PID: input/output error"},
		{fault{Method: "flock", Nth: 1, Errno: syscall.ENOLCK}, "test the lock of pid file PID: no locks available"},
		{fault{Method: "flock", Nth: 2, Errno: syscall.ENOLCK}, "test the lock of pid file PID: no locks available"},
	}
}

func TestFindFaults(t *testing.T) {
	for _, test := range findFaults() {
		path := pidFileWith(t, "5\n")
		sys := test.system(false).(*faulty)
		_, err := find(sys, path)
		if want := strings.ReplaceAll(test.want, "PID", path); err == nil || err.Error() != want || !errors.Is(err, test.Errno) {
			t.Errorf("%s: error %v, want %s", test.Method, err, want)
		}
		if sys.opened != 0 {
			t.Errorf("%s: %d descriptors are left open", test.Method, sys.opened)
		}
		if got := readFile(t, path); got != "5\n" {
			t.Errorf("%s: the file was changed to %q", test.Method, got)
		}
	}
}

// A stopFault is a call that fails while Stop stops a daemon.
type stopFault struct {
	method string
	handle faultyHandle
	want   string
}

// A faultyHandle is of a process that cannot be signalled or watched.
type faultyHandle struct {
	signalErr, killErr, waitErr error
}

func (h faultyHandle) signal(s syscall.Signal) error {
	if s == syscall.SIGKILL {
		return h.killErr
	}
	return h.signalErr
}

func (h faultyHandle) wait(int) (bool, error) { return false, h.waitErr }
func (h faultyHandle) close()                 {}

func stopFaults() []stopFault {
	return []stopFault{
		{method: "process", want: "watch pid 5: too many open files"},
		{handle: faultyHandle{signalErr: syscall.EPERM}, want: "signal pid 5: operation not permitted"},
		{handle: faultyHandle{waitErr: syscall.ENOMEM}, want: "wait for pid 5: cannot allocate memory"},
		{handle: faultyHandle{killErr: syscall.EPERM}, want: "signal pid 5: operation not permitted"},
	}
}

func TestStopFaults(t *testing.T) {
	for _, test := range stopFaults() {
		path := pidFileWith(t, "5\n")
		told := &told{holders: []int{5}, handle: func(int) (processHandle, error) { return test.handle, nil }}
		sys := &faulty{system: told, fault: fault{Method: test.method, Errno: syscall.EMFILE}, calls: make(map[string]int)}
		stopped, err := Stop{Timeout: 1, sys: sys}.Stop(t.Context(), path)
		if stopped != nil || err == nil || err.Error() != test.want {
			t.Errorf("%v, %v; want %s", stopped, err, test.want)
		}
		if got := readFile(t, path); got != "5\n" || sys.opened != 0 {
			t.Errorf("the file holds %q, %d descriptors are left open", got, sys.opened)
		}
	}
}

// What is made is undone also where undoing fails: then the first error is told, and no other.
func TestUndoFaults(t *testing.T) {
	for _, method := range []string{"unlink", "rmdir", "close"} {
		leash := newLeash(t)
		p := play{Role: "abort", Words: "3 reason", Leash: leash.address(), Daemon: inDirectory(t), Fault: fault{Method: method, Errno: syscall.EBUSY}}
		if r := launch(t, command(t, p)).wait(); r.Status != 3 || r.Error != "reason" {
			t.Errorf("%s: %v", method, r)
		}
		nothingLeft(t, p.Daemon) // the launcher has done it
	}
}

func TestRemoveFaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	sys := &faulty{system: noUnlink{}, fault: fault{Method: "ftruncate", Errno: syscall.EIO}, calls: make(map[string]int)}
	p, err := lockPidFile(sys, path)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(); err == nil || err.Error() != "remove pid file "+path+": input/output error" {
		t.Errorf("error %v", err)
	}
	if sys.opened != 0 {
		t.Errorf("%d descriptors are left open", sys.opened)
	}
}

// Every method of system fails in one of the tables, or there is a reason why not.
func TestFaultsComplete(t *testing.T) {
	covered := map[string]string{
		"umask":           "cannot fail",
		"unlink":          "TestUndoFaults",
		"rmdir":           "TestUndoFaults",
		"close":           "TestUndoFaults",
		"evidence":        "TestEvidence",
		"keptCommandLine": "the only call that CommandLine makes",
	}
	for _, f := range startFaults() {
		covered[f.Method] = "start"
	}
	for _, f := range findFaults() {
		covered[f.Method] = "find"
	}
	for _, f := range stopFaults() {
		covered[f.method] = "stop"
	}
	seam := reflect.TypeFor[system]()
	for i := range seam.NumMethod() {
		if method := seam.Method(i).Name; covered[method] == "" {
			t.Errorf("no test has %s fail", method)
		}
	}
}
