//go:build !linux

package main

// portHolders would need privileges, or a program such as sockstat(1) or lsof(8), here.
func portHolders(address) []string { return nil }
