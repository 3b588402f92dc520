//go:build unix && !linux

package logging

import "golang.org/x/sys/unix"

// searchOnly also needs the right to list the directory: not all of these systems have an O_SEARCH.
const searchOnly = unix.O_RDONLY
