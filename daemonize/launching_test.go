package daemonize

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// patience is how long a test waits for what should come at once.
const patience = 30 * time.Second

// A launching is a launcher that was started.
type launching struct {
	t      *testing.T
	cmd    *exec.Cmd
	endedC chan struct{}
	stdout string // files, unless the command had its own: nobody but a reader can keep
	stderr string // a pipe from filling, or hold its other end
}

// launch starts a launcher and sees to it that it ends with the test.
func launch(t *testing.T, cmd *exec.Cmd) *launching {
	t.Helper()
	dir := t.TempDir()
	l := &launching{t, cmd, make(chan struct{}), filepath.Join(dir, "stdout"), filepath.Join(dir, "stderr")}
	if cmd.Stdout == nil {
		cmd.Stdout = createFile(t, l.stdout)
	}
	if cmd.Stderr == nil {
		cmd.Stderr = createFile(t, l.stderr)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		close(l.endedC)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-l.endedC
	})
	return l
}

// through has the command started by another one.
func through(t *testing.T, cmd *exec.Cmd, wrapper ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(wrapper[0])
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args = append(append(slices.Clone(wrapper), cmd.Path), cmd.Args[1:]...)
	cmd.Path = path
	return cmd
}

func createFile(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// publicDir is a directory that other users can go to.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "public")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A result is what is left of a launcher.
type result struct {
	outcome
	exit   int    // -1 if it was killed
	stderr string // with what the daemon wrote before it was ready
}

// wait returns when the launcher has ended.
func (l *launching) wait() result {
	l.t.Helper()
	select {
	case <-l.endedC:
	case <-time.After(patience):
		l.t.Fatalf("launcher has not ended; stderr: %.200q", readFile(l.t, l.stderr))
	}
	r := result{exit: l.cmd.ProcessState.ExitCode(), stderr: readFile(l.t, l.stderr)}
	if stdout := readFile(l.t, l.stdout); stdout != "" {
		if err := json.Unmarshal([]byte(stdout), &r.outcome); err != nil {
			l.t.Fatalf("launcher wrote %q: %v", stdout, err)
		}
	}
	if r.exit == exitBroken {
		l.t.Fatalf("launcher: %s", r.stderr)
	}
	return r
}

// readFile returns the content of a file that need not be there.
func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

// started is for a launcher that must be successful.
func (l *launching) started() result {
	l.t.Helper()
	r := l.wait()
	if r.exit != 0 {
		l.t.Fatalf("launcher: %v", r)
	}
	return r
}

func (r result) String() string {
	return fmt.Sprintf("exit status %d, pid %d, message %q, error %.200q, status %d, stderr %.200q",
		r.exit, r.Pid, r.Message, r.Error, r.Status, r.stderr)
}
