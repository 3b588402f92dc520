package daemonize

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// What the launcher tells its daemon cannot be told by the one who starts the launcher, and what
// looks like it makes no chain of launchers.
func TestDetachForged(t *testing.T) {
	const secret = "FORGED"
	mine := greeting{os.Getpid(), secret}.line()
	for _, test := range []struct {
		name    string
		waiting string // on the sockets that are standard output and descriptor 3
		env     []string
		want    string // the error; "" if the launcher goes on
	}{
		{"no greeting", "", []string{"DAEMONIZE_SECRET=" + secret}, "detach: DAEMONIZE_SECRET is set, but no launcher waits"},
		{"other greeting", greeting{os.Getpid(), "OTHER"}.line(), []string{"DAEMONIZE_SECRET=" + secret}, "detach: a launcher waits, but DAEMONIZE_SECRET is not its own"},
		{"greeting for another process", greeting{1, secret}.line(), []string{"DAEMONIZE_SECRET=" + secret}, "detach: pid 1, which greets a daemon, is not the parent of this process, or has ended"},
		{"greeting alone", mine, nil, "detach: a launcher waits, but DAEMONIZE_SECRET is not set any more"},
		{"beginning of a greeting", mine[:15], nil, ""},
		{"mark of another process", "daemonize/2 detached 1\n", nil, ""},
		{"mark of go-daemon", "", []string{"_GO_DAEMON=1"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			ours, theirs := handshakeSockets(t)
			if _, err := ours.WriteString(test.waiting); err != nil {
				t.Fatal(err)
			}
			leash := newLeash(t)
			cmd := command(t, play{Role: "serve", Leash: leash.address()})
			cmd.Env = append(os.Environ(), test.env...)
			cmd.ExtraFiles = []*os.File{theirs}
			launcher := launch(t, cmd)
			if test.want != "" {
				if r := launcher.wait(); r.exit != exitOther && r.exit != exitRefused || r.Error != test.want {
					t.Errorf("%v; want error %q", r, test.want)
				}
				return
			}
			d := leash.ready("serve")
			launcher.started()
			if d.Pid == cmd.Process.Pid {
				t.Error("the launcher takes itself for the daemon")
			}
		})
	}
}

// What was done before Detach to the environment and the descriptors of the daemon makes no
// launcher of it.
func TestDetachUnrecognised(t *testing.T) {
	for _, test := range []struct {
		before []string
		want   string
		exit   int
	}{
		{[]string{"clear environment"}, "detach: a launcher waits, but DAEMONIZE_SECRET is not set any more", exitRefused},
		{[]string{"clear environment", "log on 1", "log on 2"}, "detach: a launcher waits, but DAEMONIZE_SECRET is not set any more", exitRefused},
		{[]string{"log on 3"}, "detach: a launcher waits, but descriptor 3 is not its own any more", exitRefused},
		{[]string{"log on 3", "log on 1", "clear environment"}, "detach: a launcher waits, but descriptor 3 is not its own any more", exitRefused},
		{[]string{"log on 1", "log on 2", "log on 3", "detach again"}, "daemon ended before it was ready: exit status 97", exitOther},
		{[]string{"detach before"}, "daemon ended before it was ready: exit status 97", exitOther},
	} {
		t.Run(strings.Join(test.before, ", "), func(t *testing.T) {
			record := publicDir(t) + "/record"
			r := launch(t, command(t, play{Role: "serve", Before: append(test.before, "record"), Log: record})).wait()
			if r.exit != test.exit || r.Error != test.want {
				t.Errorf("%v; want status %d, error %q", r, test.exit, test.want)
			}
			if n := strings.Count(readFile(t, record), "process"); n != 2 {
				t.Errorf("%d processes, want 2", n)
			}
		})
	}
}

// A program may put its log on standard output and error before Detach. There it stays.
func TestDetachKeepsOwnOutput(t *testing.T) {
	leash := newLeash(t)
	log := publicDir(t) + "/log"
	p := play{Role: "write", Words: "late words", Leash: leash.address(), Before: []string{"log on 1"}, Log: log}
	launch(t, command(t, p)).started()
	d := leash.await("write")
	d.cue("write")
	d.expect("wrote")
	if got := readFile(t, log); !strings.HasSuffix(got, "late words") {
		t.Errorf("the log has %q", got)
	}
	if fds := procDescriptors(t, d.Pid); fds[1] != log || fds[2] != os.DevNull {
		t.Errorf("descriptors: %v", fds)
	}
}

// No program that the daemon starts before Detach takes its place.
func TestDetachGrandchild(t *testing.T) {
	leash := newLeash(t)
	record := publicDir(t) + "/record"
	p := play{Role: "serve", Leash: leash.address(), Before: []string{"run another"}, Log: record}
	launch(t, command(t, p)).started()
	d := leash.ready("serve")
	if got := readFile(t, record); !strings.Contains(got, "is not the parent of this process") {
		t.Errorf("the other one says %q", got)
	}
	d.handle.signal(syscall.SIGTERM)
	d.awaitEnd()
}
