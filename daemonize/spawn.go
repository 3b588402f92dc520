package daemonize

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	godaemon "github.com/sevlyar/go-daemon"
)

// go-daemon is used for starting the program again in a new session, with output going
// to a descriptor of ours, and for taking standard input from /dev/null. Its pid
// file, lock, search, credentials and chroot are not used; doc.go has the steps that
// take their place.

// nullDescriptor is where go-daemon leaves /dev/null open in the daemon.
const nullDescriptor = 3

// spawn starts the calling program with args and environ. It may return both a process
// and an error: then the process was started, and failed before it read
// what go-daemon had to tell it.
func spawn(args, environ []string, output *os.File) (*os.Process, error) {
	context := godaemon.Context{Args: args, Env: environ}
	context.SetLogFile(output)
	return context.Reborn()
}

// adopt is the daemon's half of spawn.
func adopt(sys system) error {
	// Without the variable, Reborn would take this process for a launcher.
	if err := os.Setenv(markVariable, "1"); err != nil {
		return fmt.Errorf("set %s: %w", markVariable, err)
	}
	defer os.Unsetenv(markVariable)
	if _, err := new(godaemon.Context).Reborn(); err != nil {
		return fmt.Errorf("put %s on standard input: %w", os.DevNull, err)
	}
	if err := sys.close(nullDescriptor); err != nil {
		return fmt.Errorf("close descriptor %d: %w", nullDescriptor, err)
	}
	return nil
}

// absoluteArgs makes the directory of args[0] absolute and leaves its last
// element alone: a link's name says what the program was called as.
func absoluteArgs(args []string) []string {
	if len(args) == 0 {
		args = os.Args
	}
	program := args[0]
	if found, err := exec.LookPath(program); err == nil {
		program = found
	}
	if absolute, err := filepath.Abs(program); err == nil {
		program = absolute
	}
	return append([]string{program}, args[1:]...)
}
