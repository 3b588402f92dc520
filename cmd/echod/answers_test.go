//go:build linux

package main

import (
	"bufio"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// answerWithoutEnd answers at a control socket as a server in foreign hands might, until the test
// ends.
func (b *sandbox) answerWithoutEnd(t *testing.T) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(b.dir, "c"))
	check(t, err)
	endedC := make(chan struct{})
	go func() {
		defer close(endedC)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
				writeWithoutEnd(conn)
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-endedC
	})
}

func writeWithoutEnd(conn net.Conn) {
	_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"+`{"connections":[{"remote":"`)
	for more := strings.Repeat("a", 64<<10); err == nil; {
		_, err = io.WriteString(conn, more)
	}
}

// TestServerWithoutEnd: a server that does not end its answers costs a verb neither more memory nor
// more time than others.
func TestServerWithoutEnd(t *testing.T) {
	t.Parallel()
	b := newSandbox(t)
	b.answerWithoutEnd(t)
	for status, verbs := range map[int][]string{
		statusUnknown:   {"status"},
		exitUnavailable: {"connections", "top", "log-level", "reload", "drain"},
	} {
		for _, verb := range verbs {
			o := b.run(t, status, "echod", verb, "--pid-file=", "--control-socket=c")
			if !strings.HasSuffix(o.stderr, "/c: the answer is too long\n") || strings.Count(o.stderr, "\n") != 1 {
				t.Errorf("%s says %q", verb, o.stderr)
			}
		}
	}
}
