package xinetd

import (
	"net/netip"
	"path"
)

func (d *draft) internal() bool { return d.kinds&kindInternal != 0 }
func (d *draft) unlisted() bool { return d.kinds&kindUnlisted != 0 }
func (d *draft) external() bool { return !d.internal() }

func needsServer(d *draft) bool     { return d.external() && !d.has("redirect") }
func needsSocketType(d *draft) bool { return !d.has("protocol") }

func parsePort(d *draft, s statement) error {
	n, err := number(s.values[0], 1, 65535)
	d.Port = uint16(n)
	return err
}

func parseServerArgs(d *draft, s statement) error {
	d.serverArgs = s.values
	return nil
}

// complete derives what the statements leave open, and checks what they say together.
func (d *draft) complete() {
	whole := statement{position: d.entry.position}
	for _, a := range attributes {
		if a.needed != nil && !d.has(a.name) && a.needed(d) {
			d.fail(whole, "%s is missing", a.name)
		}
	}
	switch {
	case d.internal():
		d.Kind = Internal
		d.checkInternal(whole)
	case d.has("redirect"):
		d.Kind = Relay
		d.checkRelay(whole)
	case d.has("server"):
		d.Kind = Program
		d.checkProgram(whole)
	}
	d.settleNetwork(whole)
	d.settlePort(whole)
	d.settleFamily(whole)
	d.settleArgs(whole)
	d.settleHostsAccess()
	if d.LogOnSuccess&LogTraffic != 0 && d.Kind != Relay {
		d.fail(whole, "log_on_success TRAFFIC: only the bytes of a redirect are counted")
	}
	if d.has("deny_time") && d.Flags&Sensor == 0 {
		d.warn(d.given["deny_time"], "deny_time is ignored: the service is no SENSOR")
	}
	if d.ProxyProtocol != 0 && d.Kind != Relay {
		d.fail(d.given["proxy_protocol"], "proxy_protocol: it is for a redirect")
	}
}

func (d *draft) checkInternal(whole statement) {
	if d.Flags&Sensor == 0 {
		if _, err := oneOf(named(internalNames), d.Name); err != nil {
			d.fail(whole, "no such internal service: %w", err)
		}
	}
	if d.has("redirect") {
		d.fail(d.given["redirect"], "redirect: an INTERNAL service has none")
	}
	if d.has("server") {
		d.warn(d.given["server"], "server is ignored: the service is INTERNAL")
	}
}

func (d *draft) checkRelay(whole statement) {
	if d.has("server") {
		d.warn(d.given["server"], "server is ignored: the service has a redirect")
	}
	if d.Wait {
		d.fail(d.given["wait"], "wait: a redirect accepts its clients itself")
	}
	if d.has("socket_type") && d.socketNetwork != "tcp" {
		d.fail(whole, "redirect: only streams can be redirected")
	}
	port, ok := number(d.redirectPort, 1, 65535)
	d.Redirect.Port = uint16(port)
	if ok == nil || d.redirectPort == "" {
		return
	}
	if d.Redirect.Port, _ = d.lookupPort("tcp", d.redirectPort); d.Redirect.Port == 0 {
		d.fail(d.given["redirect"], "redirect: %s is neither a port nor in /etc/services", plain(d.redirectPort))
	}
}

func (d *draft) checkProgram(whole statement) {
	switch datagrams := d.socketNetwork == "udp" || d.Network == "udp"; {
	case datagrams && !d.Wait && d.has("wait"):
		d.fail(d.given["wait"], "wait: a program that takes datagrams needs wait = yes; xinetd starts it without end")
	case !datagrams && d.Wait && (d.OnlyFrom != nil || len(d.NoAccess) > 0):
		d.fail(whole, "only_from and no_access cannot be kept: with wait = yes the program accepts its clients itself")
	}
	if d.Flags&Sensor != 0 {
		d.fail(d.given["flags"], "flags SENSOR: the service has to be of type INTERNAL")
	}
}

// settleNetwork takes the network from socket_type and protocol, which have to agree.
func (d *draft) settleNetwork(whole statement) {
	switch {
	case d.Network == "":
		d.Network = d.socketNetwork
	case d.socketNetwork != "" && d.socketNetwork != d.Network:
		d.fail(whole, "protocol %s does not fit socket_type", d.Network)
	}
}

// settlePort wants a listed service on its listed port, as xinetd does. A name that is not in
// the list and has a port is served.
func (d *draft) settlePort(whole statement) {
	if d.unlisted() || d.Network == "" {
		return
	}
	listed, ok := d.lookupPort(d.Network, d.Name)
	switch {
	case ok && !d.has("port"):
		d.Port = listed
	case ok && d.Port != listed && d.Port != 0:
		d.fail(d.given["port"], "port %d: /etc/services has %d for %s; type = UNLISTED takes any", d.Port, listed, plain(d.Name))
	case !ok && d.has("port"):
		d.warn(d.given["port"], "%s/%s is not in /etc/services: xinetd wants type = UNLISTED", plain(d.Name), d.Network)
	case !ok:
		d.fail(whole, "port is missing: %s/%s is not in /etc/services", plain(d.Name), d.Network)
	}
}

func (d *draft) lookupPort(network, name string) (uint16, bool) {
	if d.options.LookupPort == nil {
		return 0, false
	}
	return d.options.LookupPort(network, name)
}

// settleFamily lets the address to bind decide, then v6only, then the flags. The flag IPv6, with
// IPv4 or alone, is what a service has without flags: both families.
func (d *draft) settleFamily(whole statement) {
	a, err := netip.ParseAddr(d.Bind)
	switch {
	case d.Flags&(flagIPv4|flagIPv6) == flagIPv4, err == nil && a.Is4():
		d.Family = IPv4Only
	case d.v6only, err == nil && a.Is6() && !a.IsUnspecified():
		d.Family = IPv6Only
	}
	if d.Family == IPv4Only && (d.has("v6only") && d.v6only || err == nil && a.Is6()) {
		d.fail(whole, "address families contradict one another: flags, bind and v6only have to agree")
	}
	d.Flags &^= flagIPv4 | flagIPv6
}

func (d *draft) settleArgs(whole statement) {
	own := d.Flags&NameInArgs != 0
	switch {
	case own && d.Kind != Program:
		d.fail(whole, "flags NAMEINARGS: the service starts no program")
	case own && len(d.serverArgs) == 0:
		d.fail(whole, "flags NAMEINARGS: server_args has to begin with the name")
	case own:
		d.Args = d.serverArgs
	case d.Kind == Program:
		d.Args = append([]string{path.Base(d.Server)}, d.serverArgs...)
	}
}

// settleHostsAccess names the service as xinetd does for hosts.allow and hosts.deny.
func (d *draft) settleHostsAccess() {
	switch {
	case d.Flags&NoLibwrap != 0:
		d.HostsAccess = ""
	case d.HostsAccess != "":
	case d.Kind == Program:
		d.HostsAccess = path.Base(d.Server)
	default:
		d.HostsAccess = d.Name
	}
}
