//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package server

import "syscall"

// takeBothFamilies leaves it to package net here.
func takeBothFamilies(_, _ string, _ syscall.RawConn) error { return errOneFamily }
