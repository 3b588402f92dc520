package logging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// stranger is a user that is neither root nor the one who runs the tests.
const stranger = 65533

// A scene is a directory with a file that should stay as it is, and a directory in it that is
// prepared by a test.
type scene struct {
	t             *testing.T
	dir, precious string
}

func newScene(t *testing.T, mode fs.FileMode) *scene {
	s := &scene{t: t, dir: filepath.Join(t.TempDir(), "d")}
	s.precious = filepath.Join(filepath.Dir(s.dir), "precious")
	s.must(os.Mkdir(s.dir, 0o700), os.Chmod(s.dir, mode), os.WriteFile(s.precious, []byte("precious\n"), 0o600))
	return s
}

func (s *scene) must(errs ...error) {
	s.t.Helper()
	if err := errors.Join(errs...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) path(name string) string { return filepath.Join(s.dir, name) }

// refused opens a log, which is to be refused in one line without a change of the precious file.
func (s *scene) refused(name, why string, o Options) {
	s.t.Helper()
	f, err := OpenFile(s.path(name), o)
	if err == nil {
		f.Close()
		s.t.Fatal("it was opened")
	}
	want := "open log file " + s.path(name) + ": " + why
	if !errors.Is(err, ErrUntrusted) || err.Error() != want {
		s.t.Errorf("error is\n%q, want\n%q", err, want)
	}
	if text := read(s.t, s.precious); text != "precious\n" {
		s.t.Errorf("the file holds %q", text)
	}
}

func (s *scene) opened(name string, o Options) {
	s.t.Helper()
	f, err := OpenFile(s.path(name), o)
	s.must(err)
	closeLog(s.t, f)
}

const (
	elsewhere    = " in a directory that others may write: not trusted (give the path that it leads to)"
	chooseBetter = " in a directory that others may write: not trusted (remove it, or choose another directory)"
)

// Where others may write the directory, no link is followed, at the end of the path or before.
func TestLinkWhereOthersMayWrite(t *testing.T) {
	for _, mode := range []fs.FileMode{0o777, 0o770, 0o702} {
		s := newScene(t, mode)
		s.must(os.Symlink("../precious", s.path("l")), os.Symlink("..", s.path("up")))
		s.refused("l", "symbolic link "+s.path("l")+elsewhere, Options{})
		s.refused("up/precious", "symbolic link "+s.path("up")+elsewhere, Options{})
		s.refused("up/new", "symbolic link "+s.path("up")+elsewhere, Options{})
		s.must(os.Mkdir(s.path("own"), 0o700), os.Symlink("../../precious", s.path("own/l")))
		s.refused("own/l", "symbolic link "+s.path("own/l")+elsewhere, Options{})
		s.opened("new", Options{})
		s.opened("new", Options{}) // which is there now
	}
}

// A second name may be that of any file, where the kernel lets users give one to files of others.
func TestSecondNameWhereOthersMayWrite(t *testing.T) {
	for _, mode := range []fs.FileMode{0o777, 0o777 | fs.ModeSticky} {
		s := newScene(t, mode)
		s.must(os.Link(s.precious, s.path("l")))
		s.refused("l", "file with 2 names"+chooseBetter, Options{})
	}
	s := newScene(t, 0o755)
	s.must(os.Link(s.precious, s.path("l")))
	s.opened("l", Options{})
}

// In a sticky directory, what is the caller's own was not put there by others.
func TestOwnLinkInStickyDirectory(t *testing.T) {
	s := newScene(t, 0o777|fs.ModeSticky)
	s.must(os.Symlink("../precious", s.path("l")), os.Mkdir(s.path("own"), 0o755), os.Symlink("../l", s.path("own/l")))
	s.opened("l", Options{})
	s.opened("own/l", Options{})
	s.must(os.Link(s.path("l"), s.path("l2")))
	s.refused("l2", "symbolic link "+s.path("l2")+elsewhere, Options{})
}

// Users other than the caller and root own directories, links and files.
func TestWhatBelongsToOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		needRoot(t, "files of other users")
	}
	s := newScene(t, 0o755)
	s.must(os.Symlink("../precious", s.path("l")), os.Chown(s.dir, stranger, stranger))
	s.refused("l", "symbolic link "+s.path("l")+elsewhere, Options{Owner: stranger})

	s.must(os.WriteFile(s.path("file"), nil, 0o600), os.Chown(s.path("file"), stranger, stranger))
	s.opened("file", Options{Owner: stranger})
	s.refused("file", "file of user 65533"+chooseBetter, Options{})
	s.opened("new", Options{Owner: stranger})

	s = newScene(t, 0o777|fs.ModeSticky)
	s.must(os.Symlink("../precious", s.path("l")), os.Lchown(s.path("l"), stranger, stranger))
	s.refused("l", "symbolic link "+s.path("l")+elsewhere, Options{Owner: stranger})
	s.must(os.Mkdir(s.path("theirs"), 0o755), os.Symlink("../l", s.path("theirs/l")), os.Chown(s.path("theirs"), stranger, stranger))
	s.refused("theirs/l", "symbolic link "+s.path("theirs/l")+elsewhere, Options{Owner: stranger})

	// Root has put it where others could not.
	s = newScene(t, 0o755)
	s.must(os.WriteFile(s.path("file"), nil, 0o600), os.Chown(s.path("file"), stranger, stranger))
	s.opened("file", Options{})
}

// What is put in the place of a log that is in use is looked at in the same way.
func TestReopenOfLinkWhereOthersMayWrite(t *testing.T) {
	s := newScene(t, 0o777)
	f := openTest(t, s.path("l"), Options{})
	s.must(os.Remove(s.path("l")), os.Symlink("../precious", s.path("l")))
	if err := f.Reopen(); !errors.Is(err, ErrUntrusted) {
		t.Errorf("error is %v", err)
	}
	if err := f.Discard(); err == nil {
		t.Error("a file that is gone was removed")
	}
	if text := read(t, s.precious); text != "precious\n" {
		t.Errorf("the file holds %q", text)
	}
}

// RemoveEmpty removes nothing but an empty file, and goes through no link where others may write.
func TestRemoveEmpty(t *testing.T) {
	s := newScene(t, 0o777)
	s.must(os.WriteFile(s.path("empty"), nil, 0o600), os.Symlink("..", s.path("up")))
	s.must(os.Truncate(s.precious, 0))
	if err := RemoveEmpty(s.path("up/precious")); !errors.Is(err, ErrUntrusted) {
		t.Errorf("through a link: %v", err)
	}
	s.must(RemoveEmpty(s.path("empty")), os.WriteFile(s.precious, []byte("x"), 0o600))
	for path, want := range map[string]string{s.precious: "not empty", s.dir: "not a regular file", s.path("empty"): "file does not exist"} {
		if err := RemoveEmpty(path); err == nil || err.Error() != "remove log file "+path+": "+want {
			t.Errorf("%s: %v", path, err)
		}
	}
}
