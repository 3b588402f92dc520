package daemonize

import (
	"os"
	"strings"
)

// secretVariable carries the launcher's secret. It is taken out of the
// environment as soon as the daemon has looked at it.
const secretVariable = "DAEMONIZE_SECRET"

// alwaysKept are the names that Daemon.Env adds to; a name that ends in * stands for all that
// begin so.
func alwaysKept() []string {
	return []string{
		"HOME", "LOGNAME", "USER", "SHELL", "PATH", "TMPDIR",
		"LANG", "LANGUAGE", "LC_*", "TZ", "TZDIR",
		"GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GOTRACEBACK", "GOCOVERDIR", "GORACE",
		"NOTIFY_SOCKET", "WATCHDOG_USEC", "INVOCATION_ID", "JOURNAL_STREAM",
	}
}

// keptEnvironment filters environ, a list of NAME=value.
func keptEnvironment(environ, names []string) []string {
	var kept []string
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if keeps(names, name) {
			kept = append(kept, variable)
		}
	}
	return kept
}

func keeps(names []string, name string) bool {
	if name == secretVariable || name == markVariable {
		return false
	}
	for _, n := range names {
		prefix, wild := strings.CutSuffix(n, "*")
		if n == name || wild && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// forgetLaunch removes what the launcher put into the environment, so that
// programs started later do not inherit it. The initial environment block, as
// /proc/PID/environ shows it, cannot be changed.
func forgetLaunch() error {
	if err := os.Unsetenv(secretVariable); err != nil {
		return err
	}
	return os.Unsetenv(markVariable)
}
