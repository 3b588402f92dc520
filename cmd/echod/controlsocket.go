package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"echod/server/control"

	"github.com/spf13/pflag"
)

// controlSocketName is where the control socket is beside the pid file of a default place.
const controlSocketName = "control.sock"

// A socketPath is the value of --control-socket: the path that was given, empty for none, or, as
// long as nothing was given, the place beside the pid file.
type socketPath struct {
	path  string
	given bool
	name  string // of the program
}

func (v *socketPath) addFlag(flags *pflag.FlagSet, d defaults, usage string) {
	v.name = d.name
	flags.Var(v, "control-socket", usage+" (default "+controlSocketName+" beside "+d.name+".pid, B.sock beside another pid file B.pid)")
}

// beside returns the default, which no two pid files of a directory share.
func (v *socketPath) beside(pidFile string) string {
	dir, file := filepath.Split(pidFile)
	if file == v.name+".pid" {
		return filepath.Join(dir, controlSocketName)
	}
	return filepath.Join(dir, strings.TrimSuffix(file, ".pid")+".sock")
}

func (v *socketPath) String() string { return v.path }
func (v *socketPath) Type() string   { return "string" }

// Set is for pflag.
func (v *socketPath) Set(path string) error {
	v.path, v.given = path, true
	return nil
}

// resolve makes the path absolute and refuses one that no socket can have.
func (v *socketPath) resolve(pidFile string) error {
	switch {
	case v.given && v.path == "", !v.given && pidFile == "":
		v.path = ""
		return nil
	case !v.given:
		v.path = v.beside(pidFile)
	}
	absolute, err := filepath.Abs(v.path)
	if err != nil {
		return fmt.Errorf("make path %s absolute: %w", v.path, err)
	}
	v.path = absolute
	if err := control.CheckPath(v.path); err != nil {
		return fmt.Errorf("%w%s", err, controlSocketHint)
	}
	return nil
}

const controlSocketHint = " (choose another with --control-socket, or none with --control-socket=)"
