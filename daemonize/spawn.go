package daemonize

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	godaemon "github.com/sevlyar/go-daemon"
)

// go-daemon cannot start the daemon: its Reborn makes standard input a pipe with the whole
// environment in it, which a program that reads before Detach would get. What is left of it is the
// mark of its child, so that a program may go on asking its WasReborn before Detach. Its pid
// file, lock, search, credentials and chroot are not used; doc.go has the steps that take
// their place.

// markVariable is what go-daemon recognises its child by. Anybody may set it, so it decides
// nothing here.
const markVariable = godaemon.MARK_NAME

// spawn starts the calling program with args and environ in a session of its own. Its standard
// input is /dev/null, its standard output, error and channel are one socket.
func spawn(args, environ []string, socket *os.File) (*os.Process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, needsProc(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	return os.StartProcess(program, args, &os.ProcAttr{
		Env:   append(environ, markVariable+"="+godaemon.MARK_VALUE),
		Files: []*os.File{null, socket, socket, socket},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
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
