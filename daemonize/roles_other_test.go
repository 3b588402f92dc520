//go:build !linux

package daemonize

func systemRoles() map[string]role { return nil }
