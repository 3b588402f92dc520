//go:build linux

package main

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMain makes the test binary the programs that the tests start, by the name it is called
// as. As echod, or echod-ANYTHING, it is the program under test, whose arguments nothing has
// touched: it starts itself again under the same name. (testscript.Main would have
// taken the directory from the first argument, which says what to start again.)
func TestMain(m *testing.M) {
	name := filepath.Base(os.Args[0])
	if name == "." || name == "/" { // a test starts echod without a name
		name = "echod"
	}
	if name == "echod" || strings.HasPrefix(name, "echod-") {
		main()
	}
	if play := roles()[name]; play != nil {
		os.Exit(play(os.Args[1:]))
	}
	// Under nohup(1), HUP is ignored, and in the background of a script INT; what is ignored
	// programs inherit, what is caught they do not.
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	os.Exit(m.Run())
}

// roles are the programs besides echod that the test binary plays.
func roles() map[string]func(args []string) int {
	return map[string]func(args []string) int{
		"hammer":           hammer,
		"kill-by-pid-file": killByPidFile,
		"lock-pid-file":    lockPidFile,
		"visit":            visit,
		"watch-listeners":  watchListeners,
	}
}
