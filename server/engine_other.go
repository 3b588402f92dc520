//go:build !linux

package server

import "net"

// There is no engine but the portable one.
const nativeName = portableName

func nativeServes(net.Listener) bool { return false }

func newNativeEngine(*Server) engine { return nil }
