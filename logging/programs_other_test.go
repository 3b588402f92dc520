//go:build !linux

package logging

func addLinuxPrograms(map[string]func() int) {}
