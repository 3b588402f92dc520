package logging

import (
	"bytes"
	"fmt"
	"log/syslog"
	"strings"
)

// syslogMax is the largest message that is sent. Longer ones are cut, as
// rsyslogd(8) would do: a datagram that is too large could never be sent and
// would keep all others from being sent.
const syslogMax = 8 << 10

// SyslogServer says where and as whom to log. The zero value is the daemon of
// this machine.
type SyslogServer struct {
	// Network and Address are those of [net.Dial]. Both empty mean the socket
	// of the local daemon, such as /dev/log.
	Network, Address string

	// Facility is the kind of program. Zero means syslog.LOG_DAEMON.
	Facility syslog.Priority

	// Tag is the name before each message. Empty means os.Args[0].
	Tag string
}

// Syslog is a log in the hands of a syslog daemon.
type Syslog struct{ output }

// DialSyslog connects to a syslog daemon. Should that go away later, lines wait
// in the buffer until it can be connected to again. A local one is looked for
// at the same path then, which after chroot(2) is another one.
func DialSyslog(s SyslogServer, o Options) (*Syslog, error) {
	if s.Facility == 0 {
		s.Facility = syslog.LOG_DAEMON
	}
	w, err := syslog.Dial(s.Network, s.Address, s.Facility, s.Tag)
	if err != nil {
		return nil, fmt.Errorf("connect to syslog: %w", err)
	}
	return &Syslog{newOutput(&syslogSink{w}, 0, o, true)}, nil
}

// Close sends the lines that are waiting. Lines that come later, or cannot be
// sent at once, are dropped and counted. If the daemon does not take them,
// Close gives up after 2 s.
func (s *Syslog) Close() error {
	if err := s.queue.close(closeTimeout); err != nil {
		return fmt.Errorf("close syslog: %w", err)
	}
	return nil
}

// syslogSink is the sink that sends a line at a time.
type syslogSink struct{ w *syslog.Writer }

func (s *syslogSink) write(lines []byte) (n int, err error) {
	for n < len(lines) {
		end := n + bytes.IndexByte(lines[n:], '\n') + 1
		if err := s.send(string(lines[n:end])); err != nil {
			return n, err
		}
		n = end
	}
	return n, nil
}

// send sends a line with the severity that it begins with.
func (s *syslogSink) send(line string) error {
	severity, message := line[:priorityLen], line[priorityLen:]
	if len(message) > syslogMax {
		message = strings.ToValidUTF8(message[:syslogMax], "")
	}
	switch severity {
	case priorityError:
		return s.w.Err(message)
	case priorityWarning:
		return s.w.Warning(message)
	case priorityInfo:
		return s.w.Info(message)
	default:
		return s.w.Debug(message)
	}
}

func (s *syslogSink) close() error { return s.w.Close() }
