package control

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestClient makes every call that a client has.
func TestClient(t *testing.T) {
	f := newFixture(t)
	f.clients.n = 3
	client := f.start()
	ctx := deadline(t)

	status, err := client.Status(ctx)
	want := f.snapshot()
	want.Rates = Rates{WindowSeconds: 10, ConnectionsPerSecond: 4, BytesReceivedPerSecond: 100, BytesSentPerSecond: 90}
	if err != nil {
		t.Error(err)
	} else if diff := cmp.Diff(want, *status); diff != "" {
		t.Errorf("Status (-want +got):\n%s", diff)
	}
	if raw, err := client.RawStatus(ctx); err != nil || !strings.HasPrefix(string(raw), `{"running":true,"pid":4711,`) {
		t.Errorf("RawStatus: %s, %v", raw, err)
	}
	if err := client.Disconnect(ctx, 2); err != nil {
		t.Error(err)
	}
	if err := client.SetLogLevel(ctx, "warn"); err != nil {
		t.Error(err)
	}
	if level, err := client.LogLevel(ctx); level != "warn" || err != nil {
		t.Errorf("LogLevel: %s, %v", level, err)
	}
	for want, call := range map[string]func(context.Context) (string, error){
		"log reopened": client.Reopen, "draining": client.Drain, "stopping": client.Stop,
	} {
		if message, err := call(ctx); message != want || err != nil {
			t.Errorf("got %q, %v, want %q", message, err, want)
		}
	}
}

// TestClientProblems: the server's own words are the error.
func TestClientProblems(t *testing.T) {
	client := newFixture(t).start()
	ctx := deadline(t)
	_, reloadErr := client.Reload(ctx)
	for _, test := range []struct {
		err    error
		status int
		text   string
	}{
		{client.Disconnect(ctx, 99), 404, "there is no connection 99"},
		{client.SetLogLevel(ctx, "loud"), 400, `log level "loud": want debug, info, warn or error`},
		{reloadErr, 500, "reload: line 7: no such word"},
	} {
		var p *Problem
		if !errors.As(test.err, &p) || p.Status != test.status || p.Error() != test.text {
			t.Errorf("got %v, want %d %s", test.err, test.status, test.text)
		}
	}
}

// TestNobodyAnswers: why is told by the error, and where by its text.
func TestNobodyAnswers(t *testing.T) {
	dir := t.TempDir()
	dead, file := filepath.Join(dir, "dead"), filepath.Join(dir, "file")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, cause := range map[string]error{
		filepath.Join(dir, "missing"): fs.ErrNotExist, dead: syscall.ECONNREFUSED, file: syscall.ECONNREFUSED,
	} {
		_, err := NewClient(path).Status(deadline(t))
		if !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), "connect to control socket "+path+": ") {
			t.Errorf("got %v, want %v", err, cause)
		}
	}
}

// TestSilentServer: the caller's patience is the limit.
func TestSilentServer(t *testing.T) {
	l := mustListen(t, filepath.Join(t.TempDir(), "control.sock"))
	ctx, cancel := context.WithCancel(context.Background())
	client := NewClient(l.Addr().String())
	errC := make(chan error, 1)
	go func() {
		_, err := client.Status(ctx)
		errC <- err
	}()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	if err := wait(t, "the call to end", errC); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestOddAnswers: what is no answer is an error that names the socket or the status.
func TestOddAnswers(t *testing.T) {
	for answer, want := range map[string]string{
		"":               "call control socket",
		"220 mail ready": "call control socket",
		"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{":                           "call control socket",
		"HTTP/1.1 200 OK\r\n\r\nnull null":                                         "call control socket",
		"HTTP/1.1 400 Bad Request\r\n\r\n400 Bad Request":                          "400 Bad Request",
		"HTTP/1.1 500 No\r\nContent-Type: application/problem+json\r\n\r\n<":       "read the answer 500 No",
		"HTTP/1.1 418 Tea\r\nContent-Type: application/problem+json;v=1\r\n\r\n{}": "418 Tea",
		"HTTP/1.1 301 Moved Permanently\r\nLocation: http://elsewhere/\r\n\r\n{}":  "301 Moved Permanently",
	} {
		_, err := clientOf(t, answer).Status(deadline(t))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", answer, err, want)
		}
	}
}

// FuzzAnswer: no answer makes a client panic or wait for ever.
func FuzzAnswer(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\n\r\n" + `{"connections":[{"id":1,"opened_at":"2026-11-21T20:00:00Z"}]}`)
	f.Add("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}\r\n")
	f.Add("HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\n\r\n" + `{"detail":"\u0007"}`)
	f.Fuzz(func(t *testing.T, answer string) {
		client := clientOf(t, answer)
		client.Status(deadline(t))
		for range client.Connections(deadline(t)) {
		}
	})
}
