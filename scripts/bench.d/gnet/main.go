// Gnet is the echo server of the event loop library gnet, as its examples
// have it, with its default options: one loop. On two processors, of which the
// load wants one, more loops cost more and serve no more. It is a peer of the
// benchmark, on 127.0.0.1.
//
//	gnet PORT
package main

import (
	"fmt"
	"net"
	"os"

	"github.com/panjf2000/gnet/v2"
)

type echo struct{ gnet.BuiltinEventEngine }

func (*echo) OnTraffic(c gnet.Conn) gnet.Action {
	data, _ := c.Next(-1)
	c.Write(data)
	return gnet.None
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gnet PORT")
		os.Exit(64)
	}
	err := gnet.Run(&echo{}, "tcp://"+net.JoinHostPort("127.0.0.1", os.Args[1]))
	fmt.Fprintf(os.Stderr, "gnet: %v\n", err)
	os.Exit(1)
}
