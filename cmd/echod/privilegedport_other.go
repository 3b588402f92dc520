//go:build !linux

package main

import "os"

func firstUnprivilegedPort() int { return 1024 }

func hasPortPrivilege() bool { return os.Geteuid() == 0 }
