package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"echod/server"

	"go.uber.org/goleak"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fixture is a Server with made-up controls behind a real socket.
type fixture struct {
	t       testing.TB
	server  Server
	path    string
	log     logbook
	clients madeUpClients

	mu     sync.Mutex
	status Status
}

func newFixture(t testing.TB) *fixture {
	f := &fixture{t: t, path: filepath.Join(t.TempDir(), "control.sock")}
	dropped := uint64(6)
	f.status = Status{
		Running: true, Pid: 4711, Version: "1.2.3", State: Serving, Engine: "epoll",
		StartedAt: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC), UptimeSeconds: 10,
		Listeners:   []ListenerStatus{{"tcp", "127.0.0.1:7007"}},
		Connections: ConnectionCounts{Active: 2, Accepted: 40, Refused: 3, LimitReached: true, LimitReachedTimes: 4},
		Datagrams:   DatagramCounts{Received: 8, Sent: 7, Refused: 1, RefusedByReason: map[string]uint64{"rate": 1}, Dropped: &dropped},
		Bytes:       ByteCounts{Received: 1000, Sent: 900},
		Log:         LogStatus{File: "/var/log/echod.log", Level: "info", LinesDropped: 5},
	}
	f.server.Logger = slog.New(slog.NewTextHandler(&f.log, nil))
	f.server.Controls = Controls{
		Status:  f.snapshot,
		Clients: &f.clients,
		Level:   new(slog.LevelVar),
		Reopen:  func(context.Context) (string, error) { return "log reopened", nil },
		Reload:  func(context.Context) (string, error) { return "", errors.New("reload: line 7: no such word") },
		Drain:   func(context.Context) (string, error) { return "draining", nil },
		Stop:    func(context.Context) (string, error) { return "stopping", nil },
	}
	return f
}

func (f *fixture) snapshot() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// start serves until the test ends.
func (f *fixture) start() *Client {
	f.t.Helper()
	l, err := Listen(f.path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	f.serve(l, f.server.Serve)
	return NewClient(f.path)
}

func (f *fixture) serve(l net.Listener, serve func(net.Listener) error) {
	servedC := make(chan error, 1)
	go func() { servedC <- serve(l) }()
	f.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := f.server.Shutdown(ctx); err != nil {
			f.t.Errorf("Shutdown: %v", err)
		}
		if err := wait(f.t, "Serve to return", servedC); !errors.Is(err, ErrServerClosed) {
			f.t.Errorf("Serve returned %v, want ErrServerClosed", err)
		}
	})
}

// send writes a request as it is and returns the status of the answer, "400 Bad Request".
func (f *fixture) send(request string) string {
	f.t.Helper()
	conn := f.dial()
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		f.t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return response.Status
}

// dial returns a connection for which everything must happen within patience.
func (f *fixture) dial() net.Conn {
	f.t.Helper()
	conn, err := net.Dial("unix", f.path)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// deadline returns a context that ends with patience.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// madeUpClients are n clients with the ids 1 to n.
type madeUpClients struct {
	n     int
	taken func(id uint64) // called before each is yielded; may be nil

	mu           sync.Mutex
	disconnected []uint64
}

func (c *madeUpClients) Sessions() iter.Seq[server.SessionInfo] {
	return func(yield func(server.SessionInfo) bool) {
		for id := uint64(1); id <= uint64(c.n); id++ {
			if c.taken != nil {
				c.taken(id)
			}
			if !yield(madeUpClient(id)) {
				return
			}
		}
	}
}

func madeUpClient(id uint64) server.SessionInfo {
	opened := time.Now().Add(-time.Minute)
	return server.SessionInfo{
		ID: id, Network: "tcp", Local: "127.0.0.1:7007", Remote: fmt.Sprintf("127.0.0.9:%d", id),
		BytesReceived: 2 * id, BytesSent: id, Opened: opened, LastActivity: opened.Add(20 * time.Second),
	}
}

func (c *madeUpClients) Disconnect(id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id < 1 || id > uint64(c.n) {
		return false
	}
	c.disconnected = append(c.disconnected, id)
	return true
}

// A logbook is a log that tests can look into.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// await waits for a line that contains all the words.
func (b *logbook) await(t *testing.T, words ...string) {
	t.Helper()
	waitUntil(t, fmt.Sprintf("the log has %q", words), func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		for line := range strings.Lines(b.text.String()) {
			if containsAll(line, words) {
				return true
			}
		}
		return false
	})
}

func containsAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}

func waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func wait[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}
