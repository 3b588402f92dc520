package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

	// formerPidFiles are where the pid file is of an instance that was started elsewhere: by a
	// service manager, or with another environment, such as that of a login, of cron(8) or of
	// su(1).
	formerPidFiles []string
}

func defaultsFor(name string) defaults {
	if os.Geteuid() == 0 {
		return defaults{
			name:    name,
			listen:  "tcp://:7",
			pidFile: filepath.Join("/run", name, name+".pid"),
			logFile: filepath.Join("/var/log", name+".log"),
			user:    "nobody",
			// The unit of systemd has a directory of its own, which systemd removes.
			formerPidFiles: []string{filepath.Join("/run", name+".service", name+".pid")},
		}
	}
	pidFiles := userPidFiles(name)
	return defaults{
		name:           name,
		listen:         "tcp://:7007",
		pidFile:        pidFiles[0],
		logFile:        filepath.Join(userStateDirectory(), name, name+".log"),
		formerPidFiles: pidFiles[1:],
	}
}

// pidFiles are all places for the pid file, the one first that a start would choose now.
func (d defaults) pidFiles() []string { return append([]string{d.pidFile}, d.formerPidFiles...) }

// userPidFiles are the places for the pid file, the preferred one first. It follows the XDG Base
// Directory Specification, and does not believe an XDG_RUNTIME_DIR that su(1) has left from another
// user. Without the variable, what a login would have set it to is looked at last.
func userPidFiles(name string) []string {
	var pidFiles []string
	add := func(dir string) {
		if pidFile := filepath.Join(dir, name+".pid"); !slices.Contains(pidFiles, pidFile) {
			pidFiles = append(pidFiles, pidFile)
		}
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		info, err := os.Stat(dir)
		if err == nil && info.IsDir() && ownedByCaller(info) {
			add(filepath.Join(dir, name))
		}
	}
	add(fmt.Sprintf("/tmp/%s-%d", name, os.Geteuid()))
	add(fmt.Sprintf("/run/user/%d/%s", os.Geteuid(), name))
	return pidFiles
}

func ownedByCaller(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

// homelessStateDirectory is used where HOME is not set.
const homelessStateDirectory = "/.local/state"

// userStateDirectory is empty-handed only for a user without a home, who has to name a log file.
func userStateDirectory() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return homelessStateDirectory
	}
	return filepath.Join(home, ".local/state")
}
