package daemonize

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// notifyPatience is how long a service manager may take to make room for a message.
const notifyPatience = time.Second

// A Notifier tells a service manager about the calling process, by the protocol of sd_notify(3).
// The methods of a nil Notifier do nothing, so that a program need not ask whether it has a service
// manager. They may be called by several goroutines at once.
//
// An error means that the service manager did not get the message. That is a reason for a line
// in the log, not for a daemon to stop serving.
type Notifier struct {
	address  string
	watchdog time.Duration

	mu   sync.Mutex
	conn *net.UnixConn // nil if the last try to connect failed
}

// newNotifier takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment. It
// connects at once: the socket may be out of reach after chroot(2). If it cannot, it tries again
// with every message.
func newNotifier() (*Notifier, error) {
	values := make(map[string]string)
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		values[name] = os.Getenv(name)
		if err := os.Unsetenv(name); err != nil {
			return nil, fmt.Errorf("clean environment: %w", err)
		}
	}
	interval, err := watchdogInterval(values["WATCHDOG_USEC"], values["WATCHDOG_PID"], os.Getpid())
	if err != nil {
		return nil, err
	}
	if values["NOTIFY_SOCKET"] == "" {
		return nil, nil
	}
	n := &Notifier{address: values["NOTIFY_SOCKET"], watchdog: interval}
	n.conn, _ = n.dial()
	return n, nil
}

// watchdogInterval follows sd_watchdog_enabled(3).
func watchdogInterval(usec, addressee string, pid int) (time.Duration, error) {
	if usec == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(usec, 10, 63)
	if err != nil || n == 0 || n > uint64(1<<63-1)/1000 {
		return 0, &VariableError{"WATCHDOG_USEC", usec, "microseconds above 0"}
	}
	if addressee != "" {
		p, ok := decimal(addressee)
		if !ok || p == 0 {
			return 0, &VariableError{"WATCHDOG_PID", addressee, "the number of a process"}
		}
		if p != pid {
			return 0, nil
		}
	}
	return time.Duration(n) * time.Microsecond, nil
}

// Ready says that the daemon serves: for the first time, or again after Reloading.
func (n *Notifier) Ready() error {
	return n.send("READY=1", "MAINPID="+strconv.Itoa(os.Getpid()))
}

// Status gives the service manager a line of text to show.
func (n *Notifier) Status(text string) error {
	return n.send("STATUS=" + oneLine(text))
}

// Reloading says that the daemon reads its configuration anew. Ready ends that.
func (n *Notifier) Reloading() error {
	if now := monotonicMicroseconds(); now > 0 {
		return n.send("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(now, 10))
	}
	return n.send("RELOADING=1")
}

// Stopping says that the daemon is coming to its end.
func (n *Notifier) Stopping() error { return n.send("STOPPING=1") }

// ExtendTimeout asks for d, from now on, before the service manager loses its patience with a
// daemon that is starting, reloading or stopping.
func (n *Notifier) ExtendTimeout(d time.Duration) error {
	return n.send("EXTEND_TIMEOUT_USEC=" + strconv.FormatInt(d.Microseconds(), 10))
}

// Watchdog is a sign of life.
func (n *Notifier) Watchdog() error { return n.send("WATCHDOG=1") }

// WatchdogInterval is the time after which a daemon that did not call Watchdog is taken for
// stuck, and killed. Zero means that nobody watches. It is usual to call
// Watchdog twice as often.
func (n *Notifier) WatchdogInterval() time.Duration {
	if n == nil {
		return 0
	}
	return n.watchdog
}

// Close ends the connection to the service manager.
func (n *Notifier) Close() error {
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn == nil {
		return nil
	}
	err := n.conn.Close()
	n.conn = nil
	return err
}

// send tries a second time on a new connection: the service manager may have started anew.
func (n *Notifier) send(lines ...string) error {
	if n == nil {
		return nil
	}
	message := []byte(strings.Join(lines, "\n"))
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn != nil && n.write(message) == nil {
		return nil
	}
	var err error
	if n.conn, err = n.dial(); err == nil {
		err = n.write(message)
	}
	if err != nil {
		return fmt.Errorf("notify service manager: %w", err)
	}
	return nil
}

// dial opens a connection. A name that begins with @ is in the abstract namespace.
func (n *Notifier) dial() (*net.UnixConn, error) {
	return net.DialUnix("unixgram", nil, &net.UnixAddr{Net: "unixgram", Name: n.address})
}

// write gives up a connection that does not work.
func (n *Notifier) write(message []byte) error {
	n.conn.SetWriteDeadline(time.Now().Add(notifyPatience))
	_, err := n.conn.Write(message)
	if err != nil {
		n.conn.Close()
		n.conn = nil
	}
	return err
}

// oneLine keeps text from being read as further messages.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, text)
}
