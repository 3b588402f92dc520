package daemonize

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A runtime directory is made with the mode that fits its maker, and one that is there is taken
// if nobody else could put something in the place of the pid file.
func TestRuntimeDirectory(t *testing.T) {
	mine := fs.FileMode(0o700)
	if os.Geteuid() == 0 {
		mine = 0o755
	}
	for _, test := range []struct {
		name string
		make func(path string) error
		made bool
		want string // why not
	}{
		{"nothing", func(string) error { return nil }, true, ""},
		{"a directory", func(path string) error { return os.Mkdir(path, 0o755) }, false, ""},
		{"a private directory", func(path string) error { return os.Mkdir(path, 0o700) }, false, ""},
		{"a public directory", makeWith(0o777), false, "can be written by others (mode 0777)"},
		{"a directory of a group", makeWith(0o775), false, "can be written by others (mode 0775)"},
		{"a sticky directory", makeWith(0o777 | fs.ModeSticky), false, "can be written by others (mode 1777)"},
		{"a file", func(path string) error { return os.WriteFile(path, nil, 0o600) }, false, "is a regular file"},
		{"a link", func(path string) error { return os.Symlink(filepath.Dir(path), path) }, false, "is a symbolic link"},
	} {
		path := filepath.Join(t.TempDir(), "run")
		if err := test.make(path); err != nil {
			t.Fatal(err)
		}
		made, err := makeRuntimeDirectory(kernel{}, path, nil)
		var foreign *ForeignError
		switch {
		case test.want == "" && (err != nil || made != test.made):
			t.Errorf("%s: made %v, %v", test.name, made, err)
		case test.want != "" && (!errors.As(err, &foreign) || *foreign != (ForeignError{"runtime directory", path, test.want})):
			t.Errorf("%s: %v, want that it %s", test.name, err, test.want)
		case test.made:
			if info, err := os.Lstat(path); err != nil || info.Mode() != mine|fs.ModeDir {
				t.Errorf("%s: %v, %v, want mode %v", test.name, info, err, mine)
			}
		}
	}
}

func makeWith(mode fs.FileMode) func(string) error {
	return func(path string) error {
		return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, mode))
	}
}

// A directory may belong to root, to who starts the daemon, or to whom the daemon becomes, and
// to nobody else.
func TestRuntimeDirectoryOwner(t *testing.T) {
	needRoot(t, "gives directories away")
	for _, test := range []struct {
		uid   int
		owner *Identity
		want  string
	}{
		{0, nil, ""},
		{0, theNobody(), ""},
		{theNobody().UID, theNobody(), ""},
		{theNobody().UID, nil, "belongs to user 65534 and holds letter: if that is not needed, rm -r DIR"},
		{70000, theNobody(), "belongs to user 70000 and holds letter: if that is not needed, rm -r DIR"},
	} {
		path := t.TempDir()
		mustBeMade(t, os.Chown(path, test.uid, 0), os.WriteFile(filepath.Join(path, "letter"), []byte("Dear Sir"), 0o600))
		test.want = strings.ReplaceAll(test.want, "DIR", path)
		made, err := makeRuntimeDirectory(kernel{}, path, test.owner)
		var foreign *ForeignError
		if made || test.want == "" && err != nil || test.want != "" && (!errors.As(err, &foreign) || foreign.Reason != test.want) {
			t.Errorf("of user %d, for %+v: made %v, %v, want %q", test.uid, test.owner, made, err, test.want)
		}
	}
}

// A directory that root has given to the user of an earlier daemon is made anew for another one if
// nothing is in there but what daemons leave. A rehearsal changes nothing.
func TestFormerRuntimeDirectory(t *testing.T) {
	needRoot(t, "gives directories away")
	socket := func(t *testing.T, path string) {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		mustBeMade(t, err)
		l.SetUnlinkOnClose(false)
		t.Cleanup(func() { l.Close() })
		if filepath.Base(path) == "dead" {
			l.Close()
		}
	}
	write := func(text string) func(*testing.T, string) {
		return func(t *testing.T, path string) { mustBeMade(t, os.WriteFile(path, []byte(text), 0o644)) }
	}
	for _, test := range []struct {
		file string
		make func(t *testing.T, path string)
		kept bool
	}{
		{"", nil, false},
		{"stale", write("4194303\n"), false},
		{"empty", write(""), false},
		{"dead", socket, false},
		{"live", socket, true},
		{"letter", write("Dear Sir"), true},
		{"locked", func(t *testing.T, path string) {
			p, err := LockPidFile(path)
			mustBeMade(t, err)
			t.Cleanup(func() { p.Remove() })
		}, true},
		{"link", func(t *testing.T, path string) { mustBeMade(t, os.Symlink("/etc/passwd", path)) }, true},
		{"directory", func(t *testing.T, path string) { mustBeMade(t, os.Mkdir(path, 0o700)) }, true},
	} {
		t.Run(test.file, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			mustBeMade(t, os.Mkdir(dir, 0o755))
			if test.file != "" {
				test.make(t, filepath.Join(dir, test.file))
			}
			mustBeMade(t, os.Chown(dir, 70000, 70000))
			before, err := os.Lstat(dir)
			mustBeMade(t, err)

			d := &Daemon{RuntimeDirectory: dir, Identity: theNobody()}
			if err := d.checkRuntimeDirectory(); (err != nil) != test.kept {
				t.Errorf("the rehearsal returned %v", err)
			}
			after, err := os.Lstat(dir)
			if err != nil || !os.SameFile(before, after) {
				t.Errorf("the rehearsal has changed something: %v", err)
			}
			made, err := makeRuntimeDirectory(kernel{}, dir, theNobody())
			if made == test.kept || (err != nil) != test.kept {
				t.Errorf("made %v, %v", made, err)
			}
			info, err := kernel{}.lstat(dir)
			if err != nil || test.kept != (info.uid == 70000) || !test.kept && info.uid != theNobody().UID {
				t.Errorf("it belongs to user %d, %v", info.uid, err)
			}
			if _, err := os.Lstat(filepath.Join(dir, test.file)); test.kept && err != nil {
				t.Errorf("it is gone: %v", err)
			}
		})
	}
}

// A process that has the directory as its own has a lock on it, which tells programs that clean up
// that it is in use. It ends with the process, and does not keep others out.
func TestRuntimeDirectoryIsLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	start := func(name string) *Process {
		p, err := (&Daemon{RuntimeDirectory: dir, PidFile: filepath.Join(dir, name), KeepDir: true, CoreDumps: true, Umask: 0o022}).Foreground()
		mustBeMade(t, err)
		return p
	}
	first, second := start("a"), start("b")
	if lockable(t, dir) {
		t.Error("it can be locked though it is in use")
	}
	mustBeMade(t, first.Close())
	if lockable(t, dir) {
		t.Error("it can be locked though one of two still uses it")
	}
	mustBeMade(t, second.Close())
	if !lockable(t, dir) {
		t.Error("it is locked though it is not in use any more")
	}
}

// lockable reports whether another program would get a lock. A pid file of this process loses its
// POSIX lock by this, see Find, and keeps that of flock(2).
func lockable(t *testing.T, path string) bool {
	t.Helper()
	fd, err := kernel{}.open(path, os.O_RDONLY, 0)
	mustBeMade(t, err)
	defer kernel{}.close(fd)
	return kernel{}.flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// What only another user can have made is not removed, not even if it is empty.
func TestRuntimeDirectoryOfAnotherStays(t *testing.T) {
	needRoot(t, "gives directories away")
	dir := filepath.Join(t.TempDir(), "run")
	mustBeMade(t, os.Chmod(filepath.Dir(dir), 0o777|fs.ModeSticky), os.Mkdir(dir, 0o755), os.Chown(dir, 70000, 70000))
	_, err := makeRuntimeDirectory(kernel{}, dir, theNobody())
	mustBeForeign(t, "in a directory like /tmp", err, "belongs to user 70000")
	if _, err := os.Lstat(dir); err != nil {
		t.Error(err)
	}
}

// vanishing removes the directory at the moment that it is to be used, a few times: another
// daemon, that had made it, has given up.
type vanishing struct {
	kernel
	dir  string
	left int
}

func (v *vanishing) open(path string, flags int, perm uint32) (int, error) {
	if filepath.Dir(path) == v.dir && v.left > 0 && os.Remove(v.dir) == nil {
		v.left--
	}
	return v.kernel.open(path, flags, perm)
}

func TestRuntimeDirectoryVanishes(t *testing.T) {
	for vanishes := range 10 {
		dir := filepath.Join(t.TempDir(), "run")
		d := &Daemon{RuntimeDirectory: dir, PidFile: filepath.Join(dir, "pid")}
		d.sys = &vanishing{dir: dir, left: vanishes}
		p := &Process{daemon: d}
		if err := p.lockPidFile(); err != nil {
			t.Errorf("vanishes %d times: %v", vanishes, err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		nothingLeft(t, *d)
	}
}
