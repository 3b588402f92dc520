package daemonize

import (
	"fmt"
	"os"
	"os/signal"
)

// defaultSignals prepares the calling thread for starting a process with default signal
// dispositions and an empty signal mask, until restore is called. exec(3)
// resets caught signals but not ignored ones; so all are caught for the moment. One
// that arrives in that moment is lost, except those that are also waited for elsewhere.
func defaultSignals(sys system) (restore func(), err error) {
	ignoredC := make(chan os.Signal, 1)
	signal.Notify(ignoredC)
	unmask, err := sys.emptySignalMask()
	if err != nil {
		signal.Stop(ignoredC)
		return nil, fmt.Errorf("empty signal mask: %w", err)
	}
	return func() {
		unmask()
		signal.Stop(ignoredC)
	}, nil
}
