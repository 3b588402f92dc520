//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// A sandbox is a place with the program in it. A process that runs a program of the sandbox
// belongs to it, whatever its name, user and root directory are.
type sandbox struct {
	dir  string // the working directory; the others are beside it
	bin  string // where echod, the roles and as-user are
	name string // echod under another name: an instance of its own
	env  []string

	races string // where the race detector writes
}

// ordinaryUser is who the ordinary user is when root runs the tests.
const ordinaryUser = "nobody"

// newSandbox makes a sandbox that ends with the test.
func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	b, err := makeSandbox(filepath.Join(openTempDir(t), "work"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.end(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// openTempDir is t.TempDir, but all users can go there.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// openUp gives the working directory to whom root's servers become, so that they can remove
// what is theirs there.
func (b *sandbox) openUp(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		check(t, os.Chown(b.dir, ordinaryUID(), -1))
	}
}

// makeSandbox makes a sandbox around dir.
func makeSandbox(dir string) (*sandbox, error) {
	b := &sandbox{dir: dir, bin: dir + ".bin", races: dir + ".races", name: fmt.Sprintf("echod-%08x", rand.Uint32())}
	coverage := dir + ".coverage"
	for _, d := range []string{b.dir, b.bin, b.races, coverage} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	// The program is more than one user while it runs.
	for _, d := range []string{b.races, coverage} {
		if err := os.Chmod(d, 0o1777); err != nil {
			return nil, err
		}
	}
	if outer := os.Getenv("GOCOVERDIR"); outer != "" {
		coverage = outer
	}
	b.env = []string{
		"PATH=" + b.bin + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + dir, "TMPDIR=" + dir, "LANG=C",
		"GOCOVERDIR=" + coverage,
		"GORACE=atexit_sleep_ms=0 log_path=" + filepath.Join(b.races, "report"),
	}
	return b, b.install()
}

// install puts the test binary where it is the program under test. Nobody forks meanwhile: the
// child would have a file open for writing that somebody may want to execute, which the kernel
// refuses ("text file busy").
func (b *sandbox) install() error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	echod := filepath.Join(b.bin, "echod")
	if err := os.Link(binary, echod); err != nil { // another file system, or somebody else's file
		if err := copyProgram(binary, echod); err != nil {
			return err
		}
	}
	names := []string{b.name}
	for role := range roles() {
		names = append(names, role)
	}
	for _, name := range names {
		if err := os.Link(echod, filepath.Join(b.bin, name)); err != nil {
			return err
		}
	}
	return errors.Join(
		os.WriteFile(filepath.Join(b.bin, "as-user"), []byte(asUser()), 0o755),
		os.WriteFile(filepath.Join(b.bin, "impostor"), []byte(impostor), 0o755))
}

// asUser is a shell script that runs a program as the ordinary user, which its
// caller may be already.
func asUser() string {
	if os.Geteuid() != 0 {
		return "#!/bin/sh\nexec \"$@\"\n"
	}
	return "#!/bin/sh\n" +
		"exec setpriv --reuid=" + ordinaryUser + " --regid=$(id -g " + ordinaryUser + ") --clear-groups --inh-caps=-all -- \"$@\"\n"
}

// impostor is a shell script with which root runs a program as a user that has nothing to do with
// the ordinary one.
const impostor = "#!/bin/sh\nexec setpriv --reuid=12345 --regid=12345 --clear-groups -- \"$@\"\n"

func copyProgram(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// end says what is wrong at the end of a test: processes that are left, which it kills, and
// data races. It removes what the instance called name has in /tmp.
func (b *sandbox) end() error {
	errs := []error{os.RemoveAll(fmt.Sprintf("/tmp/%s-%d", b.name, ordinaryUID()))}
	for _, pid := range processesFrom(b.bin) {
		errs = append(errs, fmt.Errorf("left running: %s", describe(pid)), kill(pid))
	}
	reports, err := filepath.Glob(filepath.Join(b.races, "*"))
	errs = append(errs, err)
	for _, path := range reports {
		report, err := os.ReadFile(path)
		errs = append(errs, err, errors.New(string(report)))
	}
	return errors.Join(errs...)
}

// ordinaryUID is the user id that as-user gives.
func ordinaryUID() int {
	if os.Geteuid() != 0 {
		return os.Geteuid()
	}
	u, err := user.Lookup(ordinaryUser)
	if err != nil {
		return -1
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return -1
	}
	return uid
}
