package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// defaults are the places that a user's instance of the program has. Its own name is part of
// them, so that a link under another name is another instance.
type defaults struct {
	name    string
	listen  string
	pidFile string
	logFile string
	user    string
}

func defaultsFor(name string) defaults {
	if os.Geteuid() == 0 {
		return defaults{
			name:    name,
			listen:  "tcp://:7",
			pidFile: filepath.Join("/run", name, name+".pid"),
			logFile: filepath.Join("/var/log", name+".log"),
			user:    "nobody",
		}
	}
	return defaults{
		name:    name,
		listen:  "tcp://:7007",
		pidFile: filepath.Join(userRuntimeDirectory(name), name+".pid"),
		logFile: filepath.Join(userStateDirectory(), name, name+".log"),
	}
}

// userRuntimeDirectory follows the XDG Base Directory Specification, and does not believe
// an XDG_RUNTIME_DIR that su(1) has left from another user.
func userRuntimeDirectory(name string) string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		info, err := os.Stat(dir)
		if err == nil && info.IsDir() && ownedByCaller(info) {
			return filepath.Join(dir, name)
		}
	}
	return fmt.Sprintf("/tmp/%s-%d", name, os.Geteuid())
}

func ownedByCaller(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

// userStateDirectory is empty-handed only for a user without a home, who has to name a log file.
func userStateDirectory() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/"
	}
	return filepath.Join(home, ".local/state")
}
