package main

import (
	"os"

	"echod/daemonize"
)

// verbWithoutArguments is what a program does that was started with sockets and without a word: by
// a unit file or a line of inetd.conf that gives nothing but the path. Without sockets there is no
// such verb, and the program helps whoever typed its name.
//
// A service manager does not say whether it expects the process to detach. With NOTIFY_SOCKET, or
// with the connection of one client, it does not. Without, it is taken for systemd with
// Type=forking: under Type=simple or exec, the unit file has to name the verb run.
func (p *program) verbWithoutArguments() (string, error) {
	if daemonize.StandardInputIsSocket() {
		return "inetd", nil
	}
	sockets, err := p.takeSockets()
	switch {
	case clientGone(err):
		return "run", nil
	case err != nil:
		return "", err
	case len(sockets) == 0:
		return "", nil
	case hasClient(sockets) || os.Getenv("NOTIFY_SOCKET") != "":
		return "run", nil
	}
	return "start", nil
}
