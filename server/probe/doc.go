// Package probe is the client end of an echo server: it asks whether a server
// echoes at all, and how much of it the server can do.
//
// [Pinger] sends one message after another, waits for each and reports every
// answer, as ping(8) does. [Load] keeps many connections busy for a while and
// reports throughput and a distribution of latencies. Both speak to any
// server that keeps to RFC 862, over TCP, UDP and Unix stream sockets, and
// both compare every byte that comes back with the one that was sent: an
// answer that differs is a failure, never a success.
//
// The package neither prints nor exits. What happens on the way is given to a
// callback, what came out of it is returned.
package probe
