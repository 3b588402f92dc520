package xinetd

import (
	"slices"
	"strings"
	"time"
)

// parse sets what the values of a statement say. An error turns the service off.
type parse func(d *draft, s statement) error

// place says in which entries an attribute means something.
type place uint8

const (
	inService  place = iota // and nothing in defaults
	anywhere                // in defaults, for all services that do not set it
	inDefaults              // in defaults only
)

// style says how often an attribute may be set, and with which operators.
type style uint8

const (
	single   style = iota // once, with =
	repeated              // repeatedly, with =, += and -=
	growing               // repeatedly, with = and +=
)

// many is no bound for the count of values.
const many = maxLine

// attribute is a row of the table of all attributes.
type attribute struct {
	name     string
	min, max int // count of values
	place    place
	style    style
	parse    parse               // nil: the attribute does nothing, see obsolete
	needed   func(d *draft) bool // whether a service cannot do without it; nil: it can

	// asIs takes a word like "#" for a value, too: cutting it off would change the meaning.
	asIs bool
	// narrows is for what restricts: in an entry where xinetd ignores it, it is an error.
	narrows  bool
	obsolete string // why it does nothing
}

// always is for attributes that every service needs.
func always(*draft) bool { return true }

// attributes is the table. The extensions of this program are the ones that xinetd.conf(5) does
// not have: at_limit, cps_per_source, idle_timeout, lifetime, proxy_protocol and rlimit_nproc.
var attributes = []attribute{
	{name: "id", min: 1, max: 1, parse: toWord(func(d *draft) *string { return &d.ID })},
	{name: "type", min: 1, max: many, parse: toBits(typeWords, func(d *draft) *kinds { return &d.kinds })},
	{name: "flags", min: 1, max: many, parse: toBits(flagWords, func(d *draft) *Flags { return &d.Flags })},
	{name: "disable", min: 1, max: 1, narrows: true, parse: toOneOf(yesNo, func(d *draft) *bool { return &d.disable })},
	{name: "socket_type", min: 1, max: 1, needed: needsSocketType, parse: toOneOf(socketWords, func(d *draft) *string { return &d.socketNetwork })},
	{name: "protocol", min: 1, max: 1, parse: toOneOf(protocolWords, func(d *draft) *string { return &d.Network })},
	{name: "port", min: 1, max: 1, needed: (*draft).unlisted, parse: parsePort},
	{name: "wait", min: 1, max: 1, needed: always, parse: toOneOf(yesNo, func(d *draft) *bool { return &d.Wait })},
	{name: "bind", min: 1, max: 1, place: anywhere, parse: parseBind},
	{name: "v6only", min: 1, max: 1, place: anywhere, parse: toOneOf(yesNo, func(d *draft) *bool { return &d.v6only })},

	{name: "user", min: 1, max: 1, needed: (*draft).external, parse: toWord(func(d *draft) *string { return &d.User })},
	{name: "group", min: 1, max: 1, narrows: true, parse: toWord(func(d *draft) *string { return &d.Group })},
	{name: "groups", min: 1, max: 1, place: anywhere, parse: toOneOf(yesNo, func(d *draft) *bool { return &d.Groups })},
	{name: "server", min: 1, max: 1, needed: needsServer, parse: toPath(func(d *draft) *string { return &d.Server })},
	{name: "server_args", min: 1, max: many, asIs: true, parse: parseServerArgs},
	{name: "redirect", min: 2, max: 2, parse: parseRedirect},
	{name: "env", min: 0, max: many, style: growing, parse: parseEnv},
	{name: "passenv", min: 0, max: many, place: anywhere, style: repeated, parse: parsePassEnv},
	{name: "nice", min: 1, max: 1, narrows: true, parse: toNumber(-20, 20, func(d *draft) *int { return &d.Nice })},
	{name: "umask", min: 1, max: 1, place: anywhere, parse: parseUmask},
	{name: "rlimit_as", min: 1, max: 1, narrows: true, parse: toResource("as", true)},
	{name: "rlimit_cpu", min: 1, max: 1, narrows: true, parse: toResource("cpu", false)},
	{name: "rlimit_data", min: 1, max: 1, narrows: true, parse: toResource("data", true)},
	{name: "rlimit_files", min: 1, max: 1, narrows: true, parse: toResource("files", false)},
	{name: "rlimit_nproc", min: 1, max: 1, narrows: true, parse: toResource("nproc", false)},
	{name: "rlimit_rss", min: 1, max: 1, narrows: true, parse: toResource("rss", true)},
	{name: "rlimit_stack", min: 1, max: 1, narrows: true, parse: toResource("stack", true)},

	{name: "instances", min: 1, max: 1, place: anywhere, parse: toLimit(func(d *draft) *Limit { return &d.Instances })},
	{name: "per_source", min: 1, max: 1, place: anywhere, parse: toLimit(func(d *draft) *Limit { return &d.PerSource })},
	{name: "cps", min: 2, max: 2, place: anywhere, parse: toRate(func(d *draft) *Rate { return &d.Rate })},
	{name: "cps_per_source", min: 2, max: 2, place: anywhere, parse: toRate(func(d *draft) *Rate { return &d.SourceRate })},
	{name: "max_load", min: 1, max: 1, place: anywhere, parse: parseMaxLoad},
	{name: "at_limit", min: 1, max: 1, place: anywhere, parse: toOneOf(atLimitWords, func(d *draft) *bool { return &d.WaitAtLimit })},
	{name: "idle_timeout", min: 1, max: 1, place: anywhere, parse: toSeconds(func(d *draft) *time.Duration { return &d.IdleTimeout })},
	{name: "lifetime", min: 1, max: 1, place: anywhere, parse: toSeconds(func(d *draft) *time.Duration { return &d.Lifetime })},

	{name: "only_from", min: 0, max: many, place: anywhere, style: repeated, parse: toAddresses(func(d *draft) *[]Address { return &d.OnlyFrom }, false)},
	{name: "no_access", min: 0, max: many, place: anywhere, style: repeated, asIs: true, parse: toAddresses(func(d *draft) *[]Address { return &d.NoAccess }, true)},
	{name: "access_times", min: 1, max: many, narrows: true, parse: parseAccessTimes},
	{name: "libwrap", min: 1, max: 1, narrows: true, parse: toWord(func(d *draft) *string { return &d.HostsAccess })},
	{name: "deny_time", min: 1, max: 1, parse: parseDenyTime},

	{name: "log_type", min: 2, max: 4, place: anywhere, parse: parseLog},
	{name: "log_on_success", min: 0, max: many, place: anywhere, style: repeated, parse: toBits(successWords, func(d *draft) *LogItems { return &d.LogOnSuccess })},
	{name: "log_on_failure", min: 0, max: many, place: anywhere, style: repeated, parse: toBits(failureWords, func(d *draft) *LogItems { return &d.LogOnFailure })},
	{name: "banner", min: 1, max: 1, place: anywhere, parse: toPath(func(d *draft) *string { return &d.Banner })},
	{name: "banner_success", min: 1, max: 1, place: anywhere, parse: toPath(func(d *draft) *string { return &d.BannerSuccess })},
	{name: "banner_fail", min: 1, max: 1, place: anywhere, parse: toPath(func(d *draft) *string { return &d.BannerFail })},
	{name: "proxy_protocol", min: 1, max: 1, parse: toOneOf(proxyWords, func(d *draft) *int { return &d.ProxyProtocol })},

	{name: "enabled", min: 0, max: many, place: inDefaults, style: repeated, narrows: true, parse: toIDs(func(d *draft) *[]string { return &d.enabled })},
	{name: "disabled", min: 0, max: many, place: inDefaults, style: repeated, asIs: true, narrows: true, parse: toIDs(func(d *draft) *[]string { return &d.disabled })},

	{name: "rpc_version", min: 0, max: many, obsolete: "RPC services are not supported"},
	{name: "rpc_number", min: 0, max: many, obsolete: "RPC services are not supported"},
	{name: "mdns", min: 0, max: many, obsolete: "services are not announced"},
}

var atLimitWords = []word[bool]{{name: "refuse"}, {name: "wait", value: true}}

var proxyWords = []word[int]{{name: "v1", value: 1}, {name: "v2", value: 2}}

// find returns the row of a name, compared without case. interface is bind.
func find(name string) (a attribute, ok bool) {
	if strings.EqualFold(name, "interface") {
		name = "bind"
	}
	return first(func(a attribute) bool { return strings.EqualFold(a.name, name) })
}

// misspelt returns the attribute that was probably meant.
func misspelt(name string) (a attribute, ok bool) {
	return first(func(a attribute) bool { return similar(name, a.name) })
}

func first(is func(attribute) bool) (a attribute, ok bool) {
	i := slices.IndexFunc(attributes, is)
	if i < 0 {
		return attribute{}, false
	}
	return attributes[i], true
}
