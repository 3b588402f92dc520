//go:build !unix

package server

// descriptorLimit returns 0: the number of descriptors has no limit that could be asked for.
func descriptorLimit() int { return 0 }
