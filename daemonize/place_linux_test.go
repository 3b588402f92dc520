package daemonize

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func mustBeForeign(t *testing.T, what string, err error, want string) {
	t.Helper()
	var foreign *ForeignError
	if !errors.As(err, &foreign) || !strings.Contains(foreign.Reason, want) {
		t.Errorf("%s: %v, want that it %s", what, err, want)
	}
}

func mustBeMade(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// What leads to a runtime directory may be put there by root and the caller only.
func TestWayToRuntimeDirectory(t *testing.T) {
	base := t.TempDir()
	in := func(name string) string { return filepath.Join(base, name) }
	mustBeMade(t,
		os.MkdirAll(in("good/run"), 0o700), os.Symlink("good", in("link")), os.Symlink(in("link"), in("absolute")),
		os.Symlink("../"+filepath.Base(base)+"/good", in("up")), os.Symlink("loop", in("loop")),
		os.MkdirAll(in("sticky/run"), 0o700), os.Chmod(in("sticky"), 0o777|fs.ModeSticky),
		os.MkdirAll(in("open/run"), 0o700), os.Chmod(in("open"), 0o777),
		os.WriteFile(in("file"), nil, 0o600))
	for _, name := range []string{"good/run", "link/run", "absolute/run", "up/run", "sticky/run"} {
		if err := CheckRuntimeDirectory(in(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	mustBeForeign(t, "in a directory that is open", CheckRuntimeDirectory(in("open/run")), "everybody may write to (mode 0777)")
	if err := CheckRuntimeDirectory(in("missing/run")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	for _, name := range []string{"loop/run", "file/run"} {
		if err := CheckRuntimeDirectory(in(name)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// A way that another user could change leads to no runtime directory, and neither does root's own
// with a directory of another user in it that everybody could have made.
func TestWayThroughAnotherUser(t *testing.T) {
	needRoot(t, "gives files away")
	base := t.TempDir()
	in := func(name string) string { return filepath.Join(base, name) }
	mustBeMade(t,
		os.MkdirAll(in("theirs/run"), 0o755), os.Chown(in("theirs"), 12345, -1),
		os.MkdirAll(in("good/run"), 0o755), os.Symlink("good", in("link")), os.Lchown(in("link"), 12345, -1),
		os.MkdirAll(in("given/run"), 0o755), os.Chown(in("given/run"), 12345, -1),
		os.MkdirAll(in("sticky/run"), 0o755), os.Chown(in("sticky/run"), 12345, -1), os.Chmod(in("sticky"), 0o777|fs.ModeSticky))
	mustBeForeign(t, "in a directory of another user", CheckRuntimeDirectory(in("theirs/run")), "theirs, which belongs to user 12345")
	mustBeForeign(t, "through a link of another user", CheckRuntimeDirectory(in("link/run")), "link, which belongs to user 12345")
	mustBeForeign(t, "in a directory like /tmp", CheckRuntimeDirectory(in("sticky/run")), "belongs to user 12345")
	if err := CheckRuntimeDirectory(in("given/run")); err != nil {
		t.Errorf("one that only root can have given away: %v", err)
	}
}

// In a directory that everybody may write to, a pid file is root's or the caller's.
func TestCheckPidFile(t *testing.T) {
	base := t.TempDir()
	open, pidFile := filepath.Join(base, "open"), filepath.Join(base, "open", "p")
	mustBeMade(t, os.Mkdir(open, 0o700), os.Chmod(open, 0o777|fs.ModeSticky))
	if err := CheckPidFile(pidFile); err != nil {
		t.Errorf("a missing one: %v", err)
	}
	mustBeMade(t, os.WriteFile(pidFile, nil, 0o644))
	if err := CheckPidFile(pidFile); err != nil {
		t.Errorf("one's own: %v", err)
	}
	needRoot(t, "gives files away")
	mustBeMade(t, os.Chown(pidFile, 12345, -1))
	mustBeForeign(t, "another user's", CheckPidFile(pidFile), "belongs to user 12345, in a directory that everybody may write to")
	mustBeMade(t, os.Chmod(open, 0o755))
	if err := CheckPidFile(pidFile); err != nil {
		t.Errorf("another user's, in a directory of root's: %v", err)
	}
}
