package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A unit is the service of systemd(1) that a server belongs to.
type unit struct {
	name string // "echod.service"
	user string // the number of the user in whose systemd it is; empty for that of the system
}

// restartCommand is what starts the server of the unit again inside of it.
func (u *unit) restartCommand() string {
	if u.user != "" {
		return "systemctl --user restart " + u.name
	}
	return "systemctl restart " + u.name
}

// unitOf returns the unit that systemd has started process pid as, and nil if there is none or that
// cannot be seen. root is the root directory, but for tests.
//
// To have an INVOCATION_ID is not enough, nor is the control group: a shell has both in the session
// of a desktop, in a tmux that is a service, in a job of cron. So the unit must be this server's
// alone, started by that invocation, and be there in a file, so that it can be started again.
func unitOf(root string, pid int) *unit {
	proc := filepath.Join(root, "proc", strconv.Itoa(pid))
	invocation := environmentOf(proc)["INVOCATION_ID"]
	if invocation == "" {
		return nil
	}
	for _, group := range controlGroups(proc) {
		u := unitOfGroup(group)
		if u == nil {
			continue
		}
		if u.isTransient(root) || u.isOtherInvocation(root, invocation) || isShared(root, group, proc) {
			return nil
		}
		return u
	}
	return nil
}

// environmentOf is as the process was started with; empty where it cannot be seen.
func environmentOf(proc string) map[string]string {
	variables := make(map[string]string)
	block, _ := os.ReadFile(filepath.Join(proc, "environ"))
	for variable := range bytes.SplitSeq(block, []byte{0}) {
		name, value, _ := strings.Cut(string(variable), "=")
		variables[name] = value
	}
	return variables
}

// controlGroups returns the control groups that systemd may have put a process into.
func controlGroups(proc string) []string {
	var groups []string
	text, _ := os.ReadFile(filepath.Join(proc, "cgroup"))
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) == 3 && (fields[1] == "" || fields[1] == "name=systemd") {
			groups = append(groups, fields[2])
		}
	}
	return groups
}

// unitOfGroup returns the innermost unit of a control group if it is a service.
func unitOfGroup(group string) *unit {
	var u unit
	for dir := range strings.SplitSeq(group, "/") {
		user, isManager := strings.CutPrefix(dir, "user@")
		switch {
		case isManager && strings.HasSuffix(dir, ".service"):
			u = unit{user: strings.TrimSuffix(user, ".service")}
		case strings.HasSuffix(dir, ".service"):
			u.name = dir
		case strings.HasSuffix(dir, ".scope"):
			u.name = "" // made for processes that were there already
		}
	}
	if u.name == "" {
		return nil
	}
	return &u
}

// runtimeDirectory is where the systemd of the unit keeps what it knows.
func (u *unit) runtimeDirectory(root string) string {
	if u.user != "" {
		return filepath.Join(root, "run/user", u.user, "systemd")
	}
	return filepath.Join(root, "run/systemd")
}

// isTransient reports whether there is no file of the unit: systemd-run(1) or a desktop has made
// it.
func (u *unit) isTransient(root string) bool {
	_, err := os.Lstat(filepath.Join(u.runtimeDirectory(root), "transient", u.name))
	return err == nil
}

// isOtherInvocation reports whether the unit was started again since.
func (u *unit) isOtherInvocation(root, invocation string) bool {
	now, err := os.Readlink(filepath.Join(u.runtimeDirectory(root), "units", "invocation:"+u.name))
	return err == nil && now != invocation
}

// isShared reports whether another program than that of a process is in its control group.
func isShared(root, group, proc string) bool {
	program, err := programOf(proc)
	if err != nil {
		return false
	}
	for _, hierarchy := range []string{"", "unified", "systemd"} {
		pids, _ := os.ReadFile(filepath.Join(root, "sys/fs/cgroup", hierarchy, group, "cgroup.procs"))
		for pid := range strings.FieldsSeq(string(pids)) {
			other, err := programOf(filepath.Join(root, "proc", pid))
			if err == nil && other != program {
				return true
			}
		}
	}
	return false
}

// programOf does not tell a program from a newer one that has taken its place.
func programOf(proc string) (string, error) {
	target, err := os.Readlink(filepath.Join(proc, "exe"))
	return strings.TrimSuffix(target, " (deleted)"), err
}

// refusal says why the server of a unit is not restarted from outside.
func (u *unit) refusal(pid int) error {
	return fmt.Errorf("restart: pid %d is the service %s of systemd, and would leave it: use '%s'", pid, u.name, u.restartCommand())
}
