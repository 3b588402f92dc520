package server

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"testing"
)

// The two lines of a session are an interface that scripts read: names and order are fixed.
func TestLogLines(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		conn := f.dial()
		exchange(t, conn, []byte("hello\n"))
		conn.Close()
		f.log.await(t, 1, "connection closed")

		who := `id=1 network=` + f.addr.Network() + ` local=` + regexp.QuoteMeta(f.addr.String()) + ` remote=`
		if f.network == "unix" {
			who += `(""|@)`
		} else {
			who += regexp.QuoteMeta(conn.LocalAddr().String())
		}
		want := []string{
			`level=INFO msg="connection opened" ` + who,
			`level=INFO msg="connection closed" ` + who + ` bytes=6 duration=[0-9.]+(µs|ms|s) reason=eof`,
		}
		lines, _ := f.log.matching("")
		if len(lines) != len(want) {
			t.Fatalf("%d lines: %q", len(lines), lines)
		}
		for i, re := range want {
			if !regexp.MustCompile("^" + re + "$").MatchString(lines[i]) {
				t.Errorf("line %d\n got %s\nwant %s", i+1, lines[i], re)
			}
		}
	})
}

// The log has the address that each client has connected to, also where the server listens on all
// of them.
func TestLocalAddressOfAWildListener(t *testing.T) {
	forEachOn(t, []string{"tcp4"}, func(t *testing.T, f *fixture) {
		l, err := net.Listen("tcp4", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		f.serve(l)
		port := l.Addr().(*net.TCPAddr).Port
		for id, ip := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.2", "127.0.0.1"} {
			local := &net.TCPAddr{IP: net.ParseIP(ip), Port: port}
			f.addr = local
			exchange(t, f.dial(), []byte("hello"))
			f.log.await(t, 1, "connection opened", fmt.Sprintf("id=%d ", id+1), "local="+local.String()+" ")
		}
	})
}

func TestNilLoggerDiscards(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.server.Logger = nil
		f.start()
		exchange(t, f.dial(), []byte("quiet"))
	})
}

// The counters move while a session runs, and stay when it has ended.
func TestStats(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		conn := f.dial()
		exchange(t, conn, randomBytes(70_000))
		exchange(t, conn, randomBytes(1))
		waitUntil(t, "all is counted", func() bool { return f.server.Stats().BytesSent == 70_001 })
		want := Stats{Active: 1, Accepted: 1, BytesReceived: 70_001, BytesSent: 70_001}
		if got := f.server.Stats(); got != want {
			t.Errorf("while it runs: %+v", got)
		}
		conn.Close()
		f.log.await(t, 1, "connection closed")
		want.Active = 0
		waitUntil(t, "the session is gone", func() bool { return f.server.Stats() == want })
	})
}

func TestSessions(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		first, second := f.dial(), f.dial()
		exchange(t, first, []byte("12345"))
		exchange(t, second, []byte("123"))
		f.log.await(t, 2, "connection opened")
		bytesOf := map[uint64]uint64{}
		for s := range f.server.Sessions() {
			bytesOf[s.ID] = s.BytesReceived
			if s.Network != f.addr.Network() || s.Local != f.addr.String() {
				t.Errorf("wrong addresses: %+v", s)
			}
			if s.LastActivity.Before(s.Opened) {
				t.Errorf("last activity before it was opened: %+v", s)
			}
		}
		if len(bytesOf) != 2 || bytesOf[1] != 5 || bytesOf[2] != 3 {
			t.Errorf("bytes by id: %v", bytesOf)
		}
		for range f.server.Sessions() {
			break // must not leave anything locked
		}
		exchange(t, first, []byte("on"))
	})
}

func TestDisconnect(t *testing.T) {
	forEach(t, func(t *testing.T, f *fixture) {
		f.start()
		first, second := f.dial(), f.dial()
		exchange(t, first, []byte("one"))
		exchange(t, second, []byte("two"))
		if f.server.Disconnect(3) {
			t.Error("a session that does not exist was disconnected")
		}
		if !f.server.Disconnect(1) {
			t.Error("session 1 was not disconnected")
		}
		if n, err := first.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the client read %d bytes, %v", n, err)
		}
		f.log.await(t, 1, "connection closed", "id=1 ", "bytes=3", "reason=disconnected")
		exchange(t, second, []byte("undisturbed"))
	})
}
