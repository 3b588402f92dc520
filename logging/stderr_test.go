package logging

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// datagrams returns a file, and the end that receives each write to it as one.
func datagrams(t *testing.T) (*os.File, net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	defer theirs.Close()
	conn, err := net.FileConn(theirs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); ours.Close() })
	if err := conn.SetDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	return ours, conn
}

func receive(t *testing.T, c io.Reader) string {
	t.Helper()
	buf := make([]byte, 64<<10)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// Each record is a write of its own.
func TestStderrWrites(t *testing.T) {
	f, conn := datagrams(t)
	s, err := NewStderr(f, "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{"one", "two", "three"} {
		if err := s.Handler().Handle(t.Context(), record(message)); err != nil {
			t.Error(err)
		}
	}
	closeLog(t, s)
	for _, message := range []string{"one", "two", "three"} {
		if got, want := receive(t, conn), "level=INFO msg="+message+"\n"; got != want {
			t.Errorf("received %q, want %q", got, want)
		}
	}
	if err := s.Handler().Handle(t.Context(), record("late")); err == nil || s.Dropped() != 1 {
		t.Errorf("after Close: %v, %d lines dropped", err, s.Dropped())
	}
}

// When the journal listens, lines begin with their priority.
func TestStderrJournal(t *testing.T) {
	f, err := os.Create(logPath(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	for stream, want := range map[string]string{
		fmt.Sprintf("%d:%d", st.Dev, st.Ino):   "<7>level=DEBUG\n<6>level=INFO\n<6>level=INFO+2\n<4>level=WARN\n<3>level=ERROR\n<3>level=ERROR+4\n",
		fmt.Sprintf("%d:%d", st.Dev, st.Ino+1): "level=DEBUG\nlevel=INFO\nlevel=INFO+2\nlevel=WARN\nlevel=ERROR\nlevel=ERROR+4\n",
		"nonsense":                             "level=DEBUG\nlevel=INFO\nlevel=INFO+2\nlevel=WARN\nlevel=ERROR\nlevel=ERROR+4\n",
	} {
		if err := f.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		s, err := NewStderr(f, stream, Options{Level: slog.LevelDebug})
		if err != nil {
			t.Fatal(err)
		}
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, 2, slog.LevelWarn, slog.LevelError, 12} {
			r := record("m")
			r.Level = level
			if err := s.Handler().Handle(t.Context(), r); err != nil {
				t.Error(err)
			}
		}
		closeLog(t, s)
		if diff := cmp.Diff(want, strings.ReplaceAll(read(t, f.Name()), " msg=m", "")); diff != "" {
			t.Errorf("%s: %s", stream, diff)
		}
	}
}

// The line about dropped lines has a priority too.
func TestJournalDroppedLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStubSink()
		o := newOutput(s, 0, Options{BufferSize: 40, Level: slog.LevelError}, true)
		slog.New(o.Handler()).Error(strings.Repeat("x", 40))
		if err := o.queue.close(time.Second); err != nil {
			t.Error(err)
		}
		now := time.Now().Format(rfc3339Milli)
		if got, want := s.String(), "<4>time="+now+" level=WARN msg=\"log lines dropped\" count=1\n"; got != want {
			t.Errorf("written: %q, want %q", got, want)
		}
	})
}

// A terminal that was stopped, or a reader that does not read, holds up
// nobody, and gets whole lines when it reads again.
func TestStderrBlocked(t *testing.T) {
	for name, nonblock := range map[string]bool{"blocking": false, "non-blocking": true} {
		t.Run(name, func(t *testing.T) {
			var fds [2]int
			if err := syscall.Pipe(fds[:]); err != nil {
				t.Fatal(err)
			}
			if err := syscall.SetNonblock(fds[1], nonblock); err != nil {
				t.Fatal(err)
			}
			r, w := os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w")
			defer r.Close()
			s, err := NewStderr(w, "", Options{BufferSize: 100_000})
			if err != nil {
				t.Fatal(err)
			}
			l := slog.New(s.Handler())
			logged := uint64(0)
			for end := time.Now().Add(deadline); s.Dropped() < 100 && time.Now().Before(end); logged++ {
				l.Info("line", "n", logged)
			}
			textC := make(chan string)
			go func() {
				text, _ := io.ReadAll(r)
				textC <- string(text)
			}()
			closeLog(t, s)
			w.Close()
			text := <-textC
			lines, last, told := uint64(0), -1, uint64(0)
			for line := range strings.Lines(text) {
				if count, ok := droppedCount(line); ok {
					told += count
					continue
				}
				var n int
				_, tail, _ := strings.Cut(line, " ")
				if _, err := fmt.Sscanf(tail, "level=INFO msg=line n=%d\n", &n); err != nil || n <= last {
					t.Fatalf("line %q after line %d: %v", line, last, err)
				}
				last = n
				lines++
			}
			if told != s.Dropped() || lines+told != logged {
				t.Errorf("%d lines read, %d dropped, %d told of, of %d", lines, s.Dropped(), told, logged)
			}
		})
	}
}

// stderrGoneProgram logs to a standard error that nobody reads any more.
func stderrGoneProgram() int {
	s, err := NewStderr(os.Stderr, "", Options{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	slog.New(s.Handler()).Info("message")
	fmt.Println(s.Close())
	fmt.Println("dropped", s.Dropped())
	return 0
}

// A process whose log is read by nobody goes on.
func TestStderrGone(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	cmd := program(t, "stderr-gone")
	cmd.Stderr = w
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := "close log on standard error: 1 lines lost: broken pipe\ndropped 1\n"; string(out) != want {
		t.Errorf("output is %q, want %q", out, want)
	}
}
