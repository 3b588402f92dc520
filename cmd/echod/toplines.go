package main

import (
	"fmt"
	"io"
	"time"

	"echod/logging"
)

// lines is the display for what is no terminal: a heading, and a line for each look.
type lines struct {
	w     io.Writer
	shown int
}

const lineFormat = "%-19s %8s %8s %10s %12s %12s  %s\n"

func newLines(w io.Writer) *lines { return &lines{w: w} }

func (o *lines) show(l *look) {
	if o.shown == 0 {
		fmt.Fprintf(o.w, lineFormat, "time", "clients", "new/s", "refused/s", "received/s", "sent/s", "busiest")
	}
	o.shown++
	busiest := "-"
	if len(l.busiest) > 0 && l.busiest[0].rate > 0 {
		c := l.busiest[0]
		busiest = fmt.Sprintf("%d %s %s/s", c.ID, logging.Printable(c.Remote), byteSize(c.rate))
	}
	fmt.Fprintf(o.w, lineFormat, time.Now().Format(time.DateTime), fmt.Sprint(l.status.Connections.Active),
		perSecond(l.accepted), perSecond(l.refused), byteSize(l.received), byteSize(l.sent), busiest)
}

func (o *lines) keys() <-chan byte { return nil }

func (o *lines) suspend() { stopSelf() }
