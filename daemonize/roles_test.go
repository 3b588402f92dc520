package daemonize

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// roles are the daemons that the test binary plays. Before them is Detach.
func roles() map[string]role {
	all := map[string]role{
		"serve":         serve,
		"hesitate":      hesitate,
		"run programs":  runPrograms,
		"open terminal": openTerminal,
		"write":         write,
		"speak":         speak,
		"crash":         crash,
		"abort":         abort,
		"hang":          hang,
		"hand down":     handDown,
		"fail twice":    failTwice,
		"end by signal": endBySignal,
		"be alone":      beAlone,
		"say all":       sayAll,
	}
	maps.Copy(all, systemRoles())
	return all
}

// serve is a daemon as it should be. It gives up privileges, is ready at once and ends
// by SIGTERM.
func serve(a *actor) int {
	termC := make(chan os.Signal, 1)
	signal.Notify(termC, syscall.SIGTERM)
	a.say("detached", a.process.Stale())
	return a.serve(termC)
}

// hesitate is serve when it is told to go on.
func hesitate(a *actor) int {
	termC := make(chan os.Signal, 1)
	signal.Notify(termC, syscall.SIGTERM)
	a.say("detached", "")
	a.await("go on")
	fmt.Fprintln(os.Stderr, "going on") // whoever may hear it
	return a.serve(termC)
}

func (a *actor) serve(termC <-chan os.Signal) int {
	err := a.process.DropPrivileges()
	if err == nil {
		err = a.process.Ready("serving")
	}
	if err != nil {
		a.say("not ready", err.Error())
		a.process.Abort(1, err)
		a.process.Close()
		return 1
	}
	ready := ""
	if err := a.process.NotifyError(); err != nil {
		ready = err.Error()
	}
	a.say("ready", ready)
	<-termC
	if err := a.process.Close(); err != nil {
		a.say("close", err.Error())
		return 1
	}
	return 0
}

// runPrograms starts a program before it is ready, and one after.
func runPrograms(a *actor) int {
	a.runCat("early program")
	if err := a.process.Ready(""); err != nil {
		return broken(err)
	}
	a.runCat("late program")
	a.await("end")
	a.process.Close()
	return 0
}

// runCat says the pid of a cat(1), which ends when this process has.
func (a *actor) runCat(event string) {
	cat := exec.Command("cat")
	stdin, err := cat.StdinPipe()
	if err == nil {
		err = cat.Start()
	}
	if err != nil {
		a.say("broken", err.Error())
		return
	}
	// The pipe must not be closed before the process ends.
	a.kept = append(a.kept, stdin)
	a.say(event, strconv.Itoa(cat.Process.Pid))
}

// openTerminal opens a terminal in the ways of this package, and then as one takes a
// controlling terminal.
func openTerminal(a *actor) int {
	_, lockErr := LockPidFile(a.Words)
	_, findErr := Find(a.Words)
	removeStale(kernel{}, a.Words)
	a.process.Ready("")
	a.say("opened", lockErr.Error()+"; "+findErr.Error())
	a.await("open it")
	f, err := os.OpenFile(a.Words, os.O_RDWR, 0)
	if err != nil {
		return broken(err)
	}
	a.kept = append(a.kept, f)
	a.say("opened", "")
	a.await("end")
	return 0
}

// endBySignal is ready and takes signals as a.Words says.
func endBySignal(a *actor) int {
	signalC := make(chan os.Signal, 10)
	switch a.Words {
	case "nothing":
	case "ignore":
		signal.Ignore(syscall.SIGTERM)
	default:
		signal.Notify(signalC, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP)
	}
	if err := a.process.Ready(""); err != nil {
		return broken(err)
	}
	a.say("ready", "")
	for s := range signalC {
		switch name := signalName(s); a.Words {
		case name:
			a.process.Close()
			return 0
		case "say TERM":
			a.say(name, "")
		}
	}
	return 0
}

// beAlone puts its mark into the directory a.Words while it has the pid file. If it cannot, there
// are two.
func beAlone(a *actor) int {
	termC := make(chan os.Signal, 1)
	signal.Notify(termC, syscall.SIGTERM)
	mark := filepath.Join(a.Words, "mark")
	err := os.Symlink(strconv.Itoa(os.Getpid()), mark)
	if err != nil && leftBehind(mark) {
		err = errors.Join(os.Remove(mark), os.Symlink(strconv.Itoa(os.Getpid()), mark))
	}
	if err != nil {
		a.say("two daemons", err.Error())
	}
	if err := a.process.Ready(""); err == nil {
		<-termC
	}
	if err := os.Remove(mark); err != nil {
		a.say("two daemons", err.Error())
	}
	a.process.Close()
	return 0
}

// leftBehind tells whether the mark is that of a process which is ending. That cannot be ruled out:
// of a TERM that comes before Notify one thread may begin to die while another still goes on, and
// leaves a mark.
func leftBehind(mark string) bool {
	text, err := os.Readlink(mark)
	if err != nil {
		return false
	}
	pid, err := strconv.Atoi(text)
	return err == nil && exiting(pid)
}

// sayAll says what a process in the foreground has become.
func sayAll(a *actor) int {
	session, err := kernel{}.sessionID()
	a.say("session", fmt.Sprint(session))
	a.say("detached", fmt.Sprint(Detached()))
	a.say("environment", "\n"+strings.Join(os.Environ(), "\n")+"\n")
	dir, wdErr := os.Getwd()
	if err := errors.Join(err, wdErr); err != nil {
		return broken(err)
	}
	a.say("directory", dir)
	if err := a.process.Ready(""); err != nil {
		return broken(err)
	}
	a.process.Abort(5, errors.New("too late"))
	a.say("aborted", "")
	a.await("end")
	fmt.Fprintln(os.Stderr, "still here")
	if err := a.process.Close(); err != nil {
		return broken(err)
	}
	return 0
}
