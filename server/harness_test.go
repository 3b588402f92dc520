package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// An engineCase is one of the engines that must all behave the same.
type engineCase struct {
	name string
	use  func(*Server)
}

func engineCases() []engineCase {
	cases := []engineCase{{portableName, func(s *Server) { s.Portable = true }}}
	if nativeName != portableName {
		cases = append(cases, engineCase{nativeName, func(*Server) {}})
	}
	return cases
}

// forEach runs a test for every engine on every kind of stream socket.
func forEach(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	forEachOn(t, []string{"tcp4", "tcp6", "unix"}, test)
}

// forEachOn runs a test for every engine on some kinds of stream sockets.
func forEachOn(t *testing.T, networks []string, test func(t *testing.T, f *fixture)) {
	t.Helper()
	for _, e := range engineCases() {
		for _, network := range networks {
			t.Run(e.name+"/"+network, func(t *testing.T) {
				t.Parallel()
				test(t, newFixture(t, e, network))
			})
		}
	}
}

// newFixture returns a server that is yet to be started.
func newFixture(t *testing.T, e engineCase, network string) *fixture {
	f := &fixture{t: t, network: network, log: newLogbook()}
	f.server.Logger = textLogger(f.log)
	e.use(&f.server)
	return f
}

// A fixture is a server with its log, and what is needed to talk to it.
type fixture struct {
	t       *testing.T
	network string
	server  Server
	service Service // of all listeners
	terms   Terms   // of the service
	log     *logbook
	addr    net.Addr
	servedC <-chan error // what the last Serve returned
}

// start serves one more listener, the one to dial from now on, until the test ends.
func (f *fixture) start() {
	f.t.Helper()
	f.serve(listen(f.t, f.network))
}

// serve is start with the listener l.
func (f *fixture) serve(l net.Listener) {
	f.t.Helper()
	f.addr = l.Addr()
	f.service.Apply(f.terms)
	servedC := make(chan error, 1)
	f.servedC = servedC
	go func() { servedC <- f.server.Serve(l, &f.service) }()
	f.t.Cleanup(func() { f.server.Close() })
	waitUntil(f.t, "Serve has begun, or will not", func() bool {
		f.server.mu.Lock()
		defer f.server.mu.Unlock()
		return f.server.stop != nil || f.server.phase != phaseOpen
	})
}

// begin makes v a service of s without serving anything.
func begin(t testing.TB, s *Server, v *Service) {
	if _, err := s.beginServe(v); err != nil {
		t.Fatal(err)
	}
	s.endServe(v)
	t.Cleanup(s.stop)
}

func listen(t *testing.T, network string) net.Listener {
	t.Helper()
	address := map[string]string{
		"tcp4": "127.0.0.1:0",
		"tcp6": "[::1]:0",
		"unix": filepath.Join(t.TempDir(), "sock"),
	}[network]
	config := net.ListenConfig{Control: narrow}
	l, err := config.Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// narrow gives a socket, and those accepted from it, small buffers in the kernel, which it would
// otherwise let grow to tens of megabytes where there is memory. So writes are cut short in every
// test that sends much, and a client that does not read is soon stuck, however slow the machine.
func narrow(_, _ string, c syscall.RawConn) (err error) {
	const size = 64 << 10
	if controlErr := c.Control(func(fd uintptr) {
		err = errors.Join(
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, size),
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, size))
	}); controlErr != nil {
		return controlErr
	}
	return err
}

// A halfConn is what both *net.TCPConn and *net.UnixConn are.
type halfConn interface {
	net.Conn
	CloseWrite() error
}

// dial connects to the server. What is done with the connection, but for exchange, must be done
// within patience.
func (f *fixture) dial() halfConn {
	f.t.Helper()
	return f.dialFrom(nil)
}

// dialFrom is dial from the address local, or from any if it is nil.
func (f *fixture) dialFrom(local net.Addr) halfConn {
	f.t.Helper()
	d := net.Dialer{LocalAddr: local, Control: narrow}
	conn, err := d.Dial(f.addr.Network(), f.addr.String())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn.(halfConn)
}

// exchange sends message and waits until it is back, for as long as patience from now.
func exchange(t *testing.T, conn net.Conn, message []byte) {
	t.Helper()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(message); err != nil {
		t.Error(err)
		return
	}
	got := make([]byte, len(message))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, message) {
		t.Errorf("sent %q, got %q, %v", message, got, err)
	}
}

// randomBytes returns n bytes that no two calls have in common.
func randomBytes(n int) []byte {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], rand.Uint64())
	b := make([]byte, n)
	rand.NewChaCha8(seed).Read(b)
	return b
}

// wait returns what arrives on c in time.
func wait[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

func textLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, nil))
}

// waitUntil waits for a condition that is about to come true and announces itself in no way.
func waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// A logbook is a log that tests can wait for.
type logbook struct {
	mu      sync.Mutex
	lines   []string
	changed chan struct{} // closed and replaced with every line
}

func newLogbook() *logbook { return &logbook{changed: make(chan struct{})} }

// Write takes one line; slog's handlers write them whole.
func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, line, _ := strings.Cut(strings.TrimSuffix(string(p), "\n"), " ") // without the time
	b.lines = append(b.lines, line)
	close(b.changed)
	b.changed = make(chan struct{})
	return len(p), nil
}

// matching returns the lines that contain all the words, and what is closed when there may be more.
func (b *logbook) matching(words ...string) ([]string, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []string
next:
	for _, line := range b.lines {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found, b.changed
}

// await returns the first n lines that contain all the words, as soon as there are so many.
func (b *logbook) await(t *testing.T, n int, words ...string) []string {
	t.Helper()
	deadline := time.After(patience)
	for {
		found, changed := b.matching(words...)
		if len(found) >= n {
			return found[:n]
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("waited in vain for %d log lines with %q; there are\n%s", n, words, strings.Join(b.lines, "\n"))
		}
	}
}
