package logging

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The file is renamed and reopened again and again while lines are logged by
// several goroutines. Each line is then in one of the files, whole, once, and
// in its logger's order; and a file is left alone when Reopen has returned.
func TestReopenUnderLoad(t *testing.T) {
	const loggers, rotations = 4, 20
	path := logPath(t)
	// There must be no drop, however slow the disk is.
	f := openTest(t, path, Options{BufferSize: 1 << 30})

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var counts [loggers]int
	for logger := range loggers {
		l := slog.New(f.Handler()).With("logger", logger)
		wg.Go(func() {
			for ; ctx.Err() == nil; counts[logger]++ {
				l.Info("line", "n", counts[logger])
				time.Sleep(100 * time.Microsecond) // together some 10 000 lines/s
			}
		})
	}
	sizes := map[string]int64{}
	for i := range rotations {
		rotated := fmt.Sprintf("%s.%02d", path, i)
		eventually(t, "lines in the file", func() bool { return size(t, path) > 20_000 })
		if err := os.Rename(path, rotated); err != nil {
			t.Fatal(err)
		}
		if err := f.Reopen(); err != nil {
			t.Fatal(err)
		}
		sizes[rotated] = size(t, rotated)
	}
	stop()
	wg.Wait()
	closeLog(t, f)

	files, err := filepath.Glob(path + ".*")
	if err != nil || len(files) != rotations {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var next [loggers]int
	for _, file := range append(files, path) {
		if before, ok := sizes[file]; ok && size(t, file) != before {
			t.Errorf("%s was written to after Reopen: %d, %d bytes", file, before, size(t, file))
		}
		for line := range strings.Lines(read(t, file)) {
			var logger, n int
			_, rest, _ := strings.Cut(line, " ")
			if _, err := fmt.Sscanf(rest, "level=INFO msg=line logger=%d n=%d\n", &logger, &n); err != nil {
				t.Fatalf("%s: line %q: %v", file, line, err)
			}
			if n != next[logger] {
				t.Fatalf("%s: line %d of logger %d, want %d", file, n, logger, next[logger])
			}
			next[logger]++
		}
	}
	if next != counts || f.Dropped() != 0 {
		t.Errorf("%v lines written of %v, %d dropped", next, counts, f.Dropped())
	}
	t.Logf("%v lines in %d files", counts, len(files)+1)
}

func size(t testing.TB, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// If the path has become unusable, the error says why, and the file before is
// gone on with.
func TestReopenFails(t *testing.T) {
	path := logPath(t)
	f := openTest(t, path, Options{})
	l := slog.New(f.Handler())
	rotated := path + ".1"
	if err := os.Rename(path, rotated); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	err := f.Reopen()
	if want := "reopen log file " + path + ": is a directory, not a regular file"; !errors.Is(err, ErrNotRegular) || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
	f.SetPath(filepath.Join(filepath.Dir(path), "gone", "log"))
	if err := f.Reopen(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
	l.Info("message")
	closeLog(t, f)
	if got := read(t, rotated); !strings.HasSuffix(got, "msg=message\n") {
		t.Errorf("file holds %q", got)
	}
}

// A new path, as after a change of the root directory, is that of the next
// Reopen, and the file there is created like the first one.
func TestReopenElsewhere(t *testing.T) {
	path, elsewhere := logPath(t), logPath(t)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f := openTest(t, path, Options{})
	l := slog.New(f.Handler())
	f.SetPath(elsewhere)
	l.Info("before")
	eventually(t, "the line in the file", func() bool { return size(t, path) > 0 })
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Info("after")
	closeLog(t, f)
	if before, after := read(t, path), read(t, elsewhere); !strings.HasSuffix(before, "msg=before\n") || !strings.HasSuffix(after, "msg=after\n") {
		t.Errorf("files hold %q, %q", before, after)
	}
	if info, err := os.Stat(elsewhere); err != nil || info.Mode() != 0o640 || !f.Created() || f.Path() != elsewhere {
		t.Errorf("mode %v, %v; created: %v; path: %s", info.Mode(), err, f.Created(), f.Path())
	}
}

// Without a rotation, Reopen changes nothing.
func TestReopenSameFile(t *testing.T) {
	path := logPath(t)
	f := openTest(t, path, Options{})
	used := f.lines.f
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	closeLog(t, f)
	if f.lines.f != used || !f.Created() {
		t.Error("another file is in use")
	}
}

// While the file that is in use hangs, Reopen and Close give up after a time,
// loggers go on, and no line gets lost when the file is readable again.
func TestReopenWhileHanging(t *testing.T) {
	r, w, err := os.Pipe() // a write to it hangs when nobody reads 64 KiB
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	path := logPath(t)
	f := openTest(t, path, Options{})
	if err := f.queue.change(t.Context(), func() bool { f.lines.f = w; return true }); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	l := slog.New(f.Handler())
	const lines = 3000
	for i := range lines {
		l.Info("line", "n", i)
	}
	if f.Dropped() != 0 {
		t.Fatalf("%d lines dropped", f.Dropped())
	}
	eventually(t, "the writer hangs", func() bool {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errStalled)
		defer cancel()
		err := f.reopen(ctx, path)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		return err != nil
	})
	if err := f.queue.close(50 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("close: %v", err)
	}
	if err := f.Handler().Handle(t.Context(), record("late")); !errors.Is(err, ErrDropped) || f.Dropped() != 1 {
		t.Errorf("after close: %v, %d lines dropped", err, f.Dropped())
	}

	var got strings.Builder
	buf := make([]byte, 1<<16)
	for {
		n, err := r.Read(buf)
		got.Write(buf[:n])
		if err != nil {
			break
		}
	}
	if n := strings.Count(got.String(), "msg=line n="); n != lines {
		t.Errorf("%d lines read of %d", n, lines)
	}
	closeLog(t, f)
}

// Signals, the control socket and the end may come at the same time.
func TestReopenConcurrently(t *testing.T) {
	path := logPath(t)
	f := openTest(t, path, Options{})
	l := slog.New(f.Handler())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 20 {
				l.Info("line")
				if err := os.Rename(path, fmt.Sprintf("%s.%d", path, i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
				}
				if err := f.Reopen(); err != nil && !errors.Is(err, os.ErrClosed) {
					t.Error(err)
				}
				f.Dropped()
				f.Path()
				if i == 15 {
					if err := f.Close(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	before, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	f.SetPath(logPath(t))
	if err := f.Reopen(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := os.Stat(f.Path()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was made after Close: %v; before: %v", err, before)
	}
}
