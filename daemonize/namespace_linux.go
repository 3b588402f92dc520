package daemonize

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// Reachable returns an error if the user namespace of the calling process knows nothing of the user
// or of one of the groups, or allows no supplementary groups: then not even root can become id. See
// user_namespaces(7). Without /proc, and on other systems than Linux, it returns nil.
func (id *Identity) Reachable() error {
	if !mapped("/proc/self/uid_map", id.UID) {
		return fmt.Errorf("user %d is not mapped into this user namespace", id.UID)
	}
	for _, gid := range id.Groups {
		if !mapped("/proc/self/gid_map", gid) {
			return fmt.Errorf("group %d is not mapped into this user namespace", gid)
		}
	}
	if setgroups, err := os.ReadFile("/proc/self/setgroups"); err == nil && strings.TrimSpace(string(setgroups)) == "deny" {
		return fmt.Errorf("this user namespace denies setgroups(2)")
	}
	return nil
}

// mapped reports whether a map, whose lines are of the form FIRST OUTSIDE COUNT, has a number. A
// map that cannot be read is taken to have all.
func mapped(path string, number int) bool {
	f, err := os.Open(path)
	if err != nil {
		return true
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		var first, outside, count int
		if _, err := fmt.Sscan(scanner.Text(), &first, &outside, &count); err != nil {
			return true
		}
		if first <= number && number-first < count {
			return true
		}
	}
	return scanner.Err() != nil
}
