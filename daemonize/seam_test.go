package daemonize

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

// A fault is what the system refuses.
type fault struct {
	Method     string // of system
	Nth        int    // the call that is refused, from 1 on; 0 is every one
	Errno      syscall.Errno
	InLauncher bool   // else in the daemon
	Trace      string // the file that names each call
}

// system returns nil where there is no fault.
func (f fault) system(inLauncher bool) system {
	if f.Method == "" || f.InLauncher != inLauncher {
		return nil
	}
	return &faulty{system: kernel{}, fault: f, calls: make(map[string]int)}
}

// A faulty system is the kernel's but for one fault.
type faulty struct {
	system
	fault
	mu     sync.Mutex
	calls  map[string]int
	opened int // descriptors that were not closed again
}

// refused is the mark in a trace of the call that was refused.
const refused = "REFUSED "

func (f *faulty) refuse(method string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[method]++
	if method != f.Method || f.Nth != 0 && f.calls[method] != f.Nth {
		f.note(method)
		return nil
	}
	f.note(refused + method)
	return f.Errno
}

func (f *faulty) note(event string) {
	file, err := os.OpenFile(f.Trace, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		return
	}
	defer file.Close()
	fmt.Fprintln(file, event)
}

func (f *faulty) or(method string, call func() error) error {
	if err := f.refuse(method); err != nil {
		return err
	}
	return call()
}

func valueOr[T any](f *faulty, method string, call func() (T, error)) (value T, err error) {
	if err := f.refuse(method); err != nil {
		return value, err
	}
	return call()
}

func (f *faulty) socketpair() (ours, theirs *os.File, err error) {
	if err := f.refuse("socketpair"); err != nil {
		return nil, nil, err
	}
	return f.system.socketpair()
}

func (f *faulty) peekInput(fd int) ([]byte, error) {
	return valueOr(f, "peekInput", func() ([]byte, error) { return f.system.peekInput(fd) })
}

func (f *faulty) receive(fd, n int) ([]byte, []int, error) {
	if err := f.refuse("receive"); err != nil {
		return nil, nil, err
	}
	return f.system.receive(fd, n)
}

func (f *faulty) send(file *os.File, b []byte, fds []int) error {
	return f.or("send", func() error { return f.system.send(file, b, fds) })
}

func (f *faulty) closeOnExec(first int) error {
	return f.or("closeOnExec", func() error { return f.system.closeOnExec(first) })
}

func (f *faulty) emptySignalMask() (func(), error) {
	return valueOr(f, "emptySignalMask", f.system.emptySignalMask)
}

func (f *faulty) dup(fd int) (int, error) {
	return valueOr(f, "dup", func() (int, error) { return f.system.dup(fd) })
}

func (f *faulty) dup2(from, to int) error {
	return f.or("dup2", func() error { return f.system.dup2(from, to) })
}

func (f *faulty) close(fd int) error {
	f.opened--
	return f.or("close", func() error { return f.system.close(fd) })
}

func (f *faulty) sessionID() (int, error) { return valueOr(f, "sessionID", f.system.sessionID) }

func (f *faulty) umask(mask int) {
	f.refuse("umask")
	f.system.umask(mask)
}

func (f *faulty) chdir(dir string) error {
	return f.or("chdir", func() error { return f.system.chdir(dir) })
}

func (f *faulty) noCoreDumps() error { return f.or("noCoreDumps", f.system.noCoreDumps) }

func (f *faulty) open(path string, flags int, perm uint32) (int, error) {
	return valueOr(f, "open", func() (int, error) {
		fd, err := f.system.open(path, flags, perm)
		if err == nil {
			f.opened++
		}
		return fd, err
	})
}

func (f *faulty) fstat(fd int) (fileInfo, error) {
	return valueOr(f, "fstat", func() (fileInfo, error) { return f.system.fstat(fd) })
}

func (f *faulty) lstat(path string) (fileInfo, error) {
	return valueOr(f, "lstat", func() (fileInfo, error) { return f.system.lstat(path) })
}

func (f *faulty) flock(fd, how int) error {
	return f.or("flock", func() error { return f.system.flock(fd, how) })
}

func (f *faulty) claim(fd int) error {
	return f.or("claim", func() error { return f.system.claim(fd) })
}

func (f *faulty) claimant(fd int) (int, error) {
	return valueOr(f, "claimant", func() (int, error) { return f.system.claimant(fd) })
}

func (f *faulty) pwrite(fd int, b []byte, offset int64) (int, error) {
	return valueOr(f, "pwrite", func() (int, error) { return f.system.pwrite(fd, b, offset) })
}

func (f *faulty) ftruncate(fd int, size int64) error {
	return f.or("ftruncate", func() error { return f.system.ftruncate(fd, size) })
}

func (f *faulty) fchmod(fd int, mode uint32) error {
	return f.or("fchmod", func() error { return f.system.fchmod(fd, mode) })
}

func (f *faulty) chmod(path string, mode uint32) error {
	return f.or("chmod", func() error { return f.system.chmod(path, mode) })
}

func (f *faulty) chown(path string, uid, gid int) error {
	return f.or("chown", func() error { return f.system.chown(path, uid, gid) })
}

func (f *faulty) mkdir(path string, mode uint32) error {
	return f.or("mkdir", func() error { return f.system.mkdir(path, mode) })
}

func (f *faulty) unlink(path string) error {
	return f.or("unlink", func() error { return f.system.unlink(path) })
}

func (f *faulty) rmdir(path string) error {
	return f.or("rmdir", func() error { return f.system.rmdir(path) })
}

func (f *faulty) pread(fd int, b []byte) (int, error) {
	return valueOr(f, "pread", func() (int, error) { return f.system.pread(fd, b) })
}

func (f *faulty) chroot(dir string) error {
	return f.or("chroot", func() error { return f.system.chroot(dir) })
}

func (f *faulty) setgroups(gids []int) error {
	return f.or("setgroups", func() error { return f.system.setgroups(gids) })
}

func (f *faulty) setgid(gid int) error {
	return f.or("setgid", func() error { return f.system.setgid(gid) })
}

func (f *faulty) setuid(uid int) error {
	return f.or("setuid", func() error { return f.system.setuid(uid) })
}

func (f *faulty) evidence(pid int, file fileInfo) (evidence, error) {
	return valueOr(f, "evidence", func() (evidence, error) { return f.system.evidence(pid, file) })
}

func (f *faulty) credentials() (credentials, error) {
	return valueOr(f, "credentials", f.system.credentials)
}

func (f *faulty) openThreads() (*os.Root, error) {
	return valueOr(f, "openThreads", f.system.openThreads)
}

func (f *faulty) closeInherited() error  { return f.or("closeInherited", f.system.closeInherited) }
func (f *faulty) dropBoundingSet() error { return f.or("dropBoundingSet", f.system.dropBoundingSet) }

func (f *faulty) ownSessionKeyring() error {
	return f.or("ownSessionKeyring", f.system.ownSessionKeyring)
}

func (f *faulty) clearInheritable() error {
	return f.or("clearInheritable", f.system.clearInheritable)
}

func (f *faulty) clearCapabilities() error {
	return f.or("clearCapabilities", f.system.clearCapabilities)
}

func (f *faulty) noNewPrivileges() error { return f.or("noNewPrivileges", f.system.noNewPrivileges) }

func (f *faulty) privileged(threads *os.Root, want threadLimits) (string, error) {
	return valueOr(f, "privileged", func() (string, error) { return f.system.privileged(threads, want) })
}

func (f *faulty) denyTerminalInput() error {
	return f.or("denyTerminalInput", f.system.denyTerminalInput)
}

func (f *faulty) awaitZombie(child int) error {
	return f.or("awaitZombie", func() error { return f.system.awaitZombie(child) })
}

func (f *faulty) process(pid int) (processHandle, error) {
	return valueOr(f, "process", func() (processHandle, error) { return f.system.process(pid) })
}

func (f *faulty) keepCommandLine(line []byte) error {
	return f.or("keepCommandLine", func() error { return f.system.keepCommandLine(line) })
}
