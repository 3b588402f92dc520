package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// listenAll binds all addresses or none.
func listenAll(addresses []address) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, a := range addresses {
		l, err := listen(a)
		if err != nil {
			closeAll(listeners)
			return nil, err
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

func listen(a address) (net.Listener, error) {
	l, err := net.Listen(a.network, a.hostPort)
	switch {
	case err == nil && l.Addr() == nil: // getsockname(2) has failed, which package net keeps to itself
		l.Close()
		return nil, withStatus(exitSystem, fmt.Errorf("listen on %s: look up the address of the socket: no answer", a))
	case err == nil:
		return l, nil
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return nil, withStatus(exitUnavailable, fmt.Errorf("listen on %s: %w", a, innermost(err)))
	}
	switch errno {
	case syscall.EADDRINUSE:
		return nil, withStatus(exitUnavailable, fmt.Errorf("listen on %s: %w%s", a, errno, heldBy(a)))
	case syscall.EACCES, syscall.EPERM:
		return nil, withStatus(exitNoPerm, fmt.Errorf("listen on %s: %w%s", a, errno, privilegedPortHint))
	case syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT:
		return nil, withStatus(exitUnavailable, fmt.Errorf("listen on %s: %w", a, errno))
	}
	return nil, withStatus(exitSystem, fmt.Errorf("listen on %s: %w", a, errno))
}

const privilegedPortHint = " (a port below 1024 needs root or CAP_NET_BIND_SERVICE, see setcap(8); or choose another with --listen)"

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// heldBy says who holds a busy address, if that can be known.
func heldBy(a address) string {
	holders := portHolders(a)
	if len(holders) == 0 {
		return " (choose another with --listen)"
	}
	return " by " + strings.Join(holders, " and ")
}

// innermost drops what net.Listen says around a cause: the address is in the message already.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
