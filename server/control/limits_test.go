package control

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A pipeListener makes connections of net.Pipe, for which synctest has a clock of its own.
type pipeListener struct {
	connC  chan net.Conn
	closeC chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{connC: make(chan net.Conn), closeC: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.connC:
		return c, nil
	case <-l.closeC:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closeC) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (l *pipeListener) dial() net.Conn {
	ours, theirs := net.Pipe()
	l.connC <- theirs
	return ours
}

// TestSlowCallersAreCutOff, after the time that is theirs, on a clock that takes no time.
func TestSlowCallersAreCutOff(t *testing.T) {
	tests := []struct {
		name string
		send string
		want time.Duration
	}{
		{"says nothing", "", headerTimeout},
		{"never ends its head", "GET /v1/status HTTP/1.1\r\nHost: echod\r\n", headerTimeout},
		{"never sends its body", "PUT /v1/log-level HTTP/1.1\r\nHost: echod\r\nContent-Length: 10\r\n\r\n", readTimeout},
		{"says nothing more", "GET /healthz HTTP/1.1\r\nHost: echod\r\n\r\n", idleTimeout},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				l := newPipeListener()
				f.serve(l, f.server.Serve)
				conn := l.dial()
				defer conn.Close()
				start := time.Now()
				if _, err := io.WriteString(conn, test.send); err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, conn); err != nil {
					t.Fatal(err)
				}
				if got := time.Since(start); got != test.want {
					t.Errorf("was cut off after %v, want %v", got, test.want)
				}
			})
		})
	}
}

// TestReaderWhoStopsIsCutOff, however long the list has been flowing before.
func TestReaderWhoStopsIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.clients.n = 10_000
		l := newPipeListener()
		f.serve(l, f.server.Serve)
		conn := l.dial()
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /v1/connections HTTP/1.1\r\nHost: echod\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(conn)
		for n := range 3000 {
			if n%20 == 0 {
				time.Sleep(writeTimeout / 20) // slow, but going on
			}
			if !lines.Scan() {
				t.Fatalf("cut off after %d lines, while reading: %v", n, lines.Err())
			}
		}
		time.Sleep(writeTimeout + time.Second)
		rest := 0
		for lines.Scan() {
			rest++
		}
		if rest > 1000 {
			t.Errorf("%d more lines came after a pause of more than %v", rest, writeTimeout)
		}
	})
}

// TestIdleConnectionsKeepNobodyOut: of 500, the newest stay, no more than the limit, and a caller
// who comes last is answered.
func TestIdleConnectionsKeepNobodyOut(t *testing.T) {
	f := newFixture(t)
	client := f.start()
	var idle []net.Conn
	for range 500 {
		idle = append(idle, f.dial())
		if len(idle)%100 == 0 {
			if _, err := client.Status(deadline(t)); err != nil {
				t.Fatalf("beside %d idle connections: %v", len(idle), err)
			}
		}
	}
	for i, conn := range idle[:500-maxConnections] {
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("connection %d of 500: %v, want EOF", i, err)
		}
	}
	newest := idle[len(idle)-1]
	if _, err := io.WriteString(newest, "GET /healthz HTTP/1.1\r\nHost: echod\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(newest), nil)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("the newest: %v, %v", response, err)
	}
}

// TestSlowRequestsKeepNobodyOut: probes are answered beside as many slow requests as there may be
// connections, at whatever point each is stuck, and the slowest gives way.
func TestSlowRequestsKeepNobodyOut(t *testing.T) {
	for name, slow := range map[string]string{
		"without the body":            "GET /healthz HTTP/1.1\r\nHost: echod\r\nContent-Length: 4000\r\n\r\n",
		"without the next chunk":      "GET /metrics HTTP/1.1\r\nHost: echod\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n",
		"without the end of a head":   "GET /healthz HTTP/1.1\r\nHost: ec",
		"with the next one unended":   "GET /healthz HTTP/1.1\r\nHost: echod\r\n\r\nGET /hea",
		"without anything but a CRLF": "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				l := newPipeListener()
				f.serve(l, f.server.ServeMetrics)
				dial := func(send string) net.Conn {
					time.Sleep(time.Millisecond) // so that one is slower than the next
					conn := l.dial()
					t.Cleanup(func() { conn.Close() })
					go io.WriteString(conn, send)
					return conn
				}
				var held []net.Conn
				for range maxConnections {
					held = append(held, dial(slow))
					synctest.Wait()
				}
				for i := range 3 {
					conn := dial("GET /healthz HTTP/1.1\r\nHost: echod\r\nConnection: close\r\n\r\n")
					answer, err := io.ReadAll(conn)
					if !strings.HasPrefix(string(answer), "HTTP/1.1 200 OK\r\n") {
						t.Errorf("probe %d: %q, %v", i, answer, err)
					}
					if n, err := held[i].Read(make([]byte, 1)); n > 0 || err != io.EOF {
						t.Errorf("the slowest: %d bytes, %v, want EOF", n, err)
					}
					dial(slow) // takes the place that the probe has given back
					synctest.Wait()
				}
			})
		})
	}
}

// TestBadRequests: what is no request, or too large a one, is refused, and others are answered as
// before.
func TestBadRequests(t *testing.T) {
	f := newFixture(t)
	client := f.start()
	long := strings.Repeat("x", 64<<10)
	tests := []struct{ name, send, want string }{
		{"garbage", "\x00\x01\x02\r\n\r\n", "400 "},
		{"another protocol", "SSH-2.0-OpenSSH_9.6\r\n", "400 "},
		{"no host", "GET /v1/status HTTP/1.1\r\n\r\n", "400 "},
		{"long path", "GET /" + long + " HTTP/1.1\r\nHost: echod\r\n\r\n", "431 "},
		{"long header", "GET / HTTP/1.1\r\nHost: echod\r\nX: " + long + "\r\n\r\n", "431 "},
		{"long body", "PUT /v1/log-level HTTP/1.1\r\nHost: echod\r\nContent-Length: 65536\r\n\r\n" + long, "413 "},
		{"endless body", "PUT /v1/log-level HTTP/1.1\r\nHost: echod\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1000\r\n"+long[:4096]+"\r\n", 8), "413 "},
		{"body that nobody asked for", "GET /healthz HTTP/1.1\r\nHost: echod\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", "200 "},
		{"path to clean", "GET /v1//../v1/./nothing HTTP/1.1\r\nHost: echod\r\nConnection: close\r\n\r\n", "307 "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := f.send(test.send); !strings.HasPrefix(got, test.want) {
				t.Errorf("answer is %q, want %q", got, test.want)
			}
			if _, err := client.Status(deadline(t)); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// FuzzRequest: whatever is sent, the next caller is answered.
func FuzzRequest(f *testing.F) {
	for _, head := range []string{
		"GET /v1/status HTTP/1.1\r\nHost: e\r\n\r\n", "PUT /v1/log-level HTTP/1.0\r\nContent-Length: 16\r\n\r\n{\"level\":\"info\"}",
		"DELETE /v1/connections/18446744073709551616 HTTP/1.1\r\nHost: e\r\n\r\n", "POST /v1/stop HTTP/1.1\r\nHost: e\r\nExpect: 100-continue\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: e\r\n\r\n", "GET http://%zz/ HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		f.Add([]byte(head))
	}
	f.Fuzz(func(t *testing.T, request []byte) {
		fx := newFixture(t)
		fx.clients.n = 3
		l := newPipeListener()
		fx.serve(l, fx.server.Serve)
		conn := l.dial()
		go func() {
			conn.Write(request)
			conn.Close()
		}()
		io.Copy(io.Discard, conn)
		next := l.dial()
		defer next.Close()
		next.SetDeadline(time.Now().Add(patience))
		fmt.Fprint(next, "GET /healthz HTTP/1.1\r\nHost: echod\r\nConnection: close\r\n\r\n")
		if answer, err := io.ReadAll(next); !strings.HasPrefix(string(answer), "HTTP/1.1 200 OK") {
			t.Errorf("afterwards: %q, %v", answer, err)
		}
	})
}
