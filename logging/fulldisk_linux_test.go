package logging

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func addLinuxPrograms(p map[string]func() int) { p["full-disk"] = fullDiskProgram }

// A disk fills up, stays full while lines are logged, and gets space again.
// What is in the log then is whole lines, those that are missing are counted,
// and the count is among them.
//
// The disk is a tmpfs of 256 KiB in a mount namespace of a process of its own.
func TestFullDisk(t *testing.T) {
	cmd := program(t, "full-disk", t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	switch err := cmd.Run(); {
	case errors.Is(err, syscall.EPERM):
		needRoot(t, fmt.Sprintf("a mount namespace is refused: %v", err))
	case err != nil:
		t.Errorf("%v\n%s", err, &out)
	}
	t.Logf("%s", &out)
}

// needRoot skips a test that this user must not run, but not where all of them
// have to run.
func needRoot(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

func fullDiskProgram() int {
	if err := fillDisk(os.Args[1]); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func fillDisk(dir string) error {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 100_001), 0o600); err != nil {
		return err
	}
	path := filepath.Join(dir, "echod.log")
	f, err := OpenFile(path, Options{})
	if err != nil {
		return err
	}

	// Log until the disk and then the buffer are full, and some more. The
	// lines have 67 bytes, a prime number: no file of less than 67 pages that
	// ends with a page ends with a line.
	logged := 0
	for end := time.Now().Add(deadline); f.Dropped() < 5000 || !isFull(dir); logged++ {
		_ = f.queue.put(fmt.Appendf(nil, "line %-61d\n", logged))
		if time.Now().After(end) {
			return errors.New("the disk does not get full")
		}
	}
	if err := checkWhole(path); err != nil {
		return fmt.Errorf("while full: %w", err)
	}
	// Then there is place for all that is in the buffer.
	if err := os.Remove(ballast); err != nil {
		return err
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=4m"); err != nil {
		return fmt.Errorf("remount: %w", err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	return account(path, logged, f.Dropped())
}

// isFull reports whether a file system has no more than the one block that a
// line was cut off from.
func isFull(dir string) bool {
	var st syscall.Statfs_t
	return syscall.Statfs(dir, &st) == nil && st.Bavail <= 1
}

// checkWhole checks that the last line of a file is whole. An attempt to write
// more may be under way, so it is looked at until it is.
func checkWhole(path string) error {
	var text []byte
	for end := time.Now().Add(deadline / 3); time.Now().Before(end); time.Sleep(time.Millisecond) {
		var err error
		if text, err = os.ReadFile(path); err != nil {
			return err
		}
		if bytes.HasSuffix(text, newline) {
			return nil
		}
	}
	return fmt.Errorf("torn line at the end: %q", text[max(0, len(text)-100):])
}

// account checks that of a number of lines each is there, or counted.
func account(path string, logged int, dropped uint64) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	last, written, told := -1, 0, uint64(0)
	for line := range strings.Lines(string(text)) {
		if count, ok := droppedCount(line); ok {
			told += count
			continue
		}
		var n int
		if _, err := fmt.Sscanf(line, "line %d", &n); err != nil || len(line) != 67 {
			return fmt.Errorf("line %q: %w", line, err)
		}
		if n <= last {
			return fmt.Errorf("line %d after line %d", n, last)
		}
		last = n
		written++
	}
	if told != dropped || written+int(dropped) != logged {
		return fmt.Errorf("%d lines written, %d dropped, %d told of, %d logged", written, dropped, told, logged)
	}
	fmt.Printf("%d lines written, %d dropped, %d logged\n", written, dropped, logged)
	return nil
}
