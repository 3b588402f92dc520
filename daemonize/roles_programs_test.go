package daemonize

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// programs are no daemons.
func programs() map[string]role {
	all := map[string]role{
		"hold":        hold,
		"lock":        lock,
		"race":        race,
		"say signals": saySignals,
		"find":        findIt,
		"stop":        stopIt,
		"be nobody":   beNobody,
	}
	maps.Copy(all, systemPrograms())
	return all
}

// hold does nothing but live.
func hold(a *actor) int {
	a.await("end")
	return 0
}

// race takes and gives up the pid file in the directory a.Words. Whoever has it makes a
// directory, which can be made only once.
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
