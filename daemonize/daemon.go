package daemonize

import (
	"fmt"
	"io"
	"os"
	"time"
)

// NoUmask as Daemon.Umask is a mask of zero.
const NoUmask = -1

// A Daemon says how a process becomes a daemon. The zero value follows
// daemon(7): working directory /, standard input, output and error on
// /dev/null, no core dumps, no pid file, the caller's user. The umask is 022, where daemon(7)
// has 0, with which a program that is not made for it writes files that everybody may change.
type Daemon struct {
	// Args is the daemon's command line, program name first. Nil means os.Args.
	// The program that runs is always the calling one; the directory of
	// Args[0] is made absolute, its last element, by which a program may know
	// what it was called as, is kept. The launcher's working directory is
	// not the daemon's, so paths in Args should be absolute.
	Args []string

	// Env names environment variables that the daemon keeps besides those of every daemon,
	// which are what tells the user, the language, the time zone and where programs are (HOME,
	// LOGNAME, USER, SHELL, PATH, TMPDIR, LANG, LANGUAGE, LC_*, TZ, TZDIR), what tunes the Go
	// runtime (GODEBUG, GOGC, GOMAXPROCS, GOMEMLIMIT, GOTRACEBACK, GOCOVERDIR, GORACE), and
	// what a service manager says (NOTIFY_SOCKET, WATCHDOG_USEC, INVOCATION_ID,
	// JOURNAL_STREAM). A name that ends in * stands for all that begin so.
	Env []string

	// Dir is the working directory; empty means "/". With Chroot it is
	// looked up inside the new root.
	Dir string

	// KeepDir leaves the working directory as it is, like nochdir of daemon(3). With
	// Chroot it means nothing: a working directory outside is a way out.
	KeepDir bool

	// KeepStdio gives the daemon the launcher's standard input, output and error,
	// like noclose of daemon(3), in place of /dev/null: output and error when it is ready. See also
	// [Process.LogTo].
	KeepStdio bool

	// Umask is the file mode creation mask, from 1 to 0777. Zero means 022. With [NoUmask], files
	// get exactly the mode they are created with.
	Umask int

	// CoreDumps leaves the limit of the size of a core file as it is. Otherwise it is
	// set to zero, because a core holds whatever the daemon knew.
	CoreDumps bool

	// PidFile is the absolute path of the file that holds the daemon's pid and is
	// locked as long as it lives. Empty means none.
	PidFile string

	// RuntimeDirectory is the absolute path of a directory that is made, if missing, before the
	// pid file is opened, and that belongs to Identity. Its parent must exist, and nobody else
	// may have the right to rename things there. Made by root it has mode 0755, else 0700. One
	// that is there already must be a directory of root's, the caller's or Identity's and not
	// writable by others. Empty means none. (The name is systemd.exec(5)'s.)
	RuntimeDirectory string

	// Identity is whom [Process.DropPrivileges] becomes. Nil keeps the caller's
	// user and groups.
	Identity *Identity

	// Chroot is the directory that [Process.DropPrivileges] makes the root
	// directory. Empty means none. All other paths here but Dir are looked up
	// outside of it.
	Chroot string

	// Sockets are handed on to the daemon, which gets them from [Process.Sockets]; see
	// [InheritedSockets]. In a process that Detach has started they are ignored: it has those that
	// its launcher had.
	Sockets []*Socket

	// Files are handed on to the daemon, which gets them by their names from [Process.File]:
	// regular files, pipes, and the sockets of listeners and connections, as their File methods
	// return them; net.FileListener makes a listener again. The launcher keeps its own. As with
	// Sockets, a process that Detach has started has what its launcher had: it need not, and in the
	// case of a listener cannot, open them once more. See [Detached].
	Files map[string]*os.File

	// ReadyTimeout is how long Detach waits for the daemon to be ready before it
	// ends it, by KILL where TERM does not do, and returns an error. A daemon whose
	// launcher was killed ends itself some seconds later. Zero means for ever.
	ReadyTimeout time.Duration

	// ExitStatus says with which status the launcher should exit for an error that Detach
	// returns in the daemon; the launcher finds it in [StartError]. Nil means 1 for all.
	ExitStatus func(error) int

	// Output is where the launcher copies what the daemon writes to its standard output
	// and error before it is ready. Errors of Output are ignored. Nil means os.Stderr.
	Output io.Writer

	sys system // nil means the kernel's
}

// Detach starts the calling program again as a daemon. Like fork(2) it returns
// twice, with one of its three results. A process may be detached once; a launcher may launch
// any number of daemons, one after the other.
//
// What comes before Detach happens in both processes: see [Detached]. It must leave the variable
// DAEMONIZE_SECRET and descriptor 3 as they are. Where they are not, so that a process that a
// launcher has started would become another launcher, Detach returns an error. A daemon that
// ends in order by a signal catches it before Detach, in which its pid file is locked.
//
// In the daemon it returns a Process at once. An error there has been passed
// to the launcher already, and what is written to standard output and error
// is lost; the program should exit with any status but 0.
//
// In the launcher it returns a Launched when the daemon is ready; a [*RunningError]
// when another daemon holds PidFile; a [*StartError] when the daemon ended, or
// was ended, before it was ready; or what kept it from starting the daemon at all.
// While another start is under way with the same pid file, Detach waits for its
// end, at most ReadyTimeout. The signals HUP, INT, QUIT and TERM, unless ignored, end the
// daemon and Detach with a StartError. (Of an ignored QUIT or TERM that a program has
// inherited, the Go runtime knows nothing.) A launcher that is killed takes
// the daemon with it: Ready fails.
func (d *Daemon) Detach() (*Process, *Launched, error) {
	if err := d.validate(); err != nil {
		return nil, nil, err
	}
	h, err := recognise(d.system())
	if h == nil {
		if err != nil {
			return nil, nil, err
		}
		launched, err := d.launchUnlessRunning()
		return nil, launched, err
	}
	p := &Process{daemon: d, detached: true, handshake: h, sockets: h.sockets, files: h.files}
	if err == nil {
		err = p.settleDetached()
	}
	if err != nil {
		p.Abort(d.exitStatus(err), err)
		p.Close()
		return nil, nil, err
	}
	return p, nil, nil
}

// Foreground makes the calling process a daemon without detaching it, for
// supervisors, containers and shell jobs. Descriptors,
// signals, session and standard input, output and error stay as they are, and so does the
// environment but for the variables that [Process.Notifier] takes; all else
// is as with Detach.
func (d *Daemon) Foreground() (*Process, error) {
	if err := d.validate(); err != nil {
		return nil, err
	}
	p := &Process{daemon: d, sockets: d.Sockets, files: d.Files}
	if err := p.settle(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (d *Daemon) validate() error {
	if d.Umask != NoUmask && (d.Umask < 0 || d.Umask > 0o777) {
		return fmt.Errorf("set umask %#o: not between 0 and 0777", d.Umask)
	}
	for _, path := range []string{d.PidFile, d.RuntimeDirectory, d.Chroot, d.Dir} {
		if path != "" && path[0] != '/' {
			return fmt.Errorf("use path %s: not absolute", path)
		}
	}
	return checkFiles(d.Files)
}

func (d *Daemon) system() system {
	if d.sys != nil {
		return d.sys
	}
	return kernel{}
}

func (d *Daemon) exitStatus(err error) int {
	if d.ExitStatus == nil {
		return 1
	}
	return d.ExitStatus(err)
}

func (d *Daemon) umask() int {
	switch d.Umask {
	case 0:
		return 0o022
	case NoUmask:
		return 0
	}
	return d.Umask
}

func (d *Daemon) dir() string {
	if d.Dir == "" {
		return "/"
	}
	return d.Dir
}
