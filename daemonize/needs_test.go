package daemonize

import (
	"os"
	"os/exec"
	"testing"
)

// needRoot skips a test that an ordinary user cannot run. Where tests run unwatched, as root, it
// must not be skipped.
func needRoot(t *testing.T, why string) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") == "true":
		t.Fatalf("needs root: %s", why)
	default:
		t.Skipf("needs root: %s", why)
	}
}

// needProgram skips a test that uses a program which is not there. Where tests run unwatched,
// it must be.
func needProgram(t *testing.T, name string) {
	t.Helper()
	_, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}
