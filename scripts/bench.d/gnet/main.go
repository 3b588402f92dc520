// Gnet is the echo server of the event loop library gnet, as its examples
// have it, with its default options, which is one loop, or with a loop for each
// processor. It is a peer of the benchmark, on 127.0.0.1.
//
//	gnet [multicore] PORT
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
	args := os.Args[1:]
	multicore := len(args) == 2 && args[0] == "multicore"
	if len(args) != 1 && !multicore {
		fmt.Fprintln(os.Stderr, "usage: gnet [multicore] PORT")
		os.Exit(64)
	}
	port := args[len(args)-1]
	err := gnet.Run(&echo{}, "tcp://"+net.JoinHostPort("127.0.0.1", port), gnet.WithMulticore(multicore))
	fmt.Fprintf(os.Stderr, "gnet: %v\n", err)
	os.Exit(1)
}
