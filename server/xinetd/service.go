package xinetd

import "time"

// Limit is a number of running servers. 0 turns every client away.
type Limit int

// Unlimited is no limit.
const Unlimited Limit = -1

// Kind is what answers the clients of a service.
type Kind uint8

const (
	Unknown  Kind = iota // the entry has errors and does not say
	Internal             // this program
	Program              // the program Service.Server
	Relay                // the server Service.Redirect
)

// Family says which addresses a service listens on, where Service.Bind leaves it open.
type Family uint8

const (
	BothFamilies Family = iota // one socket for IPv4 and IPv6
	IPv4Only
	IPv6Only
)

// Service is one entry with the defaults applied.
type Service struct {
	ID   string // no two services that are on have the same
	Name string
	File string
	Line int
	Off  string // why the service is off, or empty

	Kind    Kind
	Network string // tcp or udp
	Port    uint16
	Bind    string // address or host name; empty for every address
	Family  Family
	Flags   Flags
	Wait    bool // the server gets the socket itself, and accepts or receives on its own

	User     string   // a name or a number
	Group    string   // empty: the user's
	Groups   bool     // the user's supplementary groups too
	Server   string   // path of the program
	Args     []string // its arguments, from argv[0] on
	Redirect Redirect

	Instances      Limit
	PerSource      Limit
	Rate           Rate
	SourceRate     Rate          // the same for each client's address alone
	MaxLoad        float64       // load average from which on clients are turned away; 0 is none
	WaitAtLimit    bool          // clients over a limit wait, instead of being turned away
	IdleTimeout    time.Duration // 0 is none
	Lifetime       time.Duration // 0 is none
	Nice           int
	Umask          int // -1 is the daemon's
	ResourceLimits []ResourceLimit

	OnlyFrom    []Address     // nil: every client; empty: none
	NoAccess    []Address     // counts more than OnlyFrom, whatever is narrower
	AccessTimes []Hours       // empty: always
	HostsAccess string        // daemon name for hosts_access(5); empty with NOLIBWRAP
	DenyTime    time.Duration // of a sensor; DenyForever, or 0 to log only

	Log          Log
	LogOnSuccess LogItems
	LogOnFailure LogItems

	Env     []string // NAME=value
	PassEnv []string // nil: all of the daemon's; empty: nothing

	Banner        string // path of a file, each
	BannerSuccess string
	BannerFail    string

	ProxyProtocol int // version told to the server of a Redirect; 0 is none
}

// DenyForever is the DenyTime of a sensor that never forgets.
const DenyForever time.Duration = -1

// Redirect is where a Relay connects to. The host is a name or an address.
type Redirect struct {
	Host string
	Port uint16
}

// Rate is a number of connections a second, and the rest after more. PerSecond 0 is no limit.
type Rate struct {
	PerSecond int
	Rest      time.Duration
}

// Hours is a part of the day in local time. Both ends belong to it.
type Hours struct{ From, To ClockTime }

// ClockTime is minutes since midnight.
type ClockTime int

// ResourceLimit is one of setrlimit(2), soft and hard alike.
type ResourceLimit struct {
	Name  string // as, cpu, data, files, nproc, rss, stack
	Value uint64 // NoResourceLimit for UNLIMITED
}

// NoResourceLimit is RLIM_INFINITY.
const NoResourceLimit = ^uint64(0)

// Log is where a service logs. The zero value is nowhere of its own.
type Log struct {
	File       string // a path; empty unless log_type is FILE
	Soft, Hard int64  // sizes in bytes; 0 is none
	Facility   string // of syslog; empty unless log_type is SYSLOG
	Level      string
}
