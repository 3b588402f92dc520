package daemonize

import (
	"os"
	"strconv"
	"testing"
)

// Without pidfd_open(2), as before Linux 5.3, or with a filter of system calls that does not
// know it, a process is known by pid and start time.
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

// A name may look like what follows it. A process whose first thread has ended is no zombie
// while another one lives, and has its locks.
func TestStartTime(t *testing.T) {
	const before, after = " 1 5 5 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 ", " 0 7777 1000 20 18446744073709551615\n"
	for stat, want := range map[string]string{
		"5 (echod) S" + before + "8" + after:          "7777",
		"5 (S 1 1 1) Z (x)) R" + before + "1" + after: "7777",
		"5 (echod) Z" + before + "1" + after:          hasEnded,
		"5 (echod) X" + before + "0" + after:          hasEnded,
		"5 (echod) Z" + before + "2" + after:          "7777",
		"5 (echod) Z" + before + "10" + after:         "7777",
		"5 (echod) S 1 5":                             "",
		"":                                            "",
	} {
		if got := startTime(stat); got != want {
			t.Errorf("%q: %q, want %q", stat, got, want)
		}
	}
	own := processStart(os.Getpid())
	if n, err := strconv.ParseUint(own, 10, 64); err != nil || n == 0 {
		t.Errorf("this process started at %q", own)
	}
}
