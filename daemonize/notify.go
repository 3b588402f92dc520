package daemonize

import (
	"fmt"
	"net"
	"time"
)

// A manager is the service manager that wants to be told; see sd_notify(3). A nil manager wants nothing.
type manager struct {
	socket string
	conn   net.Conn
}

// managerPatience is how long a message may wait for room in the manager's queue.
const managerPatience = time.Second

// dialManager finds the manager that listens at socket: early, while the path can be reached. A name that
// begins with @ is in the abstract namespace. Without a socket there is no manager.
func dialManager(socket string) (*manager, error) {
	if socket == "" {
		return nil, nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Net: "unixgram", Name: socket})
	if err != nil {
		return nil, fmt.Errorf("find service manager: %w", err)
	}
	return &manager{socket, conn}, nil
}

func (m *manager) tell(state string) error {
	if m == nil {
		return nil
	}
	if err := m.conn.SetWriteDeadline(time.Now().Add(managerPatience)); err != nil {
		return err
	}
	if _, err := m.conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("notify service manager at %s: %w", m.socket, err)
	}
	return nil
}

func (m *manager) close() {
	if m != nil {
		m.conn.Close()
	}
}
