package daemonize

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// firstInherited is the descriptor of the first socket that is handed over, SD_LISTEN_FDS_START.
const firstInherited = 3

// unnamed is the name of a socket whose service manager gives it none.
const unnamed = "unknown"

// A VariableError says that an environment variable by which a service manager talks to the
// program does not make sense.
type VariableError struct {
	Name, Value string
	Want        string
}

func (e *VariableError) Error() string {
	return fmt.Sprintf("read %s=%q: want %s", e.Name, e.Value, e.Want)
}

// InheritedSockets returns the sockets that a service manager has handed over to the calling
// process by the protocol of sd_listen_fds(3), in its order. There are none if LISTEN_PID names
// another process or is not set.
//
// The descriptors become close-on-exec, and LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES are taken
// out of the environment, so that no child takes them for its own: only the first call can
// find something. Call it before the program opens files of its own.
//
// The error is a [*VariableError] or a [*SocketError].
func InheritedSockets() ([]*Socket, error) {
	var v listenVariables
	for _, variable := range []struct {
		name  string
		value *string
	}{
		{"LISTEN_PID", &v.pid},
		{"LISTEN_FDS", &v.fds},
		{"LISTEN_FDNAMES", &v.names},
		{"LISTEN_PIDFDID", new(string)}, // not needed, but not for children either
	} {
		*variable.value = os.Getenv(variable.name)
		if err := os.Unsetenv(variable.name); err != nil {
			return nil, fmt.Errorf("clean environment: %w", err)
		}
	}
	names, err := v.parse(os.Getpid())
	if err != nil {
		return nil, err
	}
	sockets := make([]*Socket, len(names))
	for i, name := range names {
		fd := firstInherited + i
		if sockets[i], err = newSocket(fd, fd, name); err != nil {
			return nil, err
		}
	}
	return sockets, nil
}

// listenVariables are the values of the variables of sd_listen_fds(3).
type listenVariables struct{ pid, fds, names string }

// parse returns the name of each descriptor handed over to process pid.
func (v listenVariables) parse(pid int) ([]string, error) {
	if v.pid == "" {
		return nil, nil
	}
	addressee, ok := decimal(v.pid)
	if !ok || addressee == 0 {
		return nil, &VariableError{"LISTEN_PID", v.pid, "the number of a process"}
	}
	if addressee != pid {
		return nil, nil
	}
	n, ok := decimal(v.fds)
	if !ok {
		return nil, &VariableError{"LISTEN_FDS", v.fds, "the number of descriptors"}
	}
	if n > maxHandedOver {
		return nil, &VariableError{"LISTEN_FDS", v.fds, fmt.Sprintf("at most %d descriptors", maxHandedOver)}
	}
	names := make([]string, n)
	for i := range names {
		names[i] = unnamed
	}
	if v.names == "" {
		return names, nil
	}
	given := strings.Split(v.names, ":")
	if len(given) != n {
		return nil, &VariableError{"LISTEN_FDNAMES", v.names, fmt.Sprintf("%d names, as many as LISTEN_FDS", n)}
	}
	for i, name := range given {
		if name != "" {
			names[i] = name
		}
	}
	return names, nil
}

// decimal parses digits and nothing else.
func decimal(s string) (int, bool) {
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 32)
	return int(n), err == nil
}
