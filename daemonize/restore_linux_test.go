package daemonize

import (
	"os"
	"path/filepath"
	"testing"
)

// A pid file that was removed is made again, with its directory, and is as good as the first: it
// names this process, is locked, and is removed at the end.
func TestRestore(t *testing.T) {
	for _, lost := range []string{"the file", "the directory"} {
		dir := filepath.Join(t.TempDir(), "run")
		path := filepath.Join(dir, "p")
		p, err := (&Daemon{RuntimeDirectory: dir, PidFile: path, KeepDir: true, CoreDumps: true, Umask: 0o022}).Foreground()
		mustBeMade(t, err, p.Ready(""))
		if again, err := p.Restore(); again || err != nil {
			t.Errorf("restored what is there: %v, %v", again, err)
		}
		mustBeMade(t, os.Remove(path))
		if lost == "the directory" {
			mustBeMade(t, os.Remove(dir))
		}
		if again, err := p.Restore(); !again || err != nil {
			t.Fatalf("without %s: %v, %v", lost, again, err)
		}
		if content, err := os.ReadFile(path); err != nil || string(content) != pidLine(os.Getpid()) {
			t.Errorf("it holds %q, %v", content, err)
		}
		if lockable(t, path) || lockable(t, dir) {
			t.Error("the file, or the directory, is not locked")
		}
		mustBeMade(t, p.Close())
		if _, err := os.Lstat(path); err == nil {
			t.Error("it is left at the end")
		}
	}
}

// What another process has put at the path meanwhile is left alone, and so is what it has at the
// end.
func TestRestoreLeavesOthersAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "p")
	p, err := (&Daemon{PidFile: path, KeepDir: true, CoreDumps: true, Umask: 0o022}).Foreground()
	mustBeMade(t, err, p.Ready(""), os.Remove(path), os.WriteFile(path, []byte("Dear Sir"), 0o600))
	if again, err := p.Restore(); again || err != nil {
		t.Errorf("%v, %v", again, err)
	}
	mustBeMade(t, p.Close())
	if content, err := os.ReadFile(path); err != nil || string(content) != "Dear Sir" {
		t.Errorf("it holds %q, %v", content, err)
	}
}

// An overtakenRestore finds the file made by another process just before the file would be.
type overtakenRestore struct{ kernel }

func (o overtakenRestore) open(path string, flags int, perm uint32) (int, error) {
	if flags&os.O_EXCL != 0 {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return -1, err
		}
	}
	return o.kernel.open(path, flags, perm)
}

func TestRestoreIsOvertaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p")
	p, err := LockPidFile(path)
	mustBeMade(t, err, os.Remove(path))
	p.sys = overtakenRestore{}
	if again, err := p.restore(); again || err != nil {
		t.Errorf("%v, %v", again, err)
	}
	mustBeMade(t, p.Remove())
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the other's file: %v", err)
	}
}
