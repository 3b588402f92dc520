//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// childrenOf returns the processes, and zombies, whose parent is pid.
func childrenOf(pid int) []int {
	var children []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path))) // digits, by the pattern
			children = append(children, child)
		}
	}
	return children
}

// As process 1 of a container, a server waits for orphans, and obeys TERM.
func TestProcessOne(t *testing.T) {
	needRoot(t, "a pid namespace")
	t.Parallel()
	b := newSandbox(t)
	cmd, wait := b.begin(t, "said", "unshare", "--pid", "--fork", "echod", "run", "--listen=127.0.0.1:0", "--pid-file=", "--log-file=l", "--user=")
	logged := func(what string) func() bool {
		return func() bool {
			log, _ := os.ReadFile(filepath.Join(b.dir, "l")) // it may not be there yet
			return strings.Contains(string(log), what)
		}
	}
	check(t, waitUntil("the log says started", logged("msg=started pid=1 ")))
	pids := childrenOf(cmd.Process.Pid)
	if len(pids) != 1 {
		t.Fatalf("unshare has the children %v", pids)
	}
	server := pids[0]
	out, err := exec.Command("nsenter", "--target", strconv.Itoa(server), "--pid", "sh", "-c", "sleep 1000 >/dev/null 2>&1 &").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var orphans []int
	check(t, waitUntil("the server has got an orphan", func() bool {
		orphans = childrenOf(server)
		return len(orphans) == 1
	}))
	check(t, syscall.Kill(orphans[0], syscall.SIGKILL))
	check(t, waitUntil(fmt.Sprintf("process %d waits for its orphan", server), func() bool { return len(childrenOf(server)) == 0 }))
	check(t, syscall.Kill(server, syscall.SIGTERM))
	if o := wait(); o.status != exitOK {
		t.Error(o)
	}
}
