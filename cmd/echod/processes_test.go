//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should happen soon. It is long, because nothing is
// wrong with a machine that is busy; a test that passes never waits for it to end.
const patience = 30 * time.Second

// waitUntil waits until what is so, or returns an error that it never was.
func waitUntil(what string, is func() bool) error {
	for deadline := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v in vain until %s", patience, what)
		}
	}
	return nil
}

// processesFrom returns the processes whose program lies in directory dir. A zombie has no
// program any more: it has ended.
func processesFrom(dir string) []int {
	var pids []int
	names, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well formed
	for _, name := range names {
		if pid, err := strconv.Atoi(filepath.Base(name)); err == nil && runsFrom(pid, dir) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func runsFrom(pid int, dir string) bool {
	target, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && strings.HasPrefix(target, dir+"/")
}

// alive reports whether there is such a process. A zombie has ended: the process that has to wait
// for it may be slow to do so. But its first thread may be a zombie while others are still ending,
// and hold what is open.
func alive(pid int) bool {
	state := processState(pid)
	if state == "Z" {
		threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)) // there are none if it has gone meanwhile
		return len(threads) > 1
	}
	return state != "" && state != "X"
}

// processState returns the letter that ps(1) shows for a process, or nothing.
func processState(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The state follows the name in parentheses, which may hold anything.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) == 0 {
		return ""
	}
	return fields[0]
}

func waitGone(pid int) error {
	return waitUntil(fmt.Sprintf("process %d has ended", pid), func() bool { return !alive(pid) })
}

func kill(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return waitGone(pid)
}

// describe is what to know of a process that should not be there.
func describe(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // empty if it has just ended
	return fmt.Sprintf("pid %d, state %s: %s", pid, processState(pid), strings.ReplaceAll(string(line), "\x00", " "))
}

func needRoot(t *testing.T, reason string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("needs root: %s", reason)
	}
}
