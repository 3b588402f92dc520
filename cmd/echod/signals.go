package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// watchSignals returns the channel of the signals that steer the server.
func watchSignals() chan os.Signal {
	signalC := make(chan os.Signal, 8)
	signal.Notify(signalC, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1)
	return signalC
}

// errToldToEnd is why a server ended that was still starting.
var errToldToEnd = errors.New("told to end before it was ready")

// interrupted returns an error if a signal to end came while the server was starting. The others
// have nothing to act upon yet: the log has just been opened.
func interrupted(signalC <-chan os.Signal) error {
	for {
		select {
		case s := <-signalC:
			if s != syscall.SIGHUP && s != syscall.SIGUSR1 {
				return fmt.Errorf("%w: signal %v", errToldToEnd, s)
			}
		default:
			return nil
		}
	}
}
