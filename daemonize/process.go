package daemonize

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// A Process is the calling process in its role as a daemon. Its methods must not be called
// at the same time.
type Process struct {
	daemon    *Daemon
	detached  bool
	ready     bool
	handshake *handshake // nil in the foreground, and when the launcher knows
	sockets   []*Socket
	files     map[string]*os.File
	notifier  *Notifier // nil without a service manager that wants to know
	notifyErr error

	privilegesErr error // what could not be given up, and need not be

	pidFile *PidFile
	madeDir string   // the runtime directory, while it is this process's to remove
	dirLock *os.File // keeps the runtime directory from being cleaned; may be nil
	pipeC   chan os.Signal
	overdue *time.Timer // nil without ReadyTimeout
}

// settleDetached is what a detached daemon does first; settle what every daemon does.
func (p *Process) settleDetached() error {
	// A launcher that is killed breaks our standard error. Without this, the next word written
	// there would end the process before it could clean up.
	p.pipeC = make(chan os.Signal, 1)
	signal.Notify(p.pipeC, syscall.SIGPIPE)
	sys := p.daemon.system()
	if err := p.handshake.settleInput(p.daemon.KeepStdio); err != nil {
		return err
	}
	if err := leadSession(sys); err != nil {
		return err
	}
	if p.daemon.ReadyTimeout > 0 {
		// By then a launcher has ended this process. If it did not, it was killed itself.
		p.overdue = time.AfterFunc(p.daemon.ReadyTimeout+2*terminateGrace, endOwnGroup)
	}
	// Whoever wants to start this daemon again may have to repeat the command
	// line where this fails; that is no reason not to start now.
	sys.keepCommandLine([]byte(strings.Join(os.Args, "\x00")))
	return p.settle()
}

// leadSession makes sure that a session was started: the group of this process may be sent signals.
func leadSession(sys system) error {
	session, err := sys.sessionID()
	if err != nil {
		return fmt.Errorf("look up session: %w", err)
	}
	if session != os.Getpid() {
		return fmt.Errorf("start session: still in session %d", session)
	}
	return nil
}

// endOwnGroup ends the process group that this process leads: itself and what it has started.
func endOwnGroup() {
	syscall.Kill(0, syscall.SIGTERM)
	time.Sleep(terminateGrace)
	syscall.Kill(0, syscall.SIGKILL)
}

func (p *Process) settle() error {
	d, sys := p.daemon, p.daemon.system()
	var err error
	if p.notifier, err = newNotifier(); err != nil {
		return err
	}
	sys.umask(d.umask())
	if !d.KeepDir && d.Chroot == "" {
		if err := sys.chdir(d.dir()); err != nil {
			return fmt.Errorf("change directory to %s: %w", d.dir(), err)
		}
	}
	if !d.CoreDumps {
		if err := sys.noCoreDumps(); err != nil {
			return fmt.Errorf("limit core dumps: %w", err)
		}
	}
	return p.moveIn()
}

// moveIn makes the runtime directory and locks it and the pid file.
func (p *Process) moveIn() error {
	if err := p.lockPidFile(); err != nil {
		return err
	}
	if dir := p.daemon.RuntimeDirectory; dir != "" {
		p.dirLock = lockRuntimeDirectory(p.daemon.system(), dir)
	}
	return nil
}

// lockPidFile makes the directory anew when another daemon, that had made it, removes it in
// between.
func (p *Process) lockPidFile() error {
	d := p.daemon
	for try := 1; ; try++ {
		made, err := makeRuntimeDirectory(d.system(), d.RuntimeDirectory, d.Identity)
		if err != nil {
			return err
		}
		if made {
			p.madeDir = d.RuntimeDirectory
		}
		if d.PidFile == "" {
			return nil
		}
		p.pidFile, err = lockPidFile(d.system(), d.PidFile)
		if d.RuntimeDirectory == "" || !errors.Is(err, syscall.ENOENT) || try == unclaimedTries {
			return err
		}
	}
}

// Stale describes what was left of an earlier daemon in the pid file; see [PidFile.Stale].
func (p *Process) Stale() string {
	if p.pidFile == nil {
		return ""
	}
	return p.pidFile.Stale()
}

// Sockets returns the sockets of Daemon.Sockets, in their order. Those of a detached daemon are
// those that its launcher had.
func (p *Process) Sockets() []*Socket { return p.sockets }

// File returns the file that Daemon.Files has by this name, or nil. It is the same one each time,
// for the program to use and to close; Close closes what is left. A detached daemon has the
// file of its launcher by a descriptor of its own, which is close-on-exec.
func (p *Process) File(name string) *os.File { return p.files[name] }

// Notifier returns what tells the service manager about the daemon, or nil if NOTIFY_SOCKET was not
// set. The methods of nil do nothing.
func (p *Process) Notifier() *Notifier { return p.notifier }

// Ready says that the daemon serves. It writes the pid file, points standard output and error of
// a detached daemon at /dev/null, or where [Process.LogTo] says, and tells the launcher, which gets
// message as [Launched].Message; then the service manager, if NOTIFY_SOCKET was set.
//
// An error means that the daemon should end: a detached daemon whose launcher is gone
// was not wanted any more. A service manager that cannot be told is no such error: the daemon
// serves all the same; see [Process.NotifyError].
func (p *Process) Ready(message string) error {
	if p.pidFile != nil {
		if err := p.pidFile.Write(); err != nil {
			return err
		}
	}
	if p.handshake != nil {
		if err := p.handshake.finish(frame{Ready: true, Message: message}); err != nil {
			return err
		}
		p.hangUp()
	}
	p.ready, p.madeDir = true, ""
	p.notifyErr = p.notifier.Ready()
	return nil
}

// LogTo has standard output and error of a detached daemon lead to f, in place of /dev/null: from
// Ready on, or at once if the daemon is ready. What package log writes, what libraries print
// and the text of a panic go there then. It is called again after f was reopened. In the
// foreground it does nothing: where standard error leads there is for the caller to say.
//
// With [log/slog.SetDefault], package log writes to a handler of the program; the text of a panic
// needs a file.
func (p *Process) LogTo(f *os.File) error {
	if !p.detached {
		return nil
	}
	if p.handshake != nil {
		return p.handshake.logTo(f)
	}
	for fd := 1; fd <= 2; fd++ {
		if err := p.daemon.system().dup2(int(f.Fd()), fd); err != nil {
			return fmt.Errorf("redirect descriptor %d: %w", fd, err)
		}
	}
	return nil
}

// NotifyError says why Ready could not tell the service manager, or returns nil. It is for
// the log: sd_notify(3) has daemons go on.
func (p *Process) NotifyError() error { return p.notifyErr }

// Abort tells the launcher of a detached daemon why the daemon will not be ready, and
// which exit status, from 1 to 255, to pass on; any other becomes 1. It does not end the process,
// but the launcher waits for its end. In the foreground, and after Ready, it does nothing.
func (p *Process) Abort(status int, err error) {
	if p.handshake == nil {
		return
	}
	f := frame{Status: status, Message: err.Error()}
	var running *RunningError
	if errors.As(err, &running) {
		f.Running = &running.Holder
	}
	// Without a launcher there is nobody left to tell.
	p.handshake.finish(f)
	p.hangUp()
}

func (p *Process) hangUp() {
	p.handshake = nil
	signal.Stop(p.pipeC)
	if p.overdue != nil {
		p.overdue.Stop()
	}
}

// Close removes the pid file. If the daemon never was ready, it also removes the runtime
// directory that it made. Call it last.
func (p *Process) Close() error {
	var err error
	if p.pidFile != nil {
		err = p.pidFile.Remove()
		p.pidFile = nil
	}
	p.notifier.Close()
	for _, s := range p.sockets {
		s.Close()
	}
	for _, f := range p.files {
		f.Close()
	}
	p.dirLock.Close() // of none it is an error that tells nothing
	if p.madeDir != "" {
		// Another daemon may have moved in meanwhile; then it stays.
		p.daemon.system().rmdir(p.madeDir)
	}
	return err
}
