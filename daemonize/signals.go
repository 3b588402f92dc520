package daemonize

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// lastSignal is the highest signal number of any system.
const lastSignal = syscall.Signal(128)

// defaultSignals prepares the calling thread for starting a process with default signal
// dispositions and an empty signal mask, until restore is called. exec(3) resets caught signals
// but not ignored ones; so all are caught for the moment. One that arrives in that moment is
// lost, except those that are also waited for elsewhere. Signals that the Go runtime keeps for
// itself (32 to 34 on Linux) stay as they are.
func defaultSignals(sys system) (restore func(), err error) {
	var ignored []os.Signal
	for s := syscall.Signal(1); s <= lastSignal; s++ {
		if signal.Ignored(s) {
			ignored = append(ignored, s)
		}
	}
	caughtC := make(chan os.Signal, 1)
	signal.Notify(caughtC)
	release := func() {
		if len(ignored) > 0 { // no signals would mean all
			signal.Ignore(ignored...) // before Stop: in between, one of them would end the process
		}
		signal.Stop(caughtC)
	}
	unmask, err := sys.emptySignalMask()
	if err != nil {
		release()
		return nil, fmt.Errorf("empty signal mask: %w", err)
	}
	return func() {
		unmask()
		release()
	}, nil
}
