package main

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstUnprivilegedPort is the first port that needs no privilege, in the network namespace of this
// process; see ip(7).
func firstUnprivilegedPort() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err == nil {
		if port, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			return port
		}
	}
	return 1024
}

// hasPortPrivilege reports whether this process may bind the ports below, as far as capabilities
// go.
func hasPortPrivilege() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	return unix.Capget(&header, &caps[0]) == nil && caps[0].Effective&(1<<unix.CAP_NET_BIND_SERVICE) != 0
}
