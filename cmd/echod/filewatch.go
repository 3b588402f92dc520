package main

import "time"

// fileWatchPoll is how often the service looks after its files.
const fileWatchPoll = 5 * time.Second

// A fileWatch makes the pid file and the control socket again when they were removed while the
// server serves: without them, it could not be found.
type fileWatch struct {
	service *service
	ticker  *time.Ticker
	failed  bool // which has been logged
}

func newFileWatch(v *service) *fileWatch {
	return &fileWatch{service: v, ticker: time.NewTicker(fileWatchPoll)}
}

func (w *fileWatch) stop() { w.ticker.Stop() }

// look logs what it has made again. The directory is looked after first; where that fails, there is
// no place for the socket either. A failure is logged once until all is well.
func (w *fileWatch) look() {
	v := w.service
	again, err := v.process.Restore()
	if again {
		v.log.Warn("pid file made again", "file", v.settings.pidFile)
	}
	if err == nil && v.control.socket != nil {
		again, err = v.control.socket.Renew()
		if again {
			v.log.Warn("control socket made again", "socket", v.settings.controlSocket.path)
		}
	}
	if err != nil && !w.failed {
		v.log.Warn("files not made again", "error", err)
	}
	w.failed = err != nil
}
