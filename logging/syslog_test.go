package logging

import (
	"fmt"
	"log/slog"
	"log/syslog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// daemon listens like a syslog daemon.
func daemon(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	return c
}

func dial(t *testing.T, path string, o Options) *Syslog {
	t.Helper()
	s, err := DialSyslog(SyslogServer{Network: "unixgram", Address: path, Tag: "echod"}, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A message has the facility, the severity of its level, and the tag.
func TestSyslogMessages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	c := daemon(t, path)
	s := dial(t, path, Options{Level: slog.LevelDebug})
	for level, severity := range map[slog.Level]syslog.Priority{
		slog.LevelDebug: syslog.LOG_DEBUG, slog.LevelInfo: syslog.LOG_INFO,
		slog.LevelWarn: syslog.LOG_WARNING, slog.LevelError: syslog.LOG_ERR,
	} {
		r := record("two words", slog.Int("id", 7))
		r.Level = level
		if err := s.Handler().Handle(t.Context(), r); err != nil {
			t.Error(err)
		}
		want := fmt.Sprintf(`^<%d>[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d echod\[%d\]: level=%v msg="two words" id=7\n$`,
			syslog.LOG_DAEMON|severity, os.Getpid(), level)
		if got := receive(t, c); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("received %q, want %s", got, want)
		}
	}
	closeLog(t, s)
}

// What is logged while the daemon is away reaches the next one, as far as there
// is place for it, and nobody is held up.
func TestSyslogReconnects(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	c := daemon(t, path)
	w, err := syslog.Dial("unixgram", path, syslog.LOG_DAEMON, "echod")
	if err != nil {
		t.Fatal(err)
	}
	sink := &watchedSink{&syslogSink{w}, make(chan error, 1)}
	s := &Syslog{newOutput(sink, 0, Options{BufferSize: 10_000}, true)}
	slog.New(s.Handler()).Info("one")
	if got := receive(t, c); !strings.HasSuffix(got, "msg=one\n") {
		t.Errorf("received %q", got)
	}
	c.Close()
	os.Remove(path)
	logged := logUntilDropped(t, s)
	select {
	case <-sink.failedC:
	case <-time.After(deadline):
		t.Fatal("nothing was tried to be sent")
	}
	checkReceived(t, daemon(t, path), logged, s.Dropped())
	closeLog(t, s)
}

// watchedSink tells when something could not be sent.
type watchedSink struct {
	sink
	failedC chan error
}

func (s *watchedSink) write(lines []byte) (int, error) {
	n, err := s.sink.write(lines)
	if err != nil || n < len(lines) {
		select {
		case s.failedC <- err:
		default:
		}
	}
	return n, err
}

// A daemon that does not read holds up nobody either.
func TestSyslogBlocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	c := daemon(t, path)
	s := dial(t, path, Options{BufferSize: 10_000})
	logged := logUntilDropped(t, s)
	checkReceived(t, c, logged, s.Dropped())
	closeLog(t, s)
}

// logUntilDropped logs lines until some of them are dropped, and returns how
// many there were.
func logUntilDropped(t *testing.T, s *Syslog) (logged int) {
	t.Helper()
	l := slog.New(s.Handler())
	for end := time.Now().Add(deadline); s.Dropped() < 100; logged++ {
		if time.Now().After(end) {
			t.Fatal("no line is dropped")
		}
		l.Info("line", "n", logged)
	}
	return logged
}

// checkReceived checks that all lines arrive that were not dropped, in order,
// and how many were.
func checkReceived(t *testing.T, c *net.UnixConn, logged int, dropped uint64) {
	t.Helper()
	lines, last, told := 0, -1, uint64(0)
	for lines < logged-int(dropped) || told < dropped {
		line := receive(t, c)
		if count, ok := droppedCount(line); ok {
			told += count
			continue
		}
		var n int
		_, tail, _ := strings.Cut(line, "msg=line ")
		if _, err := fmt.Sscanf(tail, "n=%d\n", &n); err != nil || n <= last {
			t.Fatalf("received %q after line %d: %v", line, last, err)
		}
		last = n
		lines++
	}
	if lines != logged-int(dropped) || told != dropped {
		t.Errorf("%d lines received, %d dropped, %d told of, of %d", lines, dropped, told, logged)
	}
}

// A message that no datagram could hold is cut, and not in the way of others.
func TestSyslogOversized(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	c := daemon(t, path)
	s := dial(t, path, Options{})
	l := slog.New(s.Handler())
	l.Info(strings.Repeat("ü", 300_000))
	l.Info("after")
	if got := receive(t, c); len(got) < syslogMax || len(got) > syslogMax+100 || !strings.HasSuffix(got, "ü\n") {
		t.Errorf("received %d bytes, the end is %q", len(got), got[max(0, len(got)-10):])
	}
	if got := receive(t, c); !strings.HasSuffix(got, "msg=after\n") {
		t.Errorf("received %q", got)
	}
	closeLog(t, s)
}

func TestSyslogMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	_, err := DialSyslog(SyslogServer{Network: "unixgram", Address: path}, Options{})
	if want := "connect to syslog: dial unixgram " + path + ": connect: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}
