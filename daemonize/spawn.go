package daemonize

import (
	"os"
	"os/exec"
	"path/filepath"

	godaemon "github.com/sevlyar/go-daemon"
)

// go-daemon starts the program again in a new session, with output going to a descriptor of ours.
// Its pid file, lock, search, credentials and chroot are not used; doc.go has the steps that take
// their place. Of the child's half of its Reborn all that is needed is in takeInput.

// markVariable is what go-daemon recognises its child by. Anybody may set it, so it decides
// nothing here. It stays until Detach, so that a program may ask WasReborn of go-daemon.
const markVariable = godaemon.MARK_NAME

// spawn starts the calling program with args and environ in a session of its own, with the socket
// as its standard output and error. It may return both a process and an error: then the process was
// started, and ended before it read what go-daemon had to tell it.
func spawn(args, environ []string, socket *os.File) (*os.Process, error) {
	// With the variable, Reborn would take this process for the child.
	if err := os.Unsetenv(markVariable); err != nil {
		return nil, err
	}
	context := godaemon.Context{Args: args, Env: environ}
	context.SetLogFile(socket)
	process, err := context.Reborn()
	return process, needsProc(err)
}

// absoluteArgs makes the directory of args[0] absolute and leaves its last
// element alone: a link's name says what the program was called as.
func absoluteArgs(args []string) []string {
	if len(args) == 0 {
		args = os.Args
	}
	if len(args) == 0 {
		return []string{""}
	}
	program := args[0]
	if program == "" { // it would become the working directory
		return args
	}
	if found, err := exec.LookPath(program); err == nil {
		program = found
	}
	if absolute, err := filepath.Abs(program); err == nil {
		program = absolute
	}
	return append([]string{program}, args[1:]...)
}
