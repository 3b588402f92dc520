package daemonize

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A daemon leads its own session and process group, has no terminal, and the parent that orphans have.
func TestDetachSession(t *testing.T) {
	leash := newLeash(t)
	cmd := command(t, play{Role: "serve", Leash: leash.address()})
	terminal := onTerminal(t, cmd)
	defer terminal.Close()
	launcher := launch(t, cmd)
	launcher.started()
	d := leash.ready("serve")
	got := readProcStat(t, d.Pid)
	if want := (procStat{ppid: parentOfOrphans(t), pgid: d.Pid, sid: d.Pid, tty: 0}); got != want {
		t.Errorf("pid %d: %+v, want %+v", d.Pid, got, want)
	}
}

// onTerminal gives the command a pseudo-terminal as controlling terminal and standard
// input. It returns its other end.
func onTerminal(t *testing.T, cmd *exec.Cmd) *os.File {
	t.Helper()
	controller, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	cmd.Stdin = terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return controller
}

// parentOfOrphans is pid 1, or a subreaper above this process.
func parentOfOrphans(t *testing.T) int {
	t.Helper()
	sh := exec.Command("sh", "-c", "exec 3<&0; cat <&3 >/dev/null & echo $!")
	stdin, err := sh.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	sh.Stdout = write
	if err := sh.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	defer read.Close()
	defer stdin.Close()
	state, err := sh.Process.Wait()
	if err != nil || !state.Success() {
		t.Fatal(state, err)
	}
	output, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(output)))
	if err != nil {
		t.Fatal(err)
	}
	return readProcStat(t, pid).ppid
}

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

// The environment of the daemon, and of what it starts, is what KeptEnvironment and
// Daemon.Env name, and nothing that was put there to start it.
func TestDetachEnvironment(t *testing.T) {
	leash := newLeash(t)
	cmd := command(t, play{Role: "run programs", Leash: leash.address(), Daemon: Daemon{Env: []string{"KEPT", "ALL_*"}}})
	cmd.Env = []string{
		"HOME=/nowhere", "LC_TIME=C", "PATH=" + os.Getenv("PATH"), "NOTIFY_SOCKET=", "GOTRACEBACK=none", "GORACE=atexit_sleep_ms=0",
		"KEPT=1", "ALL_OF_IT=1", "ALL_=",
		"KEPT_NOT=1", "LD_PRELOAD=", "IFS=x", "odd name=1", "=1", "LISTEN_FDS=1", "PWD=/", "BASH_FUNC_x%%=() { :; }",
		"_GO_DAEMON=1", "DAEMONIZE_SECRET=forged",
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

// What the launcher tells its daemon cannot be told by the one who starts the launcher.
func TestDetachForged(t *testing.T) {
	const secret = "FORGED"
	for _, test := range []struct {
		name    string
		waiting string // on the socket that is standard output
		env     []string
	}{
		{"no greeting", "", []string{"_GO_DAEMON=1", "DAEMONIZE_SECRET=" + secret}},
		{"other greeting", greeting("OTHER"), []string{"_GO_DAEMON=1", "DAEMONIZE_SECRET=" + secret}},
		{"greeting of nobody", greeting(""), []string{"_GO_DAEMON=1", "DAEMONIZE_SECRET="}},
		{"beginning of a greeting", greeting(secret)[:15], []string{"_GO_DAEMON=1", "DAEMONIZE_SECRET=" + secret}},
		{"mark alone", "", []string{"_GO_DAEMON=1"}},
		{"secret alone", greeting(secret), []string{"DAEMONIZE_SECRET=" + secret}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours, theirs, err := kernel{}.socketpair()
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			defer theirs.Close()
			if _, err := ours.WriteString(test.waiting); err != nil {
				t.Fatal(err)
			}
			leash := newLeash(t)
			cmd := command(t, play{Role: "serve", Leash: leash.address()})
			cmd.Env = append(os.Environ(), test.env...)
			cmd.Stdout = theirs
			launcher := launch(t, cmd)
			d := leash.ready("serve")
			launcher.started()
			if d.Pid == cmd.Process.Pid {
				t.Error("the launcher takes itself for the daemon")
			}
		})
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
		fds := procDescriptors(t, pid)
		delete(fds, 0) // a pipe from the daemon
		if diff := cmp.Diff(map[int]string{1: os.DevNull, 2: os.DevNull}, fds); diff != "" {
			t.Errorf("descriptors of a program of the daemon (-want +got):\n%s", diff)
		}
	}
}

func TestDetachUmask(t *testing.T) {
	for _, umask := range []int{0, 0o27, 0o777} {
		t.Run(fmt.Sprintf("%#o", umask), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			pidFile := filepath.Join(dir, "pid")
			leash := newLeash(t)
			p := play{Role: "serve", Leash: leash.address(), Daemon: Daemon{Umask: umask, PidFile: pidFile, RuntimeDirectory: dir}}
			launch(t, through(t, command(t, p), "sh", "-c", `umask 0770; exec "$@"`, "sh")).started()
			d := leash.ready("serve")
			if got, err := strconv.ParseInt(procStatus(t, d.Pid, "Umask"), 8, 32); err != nil || int(got) != umask {
				t.Errorf("umask %#o, want %#o (%v)", got, umask, err)
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

// With KeepStdio standard input is the launcher's at once, output and error when the daemon is ready.
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

// A terminal that the user names as a file is refused, and does not become the daemon's.
func TestDetachTerminalAsPidFile(t *testing.T) {
	controller, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer controller.Close()
	defer terminal.Close()
	leash := newLeash(t)
	launch(t, command(t, play{Role: "open terminal", Words: terminal.Name(), Leash: leash.address()})).started()
	d := leash.await("open terminal")
	refused := "use pid file " + terminal.Name() + ": it is a device"
	if got, want := d.expect("opened"), refused+"; "+refused; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if tty := readProcStat(t, d.Pid).tty; tty != 0 {
		t.Errorf("the daemon has a terminal: %#x", tty)
	}
	// There was something to take.
	d.cue("open it")
	d.expect("opened")
	if readProcStat(t, d.Pid).tty == 0 {
		t.Error("a session leader does not take a terminal that it opens: this test sees nothing")
	}
}

// A daemon lives on when the terminal is closed that it was started from.
func TestDetachTerminalClosed(t *testing.T) {
	leash := newLeash(t)
	cmd := command(t, play{Role: "serve", Leash: leash.address()})
	terminal := onTerminal(t, cmd)
	shell := through(t, cmd, "sh", "-c", `"$@"; exec cat`, "sh")
	launcher := launch(t, shell)
	d := leash.ready("serve")
	terminal.Close()
	select {
	case <-launcher.endedC: // by HUP
	case <-time.After(patience):
		t.Fatal("the shell does not notice that its terminal is closed")
	}
	if !d.alive() {
		t.Error("the daemon has ended with the terminal")
	}
}

// A start ends when the terminal is closed that it was typed on.
func TestLaunchTerminalClosed(t *testing.T) {
	leash := newLeash(t)
	p := play{Role: "hang", Leash: leash.address(), Daemon: inDirectory(t)}
	cmd := command(t, p)
	terminal := onTerminal(t, cmd)
	launcher := launch(t, cmd)
	d, program := leash.await("hang"), leash.await("hold")
	terminal.Close()
	if r := launcher.wait(); r.Error != "daemon was ended before it was ready: interrupted by signal: hangup" {
		t.Error(r)
	}
	d.awaitEnd()
	program.awaitEnd()
	nothingLeft(t, p.Daemon)
}
