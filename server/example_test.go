package server_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"echod/server"
)

func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	var echo server.Service
	echo.Apply(server.Terms{IdleTimeout: time.Minute})
	s := new(server.Server)
	go s.Serve(l, &echo)

	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(conn, "hello, world")
	conn.(*net.TCPConn).CloseWrite()
	reply, err := io.ReadAll(conn)
	if err != nil {
		log.Fatal(err)
	}
	conn.Close()
	fmt.Printf("%s\n", reply)

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	st := s.Stats()
	fmt.Println(st.Accepted, "client,", st.BytesSent, "bytes")
	// Output:
	// hello, world
	// 1 client, 12 bytes
}
