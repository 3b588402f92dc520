//go:build !linux

package control

// procFamilies is empty where there is no proc(5) as Linux has it.
func procFamilies() []family { return nil }
