package daemonize

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// The command line that a daemon was started with can be had back, whatever it has done to it,
// and whoever it is by now.
func TestCommandLine(t *testing.T) {
	leash := newLeash(t)
	p := play{Role: "forge command line", Leash: leash.address()}
	if os.Geteuid() == 0 {
		p.Daemon.Identity = theNobody()
	}
	cmd := command(t, p)
	cmd.Args[0] = "another name"
	cmd.Dir = t.TempDir()
	launch(t, cmd).started()
	d := leash.await("forge command line")
	if got := d.expect("forged"); got != "<nil>" {
		t.Fatal(got)
	}
	got, err := CommandLine(d.Pid)
	want := append([]string{cmd.Dir + "/another name"}, cmd.Args[1:]...)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// A process that was not started by Detach has none.
func TestCommandLineNone(t *testing.T) {
	leash := newLeash(t)
	launch(t, command(t, play{Role: "serve", Foreground: true, Leash: leash.address()}))
	d := leash.ready("serve")
	if line, err := CommandLine(d.Pid); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%q, %v", line, err)
	}
	d.end()
	if line, err := CommandLine(1 << 30); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%q, %v", line, err)
	}
}

// A process may show anything under the name of a memory file. Nothing of it is waited for.
func TestCommandLineOfAPipe(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "memfd:"+keptName)
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("cat")
	opened, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{opened}
	stranger(t, cmd)
	opened.Close()
	if line, err := keptIn(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid)), filepath.Join(dir, "memfd:")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%q, %v", line, err)
	}
}
