package logging

import "golang.org/x/sys/unix"

// searchOnly opens a directory that one may go through, and need not be allowed to list.
const searchOnly = unix.O_PATH
