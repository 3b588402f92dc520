//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// untilReleased calls f every millisecond until standard input ends or f returns false.
func untilReleased(f func() bool) {
	releasedC := make(chan struct{})
	go func() {
		defer close(releasedC)
		io.Copy(io.Discard, os.Stdin)
	}()
	for f() {
		select {
		case <-releasedC:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// killByPidFile is a role: it ends a daemon as soon as the pid file names it, as kill(1) would, if
// its program is in a directory. By this there are many more ends and beginnings than by stop
// alone.
func killByPidFile(args []string) int {
	pidFile, dir := args[0], args[1]
	untilReleased(func() bool {
		content, _ := os.ReadFile(pidFile) // it comes and goes
		pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
		if err == nil && runsFrom(pid, dir) {
			syscall.Kill(pid, syscall.SIGTERM) // it may have ended meanwhile
		}
		return true
	})
	return 0
}

// watchListeners is a role: it looks for two listeners at one address. A daemon listens after it
// has locked the pid file, and stops before it lets go of it. One list may show two that were never
// there at the same time, as it is not made in one moment; but two that are in this list and in the
// next were there together in between.
func watchListeners(args []string) int {
	host, err := netip.ParseAddr(args[0])
	if err != nil {
		fmt.Println(err)
		return 1
	}
	var before []string
	untilReleased(func() bool {
		now := listenersAt(host.As4())
		both := slices.DeleteFunc(slices.Clone(now), func(l string) bool { return !slices.Contains(before, l) })
		before = now
		if len(both) > 1 {
			fmt.Printf("two daemons: %v\n", both)
		}
		return len(both) < 2
	})
	return 0
}

// listenersAt returns the sockets that listen at an address: local address and inode, from
// proc_net_tcp of the kernel's documentation. The address is a word in the byte order of the
// machine.
func listenersAt(host [4]byte) []string {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		panic(err) // a role ends with it, and whoever plays it is told
	}
	var found []string
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) > 9 && fields[3] == "0A" && strings.HasPrefix(fields[1], kernelForm(host)+":") {
			found = append(found, fields[1]+" inode "+fields[9])
		}
	}
	return found
}

func kernelForm(host [4]byte) string {
	return fmt.Sprintf("%08X", binary.NativeEndian.Uint32(host[:]))
}
