package daemonize

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// A daemon leads its own session and process group, has no terminal, and the parent that
// orphans have.
func TestDetachSession(t *testing.T) {
	leash := newLeash(t)
	cmd := command(t, play{Role: "serve", Leash: leash.address()})
	terminal := onTerminal(t, cmd)
	defer terminal.Close()
	launcher := launch(t, cmd)
	launcher.started()
	d := leash.ready("serve")
	got := readProcStat(t, d.Pid)
	if want := (procStat{ppid: parentOfOrphans(t), pgid: d.Pid, sid: d.Pid, tty: 0}); got != want {
		t.Errorf("pid %d: %+v, want %+v", d.Pid, got, want)
	}
}

// onTerminal gives the command a pseudo-terminal as controlling terminal and standard
// input. It returns its other end.
func onTerminal(t *testing.T, cmd *exec.Cmd) *os.File {
	t.Helper()
	controller, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	cmd.Stdin = terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return controller
}

// parentOfOrphans is pid 1, or a subreaper above this process.
func parentOfOrphans(t *testing.T) int {
	t.Helper()
	sh := exec.Command("sh", "-c", "exec 3<&0; cat <&3 >/dev/null & echo $!")
	stdin, err := sh.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	sh.Stdout = write
	if err := sh.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	defer read.Close()
	defer stdin.Close()
	state, err := sh.Process.Wait()
	if err != nil || !state.Success() {
		t.Fatal(state, err)
	}
	output, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(output)))
	if err != nil {
		t.Fatal(err)
	}
	return readProcStat(t, pid).ppid
}

// A terminal that the user names as a file is refused, and does not become the daemon's.
func TestDetachTerminalAsPidFile(t *testing.T) {
	controller, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer controller.Close()
	defer terminal.Close()
	leash := newLeash(t)
	launch(t, command(t, play{Role: "open terminal", Words: terminal.Name(), Leash: leash.address()})).started()
	d := leash.await("open terminal")
	refused := "use pid file " + terminal.Name() + ": it is a device"
	if got, want := d.expect("opened"), refused+"; "+refused; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if tty := readProcStat(t, d.Pid).tty; tty != 0 {
		t.Errorf("the daemon has a terminal: %#x", tty)
	}
	// There was something to take.
	d.cue("open it")
	d.expect("opened")
	if readProcStat(t, d.Pid).tty == 0 {
		t.Error("a session leader does not take a terminal that it opens: this test sees nothing")
	}
}

// A daemon lives on when the terminal is closed that it was started from.
func TestDetachTerminalClosed(t *testing.T) {
	leash := newLeash(t)
	cmd := command(t, play{Role: "serve", Leash: leash.address()})
	terminal := onTerminal(t, cmd)
	shell := through(t, cmd, "sh", "-c", `"$@"; exec cat`, "sh")
	launcher := launch(t, shell)
	d := leash.ready("serve")
	terminal.Close()
	select {
	case <-launcher.endedC: // by HUP
	case <-time.After(patience):
		t.Fatal("the shell does not notice that its terminal is closed")
	}
	if !d.alive() {
		t.Error("the daemon has ended with the terminal")
	}
}

// A start ends when the terminal is closed that it was typed on.
func TestLaunchTerminalClosed(t *testing.T) {
	leash := newLeash(t)
	p := play{Role: "hang", Leash: leash.address(), Daemon: inDirectory(t)}
	cmd := command(t, p)
	terminal := onTerminal(t, cmd)
	launcher := launch(t, cmd)
	d, program := leash.await("hang"), leash.await("hold")
	terminal.Close()
	if r := launcher.wait(); r.Error != "daemon was ended before it was ready: interrupted by signal: hangup" {
		t.Error(r)
	}
	d.awaitEnd()
	program.awaitEnd()
	nothingLeft(t, p.Daemon)
}
