//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
)

// traced returns a command that starts a daemon under strace(1), which sees all its processes and
// threads. The trace of either goes to trace.PID; it is complete when the daemon has ended.
func (b *sandbox) traced(options ...string) []string {
	argv := append([]string{"strace", "-DDD", "-I2", "-ff", "-qq", "-o", filepath.Join(b.dir, "trace")}, options...)
	return append(argv, "echod", "start", "--listen=127.0.0.1:0", "--pid-file=p", "--log-file=l")
}

// awaitStop waits until a traced process is stopped by a signal that was injected.
func (b *sandbox) awaitStop(t *testing.T, pid int) {
	t.Helper()
	check(t, waitUntil(fmt.Sprintf("process %d is stopped", pid), func() bool { return b.hasStopped(pid) }))
}

// hasStopped looks into the trace. To look at the state of the process would not do: each system
// call that is traced stops a thread, too.
func (b *sandbox) hasStopped(pid int) bool {
	trace, _ := os.ReadFile(filepath.Join(b.dir, fmt.Sprintf("trace.%d", pid))) // it may not be there yet
	return bytes.Contains(trace, []byte("--- stopped by SIGSTOP ---\n"))
}

// endTracing has strace(1) let go of a process.
func endTracing(t *testing.T, pid int) {
	t.Helper()
	tracer := regexp.MustCompile(`(?m)^TracerPid:\t(\d+)$`)
	check(t, waitUntil("nobody traces the daemon", func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		found := tracer.FindSubmatch(status)
		if err != nil || found == nil {
			return false
		}
		tracing, err := strconv.Atoi(string(found[1]))
		if err == nil && tracing > 0 {
			err = syscall.Kill(tracing, syscall.SIGTERM)
		}
		return err == nil && tracing == 0
	}))
}
