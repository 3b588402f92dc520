package daemonize

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// theNobody is a user that a machine has without being asked.
func theNobody() *Identity {
	return &Identity{User: "nobody", UID: 65534, GID: 65534, Groups: []int{65534, 7, 9}}
}

// Privileges are gone on all threads, those that were there before and those that came later,
// and for good.
func TestDropPrivileges(t *testing.T) {
	needRoot(t, "becomes another user")
	needProgram(t, "setpriv")
	leash := newLeash(t)
	p := play{Role: "drop", Leash: leash.address(), Daemon: Daemon{Identity: theNobody()}}
	cmd := command(t, p)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{0, 4, 24}}}
	cmd = through(t, cmd, "setpriv", "--inh-caps", "+net_raw", "--ambient-caps", "+net_raw", "--")
	launch(t, cmd).started()
	d := leash.await("drop")
	for _, way := range []string{"setuid", "setreuid", "setgid", "setgroups", "seteuid of a thread"} {
		if got := d.expect(way); got != syscall.EPERM.Error() {
			t.Errorf("%s: %s, want %v", way, got, syscall.EPERM)
		}
	}
	d.expect("dropped")
	threads, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(d.Pid), "task"))
	if err != nil || len(threads) < 10 {
		t.Fatalf("%d threads, %v", len(threads), err)
	}
	want := map[string]string{
		"Uid": "65534\t65534\t65534\t65534", "Gid": "65534\t65534\t65534\t65534", "Groups": "7 9 65534",
		"CapPrm": noCapabilities, "CapEff": noCapabilities, "CapAmb": noCapabilities,
		"CapInh": noCapabilities, "CapBnd": noCapabilities, "NoNewPrivs": "1",
	}
	for _, thread := range threads {
		for field, want := range want {
			if got := procStatus(t, atoi(t, thread.Name()), field); got != want {
				t.Errorf("thread %s: %s is %q, want %q", thread.Name(), field, got, want)
			}
		}
	}
}

// A user who keeps the power of root, or can have it back, does not serve.
func TestDropPrivilegesIncomplete(t *testing.T) {
	needRoot(t, "becomes another user")
	needProgram(t, "setpriv")
	for bits, want := range map[string]string{
		"+no_setuid_fixup": "give up root: privileges are still there: setuid(0) works",
	} {
		leash := newLeash(t)
		p := play{Role: "serve", Leash: leash.address(), Daemon: inDirectory(t)}
		p.Daemon.Identity = theNobody()
		r := launch(t, through(t, command(t, p), "setpriv", "--securebits", bits)).wait()
		if r.exit != 1 || r.Error != want {
			t.Errorf("%s: %v, want %s", bits, r, want)
		}
		nothingLeft(t, p.Daemon)
	}
}

// A lying system says that the ids are given up.
type lying struct {
	kernel
	left credentials
	caps string
}

func (lying) setgroups([]int) error               { return nil }
func (lying) setgid(int) error                    { return nil }
func (l lying) credentials() (credentials, error) { return l.left, nil }
func (lying) closeInherited() error               { return nil }
func (lying) dropBoundingSet() error              { return nil }
func (lying) ownSessionKeyring() error            { return nil }
func (lying) clearInheritable() error             { return nil }
func (lying) noNewPrivileges() error              { return nil }
func (lying) denyTerminalInput() error            { return nil }
func (l lying) privileged(*os.Root, threadLimits) (string, error) {
	return l.caps, nil
}

func (lying) setuid(uid int) error {
	if uid == 0 {
		return syscall.EPERM
	}
	return nil
}

// What the calls to give up root say is not believed.
func TestDropPrivilegesVerified(t *testing.T) {
	id := &Identity{User: "somebody", UID: 70000, GID: 70001, Groups: []int{70001, 70002}}
	gone := credentials{70000, 70000, 70001, 70001, []int{70001, 70002}}
	changed := func(change func(*credentials)) lying {
		c := gone
		change(&c)
		return lying{left: c}
	}
	for want, sys := range map[string]system{
		"":                          lying{left: gone},
		"user 0, effective 70000":   changed(func(c *credentials) { c.uid = 0 }),
		"user 70000, effective 0":   changed(func(c *credentials) { c.euid = 0 }),
		"group 0":                   changed(func(c *credentials) { c.gid = 0 }),
		"group 5":                   changed(func(c *credentials) { c.egid = 5 }),
		"group 4":                   changed(func(c *credentials) { c.groups = []int{70001, 4} }),
		"capabilities 0x1 are left": lying{left: gone, caps: "capabilities 0x1 are left"},
	} {
		p := &Process{daemon: &Daemon{Identity: id, sys: sys}}
		err := p.DropPrivileges()
		switch {
		case want == "" && err != nil:
			t.Error(err)
		case want != "" && (!errors.Is(err, ErrPrivileged) || err.Error() != "give up root: privileges are still there: "+want):
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// A daemon with a new user removes its pid file from a directory that it was given, and empties it
// elsewhere.
func TestDropPrivilegesPidFile(t *testing.T) {
	needRoot(t, "becomes another user")
	for _, given := range []bool{true, false} {
		leash := newLeash(t)
		p := play{Role: "serve", Leash: leash.address(), Daemon: inDirectory(t)}
		p.Daemon.Identity = theNobody()
		if !given {
			if err := os.Mkdir(p.Daemon.RuntimeDirectory, 0o755); err != nil {
				t.Fatal(err)
			}
			p.Daemon.RuntimeDirectory = ""
		}
		launch(t, command(t, p)).started()
		d := leash.ready("serve")
		d.handle.signal(syscall.SIGTERM)
		d.awaitEnd()
		info, err := os.Lstat(p.Daemon.PidFile)
		if given && !errors.Is(err, os.ErrNotExist) || !given && (err != nil || info.Size() != 0) {
			t.Errorf("in a directory of its own: %v; pid file: %v, %v", given, info, err)
		}
		if _, err := Find(p.Daemon.PidFile); !errors.Is(err, ErrNotRunning) {
			t.Errorf("in a directory of its own: %v; %v", given, err)
		}
	}
}

// In a new root directory there is nothing to fall back on: no /dev/null, no socket of the
// service manager. The pid file is removed if it can be reached, and emptied if not; nothing of
// the same name inside is touched.
func TestChroot(t *testing.T) {
	needRoot(t, "changes the root directory")
	for _, inside := range []bool{true, false} {
		t.Run(fmt.Sprintf("pid file inside: %v", inside), func(t *testing.T) {
			root := publicDir(t)
			if err := os.MkdirAll(filepath.Join(root, "work"), 0o755); err != nil {
				t.Fatal(err)
			}
			leash := newLeash(t)
			p := play{Role: "serve", Leash: leash.address(), Daemon: inDirectory(t)}
			p.Daemon.Chroot, p.Daemon.Dir = root+"/", "/work"
			decoy := filepath.Join(root, p.Daemon.PidFile)
			if inside {
				p.Daemon.RuntimeDirectory = filepath.Join(root, "run")
				p.Daemon.PidFile = filepath.Join(root, "run", "pid")
			} else if err := errors.Join(os.MkdirAll(filepath.Dir(decoy), 0o755), os.WriteFile(decoy, []byte("5\n"), 0o644)); err != nil {
				t.Fatal(err)
			}
			manager, address := listenManager(t, filepath.Join(publicDir(t), "notify"))
			cmd := command(t, p)
			cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+address)
			launch(t, cmd).started()
			d := leash.ready("serve")
			if got := procLink(t, d.Pid, "root"); got != root {
				t.Errorf("root directory %s, want %s", got, root)
			}
			if got, want := procLink(t, d.Pid, "cwd"), filepath.Join(root, "work"); got != want {
				t.Errorf("works in %s, want %s", got, want)
			}
			if got := procLink(t, d.Pid, "fd/1"); got != os.DevNull {
				t.Errorf("standard output is %s", got)
			}
			if got, want := readManager(t, manager), fmt.Sprintf("READY=1\nMAINPID=%d", d.Pid); got != want {
				t.Errorf("manager is told %q, want %q", got, want)
			}
			d.handle.signal(syscall.SIGTERM)
			d.awaitEnd()
			if _, err := Find(p.Daemon.PidFile); !errors.Is(err, ErrNotRunning) {
				t.Error(err)
			}
			if _, err := os.Lstat(p.Daemon.PidFile); errors.Is(err, fs.ErrNotExist) != inside {
				t.Errorf("pid file: %v", err)
			}
			if !inside && readFile(t, decoy) != "5\n" {
				t.Error("another file was changed")
			}
		})
	}
}

// The runtime directory of a start that failed after chroot(2) is removed, and not another one
// inside.
func TestChrootFailure(t *testing.T) {
	needRoot(t, "changes the root directory")
	root := publicDir(t)
	leash := newLeash(t)
	p := play{Role: "serve", Foreground: true, Leash: leash.address(), Daemon: inDirectory(t)}
	p.Daemon.Chroot = root
	p.Fault = fault{Method: "pwrite", Errno: syscall.ENOSPC}
	decoy := filepath.Join(root, p.Daemon.RuntimeDirectory)
	if err := os.MkdirAll(decoy, 0o755); err != nil {
		t.Fatal(err)
	}
	if r := launch(t, command(t, p)).wait(); r.exit != 1 {
		t.Error(r)
	}
	if _, err := os.Lstat(decoy); err != nil {
		t.Error(err)
	}
}

// listenManager plays a service manager at a path, or at a name of the abstract namespace.
func listenManager(t *testing.T, name string) (manager *net.UnixConn, address string) {
	t.Helper()
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { manager.Close() })
	if !strings.HasPrefix(name, "@") {
		if err := os.Chmod(name, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return manager, name
}

func readManager(t *testing.T, manager *net.UnixConn) string {
	t.Helper()
	b := make([]byte, 1000)
	manager.SetReadDeadline(time.Now().Add(patience))
	n, err := manager.Read(b)
	if err != nil {
		t.Error(err)
	}
	return string(b[:n])
}
