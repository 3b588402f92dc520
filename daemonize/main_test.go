package daemonize

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The test binary plays the daemons of the tests: started with a play as its
// arguments, it tests nothing, but starts a daemon, or is one.

// A play is what the test binary does when it does not test.
type play struct {
	Role   string // in roles
	Daemon Daemon
	Fault  fault  // what the system refuses to Daemon
	Leash  string // see leash
	Words  string // for the role

	Foreground bool // in place of Detach
	Run        bool // Run or RunForeground: Words is in runs

	Before []string // what the program does before Detach, each in preliminaries
	Log    string   // the file that a preliminary names or fills
}

// A role is a small daemon: what follows Detach. It returns an exit status.
type role func(*actor) int

const playArgument = "play-a-daemon"

// usedRoles names the environment variable with the directory where each role
// that was played leaves a file.
const usedRoles = "DAEMONIZE_TEST_USED_ROLES"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == playArgument {
		os.Exit(perform(os.Args[2]))
	}
	if Detached() {
		os.Exit(m.Run()) // the daemon of an example
	}
	os.Exit(testAll(m))
}

// testAll fails also when there is a role that no test has used.
func testAll(m *testing.M) int {
	dir, err := os.MkdirTemp("", "roles")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Setenv(usedRoles, dir)
	// A process with the race detector lingers for a second when it exits, unless told not to.
	os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	// Under nohup(1), HUP is ignored, and in the background of a script INT; what is ignored
	// programs inherit, what is caught they do not.
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	flag.Parse()
	status := m.Run()
	for _, f := range []string{"test.run", "test.skip", "test.list"} {
		if flag.Lookup(f).Value.String() != "" {
			return status
		}
	}
	// Some roles are for tests that need root.
	for name := range roles() {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil && status == 0 && os.Geteuid() == 0 {
			fmt.Fprintf(os.Stderr, "no test uses the role %q\n", name)
			status = 1
		}
	}
	return status
}

// A wirePlay is a play as it is sent. Its fields take the place of what JSON cannot send, or would
// change.
type wirePlay struct {
	play
	Words  []byte
	Daemon struct {
		Daemon
		Files, ExitStatus, Output *struct{} `json:",omitempty"`
	}
}

// encode is the play as one argument.
func (p play) encode() (string, error) {
	w := wirePlay{play: p, Words: []byte(p.Words)}
	w.Daemon.Daemon = p.Daemon
	b, err := json.Marshal(w)
	return string(b), err
}

// command returns the command that performs the play. It is not started.
func command(t *testing.T, p play) *exec.Cmd {
	t.Helper()
	if roles()[p.Role] == nil && programs()[p.Role] == nil {
		t.Fatalf("no such role: %q", p.Role)
	}
	if err := os.WriteFile(filepath.Join(os.Getenv(usedRoles), p.Role), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	argument, err := p.encode()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(program, playArgument, argument)
}

func decodePlay(argument string) (play, error) {
	var w wirePlay
	err := json.Unmarshal([]byte(argument), &w)
	w.play.Words, w.play.Daemon = string(w.Words), w.Daemon.Daemon
	return w.play, err
}

// An outcome is what the launcher makes of what Detach returned to it.
type outcome struct {
	Pid     int
	Message string
	Error   string
	Running *Holder // of a RunningError
	Status  int     // of a StartError
}

const (
	exitBroken  = 99 // a fault of the tests
	exitRunning = 98 // another daemon runs
	exitOther   = 97 // Detach failed otherwise
	exitRefused = 42 // Daemon.ExitStatus
)

// perform is what main is to a program that makes itself a daemon.
func perform(argument string) int {
	p, err := decodePlay(argument)
	if err != nil {
		return broken(err)
	}
	if program := programs()[p.Role]; program != nil {
		a, err := newActor(p, nil)
		if err != nil {
			return broken(err)
		}
		return program(a)
	}
	if err := p.preliminaries(); err != nil {
		return broken(err)
	}
	d := &p.Daemon
	d.sys = p.Fault.system(!p.Foreground && os.Getenv(secretVariable) == "")
	d.ExitStatus = func(error) int { return exitRefused }
	if p.Run {
		return p.run()
	}
	var process *Process
	var launched *Launched
	if p.Foreground {
		process, err = d.Foreground()
	} else {
		process, launched, err = d.Detach()
	}
	switch {
	case launched != nil:
		return tell(outcome{Pid: launched.Pid, Message: launched.Message}, 0)
	case err != nil:
		return tellError(err)
	}
	a, err := newActor(p, process)
	if err != nil {
		return broken(err)
	}
	return roles()[p.Role](a)
}

func tellError(err error) int {
	var running *RunningError
	var failed *StartError
	switch {
	case errors.As(err, &running):
		return tell(outcome{Error: err.Error(), Running: &running.Holder}, exitRunning)
	case errors.As(err, &failed):
		return tell(outcome{Error: err.Error(), Status: failed.Status}, failed.Status)
	}
	return tell(outcome{Error: err.Error()}, exitOther)
}

func tell(o outcome, status int) int {
	if err := json.NewEncoder(os.Stdout).Encode(o); err != nil {
		return broken(err)
	}
	return status
}

func broken(err error) int {
	fmt.Fprintln(os.Stderr, "test:", err)
	return exitBroken
}
