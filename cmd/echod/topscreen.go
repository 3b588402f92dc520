package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"echod/logging"
)

// The few escape sequences that this needs; every terminal since the VT100, or xterm, has them.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l" // another screen, no cursor
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	toTop       = "\x1b[H"
	clearLine   = "\x1b[K"
	clearRest   = "\x1b[J"
	reverse     = "\x1b[7m"
	normal      = "\x1b[m"
)

// A screen is the display for a terminal.
type screen struct {
	terminal *tty
	out      io.Writer
	plain    bool // no attributes: see no-color.org
	keyC     chan byte
}

// openScreen returns nil if out is no terminal that can show a screen.
func openScreen(out io.Writer) *screen {
	f, ok := out.(*os.File)
	if kind := os.Getenv("TERM"); !ok || kind == "" || kind == "dumb" {
		return nil
	}
	t, err := openTTY(f, os.Stdin)
	if err != nil {
		return nil
	}
	s := &screen{terminal: t, out: out, plain: os.Getenv("NO_COLOR") != "", keyC: make(chan byte)}
	s.enter()
	go s.readKeys()
	return s
}

func (s *screen) enter() {
	s.terminal.withoutEcho()
	io.WriteString(s.out, enterScreen)
}

// close gives the terminal back as it was.
func (s *screen) close() {
	io.WriteString(s.out, leaveScreen)
	s.terminal.restore()
}

func (s *screen) suspend() {
	s.close()
	stopSelf()
	s.enter()
}

// readKeys ends with the process: there is no way to take back a read from a terminal.
func (s *screen) readKeys() {
	var key [1]byte
	for {
		if n, err := os.Stdin.Read(key[:]); n == 0 || err != nil {
			return
		}
		s.keyC <- key[0]
	}
}

func (s *screen) keys() <-chan byte { return s.keyC }

// show writes a frame in one piece, so that it does not flicker.
func (s *screen) show(l *look) {
	columns, rows := s.terminal.size()
	var frame bytes.Buffer
	frame.WriteString(toTop)
	lines := frameLines(l, rows)
	for i, line := range lines[:min(len(lines), rows)] {
		if i > 0 {
			frame.WriteString("\n")
		}
		text := clip(line, columns)
		if i == headingLine && !s.plain {
			text = reverse + text + strings.Repeat(" ", columns-len([]rune(text))) + normal
		}
		frame.WriteString(text + clearLine)
	}
	frame.WriteString(clearRest)
	s.out.Write(frame.Bytes())
}

// headingLine is the line of a frame above the clients.
const headingLine = 6

// frameLines is a frame of about as many lines as there are rows.
func frameLines(l *look, rows int) []string {
	s := l.status
	text := []string{
		fmt.Sprintf("echod %s  pid %d  up %s  %s  %s", s.Version, s.Pid, span(s.UptimeSeconds), s.State, time.Now().Format(time.TimeOnly)),
		"listen   " + listenerList(s.Listeners),
		fmt.Sprintf("clients  %d now  %s new/s  %s refused/s", s.Connections.Active, perSecond(l.accepted), perSecond(l.refused)),
		fmt.Sprintf("bytes    %s/s received  %s/s sent", byteSize(l.received), byteSize(l.sent)),
		"log      " + logSummary(s.Log),
		"",
	}
	text = append(text, fmt.Sprintf("%10s  ", "RATE")+connectionHeading)
	for _, c := range l.busiest[:min(len(l.busiest), max(0, rows-len(text)))] {
		text = append(text, fmt.Sprintf("%10s  ", byteSize(c.rate)+"/s")+connectionRow(c.Connection))
	}
	return text
}

// clip cuts a line to the width of the screen: one that wraps would push the others down.
func clip(line string, columns int) string {
	runes := []rune(logging.Printable(line))
	return string(runes[:min(len(runes), columns)])
}
