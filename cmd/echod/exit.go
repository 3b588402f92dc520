package main

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"echod/logging"

	"github.com/spf13/cobra"
)

// Exit statuses, after sysexits(3). The verb status has some of its own.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 64
	exitUnavailable = 69
	exitSystem      = 71
	exitCantCreate  = 73
	exitNoPerm      = 77
	exitConfig      = 78
)

// A statusError is an error with the exit status that it means.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e *statusError) Unwrap() error { return e.err }

func withStatus(status int, err error) error {
	if err == nil {
		return nil
	}
	return &statusError{status, err}
}

// said is the error of a verb that has printed all there is to say.
func said(status int) error { return &statusError{status: status} }

// withPermStatus is withStatus, but a lack of permission has a status of its own.
func withPermStatus(status int, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		status = exitNoPerm
	}
	return withStatus(status, err)
}

// cannotCreate reports whether err says that there is no place for a file.
func cannotCreate(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.ENOENT, syscall.ENOTDIR, syscall.EISDIR, syscall.ENOSPC, syscall.EDQUOT, syscall.ENAMETOOLONG, syscall.ELOOP,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

func statusOf(err error) int {
	var e *statusError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		return e.status
	}
	return exitFailure
}

// report prints what is left to say of err, on one line, and returns the exit status.
func (p *program) report(err error) int {
	var e *statusError
	if err != nil && !(errors.As(err, &e) && e.err == nil) {
		catchBrokenPipes() // the status is said even if the reason cannot be
		fmt.Fprintln(p.stderr, logging.Printable(p.name+": "+err.Error()))
	}
	return statusOf(err)
}

func usageError(cmd *cobra.Command, err error) error {
	return withStatus(exitUsage, fmt.Errorf("%w (try '%s --help')", err, cmd.CommandPath()))
}

// noSuchVerb refuses arguments of the root command: what is not a verb.
func noSuchVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError(cmd, fmt.Errorf("run %q: no such verb", args[0]))
}

// noArguments refuses arguments of a verb that takes none.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError(cmd, fmt.Errorf("%s: unexpected argument %q", cmd.Name(), args[0]))
}
