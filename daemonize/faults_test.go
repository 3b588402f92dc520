package daemonize

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A startFault is a system call that fails on the way to readiness.
type startFault struct {
	fault
	with   func(*Daemon) // what the way has besides pid file and runtime directory
	root   bool          // an ordinary user does not get that far
	user   bool          // root does not
	before string        // what the pid file holds before
	want   string        // the error; "" for none. DIR and PID stand for directory and pid file
	exit   int
}

func startFaults() []startFault {
	inLauncher := func(method string, errno syscall.Errno, want string) startFault {
		return startFault{fault: fault{Method: method, Errno: errno, InLauncher: true}, want: want, exit: exitOther}
	}
	inDetach := func(method string, nth int, errno syscall.Errno, want string) startFault {
		return startFault{fault: fault{Method: method, Nth: nth, Errno: errno}, want: want, exit: exitRefused}
	}
	later := func(method string, nth int, errno syscall.Errno, want string) startFault {
		return startFault{fault: fault{Method: method, Nth: nth, Errno: errno}, want: want, exit: 1}
	}
	with := func(s startFault, with func(*Daemon)) startFault {
		s.with = with
		return s
	}
	held := func(s startFault, before string) startFault {
		s.before = before
		return s
	}
	asRoot := func(s startFault, with func(*Daemon)) startFault {
		s.with, s.root = with, true
		return s
	}
	asUser := func(s startFault, with func(*Daemon)) startFault {
		s.with, s.user = with, true
		return s
	}
	chroot := func(d *Daemon) { d.Chroot = "/" }
	me := func(d *Daemon) { d.Identity = &Identity{User: "me", UID: os.Geteuid(), GID: os.Getegid()} }
	nobody := func(d *Daemon) { d.Identity = &Identity{User: "nobody", UID: 65534, GID: 65534, Groups: []int{65534}} }
	return []startFault{
		inLauncher("socketpair", syscall.EMFILE, "connect to the daemon to be: too many open files"),
		inLauncher("send", syscall.EPERM, "greet the daemon to be: operation not permitted"),
		inLauncher("closeOnExec", syscall.EPERM, "start the daemon: mark descriptors close-on-exec: operation not permitted"),
		inLauncher("emptySignalMask", syscall.EINVAL, "start the daemon: empty signal mask: invalid argument"),
		inLauncher("awaitZombie", syscall.ENOSYS, ""),

		inDetach("peekInput", 0, syscall.ENOMEM, "look for the launcher: cannot allocate memory"),
		inDetach("dup", 0, syscall.EMFILE, "keep the way to the launcher: too many open files"),
		inDetach("receive", 0, syscall.EIO, "receive descriptors from the launcher: input/output error"),
		inDetach("socketpair", 0, syscall.EMFILE, "mark this process as detached: too many open files"),
		inDetach("dup2", 1, syscall.EBUSY, "mark this process as detached: device or resource busy"),
		inDetach("open", 1, syscall.EMFILE, "open /dev/null: too many open files"),
		inDetach("dup2", 2, syscall.EBUSY, "redirect descriptor 0: device or resource busy"),
		inDetach("sessionID", 0, syscall.EPERM, "look up session: operation not permitted"),
		inDetach("keepCommandLine", 0, syscall.ENOSYS, ""),
		inDetach("chdir", 0, syscall.EACCES, "change directory to /: permission denied"),
		inDetach("noCoreDumps", 0, syscall.EPERM, "limit core dumps: operation not permitted"),
		inDetach("mkdir", 0, syscall.ENOSPC, "make runtime directory DIR: no space left on device"),
		inDetach("chmod", 0, syscall.EPERM, "set mode of runtime directory DIR: operation not permitted"),
		with(inDetach("chown", 0, syscall.EPERM, "give runtime directory DIR to me: operation not permitted"), me),
		held(inDetach("lstat", 1, syscall.EIO, "stat runtime directory DIR: input/output error"), "5\n"),
		held(inDetach("open", 2, syscall.EACCES, "open pid file PID: permission denied"), "5\n"),
		inDetach("open", 3, syscall.EROFS, "create pid file PID: read-only file system"),
		inDetach("fstat", 1, syscall.EIO, "stat pid file PID: input/output error"),
		inDetach("flock", 1, syscall.ENOLCK, "lock pid file PID: no locks available"),
		inDetach("lstat", 1, syscall.EIO, "stat pid file PID: input/output error"),
		inDetach("pread", 0, syscall.EIO, "read pid file PID: input/output error"),
		inDetach("fchmod", 0, syscall.EPERM, "set mode of pid file PID: operation not permitted"),
		held(inDetach("ftruncate", 1, syscall.EIO, "empty pid file PID: input/output error"), "5\n"),
		inDetach("claim", 0, syscall.ENOLCK, "claim pid file PID: no locks available"),

		with(later("chroot", 0, syscall.EPERM, "change root to /: operation not permitted"), chroot),
		asRoot(later("chdir", 1, syscall.ENOENT, "change directory to / inside /: no such file or directory"), chroot),
		asRoot(later("lstat", 2, syscall.EIO, "change root to /: stat /: input/output error"), chroot),
		asRoot(later("openThreads", 0, syscall.EMFILE, "look at the threads of this process: too many open files"), nobody),
		asRoot(later("closeInherited", 0, syscall.EIO, "close inherited descriptors: input/output error"), nobody),
		asRoot(later("dropBoundingSet", 0, syscall.EINVAL, "empty the capability bounding set: invalid argument"), nobody),
		asRoot(later("dropBoundingSet", 0, syscall.EPERM, ""), nobody),
		asRoot(later("ownSessionKeyring", 0, syscall.ENOMEM, "leave the session keyring: cannot allocate memory"), nobody),
		asRoot(later("ownSessionKeyring", 0, syscall.ENOSYS, ""), nobody),
		asRoot(later("ownSessionKeyring", 0, syscall.EDQUOT, ""), nobody),
		asRoot(later("setgroups", 0, syscall.EPERM, "set supplementary groups of nobody: operation not permitted"), nobody),
		asRoot(later("setgid", 0, syscall.EPERM, "set group to 65534: operation not permitted"), nobody),
		asRoot(later("setuid", 1, syscall.EAGAIN, "set user to nobody: resource temporarily unavailable"), nobody),
		asRoot(later("credentials", 0, syscall.EPERM, "look at what is left of root: operation not permitted"), nobody),
		asRoot(later("clearInheritable", 0, syscall.EPERM, "give up inheritable capabilities: operation not permitted"), nobody),
		asRoot(later("noNewPrivileges", 0, syscall.EINVAL, "set no_new_privs: invalid argument"), nobody),
		asRoot(later("denyTerminalInput", 0, syscall.EINVAL, "deny typing into the terminal: invalid argument"), nobody),
		asRoot(later("denyTerminalInput", 0, syscall.ENOSYS, ""), nobody),
		asUser(later("openThreads", 0, syscall.ENOENT, ""), me),
		asUser(later("clearCapabilities", 0, syscall.EPERM, "give up capabilities: operation not permitted"), me),
		asRoot(later("privileged", 0, syscall.ENOSYS, "look at what is left of root: function not implemented"), nobody),
		later("pwrite", 0, syscall.ENOSPC, "write pid file PID: no space left on device"),
		later("ftruncate", 1, syscall.EIO, "write pid file PID: input/output error"),
		later("dup2", 3, syscall.EBUSY, "redirect descriptor 1: device or resource busy"),
		later("dup2", 4, syscall.EBUSY, "redirect descriptor 2: device or resource busy"),
	}
}

// Each system call on the way to readiness fails once. The error says what was tried, nothing
// is left of the start, and the way was not gone any further.
func TestStartFaults(t *testing.T) {
	for _, test := range startFaults() {
		t.Run(strings.TrimSpace(test.Method+" "+test.want), func(t *testing.T) {
			leash, p, want := test.prepare(t)
			r := launch(t, command(t, p)).wait()
			if r.Error != want || want != "" && r.exit != test.exit {
				t.Fatalf("%v; want exit status %d, error %q", r, test.exit, want)
			}
			if want == "" {
				leash.ready("serve")
				return
			}
			wentNoFurther(t, readFile(t, p.Fault.Trace), test.Method)
			if test.before == "" {
				nothingLeft(t, p.Daemon)
			}
		})
	}
}

// In the foreground there is no launcher that could tidy up.
func TestForegroundFaults(t *testing.T) {
	detaching := []string{"socketpair", "peekInput", "receive", "dup", "dup2", "sessionID", "keepCommandLine"}
	for _, test := range startFaults() {
		if test.InLauncher || slices.Contains(detaching, test.Method) {
			continue
		}
		switch test.Method {
		case "open": // without /dev/null
			if test.Nth--; test.Nth == 0 {
				continue
			}
		}
		t.Run(test.Method+" "+test.want, func(t *testing.T) {
			leash, p, want := test.prepare(t)
			p.Foreground = true
			started := launch(t, command(t, p))
			if test.want == "" {
				leash.ready("serve")
				return
			}
			r := started.wait()
			if test.exit == exitRefused && r.Error != want || r.exit == 0 {
				t.Fatalf("%v; want error %q", r, want)
			}
			if test.exit == 1 {
				d := leash.await("serve")
				d.expect("detached")
				if got := d.expect("not ready"); got != want {
					t.Fatalf("error %q, want %q", got, want)
				}
			}
			wentNoFurther(t, readFile(t, p.Fault.Trace), test.Method)
			switch {
			case test.before != "":
			case p.Daemon.Identity != nil:
				removed(t, p.Daemon.PidFile) // but nobody may not remove the directory
			default:
				nothingLeft(t, p.Daemon)
			}
		})
	}
}

func (f startFault) prepare(t *testing.T) (l *leash, p play, want string) {
	t.Helper()
	l = newLeash(t)
	p = play{Role: "serve", Leash: l.address(), Daemon: inDirectory(t), Fault: f.fault}
	p.Fault.Trace = traceFile(t)
	if f.with != nil {
		f.with(&p.Daemon)
	}
	if f.root {
		needRoot(t, "changes user or root directory")
	}
	if f.user && os.Geteuid() == 0 {
		t.Skip("needs an ordinary user, which runs this too")
	}
	if f.before != "" {
		heldBefore(t, p.Daemon, f.before)
	}
	return l, p, strings.NewReplacer("DIR", p.Daemon.RuntimeDirectory, "PID", p.Daemon.PidFile).Replace(f.want)
}

// traceFile is written to also by a daemon that has given up root.
func traceFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(publicDir(t), "trace")
	if err := createFile(t, path).Chmod(0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func heldBefore(t *testing.T, d Daemon, content string) {
	t.Helper()
	if err := os.Mkdir(d.RuntimeDirectory, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.PidFile, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// wentNoFurther holds when after the refused call there came none that is only made on the way
// forward.
func wentNoFurther(t *testing.T, trace, method string) {
	t.Helper()
	forward := []string{
		"socketpair", "send", "closeOnExec", "emptySignalMask", "peekInput", "receive", "dup", "sessionID", "keepCommandLine",
		"umask", "chdir", "noCoreDumps", "mkdir", "chmod", "chown", "claim", "fchmod",
		"chroot", "setgroups", "setgid", "setuid", "credentials", "privileged", "pwrite",
		"openThreads", "dropBoundingSet", "ownSessionKeyring", "clearInheritable", "noNewPrivileges", "denyTerminalInput",
	}
	_, after, refusedOnce := strings.Cut(trace, refused+method+"\n")
	if !refusedOnce {
		t.Errorf("%s was not called:\n%s", method, trace)
	}
	for line := range strings.Lines(after) {
		if call := strings.TrimSpace(line); slices.Contains(forward, call) {
			t.Errorf("after %s failed, %s was called:\n%s", method, call, trace)
		}
	}
}
