package daemonize

import (
	"fmt"
	"strconv"
	"strings"
)

// pidContent is what a pid file holds.
type pidContent struct {
	text string
	pid  int // 0 when text is no pid
}

// readPid reads an open pid file. Its content is the digits of a pid and one
// newline; anything else is no pid.
func readPid(sys system, fd int) (pidContent, error) {
	b := make([]byte, 64)
	n, err := sys.pread(fd, b)
	if err != nil {
		return pidContent{}, err
	}
	return parsePid(string(b[:n])), nil
}

// parsePid takes a number without a newline for the beginning of a longer one, and a larger one
// than the kernel's for what it is: kill(2) would take it for another.
func parsePid(text string) pidContent {
	c := pidContent{text: text}
	if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32); err == nil && n > 0 && text == pidLine(int(n)) {
		c.pid = int(n)
	}
	return c
}

// pidLine is what a pid file holds.
func pidLine(pid int) string { return strconv.Itoa(pid) + "\n" }

// foreign reports whether the text was not left by any daemon. Numbers that are no pids, and the
// zero bytes and blanks that a crash of the machine may leave, are not foreign.
func (c pidContent) foreign() bool {
	return strings.Trim(c.text, "-0123456789 \t\r\n\x00") != "" || len(c.text) > 32
}

func (c pidContent) describe() string {
	if c.pid > 0 {
		return fmt.Sprintf("pid %d", c.pid)
	}
	if len(c.text) > 32 {
		return strconv.Quote(c.text[:32]) + "..."
	}
	return strconv.Quote(c.text)
}
