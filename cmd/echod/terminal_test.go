//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// A terminal is a pseudo-terminal with an interactive shell in it.
type terminal struct {
	t     *testing.T
	tty   *os.File
	shell *exec.Cmd

	mu     sync.Mutex
	screen []byte // what was written and not yet awaited
}

const (
	ctrlC         = "\x03"
	ctrlZ         = "\x1a"
	ctrlBackslash = "\x1c"
)

// terminal opens a terminal in the working directory of the sandbox, until the test ends.
func (b *sandbox) terminal(t *testing.T) *terminal {
	t.Helper()
	x := &terminal{t: t, shell: exec.Command("bash", "--norc", "--noprofile", "-i")}
	x.shell.Dir = b.dir
	x.shell.Env = append([]string{"PS1=$ ", "TERM=dumb", "HISTFILE="}, b.env...)
	var err error
	if x.tty, err = pty.Start(x.shell); err != nil {
		t.Fatal(err)
	}
	// Package pty has made reading block, and Close would wait for it.
	check(t, syscall.SetNonblock(int(x.tty.Fd()), true))
	doneC := make(chan struct{})
	go func() { defer close(doneC); x.watch() }()
	t.Cleanup(func() {
		x.hangUp()
		kill(x.shell.Process.Pid)
		x.shell.Wait() // the shell may end in any way
		<-doneC
	})
	x.await(`\$ $`)
	return x
}

// watch collects what is written until the terminal is gone.
func (x *terminal) watch() {
	chunk := make([]byte, 4096)
	for {
		n, err := x.tty.Read(chunk)
		x.mu.Lock()
		x.screen = append(x.screen, chunk[:n]...)
		x.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// enter types keys.
func (x *terminal) enter(keys string) {
	x.t.Helper()
	if _, err := io.WriteString(x.tty, keys); err != nil {
		x.t.Fatal(err)
	}
}

// await waits until the expression matches what has been written since the last match, and returns
// its groups.
func (x *terminal) await(expression string) []string {
	x.t.Helper()
	re := regexp.MustCompile(expression)
	var groups []string
	err := waitUntil("the terminal shows "+expression, func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		at := re.FindSubmatchIndex(x.screen)
		if at == nil {
			return false
		}
		for _, group := range re.FindSubmatch(x.screen) {
			groups = append(groups, string(group))
		}
		x.screen = x.screen[at[1]:]
		return true
	})
	if err != nil {
		x.t.Fatalf("%v; it shows %q", err, x.screen)
	}
	return groups
}

// hangUp closes the terminal, as a window is closed.
func (x *terminal) hangUp() {
	if err := x.tty.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		x.t.Error(err)
	}
}

// awaitServer waits for the first line of the log.
func (x *terminal) awaitServer() running {
	x.t.Helper()
	found := x.await(`msg=started pid=(\d+) \S+ listeners=tcp://(\S+) engine=\S+\r\n`)
	pid, err := strconv.Atoi(found[1])
	if err != nil {
		x.t.Fatal(err)
	}
	return running{pid, found[2]}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func waitState(pid int, states string) error {
	return waitUntil(fmt.Sprintf("process %d is in one of the states %s", pid, states), func() bool {
		return regexp.MustCompile("^[" + states + "]$").MatchString(processState(pid))
	})
}

// A server that was typed without an ampersand is a job like any other: it can be suspended,
// sent to the background and back, and interrupted.
func TestJobControl(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	x := b.terminal(t)
	x.enter("echod run --listen 127.0.0.1:0 --pid-file p\n")
	server := x.awaitServer()
	check(t, echoBack(server.address, "in the foreground"))

	x.enter(ctrlZ)
	x.await(`Stopped .*echod run`)
	check(t, waitState(server.pid, "T"))
	x.enter("echod status --pid-file p\n")
	x.await(`running, pid ` + strconv.Itoa(server.pid))

	x.enter("bg\n")
	x.await(`\[1\].*echod run .*&`)
	check(t, waitState(server.pid, "SR"))
	check(t, echoBack(server.address, "in the background"))
	x.await(`msg="connection closed" id=2 `)

	x.enter("fg\n")
	x.await(`echod run`)
	check(t, echoBack(server.address, "in the foreground again"))
	x.await(`msg="connection closed" id=3 `)

	x.enter(ctrlC)
	x.await(`msg=stopping signal=interrupt`)
	x.await(`msg=stopped pid=` + strconv.Itoa(server.pid))
	check(t, waitGone(server.pid))
	x.enter("echo status=$?\n")
	x.await(`status=0\r\n`)
	x.enter("echod status --pid-file p\n")
	x.await(`echod: not running`)
}

// Control-backslash is the terminal's QUIT: it drains.
func TestDrainFromTerminal(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	x := b.terminal(t)
	x.enter("echod run --listen 127.0.0.1:0 --pid-file p --drain-timeout 10m\n")
	server := x.awaitServer()
	c, err := dial(server.address)
	check(t, err)
	defer c.Close()
	check(t, c.exchange("here"))
	x.enter(ctrlBackslash)
	x.await(`msg=draining signal=quit`)
	check(t, c.exchange("still here"))
	check(t, c.CloseWrite())
	check(t, c.finish())
	x.await(`msg=stopped`)
	x.enter("echo status=$?\n")
	x.await(`status=0\r\n`)
}

// The daemon has nothing to do with the terminal it was started from: neither its keys nor its end
// reach it.
func TestTerminalOfStartCloses(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	x := b.terminal(t)
	x.enter("echod start --listen 127.0.0.1:0 --pid-file p --log-file l\n")
	found := x.await(`serving tcp://(\S+), pid (\d+), log \S+/l\r\n`)
	x.await(`\$ $`)
	x.enter(ctrlC + ctrlBackslash)
	check(t, echoBack(found[1], "after the keys"))
	x.hangUp()
	check(t, waitGone(x.shell.Process.Pid))
	check(t, echoBack(found[1], "after the end"))
	o := b.run(t, exitOK, "echod", "stop", "--pid-file=p")
	if want := "echod: stopped, pid " + found[2] + "\n"; o.stdout != want {
		t.Errorf("stop said %q, want %q", o.stdout, want)
	}
}

// A terminal that is named as the log file does not become that of the daemon: it is refused,
// before anything else.
func TestTerminalAsLogFile(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	master, slave, err := pty.Open()
	check(t, err)
	defer master.Close()
	defer slave.Close()
	if os.Geteuid() == 0 {
		check(t, os.Chmod(slave.Name(), 0o666))
	}
	o := b.run(t, exitCantCreate, "echod", "start", "--listen=127.0.0.1:0", "--pid-file=p", "--log-file="+slave.Name())
	if want := "echod: open log file " + slave.Name() + ": is a device, not a regular file\n"; o.stderr != want {
		t.Errorf("start said %q, want %q", o.stderr, want)
	}
	var st syscall.Stat_t
	if err := syscall.Lstat(b.dir+"/p", &st); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("pid file: %v", err)
	}
}
