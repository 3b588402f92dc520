package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// owedBytes are as many as the server's system takes and the client's does not. See dialOwed.
const owedBytes = 150_000

// startOwing starts a server whose system takes owedBytes of an answer.
func (f *fixture) startOwing() {
	f.t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 200_000) })
	}}
	l, err := config.Listen(f.t.Context(), f.network, map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"}[f.network])
	if err != nil {
		f.t.Fatal(err)
	}
	f.serve(l)
}

// dialTight connects to the server. The client's system takes few bytes.
func (f *fixture) dialTight() halfConn {
	f.t.Helper()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4096) })
	}}
	conn, err := d.Dial(f.addr.Network(), f.addr.String())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn.(halfConn)
}

// dialOwed returns the connection of a client that has sent bytes, and its end, and has read
// nothing, when the server has written them all.
func (f *fixture) dialOwed() (halfConn, []byte) {
	f.t.Helper()
	conn := f.dialTight()
	sent := randomBytes(owedBytes)
	if _, err := conn.Write(sent); err != nil {
		f.t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		f.t.Fatal(err)
	}
	waitUntil(f.t, "the server has seen the end", func() bool {
		switch c := f.clientOf(conn).(type) {
		case *epollClient:
			owed := false
			c.at.Load().loop.await(func() { owed = c.stage == stageOwed })
			return owed
		case *portableClient:
			var info unix.TCPInfo
			control(f.t, c.conn, func(fd int) { info, _, _ = tcpInfo(int32(fd)) })
			return info.State == unix.BPF_TCP_LAST_ACK
		default:
			closed, _ := f.log.matching("connection closed")
			return len(closed) > 0
		}
	})
	return conn, sent
}

// A client that has sent its end gets everything however late it reads. It is a client until then.
func TestLateReader(t *testing.T) {
	forEachOn(t, []string{"tcp4", "tcp6"}, func(t *testing.T, f *fixture) {
		f.startOwing()
		conn, sent := f.dialOwed()
		if closed, _ := f.log.matching("connection closed"); len(closed) != 0 || f.server.Stats().Active != 1 {
			t.Errorf("it was taken for served: %q", closed)
		}
		for s := range f.server.Sessions() {
			if s.BytesSent != owedBytes {
				t.Errorf("listed as %+v", s)
			}
		}
		downC := make(chan error, 1)
		go func() { downC <- f.server.Shutdown(context.Background()) }()
		wait(t, "Serve", f.servedC)
		if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("of %d bytes %d came back, %v", len(sent), len(got), err)
		}
		if err := wait(t, "Shutdown", downC); err != nil {
			t.Error(err)
		}
		lines := f.log.await(t, 1, "connection closed", fmt.Sprintf("bytes=%d ", owedBytes))
		checkEnd(t, lines[0], "reason=eof")
	})
}

// checkEnd fails the test if a log line does not end so.
func checkEnd(t *testing.T, line, want string) {
	t.Helper()
	if !bytes.HasSuffix([]byte(line), []byte(want)) {
		t.Errorf("the line does not end with %q: %s", want, line)
	}
}

// Limits count a client that does not take its answers as long as it does not.
func TestOwedClientHasItsPlace(t *testing.T) {
	forEachOn(t, []string{"tcp4", "tcp6"}, func(t *testing.T, f *fixture) {
		f.terms.Limits.PerSource = 1
		f.startOwing()
		conn, _ := f.dialOwed()
		f.sentAway(nil)
		if _, err := io.ReadAll(conn); err != nil {
			t.Error(err)
		}
		waitUntil(t, "the place is free", func() bool { return f.connectionsTaken() == 0 })
		exchange(t, f.dial(), []byte("another"))
	})
}

// A client that does not take its answers is ended as any other: the log says how many it did not
// take, and it can tell that they are missing.
func TestEndsOfOwedClient(t *testing.T) {
	for _, end := range []struct {
		reason string
		cause  func(f *fixture, conn halfConn)
	}{
		{"idle", func(*fixture, halfConn) {}},
		{"disconnected", func(f *fixture, _ halfConn) {
			if !f.server.Disconnect(1) || f.server.Disconnect(1) {
				f.t.Error("it was not disconnected, or twice")
			}
		}},
		{"timeout", func(f *fixture, conn halfConn) {
			deafen(f.t, conn)
			f.atServer(conn, func(fd int) {
				if err := setUserTimeout(fd, time.Second); err != nil {
					f.t.Error(err)
				}
			})
		}},
		{"reset", func(_ *fixture, conn halfConn) {
			resetOnClose(conn)
			conn.Close()
		}},
	} {
		t.Run(end.reason, func(t *testing.T) {
			forEachOn(t, []string{"tcp4"}, func(t *testing.T, f *fixture) {
				if end.reason == "idle" {
					f.terms.IdleTimeout = 500 * time.Millisecond
				}
				f.startOwing()
				conn, _ := f.dialOwed()
				end.cause(f, conn)
				line := f.log.await(t, 1, "connection closed", " reason="+end.reason+" ")[0]
				var undelivered int
				if _, err := fmt.Sscanf(line[bytes.LastIndexByte([]byte(line), ' ')+1:], "undelivered=%d", &undelivered); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				waitUntil(t, "its place is free", func() bool { return f.connectionsTaken() == 0 })
				if end.reason != "idle" && end.reason != "disconnected" {
					return
				}
				got, err := io.ReadAll(conn)
				if !errors.Is(err, syscall.ECONNRESET) || len(got) > owedBytes-undelivered {
					t.Errorf("it got %d bytes, %v; the log: %s", len(got), err, line)
				}
			})
		})
	}
}

// Close ends a client that does not take its answers in time, and leaves what was written with the
// kernel.
func TestCloseLeavesAnswersWithTheKernel(t *testing.T) {
	forEachOn(t, []string{"tcp4"}, func(t *testing.T, f *fixture) {
		f.startOwing()
		conn, sent := f.dialOwed()
		closedC := make(chan error, 1)
		go func() { closedC <- f.server.Close() }()
		wait(t, "Close", closedC)
		f.log.await(t, 1, "connection closed", "reason=shutdown undelivered=")
		if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("of %d bytes %d came back, %v", len(sent), len(got), err)
		}
	})
}
