package server

import "net/netip"

// loopPorts are the ports that a datagram must not be answered to, in ascending order, and why:
// what listens there answers what it does not understand, or whatever it gets, so that one forged
// datagram starts an exchange without end (CERT VU#417980), or that is where reflected floods are
// aimed.
var loopPorts = [...]struct {
	port uint16
	why  string
}{
	{0, "no port at all: nothing is there to get an answer"},
	{7, "echo, RFC 862: sends everything back"},
	{11, "active users, RFC 866: answers everything"},
	{13, "daytime, RFC 867: answers everything"},
	{17, "quote of the day, RFC 865: answers everything"},
	{19, "chargen, RFC 864: answers everything with more"},
	{37, "time, RFC 868: answers everything"},
	{53, "domain, RFC 1035: some answer an answer with a format error"},
	{69, "tftp, RFC 1350: answers an error packet with one"},
	{111, "rpcbind, RFC 1833: answers calls of versions that it does not know"},
	{123, "ntp, RFC 5905: some answer an error with an error"},
	{137, "NetBIOS names, RFC 1002: some answer a response with a negative one"},
	{161, "snmp, RFC 3430: may answer with a report (RFC 3412)"},
	{389, "connectionless ldap, RFC 1798: answers what it cannot read with a notice"},
	{500, "isakmp, RFC 2408: may answer with a notification"},
	{520, "rip, RFC 2453: answers requests"},
	{1900, "ssdp: answers a search many times over"},
	{3702, "web services discovery: answers with a fault, many times over"},
	{5060, "sip, RFC 3261: answers a request that it cannot read"},
	{5353, "multicast dns, RFC 6762: answers legacy queries"},
	{11211, "memcached: answers what it does not know with ERROR"},
}

// notUnicast tells whether a is the address of many, or of none. The broadcast address of a
// network cannot be told from the address alone: the kernel refuses to send there.
func notUnicast(a netip.Addr) bool {
	return a.IsMulticast() || a.IsUnspecified() || a == broadcast()
}

// An arrival is what is known of where a datagram arrived. The zero value knows nothing.
type arrival struct {
	to      netip.Addr // the address that was asked
	index   uint32     // of the interface, if to is link-local
	foreign bool       // to is known to be no unicast address of this machine
}
