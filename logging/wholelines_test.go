package logging

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// fullFile is a file that takes room bytes.
type fullFile struct {
	*os.File
	room        int
	truncateErr error
	between     func() // is called before Stat
}

func (f *fullFile) Write(p []byte) (int, error) {
	if len(p) <= f.room {
		f.room -= len(p)
		return f.File.Write(p)
	}
	n, err := f.File.Write(p[:f.room])
	f.room = 0
	return n, errors.Join(err, syscall.ENOSPC)
}

func (f *fullFile) Stat() (os.FileInfo, error) {
	if f.between != nil {
		f.between()
	}
	return f.File.Stat()
}

func (f *fullFile) Truncate(size int64) error {
	if f.truncateErr != nil {
		return f.truncateErr
	}
	return f.File.Truncate(size)
}

// A line that did not fit is not left in the file in part, and is written
// whole when there is room again.
func TestShortWrite(t *testing.T) {
	const before, text = "before\n", "one\ntwo\nthree\n"
	for room := range len(text) {
		path := logPath(t)
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			file fullFile
			want string // in the end
		}{
			"cut":         {fullFile{}, before + text},
			"append-only": {fullFile{truncateErr: syscall.EPERM}, before + text},
		} {
			if err := os.Truncate(path, int64(len(before))); err != nil {
				t.Fatal(err)
			}
			opened, err := openLog(path, 0)
			if err != nil {
				t.Fatal(err)
			}
			test.file.File, test.file.room = opened.File, room
			l := &lineFile{f: &test.file}
			n, err := l.write([]byte(text))
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("%s, room for %d: %v", name, room, err)
			}
			if got := read(t, path); test.file.truncateErr == nil && got[len(got)-1] != '\n' {
				t.Errorf("%s, room for %d: file holds %q", name, room, got)
			}
			test.file.room = len(text)
			if m, err := l.write([]byte(text[n:])); n+m != len(text) || err != nil {
				t.Errorf("%s, room for %d: %d and %d bytes written, %v", name, room, n, m, err)
			}
			if got := read(t, path); got != test.want {
				t.Errorf("%s, room for %d: file holds %q", name, room, got)
			}
			if err := l.close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// If another process has appended a line to the part of ours, that line is not
// taken away, and ours is written anew.
func TestShortWriteBesideOthers(t *testing.T) {
	path := logPath(t)
	opened, err := openLog(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	other, err := openLog(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	file := &fullFile{File: opened.File, room: 6}
	file.between = func() {
		if _, err := other.WriteString("other\n"); err != nil {
			t.Error(err)
		}
	}
	l := &lineFile{f: file}
	n, err := l.write([]byte("one\ntwo\n"))
	if n != 4 || err == nil {
		t.Errorf("%d bytes written, %v", n, err)
	}
	file.room = 100
	if _, err := l.write([]byte("two\n")); err != nil {
		t.Error(err)
	}
	if got, want := read(t, path), "one\ntwother\ntwo\n"; got != want {
		t.Errorf("file holds %q, want %q", got, want)
	}
	if err := l.close(); err != nil {
		t.Error(err)
	}
}
