package xinetd

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// ports are the services that the tests find in /etc/services.
func ports(network, name string) (uint16, bool) {
	port, ok := map[string]uint16{"echo": 7, "discard": 9, "daytime": 13, "chargen": 19, "telnet": 23, "time": 37}[name]
	return port, ok
}

// read reads files, of which the first is named conf.
func read(t *testing.T, files map[string]string) *Config {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	c, err := Read(fsys, "conf", Options{LookupPort: ports})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// good is a service that lacks nothing; lines are added to it.
func good(lines ...string) string {
	return "service a\n{\n type = UNLISTED\n port = 3600\n socket_type = stream\n protocol = tcp\n wait = no\n user = nobody\n" +
		" server = /bin/cat\n" + strings.Join(lines, "\n") + "\n}\n"
}

// said tells whether a diagnostic of the severity contains the words.
func said(c *Config, severity Severity, words string) bool {
	return slices.ContainsFunc(c.Diagnostics, func(d Diagnostic) bool {
		return d.Severity == severity && strings.Contains(d.String(), words)
	})
}

func wantOn(t *testing.T, c *Config, on bool) {
	t.Helper()
	if len(c.Services) == 0 || (c.Services[0].Off == "") != on {
		t.Errorf("service on: want %v, have %+v\n%v", on, c.Services, c.Diagnostics)
	}
}

func TestPlainService(t *testing.T) {
	c := read(t, map[string]string{"conf": good("server_args = -v x", "instances = 010", "cps = 5 3", "umask = 077", "rlimit_as = 64M",
		"access_times = 1:02-3:04", "log_type = FILE /l 100k", "bind = 127.0.0.1", "redirect_note_of_another_version = 1")})
	wantOn(t, c, true)
	v := c.Services[0]
	have := fmt.Sprint(v.ID, v.Kind, v.Network, v.Port, v.Family, v.Args, v.Instances, v.PerSource, v.Rate, v.Umask,
		v.ResourceLimits, v.AccessTimes, v.Log, v.OnlyFrom == nil, v.HostsAccess)
	if want := "a2tcp 3600 1 [cat -v x] 10 -1 {5 3s} 63 [{as 67108864}] [{62 184}] {/l 102400 107520  } true cat"; strings.ReplaceAll(have, " ", "") != strings.ReplaceAll(want, " ", "") {
		t.Errorf("have %s\nwant %s", have, want)
	}
	if c.Failed() || len(c.Diagnostics) != 1 {
		t.Errorf("diagnostics: %v", c.Diagnostics)
	}
}

// TestLines has one line too many in a service that is good without it.
func TestLines(t *testing.T) {
	for _, tt := range []struct {
		line string
		on   bool
		says string // of an error if the service is off, of a warning if not
	}{
		{"instances = 5 # note", true, "taken as a comment"},
		{"instances = 5 // note", true, "taken as a comment"},
		{"instances = 5 note", false, "instances has 2 values where 1 is expected"},
		{"instances += 5", false, "cannot be set with +="},
		{"instances == 5", false, "instances has 2 values"},
		{"instances ==5", false, "bad value =5"},
		{"instances 5", false, "no operator"},
		{"instances", false, "no operator"},
		{"instances=5", true, "needs a blank"},
		{"instances = lots", false, "bad value lots"},
		{"instances = 0", true, ""},
		{"instance = 5", false, "instances may be meant"},
		{"no_acess = 10.0.0.1", false, "no_access may be meant"},
		{"foo = bar", true, "unknown attribute foo"},
		{"port = 3600", true, "to the same value"},
		{"port = 3601", false, "port is set again"},
		{"disable = yes # off", false, ""},
		{"bind = 127.0.0.1 127.0.0.2", false, "bind has 2 values"},
		{"rlimit_as = 64 M", false, "rlimit_as has 2 values"},
		{"rlimit_as = 64 M # note", false, "rlimit_as has 2 values"},
		{"rlimit_cpu = 20 # secs", true, "taken as a comment"},
		{"only_from = ALL", false, "bad address ALL"},
		{"no_access = ALL", false, "bad address ALL"},
		{"no_access = 10.0.0.1 # bad", false, "bad address #"},
		{"no_access = 192.168.1", false, "192.168.0.1 alone"},
		{"only_from = 192.168.1", true, "192.168.0.1 alone"},
		{"only_from = 10.0.0.1,", false, "comma"},
		{"server_args = -c # x", true, "does not begin a comment"},
		{"flags = INTERCEPT", false, "INTERCEPT"},
		{"flags = IDONLY", false, "IDONLY"},
		{"flags = NAMEINARGS", false, "server_args has to begin"},
		{"flags = SENSOR", false, "INTERNAL"},
		{"log_on_success = TRAFFIC", false, "TRAFFIC"},
		{"log_on_success = USERID", true, "USERID is ignored"},
		{"log_on_success = PIDD", false, "unknown value PIDD"},
		{"max_load = 2.5x", false, "bad value 2.5x"},
		{"max_load = 0", false, "bad value 0"},
		{"max_load = NaN", false, "bad value NaN"},
		{"access_times = 3:00-24:00", false, "bad interval"},
		{"access_times = 3:00-2:00", false, "not after its begin"},
		{"umask = 8", false, "octal"},
		{"cps = 5", false, "cps has 1 values where 2 are"},
		{"disabled = yes", false, "does not belong in a service"},
		{"env = A", false, "NAME=value"},
		{"env -= A", false, "cannot be set with -="},
		{"type = UNLISTED RPC", false, "type is set again"},
		{"protocol = udp", false, "protocol is set again"},
		{"id = x\x00y", false, "control character"},
		{"id = x\xffy", false, "not valid UTF-8"},
		{"id = " + strings.Repeat("x", maxLine), false, "line too long"},
		{"# " + strings.Repeat("x", maxLine), false, "line too long"},
		{"idle_timeout = 30", true, ""},
		{"proxy_protocol = v1", false, "it is for a redirect"},
		{"banner = motd", false, "has to begin with /"},
	} {
		t.Run(tt.line[:min(len(tt.line), 30)], func(t *testing.T) {
			c := read(t, map[string]string{"conf": good(tt.line)})
			wantOn(t, c, tt.on)
			severity := Error
			if tt.on {
				severity = Warning
			}
			if tt.says != "" && !said(c, severity, tt.says) {
				t.Errorf("nothing of severity %v says %q: %v", severity, tt.says, c.Diagnostics)
			}
		})
	}
}

// TestShapes has entries with braces and lines that are not as xinetd wants them.
func TestShapes(t *testing.T) {
	body := strings.TrimPrefix(good(), "service a\n{\n")
	for name, tt := range map[string]struct {
		text string
		on   bool
		says string
	}{
		"brace on the line":  {"service a {\n" + body, true, "'{' has to be on a line of its own"},
		"comments before it": {"service a\n\n# x\n  {\n" + body, true, ""},
		"note at the end":    {strings.TrimSuffix(good(), "\n") + " # end", true, "'}' has to be on a line of its own"},
		"CR LF":              {strings.ReplaceAll(good(), "\n", "\r\n"), true, "CR LF"},
		"no last newline":    {strings.TrimSuffix(good(), "\n"), true, ""},
		"cut short":          {strings.TrimSuffix(good(), "}\n"), false, "incomplete entry"},
		"no brace":           {"service a\n" + body, false, "missing '{'"},
		"no end":             {strings.TrimSuffix(good(), "}\n") + "service b\n{\n}\n", false, "another one begins"},
		"any case":           {strings.Replace(good("Instances = unlimited"), "service", "SERVICE", 1), true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := read(t, map[string]string{"conf": tt.text})
			wantOn(t, c, tt.on)
			if tt.says == "" && len(c.Diagnostics) > 0 {
				t.Errorf("diagnostics: %v", c.Diagnostics)
			}
			if tt.says != "" && !said(c, Warning, tt.says) && !said(c, Error, tt.says) {
				t.Errorf("nothing says %q: %v", tt.says, c.Diagnostics)
			}
		})
	}
}

// TestDefaultsApplyWhateverTheOrder: xinetd leaves a service before the defaults open to all.
func TestDefaultsApplyWhateverTheOrder(t *testing.T) {
	terms := "defaults\n{\n only_from = 10.0.0.1\n only_from = 10.0.0.2\n instances = 3\n}\n"
	for _, text := range []string{terms + good("only_from -= 10.0.0.2"), good("only_from -= 10.0.0.2") + terms} {
		c := read(t, map[string]string{"conf": text})
		wantOn(t, c, true)
		if v := c.Services[0]; fmt.Sprint(v.OnlyFrom, v.Instances) != "[10.0.0.1/32] 3" {
			t.Errorf("only_from %v, instances %d", v.OnlyFrom, v.Instances)
		}
	}
}

// TestDefaultsWithErrors: no service runs without limits that were meant for it.
func TestDefaultsWithErrors(t *testing.T) {
	for _, text := range []string{
		"defaults\n{\n instances = lots\n}\n", "defaults\n{\n instances = 5\n", "default\n{\n instances = 5\n}\n",
		"defaults\n{\n}\ndefaults\n{\n instances = 5\n}\n", "defaults\n{\n access_times = 1:00-2:00\n}\n",
	} {
		c := read(t, map[string]string{"conf": good() + text})
		wantOn(t, c, false)
		if !c.Failed() {
			t.Errorf("no error for %q", text)
		}
	}
}

func TestEmptyListIsNotUnset(t *testing.T) {
	for _, lines := range []string{"only_from =", "only_from -= 10.0.0.1"} {
		v := read(t, map[string]string{"conf": good(lines)}).Services[0]
		if v.OnlyFrom == nil || len(v.OnlyFrom) > 0 {
			t.Errorf("%s: only_from is %#v", lines, v.OnlyFrom)
		}
	}
}

func TestEnabledBringsBackNoErrors(t *testing.T) {
	enabled := "defaults\n{\n enabled = a\n}\n"
	wantOn(t, read(t, map[string]string{"conf": enabled + good()}), true)
	wantOn(t, read(t, map[string]string{"conf": enabled + good("instances = lots")}), false)
	wantOn(t, read(t, map[string]string{"conf": enabled + good("disable = yes")}), false)
	wantOn(t, read(t, map[string]string{"conf": "defaults\n{\n enabled =\n}\n" + good()}), false)
	wantOn(t, read(t, map[string]string{"conf": "defaults\n{\n disabled = A\n}\n" + good()}), false)
}

// TestDisabledServiceHasNoErrors: xinetd does not read on after disable = yes.
func TestDisabledServiceHasNoErrors(t *testing.T) {
	c := read(t, map[string]string{"conf": good("disable = yes", "instances = lots")})
	wantOn(t, c, false)
	if c.Failed() || !said(c, Warning, "bad value lots") {
		t.Errorf("diagnostics: %v", c.Diagnostics)
	}
}

func TestIDs(t *testing.T) {
	echo := func(kind, more string) string {
		return "service echo\n{\n type = INTERNAL\n wait = no\n socket_type = " + kind + "\n" + more + "\n}\n"
	}
	c := read(t, map[string]string{"conf": echo("stream", "") + echo("dgram", "") + echo("stream", "bind = 127.0.0.1") +
		"service discard\n{\n type = INTERNAL\n wait = no\n socket_type = stream\n id = ECHO-x\n}\n" +
		"service time\n{\n type = INTERNAL\n wait = no\n socket_type = stream\n id = echo-X\n}\n"})
	var have []string
	for _, v := range c.Services {
		have = append(have, fmt.Sprint(v.ID, " ", v.Off == ""))
	}
	if want := "[echo true echo-udp true echo-tcp false ECHO-x true echo-X false]"; fmt.Sprint(have) != want {
		t.Errorf("have %v, want %s\n%v", have, want, c.Diagnostics)
	}
	if !said(c, Error, "port 7/tcp is served by service echo of conf:1") || !said(c, Error, "id echo-X: the service of conf:") {
		t.Errorf("diagnostics: %v", c.Diagnostics)
	}
}

func TestPortsOfListedServices(t *testing.T) {
	listed := func(name, lines string) string {
		return "service " + name + "\n{\n wait = no\n socket_type = stream\n user = nobody\n redirect = ::1 80\n" + lines + "\n}\n"
	}
	wantOn(t, read(t, map[string]string{"conf": listed("telnet", "")}), true)
	wantOn(t, read(t, map[string]string{"conf": listed("telnet", "port = 24")}), false)
	wantOn(t, read(t, map[string]string{"conf": listed("mysqlchk", "port = 9200")}), true)
	wantOn(t, read(t, map[string]string{"conf": listed("mysqlchk", "")}), false)
}

// TestV6OnlyNo differs on purpose: xinetd leaves IPv4 out whatever the value.
func TestV6OnlyNo(t *testing.T) {
	for lines, want := range map[string]Family{"v6only = no": BothFamilies, "v6only = yes": IPv6Only, "flags = IPv4 IPv6": BothFamilies, "flags = IPv4": IPv4Only} {
		if v := read(t, map[string]string{"conf": good(lines)}).Services[0]; v.Family != want {
			t.Errorf("%s: family %d, want %d", lines, v.Family, want)
		}
	}
}

func TestWaitStreamWithAddressRules(t *testing.T) {
	wait := strings.Replace(good("only_from = 10.0.0.1"), "wait = no", "wait = yes", 1)
	wantOn(t, read(t, map[string]string{"conf": wait}), false)
}

func TestDiagnosticForm(t *testing.T) {
	c := read(t, map[string]string{"conf": "\n" + good("instances = \x1b[2J")})
	if have := c.Diagnostics[0].String(); have != "conf:11: service a: line is not text: it has a control character" {
		t.Error(have)
	}
	d := Diagnostic{File: "a\nb", Line: 3, Service: "x\x1b", Text: "t"}
	if have := d.String(); have != `"a\nb":3: service "x\x1b": t` {
		t.Error(have)
	}
}
