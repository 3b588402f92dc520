package daemonize

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// What proc(5) says of a process.

func procFile(t *testing.T, pid int, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func procLink(t *testing.T, pid int, name string) string {
	t.Helper()
	target, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), name))
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// procStatus returns a field of /proc/PID/status.
func procStatus(t *testing.T, pid int, field string) string {
	t.Helper()
	for line := range strings.Lines(procFile(t, pid, "status")) {
		if name, value, _ := strings.Cut(line, ":"); name == field {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("/proc/%d/status has no %s", pid, field)
	return ""
}

// A procStat is what matters here of /proc/PID/stat.
type procStat struct{ ppid, pgid, sid, tty int }

func readProcStat(t *testing.T, pid int) (s procStat) {
	t.Helper()
	stat := procFile(t, pid, "stat")
	var state string
	afterName := stat[strings.LastIndexByte(stat, ')')+1:]
	if _, err := fmt.Sscan(afterName, &state, &s.ppid, &s.pgid, &s.sid, &s.tty); err != nil {
		t.Fatal(err)
	}
	return s
}

// procDescriptors returns what each descriptor leads to.
func procDescriptors(t *testing.T, pid int) map[int]string {
	t.Helper()
	names, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
	if err != nil {
		t.Fatal(err)
	}
	fds := make(map[int]string)
	for _, name := range names {
		fd, err := strconv.Atoi(name.Name())
		if err != nil {
			t.Fatal(err)
		}
		if target, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "fd", name.Name())); err == nil {
			fds[fd] = target
		}
	}
	return fds
}
