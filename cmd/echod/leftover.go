package main

import (
	"errors"
	"io/fs"
	"os"

	"echod/daemonize"
	"echod/logging"
)

// missingLog returns what is not there yet of the log file and its directories, the innermost
// first.
func (s *settings) missingLog() []string {
	if s.logFile == "" {
		return nil
	}
	return missing(s.logFile)
}

// removeLeftovers removes what a daemon has made of those paths that was never ready. Mostly it has
// done so itself. It cannot when it was killed, or has given up the right to. A log in which there
// is something is kept: the text of a crash, or the lines of a server that came and went meanwhile.
//
// Another server may be about to write to the same log. If it has the same pid file, the
// lock keeps them apart; if not, its first lines may be lost.
func (s *settings) removeLeftovers(paths []string) {
	if len(paths) == 0 || len(paths) == len(missing(paths[0])) {
		return
	}
	if s.pidFile != "" {
		pidFile, err := daemonize.LockPidFile(s.pidFile)
		switch {
		case err == nil:
			defer pidFile.Remove()
		case !errors.Is(err, fs.ErrNotExist):
			return
		}
	}
	if err := logging.RemoveEmpty(paths[0]); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	for _, path := range paths[1:] {
		os.Remove(path) // a directory only if nothing else is in it
	}
}
