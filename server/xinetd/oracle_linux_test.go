package xinetd

import (
	"bytes"
	"context"
	"fmt"
	"math/bits"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// oracle has the real xinetd read a file in namespaces of its own, and prints the dump that it
// makes of what it understood. Each wait has an end: xinetd may refuse the file and exit.
const oracle = `
ip link set lo up
mount -t tmpfs none /run
xinetd -filelog /run/log -dontfork -f "$1" -pidfile /run/pid >/run/out 2>&1 &
for i in $(seq 600); do grep -q 'Started working' /run/log 2>/dev/null && break; sleep 0.05; done
kill -USR1 $!
for i in $(seq 600); do grep -q 'END OF DUMP' /run/xinetd.dump 2>/dev/null && break; sleep 0.05; done
kill $!
cat /run/xinetd.dump
`

// askXinetd returns what xinetd made of each service that it serves: dump lines by id.
func askXinetd(t *testing.T, conf string) map[string]map[string]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "-c", oracle, "oracle", file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	dump, err := cmd.Output()
	if err != nil {
		t.Fatalf("xinetd: %v\n%s", err, stderr.Bytes())
	}
	services := map[string]map[string]string{}
	var name string
	for line := range strings.Lines(string(dump)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "Service = "); ok {
			name = rest
			continue
		}
		if line == "Server table dump:" {
			break
		}
		end := strings.IndexAny(line, "=:")
		if end < 0 || name == "" {
			continue
		}
		key, value := strings.TrimSpace(line[:end]), line[end+1:]
		if services[name] == nil {
			services[name] = map[string]string{}
		}
		if services[name][key] == "" {
			services[name][key] = strings.Join(strings.Fields(value), " ")
		}
	}
	return services
}

// asDump writes a service in the words of the dump, as far as the dump says it.
func asDump(v Service) map[string]string {
	yes := map[bool]string{true: "yes", false: "no"}
	number := map[string]int{"tcp": 6, "udp": 17}
	m := map[string]string{
		"id": v.ID, "port": fmt.Sprint(v.Port), "wait": yes[v.Wait], "Groups": yes[v.Groups], "PER_SOURCE": fmt.Sprint(v.PerSource),
		"Protocol (name,number)": fmt.Sprintf("(%s,%d)", v.Network, number[v.Network]),
		"Only from":              addresses(v.OnlyFrom, "All sites"), "No access": addresses(v.NoAccess, "No blocked sites"),
		"Log_on_success flags": items(v.LogOnSuccess, false), "Log_on_failure flags": items(v.LogOnFailure, true),
	}
	if v.Kind == Program {
		m["Server"], m["Server argv"] = v.Server, strings.Join(v.Args, " ")
	}
	if v.Umask >= 0 {
		m["umask"] = strconv.FormatInt(int64(v.Umask), 8)
	}
	if v.Nice != 0 {
		m["Nice"] = fmt.Sprint(v.Nice)
	}
	if v.Log.File != "" {
		m["Logging to file"] = fmt.Sprintf("%s (soft=%d hard=%d)", v.Log.File, v.Log.Soft, v.Log.Hard)
	}
	var hours []string
	for _, h := range v.AccessTimes {
		hours = append(hours, fmt.Sprintf("%02d:%02d-%02d:%02d", h.From/60, h.From%60, h.To/60, h.To%60))
	}
	if hours != nil {
		m["Access times"] = strings.Join(hours, " ")
	}
	return m
}

func addresses(list []Address, none string) string {
	if len(list) == 0 {
		return none
	}
	var s []string
	for _, a := range list {
		s = append(s, a.String())
	}
	return strings.Join(s, " ")
}

func items(set LogItems, failure bool) string {
	var s []string
	for _, w := range []struct {
		name string
		item LogItems
	}{{"HOST", LogHost}, {"PID", LogPID}, {"DURATION", LogDuration}, {"EXIT", LogExit}, {"ATTEMPT", LogAttempt}} {
		if set&w.item != 0 && !(failure && w.item == LogAttempt) {
			s = append(s, w.name)
		}
	}
	return strings.Join(s, " ")
}

// inDump turns addresses of a dump into prefixes. xinetd writes an octet of 0 at the end of a
// NUMERIC one for a wildcard, and a mask behind a NET.
func inDump(t *testing.T, text string) string {
	var s []string
	for _, word := range strings.Fields(text) {
		a, form, ok := strings.Cut(word, "(")
		if !ok {
			return text // All sites
		}
		host, mask, _ := strings.Cut(a, "/")
		if n, dotted := maskBits(mask); form == "NET)" && dotted {
			a = fmt.Sprintf("%s/%d", host, n)
		} else if m, err := netip.ParseAddr(mask); err == nil {
			ones := 0
			for _, b := range m.As16() {
				ones += bits.OnesCount8(b)
			}
			a = fmt.Sprintf("%s/%d", host, ones)
		}
		list, _, err := parseAddress(a, Options{})
		if err != nil {
			t.Fatalf("%s: %v", word, err)
		}
		s = append(s, list[0].String())
	}
	return strings.Join(s, " ")
}

// wantSame compares what xinetd and this package say of the services that xinetd serves.
func wantSame(t *testing.T, conf string) {
	t.Helper()
	theirs := askXinetd(t, conf)
	c := read(t, map[string]string{"conf": conf})
	if len(theirs) == 0 {
		t.Errorf("xinetd serves nothing of\n%s", conf)
	}
	for _, v := range c.Services {
		want, ok := theirs[v.Name]
		if ok != (v.Off == "") {
			t.Errorf("%s: served by xinetd %v, here off for %q\n%v", v.Name, ok, v.Off, c.Diagnostics)
		}
		if !ok {
			continue
		}
		for key, have := range asDump(v) {
			if key == "Only from" || key == "No access" {
				want[key] = inDump(t, want[key])
			}
			if have != want[key] {
				t.Errorf("%s: %s is %q, with xinetd %q", v.Name, key, have, want[key])
			}
		}
	}
}

func probe(name string, port int, lines ...string) string {
	text := strings.Replace(good(lines...), "service a\n", "service "+name+"\n", 1)
	return strings.Replace(text, "port = 3600", fmt.Sprintf("port = %d", port), 1)
}

// TestAsXinetd has what both read alike.
func TestAsXinetd(t *testing.T) {
	needRoot(t)
	wantSame(t, "defaults\n{\n only_from = 127.0.0.0/8 10.1.0.0\n only_from = .example.org\n no_access = 8.8.8.8\n"+
		" log_type = SYSLOG daemon\n log_on_success = HOST PID\n per_source = 5\n umask = 22\n groups = yes\n disabled = off\n}\n"+
		probe("plain", 3601, "server_args = -v \"a b\" \\")+
		probe("added", 3602, "only_from += 192.168.1.{5,9}", "no_access -= 8.8.8.8", "log_on_success -= PID", "log_on_failure += HOST")+
		probe("replaced", 3603, "only_from = 1.2.3.4", "only_from = 10.{1,2,3} fe80::/10 ::1", "log_on_success = EXIT", "log_on_success = DURATION")+
		probe("numbers", 3604, "instances = 010", "nice = +5", "umask = 0777", "cps = 5 0", "per_source = UNLIMITED", "groups = no")+
		probe("times", 3605, "access_times = 1:2-3:4 01:05-23:59", "log_type = FILE /run/l 100k", "Flags = ipv4")+
		probe("name", 3606, "flags = NAMEINARGS", "server_args = me -x")+
		probe("off", 3607)+probe("disabled", 3608, "disable = YES", "junk")+
		probe("bad", 3609, "instances = -1")+probe("traffic", 3610, "log_on_success = TRAFFIC")+
		probe("env", 3611, "env = A")+probe("interval", 3612, "access_times = 3:00-2:00")+
		probe("relay", 3613, "redirect = 127.0.0.1 6")+
		"service echo\n{\n type = INTERNAL\n socket_type = stream\n wait = no\n}\n")
}

// TestNotAsXinetd has each difference on purpose: what xinetd serves without the limit that is
// written is off here, and what xinetd drops for its form is served.
func TestNotAsXinetd(t *testing.T) {
	needRoot(t)
	lost := []string{
		"instances = 5 note", "instances += 5", "instances == 5", "bind = 127.0.0.1 127.0.0.2", "rlimit_as = 64 M", "instance = 5",
		"no_access = ALL", "no_access = 192.168.1", "max_load = 2.5x", "only_from = 010.1.1.1", "only_from = ::", "only_from = 10.1/16",
		"no_access = 192.168.1.0/255.255.255.0", "no_access = 10.0.0.0/33", "disabled = yes", "port = 3699",
	}
	dropped := []string{"instances=5", "log_on_success = PID # note", "env = A=b # note"}
	var conf strings.Builder
	for i, line := range lost {
		conf.WriteString(probe(fmt.Sprint("lost", i), 3601+i, line))
	}
	for i, line := range dropped {
		conf.WriteString(probe(fmt.Sprint("dropped", i), 3651+i, line))
	}
	theirs := askXinetd(t, conf.String())
	for i, v := range read(t, map[string]string{"conf": conf.String()}).Services {
		line := slices.Concat(lost, dropped)[i]
		if want := i >= len(lost); (v.Off == "") != want {
			t.Errorf("%s: on here: %v, want %v", line, !want, want)
		}
		if _, ok := theirs[v.Name]; ok != (i < len(lost)) {
			t.Errorf("%s: on with xinetd: %v", line, ok)
		}
	}
}

// needRoot skips where no namespace can be made; the tests run as root and as another user.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can start xinetd in namespaces of its own")
	}
}
