package daemonize

import (
	"fmt"
	"net"
)

// notify sends state to the service manager that listens at socket; see sd_notify(3). Without a socket
// it does nothing. A name that begins with @ is in the abstract namespace.
func notify(socket, state string) error {
	if socket == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Net: "unixgram", Name: socket})
	if err != nil {
		return fmt.Errorf("notify service manager: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("notify service manager at %s: %w", socket, err)
	}
	return nil
}
