//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
)

// When start has returned, the log says that the server has started, however slow the disk is.
func TestStartedIsWrittenBeforeStartReturns(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.openUp(t)
	logFile := filepath.Join(b.dir, "l")
	o := b.runInto(t, "said", b.traced("-P", logFile, "-e", "trace=write", "-e", "inject=write:delay_enter=500ms")...)
	log, err := os.ReadFile(logFile)
	check(t, err)
	if o.status != exitOK || !bytes.Contains(log, []byte("msg=started pid=")) {
		t.Errorf("the log holds %q after %v", log, o)
	}
	endTracing(t, serving(t, o.stdout).pid)
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
}

// A disk that hangs does not keep the server from starting: after a part of --ready-timeout, start
// returns all the same.
func TestStartWithLogThatHangs(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.openUp(t)
	logFile := filepath.Join(b.dir, "l")
	o := b.runInto(t, "said", append(b.traced("-P", logFile, "-e", "trace=write", "-e", "inject=write:delay_enter=60s"),
		"--ready-timeout=9s")...)
	if o.status != exitOK {
		t.Fatal(o)
	}
	server := serving(t, o.stdout)
	check(t, echoBack(server.address, "hello"))
	if log, err := os.ReadFile(logFile); err != nil || len(log) > 0 {
		t.Errorf("the log that cannot be written holds %q, %v", log, err)
	}
	endTracing(t, server.pid)
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
}

// When the pid file is let go of, the last line of the log has been written, however slow the disk
// is: the next server writes after it. Here strace(1) makes the disk slow.
func TestLogIsWrittenBeforePidFileGoes(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.openUp(t)
	pidFile, logFile := filepath.Join(b.dir, "p"), filepath.Join(b.dir, "l")
	_, wait := b.begin(t, "said", "strace", "-f", "-qq", "-o", "trace", "-P", logFile,
		"-e", "trace=write", "-e", "inject=write:delay_enter=500ms",
		"echod", "run", "--listen=127.0.0.1:0", "--pid-file=p", "--log-file=l")
	started := regexp.MustCompile(`msg=started pid=(\d+) `)
	var found [][]byte
	check(t, waitUntil("the log says started", func() bool {
		log, _ := os.ReadFile(logFile) // it may not be there yet
		found = started.FindSubmatch(log)
		return found != nil
	}))
	pid, err := strconv.Atoi(string(found[1]))
	check(t, err)
	check(t, syscall.Kill(pid, syscall.SIGTERM))
	check(t, waitUntil("the pid file is gone", func() bool {
		_, err := os.Lstat(pidFile)
		return os.IsNotExist(err)
	}))
	log, err := os.ReadFile(logFile)
	check(t, err)
	if !bytes.Contains(log, []byte("msg=stopped pid=")) {
		t.Errorf("the log is not complete:\n%s", log)
	}
	if o := wait(); o.status != exitOK {
		t.Error(o)
	}
}
