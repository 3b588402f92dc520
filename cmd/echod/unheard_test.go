//go:build linux

package main

import (
	"bufio"
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
)

// A server in the foreground whose standard error has no reader any more ends in order when it is
// told to.
func TestRunWithoutReaderOfLog(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	r, w, err := os.Pipe()
	check(t, err)
	defer r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := b.command(ctx, b.dir, "echod", "run", "--listen=127.0.0.1:0", "--pid-file=p", "--user=")
	cmd.Stderr = w
	check(t, cmd.Start())
	check(t, w.Close())
	line, err := bufio.NewReader(r).ReadString('\n')
	check(t, err)
	if !strings.Contains(line, "msg=started") {
		t.Errorf("the log begins with %q", line)
	}
	check(t, r.Close())
	check(t, cmd.Process.Signal(syscall.SIGTERM))
	if err := cmd.Wait(); err != nil {
		t.Errorf("run: %v", err)
	}
	if _, err := os.Lstat(b.dir + "/p"); !os.IsNotExist(err) {
		t.Errorf("pid file: %v", err)
	}
}
