package logging

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// programVariable tells the test binary which of the programs to be.
const programVariable = "LOGGING_TEST_PROGRAM"

// deadline is how long a test waits for what should happen at once.
const deadline = 30 * time.Second

// programs are what some tests need a process of its own for. They return an
// exit status.
func programs() map[string]func() int {
	p := map[string]func() int{
		"crash":       crashProgram,
		"stderr-gone": stderrGoneProgram,
	}
	addLinuxPrograms(p)
	return p
}

func TestMain(m *testing.M) {
	if name := os.Getenv(programVariable); name != "" {
		program, ok := programs()[name]
		if !ok {
			fmt.Fprintln(os.Stderr, "no such program:", name)
			os.Exit(64)
		}
		os.Exit(program())
	}
	goleak.VerifyTestMain(m)
}

// program returns a command that runs one of programs.
func program(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), programVariable+"="+name)
	return cmd
}

// openTest opens a log that is closed with the test.
func openTest(t testing.TB, path string, o Options) *File {
	t.Helper()
	f, err := OpenFile(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func logPath(t testing.TB) string { return filepath.Join(t.TempDir(), "echod.log") }

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// eventually waits until ok returns true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

// captured holds a handler's output.
type captured struct {
	mu   sync.Mutex
	text strings.Builder
}

func (c *captured) put(line []byte) error {
	_, err := c.Write(line)
	return err
}

func (c *captured) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

// take returns what was written since the last take.
func (c *captured) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.text.Reset()
	return c.text.String()
}

// captureLogger returns a logger, and where its lines go.
func captureLogger(o Options) (*slog.Logger, *captured) {
	c := new(captured)
	return slog.New(o.handler(false, c.put)), c
}

// closeLog closes a log that can be closed.
func closeLog(t testing.TB, l interface{ Close() error }) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// droppedCount returns the number that a line tells of, if it is one about
// dropped lines.
func droppedCount(line string) (count uint64, ok bool) {
	_, tail, _ := strings.Cut(line, "level=WARN ")
	_, err := fmt.Sscanf(tail, "msg=\"log lines dropped\" count=%d\n", &count)
	return count, err == nil
}
