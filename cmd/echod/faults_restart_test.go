//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFaultsOfRestart: each system call of a restart fails once, by strace(1). Whatever comes of
// it, there is a server then that serves: a new one, the one there was, or one with the flags it
// had. The daemons that it starts are not traced: strace would have each of them fail in the same
// way.
func TestFaultsOfRestart(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	counts := countCallsOfRestart(t)
	for _, f := range faults() {
		for n := 1; n <= min(counts[f.call], 30); n++ {
			t.Run(fmt.Sprintf("%s-%s-%d", f.call, f.errno, n), func(t *testing.T) { f.testRestart(t, fmt.Sprint(n)) })
			if f.lasting {
				t.Run(fmt.Sprintf("%s-%s-from-%d", f.call, f.errno, n), func(t *testing.T) { f.testRestart(t, fmt.Sprintf("%d+", n)) })
			}
		}
	}
}

// countCallsOfRestart is countCalls for a restart.
func countCallsOfRestart(t *testing.T) map[string]int {
	t.Helper()
	b := newSandbox(t)
	b.openUp(t)
	b.start(t)
	o := b.runInto(t, "said", b.tracedRestart("-e", "trace="+strings.Join(faultyCalls(), ","))...)
	if o.status != exitOK {
		t.Fatal(o)
	}
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
	return b.callsOfOneThread(t)
}

// tracedRestart is traced for a restart, without the programs that it starts.
func (b *sandbox) tracedRestart(options ...string) []string {
	argv := append([]string{"strace", "-DDD", "-I2", "-b", "execve", "-ff", "-qq", "-o", filepath.Join(b.dir, "trace")}, options...)
	return append(argv, "echod", "restart", "--pid-file=p")
}

func (f fault) testRestart(t *testing.T, when string) {
	t.Parallel()
	b := newSandbox(t)
	b.openUp(t)
	b.start(t)
	o := b.runInto(t, "said", b.tracedRestart("-e", "trace="+f.call,
		"-e", fmt.Sprintf("inject=%s:error=%s:when=%s", f.call, f.errno, when))...)
	status, err := b.try(b.dir, "echod", "status", "--pid-file=p")
	check(t, err)
	found := regexp.MustCompile(`(?m)^listeners +tcp://(\S+)$`).FindStringSubmatch(status.stdout)
	if found == nil && strings.Contains(o.stderr, "; with the flags it had before, too: ") {
		t.Logf("strace(1) counts the calls of each thread, and the way back has met the fault of another: %v", o)
		return
	}
	if found == nil {
		t.Fatalf("no server: %v\nafter restart: %v", status, o)
	}
	if err := echoBack(found[1], "hello"); err != nil {
		t.Errorf("%v\nafter restart: %v", err, o)
	}
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
	if left, _ := filepath.Glob(filepath.Join(b.dir, ".r*")); len(left) > 0 { // the pattern is well formed
		t.Errorf("a rehearsal has left %v", left)
	}
}
