package daemonize

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A daemon that was started where signals are ignored and blocked, and what it starts,
// gets them as any process does.
func TestDetachSignals(t *testing.T) {
	ignoring := []string{"sh", "-c", `trap "" HUP INT QUIT TERM PIPE TSTP TTIN TTOU CHLD USR1 WINCH; exec "$@"`, "sh"}
	blockUSR2(t)
	control, err := through(t, exec.Command("cat", "/proc/self/status"), ignoring...).Output()
	if err != nil {
		t.Fatal(err)
	}
	ignored, blocked := sigMasks(t, string(control))
	if ignored&(1<<(unix.SIGHUP-1)) == 0 || blocked&(1<<(unix.SIGUSR2-1)) == 0 {
		t.Fatalf("where the launcher is started, SigIgn is %#x and SigBlk %#x", ignored, blocked)
	}
	leash := newLeash(t)
	launch(t, through(t, command(t, play{Role: "run programs", Leash: leash.address()}), ignoring...)).started()
	d := leash.await("run programs")
	for _, event := range []string{"early program", "late program"} {
		pid := atoi(t, d.expect(event))
		if ignored, blocked := sigMasks(t, procFile(t, pid, "status")); ignored != 0 || blocked != 0 {
			t.Errorf("%s of the daemon: SigIgn is %#x and SigBlk %#x, want none", event, ignored, blocked)
		}
	}
}

// blockUSR2 blocks it for the processes that this test starts.
func blockUSR2(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	var old unix.Sigset_t
	usr2 := unix.Sigset_t{Val: [16]uint64{1 << (unix.SIGUSR2 - 1)}}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &usr2, &old); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
		runtime.UnlockOSThread()
	})
}

// sigMasks returns the sets of ignored and blocked signals from /proc/PID/status.
func sigMasks(t *testing.T, status string) (ignored, blocked uint64) {
	t.Helper()
	for line := range strings.Lines(status) {
		fmt.Sscanf(line, "SigIgn: %x", &ignored)
		fmt.Sscanf(line, "SigBlk: %x", &blocked)
	}
	return ignored, blocked
}

// The environment of the daemon, and of what it starts, is what alwaysKept and
// Daemon.Env name, and nothing that was put there to start it.
func TestDetachEnvironment(t *testing.T) {
	leash := newLeash(t)
	cmd := command(t, play{Role: "run programs", Leash: leash.address(), Daemon: Daemon{Env: []string{"KEPT", "ALL_*"}}})
	cmd.Env = []string{
		"HOME=/nowhere", "LC_TIME=C", "PATH=" + os.Getenv("PATH"), "NOTIFY_SOCKET=", "GOTRACEBACK=none", "GORACE=atexit_sleep_ms=0",
		"KEPT=1", "ALL_OF_IT=1", "ALL_=",
		"KEPT_NOT=1", "LD_PRELOAD=", "IFS=x", "odd name=1", "=1", "LISTEN_FDS=1", "PWD=/", "BASH_FUNC_x%%=() { :; }",
		"_GO_DAEMON=1",
	}
	want := []string{"ALL_=", "ALL_OF_IT=1", "GORACE=atexit_sleep_ms=0", "GOTRACEBACK=none", "HOME=/nowhere", "KEPT=1", "LC_TIME=C", "PATH=" + os.Getenv("PATH")}
	launch(t, cmd).started()
	d := leash.await("run programs")
	for _, event := range []string{"early program", "late program"} {
		pid := atoi(t, d.expect(event))
		got := strings.Split(strings.TrimSuffix(procFile(t, pid, "environ"), "\x00"), "\x00")
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("environment of the %s (-want +got):\n%s", event, diff)
		}
	}
}

// Descriptors that happen to be open do not reach the daemon. What it starts has none but the
// standard three.
func TestDetachDescriptors(t *testing.T) {
	dir := t.TempDir()
	leash := newLeash(t)
	p := play{Role: "run programs", Leash: leash.address(), Daemon: Daemon{PidFile: filepath.Join(dir, "pid")}}
	cmd := through(t, command(t, p), "sh", "-c", `exec 3</dev/zero 4</dev/zero 9</dev/zero; exec "$@"`, "sh")
	launch(t, cmd).started()
	d := leash.await("run programs")
	early, late := atoi(t, d.expect("early program")), atoi(t, d.expect("late program"))
	for fd, target := range procDescriptors(t, d.Pid) {
		switch {
		case fd < 3 && target != os.DevNull, fd >= 3 && strings.HasPrefix(target, "/dev"):
			t.Errorf("descriptor %d of the daemon leads to %s", fd, target)
		}
	}
	for _, pid := range []int{early, late} {
		onlyStandard(t, pid)
	}
}

// onlyStandard holds of the descriptors of a program that runCat has started.
func onlyStandard(t *testing.T, pid int) {
	t.Helper()
	// A program that has just been executed still has its libraries open.
	diff := "not looked at"
	for deadline := time.Now().Add(patience); diff != "" && time.Now().Before(deadline); {
		fds := procDescriptors(t, pid)
		delete(fds, 0) // a pipe from the daemon
		diff = cmp.Diff(map[int]string{1: os.DevNull, 2: os.DevNull}, fds)
	}
	if diff != "" {
		t.Errorf("descriptors of a program of the daemon (-want +got):\n%s", diff)
	}
}

func TestDetachUmask(t *testing.T) {
	for umask, want := range map[int]int{0: 0o22, NoUmask: 0, 0o27: 0o27, 0o777: 0o777} {
		t.Run(fmt.Sprintf("%#o", umask), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			pidFile := filepath.Join(dir, "pid")
			leash := newLeash(t)
			p := play{Role: "serve", Leash: leash.address(), Daemon: Daemon{Umask: umask, PidFile: pidFile, RuntimeDirectory: dir}}
			launch(t, through(t, command(t, p), "sh", "-c", `umask 0770; exec "$@"`, "sh")).started()
			d := leash.ready("serve")
			if got, err := strconv.ParseInt(procStatus(t, d.Pid, "Umask"), 8, 32); err != nil || int(got) != want {
				t.Errorf("umask %#o, want %#o (%v)", got, want, err)
			}
			wantDir := os.FileMode(0o700)
			if os.Geteuid() == 0 {
				wantDir = 0o755
			}
			for path, want := range map[string]os.FileMode{dir: wantDir, pidFile: 0o644} {
				if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
					t.Errorf("%s has mode %v, want %v (%v)", path, info.Mode(), want, err)
				}
			}
		})
	}
}

func TestDetachDir(t *testing.T) {
	work, elsewhere := t.TempDir(), t.TempDir()
	for _, test := range []struct {
		name   string
		daemon Daemon
		want   string
	}{
		{"root directory", Daemon{}, "/"},
		{"Dir", Daemon{Dir: elsewhere}, elsewhere},
		{"KeepDir", Daemon{KeepDir: true}, work},
	} {
		t.Run(test.name, func(t *testing.T) {
			leash := newLeash(t)
			cmd := command(t, play{Role: "serve", Leash: leash.address(), Daemon: test.daemon})
			cmd.Dir = work
			launch(t, cmd).started()
			if got := procLink(t, leash.ready("serve").Pid, "cwd"); got != test.want {
				t.Errorf("works in %s, want %s", got, test.want)
			}
		})
	}
}

// With KeepStdio standard input is the launcher's at once, output and error when the daemon is
// ready.
func TestDetachKeepStdio(t *testing.T) {
	dir := t.TempDir()
	paths := []string{filepath.Join(dir, "in"), filepath.Join(dir, "out"), filepath.Join(dir, "err")}
	leash := newLeash(t)
	cmd := command(t, play{Role: "write", Words: "late words", Leash: leash.address(), Daemon: Daemon{KeepStdio: true}})
	cmd.Stdin, cmd.Stdout, cmd.Stderr = createFile(t, paths[0]), createFile(t, paths[1]), createFile(t, paths[2])
	launch(t, cmd).started()
	d := leash.await("write")
	d.cue("write")
	d.expect("wrote")
	fds := procDescriptors(t, d.Pid)
	if diff := cmp.Diff(paths, []string{fds[0], fds[1], fds[2]}); diff != "" {
		t.Errorf("standard descriptors (-want +got):\n%s", diff)
	}
	for fd, target := range fds {
		if fd > 2 && slices.Contains(paths, target) {
			t.Errorf("descriptor %d leads to %s, too", fd, target)
		}
	}
	if got := readFile(t, paths[1]); !strings.HasSuffix(got, "}\nlate words") {
		t.Errorf("standard output has %q", got)
	}
}

// A daemon does not keep the file system busy that it was started from.
func TestDetachUnmount(t *testing.T) {
	needRoot(t, "mounts")
	dir := t.TempDir()
	leash := newLeash(t)
	cmd := through(t, command(t, play{Role: "serve", Leash: leash.address()}),
		"unshare", "--mount", "sh", "-ec", `mount -t tmpfs none "$0"; cd "$0"; exec 9<.; "$@"; cd /; exec 9<&-; umount "$0"`, dir)
	launch(t, cmd).started()
	leash.ready("serve")
}

func TestDetachCoreDumps(t *testing.T) {
	for _, test := range []struct {
		keep bool
		want string
	}{{false, "0"}, {true, "4096"}} {
		leash := newLeash(t)
		cmd := command(t, play{Role: "serve", Leash: leash.address(), Daemon: Daemon{CoreDumps: test.keep}})
		launch(t, through(t, cmd, "sh", "-c", `ulimit -c 8; exec "$@"`, "sh")).started()
		var soft, hard string
		for line := range strings.Lines(procFile(t, leash.ready("serve").Pid, "limits")) {
			fmt.Sscanf(line, "Max core file size %s %s", &soft, &hard)
		}
		if soft != test.want || hard != test.want {
			t.Errorf("CoreDumps %v: limits %q and %q, want %q", test.keep, soft, hard, test.want)
		}
	}
}
