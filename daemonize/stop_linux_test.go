package daemonize

import (
	"os"
	"testing"
)

// Without pidfd_open(2), as before Linux 5.3, or with a filter of system calls that does not know it, a
// process is known by pid and start time.
func TestStopWithoutPidfd(t *testing.T) {
	needProgram(t, "strace")
	for _, errno := range []string{"ENOSYS", "EPERM"} {
		d, daemon := running(t, "end by signal", "TERM")
		d.expect("ready")
		cmd := through(t, command(t, play{Role: "stop", Words: daemon.PidFile}),
			"strace", "-f", "-o", os.DevNull, "-e", "trace=pidfd_open", "-e", "inject=pidfd_open:error="+errno)
		if r := launch(t, cmd).started(); r.Pid != d.Pid || r.Message != "killed: false" || d.alive() {
			t.Errorf("%s: %v, alive %v", errno, r, d.alive())
		}
		removed(t, daemon.PidFile)
	}
}
