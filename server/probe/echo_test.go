package probe

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait of these tests; reaching it is a failure.
const patience = 20 * time.Second

// streamServer serves every connection to it with serve until the test ends,
// and returns its address. The connection is closed when serve returns.
func streamServer(t *testing.T, network string, serve func(net.Conn)) string {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "echo.sock")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		conns = make(map[net.Conn]bool)
	)
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // out of descriptors, where a test wants that
				runtime.Gosched()
				continue
			}
			mu.Lock()
			conns[conn] = true
			mu.Unlock()
			wg.Go(func() {
				serve(conn)
				conn.Close()
				mu.Lock()
				delete(conns, conn)
				mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for conn := range conns {
			conn.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// datagramServer answers every datagram with what answer makes of it, until
// the test ends, and returns its address. The number of the datagram, from 0
// on, is given to answer; each slice that it returns is one datagram back.
func datagramServer(t *testing.T, answer func(n int, data []byte) [][]byte) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 65536)
		for n := 0; ; n++ {
			got, from, err := pc.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			for _, data := range answer(n, buf[:got]) {
				pc.WriteTo(data, from)
			}
		}
	})
	t.Cleanup(func() {
		pc.Close()
		wg.Wait()
	})
	return pc.LocalAddr().String()
}

// The servers of these tests: a good one, and the ways to be a bad one.

func echo(conn net.Conn) { io.Copy(plainWriter{conn}, conn) }

// A plainWriter is a connection without ReadFrom. That would splice(2), for which package net takes
// pipes, and closes them only when garbage is collected: thousands of connections a second run out
// of descriptors by that.
type plainWriter struct{ io.Writer }

func echoDatagram(_ int, data []byte) [][]byte { return [][]byte{data} }

// silent takes everything and answers nothing.
func silent(conn net.Conn) { io.Copy(io.Discard, conn) }

// closing ends its side of the connection after it has echoed n bytes, and
// takes what still comes: closing at once would reset the connection.
func closing(n int64) func(net.Conn) {
	return func(conn net.Conn) {
		io.CopyN(plainWriter{conn}, conn, n)
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.CloseWrite()
		}
		silent(conn)
	}
}

// resetting breaks the connection after it has echoed n bytes.
func resetting(n int64) func(net.Conn) {
	return func(conn net.Conn) {
		io.CopyN(plainWriter{conn}, conn, n)
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
	}
}

// corrupting echoes, but the byte at offset n of the stream comes back flipped.
func corrupting(n int) func(net.Conn) {
	return func(conn net.Conn) {
		buf := make([]byte, 4096)
		for at := 0; ; {
			got, err := conn.Read(buf)
			if err != nil {
				return
			}
			if at <= n && n < at+got {
				buf[n-at] ^= 0xff
			}
			at += got
			if _, err := conn.Write(buf[:got]); err != nil {
				return
			}
		}
	}
}

// slow echoes what comes in pieces after a pause each.
func slow(pause time.Duration) func(net.Conn) {
	return func(conn net.Conn) {
		buf := make([]byte, 4096)
		for {
			got, err := conn.Read(buf)
			if err != nil {
				return
			}
			time.Sleep(pause) // this is the fault itself, not a wait for something
			if _, err := conn.Write(buf[:got]); err != nil {
				return
			}
		}
	}
}

// nobody is an address of network where nobody listens.
func nobody(t *testing.T, network string) string {
	t.Helper()
	switch network {
	case "unix":
		return filepath.Join(t.TempDir(), "nobody.sock")
	case "udp":
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer pc.Close()
		return pc.LocalAddr().String()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
