package xinetd

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// build makes services of the entries: first the defaults of all files, then every service on
// top of them.
func (r *reader) build() *Config {
	defaults := r.defaults()
	c := &Config{Log: defaults.Log}
	choice := newChoice(defaults)
	for _, e := range r.entries {
		if e.name == defaultsName {
			continue
		}
		d := newDraft(e, defaults)
		for _, s := range e.statements {
			d.apply(s)
		}
		if d.ID == "" {
			d.ID = d.Name
		}
		if !d.disable {
			d.complete()
		}
		d.Off = choice.off(d)
		r.publish(d)
		c.Services = append(c.Services, d.Service)
	}
	choice.unused(func(at position, text string) {
		r.report.add(Diagnostic{File: at.file, Line: at.line, Service: defaultsName, Text: text})
	})
	r.uniqueIDs(c.Services)
	r.uniqueAddresses(c.Services)
	return c
}

// defaults reads the defaults of all files as one. Without them a service has no limit but the
// rate of xinetd.
func (r *reader) defaults() *draft {
	items := maxItems
	start := draft{
		Service: Service{Instances: Unlimited, PerSource: Unlimited, Rate: Rate{50, 10 * time.Second}, Umask: -1},
		options: r.options,
		items:   &items,
	}
	d := newDraft(&entry{name: defaultsName}, &start)
	d.failed = r.unreadDefaults
	for _, e := range r.entries {
		if e.name != defaultsName {
			continue
		}
		d.failed = d.failed || e.broken
		for _, s := range e.statements {
			d.apply(s)
		}
	}
	r.publish(d)
	return d
}

// publish reports what was found. xinetd does not read on after disable = yes: a fault in a
// service that its own entry turns off is no error.
func (r *reader) publish(d *draft) {
	for _, found := range d.diagnostics {
		if d.disable {
			found.Severity = Warning
		}
		r.report.add(found)
	}
}

// choice is what the defaults say about which services are on.
type choice struct {
	failed            bool
	given             map[string]statement
	enabled, disabled map[string]bool // ids in lower case; true once a service has it
}

func newChoice(defaults *draft) *choice {
	set := func(ids []string) map[string]bool {
		m := make(map[string]bool, len(ids))
		for _, id := range ids {
			m[strings.ToLower(id)] = false
		}
		return m
	}
	return &choice{defaults.failed, defaults.given, set(defaults.enabled), set(defaults.disabled)}
}

// off says why a service is off, or nothing. Errors come first: no list brings them back.
func (c *choice) off(d *draft) string {
	id := strings.ToLower(d.ID)
	use := func(ids map[string]bool) bool {
		_, ok := ids[id]
		if ok {
			ids[id] = true
		}
		return ok
	}
	_, choosing := c.given["enabled"]
	enabled, disabled := use(c.enabled), use(c.disabled)
	switch {
	case d.disable:
		return "disable = yes"
	case d.failed:
		return "it has errors"
	case c.failed:
		return "the defaults have errors"
	case disabled:
		return "the defaults list it as disabled"
	case choosing && !enabled:
		return "the defaults do not list it as enabled"
	}
	return ""
}

// unused reports the ids that no service has.
func (c *choice) unused(say func(at position, text string)) {
	for name, ids := range map[string]map[string]bool{"enabled": c.enabled, "disabled": c.disabled} {
		var lost []string
		for id, found := range ids {
			if !found {
				lost = append(lost, id)
			}
		}
		slices.Sort(lost)
		for _, id := range lost {
			say(c.given[name].position, fmt.Sprintf("%s: no service has the id %s", name, plain(id)))
		}
	}
}

// uniqueIDs gives each service that is on an id of its own, compared without case as xinetd
// does. An id that was written belongs to the first service that has it, and the second is off.
// A name that serves as id, as for echo over tcp and udp, gets the network added.
func (r *reader) uniqueIDs(services []Service) {
	taken := map[string]*Service{}
	claim := func(v *Service, id string) bool {
		id = strings.ToLower(id)
		if taken[id] != nil {
			return false
		}
		taken[id] = v
		return true
	}
	implicit := func(v *Service) bool { return v.ID == v.Name }
	for i := range services {
		v := &services[i]
		if v.Off == "" && !implicit(v) && !claim(v, v.ID) {
			first := taken[strings.ToLower(v.ID)]
			r.turnOff(v, fmt.Sprintf("id %s: the service of %s:%d has it", plain(v.ID), plain(first.File), first.Line))
		}
	}
	count := map[string]int{}
	for i := range services {
		v := &services[i]
		if v.Off != "" || !implicit(v) || claim(v, v.ID) {
			continue
		}
		id := v.Name + "-" + v.Network
		for !claim(v, id) {
			key := strings.ToLower(v.Name) + "-" + v.Network
			count[key] = max(count[key], 1) + 1
			id = fmt.Sprintf("%s-%s-%d", v.Name, v.Network, count[key])
		}
		v.ID = id
		r.report.add(Diagnostic{
			File: v.File, Line: v.Line, Service: v.Name,
			Text: fmt.Sprintf("id %s is taken: this service is called %s", plain(v.Name), plain(id)),
		})
	}
}

// uniqueAddresses turns off a service if an earlier one has its address. Host names to bind are
// compared as names: only a lookup could tell that two of them mean one address.
func (r *reader) uniqueAddresses(services []Service) {
	type place struct {
		network string
		port    uint16
	}
	served := map[place][]*Service{}
	for i := range services {
		v := &services[i]
		if v.Off != "" {
			continue
		}
		at := place{v.Network, v.Port}
		if j := slices.IndexFunc(served[at], func(u *Service) bool { return overlap(u, v) }); j >= 0 {
			u := served[at][j]
			r.turnOff(v, fmt.Sprintf("port %d/%s is served by service %s of %s:%d", v.Port, v.Network, plain(u.ID), plain(u.File), u.Line))
			continue
		}
		served[at] = append(served[at], v)
	}
}

// overlap tells whether two services of one port want the same address.
func overlap(a, b *Service) bool {
	if a.Family == IPv4Only && b.Family == IPv6Only || a.Family == IPv6Only && b.Family == IPv4Only {
		return false
	}
	return wildcard(a.Bind) || wildcard(b.Bind) || strings.EqualFold(a.Bind, b.Bind)
}

func wildcard(bind string) bool {
	a, err := netip.ParseAddr(bind)
	return bind == "" || err == nil && a.IsUnspecified()
}

func (r *reader) turnOff(v *Service, why string) {
	v.Off = "it has errors"
	r.report.add(Diagnostic{File: v.File, Line: v.Line, Service: v.Name, Text: why, Severity: Error})
}
