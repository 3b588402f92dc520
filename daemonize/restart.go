package daemonize

import (
	"fmt"
	"strings"
)

// CommandLine returns the command line that the daemon with this pid was started with,
// program name first: Daemon.Args as they were when Detach started it. What the
// daemon has made of its own arguments since cannot forge it.
//
// The error is [errors.ErrUnsupported] outside Linux, and [io/fs.ErrNotExist] when the
// process was not started by Detach. Only the user who started the daemon may ask.
func CommandLine(pid int) ([]string, error) {
	line, err := kernel{}.keptCommandLine(pid)
	if err != nil {
		return nil, fmt.Errorf("read command line of pid %d: %w", pid, err)
	}
	return strings.Split(string(line), "\x00"), nil
}
