package daemonize

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
		{theNobody().UID, nil, "belongs to user 65534"},
		{70000, theNobody(), "belongs to user 70000"},
	} {
		path := t.TempDir()
		if err := os.Chown(path, test.uid, 0); err != nil {
			t.Fatal(err)
		}
		made, err := makeRuntimeDirectory(kernel{}, path, test.owner)
		var foreign *ForeignError
		if made || test.want == "" && err != nil || test.want != "" && (!errors.As(err, &foreign) || foreign.Reason != test.want) {
			t.Errorf("of user %d, for %+v: made %v, %v, want %q", test.uid, test.owner, made, err, test.want)
		}
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
