package logging

import (
	"fmt"
	"runtime/debug"
)

// CaptureCrashes has the runtime write the text of an unrecovered panic, or of
// another fatal error, to the log file as well as to standard error. It goes
// to the new file after [File.Reopen] and ends with [File.Close]. There is one
// such setting in a process: see [debug.SetCrashOutput].
func (f *File) CaptureCrashes() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crashes = true
	return f.redirectCrashes()
}

// redirectCrashes sends crashes, if they are captured, to the present file.
// It is called with f.mu held.
func (f *File) redirectCrashes() error {
	if !f.crashes {
		return nil
	}
	// The runtime keeps a duplicate of the descriptor.
	if err := debug.SetCrashOutput(f.file.File, debug.CrashOptions{}); err != nil {
		return fmt.Errorf("send crashes to log file %s: %w", f.path, err)
	}
	return nil
}

func (f *File) releaseCrashes() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.crashes {
		return nil
	}
	f.crashes = false
	return debug.SetCrashOutput(nil, debug.CrashOptions{})
}
