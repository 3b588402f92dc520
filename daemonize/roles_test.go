package daemonize

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
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

// programs are no daemons.
func programs() map[string]role {
	return map[string]role{
		"hold":        hold,
		"lock":        lock,
		"race":        race,
		"say signals": saySignals,
		"find":        findIt,
		"stop":        stopIt,
		"be nobody":   beNobody,
	}
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

// write writes a.Words to standard output after it was ready.
func write(a *actor) int {
	if err := a.process.Ready(""); err != nil {
		return broken(err)
	}
	a.await("write")
	os.Stdout.WriteString(a.Words)
	a.say("wrote", "")
	a.await("end")
	return 0
}

// longSpeech is too long for a command line, and for the buffer of a socket.
func longSpeech() string {
	return strings.Repeat("All work and no play makes Jack a dull boy.\n\x00", 100_000)
}

// speak says a.Words, or else a long speech, in pieces on standard output and error, before it is ready.
func speak(a *actor) int {
	if a.Words == "" {
		os.Stdout.WriteString(longSpeech())
	}
	for piece := range slices.Chunk([]byte(a.Words), 7) {
		os.Stdout.Write(piece[:len(piece)/2])
		os.Stderr.Write(piece[len(piece)/2:])
	}
	if err := a.process.Ready("The End\n\"\x00é"); err != nil {
		return broken(err)
	}
	a.say("ready", "")
	a.await("end")
	return 0
}

// crash ends before it is ready, in the way that a.Words names, while a program runs that it has
// started.
func crash(a *actor) int {
	if err := a.start("hold"); err != nil {
		return broken(err)
	}
	a.await("crash")
	switch a.Words {
	case "panic":
		panic("boom")
	case "kill":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	status, err := strconv.Atoi(a.Words)
	if err != nil {
		return broken(err)
	}
	return status
}

// start has the daemon start one of programs, with its own standard output and error.
func (a *actor) start(program string) error {
	argument, err := play{Role: program, Leash: a.Leash}.encode()
	if err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0], playArgument, argument)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Start()
}

// hold does nothing but live.
func hold(a *actor) int {
	a.await("end")
	return 0
}

// abort gives up for a reason, with the status that a.Words begins with.
func abort(a *actor) int {
	number, reason, _ := strings.Cut(a.Words, " ")
	status, err := strconv.Atoi(number)
	if err != nil {
		return broken(err)
	}
	// Some text before: it is the reader of the frame who takes his time.
	fmt.Fprint(os.Stderr, strings.Repeat("\n", 50_000))
	a.process.Abort(status, errors.New(reason))
	a.say("aborted", "")
	if reason == "hang" {
		a.await("end")
	}
	a.process.Close()
	return 0
}

// hang is never ready. It ends by SIGTERM, unless a.Words says that it heeds or ignores it.
func hang(a *actor) int {
	termC := make(chan os.Signal, 1)
	switch a.Words {
	case "ignore TERM":
		signal.Ignore(syscall.SIGTERM)
	case "heed TERM":
		signal.Notify(termC, syscall.SIGTERM)
	}
	if err := a.start("hold"); err != nil {
		return broken(err)
	}
	fmt.Fprintln(os.Stderr, "thinking")
	<-termC
	a.say("TERM", "")
	a.process.Close()
	a.process.Abort(4, errors.New("told to end"))
	return 4
}

// handDown is ready, or ends, while a program has its standard output and error and uses them.
func handDown(a *actor) int {
	if err := a.start("hold"); err != nil {
		return broken(err)
	}
	a.await(a.Words)
	if a.Words == "end" {
		fmt.Fprintln(os.Stderr, "last words")
		return 5
	}
	if err := a.process.Ready(""); err != nil {
		return broken(err)
	}
	a.say("ready", "")
	a.await("end")
	return 0
}

// failTwice tells the launcher that it cannot be ready after it could not tell the launcher that it is.
// Meanwhile a descriptor is opened.
func failTwice(a *actor) int {
	a.await("go on")
	if err := a.process.Ready(""); err == nil {
		return broken(errors.New("ready without a launcher"))
	}
	r, w, err := os.Pipe()
	if err != nil {
		return broken(err)
	}
	a.process.Abort(1, errors.New("no launcher"))
	w.Close()
	b := make([]byte, 100)
	n, err := r.Read(b)
	a.say("read", fmt.Sprintf("%q, %v", b[:n], err))
	return 1
}

// race takes and gives up the pid file in the directory a.Words. Whoever has it makes a directory, which can
// be made only once.
func race(a *actor) int {
	pidFile, marker := filepath.Join(a.Words, "pid"), filepath.Join(a.Words, "marker")
	a.await("go")
	for taken := 0; taken < 150; {
		p, err := LockPidFile(pidFile)
		var running *RunningError
		if errors.As(err, &running) {
			continue
		}
		taken++
		if err == nil {
			err = os.Mkdir(marker, 0o700)
		}
		if err == nil {
			err = p.Write()
		}
		if err == nil {
			err = os.Remove(marker)
		}
		if err == nil && taken%2 == 0 {
			err = p.Remove()
		} else if err == nil {
			err = syscall.Close(p.fd)
		}
		if err != nil {
			a.say("done", err.Error())
			return 1
		}
	}
	a.say("done", "")
	a.await("end")
	return 0
}

// openFileLock is F_OFD_SETLK of Linux.
const openFileLock = 37

// lock takes the record lock of fcntl(2) that a.Words names and is cat(1) then.
func lock(a *actor) int {
	mode, path, _ := strings.Cut(a.Words, " ")
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return broken(err)
	}
	command, record := syscall.F_SETLK, syscall.Flock_t{Type: syscall.F_WRLCK}
	switch mode {
	case "read":
		record.Type = syscall.F_RDLCK
	case "open-file":
		command = openFileLock
	}
	if err := syscall.FcntlFlock(f.Fd(), command, &record); err != nil {
		return broken(err)
	}
	io.Copy(os.Stdout, os.Stdin)
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

// saySignals says the signals that it gets.
func saySignals(a *actor) int {
	signalC := make(chan os.Signal, 10)
	signal.Notify(signalC, syscall.SIGTERM, syscall.SIGHUP)
	a.say("ready", "")
	for s := range signalC {
		a.say(signalName(s), "")
	}
	return 0
}

// beAlone makes a directory in the directory a.Words while it has the pid file. If it cannot, there are two.
func beAlone(a *actor) int {
	termC := make(chan os.Signal, 1)
	signal.Notify(termC, syscall.SIGTERM)
	marker := filepath.Join(a.Words, "marker")
	if err := os.Mkdir(marker, 0o700); err != nil {
		a.say("two daemons", err.Error())
	}
	if err := a.process.Ready(""); err == nil {
		<-termC
	}
	if err := os.Remove(marker); err != nil {
		a.say("two daemons", err.Error())
	}
	a.process.Close()
	return 0
}

func signalName(s os.Signal) string {
	return map[os.Signal]string{syscall.SIGTERM: "TERM", syscall.SIGQUIT: "QUIT", syscall.SIGHUP: "HUP"}[s]
}

// findIt tells who holds the pid file a.Words.
func findIt(a *actor) int {
	holder, err := Find(a.Words)
	if err != nil {
		return tellError(err)
	}
	return tell(outcome{Running: holder}, 0)
}

// stopIt stops who holds the pid file a.Words.
func stopIt(a *actor) int {
	stopped, err := Stop{Timeout: time.Second}.Stop(context.Background(), a.Words)
	if err != nil {
		return tellError(err)
	}
	return tell(outcome{Pid: stopped.Pid, Message: fmt.Sprintf("killed: %v", stopped.Killed)}, 0)
}

// beNobody finds and stops who holds the pid file a.Words, as an ordinary user.
func beNobody(a *actor) int {
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(65534), syscall.Setuid(65534)); err != nil {
		return broken(err)
	}
	holder, err := Find(a.Words)
	a.say("found", fmt.Sprintf("%+v, %v", holder, err))
	_, err = Stop{}.Stop(context.Background(), a.Words)
	a.say("stopped", fmt.Sprint(err))
	if holder == nil {
		return 0
	}
	h, err := newPidHandle(holder.Pid)
	if err != nil {
		return broken(err)
	}
	ended, err := h.wait(0)
	a.say("ended", fmt.Sprintf("%v, %v", ended, err))
	return 0
}

// sayAll says what a process in the foreground has become.
func sayAll(a *actor) int {
	session, err := kernel{}.sessionID()
	a.say("session", fmt.Sprint(session))
	a.say("detached", fmt.Sprint(a.process.Detached()))
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
