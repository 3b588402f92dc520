package xinetd

import (
	"fmt"
	"strings"
)

// Flags are the ones of the attribute "flags" that mean something to a successor of xinetd.
type Flags uint8

const (
	NoDelay    Flags = 1 << iota // TCP_NODELAY
	KeepAlive                    // SO_KEEPALIVE
	NameInArgs                   // the first word of server_args is the program's own name
	NoLibwrap                    // hosts.allow and hosts.deny do not count
	Sensor                       // a client that comes is turned away everywhere, for a time
	flagIPv4
	flagIPv6
)

// LogItems are what log_on_success and log_on_failure ask for.
type LogItems uint8

const (
	LogPID LogItems = 1 << iota
	LogHost
	LogExit
	LogDuration
	LogTraffic
	LogAttempt
)

// kinds are the values of the attribute "type".
type kinds uint8

const (
	kindInternal kinds = 1 << iota
	kindUnlisted
)

// word is one word of a closed set, compared without case.
type word[T any] struct {
	name    string
	value   T
	refused string // why a service that asks for it is off, or empty
	ignored string // why it does nothing, or empty
}

var flagWords = []word[Flags]{
	{name: "REUSE"}, // always on
	{name: "NODELAY", value: NoDelay},
	{name: "KEEPALIVE", value: KeepAlive},
	{name: "NAMEINARGS", value: NameInArgs},
	{name: "NOLIBWRAP", value: NoLibwrap},
	{name: "SENSOR", value: Sensor},
	{name: "IPv4", value: flagIPv4},
	{name: "IPv6", value: flagIPv6},
	{name: "NORETRY", ignored: "starting a program is not tried again"},
	{name: "IDONLY", refused: "clients are not asked for their user (RFC 1413)"},
	{name: "INTERCEPT", refused: "packets of a wait service cannot be checked one by one"},
	{name: "LABELED", refused: "SELinux labels of clients are not looked at"},
}

var typeWords = []word[kinds]{
	{name: "INTERNAL", value: kindInternal},
	{name: "UNLISTED", value: kindUnlisted},
	{name: "RPC", refused: "RPC services are not supported"},
	{name: "TCPMUX", refused: "TCPMUX services are not supported"},
	{name: "TCPMUXPLUS", refused: "TCPMUX services are not supported"},
}

var successWords = []word[LogItems]{
	{name: "PID", value: LogPID},
	{name: "HOST", value: LogHost},
	{name: "USERID", ignored: "clients are not asked for their user (RFC 1413)"},
	{name: "EXIT", value: LogExit},
	{name: "DURATION", value: LogDuration},
	{name: "TRAFFIC", value: LogTraffic},
}

// Every word of log_on_failure implies ATTEMPT.
var failureWords = []word[LogItems]{
	{name: "HOST", value: LogHost | LogAttempt},
	{name: "USERID", value: LogAttempt, ignored: "clients are not asked for their user (RFC 1413)"},
	{name: "ATTEMPT", value: LogAttempt},
}

var socketWords = []word[string]{
	{name: "stream", value: "tcp"},
	{name: "dgram", value: "udp"},
	{name: "raw", refused: "raw sockets are not supported"},
	{name: "seqpacket", refused: "seqpacket sockets are not supported"},
}

var protocolWords = []word[string]{{name: "tcp", value: "tcp"}, {name: "udp", value: "udp"}}

var yesNo = []word[bool]{{name: "yes", value: true}, {name: "no", value: false}}

var facilityNames = []string{
	"daemon", "auth", "authpriv", "user", "mail", "lpr", "news", "uucp", "ftp", "cron", "kern", "syslog",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}

var levelNames = []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// internalNames are the services that need no program.
var internalNames = []string{"echo", "discard", "daytime", "time", "chargen"}

// named is a closed set of words that stand for themselves.
func named(names []string) []word[string] {
	set := make([]word[string], len(names))
	for i, name := range names {
		set[i] = word[string]{name: name, value: name}
	}
	return set
}

// oneOf finds text in a closed set.
func oneOf[T any](set []word[T], text string) (word[T], error) {
	var names []string
	for _, w := range set {
		if strings.EqualFold(w.name, text) {
			if w.refused != "" {
				return w, fmt.Errorf("%s: %s", w.name, w.refused)
			}
			return w, nil
		}
		names = append(names, w.name)
	}
	return word[T]{}, fmt.Errorf("unknown value %s: one of %s is expected", plain(text), strings.Join(names, ", "))
}

// similar tells whether a word is one slip of the keyboard away from a name: a letter too many,
// missing, wrong, or two swapped; two slips in names of eight letters or more.
func similar(text, name string) bool {
	slips := 1
	if len(name) >= 8 {
		slips = 2
	}
	if difference := len(text) - len(name); difference < -slips || difference > slips {
		return false
	}
	return distance(strings.ToLower(text), strings.ToLower(name)) <= slips
}

// distance is the number of insertions, deletions, substitutions and swaps of neighbours that
// make a into b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
