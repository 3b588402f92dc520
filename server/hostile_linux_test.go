package server

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Whatever clients do to their connections, the server lives, every session has its two
// lines, and the bytes of the lines add up to the counters.
func TestHostileClients(t *testing.T) {
	forEachOn(t, []string{"tcp4", "unix"}, func(t *testing.T, f *fixture) {
		const each = 3
		behaviours := []func(conn halfConn){
			func(halfConn) {}, // says nothing and leaves
			func(conn halfConn) { exchange(t, conn, randomBytes(1000)) },
			func(conn halfConn) { // breaks off in the middle
				conn.Write(randomBytes(100_000))
				resetOnClose(conn)
			},
			func(conn halfConn) { // leaves when the server can send no more: its window is zero
				sendUntilStuck(t, conn)
				resetOnClose(conn)
			},
			func(conn halfConn) { // the same, in order as far as it can tell
				sendUntilStuck(t, conn)
				conn.CloseWrite()
			},
			func(conn halfConn) { // still sends, and does not want the answers
				conn.(interface{ CloseRead() error }).CloseRead()
				for range 20 {
					if _, err := conn.Write(randomBytes(10_000)); err != nil {
						return
					}
				}
			},
			func(conn halfConn) { conn.CloseWrite() },
		}
		f.start()
		other := f.dial()
		var done sync.WaitGroup
		for _, behave := range behaviours {
			for range each {
				conn := f.dial()
				done.Go(func() {
					behave(conn)
					conn.Close()
				})
			}
		}
		done.Wait()
		closed := f.log.await(t, each*len(behaviours), "connection closed")
		exchange(t, other, []byte("still served"))
		other.Close()
		closed = append(closed, f.log.await(t, len(closed)+1, "connection closed")[len(closed)])
		opened := f.log.await(t, len(closed), "connection opened")

		waitUntil(t, "nobody is left", func() bool { return f.server.Stats().Active == 0 })
		st := f.server.Stats()
		if st.Accepted != uint64(len(closed)) || len(opened) != len(closed) {
			t.Errorf("%d were accepted, %d opened, %d closed", st.Accepted, len(opened), len(closed))
		}
		if sum := sumOfBytes(closed); sum != st.BytesSent || st.BytesSent > st.BytesReceived {
			t.Errorf("%d bytes in the log, received %d, sent %d", sum, st.BytesReceived, st.BytesSent)
		}
		for _, line := range closed {
			if !strings.Contains(line, "reason=eof") && !strings.Contains(line, "reason=reset") {
				t.Errorf("neither its end nor a reset: %s", line)
			}
		}
	})
}

// resetOnClose makes Close break off a TCP connection. A Unix socket is reset anyway if there are
// bytes unread.
func resetOnClose(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
}

// sumOfBytes adds up what the lines say.
func sumOfBytes(lines []string) (sum uint64) {
	re := regexp.MustCompile(` bytes=(\d+) `)
	for _, line := range lines {
		if m := re.FindStringSubmatch(line); m != nil {
			n, _ := strconv.ParseUint(m[1], 10, 64)
			sum += n
		}
	}
	return sum
}

// A program that uses this library may care about SIGPIPE: clients must not be able to raise it.
func TestEpollRaisesNoSignal(t *testing.T) {
	pipeC := make(chan os.Signal, 1)
	signal.Notify(pipeC, syscall.SIGPIPE)
	defer signal.Stop(pipeC)
	f := newFixture(t, engineCase{nativeName, func(*Server) {}}, "unix")
	f.start()
	for range 20 {
		conn := f.dial()
		sendUntil(t, conn, 1<<20)
		conn.Close()
	}
	f.log.await(t, 20, "connection closed") // on a busy machine, some have not sent a byte yet
	f.log.await(t, 1, "connection closed", "reason=reset")
	select {
	case <-pipeC:
		t.Error("SIGPIPE")
	default:
	}
}

// sendUntil sends n bytes, or less if they are not taken.
func sendUntil(t *testing.T, conn net.Conn, n int) {
	t.Helper()
	conn.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := conn.Write(randomBytes(n)); err != nil && !os.IsTimeout(err) {
		t.Error(err)
	}
}

// This many clients are there at once, and all of them are served.
func TestFiveThousandClients(t *testing.T) {
	const clients = 5000
	for _, e := range engineCases() {
		t.Run(e.name, func(t *testing.T) { // one after the other, for want of descriptors
			needDescriptors(t, 2*clients+200)
			f := newFixture(t, e, "tcp4")
			f.start()
			var coming, leaving sync.WaitGroup
			conns := make([]halfConn, clients)
			for i := range conns {
				conns[i] = f.dial()
				coming.Go(func() { exchange(t, conns[i], []byte("here")) })
			}
			coming.Wait()
			if st := f.server.Stats(); st.Active != clients {
				t.Errorf("%d clients are there", st.Active)
			}
			for _, conn := range conns {
				leaving.Go(func() {
					exchange(t, conn, fmt.Appendf(nil, "I am %v", conn.LocalAddr()))
					conn.Close()
				})
			}
			leaving.Wait()
			closed := f.log.await(t, clients, "connection closed", "reason=eof")
			waitUntil(t, "nobody is left", func() bool { return f.server.Stats().Active == 0 })
			if st := f.server.Stats(); st.Accepted != clients || st.BytesSent != sumOfBytes(closed) || st.BytesReceived != st.BytesSent {
				t.Errorf("%+v; %d bytes in the log", st, sumOfBytes(closed))
			}
		})
	}
}

// needDescriptors skips a test, or a benchmark, that the process has too few descriptors for. Where
// tests run unwatched, there must be enough.
func needDescriptors(t testing.TB, n uint64) {
	t.Helper()
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		t.Fatal(err)
	}
	switch {
	case r.Cur >= n:
	case os.Getenv("CI") == "true":
		t.Fatalf("%d descriptors are needed, and RLIMIT_NOFILE is %d", n, r.Cur)
	default:
		t.Skipf("%d descriptors are needed, and RLIMIT_NOFILE is %d", n, r.Cur)
	}
}
