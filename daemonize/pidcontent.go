package daemonize

import (
	"fmt"
	"strconv"
	"strings"
)

// pidContent is what a pid file holds.
type pidContent struct {
	text string
	pid  int // 0 when text is not a pid of a daemon
}

// readPid reads an open pid file. Its content is the digits of a pid above 1 and one
// newline; anything else is no pid.
func readPid(sys system, fd int) (pidContent, error) {
	b := make([]byte, 64)
	n, err := sys.pread(fd, b)
	if err != nil {
		return pidContent{}, err
	}
	return parsePid(string(b[:n])), nil
}

func parsePid(text string) pidContent {
	c := pidContent{text: text}
	digits := strings.TrimSuffix(text, "\n")
	if strings.Trim(digits, "0123456789") != "" {
		return c
	}
	if pid, err := strconv.Atoi(digits); err == nil && pid > 1 {
		c.pid = pid
	}
	return c
}

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
