package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"echod/server"
)

// TestConnectionsAreStreamed: the list is made while it is read, so its length costs no memory.
func TestConnectionsAreStreamed(t *testing.T) {
	const clients = 18_000
	f := newFixture(t)
	f.clients.n = clients
	var taken atomic.Uint64
	f.clients.taken = taken.Store
	client := f.start()
	body, err := client.RawConnections(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	// What is in the buffers of the socket, of the server and of this reader is a
	// fraction of the list, which has about 4 MB.
	if n := taken.Load(); n > clients/2 {
		t.Errorf("%d of %d clients were taken before the list was read", n, clients)
	}
	var list struct{ Connections []Connection }
	if err := json.NewDecoder(body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	if len(list.Connections) != clients {
		t.Fatalf("got %d connections, want %d", len(list.Connections), clients)
	}
	for i, c := range list.Connections {
		if c.ID != uint64(i+1) || c.BytesSent != c.ID || c.BytesReceived != 2*c.ID || c.AgeSeconds < 60 || c.IdleSeconds < 40 || c.IdleSeconds >= c.AgeSeconds {
			t.Fatalf("connection %d is %+v", i, c)
		}
	}
}

// TestNoConnections is a list all the same.
func TestNoConnections(t *testing.T) {
	f := newFixture(t)
	f.start()
	_, _, body := curl(t, f.path, "/v1/connections")
	if want := "{\"connections\":[\n]}\n"; body != want {
		t.Errorf("got %q, want %q", body, want)
	}
}

// TestUnreadListHoldsUpNobody: a real server goes on serving and ends clients while a caller has
// the list half read.
func TestUnreadListHoldsUpNobody(t *testing.T) {
	echo, addr := startEcho(t)
	f := newFixture(t)
	f.server.Clients = echo
	client := f.start()
	var conns []net.Conn
	for range 50 {
		conns = append(conns, dialEcho(t, addr))
	}
	conn := f.dial()
	if _, err := io.WriteString(conn, "GET /v1/connections HTTP/1.1\r\nHost: echod\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	for _, c := range conns {
		roundTrip(t, c)
	}
	if err := client.Disconnect(deadline(t), 7); err != nil {
		t.Fatal(err)
	}
	seen := make(map[uint64]Connection)
	waitUntil(t, "client 7 is gone", func() bool {
		clear(seen)
		for c, err := range client.Connections(deadline(t)) {
			if err != nil {
				t.Fatal(err)
			}
			seen[c.ID] = c
		}
		return seen[7].ID == 0
	})
	if len(seen) != len(conns)-1 {
		t.Errorf("%d clients are left, want %d", len(seen), len(conns)-1)
	}
	if c := seen[8]; c.BytesReceived != 2 || c.BytesSent == 0 || c.Network != "tcp" || c.Local != addr {
		t.Errorf("client 8 is %+v", c)
	}
}

// startEcho serves echo until the test ends.
func startEcho(t *testing.T) (*server.Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	echo := new(server.Server)
	servedC := make(chan error, 1)
	go func() { servedC <- echo.Serve(l, nil) }()
	t.Cleanup(func() {
		echo.Close()
		wait(t, "the echo server to end", servedC)
	})
	return echo, l.Addr().String()
}

// dialEcho returns a connection that the server has taken.
func dialEcho(t *testing.T, addr string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(deadline(t), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	roundTrip(t, conn)
	return conn
}

func roundTrip(t *testing.T, conn net.Conn) {
	t.Helper()
	var b [1]byte
	if _, err := conn.Write([]byte{'x'}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, b[:]); err != nil {
		t.Fatal(err)
	}
}

// TestBrokenListIsAnError, and not a short list.
func TestBrokenListIsAnError(t *testing.T) {
	for _, body := range []string{
		"", "[]", `{"connections":{}}`, `{"connections":[{"id":1}`, `{"connections":[{"id":1},`, `{"connections":[{"id":"one"}]}`, `{"connections":[]`,
	} {
		client := clientOf(t, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"+body)
		var last error
		for _, err := range client.Connections(deadline(t)) {
			last = err
		}
		if last == nil {
			t.Errorf("%q passes for a whole list", body)
		}
	}
}

// TestListLeftEarly: the server hears that the caller has seen enough, and stops.
func TestListLeftEarly(t *testing.T) {
	f := newFixture(t)
	f.clients.n = 18_000
	var taken atomic.Int64
	f.clients.taken = func(id uint64) { taken.Store(int64(id)) }
	client := f.start()
	for c, err := range client.Connections(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if c.ID == 3 {
			break
		}
	}
	if err := f.server.Shutdown(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if n := taken.Load(); n == 18_000 {
		t.Errorf("the whole list was made")
	}
}

// TestCallsEndWithTheirConnection, also those that are not read to the end.
func TestCallsEndWithTheirConnection(t *testing.T) {
	l := mustListen(t, filepath.Join(t.TempDir(), "control.sock"))
	client := NewClient(l.Addr().String())
	list := `{"connections":[{"id":1},{"id":2},`
	for answer, call := range map[string]func(){
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}":                     func() { client.Status(context.Background()) },
		"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}":              func() { client.Status(context.Background()) },
		"HTTP/1.1 204 No Content\r\n\r\n":                                    func() { client.Disconnect(context.Background(), 1) },
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n22\r\n" + list: func() { takeOne(client) },
	} {
		endedC := make(chan struct{})
		go func() {
			call()
			close(endedC)
		}()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		request := bufio.NewReader(conn)
		if _, err := http.ReadRequest(request); err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, answer)
		wait(t, "the call to end", endedC)
		if rest, err := io.ReadAll(request); len(rest) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after %q the connection is still there: %q, %v", answer, rest, err)
		}
		conn.Close()
	}
}

func takeOne(client *Client) {
	for range client.Connections(context.Background()) {
		return
	}
}

// clientOf returns a client of a server that says the same thing to everybody.
func clientOf(t *testing.T, answer string) *Client {
	t.Helper()
	l := mustListen(t, t.TempDir()+"/control.sock")
	endedC := make(chan struct{})
	go func() {
		defer close(endedC)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			bufio.NewReader(conn).ReadString('\n')
			io.WriteString(conn, answer)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-endedC
	})
	return NewClient(l.Addr().String())
}
