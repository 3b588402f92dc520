package daemonize

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

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

// speak says a.Words, or else a long speech, in pieces on standard output and error, before it
// is ready.
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

// failTwice tells the launcher that it cannot be ready after it could not tell the launcher
// that it is. Meanwhile a descriptor is opened.
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
