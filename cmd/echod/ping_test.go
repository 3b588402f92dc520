package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// badServer listens on network, and spoils or withholds what it sends back as
// answer says. It ends with the test; its address is as ping and bench take it.
func badServer(t *testing.T, network string, answer func(data []byte) []byte) string {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "echo.sock")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				buf := make([]byte, 4096)
				for {
					n, err := conn.Read(buf)
					if err != nil {
						return
					}
					conn.Write(answer(buf[:n]))
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return network + "://" + l.Addr().String()
}

func asSent(data []byte) []byte   { return data }
func nothing(data []byte) []byte  { return nil }
func flipLast(data []byte) []byte { data[len(data)-1] ^= 1; return data }

// What does not come back, or comes back as something else, is said, and the
// status says that not everything came back.
func TestPingOfBadServer(t *testing.T) {
	for _, tt := range []struct {
		answer func([]byte) []byte
		want   string
	}{
		{flipLast, "seq=1 corrupt: byte 55 differs: sent 0x"},
		{flipLast, "1 sent, 0 received, 1 corrupt, 100% loss"},
		{nothing, "seq=1 lost: no answer within 300ms"},
		{nothing, "1 sent, 0 received, 100% loss"},
	} {
		var stdout, stderr bytes.Buffer
		status := run([]string{"echod", "ping", badServer(t, "unix", tt.answer), "-c", "1", "-W", "0.3"}, &stdout, &stderr)
		if status != exitFailure || stderr.Len() > 0 || !strings.Contains(stdout.String(), tt.want) {
			t.Errorf("status %d, stdout:\n%s\nstderr: %s\nwant status %d and %q", status, &stdout, &stderr, exitFailure, tt.want)
		}
	}
}

// interrupter is a writer that interrupts this process when it is given a
// certain text, as Ctrl-C does.
type interrupter struct {
	at   string
	text bytes.Buffer
}

func (w *interrupter) Write(data []byte) (int, error) {
	if bytes.Contains(data, []byte(w.at)) {
		syscall.Kill(os.Getpid(), syscall.SIGINT)
	}
	return w.text.Write(data)
}

// Ctrl-C ends a ping before its time, with its summary.
func TestPingInterrupted(t *testing.T) {
	stdout := &interrupter{at: "seq=2 "}
	status := run([]string{"echod", "ping", badServer(t, "tcp", asSent), "-c", "1000", "-i", "0.01"}, stdout, io.Discard)
	if status != exitOK || !strings.Contains(stdout.text.String(), "\nround trip min/avg/max/mdev = ") {
		t.Errorf("status %d, want %d and a summary in:\n%s", status, exitOK, &stdout.text)
	}
}

// Every line of JSON can be read by itself, and the last one is the summary.
func TestPingJSON(t *testing.T) {
	var stdout bytes.Buffer
	run([]string{"echod", "ping", badServer(t, "tcp", flipLast), "-c", "2", "-i", "0.01", "--json"}, &stdout, io.Discard)
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines, want 3:\n%s", len(lines), &stdout)
	}
	var reply pingReply
	if err := json.Unmarshal([]byte(lines[0]), &reply); err != nil || reply.Outcome != "corrupt" || reply.Error == "" || reply.Bytes != 56 {
		t.Errorf("reply %+v, error %v", reply, err)
	}
	var summary pingSummary
	if err := json.Unmarshal([]byte(lines[2]), &summary); err != nil || summary.Sent != 2 || summary.Corrupt != 2 || summary.Loss != 1 || summary.RTT != nil {
		t.Errorf("summary %+v, error %v", summary, err)
	}
}

func TestParseTarget(t *testing.T) {
	for _, tt := range []struct{ text, network, address string }{
		{"192.0.2.1:7", "tcp", "192.0.2.1:7"},
		{"tcp://example.org:echo", "tcp", "example.org:7"},
		{"udp://[2001:db8::1]:7", "udp", "[2001:db8::1]:7"},
		{"[fe80::1%eth0]:7", "tcp", "[fe80::1%eth0]:7"},
		{":7007", "tcp", "localhost:7007"},
		{"unix:///run/echo.sock", "unix", "/run/echo.sock"},
	} {
		network, address, err := parseTarget(tt.text)
		if err != nil || network != tt.network || address != tt.address {
			t.Errorf("parseTarget(%q) = %q, %q, %v, want %q, %q", tt.text, network, address, err, tt.network, tt.address)
		}
	}
	for _, text := range []string{
		"", "7", "host", "tcp://", "tcp://host", "tcp://host:", "tcp://host:0", "tcp://host:65536", "tcp://::1:7",
		"udp://host:nosuchservice", "unix://", "unix://relative/path", "http://host:7",
	} {
		if network, address, err := parseTarget(text); err == nil {
			t.Errorf("parseTarget(%q) = %q, %q, want an error", text, network, address)
		}
	}
}

func TestSeconds(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1": time.Second, "0.2": 200 * time.Millisecond, "0": 0, "200ms": 200 * time.Millisecond, "1m": time.Minute, "1e-3": time.Millisecond,
	} {
		var s seconds
		if err := s.Set(text); err != nil || time.Duration(s) != want {
			t.Errorf("%q is %v, error %v, want %v", text, time.Duration(s), err, want)
		}
	}
	for _, text := range []string{"", "-1", "-1s", "x", "NaN", "Inf", "1e300", "1 s"} {
		var s seconds
		if err := s.Set(text); err == nil {
			t.Errorf("%q is %v, want an error", text, time.Duration(s))
		}
	}
}
