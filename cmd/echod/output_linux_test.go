package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// withOutput runs a command with standard output f, and returns its exit status and what it wrote
// to standard error.
func (b *sandbox) withOutput(t *testing.T, f *os.File, argv ...string) (status int, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := b.command(ctx, b.dir, argv...)
	var words bytes.Buffer
	cmd.Stdout, cmd.Stderr = f, &words
	cmd.Run() // its status is in ProcessState
	if ctx.Err() != nil {
		t.Fatalf("%q does not end", argv)
	}
	return cmd.ProcessState.ExitCode(), words.String()
}

// withoutReader returns a pipe that nothing reads.
func withoutReader(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	check(t, err)
	t.Cleanup(func() { w.Close() })
	check(t, r.Close())
	return w
}

// TestOutputWithoutReader: the work of every verb is done, and its status is that of the work, also
// where its words cannot be written.
func TestOutputWithoutReader(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	check(t, err)
	defer full.Close()
	for name, output := range map[string]*os.File{"closed pipe": withoutReader(t), "full disk": full} {
		b := newSandbox(t)
		b.openUp(t)
		for _, step := range []struct {
			status int
			argv   []string
			left   bool // whether a server runs after it
		}{
			{3, []string{"status"}, false},
			{0, []string{"start", "--listen=127.0.0.1:0", "--log-file=l"}, true},
			{0, []string{"start", "--listen=127.0.0.1:0", "--log-file=l"}, true},
			{0, []string{"status"}, true},
			{0, []string{"status", "--json"}, true},
			{0, []string{"log-level"}, true},
			{0, []string{"reopen"}, true},
			{0, []string{"reload"}, true},
			{0, []string{"restart"}, true},
			{0, []string{"stop"}, false},
			{0, []string{"stop"}, false},
			{0, []string{"restart", "--listen=127.0.0.1:0", "--log-file=l"}, true},
			{0, []string{"drain"}, false},
		} {
			argv := append([]string{"echod", step.argv[0], "--pid-file=p"}, step.argv[1:]...)
			status, stderr := b.withOutput(t, output, argv...)
			if status != step.status {
				t.Errorf("%s: %q: exit status %d, want %d", name, argv, status, step.status)
			}
			lost := fmt.Sprintf("echod: %s: print: write /dev/stdout: no space left on device\n", step.argv[0])
			if output != full {
				lost = ""
			}
			if stderr != lost {
				t.Errorf("%s: %q says %q on standard error, want %q", name, argv, stderr, lost)
			}
			check(t, waitUntil(fmt.Sprintf("after %q a server runs: %v", argv, step.left), func() bool {
				return len(processesFrom(b.bin)) > 0 == step.left
			}))
		}
	}
}

// TestReasonWithoutReader: that the reason of a failure cannot be written does not change the
// status.
func TestReasonWithoutReader(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	for status, argv := range map[int][]string{
		exitUnavailable: {"echod", "reload", "--pid-file=p"},
		exitUsage:       {"echod", "ping", "nonsense:nonsense:nonsense"},
		exitCantCreate:  {"echod", "start", "--listen=127.0.0.1:0", "--pid-file=p", "--log-file=missing/l"},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		cmd := b.command(ctx, b.dir, argv...)
		cmd.Stderr = withoutReader(t)
		cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != status {
			t.Errorf("%q: exit status %d, want %d", argv, got, status)
		}
	}
}

// TestRestartOnStoppedTerminal: Ctrl-S stops the terminal, and not the restart.
func TestRestartOnStoppedTerminal(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.openUp(t)
	old := b.start(t)
	master, slave, err := pty.Open()
	check(t, err)
	defer master.Close()
	defer slave.Close()
	check(t, unix.IoctlSetInt(int(slave.Fd()), unix.TCXONC, 0)) // TCOOFF, what Ctrl-S does
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := b.command(ctx, b.dir, "echod", "restart", "--pid-file=p")
	cmd.Stdout, cmd.Stderr = slave, slave
	check(t, cmd.Start())
	restarted := b.awaitAnother(t, old.pid)
	check(t, echoBack(restarted.address, "hello"))
	check(t, unix.IoctlSetInt(int(slave.Fd()), unix.TCXONC, 1)) // TCOON
	check(t, cmd.Wait())
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
}

// TestRestartInterrupted between stop and start, by the end of the terminal or its keys: there is a
// server all the same.
func TestRestartInterrupted(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGTSTP} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			b := newSandbox(t)
			b.openUp(t)
			old := b.start(t)
			check(t, syscall.Kill(old.pid, syscall.SIGSTOP)) // it does not end before it is continued
			check(t, waitState(old.pid, "T"))                // while STOP is pending, TERM would overtake it
			cmd, wait := b.begin(t, "said", "echod", "restart", "--pid-file=p", "--timeout=0")
			err := waitUntil("the old server was told to end", func() bool { return pending(old.pid, syscall.SIGTERM) })
			if err == nil {
				err = cmd.Process.Signal(s)
			}
			check(t, syscall.Kill(old.pid, syscall.SIGCONT))
			check(t, err)
			o := wait()
			if o.status != exitOK {
				t.Fatal(o)
			}
			restarted := serving(t, o.stdout)
			check(t, echoBack(restarted.address, "hello"))
			for _, ignored := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTSTP} {
				if ignores(restarted.pid, ignored) {
					t.Errorf("the new server ignores %v", ignored)
				}
			}
			b.run(t, exitOK, "echod", "stop", "--pid-file=p")
		})
	}
}

// awaitAnother waits until the log tells of a server that is not pid old.
func (b *sandbox) awaitAnother(t *testing.T, old int) (found running) {
	t.Helper()
	started := regexp.MustCompile(`msg=started pid=(\d+) \S+ listeners=tcp://([^, ]+)`)
	check(t, waitUntil("another server has started", func() bool {
		log, _ := os.ReadFile(filepath.Join(b.dir, "l")) // it is there: the old one has started
		for _, line := range started.FindAllSubmatch(log, -1) {
			pid, err := strconv.Atoi(string(line[1]))
			if err == nil && pid != old {
				found = running{pid, string(line[2])}
			}
		}
		return found.pid != 0
	}))
	return found
}

// pending reports whether a signal waits for a process to take it.
func pending(pid int, s syscall.Signal) bool { return inSignalSet(pid, "ShdPnd", s) }

// ignores reports whether a process ignores a signal.
func ignores(pid int, s syscall.Signal) bool { return inSignalSet(pid, "SigIgn", s) }

// inSignalSet looks into one of the sets of signals of /proc/PID/status.
func inSignalSet(pid int, set string, s syscall.Signal) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	found := regexp.MustCompile(`(?m)^` + set + `:\t([0-9a-f]+)$`).FindSubmatch(status)
	if err != nil || found == nil {
		return false
	}
	mask, err := strconv.ParseUint(string(found[1]), 16, 64)
	return err == nil && mask&(1<<(s-1)) != 0
}
