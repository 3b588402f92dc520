package daemonize

import (
	"io"
	"os/exec"
	"testing"
)

// flock has flock(1) run cat, which says that the lock is there.
func flock(mode string) func(*testing.T, string) *exec.Cmd {
	return func(t *testing.T, path string) *exec.Cmd {
		needProgram(t, "flock")
		return exec.Command("flock", mode, path, "cat")
	}
}

// stranger starts a program that has a lock when it repeats its first byte, and keeps it for
// the time of the test.
func stranger(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if _, err := stdin.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}
