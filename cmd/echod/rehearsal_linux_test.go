package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRestartFallsBack: what the new flags ask for is taken after the rehearsal. The server comes
// back with the flags that it had.
func TestRestartFallsBack(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.openUp(t)
	old := b.start(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	wanted := free.Addr().String()
	check(t, free.Close())
	check(t, syscall.Kill(old.pid, syscall.SIGSTOP)) // it does not end before it is continued
	check(t, waitState(old.pid, "T"))
	_, wait := b.begin(t, "said", "echod", "restart", "--pid-file=p", "--timeout=0", "--listen="+wanted)
	err = waitUntil("the old server was told to end", func() bool { return pending(old.pid, syscall.SIGTERM) })
	taken, listenErr := net.Listen("tcp", wanted)
	check(t, syscall.Kill(old.pid, syscall.SIGCONT))
	check(t, err)
	check(t, listenErr)
	defer taken.Close()
	o := wait()
	want := "echod: listen on tcp://" + wanted + ": address already in use"
	if o.status != exitUnavailable || !strings.HasPrefix(o.stderr, want) ||
		!strings.HasSuffix(o.stderr, "; the server runs with the flags it had before\n") || strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("want a line that begins with %q, got %v", want, o)
	}
	again := serving(t, o.stdout)
	if again.address == wanted {
		t.Errorf("it serves %s, which is taken", wanted)
	}
	check(t, echoBack(again.address, "hello"))
	b.run(t, exitOK, "echod", "stop", "--pid-file=p")
}

// TestRestartWithoutCapability: a server had its port by a capability of its program, and the
// program that has taken its place since has none. The server is left alone, and the reason is the
// true one.
func TestRestartWithoutCapability(t *testing.T) {
	needRoot(t, "to give a program a capability")
	t.Parallel()
	b := newSandbox(t)
	check(t, os.Chown(b.dir, ordinaryUID(), -1))
	program := filepath.Join(b.bin, "echod-capable")
	check(t, copyProgram(filepath.Join(b.bin, "echod"), program))
	setCapability(t, program)
	address := fmt.Sprintf("127.%d.%d.%d:7", 64+os.Getpid()%64, os.Getpid()>>6&0xff, 1+os.Getpid()>>14&0x3f)
	start := b.run(t, exitOK, "as-user", program, "start", "--listen="+address, "--pid-file=p", "--log-file=l")
	old := serving(t, start.stdout)

	o := b.run(t, exitOK, "as-user", program, "restart", "--pid-file=p", "--log-file=l")
	capable := serving(t, strings.TrimPrefix(o.stdout, fmt.Sprintf("echod-capable: stopped, pid %d\n", old.pid)))
	check(t, echoBack(capable.address, "hello"))

	check(t, os.Remove(program))
	check(t, copyProgram(filepath.Join(b.bin, "echod"), program))
	o = b.run(t, exitNoPerm, "as-user", program, "restart", "--pid-file=p", "--log-file=l")
	want := "echod-capable: listen on tcp://" + address + ": permission denied (a port below 1024 needs root or CAP_NET_BIND_SERVICE"
	if o.stdout != "" || !strings.HasPrefix(o.stderr, want) {
		t.Errorf("want a line that begins with %q, got %v", want, o)
	}
	check(t, echoBack(capable.address, "still here"))
	b.run(t, exitOK, "as-user", program, "stop", "--pid-file=p")
}

func setCapability(t *testing.T, program string) {
	t.Helper()
	if said, err := exec.Command("setcap", "cap_net_bind_service+ep", program).CombinedOutput(); err != nil {
		t.Fatalf("setcap: %v: %s", err, said)
	}
}
