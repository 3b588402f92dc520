package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// When clients that did not read have left, the memory that they cost goes back to the system,
// though nothing happens that would make the collector run. That needs a process of its own: tests
// beside this one make it run.
func TestMemoryIsReturned(t *testing.T) {
	const key = "SERVER_TEST_MEMORY"
	if name := os.Getenv(key); name != "" {
		serveAndTell(t, name)
		return
	}
	for _, e := range engineCases() {
		t.Run(e.name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestMemoryIsReturned$")
			cmd.Env = append(os.Environ(), key+"="+e.name)
			cmd.Stderr = os.Stderr
			in, out := pipes(t, cmd)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				in.Close() // which ends it
				cmd.Wait()
			})
			var address string
			if _, err := fmt.Fscanln(out, &address); err != nil {
				t.Fatal(err)
			}
			retained := func() (n int) {
				fmt.Fprintln(in)
				if _, err := fmt.Fscanln(out, &n); err != nil {
					t.Fatal(err)
				}
				return n
			}
			const much = 16 << 20
			before := retained()
			leave := stuckClients(t, address, 300)
			waitUntil(t, "the clients cost something", func() bool { return retained() > before+much })
			leave()
			// When some was returned before they left, this takes trimGap.
			for deadline := time.Now().Add(3 * patience); retained() >= before+much/2; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("it is not returned")
				}
			}
		})
	}
}

func pipes(t *testing.T, cmd *exec.Cmd) (io.WriteCloser, *bufio.Reader) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	return in, bufio.NewReader(out)
}

// serveAndTell serves with the engine of that name. For each line on standard input, it prints how
// many bytes of the heap the system has given; it ends with the input.
func serveAndTell(t *testing.T, name string) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		// A small one, so that clients are stuck soon, and with much that was read.
		return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 16<<10) })
	}}
	l, err := config.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Portable: name == portableName}
	go s.Serve(l, nil)
	defer s.Close()
	fmt.Println(l.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println(m.HeapSys - m.HeapReleased)
	}
}

// stuckClients connects n clients that send and do not read; the function it returns has them
// leave.
func stuckClients(t *testing.T, address string, n int) (leave func()) {
	t.Helper()
	d := net.Dialer{Control: narrow}
	var conns []net.Conn
	var sending sync.WaitGroup
	for range n {
		conn, err := d.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(2 * patience))
		conns = append(conns, conn)
		sending.Go(func() { conn.Write(make([]byte, 4<<20)) }) // until it is closed
	}
	return func() {
		for _, conn := range conns {
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
		sending.Wait()
	}
}
