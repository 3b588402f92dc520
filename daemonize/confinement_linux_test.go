package daemonize

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confined gives up privileges, and says what it finds of the caller's.
func confined(a *actor) int {
	if err := a.process.DropPrivileges(); err != nil {
		a.say("not ready", err.Error())
		a.process.Abort(1, err)
		a.process.Close()
		return 1
	}
	if err := a.process.Ready(""); err != nil {
		return broken(err)
	}
	a.say("not given up", fmt.Sprint(a.process.PrivilegesError()))
	keyring, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)
	a.say("keyring", fmt.Sprint(keyring, err))
	for _, request := range []uintptr{unix.TIOCSTI, unix.TIOCSTI | 1<<32, unix.TIOCLINUX} {
		letter := byte('x')
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, 0, request, uintptr(unsafe.Pointer(&letter)))
		a.say("typed", errno.Error())
	}
	_, err = unix.IoctlGetTermios(0, unix.TCGETS)
	a.say("asked", fmt.Sprint(err))
	a.await("end")
	a.process.Close()
	return 0
}

// inForeground is a play of a process that becomes another user where it was started.
func inForeground(t *testing.T, l *leash) play {
	t.Helper()
	p := play{Role: "confined", Foreground: true, Leash: l.address(), Daemon: inDirectory(t)}
	p.Daemon.Identity = theNobody()
	return p
}

// A process that becomes another user has none of the descriptors that its caller had open.
func TestInheritedDescriptorsAreClosed(t *testing.T) {
	needRoot(t, "becomes another user")
	secret := createFile(t, filepath.Join(t.TempDir(), "of root"))
	leash := newLeash(t)
	cmd := command(t, inForeground(t, leash))
	cmd.ExtraFiles = []*os.File{secret, secret}
	launch(t, cmd)
	d := leash.await("confined")
	d.expect("not given up")
	for fd, target := range procDescriptors(t, d.Pid) {
		if target == secret.Name() {
			t.Errorf("descriptor %d is %s", fd, target)
		}
	}
}

// A process that stays the user that it is keeps descriptors, but programs do not get them. It
// gives up the capabilities that it was started with.
func TestProcessThatStaysTheUserItIs(t *testing.T) {
	leash := newLeash(t)
	p := inForeground(t, leash)
	if os.Geteuid() != 0 {
		p.Daemon.Identity = &Identity{User: "me", UID: os.Geteuid(), GID: os.Getegid()}
	}
	cmd := command(t, p)
	if os.Geteuid() == 0 {
		cmd.Path = publicCopy(t, cmd.Path)
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Credential:  &syscall.Credential{Uid: 65534, Gid: 65534},
			AmbientCaps: []uintptr{unix.CAP_NET_BIND_SERVICE}, // as a unit of systemd may give it
		}
		if err := os.Chown(filepath.Dir(p.Daemon.RuntimeDirectory), 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	file := createFile(t, filepath.Join(t.TempDir(), "of the caller"))
	cmd.ExtraFiles = []*os.File{file}
	launch(t, cmd)
	d := leash.await("confined")
	if got := d.expect("not given up"); got != "<nil>" {
		t.Error(got)
	}
	info := procFile(t, d.Pid, "fdinfo/3")
	var position, flags int
	if _, err := fmt.Sscanf(info, "pos:\t%d\nflags:\t%o", &position, &flags); err != nil {
		t.Fatal(err)
	}
	if flags&unix.O_CLOEXEC == 0 {
		t.Errorf("descriptor 3 goes on to programs: %s", info)
	}
	for field, want := range map[string]string{
		"NoNewPrivs": "1", "CapEff": noCapabilities, "CapPrm": noCapabilities, "CapInh": noCapabilities, "CapAmb": noCapabilities,
	} {
		if got := procStatus(t, d.Pid, field); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
}

// publicCopy is the program where another user can execute it.
func publicCopy(t *testing.T, program string) string {
	t.Helper()
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(publicDir(t), "program")
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// Neither the keys of root's login are left, nor a way to type into root's terminal.
func TestNothingOfRootsLogin(t *testing.T) {
	needRoot(t, "becomes another user")
	mine, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, true)
	if err != nil {
		t.Fatal(err)
	}
	leash := newLeash(t)
	cmd := command(t, inForeground(t, leash))
	onTerminal(t, cmd)
	launch(t, cmd)
	d := leash.await("confined")
	if got := d.expect("not given up"); got != "<nil>" {
		t.Errorf("not given up: %s", got)
	}
	var keyring int
	if _, err := fmt.Sscan(d.expect("keyring"), &keyring); err != nil || keyring == 0 || keyring == mine {
		t.Errorf("session keyring %d, the caller's is %d; %v", keyring, mine, err)
	}
	for range 3 {
		if got := d.expect("typed"); got != syscall.EPERM.Error() {
			t.Errorf("typing into the terminal: %s, want %v", got, syscall.EPERM)
		}
	}
	if got := d.expect("asked"); got != "<nil>" {
		t.Errorf("other calls of ioctl(2): %s", got)
	}
}

// Where the bounding set may not be changed, as in a container with fewer capabilities, the
// daemon serves, and says so.
func TestBoundingSetOfAContainer(t *testing.T) {
	needRoot(t, "becomes another user")
	needProgram(t, "setpriv")
	leash := newLeash(t)
	cmd := through(t, command(t, inForeground(t, leash)), "setpriv", "--bounding-set", "-setpcap", "--")
	launch(t, cmd)
	d := leash.await("confined")
	if got, want := d.expect("not given up"), "empty the capability bounding set: operation not permitted"; got != want {
		t.Errorf("not given up: %s, want %s", got, want)
	}
	if got := procStatus(t, d.Pid, "NoNewPrivs"); got != "1" {
		t.Errorf("NoNewPrivs is %s", got)
	}
}

// Each field of each thread counts.
func TestLeftInStatus(t *testing.T) {
	clean := "Name:\tx\nUid:\t5\t5\t5\t5\nCapInh:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n"
	for _, test := range []struct {
		status string
		want   threadLimits
		left   string
	}{
		{clean, threadLimits{uid: 5, bounded: true}, ""},
		{clean, threadLimits{uid: 6}, "Uid 5\t5\t5\t5"},
		{"Uid:\t5\t0\t5\t5\n", threadLimits{uid: 5}, "Uid 5\t0\t5\t5"},
		{"CapBnd:\t0000000000000001\n", threadLimits{bounded: true}, "CapBnd 0000000000000001"},
		{"CapBnd:\t0000000000000001\n", threadLimits{}, ""},
		{"CapInh:\t0000000000000400\n", threadLimits{}, "CapInh 0000000000000400"},
		{"NoNewPrivs:\t0\n", threadLimits{}, "NoNewPrivs 0"},
	} {
		if got := test.want.leftIn(test.status); got != test.left {
			t.Errorf("%q, %+v: %q, want %q", test.status, test.want, got, test.left)
		}
	}
}

// A root directory that another user could change is none.
func TestChrootThatOthersMayWrite(t *testing.T) {
	needRoot(t, "changes the root directory")
	for name, test := range map[string]struct {
		spoil func(top, root string) (path string, err error)
		want  string // TOP and ROOT stand for directories
	}{
		"group may write":    {func(_, root string) (string, error) { return root, os.Chmod(root, 0o775) }, "ROOT may be written by others than root (chmod go-w)"},
		"sticky":             {func(_, root string) (string, error) { return root, os.Chmod(root, 0o777|os.ModeSticky) }, "ROOT may be written by others than root (chmod go-w)"},
		"another user's":     {func(_, root string) (string, error) { return root, os.Chown(root, 65534, 0) }, "ROOT belongs to user 65534, not to root (chown root)"},
		"in another user's":  {func(top, root string) (string, error) { return root, os.Chown(top, 65534, 0) }, "TOP belongs to user 65534, not to root (chown root)"},
		"in a writable one":  {func(top, root string) (string, error) { return root, os.Chmod(top, 0o777) }, "TOP may be written by others than root (chmod go-w)"},
		"link in a writable": {linkInWritable, "TOP may be written by others than root (chmod go-w)"},
		"link":               {linkInSafe, ""},
	} {
		t.Run(name, func(t *testing.T) {
			top := publicDir(t)
			root := filepath.Join(top, "root")
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			path, err := test.spoil(top, root)
			if err != nil {
				t.Fatal(err)
			}
			err = checkRoot(kernel{}, path)
			want := strings.NewReplacer("TOP", top, "ROOT", root).Replace(test.want)
			if err == nil && want != "" || err != nil && err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
	if err := checkRoot(kernel{}, "/nowhere"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func linkInWritable(top, root string) (string, error) {
	link := filepath.Join(top, "link")
	return link, errors.Join(os.Symlink("/usr", link), os.Chmod(top, 0o777))
}

func linkInSafe(top, root string) (string, error) {
	link := filepath.Join(top, "link")
	return link, os.Symlink(root, link)
}
