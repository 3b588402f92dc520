// Gonet is how most people write an echo server in Go: a goroutine for every
// client. It is a peer of the benchmark, on 127.0.0.1.
//
//	gonet buffer PORT   each client has a buffer of 16 KB
//	gonet copy   PORT   io.Copy from the connection to itself, which is splice(2) on Linux
//	gonet udp    PORT   datagrams, one goroutine
package main

import (
	"fmt"
	"io"
	"net"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gonet buffer|copy|udp PORT")
		os.Exit(64)
	}
	address := net.JoinHostPort("127.0.0.1", os.Args[2])
	var err error
	switch os.Args[1] {
	case "buffer":
		err = serve(address, buffered)
	case "copy":
		err = serve(address, copied)
	case "udp":
		err = serveDatagrams(address)
	default:
		err = fmt.Errorf("mode %s: want buffer, copy or udp", os.Args[1])
	}
	fmt.Fprintf(os.Stderr, "gonet: %v\n", err)
	os.Exit(1)
}

func serve(address string, echo func(net.Conn)) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			echo(conn)
		}()
	}
}

func buffered(conn net.Conn) {
	buf := make([]byte, 16<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if _, err := conn.Write(buf[:n]); err != nil {
			return
		}
	}
}

func copied(conn net.Conn) { io.Copy(conn, conn) }

func serveDatagrams(address string) error {
	pc, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	conn := pc.(*net.UDPConn)
	buf := make([]byte, 65536)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return err
		}
		conn.WriteToUDPAddrPort(buf[:n], from)
	}
}
